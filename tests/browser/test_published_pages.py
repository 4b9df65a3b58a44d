"""A trial book with one-line chapters, built with this book's settings: as it is, and as published on GitHub."""

import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import nbformat
import nbformat.v4 as notebooks
import pytest
import yaml

from tools.browser import reader, serve

ROOT = Path(__file__).parents[2]
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
PARTS = [chapter for part in TOC["parts"] for chapter in part["chapters"]]
SECTIONS = [section for chapter in PARTS for section in chapter.get("sections", [])]
CHAPTERS = [TOC["root"], *(page["file"] for page in [*PARTS, *SECTIONS])]
NOTEBOOKS = [name for name in CHAPTERS if (ROOT / f"{name}.ipynb").exists()]
FIGURE = '<svg xmlns="http://www.w3.org/2000/svg" width="400pt" height="200pt"><circle r="90" cx="200" cy="100"/></svg>'


def _write_chapter(book, name):
    text = f"# On {name}\n\nThe first paragraph of {name}.\n\nThe second."
    if name not in NOTEBOOKS:
        return (book / f"{name}.md").write_text(text)
    own = FIGURE.replace("90", str(60 + NOTEBOOKS.index(name)))  # no two figures are the same file
    figure = notebooks.new_output("display_data", {"image/svg+xml": own})
    alt = {"mystnb": {"image": {"alt": "A disc."}}}
    cells = [
        notebooks.new_markdown_cell(text),
        notebooks.new_code_cell("1", metadata=alt, outputs=[figure], execution_count=1),
    ]
    metadata = nbformat.read(ROOT / f"{name}.ipynb", as_version=4).metadata
    nbformat.write(notebooks.new_notebook(cells=cells, metadata=metadata), book / f"{name}.ipynb")


def _build(book, **environ):
    """The trial book's pages."""
    (book / "chapters" / "api").mkdir(parents=True)
    for name in CHAPTERS:
        _write_chapter(book, name)
    for name in ("_assets", "_ext", "_templates", "_toc.yml", "references.bib", "CITATION.cff"):
        (book / name).symlink_to(ROOT / name)
    settings = yaml.safe_load((ROOT / "_config.yml").read_text())
    settings["execute"] = {"execute_notebooks": "off"}
    (book / "_config.yml").write_text(yaml.safe_dump(settings))
    inherited = {name: value for name, value in os.environ.items() if not re.match("BOOK_|GITHUB_", name)}
    command = [Path(sys.executable).with_name("jupyter-book"), "build", book, "-n", "-W", "--keep-going"]
    done = subprocess.run(command, env=inherited | environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return book / "_build" / "html"


@pytest.fixture(scope="module")
def private(tmp_path_factory):
    return _build(tmp_path_factory.mktemp("private"))


@pytest.fixture(scope="module")
def public(tmp_path_factory):
    return _build(tmp_path_factory.mktemp("public"), BOOK_REPOSITORY="https://github.com/Owner/name", BOOK_BRANCH="v1")


def _launch_links(html):
    return set(re.findall(r'href="(https://(?:mybinder\.org|colab\.research\.google\.com)/[^"]*)"', html))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_launch_links_lead_to_the_chapter(public, name):
    html = (public / f"{name}.html").read_text()
    colab, binder = sorted(map(urlsplit, _launch_links(html)))
    assert binder.path == "/v2/gh/Owner/name/v1"
    prefix, path = parse_qs(binder.query)["urlpath"][0].split("/tree/")
    assert prefix == "lab" and path == f"{Path(name).name}.ipynb"
    assert colab.path == f"/github/Owner/name/blob/v1/{path}" and not colab.query
    assert html.count(colab.geturl()) == 2  # the theme's button and our own line


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_download_is_the_readers_edition(public, private, name):
    for book, install in ((public, "    %pip install -q git+https://github.com/Owner/name@v1"), (private, None)):
        (link,) = re.findall(r'href="([^"]*)"[^>]*title="Download source file"', (book / f"{name}.html").read_text())
        edition = nbformat.read(book / Path(name).parent / link, as_version=4)
        nbformat.validate(edition)
        texts = [cell.source for cell in edition.cells if cell.cell_type == "markdown"]
        assert texts == [f"# On {name}\n\nThe first paragraph of {name}.\n\nThe second."]
        *first, cell = [cell for cell in edition.cells if cell.cell_type == "code"]
        assert [part.source.splitlines()[-1] for part in first] == ([install] if install else [])
        assert cell.source == "1" and cell.outputs[0].data["image/png"]


@pytest.mark.parametrize("book", ["public", "private"])
def test_how_to_run_comes_last(book, request):
    html = (request.getfixturevalue(book) / f"{TOC['root']}.html").read_text()
    title, text, line = (html.index(mark) for mark in ("<h1>On", "<p>The second", 'class="run-it'))
    assert title < text < line


def test_unknown_places_are_not_mentioned(private):
    for page in private.rglob("*.html"):
        html = page.read_text()
        assert not _launch_links(html) and "og:" not in html and "canonical" not in html, page
    for name in NOTEBOOKS:
        assert "<code>make lab</code>" in (private / f"{name}.html").read_text()
    assert not (private / "sitemap.xml").exists()


def _meta(page):
    return dict(re.findall(r'<meta (?:name|property)="(.*?)" content="(.*?)" />', page.read_text()))


def test_cards(public, private):
    address = "https://owner.github.io/name/"
    for name in CHAPTERS:
        meta = _meta(public / f"{name}.html")
        assert meta["og:title"] == f"On {name}"
        assert meta["og:url"] == f"{address}{name}.html"
        assert meta["og:description"] == meta["description"] == f"The first paragraph of {name}."
        assert _meta(private / f"{name}.html")["description"] == meta["description"]
        assert meta["og:image:alt"] == "A disc."  # pages without a figure borrow the first page's
        picture = (public / meta["og:image"].removeprefix(address)).read_bytes()
        assert picture.startswith(b"\x89PNG") and int.from_bytes(picture[16:20]) == 1200


def test_sitemap_lists_the_chapters(public):
    pages = [page.text for page in ElementTree.parse(public / "sitemap.xml").iter() if page.tag.endswith("loc")]
    assert sorted(pages) == sorted(f"https://owner.github.io/name/{name}.html" for name in CHAPTERS)


@pytest.fixture
def lost(browser, public, tmp_path):
    """A reader who followed a dead link, on a site that answers with the 404 page as GitHub Pages does."""
    (tmp_path / "name").symlink_to(public)
    with serve(tmp_path) as site:
        context = reader(browser, 1280, "light")
        page, failed = context.new_page(), []
        dead = f"{site}/name/no/such/page.html"
        not_found = (public / "404.html").read_text()
        context.route(dead, lambda route: route.fulfill(status=404, content_type="text/html", body=not_found))
        page.on("response", lambda reply: reply.url != dead and reply.status >= 400 and failed.append(reply.url))
        page.on("request", lambda request: request.url.startswith(f"{site}/name/") or failed.append(request.url))
        page.goto(dead, wait_until="networkidle")
        yield page, failed
        context.close()


@pytest.mark.parametrize("link, title", [
    ("Start at the first page", f"On {TOC['root']}"),
    ("search the book", "Search"),
])  # fmt: skip
def test_missing_page_leads_back(lost, link, title):
    page, failed = lost
    assert page.locator("article h1").inner_text() == "Page not found"
    assert page.locator(".prev-next-area a").count() == 0
    page.get_by_role("link", name=link).click()
    page.locator("article h1, .bd-search-container h1").get_by_text(title).wait_for()
    assert failed == []
