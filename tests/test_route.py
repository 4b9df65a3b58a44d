"""The bars of the short route, in a small book."""

import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

EXTENSIONS = str(Path(__file__).parents[1] / "_ext")
sys.path.append(EXTENSIONS)
import route  # noqa: E402

pytestmark = pytest.mark.book
PAGES = {
    "index": "(ch-a)=\n# A\n\nOpening.\n\n## Rest\n\nText.\n\n```{toctree}\nb\n```\n",
    "b": "(ch-b)=\n# B\n\nOpening.\n\n(sec-one)=\n## One\n\nText.\n\n### Below\n\n(sec-end)=\n## End\n\nText.\n",
}


@pytest.fixture
def build(tmp_path):
    def build(stops):
        for name, text in PAGES.items():
            (tmp_path / f"{name}.md").write_text(text, encoding="utf-8")
        settings = {"extensions": ["myst_parser", "route"], "html_theme": "basic", "route_name": "Short",
                    "route": stops, "route_end": "sec-end"}  # fmt: skip
        complaints = tmp_path / "complaints"
        with complaints.open("w", encoding="utf-8") as warning, docutils_namespace():
            Sphinx(tmp_path, None, tmp_path / "out", tmp_path / "trees", "html", settings, None, warning).build()
        pages = [BeautifulSoup((tmp_path / f"out/{name}.html").read_text("utf-8"), "html.parser") for name in PAGES]
        return pages, complaints.read_text(encoding="utf-8")

    return build


def test_each_stop_says_where_one_is_and_where_to_go(build):
    (first, second), complaints = build(["ch-a", ["ch-b", "sec-one"]])
    assert complaints == ""
    (bar,) = first.select(".route")
    assert bar.get_text().split() == "Short, stop 1 of 2. Next: B".split() and bar.a["href"] == "b.html#ch-b"
    assert "Opening." in bar.find_previous("p").get_text() and bar.find_next("h2").get_text().startswith("Rest")
    (bar,) = second.select(".route")
    assert bar.get_text().split() == "Short, stop 2 of 2. What you know now: End".split()
    assert bar.a["href"] == "#sec-end"
    assert bar.find_next(["h2", "h3"]).get_text().startswith("Below")


def test_a_stop_that_is_no_section_is_a_warning(build):
    _, complaints = build(["ch-a", "sec-nowhere"])
    assert "'sec-nowhere', which is no section" in complaints and "sec-nowhere" in complaints


def test_a_stop_may_be_entered_before_what_ends_it():
    assert route.stops(["a", ["b", "c"]]) == [("a", "a"), ("b", "c")]
