"""The figure on symmetric factorization draws what it is given, with labels a reader can follow."""

import numpy as np

from implreg_core.figures import symmetric


def test_norm_lies_between_its_levels(ax):
    symmetric.norm_over_scale(np.array([1e-1, 1e-2]), np.array([2.1, 2.4]), {"least": 2.0, "rank one": 2.5}, ax)
    low, high = ax.get_ylim()
    assert low < 2.0 and high > 2.5 and {text.get_text() for text in ax.texts} == {"least", "rank one"}
