"""An explorer as it opens, drawn by matplotlib: for places where nothing can move, and for print."""

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from textwrap import fill
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from implreg_core import figures
from implreg_core.explorers._controls import as_text
from implreg_core.explorers._grid import GraphView, GridView
from implreg_core.explorers._space import SpaceView
from implreg_core.explorers._still_space import draw_space
from implreg_core.explorers._views import AnyView, Curve, MatrixView, View, column_colors

Run = Mapping[str, np.ndarray]


class Shown(NamedTuple):
    """A run, its complete setting, and the row that the marker is at."""

    run: Run
    setting: Mapping
    row: int


class Drawn(NamedTuple):
    """A run that is kept for comparison, its complete setting, and what sets it apart, in words."""

    run: Run
    setting: Mapping
    words: str


_DASHED = ((5, 4), (1.5, 3), (5, 3, 1.5, 3))  # of bounds and references; front/lines.js says the same
_WIDTH, _PANEL_HEIGHT = 7.2, 2.9  # inches; two panels stand side by side
_LINE = 0.19  # inches; a line of small text
_CHARACTERS = 105  # that fit into one
_DOTS_PER_INCH = 100  # of a picture on the screen, which has twice as many pixels
_SMALL = {"fontsize": 9, "va": "top", "linespacing": 1.3}


def draw(
    views: Sequence[AnyView],
    shown: Shown,
    kept: Drawn | None,
    *,
    heading: str,
    subheading: str,
    caption: str,
) -> Figure:
    """`views` of a run, beside a `kept` one at its last row, between its headings and its caption.

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
        colors = {column: figures.COLORS[k] for column, k in column_colors(views).items()}
        axes = list(figure.subplots(down, across, squeeze=False).flat)
        for ax in axes[len(views) :]:
            ax.remove()
        for view, ax in zip(views, axes):
            if isinstance(view, GridView):
                _draw_grid(view, shown, kept, ax)
                continue
            if isinstance(view, GraphView):
                figures.data.observation_graph(*view._at(shown.run, shown.setting[view.grid]), ax).set(title=view.title)
                continue
            if isinstance(view, SpaceView):
                draw_space(
                    view, shown.run, shown.row, kept and kept.run, colors.get(view.path[2], figures.COLORS[0]), ax
                )
                continue
            (_draw_matrix if isinstance(view, MatrixView) else _draw_view)(view, shown, kept, colors, ax)
    return figure


def _draw_view(view: View, shown: Shown, kept: Drawn | None, colors: Mapping[str, str], ax: Axes) -> None:
    run, row = shown.run, shown.row
    ax.set(title=view.title, xlabel=view.xlabel, ylabel=view.ylabel, xscale=view.xscale, yscale=view.yscale)
    moving = any(curve.columns for curve in view.curves)  # what comes later lies among curves that are elsewhere
    end = row + 1 if moving else None
    solid, dashed = ([column for column in view.y if (column in view.dashed) is apart] for apart in (False, True))
    for column, label in view.y.items():
        among, kinds = (dashed, _DASHED) if column in view.dashed else (solid, figures.DASHES)
        dashes = kinds[among.index(column) % len(kinds)]
        y = _drawable(view, column, run)
        ax.plot(run[view.x][:end], y[:end], color=colors[column], dashes=dashes, label=label)
        ax.plot(run[view.x][row], y[row], "o", color=colors[column], markersize=5, clip_on=False)
        if kept is not None and column in solid:
            style = {"color": colors[column], "dashes": dashes, "linewidth": 0.9, "marker": "o", "markersize": 3.5}
            places = {"markevery": max(1, len(kept.run[view.x]) // 8), "markerfacecolor": "white"}
            x, y = kept.run[view.x], _drawable(view, column, kept.run)
            ax.plot(x, y, **style, **places, label="_kept")
            ax.plot(x[-1:], y[-1:], "o", color=colors[column], markersize=6, markerfacecolor="white", clip_on=False)
    if kept is not None:
        words = f"kept ({kept.words})".replace(" < 0", "\N{NO-BREAK SPACE}<\N{NO-BREAK SPACE}0")
        style = {"color": "black", "linewidth": 0.9, "markersize": 3.5, "markerfacecolor": "white"}
        ax.plot([], [], "o-", label=fill(words, 34), **style)
    for label, (x, y) in view.points.items():
        ax.plot([x], [y], "D", color="black", markersize=6, label=label)
    ax.set(xlim=view.xlim or ax.get_xlim(), ylim=view.ylim or ax.get_ylim())  # which curves then leave as they are
    for curve in view.curves:
        _draw_curve(curve, shown, ax)
    ax.legend(fontsize=8.5)


def _drawable(view: View, column: str, run: Run) -> np.ndarray:
    """A column with NaN where it has no value, or none that its axis can show."""
    positive = [run[column]] if view.yscale == "log" else []
    if column in view.where:
        positive.append(run[view.where[column]])
    return np.where(np.all([x > 0 for x in positive], axis=0), run[column], np.nan) if positive else run[column]


def _draw_matrix(view: MatrixView, shown: Shown, kept: Drawn | None, colors: Mapping[str, str], ax: Axes) -> None:
    """What is given of each entry, and below it what the run has at the marker, then the kept one."""
    ax.set(title=view.title, xlim=(0, len(view.entries[0])), ylim=(len(view.entries), 0))
    ax.set_axis_off()
    for i, (columns, given) in enumerate(zip(view.entries, view.given)):
        for j, (column, value) in enumerate(zip(columns, given)):
            color = "black" if value is not None else colors[column]
            line = "-" if value is not None else "--"
            ax.add_patch(Rectangle((j + 0.04, i + 0.05), 0.92, 0.9, fill=False, edgecolor=color, linestyle=line))
            texts = ["?" if value is None else as_text(value), f"{shown.run[column][shown.row]:.3g}"]
            texts += [] if kept is None else [f"○ {kept.run[column][-1]:.3g}"]
            for k, text in enumerate(texts):
                weight, size = ("bold", 12) if k == 0 else ("normal", 10)
                ax.text(j + 0.5, i + 0.28 + 0.25 * k, text, color=color if k < 2 else "black", weight=weight,
                        fontsize=size, ha="center", va="center")  # fmt: skip


def _draw_curve(curve: Curve, shown: Shown, ax: Axes) -> None:
    """A curve at the marker, from end to end of the axis."""
    spaced = np.geomspace if ax.get_xscale() == "log" else np.linspace
    x = spaced(*ax.get_xlim(), 161)
    values = [shown.run[c][shown.row] if isinstance(c, str) else c for c in curve.coefficients]
    y = np.polynomial.polynomial.polyval(x, values)
    ax.plot(x, y, color=figures.GREY, linewidth=1.2, label=curve.label)
    if curve.shaded:
        ax.fill_between(x, y, ax.get_ylim()[0], color=figures.GREY, alpha=0.15, linewidth=0)


def _draw_grid(view: GridView, shown: Shown, kept: Drawn | None, ax: Axes) -> None:
    """A table or a scatter of the entries at the marker, and those of a kept run at its end."""
    here = _Grid(*view._at(shown.run, shown.setting[view.grid], shown.row))
    then = None if kept is None else _Grid(*view._at(kept.run, kept.setting[view.grid], -1))
    ax.set(title=view.title)
    (_draw_scatter if view.form == "scatter" else _draw_table)(view, here, then, ax)


class _Grid(NamedTuple):
    """A reader's matrix: its entries by a run, those of another completion, and which of them are observed."""

    entries: np.ndarray
    beside: np.ndarray
    observed: np.ndarray


def _draw_scatter(view: GridView, here: _Grid, then: _Grid | None, ax: Axes) -> None:
    """Unseen entries over those of the other completion; kept ones as rings, joined to where they are now."""
    ((label,), (other,)) = view.entries.values(), view.beside.values()
    ax.axline((0, 0), slope=1, color=figures.GREY, linewidth=1, label="equal")
    if then is not None:
        x, y = then.beside[~then.observed], then.entries[~then.observed]
        ring = {"color": figures.COLORS[0], "markersize": 6, "markerfacecolor": "white"}
        ax.plot(x, y, "o", label="kept", **ring)
        shared = [place for place in zip(*np.nonzero(~then.observed)) if not _at(here.observed, place, True)]
        for place in shared:
            ends = [[grid.beside[place], grid.entries[place]] for grid in (then, here)]
            ax.plot(*np.transpose(ends), color=figures.COLORS[0], linewidth=0.9, zorder=1)
    x, y = here.beside[~here.observed], here.entries[~here.observed]
    ax.plot(x, y, "o", color=figures.COLORS[0], label="unseen entries")
    ax.set(xlabel=other, ylabel=label)
    ax.legend(fontsize=8.5)


def _draw_table(view: GridView, here: _Grid, then: _Grid | None, ax: Axes) -> None:
    """The entries written out; what one of the two matrices leaves unseen, also as the kept run has it."""
    ((label,), (other,)) = view.entries.values(), view.beside.values()
    m, n = here.entries.shape
    ax.set(xlim=(0, n), ylim=(m, 0), xticks=[], yticks=[])
    ax.grid(False)
    place = {"ha": "center", "va": "center", "fontsize": 8}
    for (i, j), seen in np.ndenumerate(here.observed):
        before = None if then is None else _at(then.entries, (i, j), None)
        compared = before is not None and not (seen and then.observed[i, j])
        up = 0.1 if compared else 0  # what goes up for the kept number
        ax.text(j + 0.5, i + (0.5 if seen else 0.32) - up, f"{here.entries[i, j]:.3g}", **place)
        if not seen:
            ax.texts[-1].set(weight="bold", color=figures.COLORS[0])
            ax.text(j + 0.5, i + 0.72 - 1.7 * up, f"{here.beside[i, j]:.3g}", color=figures.GREY, **place)
        if compared:
            ax.text(j + 0.5, i + 0.84, f"○ {before:.3g}", **place)
    ring = "" if then is None else "; ○: kept"
    ax.set_xlabel(f"bold: unseen, by {label}; below: {other}{ring}", fontsize=8.5)


def _at(array: np.ndarray, place: tuple[int, int], default):
    """What an array has at a place, or the default beyond its edges."""
    return array[place] if all(i < size for i, size in zip(place, array.shape)) else default


def png(figure: Figure) -> tuple[str, dict]:
    """A picture in base 64, and its size on the screen."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=2 * _DOTS_PER_INCH)
    width, height = (round(_DOTS_PER_INCH * inches) for inches in figure.get_size_inches())
    return base64.b64encode(buffer.getvalue()).decode(), {"width": width, "height": height}


def html(figure: Figure, slug: str, text: str) -> str:
    """A picture for a notebook. Where a saved one is reopened without a kernel, JupyterLab finds no widget; the style
    hides the line in which it says so."""
    data, size = png(figure)
    child = ".jp-OutputArea-child"
    return (
        f"<style>{child}:has([data-still]) + {child}:has(.jupyter-widgets):not(:has(.implreg-explorer))"
        " { display: none; }</style>"
        f'<div><img data-still="{slug}" width="{size["width"]}" alt="{escape(text)}" '
        f'src="data:image/png;base64,{data}"></div>'
    )
