"""Every link of the built book."""

from pathlib import Path

from tools.links import check

BOOK = Path(__file__).parents[2] / "_build" / "html"


def test_no_link_is_broken():
    links = check(BOOK)
    assert links.broken == []
    assert links.inside > len(list(BOOK.glob("chapters/*.html")))  # something was looked at
