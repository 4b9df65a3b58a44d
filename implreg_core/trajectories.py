"""What a run of descent or flow looks like: measures of its product matrix, row by row."""

from collections.abc import Callable
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from implreg_core import _check, bounds, norms, ranks
from implreg_core.problems import Completion, two_by_two_observations


def along(measure: Callable, W: Float[ArrayLike, "n rows columns"]) -> Float[np.ndarray, "n ..."]:
    """`measure`, a function of one matrix such as `norms.nuclear`, of each matrix of a stack.

    One program serves all stacks of about the same length.

    **Example:**

    ```python
    >>> trajectories.along(norms.nuclear, np.stack([np.eye(2), 3 * np.eye(2)]))
    array([2., 6.])

    ```
    """
    padded, rows = _padded(W)
    return np.asarray(_each(measure)(padded))[:rows]


def measures(
    problem: Completion, run, *, truth: Float[ArrayLike, "rows columns"] | None = None
) -> dict[str, Float[np.ndarray, " n"]]:
    r"""Columns along a run of `problem`: a `Descent`, a flow, or the `path` of a `DeepCompletion`.

    **Returns:** columns of equal length: `loss`; `nuclear`, `frobenius`, `spectral`; `effective_rank`; `distance` from
    rank one; `sigma_1`, `sigma_2`, ... for all singular values; for runs in time `time`, and for runs in steps `step`,
    both plus one so that they suit a logarithmic axis. With a `truth`, `unseen_error`, the root mean square error of
    the unseen entries. For `problems.two_by_two`, with any observations, also `unseen_entry` $|W_{11}|$ and, where
    $\det W$ has the sign of $z z'$, its lower bound `unseen_entry_bound`.

    **Raises:** ValueError if the run has other losses on `problem`, or `truth` another shape or no entry to be unseen.

    **Example:**

    ```python
    >>> problem, start = problems.two_by_two(), factorizations.identity(0.1, depth=3)
    >>> run = descent.gradient_descent(problem, start, learning_rate=0.1, max_steps=1000)
    >>> columns = trajectories.measures(problem, run)
    >>> bool(np.all(columns["unseen_entry"] >= columns["unseen_entry_bound"]))
    True

    ```

    of another matrix, whose hidden entries are known:

    ```python
    >>> problem, truth = problems.random_low_rank(jr.key(0), (4, 3), rank=1, observed_count=9)
    >>> start = factorizations.gaussian(jr.key(1), 2, (4, 3), std=0.05)
    >>> run = descent.gradient_descent(problem, start, learning_rate=0.05, max_steps=3000)
    >>> columns = trajectories.measures(problem, run, truth=truth)
    >>> sorted(columns)[-5:], len(columns["unseen_error"]) == len(columns["step"])
    (['sigma_3', 'spectral', 'step', 'time', 'unseen_error'], True)

    ```
    """
    if run.W is None:
        raise ValueError("`run` must have its matrices; got one that recorded what `observe` returned instead.")
    if run.W.shape[1:] != problem.shape:
        raise ValueError(
            f"`run` has matrices of shape {run.W.shape[1:]}, `problem` {problem.shape}; pass its own problem."
        )
    first = float(problem.loss(run.W[0]))
    rounding = 1e-12 * float(problem.loss(jnp.zeros(problem.shape)))  # of a start that nearly fits
    if not np.isclose(run.loss[0], first, rtol=1e-6, atol=rounding):
        raise ValueError(
            f"`run` begins at loss {run.loss[0]:g}, which on `problem` is {first:g}; pass its own problem."
        )
    (W, rows), (loss, _) = _padded(run.W), _padded(run.loss)
    observations = _observations(problem)
    measured = _general(W, loss) if observations is None else _columns(W, loss, *observations)
    columns = {name: np.asarray(values)[:rows] for name, values in measured.items()}
    if truth is not None:
        columns["unseen_error"] = _unseen_error(problem, run.W, truth)
    if hasattr(run, "t"):
        columns["time"] = 1 + run.t
    if hasattr(run, "step"):
        columns["step"] = 1.0 + run.step
    return columns


def _observations(problem):
    """Those of `problems.two_by_two`; None for a problem of another kind."""
    try:
        return two_by_two_observations(problem)
    except ValueError:
        return None


def _unseen_error(problem, W, truth):
    truth = np.asarray(_check.finite(truth, "truth"))
    _check.same_shape(truth, problem.shape, "truth")
    unseen = ~np.asarray(problem.observed)
    if not unseen.any():
        raise ValueError("`truth` has nothing to tell: all entries of `problem` are observed.")
    return np.sqrt(np.mean((np.asarray(W) - truth)[:, unseen] ** 2, axis=1))


def _padded(rows):
    """`rows` with the last one repeated up to a multiple of 100: few lengths, hence few compilations."""
    rows = np.asarray(rows)
    return np.pad(rows, ((0, -len(rows) % 100), *[(0, 0)] * (rows.ndim - 1)), mode="edge"), len(rows)


@lru_cache
def _each(measure):
    return jax.jit(jax.vmap(measure))


def measures_of(
    W: Float[ArrayLike, "2 2"],
    loss: Float[ArrayLike, ""],
    z: Float[ArrayLike, ""] = 1.0,
    z_prime: Float[ArrayLike, ""] = 1.0,
    eps: Float[ArrayLike, ""] = 0.0,
) -> dict[str, Float[Array, ""]]:
    r"""The measures of one matrix, as named in `measures`, for `problems.two_by_two(z, z_prime, eps)`.

    The bound holds where $\det W$ has the sign of $z z'$. For $W = 0$, which has no effective rank, that is NaN.

    **Example:**

    ```python
    >>> W = jnp.diag(jnp.array([3.0, 4.0]))
    >>> row = trajectories.measures_of(W, problems.two_by_two().loss(W))
    >>> row["nuclear"], row["frobenius"], row["spectral"]
    (Array(7., dtype=float64), Array(5., dtype=float64), Array(4., dtype=float64))

    ```
    """
    return {
        "unseen_entry": jnp.abs(W[0, 0]),
        "unseen_entry_bound": bounds.unseen_entry_lower_bound(loss, z, z_prime, eps),
        **_of_any(W, loss),
    }


def _of_any(W, loss):
    sigma = ranks.singular_values(W)
    return {
        "loss": loss,
        "nuclear": norms.nuclear(W),
        "frobenius": norms.frobenius(W),
        "spectral": norms.spectral(W),
        "effective_rank": ranks.effective_rank(W),
        "distance": ranks.distance_to_rank(W, k=1),
        **{f"sigma_{k + 1}": sigma[k] for k in range(len(sigma))},
    }


_general = jax.jit(jax.vmap(_of_any))
_columns = jax.jit(jax.vmap(measures_of, in_axes=(0, 0, None, None, None)))
