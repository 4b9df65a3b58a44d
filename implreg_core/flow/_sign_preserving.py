r"""The exact balanced flow of square tasks, to losses like $10^{-28}$, with its sign of $\det W$.

For `problems.two_by_two` the mathematics is in `_two_by_two`, the loop in `_two_by_two_path`; here are the checks
before and after it. For other tasks all three are in `_general`, `_general_path` and `_general_solver`.
"""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Float
from scipy.interpolate import make_interp_spline

from implreg_core import _check, _slices, bounds
from implreg_core._compile import fast_jit
from implreg_core.flow import _general_solver
from implreg_core.flow import _two_by_two as charts
from implreg_core.flow._two_by_two_path import advance, begin, state_of
from implreg_core.problems import Completion, two_by_two_observations

_STATUS = (
    "reached the target loss",
    "stopped at the floor eps^2 / 2 of the loss: W22 has the sign opposite to eps and cannot change it",
    "used max_steps={max_steps}, most of them near a saddle point: raise it, or perturb W0",
    "used max_steps={max_steps}: raise it, or target_loss if that is below rounding",
)
_ROWS = 2049  # in the compiled loop, or a multiple by a power of two: one program serves all usual `max_steps`
_KNOWN = 1e-9  # relative: rows hold the determinant's identity, and so the bound, to rounding
_SLICE = 4096  # steps between which Ctrl-C is answered, a fraction of a second


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
    W: Float[np.ndarray, "n d d"]  # the product matrix W_{L:1}
    residual: Float[np.ndarray, "n d d"]  # of W, resolved far below the rounding of its entries
    log_abs_det: Float[np.ndarray, " n"]
    det_sign: int
    steps: int  # tried by the solver
    status: str  # why the solver stopped, in words
    converged: bool  # whether the target loss was reached

    def at_loss(self, loss: Float[ArrayLike, " k"]) -> "SignPreservingFlow":
        r"""The path where it has the given losses, by quintic splines in $-\ln \ell$ of states smooth in it.

        At the default `rtol`, $W_{11}$ has a relative error of about 1e-7.

        **Raises:** ValueError if a loss is below the path's last one, or where the loss does not tell where on the
        path one is: above 0.9 times its first, and where it hardly falls as the path waits near a saddle point.

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
        first = np.flatnonzero(self.loss > high)[-1]
        fallen = np.maximum.accumulate(-np.log(self.loss[first:]))  # constant to rounding where a path waits for long
        used = first + np.flatnonzero(np.diff(fallen, prepend=-np.inf) > 0)
        unseen = np.all(self.residual == 0, axis=0)
        observations = (self.W - self.residual)[-1]
        unit = np.max(np.abs(observations[~unseen]))  # so that another one of the problem changes nothing
        W, residual, log_abs_det = self.W / unit, self.residual / unit, self.log_abs_det - len(unseen) * np.log(unit)
        shape, largest = unseen.shape, np.argmax(np.where(unseen, np.abs(W[-1]), -1.0))
        scale = _residual_scale(W[used].reshape(-1, unseen.size)[:, largest], largest, len(unseen))
        smooth = [
            np.log1p(self.t[used] / self.t[1]),
            np.arcsinh(log_abs_det[used]),
            *np.arcsinh(W[used][:, unseen]).T,
            *(scale * residual[used]).reshape(-1, unseen.size).T,
        ]
        rows = len(smooth[0])
        degree = min(5, rows - 1 - rows % 2)  # odd, as a path of few rows allows
        spline = make_interp_spline(-np.log(self.loss[used]), np.stack(smooth, axis=1), k=degree)
        log_t, asinh_q, *rest = spline(-np.log(loss)).T
        before, after = (smooth[0][np.searchsorted(-self.loss[used], -loss) - ago] for ago in (1, 0))
        if np.any(unknown := (log_t < before - 1e-3) | (log_t > after + 1e-3)):
            where = f"near a saddle point it does not, as at {loss[unknown]}"
            raise ValueError(f"`loss` must tell where on the path one is: {where}. Take rows of the path instead.")

        count = np.count_nonzero(unseen)
        W = np.tile(observations / unit, (len(loss), 1, 1))
        W[:, unseen] = np.sinh(np.stack(rest[:count], axis=1)) if count else 0.0
        residual = np.stack(rest[count:], axis=1).reshape(-1, *shape)
        residual = residual / _residual_scale(W.reshape(-1, unseen.size)[:, largest], largest, len(unseen))
        W, residual = unit * np.where(unseen, W, W + residual), unit * residual
        log_abs_det = np.sinh(asinh_q) + len(unseen) * np.log(unit)
        t = self.t[1] * np.expm1(log_t)
        rest = (self.det_sign, self.steps, self.status, self.converged)
        return SignPreservingFlow(t, loss, W, residual, log_abs_det, *rest)


def _residual_scale(w, place, d):
    """What makes the residuals tend to constants for large `w`, an entry at this place, as in the late charts."""
    powers = np.full((d, d), 0.5)
    powers[place // d], powers[:, place % d] = 1.0, 1.0
    return (1 + w[:, None, None] ** 2) ** powers


def sign_preserving_flow(
    problem: Completion,
    W0: Float[ArrayLike, "d d"],
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
    and the times cover tens of decades. `problem` is any square task of size 2 to 12, and `depth` is $L$. Give
    `slogdet`, as `factorizations.slogdet` returns it, if the entries of `W0` no longer tell the determinant,
    as for a product of many factors. `rtol` bounds the local error; the unseen entries at a given loss are then good to
    about `rtol`, and to 100 `rtol` where one ends finite but huge.

    The path ends where the loss is the target or just below, by a relative $10^{-10}$ for $\epsilon = 0$. Otherwise
    the rounding of $W_{22} \approx \epsilon$ stands in the way: by $3 \cdot 10^{-16} / \sqrt{\text{target}}$ at most,
    in the tested problems, if that is more.

    `problems.two_by_two` has a solver of its own, for the widest range. Elsewhere one singular value may become as
    small as it likes, and one unseen entry as large; the path stops, and says so, where a second singular value falls
    below $10^{-12}$ times the first. Tests reach size 5 and loss 1e-28. In the tested tasks of sizes 3 and 4 the
    product agrees with one in 50 digits to `rtol`, at losses down to 4e-3 and 3e-2. Each size is compiled anew, which
    takes seconds; another depth is not.

    **Returns:** a `SignPreservingFlow`; a start at the target loss or below is all of its path. If the target
    cannot be reached, it is not `converged` and `status` says why: for $\epsilon \ne 0$, the start may lead to a
    side from which the loss only falls to $\epsilon^2 / 2$.

    **Raises:** ValueError naming the argument if the problem is not square, is larger, or observes nothing but zeros,
    if `W0` is not finite or its determinant is zero or lost in rounding, `slogdet` is not that of `W0`, `depth` is
    below 2, or a number is out of range: in units of $\sqrt{|z z'|}$ starts are from 1e-100 to 1e8 in size, and
    observations up to 1e4; for other tasks, in units of the largest observation, starts are from 1e-30 to 1e8, and all
    singular values of `W0` but the last are at least 1e-10 times the first.

    **References:** the flow of the product: Arora, Cohen & Hazan (2018), Theorem 1; the sign of its
    determinant: Razin & Cohen (2020), Section 4.

    **Example:**

    ```python
    >>> settles = flow.sign_preserving_flow(problems.two_by_two(), jnp.diag(jnp.array([0.1, -0.1])), depth=2)
    >>> grows = flow.sign_preserving_flow(problems.two_by_two(), jnp.diag(jnp.array([0.1, 0.1])), depth=2)
    >>> bool(abs(settles.W[-1, 0, 0]) < 1), bool(abs(grows.W[-1, 0, 0]) > 1e13)  # the determinant's sign decides
    (True, True)
    >>> values = jnp.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])  # W11 is unseen
    >>> larger = problems.completion(values, jnp.ones((3, 3), bool).at[0, 0].set(False))
    >>> path = flow.sign_preserving_flow(larger, 0.1 * jnp.eye(3), depth=3)
    >>> path.status, bool(abs(path.W[-1, 0, 0]) > 1e13)
    ('reached the target loss', True)

    ```
    """
    W0 = _check.matrix(W0, "W0")
    _check.same_shape(W0, problem.shape, "W0")
    if slogdet is not None:
        slogdet = tuple(jnp.asarray(part, float)[None] for part in slogdet)
    options = dict(target_loss=target_loss, slogdet=slogdet, rtol=rtol, max_steps=max_steps)
    return sign_preserving_flows(problem, W0[None], depth=depth, **options)[0]


def sign_preserving_flows(
    problem: Completion,
    W0: Float[ArrayLike, "batch d d"],
    *,
    depth: int,
    target_loss: Float[ArrayLike, ""] = 1e-28,
    slogdet: tuple[Float[ArrayLike, " batch"], Float[ArrayLike, " batch"]] | None = None,
    rtol: Float[ArrayLike, ""] = 1e-7,
    max_steps: int = 2048,
) -> list[SignPreservingFlow]:
    """`sign_preserving_flow` from each of many starts, by one program.

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
    d = problem.shape[0]
    if problem.shape != (d, d):
        raise ValueError(f"`problem` must be square, or W has no determinant; got shape {problem.shape}.")
    W0, depth = np.asarray(_check.finite(W0, "W0")), _check.integer(depth, "depth", 2)
    if W0.ndim != 3 or W0.shape[1:] != (d, d):
        raise ValueError(f"`W0` must hold {d} x {d} matrices, in shape (batch, {d}, {d}); got {W0.shape}.")
    target_loss, rtol = float(_check.positive(target_loss, "target_loss")), float(_check.positive(rtol, "rtol"))
    if not 1e-10 <= rtol <= 1e-2:
        raise ValueError(f"`rtol` must be from 1e-10, near rounding, to 1e-2; got {rtol}.")
    max_steps = _check.integer(max_steps, "max_steps", 1)
    if not _is_two_by_two(problem):
        fields = _general_solver.paths(problem, W0, depth, target_loss, slogdet, rtol, max_steps)
        return [SignPreservingFlow(**path) for path in fields]
    observations = two_by_two_observations(problem)
    det_sign, log_abs_det = _slogdet(W0) if slogdet is None else _given_slogdet(slogdet, W0)
    unit = _unit(observations, W0, target_loss)

    values = np.asarray(problem.values)
    constants = values / unit, float(depth), target_loss / unit**2, rtol
    scaled = zip(W0 / unit, det_sign, log_abs_det - 2 * math.log(unit), strict=True)
    rows = _ROWS * 2 ** max(0, math.ceil(math.log2((max_steps + 1) / _ROWS)))
    solutions = [_solve(*start, constants, max_steps, rows) for start in _slices.runs(scaled, len(W0))]
    return [
        _unscaled(solution, values, unit, depth, int(sign), rtol, max_steps)
        for solution, sign in zip(solutions, det_sign, strict=True)
    ]


def _is_two_by_two(problem) -> bool:
    """Whether `problems.two_by_two` may have built it."""
    try:
        two_by_two_observations(problem)
    except ValueError:
        return False
    return True


def _solve(W0, det_sign, log_abs_det, constants, max_steps, rows):
    """The path in units of the observations, its time included, and the end in numbers."""
    flow, loop = _begin(W0, det_sign, log_abs_det, *constants, rows=rows)
    for limit in (*range(_SLICE, max_steps, _SLICE), max_steps):
        loop, over = _advance(loop, flow, limit)
        if over:
            break
    return _columns(loop, flow)


@fast_jit(static_argnames="rows")
def _begin(W0, det_sign, log_abs_det, values, depth, target_loss, rtol, *, rows):
    flow = charts.Flow(values, det_sign, depth, jnp.sqrt(jnp.sum(W0**2)), target_loss, rtol)
    return flow, begin(W0, log_abs_det, flow, rows=rows)


@fast_jit(donate_argnums=0)
def _advance(loop, flow, tries):
    loop = advance(loop, flow, tries)
    return loop, loop.path.tried < tries


@fast_jit
def _columns(loop, flow):
    taken, values = loop.path, flow.values
    states = jax.vmap(state_of)(taken.rows)
    end = state_of(taken.rows[taken.last])
    lingers = 2 * taken.lingered > taken.tried
    status = jnp.select([end.loss <= flow.target_loss, charts.is_at_floor(end, flow), lingers], [0, 1, 2], 3)
    t = flow.time_unit * jnp.expm1(states.log_time)
    loss = jax.vmap(lambda state: state.loss)(states)
    # Near a saddle the bound is the root of a difference of the loss, whose rounding counts there.
    bound = bounds.unseen_entry_lower_bound(loss * (1 + 1e-14), values[0, 1], values[1, 0], values[1, 1])
    columns = (t, loss, states.W, states.residual, states.log_abs_det, bound)
    return columns, taken.last, taken.tried, status


def _unscaled(solution, values, unit, depth, det_sign, rtol, max_steps) -> SignPreservingFlow:
    """The path in the units of the problem, up to the first row that breaks what the exact flow keeps."""
    columns, last, tried, status = jax.tree.map(np.asarray, solution)
    columns = [column[: last + 1] for column in columns]
    broken = _first_broken(*columns, det_sign * values[0, 1] * values[1, 0] > 0, det_sign, rtol)
    why, ends = _STATUS[status].format(max_steps=max_steps), dict(steps=int(tried), converged=status == 0)
    *columns, _ = columns  # the bound has served
    fields = _general_solver.fields(columns, broken, why, unit, depth, rtol, det_sign=det_sign, **ends)
    return SignPreservingFlow(**fields)


def _first_broken(t, loss, W, residual, log_abs_det, bound, is_bound, det_sign, rtol):
    """The first row that no exact path has, and why; None if there is none. In units of the observations."""
    w, products = np.abs(W[:, 0, 0]), (W[:, 0, 0] * W[:, 1, 1], W[:, 0, 1] * W[:, 1, 0])
    defect = np.abs(products[0] - products[1] - det_sign * np.exp(log_abs_det))
    given = np.arange(len(t)) == 0  # the start, whose determinant may be known better than its entries
    numbers = np.concatenate([np.stack([t, loss, log_abs_det]), W.reshape(-1, 4).T, residual.reshape(-1, 4).T])
    checks = {
        "a number is not finite": ~np.all(np.isfinite(numbers), axis=0),
        "the loss rises, which it never does along a gradient flow": np.diff(loss, prepend=np.inf) > 1e3 * rtol * loss,
        "the unseen entry is below its proved bound": is_bound & ~given & (w < (1 - _KNOWN) * bound),
        "the determinant contradicts the entries": ~given
        & (defect > _KNOWN * (np.abs(products[0]) + np.abs(products[1]))),
    }
    broken = {reason: int(np.argmax(failed)) for reason, failed in checks.items() if failed.any()}
    reason = min(broken, key=broken.get, default=None)
    return None if reason is None else (broken[reason], reason)


def _unit(observations, W0, target_loss) -> float:
    r"""The size $\sqrt{|z z'|}$ of the observations, which the solver sees as 1; refused where powers overflow."""
    z, z_prime, eps = map(abs, observations)
    unit = math.sqrt(z) * math.sqrt(z_prime)
    size = np.sqrt(np.sum((W0 / unit) ** 2, axis=(1, 2)))
    if not np.all((size >= 1e-100) & (size <= 1e8)):
        raise ValueError(
            f"`W0` must be from 1e-100 to 1e8 in size, in units of sqrt(|z z'|) = {unit:g}; got {size.min():.3g} to "
            f"{size.max():.3g}. Scale the start."
        )
    if max(z, z_prime, eps) > 1e4 * unit:
        raise ValueError(
            f"`problem` must have observations up to 1e4 sqrt(|z z'|) in size; got {z:g}, {z_prime:g} and {eps:g}."
        )
    if target_loss < 1e-100 * unit**2:
        raise ValueError(f"`target_loss` must be at least 1e-100 |z z'|, to avoid overflow; got {target_loss}.")
    return unit


def _determinants(W0):
    """Determinants, and the size of what is subtracted in them."""
    products = W0[:, 0, 0] * W0[:, 1, 1], W0[:, 0, 1] * W0[:, 1, 0]
    return products[0] - products[1], np.abs(products[0]) + np.abs(products[1])


def _slogdet(W0):
    """Signs and logarithms of the determinants, refused where rounding would decide them."""
    largest = np.maximum(np.max(np.abs(W0), axis=(1, 2)), 1e-300)
    det, size = _determinants(W0 / largest[:, None, None])
    if not np.all(np.abs(det) > 1e-8 * size):
        raise ValueError(
            f"`W0` must have a determinant that its entries determine to eight digits; got {W0}. Start from "
            "an invertible matrix, or pass `slogdet`, for example from `factorizations.slogdet(factors)`."
        )
    return np.sign(det), np.log(np.abs(det)) + 2 * np.log(largest)


def _given_slogdet(slogdet, W0):
    """The given signs and logarithms, refused where the entries contradict them."""
    det_sign, log_abs_det = (np.asarray(_check.finite(part, "slogdet")) for part in slogdet)
    _check.same_shape(det_sign, W0.shape[:1], "slogdet[0]")
    _check.same_shape(log_abs_det, W0.shape[:1], "slogdet[1]")
    if not np.all(np.abs(det_sign) == 1):
        raise ValueError(f"`slogdet[0]` must be the sign 1 or -1 of a nonzero determinant; got {det_sign}.")
    largest = np.max(np.abs(W0), axis=(1, 2))
    det, size = _determinants(W0 / largest[:, None, None])
    given = det_sign * np.exp(log_abs_det - 2 * np.log(largest))
    if not np.all(np.abs(det - given) <= 1e-8 * size):
        raise ValueError(
            f"`slogdet` must be that of `W0`, by whose entries the determinants are {det * largest**2}; got the signs "
            f"{det_sign} and logarithms {log_abs_det}."
        )
    return det_sign, log_abs_det
