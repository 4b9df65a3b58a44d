"""Settings that a reader takes from one explorer to another, in a real browser."""

import numpy as np
import pytest
from explorer_page import FIGURE, mounted, write_page

from implreg_core import explorers
from implreg_core.explorers import Control, Explorer, SpaceView, View


def fall(depth, **others):
    step = np.arange(1.0, 9)
    return {"step": step, "loss": np.exp(-depth * step)}


def explorer(question, *controls, **options):
    views = [View("Loss", "step", {"loss": "loss"}, "step", "loss", yscale="log")]
    return Explorer(question=question, controls=controls, compute=fall, views=views, caption="A fall.", **options)


FIRST = explorer(
    "Where does it begin?",
    Control("depth", "depth L", [2, 3, 5], 2),
    Control("sign", "sign", ["plus", "minus"], "plus"),
    continues={"second": "Where does it go?"},
)
SECOND = explorer("Where does it go?", Control("depth", "depth of it", [2, 3], 2))


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("onward")
    for name, figure in (("second", SECOND), ("first", FIRST)):
        write_page(folder, figure.static_html())
        (folder / "page.html").rename(folder / f"{name}.html")
    return (folder / "first.html").as_uri()


@pytest.mark.parametrize("presses, said", [
    (1, "Taken along: depth of it. Not taken along: sign."),
    (2, "Fitted to this figure: depth of it 3 instead of 5. Not taken along: sign."),
])  # fmt: skip
def test_a_link_takes_the_settings_along_as_far_as_they_go(open_page, address, presses, said):
    page = mounted(open_page(address))
    for _ in range(presses):
        page.get_by_role("slider", name="depth L").press("ArrowRight")
    page.get_by_role("link", name="Where does it go?").click()
    page.wait_for_url("**/second.html?*")
    mounted(page)
    assert page.locator(FIGURE).evaluate("figure => figure.implreg.settings.depth") == 3
    arrived = page.locator(".implreg-arrived")
    assert arrived.inner_text() == f"These settings come from “Where does it begin?”. {said}"
    page.get_by_role("slider", name="depth of it").press("ArrowLeft")
    assert arrived.inner_text() == ""  # they are the reader's own now


def test_on_a_touch_screen_a_link_is_a_target(browser, address):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(address)
    assert mounted(page).get_by_role("link", name="Where does it go?").bounding_box()["height"] >= 44
    context.close()


def test_alone_a_figure_leads_nowhere(open_page, tmp_path):
    page = mounted(open_page(FIRST.save(tmp_path / "alone.html").as_uri()))
    assert page.locator(".implreg-onward").count() == 0


def test_the_viewpoint_is_part_of_the_address(open_page, tmp_path):
    def climb(c):
        k = np.linspace(0, 1, 9)
        return {"t": 1 + k, "w12": k, "w22": c * k, "w": 1 + k}

    views = [SpaceView("Space"), View("Height", "t", {"w": "w"}, "t", "w")]
    controls = [Control("c", "c", [0.5, 1.0], 1.0)]
    figure = Explorer(question="Where to?", controls=controls, compute=climb, views=views, caption="Up.")
    address = write_page(tmp_path, figure.static_html())
    page = mounted(open_page(address))
    page.get_by_role("slider", name="turn").press("ArrowRight")
    page.wait_for_url("**view=5,18*")
    again = mounted(open_page(page.url))
    assert again.locator(".implreg-turn input").evaluate_all("all => all.map(i => Number(i.value))") == [5, 18]
    again.get_by_role("slider", name="turn").press("ArrowLeft")
    again.wait_for_function("!location.search.includes('view')")


def test_a_kept_run_is_in_the_table_and_among_the_points(open_page, tmp_path):
    figure = explorers.your_matrix("?,1;1,0")
    page = mounted(open_page(write_page(tmp_path, figure.static_html())))
    page.get_by_role("button", name="Keep this run").click()
    depth = page.locator(FIGURE).get_by_role("slider", name="depth")
    depth.press("ArrowRight")
    scatter = page.locator(".implreg-ring:visible")
    assert scatter.count() >= 1
    written = page.locator(".implreg-then").evaluate_all("all => all.map(t => t.textContent).filter(Boolean)")
    assert len(written) == 1 and written[0].startswith("○ ")  # the one entry that is unseen
