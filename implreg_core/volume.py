r"""The volume of balanced factors: how much room the products near a matrix have.

The balanced flow moves the product by $\dot W = -A(W)[\nabla \ell]$ with a positive linear map $A(W)$, so it is the
gradient flow for the metric $\langle Z, A(W)^{-1} Z \rangle$. Volume in this metric has, beside volume in the space of
matrices, the density $\vartheta(W) = (\det A(W))^{-1/2}$.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Real

from implreg_core import _check

_NODES = dict(angles=2, heights=5, sides=3)  # of the quadrature


def log_volume_density(log_singular_values: Real[ArrayLike, " d"], depth: Real[ArrayLike, ""]) -> Float[Array, ""]:
    r"""$\ln \vartheta$ at a square matrix, from the logarithms of its singular values, in any order.

    $$\vartheta = \prod_{i,k} K_{ik}^{-1/2}, \qquad
    K_{ik} = \frac1L \sum_{m=0}^{L-1} \sigma_i^{2m/L} \sigma_k^{2(L-1-m)/L},$$

    for time in units in which the factor $1/L$ is one. As $L \to \infty$, $K_{ik}$ tends to the logarithmic mean of
    $\sigma_i^2$ and $\sigma_k^2$, and `depth = jnp.inf` takes that. Logarithms, because singular values far below
    rounding count.

    **Raises:** ValueError if the logarithms are not a finite vector, or `depth` is below 1.

    **References:** the metric: Bah et al. (2022); its volume, at infinite depth too: Cohen, Menon & Veraszto (2022).

    **Example:**

    ```python
    >>> fits = jnp.array([1.0, -1.0])  # of a solution of the 2 x 2 problem, s = 1
    >>> at_zero = volume.log_volume_density(0 * fits, 3)
    >>> jnp.round(volume.log_volume_density(fits, 3) - at_zero, 3)  # a larger entry, less volume
    Array(-0.522, dtype=float64)

    ```
    """
    log_squares = 2 * _check.finite(log_singular_values, "log_singular_values")
    if log_squares.ndim != 1 or log_squares.size == 0:
        raise ValueError(f"`log_singular_values` must be a nonempty vector; got shape {log_squares.shape}.")
    depth = _depth(depth, 1.0)
    i, k = log_squares[:, None], log_squares[None, :]
    gap = jnp.abs(i - k)
    log_K = (1 - 1 / depth) * jnp.maximum(i, k) + jnp.log(_mean_exp(gap)) - jnp.log(_mean_exp(gap / depth))
    return -0.5 * jnp.sum(log_K)


def mean_volume_density(w: Real[ArrayLike, ""], r: Real[ArrayLike, ""], depth: Real[ArrayLike, ""]) -> Float[Array, ""]:
    r"""Mean of $\vartheta$ over the matrices of the 2 x 2 example with unseen entry `w` that nearly fit.

    The mean over $\|G\|_F \le r$, the ball of the misfits, by Gauss' quadrature in coordinates in which the singularity
    at $\det W = 0$ is none: good to 1e-4, and to 5e-2 where the determinant can just vanish, $|w| r \approx 1$. As `r`
    tends to 0 it tends to $\vartheta$ at the solution.

    **Raises:** ValueError if `w` is not finite, `r` not above 0 and at most 0.1, or `depth` not from 2 to 100. (At
    infinite depth the integral is infinite wherever the ball meets $\det W = 0$.)

    **Example:**

    ```python
    >>> s = 1.0
    >>> fits = volume.log_volume_density(jnp.array([s, -s]), 3)
    >>> near = volume.mean_volume_density(2 * jnp.sinh(s), 1e-3, 3)
    >>> bool(abs(jnp.log(near) - fits) < 1e-3)
    True

    ```
    """
    w, r = jnp.maximum(jnp.abs(_check.finite(w, "w")), 1e-6), _check.positive(r, "r")  # even, so 1e-6 is as good as 0
    if _check.fails(r <= 0.1):
        raise ValueError(f"`r` must be at most 0.1, or the quadrature is poor; got {r}.")
    depth = _depth(depth, 2.0, 100.0)
    nodes = _slices(_NODES["angles"], _NODES["heights"])
    return 1.5 * depth / (w * r) * jnp.sum(jax.lax.map(lambda node: _slice(w, r, depth, *node), nodes))


def _slices(angles, heights):
    """Directions of the misfits (G12, G21), on half a turn as they count alike; nodes of heights; weights."""
    directions = np.pi / 4 + np.pi * (np.arange(angles) + 0.5) / angles
    nodes = [(θ, y, above, q / angles) for θ in directions for above in (0.0, 1.0) for y, q in zip(*_gauss(heights))]
    return tuple(map(jnp.array, zip(*nodes)))


def _slice(w, r, depth, angle, y, above, weight):
    """The part of the integral with (G12, G21) = r sqrt(1 - height^2) in this direction and |G22| up to r height."""

    def entries(height):
        radius = r * jnp.sqrt(1 - height**2)
        return 1 + radius * jnp.cos(angle), 1 + radius * jnp.sin(angle)

    def meets(_, height):
        W12, W21 = entries(height)
        return jnp.minimum(W12 * W21 / (w * r), 1.0)

    # From a height on the determinant may vanish. Towards it nodes crowd, from below and from above.
    wall = jax.lax.fori_loop(0, 8, meets, 1.0)
    height = jnp.where(above > 0, wall + (1 - wall) * y**3, wall * (1 - y**3))
    weight = weight * height * 3 * y**2 * jnp.where(above > 0, 1 - wall, wall)

    # Instead of W22 runs v = |det W|^(1/L), on either side of det W = 0: in it the singularity is none.
    W12, W21 = entries(height)
    product, reach = W12 * W21, w * r * height
    u, u_weights = _gauss(_NODES["sides"])
    total = 0.0
    for side, start, end in ((-1, jnp.maximum(product - reach, 0.0), product + reach), (1, 0.0, reach - product)):
        exists = end > start
        low, high = (jnp.where(exists, x, 1.0) ** (1 / depth) for x in (start, end))
        log_v = jnp.log(low + (high - low) * u)
        W22 = (product + side * jnp.exp(depth * log_v)) / w
        log_density = _log_density(depth * log_v, w**2 + W12**2 + W21**2 + W22**2, depth)
        inner = (high - low) * jnp.sum(u_weights * jnp.exp((depth - 1) * log_v + log_density))
        total += jnp.where(exists, weight * inner, 0.0)
    return total


def _log_density(log_det, square, depth):
    r"""$\ln \vartheta$ of 2 x 2 matrices, from $\ln |\det W|$ and $\|W\|_F^2$."""
    log_cosh = jnp.maximum(jnp.log(square / 2) - log_det, 0.0)  # of ln(sigma_1 / sigma_2)
    gap = 2 * (log_cosh + jnp.log1p(jnp.sqrt(1 - jnp.exp(-2 * log_cosh))))  # of ln sigma^2
    means = jnp.log(_mean_exp(gap / depth)) - jnp.log(_mean_exp(gap))
    return -(1 - 1 / depth) * (2 * log_det + gap / 2) + means


def _mean_exp(gap):
    """The mean of exp(-x) for x from 0 to `gap`."""
    safe = jnp.where(gap == 0, 1.0, gap)
    return jnp.where(gap == 0, 1.0, -jnp.expm1(-safe) / safe)


def _gauss(n):
    """Nodes and weights of Gauss and Legendre on [0, 1]."""
    x, weights = np.polynomial.legendre.leggauss(n)
    return (x + 1) / 2, weights / 2


def _depth(depth, low, high=np.inf):
    depth = _check.real(depth, "depth")
    if _check.fails((depth >= low) & (depth <= high)):
        raise ValueError(f"`depth` must be from {low:g} to {high:g}; got {depth}.")
    return depth
