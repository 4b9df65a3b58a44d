r"""Where gradient descent leaves gradient flow, and how it loses the sign of the determinant.

Two mechanisms, both on `problems.two_by_two()`: the learning rate meets the sharpness (`sharpness`,
`edge_of_stability`), and the discretization unbalances the factors (`weak_unbalancedness`, `predicted_sign_loss`).
`optimizer_descents` runs any optimizer of optax and keeps the factors along the way.
"""

from collections.abc import Callable
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, ArrayLike, Float, Int, Real

from implreg_core import _check
from implreg_core._compile import one_program
from implreg_core.descent import FactorRows, _recording, check_start, log_spaced_steps, objective_gradient
from implreg_core.factorizations import Factors, product_matrix, slogdet
from implreg_core.flow import SignPreservingFlow
from implreg_core.flow._weak_direction import (
    predicted_flip,
    predicted_sign_loss,
    weak_crossing,
    weak_gaps,
    weak_unbalancedness,
)
from implreg_core.problems import Completion

__all__ = [
    "Optimizer",
    "OptimizerDescent",
    "departure",
    "edge_of_stability",
    "flow_factors",
    "optimizer_descents",
    "predicted_flip",
    "predicted_sign_loss",
    "sharpness",
    "strong_gap",
    "weak_crossing",
    "weak_gaps",
    "weak_unbalancedness",
]


def sharpness(problem: Completion, factors: Factors, *, preconditioner: Factors | None = None) -> Float[Array, ""]:
    r"""Sharpness: the largest eigenvalue of the Hessian of $\phi(W_1, \dots, W_L) = \ell(W_L \cdots W_1)$.

    Exact, from the dense Hessian over all entries of all factors, so meant for small ones. A step of gradient descent
    with learning rate $\eta$ is stable near a minimum only where the sharpness is below $2 / \eta$.

    An optimizer that divides each entry of its step by one of a `preconditioner` $P$, shaped as the factors, sees the
    Hessian $P^{-1/2} \, \nabla^2 \phi \, P^{-1/2}$ instead. For Adam $P = \sqrt{\hat v} + \varepsilon$, and the limit
    is $2 (1 + \beta_1) / ((1 - \beta_1) \eta)$.

    **Raises:** ValueError if a factor is not finite, the product does not have the shape of `problem`, or the
    preconditioner has other shapes than the factors or is not positive.

    **References:** Cohen, Kaur, Li, Kolter & Talwalkar (2021); with a preconditioner, Cohen et al. (2022).

    **Example:**

    ```python
    >>> w = 100.0  # nearly fitting balanced factors: the sharpness is about w^(2 - 2/L)
    >>> W = jnp.array([[w, 1.0], [1.0, 2 / w]])
    >>> round(float(stability.sharpness(problems.two_by_two(), factorizations.balanced(W, depth=2))))
    100

    ```
    """
    factors = check_start(problem, factors)
    if preconditioner is not None:
        preconditioner = _checked_preconditioner(preconditioner, factors)
    return _sharpness(problem, factors, preconditioner)


@one_program
def _sharpness(problem, factors, preconditioner):
    vector, unravel = ravel_pytree(factors)
    hessian = jax.hessian(lambda vector: problem.loss(product_matrix(unravel(vector))))(vector)
    if preconditioner is not None:
        P, _ = ravel_pytree(preconditioner)
        hessian = hessian / jnp.sqrt(P[:, None] * P)
    return jnp.linalg.eigvalsh(hessian)[-1]


def _checked_preconditioner(preconditioner, factors) -> Factors:
    if len(preconditioner) != len(factors):
        raise ValueError(
            f"`preconditioner` must have one matrix for each of {len(factors)} factors; got {len(preconditioner)}."
        )
    checked = tuple(_check.positive(P, f"preconditioner[{j}]") for j, P in enumerate(preconditioner))
    for j, (P, W) in enumerate(zip(checked, factors)):
        _check.same_shape(P, jnp.shape(W), f"preconditioner[{j}]")
    return checked


def edge_of_stability(
    learning_rate: Real[ArrayLike, "*shape"], depth: int, *, momentum: Real[ArrayLike, ""] = 0.0
) -> Float[Array, "*shape"]:
    r"""The unseen entry at which gradient descent leaves the balanced flow of `problems.two_by_two()`.

    $$w = \left( \frac{2 (1 + \beta)}{\eta} \right)^{L / (2L - 2)}$$

    There the sharpness $w^{2 - 2/L}$ of nearly fitting balanced factors meets the largest that is stable, which for
    momentum $\beta$ (heavy ball) is $2 (1 + \beta) / \eta$. Exact up to a relative error of order $w^{-2}$ for
    $L \le 4$, and $w^{-4/(L-2)}$ for larger $L$. Only balanced factors have this edge, and at depth 2 and 3 descent
    may lose the determinant's sign, and its balance, long before: `predicted_sign_loss`.

    **Raises:** ValueError if `learning_rate` is not positive, `depth` is below 2 or `momentum` is not in [0, 1).

    **Example:**

    ```python
    >>> stability.edge_of_stability(jnp.array([0.1, 0.01]), depth=2), stability.edge_of_stability(0.01, depth=3)
    (Array([ 20., 200.], dtype=float64), Array(53.18295897, dtype=float64))

    ```
    """
    learning_rate = _check.positive(learning_rate, "learning_rate")
    depth, momentum = _check.integer(depth, "depth", 2), _check.nonnegative(momentum, "momentum")
    if _check.fails(momentum < 1):
        raise ValueError(f"`momentum` must be below 1; got {momentum}.")
    return (2 * (1 + momentum) / learning_rate) ** (depth / (2 * depth - 2))


def departure(run, path: SignPreservingFlow, *, excess: float = 0.1) -> float:
    r"""The largest unseen entry $|W_{11}|$ up to the first record whose loss exceeds the flow's by `excess`.

    Losses are compared at equal $|W_{11}|$. The largest, because the burst in which descent leaves the flow throws
    $W_{11}$ back before the next record. `run` is a `Descent` or an `OptimizerDescent` whose unseen entry stays in
    the range of `path`, where that of `path` grows.

    **Raises:** ValueError if `excess` is not positive, or the run never leaves the flow.

    **Example:**

    ```python
    >>> problem, W0 = problems.two_by_two(), 0.1 * jnp.eye(2)
    >>> path = flow.sign_preserving_flow(problem, W0, depth=2)
    >>> run = descent.gradient_descent(problem, factorizations.balanced(W0, 2), learning_rate=0.2, max_steps=10_000)
    >>> round(stability.departure(run, path), 1), stability.edge_of_stability(0.2, depth=2)
    (10.8, Array(10., dtype=float64))

    ```
    """
    excess = float(_check.positive(excess, "excess"))
    w, flow_w = np.abs(run.W[:, 0, 0]), np.abs(path.W[:, 0, 0])
    flow_loss = np.exp(np.interp(np.log(w), np.log(flow_w), np.log(path.loss)))
    left = run.loss > (1 + excess) * flow_loss
    if not left.any():
        raise ValueError(f"`run` stays with the flow up to |W11| = {w[-1]:.4g}; raise max_steps or learning_rate.")
    return float(w[: np.argmax(left) + 1].max())


def flow_factors(path: SignPreservingFlow, depth: int) -> FactorRows:
    r"""Balanced factors of every row of a flow's path: each of the `depth` factors has shape `(n, 2, 2)`.

    As `factorizations.balanced`, but the second singular value comes from the path's determinant, whose sign and size
    the entries of $W$ no longer tell once $w$ is large. Start descent from a late row of a flow with them.

    **Raises:** ValueError if `depth` is below 2.

    **Example:**

    ```python
    >>> path = flow.sign_preserving_flow(problems.two_by_two(), 0.1 * jnp.eye(2), depth=2)
    >>> W_1, W_2 = stability.flow_factors(path, depth=2)
    >>> np.allclose(W_2 @ W_1, path.W)
    True

    ```
    """
    depth = _check.integer(depth, "depth", 2)
    U, S, Vt = np.linalg.svd(path.W)
    turned = np.linalg.det(U) * np.linalg.det(Vt) * path.det_sign < 0
    Vt[turned, 1] *= -1
    S = np.stack([S[:, 0], np.exp(path.log_abs_det) / S[:, 0]], axis=1)
    root = S[:, None, :] ** (1 / depth)
    middle = root * np.eye(2)
    return tuple(map(jnp.asarray, (np.swapaxes(root, 1, 2) * Vt, *[middle] * (depth - 2), U * root)))


def strong_gap(factors: FactorRows) -> Float[np.ndarray, " n"]:
    r"""Largest difference between neighbours' squared spectral norms, $\max_j |\|W_{j+1}\|^2 - \|W_j\|^2|$, row by row.

    **Raises:** ValueError if there are fewer than two factors, or one is not a finite stack of matrices.

    **Example:**

    ```python
    >>> stability.strong_gap((jnp.eye(2)[None], 2 * jnp.eye(2)[None], jnp.ones((1, 2, 2))))
    array([3.])

    ```
    """
    factors = [_check.finite(W, f"factors[{j}]") for j, W in enumerate(factors)]
    if len(factors) < 2 or any(W.ndim != 3 for W in factors):
        raise ValueError(f"`factors` must be two stacks of matrices or more; got {[W.shape for W in factors]}.")
    squares = [np.linalg.norm(W, ord=2, axis=(1, 2)) ** 2 for W in factors]
    return np.max(np.abs(np.diff(squares, axis=0)), axis=0)


class OptimizerDescent(eqx.Module):
    r"""One run of an optimizer at its recorded steps, with the factors at each of them. Every row is finite.

    **Example:**

    ```python
    >>> problem = problems.two_by_two()
    >>> start = tuple(W[None] for W in factorizations.identity(0.1, depth=2))
    >>> (run,) = stability.optimizer_descents(problem, start, optax.sgd, learning_rate=0.1, max_steps=100)
    >>> run.diverged, run.factors[0].shape == run.W.shape  # factors at every record
    (False, True)

    ```
    """

    step: Int[np.ndarray, " n"]
    loss: Float[np.ndarray, " n"]
    W: Float[np.ndarray, "n rows columns"]  # the product matrix W_{L:1}
    factors: FactorRows  # unlike in `Descent`, at all recorded steps
    det_sign: Float[np.ndarray, " n"]  # of the product, from the determinants of the factors
    learning_rate: float
    diverged: bool  # whether later rows were dropped because a value was no longer finite


Optimizer = Callable[[Array], optax.GradientTransformation]


def optimizer_descents(
    problem: Completion,
    factors: FactorRows,
    optimizer: Optimizer,
    *,
    learning_rate: Real[ArrayLike, "..."],
    max_steps: int,
    records_per_decade: int = 50,
) -> list[OptimizerDescent]:
    r"""Many runs of an optax optimizer on $\phi(W_1, \dots, W_L) = \ell(W_L \cdots W_1)$ with a square product.

    **Arguments:** each factor has a leading axis over runs; `optimizer` makes the optimizer from a learning rate, as
    `optax.adam` or `functools.partial(optax.sgd, momentum=0.9)`; `learning_rate` is one number or one per run.

    **Returns:** one `OptimizerDescent` per run, in order. All use `max_steps` steps; with `optax.sgd` the run is that
    of `descent.gradient_descent`, which is faster and can stop at a target loss.

    **Raises:** ValueError naming the argument if a factor is not finite, factors have no common leading axis, the
    product does not have the shape of `problem`, or a number is out of range.

    **References:** optax (DeepMind, 2020).

    **Example:**

    ```python
    >>> start = tuple(W[None] for W in factorizations.identity(0.1, depth=2))
    >>> settings = {"learning_rate": 0.1, "max_steps": 100}
    >>> (run,) = stability.optimizer_descents(problems.two_by_two(), start, optax.sgd, **settings)
    >>> (same,) = descent.gradient_descents(problems.two_by_two(), start, **settings)
    >>> np.allclose(run.loss, same.loss)
    True

    ```
    """
    factors = tuple(_check.finite(W, f"factors[{j}]") for j, W in enumerate(factors))
    shapes = [W.shape for W in factors]
    if len({shape[:1] for shape in shapes}) != 1 or any(len(shape) != 3 or shape[0] == 0 for shape in shapes):
        raise ValueError(f"`factors` must share one leading axis over at least one run; got shapes {shapes}.")
    check_start(problem, tuple(W[0] for W in factors))
    rates = _check.positive(learning_rate, "learning_rate")
    runs = len(factors[0])
    if rates.shape not in ((), (runs,)):
        raise ValueError(f"`learning_rate` must be one number or one for each of {runs} runs; got {rates.shape}.")
    rates = jnp.broadcast_to(rates, (runs,))
    step = log_spaced_steps(max_steps, records_per_decade)
    task = _Runs(problem, factors, optimizer, rates, jnp.asarray(step))
    rows = jax.tree.map(np.asarray, _recording.run(task, task.loss).rows)

    def run(r):
        loss, W, factors, det_sign = jax.tree.map(lambda x: x[:, r], rows)
        finite = np.isfinite(loss) & np.all([np.isfinite(F).all((1, 2)) for F in factors], axis=0)
        n = len(step) if finite.all() else int(np.argmin(finite))
        kept = (step[:n], loss[:n], W[:n], tuple(F[:n] for F in factors), det_sign[:n])
        return OptimizerDescent(*kept, float(rates[r]), bool(n < len(step)))

    return [run(r) for r in range(runs)]


class _Runs(eqx.Module):
    """All runs, as a task for `_recording`; the state is that of each, its factors and its optimizer's memory."""

    problem: Completion
    factors: tuple[Float[Array, "runs _ _"], ...]
    optimizer: Callable = eqx.field(static=True)
    rates: Float[Array, " runs"]
    record_at: Int[Array, " n"]

    def start(self):
        return jax.vmap(lambda factors, rate: (factors, self.optimizer(rate).init(factors)))(self.factors, self.rates)

    def walk(self, states, begin, until):
        def advance(_, state, rate):
            factors, memory = state
            gradient = objective_gradient(self.problem, factors)
            updates, memory = self.optimizer(rate).update(gradient, memory, factors)
            return optax.apply_updates(factors, updates), memory

        def path(state, rate):
            return jax.lax.fori_loop(begin, until, partial(advance, rate=rate), state)

        return jax.vmap(path)(states, self.rates)

    def observe(self, states):
        def row(factors):
            W = product_matrix(factors)
            return self.problem.loss(W), W, factors, slogdet(factors)[0]

        return jax.vmap(row)(states[0])

    def is_over(self, states):
        return jnp.zeros((), bool)

    def loss(self, states):
        return jax.vmap(lambda factors: self.problem.loss(product_matrix(factors)))(states[0])
