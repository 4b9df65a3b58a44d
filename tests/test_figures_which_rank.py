import numpy as np
from drawn import legend, lines, same

from implreg_core import figures


def test_components(ax):
    steps, norms = np.array([0, 1, 2]), np.array([[1e-3, 1e-3], [1.0, 1e-3], [1.0, 0.5]])
    assert figures.which_rank.components(steps, norms, ax) is ax
    assert legend(ax) == list(lines(ax)) == ["component 1", "component 2"]
    assert all(same(line, steps, norm) for line, norm in zip(lines(ax).values(), norms.T))
    assert ax.get_yscale() == "log"
