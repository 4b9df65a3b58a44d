r"""The exact balanced flow of `problems.two_by_two`, to losses like $10^{-28}$, with its sign of $\det W$.

The mathematics is in `_two_by_two_flow`; here its two charts are integrated one after the other.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from diffrax import Dopri5, Event, ODETerm, PIDController, SaveAt, diffeqsolve, is_event, is_successful
from jaxtyping import ArrayLike, Float
from scipy.interpolate import CubicSpline

from implreg_core import _check
from implreg_core import _two_by_two_flow as charts
from implreg_core._landing import land
from implreg_core._rosenbrock import Rodas5P
from implreg_core.problems import Completion

_REACHED, _FLOOR, _STALLED, _STEP_LIMIT = range(4)
_STATUS = (
    "reached the target loss",
    "stopped at the floor eps^2 / 2 of the loss: W22 has the sign opposite to eps and cannot change it",
    "stalled above the target loss, as at a saddle point: perturb W0",
    "used max_steps={max_steps}: raise it, or target_loss if that is below rounding",
)
_HORIZON = 1e4  # in a chart's own units, of which a path to loss 1e-28 takes about 100


class SignPreservingFlow(eqx.Module):
    r"""A path of the balanced flow at the solver's points, from $t = 0$. Every row is finite and trusted.

    **Example:**

    ```python
    >>> path = flow.sign_preserving_flow(problems.two_by_two(), 0.1 * jnp.eye(2), depth=2)
    >>> path.status, path.det_sign, bool(path.loss[-1] < 1e-27)
    ('reached the target loss', 1, True)

    ```
    """

    t: Float[np.ndarray, " n"]
    loss: Float[np.ndarray, " n"]
    W: Float[np.ndarray, "n 2 2"]  # the product matrix W_{L:1}
    residual: Float[np.ndarray, "n 2 2"]  # of W, resolved far below the rounding of its entries
    log_abs_det: Float[np.ndarray, " n"]
    det_sign: int
    steps: int  # tried by the solver
    status: str  # why the solver stopped, in words
    converged: bool  # whether the target loss was reached

    def at_loss(self, loss: Float[ArrayLike, " k"]) -> "SignPreservingFlow":
        r"""The path where it has the given losses, by cubic splines in $-\ln \ell$ of states smooth in it.

        At the default `rtol`, $W_{11}$ has a relative error of about 1e-7.

        **Raises:** ValueError if a loss is below the path's last one, or above 0.9 times its first: there
        the loss has hardly begun to fall and does not tell where on the path one is.

        **Example:**

        ```python
        >>> path = flow.sign_preserving_flow(problems.two_by_two(), 0.1 * jnp.eye(2), depth=2)
        >>> loss = np.array([1e-2, 1e-8, 1e-20])
        >>> w = path.at_loss(loss).W[:, 0, 0]
        >>> np.round(w * np.sqrt(2 * loss), 3)  # in the limit the bound 1 / sqrt(2 loss) is attained
        array([0.98, 1.  , 1.  ])

        ```
        """
        loss = np.atleast_1d(np.asarray(loss, float))
        low, high = self.loss[-1], 0.9 * self.loss[0]
        if not np.all((loss >= low) & (loss <= high)):
            raise ValueError(f"`loss` must be on the path, from {low:.3g} to {high:.3g}; got {loss}.")
        used = slice(np.flatnonzero(self.loss > high)[-1], None)
        scale = _residual_scale(self.W[used, 0, 0])
        smooth = [
            np.arcsinh(self.W[used, 0, 0]),
            np.arcsinh(self.log_abs_det[used]),
            np.log1p(self.t[used] / self.t[1]),
            *(scale * self.residual[used]).reshape(-1, 4).T,
        ]
        spline = CubicSpline(-np.log(self.loss[used]), np.stack(smooth, axis=1))
        asinh_w, asinh_q, log_t, *residual = spline(-np.log(loss)).T

        w = np.sinh(asinh_w)
        residual = np.stack(residual, axis=1).reshape(-1, 2, 2) / _residual_scale(w)
        W = (self.W - self.residual)[-1] + residual
        W[:, 0, 0] = w
        t = self.t[1] * np.expm1(log_t)
        rest = (self.det_sign, self.steps, self.status, self.converged)
        return SignPreservingFlow(t, loss, W, residual, np.sinh(asinh_q), *rest)


def _residual_scale(w):
    """What makes the residuals tend to constants for large `w`, as in the late chart."""
    return (1 + w[:, None, None] ** 2) ** np.array([[0.0, 1.0], [1.0, 0.5]])


def sign_preserving_flow(
    problem: Completion,
    W0: Float[ArrayLike, "2 2"],
    *,
    depth: int,
    target_loss: Float[ArrayLike, ""] = 1e-28,
    slogdet: tuple[Float[ArrayLike, ""], Float[ArrayLike, ""]] | None = None,
    rtol: Float[ArrayLike, ""] = 1e-7,
    max_steps: int = 2048,
) -> SignPreservingFlow:
    r"""The balanced gradient flow from the product `W0`, until the loss is `target_loss`.

    $$\dot W = -\sum_{j=1}^{L} (W W^\top)^{(j-1)/L} \, \nabla \ell(W) \, (W^\top W)^{(L-j)/L}$$

    The determinant's sign is constant by construction, residuals far below machine precision are resolved,
    and the times cover tens of decades. `problem` is any `problems.two_by_two`, and `depth` is $L$. Give
    `slogdet`, as `factorizations.slogdet` returns it, if the entries of `W0` no longer tell the determinant,
    as for a product of many factors. `rtol` bounds the local error; $W_{11}$ at a given loss is then good to
    about `rtol`, and to 100 `rtol` where it ends finite but huge.

    The path ends where the loss is the target or just below, by a relative $10^{-10}$ for $\epsilon = 0$. Otherwise
    the rounding of $W_{22} \approx \epsilon$ stands in the way: by $3 \cdot 10^{-16} / \sqrt{\text{target}}$ at most,
    in the tested problems, if that is more.

    **Returns:** a `SignPreservingFlow`; a start at the target loss or below is all of its path. If the target
    cannot be reached, it is not `converged` and `status` says why: for $\epsilon \ne 0$, the start may lead to a
    side from which the loss only falls to $\epsilon^2 / 2$.

    **Raises:** ValueError naming the argument if the problem is of another kind, `W0` is not finite, its
    determinant is zero or lost in rounding, `depth` is below 2, or a number is out of range.

    **References:** the flow of the product: Arora, Cohen & Hazan (2018), Theorem 1; the sign of its
    determinant: Razin & Cohen (2020), Section 4.

    **Example:**

    ```python
    >>> settles = flow.sign_preserving_flow(problems.two_by_two(), jnp.diag(jnp.array([0.1, -0.1])), depth=2)
    >>> grows = flow.sign_preserving_flow(problems.two_by_two(), jnp.diag(jnp.array([0.1, 0.1])), depth=2)
    >>> bool(abs(settles.W[-1, 0, 0]) < 1), bool(abs(grows.W[-1, 0, 0]) > 1e13)  # the determinant's sign decides
    (True, True)

    ```
    """
    W0 = _check.matrix(W0, "W0")
    _check.same_shape(W0, (2, 2), "W0")
    if slogdet is not None:
        slogdet = tuple(jnp.asarray(part, float)[None] for part in slogdet)
    options = dict(target_loss=target_loss, slogdet=slogdet, rtol=rtol, max_steps=max_steps)
    return sign_preserving_flows(problem, W0[None], depth=depth, **options)[0]


def sign_preserving_flows(
    problem: Completion,
    W0: Float[ArrayLike, "batch 2 2"],
    *,
    depth: int,
    target_loss: Float[ArrayLike, ""] = 1e-28,
    slogdet: tuple[Float[ArrayLike, " batch"], Float[ArrayLike, " batch"]] | None = None,
    rtol: Float[ArrayLike, ""] = 1e-7,
    max_steps: int = 2048,
) -> list[SignPreservingFlow]:
    """`sign_preserving_flow` from many starts at once, much faster than one after the other.

    **Returns:** a list with one path for each start.

    **Raises:** as `sign_preserving_flow` does.

    **Example:**

    ```python
    >>> (path,) = flow.sign_preserving_flows(problems.two_by_two(), 0.1 * jnp.eye(2)[None], depth=2)
    >>> path.W[0], path.converged
    (array([[0.1, 0. ],
           [0. , 0.1]]), True)

    ```
    """
    _check_kind(problem)
    W0, depth = _check.finite(W0, "W0"), _check.integer(depth, "depth", 2)
    if W0.ndim != 3 or W0.shape[1:] != (2, 2):
        raise ValueError(f"`W0` must hold 2 x 2 matrices, in shape (batch, 2, 2); got {W0.shape}.")
    det_sign, log_abs_det = _slogdet(W0) if slogdet is None else _given_slogdet(slogdet, W0.shape[:1])
    target_loss, rtol = _check.positive(target_loss, "target_loss"), _check.positive(rtol, "rtol")
    if target_loss < 1e-100:
        raise ValueError(f"`target_loss` must be at least 1e-100, to avoid overflow; got {target_loss}.")
    if not 1e-10 <= rtol <= 1e-2:
        raise ValueError(f"`rtol` must be from 1e-10, near rounding, to 1e-2; got {rtol}.")
    max_steps = _check.integer(max_steps, "max_steps", 1)

    constants = (problem.values, jnp.asarray(float(depth)), target_loss, rtol)
    solution = _solve(W0, det_sign, log_abs_det, *constants, max_steps)
    early, late, steps, status = jax.tree.map(np.asarray, solution)

    def path(i):
        both = [jax.tree.map(lambda x: x[i, : n[i]], rows) for rows, n in (early, late)]
        t, loss, W, residual, log_abs_det = (np.concatenate(parts) for parts in zip(*both, strict=True))
        why = _STATUS[status[i]].format(max_steps=max_steps)
        result = (int(det_sign[i]), int(steps[i]), why, bool(status[i] == _REACHED))
        return SignPreservingFlow(t, loss, W, residual, log_abs_det, *result)

    return [path(i) for i in range(len(W0))]


@eqx.filter_jit
@eqx.filter_vmap(in_axes=(0, 0, 0, None, None, None, None, None))
def _solve(W0, det_sign, log_abs_det, values, depth, target_loss, rtol, max_steps):
    """The rows recorded in each chart and how many of them count, the number of steps, and the status."""
    flow = charts.Flow(values, det_sign, depth, jnp.sqrt(jnp.sum(W0**2)), target_loss, rtol)

    def has_reached(state):
        return state.loss <= target_loss

    def integrate(rate, solver, read, y0, is_over):
        """Its points, how many steps lead to the last one, how many were tried; whether it ended, or stalled."""

        def ends(s, y, args, **kwargs):  # diffrax passes these by name
            return has_reached(read(y, flow)) | is_over(read(y, flow))

        term, skipped = ODETerm(rate), ends(0.0, y0, flow)
        solution = diffeqsolve(
            term,
            solver,
            t0=0.0,
            t1=jnp.where(skipped, 0.0, _HORIZON),
            dt0=1e-3,
            y0=y0,
            args=flow,
            saveat=SaveAt(t0=True, steps=True),
            stepsize_controller=PIDController(rtol=0, atol=rtol, pcoeff=0.3, icoeff=0.4, dtmax=1.0),
            event=Event(ends),
            max_steps=max_steps,
            throw=False,
        )

        def step(y, h):
            state = solver.init(term, 0.0, h, y, flow)
            return solver.step(term, 0.0, h, y, flow, state, made_jump=False)[0]

        n = solution.stats["num_accepted_steps"]
        n_before = jnp.maximum(n - 1, 0)
        before, h = solution.ys[n_before], solution.ts[n] - solution.ts[n_before]
        end = land(step, lambda y: read(y, flow).loss, target_loss, before, solution.ys[n], h)
        ended, stalled = skipped | is_event(solution.result), ~skipped & is_successful(solution.result)
        return solution.ys.at[n].set(end), n, solution.stats["num_steps"], ended, stalled

    early, n_early, early_steps, early_ended, early_stalled = integrate(
        charts.early_rate,
        Dopri5(),
        charts.early_read,
        charts.early_write(W0, log_abs_det, flow),
        lambda state: charts.early_is_over(state.W, flow),  # at once for a large product
    )
    late, n_late, late_steps, late_ended, late_stalled = integrate(
        charts.late_rate,
        Rodas5P(charts.late_error_scale),
        charts.late_read,
        charts.late_write(charts.early_read(early[n_early], flow), flow),
        lambda state: charts.is_at_floor(state, flow),
    )

    completed = early_ended & late_ended
    reached = completed & has_reached(charts.late_read(late[n_late], flow))
    status = jnp.select([reached, completed, early_stalled | late_stalled], [_REACHED, _FLOOR, _STALLED], _STEP_LIMIT)

    def rows(read, ys):
        states = jax.vmap(read, in_axes=(0, None))(ys, flow)
        t = flow.time_unit * jnp.expm1(states.log_time)
        return t, jax.vmap(lambda state: state.loss)(states), states.W, states.residual, states.log_abs_det

    return (
        (rows(charts.early_read, early), n_early),  # without its last row, which is the late chart's first
        (rows(charts.late_read, late), n_late + 1),
        early_steps + late_steps,
        status,
    )


def _check_kind(problem: Completion) -> None:
    observed, values = np.asarray(problem.observed).tolist(), np.asarray(problem.values).tolist()
    if observed != [[False, True], [True, True]] or values[0][1] * values[1][0] == 0:
        raise ValueError(
            "`problem` must be 2 x 2 with all but W11 observed, W12 and W21 not as zero; got the values "
            f"{values} observed at {observed}. Build it by `problems.two_by_two`."
        )


def _slogdet(W0):
    """Signs and logarithms of the determinants, refused where rounding would decide them."""
    products = W0[:, 0, 0] * W0[:, 1, 1], W0[:, 0, 1] * W0[:, 1, 0]
    det, size = products[0] - products[1], jnp.abs(products[0]) + jnp.abs(products[1])
    if _check.fails(jnp.abs(det) > 1e-8 * size):
        raise ValueError(
            f"`W0` must have a determinant that its entries determine to eight digits; got {W0}. Start from "
            "an invertible matrix, or pass `slogdet`, for example from `factorizations.slogdet(factors)`."
        )
    return jnp.sign(det), jnp.log(jnp.abs(det))


def _given_slogdet(slogdet, shape):
    det_sign, log_abs_det = (_check.finite(part, "slogdet") for part in slogdet)
    _check.same_shape(det_sign, shape, "slogdet[0]")
    _check.same_shape(log_abs_det, shape, "slogdet[1]")
    if _check.fails(jnp.abs(det_sign) == 1):
        raise ValueError(f"`slogdet[0]` must be the sign 1 or -1 of a nonzero determinant; got {det_sign}.")
    return det_sign, log_abs_det
