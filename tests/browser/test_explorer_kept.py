"""A run that is kept for comparison, in a real browser: by its button, from Python, from a link; stored and live."""

import csv
import io
import xml.etree.ElementTree as ET

import jax.numpy as jnp
import numpy as np
import pytest
from explorer_page import FIGURE, mounted, show_widget, state, write_page

from implreg_core.explorers import Control, Explorer, MatrixPad, NoRun, Slider, View

GHOST = "path.implreg-ghost"
ROWS = 40


def decay(depth, sign):
    if (depth, sign) == (4, "det < 0"):
        raise NoRun("Nothing here.")
    t = np.arange(ROWS if sign == "det > 0" else ROWS // 2)
    loss = np.exp(-depth * t / 4)
    return {"step": 1 + t, "loss": loss, "entry": 1 / loss if sign == "det > 0" else 0.5 + loss, "bound": 0.5 / loss}


def stored(**options):
    over = {"x": "step", "xlabel": "step"}
    return Explorer(
        question="Which way?",
        controls=[
            Control("depth", label="depth L", values=[2, 3, 4], default=3),
            Control("sign", label="start", values=["det > 0", "det < 0"], default="det > 0"),
        ],
        compute=decay,
        views=[
            View("Entry", y={"entry": "entry", "bound": "bound"}, dashed={"bound"}, ylabel="w", yscale="log", **over),
            View("Loss", y={"loss": "loss"}, ylabel="loss", yscale="log", **over),
        ],
        caption="A decay.",
        **options,
    )


def growth(start, rate):
    t = jnp.arange(60.0)
    return {"t": t, "size": jnp.linalg.det(start) * jnp.exp(rate * t)}


def live(**options):
    return Explorer(
        question="How far?",
        controls=[
            MatrixPad("start", label="the start", default=[[1, 0], [0, 1]], presets={"swapped": [[0, 1], [1, 0]]}),
            Slider("rate", label="rate", low=0.01, high=0.1, default=0.05),
        ],
        compute=growth,
        views=[View("Size", "t", {"size": "size"}, "t", "size")],
        caption="Growth.",
        **options,
    )


def ghosts(page):
    """The lines of the kept run."""
    return page.locator(f".implreg-plot {GHOST}").evaluate_all("all => all.map(path => path.getAttribute('d'))")


def lines(page):
    return page.locator("path.implreg-whole").evaluate_all("all => all.map(path => path.getAttribute('d'))")


def legend(page):
    return page.locator(".implreg-kept-item").all_text_contents()


def kept(page):
    return page.evaluate(f"(({{ kept }}) => kept && kept.choice)(document.querySelector('{FIGURE}').implreg)")


@pytest.mark.parametrize("kind", ["stored", "live"])
def test_a_run_stays_in_all_views_until_it_is_forgotten(open_page, tmp_path, kind):
    explorer = stored() if kind == "stored" else live()
    page = mounted(open_page(write_page(tmp_path, explorer.static_html())))
    assert ghosts(page) == [] and kept(page) is None
    before = lines(page)
    page.get_by_role("button", name="Keep this run").click()
    solid = before[:1] + before[2:]  # a bound is not drawn twice
    assert ghosts(page) == solid and legend(page) == ["kept (this run)"] * len(explorer.views)
    page.wait_for_function("document.querySelector('.implreg-live').textContent.startsWith('Kept')")
    if kind == "stored":
        page.get_by_role("radio", name="det < 0").check()
        assert legend(page) == ["kept (start: det > 0)"] * 2
    else:
        page.get_by_role("button", name="swapped").click()
        assert legend(page) == ["kept (M: (1, 0; 0, 1), det M > 0)"]
        axis = page.locator(".implreg-plot text").all_text_contents()
        assert any("−" in text for text in axis) and "10" in axis  # the axis holds both runs
    assert lines(page) != before
    if kind == "stored":  # whose axes hold all settings from the start
        assert ghosts(page) == solid
    assert all("NaN" not in line for line in ghosts(page))
    button = page.get_by_role("button", name="Forget it")
    assert button.text_content() == "Forget it"
    button.press("Enter")
    assert ghosts(page) == [] and legend(page) == [] and kept(page) is None
    page.wait_for_function("document.querySelector('.implreg-live').textContent.startsWith('The kept run is gone')")


def test_its_values_stand_beside_those_of_the_run(open_page, tmp_path):
    page = mounted(open_page(write_page(tmp_path, stored(beside={"sign": "det < 0"}).static_html())))
    values = page.locator(".implreg-view").first.locator(".implreg-kept").all_text_contents()
    own = decay(3, "det < 0")["entry"]
    assert values == [f"○ {own[-1]:.3f}", ""]  # it had ended before; a bound has no second value
    scrubber = page.get_by_role("slider", name="Training time")
    scrubber.press("Home")
    scrubber.press("ArrowRight")
    assert page.locator(".implreg-kept").first.text_content() == f"○ {own[1]:.3f}"
    ring, dot = (page.locator(f".implreg-plot circle{c}").first for c in (".implreg-ring", ":not(.implreg-ring)"))
    assert ring.get_attribute("cx") == dot.get_attribute("cx")
    page.wait_for_function("document.querySelector('.implreg-live').textContent.includes('The kept run: step 2; ')")
    assert "Kept beside it, start: det < 0: entry goes from 1.50" in page.get_by_role("img").first.get_attribute(
        "aria-label"
    )


@pytest.mark.parametrize("explorer", [stored(beside={"sign": "det < 0"}), live(beside={"rate": 0.01})])
def test_an_explorer_may_open_with_one_in_the_page_and_in_jupyter(open_page, tmp_path, explorer):
    page = mounted(open_page(write_page(tmp_path, explorer.static_html())))
    in_page, words = ghosts(page), legend(page)
    assert kept(page) == explorer._spec()["beside"] and len(in_page) == len(explorer.views)
    assert words[0] in ("kept (start: det < 0)", "kept (rate: 0.01)")
    page.get_by_role("button", name="Forget it").click()
    assert ghosts(page) == []
    page.get_by_role("button", name="Reset").click()
    assert ghosts(page) == in_page  # as it opened
    other = open_page(write_page(tmp_path, ""))
    show_widget(other, explorer.widget())
    assert legend(other) == words and kept(other) == explorer._spec()["beside"]
    assert [line.count("L") for line in ghosts(other)] == [line.count("L") for line in in_page]


def test_a_kept_run_outlives_a_reset(open_page, tmp_path):
    page = mounted(open_page(write_page(tmp_path, stored(beside={"sign": "det < 0"}).static_html())))
    page.get_by_role("slider", name="depth L").press("Home")
    page.get_by_role("button", name="Forget it").click()
    page.get_by_role("button", name="Keep this run").click()
    page.get_by_role("button", name="Reset").click()
    assert kept(page) == [0, 0] and state(page)["settings"]["depth"] == 3
    assert legend(page)[0] == "kept (depth L: 2)"


# ---- links


def copied(page, name):
    button = page.locator(f"button[title*='{'address' if name == 'Copy link' else 'HTML'}']")
    button.click()
    button.filter(has_text="Copied").wait_for()
    return page.evaluate("navigator.clipboard.readText()")


@pytest.mark.parametrize("explorer", [stored(), live(), live(beside={"rate": 0.01})])
def test_a_link_and_a_frame_open_with_it(open_page, tmp_path, explorer):
    address = write_page(tmp_path, explorer.static_html())
    page = mounted(open_page(address, permissions=["clipboard-read", "clipboard-write"]))
    if explorer.beside:
        page.get_by_role("button", name="Forget it").click()
        without = copied(page, "Copy link")
        assert "&beside=none" in without and kept(mounted(open_page(without))) is None
    first = page.get_by_role("slider", name="depth L" if "depth L" in page.content() else "rate")
    first.press("ArrowRight")
    page.get_by_role("button", name="Keep this run").click()
    first.press("Home")
    link = copied(page, "Copy link")
    assert "beside." in link
    again = mounted(open_page(link))
    assert kept(again) == kept(page) and ghosts(again) == ghosts(page) and legend(again) == legend(page)
    assert state(again)["settings"] == state(page)["settings"]
    assert link.split("?")[1].split("#")[0] in copied(page, "Embed").replace("&amp;", "&")
    page.wait_for_timeout(700)
    assert page.url == link


def test_a_link_to_no_run_opens_without_it(open_page, tmp_path):
    address = write_page(tmp_path, stored().static_html())
    page = mounted(open_page(f"{address}?beside.depth=4&beside.sign=det+<+0#explore-which-way"))
    assert kept(page) is None and ghosts(page) == []
    page = mounted(open_page(f"{address}?beside.depth=9#explore-which-way"))
    assert page.get_by_role("alert").text_content().endswith("(kept depth L: 9).")


# ---- what is taken away


def test_it_is_in_the_data_and_in_the_picture(open_page, tmp_path):
    page = mounted(open_page(write_page(tmp_path, stored(beside={"sign": "det < 0"}).static_html())))

    def download(kind):
        with page.expect_download() as caught:
            page.get_by_role("button", name=f"as {kind}").click()
        return caught.value.path().read_text(encoding="utf-8")

    rows = list(csv.DictReader(io.StringIO(download("CSV"))))
    assert [row["run"] for row in rows] == ["shown"] * ROWS + ["kept"] * (ROWS // 2)
    assert {(row["run"], row["sign"]) for row in rows} == {("shown", "det > 0"), ("kept", "det < 0")}
    np.testing.assert_allclose(
        [float(row["entry"]) for row in rows if row["run"] == "kept"], decay(3, "det < 0")["entry"], rtol=1e-3
    )
    drawing = ET.fromstring(download("SVG"))
    space = "{http://www.w3.org/2000/svg}"
    texts = [node.text.replace("\xa0", " ") for node in drawing.iter(f"{space}text")]
    assert "Kept beside it, thin with rings: start: det < 0" in texts and texts.count("kept (start: det < 0)") == 2
    drawn = [path.get("d") for path in drawing.iter(f"{space}path")]
    assert set(ghosts(page)) <= set(drawn)
    page.get_by_role("button", name="Forget it").click()
    assert not download("CSV").startswith("run,") and "Kept beside" not in download("SVG")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_told_apart_without_colour_and_fits_a_phone(open_page, tmp_path, theme):
    explorer = stored(beside={"sign": "det < 0", "depth": 2})
    page = mounted(open_page(write_page(tmp_path, explorer.static_html()), 390, color_scheme=theme))
    page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for view in page.locator(".implreg-view").all():
        rings = view.locator(".implreg-plot path.implreg-ring").first.get_attribute("d")
        assert rings.count("M") >= 2
        widths = [
            view.locator(f".implreg-plot {line}").first.evaluate(
                "line => parseFloat(getComputedStyle(line).strokeWidth)"
            )
            for line in ("path.implreg-ghost", "path.implreg-past")
        ]
        assert widths[0] < widths[1]
    boxes = page.locator(".implreg-legend span").evaluate_all(
        "all => all.map(span => span.getBoundingClientRect().right)"
    )
    assert max(boxes) <= 390
