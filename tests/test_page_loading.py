"""What a page loads, and when."""

import sys
from pathlib import Path

import pydata_sphinx_theme
import pytest

sys.path.append(str(Path(__file__).parents[1] / "_ext"))
import loading  # noqa: E402

pytestmark = pytest.mark.book
THEME = Path(pydata_sphinx_theme.__file__).parent / "theme" / "pydata_sphinx_theme" / "static"


@pytest.mark.parametrize("asset", ["_static/sphinx-design.min.css?v=1", "_static/design-tabs.js"])
def test_what_tabs_and_cards_need_is_loaded_where_there_are_some(asset):
    assert loading.is_needed(asset, '<div class="sd-tab-set">') and not loading.is_needed(asset, "<p>no tabs</p>")


def test_thebe_is_never_loaded_and_the_rest_always():
    assert not loading.is_needed("_static/sphinx-thebe.js", '<div class="sd-card thebe">')
    assert loading.is_needed("_static/book.css", "") and loading.is_needed("None", "")


def test_the_theme_sets_no_tab_stops():
    script = (THEME / "scripts" / "pydata-sphinx-theme.js").read_text(encoding="utf-8")
    shorter = loading.without_tab_stops(script)
    assert 0 < len(script) - len(shorter) < 100 and shorter.count("(") == shorter.count(")")
    with pytest.raises(ValueError, match="tab stops in one place.*in 0"):
        loading.without_tab_stops(shorter)
