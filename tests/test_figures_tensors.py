"""That the figures show what they are given: every line, point and label, and nothing hidden by a limit."""

import matplotlib.pyplot as plt
import numpy as np

from implreg_core.figures import GREY, MEANINGS
from implreg_core.figures import tensors as figures


def lines(ax):
    return [line.get_xydata().tolist() for line in ax.get_lines()]


def test_the_circuit_connects_every_channel_of_every_patch(ax):
    figures.circuit(ax, order=3, size=4, channels=2)
    segments = [line for line in lines(ax) if len(line) == 2]
    starts, ends = (sorted(tuple(segment[end]) for segment in segments) for end in (0, 1))
    assert len(segments) == 2 * 3 * 2 + 2  # patch to filter, filter to product; and product to sum
    assert all(ends.count(product) == 3 for product in set(ends) if product[0] == 5)  # one factor from each patch
    assert ends.count(max(ends)) == 2 == len({start for start in starts if start[0] == 5})
    assert sum(patch.get_facecolor()[:3] != (1, 1, 1) for patch in ax.patches) == 3  # one-hot, thrice
    assert {"patches", "sum", "$x^3$"} <= {text.get_text() for text in ax.texts}


def test_component_norms_are_all_drawn_and_share_their_axis():
    fig, (left, right) = plt.subplots(1, 2, sharey=True)
    steps, small = np.array([0, 1, 10]), np.array([[0.1, 0.2, 0.3], [0.4, 0.2, 0.1], [0.5, 0.3, 0.1]])
    figures.component_norms(steps, small, left, leading=2, title="a")
    figures.component_norms(steps, 2 * small, right, leading=2, title="b")
    assert lines(left) == [[[1, 0.1], [10, 0.1]], [[1, 0.2], [10, 0.3]], [[1, 0.4], [10, 0.5]]]
    colors = [line.get_color() for line in left.get_lines()]
    assert colors[0] == GREY != colors[1] and colors[2] == MEANINGS["norm"]
    assert left.get_ylim()[0] == 0 and left.get_ylim()[1] > 1
    figures.component_norms(steps, small, right, leading=1, title="c")
    assert left.get_ylim()[1] > 1  # a smaller panel does not hide a larger one
    plt.close(fig)


def test_fall_and_rise_marks_both_errors_at_each_stop(ax):
    mse, error = np.array([1.0, 1e-3, 1e-8, 1e-5]), np.array([2.0, 0.1, 1e-4, 1e-2])
    figures.fall_and_rise(mse, error, {"early": 1, "late": 2}, ax, tolerance=1e-2, title="t")
    drawn = lines(ax)
    assert [[1, 1e-3], [1, 0.1]] in drawn and [[2, 1e-8], [2, 1e-4]] in drawn
    assert [[k, value] for k, value in enumerate(mse)] in drawn and [
        [k, value] for k, value in enumerate(error)
    ] in drawn
    assert {line.get_label(): line.get_color() for line in ax.lines}["mean squared error"] == MEANINGS["loss"]
    ax.legend()
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["early", "late", "mean squared error", "reconstruction error"]
    assert list(ax.get_lines()[0].get_ydata()) == [1e-2, 1e-2]


def test_step_length_shows_the_limit_of_stability(ax):
    figures.step_length(np.array([0.1, 1.0, 3.0]), ax, title="t")
    assert lines(ax)[0] == [[0, 0.1], [1, 1], [2, 3]] and list(ax.get_lines()[1].get_ydata()) == [2, 2]
