"""The figures of the book: each function takes results and an axis, draws, and returns the axis.

Nothing is computed here beyond what a picture needs. Lines differ in dash as well as in colour, and colours stand out
against white and, inverted by the page, against a dark background.
"""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes

from implreg_core.bounds import unseen_entry_lower_bound
from implreg_core.ranks import effective_rank
from implreg_core.trajectories import along

BLUE, ORANGE, GREEN, PURPLE, RED, GREY = "#0b62a4", "#b45309", "#12785a", "#8b3a8f", "#b91c3c", "#5f6670"
COLORS = (BLUE, ORANGE, GREEN, PURPLE, RED, GREY)  # each at least 4.5:1 against white
DASHES = ((None, None), (6, 2), (2, 1.5), (8, 2, 2, 2), (4, 1), (1, 1))

_STYLE = {
    "axes.grid": True,
    "axes.labelsize": 11,
    "axes.linewidth": 0.8,
    "axes.prop_cycle": cycler(color=COLORS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "figure.constrained_layout.use": True,
    "figure.figsize": (7.2, 3.2),
    "font.size": 10.5,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "mathtext.fontset": "cm",
    "path.simplify_threshold": 0.2,
    "savefig.dpi": 150,
    "svg.hashsalt": "implreg",  # the same picture, the same file
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
}

Panels = Sequence[Axes] | np.ndarray  # matplotlib gives arrays, which are no Sequence
LOSS = r"loss $\ell(W)$"
UNSEEN = r"unseen entry $|W_{11}|$"


def apply_style() -> None:
    """Use the book's style for all figures that follow.

    **Example:**

    ```python
    >>> figures.apply_style()
    >>> plt.rcParams["axes.grid"]
    True

    ```
    """
    plt.rcParams.update(_STYLE)


def panels(count: int = 1, height: float = 3.2, **kwargs) -> tuple[plt.Figure, Panels | Axes]:
    """A figure as wide as the page's text with `count` panels side by side; one panel is narrower.

    **Example:**

    ```python
    >>> figure, axes = figures.panels(2)
    >>> len(axes), figure.get_size_inches()
    (2, array([7.2, 3.2]))

    ```
    """
    return plt.subplots(1, count, figsize=(7.2 if count > 1 else 5.4, height), **kwargs)


def norms_over_solutions(w: np.ndarray, norms: Mapping[float, np.ndarray], ax: Axes) -> Axes:
    """Schatten (quasi-)norms of the solutions, by exponent, over the free entry `w`.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> w = np.linspace(-2.0, 2.0, 5)
    >>> figures.norms_over_solutions(w, {2.0: np.sqrt(w**2 + 2)}, ax).get_title()
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
    >>> ax = figures.ranks_over_solutions(w, 1 + np.exp(-abs(w)), np.exp(-abs(w)), ax)
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


def unseen_entry(runs: Mapping[str, object], ax: Axes) -> Axes:
    r"""$|W_{11}|$ of labelled runs against their loss, with the lower bound that a positive determinant forces.

    **Example:**

    ```python
    >>> start = factorizations.identity(0.1, depth=3)
    >>> run = descent.gradient_descent(problems.two_by_two(), start, learning_rate=0.1, max_steps=1000)
    >>> _, ax = figures.panels()
    >>> figures.unseen_entry({"depth 3": run}, ax).get_legend_handles_labels()[1]
    ['lower bound', 'depth 3']

    ```
    """
    loss = _bound(ax, min(run.loss[-1] for run in runs.values()))
    for (label, run), color, dashes in zip(runs.items(), COLORS, DASHES):
        ax.plot(run.loss, np.abs(run.W[:, 0, 0]), color=color, dashes=dashes, label=label)
    ax.set(title="The unseen entry", ylim=(0.1, None))
    _loss_axis(ax, loss)
    ax.legend(loc="upper left")
    return ax


def unseen_entry_of_groups(groups: Mapping[str, Sequence], ax: Axes, *, title: str) -> Axes:
    """Many runs, one colour per group, with a dot where each ends; labels count the runs.

    **Example:**

    ```python
    >>> start = factorizations.identity(0.1, depth=3)
    >>> run = descent.gradient_descent(problems.two_by_two(), start, learning_rate=0.1, max_steps=1000)
    >>> _, ax = figures.panels()
    >>> figures.unseen_entry_of_groups({"depth 3": [run, run]}, ax, title="Two runs").get_legend_handles_labels()[1]
    ['lower bound', 'depth 3 (2)']

    ```
    """
    loss = _bound(ax, min(run.loss[-1] for runs in groups.values() for run in runs))
    for (label, runs), color in zip(groups.items(), COLORS):
        for k, run in enumerate(runs):
            w = np.abs(run.W[:, 0, 0])
            ax.plot(run.loss, w, color=color, lw=1, alpha=0.8, label=f"{label} ({len(runs)})" if k == 0 else None)
            ax.plot(run.loss[-1], w[-1], "o", color=color, ms=3.5, clip_on=False)
    ax.set(title=title, ylim=(0.05, 200))
    _loss_axis(ax, loss)
    return ax


def rank_excess(runs: Mapping[str, object], ax: Axes) -> Axes:
    """How far the effective rank of labelled runs lies above one, against their loss.

    **Example:**

    ```python
    >>> start = factorizations.identity(0.1, depth=3)
    >>> run = descent.gradient_descent(problems.two_by_two(), start, learning_rate=0.1, max_steps=1000)
    >>> _, ax = figures.panels()
    >>> figures.rank_excess({"depth 3": run}, ax).get_ylabel()
    'effective rank − 1'

    ```
    """
    for (label, run), color, dashes in zip(runs.items(), COLORS, DASHES):
        ax.plot(run.loss, along(effective_rank, run.W) - 1, color=color, dashes=dashes, label=label)
    ax.set(yscale="log", ylabel="effective rank − 1", title="Its effective rank")
    _loss_axis(ax, min(run.loss[-1] for run in runs.values()))
    ax.legend()
    return ax


def norms_against_loss(measures: Mapping[str, np.ndarray], ax: Axes) -> Axes:
    """Nuclear, Frobenius and spectral norm along a run, as `trajectories.measures` gives them.

    **Example:**

    ```python
    >>> start = factorizations.identity(0.1, depth=3)
    >>> run = descent.gradient_descent(problems.two_by_two(), start, learning_rate=0.1, max_steps=1000)
    >>> _, ax = figures.panels()
    >>> figures.norms_against_loss(trajectories.measures(problems.two_by_two(), run), ax).get_legend_handles_labels()[1]
    ['nuclear', 'Frobenius', 'spectral']

    ```
    """
    for name, label, dashes in zip(("nuclear", "frobenius", "spectral"), ("nuclear", "Frobenius", "spectral"), DASHES):
        ax.plot(measures["loss"], measures[name], dashes=dashes, label=label)
    ax.set(yscale="log", ylabel="norm of $W$", title="Every norm grows", ylim=(0.1, None))
    _loss_axis(ax, measures["loss"][-1])
    ax.legend()
    return ax


def ranks_against_loss(measures: Mapping[str, np.ndarray], ax: Axes) -> Axes:
    """Effective rank above one and distance from rank one along a run, as `trajectories.measures` gives them.

    **Example:**

    ```python
    >>> start = factorizations.identity(0.1, depth=3)
    >>> run = descent.gradient_descent(problems.two_by_two(), start, learning_rate=0.1, max_steps=1000)
    >>> _, ax = figures.panels()
    >>> figures.ranks_against_loss(trajectories.measures(problems.two_by_two(), run), ax).get_legend_handles_labels()[1]
    ['effective rank − 1', 'distance from rank 1']

    ```
    """
    ax.plot(measures["loss"], measures["effective_rank"] - 1, label="effective rank − 1")
    ax.plot(measures["loss"], measures["distance"], dashes=DASHES[1], label="distance from rank 1")
    ax.set(yscale="log", ylabel="how far from rank one", title="Rank falls")
    _loss_axis(ax, measures["loss"][-1])
    ax.legend()
    return ax


def _bound(ax, least_loss):
    """The lower bound of the unseen entry, from where it says something down to `least_loss`, which is returned."""
    loss = np.geomspace(0.4, least_loss, 200)
    ax.plot(loss, unseen_entry_lower_bound(loss), color=GREY, lw=1.2, dashes=(1, 1.5), label="lower bound")
    ax.set(yscale="log", ylabel=UNSEEN)
    return least_loss


def _loss_axis(ax, least_loss):
    """The loss on a logarithmic axis that falls from left to right, as training proceeds."""
    ax.set(xscale="log", xlabel=LOSS + " (falls →)", xlim=(1.2, least_loss * 0.8))


_METHOD_STYLE = {  # colour and marker
    "least nuclear norm": (GREY, "s"),
    "depth 2": (BLUE, "o"),
    "depth 3": (ORANGE, "^"),
    "depth 4": (PURPLE, "D"),
}


def rank_against_norm(table: Mapping[tuple[str, int], Mapping[str, float]], ax: Axes) -> Axes:
    """Effective rank against nuclear norm of the solutions in `table`, by method and task; a line joins a task.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> table = {(name, 0): {"nuclear": 1.0, "effective_rank": 2.0} for name in figures_families.METHODS}
    >>> figures.rank_against_norm(table, ax).get_ylabel()
    'effective rank'

    ```
    """
    for task in {task for _, task in table}:
        path = [table[method, task] for method in _METHOD_STYLE]
        x, y = ([row[measure] for row in path] for measure in ("nuclear", "effective_rank"))
        ax.plot(x, y, color=GREY, lw=0.5, alpha=0.6)
    for method, (color, marker) in _METHOD_STYLE.items():
        rows = [row for (name, _), row in table.items() if name == method]
        x, y = ([row[measure] for row in rows] for measure in ("nuclear", "effective_rank"))
        ax.plot(x, y, marker, color=color, label=method)
    ax.set(xlabel="nuclear norm / that of the truth", ylabel="effective rank", title="Norm against rank")
    ax.legend()
    return ax


def error_by_method(table: Mapping[tuple[str, int], Mapping[str, float]], ax: Axes) -> Axes:
    """Relative error of the solutions in `table`, one column of dots per method.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> table = {(name, 0): {"error": 0.1} for name in figures_families.METHODS}
    >>> len(figures.error_by_method(table, ax).lines)
    4

    ```
    """
    for k, (method, (color, marker)) in enumerate(_METHOD_STYLE.items()):
        errors = [row["error"] for (name, _), row in table.items() if name == method]
        ax.plot(k + np.linspace(-0.15, 0.15, len(errors)), errors, marker, color=color)
    ax.set(yscale="log", ylabel=r"$\|W - W^*\|_F \, / \, \|W^*\|_F$", title="Distance from the truth")
    ax.set_xticks(range(len(_METHOD_STYLE)), [name.replace(" ", "\n") for name in _METHOD_STYLE])
    return ax


def singular_values(
    step: np.ndarray, spectrum: np.ndarray, ax: Axes, *, reference: Sequence[float], leading: int, title: str
) -> Axes:
    """Singular values (columns of `spectrum`) over training; the `leading` ones coloured, `reference` levels dotted.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> step, spectrum = np.array([0, 1, 10]), np.array([[0.0, 0.0], [0.5, 0.1], [1.0, 0.1]])
    >>> ax = figures.singular_values(step, spectrum, ax, reference=[1.0], leading=1, title="One after the other")
    >>> [line.get_color() == figures.GREY for line in ax.lines]  # the reference and all but the leading one
    [True, False, True]

    ```
    """
    for level in reference:
        ax.axhline(level, color=GREY, lw=1, dashes=(1, 1.5))
    for k, values in enumerate(spectrum.T):
        color, dashes = (COLORS[k], DASHES[k]) if k < leading else (GREY, DASHES[0])
        ax.plot(step[1:], values[1:], color=color, dashes=dashes, lw=1.8 if k < leading else 1)
    ax.set(
        xscale="log",
        xlabel="step",
        ylabel="singular values of $W$",
        title=title,
        ylim=(0, max(1.2 * max(reference), 1.05 * np.max(spectrum))),
    )
    return ax


def norms_with_bounds(loss: np.ndarray, values: Mapping[str, np.ndarray], lower: Mapping[str, np.ndarray]) -> Panels:
    """Nine small panels: each norm along a run (solid) with its lower bound where that is positive (dashed).

    **Example:**

    ```python
    >>> loss, names = np.geomspace(1.0, 1e-8, 5), [f"norm {k}" for k in range(9)]
    >>> values, lower = ({name: loss**-0.5 - shift for name in names} for shift in (0, 8))
    >>> axes = figures.norms_with_bounds(loss, values, lower)
    >>> axes.shape, axes[0, 0].get_legend_handles_labels()[1]
    ((3, 3), ['norm', 'lower bound'])

    ```
    """
    fig, axes = plt.subplots(3, 3, figsize=(7.2, 6.0), sharex=True, sharey=True)
    for ax, (name, value) in zip(axes.flat, values.items()):
        says = lower[name] > 0
        ax.loglog(loss, value, label="norm")
        ax.loglog(loss[says], lower[name][says], dashes=DASHES[1], label="lower bound")
        ax.set_title(name, fontsize=10)
        ax.set(xlim=(3, loss[-1] / 3), xticks=[1, 1e-10, 1e-20], yticks=[1, 1e5, 1e10, 1e15], ylim=(1e-3, 1e18))
        ax.minorticks_off()
    axes[0, 0].legend(loc="upper left", fontsize=8.5)
    fig.supxlabel(LOSS + " (falls →)", fontsize=11)
    return axes


def rank_with_bounds(cloud, path, upper: Mapping[str, object], ax: Axes, *, ylabel: str) -> Axes:
    """A measure of rank against the loss: a cloud of matrices, the path of a run, and named upper bounds.

    **Example:**

    ```python
    >>> _, ax = figures.panels()
    >>> loss = np.geomspace(1.0, 1e-8, 5)
    >>> upper = {"Theorem 1": bounds.distance_upper_bound, "sharp": bounds.sharp_distance_upper_bound}
    >>> ax = figures.rank_with_bounds((loss, loss), (loss, loss), upper, ax, ylabel="distance from rank 1")
    >>> ax.get_legend_handles_labels()[1]
    ['flow, depth 3', 'Theorem 1', 'sharp']

    ```
    """
    ax.loglog(*cloud, ".", color=GREY, ms=1.5, alpha=0.35, rasterized=True)
    ax.loglog(*path, color=BLUE, label="flow, depth 3")
    loss = np.geomspace(1e-11, 1, 200)
    for (label, bound), color, dashes in zip(upper.items(), (ORANGE, PURPLE), ((6, 2), (1, 1.2))):
        ax.loglog(loss, bound(loss), color=color, dashes=dashes, label=label)
    ax.set(ylabel=ylabel, ylim=(1e-14, 30), title=ylabel[0].upper() + ylabel[1:])
    _loss_axis(ax, 1e-11)
    ax.legend(loc="upper right")
    return ax


def identity_rates(runs: Mapping[str, object], axes: Panels) -> Panels:
    r"""Unseen entry, loss and determinant of labelled depth-2 flows over time, with the predicted rates dotted.

    **Example:**

    ```python
    >>> from types import SimpleNamespace
    >>> t = np.geomspace(1.0, 1e20, 5)
    >>> W = np.stack([problems.two_by_two_solution(w) for w in (6 * t) ** (1 / 3)])
    >>> run = SimpleNamespace(t=t, W=W, loss=(6 * t) ** (-2 / 3) / 2, log_abs_det=-((6 * t) ** (2 / 3)) / 2)
    >>> _, axes = figures.panels(3)
    >>> axes = figures.identity_rates({"as predicted": run}, axes)
    >>> [ax.get_title() for ax in axes]
    ['unseen entry $w$', 'loss $\\ell(W)$', '$-\\ln \\, \\det W$']

    ```
    """
    predicted = (lambda t: (6 * t) ** (1 / 3), lambda t: 0.5 * (6 * t) ** (-2 / 3), lambda t: 0.5 * (6 * t) ** (2 / 3))
    titles = ("unseen entry $w$", r"loss $\ell(W)$", r"$-\ln \, \det W$")
    columns = (lambda run: run.W[:, 0, 0], lambda run: run.loss, lambda run: -run.log_abs_det)
    for ax, title, column, law in zip(axes, titles, columns, predicted):
        t = np.geomspace(1, max(run.t[-1] for run in runs.values()), 50)
        for (label, run), color, dashes in zip(runs.items(), COLORS, DASHES):
            shown = run.t > 1e-2
            ax.loglog(run.t[shown], column(run)[shown], color=color, dashes=dashes, label=label)
        ax.loglog(t, law(t), color=GREY, lw=1.2, dashes=(1, 1.5), label="predicted")
        ax.set(title=title, xlabel="time $t$")
        ax.set_xticks([1, 1e20, 1e40])
        ax.minorticks_off()
    axes[0].legend(loc="upper left")
    return axes


def tightness(runs: Mapping[str, object], ax: Axes) -> Axes:
    r"""$|W_{11}| \sqrt{2 \ell}$ of labelled flows against their loss; one is the limit.

    **Example:**

    ```python
    >>> start = factorizations.identity(0.1, depth=3)
    >>> run = descent.gradient_descent(problems.two_by_two(), start, learning_rate=0.1, max_steps=1000)
    >>> _, ax = figures.panels()
    >>> round(float(figures.tightness({"depth 3": run}, ax).lines[1].get_ydata()[-1]), 1)  # its limit is 1
    1.0

    ```
    """
    ax.axhline(1, color=GREY, lw=1, dashes=(1, 1.5))
    for (label, run), color, dashes in zip(runs.items(), COLORS, DASHES):
        ax.plot(run.loss, np.abs(run.W[:, 0, 0]) * np.sqrt(2 * run.loss), color=color, dashes=dashes, label=label)
    ax.set(ylabel=r"$|W_{11}| \, \sqrt{2 \ell}$", title="Entry against loss", ylim=(0, 1.15))
    _loss_axis(ax, min(run.loss[-1] for run in runs.values()))
    ax.legend(loc="lower right")
    return ax


def loss_over_time(runs: Mapping[str, object], ax: Axes) -> Axes:
    """The loss of labelled flows over time.

    **Example:**

    ```python
    >>> start = factorizations.identity(0.1, depth=3)
    >>> run = descent.gradient_descent(problems.two_by_two(), start, learning_rate=0.1, max_steps=1000)
    >>> _, ax = figures.panels()
    >>> figures.loss_over_time({"depth 3": run}, ax).get_xlabel()
    'time $t$'

    ```
    """
    for (label, run), color, dashes in zip(runs.items(), COLORS, DASHES):
        ax.loglog(run.t[1:], run.loss[1:], color=color, dashes=dashes, label=label)
    ax.set(xlabel="time $t$", ylabel=LOSS, title="Loss over time")
    ax.legend(loc="lower left")
    return ax


def careless_solver(exact, paths: Mapping[float, tuple[np.ndarray, np.ndarray]], ax: Axes) -> Axes:
    """The exact flow and, by tolerance, the (loss, W) that a solver reports; a dot where the determinant flips.

    **Example:**

    ```python
    >>> start = factorizations.identity(0.1, depth=3)
    >>> run = descent.gradient_descent(problems.two_by_two(), start, learning_rate=0.1, max_steps=1000)
    >>> _, ax = figures.panels()
    >>> ax = figures.careless_solver(run, {1e-3: (run.loss, run.W)}, ax)
    >>> ax.get_legend_handles_labels()[1]
    ['lower bound', 'exact flow', 'tolerance 0.001']

    ```
    """
    _bound(ax, exact.loss[-1])
    ax.plot(exact.loss, np.abs(exact.W[:, 0, 0]), color=BLUE, label="exact flow")
    for (rtol, (loss, W)), color in zip(paths.items(), COLORS[1:]):
        w, flip = np.abs(W[:, 0, 0]), int(np.argmax(np.linalg.det(W) < 0))
        ax.plot(loss, w, color=color, dashes=DASHES[1], lw=1.4, label=f"tolerance {rtol:g}")
        ax.plot(loss[flip], w[flip], "o", color=color, ms=4)
    ax.set(ylim=(1, 100))
    _loss_axis(ax, 1e-5)
    ax.legend(loc="upper left", fontsize=8.5)
    return ax
