"""The link checker finds what is broken, and nothing else. It checks the whole book in browser/test_built_links.py."""

import pytest

from tools.links import check

pytestmark = pytest.mark.book

GOOD = ["two.html", "two.html#here", "#top", "#", "sub/three.html?x=1#a%20b", "_static/x.css", "mailto:a@b.org"]


@pytest.fixture
def book(tmp_path):
    def book(*links):
        (tmp_path / "sub").mkdir()
        (tmp_path / "_static").mkdir()
        (tmp_path / "_static" / "x.css").touch()
        (tmp_path / "_static" / "demo.html").write_text('<a href="nowhere.html"></a>')
        (tmp_path / "404.html").write_text('<a href="/book/two.html"></a>')
        anchors = "".join(f'<a href="{link}"></a>' for link in links)
        (tmp_path / "one.html").write_text(f'<h1 id="top"></h1>{anchors}<p>href="text.html"</p>')
        (tmp_path / "two.html").write_text('<img src="_static/x.css"/><a name="here" href="one.html"></a>')
        (tmp_path / "sub" / "three.html").write_text('<p id="a b"><a href="../two.html#here"></a></p>')
        return check(tmp_path)

    return book


def test_links_that_lead_somewhere_are_counted(book):
    links = book(*GOOD)
    assert (links.broken, links.outside) == ([], {})
    assert links.inside == len(GOOD) - 1 + 3  # mail is not followed; three in the other pages


@pytest.mark.parametrize(
    ("link", "fault"),
    [
        ("gone.html", "leads to no file"),
        ("sub", "leads to no file"),
        ("two.html#gone", "leads to no anchor"),
        ("#gone", "leads to no anchor"),
        ("/two.html", "is neither relative nor"),
        ("javascript:void(0)", "is neither relative nor"),
        ("http://localhost:8000/", "is not an address on the web"),
        ("https://example.org/a b", "is not an address on the web"),
        ("//example.org", "is not an address on the web"),
    ],
)
def test_broken_links_are_named(book, link, fault):
    [sentence] = book("two.html", link).broken
    assert sentence.startswith(f"one.html: {link} {fault}")


def test_addresses_outside_are_listed_with_their_pages(book):
    links = book("https://example.org/x", "two.html")
    assert links.outside == {"https://example.org/x": ["one.html"]} and not links.broken
