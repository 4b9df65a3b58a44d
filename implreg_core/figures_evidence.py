"""The figure of the 100 x 100 evidence in the chapter on the conjectures; see `figures` for the rules."""

import numpy as np
from matplotlib.axes import Axes
from xarray import DataArray

from implreg_core.figures import BLUE, GREY, ORANGE, PURPLE

_DEPTHS = {2: (BLUE, "o"), 3: (ORANGE, "^"), 4: (PURPLE, "D")}  # as in the chapter's other figures
_SHIFTS = np.geomspace(1.12, 1 / 1.12, len(_DEPTHS))  # so that the bars of different depths stand side by side


def over_scales(
    found: DataArray, ax: Axes, *, convex: DataArray, ylabel: str, title: str, truth: DataArray | None = None
) -> Axes:
    """A measure of completions over the starting scale, which falls to the right, one line for each depth.

    `found` has the dimensions depth, scale and seed; `convex`, of the solutions of least nuclear norm, and `truth`,
    seed. Lines are medians over seeds; bars, and bands for `convex` and `truth`, go from least to greatest.
    """
    levels = [(convex, "least nuclear norm", (None, None))]
    levels += [] if truth is None else [(truth, "truth", (1, 1.5))]
    for level, label, dashes in levels:
        ax.axhspan(float(level.min()), float(level.max()), color=GREY, alpha=0.2, lw=0)
        ax.axhline(float(level.median()), color=GREY, lw=1.4, dashes=dashes, label=label)
    for depth, shift in zip(found.depth.values, _SHIFTS):
        color, marker = _DEPTHS[int(depth)]
        values = found.sel(depth=depth).transpose("seed", "scale").values
        x, middle = shift * found.scale.values, np.median(values, axis=0)
        spread = [middle - values.min(axis=0), values.max(axis=0) - middle]
        ax.errorbar(x, middle, spread, color=color, marker=marker, ms=4.5, elinewidth=1.2, label=f"depth {depth}")
    ax.set(xscale="log", xlabel="scale of the start (falls →)", ylabel=ylabel, title=title)
    ax.set_xlim(1.5 * float(found.scale.max()), float(found.scale.min()) / 1.5)
    ax.minorticks_off()
    return ax
