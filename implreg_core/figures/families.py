"""The figures of the chapter on matrices unlike the example; see `figures` for the rules."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from implreg_core.figures._kit import Panels
from implreg_core.figures._palette import DASHES, GREEN, GREY, METHODS, PURPLE

VERDICTS = {  # colour, hatch and its colour: what has the least rank is green, what has the least norm is purple
    "both": ("#8fcdb6", "///", PURPLE),
    "rank only": (GREEN, "", "white"),
    "norm only": (PURPLE, r"\\\\", "white"),
    "neither": ("#33373d", "xxx", "white"),
    "does not fit": ("#e3e5e8", "...", GREY),
}
_DOTS = (1, 1.5)


def table_of_families(
    families: Sequence[str], measures: Mapping[str, Mapping[str, np.ndarray]], axes: Panels
) -> Panels:
    """One row per family, one panel per measure: for each method the median, and a line from least to greatest.

    `measures` maps the label of a measure to methods, and these to values with one row for each family. The first
    panel has a logarithmic axis; in the others a dotted line marks 1, the truth.

    **Example:**

    ```python
    >>> _, axes = figures.panels(2)
    >>> values = {"depth 2": np.array([[0.1, 0.2, 0.3]])}
    >>> axes = figures.families.table_of_families(["one family"], {"error": values, "rank": values}, axes)
    >>> [ax.get_title() + ax.get_title(loc="left") for ax in axes]
    ['error', 'rank']

    ```
    """
    rows = np.arange(len(families))
    for k, (ax, (label, methods)) in enumerate(zip(axes, measures.items(), strict=True)):
        for row in rows[::2]:
            ax.axhspan(row - 0.5, row + 0.5, color=GREY, alpha=0.08, lw=0)
        for place, (method, values) in zip(np.linspace(-0.27, 0.27, len(methods)), methods.items()):
            color, marker = METHODS[method]
            ax.hlines(rows + place, values.min(axis=1), values.max(axis=1), color=color, lw=0.9)
            ax.plot(np.median(values, axis=1), rows + place, marker, color=color, ms=3.2, label=method)
        if k == 0:
            ax.set_xscale("log")
        else:
            ax.axvline(1, color=GREY, lw=1, dashes=_DOTS)
        ax.set_title(label, fontsize=10)
        ax.grid(axis="y", visible=False)
    axes[0].set_yticks(rows, families)
    axes[0].set_ylim(len(families) - 0.5, -0.5)
    axes[0].figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(METHODS))
    return axes


def written_share(
    ratio: np.ndarray, least: np.ndarray, found: Mapping[str, np.ndarray], ax: Axes, *, title: str, low: float = -0.6
) -> Axes:
    """The share of the hidden entry that is written, over how large that entry is: a dot per start, a line per median.

    `found` maps methods to values with one row for each ratio. What lies below `low` is drawn there, as a triangle.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> ratio = np.array([0.5, 4.0])
    >>> found = {"depth 2": np.array([[1.0, 0.9], [0.9, 0.8]])}
    >>> figures.families.written_share(ratio, np.minimum(1, 1 / ratio), found, ax, title="Shares").get_xlabel()
    'hidden entry / entry opposite'

    ```
    """
    ax.axhline(1, color=GREY, lw=1, dashes=_DOTS)
    ax.plot(ratio, least, color=GREY, label="least nuclear norm")
    for shift, dashes, (method, values) in zip(np.geomspace(0.93, 1.07, len(found)), DASHES, found.items()):
        color, marker = METHODS[method]
        x = np.broadcast_to(shift * ratio[:, None], values.shape)
        inside = values >= low
        ax.plot(x[inside], values[inside], marker, color=color, ms=2.5, alpha=0.45, lw=0)
        ax.plot(x[~inside], np.full((~inside).sum(), low), "v", color=color, ms=4.5, lw=0)
        ax.plot(ratio, np.median(values, axis=1), color=color, dashes=dashes, label=method)
    ax.set(xscale="log", xlabel="hidden entry / entry opposite", ylabel="written / true", title=title)
    ax.set_xticks([0.25, 1, 4, 16], ["¼", "1", "4", "16"])
    ax.minorticks_off()
    ax.set_ylim(low - 0.08, 1.35)
    return ax


def against_angle(cosine: np.ndarray, found: Mapping[str, np.ndarray], ax: Axes, *, title: str) -> Axes:
    """The unseen entry, relative to its size at rank one, against the cosine that predicts it (dotted line).

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> cosine = np.array([-0.5, 0.5])
    >>> len(figures.families.against_angle(cosine, {"depth 2": cosine}, ax, title="Angles").lines)
    2

    ```
    """
    ax.plot([-1, 1], [-1, 1], color=GREY, lw=1, dashes=_DOTS)
    for method, values in found.items():
        color, marker = METHODS[method]
        ax.plot(cosine, values, marker, color=color, ms=3.5, alpha=0.8, label=method)
    ax.set(xlabel="cosine of the angle at the start", ylabel=r"$W_{12} \, / \, \sqrt{b_1 b_2}$", title=title)
    ax.set(xlim=(-1.08, 1.08), ylim=(-1.4, 1.4))
    return ax


def sorted_entries(found: Mapping[str, np.ndarray], ax: Axes, *, title: str) -> Axes:
    """Entries in ascending order, by method, over their place in that order.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> ax = figures.families.sorted_entries({"depth 2": np.array([0.5, -1.0, 0.0])}, ax, title="Entries")
    >>> ax.lines[0].get_ydata()
    array([-1. ,  0. ,  0.5])

    ```
    """
    for method, values in found.items():
        color, marker = METHODS[method]
        ax.plot(1 + np.arange(len(values)), np.sort(values), marker, color=color, ms=3.5, alpha=0.8, label=method)
    ax.set(xlabel="start, by its entry", title=title)
    return ax


def verdicts(families: Sequence[str], counts: Mapping[str, Mapping[str, np.ndarray]], axes: Panels) -> Panels:
    """How many runs of each family bear out which explanation: stacked bars, one row per family, one panel per title.

    `counts` maps titles to the keys of `VERDICTS`, and these to numbers of runs with one row for each family.

    **Example:**

    ```python
    >>> _, axes = figures.panels(2)
    >>> counts = {verdict: np.array([1]) for verdict in figures.families.VERDICTS}
    >>> axes = figures.families.verdicts(["one family"], {"depth 2": counts, "depth 3": counts}, axes)
    >>> len(axes[0].patches) == len(figures.families.VERDICTS)
    True

    ```
    """
    rows = np.arange(len(families))
    for ax, (title, by_verdict) in zip(axes, counts.items(), strict=True):
        left = np.zeros(len(families))
        for verdict, (color, hatch, lines) in VERDICTS.items():
            style = {"color": color, "hatch": hatch, "edgecolor": lines, "linewidth": 0}
            ax.barh(rows, by_verdict[verdict], 0.75, left, label=verdict, **style)
            left = left + by_verdict[verdict]
        ax.set(title=title, xlabel="runs", xlim=(0, max(left)))
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.grid(visible=False)
    axes[0].set_yticks(rows, families)
    axes[0].set_ylim(len(families) - 0.5, -0.5)
    axes[0].figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(VERDICTS))
    return axes
