r"""The largest eigenvalue of a small symmetric matrix that is known by its products with vectors.

`jnp.linalg.eigvalsh` is a library call, which JavaScript lacks; this is made of plain loops.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

_HALVINGS = 52  # of an interval no longer than a few times the matrix: to the last digit


def largest_eigenvalue(product: Callable[[Float[Array, " n"]], Float[Array, " n"]], size: int) -> Float[Array, ""]:
    """Largest eigenvalue, 0 if that is negative, of the `size` x `size` matrix behind `product`, by Lanczos' method.

    As many steps as the matrix has rows, from a fixed vector, and without orthogonalizing anew: rounding errors only
    bring the largest eigenvalue up again. It comes out nearly to machine precision, relative to the matrix.
    """
    start = np.cos(np.arange(1.0, size + 1) ** 2)  # no symmetry of the matrix is likely to have this one

    def advance(carry, _):
        before, v, β = carry
        u = product(v) - β * before
        α = jnp.sum(u * v)
        u = u - α * v
        after = jnp.sqrt(jnp.sum(u * u))
        return (v, u / jnp.where(after > 0, after, 1.0), after), (α, β)

    first = (jnp.zeros(size), jnp.asarray(start / np.linalg.norm(start)), jnp.zeros(()))
    _, (diagonal, beside) = jax.lax.scan(advance, first, None, size)
    return _largest_of_tridiagonal(diagonal, beside)


def _largest_of_tridiagonal(diagonal: Float[Array, " n"], beside: Float[Array, " n"]) -> Float[Array, ""]:
    """By bisection; `beside[i]` couples `i - 1` and `i`, so its first entry is 0."""

    def widen(carry, row):  # the largest entry, and the largest sum of a row
        low, high, before = carry
        α, β = row
        return (jnp.maximum(low, α), jnp.maximum(high, before + β), jnp.abs(α) + β), None

    zero = jnp.zeros(())
    (low, high, last), _ = jax.lax.scan(widen, (zero, zero, zero), (diagonal, beside))
    high = jnp.maximum(high, last)

    def halve(_, interval):
        low, high = interval
        middle = (low + high) / 2

        def eliminate(carry, row):  # the matrix minus `middle` is negative definite if all its pivots are
            pivot, negative = carry
            α, β = row
            pivot = α - middle - β * β / jnp.where(pivot == 0, 1e-300, pivot)
            return (pivot, negative & (pivot < 0)), None

        (_, negative), _ = jax.lax.scan(eliminate, (jnp.ones(()), jnp.asarray(True)), (diagonal, beside))
        return jnp.where(negative, low, middle), jnp.where(negative, middle, high)

    low, high = jax.lax.fori_loop(0, _HALVINGS, halve, (low, high))
    return (low + high) / 2
