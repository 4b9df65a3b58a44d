"""That the figures on greedy low-rank learning show what they are given."""

import numpy as np
from drawn import labelled

from implreg_core import figures


def test_plateaus_stand_among_their_levels(ax):
    t, rank = np.array([0.0, 1.0]), np.array([1.0, 2.0])
    figures.greedy.plateaus({"a": (t, rank), "b": (t, 2 * rank)}, [1.5, 3.0], ax, title="t")
    assert labelled(ax) == {"a": [[0, 1], [1, 2]], "b": [[0, 2], [1, 4]]}
    levels = [line.get_ydata()[0] for line in ax.get_lines() if line.get_label()[0] == "_"]
    assert ax.get_lines()[2].get_color() == figures.MEANINGS["rank"]
    assert levels == [1.5, 3.0] and ax.get_title(loc="left") == "t"


def test_laws_go_through_the_median_at_the_smallest_scale(ax):
    scales = np.array([1e-2, 1e-4])
    figures.greedy.ends(scales, {"L = 3": np.array([[1.0, 3.0], [20.0, 40.0]])}, [-0.5], ax)
    assert labelled(ax)["L = 3"] == [[1e-2, 1], [1e-2, 3], [1e-4, 20], [1e-4, 40]]
    np.testing.assert_allclose(ax.get_lines()[1].get_xydata(), [[1e-2, 3], [1e-4, 30]])
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
