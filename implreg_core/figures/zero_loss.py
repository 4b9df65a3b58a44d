"""The figures of the chapter on flows to zero loss; see `figures` for the rules."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from implreg_core.figures._kit import loss_axis, power_of_ten, unseen_entry_bound
from implreg_core.figures._palette import GREY, MEANINGS, name_lines, told_apart


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
    for label, run, style in told_apart(runs, "unseen"):
        ax.plot(run.loss, np.abs(run.W[:, 0, 0]) * np.sqrt(2 * run.loss), label=label, **style)
    ax.set(ylabel=r"$|W_{11}| \, \sqrt{2 \ell}$", title="Entry against loss", ylim=(0, 1.15))
    loss_axis(ax, min(run.loss[-1] for run in runs.values()))
    return name_lines(ax)


def careless_solver(exact, paths: Mapping[float, tuple[np.ndarray, np.ndarray]], ax: Axes) -> Axes:
    """The exact flow and, by tolerance, the (loss, W) that a solver reports; a dot where the determinant flips.

    **Example:**

    ```python
    >>> start = factorizations.identity(0.1, depth=3)
    >>> run = descent.gradient_descent(problems.two_by_two(), start, learning_rate=0.1, max_steps=1000)
    >>> _, ax = figures.panels()
    >>> ax = figures.zero_loss.careless_solver(run, {1e-3: (run.loss, run.W)}, ax)
    >>> [text.get_text() for text in ax.texts]
    ['lower bound', 'exact flow', 'tolerance $10^{-3}$']

    ```
    """
    unseen_entry_bound(ax, exact.loss[-1])
    careless = {f"tolerance {power_of_ten(rtol)}": path for rtol, path in paths.items()}
    for label, (loss, W), style in told_apart({"exact flow": (exact.loss, exact.W), **careless}, "unseen"):
        w, negative = np.abs(W[:, 0, 0]), np.linalg.det(W) < 0
        ax.plot(loss, w, label=label, lw=1.8 if label == "exact flow" else 1.3, **style)
        if label in careless:
            flip = int(np.argmax(negative))
            ax.plot(loss[flip], w[flip], "o", color=MEANINGS["sign"], ms=4.5, zorder=3)
    ax.set(ylim=(1, 100))
    loss_axis(ax, 1e-5)
    return name_lines(ax)
