"""The figures of the chapter on learning rates; see `figures` for the rules."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from implreg_core.bounds import unseen_entry_lower_bound
from implreg_core.figures._kit import LOSS, UNSEEN
from implreg_core.figures._palette import BLUE, DASHES, GREY, METHODS, ORANGE, RED, told_apart

_MARKERS = ("o", "^", "D", "s")
_DOTTED = (1, 1.5)


def departures(runs: Mapping[float, object], path, edges: Mapping[float, float], ax: Axes) -> Axes:
    r"""Loss against the unseen entry: the flow `path`, descents by learning rate, and the predicted `edges`.

    **Example:**

    ```python
    >>> start = factorizations.identity(0.1, depth=3)
    >>> run = descent.gradient_descent(problems.two_by_two(), start, learning_rate=0.1, max_steps=1000)
    >>> _, ax = figures.panels()
    >>> figures.learning_rate.departures({0.1: run}, run, {0.1: 20.0}, ax).get_legend_handles_labels()[1]
    ['flow', '$\\eta = 0.1$']

    ```
    """
    shown = path.loss < 0.3
    ax.loglog(np.abs(path.W[shown, 0, 0]), path.loss[shown], color=GREY, lw=4, alpha=0.35, label="flow")
    labelled = {rf"$\eta = {rate:g}$": (run, edges[rate]) for rate, run in runs.items()}
    for k, ((label, (run, edge), style), marker) in enumerate(zip(told_apart(labelled, "loss"), _MARKERS)):
        late, color = run.loss < 0.3, style["color"]
        dots = {"color": color, "ms": 2.2, "zorder": 3 - 0.1 * k}  # the first to leave on top
        ax.loglog(np.abs(run.W[late, 0, 0]), run.loss[late], marker, label=label, **dots)
        ax.axvline(edge, color=color, lw=1, dashes=_DOTTED)
    widest = max(edges.values())
    ax.set(xlabel=UNSEEN, ylabel=LOSS, title="Descent leaves the flow", xlim=(1.5, 2 * widest))
    ax.set(xticks=[2, 5, 10, 20], xticklabels=["2", "5", "10", "20"], ylim=(0.1 / widest**2, 1))
    ax.minorticks_off()
    ax.legend(loc="lower left", markerscale=2)
    return ax


def edge_ratio(points: Mapping[int, tuple[np.ndarray, np.ndarray]], ax: Axes) -> Axes:
    r"""For each depth the predicted edges and the measured departures, as their ratio: the law is the line at one.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> ax = figures.learning_rate.edge_ratio({2: (np.array([20.0, 40.0]), np.array([21.0, 40.0]))}, ax)
    >>> ax.lines[1].get_ydata()
    array([1.05, 1.  ])

    ```
    """
    ax.axhline(1, color=GREY, lw=1.2, dashes=_DOTTED)
    for depth, (edge, left) in points.items():
        color, marker = METHODS[f"depth {depth}"]
        ax.semilogx(edge, left / edge, marker, color=color, ms=5, label=f"depth {depth}")
    ax.set(xlabel="predicted edge", ylabel="left the flow at / edge", title="The law of the edge")
    ax.set(xticks=[5, 10, 20, 50], xticklabels=["5", "10", "20", "50"], ylim=(0.9, None))
    ax.xaxis.minorticks_off()
    ax.legend(loc="upper right")
    return ax


def two_laws(
    lost: Mapping[str, tuple[np.ndarray, np.ndarray]],
    laws: Mapping[str, tuple[np.ndarray, np.ndarray]],
    ax: Axes,
    *,
    title: str,
) -> Axes:
    r"""Where runs lost the sign (dots) against the learning rate, and laws of it (lines); NaN is left out.

    Both map a label to learning rates and unseen entries, the dots with a second axis over starts.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> rates, w = np.array([0.1, 0.01]), np.array([[5.0, 6.0], [10.0, np.nan]])
    >>> ax = figures.learning_rate.two_laws({"scale 1": (rates, w)}, {"edge": (rates, 2 / rates)}, ax, title="depth 3")
    >>> ax.get_legend_handles_labels()[1]
    ['edge', 'scale 1']

    ```
    """
    for (label, (rates, w)), dashes in zip(laws.items(), DASHES):
        ax.loglog(rates, w, color=GREY, lw=1.3, dashes=dashes, label=label)
    for (label, (rates, w), style), marker in zip(told_apart(lost, "unseen"), _MARKERS):
        color = style["color"]
        ax.loglog(rates, w[:, 0], marker, color=color, ms=4.5, alpha=0.8, label=label)
        ax.loglog(rates, w[:, 1:], marker, color=color, ms=4.5, alpha=0.8)
    ax.set(xlabel=r"learning rate $\eta$", title=title)
    return ax


def gaps(paths: Mapping[str, Sequence[tuple[np.ndarray, np.ndarray]]], ax: Axes, *, title: str) -> Axes:
    """Paths of a gap between factors against the step, one shade and dash per label; what is below 1e-9 is drawn there.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> ax = figures.learning_rate.gaps({"depth 3": [(np.arange(4), np.ones(4))]}, ax, title="Gaps")
    >>> ax.get_legend_handles_labels()[1]
    ['depth 3']

    ```
    """
    for label, group, style in told_apart(paths, "norm"):  # a gap is a difference of squared norms
        for k, (step, gap) in enumerate(group):
            named = label if k == 0 else None
            ax.loglog(step[1:], np.maximum(gap[1:], 1e-9), lw=1, alpha=0.8, label=named, **style)
    ax.set(xlabel="step", title=title, ylim=(5e-10, 100))
    return ax


def beyond_the_edge(runs: Mapping[str, object], sharpness: Mapping[str, np.ndarray], edges, axes) -> np.ndarray:
    """One column per labelled run: above the unseen entry and its edge, below the sharpness in units of 2 / eta.

    **Example:**

    ```python
    >>> problem = problems.two_by_two()
    >>> start = tuple(W[None] for W in factorizations.identity(0.1, depth=2))
    >>> (run,) = stability.optimizer_descents(problem, start, optax.sgd, learning_rate=0.1, max_steps=100)
    >>> _, axes = plt.subplots(2, 1, squeeze=False)
    >>> axes = figures.learning_rate.beyond_the_edge({"plain": run}, {"plain": run.loss}, {"plain": 20.0}, axes)
    >>> axes[0, 0].get_ylabel()
    '$|W_{11}|$'

    ```
    """
    for k, (column, (label, run)) in enumerate(zip(axes.T, runs.items())):
        later = run.step > 0
        column[0].axhline(edges[label], color=GREY, lw=1.2, dashes=_DOTTED, label="edge")
        column[0].loglog(run.step[later], np.abs(run.W[later, 0, 0]), color=BLUE)
        column[1].axhline(1, color=GREY, lw=1.2, dashes=_DOTTED)
        column[1].semilogx(run.step[later], sharpness[label][later], color=ORANGE, lw=1.2)
        if (flipped := run.det_sign < 0).any():
            first = run.step[np.argmax(flipped)]
            for ax in column:
                ax.axvline(first, color=RED, lw=1)
        column[0].set(title=label, ylim=(0.01, 60))
        column[1].set(xlabel="step", ylim=(0, 1.5))
        if k == 0:
            column[0].plot([], [], color=RED, lw=1, label="sign lost")
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
    >>> ax = figures.learning_rate.created_unbalancedness(rates, {"depth 2": rates[:, None] ** 2}, ax)
    >>> ax.lines[1].get_ydata()  # slope one through the last point
    array([0.001 , 0.0001])

    ```
    """
    for (label, values, style), marker in zip(told_apart(nu, "norm"), _MARKERS):
        for j, column in enumerate(values.T):
            ax.loglog(rates, column, marker, color=style["color"], ms=4, label=label if j == 0 else None)
            ax.loglog(rates, column[-1] * rates / rates[-1], color=GREY, lw=0.8)
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
    >>> ax = figures.learning_rate.flips(rates, flip, end, (flip, end), ax)
    >>> [text.get_text() for text in ax.texts]
    ['settles', 'sign lost']

    ```
    """
    for (label, values, style), marker in zip(told_apart(flip, "unseen"), _MARKERS):
        for dots, lines in zip((values, end[label]), (predicted[0][label], predicted[1][label])):
            ax.semilogx(rates, dots, marker, color=style["color"], ms=4)
            ax.semilogx(rates, lines, color=GREY, lw=1)
    middle = len(rates) // 2
    lowest_end = min(values[middle] for values in end.values())
    highest_flip = max(values[middle] for values in flip.values())
    ax.text(rates[middle], lowest_end - 0.3, "settles", va="top", ha="center", color=GREY)
    ax.text(rates[middle], highest_flip + 0.3, "sign lost", va="bottom", ha="center", color=GREY)
    ax.set(xlabel=r"learning rate $\eta$", ylabel=UNSEEN, title="Two thresholds", ylim=(0, None))
    return ax


def halved_learning_rate(full: Sequence, halved: Sequence, ax: Axes, *, title: str) -> Axes:
    r"""The unseen entry against the loss at some learning rate (solid) and at half of it (dashed), start by start.

    **Example:**

    ```python
    >>> start = factorizations.identity(0.1, depth=3)
    >>> run = descent.gradient_descent(problems.two_by_two(), start, learning_rate=0.1, max_steps=1000)
    >>> _, ax = figures.panels()
    >>> ax = figures.learning_rate.halved_learning_rate([run], [run], ax, title="depth 3")
    >>> ax.get_legend_handles_labels()[1]
    ['$\\eta$', '$\\eta / 2$']

    ```
    """
    loss = np.geomspace(0.4, 1e-4, 100)
    ax.plot(loss, unseen_entry_lower_bound(loss), color=GREY, lw=1, dashes=_DOTTED)
    for runs, line in ((full, {"lw": 2.2, "alpha": 0.45}), (halved, {"lw": 1.1, "dashes": (4, 2)})):
        for k, run in enumerate(runs):
            label = (r"$\eta$" if runs is full else r"$\eta / 2$") if k == 0 else None
            ax.plot(run.loss, np.abs(run.W[:, 0, 0]), color=BLUE, label=label, **line)
    ax.set(xscale="log", yscale="log", xlim=(1.2, 0.8e-4), ylim=(0.05, 200), title=title)
    return ax
