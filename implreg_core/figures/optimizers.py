"""The figures of the chapter on optimizers other than descent; see `figures` for the rules."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from implreg_core.bounds import unseen_entry_lower_bound
from implreg_core.figures._kit import LOSS, UNSEEN, Panels
from implreg_core.figures._palette import DASHES, GREY, told_apart

_MARKERS = ("o", "^", "D", "s")
_DOTTED = (1, 1.5)
_BROWN = ("#2b1a03", "#5c3804", "#8f5606", "#a16207")  # the hue of methods: these runs share a plane of two quantities


def optimizers(groups: Mapping[str, Sequence], ax: Axes, *, title: str) -> Axes:
    """The unseen entry against a loss down to 1e-6, one brown and dash per optimizer, with the lower bound.

    **Example:**

    ```python
    >>> start = factorizations.identity(0.1, depth=3)
    >>> run = descent.gradient_descent(problems.two_by_two(), start, learning_rate=0.1, max_steps=1000)
    >>> _, ax = figures.panels()
    >>> figures.optimizers.optimizers({"Adam": [run]}, ax, title="depth 3").get_legend_handles_labels()[1]
    ['lower bound', 'Adam']

    ```
    """
    loss = np.geomspace(0.4, 1e-6, 100)
    ax.plot(loss, unseen_entry_lower_bound(loss), color=GREY, lw=1, dashes=_DOTTED, label="lower bound")
    for (name, runs), color, dashes in zip(groups.items(), _BROWN, DASHES):
        for k, run in enumerate(runs):
            w, label = np.abs(run.W[:, 0, 0]), name if k == 0 else None
            ax.plot(run.loss, w, color=color, dashes=dashes, lw=1, alpha=0.8, label=label)
    ax.set(xscale="log", yscale="log", xlim=(1.2, 1e-6), ylim=(0.01, 200), title=title)
    ax.set(xticks=[1, 1e-2, 1e-4, 1e-6], xlabel=f"{LOSS} (falls →)")
    return ax


def adaptive_edge(runs: Mapping[tuple[str, float], Sequence[np.ndarray]], axes: Panels) -> Panels:
    r"""Left the preconditioned sharpness over its limit, right the unseen entry, after each unit of $\eta n$.

    `runs` holds the entry and that ratio by optimizer, which has a shade, and by learning rate, which has a dash.

    **Example:**

    ```python
    >>> _, axes = figures.panels(2)
    >>> run = np.array([1.0, 9.0]), np.array([0.2, 1.0])
    >>> axes = figures.optimizers.adaptive_edge({("Adam", 0.01): run}, axes)
    >>> axes[1].get_legend_handles_labels()[1]
    ['Adam, $\\eta = 0.01$']

    ```
    """
    names = dict.fromkeys(name for name, _ in runs)
    shades = {of: {name: style["color"] for name, _, style in told_apart(names, of)} for of in ("loss", "unseen")}
    rates = list(dict.fromkeys(rate for _, rate in runs))
    left, right = axes
    left.axhline(1, color=GREY, lw=1, dashes=_DOTTED)
    for (name, rate), (entry, ratio) in runs.items():
        label, style = rf"{name}, $\eta = {rate:g}$", {"dashes": DASHES[rates.index(rate)], "lw": 1.2}
        time = np.arange(1, len(entry) + 1)
        left.plot(time, ratio, color=shades["loss"][name], label=label, **style)
        right.loglog(time, entry, color=shades["unseen"][name], label=label, **style)
    left.set(title="Preconditioned sharpness", ylabel="over its limit", ylim=(0, 1.2))
    right.set(title="Growth goes on", ylabel=UNSEEN)
    for ax in axes:
        ax.set_xlabel(r"$\eta$ × step")
    return axes
