"""The build knows whether an explorer that another one continues in is there."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "_ext"))
from implreg_assets import missing_targets  # noqa: E402

pytestmark = pytest.mark.book


def spec(slug, names, *continues):
    targets = [{"page": page, "slug": slug, "question": slug} for page, slug in continues]
    return {"slug": slug, "question": slug, "controls": [{"name": name} for name in names], "continues": targets}


def test_an_explorer_that_is_there_and_has_a_control_in_common_is_no_fault():
    pages = {"chapters/a": [spec("here", ["depth", "c"], ("b", "there"))], "chapters/b": [spec("there", ["depth"])]}
    assert missing_targets(pages) == []


@pytest.mark.parametrize("target, names, fault", [
    (("c", "there"), ["depth"], "chapters/c, which is not there"),
    (("b", "elsewhere"), ["depth"], "'elsewhere' of the page chapters/b, which is not there"),
    (("b", "there"), ["scale"], r"has none of its controls, \['depth'\]"),
])  # fmt: skip
def test_one_that_is_not_is_named(target, names, fault):
    pages = {"chapters/a": [spec("here", ["depth"], target)], "chapters/b": [spec("there", names)]}
    ((page, said),) = missing_targets(pages)
    assert page == "chapters/a"
    with pytest.raises(ValueError, match=fault):
        raise ValueError(said)
