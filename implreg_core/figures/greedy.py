"""The figures of the chapter on greedy low-rank learning; see `figures` for the rules."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from implreg_core.figures._kit import UNSEEN
from implreg_core.figures._palette import GREY, told_apart

_DOTS = (1, 1.5)
_MARKERS = ("o", "^", "D", "s")


def plateaus(
    runs: Mapping[str, tuple[np.ndarray, np.ndarray]], levels: Sequence[float], ax: Axes, *, title: str
) -> Axes:
    r"""The effective rank of labelled runs over their time in units of $\ln(1/\alpha)$, among dotted `levels`.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> run = np.array([0.0, 0.5, 1.0]), np.array([1.4, 1.0, 2.0])
    >>> figures.greedy.plateaus({"one": run}, [1.0, 2.0], ax, title="Plateaus").get_title()
    'Plateaus'

    ```
    """
    for level in levels:
        ax.axhline(level, color=GREY, lw=1.2, dashes=_DOTS)
    for label, (t, rank), style in told_apart(runs, "rank"):
        ax.plot(t, rank, lw=1.6, label=label, **style)
    ax.set(xlabel=r"time $t \, / \, \ln(1/\alpha)$", ylabel="effective rank", title=title)
    ax.legend()
    return ax


def ends(scales: np.ndarray, entries: Mapping[str, np.ndarray], laws: Sequence[float], ax: Axes) -> Axes:
    r"""Final entries of labelled runs, one row for each scale of the start, and through their medians dotted powers.

    `laws` are the exponents, in the order of the labels; each line goes through the median at the smallest scale.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> ax = figures.greedy.ends(np.array([1e-2, 1e-4]), {"L = 2": np.array([[2.0, 4.0], [2.0, 4.0]])}, [0.0], ax)
    >>> ax.lines[1].get_ydata()
    array([3., 3.])

    ```
    """
    smallest = np.argmin(scales)
    for (label, found, style), law, marker in zip(told_apart(entries, "unseen"), laws, _MARKERS):
        points = np.repeat(scales, found.shape[1]), found.ravel()
        ax.loglog(*points, marker, color=style["color"], ms=4, label=label)
        line = np.median(found[smallest]) * (scales / scales[smallest]) ** law
        ax.loglog(scales, line, color=GREY, lw=1.2, dashes=_DOTS)
    ax.set(xlabel=r"scale $\alpha$ of the start", ylabel=UNSEEN, title=r"Where it ends, $\det W(0) < 0$")
    ax.legend()
    return ax
