r"""Deep matrix factorizations $W_{L:1} = W_L \cdots W_1$: the product, its balance, where training starts.

`factors` is always the tuple $(W_1, \ldots, W_L)$, in the order in which the factors act. How factors move is
`flow`'s and `descent`'s business.
"""

from collections.abc import Callable
from functools import partial, reduce
from itertools import pairwise

import jax
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, ArrayLike, Bool, Float, PRNGKeyArray, Real

from implreg_core import _check
from implreg_core._compile import one_program
from implreg_core._linalg import matmul, svd

Factors = tuple[Float[Array, "_ _"], ...]


def product_matrix(factors: Factors) -> Float[Array, "m n"]:
    r"""The end-to-end matrix $W_{L:1} = W_L W_{L-1} \cdots W_1$.

    **Raises:** ValueError if there is no factor, one is not a matrix, or neighbouring widths differ.

    **Example:**

    ```python
    >>> swap, stretch = jnp.array([[0.0, 1.0], [1.0, 0.0]]), jnp.diag(jnp.array([2.0, 3.0]))
    >>> factorizations.product_matrix((swap, stretch))  # the first factor acts first: stretch @ swap
    Array([[0., 2.],
           [3., 0.]], dtype=float64)

    ```
    """
    return _product(_chain(factors))


@one_program
def _product(factors: Factors) -> Float[Array, "m n"]:
    return reduce(lambda product, W: matmul(W, product), factors)


def unbalancedness(factors: Factors) -> Float[Array, ""]:
    r"""How far the factors are from balanced: $\max_j \| W_{j+1}^\top W_{j+1} - W_j W_j^\top \|_*$.

    Each difference is constant under gradient flow. Zero for a single factor, which has nothing to balance.

    **Raises:** ValueError if there is no factor, one is not a matrix, or neighbouring widths differ.

    **References:** Razin & Cohen (2020), unbalancedness magnitude.

    **Example:**

    ```python
    >>> factorizations.unbalancedness((jnp.eye(2), 2 * jnp.eye(2)))  # nuclear norm of 4 I - I
    Array(6., dtype=float64)

    ```
    """
    return _unbalancedness(_chain(factors))


@one_program
def _unbalancedness(factors: Factors) -> Float[Array, ""]:
    gaps = [V.T @ V - W @ W.T for W, V in pairwise(factors)]
    nuclear = [jnp.sum(jnp.abs(jnp.linalg.eigvalsh(gap))) for gap in gaps]  # symmetric: |eigenvalues| suffice
    return jnp.max(jnp.stack(nuclear)) if nuclear else jnp.zeros(())


def slogdet(factors: Factors) -> tuple[Float[Array, ""], Float[Array, ""]]:
    r"""Sign and logarithm of the absolute value of $\det W_{L:1}$, for a square product.

    From the determinants of the factors if all are square: the entries of a tiny product no longer tell.
    A singular product has sign 0 and logarithm $-\infty$.

    **Raises:** ValueError if the product is not square, or the factors do not form a product.

    **Example:**

    ```python
    >>> factors = (1e-200 * jnp.eye(2), jnp.eye(2))
    >>> factorizations.slogdet(factors)
    (Array(1., dtype=float64), Array(-921.0340372, dtype=float64))
    >>> jnp.linalg.det(factorizations.product_matrix(factors))  # too small for a double
    Array(0., dtype=float64)

    ```
    """
    factors = _chain(factors)
    shape = (factors[-1].shape[0], factors[0].shape[1])
    if shape[0] != shape[1]:
        raise ValueError(f"`factors` must have a square product; got shape {shape}, without a determinant.")
    return _slogdet(factors)


@one_program
def _slogdet(factors: Factors) -> tuple[Float[Array, ""], Float[Array, ""]]:
    if all(W.shape[0] == W.shape[1] for W in factors):
        signs, logs = zip(*map(_scaled_slogdet, factors), strict=True)
        return jnp.prod(jnp.stack(signs)), jnp.sum(jnp.stack(logs))
    sizes = jnp.stack(list(map(_size, factors)))  # which the product would multiply until they leave double precision
    product = _product(tuple(W / size for W, size in zip(factors, sizes, strict=True)))
    sign, log_abs = _scaled_slogdet(product)
    return sign, log_abs + len(product) * jnp.sum(jnp.log(sizes))


def factor_std(product_scale: Real[ArrayLike, ""], depth: int, width: int) -> Float[Array, ""]:
    r"""Standard deviation of factor entries for a product of a given scale: $\text{scale}^{1/L} \, n^{-1/2}$.

    With $L$ square Gaussian factors of size $n$, the product's entries then have standard deviation
    $\text{scale} / \sqrt n$, so that its singular values are of order `product_scale`.

    **Raises:** ValueError if `product_scale` is not positive, `depth` is below 2 or `width` below 1.

    **References:** Razin & Cohen (2020), details of the experiments.

    **Example:**

    ```python
    >>> factorizations.factor_std(1e-6, depth=3, width=100)
    Array(0.001, dtype=float64)

    ```
    """
    product_scale = _check.positive(product_scale, "product_scale")
    depth, width = _check.integer(depth, "depth", 2), _check.integer(width, "width", 1)
    return product_scale ** (1 / depth) / jnp.sqrt(float(width))


def gaussian(
    key: PRNGKeyArray,
    depth: int,
    shape: tuple[int, int],
    *,
    std: Real[ArrayLike, ""],
    hidden: int | None = None,
) -> Factors:
    r"""Factors with independent entries of law $N(0, \text{std}^2)$, for a product of the given `shape`.

    `hidden` is the width of every hidden layer. The default, `min(shape)`, is the least that leaves the
    rank of the product free. Small `std` makes the factors nearly balanced.

    **Raises:** ValueError if `depth` is below 2, `shape` is not two positive integers, `std` is not
    positive or `hidden` is below `min(shape)`.

    **Example:**

    ```python
    >>> factors = factorizations.gaussian(jr.key(0), 3, (4, 2), std=0.1)
    >>> [W.shape for W in factors]  # the first factor acts first
    [(2, 2), (2, 2), (4, 2)]

    ```
    """
    depth, (m, n) = _check.integer(depth, "depth", 2), _check.matrix_shape(shape)
    std = _check.positive(std, "std")
    hidden = min(m, n) if hidden is None else _check.integer(hidden, "hidden", min(m, n))
    widths = [n, *[hidden] * (depth - 1), m]
    keys = jr.split(_check.key(key, "key"), depth)
    return _scaled(std, tuple(jr.normal(keys[j], (widths[j + 1], widths[j])) for j in range(depth)))


@one_program
def _scaled(std, factors: Factors) -> Factors:
    return tuple(std * W for W in factors)


def balanced(W0: Float[ArrayLike, "m n"], depth: int) -> Factors:
    r"""Balanced factors with product `W0`, by its singular value decomposition $W_0 = U S V^\top$.

    $$W_1 = S^{1/L} V^\top, \qquad W_2 = \cdots = W_{L-1} = S^{1/L}, \qquad W_L = U S^{1/L}$$

    All hidden widths are $\min(m, n)$; wider layers would be padded with zeros that gradient flow never
    changes. A 2 x 2 matrix is decomposed in closed form, so that JavaScript can do it too and a tiny
    $\sigma_2 = |\det W_0| / \sigma_1$ has no more error than the determinant. The factors cannot depend
    continuously on `W0` everywhere, as singular vectors do not; gradient flow and descent do not notice,
    since their product is the same for $(Q W_1, Q W_2 Q^\top, \ldots, W_L Q^\top)$ with orthogonal $Q$.

    **Raises:** ValueError if `W0` is not one finite matrix or `depth` is below 2.

    **References:** Arora, Cohen, Golowich & Hu (2019), Procedure 1.

    **Example:**

    ```python
    >>> W0 = jnp.array([[1.0, 2.0], [3.0, 4.0]])
    >>> factors = factorizations.balanced(W0, depth=3)
    >>> jnp.allclose(factorizations.product_matrix(factors), W0)
    Array(True, dtype=bool)
    >>> factorizations.unbalancedness(factors).round(9)
    Array(0., dtype=float64)

    ```
    """
    return _balanced(_check.matrix(W0, "W0"), _check.integer(depth, "depth", 2))


@one_program(static_argnums=1)
def _balanced(W0, depth):
    U, S, Vt = svd(W0)
    root = S ** (1 / depth)
    return (root[:, None] * Vt, *[jnp.diag(root)] * (depth - 2), U * root)


def balanced_gaussian(key: PRNGKeyArray, depth: int, shape: tuple[int, int], *, std: Real[ArrayLike, ""]) -> Factors:
    r"""Balanced factors of a product whose entries have law $N(0, \text{std}^2)$.

    **Raises:** ValueError if `depth` is below 2, `shape` is not two positive integers or `std` is not
    positive.

    **References:** the runs marked balanced in Razin & Cohen (2020), Figure 1.

    **Example:**

    ```python
    >>> factors = factorizations.balanced_gaussian(jr.key(0), 2, (3, 3), std=1.0)
    >>> factorizations.unbalancedness(factors).round(9)
    Array(0., dtype=float64)

    ```
    """
    shape, std = _check.matrix_shape(shape), _check.positive(std, "std")
    (W0,) = _scaled(std, (jr.normal(_check.key(key, "key"), shape),))
    return balanced(W0, depth)


def identity(alpha: Real[ArrayLike, ""], depth: int, size: int = 2) -> Factors:
    r"""Every factor $\alpha^{1/L} I$, so that the product is $\alpha I$: balanced, with positive determinant.

    **Raises:** ValueError if `alpha` is not positive, `depth` is below 2 or `size` below 1.

    **References:** Razin & Cohen (2020), Proposition 4 (depth 2, $\alpha \in (0, 1]$).

    **Example:**

    ```python
    >>> factorizations.identity(0.01, depth=2)
    (Array([[0.1, 0. ],
           [0. , 0.1]], dtype=float64), Array([[0.1, 0. ],
           [0. , 0.1]], dtype=float64))

    ```
    """
    alpha, depth = _check.positive(alpha, "alpha"), _check.integer(depth, "depth", 2)
    return (_times_identity(alpha, depth, _check.integer(size, "size", 1)),) * depth


@one_program(static_argnums=(1, 2))
def _times_identity(alpha, depth, size):
    return alpha ** (1 / depth) * jnp.eye(size)


def with_determinant_sign(
    key: PRNGKeyArray, sample: Callable[[PRNGKeyArray], Factors], sign: int, *, tries: int = 64
) -> Factors:
    r"""The first of `tries` draws `sample(key)` whose product has a determinant of the given `sign`.

    All candidates are drawn at once, so the function can itself be mapped over keys. A sign that comes up
    half of the time is missed with probability $2^{-\text{tries}}$.

    **Raises:** ValueError if `sign` is neither 1 nor -1, `tries` is below 1, the product is not square, or
    no draw has the sign. Under `jit` and `vmap`, where that last error cannot be raised, the factors are
    NaN instead.

    **References:** Razin & Cohen (2020), Proposition 3: independent symmetric factors have either sign
    equally often.

    **Example:**

    ```python
    >>> def sample(key):
    ...     return factorizations.gaussian(key, 2, (2, 2), std=0.1)
    ...
    >>> factors = factorizations.with_determinant_sign(jr.key(0), sample, sign=-1)
    >>> factorizations.slogdet(factors)[0]
    Array(-1., dtype=float64)

    ```
    """
    _check_sign(sign)
    tries = _check.integer(tries, "tries", 1)
    candidates = jax.vmap(sample)(jr.split(_check.key(key, "key"), tries))
    found, factors = _first_of_sign(candidates, jax.vmap(slogdet)(candidates)[0], sign)
    if _check.fails(found):
        raise ValueError(
            f"`sample` gave no determinant of sign {sign} in {tries} tries. Raise `tries`, or check "
            "that `sample` uses its key and can give that sign."
        )
    return factors


@one_program
def _first_of_sign(
    candidates: tuple[Float[Array, "tries _ _"], ...], signs: Float[Array, " tries"], sign
) -> tuple[Bool[Array, ""], Factors]:
    """Whether there is one; and if not, NaN."""
    found, first = jnp.any(signs == sign), jnp.argmax(signs == sign)
    return found, tuple(jnp.where(found, W[first], jnp.nan) for W in candidates)


def balanced_starts(
    key: PRNGKeyArray, count: int, depth: int, *, std: Real[ArrayLike, ""], size: int = 2, sign: int = 1
) -> tuple[Float[Array, "count size size"], ...]:
    r"""`count` draws of `balanced_gaussian` of a square product, stacked, each `with_determinant_sign` of this `sign`.

    **Raises:** ValueError if `count` or `size` is below 1, `depth` below 2, `std` not positive, or `sign` not 1 or -1.

    **Example:**

    ```python
    >>> W_1, W_2 = factorizations.balanced_starts(jr.key(0), 5, 2, std=0.1)
    >>> W_1.shape, bool(jnp.all(jnp.linalg.det(W_2 @ W_1) > 0))
    ((5, 2, 2), True)

    ```
    """
    size, std = _check.integer(size, "size", 1), _check.positive(std, "std")
    sample = partial(balanced_gaussian, depth=depth, shape=(size, size), std=std)
    keys = jr.split(_check.key(key, "key"), _check.integer(count, "count", 1))
    return jax.vmap(lambda key: with_determinant_sign(key, sample, sign))(keys)


def turned_to_sign(factors: Factors, sign: int, *, row: bool = False) -> Factors:
    r"""The factors with the first column of $W_1$ negated where $\det W_{L:1}$ has not the given `sign`.

    With `row` it is the first row of $W_L$; the first column, or row, of the product is negated with it. Balance stays
    as it was. Where the entries of the factor are symmetric about zero, the result is distributed as the factors given
    that sign: resampling without the waste.

    **Raises:** ValueError if `sign` is neither 1 nor -1, or the product is not square.

    **References:** Razin & Cohen (2020), Proposition 3, whose proof turns signs in this way.

    **Example:**

    ```python
    >>> W_1, W_2 = factorizations.turned_to_sign((jnp.ones((2, 2)) + jnp.eye(2), jnp.eye(2)), sign=-1)
    >>> W_1
    Array([[-2.,  1.],
           [-1.,  2.]], dtype=float64)

    ```
    """
    _check_sign(sign)
    found, _ = slogdet(factors)
    turns = found * sign < 0
    if row:
        *earlier, last = factors
        return (*earlier, _turned(jnp.asarray(last).T, turns).T)
    first, *later = factors
    return (_turned(jnp.asarray(first), turns), *later)


@one_program
def _turned(W, turns):
    return W.at[:, 0].multiply(jnp.where(turns, -1.0, 1.0))


def _check_sign(sign) -> None:
    if sign not in (1, -1):
        raise ValueError(f"`sign` must be 1 or -1; got {sign!r}.")


def _scaled_slogdet(W: Float[Array, "d d"]) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Of the matrix scaled to entries of order 1: the closed form, which JAX 0.6 lacks, squares their size."""
    size = _size(W)
    if W.shape == (2, 2):
        (a, b), (c, d) = W / size
        det = a * d - b * c
        sign, log_abs = jnp.sign(det), jnp.log(jnp.abs(det))
    else:
        sign, log_abs = jnp.linalg.slogdet(W / size)
    return sign, log_abs + W.shape[0] * jnp.log(size)


def _size(W: Float[Array, "m n"]) -> Float[Array, ""]:
    """The largest entry, and 1 for the zero matrix."""
    largest = jnp.max(jnp.abs(W))
    return jnp.where(largest > 0, largest, 1.0)


def _chain(factors: Factors) -> Factors:
    """The factors in double precision; those that cannot be multiplied are refused."""
    if len(factors) == 0:
        raise ValueError("`factors` is empty; pass at least one matrix (W_1, ..., W_L).")
    factors = tuple(_check.real(W, f"factors[{j}]") for j, W in enumerate(factors))
    shapes = [jnp.shape(W) for W in factors]
    if any(len(shape) != 2 for shape in shapes):
        raise ValueError(f"`factors` must all be matrices; got shapes {shapes}. Use `jax.vmap` for batches.")
    if any(after[1] != before[0] for before, after in pairwise(shapes)):
        raise ValueError(f"`factors` must chain: columns of W_(j+1) = rows of W_j; got shapes {shapes}.")
    return factors
