"""The figures of the chapter on Theorem 1; see `figures` for the rules."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from implreg_core.figures._kit import LOSS, loss_axis
from implreg_core.figures._palette import GREY, MEANINGS, told_apart


def norms_with_bounds(
    loss: np.ndarray, values: Mapping[str, np.ndarray], lower: Mapping[str, np.ndarray], ax: Axes, *, title: str
) -> Axes:
    """Norms along a run (solid), each with its lower bound where that is positive (dashed).

    **Example:**

    ```python
    >>> loss, names = np.geomspace(1.0, 1e-8, 5), ["nuclear", "spectral"]
    >>> values, lower = ({name: loss**-0.5 - shift for name in names} for shift in (0, 8))
    >>> _, ax = figures.panels()
    >>> ax = figures.theorem.norms_with_bounds(loss, values, lower, ax, title="Two norms")
    >>> ax.get_legend_handles_labels()[1]
    ['norm', 'lower bound']

    ```
    """
    for k, (name, value) in enumerate(values.items()):
        says = lower[name] > 0
        ax.plot(loss, value, color=MEANINGS["norm"], label=None if k else "norm")
        label = None if k else "lower bound"
        ax.plot(loss[says], lower[name][says], color=GREY, dashes=(3, 3), lw=1.4, label=label)
    ax.set(title=title, xscale="log", yscale="log", xlim=(3, loss[-1] / 3), ylim=(1e-3, 1e18))
    ax.set(xlabel=LOSS + " (falls →)", xticks=[1, 1e-10, 1e-20], yticks=[1, 1e5, 1e10, 1e15])
    ax.minorticks_off()
    return ax


def rank_with_bounds(cloud, path, upper: Mapping[str, object], ax: Axes, *, ylabel: str) -> Axes:
    """A measure of rank against the loss: a cloud of matrices, the path of a run, and named upper bounds.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> loss = np.geomspace(1.0, 1e-8, 5)
    >>> upper = {"Theorem 1": bounds.distance_upper_bound, "sharp": bounds.sharp_distance_upper_bound}
    >>> ax = figures.theorem.rank_with_bounds((loss, loss), (loss, loss), upper, ax, ylabel="distance from rank 1")
    >>> ax.get_legend_handles_labels()[1]
    ['flow, depth 3', 'Theorem 1', 'sharp']

    ```
    """
    (_, _, light), (_, _, dark) = told_apart({"cloud": cloud, "path": path}, "rank")
    ax.loglog(*cloud, ".", color=light["color"], ms=1.5, alpha=0.35, rasterized=True)
    ax.loglog(*path, color=dark["color"], label="flow, depth 3")
    loss = np.geomspace(1e-11, 1, 200)
    for (label, bound, style), dashes in zip(told_apart(upper, "reference"), ((6, 2), (1, 1.2))):
        ax.loglog(loss, bound(loss), color=style["color"], dashes=dashes, label=label)
    ax.set(ylabel=ylabel, ylim=(1e-14, 1e5), title=ylabel[0].upper() + ylabel[1:])
    loss_axis(ax, 1e-11)
    ax.legend(loc="upper right")
    return ax
