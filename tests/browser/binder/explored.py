"""The explorers that `test_lab.py` opens in JupyterLab: built by its kernel and, for comparison, by the test."""

from implreg_core import descent, factorizations, problems
from implreg_core.explorers import Control, Explorer, MatrixPad, Slider, View

DEPTH = Control("depth", label="depth L", values=[2, 3], default=2)
VIEWS = [
    View("Loss", "step", {"loss": "loss"}, "1 + step", "loss ℓ", xscale="log", yscale="log"),
    View("Unseen entry", "loss", {"entry": "W₁₁"}, "loss ℓ", "W₁₁", xscale="log", yscale="log"),
]


def stored_run(learning_rate, depth):
    """Gradient descent from a small identity start: W₁₁ stays positive and grows as the loss falls."""
    path = descent.gradient_descent(
        problems.two_by_two(),
        factorizations.identity(0.1, depth),
        learning_rate=learning_rate,
        max_steps=3000,
        records_per_decade=20,
    )
    return {"step": 1 + path.step, "loss": path.loss, "entry": path.W[:, 0, 0]}


def stored():
    """Listed controls; their runs travel encoded."""
    rates = [k / 100 for k in range(1, 31)]
    return Explorer(
        question="How fast does the loss fall?",
        controls=[Control("learning_rate", label="learning rate", values=rates, default=0.05), DEPTH],
        compute=stored_run,
        views=VIEWS,
        caption="One starting product, many learning rates.",
    )


def live_run(start, learning_rate, depth):
    """Gradient descent from the balanced factors of any starting product."""
    step, loss, W, _ = descent.recorded_descent(
        problems.two_by_two(),
        factorizations.balanced(start, depth),
        learning_rate=learning_rate,
        record_at=descent.log_spaced_steps(1000, 20),
    )
    return {"step": 1 + step, "loss": loss, "entry": W[:, 0, 0]}


def live():
    """Continuous controls, and a listed one; what JAX computes travels as it is."""
    return Explorer(
        question="Which start lets the unseen entry run away?",
        controls=[
            MatrixPad("start", label="starting product", symbol="W", default=[[0.5, 0.1], [0.2, 0.4]]),
            Slider("learning_rate", label="learning rate", low=1e-3, high=0.1, default=0.05, scale="log"),
            DEPTH,
        ],
        compute=live_run,
        views=VIEWS,
        caption="Any starting product, any learning rate.",
    )
