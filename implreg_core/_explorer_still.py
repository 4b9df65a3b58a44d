"""An explorer as it opens, drawn by matplotlib: for places where nothing can move, and for print."""

from collections.abc import Mapping, Sequence
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from implreg_core import figures
from implreg_core._explorer_views import Curve, View

Run = Mapping[str, np.ndarray]

_WIDTH, _PANEL_HEIGHT = 7.2, 2.9  # inches; two panels stand side by side
_LINE = 0.19  # inches; a line of small text
_CHARACTERS = 105  # that fit into one
_SMALL = {"fontsize": 9, "va": "top", "linespacing": 1.3}


def draw(views: Sequence[View], run: Run, *, heading: str, subheading: str, caption: str) -> Figure:
    """`views` of a `run` up to its last row, between its headings and its caption.

    The figure belongs to no window, so nothing shows it by itself.
    """
    above, below = fill(subheading, _CHARACTERS), fill(caption, _CHARACTERS)
    across = min(2, len(views))
    down = -(-len(views) // across)
    top, bottom = 0.35 + _LINE * (1 + above.count("\n")), _LINE * (2 + below.count("\n"))
    height = top + _PANEL_HEIGHT * down + bottom
    with plt.rc_context():
        figures.apply_style()
        figure = Figure(figsize=(_WIDTH, height))
        figure.get_layout_engine().set(rect=(0, bottom / height, 1, 1 - (top + bottom) / height))
        figure.text(0.01, 1 - 0.06 / height, heading, fontsize=11.5, weight="bold", va="top")
        figure.text(0.01, 1 - 0.32 / height, above, **_SMALL)
        figure.text(0.01, (bottom - 0.12) / height, below, **_SMALL)
        columns = list(dict.fromkeys(column for view in views for column in view.y))  # a colour each, in all views
        for view, ax in zip(views, figure.subplots(down, across, squeeze=False).flat):
            _draw_view(view, run, {column: figures.COLORS[i % 6] for i, column in enumerate(columns)}, ax)
        for ax in figure.axes[len(views) :]:
            ax.remove()
    return figure


def _draw_view(view: View, run: Run, colors: Mapping[str, str], ax: Axes) -> None:
    ax.set(title=view.title, xlabel=view.xlabel, ylabel=view.ylabel, xscale=view.xscale, yscale=view.yscale)
    solid = [column for column in view.y if column not in view.dashed]
    for column, label in view.y.items():
        dashes = (5, 4) if column in view.dashed else figures.DASHES[solid.index(column) % len(figures.DASHES)]
        y = np.where(run[column] > 0, run[column], np.nan) if view.yscale == "log" else run[column]
        ax.plot(run[view.x], y, color=colors[column], dashes=dashes, label=label)
        ax.plot(run[view.x][-1:], y[-1:], "o", color=colors[column], markersize=5, clip_on=False)
    for label, (x, y) in view.points.items():
        ax.plot([x], [y], "D", color=figures.RED, markersize=6, label=label)
    ax.set(xlim=view.xlim or ax.get_xlim(), ylim=view.ylim or ax.get_ylim())  # which curves then leave as they are
    for curve in view.curves:
        _draw_curve(curve, run, ax)
    ax.legend(fontsize=8.5)


def _draw_curve(curve: Curve, run: Run, ax: Axes) -> None:
    """A curve at the last row, from end to end of the axis."""
    spaced = np.geomspace if ax.get_xscale() == "log" else np.linspace
    x = spaced(*ax.get_xlim(), 161)
    y = np.polynomial.polynomial.polyval(x, [run[c][-1] if isinstance(c, str) else c for c in curve.coefficients])
    ax.plot(x, y, color=figures.GREY, linewidth=1.2, label=curve.label)
    if curve.shaded:
        ax.fill_between(x, y, ax.get_ylim()[0], color=figures.GREY, alpha=0.15, linewidth=0)
