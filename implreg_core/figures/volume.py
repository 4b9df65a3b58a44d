"""The figures of the chapter on volume; see `figures` for the rules."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import ArrayLike
from matplotlib.axes import Axes

from implreg_core.figures._kit import Panels
from implreg_core.figures._palette import told_apart


def volume_by_entry(w: ArrayLike, volumes: Mapping[str, Mapping[str, ArrayLike]], axes: Panels) -> Panels:
    """The volume for each unit of ln w, in units of its largest value; a panel for each title, a curve for each label.

    **Example:**

    ```python
    >>> _, axes = figures.panels(2)
    >>> w = np.array([0.1, 1.0, 10.0])
    >>> curves = {"$r$ = 0.1": w}
    >>> axes = figures.volume.volume_by_entry(w, {"depth 2": curves, "depth 3": curves}, axes)
    >>> axes[0].lines[0].get_ydata().tolist()
    [0.01, 0.1, 1.0]

    ```
    """
    for ax, (title, curves) in zip(axes, volumes.items(), strict=True):
        for label, volume, style in told_apart(curves, "unseen"):
            ax.loglog(w, volume / np.max(volume), label=label, **style)
        ax.set(title=title, xlabel="unseen entry $w$", xlim=(1e-2, 1e5), ylim=(1e-4, 2))
        ax.set_xticks([1e-2, 1, 1e2, 1e4])
        ax.minorticks_off()
    axes[0].set_ylabel("volume / largest")
    axes[0].legend(loc="lower right")
    return axes


def density_along_flows(flows: Mapping[str, tuple[ArrayLike, ArrayLike]], ax: Axes) -> Axes:
    """The density of volume over the unseen entry, from 1 on, in units of its value there.

    `flows` maps a label to the entry and the logarithm of the density along a flow.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> w = np.array([0.5, 1.0, 10.0])
    >>> ax = figures.volume.density_along_flows({"depth 3": (w, np.log(w))}, ax)
    >>> [round(float(y), 9) for y in ax.lines[0].get_ydata()]
    [1.0, 10.0]

    ```
    """
    for label, (w, log_density), style in told_apart(flows, "unseen"):
        shown = (w >= 1) & (w < 1e5)
        drawn = log_density[shown] - np.interp(0, np.log(w), log_density)
        visible = drawn < 50  # beyond the panel, and in the end of floating point
        ax.loglog(w[shown][visible], np.exp(drawn[visible]), label=label, **style)
    ax.set(xlabel="unseen entry $w$", ylabel="density / density at $w = 1$", xlim=(1, 1e4), ylim=(1e-6, 1e8))
    ax.legend(loc="upper right", ncols=2, handlelength=3)
    return ax
