import numpy as np
from drawn import legend, lines, same

from implreg_core import figures


def test_volume_by_entry():
    w = np.geomspace(0.1, 1e3, 9)
    curves = {"depth 2": {"small": w, "smaller": w**2}, "depth 3": {"small": 1 / w, "smaller": w + 1}}
    _, axes = figures.panels(2)
    assert figures.volume.volume_by_entry(w, curves, axes) is axes
    for ax, (title, drawn) in zip(axes, curves.items(), strict=True):
        assert ax.get_title() == title and list(lines(ax)) == list(drawn)
        assert all(same(lines(ax)[label], w, y / y.max()) for label, y in drawn.items())
    assert legend(axes[0]) == ["small", "smaller"] and axes[0].get_ylabel() and not axes[1].get_ylabel()


def test_density_along_flows(ax):
    w = np.geomspace(0.1, 1e8, 19)
    flows = {"depth 2": (w, w**2 / 4), "depth 10": (w, -2 * np.log(w))}
    assert figures.volume.density_along_flows(flows, ax) is ax
    assert legend(ax) == list(lines(ax)) == list(flows)
    x, y = lines(ax)["depth 10"].T
    assert 1 <= x.min() < 2 and 1e4 < x.max() < 1e5 and np.allclose(y, x**-2.0)
    assert np.all(np.isfinite(lines(ax)["depth 2"])) and len(lines(ax)["depth 2"]) > 2
