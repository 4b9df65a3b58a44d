"""Matrix completion: which entries are observed, with which values, and how well a matrix fits them.

A problem knows nothing of how it is solved; factorizations, flows and descent are built on top of it.
"""

import math
from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, PRNGKeyArray, Real, Shaped

from implreg_core import _check
from implreg_core._compile import one_program


class Completion(eqx.Module):
    r"""A completion problem: `values` $b_{ij}$, known for the $(i, j) \in \Omega$ where `observed` is true.

    Build one with `completion`, which checks its arguments and stores a zero for every entry that nobody
    sees.

    **Example:**

    ```python
    >>> problem = problems.two_by_two()
    >>> problem.values
    Array([[0., 1.],
           [1., 0.]], dtype=float64)
    >>> problem.observed
    Array([[False,  True],
           [ True,  True]], dtype=bool)

    ```
    """

    values: Float[Array, "m n"]
    observed: Bool[Array, "m n"]

    # Python's own methods, known by their object: Equinox's are hashed by their arrays, which `jax.jit` cannot do.
    __getattribute__ = object.__getattribute__

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the matrix to complete."""
        return self.values.shape

    def residual(self, W: Float[ArrayLike, "m n"]) -> Float[Array, "m n"]:
        r"""The misfit $W_{ij} - b_{ij}$ on $\Omega$ and zero elsewhere; it is also $\nabla \ell(W)$.

        **Raises:** ValueError if `W` has another shape than the problem.

        **Example:**

        ```python
        >>> problems.two_by_two().residual(jnp.ones((2, 2)))
        Array([[0., 0.],
               [0., 1.]], dtype=float64)

        ```
        """
        return _residual(self, self._checked(W))

    def loss(self, W: Float[ArrayLike, "m n"]) -> Float[Array, ""]:
        r"""The loss $\ell(W) = \frac12 \sum_{(i,j) \in \Omega} (W_{ij} - b_{ij})^2$.

        **Raises:** ValueError if `W` has another shape than the problem.

        **Example:**

        ```python
        >>> W = jnp.array([[1e6, 1.0], [1.0, 0.1]])  # the unseen entry costs nothing
        >>> problems.two_by_two().loss(W)
        Array(0.005, dtype=float64)

        ```
        """
        return _loss(self, self._checked(W))

    def _checked(self, W) -> Float[Array, "m n"]:
        W = _check.real(W, "W")
        _check.same_shape(W, self.shape, "W")
        return W


@one_program
def _residual(problem: Completion, W: Float[Array, "m n"]) -> Float[Array, "m n"]:
    return jnp.where(problem.observed, W - problem.values, 0.0)


@one_program
def _loss(problem: Completion, W: Float[Array, "m n"]) -> Float[Array, ""]:
    return 0.5 * jnp.sum(_residual(problem, W) ** 2)


def completion(values: Shaped[ArrayLike, "..."], observed: Shaped[ArrayLike, "..."]) -> Completion:
    """The problem of completing `values` from the entries where `observed` is true.

    Both are matrices of one shape. Values that are not observed are never read: they may be NaN, and become
    0.

    **Raises:** ValueError if the shapes differ or are not those of a matrix, if `observed` is not Boolean,
    if it is nowhere true, or if an observed value is not finite.

    **Example:**

    ```python
    >>> problem = problems.completion(jnp.array([[jnp.nan, 2.0]]), jnp.array([[False, True]]))
    >>> problem.values
    Array([[0., 2.]], dtype=float64)

    ```
    """
    values, observed = _check.real(values, "values"), _check.boolean(observed, "observed")
    if values.ndim != 2:
        raise ValueError(f"`values` must be a matrix; got shape {values.shape}.")
    _check.same_shape(observed, values.shape, "observed")
    if _check.violates(observed, np.any):
        raise ValueError("`observed` is false everywhere; mark at least one entry as observed.")
    values = jnp.where(observed, values, 0.0)
    return Completion(_check.finite(values, "values"), observed)


def from_triples(
    rows: Sequence[int] | Shaped[ArrayLike, "..."],
    columns: Sequence[int] | Shaped[ArrayLike, "..."],
    values: Sequence[float] | Shaped[ArrayLike, "..."],
    shape: tuple[int, int] | None = None,
) -> Completion:
    """The problem whose entry (`rows[k]`, `columns[k]`), counted from 0, is observed as `values[k]`, for all k.

    Without `shape`, the matrix ends with the last row and the last column that are named.

    **Raises:** ValueError if the three differ in length or are empty, a place is no whole number from 0 on or lies
    outside of `shape`, one is named twice, or a value is not finite.

    **Example:**

    ```python
    >>> problem = problems.from_triples([0, 1, 1], [1, 0, 1], [1.0, 1.0, 0.0])
    >>> problem.values, int(problem.observed.sum())
    (Array([[0., 1.],
           [1., 0.]], dtype=float64), 3)

    ```
    """
    places = {name: np.asarray(given) for name, given in [("rows", rows), ("columns", columns)]}
    values = np.asarray(_check.finite(values, "values"))
    lengths = {name: np.shape(given) for name, given in {**places, "values": values}.items()}
    if len(set(lengths.values())) > 1 or values.ndim != 1 or not values.size:
        raise ValueError(f"`rows`, `columns` and `values` must be equally long lists, not empty; got shapes {lengths}.")
    for name, given in places.items():
        if not np.issubdtype(given.dtype, np.integer) or given.min() < 0:
            raise ValueError(f"`{name}` must be whole numbers from 0 on; got {given.tolist()}.")
    ends = tuple(int(given.max()) + 1 for given in places.values())
    shape = ends if shape is None else _check.matrix_shape(shape)
    if ends[0] > shape[0] or ends[1] > shape[1]:
        raise ValueError(f"`shape` {shape} must hold all places; the last row and column named are {ends} from 1 on.")
    flat = places["rows"] * shape[1] + places["columns"]
    named, counts = np.unique(flat, return_counts=True)
    if counts.max() > 1:
        twice = [divmod(int(place), shape[1]) for place in named[counts > 1][:5]]
        raise ValueError(
            f"`rows` and `columns` name {twice} more than once. Decide on one value for each place, such as the mean."
        )
    filled, observed = np.zeros(shape), np.zeros(shape, bool)
    filled.flat[flat], observed.flat[flat] = values, True
    return completion(filled, observed)


def two_by_two(
    z: Real[ArrayLike, ""] = 1.0, z_prime: Real[ArrayLike, ""] = 1.0, eps: Real[ArrayLike, ""] = 0.0
) -> Completion:
    r"""The counterexample: $W_{12} = z$, $W_{21} = z'$ and $W_{22} = \epsilon$ observed, $W_{11}$ free.

    A solution has determinant $W_{11} \epsilon - z z'$, which for $\epsilon = 0$ no choice of $W_{11}$ can
    change.

    **Raises:** ValueError if `z` or `z_prime` is zero, or any of the three is not finite.

    **References:** Razin & Cohen (2020): the example of Theorem 1, and its perturbations.

    **Example:**

    ```python
    >>> problem = problems.two_by_two(eps=0.5)
    >>> problem.loss(problems.two_by_two_solution(2.0, eps=0.5))  # of rank 1, and it fits
    Array(0., dtype=float64)

    ```
    """
    z, z_prime = _check.nonzero(z, "z"), _check.nonzero(z_prime, "z_prime")
    values = two_by_two_solution(0.0, z, z_prime, eps)
    return Completion(values, jnp.array([[False, True], [True, True]]))


def two_by_two_observations(problem: Completion) -> tuple[float, float, float]:
    r"""$z$, $z'$ and $\epsilon$ of a problem that `two_by_two` may have built.

    **Raises:** ValueError if the problem is of another kind.

    **Example:**

    ```python
    >>> problems.two_by_two_observations(problems.two_by_two(eps=0.5))
    (1.0, 1.0, 0.5)

    ```
    """
    observed, values = np.asarray(problem.observed).tolist(), np.asarray(problem.values).tolist()
    if observed != [[False, True], [True, True]] or 0 in (values[0][1], values[1][0]):
        raise ValueError(
            "`problem` must be 2 x 2 with all but W11 observed, W12 and W21 not as zero; got the values "
            f"{values} observed at {observed}. Build it by `problems.two_by_two`."
        )
    return values[0][1], values[1][0], values[1][1]


def two_by_two_solution(
    w: Real[ArrayLike, ""],
    z: Real[ArrayLike, ""] = 1.0,
    z_prime: Real[ArrayLike, ""] = 1.0,
    eps: Real[ArrayLike, ""] = 0.0,
) -> Float[Array, "2 2"]:
    r"""The solution of `two_by_two(z, z_prime, eps)` whose free entry is `w`.

    $$W = \begin{pmatrix} w & z \\ z' & \epsilon \end{pmatrix}$$

    **Raises:** ValueError if an argument is not finite.

    **Example:**

    ```python
    >>> W = problems.two_by_two_solution(100.0)
    >>> W, jnp.linalg.det(W)
    (Array([[100.,   1.],
           [  1.,   0.]], dtype=float64), Array(-1., dtype=float64))

    ```
    """
    w, z = _check.finite(w, "w"), _check.finite(z, "z")
    z_prime, eps = _check.finite(z_prime, "z_prime"), _check.finite(eps, "eps")
    return jnp.stack([jnp.stack([w, z]), jnp.stack([z_prime, eps])])


def random_low_rank(
    key: PRNGKeyArray,
    shape: tuple[int, int],
    rank: int,
    observed_count: int,
    *,
    frobenius_norm: Real[ArrayLike, ""] | None = None,
) -> tuple[Completion, Float[Array, "m n"]]:
    r"""A random matrix of given rank, with `observed_count` of its entries observed, and the matrix itself.

    The matrix is $c \, U V^\top$ with Gaussian $U$ ($m \times$ rank) and $V$ ($n \times$ rank), and $c$
    fixed by the Frobenius norm; the default $\sqrt{mn}$ makes the entries of mean square 1. The observed
    entries are a uniformly random set.

    **Returns:** the problem and the ground truth.

    **Raises:** ValueError if `shape` is not two positive integers, `rank` is outside `1..min(m, n)`,
    `observed_count` is outside `1..m*n`, or `frobenius_norm` is not positive.

    **References:** Razin & Cohen (2020), experiments: 100 x 100, rank 5, Frobenius norm 100.

    **Example:**

    ```python
    >>> problem, truth = problems.random_low_rank(jr.key(0), (6, 5), rank=2, observed_count=12)
    >>> jnp.linalg.matrix_rank(truth), problem.observed.sum(), problem.loss(truth)
    (Array(2, dtype=int64), Array(12, dtype=int64), Array(0., dtype=float64))

    ```
    """
    m, n = _check.matrix_shape(shape)
    rank = _check.integer(rank, "rank", 1, min(m, n))
    observed_count = _check.integer(observed_count, "observed_count", 1, m * n)
    norm = math.sqrt(m * n) if frobenius_norm is None else _check.positive(frobenius_norm, "frobenius_norm")

    left_key, right_key, observed_key = jr.split(_check.key(key, "key"), 3)
    truth = _low_rank(jr.normal(left_key, (m, rank)), jr.normal(right_key, (n, rank)), norm)
    chosen = jr.choice(observed_key, m * n, (observed_count,), replace=False)
    return completion(truth, _marked(chosen, (m, n))), truth


@one_program
def _low_rank(left, right, norm):
    truth = left @ right.T
    return norm * truth / jnp.linalg.norm(truth)


@one_program(static_argnums=1)
def _marked(places, shape):
    return jnp.zeros(math.prod(shape), bool).at[places].set(True).reshape(shape)
