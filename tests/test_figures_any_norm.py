"""That the figures show what they are given: every line, point and label."""

import numpy as np
from drawn import meaning, names

from implreg_core.figures import any_norm as figures


def lines(ax):
    return [line.get_xydata().tolist() for line in ax.get_lines()]


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_norms_are_drawn_with_the_positive_part_of_their_bounds(ax):
    loss = np.array([1, 1e-2, 1e-4])
    curves = {"a": (np.array([1.0, 2, 3]), np.array([-5.0, 1, 2])), "b": (np.array([4.0, 5, 6]), np.full(3, -1.0))}
    figures.norms_of_dimension(loss, curves, ax, title="t", ylim=(0.1, 10))
    assert lines(ax) == [[[1, 1], [1e-2, 2], [1e-4, 3]], [[1e-2, 1], [1e-4, 2]], [[1, 4], [1e-2, 5], [1e-4, 6]], []]
    assert sorted(names(ax)) == ["a", "b"] and ax.get_ylim() == (0.1, 10)
    assert {meaning(line) for line in ax.lines} == {"norm"}
    assert ax.get_xlim() == (1, 1e-4)  # the loss falls from left to right


def test_unseen_entries_stand_above_their_bound(ax):
    samples = {2: (np.array([0.1, 0.01]), np.array([3.0, 9.0])), 5: (np.array([0.2]), np.array([4.0]))}
    figures.unseen_entry_by_dimension(samples, (np.array([0.1, 0.01]), np.array([2.0, 7.0])), ax, top=20.0)
    assert lines(ax) == [[[0.1, 3], [0.01, 9]], [[0.2, 4]], [[0.1, 2], [0.01, 7]]]
    assert labels(ax) == ["$d = 2$", "$d = 5$", "bound"] and ax.get_xlim()[0] > ax.get_xlim()[1]
