import base64
import json
import re
import subprocess
from html.parser import HTMLParser

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from in_node import find_node
from jax import lax

from implreg_core import explorers
from implreg_core.explorers import Control, Explorer, MatrixPad, NoRun, Slider, View, _names
from implreg_core.explorers._columns import decode_column, encode_column

ROWS = {2: 30, 3: 40}  # runs of unequal length


def decay(depth, sign):
    """A run with a closed form: a loss that falls exponentially and an entry that is its inverse root."""
    if (depth, sign) == (2, "det < 0"):
        raise NoRun("Depth 2 settles at once </script>.")
    t = np.arange(ROWS[depth])
    loss = np.exp(-depth * t)
    return {"step": t, "loss": loss, "entry": depth / np.sqrt(loss), "rank": 1 + loss, "unused": [np.nan]}


def explorer(compute=decay, **changes):
    arguments = {
        "question": "Does a < b?",
        "controls": [
            Control("depth", label="depth L", values=[2, 3], default=3),
            Control("sign", label="sign of det", values=["det > 0", "det < 0"], default="det > 0"),
        ],
        "compute": compute,
        "views": [
            View("Loss", x="step", y={"loss": "loss"}, xlabel="step", ylabel="loss", yscale="log"),
            View(
                "Entry and rank",
                x="loss",
                y={"entry": "entry", "rank": "effective rank"},
                xlabel="loss",
                ylabel="value",
                xscale="log",
                yscale="log",
                dashed={"rank"},
            ),
        ],
        "caption": "A & B.",
    }
    return Explorer(**{**arguments, **changes})


# ---- codec

SPREAD = st.floats(-1e150, 1e150)
POSITIVE = st.floats(1e-150, 1e150)


def columns(elements):
    return hnp.arrays(float, st.integers(1, 50), elements=elements)


@given(columns(SPREAD))
def test_linear_columns_come_back_within_half_a_level(values):
    back = decode_column(json.loads(json.dumps(encode_column(values, scale="linear"))))
    rounding = 4 * np.finfo(float).eps * np.abs(values).max()
    assert np.abs(back - values).max() <= np.ptp(values) / 131070 * (1 + 1e-9) + rounding
    assert back.min() == values.min() and back.max() == values.max()


@given(columns(POSITIVE))
def test_log_columns_come_back_within_half_a_level_of_the_logarithm(values):
    back = decode_column(json.loads(json.dumps(encode_column(values, scale="log"))))
    logs = np.log(values)
    rounding = 4 * np.finfo(float).eps * (1 + np.abs(logs).max())
    assert np.abs(np.log(back) - logs).max() <= np.ptp(logs) / 131070 * (1 + 1e-9) + rounding
    assert (back > 0).all()


@given(columns(POSITIVE), st.sampled_from(["linear", "log"]))
def test_order_is_kept(values, scale):
    back = decode_column(encode_column(np.sort(values), scale=scale))
    assert (np.diff(back) >= 0).all()


@given(columns(st.integers(-(2**52), 2**52).map(float)))
def test_whole_numbers_are_exact(values):
    back = decode_column(encode_column(values, scale="linear"))
    np.testing.assert_array_equal(back, values)


@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("values", [[0.3], [0.1, 0.1, 0.1], [1.0, np.nextafter(1.0, 2)]])
def test_constants_and_single_rows_are_exact(scale, values):
    back = decode_column(encode_column(np.array(values), scale=scale))
    np.testing.assert_allclose(back, values, rtol=2.3e-16)  # 1 ulp: two neighbours may share a logarithm


def test_codes_are_small_differences():
    column = encode_column(np.geomspace(1e-28, 1.5, 200), scale="log")
    assert max(map(abs, column["codes"])) <= 65535 / 199 + 1


@pytest.mark.parametrize(
    "values, scale, message",
    [
        ([1.0, np.nan], "linear", "`values` must be finite; got nan in row 1"),
        ([np.inf, 1.0], "linear", "finite; got inf in row 0"),
        ([1.0, -2.0, 0.0], "log", r"log axis must be positive; got -2.0 in row 1"),
        ([], "linear", "`values` is empty"),
        ([1.0], "cubic", "`scale` must be"),
    ],
)
def test_columns_that_cannot_be_drawn_are_refused(values, scale, message):
    with pytest.raises(ValueError, match=message):
        encode_column(np.array(values, float), scale=scale)


# ---- specification


@pytest.mark.parametrize(
    "build, message",
    [
        (lambda: Control("depth", "L", values=[2, 3, 2], default=2), "`values` of control 'depth'"),
        (lambda: Control("depth", "L", values=[], default=2), "`values` of control 'depth'"),
        (lambda: Control("depth", "L", values=[2, 3], default=4), "`default` of control 'depth'.*got 4"),
        (lambda: View("V", x="t", y={}, xlabel="", ylabel=""), "`y` of view 'V' is empty"),
        (lambda: View("V", x="t", y={"a": "a"}, xlabel="", ylabel="", yscale="log10"), "`yscale`.*'log10'"),
        (lambda: View("V", x="t", y={"a": "a"}, xlabel="", ylabel="", dashed={"b"}), "`dashed`.*'b'"),
        (lambda: explorer(controls=[Control("a", "a", values=[1], default=1)] * 2), "`controls`.*distinct"),
        (lambda: explorer(controls=[Control("at", "a", values=[1], default=1)]), "other than .'at'"),
        (lambda: explorer(views=[]), "`views` must have one plot at least"),
        (
            lambda: Slider("rate", "η", low=1, high=1, default=1),
            "needs finite `low` < `high`; got 1 and 1",
        ),
        (lambda: Slider("rate", "η", low=0, high=np.inf, default=1), "finite"),
        (
            lambda: Slider("rate", "η", low=0, high=1, default=2),
            "slider 'rate' must be from 0 to 1; got 2",
        ),
        (lambda: Slider("rate", "η", low=0, high=1, default=1, scale="log"), "positive `low`"),
        (lambda: Slider("rate", "η", low=0, high=1, default=1, step=0), "`step` of slider 'rate' must be positive"),
        (lambda: MatrixPad("M", "M", default=[[1, 2]]), "'default' of matrix pad 'M' must be 2 x 2"),
        (lambda: MatrixPad("M", "M", default=np.eye(2), presets={"far": 9 * np.eye(2)}), "'far' of matrix pad 'M'"),
        (lambda: MatrixPad("M", "M", default=np.full((2, 2), np.nan)), "'default'"),
        (lambda: View("V", x="t", y={"a": "a"}, xlabel="", ylabel="", ylim=(2, 1)), "`ylim` must be two growing"),
        (lambda: View("V", "t", {"a": "a"}, "", "", xscale="log", xlim=(0, 1)), "`xlim`.*fit a log axis"),
    ],
)
def test_bad_specifications_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize(
    "change, message",
    [
        ({"loss": np.ones(3)}, "one length; got shapes.*'loss': \\(3,\\)"),
        ({"loss": np.ones((40, 1))}, "1-D columns"),
        ({"loss": np.full(40, np.nan)}, "column 'loss'.*nan in row 0"),
        ({"rank": np.zeros(40)}, "column 'rank'.*positive; got 0.0 in row 0"),
        ({"entry": None}, "no column \\['entry'\\]"),
    ],
)
def test_runs_that_cannot_be_drawn_stop_the_static_build(change, message):
    def compute(depth, sign):
        run = {**decay(3, sign), **change}
        return {name: column for name, column in run.items() if column is not None}

    with pytest.raises(ValueError, match=message) as caught:
        explorer(compute).static_html()
    assert "{'depth': 2, 'sign': 'det > 0'}" in caught.value.__notes__[0]


def test_values_are_written_as_by_hand():
    control = Control("rate", label="rate", values=[-1, 0.001, 1e-4, 1e-5, 2.5e-7, "free"], default=-1)
    written = explorer(controls=[control])._spec()["controls"][0]
    assert written["texts"] == ["−1", "0.001", "10⁻⁴", "10⁻⁵", "2.5 × 10⁻⁷", "free"] and written["kind"] == "words"
    control = Control("rate", label="rate", values=[1, 2], default=2, format=lambda rate: f"{rate:.1f} %")
    written = explorer(controls=[control])._spec()["controls"][0]
    assert written["texts"] == ["1.0 %", "2.0 %"] and written["kind"] == "list"


# ---- static page


class Elements(HTMLParser):
    """The tags of a fragment, in order, and the text inside each kind of element."""

    def __init__(self, fragment):
        super().__init__()
        self.tags, self.text, self.attributes = [], {}, {}
        self.feed(fragment)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes[tag] = dict(attrs)

    def handle_data(self, data):
        self.text[self.tags[-1]] = self.text.get(self.tags[-1], "") + data


def test_static_figure_holds_every_run_and_no_widget(monkeypatch):
    monkeypatch.setenv("IMPLREG_STATIC", "1")
    monkeypatch.setattr(explorers, "_Widget", None)  # any use of a widget would fail
    bundle, metadata = explorer()._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html", "image/png"}
    png, size = base64.b64decode(bundle["image/png"]), metadata["image/png"]
    assert [int.from_bytes(png[k : k + 4]) for k in (16, 20)] == [2 * size["width"], 2 * size["height"]]
    elements = Elements(bundle["text/html"])
    assert elements.tags == ["figure", "p", "noscript", "p", "figcaption", "script"]
    assert elements.attributes["figure"] == {
        "class": "implreg-explorer",
        "id": "explore-does-a-b",
        "aria-label": "Does a < b?",
    }
    assert elements.text["p"].startswith("Does a < b?") and elements.text["figcaption"] == "A & B."
    assert "JavaScript" in elements.text["p"] and elements.attributes["script"]["type"] == "application/json"
    data = json.loads(elements.text["script"])
    assert data["spec"]["default"] == [1, 0]
    assert data["outcomes"][1] == {"error": "Depth 2 settles at once </script>."}
    choices = {0: (2, "det > 0"), 2: (3, "det > 0"), 3: (3, "det < 0")}
    for index, (depth, sign) in choices.items():
        stored = data["outcomes"][index]["stored"]
        assert set(stored) == {"step", "loss", "entry", "rank"}
        run = decay(depth, sign)
        np.testing.assert_array_equal(decode_column(stored["step"]), run["step"])
        for name in ("loss", "entry", "rank"):  # the widest spans 117 in the logarithm: half a level is 9e-4
            np.testing.assert_allclose(decode_column(stored[name]), run[name], rtol=1e-3)
    limits = data["limits"]
    assert limits["step"] == [0, 39] and limits["loss"] == [np.exp(-117.0), 1.0]


def test_names_are_plain_letters_and_distinct_where_letters_are_lost():
    assert explorer(question="How tight is Theorem 1?").slug == "explore-how-tight-is-theorem-1"
    questions = ["Почему?", "Зачем?", "為什麼?", "What does α do?", "What does β do?", "Is a ≤ b?", "Is a ≥ b?"]
    questions += ["?", "!"]
    slugs = [explorer(question=question).slug for question in questions]
    assert len(set(slugs)) == len(questions) and all(re.fullmatch("explore(-[a-z0-9]+)+", slug) for slug in slugs)
    assert slugs[3].startswith("explore-what-does-do-")
    assert slugs == [explorer(question=question).slug for question in questions]


def test_two_figures_of_a_page_under_one_name_are_refused(monkeypatch):
    monkeypatch.setenv("IMPLREG_STATIC", "1")
    monkeypatch.setattr(_names, "_pages", {})
    for _ in range(2):  # the same one again is no other
        explorer()._repr_mimebundle_()
    explorer(question="Does b < a?")._repr_mimebundle_()
    with pytest.raises(ValueError, match="Does a > b.* names another figure .*'explore-does-a-b'. Ask one"):
        explorer(question="Does a > b?")._repr_mimebundle_()


def test_text_is_short_and_stable(monkeypatch):
    text = "Explorer('Does a < b?', depth=[2, 3], sign=['det > 0', 'det < 0'])"
    for static in ("1", "0"):
        monkeypatch.setenv("IMPLREG_STATIC", static)
        assert explorer()._repr_mimebundle_()[0]["text/plain"] == text


def test_errors_other_than_no_run_stop_the_static_build():
    def compute(depth, sign):
        raise FloatingPointError("overflow")

    with pytest.raises(FloatingPointError, match="overflow"):
        explorer(compute).static_html()


# ---- Jupyter


def test_widget_answers_each_choice_once(monkeypatch):
    calls = []

    def compute(depth, sign):
        calls.append((depth, sign))
        return decay(depth, sign)

    widget = explorer(compute).widget()
    assert widget.answer["choice"] == [1, 0] and calls == [(3, "det > 0")]
    widget.choice = [0, 0]
    loss = decode_column(widget.answer["stored"]["loss"])
    assert widget.answer["choice"] == [0, 0] and loss.shape == (30,)
    widget.choice = [1, 0]
    assert calls == [(3, "det > 0"), (2, "det > 0")] and widget.answer["choice"] == [1, 0]


def test_widget_shows_what_went_wrong():
    def compute(depth, sign):
        if sign == "det < 0":
            return {**decay(3, sign), "loss": np.full(40, np.inf)}
        return decay(depth, sign)

    widget = explorer(compute).widget()
    widget.choice = [1, 1]
    assert "stored" not in widget.answer
    assert re.match("ValueError: `compute` gave a column 'loss' .* inf in row 0", widget.answer["error"])
    widget = explorer().widget()
    widget.choice = [0, 1]
    assert widget.answer["error"] == "Depth 2 settles at once </script>."


def test_jupyter_gets_a_widget(monkeypatch):
    monkeypatch.delenv("IMPLREG_STATIC", raising=False)
    bundle, _ = explorer()._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle and "text/html" not in bundle


# ---- the still picture


def displayed(monkeypatch, explorer):
    """What IPython is given when a cell ends in an explorer."""
    shown = []
    monkeypatch.setattr(explorers, "display", lambda data, metadata=None, raw=False: shown.append(data))
    explorer._ipython_display_()
    return shown


def test_a_notebook_shows_a_picture_and_then_the_widget(monkeypatch):
    monkeypatch.delenv("IMPLREG_STATIC", raising=False)
    still, widget = displayed(monkeypatch, explorer())
    elements = Elements(still["text/html"])
    assert elements.attributes["img"]["data-still"] == "explore-does-a-b"
    assert elements.attributes["img"]["alt"] == "Does a < b? A & B."
    assert base64.b64decode(elements.attributes["img"]["src"].split(",")[1]).startswith(b"\x89PNG")
    assert "application/vnd.jupyter.widget-view+json" in widget


def test_in_the_build_an_explorer_leaves_the_display_to_ipython(monkeypatch):
    monkeypatch.setenv("IMPLREG_STATIC", "1")
    with pytest.raises(NotImplementedError):
        displayed(monkeypatch, explorer())


def test_without_a_run_to_open_with_there_is_no_picture(monkeypatch):
    monkeypatch.delenv("IMPLREG_STATIC", raising=False)
    nothing = explorer(compute=lambda depth, sign: decay(2, "det < 0"))
    with pytest.raises(NoRun, match="Does a < b.*settles at once"):
        nothing.picture()
    (widget,) = displayed(monkeypatch, nothing)
    assert "application/vnd.jupyter.widget-view+json" in widget


def test_the_picture_shows_the_run_that_the_figure_opens_with():
    figure = explorer().picture()
    heading, settings, caption = (text.get_text() for text in figure.texts)
    assert (heading, settings, caption) == ("Does a < b?", "depth L: 3; sign of det: det > 0", "A & B.")
    run = decay(3, "det > 0")
    loss, entry = figure.axes
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["Loss", "Entry and rank"]
    assert (loss.get_yscale(), loss.get_xscale(), entry.get_xscale()) == ("log", "linear", "log")
    np.testing.assert_array_equal(loss.lines[0].get_xdata(), run["step"])
    np.testing.assert_allclose(loss.lines[0].get_ydata(), run["loss"], rtol=1e-3)
    labels = [line.get_label() for line in entry.lines if not line.get_label().startswith("_")]
    assert labels == ["entry", "effective rank"]


def test_the_picture_ends_where_the_run_ends():
    view = View("Size", "t", {"size": "size"}, "t", "size", yscale="log")
    pad, slider = MatrixPad("start", "start", np.eye(2)), Slider("rate", "rate", 0.1, 1000, default=1)
    live = Explorer(question="?", controls=[pad, slider], views=[view], caption=".",
                    compute=lambda rate, start: growth("any", rate, start))  # fmt: skip
    grown = live.picture().axes[0].lines[0]
    assert len(grown.get_xdata()) == 7 and np.all(np.diff(grown.get_xdata()) > 0)
    assert live.picture().texts[1].get_text() == "start: (1, 0; 0, 1), det M > 0; rate: 1"
    slider = Slider("rate", "rate", 0.1, 1000, default=300)
    live = Explorer(question="?", controls=[pad, slider], views=[view], caption=".",
                    compute=lambda rate, start: growth("any", rate, start))  # fmt: skip
    overflown = live.picture().axes[0].lines[0]
    assert 1 < len(overflown.get_xdata()) < 7 and np.isfinite(overflown.get_ydata()).all()


# ---- live programs


def growth(mode, rate, start):
    """Exponential growth of a determinant, recorded in ten rows; it overflows for a large rate."""

    def row(k):
        return {"t": jnp.minimum(k, 6.0), "size": jnp.abs(jnp.linalg.det(start)) * jnp.exp(rate * k), "unused": k}

    if mode == "none":
        raise NoRun("There is no growth without a mode.")
    return lax.map(row, jnp.arange(10.0))


def live(compute=growth, **changes):
    arguments = {
        "question": "How fast?",
        "controls": [
            MatrixPad("start", label="start", default=[[2, 0], [0, 1]], extent=2.0),
            Control("mode", label="mode", values=["some", "none"], default="some"),
            Slider("rate", label="rate", low=0.1, high=1000.0, default=1.0, scale="log"),
        ],
        "compute": compute,
        "views": [View("Size", x="t", y={"size": "size"}, xlabel="t", ylabel="size", yscale="log", ylim=(1, 1e3))],
        "caption": "Exponentially.",
    }
    return Explorer(**{**arguments, **changes})


def test_live_widget_computes_what_jax_computes():
    widget = live().widget()
    assert widget.choice == [[2, 0, 0, 1], 0, 1.0] and set(widget.answer["computed"]) == {"t", "size"}
    widget.choice = [[0.5, 1, 1, 0.5], 0, 0.25]
    expected = growth("some", 0.25, jnp.array([[0.5, 1], [1, 0.5]]))
    assert widget.answer["choice"] == [[0.5, 1, 1, 0.5], 0, 0.25]
    np.testing.assert_allclose(widget.answer["computed"]["size"], expected["size"], rtol=1e-14)
    widget.choice = [[0.5, 1, 1, 0.5], 0, 1000.0]
    assert widget.answer["computed"]["size"][1:] == [None] * 9  # infinite
    widget.choice = [[0.5, 1, 1, 0.5], 1, 1.0]
    assert widget.answer["error"] == "There is no growth without a mode."


def test_live_page_carries_one_program_for_each_listed_setting(monkeypatch):
    monkeypatch.setattr(explorers, "_Widget", None)
    page = live().static_html()
    script = re.search(r"<script>\n(.*?)</script>", page, re.S)[1]
    assert script.startswith('(globalThis.implregPrograms ??= {})["explore-how-fast"] = {')
    assert "function run(start, rate)" in script and '"1": "There is no growth without a mode."' in script
    data = json.loads(re.search(r'<script type="application/json">(.*?)</script>', page, re.S)[1])
    assert data["spec"]["columns"] == ["size", "t"] and "outcomes" not in data
    assert data["spec"]["default"] == [[2, 0, 0, 1], 0, 1.0]
    sizes = 'globalThis.implregPrograms["explore-how-fast"]["0"]'
    found = subprocess.run(
        [find_node(), "-e", f"{script}\nconsole.log(JSON.stringify({sizes}([2, 0, 0, 1], 0.5).map((x) => [...x])))"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    size, t = json.loads(found)
    expected = growth("some", 0.5, jnp.diag(jnp.array([2.0, 1.0])))
    np.testing.assert_allclose(size, expected["size"], rtol=1e-14)
    np.testing.assert_array_equal(t, expected["t"])


def test_what_javascript_cannot_express_stops_the_static_build():
    def compute(mode, rate, start):
        return {"t": jnp.sort(start.ravel()), "size": start.ravel()}

    with pytest.raises(ValueError, match="sort") as caught:
        live(compute).static_html()
    assert "'How fast?' was compiling the program of {'mode': 'some'}" in caught.value.__notes__[0]
    with pytest.raises(ValueError, match="no column \\['size'\\]"):
        live(lambda mode, rate, start: {"t": start.ravel()}).static_html()
