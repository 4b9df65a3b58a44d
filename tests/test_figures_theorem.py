import numpy as np
import pytest
from drawn import falls, legend, lines, same

from implreg_core import figures


@pytest.mark.usefixtures("book_style")
def test_norms_with_bounds():
    loss = np.geomspace(1, 1e-12, 7)
    names = [f"norm {k}" for k in range(9)]
    values = {name: loss**-0.5 * (k + 2) for k, name in enumerate(names)}
    lower = {name: loss**-0.5 - 10 - k for k, name in enumerate(names)}
    axes = figures.theorem.norms_with_bounds(loss, values, lower)
    assert axes.shape == (3, 3) and [ax.get_title() + ax.get_title(loc="left") for ax in axes.flat] == names
    for ax, name in zip(axes.flat, names, strict=True):
        drawn, says = lines(ax), lower[name] > 0
        assert same(drawn["norm"], loss, values[name])
        assert 0 < says.sum() < 7 and same(drawn["lower bound"], loss[says], lower[name][says])
        assert ax.get_xscale() == ax.get_yscale() == "log"
        assert ax.get_xlim()[0] > ax.get_xlim()[1] and ax.get_xlim()[1] < loss[-1]
    assert legend(axes[0, 0]) == ["norm", "lower bound"]
    assert "falls" in axes[0, 0].figure.get_supxlabel()


def test_rank_with_bounds(ax):
    rng = np.random.default_rng(0)
    cloud, path = rng.random((2, 30)), (np.geomspace(1, 1e-11, 9), np.geomspace(1, 1e-5, 9))
    upper = {"theorem": lambda loss: 5 * loss, "sharp": np.sqrt}
    figures.theorem.rank_with_bounds(cloud, path, upper, ax, ylabel="distance from rank 1")
    assert legend(ax)[1:] == list(upper)
    drawn = lines(ax)
    assert same(ax.lines[0].get_xydata(), *cloud) and ax.lines[0].get_linestyle() == "None"
    assert same(drawn.pop(legend(ax)[0]), *path)
    for label, bound in upper.items():
        loss, values = drawn[label].T
        assert np.allclose(values, bound(loss), rtol=1e-14)
    assert falls(ax, 1e-11) and ax.get_yscale() == "log" and ax.get_ylabel() == "distance from rank 1"
