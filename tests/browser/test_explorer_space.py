"""A view in space, in a real browser: turned by keys and by the pointer; the marker, and where it leaves."""

import re

import numpy as np
import pytest
from explorer_page import FIGURE, mounted, state, write_page

from implreg_core.explorers import Control, Explorer, SpaceView, View

ROWS = 31


def climb(c):
    """A path that goes to the line x = 1, y = 0; with c > 0 it goes up, out of the window."""
    k = np.linspace(0, 1, ROWS)
    height = 9 * k**2 if c > 0 else 0 * k
    return {"t": 1 + np.arange(ROWS), "w12": np.minimum(2 * k, 1), "w22": c * np.maximum(1 - 2 * k, 0), "w": 1 + height}


EXPLORER = Explorer(
    question="Where to?",
    controls=[Control("c", "c", [-0.5, 0.0, 1.0], 1.0)],
    compute=climb,
    views=[SpaceView("Space"), View("Height", "t", {"w": "w"}, "t", "w")],
    caption="There.",
    opens=("w", 3),
)
OPENING = 15  # the first row with w >= 3
SPACE = f"{FIGURE} .implreg-space"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return write_page(tmp_path_factory.mktemp("space"), EXPLORER.static_html())


def drawn(page):
    return page.locator(SPACE).inner_html()


def seen_from(page):
    return [float(value) for value in page.locator(".implreg-turn input").evaluate_all("all => all.map(i => i.value)")]


def dot(page):
    circle = page.locator(f"{SPACE} circle:not(.implreg-ring)")
    return [float(circle.get_attribute(name)) for name in ("cx", "cy")], circle.get_attribute("visibility")


def test_keys_turn_it(open_page, address):
    page = mounted(open_page(address))
    assert seen_from(page) == [0, 18]
    before = drawn(page)
    turn, tilt = (page.get_by_role("slider", name=name) for name in ("turn", "tilt"))
    turn.press("ArrowRight")
    turned = drawn(page)
    tilt.press("ArrowUp")
    assert before != turned != drawn(page)
    assert seen_from(page) == [5, 20]
    assert (turn.get_attribute("aria-valuetext"), tilt.get_attribute("aria-valuetext")) == ("5°", "20°")
    page.get_by_role("button", name="Reset").click()
    assert seen_from(page) == [0, 18] and drawn(page) == before
    assert state(page)["row"] == OPENING  # to turn it is not to scrub


def test_a_pointer_turns_it_and_what_is_in_front_follows(open_page, address):
    page = mounted(open_page(address))
    box = page.locator(SPACE).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    name = page.locator(f"{SPACE} text.implreg-axis", has_text=re.compile("^y$"))  # of an axis in front
    before = name.bounding_box()
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 20, y + 10, steps=4)
    after = name.bounding_box()
    page.mouse.up()
    assert seen_from(page)[0] == 10 and seen_from(page)[1] in (22, 24)  # the slider has steps of two degrees
    assert after["x"] > before["x"] + 5
    page.mouse.move(x + 90, y)  # released
    assert seen_from(page)[0] == 10


def test_a_finger_still_scrolls_the_page(open_page, address):
    page = mounted(open_page(address, 390, has_touch=True))
    assert page.locator(SPACE).evaluate("svg => getComputedStyle(svg).touchAction") == "pan-y"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    texts = page.locator(f"{SPACE} text").evaluate_all("all => all.map(t => t.getBoundingClientRect().toJSON())")
    assert len(texts) > 6 and all(0 <= text["left"] and text["right"] <= 390 for text in texts)


def test_the_marker_goes_along_the_path_and_out_of_the_window(open_page, address):
    page = mounted(open_page(address))
    time = page.locator(".implreg-timeline input")
    assert state(page)["row"] == OPENING
    (_, first_y), seen = dot(page)
    value = page.locator(".implreg-view").first.locator(".implreg-value")
    assert seen == "visible" and value.text_content() == "1.0000, 0.0000, 3.2500"
    time.press("ArrowRight")
    (_, next_y), _ = dot(page)
    assert next_y < first_y
    assert page.locator(SPACE).get_by_text("on to").count() == 0
    time.press("End")
    assert dot(page)[1] == "hidden" and value.text_content() == "1.0000, 0.0000, 10.0000"
    out = page.locator(SPACE).locator("text", has_text="on to w = 10.0000")
    top = page.locator(f"{SPACE} path.implreg-solutions").last.bounding_box()["y"]
    assert abs(out.evaluate("text => text.getCTM().f - text.ownerSVGElement.getCTM().f") + page.locator(SPACE)
               .bounding_box()["y"] - top) < 3  # fmt: skip
    assert "outside the drawing" in page.locator(SPACE).get_attribute("aria-label")


def test_another_start_has_another_fate_and_a_kept_run_stays(open_page, address):
    page = mounted(open_page(address))
    page.get_by_role("button", name="Keep this run").click()
    page.get_by_label("c", exact=True).press("ArrowLeft")
    page.get_by_label("c", exact=True).press("ArrowLeft")
    assert state(page)["row"] == ROWS - 1  # it never is as high as where the figure opens
    assert dot(page)[1] == "visible"
    label = page.locator(SPACE).get_attribute("aria-label")
    assert "y goes from −0.5000 to 0.0000, w goes from 1 to 1; a vertical line" in label
    assert "Kept beside it, c: 1: x goes from 0.0000 to 1.0000" in label
    assert page.locator(f"{SPACE} path.implreg-ghost").get_attribute("d").count("L") > 10
    assert "NaN" not in drawn(page)


@pytest.mark.parametrize("width", [390, 1280])
def test_numbers_do_not_collide_wherever_it_is_seen_from(open_page, address, width):
    page = mounted(open_page(address, width))
    look = """([turn, tilt]) => [...document.querySelectorAll('.implreg-turn input')].forEach((input, i) => {
      input.value = [turn, tilt][i];
      input.dispatchEvent(new Event('input'));
    })"""
    for turn in range(-180, 180, 15):
        for tilt in (0, 10, 30, 60, 90):
            page.evaluate(look, [turn, tilt])
            boxes = page.locator(f"{SPACE} text:not(.implreg-axis)").evaluate_all(
                "all => all.map(text => text.getBoundingClientRect().toJSON())"
            )
            for i, a in enumerate(boxes):
                for b in boxes[:i]:
                    apart = a["left"] >= b["right"] or b["left"] >= a["right"]
                    assert apart or a["top"] >= b["bottom"] - 5 or b["top"] >= a["bottom"] - 5, (turn, tilt)
