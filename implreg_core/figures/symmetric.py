"""The figures of the chapter on symmetric factorization; see `figures` for the rules."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from implreg_core.figures._palette import GREY, MEANINGS

_DOTS = (1, 1.5)  # bounds and predictions


def norm_over_scale(scale: np.ndarray, norm: np.ndarray, levels: Mapping[str, float], ax: Axes) -> Axes:
    """The nuclear norm of the limit over the scale of the start, between labelled levels.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> scale, norm = np.array([0.1, 0.01]), np.array([2.1, 2.4])
    >>> ax = figures.symmetric.norm_over_scale(scale, norm, {"least": 2.0, "rank one": 2.5}, ax)
    >>> [text.get_text() for text in ax.texts]
    ['least', 'rank one']

    ```
    """
    ax.semilogx(scale, norm, "o-", color=MEANINGS["norm"], ms=3.5)
    for label, level in levels.items():
        ax.axhline(level, color=GREY, lw=1.2, dashes=_DOTS)
        end, side = (-1, "right") if abs(level - norm[0]) < abs(level - norm[-1]) else (0, "left")  # off the curve
        ax.annotate(label, (scale[end], level), (0, 4), textcoords="offset points", color=GREY, ha=side)
    low, high = min(levels.values()), max(levels.values())
    ax.set(
        xlabel=r"starting scale $\alpha$ (falls →)", ylabel=r"nuclear norm of $W(\infty)$", title="From norm to rank"
    )
    ax.set_ylim(low - 0.15 * (high - low), high + 0.2 * (high - low))
    ax.invert_xaxis()
    return ax
