"""A page from its first request to rest: what it asks for, and that nothing moves."""

import pytest

from tools.browser import reader

WATCH_SHIFTS = """globalThis.shifted = 0;
new PerformanceObserver((list) => list.getEntries().forEach((entry) => (shifted += entry.value)))
  .observe({ type: "layout-shift", buffered: true });"""


@pytest.mark.parametrize("width, height", [(1280, 900), (390, 844)])
def test_nothing_moves_while_a_page_loads(browser, site, page_path, width, height):
    context = browser.new_context(viewport={"width": width, "height": height})
    context.add_init_script(WATCH_SHIFTS)
    page = context.new_page()
    page.goto(f"{site}/{page_path}", wait_until="load")
    page.wait_for_timeout(300)
    assert page.evaluate("shifted") < 0.05  # half of what is counted as good
    context.close()


def test_the_index_of_the_book_is_loaded_by_the_page_of_search_alone(browser, site):
    page, asked = reader(browser, 1280, "light").new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{site}/chapters/counterexample.html", wait_until="load")
    assert not [url for url in asked if "searchindex" in url]
    page.keyboard.press("Control+k")
    page.locator("#pst-search-dialog input[type=search]").fill("Theorem 1")
    page.keyboard.press("Enter")
    page.wait_for_selector("#search-results li a")
    assert [url for url in asked if "searchindex" in url]
    page.context.close()
