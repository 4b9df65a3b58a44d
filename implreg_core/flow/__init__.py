r"""Gradient flow on a matrix factorization: the limit of gradient descent as the learning rate tends to zero.

`gradient_flow` integrates the factors themselves, for any shapes and any start. It is good to a loss of about 1e-6 at
depth 3 and beyond, tested on square tasks of size 2, 3 and 5. At depth 2 rounding errors grow until the determinant of
the product changes sign, which the exact flow never does; the solver then stops and says so.

`sign_preserving_flow` integrates the balanced flow of square tasks, of any depth, to a loss of 1e-28: it carries the
logarithm of the determinant, whose sign cannot change.
"""

from typing import Any, NamedTuple

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.optimize import brentq

from implreg_core import _check, _slices
from implreg_core._compile import fast_jit
from implreg_core.descent import FactorRows, check_start, objective_gradient
from implreg_core.factorizations import Factors, product_matrix, unbalancedness
from implreg_core.flow._sign_preserving import SignPreservingFlow, sign_preserving_flow, sign_preserving_flows
from implreg_core.problems import Completion

__all__ = [
    "Flow",
    "SignPreservingFlow",
    "gradient_flow",
    "sign_preserving_flow",
    "sign_preserving_flows",
]

_END_OF_TIME = 1e30  # the target loss ends the solve long before
_ROWS = 200  # of one slice, at most
_BALANCED = 1e-10  # unbalancedness, relative to the factors, that rounding alone explains


class Flow(eqx.Module):
    r"""A trajectory of gradient flow at the solver's own time points, from $t = 0$. Every row is finite and trusted.

    **Example:**

    ```python
    >>> fits = factorizations.balanced(problems.two_by_two_solution(3.0), depth=2)
    >>> run = flow.gradient_flow(problems.two_by_two(), fits)
    >>> run.status, run.converged
    ('starts at the target loss', True)

    ```
    """

    t: Float[np.ndarray, " n"]
    loss: Float[np.ndarray, " n"]
    W: Float[np.ndarray, "n rows columns"]  # the product matrix W_{L:1}
    factors: Factors  # at the last time
    status: str  # why the solver stopped, in words
    converged: bool  # whether the target loss was reached


def gradient_flow(
    problem: Completion,
    factors: Factors,
    *,
    target_loss: float = 1e-6,
    rtol: float = 1e-8,
    max_steps: int = 30_000,
) -> Flow:
    r"""Integrate $\dot W_j = -\nabla_{W_j} \phi(W_1, \dots, W_L)$ from `factors` until the loss is `target_loss`.

    Kvaerno's fifth-order implicit method with adaptive steps: the flow is stiff once an entry is large.

    **Returns:** a `Flow`. Along an exact balanced flow of square factors the determinant keeps its sign; if rounding
    breaks this, the trajectory ends at the last point before, `converged` is false and `status` says so.

    **Raises:** `ValueError` naming the argument if a factor is not finite, a shape does not fit, or a number is not
    positive.

    **Source:** Razin and Cohen (2020), Equation (4); the solver is diffrax (Kidger 2021).

    **Example:**

    ```python
    >>> run = flow.gradient_flow(problems.two_by_two(), factorizations.identity(0.1, depth=3), target_loss=1e-3)
    >>> run.W[-1].round(1)  # a positive determinant forces an unseen entry of about 1 / sqrt(2 loss) = 22.4
    array([[22.3,  1. ],
           [ 1. ,  0. ]])

    ```
    """
    factors = check_start(problem, factors)
    target_loss, rtol = _check.positive(target_loss, "target_loss"), _check.positive(rtol, "rtol")
    max_steps = _check.integer(max_steps, "max_steps", 1)
    W = np.asarray(product_matrix(factors))
    loss = np.asarray(problem.loss(W))
    if loss <= target_loss:
        return Flow(np.zeros(1), loss[None], W[None], factors, "starts at the target loss", True)
    t, path, loss, W, converged = _path(problem, factors, target_loss, rtol, max_steps)

    rows = len(t)
    status = "reached the target loss" if converged else f"used max_steps={max_steps}: raise it, or target_loss"
    if _is_balanced(factors) and (flip := _first_sign_change(path)) is not None:
        rows, converged = flip, False
        status = (
            f"stopped at loss {loss[flip - 1]:.3g}: beyond, rounding flips the determinant's sign, which the balanced "
            "flow never does; raise target_loss, or use sign_preserving_flow"
        )
    if (rise := _first_rise(loss[:rows])) is not None:
        rows, converged = rise, False
        status = (
            f"stopped at loss {loss[rise - 1]:.3g}: beyond, the loss rises, which it never does along a gradient flow; "
            f"lower rtol={float(rtol):g}"
        )
    return Flow(
        t=t[:rows],
        loss=loss[:rows],
        W=W[:rows],
        factors=tuple(jnp.asarray(W[rows - 1]) for W in path),
        status=status,
        converged=converged,
    )


class _State(NamedTuple):
    """Where the solver stands between two steps."""

    factors: Factors
    loss: Float[Array, ""]
    t: Float[Array, ""]
    t_next: Float[Array, ""]  # to be tried
    memory: Any  # of the controller of step sizes, and of the solver


class _Rows(NamedTuple):
    """After the steps that were accepted."""

    t: Float[Array, " n"]
    factors: FactorRows
    loss: Float[Array, " n"]
    W: Float[Array, "n rows columns"]


def _path(problem, factors, target_loss, rtol, max_steps):
    """Times, factors, losses and products, at the start and after each step; and whether it ends at the target loss."""
    state = _begin(problem, factors, jnp.zeros(()), rtol)
    start = _Rows(np.zeros(1), tuple(W[None] for W in factors), state.loss[None], product_matrix(factors)[None])
    parts, done = [jax.tree.map(np.asarray, start)], 0
    with _slices.steps(max_steps) as show:
        for limit in _slices.limits(max_steps, _ROWS):
            state, rows, count = _advance(
                problem, state, jnp.asarray(_END_OF_TIME, float), target_loss, rtol, limit - done
            )
            parts.append(jax.tree.map(lambda x, count=int(count): np.asarray(x)[:count], rows))
            done = limit
            if converged := bool(state.loss <= target_loss):
                break
            show(done, lambda: state.loss)
    rows = jax.tree.map(lambda *parts: np.concatenate(parts), *parts)
    if converged:
        last = _landed(problem, rows, target_loss, rtol)
        rows = jax.tree.map(lambda x, y: np.concatenate([x[:-1], y]), rows, last)
    return rows.t, rows.factors, rows.loss, rows.W, converged


def _landed(problem, rows, target_loss, rtol):
    """In the place of the last row, that at which the loss is the target: a point of the flow, not of its steps."""
    before = tuple(jnp.asarray(W[-2]) for W in rows.factors)

    def stopped_at(t):
        t = jnp.asarray(t, float)
        state = _begin(problem, before, jnp.asarray(rows.t[-2]), rtol)
        _, after, count = _advance(problem, state._replace(t_next=t), t, jnp.zeros(()), rtol, _ROWS)
        return jax.tree.map(lambda x: np.asarray(x)[count - 1 : count], after)

    def excess(t):
        if t in rows.t[-2:]:  # these are known, and known to enclose the target
            return np.log(rows.loss[np.searchsorted(rows.t, t)] / target_loss)
        return np.log(stopped_at(t).loss[0] / target_loss)

    return stopped_at(brentq(excess, *rows.t[-2:], xtol=1e-300, rtol=1e-14))


def _solver(rtol):
    """Its equation, itself, and what chooses its steps."""

    def velocity(t, factors, problem):
        return jax.tree.map(jnp.negative, objective_gradient(problem, factors))

    controller = diffrax.PIDController(rtol=rtol, atol=rtol / 100, pcoeff=0.3, icoeff=0.4)
    newton = diffrax.VeryChord(rtol=rtol, atol=rtol / 100, norm=controller.norm)
    return diffrax.ODETerm(velocity), diffrax.Kvaerno5(root_finder=newton), controller


@fast_jit
def _begin(problem, factors, t, rtol):
    """The state before the first step."""
    term, solver, controller = _solver(rtol)
    t, order = jnp.asarray(t, float), solver.error_order(term)
    t_next, chosen = controller.init(term, t, _END_OF_TIME, factors, None, problem, solver.func, order)
    memory = chosen, solver.init(term, t, t_next, factors, problem), jnp.zeros((), bool)
    return _State(factors, problem.loss(product_matrix(factors)), t, t_next, memory)


@fast_jit
def _advance(problem, state, t_end, target_loss, rtol, tries):
    """Up to so many tries of a step, until the target loss or `t_end`: the state, the rows, and how many there are."""
    term, solver, controller = _solver(rtol)

    def goes_on(carry):
        state, _, _, tried = carry
        return (tried < tries) & (state.loss > target_loss) & (state.t < t_end)

    def attempt(carry):
        (factors, loss, t, t_next, (chosen, known, jumped)), rows, count, tried = carry
        new, error, _, known_after, _ = solver.step(term, t, t_next, factors, problem, known, jumped)
        accepted, t, t_next, jumped, chosen, _ = controller.adapt_step_size(
            t, t_next, factors, new, problem, error, solver.error_order(term), chosen
        )
        factors, known = jax.tree.map(lambda x, y: jnp.where(accepted, x, y), (new, known_after), (factors, known))
        W = product_matrix(factors)
        loss = problem.loss(W)
        rows = jax.tree.map(lambda rows, row: rows.at[count].set(row), rows, _Rows(t, factors, loss, W))
        state = _State(factors, loss, t, jnp.minimum(t_next, t_end), (chosen, known, jumped))
        return state, rows, count + jnp.where(accepted, 1, 0), tried + 1

    row = _Rows(state.t, state.factors, state.loss, product_matrix(state.factors))
    rows = jax.tree.map(lambda x: jnp.zeros((_ROWS, *jnp.shape(x))), row)
    state, rows, count, _ = jax.lax.while_loop(goes_on, attempt, (state, rows, *jnp.zeros(2, int)))
    return state, rows, count


def _is_balanced(factors):
    """Whether at least two factors are square and balanced: then the determinant of the product keeps its sign."""
    square = len(factors) > 1 and all(W.shape[0] == W.shape[1] for W in factors)
    return square and unbalancedness(factors) < _BALANCED * max(jnp.sum(W**2) for W in factors)


def _first_rise(loss):
    """The first row whose loss is above that before by more than errors of the solver explain, or None."""
    rises = ~(np.diff(loss) <= 1e-3 * loss[:-1])
    return 1 + int(np.argmax(rises)) if rises.any() else None


def _first_sign_change(path):
    """The first row whose determinant has another sign than the first one's, or None."""
    sign = np.prod([np.sign(np.linalg.det(W)) for W in path], axis=0)
    changed = sign != sign[0]
    return int(np.argmax(changed)) if changed.any() else None
