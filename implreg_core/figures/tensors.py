"""The figures of the chapters on tensors; see `figures` for the rules."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from implreg_core.figures._palette import BLUE, DASHES, GREY, ORANGE, told_apart

_DOTS = (1, 1.5)  # levels and tolerances


def circuit(ax: Axes, *, order: int = 3, size: int = 4, channels: int = 3) -> Axes:
    r"""The convolutional arithmetic circuit: one-hot patches, responses to filters, products over patches, their sum.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> ax = figures.tensors.circuit(ax, order=3)
    >>> [text.get_text() for text in ax.texts if "x^3" in text.get_text()]
    ['$x^3$', '$\\langle w_k^3, x^3 \\rangle$']

    ```
    """
    patches = 2.2 * np.arange(order)[::-1]
    rows = np.linspace(0.55, -0.55, channels)
    pooled = patches.mean() + 3 * rows
    for n, y in enumerate(patches):
        for k in range(size):  # the hot entry differs from patch to patch
            face = GREY if k == (n + 1) % size else "white"
            corner = (-0.4, y + 0.4 * (size / 2 - 1 - k))
            ax.add_patch(Rectangle(corner, 0.4, 0.4, facecolor=face, edgecolor=GREY, lw=0.8))
        ax.annotate(f"$x^{n + 1}$", (-0.6, y), ha="right", va="center")
        ax.annotate(rf"$\langle w_k^{n + 1}, x^{n + 1} \rangle$", (1.0, y + 0.72), ha="center", va="center", fontsize=9)
    places = {f"channel {k}": ends for k, ends in enumerate(zip(rows, pooled))}
    for _, (row, place), style in told_apart(places, "norm"):  # as its norm, in the figure of components
        color = style["color"]
        for y in patches:
            ax.plot([0, 2.2], [y, y + row], lw=1, **style)
            ax.plot([2.2, 5], [y + row, place], lw=1, **style)
            ax.plot(2.2, y + row, "o", color=color, ms=6)
        ax.plot([5, 7.4], [place, patches.mean()], lw=1, **style)
        ax.plot(5, place, "o", color=color, mfc="white", ms=15)
        ax.annotate(r"$\times$", (5, place), ha="center", va="center", color=color)
    ax.plot(7.4, patches.mean(), "o", color=GREY, mfc="white", ms=17)
    ax.annotate("+", (7.4, patches.mean()), ha="center", va="center")
    ax.annotate(f"$W_{{{' '.join(f'i_{n + 1}' for n in range(order))}}}$", (7.8, patches.mean()), va="center")
    for x, text in ((-0.2, "patches"), (2.2, "filters"), (5, "product\npooling"), (7.4, "sum")):
        ax.annotate(text, (x, patches.max() + 1.9), ha="center", va="center", fontweight="bold")
    ax.set(xlim=(-1.4, 9.2), ylim=(-1, patches.max() + 2.4))
    ax.axis("off")
    return ax


def component_norms(steps: np.ndarray, norms: np.ndarray, ax: Axes, *, leading: int, title: str) -> Axes:
    """Norms of the components (columns of `norms`, largest first) over training; the `leading` ones purple.

    The norm axis starts at zero, also where panels share it.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> steps, sizes = np.array([0, 1, 10]), np.array([[0.1, 0.1], [0.5, 0.1], [1.0, 0.1]])
    >>> ax = figures.tensors.component_norms(steps, sizes, ax, leading=1, title="One grows")
    >>> [line.get_color() == figures.GREY for line in ax.lines]  # the leading one is drawn last
    [True, False]

    ```
    """
    ax.plot(steps[1:], norms[1:, leading:], color=GREY, lw=0.8)
    largest = {f"component {k}": norm for k, norm in enumerate(norms.T[:leading])}
    for _, norm, style in reversed([*told_apart(largest, "norm")]):  # the largest on top
        ax.plot(steps[1:], norm[1:], **style)
    ax.set(xscale="log", xlabel="step", ylabel=r"$\|w_k^1\| \, \|w_k^2\| \, \|w_k^3\|$", title=title)
    ax.set_ylim(0, max(1.05 * norms.max(), ax.get_ylim()[1]))
    return ax


def fall_and_rise(
    mse: np.ndarray, error: np.ndarray, stops: Mapping[str, int], ax: Axes, *, tolerance: float, title: str
) -> Axes:
    """Mean squared error and reconstruction error at every step, with the labelled steps at which one may stop.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> mse, error = np.array([1.0, 1e-7, 1e-9]), np.array([1.0, 0.1, 0.2])
    >>> ax = figures.tensors.fall_and_rise(mse, error, {"first success": 1}, ax, tolerance=1e-6, title="Which step?")
    >>> ax.get_legend_handles_labels()[1]
    ['first success', 'mean squared error', 'reconstruction error']

    ```
    """
    ax.axhline(tolerance, color=GREY, lw=1, dashes=_DOTS)
    for (label, step), marker in zip(stops.items(), "os"):
        ax.axvline(step, color=GREY, lw=0.8)
        ax.plot([step, step], [mse[step], error[step]], marker, color=GREY, ms=6, lw=0, label=label)
    ax.plot(mse, color=ORANGE, label="mean squared error")
    ax.plot(error, color=BLUE, dashes=DASHES[1], label="reconstruction error")
    ax.set(yscale="log", xlabel="step", title=title, xlim=(0, len(mse)))
    ax.locator_params(axis="x", nbins=4)
    return ax


def step_length(product: np.ndarray, ax: Axes, *, title: str) -> Axes:
    """Learning rate in effect times sharpness at every step; above 2, the dotted level, descent is unstable.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> figures.tensors.step_length(np.array([0.1, 1.0, 3.0]), ax, title="Unstable at the end").lines[1].get_ydata()
    [2, 2]

    ```
    """
    ax.plot(product, color=ORANGE)
    ax.axhline(2, color=GREY, lw=1.2, dashes=_DOTS)
    ax.set(yscale="log", xlabel="step", ylabel="rate in effect × sharpness", title=title, xlim=(0, len(product)))
    ax.locator_params(axis="x", nbins=4)
    return ax
