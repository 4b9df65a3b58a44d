"""What the figures of all chapters share: style, panels, and the axes that many of them have."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.legend import Legend
from matplotlib.legend_handler import HandlerTuple

from implreg_core.bounds import unseen_entry_lower_bound
from implreg_core.figures._palette import COLORS, GREY, name_lines, told_apart

_STYLE = {
    "axes.grid": True,
    "axes.labelsize": 11,
    "axes.linewidth": 0.8,
    "axes.prop_cycle": cycler(color=COLORS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "figure.constrained_layout.use": True,
    "figure.figsize": (7.2, 3.2),
    "font.size": 10.5,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "mathtext.fontset": "cm",
    "path.simplify_threshold": 0.2,
    "savefig.dpi": 150,
    "svg.hashsalt": "implreg",  # the same picture, the same file
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
}

Panels = Sequence[Axes] | np.ndarray  # matplotlib gives arrays, which are no Sequence
LOSS = r"loss $\ell(W)$"
UNSEEN = r"unseen entry $|W_{11}|$"


def apply_style() -> None:
    """Use the book's style for all figures that follow.

    **Example:**

    ```python
    >>> figures.apply_style()
    >>> plt.rcParams["axes.grid"]
    True

    ```
    """
    plt.rcParams.update(_STYLE)


def panels(count: int = 1, height: float = 3.2, **kwargs) -> tuple[plt.Figure, Panels | Axes]:
    """A figure as wide as the page's text with `count` panels side by side; one panel is narrower.

    **Example:**

    ```python
    >>> figure, axes = figures.panels(2)
    >>> len(axes), figure.get_size_inches()
    (2, array([7.2, 3.2]))

    ```
    """
    return plt.subplots(1, count, figsize=(7.2 if count > 1 else 5.4, height), **kwargs)


def unseen_entry(runs: Mapping[str, object], ax: Axes) -> Axes:
    r"""$|W_{11}|$ of labelled runs against their loss, with the lower bound that a positive determinant forces.

    **Example:**

    ```python
    >>> start = factorizations.identity(0.1, depth=3)
    >>> run = descent.gradient_descent(problems.two_by_two(), start, learning_rate=0.1, max_steps=1000)
    >>> _, ax = figures.panels()
    >>> [text.get_text() for text in figures.unseen_entry({"depth 3": run}, ax).texts]
    ['lower bound', 'depth 3']

    ```
    """
    least_loss = min(run.loss[-1] for run in runs.values())
    unseen_entry_bound(ax, least_loss)
    for label, run, style in told_apart(runs, "unseen"):
        ax.plot(run.loss, np.abs(run.W[:, 0, 0]), label=label, **style)
    ax.set(title="The unseen entry", ylim=(0.1, None))
    loss_axis(ax, least_loss)
    return name_lines(ax)


def loss_over_time(runs: Mapping[str, object], ax: Axes) -> Axes:
    """The loss of labelled flows over time.

    **Example:**

    ```python
    >>> start = factorizations.identity(0.1, depth=3)
    >>> run = descent.gradient_descent(problems.two_by_two(), start, learning_rate=0.1, max_steps=1000)
    >>> _, ax = figures.panels()
    >>> figures.loss_over_time({"depth 3": run}, ax).get_xlabel()
    'time $t$'

    ```
    """
    for label, run, style in told_apart(runs, "loss"):
        ax.loglog(run.t[1:], run.loss[1:], label=label, **style)
    ax.set(xlabel="time $t$", ylabel=LOSS, title="Loss over time")
    ax.legend(loc="lower left")
    return ax


def unseen_entry_bound(ax: Axes, least_loss: float) -> None:
    """The unseen entry's lower bound, which a positive determinant forces, where it says something, to `least_loss`.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> figures.unseen_entry_bound(ax, 1e-4)
    >>> float(ax.lines[0].get_ydata()[-1].round(1))
    70.7

    ```
    """
    loss = np.geomspace(0.4, least_loss, 200)
    ax.plot(loss, unseen_entry_lower_bound(loss), color=GREY, lw=1.2, dashes=(1, 1.5), label="lower bound")
    ax.set(yscale="log", ylabel=UNSEEN)


def loss_axis(ax: Axes, least_loss: float) -> None:
    """The loss on a logarithmic axis that falls from left to right, as training proceeds.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> figures.loss_axis(ax, 1e-4)
    >>> ax.get_xlabel()
    'loss $\\\\ell(W)$ (falls →)'

    ```
    """
    ax.set(xscale="log", xlabel=LOSS + " (falls →)", xlim=(1.2, least_loss * 0.8))


def common_legend(axes: Panels, *, loc: str = "outside lower center", ncols: int = 3) -> Legend:
    """One legend beside panels of several meanings: each label with its line in each of `axes`, as hues differ.

    **Example:**

    ```python
    >>> _, axes = figures.panels(2)
    >>> for ax, meaning in zip(axes, ("unseen", "rank")):
    ...     for label, y, style in figures.told_apart({"depth 2": [1, 2], "depth 3": [1, 3]}, meaning):
    ...         _ = ax.plot(y, label=label, **style)
    >>> [text.get_text() for text in figures.common_legend(axes).get_texts()]
    ['depth 2', 'depth 3']

    ```
    """
    handles, labels = zip(*(ax.get_legend_handles_labels() for ax in axes))
    side_by_side = {"handler_map": {tuple: HandlerTuple(ndivide=None)}, "handlelength": 2.5 * len(axes)}
    return axes[0].figure.legend([*zip(*handles)], labels[0], loc=loc, ncols=ncols, **side_by_side)


def power_of_ten(x: float) -> str:
    r"""`x` as a legend writes it, to six digits.

    **Example:**

    ```python
    >>> figures.power_of_ten(1e-6), figures.power_of_ten(0.0025)
    ('$10^{-6}$', '$2.5 \\cdot 10^{-3}$')

    ```
    """
    mantissa, exponent = f"{x:.5e}".split("e")
    digits = mantissa.rstrip("0").rstrip(".")
    factor = "" if digits == "1" else rf"{digits} \cdot "
    return rf"${factor}10^{{{int(exponent)}}}$"
