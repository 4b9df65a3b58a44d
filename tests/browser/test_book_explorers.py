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
WITH = {path.with_suffix(".html").name for path in CHAPTERS.glob("*.ipynb")} - {"proofs.html"} | {"index.html"}


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


def test_every_control_answers_keys_and_pointer(browser, site, page_path):
    with visit(browser, site, page_path) as (page, faults):
        figures = page.locator(FIGURE)
        if page_path.split("/")[-1] not in WITH:
            assert figures.count() == 0
            return
        assert figures.count() >= 1
        for figure in figures.all():
            figure.scroll_into_view_if_needed()
            figure.locator("path.implreg-whole").first.wait_for()

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
            figure.locator(".implreg-timeline input").press("ArrowLeft")
            assert figure.evaluate("figure => figure.implreg.row") == row - 1
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
            page.locator(f"#{slug} path.implreg-whole").first.wait_for()
            link = page.get_by_role("link", name="When every norm grows")
            home, _, target = link.get_attribute("href").partition("#")
            assert target == slug and f'id="{slug}"' in pages[(book / "embed" / home).resolve()]
            assert not faults, "\n".join(faults)
