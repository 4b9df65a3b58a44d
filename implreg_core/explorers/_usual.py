"""Views of the usual columns, those of `live` and `own_matrix`: how each is called and drawn is said once."""

from collections.abc import Sequence
from dataclasses import dataclass

from implreg_core.explorers._controls import Number
from implreg_core.explorers._views import View


@dataclass(frozen=True)
class _Column:
    """A column's name in the legend; as the first of a view, also the title and the axis of that."""

    legend: str
    title: str = ""
    ylabel: str = ""
    yscale: str = "log"
    dashed: bool = False
    where: str | None = None  # the column that is positive where this one applies
    meaning: str | None = None  # in `figures.MEANINGS`


_ABSCISSAS = {
    "step": ("step", "log"),
    "t": ("time t", "log"),
    "time": ("time t", "log"),
    "decades": ("decades of loss, −log₁₀ ℓ", "linear"),
}
_COLUMNS = {
    "loss": _Column("loss", "Loss", "loss ℓ(W)", meaning="loss"),
    "loss_law": _Column("predicted rate", dashed=True),
    "unseen_entry": _Column("|W₁₁|", "The unseen entry", "|W₁₁|", meaning="unseen"),
    "unseen_entry_bound": _Column("lower bound if det W > 0", dashed=True, where="det_sign"),
    "entry_law": _Column("predicted rate", dashed=True),
    "edge_of_stability": _Column("edge of stability", dashed=True),
    "w": _Column("w", "The unseen entry", "w", "linear", meaning="unseen"),
    "rank_one": _Column("rank one", dashed=True),
    "least_norm": _Column("least nuclear norm", dashed=True),
    "w12": _Column("W₁₂", "The observed entries", "entry of W", "linear", meaning="reference"),
    "w21": _Column("W₂₁", "The observed entries", "entry of W", "linear", meaning="reference"),
    "w22": _Column("W₂₂", "The observed entries", "entry of W", "linear", meaning="reference"),
    "effective_rank": _Column("effective rank", "Effective rank", "effective rank", "linear", meaning="rank"),
    "distance": _Column("distance from rank one", "Distance from rank one", "D(W, M₁)", "linear", meaning="rank"),
    "nuclear": _Column("nuclear norm", "Norms", "norm of W", meaning="norm"),
    "frobenius": _Column("Frobenius norm", "Norms", "norm of W", meaning="norm"),
    "spectral": _Column("spectral norm", "Norms", "norm of W", meaning="norm"),
    **{
        f"sigma_{k + 1}": _Column(f"σ{'₁₂₃₄'[k]}", "Singular values", "singular value of W", "linear", meaning="rank")
        for k in range(4)
    },
    "rank_one_nuclear": _Column("at rank one", dashed=True),
    "least_nuclear": _Column("least", dashed=True),
    "within_nuclear": _Column("within components", dashed=True),
    "tightness": _Column("|w| √(2ℓ)", "|w| √(2ℓ)", "|w| √(2ℓ)", "linear", meaning="unseen"),
    "relative_sharpness": _Column("sharpness × η / 2", "Sharpness", "sharpness × η / 2", "linear", meaning="loss"),
    "stability_limit": _Column("limit of stability", dashed=True),
    "det_sign": _Column("sign of det W", "Sign", "sign of det W", "linear", meaning="sign"),
}


def usual_view(*columns: str, x: str, xlim: Sequence[Number] | None = None, **changed) -> View:
    """The view of `columns` as `live` names them, or `sigma_1` to `sigma_4`, against `x`; bounds and laws are dashed.

    The first column gives the title and the axis. The lower bound is drawn where `det_sign` is positive. `changed`
    holds what is otherwise: any other argument of `View`; columns of another `y` have the meanings of `columns`.

    **Raises:** `ValueError` for a column, or an `x`, without a usual name, without columns, or if the first one is a
    bound; as `View` for limits that do not fit.

    **Example:**

    ```python
    >>> view = explorers.usual_view("unseen_entry", "unseen_entry_bound", x="step", ylim=(1e-5, 1e2))
    >>> view.title, view.y, view.xscale
    ('The unseen entry', {'unseen_entry': '|W₁₁|', 'unseen_entry_bound': 'lower bound if det W > 0'}, 'log')

    ```
    """
    for kind, names, known in (("columns", columns, _COLUMNS), ("x", (x,), _ABSCISSAS)):
        if unknown := [name for name in names if name not in known]:
            raise ValueError(f"`{kind}` must have usual names ({', '.join(known)}); got {unknown}. Use `View` instead.")
    if not columns or _COLUMNS[columns[0]].dashed:
        raise ValueError(f"`columns` must begin with what is measured, not with a bound or a law; got {columns}.")
    first, (xlabel, xscale) = _COLUMNS[columns[0]], _ABSCISSAS[x]
    usual = {
        "title": first.title,
        "y": {name: _COLUMNS[name].legend for name in columns},
        "ylabel": first.ylabel,
        "yscale": first.yscale,
        "dashed": {name for name in columns if _COLUMNS[name].dashed},
        "where": {name: _COLUMNS[name].where for name in columns if _COLUMNS[name].where},
        "meanings": {
            shown: _COLUMNS[name].meaning
            for shown, name in zip(changed.get("y", columns), columns)
            if _COLUMNS[name].meaning
        },
        "xlabel": xlabel,
        "xscale": xscale,
    }
    return View(x=x, xlim=xlim, **usual | changed)
