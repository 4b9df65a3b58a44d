"""The figures of the chapter on the counterexample; see `figures` for the rules."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from implreg_core.figures._kit import loss_axis, unseen_entry_bound
from implreg_core.figures._palette import BLUE, COLORS, DASHES, ORANGE
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
    for (p, values), dashes in zip(norms.items(), DASHES):
        ax.plot(w, values, dashes=dashes, label=r"$p = \infty$" if np.isinf(p) else f"$p = {p:g}$")
    ax.set(xlabel="free entry $w$", ylabel=r"$\|W\|_{S_p}$", title="Every norm is least at 0", ylim=(0, None))
    ax.legend(ncols=2, loc="upper center")
    return ax


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
    ax.plot(w, effective_rank, label="effective rank")
    ax.plot(w, distance, dashes=DASHES[1], label="distance from rank 1")
    ax.set(xlabel="free entry $w$", title="Rank is highest there", ylim=(0, 2.1))
    ax.annotate("effective rank", (1.6, 1.62), xytext=(6, 0), textcoords="offset points", color=BLUE)
    ax.annotate("distance from rank 1", (1.1, 0.62), xytext=(6, 0), textcoords="offset points", color=ORANGE)
    return ax


def unseen_entry_of_groups(groups: Mapping[str, Sequence], ax: Axes, *, title: str) -> Axes:
    """Many runs, one colour per group, with a dot where each ends; labels count the runs.

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
    for (label, runs), color in zip(groups.items(), COLORS):
        for k, run in enumerate(runs):
            w = np.abs(run.W[:, 0, 0])
            ax.plot(run.loss, w, color=color, lw=0.8, alpha=0.8, label=f"{label} ({len(runs)})" if k == 0 else None)
            ax.plot(run.loss[-1], w[-1], "o", color=color, ms=3.5, clip_on=False)
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
    for (label, run), color, dashes in zip(runs.items(), COLORS, DASHES):
        ax.plot(run.loss, along(effective_rank, run.W) - 1, color=color, dashes=dashes, label=label)
    ax.set(yscale="log", ylabel="effective rank − 1", title="Its effective rank")
    loss_axis(ax, min(run.loss[-1] for run in runs.values()))
    ax.legend()
    return ax
