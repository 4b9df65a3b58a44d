"""The figure of the chapter on the ranks of tensors; see `figures` for the rules."""

from jaxtyping import ArrayLike
from matplotlib.axes import Axes

from implreg_core.figures._palette import COLORS, DASHES


def components(steps: ArrayLike, norms: ArrayLike, ax: Axes) -> Axes:
    """The norms of components over the steps of training, one column for each.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> ax = figures.which_rank.components([0, 100], np.array([[0.1, 0.1], [1.0, 0.1]]), ax)
    >>> len(ax.lines)
    2

    ```
    """
    for k, (norm, color, dashes) in enumerate(zip(norms.T, COLORS, DASHES), start=1):
        ax.plot(steps, norm, color=color, dashes=dashes, label=f"component {k}")
    ax.set(xlabel="step", ylabel="norm of the component", yscale="log")
    ax.legend(loc="center right")
    return ax
