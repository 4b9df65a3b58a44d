"""The figures on learning rates and stability: they take results and axes, draw, and return the axes."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from implreg_core.bounds import unseen_entry_lower_bound
from implreg_core.figures import COLORS, DASHES, GREY, LOSS, UNSEEN

_MARKERS = ("o", "^", "D", "s")
_DOTTED = (1, 1.5)


def departures(runs: Mapping[float, object], path, edges: Mapping[float, float], ax: Axes) -> Axes:
    r"""Loss against the unseen entry: the flow `path`, descents by learning rate, and the predicted `edges`.

    **Example:**

    ```python
    >>> start = factorizations.identity(0.1, depth=3)
    >>> run = descent.gradient_descent(problems.two_by_two(), start, learning_rate=0.1, max_steps=1000)
    >>> _, ax = figures.panels()
    >>> figures_stability.departures({0.1: run}, run, {0.1: 20.0}, ax).get_legend_handles_labels()[1]
    ['flow', '$\\eta = 0.1$']

    ```
    """
    shown = path.loss < 0.3
    ax.loglog(np.abs(path.W[shown, 0, 0]), path.loss[shown], color=GREY, lw=4, alpha=0.35, label="flow")
    for (rate, run), color, marker in zip(runs.items(), COLORS, _MARKERS):
        late = run.loss < 0.3
        entry, label = np.abs(run.W[late, 0, 0]), rf"$\eta = {rate:g}$"
        ax.loglog(entry, run.loss[late], marker, color=color, ms=2.2, label=label)
        ax.axvline(edges[rate], color=color, lw=1, dashes=_DOTTED)
    widest = max(edges.values())
    ax.set(xlabel=UNSEEN, ylabel=LOSS, title="Descent leaves the flow", xlim=(1.5, 2 * widest))
    ax.set(xticks=[2, 5, 10, 20], xticklabels=["2", "5", "10", "20"], ylim=(0.1 / widest**2, 1))
    ax.minorticks_off()
    ax.legend(loc="lower left", markerscale=2)
    return ax


def edge_law(points: Mapping[int, tuple[np.ndarray, np.ndarray]], law, ax: Axes) -> Axes:
    r"""Measured departures: for each depth the learning rates $\eta$ and $|W_{11}|$; `law(eta, depth)` is the line.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> rates = np.array([0.1, 0.01])
    >>> ax = figures_stability.edge_law({2: (rates, 2 / rates)}, lambda rates, depth: 2 / rates, ax)
    >>> np.allclose(ax.lines[0].get_ydata(), ax.lines[1].get_ydata())
    True

    ```
    """
    for (depth, (rates, w)), color, marker in zip(points.items(), COLORS, _MARKERS):
        ax.loglog(2 / rates, w, marker, color=color, ms=5, label=f"depth {depth}")
        ax.loglog(2 / rates, law(rates, depth), color=color, lw=1)
    ax.set(xlabel=r"$2 / \eta$", ylabel=r"$|W_{11}|$ on leaving the flow", title="The law of the edge")
    ax.set(yticks=[20, 50, 100, 200], yticklabels=["20", "50", "100", "200"])
    ax.yaxis.minorticks_off()
    ax.legend(loc="lower right")
    return ax


def beyond_the_edge(runs: Mapping[str, object], sharpness: Mapping[str, np.ndarray], edges, axes) -> np.ndarray:
    """One column per labelled run: above the unseen entry and its edge, below the sharpness in units of 2 / eta.

    **Example:**

    ```python
    >>> problem = problems.two_by_two()
    >>> start = tuple(W[None] for W in factorizations.identity(0.1, depth=2))
    >>> (run,) = stability.optimizer_descents(problem, start, optax.sgd, learning_rate=0.1, max_steps=100)
    >>> _, axes = plt.subplots(2, 1, squeeze=False)
    >>> axes = figures_stability.beyond_the_edge({"plain": run}, {"plain": run.loss}, {"plain": 20.0}, axes)
    >>> axes[0, 0].get_ylabel()
    '$|W_{11}|$'

    ```
    """
    for k, (column, (label, run)) in enumerate(zip(axes.T, runs.items())):
        later = run.step > 0
        column[0].axhline(edges[label], color=GREY, lw=1.2, dashes=_DOTTED, label="edge")
        column[0].loglog(run.step[later], np.abs(run.W[later, 0, 0]), color=COLORS[0])
        column[1].axhline(1, color=GREY, lw=1.2, dashes=_DOTTED)
        column[1].semilogx(run.step[later], sharpness[label][later], color=COLORS[1], lw=1.2)
        if (flipped := run.det_sign < 0).any():
            first = run.step[np.argmax(flipped)]
            for ax in column:
                ax.axvline(first, color=COLORS[4], lw=1)
        column[0].set(title=label, ylim=(0.01, 60))
        column[1].set(xlabel="step", ylim=(0, 1.5))
        if k == 0:
            column[0].plot([], [], color=COLORS[4], lw=1, label="sign lost")
            column[0].legend(loc="lower right")
    axes[0, 0].set_ylabel(r"$|W_{11}|$")
    axes[1, 0].set_ylabel(r"sharpness $\cdot \; \eta / 2$")
    return axes


def created_unbalancedness(rates: np.ndarray, nu: Mapping[str, np.ndarray], ax: Axes) -> Axes:
    """Weak unbalancedness against the learning rate, several starts (columns) per label; a line of slope one.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> rates = np.array([0.1, 0.01])
    >>> ax = figures_stability.created_unbalancedness(rates, {"depth 2": rates[:, None] ** 2}, ax)
    >>> ax.lines[1].get_ydata()  # slope one through the last point
    array([0.001 , 0.0001])

    ```
    """
    for (label, values), color, marker in zip(nu.items(), COLORS, _MARKERS):
        for j, column in enumerate(values.T):
            ax.loglog(rates, column, marker, color=color, ms=4, label=label if j == 0 else None)
            ax.loglog(rates, column[-1] * rates / rates[-1], color=color, lw=0.8)
    ax.set(xlabel=r"learning rate $\eta$", ylabel=r"weak unbalancedness $|\nu|$", title="What descent unbalances")
    ax.set_ylim(None, 20 * max(values.max() for values in nu.values()))
    ax.legend(loc="upper left", ncols=2, columnspacing=1)
    return ax


def flips(
    rates: np.ndarray, flip: Mapping[str, np.ndarray], end: Mapping[str, np.ndarray], predicted, ax: Axes
) -> Axes:
    """Where the sign is lost and where the entry settles: dots; `predicted` holds such a pair of mappings: lines.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> rates, flip, end = np.array([0.1, 0.01]), {"depth 2": np.array([2.0, 3.0])}, {"depth 2": np.array([5.0, 6.0])}
    >>> ax = figures_stability.flips(rates, flip, end, (flip, end), ax)
    >>> [text.get_text() for text in ax.texts]
    ['settles', 'sign lost']

    ```
    """
    for (label, values), color, marker in zip(flip.items(), COLORS, _MARKERS):
        for dots, lines in zip((values, end[label]), (predicted[0][label], predicted[1][label])):
            ax.semilogx(rates, dots, marker, color=color, ms=4)
            ax.semilogx(rates, lines, color=color, lw=1)
    middle = len(rates) // 2
    lowest_end = min(values[middle] for values in end.values())
    highest_flip = max(values[middle] for values in flip.values())
    ax.text(rates[middle], lowest_end - 0.3, "settles", va="top", ha="center", color=GREY)
    ax.text(rates[middle], highest_flip + 0.3, "sign lost", va="bottom", ha="center", color=GREY)
    ax.set(xlabel=r"learning rate $\eta$", ylabel=UNSEEN, title="Two thresholds", ylim=(0, None))
    return ax


def halved_learning_rate(full: Sequence, halved: Sequence, ax: Axes, *, title: str, color: str = COLORS[0]) -> Axes:
    r"""The unseen entry against the loss at some learning rate (solid) and at half of it (dashed), start by start.

    **Example:**

    ```python
    >>> start = factorizations.identity(0.1, depth=3)
    >>> run = descent.gradient_descent(problems.two_by_two(), start, learning_rate=0.1, max_steps=1000)
    >>> _, ax = figures.panels()
    >>> ax = figures_stability.halved_learning_rate([run], [run], ax, title="depth 3")
    >>> ax.get_legend_handles_labels()[1]
    ['$\\eta$', '$\\eta / 2$']

    ```
    """
    loss = np.geomspace(0.4, 1e-4, 100)
    ax.plot(loss, unseen_entry_lower_bound(loss), color=GREY, lw=1, dashes=_DOTTED)
    for runs, line in ((full, {"lw": 2.2, "alpha": 0.45}), (halved, {"lw": 1.1, "dashes": (4, 2)})):
        for k, run in enumerate(runs):
            label = (r"$\eta$" if runs is full else r"$\eta / 2$") if k == 0 else None
            ax.plot(run.loss, np.abs(run.W[:, 0, 0]), color=color, label=label, **line)
    ax.set(xscale="log", yscale="log", xlim=(1.2, 0.8e-4), ylim=(0.05, 200), title=title)
    return ax


def optimizers(groups: Mapping[str, Sequence], ax: Axes, *, title: str) -> Axes:
    """The unseen entry against a loss down to 1e-6, one colour and dash per optimizer, with the lower bound.

    **Example:**

    ```python
    >>> start = factorizations.identity(0.1, depth=3)
    >>> run = descent.gradient_descent(problems.two_by_two(), start, learning_rate=0.1, max_steps=1000)
    >>> _, ax = figures.panels()
    >>> figures_stability.optimizers({"Adam": [run]}, ax, title="depth 3").get_legend_handles_labels()[1]
    ['lower bound', 'Adam']

    ```
    """
    loss = np.geomspace(0.4, 1e-6, 100)
    ax.plot(loss, unseen_entry_lower_bound(loss), color=GREY, lw=1, dashes=_DOTTED, label="lower bound")
    for (name, runs), color, dashes in zip(groups.items(), COLORS, DASHES):
        for k, run in enumerate(runs):
            w, label = np.abs(run.W[:, 0, 0]), name if k == 0 else None
            ax.plot(run.loss, w, color=color, dashes=dashes, lw=1, alpha=0.8, label=label)
    ax.set(xscale="log", yscale="log", xlim=(1.2, 1e-6), ylim=(0.01, 200), title=title)
    ax.set(xticks=[1, 1e-2, 1e-4, 1e-6], xlabel=LOSS)
    return ax
