r"""Matrix completion by a small network: activations between the factors, with a knob from the theory to practice.

The network is fed with the standard basis, so that its outputs are the columns of a matrix, and completing a matrix
still makes sense. As a leaky ReLU's slope goes to 1, or the scale of tanh's input to 0, it becomes linear, and
everything is as in `factorizations` and `descent`. Otherwise only a neuron's own balance is left of balanced factors,
and the sign of the determinant need not stay.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from implreg_core import _check
from implreg_core._linalg import matmul
from implreg_core.descent import Descent, FactorRows, checked_descents
from implreg_core.descent import _loop as loop
from implreg_core.factorizations import Factors
from implreg_core.problems import Completion


class LeakyReLU(eqx.Module):
    r"""The leaky ReLU $a(x) = \max(x, 0) + \psi \min(x, 0)$ with slope $\psi \in [0, 1]$; $a'(0) = \psi$.

    It is linear for $\psi = 1$, and ReLU for $\psi = 0$.

    **Raises:** ValueError if the slope is outside [0, 1].

    **Example:**

    ```python
    >>> nonlinear.LeakyReLU(0.5)(jnp.array([-2.0, 3.0])).tolist()
    [-1.0, 3.0]

    ```
    """

    slope: Float[Array, ""]

    def __init__(self, slope: Float[ArrayLike, ""]):
        slope = _check.nonnegative(slope, "slope")
        _check.same_shape(slope, (), "slope")
        if _check.fails(slope <= 1):
            raise ValueError(f"`slope` must be at most 1, where the network is linear; got {np.asarray(slope)}.")
        self.slope = slope

    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """The activations of the entries of `x`."""
        return jnp.where(x > 0, x, self.slope * x)


class Tanh(eqx.Module):
    r"""The activation $a(x) = \tanh(c x) / c$ with input scale $c > 0$: the identity as $c \to 0$, bounded by $1 / c$.

    **Raises:** ValueError if the scale is not positive.

    **Example:**

    ```python
    >>> nonlinear.Tanh(2.0)(jnp.array([0.001, 100.0])).round(6).tolist()
    [0.001, 0.5]

    ```
    """

    scale: Float[Array, ""]

    def __init__(self, scale: Float[ArrayLike, ""]):
        self.scale = _check.positive(scale, "scale")
        _check.same_shape(self.scale, (), "scale")

    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """The activations of the entries of `x`."""
        return jnp.tanh(self.scale * x) / self.scale


Activation = LeakyReLU | Tanh


def completed_matrix(factors: Factors, activation: Activation) -> Float[Array, "m n"]:
    r"""The network's outputs on the standard basis: $W_L \, a(W_{L-1} \cdots a(W_1))$, where $a$ acts on entries.

    Without activations it is `factorizations.product_matrix`; with leaky ReLUs of any slope too, where the inputs of
    all activations are positive.

    **Example:**

    ```python
    >>> nonlinear.completed_matrix((jnp.array([[1.0, -1.0]]), jnp.array([[2.0]])), nonlinear.LeakyReLU(0.5)).tolist()
    [[2.0, -1.0]]

    ```
    """
    outputs, *later = factors
    for W in later:
        outputs = matmul(W, activation(outputs))
    return outputs


def gradient_descent(
    problem: Completion,
    factors: Factors,
    activation: Activation,
    *,
    learning_rate: float,
    max_steps: int,
    target_loss: float = 0.0,
    records_per_decade: int = 50,
    observe: Callable[[Float[Array, "rows columns"]], Any] | None = None,
) -> Descent:
    r"""As `descent.gradient_descent`, with $\phi(W_1, \dots, W_L) = \ell(W)$ for $W$ = `completed_matrix`.

    **Returns:** a `Descent` whose `W` are completed matrices.

    **Raises:** as there.

    **Example:**

    ```python
    >>> start = factorizations.identity(0.1, depth=2)
    >>> relu, settings = nonlinear.LeakyReLU(0.0), {"learning_rate": 0.1, "max_steps": 500}
    >>> run = nonlinear.gradient_descent(problems.two_by_two(), start, relu, **settings)
    >>> run.factors[0].diagonal(1).tolist()  # ReLU's derivative at 0 is taken to be 0: zeros of W_1 stay
    [0.0]

    ```
    """
    (run,) = gradient_descents(
        problem,
        tuple(_check.matrix(W, f"factors[{j}]")[None] for j, W in enumerate(factors)),
        activation,
        learning_rate=learning_rate,
        max_steps=max_steps,
        target_loss=target_loss,
        records_per_decade=records_per_decade,
        observe=observe,
    )
    return run


def gradient_descents(
    problem: Completion,
    factors: tuple[Float[Array, "runs _ _"], ...],
    activation: Activation,
    *,
    learning_rate: float,
    max_steps: int,
    target_loss: float = 0.0,
    records_per_decade: int = 50,
    observe: Callable[[Float[Array, "rows columns"]], Any] | None = None,
) -> list[Descent]:
    r"""Many runs of `gradient_descent` in one program, as `descent.gradient_descents`; each stops by itself.

    **Raises:** as there.

    **Example:**

    ```python
    >>> starts = (jnp.ones((3, 2, 2)), jnp.ones((3, 2, 2)))  # three times the same
    >>> tanh, settings = nonlinear.Tanh(1.0), {"learning_rate": 0.1, "max_steps": 9}
    >>> len(nonlinear.gradient_descents(problems.two_by_two(), starts, tanh, **settings))
    3

    ```
    """
    return checked_descents(
        _Network(activation),
        problem,
        factors,
        learning_rate=learning_rate,
        max_steps=max_steps,
        target_loss=target_loss,
        records_per_decade=records_per_decade,
        observe=observe,
    )


def recorded_descent(
    problem: Completion,
    factors: Factors,
    activation: Activation,
    *,
    learning_rate: Float[ArrayLike, ""],
    record_at: Int[ArrayLike, " n"],
    target_loss: Float[ArrayLike, ""] = 0.0,
) -> tuple[Int[Array, " n"], Float[Array, " n"], Float[Array, "n rows columns"], FactorRows]:
    """As `descent.recorded_descent`: step, loss, completed matrix and factors, one row for each of `record_at`.

    **Example:**

    ```python
    >>> start = factorizations.identity(0.1, depth=2)
    >>> step, *_ = nonlinear.recorded_descent(
    ...     problems.two_by_two(), start, nonlinear.Tanh(1.0), learning_rate=0.1, record_at=jnp.array([0, 5, 9])
    ... )
    >>> step.tolist()
    [0, 5, 9]

    ```
    """
    return loop.recorded(_Network(activation), problem, factors, learning_rate, target_loss, record_at)


class _Network(eqx.Module):
    """The model whose matrix is `completed_matrix`."""

    activation: Activation

    def matrix(self, factors):
        return completed_matrix(factors, self.activation)

    def gradient(self, problem, factors):
        return jax.grad(lambda factors: problem.loss(self.matrix(factors)))(factors)
