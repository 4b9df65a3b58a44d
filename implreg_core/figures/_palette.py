"""One colour for each meaning, in figures, explorers and words.

The hue of a line says what is measured. Which run it is, its dash, its shade and the name at its end say, so that
nothing is told by colour alone. Where points of several methods share a plane of two quantities, hue says the method: a
hue that means nothing else, darker with depth.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.lines import Line2D
from scipy.optimize import isotonic_regression

BLUE, ORANGE, GREEN, PURPLE, RED, GREY = "#0b62a4", "#b45309", "#12785a", "#8b3a8f", "#b91c3c", "#5f6670"
COLORS = (BLUE, ORANGE, GREEN, PURPLE, RED, GREY)  # each at least 4.5:1 against white
MEANINGS = dict(zip(("unseen", "loss", "rank", "norm", "sign", "reference"), COLORS))
DASHES = ((None, None), (6, 2), (2, 1.5), (8, 2, 2, 2), (8, 2, 2, 2, 2, 2), (1, 1))
METHODS = {  # colour and marker
    "least nuclear norm": (GREY, "s"),
    "depth 2": ("#a16207", "o"),
    "depth 3": ("#7a4a05", "^"),
    "depth 4": ("#4a2c05", "D"),
}
_SHADES = (1, 0.6, 0.35)  # of the hue, the rest black


def told_apart(lines: Mapping[str, Any], meaning: str) -> Iterator[tuple[str, Any, dict]]:
    """Labels and what they label, each with the style of its line: the hue of `meaning`, a shade and a dash of its own.

    **Raises:** `ValueError` for a meaning without a colour.

    **Example:**

    ```python
    >>> [(label, style["dashes"]) for label, _, style in figures.told_apart({"depth 2": 0, "depth 3": 0}, "loss")]
    [('depth 2', (None, None)), ('depth 3', (6, 2))]

    ```
    """
    if meaning not in MEANINGS:
        raise ValueError(f"`meaning` must be one of {', '.join(MEANINGS)}; got {meaning!r}.")
    hue = np.asarray(to_rgb(MEANINGS[meaning]))
    for k, (label, line) in enumerate(lines.items()):
        color = to_hex(_SHADES[k % len(_SHADES)] * hue)
        yield label, line, {"color": color, "dashes": DASHES[k % len(DASHES)]}


def name_lines(ax: Axes, *, size: float = 9) -> Axes:
    """The names of the labelled lines beside the axes, each where its line ends and in its colour, instead of a legend.

    For lines that end near the right edge: a line ends at its last point within the axes. Names that would meet are
    moved apart, up and down. To be called when lines, scales and limits are as they shall be.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> _ = ax.plot([0, 1], [0, 1], label="rises"), ax.plot([0, 1], [1, 1], label="stays")
    >>> [text.get_text() for text in figures.name_lines(ax).texts]
    ['rises', 'stays']

    ```
    """
    named = [line for line in ax.get_lines() if not line.get_label().startswith("_")]
    ends = [(line, end) for line in named if (end := _end(line, ax)) is not None]
    points = 72 * ax.figure.get_figheight() * ax.get_position().height
    places = _moved_apart(np.array([y for _, y in ends]), 1.2 * size / points)
    beside = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "center", "annotation_clip": False}
    for (line, _), y in zip(ends, places):
        ax.annotate(line.get_label(), (1, y), (4, 0), color=line.get_color(), fontsize=size, **beside)
    if legend := ax.get_legend():
        legend.remove()
    return ax


def _end(line: Line2D, ax: Axes) -> float | None:
    """The height of the last point of a line within the axes, as a fraction of these; None for a line without any."""
    ax.autoscale_view()  # limits that follow the lines are else set when a figure is drawn
    with np.errstate(divide="ignore", invalid="ignore"):
        at = (ax.transScale + ax.transLimits).transform(np.column_stack(line.get_data(orig=False)).astype(float))
    inside = at[np.isfinite(at).all(-1) & (np.abs(at - 0.5) <= 0.5 + 1e-9).all(-1)]
    return round(inside[inside[:, 0].argmax(), 1], 2) if len(inside) else None


def _moved_apart(heights: np.ndarray, gap: float) -> np.ndarray:
    """The heights nearest to `heights` that are `gap` apart, from 0 to 1 if they have room there.

    They keep their order; where they are equal, the first is the uppermost.
    """
    order = np.argsort(heights[::-1], kind="stable")
    steps = gap * np.arange(len(heights))
    low = isotonic_regression(heights[::-1][order] - steps).x.clip(0, max(0, 1 - steps[-1:].sum()))
    return (low + steps)[np.argsort(order)][::-1]
