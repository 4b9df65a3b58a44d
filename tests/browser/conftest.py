from pathlib import Path

import pytest

from tools import browser as tools_browser

BOOK = Path(__file__).parents[2] / "_build" / "html"


def pytest_generate_tests(metafunc):
    """Every test that takes `page_path` runs once for each page of the built book."""
    if "page_path" in metafunc.fixturenames:
        paths = (path.relative_to(BOOK) for path in BOOK.rglob("*.html"))
        pages = sorted(path.as_posix() for path in paths if not path.parts[0].startswith("_"))
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
