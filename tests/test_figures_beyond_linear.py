"""That the figures show what they are given."""

from types import SimpleNamespace

import numpy as np

from implreg_core import figures

KNOB = [1.0, 0.5, 0.0]


def test_determinants_are_those_of_the_run(ax):
    run = SimpleNamespace(t=np.array([0.0, 1.0, 2.0]), W=np.array([np.eye(2), 2 * np.eye(2), np.diag([3.0, -1.0])]))
    figures.beyond_linear.determinants({"slope 1": run}, ax)
    zero, line = ax.get_lines()
    np.testing.assert_allclose(line.get_xydata(), [[1, 4], [2, -3]])
    assert np.all(np.asarray(zero.get_ydata()) == 0) and line.get_label() == "slope 1"


def test_outcomes_stack_to_all_runs(ax):
    given = {name: np.array([0.1, 0.2, 0.3]) for name in figures.beyond_linear.OUTCOMES}
    given["grows"] = 1 - sum(given[name] for name in list(given)[1:])
    figures.beyond_linear.outcomes(KNOB, given, ax, title="t")
    tops = [bar.get_y() + bar.get_height() for bar in ax.containers[-1]]
    np.testing.assert_allclose(tops, 1)
    np.testing.assert_allclose([bar.get_height() for bar in ax.containers[0]], given["grows"])
    assert [text.get_text() for text in ax.get_xticklabels()] == ["1", "0.5", "0"]


def test_shares_are_drawn_with_their_intervals(ax):
    share, interval = np.array([0.0, 0.5, 1.0]), np.array([[0.0, 0.4, 0.9], [0.1, 0.6, 1.0]])
    figures.beyond_linear.shares(KNOB, {"width 2": (share, interval)}, ax, title="t")
    (line, *_) = ax.get_lines()
    assert np.array_equal(line.get_ydata(), share) and np.array_equal(line.get_xdata(), [0, 1, 2])
    bars = ax.collections[0].get_segments()
    np.testing.assert_allclose([[low, high] for (_, low), (_, high) in bars], interval.T, atol=1e-12)


def test_every_run_has_its_dot_and_lines_go_through_medians(ax):
    runs = np.array([[1.0, 2.0, 9.0], [3.0, 3.0, 4.0], [5.0, 6.0, 7.0]])
    figures.beyond_linear.against_slope(KNOB, {"depth 2": runs}, ax, title="t")
    dots, medians = ax.get_lines()
    assert sorted(dots.get_ydata()) == sorted(runs.ravel()) and list(medians.get_ydata()) == [2, 3, 6]
    assert ax.get_title("left") == "t" and ax.get_xlabel() == "slope"
