import numpy as np
import pytest
from xarray import DataArray, Dataset

from implreg_core.figures import tensor_completion as figures

SCALES, OBSERVED = [1e-3, 3e-2], [50, 100, 200]
VALUES = np.array([[[1.0, 2.0, 4.0], [1.0, 1.5, 2.0], [0.5, 1.0, 1.0]], [[5.0, 6.0, 7.0]] * 3])
QUARTILES = DataArray(VALUES, {"init_std": SCALES, "observed": OBSERVED, "quantile": [0.25, 0.5, 0.75]})
BASELINE = DataArray([9.0, 8.0, 7.0], {"observed": OBSERVED})


@pytest.mark.parametrize("order", [("init_std", "observed", "quantile"), ("quantile", "init_std", "observed")])
def test_lines_are_medians_and_bars_quartiles(ax, order):
    quartiles = QUARTILES.transpose(*order)
    assert figures.over_observations(quartiles, ax, baseline=BASELINE, ylabel="error", title="t") is ax
    small, large, linear = ax.get_lines()
    np.testing.assert_array_equal(small.get_xdata(), OBSERVED)
    np.testing.assert_array_equal(small.get_ydata(), VALUES[0, :, 1])
    np.testing.assert_array_equal(large.get_ydata(), VALUES[1, :, 1])
    np.testing.assert_array_equal(linear.get_ydata(), [9.0, 8.0, 7.0])
    assert [line.get_label() for line in ax.get_lines()] == ["$10^{-3}$", r"$3 \cdot 10^{-2}$", "linear"]
    bars = [segment[:, 1] for segment in ax.collections[0].get_segments()]
    np.testing.assert_array_equal(bars, VALUES[0, :, ::2])
    assert ax.get_yscale() == "log" and ax.get_ylabel() == "error" and ax.get_xlabel() == "observed entries"


def test_ranks_have_the_level_of_the_truth(ax):
    figures.rank_over_observations(QUARTILES, ax, baseline=BASELINE, truth=3, title="t")
    assert ax.get_lines()[-1].get_ydata() == [3, 3]
    assert ax.get_ylim()[0] < 1 and ax.get_ylim()[1] > 9
    assert "3" in [label.get_text() for label in ax.get_yticklabels()]


def test_errors_rise_with_the_scale(ax):
    by_rank = {1: QUARTILES.sel(observed=50), 3: QUARTILES.sel(observed=200)}
    figures.error_over_scale(by_rank, ax, title="t")
    one, three = ax.get_lines()
    np.testing.assert_array_equal(one.get_xdata(), SCALES)
    np.testing.assert_array_equal(one.get_ydata(), [2.0, 6.0])
    np.testing.assert_array_equal(three.get_ydata(), [1.0, 6.0])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["true rank 1", "true rank 3"]


@pytest.mark.usefixtures("book_style")
def test_errors_stand_above_ranks_a_column_for_each_truth():
    ranks = DataArray([1.0, 3.0], {"rank": [1, 3]})
    quartiles = Dataset({"reconstruction_error": 0.1 * ranks * QUARTILES, "cp_rank": ranks * QUARTILES})
    baseline = {"linear_reconstruction_error": 0.2 * ranks * BASELINE, "linear_cp_rank": 2 * ranks * BASELINE}
    axes = figures.errors_and_ranks(quartiles, Dataset(baseline))
    assert axes.shape == (2, 2) and [ax.get_ylabel() for ax in axes[:, 0]] == ["reconstruction error", "CP rank"]
    for rank, (above, below) in zip((1, 3), axes.T):
        assert above.get_title("left") == f"true rank {rank}" and below.get_title("left") == ""
        np.testing.assert_array_equal(above.get_lines()[0].get_ydata(), 0.1 * rank * VALUES[0, :, 1])
        np.testing.assert_array_equal(above.get_lines()[-1].get_ydata(), 0.2 * rank * BASELINE)
        np.testing.assert_array_equal(below.get_lines()[1].get_ydata(), rank * VALUES[1, :, 1])
        np.testing.assert_array_equal(below.get_lines()[-2].get_ydata(), 2 * rank * BASELINE)
        assert below.get_lines()[-1].get_ydata() == [rank, rank]
    (legend,) = axes[0, 0].figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["$10^{-3}$", r"$3 \cdot 10^{-2}$", "linear"]
