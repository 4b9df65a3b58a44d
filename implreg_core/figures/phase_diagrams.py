"""The figures of the chapter on phase diagrams: fractions as maps over two settings, or as curves with their error."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from numpy.typing import ArrayLike

from implreg_core.figures._palette import DASHES, GREY, MEANINGS, told_apart
from implreg_core.phase_diagrams import PhaseDiagram

MARKERS = "os^Dvph"
_MEANINGS = {"fits": "loss", "blows_up": "unseen", "keeps_sign": "sign"}  # what an outcome is about


def fraction_map(
    diagram: PhaseDiagram, ax: Axes, *, title: str, outcome: str = "blows_up", row_limit: float | None = None
) -> Axes:
    """Per cent of runs with an outcome, columns of the diagram along x, rows along y, both logarithmic.

    `outcome` is as in `PhaseDiagram.fraction_of`. Cells in which most runs never fit the data are hatched. `row_limit`
    draws a predicted edge across the rows.

    **Example:**

    ```python
    >>> Axis, zeros = phase_diagrams.Axis, np.zeros((2, 2, 4))
    >>> rows, columns = Axis("learning_rate", (0.01, 0.1)), Axis("scale", (0.1, 1.0))
    >>> W, loss = np.full((2, 2, 4, 2, 2), 9.0), zeros + 0.02
    >>> diagram = phase_diagrams.PhaseDiagram(rows, columns, W, loss, zeros > 0, zeros, target_loss=0.1)
    >>> _, ax = figures.panels()
    >>> ax = figures.phase_diagrams.fraction_map(diagram, ax, title="Per cent")
    >>> [text.get_text() for text in ax.texts]
    ['100', '100', '100', '100']

    ```
    """
    x, y = (_cell_edges(axis.values) for axis in (diagram.columns, diagram.rows))
    fraction, unknown = diagram.fraction_of(outcome), 1 - diagram.fits.mean(-1)
    colors = _light_to_dark(_MEANINGS[outcome])
    ax.pcolormesh(x, y, fraction, cmap=colors, vmin=0, vmax=1, edgecolors="white", linewidth=0.5)
    for (i, j), part in np.ndenumerate(fraction):
        center = np.sqrt(x[j] * x[j + 1]), np.sqrt(y[i] * y[i + 1])
        style = {"color": _black_or_white(colors(part)), "fontsize": 7.5}
        ax.annotate(f"{100 * part:.0f}", center, ha="center", va="center", **style)
        if unknown[i, j] > 0.5:
            corner, size = (x[j], y[i]), (x[j + 1] - x[j], y[i + 1] - y[i])
            ax.add_patch(Rectangle(corner, *size, fill=False, hatch="//", edgecolor=GREY, lw=0))
    if row_limit is not None:
        outlined = [withStroke(linewidth=3, foreground="white")]
        ax.axhline(row_limit, color=GREY, dashes=DASHES[1], path_effects=outlined)
    ax.set(xscale="log", yscale="log", xlim=x[[0, -1]], ylim=y[[0, -1]], title=title)
    ax.minorticks_off()
    ax.grid(False)
    return ax


def fraction_curves(
    curves: Mapping[str, tuple[ArrayLike, np.ndarray, np.ndarray]],
    ax: Axes,
    *,
    xlabel: str,
    title: str,
    outcome: str = "blows_up",
) -> Axes:
    """Labelled fractions over a logarithmic x: each curve is `(x, fraction, interval)`, the last drawn as bars.

    `outcome` is that of which they are fractions, as in `PhaseDiagram.fraction_of`.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> curve = ([0.1, 1.0], np.array([0.0, 0.5]), np.array([[0.0, 0.4], [0.1, 0.6]]))  # x, fraction, interval
    >>> figures.phase_diagrams.fraction_curves({"depth 2": curve}, ax, xlabel="scale", title="").get_xscale()
    'log'

    ```
    """
    for (label, (x, fraction, (low, high)), style), marker in zip(told_apart(curves, _MEANINGS[outcome]), MARKERS):
        bars = np.maximum([fraction - low, high - fraction], 0)  # rounding may put an end beyond the fraction
        ax.plot(x, fraction, marker=marker, ms=4, lw=1.4, label=label, **style)
        ax.errorbar(x, fraction, bars, fmt="none", ecolor=style["color"], elinewidth=1)
    ax.set(xscale="log", xlabel=xlabel, ylim=(-0.03, 1.03), title=title)
    return ax


def _light_to_dark(meaning):
    hue = np.asarray(to_rgb(MEANINGS[meaning]))
    return LinearSegmentedColormap.from_list(meaning, [0.1 * hue + 0.9, hue, 0.35 * hue])


def _black_or_white(color):
    """What stands out more against `color`: the change is at a luminance of 0.18."""
    return "white" if np.dot([0.2126, 0.7152, 0.0722], np.power(color[:3], 2.2)) < 0.18 else "black"


def _cell_edges(values):
    """Edges between the values of an axis, halfway on a logarithmic scale."""
    logs = np.log(np.asarray(values, float))
    middles = (logs[1:] + logs[:-1]) / 2
    return np.exp(np.concatenate([[2 * logs[0] - middles[0]], middles, [2 * logs[-1] - middles[-1]]]))
