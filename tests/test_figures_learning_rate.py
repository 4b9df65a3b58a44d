"""The figures on learning rates draw what they are given, with labels a reader can follow."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest

from implreg_core import figures


@pytest.fixture
def axes():
    fig, axes = plt.subplots(2, 3)
    yield axes
    plt.close(fig)


def run(flips=False):
    w = np.geomspace(0.1, 30, 50)
    W = np.zeros((50, 2, 2))
    W[:, 0, 0] = -w
    sign = np.where(w > 10, -1.0, 1.0) if flips else np.ones(50)
    return SimpleNamespace(W=W, loss=1 / (1 + 2 * w**2), step=np.arange(50), det_sign=sign)


def test_departures_draws_flow_runs_and_edges(axes):
    ax = figures.learning_rate.departures({0.1: run(), 0.05: run()}, run(), {0.1: 9.0, 0.05: 16.0}, axes[0, 0])
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["flow", r"$\eta = 0.1$", r"$\eta = 0.05$"]
    assert len(ax.lines) == 5 and ax.lines[2].get_xdata()[0] == 9.0
    assert np.all(ax.lines[0].get_xdata() > 0) and "W_{11}" in ax.get_xlabel()


def test_edge_ratio_draws_departures_over_edges(axes):
    ax = figures.learning_rate.edge_ratio({2: (np.array([10.0, 20.0]), np.array([11.0, 20.0]))}, axes[0, 0])
    assert np.allclose(ax.lines[0].get_ydata(), 1) and np.allclose(ax.lines[1].get_ydata(), [1.1, 1])


def test_two_laws_draws_every_start_and_every_law(axes):
    rates = np.array([0.1, 0.01])
    lost = {"scale 1": (rates, np.array([[3.0, 4.0], [5.0, np.nan]])), "scale 2": (rates, np.array([[6.0], [7.0]]))}
    laws = {"edge": (rates, 2 / rates), "predicted": (rates, rates**-0.3)}
    ax = figures.learning_rate.two_laws(lost, laws, axes[0, 0], title="depth 3")
    labelled = [line.get_label() for line in ax.lines if not line.get_label().startswith("_")]
    assert labelled == ["edge", "predicted", "scale 1", "scale 2"] and len(ax.lines) == 5
    assert {line.get_color() for line in ax.lines[:2]} == {figures.GREY}  # laws
    assert np.allclose(ax.lines[0].get_ydata(), [20, 200]) and np.allclose(ax.lines[2].get_ydata(), [3, 5])


def test_gaps_draws_small_ones_on_a_floor(axes):
    paths = {"a": [(np.arange(3), np.array([1.0, 0.5, 0.0]))] * 2, "b": [(np.arange(3), np.ones(3))]}
    ax = figures.learning_rate.gaps(paths, axes[0, 0], title="t")
    assert len(ax.lines) == 3 and np.allclose(ax.lines[0].get_ydata(), [0.5, 1e-9])


def test_beyond_the_edge_marks_the_loss_of_the_sign(axes):
    runs = {"a": run(), "b": run(flips=True), "c": run()}
    sharpness = {label: np.linspace(0, 1, 50) for label in runs}
    figures.learning_rate.beyond_the_edge(runs, sharpness, dict(a=5.0, b=6.0, c=7.0), axes)
    first = np.argmax(runs["b"].det_sign < 0)
    data = [[np.asarray(line.get_xdata()) for line in ax.lines] for ax in axes[0]]
    vertical = [[x for x in lines if x.size and np.ptp(x) == 0] for lines in data]
    assert [len(lines) for lines in vertical] == [0, 1, 0] and vertical[1][0][0] == first
    assert axes[0, 2].lines[0].get_ydata()[0] == 7.0
    assert axes[0, 0].get_ylabel() and axes[1, 0].get_ylabel()


def test_created_unbalancedness_has_lines_of_slope_one(axes):
    rates = np.array([0.1, 0.01, 0.001])
    ax = figures.learning_rate.created_unbalancedness(rates, {"s": rates[:, None] * np.array([1.0, 3.0])}, axes[0, 0])
    assert len(ax.lines) == 4
    for dots, line in (ax.lines[:2], ax.lines[2:]):
        assert np.allclose(dots.get_ydata(), line.get_ydata())


def test_flips_draws_measured_and_predicted(axes):
    rates = np.array([0.1, 0.01, 0.001])
    flip, end = {"s": np.array([2.0, 2.5, 3.0])}, {"s": np.array([5.0, 5.5, 6.0])}
    ax = figures.learning_rate.flips(rates, flip, end, (flip, end), axes[0, 0])
    assert [line.get_ydata()[0] for line in ax.lines] == [2, 2, 5, 5]
    height = {text.get_text(): text.get_position()[1] for text in ax.texts}
    assert 2.5 < height["sign lost"] < height["settles"] < 5.5


def test_halved_learning_rate_draws_every_run(axes):
    ax = figures.learning_rate.halved_learning_rate([run(), run()], [run()], axes[0, 0], title="depth 2")
    assert len(ax.lines) == 4 and ax.get_title() == "depth 2"
    assert {line.get_color() for line in ax.lines[1:]} == {figures.MEANINGS["unseen"]}
    assert [line.get_label() for line in ax.lines if "eta" in str(line.get_label())] == [r"$\eta$", r"$\eta / 2$"]
