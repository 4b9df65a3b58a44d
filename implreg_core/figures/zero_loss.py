"""The figures of the chapter on flows to zero loss; see `figures` for the rules."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from implreg_core.figures._kit import loss_axis, power_of_ten, unseen_entry_bound
from implreg_core.figures._palette import BLUE, COLORS, DASHES, GREY


def tightness(runs: Mapping[str, object], ax: Axes) -> Axes:
    r"""$|W_{11}| \sqrt{2 \ell}$ of labelled flows against their loss; one is the limit.

    **Example:**

    ```python
    >>> start = factorizations.identity(0.1, depth=3)
    >>> run = descent.gradient_descent(problems.two_by_two(), start, learning_rate=0.1, max_steps=1000)
    >>> _, ax = figures.panels()
    >>> round(float(figures.zero_loss.tightness({"depth 3": run}, ax).lines[1].get_ydata()[-1]), 1)  # its limit is 1
    1.0

    ```
    """
    ax.axhline(1, color=GREY, lw=1, dashes=(1, 1.5))
    for (label, run), color, dashes in zip(runs.items(), COLORS, DASHES):
        ax.plot(run.loss, np.abs(run.W[:, 0, 0]) * np.sqrt(2 * run.loss), color=color, dashes=dashes, label=label)
    ax.set(ylabel=r"$|W_{11}| \, \sqrt{2 \ell}$", title="Entry against loss", ylim=(0, 1.15))
    loss_axis(ax, min(run.loss[-1] for run in runs.values()))
    ax.legend(loc="lower right")
    return ax


def careless_solver(exact, paths: Mapping[float, tuple[np.ndarray, np.ndarray]], ax: Axes) -> Axes:
    """The exact flow and, by tolerance, the (loss, W) that a solver reports; a dot where the determinant flips.

    **Example:**

    ```python
    >>> start = factorizations.identity(0.1, depth=3)
    >>> run = descent.gradient_descent(problems.two_by_two(), start, learning_rate=0.1, max_steps=1000)
    >>> _, ax = figures.panels()
    >>> ax = figures.zero_loss.careless_solver(run, {1e-3: (run.loss, run.W)}, ax)
    >>> ax.get_legend_handles_labels()[1]
    ['lower bound', 'exact flow', 'tolerance $10^{-3}$']

    ```
    """
    unseen_entry_bound(ax, exact.loss[-1])
    ax.plot(exact.loss, np.abs(exact.W[:, 0, 0]), color=BLUE, label="exact flow")
    for (rtol, (loss, W)), color, dashes in zip(paths.items(), COLORS[1:], DASHES[1:]):
        w, flip = np.abs(W[:, 0, 0]), int(np.argmax(np.linalg.det(W) < 0))
        ax.plot(loss, w, color=color, dashes=dashes, lw=1.4, label=f"tolerance {power_of_ten(rtol)}")
        ax.plot(loss[flip], w[flip], "o", color=color, ms=4)
    ax.set(ylim=(1, 100))
    loss_axis(ax, 1e-5)
    ax.legend(loc="upper left", fontsize=8.5, handlelength=3.2)  # room for the longest dash
    return ax
