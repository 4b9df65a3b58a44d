"""Chapters on paper: whole, in the light theme, nothing on them that wants a click; folded code where it was opened."""

import pytest

from tools.browser import reader

A4 = 680  # pixels between margins of 15 mm
CHAPTERS = ["counterexample", "notation"]  # an explorer, hidden code and solutions; wide tables

FOLDED = "article .toggle-hidden > :not(.admonition-title)"
CODE = "article details.hide > :not(summary)"
SWITCH = "document.querySelector('.implreg-code-switch')?.click()"  # notation has no code
HIDDEN = """all => all.filter(e => !e.checkVisibility({ opacityProperty: true, visibilityProperty: true })
  || e.getBoundingClientRect().height === 0).map(e => e.outerHTML.slice(0, 200))"""
CUT_OFF = """all => all.filter(e => getComputedStyle(e).overflowX !== "visible" && e.scrollWidth > e.clientWidth
  || e.getBoundingClientRect().right > innerWidth).map(e => e.outerHTML.slice(0, 200))"""


@pytest.fixture(scope="module", params=CHAPTERS)
def page(request, browser, site):
    """A chapter as a reader of the dark theme opens it, without scrolling anywhere."""
    context = reader(browser, A4, "dark")
    page = context.new_page()
    page.goto(f"{site}/chapters/{request.param}.html", wait_until="networkidle")
    yield page
    context.close()


@pytest.fixture
def paper(page):
    page.emulate_media(media="print", reduced_motion="reduce")  # what is opened fades in
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    yield page
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")


def test_nothing_to_click(paper):
    controls = "button, input, select, summary, .headerlink, .run-it"
    furniture = ".bd-sidebar, .bd-header-article, .prev-next-footer"
    visible = paper.locator(f":is({controls}, {furniture}):visible")
    assert visible.evaluate_all("all => all.map(e => e.outerHTML.slice(0, 200))") == []


def test_nothing_stays_folded(paper):
    assert paper.locator(FOLDED).evaluate_all(HIDDEN) == []


def test_folded_code_is_printed_where_it_was_opened(page, paper):
    hidden = paper.locator(CODE).evaluate_all(HIDDEN)
    assert len(hidden) == paper.locator(CODE).count()
    page.evaluate(SWITCH)
    assert paper.locator(CODE).evaluate_all(HIDDEN) == []
    page.evaluate(SWITCH)


def test_explorers_are_drawn(paper):
    explorers = paper.locator(".implreg-explorer")
    for explorer in explorers.all():
        assert explorer.locator("svg path[d^=M]:visible").count() > 0
        assert explorer.locator("figcaption").is_visible()


def test_nothing_is_cut_off(paper):
    assert paper.locator("article :is(pre, figure, img, svg.implreg-plot, table)").evaluate_all(CUT_OFF) == []


def test_paper_is_white_and_the_screen_stays_as_it_was(page):
    page.evaluate("addEventListener('beforeprint', () => { window.printed = document.documentElement.dataset.theme; })")
    page.pdf()
    assert page.evaluate("[window.printed, document.documentElement.dataset.theme]") == ["light", "dark"]
