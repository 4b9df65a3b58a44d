"""The explorer in a real browser: a page opened from disk, with the bundled script and no kernel; then the
same front end as a widget, with Python answering."""

import numpy as np
import pytest
from explorer_page import FIGURE, mounted, show_widget, state, write_page

from implreg_core.explorers import Control, Explorer, NoRun, View, _still
from implreg_core.explorers._columns import decode_column

LONGEST_PLAY = 8000  # ms; a play takes 5 s


def decay(depth, sign):
    """A loss falling over 20 decades at a rate set by `depth`; unequal numbers of rows."""
    if (depth, sign) == (2, "det < 0"):
        raise NoRun("Depth 2 settles at once.")
    step = np.unique(np.rint(np.geomspace(1, 10**6, 60 + 10 * depth)))
    loss = step ** (-10 / 3 * depth / 4)
    return {"step": step, "loss": loss, "entry": depth / np.sqrt(loss), "bound": 1 / np.sqrt(loss)}


@pytest.fixture(scope="module")
def explorer():
    return Explorer(
        question="How fast does the loss fall?",
        controls=[
            Control("depth", label="depth L", values=[2, 3, 4], default=3),
            Control("sign", label="sign of det", values=["det > 0", "det < 0"], default="det > 0"),
        ],
        compute=decay,
        views=[
            View("Loss", "step", {"loss": "loss"}, "step t", "loss ℓ", xscale="log", yscale="log"),
            View(
                "Unseen entry",
                "loss",
                {"entry": "unseen entry", "bound": "lower bound"},
                "loss ℓ",
                "|W₁₁|",
                xscale="log",
                yscale="log",
                dashed={"bound"},
            ),
            View("On linear axes", "step", {"entry": "unseen entry"}, "step t", "|W₁₁|"),
        ],
        caption="The deeper, the faster.",
    )


@pytest.fixture(scope="module")
def address(explorer, tmp_path_factory):
    body = explorer.static_html()
    return write_page(tmp_path_factory.mktemp("static"), body)


def assert_shows(page, depth, sign="det > 0"):
    """The run on show is that of the setting, to the precision of the codec."""
    shown, run = state(page), decay(depth, sign)
    assert shown["settings"] == {"depth": depth, "sign": sign}
    assert shown["run"]["step"] == run["step"].tolist()
    for name in ("loss", "entry", "bound"):  # at most 46 in the logarithm: half a level is 3.6e-4
        np.testing.assert_allclose(shown["run"][name], run[name], rtol=4e-4)


def test_default_is_drawn_whole_and_decoded_like_in_python(open_page, address, explorer):
    page = mounted(open_page(address))
    assert_shows(page, 3)
    shown = state(page)
    for name, column in explorer.widget().answer["stored"].items():  # exp and log may differ by an ulp
        np.testing.assert_allclose(shown["run"][name], decode_column(column), rtol=1e-13)
    rows = len(shown["run"]["step"])
    assert shown["row"] == rows - 1
    series = page.locator("path.implreg-past").evaluate_all("all => all.map(path => path.dataset.series)")
    assert series == ["loss", "entry", "bound", "entry"]
    points = page.locator("path.implreg-past").evaluate_all(
        "all => all.map(path => path.getAttribute('d').split('L').length)"
    )
    assert points == [rows] * 4


def test_lines_run_where_the_axes_say(open_page, address):
    page = mounted(open_page(address))
    run = state(page)["run"]
    view = page.locator(".implreg-view").first
    path = view.locator("path.implreg-whole").get_attribute("d")
    drawn = np.array([pair.split(",") for pair in path[1:].split("L")], float)
    ticks = view.locator("g").evaluate_all(
        """all => all.map((g) => {
          const { e, f } = g.transform.baseVal[0].matrix;
          return [g.textContent, e, f];
        })"""
    )
    digits = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
    powers = [(int(text[2:].translate(digits)), x, y) for text, x, y in ticks]
    x_ticks = np.array([(power, x) for power, x, _ in powers if x > 0])
    y_ticks = np.array([(power, y) for power, x, y in powers if x == 0])
    assert len(x_ticks) >= 3 and len(y_ticks) >= 3
    for values, pixels, known in ((run["step"], drawn[:, 0], x_ticks), (run["loss"], drawn[:, 1], y_ticks)):
        slope, offset = np.polyfit(known[:, 0], known[:, 1], 1)
        np.testing.assert_allclose(pixels, offset + slope * np.log10(values), atol=0.3)  # 0.1 px rounding


def test_tick_labels_do_not_collide(open_page, address):
    for width in (1280, 390):
        page = mounted(open_page(address, width))
        for plot in page.locator(".implreg-plot").all():
            boxes = plot.locator("text").evaluate_all("all => all.map(text => text.getBoundingClientRect().toJSON())")
            for i, a in enumerate(boxes):
                for b in boxes[:i]:
                    apart = a["left"] >= b["right"] or b["left"] >= a["right"]
                    # line boxes are taller than digits, so those of two lines may overlap by a few pixels
                    assert apart or a["top"] >= b["bottom"] - 4 or b["top"] >= a["bottom"] - 4


RANGES = [(0, 1), (-3e-7, 2e-7), (1, 1 + 1e-6), (0.5, 0.5), (0, 0), (1e-300, 1e290), (2, 9), (0.9, 1.1)]
RANGES += [(-2e6, 3e6), (1e-28, 3), (1, 12), (99, 101), (1e6, 2e6), (-40, -8)]


def test_every_axis_has_distinct_ticks_in_order_and_whole_lines(open_page, tmp_path):
    scales = {"log": [low > 0 for low, _ in RANGES], "linear": [True] * len(RANGES)}
    columns = {f"c{i}": np.linspace(low, high, 7) for i, (low, high) in enumerate(RANGES)}
    explorer = Explorer(
        question="Do all axes work?",
        controls=[],
        compute=lambda: columns | {"t": np.arange(7)},
        views=[
            View(f"{scale} {RANGES[i]}", "t", {f"c{i}": "y"}, "t", "y", yscale=scale)
            for scale, usable in scales.items()
            for i in range(len(RANGES))
            if usable[i]
        ],
        caption="",
    )
    page = mounted(open_page(write_page(tmp_path, explorer.static_html()), 390))
    for view in page.locator(".implreg-view").all():
        title = view.locator(".implreg-title").text_content()
        ticks = view.locator("g:has(.implreg-grid)")
        texts = ticks.locator("text").all_text_contents()
        heights = ticks.evaluate_all("all => all.map(g => g.transform.baseVal[0].matrix.f)")
        assert 2 <= len(texts) == len(set(texts)), (title, texts)
        assert heights == sorted(heights, reverse=True), title
        assert all("NaN" not in path for path in view.locator("path").evaluate_all("a => a.map(p => p.outerHTML)"))
        assert view.locator(".implreg-plot text").first.bounding_box()["x"] >= 0, (title, texts)


def test_keys_move_a_control_and_all_views_follow(open_page, address):
    page = mounted(open_page(address))
    slider = page.get_by_role("slider", name="depth L")
    before = page.locator("path.implreg-whole").evaluate_all("all => all.map(path => path.getAttribute('d'))")
    labels = page.locator("svg text").all_text_contents()
    slider.press("ArrowRight")
    assert_shows(page, 4)
    assert slider.get_attribute("aria-valuetext") == "4"
    after = page.locator("path.implreg-whole").evaluate_all("all => all.map(path => path.getAttribute('d'))")
    assert all(a != b for a, b in zip(before, after))
    assert page.locator("svg text").all_text_contents() == labels  # the axes stay put
    for _ in range(2):
        slider.press("ArrowLeft")
    assert_shows(page, 2)


def test_setting_without_a_run_keeps_the_drawing(open_page, address):
    page = mounted(open_page(address))
    page.get_by_role("slider", name="depth L").press("ArrowLeft")
    page.get_by_role("radio", name="det < 0").check()
    shown = state(page)
    assert shown["settings"] == {"depth": 2, "sign": "det < 0"}
    assert shown["error"] == "Depth 2 settles at once."
    assert page.get_by_role("alert").text_content().startswith("Depth 2 settles at once.")
    assert shown["run"]["step"] == decay(2, "det > 0")["step"].tolist()
    page.get_by_role("radio", name="det < 0").press("ArrowLeft")
    assert_shows(page, 2)
    assert page.get_by_role("alert").text_content() == ""


def test_scrubbing_moves_one_marker_in_all_views_and_is_announced(open_page, address):
    page = mounted(open_page(address))
    run = state(page)["run"]
    scrubber = page.get_by_role("slider", name="Training time")
    scrubber.press("Home")
    for _ in range(30):
        scrubber.press("ArrowRight")
    assert state(page)["row"] == 30
    step = f"{run['step'][30]:.0f}"
    assert scrubber.get_attribute("aria-valuetext") == f"step t {step}"
    dots = page.locator("circle").evaluate_all(
        "all => all.map(dot => [+dot.attributes.cx.value, +dot.attributes.cy.value])"
    )
    paths = page.locator("path.implreg-whole").evaluate_all("all => all.map(path => path.getAttribute('d'))")
    for dot, path in zip(dots, paths, strict=True):
        point = [float(number) for number in path[1:].split("L")[30].split(",")]
        np.testing.assert_allclose(dot, point, atol=0.051)  # paths are rounded to 0.1 px
    values = page.locator(".implreg-value").all_text_contents()
    assert len(values) == 5  # loss; entry, bound and the loss they are drawn against; entry
    assert values[0] == values[3] and values[1] == values[4]
    page.wait_for_function("document.querySelector('.implreg-live').textContent")
    announced = page.locator(".implreg-live").text_content()
    assert announced == f"step t {step}; loss ℓ {values[0]}; unseen entry {values[1]}; lower bound {values[2]}"


@pytest.mark.parametrize("touch", [False, True])
def test_dragging_inside_a_plot_scrubs(open_page, address, touch):
    page = mounted(open_page(address, 390 if touch else 1280, has_touch=touch))
    plot = page.locator(".implreg-plot").first
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    if touch:
        page.touchscreen.tap(x, y)
    else:
        page.mouse.move(x + 100, y)
        page.mouse.down()
        page.mouse.move(x + 20, y)
        page.mouse.move(x, y)
        page.mouse.up()
        page.mouse.move(x - 100, y)  # after the drag: must not count
    shown = state(page)
    assert 0 < shown["row"] < len(shown["run"]["step"]) - 1
    marker = page.locator("line.implreg-hairline").first.evaluate("line => +line.getAttribute('x1')")
    assert abs(box["x"] + marker - x) < 4  # rows lie 3 px apart or so


def test_play_runs_to_the_end_pauses_and_resets(open_page, address):
    page = mounted(open_page(address))
    page.get_by_role("slider", name="depth L").press("ArrowRight")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(f"((row) => 5 < row && row < 80)(document.querySelector('{FIGURE}').implreg.row)")
    page.get_by_role("button", name="Pause").click()
    paused = state(page)["row"]
    page.wait_for_timeout(200)
    assert state(page)["row"] == paused < len(state(page)["run"]["step"]) - 1
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Play").wait_for(timeout=LONGEST_PLAY)  # its name again once at the end
    shown = state(page)
    assert shown["row"] == len(shown["run"]["step"]) - 1
    page.get_by_role("slider", name="Training time").press("Home")
    page.get_by_role("button", name="Reset").click()
    assert_shows(page, 3)
    shown = state(page)
    assert shown["row"] == len(shown["run"]["step"]) - 1


def test_reduced_motion_plays_in_coarse_steps(open_page, address):
    page = mounted(open_page(address, reduced_motion="reduce"))
    assert page.get_by_role("button", name="Play").is_visible()  # nothing plays by itself
    page.evaluate(
        """(selector) => {
          const output = document.querySelector('.implreg-timeline output');
          window.seen = [];
          new MutationObserver(() => seen.push(document.querySelector(selector).implreg.row))
            .observe(output, { childList: true });
        }""",
        FIGURE,
    )
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Play").wait_for(timeout=LONGEST_PLAY)
    assert 5 <= len(set(page.evaluate("seen"))) <= 11


@pytest.mark.parametrize("width", [390, 1280])
def test_page_fits_and_text_is_legible(open_page, address, width):
    page = mounted(open_page(address, width))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    plots = page.locator(".implreg-plot").evaluate_all("all => all.map(plot => plot.getBoundingClientRect().toJSON())")
    columns = len({round(plot["left"]) for plot in plots})
    assert columns == (1 if width == 390 else 2)
    sizes = page.locator(f"{FIGURE} *").evaluate_all(
        "all => all.filter(e => e.textContent).map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(sizes) >= 12
    texts = page.locator(".implreg-plot text").evaluate_all("all => all.map(t => t.getBoundingClientRect().toJSON())")
    assert all(0 <= text["left"] and text["right"] <= width for text in texts)


def test_views_are_redrawn_at_a_new_width(open_page, address):
    page = mounted(open_page(address, 1280))
    page.set_viewport_size({"width": 390, "height": 900})
    page.wait_for_function(
        """() => [...document.querySelectorAll('.implreg-plot')].every(
          (plot) => Math.abs(Number(plot.getAttribute('width')) - plot.parentElement.clientWidth) < 1)"""
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def luminance(color):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in np.array(color) / 255]
    return np.dot([0.2126, 0.7152, 0.0722], linear)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_contrast(open_page, address, theme):
    page = mounted(open_page(address))
    colors = page.evaluate(
        """([selector, theme]) => {
          document.documentElement.dataset.theme = theme;
          const figure = document.querySelector(selector);
          const probe = figure.appendChild(document.createElement('i'));
          const resolve = (name) => {
            probe.style.color = `var(--implreg-${name})`;
            return getComputedStyle(probe).color.match(/\\d+/g).map(Number);
          };
          const lines = Array.from({ length: 6 }, (_, i) => `line-${i}`);
          const names = ['text', 'muted', 'accent', 'danger', ...lines];
          return { surface: resolve('surface'), on: resolve('on-accent'), accent: resolve('accent'),
                   others: Object.fromEntries(names.map((name) => [name, resolve(name)])) };
        }""",
        [FIGURE, theme],
    )

    def contrast(a, b):
        dark, light = sorted([luminance(a), luminance(b)])
        return (light + 0.05) / (dark + 0.05)

    assert (luminance(colors["surface"]) < 0.1) == (theme == "dark")
    ratios = {name: contrast(color, colors["surface"]) for name, color in colors["others"].items()}
    ratios["on accent"] = contrast(colors["on"], colors["accent"])
    assert min(ratios.values()) >= 4.5, ratios  # WCAG AA for text
    dashes = (
        page.locator(".implreg-view")
        .nth(1)
        .locator("path.implreg-whole")
        .evaluate_all("all => all.map(path => getComputedStyle(path).strokeDasharray)")
    )
    assert len(set(dashes)) == 2  # not by colour alone


def test_everything_has_a_name(open_page, address):
    page = mounted(open_page(address))
    assert page.get_by_role("figure", name="How fast does the loss fall?").count() == 1
    assert page.get_by_role("group", name="sign of det").get_by_role("radio").count() == 2
    names = page.get_by_role("img").evaluate_all("all => all.map(image => image.getAttribute('aria-label'))")
    assert names[0] == (
        "Line plot. Loss; loss goes from 1.00 to 1.00\u00a0×\u00a010⁻¹⁵; step t goes from 1 to 1\u202f000\u202f000; "
        "logarithmic axis: step t, loss ℓ."
    )
    inputs = page.locator(f"{FIGURE} :is(input, button)")
    assert inputs.count() == 15  # three are tabs, for narrow places
    assert inputs.evaluate_all("all => all.every(input => input.dataset.lmSuppressShortcuts === 'true')")


def test_figures_far_away_are_mounted_on_arrival_or_before_printing(open_page, explorer, tmp_path):
    figures = [explorer.static_html().replace(f'id="{explorer.slug}"', f'id="{name}"') for name in "abc"]
    body = "<div style='height: 4000px'></div>".join(figures)
    page = mounted(open_page(write_page(tmp_path, body)))
    ready = f"[...document.querySelectorAll('{FIGURE}')].map(figure => Boolean(figure.implreg))"
    assert page.evaluate(ready) == [True, False, False]
    page.locator(FIGURE).nth(1).scroll_into_view_if_needed()
    page.wait_for_function(f"({ready})[1]")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(ready) == [True, True, True]
    ids = page.locator("[id]").evaluate_all("all => all.map(element => element.id)")
    assert len(ids) == len(set(ids))


def test_without_scripts_question_and_caption_remain(open_page, address):
    page = open_page(address, java_script_enabled=False)
    assert page.locator(".implreg-question").is_visible()
    assert page.get_by_text("The deeper, the faster.").is_visible()
    assert page.locator("noscript p").is_visible()


def test_moving_a_control_redraws_within_a_frame(open_page, address):
    page = mounted(open_page(address))
    milliseconds = page.get_by_role("slider", name="depth L").evaluate(
        """(slider) => {
          const times = Array.from({ length: 31 }, (_, i) => {
            const start = performance.now();
            slider.value = i % 3;
            slider.dispatchEvent(new Event('input'));
            return performance.now() - start;
          });
          return times.sort((a, b) => a - b)[15];
        }"""
    )
    assert milliseconds < 16


# ---- as a widget, with Python answering


def test_widget_front_end_with_python_answering(open_page, explorer, tmp_path):
    """The module as Jupyter loads it, against the widget's own answers."""
    page = open_page(write_page(tmp_path, ""))
    show_widget(page, explorer.widget())
    assert_shows(page, 3)
    slider = page.get_by_role("slider", name="depth L")
    slider.press("ArrowLeft")
    rows = len(decay(2, "det > 0")["step"])
    page.wait_for_function(f"document.querySelector('{FIGURE}').implreg.run.step.length === {rows}")
    assert_shows(page, 2)
    page.get_by_role("radio", name="det < 0").check()
    page.wait_for_function(f"document.querySelector('{FIGURE}').implreg.error")
    assert len(state(page)["run"]["step"]) == rows
    page.get_by_role("button", name="Reset").click()
    page.wait_for_function(f"document.querySelector('{FIGURE}').implreg.error === null")
    assert_shows(page, 3)
    page.evaluate("stop()")
    assert page.evaluate("listeners.size") == 0


def test_the_widget_stands_in_for_the_still_picture_before_it(open_page, explorer, tmp_path):
    """As in JupyterLab, where each output has a box of its own. A picture of another explorer is left alone."""
    stills = ['<img data-still="other">', _still.html(explorer.picture(), explorer.slug, "A picture.")]
    page = open_page(write_page(tmp_path, "".join(f"<div><p></p><div>{still}</div></div>" for still in stills)))
    hidden = lambda: page.locator("[data-still]").evaluate_all("all => all.map(e => e.hidden)")  # noqa: E731
    show_widget(page, explorer.widget())
    page.wait_for_function("document.querySelector('[data-still^=explore]').hidden")
    assert hidden() == [False, True]
    page.evaluate("stop()")
    assert hidden() == [False, False]
