"""The figures of the chapter on activations: determinants, shares of runs and errors, over a leaky ReLU's slope."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from implreg_core.figures._palette import BLUE, DASHES, GREY, METHODS, told_apart

_MARKERS = "os^D"
OUTCOMES = {  # colour, hatch and its colour: the unseen entry of those that fit is blue
    "grows": (BLUE, "", "white"),
    "settles": ("#9cc3e4", "///", BLUE),
    "stuck": (GREY, "xxx", "white"),
    "slow": ("#e3e5e8", "...", GREY),
}


def determinants(runs: Mapping[str, object], ax: Axes) -> Axes:
    r"""$\det W$ of labelled runs over the time $t$; zero is dotted.

    **Example:**

    ```python
    >>> from types import SimpleNamespace
    >>> run = SimpleNamespace(t=np.array([0.0, 1.0, 2.0]), W=np.stack([np.eye(2), np.eye(2), 2 * np.eye(2)]))
    >>> ax = figures.beyond_linear.determinants({"slope 1": run}, figures.panels()[1])
    >>> ax.get_lines()[1].get_ydata()  # from the first step on: the axis of time is logarithmic
    array([1., 4.])

    ```
    """
    ax.axhline(0, color=GREY, lw=1, dashes=(1, 1.5))
    for label, run, style in told_apart(runs, "sign"):
        ax.plot(run.t[1:], np.linalg.det(run.W[1:]), label=label, **style)
    ax.set(xscale="log", xlabel="time $t$", ylabel=r"$\det W$", title="The determinant")
    ax.legend(loc="lower left")
    return ax


def outcomes(knob: Sequence[float], shares: Mapping[str, np.ndarray], ax: Axes, *, title: str) -> Axes:
    """What becomes of runs, as stacked bars: for each of `OUTCOMES` its shares, one for each entry of `knob`.

    **Example:**

    ```python
    >>> shares = dict.fromkeys(figures.beyond_linear.OUTCOMES, np.array([0.25, 0.25]))
    >>> ax = figures.beyond_linear.outcomes([0.5, 1.0], shares, figures.panels()[1], title="Outcomes")
    >>> [text.get_text() for text in ax.get_xticklabels()]
    ['0.5', '1']

    ```
    """
    bottom = np.zeros(len(knob))
    for outcome, (color, hatch, lines) in OUTCOMES.items():
        style = {"color": color, "hatch": hatch, "edgecolor": lines, "linewidth": 0}
        ax.bar(range(len(knob)), shares[outcome], 0.8, bottom, label=outcome, **style)
        bottom = bottom + shares[outcome]
    _knob_axis(knob, ax)
    ax.set(ylim=(0, 1), title=title)
    ax.grid(visible=False)
    return ax


def shares(knob: Sequence[float], curves: Mapping[str, tuple[np.ndarray, np.ndarray]], ax: Axes, *, title: str) -> Axes:
    """Shares of runs that grow, over the entries of `knob`: a curve is `(share, interval)`, the interval drawn as bars.

    **Example:**

    ```python
    >>> share = np.array([0.2, 0.5])
    >>> curves = {"ReLU": (share, np.array([share - 0.1, share + 0.1]))}
    >>> figures.beyond_linear.shares([0.0, 0.5], curves, figures.panels()[1], title="Shares").get_xlabel()
    'slope'

    ```
    """
    x = np.arange(len(knob))
    for k, (label, (share, (low, high)), style) in enumerate(told_apart(curves, "unseen")):
        places = x + 0.12 * (k - (len(curves) - 1) / 2)
        bars = np.maximum([share - low, high - share], 0)  # rounding may put an end beyond the share
        ax.plot(places, share, _MARKERS[k], ls="-", lw=1.2, ms=4.5, label=label, **style)
        ax.errorbar(places, share, bars, fmt="none", ecolor=style["color"], elinewidth=1)
    _knob_axis(knob, ax)
    ax.set(ylim=(-0.03, 1.03), title=title)
    return ax


def against_slope(knob: Sequence[float], values: Mapping[str, np.ndarray], ax: Axes, *, title: str) -> Axes:
    """Measures of `METHODS` over the entries of `knob`, one row of runs for each: a dot per run, lines through medians.

    **Example:**

    ```python
    >>> errors = np.array([[1.0, 2.0, 9.0], [3.0, 4.0, 5.0]])
    >>> ax = figures.beyond_linear.against_slope([0.0, 1.0], {"depth 2": errors}, figures.panels()[1], title="Errors")
    >>> ax.get_lines()[-1].get_ydata()  # the medians
    array([2., 4.])

    ```
    """
    x = np.arange(len(knob))
    for k, (label, runs) in enumerate(values.items()):
        color, marker = METHODS[label]
        places = x + 0.14 * (k - (len(values) - 1) / 2)
        ax.plot(np.repeat(places, runs.shape[1]), runs.ravel(), marker, color=color, ms=2.5, alpha=0.4)
        ax.plot(places, np.median(runs, axis=1), color=color, dashes=DASHES[k], label=label)
    _knob_axis(knob, ax)
    ax.set_title(title)
    return ax


def _knob_axis(knob, ax):
    ax.set_xticks(range(len(knob)), [f"{value:g}" for value in knob])
    ax.set(xlabel="slope", xlim=(-0.5, len(knob) - 0.5))
