r"""Singular values and vectors of a small matrix by rotations, in loops that `implreg_core.javascript` covers.

Short programs rather than fast ones: what can be a loop over rows is one, since a browser compiles only short functions
well.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Shaped

Stack = Float[Array, "rows k"]  # the rows are A v_p for all p, and, where wanted, below them all v_p

_ENOUGH = 1e-14  # the cosine of the angle at which two vectors count as orthogonal
_SWEEPS = 30  # at most; about five are needed, and one or two where the start is near


def at(x: Shaped[ArrayLike, "n ..."], k) -> Shaped[Array, "..."]:
    """Row `k`, which must exist."""
    return jnp.asarray(x).at[k].get(mode="promise_in_bounds", wrap_negative_indices=False)


def put(x: Float[Array, "n ..."], k, row: Float[Array, "..."]) -> Float[Array, "n ..."]:
    """`x` with another row `k`, which must exist."""
    return x.at[k].set(row, mode="clip", wrap_negative_indices=False)


def block(x: Float[Array, "rows n"], k, size: int) -> Float[Array, "size n"]:
    """Block `k` of the blocks of so many rows below each other."""
    return jax.lax.dynamic_slice_in_dim(x, size * k, size)


def rotated(M: Stack, n: int, parts: int) -> Stack:
    r"""Rotations of the first `n` rows of `M` among each other until they are orthogonal; the next `n` turn along.

    When the first are the $A v_p$ of orthonormal $v_p$, and the next, if there are two `parts`, these $v_p$, then the
    lengths of the first are the singular values of $A$ in some order, and $A = \sum_p (A v_p) v_p^\top$.

    **References:** Hestenes (1958), the one-sided Jacobi method.
    """
    first, second = map(jnp.asarray, np.triu_indices(n, 1))

    def rotate(k, carry):
        M, largest = carry
        p, q = at(first, k), at(second, k)
        x, y = at(M, p), at(M, q)
        a, b, c = jnp.sum(x**2), jnp.sum(y**2), jnp.sum(x * y)
        size = jnp.sqrt(a) * jnp.sqrt(b)
        cosine = jnp.where(size > 0, jnp.abs(c) / jnp.where(size > 0, size, 1.0), 0.0)
        ratio = (b - a) / jnp.where(cosine > 0, 2 * c, 1.0)
        tangent = jnp.where(ratio < 0, -1.0, 1.0) / (jnp.abs(ratio) + jnp.sqrt(1 + ratio**2))
        tangent = jnp.where(cosine > _ENOUGH, tangent, 0.0)
        cos = 1 / jnp.sqrt(1 + tangent**2)
        sin = cos * tangent

        def turn(part, M):
            x, y = at(M, n * part + p), at(M, n * part + q)
            return put(put(M, n * part + p, cos * x - sin * y), n * part + q, sin * x + cos * y)

        return jax.lax.fori_loop(0, parts, turn, M), jnp.maximum(largest, cosine)

    def sweep(carry):
        sweeps, M, _ = carry
        M, largest = jax.lax.fori_loop(0, len(first), rotate, (M, jnp.zeros(())))
        return sweeps + 1, M, largest

    def goes_on(carry):
        sweeps, _, largest = carry
        return (sweeps < _SWEEPS) & (largest > _ENOUGH)

    return jax.lax.while_loop(goes_on, sweep, (jnp.zeros((), int), M, jnp.ones(())))[1]


def lengths(M: Float[Array, "n k"]) -> Float[Array, " n"]:
    """Those of the rows."""
    return jax.lax.map(lambda row: jnp.sqrt(jnp.sum(row**2)), M)


def singular_values(A: Float[Array, "m n"]) -> Float[Array, " m"]:
    """All `m` of them, descending; they are those of the transpose too, and zeros.

    What is below $10^{-15}$ of the largest counts as zero: rounding leaves no more.
    """
    m = len(A)
    M = jnp.zeros((2 * m, A.shape[1])).at[:m].set(A)  # large enough to be read by row in JavaScript
    sigma = descending(lengths(rotated(M, m, 1)[:m]))
    return jnp.where(sigma > 1e-15 * sigma[0], sigma, 0.0)


def descending(x: Float[Array, " n"]) -> Float[Array, " n"]:
    """The same numbers, sorted by exchanges of neighbours."""
    x = list(x)
    for last in range(len(x) - 1, 0, -1):
        for i in range(last):
            x[i], x[i + 1] = jnp.maximum(x[i], x[i + 1]), jnp.minimum(x[i], x[i + 1])
    return jnp.stack(x)
