"""Every built page in a real browser: nothing from outside, no error, nothing cut off, mathematics set."""

import re
import time
import weakref
from contextlib import contextmanager

import pytest

from tools.browser import reader

# Each of these, in what a reader sees, is something that the build left unresolved.
ROLE = r"\{(?:glue|numref|ref|doc|eq|cite|prf:ref|term)[:}]"
RESIDUE = re.compile(ROLE + r"|\?\?\?|\$\$|\\\(|\\\[|<IPython|object at 0x")


@contextmanager
def visit(browser, site, path, width=1280, theme="light"):
    """An open page, and the list of what goes wrong on it: also what it asks of others than the book's own server."""
    context = reader(browser, width, theme)
    page, faults = context.new_page(), []
    watched(page)

    def asked(request):
        if not request.url.startswith((site + "/", "data:", "blob:")):
            faults.append(f"external request: {request.url}")

    page.on("request", asked)
    page.on("requestfailed", lambda request: faults.append(f"failed: {request.url} {request.failure}"))
    page.on("response", lambda reply: reply.status >= 400 and faults.append(f"{reply.status}: {reply.url}"))
    page.on("console", lambda message: message.type == "error" and faults.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: faults.append(f"page error: {error}"))
    page.goto(f"{site}/{path}", wait_until="load")
    settle(page)
    yield page, faults
    context.close()


PENDING = weakref.WeakKeyDictionary()  # of a page, the requests under way


def watched(page):
    pending = PENDING[page] = set()
    page.on("request", lambda request: pending.add(request))
    for end in ("requestfinished", "requestfailed"):
        page.on(end, lambda request: pending.discard(request))


def settle(page):
    """Wait until twice in a row nothing is under way: a fifth of the half second that Playwright takes for it."""
    quiet, deadline = 0, time.monotonic() + 30
    while quiet < 2:
        assert time.monotonic() < deadline, f"still under way: {[request.url for request in PENDING[page]]}"
        page.wait_for_timeout(50)
        quiet = 0 if PENDING[page] else quiet + 1


@pytest.fixture(scope="module")
def visited(browser, site, page_path):
    with visit(browser, site, page_path) as page_and_faults:
        yield page_and_faults


@pytest.fixture
def page(visited):
    return visited[0]


def assert_loads_and_fits(page, faults):
    # To the end: what mounts itself only when it comes into view gets its chance to fail.
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    settle(page)
    assert not faults, "\n".join(faults)
    content, window = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert content <= window, f"{content} px of content in a window of {window} px"


def test_loads_and_fits_wide_and_light(visited):
    assert visited[0].evaluate("document.documentElement.dataset.theme") == "light"
    assert_loads_and_fits(*visited)


def test_loads_and_fits_narrow_and_dark(browser, site, page_path):
    with visit(browser, site, page_path, 390, "dark") as (page, faults):
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
        assert_loads_and_fits(page, faults)
        figures = page.locator("article figure:has(img)")
        wide = "all => all.filter((each) => each.scrollWidth > each.clientWidth + 1).map((each) => each.id)"
        assert figures.evaluate_all(wide) == []  # their panels are stacked


def test_mathematics_is_typeset(page):
    """Each formula once for the eye and once as MathML, by the build: a script would be the reader's to wait for."""
    for part in (".katex-html", "math annotation"):
        assert page.locator(f".math:not(:has({part}))").all_text_contents() == [], part
    assert page.locator(".katex-error").all_text_contents() == []
    assert page.evaluate("[...document.scripts].filter((script) => /mathjax|katex/i.test(script.src)).length") == 0


def test_text_is_resolved(page):
    # Code, and the TeX that is kept with a formula, may well contain such characters.
    text = page.evaluate("""() => {
        const copy = document.body.cloneNode(true);
        copy.querySelectorAll("pre, code, script, style, annotation").forEach(e => e.remove());
        return copy.textContent;
    }""")
    assert RESIDUE.findall(text) == []


def test_pictures_are_described(page):
    pictures = page.locator("img").evaluate_all("all => all.map(e => [e.alt.trim(), e.src.slice(0, 200)])")
    # Where a figure has no alt text, Sphinx puts the file's name there.
    assert [source for alt, source in pictures if not alt or re.search(r"\.\w{3,4}$", alt)] == []


def test_headings_descend_from_one_h1(page):
    headings = page.locator(":is(article, .bd-search-container) :is(h1, h2, h3, h4, h5, h6)")
    levels = headings.evaluate_all("all => all.map(e => Number(e.tagName[1]))")
    assert levels[:1] == [1] and levels.count(1) == 1, levels
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:])), levels
