"""The figures of the chapter on the conjectures; see `figures` for the rules."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from implreg_core.figures._kit import Panels, power_of_ten
from implreg_core.figures._palette import DASHES, GREY, MEANINGS, METHODS

if TYPE_CHECKING:
    import xarray

_SHIFTS = {2: 1.12, 3: 1.0, 4: 1 / 1.12}  # so that the bars of different depths stand side by side
_MEASURES = {
    "reconstruction_error": "reconstruction error",
    "relative_nuclear_norm": "nuclear norm / true",
    "effective_rank": "effective rank",
}


def rank_against_norm(table: Mapping[tuple[str, int], Mapping[str, float]], ax: Axes, *, most: float) -> Axes:
    """Effective rank against nuclear norm of the solutions in `table`, by method and task; a line joins a task.

    A norm above `most` is drawn there, at the right edge, and written beside its marker.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> table = {(name, 0): {"nuclear": 1.0, "effective_rank": 2.0} for name in figures.METHODS}
    >>> figures.conjectures.rank_against_norm(table, ax, most=1.1).get_ylabel()
    'effective rank'

    ```
    """
    for task in {task for _, task in table}:
        path = [table[method, task] for method in METHODS]
        x, y = ([row[measure] for row in path] for measure in ("nuclear", "effective_rank"))
        ax.plot(np.minimum(x, most), y, color=GREY, lw=0.5, alpha=0.6)
    for method, (color, marker) in METHODS.items():
        rows = [row for (name, _), row in table.items() if name == method]
        x, y = ([row[measure] for row in rows] for measure in ("nuclear", "effective_rank"))
        ax.plot(np.minimum(x, most), y, marker, color=color, label=method)
        for norm, rank in zip(x, y):
            if norm > most:
                text = f"at {norm:.2f} →"
                ax.annotate(text, (most, rank), (4, 7), textcoords="offset points", ha="right", color=color)
    ax.set(xlabel="nuclear norm / that of the truth", ylabel="effective rank", title="Norm against rank")
    ax.legend(loc="upper right")
    return ax


def error_by_method(table: Mapping[tuple[str, int], Mapping[str, float]], ax: Axes) -> Axes:
    """Relative error of the solutions in `table`, one column of dots per method.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> table = {(name, 0): {"error": 0.1} for name in figures.METHODS}
    >>> len(figures.conjectures.error_by_method(table, ax).lines)
    4

    ```
    """
    for k, (method, (color, marker)) in enumerate(METHODS.items()):
        errors = [row["error"] for (name, _), row in table.items() if name == method]
        ax.plot(k + np.linspace(-0.15, 0.15, len(errors)), errors, marker, color=color)
    ax.set(yscale="log", ylabel=r"$\|W - W^*\|_F \, / \, \|W^*\|_F$", title="Distance from the truth")
    ax.set_xticks(range(len(METHODS)), [name.replace(" ", "\n") for name in METHODS])
    return ax


def singular_values(
    step: np.ndarray, spectrum: np.ndarray, ax: Axes, *, reference: Sequence[float], leading: int, title: str
) -> Axes:
    """Singular values (columns of `spectrum`) over training; the `leading` ones coloured, `reference` levels dotted.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> step, spectrum = np.array([0, 1, 10]), np.array([[0.0, 0.0], [0.5, 0.1], [1.0, 0.1]])
    >>> ax = figures.conjectures.singular_values(step, spectrum, ax, reference=[1.0], leading=1, title="One by one")
    >>> [line.get_color() == figures.GREY for line in ax.lines]  # the reference and all but the leading one
    [True, False, True]

    ```
    """
    for level in reference:
        ax.axhline(level, color=GREY, lw=1, dashes=(1, 1.5))
    for k, values in enumerate(spectrum.T):
        color, dashes = (MEANINGS["rank"], DASHES[k]) if k < leading else (GREY, DASHES[0])
        ax.plot(step[1:], values[1:], color=color, dashes=dashes, lw=1.8 if k < leading else 1)
    ax.set(
        xscale="log",
        xlabel="step",
        ylabel="singular values of $W$",
        title=title,
        ylim=(0, max(1.2 * max(reference), 1.05 * np.max(spectrum))),
    )
    return ax


def evidence(deep: "xarray.Dataset", convex: "xarray.Dataset", *, truth: "xarray.Dataset") -> Panels:
    """Three measures (rows) of deep completions and of those of least nuclear norm, by observed entries (columns).

    The datasets have the dimensions of `over_scales`, and `deep` and `convex` observed. The truth has no error to draw.

    **Example:**

    ```python
    >>> import xarray
    >>> sizes = {"observed": [9], "depth": [2], "scale": [1e-3], "seed": [0, 1, 2]}
    >>> found = xarray.DataArray(np.ones((1, 1, 1, 3)), sizes)
    >>> names = ("reconstruction_error", "relative_nuclear_norm", "effective_rank")
    >>> deep, convex = (xarray.Dataset({name: values for name in names}) for values in (found, found[:, 0, 0]))
    >>> figures.conjectures.evidence(deep, convex, truth=convex.sel(observed=9)).shape
    (3, 1)

    ```
    """
    counts = deep.observed.values
    fig, axes = plt.subplots(len(_MEASURES), len(counts), figsize=(7.2, 7.4), sharex=True, sharey="row", squeeze=False)
    for row, (measure, label) in zip(axes, _MEASURES.items()):
        for ax, count in zip(row, counts):
            level = None if measure == "reconstruction_error" else truth[measure]
            over_scales(deep[measure].sel(observed=count), ax, convex=convex[measure].sel(observed=count), truth=level)
            ax.set_ylabel(label)
            ax.label_outer()
    for ax, count in zip(axes[0], counts):
        ax.set_title(f"{count} observed")
    _error_axis(axes[0], deep.reconstruction_error, convex.reconstruction_error)
    fig.legend(*axes[-1, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return axes


def over_scales(
    found: "xarray.DataArray", ax: Axes, *, convex: "xarray.DataArray", truth: "xarray.DataArray | None" = None
) -> Axes:
    """A measure of completions over the starting scale, which falls to the right, one line for each depth.

    `found` has the dimensions depth, scale and seed; `convex`, of the solutions of least nuclear norm, and `truth`,
    seed. Lines are medians over seeds; bars, and bands for `convex` and `truth`, go from least to greatest.

    **Example:**

    ```python
    >>> import xarray
    >>> _, ax = figures.panels()
    >>> found = xarray.DataArray(np.ones((1, 2, 3)), {"depth": [2], "scale": [1e-2, 1e-3], "seed": [0, 1, 2]})
    >>> figures.conjectures.over_scales(found, ax, convex=found[0, 0]).get_legend_handles_labels()[1]
    ['least nuclear norm', 'depth 2']

    ```
    """
    levels = {"least nuclear norm": (convex, (None, None))} | ({} if truth is None else {"truth": (truth, (1, 1.5))})
    for label, (level, dashes) in levels.items():
        ax.axhspan(float(level.min()), float(level.max()), color=GREY, alpha=0.2, lw=0)
        ax.axhline(float(level.median()), color=GREY, lw=1.4, dashes=dashes, label=label)
    for depth in found.depth.values:
        color, marker = METHODS[f"depth {depth}"]
        values = found.sel(depth=depth).transpose("seed", "scale").values
        x, middle = _SHIFTS[int(depth)] * found.scale.values, np.median(values, axis=0)
        spread = [middle - values.min(axis=0), values.max(axis=0) - middle]
        ax.errorbar(x, middle, spread, color=color, marker=marker, ms=4.5, elinewidth=1.2, label=f"depth {depth}")
    ax.set(xscale="log", xlabel="scale of the start (falls →)")
    ax.set_xlim(1.7 * float(found.scale.max()), float(found.scale.min()) / 1.7)
    ax.minorticks_off()
    return ax


def _error_axis(row, found, convex):
    """A logarithmic axis for the errors of descent; where those of the convex solver are too small for it, a text."""
    low, high = float(found.min()) / 3, 1.5 * max(float(found.max()), float(convex.max()))
    for ax, count in zip(row, convex.observed.values):
        level = float(convex.sel(observed=count).median())
        ax.set(yscale="log", ylim=(low, high))
        if level < low:
            text = f"↓ least nuclear norm: {power_of_ten(float(f'{level:.0e}'))}"
            ax.text(0.03, 0.04, text, transform=ax.transAxes, color=GREY)
