"""That the figures of the chapter of proofs show what they are given."""

import numpy as np
from matplotlib.patches import Circle

from implreg_core.figures import proofs as figures


def lines(ax):
    return [line.get_xydata().tolist() for line in ax.get_lines()]


def test_segment_joins_its_points_within_the_circle(ax):
    points = {"W": (-0.5, 1.0), "P": (-0.4, 0.8), "S": (0.25, 0.0)}
    figures.segment(np.array([-1.0, 0.5]), np.array([0.2, 0.4]), points, ax)
    assert lines(ax)[:2] == [[[-1, 0.2], [0.5, 0.4]], [[-0.5, 1], [0.25, 0]]]
    assert lines(ax)[2:] == [[list(point)] for point in points.values()]
    (circle,) = [patch for patch in ax.patches if isinstance(patch, Circle)]
    assert circle.center == (-0.5, 1) and circle.radius == 1.25
    assert [text.get_text() for text in ax.texts][:3] == ["$W$", "$P$", "$S$"]


def test_rank_bounds_are_labelled(ax):
    loss = np.array([0.0, 1.0])
    figures.rank_bounds(loss, {"simple": np.array([0.0, 1.0]), "sharp": np.array([0.0, 0.5])}, ax)
    assert lines(ax) == [[[0, 0], [1, 1]], [[0, 0], [1, 0.5]]]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["simple", "sharp"]


def test_gap_is_drawn_with_zero_in_view(ax):
    figures.gap(np.array([0.0, 1.0, 4.0]), np.array([0.0, 0.1, 0.05]), ax)
    zero, curve = ax.get_lines()
    assert set(zero.get_ydata()) == {0} and curve.get_xydata().tolist() == [[0, 0], [1, 0.1], [4, 0.05]]
    assert ax.get_ylim()[0] < 0 and ax.get_xlim() == (0, 4)
