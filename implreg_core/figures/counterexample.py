"""The figures of the chapter on the counterexample; see `figures` for the rules."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from implreg_core.figures._kit import loss_axis, unseen_entry_bound
from implreg_core.figures._palette import name_lines, told_apart
from implreg_core.ranks import effective_rank
from implreg_core.trajectories import along


def norms_over_solutions(w: np.ndarray, norms: Mapping[float, np.ndarray], ax: Axes) -> Axes:
    """Schatten (quasi-)norms of the solutions, by exponent, over the free entry `w`.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> w = np.linspace(-2.0, 2.0, 5)
    >>> figures.counterexample.norms_over_solutions(w, {2.0: np.sqrt(w**2 + 2)}, ax).get_title()
    'Every norm is least at 0'

    ```
    """
    labelled = {r"$p = \infty$" if np.isinf(p) else f"$p = {p:g}$": values for p, values in norms.items()}
    for label, values, style in told_apart(labelled, "norm"):
        ax.plot(w, values, label=label, **style)
    ax.set(xlabel="free entry $w$", ylabel=r"$\|W\|_{S_p}$", title="Every norm is least at 0", ylim=(0, None))
    return name_lines(ax)


def ranks_over_solutions(w: np.ndarray, effective_rank: np.ndarray, distance: np.ndarray, ax: Axes) -> Axes:
    """Effective rank of the solutions, and their distance from rank one, over the free entry `w`.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> w = np.linspace(-2.0, 2.0, 5)
    >>> ax = figures.counterexample.ranks_over_solutions(w, 1 + np.exp(-abs(w)), np.exp(-abs(w)), ax)
    >>> [text.get_text() for text in ax.texts]
    ['effective rank', 'distance from rank 1']

    ```
    """
    ranks = {"effective rank": effective_rank, "distance from rank 1": distance}
    for (label, values, style), place in zip(told_apart(ranks, "rank"), ((1.6, 1.62), (1.1, 0.62))):
        ax.plot(w, values, label=label, **style)
        ax.annotate(label, place, xytext=(6, 0), textcoords="offset points", color=style["color"])
    ax.set(xlabel="free entry $w$", title="Rank is highest there", ylim=(0, 2.1))
    return ax


def unseen_entry_of_groups(groups: Mapping[str, Sequence], ax: Axes, *, title: str) -> Axes:
    """Many runs, one shade per group, with a mark where each ends; labels count the runs.

    **Example:**

    ```python
    >>> start = factorizations.identity(0.1, depth=3)
    >>> run = descent.gradient_descent(problems.two_by_two(), start, learning_rate=0.1, max_steps=1000)
    >>> _, ax = figures.panels()
    >>> ax = figures.counterexample.unseen_entry_of_groups({"depth 3": [run, run]}, ax, title="Two runs")
    >>> ax.get_legend_handles_labels()[1]
    ['lower bound', 'depth 3 (2)']

    ```
    """
    least_loss = min(run.loss[-1] for runs in groups.values() for run in runs)
    unseen_entry_bound(ax, least_loss)
    for (label, runs, style), marker in zip(told_apart(groups, "unseen"), "o^sD"):
        for k, run in enumerate(runs):
            w, named = np.abs(run.W[:, 0, 0]), f"{label} ({len(runs)})" if k == 0 else None
            ax.plot(run.loss, w, lw=0.8, alpha=0.8, label=named, **style)
            ax.plot(run.loss[-1], w[-1], marker, color=style["color"], ms=3.5, clip_on=False)
    ax.set(title=title, ylim=(0.05, 200))
    loss_axis(ax, least_loss)
    return ax


def rank_excess(runs: Mapping[str, object], ax: Axes) -> Axes:
    """How far the effective rank of labelled runs lies above one, against their loss.

    **Example:**

    ```python
    >>> start = factorizations.identity(0.1, depth=3)
    >>> run = descent.gradient_descent(problems.two_by_two(), start, learning_rate=0.1, max_steps=1000)
    >>> _, ax = figures.panels()
    >>> figures.counterexample.rank_excess({"depth 3": run}, ax).get_ylabel()
    'effective rank − 1'

    ```
    """
    for label, run, style in told_apart(runs, "rank"):
        ax.plot(run.loss, along(effective_rank, run.W) - 1, label=label, **style)
    ax.set(yscale="log", ylabel="effective rank − 1", title="Its effective rank")
    loss_axis(ax, min(run.loss[-1] for run in runs.values()))
    return name_lines(ax)
