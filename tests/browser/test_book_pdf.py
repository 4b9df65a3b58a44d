"""The book as one PDF, tried on a site of two pages: outline, links from page to page, numbers."""

import pytest
from bs4 import BeautifulSoup
from pypdf import PdfReader

from tools import book_pdf

PAGES = {
    "chapters/one.html": """<article><h1>One<a href="#one">#</a></h1><h2 id="part">A part</h2>
      <p>See <a href="two.html#late">the late place</a>, <a href="two.html">two</a>, <a href="#part">the part</a>,
      <a href="two.html#nowhere">a place that is not there</a> and <a href="https://example.org/">elsewhere</a>.</p>
      </article>""",
    "chapters/two.html": """<article><h1>Two</h1><p>Text.</p><div style="height: 1500px"></div>
      <h2 id="late">Late</h2><p>Back to <a href="one.html#part">the part</a>.</p></article>""",
}
FRAME = """<!doctype html><html lang="en"><head><title>T</title></head><body>{}
  <p>Or <span class="whole-book">all of it</span>.</p>
  <li><button onclick="window.print()">p</button></li>"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    for name, body in PAGES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(FRAME.format(body), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def pdf(browser, site):
    book_pdf.bind(browser, site, list(PAGES), "The title", "The author").write(site / book_pdf.NAME)
    return PdfReader(site / book_pdf.NAME)


def links(pdf):
    """Where each link leads: a page and a height, or an address."""
    number = {page.indirect_reference.idnum: k for k, page in enumerate(pdf.pages)}
    found = []
    for k, page in enumerate(pdf.pages):
        for link in page.get("/Annots", []):
            link = link.get_object()
            if "/Dest" in link:
                found.append((k, number[link["/Dest"][0].idnum], float(link["/Dest"][3])))
            else:
                found.append((k, str(link["/A"]["/URI"]), None))
    return found


def test_pages_follow_each_other_under_one_outline(pdf):
    assert len(pdf.pages) == 3 and pdf.metadata.title == "The title" and pdf.metadata.author == "The author"
    first, below, second, below_second = pdf.outline
    assert [first.title, second.title] == ["One", "Two"]
    assert [item.title for item in below] == ["A part"] and [item.title for item in below_second] == ["Late"]
    assert [pdf.get_destination_page_number(item) for item in (first, second, below_second[0])] == [0, 1, 2]


def test_links_lead_to_their_places_in_the_book(pdf):
    late, two, part, nowhere, elsewhere, back = [link for link in links(pdf) if link[1:] != (0, None)][-6:]
    assert late[:2] == (0, 2) and 0 < late[2] < 842
    assert two[:2] == (0, 1) and nowhere == two  # the page, where it lacks the place
    assert part[:2] == (0, 0) and back == (2, *part[1:])
    assert elsewhere[1] == "https://example.org/"


def test_pages_are_numbered_through(pdf):
    assert [page.extract_text().split()[-1] for page in pdf.pages] == ["1", "2", "3"]


def test_only_anchors_that_exist_and_are_used_are_asked_for():
    pages = {name: BeautifulSoup(body, "html.parser") for name, body in PAGES.items()}
    assert book_pdf.wanted(pages) == {"chapters/one.html": {"part"}, "chapters/two.html": {"late"}}


def test_the_menu_of_a_page_offers_it_once(site):
    page = site / "chapters/one.html"
    for _ in range(2):
        book_pdf.offer(page, "../book/" + book_pdf.NAME)
        text = page.read_text(encoding="utf-8")
        assert text.count(f'href="../book/{book_pdf.NAME}"') == 2
    (item,) = BeautifulSoup(text, "html.parser").select(f'li a[href$="{book_pdf.NAME}"]')
    assert item.get_text() == "The whole book (.pdf)"
    assert f'<p>Or <a href="../book/{book_pdf.NAME}">all of it</a>.</p>' in text


def test_contents_are_in_the_order_of_the_book():
    first, second = {"file": "b", "sections": [{"file": "c"}]}, {"file": "d"}
    toc = {"root": "a", "parts": [{"chapters": [first]}, {"chapters": [second]}]}
    assert book_pdf.contents(toc) == ["a", "b", "c", "d"]
