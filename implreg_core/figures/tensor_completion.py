"""The figures of the chapter on tensor completion; see `figures` for the rules."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from implreg_core.figures._kit import Panels, common_legend, power_of_ten
from implreg_core.figures._palette import GREY, told_apart

if TYPE_CHECKING:
    import xarray

_MARKERS = ("o", "s", "^", "D", "v", "P")


def over_observations(
    quartiles: "xarray.DataArray",
    ax: Axes,
    *,
    baseline: "xarray.DataArray",
    ylabel: str,
    title: str,
    meaning: str = "unseen",
) -> Axes:
    """Medians over the number of observations, one line for each starting scale, with quartiles as bars.

    `meaning` is that of the measure, as `told_apart` takes it: an error is one of what is unseen.
    `quartiles` has the dimensions init_std, observed and quantile (lower, median, upper); `baseline`, observed.

    **Example:**

    ```python
    >>> import xarray
    >>> sizes = {"init_std": [1e-2], "observed": [50, 100], "quantile": [0.25, 0.5, 0.75]}
    >>> quartiles, (_, ax) = xarray.DataArray(np.ones((1, 2, 3)), sizes), figures.panels()
    >>> linear = quartiles[0, :, 1]
    >>> ax = figures.tensor_completion.over_observations(quartiles, ax, baseline=linear, ylabel="error", title="")
    >>> ax.get_legend_handles_labels()[1]
    ['$10^{-2}$', 'linear']

    ```
    """
    by_scale = quartiles.transpose("init_std", "observed", "quantile")
    lines = {power_of_ten(float(line.init_std)): line for line in by_scale}
    for (label, line, style), marker in zip(told_apart(lines, meaning), _MARKERS):
        lower, median, upper = line.values.T
        spread = [median - lower, upper - median]
        ax.plot(line.observed, median, marker=marker, ms=4.5, label=label, **style)
        ax.errorbar(line.observed, median, spread, color=style["color"], fmt="none", elinewidth=1.0, alpha=0.6)
    ax.plot(baseline.observed, baseline, color=GREY, lw=1.2, dashes=(1, 1.5), label="linear")
    ax.set(xlabel="observed entries", ylabel=ylabel, title=title, yscale="log")
    ax.locator_params(axis="x", nbins=5)
    return ax


def rank_over_observations(
    quartiles: "xarray.DataArray", ax: Axes, *, baseline: "xarray.DataArray", truth: int, title: str
) -> Axes:
    """`over_observations` for a rank, with the rank of the truth as a level.

    **Example:**

    ```python
    >>> import xarray
    >>> sizes = {"init_std": [1e-2], "observed": [50, 100], "quantile": [0.25, 0.5, 0.75]}
    >>> quartiles, (_, ax) = xarray.DataArray(np.ones((1, 2, 3)), sizes), figures.panels()
    >>> linear = quartiles[0, :, 1]
    >>> ax = figures.tensor_completion.rank_over_observations(quartiles, ax, baseline=linear, truth=3, title="")
    >>> ax.lines[-1].get_ydata()  # the rank of the truth
    [3, 3]

    ```
    """
    over_observations(quartiles, ax, baseline=baseline, ylabel="CP rank", title=title, meaning="rank")
    ax.axhline(truth, color=GREY, lw=0.8)
    ticks = [1, 3, 10, 30, 100, 300]
    ax.set_yticks(ticks, [str(tick) for tick in ticks])
    ax.set_ylim(0.8, 1.3 * float(np.nanmax([quartiles.max(), baseline.max(), truth])))
    ax.minorticks_off()
    return ax


def errors_and_ranks(quartiles: "xarray.Dataset", baseline: "xarray.Dataset") -> Panels:
    """Reconstruction errors (above) and CP ranks (below) over the number of observations; a column for each true rank.

    `quartiles` holds `reconstruction_error` and `cp_rank` over rank, init_std, observed and quantile (lower, median,
    upper); `baseline` holds `linear_reconstruction_error` and `linear_cp_rank` over rank and observed.

    **Example:**

    ```python
    >>> import xarray
    >>> sizes = {"rank": [1, 3], "observed": [50, 100], "init_std": [1e-2], "quantile": [0.25, 0.5, 0.75]}
    >>> ones = xarray.DataArray(np.ones((2, 2, 1, 3)), sizes)
    >>> quartiles = xarray.Dataset({"reconstruction_error": ones, "cp_rank": ones})
    >>> linear = xarray.Dataset({f"linear_{name}": ones[..., 0, 1] for name in quartiles})
    >>> [ax.get_title() for ax in figures.tensor_completion.errors_and_ranks(quartiles, linear).flat]
    ['true rank 1', 'true rank 3', '', '']

    ```
    """
    ranks = quartiles["rank"].values
    _, axes = plt.subplots(2, len(ranks), figsize=(7.2, 6.0), sharex=True, sharey="row", squeeze=False)
    for rank, (above, below) in zip(ranks, axes.T):
        found, linear = quartiles.sel(rank=rank), baseline.sel(rank=rank)
        over_observations(
            found.reconstruction_error,
            above,
            baseline=linear.linear_reconstruction_error,
            ylabel="reconstruction error",
            title=f"true rank {rank}",
        )
        rank_over_observations(found.cp_rank, below, baseline=linear.linear_cp_rank, truth=int(rank), title="")
    for ax in axes.flat:
        ax.label_outer()
    common_legend(axes[:, 0], loc="outside upper center")
    return axes


def error_over_scale(quartiles: Mapping[int, "xarray.DataArray"], ax: Axes, *, title: str) -> Axes:
    """Median error over the starting scale, one line for each rank of the truth, with quartiles as bars.

    Each of `quartiles` has the dimensions init_std and quantile (lower, median, upper).

    **Example:**

    ```python
    >>> import xarray
    >>> quartiles = xarray.DataArray(np.ones((2, 3)), {"init_std": [1e-2, 1e-3], "quantile": [0.25, 0.5, 0.75]})
    >>> _, ax = figures.panels()
    >>> figures.tensor_completion.error_over_scale({1: quartiles}, ax, title="").get_legend_handles_labels()[1]
    ['true rank 1']

    ```
    """
    lines = {f"true rank {rank}": line for rank, line in quartiles.items()}
    for (label, line, style), marker in zip(told_apart(lines, "unseen"), _MARKERS):
        lower, median, upper = line.transpose("quantile", "init_std").values
        spread = [median - lower, upper - median]
        ax.plot(line.init_std, median, marker=marker, ms=4.5, label=label, **style)
        ax.errorbar(line.init_std, median, spread, color=style["color"], fmt="none", elinewidth=1.0)
    ax.set(xlabel="standard deviation of the start", ylabel="reconstruction error", title=title)
    ax.set(xscale="log", yscale="log")
    ax.legend()
    return ax
