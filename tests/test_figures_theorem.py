import numpy as np
from drawn import falls, legend, lines, meaning, same

from implreg_core import figures


def test_norms_with_bounds(ax):
    loss = np.geomspace(1, 1e-12, 7)
    names = ["first", "second"]
    values = {name: loss**-0.5 * (k + 2) for k, name in enumerate(names)}
    lower = {name: loss**-0.5 - 10 - k for k, name in enumerate(names)}
    figures.theorem.norms_with_bounds(loss, values, lower, ax, title="two norms")
    drawn = [line.get_xydata() for line in ax.lines]
    for name, norm, bound in zip(names, drawn[::2], drawn[1::2], strict=True):
        says = lower[name] > 0
        assert same(norm, loss, values[name])
        assert 0 < says.sum() < 7 and same(bound, loss[says], lower[name][says])
    assert list(lines(ax)) == ["norm", "lower bound"]
    assert falls(ax, loss[-1]) and ax.get_yscale() == "log"
    assert ax.get_title() + ax.get_title(loc="left") == "two norms"


def test_rank_with_bounds(ax):
    rng = np.random.default_rng(0)
    cloud, path = rng.random((2, 30)), (np.geomspace(1, 1e-11, 9), np.geomspace(1, 1e-5, 9))
    upper = {"theorem": lambda loss: 5 * loss, "sharp": np.sqrt}
    figures.theorem.rank_with_bounds(cloud, path, upper, ax, ylabel="distance from rank 1")
    assert legend(ax)[1:] == list(upper)
    drawn = lines(ax)
    assert [meaning(line) for line in ax.lines] == ["rank", "rank", "reference", "reference"]
    assert same(ax.lines[0].get_xydata(), *cloud) and ax.lines[0].get_linestyle() == "None"
    assert same(drawn.pop(legend(ax)[0]), *path)
    for label, bound in upper.items():
        loss, values = drawn[label].T
        assert np.allclose(values, bound(loss), rtol=1e-14)
    assert falls(ax, 1e-11) and ax.get_yscale() == "log" and ax.get_ylabel() == "distance from rank 1"
