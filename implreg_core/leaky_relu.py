r"""Matrix completion by a small network: leaky ReLUs between the factors, one knob from the theory to practice.

The network is fed with the standard basis, so that its outputs are the columns of a matrix, and completing a matrix
still makes sense. At slope 1 it is linear, and everything is as in `factorizations` and `descent`; at slope 0 it is a
ReLU network. For other slopes balanced factors and the sign of the determinant lose their meaning.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from implreg_core import _check
from implreg_core import _descent_loop as loop
from implreg_core._linalg import matmul
from implreg_core.descent import Descent, FactorRows, checked_descents
from implreg_core.factorizations import Factors
from implreg_core.problems import Completion


def completed_matrix(factors: Factors, slope: Float[ArrayLike, ""]) -> Float[Array, "m n"]:
    r"""The network's outputs on the standard basis: $W_L \, a(W_{L-1} \cdots a(W_1))$, where $a$ acts on entries.

    $$a(x) = \max(x, 0) + s \min(x, 0), \qquad s = \text{slope} \in [0, 1]$$

    For $s = 1$ it is `factorizations.product_matrix`; for factors without negative entries too, whatever the slope.

    **Raises:** ValueError if the slope is outside [0, 1].
    """
    slope = _check_slope(slope)
    outputs, *later = factors
    for W in later:
        outputs = matmul(W, jnp.where(outputs > 0, outputs, slope * outputs))
    return outputs


def gradient_descent(
    problem: Completion,
    factors: Factors,
    slope: Float[ArrayLike, ""],
    *,
    learning_rate: float,
    max_steps: int,
    target_loss: float = 0.0,
    records_per_decade: int = 50,
) -> Descent:
    r"""As `descent.gradient_descent`, with $\phi(W_1, \dots, W_L) = \ell(W)$ for $W$ = `completed_matrix`.

    **Returns:** a `Descent` whose `W` are completed matrices.

    **Raises:** as there, and ValueError if the slope is outside [0, 1].
    """
    slope = _check_slope(slope)
    (run,) = checked_descents(
        lambda *arguments: _descend(slope, *arguments),
        problem,
        tuple(_check.matrix(W, f"factors[{j}]")[None] for j, W in enumerate(factors)),
        learning_rate=learning_rate,
        max_steps=max_steps,
        target_loss=target_loss,
        records_per_decade=records_per_decade,
    )
    return run


def recorded_descent(
    problem: Completion,
    factors: Factors,
    slope: Float[ArrayLike, ""],
    *,
    learning_rate: Float[ArrayLike, ""],
    record_at: Int[ArrayLike, " n"],
    target_loss: Float[ArrayLike, ""] = 0.0,
) -> tuple[Int[Array, " n"], Float[Array, " n"], Float[Array, "n rows columns"], FactorRows]:
    """As `descent.recorded_descent`: step, loss, completed matrix and factors, one row for each of `record_at`."""
    return tuple(loop.recorded(_model(slope), problem, factors, learning_rate, target_loss, record_at))


@jax.jit
def _descend(slope, problem, factors, rates, target_loss, record_at):
    return loop.descend(_model(slope), problem, factors, rates, target_loss, record_at)


def _model(slope) -> loop.Model:
    def matrix(factors):
        return completed_matrix(factors, slope)

    def gradient(problem, factors):
        return jax.grad(lambda factors: problem.loss(matrix(factors)))(factors)

    return loop.Model(matrix, gradient)


def _check_slope(slope) -> Float[Array, ""]:
    slope = _check.nonnegative(slope, "slope")
    _check.same_shape(slope, (), "slope")
    if _check.fails(slope <= 1):
        raise ValueError(f"`slope` must be at most 1, where the network is linear; got {np.asarray(slope)}.")
    return slope
