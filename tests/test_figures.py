"""Each figure draws what it was given: these numbers, under these labels, on these axes."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from drawn import contrast, falls, legend, lines, names, same, some_run
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D

from implreg_core import bounds, figures


@pytest.mark.parametrize("color", figures.COLORS)
def test_colors_stand_out_against_white(color):
    assert contrast(color, "white") >= 4.5


def test_runs_are_told_apart_by_dash_and_shade_in_the_hue_of_what_is_measured():
    lines = list(figures.told_apart(dict.fromkeys("abcd"), "norm"))
    assert [label for label, *_ in lines] == list("abcd") and lines[0][2]["color"] == figures.MEANINGS["norm"]
    assert len({style["dashes"] for *_, style in lines}) == 4
    for *_, style in lines:
        color, hue = (np.array(to_rgb(c)) for c in (style["color"], figures.MEANINGS["norm"]))
        assert np.allclose(color / color.max(), hue / hue.max(), atol=0.02)  # to 8 bits
    with pytest.raises(ValueError, match="`meaning` must be one of unseen, loss.*'nrm'"):
        next(figures.told_apart({"a": 0}, "nrm"))


def test_lines_are_named_where_they_end(ax):
    ends = {"low": 0.1, "middle": 0.5, "beside": 0.51, "high": 0.9}
    for label, end in ends.items():
        ax.plot([0, 1], [0, end], label=label)
    ax.plot([0, 1], [5, 5], label="out of sight")
    ax.plot([0, 1], [0.3, 0.3])
    ax.set(xlim=(0, 1), ylim=(0, 1))
    ax.legend()
    assert figures.name_lines(ax) is ax and ax.get_legend() is None
    assert names(ax) == ["high", "beside", "middle", "low"]
    at = {text.get_text(): text.xy[1] for text in ax.texts}
    assert at["low"] == 0.1 and at["high"] == 0.9 and at["beside"] - at["middle"] > 0.03
    colors = {line.get_label(): line.get_color() for line in ax.lines}
    assert all(text.get_color() == colors[text.get_text()] for text in ax.texts)


def test_names_of_lines_that_end_together_stand_in_their_order_and_within_the_axes(ax):
    for label in "abcde":
        ax.plot([0, 1], [0, 1], label=label)
    figures.name_lines(ax)
    heights = [text.xy[1] for text in ax.texts]
    assert names(ax) == list("abcde") and 0 <= min(heights) and max(heights) <= 1
    assert np.all(np.diff(heights) < -0.03)


@pytest.mark.usefixtures("book_style")
def test_a_common_legend_has_the_line_of_each_panel_for_each_label():
    _, axes = figures.panels(2)
    for ax, meaning in zip(axes, ("unseen", "rank")):
        for label, y, style in figures.told_apart({"depth 2": [1, 2], "depth 3": [1, 3]}, meaning):
            ax.plot(y, label=label, **style)
    drawn = figures.common_legend(axes, ncols=2)
    assert [text.get_text() for text in drawn.get_texts()] == ["depth 2", "depth 3"] and drawn in axes[0].figure.legends
    colors = [line.get_color() for line in drawn.findobj(Line2D)]
    assert colors == [line.get_color() for pair in zip(*(ax.lines for ax in axes)) for line in pair]
    assert {figures.MEANINGS["unseen"], figures.MEANINGS["rank"]} < set(colors)


def test_lines_differ_in_color_and_in_dash():
    assert len(set(figures.COLORS)) == len(set(figures.DASHES)) == len(figures.COLORS) == len(figures.DASHES)


@pytest.mark.usefixtures("book_style")
def test_style_and_panels():
    assert plt.rcParams["axes.prop_cycle"].by_key()["color"] == list(figures.COLORS)
    figure, axes = figures.panels(3, height=2.5, sharey=True)
    assert len(axes) == 3 and tuple(figure.get_size_inches()) == (7.2, 2.5)
    assert axes[0].get_shared_y_axes().joined(axes[0], axes[2])
    narrow, single = figures.panels()
    assert single in narrow.axes and narrow.get_size_inches()[0] < 7.2


def test_unseen_entry(ax):
    runs = {"depth 2": some_run(0), "depth 3": some_run(1, least_loss=1e-6)}
    assert figures.unseen_entry(runs, ax) is ax
    drawn = lines(ax)
    assert sorted(names(ax)) == sorted(drawn) == ["depth 2", "depth 3", "lower bound"]
    for label, run in runs.items():
        assert same(drawn[label], run.loss, np.abs(run.W[:, 0, 0]))
    loss, bound = drawn["lower bound"].T
    assert np.allclose(bound, bounds.unseen_entry_lower_bound(loss), rtol=1e-14) and loss.min() <= 1e-6 * 1.001
    assert falls(ax, 1e-6) and ax.get_yscale() == "log" and ax.get_ylabel() == figures.UNSEEN


def test_loss_over_time(ax):
    runs = {"depth 2": some_run(0), "depth 3": some_run(1, least_loss=1e-6)}
    figures.loss_over_time(runs, ax)
    assert legend(ax) == list(runs)
    for label, run in runs.items():
        assert same(lines(ax)[label], run.t[1:], run.loss[1:])  # time 0 has no logarithm
    assert ax.get_xscale() == ax.get_yscale() == "log" and "time" in ax.get_xlabel() and ax.get_ylabel() == figures.LOSS


def test_the_bound_and_the_axis_of_losses(ax):
    figures.unseen_entry_bound(ax, 1e-6)
    figures.loss_axis(ax, 1e-6)
    loss, bound = lines(ax)["lower bound"].T
    assert loss.max() < 1 / 2 and loss.min() == pytest.approx(1e-6)  # below, it says something
    assert np.all(bound == bounds.unseen_entry_lower_bound(loss)) and np.all(bound > 0)
    assert falls(ax, 1e-6) and ax.get_ylabel() == figures.UNSEEN
