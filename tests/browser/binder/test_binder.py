"""Binder's image: it is small; in its JupyterLab the kernel's JAX answers every explorer, and the notebooks of the book
are complete before they run, and alive when they run.

All in one file, so that one worker makes the image. What is on show is compared with what the package computes here.
`make reading` opens every notebook, and prints the time and memory that each takes.
"""

import functools
import os
import re
import shutil

import explored
import jax
import jax.numpy as jnp
import nbformat
import numpy as np
import pytest
from lab import FAULTS, choose, opened, page_of, run_all, save, settled, shut_down, watched

from tools.publish import EDITION

INDEPENDENT, IN_STEP, LIVE = (0, 1), (2, 3), 4  # an explorer displayed twice; one of its widgets twice; a live one
CELLS = [
    "import explored\nexplorer = explored.stored()",
    "explorer",
    "explorer",
    "widget = explorer.widget()\ndisplay(widget, widget)",
    "explored.live()",
]
EVERY = sorted(path.stem for path in EDITION.glob("*.ipynb"))
CHAPTERS = EVERY if os.environ.get("CHAPTERS") == "all" else os.environ.get("CHAPTERS", "intro intuition").split()
BINDER = 2000  # megabytes
FIRST_RUN = 120_000  # ms; the kernel imports JAX and compiles


@pytest.fixture(scope="module")
def lab(browser, server, image):
    """JupyterLab with the notebook open and run; at the end, nothing may have gone wrong or asked the network."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    shutil.copy(explored.__file__, image.tree)
    nbformat.write(notebook, image.tree / "explorers.ipynb")  # beside explored.py, which it imports
    page, complaints = page_of(browser, server, height=4500)  # Lab takes cells out of sight off the page
    page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
    page.on("response", lambda reply: reply.status >= 400 and complaints.append(f"{reply.status}: {reply.url}"))
    page.goto(f"http://{server.address}/lab/tree/explorers.ipynb?reset&token={server.token}")
    page.get_by_text(re.compile(r"Python 3.*\| Idle")).wait_for(timeout=FIRST_RUN)
    choose(page, "Run", "Run All Cells")
    for place in (*INDEPENDENT, *IN_STEP, LIVE):
        figure(page, place).locator("path.implreg-past").first.wait_for(timeout=FIRST_RUN)
    yield page
    page.close()
    assert complaints == []


def figure(page, place):
    return page.locator("figure.implreg-explorer").nth(place)


def reset(figure):
    figure.get_by_role("button", name="Reset").click()
    return answered(figure)


def answered(figure):
    """What is on show once the kernel has answered: settings, run, row, error."""
    figure.and_(figure.page.locator(":not([aria-busy])")).wait_for(timeout=FIRST_RUN)
    return figure.evaluate(
        """({ implreg: { settings, run, row, error } }) => {
          const columns = Object.fromEntries(Object.entries(run).map(([name, values]) => [name, [...values]]));
          return { settings, run: columns, row, error };
        }"""
    )


def drag(page, box, *parts):
    """Presses at the first of `parts`, each (of the width, of the height) of a box, and releases at the last."""
    at = [(box["x"] + across * box["width"], box["y"] + down * box["height"]) for across, down in parts]
    page.mouse.move(*at[0])
    page.mouse.down()
    for point in at[1:]:
        page.mouse.move(*point, steps=4)
    page.mouse.up()


def assert_shows(shown, **settings):
    """The columns on show are those of the setting, to half a level of the codec."""
    assert (shown["settings"], shown["error"]) == (settings, None)
    for name, values in explored.stored_run(**settings).items():
        half_a_level = np.log(values.max() / values.min()) / 131070
        logarithms = np.log(shown["run"][name]) - np.log(values)
        assert np.abs(logarithms).max() <= half_a_level + 1e-12, name  # exp and log round


def assert_shows_live(shown, start, learning_rate, depth):
    """The columns on show are those of the setting, to the last digit."""
    settings = {"start": start, "learning_rate": learning_rate, "depth": depth}
    assert (shown["settings"], shown["error"]) == (settings, None)
    compute = jax.jit(functools.partial(explored.live_run, depth=depth))
    run = compute(start=jnp.array(start, float).reshape(2, 2), learning_rate=jnp.array(learning_rate, float))
    for name, values in run.items():
        np.testing.assert_array_equal(shown["run"][name], values, err_msg=name)


def test_default_is_what_the_package_computes(lab):
    for place in (*INDEPENDENT, *IN_STEP):
        assert_shows(answered(figure(lab, place)), learning_rate=0.05, depth=2)
    assert_shows_live(answered(figure(lab, LIVE)), start=[0.5, 0.1, 0.2, 0.4], learning_rate=0.05, depth=2)


def test_key_press_makes_the_kernel_compute(lab):
    stored, live = figure(lab, 0), figure(lab, LIVE)
    reset(stored)
    stored.get_by_role("slider", name="learning rate").press("ArrowRight")
    assert_shows(answered(stored), learning_rate=0.06, depth=2)
    stored.get_by_role("slider", name="depth L").press("ArrowRight")  # another program: JAX compiles
    assert_shows(answered(stored), learning_rate=0.06, depth=3)

    reset(live)
    live.get_by_role("slider", name="learning rate").press("ArrowRight")
    live.get_by_role("slider", name="depth L").press("ArrowRight")
    live.get_by_role("spinbutton", name="W₁₁").press("ArrowUp")
    shown = answered(live)
    assert shown["settings"]["learning_rate"] > 0.05
    assert_shows_live(shown, start=[0.55, 0.1, 0.2, 0.4], learning_rate=shown["settings"]["learning_rate"], depth=3)


def test_pointer_drag_makes_the_kernel_compute(lab):
    stored, live = figure(lab, 0), figure(lab, LIVE)
    reset(stored)
    drag(lab, stored.get_by_role("slider", name="learning rate").bounding_box(), (0.5, 0.5), (0.8, 0.5), (1, 0.5))
    assert_shows(answered(stored), learning_rate=0.3, depth=2)

    start = reset(live)["settings"]["start"]
    pad = live.locator(".implreg-pad")
    tip = pad.locator("circle").first.evaluate("dot => [dot.cx.baseVal.value, dot.cy.baseVal.value]")
    size = pad.bounding_box()["width"]
    drag(lab, pad.bounding_box(), (tip[0] / size, tip[1] / size), (0.3, 0.3), (0.25, 0.6))
    shown = answered(live)
    dragged = shown["settings"]["start"]
    assert dragged[0] < 0 and dragged[2] < 0 and dragged[1::2] == start[1::2]  # the first column, and no other
    assert_shows_live(shown, start=dragged, learning_rate=0.05, depth=2)


def test_pointer_drag_in_a_plot_scrubs(lab):
    rows = len(reset(figure(lab, 0))["run"]["step"])
    drag(lab, figure(lab, 0).locator(".implreg-plot").first.bounding_box(), (0.9, 0.5), (0.5, 0.5))
    assert 0 < answered(figure(lab, 0))["row"] < rows - 1


def cells_of(page):
    """The cells in order: prompt, kind, whether selected. Lab changes other classes when it finds time to lay out."""
    return page.locator(".jp-Notebook .jp-Cell").evaluate_all(
        """(cells) => {
          const telling = /^jp-(\\w+Cell|mod-active|mod-selected|mod-multiSelected)$/;
          return cells.map((cell) => [
            cell.querySelector(".jp-InputPrompt").textContent,
            ...[...cell.classList].filter((name) => telling.test(name)).sort(),
          ]);
        }"""
    )


def test_notebook_shortcuts_leave_the_keys_to_the_explorer(lab):
    for place, name in ((0, "learning rate"), (LIVE, "W₂₁")):
        reset(figure(lab, place))
        control = figure(lab, place).get_by_label(name)
        control.focus()
        before = cells_of(lab)
        for key in ("ArrowDown", "ArrowUp", "ArrowUp", "j", "b"):  # to Lab: select other cells, insert one
            control.press(key)
        answered(figure(lab, place))
        assert cells_of(lab) == before


def test_displays_of_an_explorer_are_independent_and_of_a_widget_in_step(lab):
    for (one, two), other in ((INDEPENDENT, 0.05), (IN_STEP, 0.04)):
        one, two = figure(lab, one), figure(lab, two)
        reset(one)
        reset(two)
        one.get_by_role("slider", name="learning rate").press("ArrowLeft")
        assert_shows(answered(one), learning_rate=0.04, depth=2)
        two.locator("output").get_by_text(str(other)).wait_for()
        assert_shows(answered(two), learning_rate=other, depth=2)


def test_controls_of_all_figures_are_named(lab):
    """Jupyter loads the front end once for each widget; ids must be unique all the same, or labels go astray."""
    for place in (*INDEPENDENT, *IN_STEP, LIVE):
        for name in ("learning rate", "depth L", "Training time"):
            assert figure(lab, place).get_by_role("slider", name=name, exact=True).count() == 1, (place, name)


def test_colours_follow_the_theme(lab):
    for theme, light in (("JupyterLab Dark", "false"), ("JupyterLab Light", "true")):
        choose(lab, "Settings", "Theme", theme)
        lab.locator(f'body[data-jp-theme-light="{light}"]').wait_for(state="attached")
        ground, ink, line = figure(lab, 0).evaluate(
            """(figure) => {
              const brightness = (color) => Math.max(...color.match(/\\d+/g).slice(0, 3)) / 255;
              const line = getComputedStyle(figure.querySelector("path.implreg-past")).stroke;
              return [getComputedStyle(figure).backgroundColor, getComputedStyle(figure).color, line].map(brightness);
            }"""
        )
        dark = light == "false"
        assert (ground < 0.2, ink > 0.8, line > 0.8) == (dark, dark, dark), theme


# ---- the notebooks of the book


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_is_read_run_and_read_again(browser, server, image, chapter, capsys):
    name = f"{chapter}.ipynb"
    notebook = nbformat.read(image.tree / name, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    plain = [output.get("data", {}) for cell in code for output in cell.outputs]
    pictures = sum("image/png" in data for data in plain)
    explorers = sum(data.get("text/plain", "").startswith("Explorer(") for data in plain)
    hidden = [cell.source.splitlines()[0] for cell in code if cell.metadata.get("jupyter", {}).get("source_hidden")]

    shut_down(server)  # what an earlier failure may have left, whose memory would count here
    with opened(browser, server, name) as (page, complaints):
        fresh = settled(page)
        assert (fresh["bad"], fresh["open"], fresh["errors"], fresh["explorers"]) == ([], 0, [], 0)
        assert [found for text in fresh["prose"] for found in FAULTS.findall(text)] == []
        assert fresh["pictures"] == pictures and fresh["formulas"] > 3
        assert [text.removesuffix("…").strip() for text in fresh["hidden"]] == hidden
        with watched(server) as figures:
            run_all(page, server)
        # JupyterLab renders what is far from the screen when it finds time.
        there = {"explorers": explorers, "pictures": pictures - explorers}
        waits = [f"window.read().{what} === {count}" for what, count in there.items()]
        waits.append(f"window.read().prose.length === {len(fresh['prose'])}")  # tables are among it
        page.wait_for_function(" && ".join(waits), timeout=60_000)
        run = settled(page)
        assert run["errors"] == [] and run["prose"] == fresh["prose"]
        assert (run["pictures"], run["explorers"]) == (pictures - explorers, explorers)  # these have come alive
        save(page)
        assert complaints == []
    shut_down(server)
    with opened(browser, server, name, "&kernel=none") as (page, complaints):
        again = settled(page)
        assert (again["pictures"], again["explorers"], again["widgetless"]) == (pictures, 0, 0)
        assert complaints == []
    shut_down(server)
    with capsys.disabled():
        print(f"\n{chapter}: {figures['seconds']:.0f} s on one processor, {figures['megabytes']:.0f} MB at most")
    assert figures["megabytes"] < BINDER


# ---- the image itself


def test_the_image_is_small(image, capsys):
    with capsys.disabled():
        print(f"\nBinder: {image.added:.0f} MB on top of the base image")
    assert image.added < 900  # without bytecode; jaxlib alone is 350, then SciPy, pandas (for xarray) and SymPy
