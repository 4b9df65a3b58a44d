"""The tensor of a CP factorization, as fast as a matrix product, its gradient too."""

import math
from collections.abc import Sequence
from functools import reduce

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from implreg_core import _check

CPFactors = tuple[Float[ArrayLike, "..."], ...]  # each (size of its axis, R)


def cp_tensor(factors: CPFactors) -> Float[Array, "..."]:
    r"""The tensor $\sum_k w_k^1 \otimes \cdots \otimes w_k^N$, one axis for each factor.

    A single matrix product, of the Khatri-Rao products of the first and the last half of the factors.

    **Raises:** ValueError if there are fewer than two factors, or they are not matrices with equally many columns.

    **Example:**

    ```python
    >>> x, y, z = jnp.array([[1.0], [2.0]]), jnp.array([[3.0]]), jnp.array([[1.0], [10.0]])
    >>> tensors.cp_tensor((x, y, z))[:, 0]  # the outer product of x, y and z
    Array([[ 3., 30.],
           [ 6., 60.]], dtype=float64)

    ```
    """
    factors = checked_factors(factors)
    columns = {jnp.shape(F)[1] if jnp.ndim(F) == 2 else None for F in factors}
    if len(factors) < 2 or len(columns) != 1 or None in columns:
        raise ValueError(
            "`factors` must be two or more matrices with one number of columns; got shapes "
            f"{[jnp.shape(F) for F in factors]}."
        )
    half = (len(factors) + 1) // 2
    matrix = _outer_sum(_khatri_rao(factors[:half]), _khatri_rao(factors[half:]))
    return matrix.reshape([len(F) for F in factors])


def largest_rank(shape: Sequence[int]) -> int:
    r"""The number of components that suffices for every tensor of this shape: the product of all sizes but the largest.

    **Raises:** ValueError if `shape` is not two or more positive integers.

    **Example:**

    ```python
    >>> tensors.largest_rank((10, 10, 10))
    100

    ```
    """
    shape = checked_shape(shape)
    return math.prod(shape) // max(shape)


def checked_factors(factors) -> CPFactors:
    return tuple(_check.real(F, f"factors[{n}]") for n, F in enumerate(factors))


def checked_shape(shape: Sequence[int], name: str = "shape") -> tuple[int, ...]:
    if len(shape) < 2:
        raise ValueError(f"`{name}` must be two or more positive integers; got {shape}.")
    return tuple(_check.integer(size, f"{name}[{n}]", 1) for n, size in enumerate(shape))


def _khatri_rao(factors: CPFactors) -> Float[Array, "rows R"]:
    """All products of one row of each factor, entry by entry; the last factor's rows run fastest."""
    return reduce(_row_products, map(jnp.asarray, factors))


@jax.custom_vjp
def _row_products(A: Float[Array, "m R"], B: Float[Array, "n R"]) -> Float[Array, "mn R"]:
    return (A[:, None] * B).reshape(-1, A.shape[1])


def _row_products_backward(factors, gradient):
    """As autodiff would, but with sums written out: XLA then fuses them and the descent is faster by half."""
    A, B = factors
    gradient = gradient.reshape(len(A), len(B), -1)
    return sum(gradient[:, j] * B[j] for j in range(len(B))), sum(gradient[i] * A[i] for i in range(len(A)))


_row_products.defvjp(lambda A, B: (_row_products(A, B), (A, B)), _row_products_backward)


@jax.custom_vjp
def _outer_sum(A: Float[Array, "m R"], B: Float[Array, "n R"]) -> Float[Array, "m n"]:
    A, B = _materialized((A, B))
    return A @ B.T


def _outer_sum_backward(factors, gradient):
    A, B = factors
    return _materialized(gradient @ B), _materialized(_materialized(gradient.T) @ A)


_materialized = jax.lax.optimization_barrier  # unfused from what is before and after, these products run at full speed
_outer_sum.defvjp(lambda A, B: (_outer_sum(A, B), (A, B)), _outer_sum_backward)
