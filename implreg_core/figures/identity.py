"""The figure of the chapter on starts at the identity; see `figures` for the rules."""

from collections.abc import Mapping

import numpy as np

from implreg_core.figures._kit import Panels
from implreg_core.figures._palette import GREY, told_apart


def identity_rates(runs: Mapping[str, object], axes: Panels) -> Panels:
    r"""Unseen entry, loss and determinant of labelled depth-2 flows over time, with the predicted rates dotted.

    **Example:**

    ```python
    >>> from types import SimpleNamespace
    >>> t = np.geomspace(1.0, 1e20, 5)
    >>> W = np.stack([problems.two_by_two_solution(w) for w in (6 * t) ** (1 / 3)])
    >>> run = SimpleNamespace(t=t, W=W, loss=(6 * t) ** (-2 / 3) / 2, log_abs_det=-((6 * t) ** (2 / 3)) / 2)
    >>> _, axes = figures.panels(3)
    >>> axes = figures.identity.identity_rates({"as predicted": run}, axes)
    >>> [ax.get_title() for ax in axes]
    ['unseen entry $w$', 'loss $\\ell(W)$', '$-\\ln \\, \\det W$']

    ```
    """
    predicted = (lambda t: (6 * t) ** (1 / 3), lambda t: 0.5 * (6 * t) ** (-2 / 3), lambda t: 0.5 * (6 * t) ** (2 / 3))
    titles = ("unseen entry $w$", r"loss $\ell(W)$", r"$-\ln \, \det W$")
    columns = (lambda run: run.W[:, 0, 0], lambda run: run.loss, lambda run: -run.log_abs_det)
    for ax, title, column, law, meaning in zip(axes, titles, columns, predicted, ("unseen", "loss", "sign")):
        t = np.geomspace(1, max(run.t[-1] for run in runs.values()), 50)
        for label, run, style in told_apart(runs, meaning):
            shown = run.t > 1e-2
            ax.loglog(run.t[shown], column(run)[shown], label=label, **style)
        ax.loglog(t, law(t), color=GREY, lw=1.2, dashes=(1, 1.5), label="predicted")
        ax.set(title=title, xlabel="time $t$")
        ax.set_xticks([1, 1e20, 1e40])
        ax.minorticks_off()
    axes[0].legend(loc="lower right")
    return axes
