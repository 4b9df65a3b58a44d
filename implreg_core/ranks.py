"""Measures of rank: functions of one matrix through its singular values. Batches are `jax.vmap`'s work."""

import jax
import jax.numpy as jnp
from jax.scipy.special import entr
from jaxtyping import Array, ArrayLike, Float, Real

from implreg_core import _check
from implreg_core._compile import one_program
from implreg_core._linalg import spectrum


def singular_values(W: Float[ArrayLike, "m n"]) -> Float[Array, " k"]:
    r"""Singular values of `W` in descending order, `k = min(m, n)` of them.

    A library's decomposition resolves each only to about $10^{-16} \sigma_1$. In the 2x2 example $\sigma_2$
    is far below that, so a 2x2 matrix is treated in closed form, with $\sigma_2 = |\det W| / \sigma_1$: its
    error is a rounding of the two products in the determinant.

    The derivative of $\sigma_i$ is $u_i^\top \dot W v_i$, with one choice of singular vectors: where singular values
    coincide, sums of them that are convex in `W` get a subgradient.

    **Raises:** ValueError if `W` is not one finite matrix.

    **Example:**

    ```python
    >>> ranks.singular_values(jnp.array([[1e9, 1.0], [1.0, 2e-9]]))  # det W = 1
    Array([1.e+09, 1.e-09], dtype=float64)

    ```
    """
    W = _check.matrix(W, "W")
    return spectrum(W)


def effective_rank(W: Float[ArrayLike, "m n"]) -> Float[Array, ""]:
    r"""Effective rank: $\exp(-\sum_i \rho_i \ln \rho_i)$ with $\rho = \sigma / \sum_i \sigma_i$.

    Here $0 \ln 0 = 0$.

    **Returns:** a scalar in `[1, min(m, n)]`, unchanged by scaling or rotating `W`. NaN for `W = 0`, which
    has no spectrum to normalise; the gradient is NaN wherever a singular value is zero.

    **Raises:** ValueError if `W` is not one finite matrix.

    **References:** Roy & Vetterli (2007).

    **Example:**

    ```python
    >>> ranks.effective_rank(jnp.eye(3)), ranks.effective_rank(jnp.diag(jnp.array([1.0, 1e-3])))
    (Array(3., dtype=float64), Array(1.00793164, dtype=float64))

    ```
    """
    return _effective_rank(singular_values(W))


@one_program
def _effective_rank(σ: Float[Array, " k"]) -> Float[Array, ""]:
    ρ = σ / σ[0]  # first by the largest, so that the sum cannot overflow
    ρ = ρ / jnp.sum(ρ)
    return jnp.exp(jnp.sum(entr(ρ)))


def distance_to_rank(W: Float[ArrayLike, "m n"], k: int) -> Float[Array, ""]:
    r"""Frobenius distance from `W` to the matrices of rank at most `k`: $\sqrt{\sum_{i > k} \sigma_i^2}$.

    The whole norm for `k = 0`, and zero for `k = min(m, n)`. Where it is zero, its gradient is too.

    **Raises:** ValueError if `W` is not one finite matrix or `k` is outside `0..min(m, n)`.

    **References:** Eckart & Young (1936).

    **Example:**

    ```python
    >>> ranks.distance_to_rank(jnp.diag(jnp.array([5.0, 4.0, 3.0])), k=1)
    Array(5., dtype=float64)

    ```
    """
    σ = singular_values(W)
    return _length(σ[_check.integer(k, "k", 0, σ.size) :])


@one_program
def _length(x: Float[Array, " n"]) -> Float[Array, ""]:
    """Without overflow, and with the gradient zero where all is zero."""
    largest = jax.lax.stop_gradient(jnp.max(x, initial=0.0))
    safe = jnp.where(largest > 0, largest, 1.0)
    square = jnp.sum((x / safe) ** 2)
    return jnp.where(largest > 0, safe * jnp.sqrt(jnp.where(largest > 0, square, 1.0)), 0.0)


def infimal_rank(
    z: Real[ArrayLike, ""] = 1.0, z_prime: Real[ArrayLike, ""] = 1.0, eps: Real[ArrayLike, ""] = 0.0
) -> int:
    r"""Infimal rank of the solutions of `problems.two_by_two(z, z_prime, eps)`: 1, unless all three are zero.

    The infimal rank of a set is the least $k$ such that some of its members come arbitrarily close to rank
    $k$. *Proof.* The solution $W$ with free entry $w$ has $\|W\|_F^2 \ge z^2 + z'^2 + \epsilon^2$, so 0 is
    possible only if all three vanish, and then $w = 0$ attains it. Otherwise
    $\sigma_2 = |w \epsilon - z z'| / \sigma_1$ and $\sigma_1 \ge |w|$: for $\epsilon \ne 0$ it is zero at
    $w = z z' / \epsilon$, and for $\epsilon = 0$ it tends to zero as $|w| \to \infty$, without reaching it if
    $z z' \ne 0$.

    **Raises:** ValueError if an argument is not finite.

    **References:** Razin & Cohen (2020), Proposition 2.

    **Example:**

    ```python
    >>> ranks.infimal_rank()  # no solution has rank 1, but they come close to it
    1

    ```
    """
    known = jnp.stack([_check.finite(x, name) for x, name in [(z, "z"), (z_prime, "z_prime"), (eps, "eps")]])
    return int(jnp.any(known != 0))
