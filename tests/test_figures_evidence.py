import matplotlib.pyplot as plt
import numpy as np
import pytest
from xarray import DataArray

from implreg_core import figures_evidence

SCALES = [1e-3, 1e-4, 1e-6]
VALUES = np.array([[[3.0, 5.0, 4.0], [2.0, 2.5, 2.25], [1.0, 1.0, 1.0]], [[9.0, 8.0, 7.0]] * 3])
FOUND = DataArray(VALUES, {"depth": [2, 4], "scale": SCALES, "seed": [0, 1, 2]})
CONVEX = DataArray([6.0, 6.5, 6.25], {"seed": [0, 1, 2]})


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


@pytest.mark.parametrize("order", [("depth", "scale", "seed"), ("seed", "scale", "depth")])
def test_lines_are_medians_and_bars_reach_the_extremes(ax, order):
    found = FOUND.transpose(*order)
    assert figures_evidence.over_scales(found, ax, convex=CONVEX, ylabel="error", title="t") is ax
    least, *lines = ax.get_lines()
    assert list(least.get_ydata()) == [6.25, 6.25]
    np.testing.assert_array_equal([line.get_ydata() for line in lines], [[4.0, 2.25, 1.0], [8.0, 8.0, 8.0]])
    for line in lines:  # each beside its scale, nearer to it than to the next
        np.testing.assert_array_less(np.abs(np.log10(line.get_xdata() / SCALES)), 0.1)
    bars = [np.array([bar[:, 1] for bar in container[2][0].get_segments()]) for container in ax.containers]
    np.testing.assert_array_equal(bars, [[[3, 5], [2, 2.5], [1, 1]], [[7, 9]] * 3])
    assert ax.get_legend_handles_labels()[1] == ["least nuclear norm", "depth 2", "depth 4"]
    low, high = sorted(ax.get_xlim())
    assert ax.get_xlim() == (high, low) and low < 1e-6 < 1e-3 < high  # falls to the right
    assert ax.get_ylabel() == "error" and "scale" in ax.get_xlabel() and ax.get_title(loc="left") + ax.get_title()


def test_truth_is_a_level_of_its_own(ax):
    figures_evidence.over_scales(FOUND, ax, convex=CONVEX, ylabel="rank", title="t", truth=CONVEX - 5)
    assert ax.get_legend_handles_labels()[1][:2] == ["least nuclear norm", "truth"]
    assert [list(line.get_ydata()) for line in ax.get_lines()[:2]] == [[6.25, 6.25], [1.25, 1.25]]
