"""The book where little is to be had: opened from a folder on disk, and in a browser without scripts."""

import re
from contextlib import contextmanager
from pathlib import Path

import pytest
from test_accessibility import contrast

from tools.browser import reader

BOOK = Path(__file__).parents[2] / "_build" / "html"

# Explorers mount and pictures may load when they come into view.
SHOW_ALL = """async () => {
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  for (const figure of document.querySelectorAll(".implreg-explorer")) {
    while (!figure.implreg) { figure.scrollIntoView(); await frame(); }
  }
  for (const picture of document.querySelectorAll("article img")) {
    picture.scrollIntoView();
    await picture.decode();
  }
  await document.fonts.ready;
}"""


def test_from_disk(browser, page_path):
    """Nothing fails, nothing is asked from elsewhere, mathematics is set, explorers draw."""
    context = reader(browser, 1280, "light")
    page, faults = context.new_page(), []
    inside = (BOOK.as_uri(), "data:", "blob:")
    page.on("request", lambda request: request.url.startswith(inside) or faults.append(f"outside: {request.url}"))
    page.on("requestfailed", lambda request: faults.append(f"failed: {request.url} {request.failure}"))
    page.on("console", lambda message: message.type == "error" and faults.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: faults.append(f"page error: {error}"))
    page.goto((BOOK / page_path).as_uri())
    page.locator("main").wait_for()  # index.html sends its reader on
    page.wait_for_load_state("load")
    page.evaluate(SHOW_ALL)
    assert faults == [], "\n".join(faults)
    assert page.locator("article .math:not(:has(.katex-html))").all_text_contents() == []
    assert page.locator(".implreg-explorer:not(:has(svg path))").count() == 0
    context.close()


@contextmanager
def without_scripts(browser, site, path, width=1280, theme="light"):
    settings = dict(viewport={"width": width, "height": 900}, color_scheme=theme, java_script_enabled=False)
    context = browser.new_context(**settings)
    page = context.new_page()
    page.goto(f"{site}/{path}", wait_until="networkidle")
    yield page
    context.close()


@pytest.mark.parametrize("path", ["chapters/conjectures.html", "chapters/counterexample.html"])
def test_a_chapter_is_whole_without_scripts(browser, site, path):
    with without_scripts(browser, site, path) as page:
        hidden = "all => all.filter((e) => !e.checkVisibility({ visibilityProperty: true })).map((e) => e.outerHTML)"
        in_view = "article :is(figure:not(details *), .solution > *, .math:not(details *))"
        assert page.locator(in_view).count() > 10
        assert page.locator(in_view).evaluate_all(hidden) == []
        assert page.locator("article figure > img").evaluate_all("all => all.every((img) => img.naturalWidth > 0)")
        formulas = page.locator("article .math:not(details *) .katex-html")
        assert formulas.count() == page.locator("article .math:not(details *)").count() > 10
        assert all(formula.strip() for formula in formulas.all_inner_texts())
        fonts = page.evaluate("[...document.fonts].filter((f) => f.status === 'loaded').map((f) => f.family)")
        assert any("KaTeX_Math" in family for family in fonts)
        for explorer in page.locator(".implreg-explorer").all():
            for part in (".implreg-question", "noscript", "figcaption"):
                assert explorer.locator(part).is_visible() and explorer.locator(part).inner_text().strip()
            assert "JavaScript" in explorer.locator("noscript").inner_text()
        for folded in page.locator("article details").all():
            folded.locator("summary").click()
            assert folded.locator("pre").first.is_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_navigation_without_scripts(browser, site, width):
    with without_scripts(browser, site, "chapters/conjectures.html", width) as page:
        page.locator(".bd-docs-nav").get_by_role("link", name="Notation").click()
        page.wait_for_url("**/notation.html")
        page.locator("a.right-next").click()
        page.wait_for_url("**/glossary.html")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_theme_without_scripts(browser, site, theme):
    """The reader's preference is kept, and both prose and code stand out against their ground."""
    with without_scripts(browser, site, "chapters/conjectures.html", theme=theme) as page:

        def colour(selector, name):
            value = page.locator(selector).first.evaluate(f"e => getComputedStyle(e)['{name}']")
            return [float(part) for part in re.findall(r"[\d.]+", value)]

        ground = colour("body", "backgroundColor")
        assert (sum(ground[:3]) < 3 * 128) == (theme == "dark")
        assert contrast(colour("article p", "color"), ground) >= 7
        for token in ("k", "n", "mi"):
            written = colour(f".cell_input pre .{token}", "color")
            assert contrast(written, colour(".cell_input pre", "backgroundColor")) >= 4.5
