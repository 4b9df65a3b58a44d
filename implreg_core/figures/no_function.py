"""The figures of the chapter on one ReLU neuron; see `figures` for the rules."""

from collections.abc import Mapping

from jaxtyping import ArrayLike
from matplotlib.axes import Axes

from implreg_core.figures._kit import Panels
from implreg_core.figures._palette import DASHES, METHODS, name_lines, told_apart


def pushed_aside(runs: Mapping[str, tuple[ArrayLike, ArrayLike, ArrayLike]], axes: Panels) -> Panels:
    """What enters the third input's activation, and the third weight, over time; a curve for each label.

    `runs` maps a label to time, the input of the activation, and the weight.

    **Example:**

    ```python
    >>> _, axes = figures.panels(2)
    >>> t = np.array([0.0, 1.0])
    >>> axes = figures.no_function.pushed_aside({"ReLU": (t, -t, -t)}, axes)
    >>> [len(ax.lines) for ax in axes]
    [2, 2]

    ```
    """
    for ax in axes:
        ax.axhline(0, color="0.5", lw=0.8)
        ax.set_xlabel("time $t$")
    hues = [METHODS[f"depth {depth}"][0] for depth in (2, 4)]  # of methods: gold and brown
    for (label, (t, entering, weight)), color, dashes in zip(runs.items(), hues, DASHES):
        axes[0].plot(t, entering, color=color, dashes=dashes, label=label)
        axes[1].plot(t, weight, color=color, dashes=dashes, label=label)
    axes[0].set_ylabel(r"$w \cdot x_3$")
    axes[1].set_ylabel("third weight $w_3$")
    axes[0].legend()
    return axes


def costs(depths: ArrayLike, bounds: Mapping[str, tuple[ArrayLike, ArrayLike]], ax: Axes) -> Axes:
    """Cost for each layer over the depth, between a lower and an upper bound for each label.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> ax = figures.no_function.costs(np.array([2, 4]), {"identity": (np.ones(2), np.full(2, 2.0))}, ax)
    >>> ax.get_xscale()
    'log'

    ```
    """
    for label, (low, high), style in told_apart(bounds, "norm"):  # a cost is a norm of weights
        ax.fill_between(depths, low, high, color=style["color"], alpha=0.15, lw=0)
        ax.plot(depths, high, label=label, **style)
        ax.plot(depths, low, lw=0.8, **style)
    ax.set(xlabel="depth $L$", ylabel="cost / depth", xscale="log")
    return name_lines(ax)
