r"""Matrix completion as the first conjecture was argued: a deep factorization, trained by one global RMSprop step.

The objective is that of `descent` up to a factor, and so is the path; only the speed along it differs, which is what
brings 100 x 100 from a start of scale $10^{-6}$ within reach.
"""

import time
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
from jax.tree_util import Partial
from jaxtyping import Array, ArrayLike, Float, Int, PRNGKeyArray, Real

from implreg_core import _check, factorizations
from implreg_core.descent import log_spaced_steps
from implreg_core.factorizations import Factors
from implreg_core.problems import Completion
from implreg_core.training import Fit, check_finite, global_rmsprop, train_interruptibly


class Path(eqx.Module):
    """The recorded steps of a `DeepCompletion`: what `trajectories.measures` takes.

    **Example:**

    ```python
    >>> problem, truth = problems.random_low_rank(jr.key(0), (3, 3), rank=1, observed_count=8)
    >>> run = deep_completion.complete(problem, depth=2, scale=0.01, max_steps=100, key=jr.key(1), records_per_decade=5)
    >>> run.path.step[[0, -1]], run.path.W.shape[1:]
    (array([  0, 100]), (3, 3))

    ```
    """

    step: Int[np.ndarray, " n"]
    loss: Float[np.ndarray, " n"]  # half the sum of squares, as elsewhere; not the mean that is trained
    W: Float[np.ndarray, "n rows columns"]


class DeepCompletion(Fit):
    """One matrix completed by descent on its factors.

    **Example:**

    ```python
    >>> problem, truth = problems.random_low_rank(jr.key(0), (3, 3), rank=1, observed_count=8)
    >>> run = deep_completion.complete(problem, depth=2, scale=0.01, learning_rate=0.02, tolerance=1e-4, key=jr.key(1))
    >>> run.converged, run.W.shape
    (True, (3, 3))

    ```
    """

    factors: Factors
    path: Path | None = None  # if it was asked for

    @property
    def W(self) -> Float[Array, "m n"]:
        """The completed matrix."""
        return factorizations.product_matrix(self.factors)


def complete(
    problem: Completion,
    *,
    depth: int,
    scale: Real[ArrayLike, ""],
    learning_rate: Real[ArrayLike, ""] = 1e-3,
    optimizer: Callable[[], optax.GradientTransformation] | None = None,
    hidden: int | None = None,
    tolerance: Real[ArrayLike, ""] = 1e-6,
    max_steps: int = 1_000_000,
    records_per_decade: int | None = None,
    key: PRNGKeyArray,
) -> DeepCompletion:
    r"""Complete a matrix by descent on a factorization of given depth, from a product of singular values near `scale`.

    Minimizes the mean squared error $2 \ell(W_{L:1}) / |\Omega|$ with `training.global_rmsprop`, from Gaussian factors
    of standard deviation `factorizations.factor_std`, until the error is at most `tolerance`. Ctrl-C ends it; a bar
    shows where it takes long, and `estimated_seconds` says beforehand.

    **Arguments:** `optimizer` takes the place of `training.global_rmsprop` and its `learning_rate`: a function that
    returns one of optax, with a schedule if it has one, as `Partial(optax.adam, 1e-3)` with `Partial` of
    `jax.tree_util`. The `hidden` width is $\min(m, n)$, so that the rank of the product is free, or more. With
    `records_per_decade` the result has a `path`.

    **Raises:** ValueError if `depth` is below 2, `hidden` below $\min(m, n)$, another number is not positive, or the
    run diverges.

    **References:** Arora, Cohen, Hu & Luo (2019) and its code, whose settings are the defaults except for
    $\varepsilon$, there $10^{-4}$; Razin & Cohen (2020), Section 2.

    **Example:**

    ```python
    >>> problem, truth = problems.random_low_rank(jr.key(0), (3, 3), rank=1, observed_count=8)
    >>> run = deep_completion.complete(problem, depth=2, scale=0.01, learning_rate=0.02, tolerance=1e-4, key=jr.key(1))
    >>> bool(tensors.reconstruction_error(run.W, truth) < 0.1), run.mse <= 1e-4
    (True, True)

    ```
    """
    start = _start(problem, depth, scale, hidden, key)
    record_at = _record_at(max_steps, records_per_decade)
    end = _train(problem, start, _chosen(optimizer, learning_rate), tolerance, record_at, records_per_decade)
    check_finite(end)
    path = None
    if records_per_decade is not None:
        rows = int(np.searchsorted(record_at, int(end.steps))) + 1
        W = np.asarray(end.observed)[:rows]
        path = Path(np.minimum(record_at[:rows], int(end.steps)), _losses(problem, W), W)
    return DeepCompletion(float(end.value), int(end.steps), float(tolerance), end.params, path)


def estimated_seconds(
    problem: Completion,
    *,
    depth: int,
    max_steps: int,
    hidden: int | None = None,
    optimizer: Callable[[], optax.GradientTransformation] | None = None,
) -> float:
    """How long `max_steps` steps of `complete` take here, from the time of a few.

    The few steps take about a second, with what is compiled for them and serves the run after it.

    **Raises:** ValueError as `complete`.

    **Example:**

    ```python
    >>> problem, _ = problems.random_low_rank(jr.key(0), (3, 3), rank=1, observed_count=8)
    >>> deep_completion.estimated_seconds(problem, depth=2, max_steps=100_000) < 60
    True

    ```
    """
    last = _check.integer(max_steps, "max_steps", 1)
    start, chosen = _start(problem, depth, 1e-3, hidden, jr.key(0)), _chosen(optimizer, 1e-3)

    def seconds(steps):
        begin = time.perf_counter()
        _train(problem, start, chosen, 1e-300, np.array([steps]), None)
        return time.perf_counter() - begin

    seconds(1)  # compiles
    steps, took = 10, seconds(10)
    while took < _ENOUGH_SECONDS and steps < last:
        steps *= 4
        took = min(seconds(steps), seconds(steps))
    return took * last / steps


_ENOUGH_SECONDS = 0.2  # to time


def _start(problem, depth, scale, hidden, key):
    width = min(problem.shape) if hidden is None else hidden
    std = factorizations.factor_std(scale, depth, width)
    return factorizations.gaussian(key, depth, problem.shape, std=std, hidden=hidden)


def _chosen(optimizer, learning_rate):
    if optimizer is None:
        return Partial(global_rmsprop, _check.positive(learning_rate, "learning_rate"))
    return optimizer if isinstance(optimizer, Partial) else Partial(optimizer)


def _record_at(max_steps, records_per_decade):
    max_steps = _check.integer(max_steps, "max_steps", 1)
    if records_per_decade is None:
        return np.array([max_steps])
    return log_spaced_steps(max_steps, records_per_decade)


def _train(problem, start, optimizer, tolerance, record_at, records_per_decade):
    observe = {} if records_per_decade is None else {"observe": factorizations.product_matrix}
    tolerance = _check.positive(tolerance, "tolerance")
    objective = _MeanSquaredError(problem)
    return train_interruptibly(
        objective, start, optimizer, tolerance=tolerance, record_at=jnp.asarray(record_at), **observe
    )


@jax.jit
def _losses_of(problem, W):
    return jax.vmap(problem.loss)(W)


def _losses(problem, W):
    return np.asarray(_losses_of(problem, W))


class _MeanSquaredError(eqx.Module):
    problem: Completion

    def __call__(self, factors):
        loss = self.problem.loss(factorizations.product_matrix(factors))
        return 2 * loss / jnp.sum(self.problem.observed, dtype=float)
