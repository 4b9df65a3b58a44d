"""The least nuclear norm by Douglas-Rachford splitting, of what `javascript.compile_to_javascript` covers."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float

from implreg_core.own_matrix import _jacobi

_THRESHOLD, _RELAXATION = 0.5, 1.6  # of the splitting, for observations of spectral norm 1
_GAP, _BLOCK, _BLOCKS = 1e-9, 10, 500  # where it ends: relative gap, steps between two looks at it, looks


def least_nuclear_norm(
    values: Float[ArrayLike, "m n"], observed: Bool[ArrayLike, "m n"]
) -> tuple[Float[Array, "m n"], Float[Array, ""]]:
    r"""The matrix of least nuclear norm with the given `values` where they are `observed`, and what proves it.

    By Douglas-Rachford splitting, whose two steps shrink singular values and restore the observed entries. For small
    matrices, and for a page; `convex.certified_minimum_nuclear_norm` is for larger ones. Where the minimizer is not
    unique, it is one of them.

    **Returns:** the matrix, with exact observed entries, and a lower bound of the nuclear norm of all completions: the
    dual value of a matrix of spectral norm at most 1 that is zero where nothing is observed. No value is checked; the
    relative gap was below 1e-8 after some ten to some hundred steps in all that was tried.

    **References:** Lions and Mercier (1979); Cai, Candès and Shen (2010) for the shrinkage.

    **Example:**

    ```python
    >>> values, observed = jnp.array([[2.0, 1.0], [1.0, 0.0]]), jnp.array([[True, True], [True, False]])
    >>> W, bound = own_matrix.least_nuclear_norm(values, observed)
    >>> W.round(6), bound.round(6)
    (Array([[2. , 1. ],
           [1. , 0.5]], dtype=float64), Array(2.5, dtype=float64))

    ```
    """
    observed = jnp.asarray(observed)
    (m, n), size = observed.shape, max(observed.shape)
    around = ((0, size - m), (0, size - n))
    b = jnp.pad(jnp.where(observed, jnp.asarray(values, float), 0.0), around)
    W, _, bound, _ = completed(b, jnp.pad(observed, around))
    return W[:m, :n], bound


def completed(b: Float[Array, "n n"], observed: Bool[Array, "n n"]):
    """The matrix of least nuclear norm, its singular values, the bound, and the spectral norm of `b`, or 1 if `b` = 0.

    Three matrices lie below each other, all `b` at first: the variable of the splitting, Z; the matrix that fits; and Z
    without the shrunk Z, where observed, which is a multiple of a dual matrix. A first look at them gives the unit.
    """
    n = len(b)

    def step(_, carry):
        ZYD, M, threshold = carry
        Z = ZYD[:n]
        M = jax.lax.fori_loop(0, n, lambda p, M: _jacobi.put(M, p, Z @ _jacobi.at(M, n + p)), M)
        M = _jacobi.rotated(M, n, 2)
        kept = jax.lax.map(lambda length: jnp.maximum(0.0, 1 - threshold / length), _jacobi.lengths(M[:n]))

        def row(i, ZYD):
            def add(p, x):
                return x + _jacobi.at(kept, p) * M[p, i] * _jacobi.at(M, n + p)

            x, z, seen = jax.lax.fori_loop(0, n, add, jnp.zeros(n)), _jacobi.at(ZYD, i), _jacobi.at(observed, i)
            y = jnp.where(seen, _jacobi.at(b, i), 2 * x - z)
            ZYD = _jacobi.put(ZYD, i, z + _RELAXATION * (y - x))
            ZYD = _jacobi.put(ZYD, n + i, y)
            return _jacobi.put(ZYD, 2 * n + i, jnp.where(seen, z - x, 0.0))

        return jax.lax.fori_loop(0, n, row, ZYD), M, threshold

    def block(carry):
        blocks, ZYD, M, size, _, _ = carry
        ZYD, M, _ = jax.lax.fori_loop(0, jnp.where(blocks == 0, 0, _BLOCK), step, (ZYD, M, _THRESHOLD * size))
        of_Y, of_D = jax.lax.map(lambda k: _jacobi.singular_values(_jacobi.block(ZYD, k, n)), jnp.arange(1, 3))
        size = jnp.where((blocks == 0) & (of_Y[0] > 0), of_Y[0], size)

        def product(i, total):
            return total + jnp.sum(_jacobi.at(ZYD, 2 * n + i) * _jacobi.at(b, i))

        dual = jax.lax.fori_loop(0, n, product, jnp.zeros(()))
        return blocks + 1, ZYD, M, size, of_Y, dual / jnp.maximum(_THRESHOLD * size, of_D[0])

    def goes_on(carry):
        blocks, _, _, _, sigma, bound = carry
        return (blocks < _BLOCKS) & (jnp.sum(sigma) - bound > _GAP * jnp.sum(sigma))

    ZYD = jax.lax.fori_loop(0, 3 * n, lambda i, ZYD: _jacobi.put(ZYD, i, _jacobi.at(b, i % n)), jnp.zeros((3 * n, n)))
    M = jnp.zeros((2 * n, n)).at[n:].set(jnp.eye(n))
    first = (jnp.zeros((), int), ZYD, M, jnp.ones(()), jnp.ones(n), jnp.zeros(()))
    _, ZYD, _, size, sigma, bound = jax.lax.while_loop(goes_on, block, first)
    return ZYD[n : 2 * n], sigma, bound, size
