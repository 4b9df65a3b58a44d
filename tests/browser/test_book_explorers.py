"""The explorers of the built book, with only the book's own server in reach: every control changes what is drawn."""

import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from explorer_page import FIGURE
from test_pages import visit

from implreg_core import live

DRAWN = "figure => [...figure.querySelectorAll('path.implreg-whole')].map(path => path.getAttribute('d')).join()"
RUN = "figure => Object.fromEntries(Object.entries(figure.implreg.run).map(([name, x]) => [name, [...x]]))"
CHAPTERS = Path(__file__).parents[2] / "chapters"
WITH = {path.with_suffix(".html").name for path in CHAPTERS.glob("*.ipynb")} - {"proofs.html", "which-rank.html"} | {
    "index.html"
}


def reset(figure):
    figure.get_by_role("button", name="Reset").click()


def drag(page, slider):
    """Press a slider where it is and pull it to a fifth of its way, or to four fifths, whichever is farther."""
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    part = slider.evaluate("slider => (slider.value - slider.min) / (slider.max - slider.min)")
    x, y = box["x"] + 8 + part * (box["width"] - 16), box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * (0.2 if part > 0.5 else 0.8), y, steps=4)
    page.mouse.up()


def assert_ends_are_in_sight(figure):
    """At the end of the run that a figure opens with, the marker is on every line that has a value there; but a view in
    space says how far the run goes on outside."""
    figure.locator(".implreg-timeline input").press("End")
    found = figure.locator(".implreg-view:not(:has(.implreg-cell, .implreg-space))").evaluate_all(
        """all => all.flatMap((view) => {
          const items = [...view.querySelectorAll('.implreg-legend li:has(.implreg-value)')];
          const names = items.map((li) => li.querySelector('.implreg-value').previousSibling.textContent
            + li.querySelector('.implreg-value').textContent);
          const dots = [...view.querySelectorAll('.implreg-plot circle:not(.implreg-ring)')];
          return dots.map((dot, i) => [names[i], dot.getAttribute('visibility')]);
        })"""
    )
    assert found and [name for name, seen in found if seen != "visible" and not name.endswith("none")] == []


def test_every_control_answers_keys_and_pointer(browser, site, page_path):
    with visit(browser, site, page_path) as (page, faults):
        figures = page.locator(FIGURE)
        if page_path.split("/")[-1] not in WITH:
            assert figures.count() == 0
            return
        assert figures.count() >= 1
        for figure in figures.all():
            figure.scroll_into_view_if_needed()
            figure.locator("path.implreg-whole").first.wait_for(state="attached")
            assert_ends_are_in_sight(figure)

            def changes(act):
                reset(figure)
                before, data = figure.evaluate(DRAWN), figure.evaluate(RUN)
                act()
                error = figure.evaluate("figure => figure.implreg.error")
                return error or (figure.evaluate(DRAWN) != before and figure.evaluate(RUN) != data)

            for slider in figure.locator(".implreg-control input[type=range]").all():
                last = slider.evaluate("slider => slider.value === slider.max")
                assert changes(lambda: slider.press("ArrowLeft" if last else "ArrowRight")), slider
                assert changes(lambda: drag(page, slider)), slider
            for button in figure.get_by_role("radio").all():
                if not button.is_checked():
                    assert changes(button.check), button
                    break
            for field in figure.get_by_role("spinbutton").all():
                assert changes(lambda: field.press("ArrowUp")), field
            for pad in figure.locator(".implreg-pad").all():
                for tip in pad.locator(".implreg-tip").all():
                    assert changes(lambda: tip.drag_to(pad, target_position={"x": 30, "y": 120})), tip

            reset(figure)
            row = figure.evaluate("figure => figure.implreg.row")
            figure.locator(".implreg-timeline input").press("ArrowLeft" if row else "ArrowRight")
            assert figure.evaluate("figure => figure.implreg.row") == (row - 1 if row else 1)
            figure.get_by_role("button", name=re.compile("Keep this run|Forget it")).press("Enter")
        assert not faults, "\n".join(faults)


def assert_agree(shown, run, names):
    rows = len(next(iter(shown.values())))
    assert rows > 50
    for name in names:
        np.testing.assert_allclose(shown[name], np.asarray(run[name])[:rows], rtol=1e-8, atol=1e-11, err_msg=name)


@pytest.mark.parametrize("learning_rate, entries", [("0.002", "1,0.3,0.2,0.8"), ("0.02", "0.3,1,0.8,0.2")])
def test_a_linked_view_of_the_book_is_what_the_package_computes(browser, site, learning_rate, entries):
    """Chapter 2's descent and chapter 4's flow, at settings that only the address names."""
    query = f"?start={entries}&scale=0.05&learning_rate={learning_rate}&depth=4"
    with visit(browser, site, f"chapters/counterexample.html{query}#explore-when-does-the-unseen-entry-run-away") as (
        page,
        faults,
    ):
        page.locator(f"{FIGURE} path.implreg-whole").first.wait_for()
        start = 0.05 * jnp.array([float(x) for x in entries.split(",")]).reshape(2, 2)
        run = jax.jit(lambda W, rate: live.descent_columns(W, rate, depth=4))(start, float(learning_rate))
        assert_agree(page.locator(FIGURE).evaluate(RUN), run, ["step", "unseen_entry", "loss", "nuclear", "distance"])
        assert not faults


def test_a_linked_flow_of_the_book_is_what_the_package_computes(browser, site):
    path = "chapters/identity.html?alpha=0.037&depth=5#explore-how-fast-does-the-loss-go-to-zero"
    with visit(browser, site, path) as (page, faults):
        page.locator(f"{FIGURE} path.implreg-whole").first.wait_for()
        run = jax.jit(lambda W: live.flow_columns(W, depth=5.0, target_loss=1e-16))(0.037 * jnp.eye(2))
        assert_agree(page.locator(FIGURE).evaluate(RUN), run, ["t", "w", "loss"])
        assert not faults


def test_every_explorer_has_a_page_of_its_own(browser, site):
    """What the button "Embed" names: each is mounted, links back to its place, and says nothing in the console."""
    book = CHAPTERS.parent / "_build/html"
    pages = {page: page.read_text(encoding="utf-8") for page in [book / "index.html", *book.glob("chapters/*.html")]}
    explorers = {slug for text in pages.values() for slug in re.findall(r'implreg-explorer" id="([\w-]+)"', text)}
    assert explorers == {page.stem for page in (book / "embed").iterdir()} and len(explorers) >= len(WITH)
    for slug in explorers:
        with visit(browser, site, f"embed/{slug}.html") as (page, faults):
            page.locator(f"#{slug} path.implreg-whole").first.wait_for(state="attached")
            link = page.get_by_role("link", name="When every norm grows")
            home, _, target = link.get_attribute("href").partition("#")
            assert target == slug and f'id="{slug}"' in pages[(book / "embed" / home).resolve()]
            assert not faults, "\n".join(faults)


@pytest.mark.parametrize("width, height", [(1280, 800), (390, 844)])
def test_the_first_screen_of_the_book_asks_and_trains(browser, site, width, height):
    """The question, the guess, the matrix and the button are in sight at once; then the fourth entry runs away."""
    with visit(browser, site, "chapters/intro.html", width) as (page, faults):
        page.set_viewport_size({"width": width, "height": height})
        figure = page.locator(FIGURE).first
        figure.locator(".implreg-cell").first.wait_for()
        train = figure.get_by_role("button", name="Train")
        parts = [figure.locator(".implreg-question"), figure.get_by_role("spinbutton"), train]
        for part in [*parts, *figure.locator(".implreg-cell").all()]:
            box = part.bounding_box()
            assert box["y"] >= 0 and box["y"] + box["height"] <= height, (part, box)
        assert figure.locator(".implreg-given").all_text_contents()[:4] == ["?", "1", "1", "0"]
        figure.get_by_role("spinbutton").fill("12")
        train.click()
        figure.locator(".implreg-ending:not(:empty)").wait_for(timeout=8000)
        w, *given = [float(text.replace("−", "-")) for text in figure.locator(".implreg-now").all_text_contents()]
        assert w > 25 and all(abs(value - goal) < 0.05 for value, goal in zip(given, (1, 1, 0), strict=True))
        assert figure.locator(".implreg-ending").text_content().startswith("This run ended after 100,000 steps")
        assert not faults
