"""Explorers whose page runs our own JAX source, and what every explorer lets a reader take away, in a real browser."""

import csv
import io
import struct
import xml.etree.ElementTree as ET

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from explorer_page import FIGURE, mounted, state, write_page

from implreg_core import live
from implreg_core.explorers import Control, Explorer, MatrixPad, NoRun, Slider, View

MAX_STEPS = 10_000


def descend(depth, start, scale, learning_rate):
    if depth == 5:
        raise NoRun("Depth 5 is left to the reader.")
    return live.descent_columns(scale * start, learning_rate, depth=depth, max_steps=MAX_STEPS, target_loss=1e-5)


@pytest.fixture(scope="module")
def explorer():
    return Explorer(
        question="Does the entry run away?",
        controls=[
            MatrixPad("start", label="start", default=[[1, 0.2], [-0.1, 0.8]], presets={"swap": [[0, 1], [1, 0]]}),
            Slider("scale", label="scale", low=1e-3, high=1.0, default=0.1, scale="log"),
            Slider("learning_rate", label="learning rate η", low=1e-3, high=3.0, default=0.02, scale="log"),
            Control("depth", label="depth L", values=[2, 3, 5], default=3),
        ],
        compute=descend,
        views=[
            View("Entry", "step", {"unseen_entry": "|W₁₁|"}, "step", "|W₁₁|", xscale="log", yscale="log",
                 xlim=(1, MAX_STEPS), ylim=(0.1, 100)),
            View("Loss", "step", {"loss": "loss ℓ"}, "step", "loss ℓ", xscale="log", yscale="log", ylim=(1e-6, 10)),
        ],
        caption="Gradient descent.",
    )  # fmt: skip


@pytest.fixture(scope="module")
def address(explorer, tmp_path_factory):
    return write_page(tmp_path_factory.mktemp("live"), explorer.static_html())


def assert_computes(page):
    """The numbers on show are those that JAX finds at the settings on show."""
    shown = state(page)
    settings = shown["settings"]
    start = jnp.array(settings["start"], float).reshape(2, 2)
    run = jax.jit(descend, static_argnums=0)(settings["depth"], start, settings["scale"], settings["learning_rate"])
    rows = len(shown["run"]["step"])
    assert rows > 20
    np.testing.assert_array_equal(shown["run"]["step"], run["step"][:rows])
    for name in ("unseen_entry", "loss"):  # the loss is a difference squared: near 1e-5 it has twelve digits
        np.testing.assert_allclose(shown["run"][name], run[name][:rows], rtol=1e-9, atol=1e-12, err_msg=name)
    return settings, shown["run"]


def test_page_computes_what_the_package_computes(open_page, address):
    page = mounted(open_page(address))
    assert_computes(page)
    for name, key in (("scale", "ArrowRight"), ("learning rate η", "PageDown"), ("depth L", "Home")):
        before = state(page)["settings"]
        page.get_by_role("slider", name=name).press(key)
        settings, _ = assert_computes(page)
        assert settings != before
    page.get_by_role("button", name="Reset").click()
    settings, _ = assert_computes(page)
    assert settings == {"start": [1, 0.2, -0.1, 0.8], "scale": 0.1, "learning_rate": 0.02, "depth": 3}


def test_every_place_of_a_continuous_slider_is_one_value(open_page, address):
    page = mounted(open_page(address))
    slider = page.get_by_role("slider", name="learning rate η")
    slider.press("Home")
    assert state(page)["settings"]["learning_rate"] == 1e-3 and slider.get_attribute("aria-valuetext") == "0.001"
    seen = [1e-3]
    for _ in range(5):
        slider.press("ArrowRight")
        seen.append(state(page)["settings"]["learning_rate"])
    assert seen == sorted(set(seen)) and seen[5] < 1.3e-3  # fine steps


def test_arrows_of_a_matrix_are_dragged_and_typed(open_page, address):
    page = mounted(open_page(address))
    pad = page.locator(".implreg-pad")
    before = state(page)["run"]
    box = pad.bounding_box()
    centre, unit = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2), box["width"] / 2 / 1.12 / 1.5
    page.mouse.move(centre[0] + 0.2 * unit, centre[1] - 0.8 * unit)  # the second column, (0.2, 0.8)
    page.mouse.down()
    page.mouse.move(centre[0] + unit, centre[1] + 0.5 * unit)
    page.mouse.move(centre[0] - 0.5 * unit, centre[1] - unit, steps=4)
    page.mouse.up()
    page.mouse.move(centre[0], centre[1])  # after the drag: must not count
    settings, run = assert_computes(page)
    np.testing.assert_allclose(settings["start"], [1, -0.5, -0.1, 1], atol=0.03)
    assert run["unseen_entry"] != before["unseen_entry"]
    field = page.get_by_role("spinbutton", name="M₂₁")
    field.fill("1.5")
    assert assert_computes(page)[0]["start"][2] == 1.5
    assert page.locator(".implreg-determinant").text_content().startswith("det M = 1.")
    field.fill("7")  # beyond the range: not taken, and gone when the field is left
    field.blur()
    assert state(page)["settings"]["start"][2] == 1.5 and field.input_value() == "1.5"
    page.get_by_role("button", name="swap").click()
    assert assert_computes(page)[0]["start"] == [0, 1, 1, 0]
    assert page.locator(".implreg-area").get_attribute("class").split() == ["implreg-area", "implreg-negative"]


def test_divergence_and_missing_runs_are_told(open_page, address):
    page = mounted(open_page(address))
    page.get_by_role("slider", name="learning rate η").press("End")
    shown = state(page)
    assert page.locator(".implreg-ending").text_content().startswith("This run diverges")
    assert shown["error"] is None and np.isfinite(shown["run"]["loss"]).all()
    page.get_by_role("slider", name="depth L").press("End")
    assert page.get_by_role("alert").text_content().startswith("Depth 5 is left to the reader.")
    assert state(page)["run"] == shown["run"]
    page.get_by_role("button", name="Reset").click()
    assert page.get_by_role("alert").text_content() == page.locator(".implreg-ending").text_content() == ""


def test_lines_end_at_the_limits_of_an_axis(open_page, address):
    page = mounted(open_page(address))
    page.get_by_role("slider", name="scale").press("Home")
    clip = page.locator(".implreg-window").first
    assert clip.evaluate("window => getComputedStyle(window).overflow") == "hidden"
    labels = page.locator(".implreg-plot").first.locator("text").all_text_contents()
    page.get_by_role("slider", name="scale").press("End")
    assert page.locator(".implreg-plot").first.locator("text").all_text_contents() == labels
    numbers = page.locator("path").evaluate_all("all => all.map(path => path.getAttribute('d')).join()")
    assert "NaN" not in numbers and "Infinity" not in numbers


# ---- the state in the address


def test_a_link_reopens_the_view(open_page, address):
    page = mounted(open_page(address, permissions=["clipboard-read", "clipboard-write"]))
    page.get_by_role("spinbutton", name="M₁₂").fill("-0.35")
    page.get_by_role("slider", name="learning rate η").press("ArrowRight")
    page.get_by_role("slider", name="depth L").press("ArrowLeft")
    scrubber = page.get_by_role("slider", name="Training time")
    for _ in range(7):
        scrubber.press("ArrowLeft")
    left = state(page)
    page.get_by_role("button", name="Copy link").click()
    page.get_by_role("button", name="Copied").wait_for()
    link = page.evaluate("navigator.clipboard.readText()")
    assert link.endswith("#explore-does-the-entry-run-away")
    assert state(mounted(open_page(link))) == left
    page.wait_for_timeout(700)  # the address follows when all is at rest
    assert page.url == link


def test_a_link_with_nonsense_says_so_and_shows_the_default(open_page, address):
    query = "?start=1,0,0,9&scale=abc&learning_rate=0.03&depth=4&at=999999"
    page = mounted(open_page(f"{address}{query}#explore-does-the-entry-run-away"))
    settings, run = assert_computes(page)
    assert settings == {"start": [1, 0.2, -0.1, 0.8], "scale": 0.1, "learning_rate": 0.03, "depth": 3}
    text = page.get_by_role("alert").text_content()
    assert all(part in text for part in ("start: 1,0,0,9", "scale: abc", "depth L: 4")), text
    assert state(page)["row"] == len(run["step"]) - 1
    assert mounted(open_page(f"{address}?learning_rate=0.05")).get_by_role("alert").text_content() == ""
    assert state(mounted(open_page(f"{address}?learning_rate=0.05")))["settings"]["learning_rate"] == 0.02


# ---- one file, and a frame in another page


@pytest.mark.parametrize("theme, ground", [("light", "rgb(255, 255, 255)"), ("dark", "rgb(20, 24, 30)")])
def test_a_saved_explorer_is_one_file_that_works(open_page, explorer, tmp_path, theme, ground):
    page = mounted(open_page(explorer.save(tmp_path / "alone.html").as_uri(), color_scheme=theme))
    assert [path.name for path in tmp_path.iterdir()] == ["alone.html"]
    assert page.title() == explorer.question
    page.get_by_role("slider", name="depth L").press("ArrowLeft")
    settings, run = assert_computes(page)
    assert settings["depth"] == 2
    for name, values in explorer.run(**settings | {"start": np.reshape(settings["start"], (2, 2))}).items():
        np.testing.assert_allclose(run[name], values, rtol=1e-9, atol=1e-12)
    assert page.locator(FIGURE).evaluate("figure => getComputedStyle(figure).backgroundColor") == ground


def test_a_frame_shows_the_view_that_it_was_copied_from(open_page, explorer, tmp_path):
    address = explorer.save(tmp_path / "alone.html").as_uri()
    page = mounted(open_page(address, permissions=["clipboard-read", "clipboard-write"]))
    page.get_by_role("slider", name="depth L").press("ArrowLeft")
    page.get_by_role("slider", name="Training time").press("ArrowLeft")
    left = state(page)
    page.get_by_role("button", name="Embed").click()
    page.get_by_role("button", name="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    (tmp_path / "other.html").write_text(f"<!doctype html><title>T</title>{copied}", encoding="utf-8")
    other = open_page((tmp_path / "other.html").as_uri())
    frame = other.frame_locator("iframe").locator(FIGURE)
    frame.locator("path").first.wait_for()
    shown = frame.evaluate("({ implreg }) => ({ settings: implreg.settings, row: implreg.row })")
    assert shown == {"settings": left["settings"], "row": left["row"]}
    room = "element => document.documentElement.clientHeight - element.getBoundingClientRect().bottom"
    assert frame.evaluate(room) >= 0, "the frame cuts the figure"


# ---- downloads


def download(page, kind):
    with page.expect_download() as caught:
        page.get_by_role("button", name=f"as {kind}").click()
    assert caught.value.suggested_filename == f"explore-does-the-entry-run-away.{kind.lower()}"
    return caught.value.path().read_bytes()


def test_data_and_picture_can_be_taken_away(open_page, address):
    page = mounted(open_page(address))
    page.get_by_role("slider", name="depth L").press("ArrowLeft")
    shown = state(page)
    rows = list(csv.DictReader(io.StringIO(download(page, "CSV").decode())))
    assert len(rows) == len(shown["run"]["step"])
    for name, values in shown["run"].items():
        assert [float(row[name]) for row in rows] == values  # to the last digit
    assert [rows[0][f"start_{ij}"] for ij in ("11", "12", "21", "22")] == ["1", "0.2", "-0.1", "0.8"]
    assert rows[-1]["depth"] == "2" and rows[-1]["learning_rate"] == "0.02"

    drawing = ET.fromstring(download(page, "SVG"))
    space = "{http://www.w3.org/2000/svg}"
    texts = [node.text.replace("\xa0", " ") for node in drawing.iter(f"{space}text")]
    assert texts[0] == "Does the entry run away?" and "learning rate η: 0.02" in texts[1]
    assert {"Entry", "Loss", "|W₁₁|"} <= set(texts)
    lines = [path.get("d") for path in drawing.iter(f"{space}path")]
    assert lines == page.locator("path").evaluate_all("all => all.map(path => path.getAttribute('d'))")
    assert "var(" not in ET.tostring(drawing, "unicode")  # it needs no style sheet

    picture = download(page, "PNG")
    assert picture.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", picture[16:24])
    assert abs(width - 2 * float(drawing.get("width"))) <= 2 and abs(height - 2 * float(drawing.get("height"))) <= 2


# ---- speed


def test_a_hundred_thousand_steps_are_drawn_within_a_frame(open_page, tmp_path):
    """A generous limit on the median of compute and draw; `benchmarks/pages.py` measures in earnest."""

    def compute(rate):
        start = 0.1 * jnp.array([[1.0, 0.2], [-0.1, 0.8]])
        return live.descent_columns(start, rate, depth=3, max_steps=100_000, target_loss=0.0)

    explorer = Explorer(
        question="How fast?",
        controls=[Slider("rate", label="rate", low=1e-3, high=1e-2, default=2e-3)],
        compute=compute,
        views=[View("Loss", "step", {"loss": "loss"}, "step", "loss", xscale="log", yscale="log")],
        caption="",
    )
    page = mounted(open_page(write_page(tmp_path, explorer.static_html())))
    milliseconds = page.get_by_role("slider", name="rate").evaluate(
        """(slider) => {
          const times = Array.from({ length: 60 }, (_, i) => {
            const start = performance.now();
            slider.value = 100 + i;
            slider.dispatchEvent(new Event('input'));
            return performance.now() - start;
          });
          return times.sort((a, b) => a - b)[30];
        }"""
    )
    assert state(page)["run"]["step"][-1] == 100_001
    assert milliseconds < 40
