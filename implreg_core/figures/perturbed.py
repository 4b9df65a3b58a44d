"""The figures of the chapter on perturbed observations; see `figures` for the rules."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from implreg_core.figures._kit import LOSS, UNSEEN
from implreg_core.figures._palette import GREY, told_apart

_DOTS = (1, 1.5)  # bounds and predictions


def norm_over_solutions(
    w: np.ndarray,
    norms: Mapping[str, np.ndarray],
    least: Mapping[str, tuple[float, float]],
    rank_one: Mapping[str, tuple[float, float]],
    ax: Axes,
) -> Axes:
    """A norm of the solutions over the free entry `w`, per label, with the points of least norm and of rank one.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> w = np.linspace(-2.0, 2.0, 5)
    >>> ax = figures.perturbed.norm_over_solutions(w, {"a": 2 + abs(w)}, {"a": (0.0, 2.0)}, {"a": (2.0, 4.0)}, ax)
    >>> [line.get_marker() for line in ax.lines]
    ['None', 'o', '*']

    ```
    """
    for label, values, style in told_apart(norms, "norm"):
        ax.plot(w, values, label=label, **style)
        ax.plot(*least[label], "o", color=style["color"], ms=6)
        ax.plot(*rank_one[label], "*", color=style["color"], ms=11)
    ax.set(xlabel="free entry $w$", ylabel="nuclear norm", ylim=(0, None))
    ax.legend()
    return ax


def unseen_entries(
    groups: Mapping[str, Sequence],
    ax: Axes,
    *,
    title: str,
    bounds: Mapping[str, tuple[np.ndarray, np.ndarray]],
    least_loss: float,
    top: float,
) -> Axes:
    r"""$|W_{11}|$ of runs against their loss, one dash per group, a dot at each end; `bounds` dotted in grey.

    **Example:**

    ```python
    >>> start = factorizations.identity(0.1, depth=3)
    >>> run = descent.gradient_descent(problems.two_by_two(), start, learning_rate=0.1, max_steps=1000)
    >>> _, ax = figures.panels()
    >>> lower = {"bound": (run.loss, np.asarray(bounds.unseen_entry_lower_bound(run.loss)))}
    >>> ax = figures.perturbed.unseen_entries({"a": [run]}, ax, title="t", bounds=lower, least_loss=1e-3, top=50.0)
    >>> bool(ax.lines[1].get_xdata().min() >= 1e-3)  # lines end at the least loss
    True

    ```
    """
    for loss, values in bounds.values():
        ax.plot(loss, values, color=GREY, lw=1.2, dashes=_DOTS)
    for label, runs, style in told_apart(groups, "unseen"):
        for k, run in enumerate(runs):
            w, shown = np.abs(run.W[:, 0, 0]), run.loss >= least_loss
            ax.plot(run.loss[shown], w[shown], lw=1.3, label=label if k == 0 else None, **style)
            ax.plot(run.loss[shown][-1], w[shown][-1], "o", color=style["color"], ms=3.5)
    ax.set(xscale="log", yscale="log", xlabel=LOSS + " (falls →)", ylabel=UNSEEN, title=title)
    ax.set(xlim=(5, least_loss * 0.6), ylim=(0.1, top))
    return ax


def fit_or_trap(runs: Mapping[str, object], floor: float, ax: Axes) -> Axes:
    r"""The loss of labelled runs against $|W_{11}|$, and the level at which a trapped run stays.

    **Example:**

    ```python
    >>> start = factorizations.identity(0.1, depth=3)
    >>> run = descent.gradient_descent(problems.two_by_two(), start, learning_rate=0.1, max_steps=1000)
    >>> _, ax = figures.panels()
    >>> figures.perturbed.fit_or_trap({"fits": run}, 1e-2, ax).lines[-1].get_ydata()
    [0.01, 0.01]

    ```
    """
    for label, run, style in told_apart(runs, "loss"):
        ax.loglog(np.abs(run.W[:, 0, 0]), run.loss, label=label, **style)
    ax.axhline(floor, color=GREY, lw=1.2, dashes=_DOTS)
    ax.annotate(r"$\epsilon^2 / 2$", (0.1, floor), xytext=(2, 4), textcoords="offset points", color=GREY)
    ax.set(xlabel=UNSEEN, ylabel=LOSS, xlim=(0.1, None), ylim=(floor * 1e-6, 5), title="Fit or trap")
    ax.legend(loc="lower right")
    return ax


def share_over_scale(scale: np.ndarray, shares: Mapping[str, np.ndarray], ax: Axes) -> Axes:
    """The share of runs that end in the trap, per label, over the scale of the start.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> ax = figures.perturbed.share_over_scale(np.array([0.1, 0.01]), {"(1, 1, 0.1)": np.array([0.5, 0.1])}, ax)
    >>> bool(ax.xaxis_inverted())  # the start nears zero to the right
    True

    ```
    """
    for label, values, style in told_apart(shares, "loss"):  # a trapped run keeps a loss
        ax.plot(scale, values, "o-", ms=4, label=label, **style)
    ax.set(xscale="log", xlabel=r"starting scale $\alpha$ (falls →)", ylabel="share trapped", ylim=(-0.02, 0.55))
    ax.set_title("Nearer zero, fewer traps")
    ax.invert_xaxis()
    ax.legend(loc="upper right", fontsize=8.5, title=r"$(z, z', \epsilon)$", title_fontsize=8.5)
    return ax


def powers_of_scale(
    scale: np.ndarray,
    curves: Mapping[str, np.ndarray],
    exponents: Mapping[str, float],
    ax: Axes,
    *,
    meaning: str,
    ylabel: str,
    title: str,
) -> Axes:
    """Positive quantities over the scale of the start, with the predicted powers dotted through the last points.

    `meaning` is that of the quantities, as `told_apart` takes it.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> scale = np.array([0.1, 0.01])
    >>> said = {"meaning": "norm", "ylabel": "size", "title": "A power"}
    >>> ax = figures.perturbed.powers_of_scale(scale, {"a": scale}, {"a": 2.0}, ax, **said)
    >>> ax.lines[1].get_ydata()  # the predicted power, through the last point
    array([1.  , 0.01])

    ```
    """
    for label, values, style in told_apart(curves, meaning):
        ax.loglog(scale, values, "o-", ms=3.5, lw=1.3, label=label, **style)
        if label in exponents:
            ax.loglog(scale, values[-1] * (scale / scale[-1]) ** exponents[label], color=GREY, lw=1, dashes=_DOTS)
    ax.set(xlabel=r"starting scale $\alpha$ (falls →)", ylabel=ylabel, title=title)
    ax.invert_xaxis()
    return ax
