"""Matrix products that XLA can fuse, and singular values whose derivatives are as good as they are."""

from functools import reduce
from operator import add

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from implreg_core._compile import one_program

_FUSE_UP_TO = 4  # inner dimension; beyond it the library's matrix product wins


def matmul(A: Float[Array, "m k"], B: Float[Array, "k n"]) -> Float[Array, "m n"]:
    """`A @ B`, written as a sum of outer products when the inner dimension is tiny.

    A library call costs far more than the dozen multiplications of a 2 x 2 product, and it splits the loop body
    into many kernels. The sum of outer products is elementwise, so a whole gradient step becomes one kernel.
    """
    if A.shape[1] > _FUSE_UP_TO:
        return A @ B
    return reduce(add, (A[:, k, None] * B[None, k, :] for k in range(A.shape[1])))


@jax.custom_jvp
def spectrum(W: Float[Array, "m n"]) -> Float[Array, " k"]:
    """Singular values in descending order; of a 2 x 2 matrix in closed form, exact to a rounding of its determinant."""
    return _spectrum_two_by_two(W) if W.shape == (2, 2) else jnp.linalg.svd(W, compute_uv=False)


@spectrum.defjvp
def _(primals, tangents):
    r"""Of each, $u_i^\top \dot W v_i$: also where singular values coincide; closed forms have none there."""
    (W,), (dW,) = primals, tangents
    U, _, Vt = svd(W)
    return spectrum(W), jnp.sum(U * (dW @ Vt.T), axis=0)


def svd(W: Float[Array, "m n"]) -> tuple[Float[Array, "m k"], Float[Array, " k"], Float[Array, "k n"]]:
    r"""$U$, $S$ and $V^\top$ with `k = min(m, n)`."""
    return _svd_two_by_two(W) if W.shape == (2, 2) else jnp.linalg.svd(W, full_matrices=False)


@one_program
def _spectrum_two_by_two(W: Float[Array, "2 2"]) -> Float[Array, "2"]:
    a, b, c, d = W.ravel()
    # rotation and reflection parts of W: σ1 and σ2 are sum and difference of their lengths
    σ1 = (jnp.hypot(a + d, c - b) + jnp.hypot(a - d, b + c)) / 2
    safe = jnp.where(σ1 > 0, σ1, 1.0)
    σ2 = jnp.abs((a / safe) * d - (b / safe) * c)
    return jnp.stack([σ1, jnp.minimum(σ2, σ1)])


@one_program
def _svd_two_by_two(W: Float[Array, "2 2"]) -> tuple[Float[Array, "2 2"], Float[Array, "2"], Float[Array, "2 2"]]:
    r"""$U, S, V^\top$ from the parts of $W$ that turn and reflect, $a R(\theta) + b R(\varphi) \, \text{diag}(1, -1)$.

    With rotations $R$, $V = R(\beta)$ for $2 \beta = \varphi - \theta$; so is $U = R(\theta + \beta)$, but its
    second column has the sign of the determinant.
    """
    S = _spectrum_two_by_two(W)
    (a, b), (c, d) = W / jnp.where(S[0] > 0, S[0], 1.0)
    turn = _unit(jnp.stack([a + d, c - b]), jnp.array([1.0, 0.0]))
    reflect = _unit(jnp.stack([a - d, c + b]), turn)
    cos_β, sin_β = _half_angle(*_rotated(reflect, (turn[0], -turn[1])))
    cos_α, sin_α = _rotated((cos_β, sin_β), turn)
    sign = jnp.where(a * d < b * c, -1.0, 1.0)
    U = jnp.array([[cos_α, -sign * sin_α], [sin_α, sign * cos_α]])
    return U, S, jnp.array([[cos_β, sin_β], [-sin_β, cos_β]])


def _unit(x: Float[Array, "2"], instead: Float[Array, "2"]) -> Float[Array, "2"]:
    """`x` to length one; of rounding errors alone, which a compiler may make anew at each use, `instead`."""
    length = jnp.hypot(*x)
    known = length > 1e-15
    return jnp.where(known, x / jnp.where(known, length, 1.0), instead)


def _rotated(x, by):
    """The product of two unit vectors as complex numbers."""
    return x[0] * by[0] - x[1] * by[1], x[0] * by[1] + x[1] * by[0]


def _half_angle(cosine, sine):
    """Cosine and sine of half the angle, from -90 to 90 degrees, neither by cancellation."""
    larger = jnp.sqrt((1 + jnp.abs(cosine)) / 2)
    smaller = jnp.abs(sine) / (2 * larger)
    cos_half, sin_half = jnp.where(cosine < 0, smaller, larger), jnp.where(cosine < 0, larger, smaller)
    return cos_half, jnp.where(sine < 0, -sin_half, sin_half)
