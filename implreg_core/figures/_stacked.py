"""Figures for a phone: panels one below another, and text that can be read there."""

import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager

from IPython.core.pylabtools import print_figure
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

WIDTH = 4.4  # inches: on a screen of 390 pixels, text has at least 10 of them
MOST_PANELS = 4  # more would be a long way to scroll
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
    """Stack the panels of `figure`, for the time of the context; whether it can be done.

    It can where all axes are cells of one grid, `MOST_PANELS` at most. What a panel left to its neighbour to say, the
    labels of a shared axis, it then says itself.
    """
    specs = [ax.get_subplotspec() for ax in figure.axes]
    cells = {(spec.get_gridspec(), spec.num1, spec.num2) for spec in specs if spec}
    if None in specs or len({grid for grid, *_ in cells}) != 1 or not 1 <= len(cells) <= MOST_PANELS:
        yield False
        return
    order, size = sorted({spec.num1 for spec in specs}), figure.get_size_inches()
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
    """Show the ticks and the label of a shared axis that only another panel shows; how to take each back."""
    for name, side in (("x", "bottom"), ("y", "left")):
        axis = getattr(ax, f"{name}axis")
        if axis.get_tick_params().get(f"label{side}", True):
            continue
        text, others = axis.label.get_text(), [getattr(other, f"{name}axis").label.get_text() for other in among]
        ax.tick_params(axis=name, **{f"label{side}": True})
        yield lambda name=name, side=side: ax.tick_params(axis=name, **{f"label{side}": False})
        if not text:
            axis.label.set_text(next(filter(None, others), ""))
            yield lambda axis=axis: axis.label.set_text("")
