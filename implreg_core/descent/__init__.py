"""Gradient descent on a matrix factorization: one compiled loop, recorded at log-spaced steps.

The loop runs in slices of a fraction of a second: Ctrl-C is answered, and where it takes long a bar shows the step, the
loss and the speed. Only the recorded steps are kept, so ten million steps cost a few hundred rows.
"""

import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from implreg_core import _check
from implreg_core._compile import one_program
from implreg_core._linalg import matmul
from implreg_core.descent import _loop as loop
from implreg_core.descent import _recording
from implreg_core.factorizations import Factors, product_matrix
from implreg_core.problems import Completion

FactorRows = tuple[Float[ArrayLike, "n _ _"], ...]  # many (W_1, ..., W_L), stacked along a leading axis


class Descent(eqx.Module):
    r"""One run of gradient descent, at its recorded steps $n_0 = 0 < n_1 < \dots$.

    Every row is finite. A diverging run ends at its last recorded step before divergence.

    **Example:**

    ```python
    >>> start = factorizations.identity(0.1, depth=2)
    >>> run = descent.gradient_descent(problems.two_by_two(), start, learning_rate=0.1, max_steps=1000)
    >>> run.status, np.allclose(run.t, 0.1 * run.step)
    ('used all 1000 steps; loss 0.00777', True)

    ```
    """

    step: Int[np.ndarray, " n"]
    t: Float[np.ndarray, " n"]  # learning_rate * step: the time of gradient flow
    loss: Float[np.ndarray, " n"]
    W: Float[np.ndarray, "n rows columns"] | None  # the product matrix W_{L:1}, unless `observe` took its place
    factors: Factors  # after the last step, which of a diverging run is the one at which the loss exploded
    learning_rate: float
    diverged_at: int | None  # the step at which the loss exploded, if it did
    converged: bool  # whether the target loss was reached
    observed: Any = None  # what `observe` returned, with a leading axis over the recorded steps

    @property
    def status(self) -> str:
        """How the run ended, in words."""
        last = int(self.step[-1])
        if self.diverged_at is not None:
            return f"diverged at step {self.diverged_at}: lower learning_rate={self.learning_rate:g}"
        if self.converged:
            return f"reached the target loss at step {last}"
        return f"used all {last} steps; loss {self.loss[-1]:.3g}"


def objective_gradient(problem: Completion, factors: Factors) -> Factors:
    r"""Gradient of $\phi(W_1, \dots, W_L) = \ell(W_L \cdots W_1)$ with respect to each factor.

    $$\nabla_{W_j} \phi = (W_L \cdots W_{j+1})^\top \, \nabla \ell(W_{L:1}) \, (W_{j-1} \cdots W_1)^\top.$$

    Each partial product is formed once, so a step costs $O(L)$ matrix products.

    **Returns:** a tuple shaped like `factors`.

    **Source:** Razin and Cohen (2020), Section 2; Arora et al. (2018).

    **Example:**

    ```python
    >>> descent.objective_gradient(problems.two_by_two(), (jnp.eye(2), jnp.eye(2)))[0]  # the misfit, times W_2 = I
    Array([[ 0., -1.],
           [-1.,  1.]], dtype=float64)

    ```
    """
    factors = tuple(_check.real(W, f"factors[{j}]") for j, W in enumerate(factors))
    below = [None]  # below[j] = W_j ... W_1, where None stands for the identity
    for W in factors:
        below.append(W if below[-1] is None else matmul(W, below[-1]))
    residual = problem.residual(below[-1])
    gradients, above = [], None  # above = W_L ... W_{j+1}
    for W, right in zip(reversed(factors), reversed(below[:-1])):
        gradient = residual if above is None else matmul(above.T, residual)
        gradients.append(gradient if right is None else matmul(gradient, right.T))
        above = W if above is None else matmul(above, W)
    return tuple(reversed(gradients))


class _Product(eqx.Module):
    """The model whose matrix is the product of the factors."""

    def matrix(self, factors):
        return product_matrix(factors)

    def gradient(self, problem, factors):
        return objective_gradient(problem, factors)


def log_spaced_steps(max_steps: int, per_decade: int = 50) -> Int[np.ndarray, " n"]:
    """Step numbers 0, 1, 2, ... that thin out to `per_decade` a decade and end at `max_steps`.

    **Raises:** `ValueError` if either argument is below 1.

    **Example:**

    ```python
    >>> descent.log_spaced_steps(1000, per_decade=3)
    array([   0,    1,    2,    4,    8,   16,   32,   63,  126,  251,  501,
           1000])

    ```
    """
    max_steps = _check.integer(max_steps, "max_steps", 1)
    per_decade = _check.integer(per_decade, "per_decade", 1)
    count = max(2, 1 + int(np.ceil(per_decade * np.log10(max_steps + 1))))
    return np.unique(np.concatenate([[0], np.rint(np.geomspace(1, max_steps, count))]).astype(np.int64))


def gradient_descent(
    problem: Completion,
    factors: Factors,
    *,
    learning_rate: float,
    max_steps: int,
    target_loss: float = 0.0,
    records_per_decade: int = 50,
    observe: Callable[[Float[Array, "rows columns"]], Any] | None = None,
) -> Descent:
    r"""Run $W_j \leftarrow W_j - \eta \nabla_{W_j} \phi$ until the loss is at most `target_loss`, or `max_steps` steps.

    The stop is exact: the last row is the first step whose loss is at most `target_loss`.

    **Arguments:** `factors` are the starting $(W_1, \dots, W_L)$; `learning_rate` is $\eta > 0$. Of a large product not
    every recorded matrix may be wanted: `observe`, a function of the product in terms of `jax.numpy`, says what is kept
    instead, as `norms.nuclear` or `lambda W: W[0, 0]`.

    **Raises:** `ValueError` naming the argument if a factor is not finite, the product does not have the shape of
    `problem`, a number is out of range, or memory does not hold the records. A diverging run is no error: see
    `Descent.diverged_at`.

    **Source:** Razin and Cohen (2020), Section 4.

    **Example:**

    ```python
    >>> problem, start = problems.two_by_two(), factorizations.identity(0.1, depth=2)
    >>> run = descent.gradient_descent(problem, start, learning_rate=0.1, max_steps=1000, target_loss=0.05)
    >>> run.converged, bool(run.loss[-1] <= 0.05 < run.loss[-2])
    (True, True)

    ```
    """
    (run,) = gradient_descents(
        problem,
        _picked(check_start(problem, factors), None),
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
    *,
    learning_rate: float | Sequence[float] | Float[np.ndarray, " runs"],
    max_steps: int,
    target_loss: float = 0.0,
    records_per_decade: int = 50,
    observe: Callable[[Float[Array, "rows columns"]], Any] | None = None,
) -> list[Descent]:
    """Many runs of `gradient_descent`, as many at a time as there are cores; each stops by itself.

    **Arguments:** each factor has a leading axis over runs; `learning_rate` is one number or one per run; the rest is
    as in `gradient_descent`, errors included.

    **Returns:** one `Descent` per run, in order.

    **Example:**

    ```python
    >>> start = tuple(W[None].repeat(2, axis=0) for W in factorizations.identity(0.1, depth=3))
    >>> runs = descent.gradient_descents(
    ...     problems.two_by_two(), start, learning_rate=np.array([0.1, 10.0]), max_steps=1000, records_per_decade=20
    ... )
    >>> [run.diverged_at is None for run in runs]
    [True, False]

    ```
    """
    return checked_descents(
        _Product(),
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
    *,
    learning_rate: Float[ArrayLike, ""],
    record_at: Int[ArrayLike, " n"],
    target_loss: Float[ArrayLike, ""] = 0.0,
) -> tuple[Int[Array, " n"], Float[Array, " n"], Float[Array, "n rows columns"], FactorRows]:
    r"""One run of gradient descent as a plain function of arrays, for `jit`, `vmap` and `javascript`.

    The run is that of `gradient_descent`. It is recorded at the increasing steps `record_at`, from 0 to its last. No
    value is checked.

    **Returns:** step, loss, product and factors, each with one row for each entry of `record_at`. Rows after the end
    of the run repeat its last one. A run that diverges ends with an infinite loss.

    **Example:**

    ```python
    >>> step, loss, W, factors = descent.recorded_descent(
    ...     problems.two_by_two(),
    ...     factorizations.identity(0.1, depth=2),
    ...     learning_rate=0.1,
    ...     record_at=jnp.array([0, 10, 1000]),
    ... )
    >>> W.shape, bool(loss[0] > loss[1] > loss[2])
    ((3, 2, 2), True)

    ```
    """
    return loop.recorded(_Product(), problem, factors, learning_rate, target_loss, record_at)


def checked_descents(
    model: Any,
    problem: Completion,
    factors: tuple[Float[Array, "runs _ _"], ...],
    *,
    learning_rate: float | Sequence[float] | Float[np.ndarray, " runs"],
    max_steps: int,
    target_loss: float,
    records_per_decade: int,
    observe: Callable[[Float[Array, "rows columns"]], Any] | None = None,
) -> list[Descent]:
    """`gradient_descents` with another model than the product: how factors make a matrix.

    **Arguments:** `model` is an `equinox.Module` with methods `matrix(factors)` and `gradient(problem, factors)`, the
    gradient of the loss of that matrix.

    **Example:**

    ```python
    >>> start = (jnp.eye(2)[None], jnp.eye(2)[None])
    >>> descent.checked_descents(
    ...     None, problems.two_by_two(), start, learning_rate=-1.0, max_steps=9, target_loss=0.0, records_per_decade=5
    ... )
    Traceback (most recent call last):
        ...
    ValueError: `learning_rate` must be positive; got -1.0. Pass a value above 0.

    ```
    """
    runs = {jnp.shape(W)[0] if jnp.ndim(W) == 3 else None for W in factors}
    if len(runs) != 1 or runs <= {None, 0}:
        shapes = [jnp.shape(W) for W in factors]
        raise ValueError(f"`factors` must share one leading axis over at least one run; got shapes {shapes}.")
    (runs,) = runs
    factors = tuple(_check.finite(W, f"factors[{j}]") for j, W in enumerate(factors))
    check_start(problem, _picked(factors, 0))
    _check_loss(problem, _start_losses(problem, factors))
    rates = _check.positive(learning_rate, "learning_rate")
    if rates.shape not in ((), (runs,)):
        raise ValueError(f"`learning_rate` must be one number or one for each of {runs} runs; got shape {rates.shape}.")
    rates = np.broadcast_to(rates, (runs,))
    target_loss = _check.nonnegative(target_loss, "target_loss")
    _check.same_shape(target_loss, (), "target_loss")
    records_per_decade = _check.integer(records_per_decade, "records_per_decade", 1)
    record_at = _padded(log_spaced_steps(max_steps, records_per_decade), problem.shape)
    see = _matrix if observe is None else _observing(observe)
    groups = _dealt_out(runs)
    tasks = [
        loop.Runs(model, problem, _picked(factors, group), jnp.asarray(rates[group]), target_loss, record_at, see)
        for group in groups
    ]
    ends = [(end.state, end.rows) for end in _recording.run_together(tasks, lambda state: state.loss)]
    ends, rates = jax.tree.map(np.asarray, (ends, rates))

    def run(r):
        place, group = divmod(r, len(groups))
        state, rows = ends[group]
        row, end = jax.tree.map(lambda x: x[:, place], rows), jax.tree.map(lambda x: x[place], state)
        return _as_descent(row, end, float(rates[r]), target_loss, observe is None)

    return [run(r) for r in range(runs)]


def _dealt_out(runs: int) -> np.ndarray:
    """Numbers of runs, one row for each core; rows are equally long, so that one program does: the last may repeat."""
    size = -(-runs // (os.cpu_count() or 1))
    groups = -(-runs // size)
    return np.minimum(np.arange(size * groups), runs - 1).reshape(size, groups).T


@one_program
def _picked(factors, runs):
    return tuple(W[runs] for W in factors)


def _padded(record_at, shape):
    """`record_at` with the last repeated: few lengths, hence few compilations. Not where rows are large."""
    large = np.prod(shape) > 10_000
    return jnp.asarray(record_at if large else np.pad(record_at, (0, -len(record_at) % 100), mode="edge"))


def _matrix(W, factors):
    return W


@lru_cache
def _observing(observe):
    return lambda W, factors: observe(W)


def check_start(problem: Completion, factors: Factors) -> Factors:
    """`factors` as finite float arrays whose product fits `problem` and has a finite loss; ValueError otherwise.

    **Example:**

    ```python
    >>> descent.check_start(problems.two_by_two(), (jnp.eye(3), jnp.eye(3)))
    Traceback (most recent call last):
        ...
    ValueError: `factors` have a product of shape (3, 3), but `problem` needs (2, 2).

    ```
    """
    factors = tuple(_check.matrix(W, f"factors[{j}]") for j, W in enumerate(factors))
    shape = jax.eval_shape(product_matrix, factors).shape
    if shape != problem.shape:
        raise ValueError(f"`factors` have a product of shape {shape}, but `problem` needs {problem.shape}.")
    _check_loss(problem, problem.loss(product_matrix(factors)))
    return factors


@jax.jit
def _start_losses(problem, factors):
    return jax.vmap(lambda *factors: problem.loss(product_matrix(factors)))(*factors)


def _check_loss(problem, loss) -> None:
    """Refuse finite observations or factors of which squares overflow."""
    if _check.violates(problem.loss(np.zeros(problem.shape)), np.isfinite):
        raise ValueError("`problem` must have values whose squares are finite. Scale them and the start down.")
    if _check.violates(loss, np.isfinite):
        raise ValueError(f"`factors` must have a finite loss; got {loss}. Scale them down.")


def _as_descent(row, end, rate, target_loss, sees_matrix):
    """One run without the rows after its stop, which repeat it or were never reached, and without an exploded row."""
    count = 1 + int(np.sum(np.cumprod(np.diff(row.step) > 0)))
    exploded = not row.loss[count - 1] < end.explosion
    last = int(row.step[count - 1])
    step, loss, seen = jax.tree.map(lambda x: x[: count - exploded], row)
    return Descent(
        step=step,
        t=rate * step,
        loss=loss,
        W=seen if sees_matrix else None,
        factors=tuple(map(jnp.asarray, end.factors)),
        learning_rate=rate,
        diverged_at=last if exploded else None,
        converged=bool(loss[-1] <= target_loss),
        observed=None if sees_matrix else seen,
    )
