from pathlib import Path

import pytest

from tools import browser as tools_browser

BOOK = Path(__file__).parents[2] / "_build" / "html"


def pytest_generate_tests(metafunc):
    """Every test that takes `page_path` runs once for each page of the built book."""
    if "page_path" in metafunc.fixturenames:
        paths = (path.relative_to(BOOK) for path in BOOK.rglob("*.html"))
        # 404.html is made for a missing address, in the root of a site: test_published_pages.py looks at it there.
        # A page in embed/ is an explorer of another page alone: test_book_explorers.py looks at all.
        pages = sorted(p.as_posix() for p in paths if p.parts[0][0] != "_" and p.parts[0] not in ("404.html", "embed"))
        if not pages:
            raise pytest.UsageError(f"There is no built book in {BOOK}: run make book.")
        metafunc.parametrize("page_path", pages, scope="module")


@pytest.fixture(scope="session")
def browser():
    with tools_browser.chromium() as chromium:
        yield chromium


@pytest.fixture(scope="session")
def site():
    """Address of the built book, served locally."""
    with tools_browser.serve(BOOK) as address:
        yield address


@pytest.fixture
def open_page(browser):
    """Opens an address at a width; the test fails if the page complains or asks the network for anything."""
    contexts, complaints = [], []

    def open_page(address, width=1280, **options):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: request.url.startswith("http") and complaints.append(request.url))
        page.goto(address)
        page.add_script_tag(content="onerror = (message) => console.error(message)")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
