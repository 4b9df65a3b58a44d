"""The figures of the chapter on any norm; see `figures` for the rules."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from implreg_core.figures._kit import LOSS
from implreg_core.figures._palette import GREY, name_lines, told_apart

_DOTS = (1, 1.5)  # bounds


def norms_of_dimension(
    loss: np.ndarray, curves: Mapping[str, tuple[np.ndarray, np.ndarray]], ax: Axes, *, title: str, ylim: tuple
) -> Axes:
    """Labelled (norm, lower bound) along one trajectory, bounds dotted where they are positive; time goes right.

    **Example:**

    ```python
    >>> loss, norm = np.array([0.1, 0.01]), np.array([1.5, 8.0])
    >>> curves = {"nuclear": (norm, np.array([-1.0, 6.0]))}
    >>> _, ax = figures.panels()
    >>> ax = figures.any_norm.norms_of_dimension(loss, curves, ax, title="d = 2", ylim=(1, 10))
    >>> [text.get_text() for text in ax.texts]
    ['nuclear']

    ```
    """
    for label, (norm, bound), style in told_apart(curves, "norm"):
        ax.plot(loss, norm, label=label, **style)
        ax.plot(loss[bound > 0], bound[bound > 0], color=style["color"], dashes=_DOTS, lw=1.4)
    ax.set(xscale="log", yscale="log", xlabel=LOSS + " (falls →)", ylabel="norm", title=title, ylim=ylim)
    ax.set_xlim(loss[0], loss[-1])
    return name_lines(ax)


def unseen_entry_by_dimension(
    samples: Mapping[int, tuple[np.ndarray, np.ndarray]], bound: tuple[np.ndarray, np.ndarray], ax: Axes, *, top: float
) -> Axes:
    r"""$|W_{11}| \sqrt{2 \ell}$ against the loss of random matrices, by dimension, and the bound for all.

    **Example:**

    ```python
    >>> loss = np.array([0.1, 0.01])
    >>> samples = {d: (loss, np.array([1.2, 1.1])) for d in (2, 5)}
    >>> _, ax = figures.panels()
    >>> ax = figures.any_norm.unseen_entry_by_dimension(samples, (loss, np.ones(2)), ax, top=2.0)
    >>> ax.get_legend_handles_labels()[1]
    ['$d = 2$', '$d = 5$', 'bound']

    ```
    """
    labelled = {f"$d = {d}$": sample for d, sample in samples.items()}
    for (label, (loss, product), style), marker in zip(told_apart(labelled, "unseen"), "osD^"):
        ax.plot(loss, product, marker, color=style["color"], ms=3, alpha=0.7, lw=0, label=label)
    ax.plot(*bound, color=GREY, dashes=_DOTS, label="bound")
    ax.set(xscale="log", xlabel=LOSS + " (falls →)", ylabel=r"$|W_{11}| \, \sqrt{2 \ell}$", ylim=(0, top))
    ax.set_title("One bound for all dimensions")
    ax.invert_xaxis()
    ax.legend(loc="lower right", ncols=2, markerscale=2)
    return ax
