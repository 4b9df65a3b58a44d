"""Icons drawn from the theme's copy of Font Awesome."""

import sys
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import pydata_sphinx_theme
import pytest

sys.path.append(str(Path(__file__).parents[1] / "_ext"))
import icons  # noqa: E402

pytestmark = pytest.mark.book
THEME = Path(pydata_sphinx_theme.__file__).parent / "theme" / "pydata_sphinx_theme" / "static"
SCRIPT = (THEME / "scripts" / "fontawesome.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("name, proportion", [("download", 1), ("bars", 448 / 512), ("angle-left", 320 / 512)])
def test_an_icon_becomes_a_picture_of_its_proportions(name, proportion):
    width, height, path = icons.drawing(SCRIPT, name)
    assert width / height == proportion and path.startswith("M")
    rule = icons.rule(name, width, height, path)
    svg = ElementTree.fromstring(unquote(rule.split("svg+xml,")[1].split("')")[0]))
    assert svg.attrib["viewBox"] == f"0 0 {width} {height}" and svg[0].attrib["d"] == path
    assert rule.startswith(f".fa-{name} {{") and f"--icon-width: {proportion:g}em" in rule


def test_an_unknown_icon_is_refused():
    with pytest.raises(KeyError, match="no-such-icon"):
        icons.drawing(SCRIPT, "no-such-icon")


def test_names_and_fonts_leave_the_stylesheet_and_nothing_else_does():
    style = (THEME / "styles" / "pydata-sphinx-theme.css").read_text(encoding="utf-8")
    assert len(icons.UNUSED.findall(style)) > 1500
    kept = icons.UNUSED.sub("", style)
    assert "Font Awesome 6" in style and "fontawesome/webfonts" not in kept
    assert kept.count("{") == kept.count("}") and len(icons.UNUSED.findall(kept)) == 0
    assert kept.count("{") == style.count("{") - len(icons.UNUSED.findall(style))


def test_icons_are_found_in_pages():
    page = '<i class="theme-switch fa-solid fa-sun fa-lg"></i><i class="fas fa-file-pdf"></i><p class="fast fa-no">'
    assert icons.USED.findall(page) == ["sun", "file-pdf"]
