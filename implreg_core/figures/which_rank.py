"""The figure of the chapter on the ranks of tensors; see `figures` for the rules."""

from jaxtyping import ArrayLike
from matplotlib.axes import Axes

from implreg_core.figures._palette import name_lines, told_apart


def components(steps: ArrayLike, norms: ArrayLike, ax: Axes) -> Axes:
    """The norms of components over the steps of training, one column for each.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> ax = figures.which_rank.components(np.array([0, 100]), np.array([[0.1, 0.1], [1.0, 0.1]]), ax)
    >>> len(ax.lines)
    2

    ```
    """
    labelled = {f"component {k}": norm for k, norm in enumerate(norms.T, start=1)}
    for label, norm, style in told_apart(labelled, "norm"):
        ax.plot(steps, norm, label=label, **style)
    ax.set(xlabel="step", ylabel="norm of the component", yscale="log")
    ax.locator_params(axis="x", nbins=4)  # five digits have room, on a phone too
    return name_lines(ax)
