"""Balanced flows of square tasks: the checks before and after the paths of `flow._general_path`."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from implreg_core import _check, _slices
from implreg_core._compile import fast_jit
from implreg_core.flow import _general as charts
from implreg_core.flow._general_path import advance, begin, is_over, stands_still, state_of

_STATUS = (
    "reached the target loss",
    "stands still at loss {loss:.3g}: a critical point, or the least loss on this side of the singular matrices; "
    "perturb W0",
    "stopped at loss {loss:.3g}: beyond, neither entries nor determinant tell a singular value that is below 1e-12 "
    "times the largest; start from a larger or better conditioned W0",
    "used max_steps={max_steps}: raise it, or target_loss if that is below rounding",
)
_ROWS = 2048
_SLICE = 256  # steps between which Ctrl-C is answered
_LARGEST = 12  # d: the work of a step grows as d^6


def paths(problem, W0, depth, target_loss, slogdet, rtol, max_steps) -> list[dict]:
    """The fields of the result for each start."""
    d, unit = len(problem.values), _unit(problem, W0, target_loss)
    det_sign, log_abs_det = _slogdet(W0, slogdet)
    values = np.asarray(problem.values)
    constants = values / unit, np.asarray(problem.observed), target_loss / unit**2, rtol, float(depth)
    rows = _ROWS * 2 ** max(0, math.ceil(math.log2((max_steps + 1) / _ROWS)))
    starts = zip(W0 / unit, det_sign, log_abs_det - d * math.log(unit), strict=True)
    solutions = [_solve(*start, constants, max_steps, rows) for start in _slices.runs(starts, len(W0))]
    return [
        _unscaled(solution, unit, depth, int(sign), rtol, max_steps)
        for solution, sign in zip(solutions, det_sign, strict=True)
    ]


def _solve(W0, det_sign, log_abs_det, constants, max_steps, rows):
    flow, loop = _begin(W0, det_sign, log_abs_det, *constants, rows=rows)
    for limit in (*range(_SLICE, max_steps, _SLICE), max_steps):
        loop, over = _advance(loop, flow, limit)
        if over:
            break
    return _columns(loop, flow)


@fast_jit(static_argnames="rows")
def _begin(W0, det_sign, log_abs_det, values, observed, target_loss, rtol, depth, *, rows):
    flow = charts.Flow(values, observed, det_sign, jnp.sqrt(jnp.sum(W0**2)), target_loss, rtol, depth)
    return flow, begin(W0, log_abs_det, flow, rows=rows)


@fast_jit(donate_argnums=0)
def _advance(loop, flow, tries):
    loop = advance(loop, flow, tries)
    return loop, is_over(loop, flow) | (loop.path.last == len(loop.path.rows) - 1)


@fast_jit
def _columns(loop, flow):
    states = jax.vmap(lambda row: state_of(row, len(flow.values)))(loop.path.rows)
    loss = jax.vmap(lambda state: state.loss)(states)
    t = flow.time_unit * jnp.expm1(states.log_time)
    status = jnp.select([loop.state.loss <= flow.target_loss, stands_still(loop), loop.path.lost], [0, 1, 2], 3)
    return (t, loss, states.W, states.residual, states.log_abs_det), loop.path.last, loop.path.tried, status


def _unscaled(solution, unit, depth, det_sign, rtol, max_steps):
    """The path in the units of the problem, up to the first row that breaks what the exact flow keeps."""
    columns, last, tried, status = jax.tree.map(np.asarray, solution)
    columns = [column[: last + 1] for column in columns]
    broken = _first_broken(*columns, det_sign, rtol)
    why = _STATUS[status].format(max_steps=max_steps, loss=columns[1][-1] * unit**2)
    return fields(columns, broken, why, unit, depth, rtol, det_sign=det_sign, steps=int(tried), converged=status == 0)


def fields(columns, broken, status, unit, depth, rtol, *, det_sign, steps, converged) -> dict:
    """The fields of the result, in the units of the problem, up to the row before `broken`, which says why."""
    rows = len(columns[0]) if broken is None else broken[0]
    t, loss, W, residual, log_abs_det = (column[:rows] for column in columns)
    if broken is not None:
        remedy = f"lower rtol={rtol:g}, or raise target_loss"
        status = f"stopped at loss {loss[-1] * unit**2:.3g}: beyond, {broken[1]}; {remedy}"
    return dict(
        t=unit ** (2 / depth - 2) * t,
        loss=unit**2 * loss,
        W=unit * W,
        residual=unit * residual,
        log_abs_det=log_abs_det + W.shape[1] * math.log(unit),
        det_sign=det_sign,
        steps=steps,
        status=status,
        converged=bool(converged and broken is None),
    )


def _first_broken(t, loss, W, residual, log_abs_det, det_sign, rtol):
    """The first row that no exact path has, and why; None if there is none."""
    finite = np.all(
        np.isfinite(np.concatenate([x.reshape(len(t), -1) for x in (t, loss, W, residual)], axis=1)), axis=1
    )
    finite &= np.isfinite(log_abs_det)
    safe = np.where(finite[:, None, None], W, np.eye(W.shape[1]))
    S = np.linalg.svd(safe, compute_uv=False)
    # The last singular value with its sign, as the entries tell it, against that of the determinant.
    last = np.linalg.slogdet(safe)[0] * S[:, -1]
    with np.errstate(under="ignore", over="ignore", invalid="ignore"):
        told = det_sign * np.exp(log_abs_det - np.sum(np.log(S[:, :-1]), axis=1))
    checks = {
        "a number is not finite": ~finite,
        "the loss rises, which it never does along a gradient flow": np.diff(loss, prepend=np.inf) > 1e3 * rtol * loss,
        "the determinant contradicts the entries": ~(np.abs(last - told) <= 1e-12 * S[:, 0] + 1e4 * rtol * S[:, -1]),
    }
    broken = {reason: int(np.argmax(failed)) for reason, failed in checks.items() if failed.any()}
    reason = min(broken, key=broken.get, default=None)
    return None if reason is None else (broken[reason], reason)


def _unit(problem, W0, target_loss) -> float:
    """The largest observation, which the solver sees as 1."""
    d, unit = len(problem.values), float(np.max(np.abs(problem.values)))
    if not 2 <= d <= _LARGEST:
        raise ValueError(f"`problem` must be of size 2 to {_LARGEST}, since a step takes work like d^6; got {d}.")
    if not 1e-100 <= unit <= 1e100:
        raise ValueError(f"`problem` must have a largest observation from 1e-100 to 1e100 in size; got {unit:g}.")
    size = np.sqrt(np.sum((W0 / unit) ** 2, axis=(1, 2)))
    if not np.all((size >= 1e-30) & (size <= 1e8)):
        raise ValueError(
            f"`W0` must be from 1e-30 to 1e8 in size, in units of the largest observation, {unit:g}; got "
            f"{size.min():.3g} to {size.max():.3g}. Scale the start."
        )
    if target_loss < 1e-60 * unit**2:
        raise ValueError(f"`target_loss` must be at least 1e-60 in these units, {unit**2:g}; got {target_loss}.")
    return unit


def _slogdet(W0, slogdet):
    """Signs and logarithms of the determinants; refused where rounding would decide what the path hangs on."""
    S = np.linalg.svd(W0, compute_uv=False)
    sign, log = np.linalg.slogdet(W0)
    ratio = S / S[:, :1]
    if np.any(ratio[:, -2] < 1e-10):
        raise ValueError(
            "`W0` must have singular values that its entries tell, all but the last at least 1e-10 times the first; "
            f"got {S}. Start from a better conditioned matrix."
        )
    if slogdet is None:
        if np.any(ratio[:, -1] < 1e-8):
            raise ValueError(
                "`W0` must have a determinant that its entries determine to eight digits; got the singular values "
                f"{S}. Start from an invertible matrix, or pass `slogdet`, for example from "
                "`factorizations.slogdet(factors)`."
            )
        return sign, log
    given_sign, given_log = (np.asarray(_check.finite(part, "slogdet")) for part in slogdet)
    _check.same_shape(given_sign, W0.shape[:1], "slogdet[0]")
    _check.same_shape(given_log, W0.shape[:1], "slogdet[1]")
    if not np.all(np.abs(given_sign) == 1):
        raise ValueError(f"`slogdet[0]` must be the sign 1 or -1 of a nonzero determinant; got {given_sign}.")
    told = given_sign * np.exp(given_log - np.sum(np.log(S[:, :-1]), axis=1))
    if not np.all(np.abs(sign * S[:, -1] - told) <= 1e-8 * S[:, 0]):
        raise ValueError(
            f"`slogdet` must be that of `W0`, by whose entries it is {(sign, log)}; got the signs {given_sign} and "
            f"logarithms {given_log}."
        )
    return given_sign, given_log
