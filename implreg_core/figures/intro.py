"""The figures of the landing page; see `figures` for the rules."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from implreg_core.figures._kit import loss_axis
from implreg_core.figures._palette import name_lines, told_apart


def norms_against_loss(measures: Mapping[str, np.ndarray], ax: Axes) -> Axes:
    """Nuclear, Frobenius and spectral norm along a run, as `trajectories.measures` gives them.

    **Example:**

    ```python
    >>> start = factorizations.identity(0.1, depth=3)
    >>> run = descent.gradient_descent(problems.two_by_two(), start, learning_rate=0.1, max_steps=1000)
    >>> _, ax = figures.panels()
    >>> measures = trajectories.measures(problems.two_by_two(), run)
    >>> figures.intro.norms_against_loss(measures, ax).get_legend_handles_labels()[1]
    ['nuclear', 'Frobenius', 'spectral']

    ```
    """
    names = {"nuclear": "nuclear", "Frobenius": "frobenius", "spectral": "spectral"}
    for label, name, style in told_apart(names, "norm"):
        ax.plot(measures["loss"], measures[name], label=label, **style)
    ax.set(yscale="log", ylabel="norm of $W$", title="Every norm grows", ylim=(0.1, None))
    loss_axis(ax, measures["loss"][-1])
    return name_lines(ax)


def ranks_against_loss(measures: Mapping[str, np.ndarray], ax: Axes) -> Axes:
    """Effective rank above one and distance from rank one along a run, as `trajectories.measures` gives them.

    **Example:**

    ```python
    >>> start = factorizations.identity(0.1, depth=3)
    >>> run = descent.gradient_descent(problems.two_by_two(), start, learning_rate=0.1, max_steps=1000)
    >>> _, ax = figures.panels()
    >>> measures = trajectories.measures(problems.two_by_two(), run)
    >>> figures.intro.ranks_against_loss(measures, ax).get_legend_handles_labels()[1]
    ['effective rank − 1', 'distance from rank 1']

    ```
    """
    far = {"effective rank − 1": measures["effective_rank"] - 1, "distance from rank 1": measures["distance"]}
    for label, values, style in told_apart(far, "rank"):
        ax.plot(measures["loss"], values, label=label, **style)
    ax.set(yscale="log", ylabel="how far from rank one", title="Rank falls")
    loss_axis(ax, measures["loss"][-1])
    ax.legend()
    return ax
