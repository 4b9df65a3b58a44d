"""Figures for a phone: panels one below another, and text that can be read there."""

import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from IPython.core.pylabtools import print_figure
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

WIDTH = 4.4  # inches: on a screen of 390 pixels, text has at least 10 of them
MOST_PANELS = 6  # more would be a long way to scroll
_KEPT = re.compile(r'<metadata id="stacked">(.*?)</metadata>\n?', re.DOTALL)
_END = re.compile(r"</svg>\s*$")


def svg(figure: Figure, **options) -> str:
    """The figure as SVG, which holds in its metadata the same figure with its panels stacked, where that can be."""
    wide = print_figure(figure, "svg", **options)
    with stacked(figure) as possible:
        if not possible:
            return wide
        inner = b64encode(print_figure(figure, "svg", **options).encode()).decode()
    return _END.sub(lambda end: f'<metadata id="stacked">{inner}</metadata>\n{end[0]}', wide)


def parts(text: str) -> tuple[str, str | None]:
    """What `svg` has joined: the figure as it is, and stacked or None."""
    kept = _KEPT.search(text)
    return (_KEPT.sub("", text), b64decode(kept[1]).decode()) if kept else (text, None)


@contextmanager
def stacked(figure: Figure) -> Iterator[bool]:
    """Stack the panels of `figure`, a column below the one to its left, for the time of the context; whether it can be.

    It can where all axes are cells of one grid, `MOST_PANELS` at most. What a panel left to others of its row or
    column, the labels of a shared axis or the title, it then says itself.
    """
    specs = [ax.get_subplotspec() for ax in figure.axes]
    cells = {(spec.get_gridspec(), spec.num1, spec.num2) for spec in specs if spec}
    if None in specs or len({grid for grid, *_ in cells}) != 1 or not 1 <= len(cells) <= MOST_PANELS:
        yield False
        return
    order = sorted({spec.num1 for spec in specs}, key=lambda cell: cell % specs[0].get_gridspec().ncols)
    size = figure.get_size_inches()
    undo = [label for ax in figure.axes for label in _say_what_a_neighbour_says(ax, figure.axes)]
    rows = specs[0].get_gridspec().nrows
    figure.set_size_inches(WIDTH, max(size[1] / rows, 0.62 * WIDTH) * len(order))
    column = GridSpec(len(order), 1, figure=figure)
    for ax, spec in zip(figure.axes, specs):
        ax.set_subplotspec(column[order.index(spec.num1)])
    try:
        yield True
    finally:
        figure.set_size_inches(size)
        for ax, spec in zip(figure.axes, specs):
            ax.set_subplotspec(spec)
        for restore in undo:
            restore()


def _say_what_a_neighbour_says(ax: Axes, among: list[Axes]):
    """Show the labels of a shared axis and the title that only another panel shows; how to take each back."""
    spec = ax.get_subplotspec()
    beside = [other for other in among if other.get_subplotspec().rowspan == spec.rowspan]
    above = [other for other in among if other.get_subplotspec().colspan == spec.colspan]
    for axis, side, opposite, others in ((ax.xaxis, "bottom", "top", above), (ax.yaxis, "left", "right", beside)):
        name, shown = axis.axis_name, axis.get_tick_params()
        if shown.get(f"label{side}", True) or shown.get(f"label{opposite}"):
            continue
        ax.tick_params(axis=name, **{f"label{side}": True})
        yield partial(ax.tick_params, axis=name, **{f"label{side}": False})
        if not axis.label.get_text():
            labels = (getattr(other, f"{name}axis").label.get_text() for other in others)
            axis.label.set_text(next(filter(None, labels), ""))
            yield partial(axis.label.set_text, "")
    titles = {other.get_subplotspec().num1: _title(other) for other in reversed(above) if _title(other)}
    if titles and spec.num1 not in titles:
        place, title = titles[min(titles)]
        ax.set_title(title, loc=place)
        yield partial(ax.set_title, "", loc=place)


def _title(ax: Axes) -> tuple[str, str] | None:
    """The place and the text of a title."""
    return next(((place, ax.get_title(place)) for place in ("left", "center", "right") if ax.get_title(place)), None)
