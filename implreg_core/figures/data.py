"""The figures of the chapter on what the data decide; see `figures` for the rules."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
from jaxtyping import ArrayLike
from matplotlib.axes import Axes

from implreg_core.figures._kit import power_of_ten
from implreg_core.figures._palette import GREY, name_lines, told_apart

_MARKERS = "osD^vPX"


def observation_graph(observed: ArrayLike, rows: ArrayLike, columns: ArrayLike, ax: Axes) -> Axes:
    """Rows on the left, columns on the right, a line for each observed entry; a shade and a dash for each component.

    `rows` and `columns` hold the component of each, as `observation_graph.components` numbers them. A row or column
    without an observation is a ring.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> parts = observation_graph.components(jnp.eye(2, dtype=bool))
    >>> len(figures.data.observation_graph(np.eye(2, dtype=bool), *parts, ax).lines)  # two edges, four nodes
    6

    ```
    """
    observed, rows, columns = map(np.asarray, (observed, rows, columns))
    m, n = observed.shape
    joined = [label for label in np.unique(np.concatenate([rows, columns])) if np.any(observed[rows == label])]
    styles = {label: style for _, label, style in told_apart({str(label): label for label in joined}, "reference")}
    down = [0.1 + 0.9 * (np.arange(k) + 0.5) / k for k in (m, n)]
    for i, j in zip(*np.nonzero(observed)):
        ax.plot([0, 1], [down[0][i], down[1][j]], lw=1.3, zorder=1, **styles[rows[i]])
    for side, (labels, name) in enumerate([(rows, "rows"), (columns, "columns")]):
        ax.text(side, 0, name, ha="center", va="top", fontsize=9, color=GREY)
        for k, (y, label) in enumerate(zip(down[side], labels)):
            look = {"color": styles[label]["color"]} if label in styles else {"color": GREY, "markerfacecolor": "none"}
            ax.plot([side], [y], "os"[side], ms=7, zorder=2, **look)
            place = {"ha": ("right", "left")[side], "va": "center", "fontsize": 9}
            ax.text(1.14 * side - 0.07, y, f"{k + 1}", **place)
    ax.set(xlim=(-0.5, 1.5), ylim=(1, 0))
    ax.set_axis_off()
    return ax


def against_scale(scales: Sequence[float], values: Mapping[str, np.ndarray], ax: Axes, *, meaning: str) -> Axes:
    """A measure at the end over the scale of the start, on logarithmic axes: the median of each task's runs.

    `values` maps a task to rows of runs, one row for each scale. Small scales are on the right. `meaning` is that of
    the measure, as `told_apart` takes it.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> values = {"a task": np.array([[0.1, 0.2], [0.01, 0.02]])}
    >>> ax = figures.data.against_scale([1e-2, 1e-4], values, ax, meaning="rank")
    >>> [round(float(y), 3) for y in ax.lines[0].get_ydata()]
    [0.15, 0.015]

    ```
    """
    for (name, rows, style), marker in zip(told_apart(values, meaning), cycle(_MARKERS)):
        ax.plot(scales, np.median(rows, axis=1), marker=marker, ms=5, label=name, **style)
    ax.set(xscale="log", yscale="log", xlabel="scale of the start (falls →)")
    ax.invert_xaxis()
    return ax


def coupling(parts: Sequence[float] | np.ndarray, ends: Mapping[tuple[int, float], np.ndarray], ax: Axes) -> Axes:
    r"""The unseen entry at the end over the part of the start off the diagonal: the median of the runs.

    `ends` maps (depth, scale) to rows of runs, one for each of `parts`.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> ax = figures.data.coupling([1e-2, 1e-1], {(2, 1e-2): np.array([[0.01], [0.1]])}, ax)
    >>> ax.lines[0].get_label()
    'depth 2, scale $10^{-2}$'

    ```
    """
    labelled = {f"depth {depth}, scale {power_of_ten(scale)}": rows for (depth, scale), rows in ends.items()}
    for (label, rows, style), marker in zip(told_apart(labelled, "unseen"), cycle(_MARKERS)):
        ax.plot(parts, np.median(np.abs(rows), axis=1), marker=marker, ms=5, label=label, **style)
    ax.set(xscale="log", yscale="log", xlabel="part of the start off the diagonal")
    return ax


def late_entry(steps: np.ndarray, values: Mapping[int, np.ndarray], ax: Axes) -> Axes:
    """The unseen entry at the end, over the truth, against the step at which the last observation came in.

    `values` maps a depth to rows of runs, one for each of `steps`: thin lines, and their median thick.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> ax = figures.data.late_entry(np.array([1, 10]), {2: np.array([[1.0, 0.9], [0.2, -0.3]])}, ax)
    >>> [text.get_text() for text in ax.texts]
    ['depth 2']

    ```
    """
    labelled = {f"depth {depth}": rows for depth, rows in values.items()}
    for (label, rows, style), marker in zip(told_apart(labelled, "unseen"), _MARKERS):
        ax.plot(steps, rows, color=style["color"], lw=0.6, alpha=0.4)
        ax.plot(steps, np.median(rows, axis=1), marker=marker, ms=5, lw=2, label=label, **style)
    ax.set(xscale="log", xlabel="step at which the third entry is shown", ylabel="unseen entry over the truth")
    return name_lines(ax)
