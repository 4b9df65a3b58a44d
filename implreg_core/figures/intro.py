"""The figures of the landing page; see `figures` for the rules."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from implreg_core.figures._kit import loss_axis
from implreg_core.figures._palette import DASHES


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
    for name, label, dashes in zip(("nuclear", "frobenius", "spectral"), ("nuclear", "Frobenius", "spectral"), DASHES):
        ax.plot(measures["loss"], measures[name], dashes=dashes, label=label)
    ax.set(yscale="log", ylabel="norm of $W$", title="Every norm grows", ylim=(0.1, None))
    loss_axis(ax, measures["loss"][-1])
    ax.legend()
    return ax


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
    ax.plot(measures["loss"], measures["effective_rank"] - 1, label="effective rank − 1")
    ax.plot(measures["loss"], measures["distance"], dashes=DASHES[1], label="distance from rank 1")
    ax.set(yscale="log", ylabel="how far from rank one", title="Rank falls")
    loss_axis(ax, measures["loss"][-1])
    ax.legend()
    return ax
