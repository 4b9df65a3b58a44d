r"""How descent loses the sign of the determinant: its factors, unbalanced by its steps in their weak direction."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Real
from scipy.integrate import quad
from scipy.interpolate import PchipInterpolator

from implreg_core import _check
from implreg_core.flow import SignPreservingFlow


def weak_unbalancedness(W_1: Float[ArrayLike, "2 2"], W_2: Float[ArrayLike, "2 2"]) -> Float[Array, ""]:
    r"""Unbalancedness in the weak direction: $\nu = \sigma_2(W_2)^2 - \sigma_2(W_1)^2$, without cancellation.

    With $u$ the second left singular vector of $W_1$ and $v$ the second right one of $W_2$, it is computed as
    $u^\top (W_2^\top W_2 - W_1 W_1^\top) v \, / \, u^\top v$.

    **Raises:** ValueError if a factor is not one finite 2 x 2 matrix, a square overflows, or $u \perp v$: such factors
    share no weak direction.

    **Example:**

    ```python
    >>> stability.weak_unbalancedness(jnp.diag(jnp.array([9.0, 1.0])), jnp.diag(jnp.array([9.0, 2.0])))  # 2^2 - 1^2
    Array(3., dtype=float64)

    ```
    """
    W_1, W_2 = _check.matrix(W_1, "W_1"), _check.matrix(W_2, "W_2")
    _check.same_shape(W_1, (2, 2), "W_1")
    _check.same_shape(W_2, (2, 2), "W_2")
    u, v = jnp.linalg.svd(W_1)[0][:, 1], jnp.linalg.svd(W_2)[2][1]
    if _check.fails(jnp.abs(u @ v) > 1e-8):
        raise ValueError(f"`W_1` and `W_2` have orthogonal weak directions {u}, {v}; pass factors late in training.")
    difference = W_2.T @ W_2 - W_1 @ W_1.T
    if _check.fails(jnp.isfinite(difference)):
        raise ValueError("`W_1` and `W_2` must have finite squares. Scale them down.")
    return u @ difference @ v / (u @ v)


def weak_gaps(factors: Sequence[Float[ArrayLike, "2 2"]]) -> Float[np.ndarray, " gaps"]:
    """`weak_unbalancedness` of each two neighbours: one number for each hidden layer.

    **Raises:** ValueError if there are fewer than two factors, or as for `weak_unbalancedness`.

    **Example:**

    ```python
    >>> stability.weak_gaps((jnp.diag(jnp.array([9.0, 1.0])), jnp.diag(jnp.array([9.0, 2.0])), 3 * jnp.eye(2)))
    array([3., 5.])

    ```
    """
    if len(factors) < 2:
        raise ValueError(f"`factors` must be two or more, for a gap between neighbours; got {len(factors)}.")
    return np.array([weak_unbalancedness(*pair) for pair in zip(factors[:-1], factors[1:])])


def weak_crossing(nu: Real[ArrayLike, " gaps"]) -> float:
    r"""The $\sigma_2$ of a balanced flow at which, beside it, weak components with gaps `nu` lose the product's sign.

    The weak components $a_1, \dots, a_L$ of factors obey $\dot a_j = - g \prod_{i \ne j} a_i$, which keeps the gaps
    $\nu_j = a_{j+1}^2 - a_j^2$. Write $b$ for the smallest and $b^2 + n_i$ for the squares of the others. While $b$
    falls from infinity to 0, the balanced $\rho = \sigma_2^{1/L}$ with $\dot \rho = - g \rho^{L-1}$ falls to where

    $$\frac{\rho^{-(L-2)}}{L-2} = \int_0^\infty \prod_i \frac{1}{\sqrt{b^2 + n_i}} \, db \quad (L \ge 3), \qquad
    \sigma_2 = \frac{|\nu|}{4} \quad (L = 2).$$

    If two components tie for the smallest, neither ever vanishes: the answer is 0. Doubling `nu` multiplies the
    answer by $2^{L/2}$.

    **Raises:** ValueError if `nu` is not one finite vector, of $L - 1 \ge 1$ gaps that are not all zero.

    **Example:**

    ```python
    >>> stability.weak_crossing(jnp.array([0.4]))
    0.1
    >>> round(stability.weak_crossing(jnp.array([-1.0, 1.0])), 6), round((2 / jnp.pi) ** 3, 6)  # depth 3, W_2 smallest
    (0.258012, 0.258012)

    ```
    """
    nu = np.asarray(_check.finite(nu, "nu"))
    if nu.ndim != 1 or nu.size == 0 or not nu.any():
        raise ValueError(f"`nu` must be a vector of the gaps of two factors or more, not all zero; got {nu}.")
    squares = np.concatenate([[0], np.cumsum(nu)])
    others = np.sort(squares - squares.min())[1:]
    if len(others) == 1:
        return float(others[0] / 4)
    if others[0] == 0:
        return 0.0
    unit, power = np.sqrt(others[-1]), len(others) - 1  # in units of the largest component; power = L - 2
    time, _ = quad(lambda b: 1 / np.prod(np.sqrt(b**2 + others / unit**2)), 0, np.inf)
    return float((unit / (power * time) ** (1 / power)) ** (power + 2))


def predicted_sign_loss(path: SignPreservingFlow, nu: Real[ArrayLike, " gaps"]) -> float:
    r"""The $|W_{11}|$ at which descent with gaps `nu` in the weak direction loses the determinant's sign.

    It is where $\sigma_2$ of `path`, the balanced flow from the same product, is at the `weak_crossing` of `nu`. There
    is one gap for each hidden layer, `weak_unbalancedness` of the factors beside it.

    **Raises:** ValueError if `nu` has no crossing, or one that `path` does not reach.

    **Example:**

    ```python
    >>> path = flow.sign_preserving_flow(problems.two_by_two(), 0.1 * jnp.eye(2), depth=3)
    >>> round(stability.predicted_sign_loss(path, jnp.array([-1e-3, 1e-3])), 1)
    25.1

    ```
    """
    level = weak_crossing(nu)
    if level == 0:
        raise ValueError(f"`nu`={nu} has two smallest components, which never vanish: there is no loss to predict.")
    w, log_sigma_2 = _late_weak_value(path)
    return _crossing(w, log_sigma_2, np.log(level), f"`nu`={nu}", "loss of the sign")


def predicted_flip(path: SignPreservingFlow, nu: Real[ArrayLike, ""]) -> tuple[float, float]:
    r"""Where depth-2 descent changes the determinant's sign, and where it then settles, from the flow beside it.

    Let `path` be the balanced flow of depth 2 from the same product, of positive determinant, and $\sigma_2(w)$ its
    second singular value where the unseen entry has size $w$. Factors of weak unbalancedness $\nu$ flip at
    $\sigma_2(w) = |\nu| / 4$, and reach determinant $-1$ at $\sigma_2(w) = \nu^2 w / 16$.

    *Derivation.* The weak components $a, b$ of the factors obey $\dot a = -g b$, $\dot b = -g a$, so
    $b^2 - a^2 = \nu$ stays, and $h = (a + b) / 2$ decays as its balanced counterpart: $h^2 = \sigma_2(w)$. Hence
    $ab = h^2 - \nu^2 / (16 h^2)$, which vanishes at $h^2 = |\nu| / 4$ and later is $-1/w$.

    **Raises:** ValueError if `nu` is zero (then there is no flip), or so large or small that `path` does not reach
    the place.

    **Example:**

    ```python
    >>> path = flow.sign_preserving_flow(problems.two_by_two(), 0.1 * jnp.eye(2), depth=2)
    >>> flip, end = stability.predicted_flip(path, nu=1e-6)
    >>> round(flip, 1), round(end, 1)
    (3.4, 5.9)

    ```
    """
    size = abs(float(_check.nonzero(nu, "nu")))
    w, log_sigma_2 = _late_weak_value(path)
    return (
        _crossing(w, log_sigma_2, np.log(size / 4), f"`nu`={nu}", "flip"),
        _crossing(w, log_sigma_2 - np.log(w), 2 * np.log(size / 4), f"`nu`={nu}", "end"),
    )


def _late_weak_value(path):
    """Unseen entries along a path and the logarithm of its second singular value, from where that decays."""
    rows = path.loss < 0.4
    log_sigma_1 = np.log(np.linalg.norm(path.W[rows], ord=2, axis=(1, 2)))
    return np.abs(path.W[rows, 0, 0]), path.log_abs_det[rows] - log_sigma_1


def _crossing(w, decaying, level, given, name):
    """The unseen entry at which a decaying function of it passes a level."""
    if not decaying[-1] <= level <= decaying[0]:
        raise ValueError(
            f"{given} puts the {name} off the path, which covers unseen entries from {w[0]:.3g} to {w[-1]:.3g}; "
            "lower the path's target_loss, or do without a prediction."
        )
    return float(PchipInterpolator(-decaying, w)(-level))
