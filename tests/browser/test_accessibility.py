"""Every built page as people with other senses, hands or settings meet it.

axe-core, the standard checker, with all its rules for WCAG 2.2 A and AA and for best practice; and what axe cannot
see: contrast inside pictures, and motion.
"""

import io
from contextlib import suppress
from importlib.resources import files
from urllib.parse import quote

import pytest
from PIL import Image
from playwright.sync_api import TimeoutError
from test_pages import visit

from implreg_core import figures

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OFF_BY_DEFAULT = ["label-content-name-mismatch"]
BLIND = "empty-table-header"  # axe finds no text in MathML, which screen readers read; `HEADERS_SAY_SOMETHING` instead
CONTRAST, LINKS = "color-contrast", "link-in-text-block"  # all that a theme changes

# Everything on show: explorers mounted, code and solutions opened. axe looks at the tokens of code and the parts of
# formulas one by one, for minutes: one token of each kind on each ground stands for the rest. Of the formulas that have
# the colour of their text, the first of a page and its first displayed one stand for the rest: those in a line become
# its characters, displayed ones keep their size and one of their characters. What only a formula names is left alone.
UNFOLD = """async () => {
  document.querySelectorAll("details").forEach((details) => { details.open = true; });
  document.querySelectorAll("button.toggle-button-hidden").forEach((button) => button.click());
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  for (const figure of document.querySelectorAll(".implreg-explorer")) {
    while (!figure.implreg) { figure.scrollIntoView(); await frame(); }
  }
  scrollTo(0, 0);
  const seen = new Set();
  for (const pre of document.querySelectorAll("pre")) {
    const ground = getComputedStyle(pre).backgroundColor;
    for (const token of pre.querySelectorAll("span[class]:not(:has(span))")) {
      const kind = `${token.className} on ${ground}`;
      if (seen.has(kind)) token.replaceWith(...token.childNodes);
      seen.add(kind);
    }
    pre.normalize();
  }
  const colours = (formula) =>
    new Set([formula.parentElement, formula, ...formula.querySelectorAll("*")].map((e) => getComputedStyle(e).color));
  for (const formula of [...document.querySelectorAll(".katex")].slice(1)) {
    const shown = formula.querySelector(".katex-html");
    if (colours(formula).size > 1 || formula.closest("a, button, label, summary, th")) continue;
    if (!formula.matches(".katex-display > *")) {
      formula.replaceWith(shown.textContent);
    } else if (formula !== document.querySelector(".katex-display > .katex")) {
      const heard = formula.querySelector("semantics");
      const { width, height } = shown.getBoundingClientRect();
      heard.textContent = heard.lastChild.textContent;
      shown.textContent = "=";
      shown.style.cssText = `display: inline-block; width: ${width}px; height: ${height}px`;
    }
  }
  await document.fonts.ready;
}"""

# After a change of width the theme takes a while to make tab stops of what now scrolls.
TAB_STOPS_FIT = """() => [...document.querySelectorAll("pre, .cell_output > .output, .pst-scrollable-table-container")]
  .every((e) => (e.tabIndex === 0) === (e.scrollWidth > e.clientWidth || e.scrollHeight > e.clientHeight))"""

HEADERS_SAY_SOMETHING = '[...document.querySelectorAll("th")].every((head) => head.textContent.trim())'

# Contrast takes axe a millisecond or two for each text. Texts of one colour, size and weight whose elements agree in
# names, classes and grounds all the way up have the same: the first in sight stands for the rest.
MARK_KINDS = """() => {
  const grounds = new Map([[null, ""]]);
  const ground = (element) => {
    if (!grounds.has(element)) {
      const { backgroundColor, backgroundImage, opacity, filter } = getComputedStyle(element);
      const own = [element.localName, element.getAttribute("class"), backgroundColor, backgroundImage, opacity, filter];
      grounds.set(element, `${ground(element.parentElement)}${own}/`);
    }
    return grounds.get(element);
  };
  const seen = new Set();
  for (const element of document.body.querySelectorAll("*")) {
    delete element.dataset.firstOfKind;
    if (![...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim())) continue;
    if (!element.checkVisibility({ visibilityProperty: true })) continue;
    const { color, fontSize, fontWeight, textShadow } = getComputedStyle(element);
    const kind = [color, fontSize, fontWeight, textShadow, ground(element)].join();
    if (!seen.has(kind)) element.dataset.firstOfKind = "";
    seen.add(kind);
  }
}"""
FIRST_OF_KIND = "[data-first-of-kind]"

RUN_AXE = """async ([within, options]) => {
  const { violations } = await axe.run(within, { ...options, resultTypes: ["violations"] });
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id} at ${target}: ${failureSummary}`));
}"""


def violations(page, within="html", **options):
    theme, width = page.evaluate("document.documentElement.dataset.theme"), page.viewport_size["width"]
    return [f"{theme}, {width} px: {violation}" for violation in page.evaluate(RUN_AXE, [within, options])]


def without_contrast(page):
    page.evaluate(MARK_KINDS)
    return violations(page, FIRST_OF_KIND, runOnly=[CONTRAST])


def test_axe_finds_nothing(browser, site, page_path):
    """Wide and light with every rule; dark for what a theme changes; narrow for what a width changes."""
    with visit(browser, site, page_path) as (page, _):
        page.emulate_media(reduced_motion="reduce")  # colours are measured at rest
        page.evaluate(UNFOLD)
        page.evaluate(AXE)
        rules = {rule: {"enabled": True} for rule in OFF_BY_DEFAULT} | {BLIND: {"enabled": False}}
        rules[CONTRAST] = {"enabled": False}
        found = without_contrast(page) + violations(page, runOnly=STANDARDS, rules=rules)
        assert page.evaluate(HEADERS_SAY_SOMETHING)
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        found += without_contrast(page) + violations(page, runOnly=[LINKS])
        page.set_viewport_size({"width": 390, "height": 900})
        with suppress(TimeoutError):  # axe says better what is wrong
            page.wait_for_function(TAB_STOPS_FIT, timeout=5000)
        found += violations(
            page, runOnly=STANDARDS, rules={rule: {"enabled": False} for rule in [BLIND, CONTRAST, LINKS]}
        )
        assert found == [], "\n".join(found)


@pytest.mark.parametrize("spoilt, style", [
    ("e => e", "color: #999"),
    ("e => e", "background: #777"),
    ("e => e.parentElement", "background: #777"),
    ("e => e.parentElement", "opacity: 0.4"),
])  # fmt: skip
def test_one_text_without_contrast_among_many_of_its_kind_is_found(browser, site, spoilt, style):
    with visit(browser, site, "chapters/theorem.html") as (page, _):
        page.evaluate(AXE)
        assert without_contrast(page) == []
        last = page.locator("article p:not(:has(*)):visible").last.evaluate_handle(spoilt)
        last.evaluate("(element, style) => { element.style.cssText += style; }", style)
        (found,) = without_contrast(page)
        assert "insufficient color contrast" in found


def test_formulas_are_where_a_finger_looks_for_them(browser, site):
    """What a screen reader has of a formula lies where the formula is seen, and copies hold it once."""
    with visit(browser, site, "chapters/theorem.html", 390) as (page, _):
        boxes = page.locator("article .math .katex:visible").evaluate_all("""all => all.map((formula) => {
          const heard = formula.querySelector(".katex-mathml").getBoundingClientRect();
          const lines = formula.getClientRects();
          const off = Math.max(Math.abs(heard.x - lines[0].x), Math.abs(heard.width - lines[0].width));
          return { lines: lines.length, off, area: heard.width * heard.height };
        })""")
        whole = [box for box in boxes if box["lines"] == 1]
        assert len(whole) > 50 and len(whole) > 0.8 * len(boxes)  # others break where their line ends
        assert max(box["off"] for box in whole) < 3 and min(box["area"] for box in boxes) > 100
        formula = page.locator("article .math", has=page.locator("annotation", has_text=r"L \ge 2")).first
        copied = formula.evaluate("e => { const s = getSelection(); s.selectAllChildren(e); return s.toString(); }")
        assert "".join(copied.split()) == "L≥2"


@pytest.mark.parametrize("width", [390, 1280])
def test_no_line_begins_with_a_mark_that_ends_a_formula(browser, site, width):
    with visit(browser, site, "chapters/higher-dimensions.html", width) as (page, _):
        apart = page.locator("article .formula-with-marks:visible").evaluate_all("""all => all.map((kept) => {
          const marks = document.createRange();
          marks.selectNode(kept.lastChild);
          const formula = [...kept.querySelectorAll(".katex-html > .katex-base")].at(-1).getBoundingClientRect();
          return marks.toString() === "" ? 0 : marks.getBoundingClientRect().top - formula.bottom;
        })""")
        assert len(apart) > 50 and max(apart) < 0


def test_displayed_formulas_that_scroll_say_so(browser, site):
    with visit(browser, site, "chapters/higher-dimensions.html", 390) as (page, _):
        state = """() => [...document.querySelectorAll(".katex-display")].map((e) =>
          [e.scrollWidth > e.clientWidth + 1, !e.tabIndex, e.dataset.more, getComputedStyle(e).maskImage !== "none"])"""
        page.wait_for_function(f"({state})().some(([, stop]) => stop)")
        found = page.evaluate(state)
        assert all(row in ([True, True, "right", True], [False, False, "", False]) for row in found), found
        wide = page.locator(".katex-display[data-more=right]").first
        wide.focus()
        page.keyboard.press("End")
        wide.evaluate("e => { e.scrollLeft = e.scrollWidth; }")
        page.wait_for_function("document.querySelector('.katex-display[data-more=left]')")
        page.set_viewport_size({"width": 1280, "height": 900})
        page.wait_for_function(f"({state})().every(([wide, stop, more]) => !wide && !stop && more === '')")


@pytest.mark.parametrize("name, box", [
    ("higher-dimensions", ".katex-display"),
    ("learning-rate", ".highlight > pre"),
    ("notation", ".pst-scrollable-table-container"),
])  # fmt: skip
def test_on_a_phone_what_scrolls_fades_towards_what_is_out_of_sight(browser, site, name, box):
    with visit(browser, site, f"chapters/{name}.html", 390) as (page, _):
        wide = page.locator(f"article {box}[data-more=right]:visible").first
        wide.wait_for()
        before = wide.evaluate("e => getComputedStyle(e).maskImage")
        wide.evaluate("e => { e.scrollLeft = e.scrollWidth; }")
        page.wait_for_function(f"document.querySelector('article {box}[data-more=left]')")
        after = page.locator(f"article {box}[data-more=left]").first.evaluate("e => getComputedStyle(e).maskImage")
        assert "linear-gradient" in before and "linear-gradient" in after and before != after


def luminance(colour):
    """Relative luminance of an sRGB colour, as WCAG defines it."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (c / 255 for c in colour[:3])]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    darker, lighter = sorted([luminance(one), luminance(other)])
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pictures_have_contrast(browser, site, theme):
    """The dark theme inverts pictures: every colour of our figures is put through the page, and read as painted."""
    with visit(browser, site, "chapters/intro.html", theme=theme) as (page, _):
        picture = page.locator("article figure img").first

        def painted(colour):
            flat = f"<path fill='{colour}' d='M0 0h9v6H0z'/>"
            flat = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 6'>{flat}</svg>"
            address = f"data:image/svg+xml,{quote(flat)}"
            picture.evaluate("async (img, address) => { img.src = address; await img.decode(); }", address)
            shot = Image.open(io.BytesIO(picture.screenshot())).convert("RGB")
            return shot.getpixel((shot.width // 2, shot.height // 2))

        ground = painted("white")
        assert (luminance(ground) > 0.5) == (theme == "light")
        ratios = {colour: contrast(painted(colour), ground) for colour in ("black", *figures.COLORS)}
        assert min(ratios.values()) >= 4.5, ratios


def test_nothing_moves_for_who_asks(browser, site):
    with visit(browser, site, "chapters/conjectures.html") as (page, _):
        moving = """() => [...document.querySelectorAll("*")].filter((element) => {
          const style = getComputedStyle(element);
          const lasting = `${style.transitionDuration}, ${style.animationDuration}`.split(", ");
          return lasting.some((time) => parseFloat(time) > 0) || style.scrollBehavior === "smooth";
        }).map((element) => element.outerHTML.slice(0, 100))"""
        assert page.evaluate(moving) != [], "without the wish there is motion, else this test sees nothing"
        page.emulate_media(reduced_motion="reduce")
        assert page.evaluate(moving) == []
