"""What an explorer shows beside its run: a kept one, a guess, the matrix in numbers, and why the run ended."""

import json
import re

import jax.numpy as jnp
import numpy as np
import pytest

from implreg_core import explorers
from implreg_core.explorers import Control, Ending, Explorer, Guess, MatrixPad, MatrixView, NoRun, Slider, View
from implreg_core.explorers._columns import decode_column
from implreg_core.explorers._controls import in_words

ENTRIES = [["w", "w12"], ["w21", "w22"]]


def settle(sign):
    """Three entries go to 1, 1, 0; the fourth grows or stops."""
    if sign == "none":
        raise NoRun("There is no such start.")
    t = np.arange(30.0)
    fit = 1 - np.exp(-t)
    w = t if sign == "+" else 0.5 * fit
    columns = {"step": 1 + t, "loss": np.exp(-t), "w": w, "w12": fit, "w21": fit, "w22": 0.1 * np.exp(-t)}
    return columns | {"bound": 0.5 * t, "sign": np.full(30, 1.0 if sign == "+" else -1.0)}


def explorer(**changes):
    views = [
        MatrixView("W", entries=ENTRIES, given=[[None, 1], [1, 0]]),
        View(
            "Entry",
            "step",
            {"w": "w", "bound": "bound", "guess": "guess"},
            "step",
            "w",
            dashed={"bound", "guess"},
            where={"bound": "sign"},
        ),
    ]
    arguments = {
        "question": "Which way?",
        "controls": [
            Control("sign", label="start", values=["+", "-", "none"], default="+"),
            Guess("guess", "your guess", -5, 40, default=2),
        ],
        "compute": settle,
        "views": views,
        "caption": "There.",
        "beside": {"sign": "-"},
        "endings": [
            Ending("fits at loss {loss}", "loss", at_most=1e-13),
            Ending("ended in step {step}", "step", at_least=30),
        ],
    }
    return Explorer(**{**arguments, **changes})


def data(page):
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', page, re.S)[1])


def test_a_page_is_told_what_to_show():
    page = data(explorer(opens="start", play="Train").static_html())
    spec = page["spec"]
    assert (spec["beside"], spec["default"], spec["opens"], spec["play"]) == ([1, 2.0], [0, 2.0], "start", "Train")
    assert spec["endings"][0] == {"text": "fits at loss {loss}", "column": "loss", "most": 1e-13, "least": None}
    matrix, plot = spec["views"]
    assert (matrix["kind"], matrix["columns"], plot["kind"]) == ("matrix", 2, "plot")
    assert [entry["given"] for entry in matrix["series"]] == [None, "1", "1", "0"]
    assert [entry["label"] for entry in matrix["series"]] == ["W₁₁", "W₁₂", "W₂₁", "W₂₂"]
    assert matrix["series"][0]["color"] == plot["series"][0]["color"]  # the unseen entry has one colour
    assert [series["where"] for series in plot["series"]] == [None, "sign", None]
    assert "guess" not in spec["columns"] and {"sign", "loss", "w22"} <= set(spec["columns"])
    assert "guess" not in page["outcomes"][0]["stored"] and page["outcomes"][2]["error"]
    plain = data(explorer(beside=None).static_html())["spec"]
    assert (plain["beside"], plain["opens"], plain["play"]) == (None, "end", "Play")


def test_what_only_an_ending_reads_keeps_its_digits():
    stored = data(explorer().static_html())["outcomes"][0]["stored"]
    np.testing.assert_allclose(decode_column(stored["loss"]), settle("+")["loss"], rtol=1e-3)


def test_a_widget_answers_for_the_kept_run():
    widget = explorer().widget()
    assert widget.beside["choice"] == [1, 2.0] and widget.choice == [0, 2.0]
    np.testing.assert_allclose(decode_column(widget.beside["stored"]["w"]), settle("-")["w"], atol=1e-5)
    assert explorer(beside=None).widget().beside is None


def test_a_run_has_the_guess_as_a_column():
    run = explorer().run(guess=7)
    assert np.all(run["guess"] == 7) and len(run["guess"]) == 30
    assert explorer().run()["guess"][0] == 2


def test_how_a_run_ended_is_said_in_a_sentence():
    figure = explorer()
    assert figure.ending() == "This run ended in step 30."
    soon = [Ending("fits at loss {loss}", "loss", at_most=1e-12), *figure.endings]
    assert explorer(endings=soon).ending(sign="-") == "This run fits at loss 2.54 × 10⁻¹³."
    assert explorer(endings=[]).ending() == ""
    assert explorer(endings=[Ending("stalls")]).ending() == "This run stalls."
    used_up = explorers.descent_endings(max_steps=29)
    assert explorer(endings=used_up).ending() == "This run ended after 29 steps, at loss 2.54 × 10⁻¹³."
    assert explorers.flow_endings(target_loss=1e-3)[0].is_met({"loss": np.array([1.0, 1.0005e-3])})
    fits, _ = explorers.descent_endings(max_steps=10, target_loss=1e-5)
    assert fits.is_met({"loss": np.array([1e-5])}) and not fits.is_met({"loss": np.array([2e-5])})


def test_a_setting_in_words_names_what_differs():
    controls = [
        MatrixPad("M", "the start", np.eye(2), presets={"swapped": [[0, 1], [1, 0]]}),
        Slider("rate", "rate η", 0, 1, default=0.5),
        Guess("guess", "your guess", 0, 1, default=0),
    ]
    setting = {"M": [[0, 1], [1, 0]], "rate": 1e-5, "guess": 1}
    assert in_words(controls, setting) == "M: swapped, det M < 0; rate η: 10⁻⁵"
    assert in_words(controls, setting, {**setting, "M": np.eye(2)}) == "M: swapped, det M < 0"
    assert in_words(controls, setting, {**setting, "guess": 0}) == ""


def test_the_picture_shows_the_kept_run_the_matrix_and_the_end():
    figure = explorer().picture()
    assert figure.texts[-1].get_text() == "This run ended in step 30. There."
    matrix, entry = figure.axes
    written = [text.get_text() for text in matrix.texts]
    assert written[:3] == ["?", "29", "○ 0.5"] and written[3:5] == ["1", "1"] and len(written) == 12
    kept = [line for line in entry.lines if line.get_label() == "_kept"]
    assert len(kept) == 1  # a bound and a guess are not drawn twice
    np.testing.assert_array_equal(kept[0].get_ydata(), settle("-")["w"])
    assert "kept (start: -)" in entry.get_legend_handles_labels()[1]
    opposite = explorer(controls=[Control("sign", "start", ["-", "+"], "-"), *explorer().controls[1:]], beside=None)
    bound = [line for line in opposite.picture().axes[1].lines if line.get_label() == "bound"][0]
    assert np.isnan(bound.get_ydata()).all()  # which does not apply there


def test_a_kept_run_that_is_none_stops_the_picture():
    with pytest.raises(NoRun, match="Which way.*no such start"):
        explorer(beside={"sign": "none"}).picture()


def test_a_live_explorer_may_hold_all_of_it():
    def compute(rate):
        t = jnp.arange(20.0)
        return {"t": t, "a": rate * t, "b": -t}

    live = Explorer(
        question="?",
        controls=[Slider("rate", "rate", 0, 1, default=1), Guess("g", "guess", 0, 9, default=3)],
        compute=compute,
        views=[MatrixView("A", [["a", "b"]], [[None, 1]]), View("A", "t", {"a": "a", "g": "g"}, "t", "a")],
        beside={"rate": 0.5},
        endings=[Ending("ended at b = {b}", "b", at_most=0)],
        caption=".",
    )
    assert live.live and live._spec()["columns"] == ["a", "b", "t"]
    assert live.ending() == "This run ended at b = -19." and "function run(rate)" in live.static_html()
    assert live.widget().beside["computed"]["a"][-1] == 9.5


@pytest.mark.parametrize(
    "build, message",
    [
        (lambda: Guess("g", "g", 1, 1, default=1), "guess 'g' needs finite `low` < `high`"),
        (lambda: Guess("g", "g", 0, 1, default=2), "`default` of guess 'g' must be from 0 to 1; got 2"),
        (lambda: MatrixView("W", [], []), "`entries` of matrix view 'W' must be rows of one length"),
        (lambda: MatrixView("W", [["a"], ["b", "c"]], [[1], [1, 1]]), r"got rows of lengths \[1, 2\]"),
        (lambda: MatrixView("W", [["a"] * 7], [[1] * 7]), "1 to 6 by 1 to 6"),
        (lambda: MatrixView("W", [["a", "b"]], [[1]]), "`given` of matrix view 'W' must have the shape of `entries`"),
        (lambda: Ending("fits", "loss"), "both a `column` and a limit"),
        (lambda: Ending("fits", at_most=1), "both a `column` and a limit"),
        (lambda: View("V", "t", {"a": "a"}, "", "", where={"b": "t"}), r"`where` of view 'V' names \['b'\]"),
        (lambda: explorer(beside={"depth": 3}), "no control is called"),
        (lambda: explorer(beside={"sign": "?"}), "the value of control 'sign'"),
        (lambda: explorer(opens="middle"), '`opens` must be "start" or "end"'),
        (lambda: explorer(opens="start", play=None), "needs a `play` button"),
        (lambda: explorer(views=[MatrixView("W", ENTRIES, [[None] * 2] * 2)]), "`views` must have one plot at least"),
        (lambda: explorer(controls=[Control("beside", "b", [1], 1)]), "other than .'at', 'beside'"),
    ],
)
def test_what_cannot_be_is_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_an_explorer_continues_in_those_of_other_pages():
    spec = explorer(continues={"learning-rate": "What stops it?"}).widget().spec
    assert spec["continues"] == [
        {"page": "learning-rate", "slug": "explore-what-stops-it", "question": "What stops it?"}
    ]
    assert explorer().widget().spec["continues"] == []
    with pytest.raises(ValueError, match=r"`continues` must name pages.*\['a/b.html'\]"):
        explorer(continues={"a/b.html": "What?"})
