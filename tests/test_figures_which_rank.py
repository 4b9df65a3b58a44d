import numpy as np
from drawn import lines, meaning, names, same

from implreg_core import figures


def test_components(ax):
    steps, norms = np.array([0, 1, 2]), np.array([[1e-3, 1e-3], [1.0, 1e-3], [1.0, 0.5]])
    assert figures.which_rank.components(steps, norms, ax) is ax
    assert names(ax) == list(lines(ax)) == ["component 1", "component 2"]  # from above
    assert {meaning(line) for line in ax.lines} == {"norm"}
    assert all(same(line, steps, norm) for line, norm in zip(lines(ax).values(), norms.T))
    assert ax.get_yscale() == "log"
