"""What a run of descent or flow looks like: measures of its product matrix, row by row."""

from collections.abc import Callable
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from implreg_core import bounds, norms, ranks
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


def measures(problem: Completion, run) -> dict[str, Float[np.ndarray, " n"]]:
    r"""Columns along a run (a `Descent` or a flow) of `problems.two_by_two`, with any observations.

    **Returns:** columns of equal length: `loss`; `unseen_entry` $|W_{11}|$; its lower bound `unseen_entry_bound` where
    $\det W$ has the sign of $z z'$; `nuclear`, `frobenius`, `spectral`; `effective_rank`; `distance` from rank one;
    `sigma_1`, `sigma_2`; `time`, and for descent `step`, both plus one so that they suit a logarithmic axis.

    **Raises:** ValueError if the problem is of another kind, or the run has other losses there.

    **Example:**

    ```python
    >>> problem, start = problems.two_by_two(), factorizations.identity(0.1, depth=3)
    >>> run = descent.gradient_descent(problem, start, learning_rate=0.1, max_steps=1000)
    >>> columns = trajectories.measures(problem, run)
    >>> bool(np.all(columns["unseen_entry"] >= columns["unseen_entry_bound"]))
    True

    ```
    """
    observations = two_by_two_observations(problem)
    if run.W is None:
        raise ValueError("`run` must have its matrices; got one that recorded what `observe` returned instead.")
    first = float(problem.loss(run.W[0]))
    rounding = 1e-12 * sum(b**2 for b in observations)  # of a start that nearly fits
    if not np.isclose(run.loss[0], first, rtol=1e-6, atol=rounding):
        raise ValueError(
            f"`run` begins at loss {run.loss[0]:g}, which on `problem` is {first:g}; pass its own problem."
        )
    (W, rows), (loss, _) = _padded(run.W), _padded(run.loss)
    columns = {name: np.asarray(values)[:rows] for name, values in _columns(W, loss, *observations).items()}
    columns["time"] = 1 + run.t
    if hasattr(run, "step"):
        columns["step"] = 1.0 + run.step
    return columns


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
    sigma = ranks.singular_values(W)
    return {
        "loss": loss,
        "unseen_entry": jnp.abs(W[0, 0]),
        "unseen_entry_bound": bounds.unseen_entry_lower_bound(loss, z, z_prime, eps),
        "nuclear": norms.nuclear(W),
        "frobenius": norms.frobenius(W),
        "spectral": norms.spectral(W),
        "effective_rank": ranks.effective_rank(W),
        "distance": ranks.distance_to_rank(W, k=1),
        "sigma_1": sigma[0],
        "sigma_2": sigma[1],
    }


_columns = jax.jit(jax.vmap(measures_of, in_axes=(0, 0, None, None, None)))
