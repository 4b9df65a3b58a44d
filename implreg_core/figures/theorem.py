"""The figures of the chapter on Theorem 1; see `figures` for the rules."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from implreg_core.figures._kit import BLUE, DASHES, GREY, LOSS, ORANGE, PURPLE, Panels, loss_axis


def norms_with_bounds(loss: np.ndarray, values: Mapping[str, np.ndarray], lower: Mapping[str, np.ndarray]) -> Panels:
    """Nine small panels: each norm along a run (solid) with its lower bound where that is positive (dashed).

    **Example:**

    ```python
    >>> loss, names = np.geomspace(1.0, 1e-8, 5), [f"norm {k}" for k in range(9)]
    >>> values, lower = ({name: loss**-0.5 - shift for name in names} for shift in (0, 8))
    >>> axes = figures.theorem.norms_with_bounds(loss, values, lower)
    >>> axes.shape, axes[0, 0].get_legend_handles_labels()[1]
    ((3, 3), ['norm', 'lower bound'])

    ```
    """
    fig, axes = plt.subplots(3, 3, figsize=(7.2, 6.0), sharex=True, sharey=True)
    for ax, (name, value) in zip(axes.flat, values.items()):
        says = lower[name] > 0
        ax.loglog(loss, value, label="norm")
        ax.loglog(loss[says], lower[name][says], dashes=DASHES[1], label="lower bound")
        ax.set_title(name, fontsize=10)
        ax.set(xlim=(3, loss[-1] / 3), xticks=[1, 1e-10, 1e-20], yticks=[1, 1e5, 1e10, 1e15], ylim=(1e-3, 1e18))
        ax.minorticks_off()
    axes[0, 0].legend(loc="upper left", fontsize=8.5)
    fig.supxlabel(LOSS + " (falls →)", fontsize=11)
    return axes


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
    ax.loglog(*cloud, ".", color=GREY, ms=1.5, alpha=0.35, rasterized=True)
    ax.loglog(*path, color=BLUE, label="flow, depth 3")
    loss = np.geomspace(1e-11, 1, 200)
    for (label, bound), color, dashes in zip(upper.items(), (ORANGE, PURPLE), ((6, 2), (1, 1.2))):
        ax.loglog(loss, bound(loss), color=color, dashes=dashes, label=label)
    ax.set(ylabel=ylabel, ylim=(1e-14, 30), title=ylabel[0].upper() + ylabel[1:])
    loss_axis(ax, 1e-11)
    ax.legend(loc="upper right")
    return ax
