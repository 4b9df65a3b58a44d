"""An explorer that opens at its start, in a real browser: a guess, the matrix in numbers, a first play, and the end."""

import re

import pytest
from explorer_page import FIGURE, state, write_page
from test_explorers_kept import explorer, settle

LONGEST_PLAY = 8000  # ms; a play takes 5 s


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return write_page(tmp_path_factory.mktemp("opening"), explorer(opens="start", play="Train").static_html())


def cells(page):
    """What the matrix shows, entry by entry: given, now, in the kept run."""
    names = ("given", "now", "then")
    columns = [page.locator(f".implreg-plot .implreg-{name}").all_text_contents() for name in names]
    return list(zip(*columns, strict=True))


def drawn(page, line):
    return page.locator(f".implreg-plot path.implreg-{line}").first


def test_nothing_of_what_comes_is_drawn_before_the_first_play(open_page, address):
    page = mounted_at_start(open_page(address))
    assert state(page)["row"] == 0 and page.locator(".implreg-ending").text_content() == ""
    assert drawn(page, "whole").evaluate("line => getComputedStyle(line).visibility") == "hidden"
    assert drawn(page, "ghost").get_attribute("d").count("L") == 0
    assert [cell[0] for cell in cells(page)] == ["?", "1", "1", "0"]
    page.get_by_role("button", name="Train").click()
    page.get_by_role("button", name="Pause").wait_for()
    page.get_by_role("button", name="Train").wait_for(timeout=LONGEST_PLAY)
    assert state(page)["row"] == 29
    assert page.locator(".implreg-ending").text_content() == (
        "This run ended in step 30. The kept run ended in step 30."
    )
    given, now, then = zip(*cells(page))
    assert now[0] == "29" and [float(text) for text in now[1:]] == [1, 1, 0]
    assert then[0] == "○ 0.5000"
    page.locator(".implreg-timeline input").press("Home")  # now the whole is known
    assert drawn(page, "whole").evaluate("line => getComputedStyle(line).visibility") == "visible"
    assert drawn(page, "ghost").get_attribute("d").count("L") == 29
    page.get_by_role("button", name="Reset").click()
    assert state(page)["row"] == 0 and drawn(page, "ghost").get_attribute("d").count("L") == 0


def mounted_at_start(page):
    page.wait_for_function(f"document.querySelector('{FIGURE}')?.implreg?.run")
    page.locator(".implreg-cell").first.wait_for()
    return page


def test_a_guess_is_typed_or_dragged_and_drawn_as_a_line(open_page, address):
    page = mounted_at_start(open_page(address))
    line = page.locator("path.implreg-whole[data-series='guess']")
    before = line.get_attribute("d")
    field, slider = page.get_by_role("spinbutton", name="your guess"), page.get_by_role("slider", name="your guess")
    field.fill("12.25")
    assert state(page)["settings"]["guess"] == 12.25 and set(state(page)["run"]["guess"]) == {12.25}
    assert line.get_attribute("d") != before and state(page)["row"] == 0
    heights = set(re.findall(r",(-?[\d.]+)", line.get_attribute("d")))
    assert len(heights) == 1  # a level line
    slider.press("ArrowRight")
    assert 12.25 < state(page)["settings"]["guess"] < 12.8 and float(field.input_value()) > 12.25
    field.fill("900")
    field.blur()
    assert state(page)["settings"]["guess"] < 12.8 and float(field.input_value()) < 12.8
    assert page.locator(".implreg-kept-item").first.text_content() == "kept (start: -)"  # a guess belongs to no run


def test_the_matrix_follows_the_marker_and_says_what_it_shows(open_page, address):
    page = mounted_at_start(open_page(address))
    scrubber = page.locator(".implreg-timeline input")
    for _ in range(3):
        scrubber.press("ArrowRight")
    _, now, then = zip(*cells(page))
    run = settle("+")
    for text, name in zip(now, ("w", "w12", "w21", "w22"), strict=True):
        assert float(text) == pytest.approx(run[name][3], abs=1e-4)
    label = page.get_by_role("img", name="Matrix. W").get_attribute("aria-label")
    assert label.startswith("Matrix. W; W₁₁ is 3, in the kept run 0.4751, not given; W₁₂ is 0.9502")
    assert "W₂₂ is 0.0050, in the kept run 0.0050, given as 0." in label
    page.get_by_role("button", name="Forget it").click()
    assert [cell[2] for cell in cells(page)] == [""] * 4
    unseen = page.locator(".implreg-cell").first
    assert unseen.evaluate("cell => getComputedStyle(cell).strokeDasharray") != "none"  # not by colour alone


def test_a_bound_is_drawn_where_it_applies(open_page, address):
    page = mounted_at_start(open_page(address))
    bound = page.locator("path.implreg-whole[data-series='bound']")
    assert bound.get_attribute("d").count("L") == 29
    page.get_by_role("radio", name="-", exact=True).check()
    assert bound.get_attribute("d") == ""
    assert page.locator(".implreg-legend li", has_text="bound").locator(".implreg-value").text_content() == "none"
    assert page.locator(".implreg-ending").text_content() == ""  # still before the first play


def test_a_link_keeps_the_place_of_the_marker(open_page, address):
    page = mounted_at_start(open_page(f"{address}?at=12#explore-which-way"))
    assert state(page)["row"] == 12 and drawn(page, "past").get_attribute("d").count("L") == 12
    page.locator(".implreg-timeline input").press("End")
    page.wait_for_function("location.search.includes('at=29')")
    again = mounted_at_start(open_page(page.url))
    assert state(again)["row"] == 29 and again.locator(".implreg-ending").text_content() != ""


def test_on_paper_the_whole_run_is_shown(open_page, address):
    page = mounted_at_start(open_page(address))
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert state(page)["row"] == 29 and drawn(page, "past").get_attribute("d").count("L") == 29


@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits(open_page, address, width):
    page = mounted_at_start(open_page(address, width))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = page.locator(".implreg-grid-of-numbers").bounding_box()
    inside = page.locator(".implreg-cell, .implreg-bracket").evaluate_all(
        "all => all.map(cell => cell.getBoundingClientRect().toJSON())"
    )
    assert all(box["x"] <= cell["left"] and cell["right"] <= box["x"] + box["width"] for cell in inside)
