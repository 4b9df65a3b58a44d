"""Explorers on a phone: what a finger does, and views under tabs."""

import re

import jax.numpy as jnp
import pytest
from explorer_page import FIGURE, mounted, state, write_page
from touch import Finger, centre

from implreg_core.explorers import Explorer, MatrixPad, Slider, SpaceView, View

TAIL = "<p style='height: 2000px'>More to read.</p>"  # that the page can scroll


def compute(start, rate):
    t = jnp.linspace(0.0, 5.0, 40)
    w = jnp.exp(-rate * t)
    return {"t": t, "w": w * start[0, 0], "v": w + start[1, 1], "x": w, "y": w**2}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    explorer = Explorer(
        question="What does a finger do?",
        controls=[
            MatrixPad("start", "M", extent=1.5, default=[[1.0, 0.2], [-0.1, 0.8]], presets={"swap": [[0, 1], [1, 0]]}),
            Slider("rate", "rate", 0.1, 2.0, default=1.0),
        ],
        compute=compute,
        views=[
            View("First", "t", {"w": "w"}, "time", "w"),
            View("Second", "t", {"v": "v", "w": "w", "x": "x"}, "time", "v"),
            SpaceView("In space", path=("x", "y", "w")),
        ],
        caption="Runs.",
    )
    return write_page(tmp_path_factory.mktemp("phone"), explorer.static_html() + TAIL)


@pytest.fixture
def phone(open_page, address):
    page = mounted(open_page(address, 390, has_touch=True, is_mobile=True))
    page.set_viewport_size({"width": 390, "height": 844})
    return page


def scrolled(page):
    return page.evaluate("scrollY")


def seen(page):
    """Titles of the views that a reader sees, by their places among all."""
    return page.locator(".implreg-view").evaluate_all(
        """all => all.filter((view) => view.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
          .map((view) => view.querySelector('.implreg-title').textContent)"""
    )


# ---- tabs


def test_on_a_phone_one_view_is_seen_and_tabs_choose(phone):
    tabs = phone.get_by_role("tablist", name="Views").get_by_role("tab")
    assert tabs.all_text_contents() == ["First", "Second", "In space"] and seen(phone) == ["First"]
    assert all(tab.bounding_box()["height"] >= 44 for tab in tabs.all())
    assert phone.get_by_role("tabpanel").count() == 1 and phone.get_by_role("tabpanel", name="First").is_visible()
    before = phone.locator(FIGURE).bounding_box(), phone.locator(".implreg-timeline").bounding_box()
    finger = Finger(phone)
    finger.tap(*centre(tabs.nth(1)))
    assert seen(phone) == ["Second"] and phone.get_by_role("tabpanel", name="Second").is_visible()
    assert [tab.get_attribute("aria-selected") for tab in tabs.all()] == ["false", "true", "false"]
    assert (phone.locator(FIGURE).bounding_box(), phone.locator(".implreg-timeline").bounding_box()) == before
    for key, title in (("ArrowRight", "In space"), ("ArrowRight", "First"), ("ArrowLeft", "In space"),
                       ("Home", "First"), ("End", "In space")):  # fmt: skip
        phone.keyboard.press(key)
        focused = phone.evaluate("document.activeElement.textContent")
        assert seen(phone) == [title] == [focused]
    assert [tab.get_attribute("tabindex") for tab in tabs.all()] == ["-1", "-1", "0"]  # one stop
    assert state(phone)["row"] == 39  # keys of the tabs are not the timeline's


def test_what_is_chosen_is_remembered_and_a_wide_place_shows_all(phone):
    phone.get_by_role("tab", name="Second").click()
    phone.set_viewport_size({"width": 1280, "height": 900})
    phone.wait_for_function("document.querySelectorAll('[role=tabpanel]').length === 0")
    assert seen(phone) == ["First", "Second", "In space"] and phone.get_by_role("tab").count() == 0
    assert all(title.is_visible() for title in phone.locator(".implreg-title").all())
    phone.set_viewport_size({"width": 390, "height": 844})
    phone.wait_for_function("document.querySelectorAll('[role=tabpanel]').length === 3")
    assert seen(phone) == ["Second"]


def test_a_view_alone_has_no_tab(open_page, tmp_path):
    explorer = Explorer(
        question="One?",
        controls=[],
        compute=lambda: {"t": [0, 1], "w": [1, 2]},
        views=[View("Only", "t", {"w": "w"}, "t", "w")],
        caption="",
    )
    page = mounted(open_page(write_page(tmp_path, explorer.static_html()), 390))
    assert page.get_by_role("tablist").count() == page.get_by_role("tabpanel").count() == 0 and seen(page) == ["Only"]
    assert page.locator(".implreg-title").is_visible()


def test_hidden_views_are_drawn_and_can_be_taken_away_and_printed(phone):
    phone.get_by_role("button", name="Keep this run").click()
    assert phone.locator(".implreg-view:has(.implreg-kept-item)").count() == 3  # the ghost is in all views
    before = phone.locator(FIGURE).bounding_box()
    with phone.expect_download() as download:
        phone.get_by_role("button", name="Download the picture as SVG").click()
    picture = download.value.path().read_text(encoding="utf-8")
    places = {title: picture.index(f">{title}<") for title in ("First", "Second", "In space")}
    assert sorted(places.values()) == list(places.values())
    heights = [float(y) for y in re.findall(r'y="([\d.]+)"[^>]*>(?:First|Second|In space)<', picture)]
    assert len(heights) == 3 and heights[0] + 200 < heights[1] < heights[2] - 200  # one below the other
    assert float(re.search(r'width="([\d.]+)"', picture)[1]) <= 390
    assert phone.locator(FIGURE).bounding_box() == before and seen(phone) == ["First"]
    phone.emulate_media(media="print")
    assert seen(phone) == ["First", "Second", "In space"] and not phone.get_by_role("tablist").is_visible()


# ---- fingers


def test_a_finger_that_scrolls_over_a_plot_does_not_scrub(phone):
    x, y = centre(phone.locator(".implreg-plot").first)
    Finger(phone).drag((x - 60, y), (x - 56, y - 150))
    assert scrolled(phone) > 100 and state(phone)["row"] == 39


def test_a_finger_that_goes_along_a_plot_scrubs_and_a_tap_does(phone):
    x, y = centre(phone.locator(".implreg-plot").first)
    finger = Finger(phone)
    finger.drag((x + 60, y), (x - 60, y + 4))
    row = state(phone)["row"]
    assert 5 < row < 20 and scrolled(phone) == 0
    finger.tap(x + 60, y)
    assert state(phone)["row"] > row + 10


def test_a_finger_turns_a_space_or_scrolls_past_it(phone):
    phone.get_by_role("tab", name="In space").click()
    phone.evaluate("scrollTo(0, 0)")
    turned = lambda: [float(s.input_value()) for s in phone.locator(".implreg-turn input").all()]  # noqa: E731
    (x, y), finger, before = centre(phone.locator(".implreg-space")), Finger(phone), turned()
    finger.tap(x, y)
    finger.drag((x, y), (x + 5, y - 120))
    assert turned() == before and scrolled(phone) > 80
    phone.evaluate("scrollTo(0, 0)")
    finger.drag((x, y), (x + 60, y))
    assert turned()[0] >= before[0] + 20 and scrolled(phone) == 0


def tip(page, column):
    return centre(page.locator(".implreg-tip").nth(column))


def test_a_finger_drags_a_tip_of_the_pad(phone):
    x, y = tip(phone, 1)
    Finger(phone).drag((x + 6, y + 6), (x + 6, y - 94))  # up, as a finger goes that scrolls
    start = state(phone)["settings"]["start"]
    assert scrolled(phone) == 0 and start[::2] == [1, -0.1]
    assert abs(start[1] - 0.2) < 0.2 and start[3] == 1.5
    assert phone.get_by_role("spinbutton", name="M₂₂").input_value() == str(start[3])


def test_a_finger_elsewhere_on_the_pad_scrolls(phone):
    before, box = state(phone)["settings"], phone.locator(".implreg-pad").bounding_box()
    place = (box["x"] + 20, box["y"] + box["height"] - 20)
    assert all(abs(place[0] - x) + abs(place[1] - y) > 60 for x, y in (tip(phone, 0), tip(phone, 1)))
    Finger(phone).drag(place, (place[0], place[1] - 120))
    assert scrolled(phone) > 80 and state(phone)["settings"] == before


def test_a_tap_on_the_track_of_a_slider_moves_it(phone):
    box = phone.get_by_role("slider", name="rate").bounding_box()
    assert box["height"] >= 44
    Finger(phone).tap(box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2)
    assert 1.4 < state(phone)["settings"]["rate"] < 1.9


def test_what_a_finger_takes_is_44_pixels_and_all_are_in_the_page(phone):
    small = phone.locator(f"{FIGURE} :is(input, button):not([type=radio])").evaluate_all(
        "all => all.filter(e => e.checkVisibility({ visibilityProperty: true }) && e.offsetHeight < 44)"
        ".map(e => e.outerHTML)"
    )
    assert small == [] and phone.evaluate("document.documentElement.scrollWidth") <= 390
