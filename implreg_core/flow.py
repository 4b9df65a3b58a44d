r"""Gradient flow on a matrix factorization: the limit of gradient descent as the learning rate tends to zero.

`gradient_flow` integrates the factors themselves, for any shapes and any start. It is good to a loss of about 1e-6 at
depth 3 and beyond, tested on square tasks of size 2, 3 and 5. At depth 2 rounding errors grow until the determinant of
the product changes sign, which the exact flow never does; the solver then stops and says so.

`sign_preserving_flow` integrates the balanced flow of the 2 x 2 problem, of any depth, to a loss of 1e-28 and below: it
carries the logarithm of the determinant, whose sign cannot change.
"""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optimistix
from jaxtyping import Float

from implreg_core import _check
from implreg_core._sign_preserving import SignPreservingFlow, sign_preserving_flow, sign_preserving_flows
from implreg_core.descent import check_start, objective_gradient
from implreg_core.factorizations import Factors, product_matrix, unbalancedness
from implreg_core.problems import Completion

__all__ = [
    "Flow",
    "SignPreservingFlow",
    "gradient_flow",
    "sign_preserving_flow",
    "sign_preserving_flows",
]

_END_OF_TIME = 1e30  # the event at the target loss ends the solve long before
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
    if loss <= target_loss:  # the event below waits for the loss to cross the target
        return Flow(np.zeros(1), loss[None], W[None], factors, "starts at the target loss", True)
    solution, loss, W = jax.tree.map(np.asarray, _integrate(problem, factors, target_loss, rtol, max_steps))

    t = solution.ts[np.isfinite(solution.ts)]  # unused rows hold inf
    rows = 1 + int(np.sum(np.diff(t) > 0))  # out of steps, the solver repeats the last row
    converged = bool(solution.result == diffrax.RESULTS.event_occurred)
    status = "reached the target loss" if converged else f"used max_steps={max_steps}: raise it, or target_loss"
    if _is_balanced(factors) and (flip := _first_sign_change(solution.ys, rows)) is not None:
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
        factors=tuple(jnp.asarray(path[rows - 1]) for path in solution.ys),
        status=status,
        converged=converged,
    )


@eqx.filter_jit
def _integrate(problem, factors, target_loss, rtol, max_steps):
    """The solution at the start and after each step, with the loss and the product along it."""

    def velocity(t, factors, args):
        return jax.tree.map(jnp.negative, objective_gradient(problem, factors))

    def excess_loss(t, y, args, **kwargs):  # diffrax passes these by name
        return problem.loss(product_matrix(y)) - target_loss

    atol = rtol / 100
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(velocity),
        diffrax.Kvaerno5(),
        t0=0.0,
        t1=_END_OF_TIME,
        dt0=None,
        y0=factors,
        saveat=diffrax.SaveAt(t0=True, steps=True),
        stepsize_controller=diffrax.PIDController(rtol=rtol, atol=atol, pcoeff=0.3, icoeff=0.4),
        event=diffrax.Event(excess_loss, optimistix.Newton(rtol=1e-10, atol=1e-10)),
        max_steps=max_steps,
        throw=False,
    )
    W = jax.vmap(product_matrix)(solution.ys)
    return solution, jax.vmap(problem.loss)(W), W


def _is_balanced(factors):
    """Whether at least two factors are square and balanced: then the determinant of the product keeps its sign."""
    square = len(factors) > 1 and all(W.shape[0] == W.shape[1] for W in factors)
    return square and unbalancedness(factors) < _BALANCED * max(jnp.sum(W**2) for W in factors)


def _first_rise(loss):
    """The first row whose loss is above that before by more than errors of the solver explain, or None."""
    rises = ~(np.diff(loss) <= 1e-3 * loss[:-1])
    return 1 + int(np.argmax(rises)) if rises.any() else None


def _first_sign_change(path, rows):
    """The first row whose determinant has another sign than the first one's, or None."""
    sign = np.prod([np.sign(np.linalg.det(W[:rows])) for W in path], axis=0)
    changed = sign != sign[0]
    return int(np.argmax(changed)) if changed.any() else None
