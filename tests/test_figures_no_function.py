import numpy as np
from drawn import legend, lines, meaning, names, same

from implreg_core import figures


def test_pushed_aside():
    t = np.linspace(0, 1, 5)
    runs = {"ReLU": (t, t - 1, -t), "linear regression": (t, t**2, t**3)}
    _, axes = figures.panels(2)
    assert figures.no_function.pushed_aside(runs, axes) is axes
    assert legend(axes[0]) == list(runs)
    for label, (t, entering, weight) in runs.items():
        assert same(lines(axes[0])[label], t, entering) and same(lines(axes[1])[label], t, weight)


def test_costs(ax):
    depths = np.array([2, 4, 8])
    bounds = {"identity": (np.full(3, 2.0), np.full(3, 2.0)), "sum": (1 + 1 / depths, 1 + 3 / depths)}
    assert figures.no_function.costs(depths, bounds, ax) is ax
    assert sorted(names(ax)) == sorted(lines(ax)) == sorted(bounds) and meaning(ax.lines[0]) == "norm"
    assert all(same(lines(ax)[label], depths, high) for label, (_, high) in bounds.items())
    assert ax.get_xscale() == "log" and ax.get_ylabel()
