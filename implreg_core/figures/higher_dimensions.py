"""The figures of the chapter on higher dimensions; see `figures` for the rules."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from implreg_core.figures._kit import LOSS, UNSEEN
from implreg_core.figures._palette import GREEN, GREY, told_apart

_DOTS = (1, 1.5)


def against_loss(
    runs: Mapping[str, Sequence[tuple[np.ndarray, np.ndarray]]],
    bound: tuple[np.ndarray, np.ndarray],
    ax: Axes,
    *,
    ylabel: str = UNSEEN,
    title: str,
    meaning: str = "unseen",
) -> Axes:
    """Several runs per label, each a loss and a measure along it, with a dot where it ends; a dotted bound.

    `meaning` is that of the measure, as `told_apart` takes it.

    **Example:**

    ```python
    >>> from matplotlib.figure import Figure
    >>> run = np.array([1.0, 0.1]), np.array([0.5, 2.0])
    >>> ax = figures.higher_dimensions.against_loss({"d = 2": [run]}, run, Figure().subplots(), title="Unseen entry")
    >>> ax.get_title()
    'Unseen entry'

    ```
    """
    ax.plot(*bound, color=GREY, lw=1.2, dashes=_DOTS, label="bound", zorder=3)
    for label, paths, style in told_apart(runs, meaning):
        for k, (loss, measure) in enumerate(paths):
            ax.plot(loss, measure, lw=1.4, label=label if k == 0 else None, **style)
            ax.plot(loss[-1], measure[-1], "o", color=style["color"], ms=3.5, clip_on=False)
    ax.set(xscale="log", yscale="log", xlabel=LOSS + " (falls →)", ylabel=ylabel, title=title)
    ax.set_xlim(1.2 * bound[0].max(), bound[0].min() * 0.8)
    return ax


def over_time(
    runs: Mapping[str, tuple[np.ndarray, np.ndarray]],
    law: tuple[np.ndarray, np.ndarray],
    ax: Axes,
    *,
    ylabel: str,
    title: str,
    meaning: str,
) -> Axes:
    """A measure of labelled flows over time, with a predicted law dotted.

    `meaning` is that of the measure, as `told_apart` takes it.

    **Example:**

    ```python
    >>> from matplotlib.figure import Figure
    >>> run = np.array([1.0, 10.0]), np.array([0.5, 2.0])
    >>> labels = {"ylabel": "w", "title": "Entry", "meaning": "unseen"}
    >>> ax = figures.higher_dimensions.over_time({"d = 2": run}, run, Figure().subplots(), **labels)
    >>> ax.get_xlabel()
    'time $t$'

    ```
    """
    for label, (t, measure), style in told_apart(runs, meaning):
        ax.loglog(t, measure, label=label, **style)
    ax.loglog(*law, color=GREY, lw=1.6, dashes=_DOTS, label="predicted", zorder=5)
    ax.set(xlabel="time $t$", ylabel=ylabel, title=title)
    return ax


def room_left(
    sides: Mapping[str, tuple[np.ndarray, np.ndarray]], ax: Axes, *, xlabel: str, ylabel: str, title: str
) -> Axes:
    r"""Records of runs by the sign of their determinant: distance from singular over $\sqrt{2 \ell}$; dotted, equality.

    **Example:**

    ```python
    >>> from matplotlib.figure import Figure
    >>> sides = {"no solution's sign": (np.array([0.1, 0.01]), np.array([0.05, 0.009]))}
    >>> labels = {"xlabel": "error", "ylabel": "distance", "title": "Room"}
    >>> figures.higher_dimensions.room_left(sides, Figure().subplots(), **labels).get_ylabel()
    'distance'

    ```
    """
    for (label, (error, distance)), color, marker in zip(sides.items(), (GREEN, "#062a20"), "o^"):  # light and dark
        ax.loglog(error, distance, marker, color=color, ms=2.4, alpha=0.6, lw=0, label=label, rasterized=True)
    ends = np.array([min(error.min() for error, _ in sides.values()), max(error.max() for error, _ in sides.values())])
    ax.loglog(ends, ends, color=GREY, lw=1.4, dashes=_DOTS, label="equality")
    ax.set(xlabel=xlabel + " (falls →)", ylabel=ylabel, title=title, xlim=(1.3 * ends[1], ends[0] / 1.3))
    return ax


def ends_by_scale(
    scales: Sequence[float], ends: Mapping[str, np.ndarray], ax: Axes, *, title: str, ylabel: str = UNSEEN
) -> Axes:
    """Where runs end, over the scale of the start: a dot per run, and per label a line through the medians.

    `ends` maps labels to values with one row for each of the `scales`.

    **Example:**

    ```python
    >>> from matplotlib.figure import Figure
    >>> ends = {"3 x 4": np.array([[1.0, 2.0], [3.0, 9.0]])}
    >>> ax = figures.higher_dimensions.ends_by_scale([1e-2, 1e-4], ends, Figure().subplots(), title="Ends")
    >>> ax.get_lines()[-1].get_ydata().tolist()
    [1.5, 6.0]

    ```
    """
    for label, values, style in told_apart(ends, "unseen"):
        x = np.broadcast_to(np.asarray(scales)[:, None], values.shape)
        ax.plot(x, values, "o", color=style["color"], ms=2.5, alpha=0.45)
        ax.plot(scales, np.median(values, axis=1), label=label, **style)
    ax.set(xscale="log", yscale="log", xlabel="scale of the start (falls →)", ylabel=ylabel, title=title)
    ax.set_xlim(max(scales) * 2, min(scales) / 2)
    return ax
