r"""Completion tasks unlike the 2x2 example: families of low-rank matrices, each with some of its entries hidden.

A `Task` keeps the matrix from which its observations come. All truths have spectral norm 1, so that one learning rate
and one scale of the start mean the same everywhere. What solves a task is the business of `convex` and `descent`.
"""

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, PRNGKeyArray, Real

from implreg_core import _check, problems
from implreg_core._compile import one_program
from implreg_core.problems import Completion


class Task(eqx.Module):
    """A completion problem and the low-rank matrix that it shows a part of.

    **Example:**

    ```python
    >>> task = task_families.task("2 x 2, large entry hidden", jr.key(0))
    >>> task.problem.observed
    Array([[False,  True],
           [ True,  True]], dtype=bool)
    >>> jnp.linalg.matrix_rank(task.truth)
    Array(1, dtype=int64)

    ```
    """

    problem: Completion
    truth: Float[Array, "m n"]
    rank: int  # of the truth


def task(family: str, key: PRNGKeyArray) -> Task:
    """A random task of a family, one of the names in `FAMILIES`.

    **Raises:** ValueError for an unknown family.

    **Example:**

    ```python
    >>> task = task_families.task("12 x 12, diagonal hidden", jr.key(0))
    >>> task.rank, jnp.linalg.norm(task.truth, 2)  # the spectral norm is always 1
    (2, Array(1., dtype=float64))

    ```
    """
    if family not in FAMILIES:
        raise ValueError(f"`family` must be one of {', '.join(map(repr, FAMILIES))}; got {family!r}.")
    return FAMILIES[family](_check.key(key, "key"))


# ---- patterns: which entries are observed


def hidden_diagonal(size: int) -> Bool[Array, "n n"]:
    """All entries but those of the diagonal are observed.

    **Raises:** ValueError if `size` is below 2, where nothing would be observed.

    **Example:**

    ```python
    >>> task_families.hidden_diagonal(2)
    Array([[False,  True],
           [ True, False]], dtype=bool)

    ```
    """
    return jnp.asarray(~np.eye(_check.integer(size, "size", 2), dtype=bool))


def hidden_block(shape: tuple[int, int], rows: int, columns: int) -> Bool[Array, "m n"]:
    """All entries are observed but those of the first `rows` rows and first `columns` columns.

    **Raises:** ValueError if the block is empty or has all rows or all columns: then nothing determines it.

    **Example:**

    ```python
    >>> task_families.hidden_block((2, 3), rows=1, columns=2)
    Array([[False, False,  True],
           [ True,  True,  True]], dtype=bool)

    ```
    """
    m, n = _check.matrix_shape(shape)
    rows, columns = _check.integer(rows, "rows", 1, m - 1), _check.integer(columns, "columns", 1, n - 1)
    i, j = np.indices((m, n))
    return jnp.asarray((i >= rows) | (j >= columns))


def banded(size: int, half_width: int) -> Bool[Array, "n n"]:
    r"""The entries with $|i - j| \le$ `half_width` are observed.

    **Raises:** ValueError if `half_width` is outside `0..size - 1`.

    **Example:**

    ```python
    >>> task_families.banded(3, half_width=1)
    Array([[ True,  True, False],
           [ True,  True,  True],
           [False,  True,  True]], dtype=bool)

    ```
    """
    size = _check.integer(size, "size", 1)
    i, j = np.indices((size, size))
    return jnp.asarray(np.abs(i - j) <= _check.integer(half_width, "half_width", 0, size - 1))


def block_diagonal(size: int, first: int) -> Bool[Array, "n n"]:
    """Two square blocks on the diagonal are observed, the first with `first` rows. No row or column meets both.

    **Raises:** ValueError if `first` is outside `1..size - 1`.

    **Example:**

    ```python
    >>> task_families.block_diagonal(3, first=1)
    Array([[ True, False, False],
           [False,  True,  True],
           [False,  True,  True]], dtype=bool)

    ```
    """
    size = _check.integer(size, "size", 2)
    first = _check.integer(first, "first", 1, size - 1)
    i, j = np.indices((size, size))
    return jnp.asarray((i < first) == (j < first))


# ---- rank one: what is known in closed form


def rank_one(u: Real[ArrayLike, " m"], v: Real[ArrayLike, " n"], observed: Bool[ArrayLike, "m n"]) -> Task:
    r"""The task with truth $u v^\top / (\|u\| \|v\|)$.

    **Raises:** ValueError if `u` or `v` is zero or not finite, or `observed` does not fit or is nowhere true.

    **Example:**

    ```python
    >>> u, v = jnp.array([3.0, 4.0]), jnp.array([1.0, 0.0])
    >>> task_families.rank_one(u, v, task_families.hidden_diagonal(2)).truth
    Array([[0.6, 0. ],
           [0.8, 0. ]], dtype=float64)

    ```
    """
    u, v = _unit(u, "u"), _unit(v, "v")
    truth = jnp.outer(u, v)
    return Task(problems.completion(truth, observed), truth, 1)


def least_norm_factor(u: Real[ArrayLike, " m"], v: Real[ArrayLike, " n"], rows: int, columns: int) -> Float[Array, ""]:
    r"""What the least nuclear norm makes of a hidden block of $u v^\top$: the share of it that is written.

    With $I$ the first `rows` rows and $J$ the first `columns` columns hidden together, the only completion of least
    nuclear norm has $c \, u_I v_J^\top$ in the hidden block, where

    $$c = \min \Bigl( 1, \frac{\|u_{I'}\| \|v_{J'}\|}{\|u_I\| \|v_J\|} \Bigr)$$

    and $I'$, $J'$ are the other rows and columns. So it is 1, the truth, exactly if the hidden block is no larger
    than the block opposite, which shares no row and no column with it.

    **Returns:** a number in $(0, 1]$.

    **Raises:** ValueError if one of the four parts of `u` and `v` is empty, zero or not finite.

    **Example:**

    ```python
    >>> u = jnp.array([4.0, 1.0])  # the hidden entry is 16, the one opposite is 1
    >>> task_families.least_norm_factor(u, u, rows=1, columns=1)  # 1 of the 16 is written
    Array(0.0625, dtype=float64)

    ```
    """
    u, v = _scaled_down(u, "u"), _scaled_down(v, "v")
    rows = _check.integer(rows, "rows", 1, u.size - 1)
    columns = _check.integer(columns, "columns", 1, v.size - 1)
    sizes = jnp.stack([jnp.linalg.norm(part) for part in (u[:rows], u[rows:], v[:columns], v[columns:])])
    hidden_u, seen_u, hidden_v, seen_v = _check.positive(sizes, "norms of the parts of `u` and `v`")
    return jnp.minimum(1.0, (seen_u / hidden_u) * (seen_v / hidden_v))


# ---- the families


def _unit(x, name: str) -> Float[Array, " n"]:
    x = _scaled_down(x, name)
    return x / jnp.linalg.norm(x)


def _scaled_down(x, name: str) -> Float[Array, " n"]:
    """`x` divided by its largest entry, so that no square of an entry leaves double precision."""
    x = _check.finite(x, name)
    return x / _check.positive(jnp.max(jnp.abs(x)), f"largest entry of {name}")


def _of_pattern(observed: Bool[Array, "m n"], rank: int) -> Callable[[PRNGKeyArray], Task]:
    """Gaussian truths, always with the same entries observed."""

    def draw(key):
        return _gaussian(key, observed, rank)

    return draw


def _random(shape: tuple[int, int], rate: float, rank: int = 2) -> Callable[[PRNGKeyArray], Task]:
    """Gaussian truths with a random set of entries observed."""

    def draw(key):
        problem, truth = problems.random_low_rank(key, shape, rank, round(rate * shape[0] * shape[1]))
        return _scaled(problem.observed, truth, rank)

    return draw


def _opposite(shape: tuple[int, int], rows: int, columns: int, ratio: float) -> Callable[[PRNGKeyArray], Task]:
    """Positive rank-one truths whose hidden block is `ratio` times as large as the block opposite."""

    def draw(key):
        u_key, v_key, share_key = jr.split(key, 3)
        share = jnp.exp(0.5 * jr.normal(share_key))  # how the ratio is made up of that of `u` and that of `v`
        u = _with_ratio(u_key, shape[0], rows, jnp.sqrt(ratio) * share)
        v = _with_ratio(v_key, shape[1], columns, jnp.sqrt(ratio) / share)
        return rank_one(u, v, hidden_block(shape, rows, columns))

    return draw


def _with_ratio(key, size, count, ratio):
    """A positive vector whose first `count` entries have `ratio` times the norm of the others."""
    return _stretched(jr.uniform(key, (size,), minval=0.5, maxval=1.5), ratio, count)


@one_program(static_argnums=2)
def _stretched(x, ratio, count):
    return jnp.concatenate([ratio * x[:count] / jnp.linalg.norm(x[:count]), x[count:] / jnp.linalg.norm(x[count:])])


def _hidden_diagonal_of_three(largest_share: tuple[float, float]) -> Callable[[PRNGKeyArray], Task]:
    r"""Truths $u u^\top$ of size 3 with positive $u$ of length 1, whose largest $u_i^2$ is in the given range.

    By the theorem of the hidden diagonal, the least nuclear norm finds the truth up to a share of 1/2.
    """

    def draw(key):
        share_key, split_key = jr.split(key)
        low, high = largest_share
        largest = jr.uniform(share_key, minval=low, maxval=high)
        second = (1 - largest) * jr.uniform(split_key, minval=0.4, maxval=0.6)
        u = jnp.sqrt(jnp.stack([largest, second, 1 - largest - second]))
        return rank_one(u, u, hidden_diagonal(3))

    return draw


def _gaussian(key, observed, rank):
    left_key, right_key = jr.split(key)
    m, n = observed.shape
    truth = _product(jr.normal(left_key, (m, rank)), jr.normal(right_key, (n, rank)))
    return _scaled(observed, truth, rank)


@one_program
def _product(left, right):
    return left @ right.T


def _scaled(observed, truth, rank):
    truth = _of_norm_one(truth)
    return Task(problems.completion(truth, observed), truth, rank)


@one_program
def _of_norm_one(W):
    return W / jnp.linalg.norm(W, 2)


def _unequal_pair(key):
    r"""$\operatorname{diag}(a, d)$ is all that is seen of $u u^\top$: both diagonal entries, of unequal size."""
    u = jnp.stack([1.0, jnp.sqrt(jr.uniform(key, minval=0.3, maxval=0.7))])
    return rank_one(u, u, block_diagonal(2, 1))


FAMILIES: dict[str, Callable[[PRNGKeyArray], Task]] = {  # in the order of the figures
    "2 x 2, small entry hidden": _opposite((2, 2), 1, 1, 1 / 4),
    "2 x 2, large entry hidden": _opposite((2, 2), 1, 1, 4.0),
    "3 x 3, small entry hidden": _opposite((3, 3), 1, 1, 1 / 4),
    "3 x 3, large entry hidden": _opposite((3, 3), 1, 1, 4.0),
    "3 x 3, large block hidden": _opposite((3, 3), 2, 2, 4.0),
    "3 x 3, diagonal hidden, acute": _hidden_diagonal_of_three((0.35, 0.45)),
    "3 x 3, diagonal hidden, obtuse": _hidden_diagonal_of_three((0.7, 0.8)),
    "2 x 2, only diagonal seen": _unequal_pair,
    "12 x 12, diagonal hidden": _of_pattern(hidden_diagonal(12), 2),
    "12 x 12, 4 x 4 block hidden": _of_pattern(hidden_block((12, 12), 4, 4), 2),
    "12 x 12, 9 x 9 block hidden": _of_pattern(hidden_block((12, 12), 9, 9), 2),
    "12 x 12, band of 9": _of_pattern(banded(12, 4), 2),
    "12 x 12, band of 5": _of_pattern(banded(12, 2), 2),
    "12 x 12, band of 3, rank 1": _of_pattern(banded(12, 1), 1),
    "12 x 12, two blocks seen": _of_pattern(block_diagonal(12, 6), 2),
    "random 8 x 8, 70%": _random((8, 8), 0.7),
    "random 8 x 16, 50%": _random((8, 16), 0.5),
    "random 12 x 12, 40%": _random((12, 12), 0.4),
    "random 12 x 12, 60%": _random((12, 12), 0.6),
    "random 20 x 20, 30%": _random((20, 20), 0.3),
    "random 20 x 20, 50%": _random((20, 20), 0.5),
}
