"""The figures of the chapter of proofs; see `figures` for the rules."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle

from implreg_core.figures._kit import LOSS
from implreg_core.figures._palette import DASHES, GREEN, GREY, ORANGE, RED, told_apart


def segment(x: np.ndarray, singular: np.ndarray, points: Mapping[str, tuple[float, float]], ax: Axes) -> Axes:
    """The way from W to the solution S through P on the curve `singular` over `x`, and the circle about W through S.

    **Example:**

    ```python
    >>> x = np.linspace(-1.5, 0.5, 3)
    >>> points = {"W": (-1.0, 1.5), "P": (0.0, 1.0), "S": (1.0, 0.5)}
    >>> ax = figures.proofs.segment(x, np.ones(3), points, figures.panels()[1])
    >>> [text.get_text() for text in ax.texts[:3]], float(ax.patches[0].radius)  # the circle passes through S
    (['$W$', '$P$', '$S$'], 2.23...)

    ```
    """
    (x_W, y_W), (x_S, y_S) = points["W"], points["S"]
    ax.plot(x, singular, color=RED)
    ax.fill_between(x, singular, 1.9, color=RED, alpha=0.08, lw=0)
    ax.plot([x_W, x_S], [y_W, y_S], color=GREY, dashes=DASHES[1], lw=1.4)
    ax.add_patch(Circle((x_W, y_W), np.hypot(x_W - x_S, y_W - y_S), fill=False, color=ORANGE, lw=1))
    for (name, (a, b)), color, shift in zip(points.items(), (GREY, RED, ORANGE), ((-14, 4), (-6, -16), (8, -3))):
        ax.plot(a, b, "o", color=color, ms=6, zorder=3)
        ax.annotate(f"${name}$", (a, b), xytext=shift, textcoords="offset points", color=color)
    ax.annotate(r"$\det > 0$", (0.45, 1.55), color=RED)
    ax.annotate(r"$\det < 0$", (0.45, 0.1), color=GREY)
    ax.set(xlabel=r"$\sqrt{2} \, (W_{12} - 1)$", ylabel="$W_{22}$", xlim=(-1.9, 1.0), ylim=(-0.25, 1.9), aspect="equal")
    return ax


def rank_bounds(loss: np.ndarray, excess: Mapping[str, np.ndarray], ax: Axes) -> Axes:
    """Upper bounds on the effective rank, less one, over the loss.

    **Example:**

    ```python
    >>> loss = np.array([0.01, 0.1, 0.5])
    >>> ax = figures.proofs.rank_bounds(loss, {"sqrt": np.sqrt(loss)}, figures.panels()[1])
    >>> ax.get_lines()[0].get_ydata().round(2)
    array([0.1 , 0.32, 0.71])

    ```
    """
    for label, values, style in told_apart(excess, "rank"):
        ax.plot(loss, values, label=label, **style)
    ax.set(xlabel=LOSS, ylabel="effective rank − 1", title="Two bounds", xlim=(0, 1), ylim=(0, 1))
    ax.legend(loc="lower right")
    return ax


def gap(s: np.ndarray, values: np.ndarray, ax: Axes) -> Axes:
    """The difference $f(s)$ of the logarithms of two bounds, with zero as a line.

    **Example:**

    ```python
    >>> ax = figures.proofs.gap(np.array([0.0, 1.0]), np.array([0.0, 0.2]), figures.panels()[1])
    >>> ax.get_title()
    'Up once, down once'

    ```
    """
    ax.axhline(0, color=GREY, lw=1)
    ax.plot(s, values, color=GREEN)
    ax.set(xlabel="$s$", ylabel="$f(s)$", title="Up once, down once", xlim=(0, s[-1]))
    return ax
