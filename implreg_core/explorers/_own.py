"""The explorer of a reader's own matrix, ready-made."""

from collections.abc import Mapping

from implreg_core import own_matrix as own
from implreg_core.explorers._controls import Slider
from implreg_core.explorers._grid import GridView, MatrixGrid
from implreg_core.explorers._usual import usual_view
from implreg_core.explorers._views import View

_OWN, _LEAST = {"entry": "descent"}, {"least": "least nuclear norm"}
_SIGMA = [f"sigma_{k + 1}" for k in range(own.SIZE)]
_CAPTION = (
    "Descent on a product of L factors, from a small random start, fits the entries that are seen; each unseen entry "
    "stands beside its value in the completion of least nuclear norm. The observed values are divided by their unit, "
    "the spectral norm of the matrix with zeros in its holes, and all is multiplied by it again. A run ends at loss "
    "10⁻¹² in that unit, or after {max_steps:,} steps."
)


def parts(text: str, presets: Mapping[str, str], max_steps: int) -> dict:
    """What `Explorer` takes, besides its question."""

    def compute(matrix, depth, scale, learning_rate, start):
        return own.columns(matrix, depth, scale, learning_rate, start, max_steps=max_steps)

    def plot(title, y, ylabel, **changed):
        return View(title, "step", y, "step", ylabel, xscale="log", **changed)

    return {
        "controls": [
            MatrixGrid("matrix", "your matrix", text, presets=presets),
            Slider("depth", "depth L", 1, own.DEPTHS, default=3, step=1),
            Slider("scale", "scale of the start", 1e-6, 1, default=1e-3, scale="log"),
            Slider("learning_rate", "learning rate η", 0.01, 1, default=0.1, scale="log"),
            Slider("start", "random start", 1, own.STARTS, default=1, step=1),
        ],
        "compute": compute,
        "views": [
            GridView("The matrix at the marker", "matrix", _OWN, _LEAST),
            GridView("Unseen entries", "matrix", _OWN, _LEAST, form="scatter"),
            plot(
                "Nuclear norm",
                {"nuclear": "descent", "least_nuclear": "least of all completions"},
                dashed={"least_nuclear"},
                ylabel="nuclear norm",
            ),
            plot(
                "Effective rank",
                {"effective_rank": "descent", "least_effective_rank": "least nuclear norm"},
                dashed={"least_effective_rank"},
                ylabel="effective rank",
            ),
            plot(
                "Singular values",
                {name: f"σ{'₁₂₃₄₅₆'[k]}" for k, name in enumerate(_SIGMA)},
                yscale="log",
                ylabel="σ",
                where={name: name for name in _SIGMA},  # zeros beyond the matrix have no place on the axis
            ),
            usual_view("loss", x="step"),
        ],
        "caption": _CAPTION.format(max_steps=max_steps),
        "scrubber": "Step",
    }
