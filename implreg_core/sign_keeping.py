r"""How long gradient descent provably keeps the sign of the determinant: the theorem of the chapter on learning rates.

The factors are square, of any size, and there are 2 to 5 of them. Each step takes from the smallest singular value of
the middle factor; `sign_budget` says how much there is to take, `guarantee` follows a run until that is spent, and
`safe_learning_rate` asks for no run at all. What descent is seen to do is `stability`'s.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Real

from implreg_core import _check
from implreg_core.descent import check_start, objective_gradient
from implreg_core.factorizations import Factors, product_matrix, slogdet
from implreg_core.problems import Completion

_TINY = np.finfo(float).tiny  # in place of a zero to divide by
DEEPEST = 5  # with more factors, one is more than two away from the middle, and the proof does not go through


def sign_budget(
    weakest: Real[ArrayLike, "*shape"], nu: Real[ArrayLike, "*shape"], depth: int
) -> Float[Array, "*shape"]:
    r"""The misfit that descent can integrate before the middle factor may become singular.

    $$\int_{\sqrt{2 \nu}}^{\rho} \frac{d\xi}{(\xi^2 + 2 \nu)^{(L - 1)/2}}$$
    with $\rho$ the smallest singular value of the middle factor at the start, `weakest`, and $\nu$ a bound on the
    unbalancedness, in the spectral norm, at all times. Negative if $\rho^2 < 2 \nu$; infinite for $\nu = 0$.

    **Raises:** ValueError if `weakest` is not positive, `nu` is negative, or `depth` is not from 2 to 5.

    **Example:**

    ```python
    >>> budget = sign_keeping.sign_budget(1.0, 1e-6, depth=3)
    >>> round(float(budget)), round(float(jnp.pi / 4 / jnp.sqrt(2e-6)))  # all but 1 / weakest of its largest value
    (554, 555)

    ```
    """
    weakest, nu = _check.positive(weakest, "weakest"), _check.nonnegative(nu, "nu")
    depth = _check.integer(depth, "depth", 2, DEEPEST)
    return jnp.where(nu > 0, _budget(weakest, jnp.where(nu > 0, nu, 1.0), depth), jnp.inf)


def _budget(rho, nu, depth):
    """The integral in closed form, for positive `nu`."""
    unit = jnp.sqrt(2 * nu)
    x = rho / unit
    if depth == 2:
        return jnp.arcsinh(x) - jnp.arcsinh(1.0)
    if depth == 3:
        return (jnp.arctan(x) - jnp.pi / 4) / unit
    if depth == 4:
        return (x / jnp.sqrt(x**2 + 1) - jnp.sqrt(0.5)) / unit**2
    return (x / (x**2 + 1) + jnp.arctan(x) - 0.5 - jnp.pi / 4) / (2 * unit**3)


class Guarantee(NamedTuple):
    r"""How far the theorem vouches for one run of descent, and how near the run came to its inequalities.

    **Example:**

    ```python
    >>> start = factorizations.balanced(jnp.array([[1.0, 0.5], [-0.5, 1.0]]), depth=3)
    >>> kept = sign_keeping.guarantee(problems.two_by_two(), start, learning_rate=1e-3, max_steps=1000)
    >>> kept.steps, kept.same_sign, kept.spent < kept.budget
    (1000, True, True)

    ```
    """

    steps: int  # after so many steps, and at all before, the determinant provably has its sign
    W: Float[np.ndarray, "d d"]  # the product there
    spent: float  # the integrated misfit, with its correction for the length of steps
    budget: float
    nu: float  # of the start, plus what the steps may have created
    ended: bool  # whether the budget was spent within `max_steps`
    same_sign: bool  # whether the sign was that of the start at each of these steps: the theorem's claim
    fall: float  # largest fall of the budget's integral in a step, over what the proof allows: at most 1
    gap: float  # largest unbalancedness over `nu`: at most 1
    lowers: bool  # whether each step lowered the loss by at least half of what its slope promised


def guarantee(
    problem: Completion, factors: Factors, *, learning_rate: Real[ArrayLike, ""], max_steps: int
) -> Guarantee:
    r"""Follow gradient descent for as long as the theorem keeps the determinant's sign.

    With $r_n = \sqrt{2 \ell}$, $\alpha_n$ the largest spectral norm of a factor and
    $\zeta_n = \eta r_n \alpha_n^{L-2}$, the sign is kept while
    $\eta \sum_n r_n / (1 - \zeta_n)^{L-1}$ is below `sign_budget`, for
    $\nu = \max_j \| M_j(0) \| + \eta^2 \max_j \sum_n \| \nabla_j(n) \|_F^2$.

    **Raises:** ValueError if the factors are not 2 to 5 finite square matrices of which the product has the shape of
    `problem`, if the middle one is singular, or a number is out of range.

    **Example:**

    ```python
    >>> start = factorizations.identity(0.5, depth=2)  # safe for ever, but the theorem does not know that
    >>> kept = sign_keeping.guarantee(problems.two_by_two(), start, learning_rate=0.01, max_steps=10_000)
    >>> kept.same_sign, kept.ended, kept.gap <= 1
    (True, True, True)

    ```
    """
    factors = _square(problem, factors)
    rate = _check.positive(learning_rate, "learning_rate")
    max_steps = _check.integer(max_steps, "max_steps", 1)
    end = _follow(problem, factors, rate, max_steps)
    kept = jax.tree.map(np.asarray, end)
    return Guarantee(
        steps=int(kept["steps"]),
        W=kept["W"],
        spent=float(kept["spent"]),
        budget=float(kept["budget"]),
        nu=float(kept["nu"]),
        ended=bool(kept["over"]),
        same_sign=bool(kept["same_sign"]),
        fall=float(kept["fall"]),
        gap=float(kept["gap"]),
        lowers=bool(kept["lowers"]),
    )


@partial(jax.jit, static_argnames="max_steps")
def _follow(problem, factors, rate, max_steps):
    depth = len(factors)
    middle = (depth + 1) // 2 - 1
    values = _singular_values(factors)
    rho_0, nu_0, sign_0 = values[middle, -1], _largest_gap(factors), slogdet(factors)[0]

    def step(state):
        factors, kept = state["factors"], state["kept"]
        values, loss = _singular_values(factors), problem.loss(product_matrix(factors))
        gradient = objective_gradient(problem, factors)
        r = jnp.sqrt(2 * loss)
        kappa = rate * r * values[:, 0].max() ** (depth - 2)
        allowed = rate * r / (1 - kappa) ** (depth - 1)
        squares = state["squares"] + jnp.stack([jnp.sum(G**2) for G in gradient])
        nu = jnp.maximum(nu_0 + rate**2 * squares.max(), _TINY)
        spent, budget = kept["spent"] + allowed, _budget(rho_0, nu, depth)
        over = ~((kappa < 1) & (spent < budget))
        after = tuple(W - rate * G for W, G in zip(factors, gradient))
        rho, rho_after = values[middle, -1], _singular_values(after)[middle, -1]
        fall = _budget(rho, nu, depth) - _budget(rho_after, nu, depth)
        scale = values.max() * (rho**2 + 2 * nu) ** ((1 - depth) / 2) + jnp.sqrt(2 * nu) ** (2 - depth)
        told = allowed > 1e-10 * (scale + jnp.abs(_budget(rho, nu, depth)))  # else rounding exceeds the allowance
        W = product_matrix(after)
        slope = rate * sum(jnp.sum(G**2) for G in gradient)
        ahead = dict(
            steps=kept["steps"] + 1,
            W=W,
            spent=spent,
            budget=budget,
            nu=nu,
            over=False,
            same_sign=kept["same_sign"] & (slogdet(after)[0] == sign_0),
            fall=jnp.maximum(kept["fall"], jnp.where(told, fall / jnp.maximum(allowed, _TINY), -jnp.inf)),
            gap=jnp.maximum(kept["gap"], _largest_gap(after) / nu),
            lowers=kept["lowers"] & (problem.loss(W) <= loss - slope / 2),
        )
        stay = kept | {"over": True, "budget": budget}
        kept = jax.tree.map(lambda old, new: jnp.where(over, old, new), stay, ahead)
        return {"factors": after, "squares": squares, "kept": kept}

    kept = dict(
        steps=0,
        W=product_matrix(factors),
        spent=0.0,
        budget=_budget(rho_0, jnp.maximum(nu_0, _TINY), depth),
        nu=nu_0,
        over=False,
        same_sign=True,
        fall=-jnp.inf,
        gap=0.0,
        lowers=True,
    )
    kept = jax.tree.map(jnp.asarray, kept)
    state = {"factors": factors, "squares": jnp.zeros(depth), "kept": kept}
    return jax.lax.while_loop(lambda s: (s["kept"]["steps"] < max_steps) & ~s["kept"]["over"], step, state)["kept"]


def safe_learning_rate(problem: Completion, factors: Factors, *, time: Real[ArrayLike, ""]) -> float:
    r"""A learning rate up to which descent provably keeps the determinant's sign for all steps $n \le t / \eta$.

    No run is made. With $r_0 = \sqrt{2 \ell(W(0))}$ and $\alpha = \max_j \| W_j(0) \|_F + r_0 \sqrt t$, it is the
    largest $\eta$ with $\eta L (\alpha^{2L-2} + r_0 \alpha^{L-2}) \le 1$ and $e \, r_0 t$ at most `sign_budget` for
    $\nu = \max_j \| M_j(0) \| + \eta r_0^2$. Every smaller one does as well.

    **Raises:** ValueError if the factors are not as for `guarantee`, `time` is not positive, or the start is so
    unbalanced, or the time so long, that no learning rate is safe.

    **Example:**

    ```python
    >>> start = factorizations.balanced(jnp.array([[1.0, 0.5], [-0.5, 1.0]]), depth=3)
    >>> rates = [sign_keeping.safe_learning_rate(problems.two_by_two(), start, time=t) for t in (1.0, 4.0)]
    >>> rates[0] > rates[1] > 1e-6
    True

    ```
    """
    factors = _square(problem, factors)
    time, depth = float(_check.positive(time, "time")), len(factors)
    rho = float(_singular_values(factors)[(depth + 1) // 2 - 1, -1])
    r, gap = float(jnp.sqrt(2 * problem.loss(product_matrix(factors)))), float(_largest_gap(factors))
    size = max(float(jnp.linalg.norm(W)) for W in factors) + r * np.sqrt(time)
    steep = 1 / (depth * (size ** (2 * depth - 2) + r * size ** (depth - 2)))

    def suffices(rate):
        return float(sign_budget(rho, gap + rate * r**2, depth)) > np.e * r * time

    if suffices(steep):
        return steep
    low, high = -690.0, np.log(steep)  # of the logarithm; 690: of the smallest double
    if not suffices(np.exp(low)):
        raise ValueError(f"`factors` are too unbalanced, by {gap:.3g}, for `time`={time:g}: no learning rate is safe.")
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if suffices(np.exp(middle)) else (low, middle)
    return float(np.exp(low))


def _square(problem, factors):
    """Checked factors: square, of equal size, 2 to 5 of them, the middle one invertible."""
    factors = check_start(problem, factors)
    shapes = {W.shape for W in factors}
    if not 2 <= len(factors) <= DEEPEST or len(shapes) != 1 or problem.shape not in shapes:
        raise ValueError(f"`factors` must be 2 to {DEEPEST} square matrices of the problem's size; got {shapes}.")
    if float(_singular_values(factors)[(len(factors) + 1) // 2 - 1, -1]) == 0:
        raise ValueError("`factors` must have an invertible middle one, of which a singular value is to stay positive.")
    return factors


def _singular_values(factors):
    return jnp.linalg.svd(jnp.stack(factors), compute_uv=False)


def _largest_gap(factors):
    """Largest spectral norm of a difference between neighbours; that of `factorizations.unbalancedness` is nuclear."""
    gaps = jnp.stack([V.T @ V - W @ W.T for W, V in zip(factors[:-1], factors[1:])])
    return jnp.abs(jnp.linalg.eigvalsh(gaps)).max()
