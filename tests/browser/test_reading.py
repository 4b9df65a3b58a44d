"""Reading comforts in the built book: previews of references, permalinks, copy buttons, search; also from disk."""

from pathlib import Path

import pytest
from touch import Finger, centre

from tools.browser import reader

BOOK = Path(__file__).parents[2] / "_build" / "html"
PREVIEW = "#preview"


@pytest.fixture(scope="module", params=["http", "file"])
def home(request, site):
    """The book's address: served, and as a folder on disk."""
    return site if request.param == "http" else BOOK.as_uri()


@pytest.fixture
def page(browser, home):
    """A page that may load nothing from outside the book, with the pointer in a corner."""
    context = reader(browser, 1280, "light")
    page, outside = context.new_page(), []
    page.on("request", lambda request: request.url.startswith((home, "data:", "blob:")) or outside.append(request.url))
    page.mouse.move(1, 1)
    yield page
    assert outside == []
    context.close()


def reference(page, target):
    return page.locator(f"article a.reference.internal[href$='#{target}']").first


def test_preview_under_the_pointer(page, home):
    page.goto(f"{home}/chapters/theorem.html", wait_until="load")
    link, preview = reference(page, "lem-sign"), page.locator(PREVIEW)
    link.scroll_into_view_if_needed()
    shape = "a => [a.getBoundingClientRect().y, document.documentElement.scrollWidth, document.body.scrollHeight]"
    before = link.evaluate(shape)
    link.hover()
    preview.wait_for(state="visible")
    assert "Lemma 1" in preview.inner_text() and preview.locator(".katex-html").first.is_visible()
    assert link.get_attribute("aria-describedby") == "preview"
    assert link.evaluate(shape) == before, "the page moved"
    preview.hover()
    page.wait_for_timeout(600)  # longer than a preview outlasts its pointer
    assert preview.is_visible()
    page.keyboard.press("Escape")
    preview.wait_for(state="hidden")
    assert link.get_attribute("aria-describedby") is None


def test_preview_at_the_focus_shows_a_picture_of_another_page(page, home):
    page.goto(f"{home}/chapters/identity.html", wait_until="load")
    link, preview = reference(page, "fig-figure-one"), page.locator(PREVIEW)
    page.keyboard.press("Tab")  # from here on, the focus is the keyboard's
    link.focus()
    preview.wait_for(state="visible")
    page.wait_for_function("document.querySelector('#preview img')?.naturalWidth > 0")
    box, window = preview.bounding_box(), page.viewport_size
    assert box["x"] >= 0 and box["x"] + box["width"] <= window["width"]
    page.keyboard.press("Tab")
    preview.wait_for(state="hidden")


def test_a_tap_on_a_word_explains_it_and_a_second_one_follows_it(browser, site):
    context = browser.new_context(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844})
    page, preview = context.new_page(), "#preview"
    page.goto(f"{site}/chapters/theorem.html", wait_until="load")
    words = page.locator("article p a.reference.internal:has(> .std-term)")
    finger, here = Finger(page), page.url

    def tap(locator):
        locator.evaluate("e => scrollTo(0, scrollY + e.getBoundingClientRect().top - 300)")
        finger.tap(*centre(locator))
        page.wait_for_timeout(500)  # longer than a preview outlasts its pointer

    tap(words.first)
    box = page.locator(preview).bounding_box()
    assert page.url == here and box["x"] >= 0 and box["x"] + box["width"] <= 390
    assert words.first.inner_text().lower() in page.locator(preview).inner_text().lower()
    tap(page.locator("article p:not(:has(a))").first)  # elsewhere
    assert not page.locator(preview).is_visible() and page.url == here
    other = words.last  # far from the first: what lies under its card cannot be tapped
    tap(words.first)
    tap(other)
    assert other.inner_text().lower() in page.locator(preview).inner_text().lower() and page.url == here
    tap(other)
    page.wait_for_url("**/glossary.html#*")
    context.close()


def test_no_preview_for_other_links_under_fingers_nor_on_paper(browser, site):
    context = browser.new_context(has_touch=True, viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(f"{site}/chapters/theorem.html", wait_until="load")
    link = reference(page, "lem-sign")
    link.evaluate("a => a.addEventListener('click', event => event.preventDefault())")
    link.tap()
    link.evaluate("a => a.dispatchEvent(new PointerEvent('pointerenter', { pointerType: 'touch' }))")  # a long press
    page.wait_for_timeout(600)
    assert not page.locator(PREVIEW).is_visible()
    page.keyboard.press("Tab")
    link.focus()
    page.locator(PREVIEW).wait_for(state="visible")
    page.emulate_media(media="print")
    assert not page.locator(PREVIEW).is_visible()
    context.close()


def test_every_reference_has_a_preview_and_every_statement_a_permalink(browser, site):
    """No preview is missing or empty, every formula in one is set; permalinks are named, unique and focusable."""
    context = reader(browser, 1280, "dark")
    page, faults = context.new_page(), {}
    for chapter in sorted((BOOK / "chapters").glob("*.html")):
        page.goto(f"{site}/chapters/{chapter.name}", wait_until="load")
        faults[chapter.name] = page.evaluate("""() => {
            const select = (query, root = document) => [...root.querySelectorAll(query)];
            const article = document.querySelector("article");
            const figures = "figure[id]:not(.implreg-explorer)";  // an explorer has a button for its link
            const owners = `div.proof, div.exercise, ${figures}, div.math[id], table[id], section[id]:has(> h1, > h2)`;
            const ids = select("[id]", article).map(e => e.id);
            const permalinks = select("a.headerlink", article);
            const hrefs = permalinks.map(link => link.getAttribute("href"));
            const references = select("a.reference.internal[href*='#']", article).map(e => e.getAttribute("href"));

            const stored = [...(document.querySelector("#previews")?.content.children ?? [])];
            const previewed = new Set(stored.map(entry => entry.dataset.href));
            const shown = document.body.appendChild(document.createElement("div"));
            shown.append(...stored);
            const found = [
                ...references.filter(href => !previewed.has(href)),
                ...stored.filter(entry => entry.textContent.trim().length < 5).map(entry => entry.dataset.href),
                ...select(".katex-error, .math:not(:has(.katex-html))", shown).map(e => e.textContent),
                ...select(owners, article).map(e => e.id).filter(id => !hrefs.includes(`#${id}`)),
                ...hrefs.filter(href => ids.filter(id => href === `#${id}`).length !== 1),
            ];
            shown.remove();
            return found;
        }""")
        assert page.get_by_role("link", name="Link to this").count() == page.locator("article a.headerlink").count() > 0
    assert not any(faults.values()), faults
    context.close()


def test_permalink_shows_itself_to_pointer_and_focus(page, home):
    page.goto(f"{home}/chapters/theorem.html", wait_until="load")
    theorem = page.locator("#thm-one")
    permalink = theorem.get_by_role("link", name="Link to this theorem")
    opacity = "a => getComputedStyle(a).opacity"
    assert permalink.evaluate(opacity) == "0"
    theorem.hover()
    assert permalink.evaluate(opacity) == "1"
    page.mouse.move(1, 1)
    page.keyboard.press("Tab")
    permalink.focus()
    assert permalink.evaluate(opacity) == "1"
    page.keyboard.press("Enter")
    assert page.url.endswith("theorem.html#thm-one")


def test_bibtex_is_copied(page, home):
    page.goto(f"{home}/chapters/bibliography.html", wait_until="load")
    entry = page.locator(".highlight-bibtex").first
    entry.hover()
    entry.get_by_role("button").click()
    # What was copied is read by pasting: pages opened from disk may not read the clipboard.
    page.evaluate("document.body.prepend(document.createElement('textarea'))")
    page.locator("textarea").first.focus()
    page.keyboard.press("Control+V")
    pasted = page.locator("textarea").first.input_value()
    assert pasted.startswith("@inproceedings{razin2020implicit,") and pasted.strip() == entry.inner_text().strip()


def test_a_window_has_the_name_of_its_page_and_of_the_book_once(page, home):
    for name, title in {"intro": "When every norm grows", "notation": "Notation — When every norm grows"}.items():
        page.goto(f"{home}/chapters/{name}.html", wait_until="load")
        assert page.title() == title


def test_search_finds_the_chapters(page, home):
    page.goto(f"{home}/search.html?q=effective+rank", wait_until="load")
    page.locator("#search-results ul.search li a").first.wait_for()
    page.wait_for_timeout(500)
    titles = page.locator("#search-results ul.search li > a").all_inner_texts()
    assert "How fast, and in which norm?" in titles and "Notation" in titles
    assert "Glossary: effective rank" in titles
    page.locator("#search-results ul.search li > a", has_text="Notation").first.click()
    assert "/chapters/notation.html" in page.url


@pytest.mark.parametrize("query, first", [
    ("Theorem 1", "How fast, and in which norm?: Theorem 1 (Norms up, rank down)"),
    ("Conjecture 2", "Two conjectures about what descent prefers: Conjecture 2 (No norm)"),
    ("identity initialization", "One start that provably works"),
    ("how to run", "When every norm grows: How to read it"),
])  # fmt: skip
def test_search_knows_what_readers_call_it(page, home, query, first):
    page.goto(f"{home}/search.html?q={query.replace(' ', '+')}", wait_until="load")
    page.locator("#search-results ul.search li a").first.wait_for()
    page.wait_for_timeout(500)
    assert page.locator("#search-results ul.search li > a").first.inner_text() == first


def test_search_results_show_sentences(browser, site):
    context = reader(browser, 1280, "light")
    page = context.new_page()
    page.goto(f"{site}/search.html?q=edge+of+stability", wait_until="load")
    page.locator("#search-results p.context").first.wait_for()
    page.wait_for_timeout(1000)
    shown = page.locator("#search-results p.context").all_inner_texts()
    assert len(shown) > 3 and not [text for text in shown if "import" in text or text.startswith("Contents")]
    assert shown[0].startswith("Where the sharpness reaches"), "a term's explanation"
    context.close()


def test_search_results_show_formulas_once_and_in_a_line(browser, site):
    """Not from disk, where a page may not read another, and results have no excerpts."""
    context = reader(browser, 1280, "light")
    page = context.new_page()
    page.goto(f"{site}/search.html?q=effective+rank", wait_until="load")
    page.locator("#search-results p.context").first.wait_for()
    page.wait_for_timeout(500)
    shown = " ".join(page.locator("#search-results p.context").all_inner_texts())
    assert "\\" not in shown and "{" not in shown, shown
    line = """async (tex) => {
        const there = await (await fetch("chapters/theorem.html")).text();
        const page = new DOMParser().parseFromString(there, "text/html");
        const source = [...page.querySelectorAll("annotation")].find((element) => element.textContent === tex);
        return Search.htmlToText(`<article>${source.closest(".math").outerHTML}</article>`);
    }"""
    assert page.evaluate(line, r"\det W(0) > 0").replace("\u2061", "") == "detW(0)>0"
    context.close()
