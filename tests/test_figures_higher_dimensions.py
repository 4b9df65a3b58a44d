"""That the figures on larger matrices show what they are given, and nothing is hidden by a limit."""

import numpy as np
from drawn import labelled

from implreg_core import figures


def test_runs_against_loss_end_in_dots(ax):
    loss = np.array([0.9, 0.1, 0.02])
    runs = {"d = 2": [(loss, np.array([1.0, 2.0, 7.0])), (loss, np.array([1.0, 3.0, 9.0]))]}
    figures.higher_dimensions.against_loss(runs, (np.array([1.0, 0.01]), np.array([0.1, 8.0])), ax, title="t")
    assert labelled(ax) == {"bound": [[1, 0.1], [0.01, 8]], "d = 2": [[0.9, 1], [0.1, 2], [0.02, 7]]}
    dots = [line.get_xydata().tolist() for line in ax.get_lines() if line.get_marker() == "o"]
    assert dots == [[[0.02, 7]], [[0.02, 9]]]
    assert {line.get_color() for line in ax.get_lines()[1:]} == {figures.MEANINGS["unseen"]}
    left, right = ax.get_xlim()
    assert left > 1 > 0.01 > right  # the loss falls to the right


def test_flows_over_time_have_their_law(ax):
    t = np.array([1.0, 10.0])
    figures.higher_dimensions.over_time(
        {"d = 2": (t, t**-1), "d = 5": (t, 2 / t)}, (t, 1 / t), ax, ylabel="loss", title="t", meaning="loss"
    )
    assert labelled(ax)["d = 5"] == [[1, 2], [10, 0.2]] and labelled(ax)["predicted"] == [[1, 1], [10, 0.1]]
    assert (ax.get_xscale(), ax.get_yscale(), ax.get_ylabel()) == ("log", "log", "loss")
    first, second, law = ax.get_lines()
    assert first.get_color() == figures.MEANINGS["loss"] != second.get_color() and law.get_color() == figures.GREY


def test_equality_spans_all_records(ax):
    sides = {"a": (np.array([0.3, 0.1]), np.array([0.2, 0.1])), "b": (np.array([0.2, 0.01]), np.array([0.2, 0.2]))}
    figures.higher_dimensions.room_left(sides, ax, xlabel="error", ylabel="distance", title="t")
    assert labelled(ax)["equality"] == [[0.01, 0.01], [0.3, 0.3]] and labelled(ax)["b"] == [[0.2, 0.2], [0.01, 0.2]]
    assert ax.get_xlim()[0] > 0.3 > 0.01 > ax.get_xlim()[1]


def test_ends_have_a_dot_each_and_a_line_of_medians(ax):
    figures.higher_dimensions.ends_by_scale(
        [1e-1, 1e-3], {"3 x 5": np.array([[1.0, 2.0, 9.0], [3.0, 4.0, 5.0]])}, ax, title="t"
    )
    assert labelled(ax)["3 x 5"] == [[1e-1, 2], [1e-3, 4]]
    dots = [xy for line in ax.get_lines() if line.get_marker() == "o" for xy in line.get_xydata().tolist()]
    assert sorted(dots) == [[1e-3, 3], [1e-3, 4], [1e-3, 5], [1e-1, 1], [1e-1, 2], [1e-1, 9]]
