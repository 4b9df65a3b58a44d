"""Folded code: a line each that says what it is, and one switch for all, which other pages remember."""

import pytest

from tools.browser import reader

PAGE, OTHER = "chapters/theorem.html", "chapters/identity.html"
OPEN = "[...document.querySelectorAll('article details.hide')].map((cell) => cell.open)"


@pytest.fixture
def page(browser, site):
    context = reader(browser, 390, "light")
    page = context.new_page()
    page.goto(f"{site}/{PAGE}")
    yield page
    context.close()


def test_folded_code_says_what_it_is(page):
    lines = page.locator("article details.hide > summary").all_inner_texts()
    assert len(lines) > 5
    assert all(line.strip().startswith(("Checked: ", "Code")) for line in lines), lines
    assert {"Code of the figure", "Code of the explorer"} <= {line.strip() for line in lines}


def test_one_switch_opens_all_here_and_on_the_next_page(page, site):
    assert not any(page.evaluate(OPEN))
    switch = page.get_by_role("button", name="Code", exact=True)
    assert switch.get_attribute("aria-pressed") == "false"
    switch.click()
    assert all(page.evaluate(OPEN)) and switch.get_attribute("aria-pressed") == "true"
    page.goto(f"{site}/{OTHER}")
    assert len(page.evaluate(OPEN)) > 3 and all(page.evaluate(OPEN))
    switch.focus()
    page.keyboard.press("Enter")
    assert not any(page.evaluate(OPEN))
    page.reload()
    assert not any(page.evaluate(OPEN))


def test_a_line_opens_its_own_code(page):
    first = page.locator("article details.hide").first
    first.locator("summary").click()
    assert page.evaluate(OPEN)[0] and sum(page.evaluate(OPEN)) == 1
    assert first.locator("pre").first.is_visible()


def test_a_page_without_folded_code_has_no_switch(page, site):
    page.goto(f"{site}/chapters/notation.html")
    assert page.locator(".implreg-code-switch").count() == 0
