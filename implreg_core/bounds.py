r"""What a positive determinant forces on a nearly fitting 2x2 matrix: Theorem 1, and sharper forms of it.

Everywhere $W$ is a 2x2 matrix with $\det W > 0$ and `loss` is $\ell(W)$ for `problems.two_by_two()`, whose
solutions all have determinant $-1$. Theorem 1 speaks of $W(t)$ under balanced gradient flow, but all it
uses of the flow is that the determinant keeps its sign; so each bound is one for single matrices. All
functions take losses of any shape, at least 0, and at 0 return the limit.
"""

import math

import jax.numpy as jnp
from jax.scipy.special import entr
from jaxtyping import Array, ArrayLike, Float, Real

from implreg_core import _check
from implreg_core._compile import one_program
from implreg_core.norms import Norm

Loss = Real[ArrayLike, "*shape"]
Bound = Float[Array, "*shape"]


def norm_constants(norm: Norm, dimension: int = 2) -> tuple[Float[Array, ""], Float[Array, ""]]:
    r"""The constants $a$ and $b$ of Theorem 1 for a (quasi-)norm with constant $c$.

    $$a = \frac{\|e_1 e_1^\top\|}{\sqrt2 \, c}, \qquad
      b = \max\Bigl( \sqrt2 \, a, \; 8 c^2 \max_{i,j} \|e_i e_j^\top\| \Bigr)$$

    The second term of $b$ is always the larger, since $\sqrt2 \, a = \|e_1 e_1^\top\| / c$ and $c \ge 1$. With
    `dimension` $d$ the maximum is over the unit matrices of $d \times d$.

    **References:** Razin & Cohen (2020), Theorem 1.

    **Example:**

    ```python
    >>> bounds.norm_constants(norms.nuclear)
    (Array(0.70710678, dtype=float64), Array(8., dtype=float64))

    ```
    """
    first, largest = _unit_matrix_norms(norm, dimension)
    c = norm.quasi_triangle_constant
    return first / (jnp.sqrt(2.0) * c), 8 * c**2 * largest


def square_norm_constants(norm: Norm, dimension: int) -> tuple[Float[Array, ""], Float[Array, ""]]:
    r"""Constants with $\|W\| \ge a / \sqrt{\ell(W)} - b$ for the $d \times d$ family of the example, from $c$ alone.

    In that family $W_{12} = W_{21} = 1$, $W_{22} = 0$, $W_{ii} = 1$ for $i \ge 3$ and all other entries but the free
    $W_{11}$ are observed to be 0; $\ell$ is its loss, and $W$ any matrix with $\det W > 0$.

    $$a = \frac{\|e_1 e_1^\top\|}{\sqrt2 \, c}, \qquad
      b = \frac{\|e_1 e_1^\top\|}{c} + 2 d \, c^{\lceil \log_2 (d^2 - 1) \rceil} \max_{i,j} \|e_i e_j^\top\|$$

    *Proof.* With $r = \sqrt{2 \ell(W)}$, nothing is claimed for $r \ge 1$. Below that,
    $|W_{11}| \ge 1/r - r \ge 1/r - 1$ by `unseen_entry_lower_bound`, which needs no $d = 2$, and
    $\|W\| \ge |W_{11}| \|e_1 e_1^\top\| / c - \|Q\|$, where $Q$ is $W$ without its first entry: $d^2 - 1$ entries whose
    absolute values add up to $d + r \sqrt{d^2 - 1} \le 2d$ at most. Added two by two, each pays a factor $c$ at most
    $\lceil \log_2 (d^2 - 1) \rceil$ times.

    For $d = 2$ the constant $b$ is at most $5 c^2 \max_{ij} \|e_i e_j^\top\|$, a little less than in Theorem 1. If
    $\|W\| \ge \|W_{11} e_1 e_1^\top\|$ for all $W$, as for those of `norms` that are built without `custom`, then
    $\|W\| \ge \|e_1 e_1^\top\| (1/r - r)$, and neither $c$ nor $d$ plays a role.

    **Raises:** ValueError if `dimension` is not an integer from 2 on.

    **Example:**

    ```python
    >>> [round(float(constant), 3) for constant in bounds.square_norm_constants(norms.frobenius, 3)]
    [0.707, 7.0]

    ```
    """
    d = _check.integer(dimension, "dimension", 2)
    first, largest = _unit_matrix_norms(norm, d)
    c = norm.quasi_triangle_constant
    return first / (jnp.sqrt(2.0) * c), first / c + 2 * d * c ** math.ceil(math.log2(d**2 - 1)) * largest


def _unit_matrix_norms(norm: Norm, dimension: int) -> tuple[Float[Array, ""], Float[Array, ""]]:
    if not isinstance(norm, Norm):
        raise ValueError(f"`norm` must be a norm of `implreg_core.norms`; got {norm!r}. `norms.custom` makes one.")
    d = _check.integer(dimension, "dimension", 2)
    unit = [norm.unit_matrix_norm(i, j, (d, d)) for i in range(d) for j in range(d)]
    return unit[0], jnp.max(jnp.stack(unit))


def norm_lower_bound(norm: Norm, loss: Loss) -> Bound:
    r"""Theorem 1 for (quasi-)norms: $\|W\| \ge a / \sqrt{\ell(W)} - b$, with $a, b$ from `norm_constants`.

    Negative, so without content, until the loss is below $(a / b)^2$.

    **Raises:** ValueError if a loss is negative or not finite.

    **References:** Razin & Cohen (2020), Theorem 1.

    **Example:**

    ```python
    >>> bounds.norm_lower_bound(norms.nuclear, jnp.array([1e-2, 1e-4, 1e-6]))
    Array([ -0.92893219,  62.71067812, 699.10678119], dtype=float64)

    ```
    """
    loss = _check.nonnegative(loss, "loss")
    a, b = norm_constants(norm)
    return a / jnp.sqrt(loss) - b


def effective_rank_upper_bound(loss: Loss) -> Bound:
    r"""Theorem 1 for the effective rank: $\text{erank}(W) \le 1 + \frac{2 \sqrt{12}}{\ln 2} \sqrt{\ell(W)}$.

    **Raises:** ValueError if a loss is negative or not finite.

    **References:** Razin & Cohen (2020), Theorem 1.

    **Example:**

    ```python
    >>> bounds.effective_rank_upper_bound(jnp.array([1e-2, 1e-4, 1e-6]))  # says nothing until it is below 2
    Array([1.99952844, 1.09995284, 1.00999528], dtype=float64)

    ```
    """
    return 1 + 2 * jnp.sqrt(12.0) / jnp.log(2.0) * jnp.sqrt(_check.nonnegative(loss, "loss"))


def distance_upper_bound(loss: Loss) -> Bound:
    r"""Theorem 1 for the distance from the infimal rank: $D(W, \mathcal{M}_1) \le 3 \sqrt2 \sqrt{\ell(W)}$.

    **Raises:** ValueError if a loss is negative or not finite.

    **References:** Razin & Cohen (2020), Theorem 1.

    **Example:**

    ```python
    >>> bounds.distance_upper_bound(1e-4)
    Array(0.04242641, dtype=float64)

    ```
    """
    return 3 * jnp.sqrt(2.0) * jnp.sqrt(_check.nonnegative(loss, "loss"))


def sharp_distance_upper_bound(loss: Loss) -> Bound:
    r"""Distance from rank 1, sharp: $D(W, \mathcal{M}_1) \le \sqrt{2 \ell(W)}$.

    *Proof.* The solution with the same free entry as $W$ has determinant $-1$. On the segment from $W$ to
    it, of Frobenius length $\sqrt{2 \ell(W)}$, the determinant changes sign, so some matrix there is
    singular. At every loss the bound is approached by $W_{12} = W_{21} = 1$, $W_{22} = \sqrt{2 \ell}$,
    $W_{11} \to \infty$.

    The argument needs no 2x2: where all solutions of a $d \times d$ problem have one determinant sign and $W$
    has the other, $D(W, \mathcal{M}_{d-1}) \le \sqrt{2 \ell(W)}$.

    **Raises:** ValueError if a loss is negative or not finite.

    **Example:**

    ```python
    >>> W = jnp.array([[1e6, 1.0], [1.0, 0.1]])
    >>> loss = problems.two_by_two().loss(W)
    >>> ranks.distance_to_rank(W, k=1), bounds.sharp_distance_upper_bound(loss)
    (Array(0.099999, dtype=float64), Array(0.1, dtype=float64))

    ```
    """
    return jnp.sqrt(2 * _check.nonnegative(loss, "loss"))


def sharp_effective_rank_upper_bound(loss: Loss) -> Bound:
    r"""Effective rank, sharp: that of the spectrum $(1 + t, 1 - t)$ with $t^2 = (1 - \ell) / (1 + \ell)$.

    From $\ell = 1$ on, where $t = 0$, it is 2 and says nothing; as $\ell \to 0$ it is
    $1 + \frac{\ell}{2} \ln \frac{2e}{\ell}$ to leading order, far below Theorem 1.

    *Proof.* Split $W$ into multiples of a rotation and of a reflection: with $y, x = (W_{11} \pm W_{22}) / 2$
    and $z, k = (W_{21} \pm W_{12}) / 2$ their lengths are $A = |(y, k)|$ and $B = |(x, z)|$, and
    $\sigma_{1,2} = A \pm B$. Write $(y, k) = A (\cos\psi, \sin\psi)$,
    $(x, z) = tA (\sin\varphi, \cos\varphi)$ with $t = B / A < 1$. Then
    $\ell = (z - 1)^2 + k^2 + (y - x)^2 / 2$ is quadratic in $A$, with least value

    $$1 - \frac{t^2 \cos^2\varphi}{t^2 \cos^2\varphi + \sin^2\psi + (\cos\psi - t \sin\varphi)^2 / 2}$$

    where $\cos\varphi > 0$, and 1 elsewhere. This is at least $(1 - t^2) / (1 + t^2)$, because that comes
    down to $\sin^2\varphi + t^2 + \sin^2\psi \ge 2t \cos\psi \sin\varphi$. So
    $t^2 \ge (1 - \ell) / (1 + \ell)$, and the effective rank falls as $t$ grows. For $0 < \ell < 1$ there is
    equality at $W_{11} = \sqrt{2 (1 - \ell) / \ell}$, $W_{12} = W_{21} = 1 - \ell$,
    $W_{22} = \sqrt{2 \ell (1 - \ell)}$.

    **Raises:** ValueError if a loss is negative or not finite.

    **Example:**

    ```python
    >>> bounds.sharp_effective_rank_upper_bound(jnp.array([0.0, 1e-4, 1e-2, 1.0]))
    Array([1.        , 1.0005453 , 1.03184451, 2.        ], dtype=float64)

    ```
    """
    loss = jnp.minimum(_check.nonnegative(loss, "loss"), 1.0)
    t = jnp.sqrt((1 - loss) / (1 + loss))
    ρ = loss / (1 + loss) / (1 + t)  # (1 - t) / 2, without its cancellation
    return jnp.exp(entr(ρ) + entr(1 - ρ))


def simple_effective_rank_upper_bound(loss: Loss) -> Bound:
    r"""Effective rank, in one term: $\text{erank}(W) \le 1 + \sqrt{\ell(W)}$.

    Equality holds only at the losses 0 and 1. *Proof.* By `sharp_effective_rank_upper_bound` with
    $t = \tanh s$, where $\ell = 1 / \cosh 2s$, it is enough that

    $$f(s) = \ln(1 + 1 / \sqrt{\cosh 2s}) - \ln(2 \cosh s) + s \tanh s \ge 0.$$

    It vanishes at $s = 0$ and as $s \to \infty$. With $x = \sqrt{\cosh 2s}$ the sign of $f'$ is that of
    $\text{arcosh}(x^2) - \sqrt{x^4 - 1} \, (1 + x^2) / (x^2 (1 + x))$, which is 0 at $x = 1$ and whose
    derivative has for $x > 1$ the sign of $-x^5 + 4x^3 + 2x^2 + 3x + 2$: positive, then negative, by
    Descartes' rule. So $f'$ too is positive, then negative: $f$ rises from 0 and falls back to 0.

    **Raises:** ValueError if a loss is negative or not finite.

    **Example:**

    ```python
    >>> bounds.simple_effective_rank_upper_bound(1e-4), bounds.effective_rank_upper_bound(1e-4)
    (Array(1.01, dtype=float64), Array(1.09995284, dtype=float64))

    ```
    """
    return 1 + jnp.sqrt(_check.nonnegative(loss, "loss"))


def unseen_entry_lower_bound(
    loss: Loss,
    z: Real[ArrayLike, ""] = 1.0,
    z_prime: Real[ArrayLike, ""] = 1.0,
    eps: Real[ArrayLike, ""] = 0.0,
) -> Bound:
    r"""Least $|W_{11}|$ for `problems.two_by_two(z, z_prime, eps)` if $\det W$ is zero or has the sign of $z z'$.

    With $r = \sqrt{2 \ell(W)}$ and $\bar r = r + |\epsilon|$ the larger of

    $$|W_{11}| \ge \frac{\sqrt{(z^2 - \bar r^2)(z'^2 - \bar r^2)}}{\bar r} \qquad \text{and} \qquad
      |W_{11}| \ge \frac{(|z| - r)(|z'| - r)}{|\epsilon| + r},$$

    each where $\bar r$, or $r$, is less than $\min(|z|, |z'|)$; 0, which says nothing, for larger losses. For the
    example, with $z = z' = 1$ and $\epsilon = 0$, the first is the larger: $1/r - r$. As $r \to 0$ with
    $\epsilon \ne 0$ it is the second, which tends to $|z z' / \epsilon|$, the solution of rank 1. At loss 0 the bound
    is this limit.

    *Proof.* Put $z, z', 0$ in place of the observed entries. This moves $W$ by at most $\bar r$ and gives the
    determinant $-z z'$, so on the way is a singular matrix, and the result has $\sigma_2 \le \bar r$. Its $\sigma_1$
    is at least $|z|$, hence above $\bar r$, so $\det(X^\top X - \bar r^2 I) \le 0$ for this result $X$, that is
    $(z^2 - \bar r^2)(z'^2 - \bar r^2) \le \bar r^2 W_{11}^2$. For the second, each observed entry is off by at most
    $r$, so $W_{12} W_{21}$ has the sign of $z z'$, and $|W_{11}| |W_{22}| \ge |W_{12}| |W_{21}|$.

    **Raises:** ValueError if a loss is negative, `z` or `z_prime` is zero, or an argument is not finite.

    **References:** Razin & Cohen (2020), the theorem on robustness, for the second, derived anew.

    **Example:**

    ```python
    >>> bounds.unseen_entry_lower_bound(jnp.array([5e-3, 5e-5, 0.0]))
    Array([ 9.9 , 99.99,   inf], dtype=float64)
    >>> bounds.unseen_entry_lower_bound(0.0, eps=0.5)  # at rank 1
    Array(2., dtype=float64)

    ```
    """
    z, z_prime, eps = _check.nonzero(z, "z"), _check.nonzero(z_prime, "z_prime"), _check.finite(eps, "eps")
    return _unseen_entry_lower_bound(_check.nonnegative(loss, "loss"), jnp.abs(z), jnp.abs(z_prime), jnp.abs(eps))


@one_program
def _unseen_entry_lower_bound(loss, z, z_prime, eps):
    r = jnp.sqrt(2 * loss)
    R = r + eps
    robust = jnp.maximum(z - r, 0.0) / R * jnp.maximum(z_prime - r, 0.0)  # a product of the two may overflow
    below = R < jnp.minimum(z, z_prime)
    R = jnp.where(below, R, 0.5 * jnp.minimum(z, z_prime))  # any: not used, but its gradient must be a number
    segment = jnp.sqrt((z - R) * (z + R)) / R * jnp.sqrt((z_prime - R) * (z_prime + R))
    return jnp.where(below, jnp.maximum(segment, robust), robust)
