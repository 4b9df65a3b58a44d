"""Each figure draws what it was given: these numbers, under these labels, on these axes."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from drawn import falls, legend, lines, same, some_run
from matplotlib.colors import to_rgb

from implreg_core import bounds, figures


@pytest.mark.parametrize("color", figures.COLORS)
def test_colors_stand_out_against_white(color):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
    luminance = np.dot([0.2126, 0.7152, 0.0722], linear)  # WCAG 2: relative luminance, then contrast
    assert 1.05 / (luminance + 0.05) >= 4.5


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
    assert legend(ax) == list(drawn) == ["lower bound", "depth 2", "depth 3"]
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
