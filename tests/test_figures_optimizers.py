"""The figures on other optimizers draw what they are given, with labels a reader can follow."""

from types import SimpleNamespace

import numpy as np
import pytest

from implreg_core import figures


def test_every_run_is_drawn_in_the_colour_of_its_optimizer(ax):
    w = np.geomspace(0.1, 30, 50)
    run = SimpleNamespace(W=-w[:, None, None] * np.eye(2), loss=1 / (1 + 2 * w**2))
    figures.optimizers.optimizers({"descent": [run, run], "Adam": [run]}, ax, title="depth 3")
    assert len(ax.lines) == 4 and ax.lines[1].get_ydata()[-1] == pytest.approx(30)
    assert len({line.get_color() for line in ax.lines[1:]}) == 2


def test_adaptive_edge_draws_each_optimizer_and_rate(book_style):
    entry, ratio = np.array([1.0, 2.0, 3.0]), np.array([0.5, 1.0, 0.9])
    runs = {(name, rate): (entry, ratio) for name in ("Adam", "RMSprop") for rate in (0.1, 0.01)}
    left, right = figures.optimizers.adaptive_edge(runs, figures.panels(2)[1])
    assert len(left.lines) == 5 and len(right.lines) == 4  # the limit is a line
    assert np.allclose(left.lines[1].get_xydata(), [(1, 0.5), (2, 1.0), (3, 0.9)])
    assert np.allclose(right.lines[3].get_ydata(), [1, 2, 3])
    assert len({line.get_color() for line in right.lines}) == 2
    assert (
        left.lines[1].get_color() == figures.MEANINGS["loss"]
        and right.lines[0].get_color() == figures.MEANINGS["unseen"]
    )
    assert len({str(line._dash_pattern) for line in right.lines}) == 2
