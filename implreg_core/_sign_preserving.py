r"""The balanced gradient flow of `problems.two_by_two`, integrated exactly to losses like $10^{-28}$.

With $G = \nabla \ell(W)$, whose entries are the residuals, balanced factors of depth $L$ move their product by

$$\dot W = -\sum_{j=1}^{L} (W W^\top)^{(j-1)/L} \, G \, (W^\top W)^{(L-j)/L}$$

(Arora, Cohen & Hazan 2018). Where the determinant has the sign that no solution has, the loss falls only while
$w = W_{11}$ grows: $W_{22} \approx 1 / w$, $W_{12} - z \approx -1 / w^2$, and at depth 2 even
$\det W \approx e^{-w^2/2}$. Three things follow, and they are the whole design.

- *Nothing is obtained by cancellation.* Each residual and $q = \ln |\det W|$ are states of their own, beside $w$; the
  determinant enters as its constant sign times $e^q$ and can never change sign by rounding.
- *Every state is carried in a scale that suits it*, and time in units in which all of them move evenly, so that
  steps stay long over tens of decades. There are two such charts: `_Early`, while the product is small and its
  entries matter relative to themselves, and `_Late`, when its residuals do.
- *The five states are one too many*: $w W_{22} = W_{12} W_{21} + \det W$. The flow keeps this identity, and rounding
  must not spoil it, so the late chart adds a spring that vanishes on it.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from diffrax import Dopri5, Event, ODETerm, PIDController, SaveAt, diffeqsolve, is_event, is_successful
from jaxtyping import Array, ArrayLike, Float
from scipy.interpolate import CubicSpline

from implreg_core import _check
from implreg_core._rosenbrock import Rodas5P
from implreg_core.problems import Completion

_REACHED, _FLOOR, _STEP_LIMIT, _STALLED = range(4)
_STATUS = (
    "the target loss is reached",
    "the loss has come down to its floor eps^2 / 2: W22 has the sign opposite to eps and cannot change it",
    "the step limit is reached before the target loss; raise `max_steps`, or `target_loss` if it is below rounding",
    "the flow has stalled above the target loss, as it does at a saddle point; perturb `W0`",
)
_HORIZON = 1e4  # of both charts; in their units, a path to loss 1e-60 takes about 100


class _Flow(eqx.Module):
    """What stays constant along a path. `depth` is traced, so that one compilation serves all depths."""

    values: Float[Array, "2 2"]
    det_sign: Float[Array, ""]
    depth: Float[Array, ""]
    scale: Float[Array, ""]  # Frobenius norm of the start
    target_loss: Float[Array, ""]
    rtol: Float[Array, ""]

    @property
    def time_unit(self):
        return self.scale ** (2 / self.depth - 1) / self.depth

    @property
    def off_diagonal_product(self):
        return self.values[0, 1] * self.values[1, 0]


class _State(eqx.Module):
    """What a chart can be read as. `log_time` is $\\ln(1 + t / t_0)$, with $t_0$ the flow's `time_unit`."""

    W: Float[Array, "2 2"]
    residual: Float[Array, "2 2"]
    log_abs_det: Float[Array, ""]
    log_time: Float[Array, ""]

    @property
    def loss(self):
        return 0.5 * jnp.sum(self.residual**2)


# The velocity. -----------------------------------------------------------------------------------------------


def _velocity(state: _State, flow: _Flow) -> tuple[Float[Array, "2 2"], Float[Array, ""]]:
    r"""$\dot W$ and $\dot q$, from singular values and vectors without an eigenvalue routine.

    Write $W = A + B$ with $A$ a multiple of a rotation and $B$ of a reflection. Then $\sigma_1 = |A| + |B|$ for
    $|A| = \|A\|_F / \sqrt 2$, and with $P = (A/|A| + B/|B|) / 2 = u_1 v_1^\top$ and its cofactor matrix
    $C = (A/|A| - B/|B|) / 2 = \pm u_2 v_2^\top$,

    $$\dot W = -K_{12} G - (K_{11} - K_{12}) \langle G, P \rangle P - (K_{22} - K_{12}) \langle G, C \rangle C, \quad
    K_{ik} = \sum_{m=0}^{L-1} \sigma_i^{2m/L} \sigma_k^{2(L-1-m)/L}$$

    where $\sigma_2 = e^q / \sigma_1$, never a difference.
    """
    G, L = state.residual, flow.depth
    (w, a), (b, d) = state.W
    A = jnp.array([[w + d, a - b], [b - a, w + d]]) / 2
    B = jnp.array([[w - d, a + b], [a + b, d - w]]) / 2
    A_square, B_square = jnp.sum(A**2) / 2, jnp.sum(B**2) / 2
    # The 1e-16 makes sigma_1 = sigma_2 a regular point; it changes the velocity by rounding only.
    A_norm, B_norm = jnp.sqrt(A_square + 1e-16 * B_square), jnp.sqrt(B_square + 1e-16 * A_square)
    A, B = A / A_norm, B / B_norm
    P, C = (A + B) / 2, (A - B) / 2
    # For large w the entry P22 ~ 1/w^2 is lost in that difference; P has rank one and gives it back.
    dominant = jnp.abs(P[0, 0]) > 0.9
    P22 = jnp.where(dominant, P[0, 1] * P[1, 0] / jnp.where(dominant, P[0, 0], 1.0), P[1, 1])
    P, C = P.at[1, 1].set(P22), C.at[0, 0].set(P22)

    σ1 = A_norm + B_norm
    gap = (2 / L) * (2 * jnp.log(σ1) - state.log_abs_det)  # (sigma_2 / sigma_1)^{2/L} = e^{-gap}
    K11 = L * σ1 ** (2 - 2 / L)
    K12 = K11 / L * _geometric_sum(gap, L)
    K22 = K11 * jnp.exp(-(L - 1) * gap)
    G1, G2 = jnp.sum(G * P), jnp.sum(G * C)
    dW = -(K12 * G + (K11 - K12) * G1 * P + (K22 - K12) * G2 * C)
    dq = -K11 / σ1 * (G1 + flow.det_sign * jnp.exp(-(L / 2 - 1) * gap) * G2)  # tr(W^{-1} dW)
    return dW, dq


def _geometric_sum(gap, L):
    r"""$\sum_{m<L} e^{-m \, \text{gap}}$, for real $L$."""
    safe = jnp.where(gap == 0, 1.0, gap)
    return jnp.where(gap == 0, L, jnp.expm1(-L * safe) / jnp.expm1(-safe))


# The chart of small products: asinh(W / scale), q and log time; dt = ||W||^{2/L - 1} / L ds. ---------------


def _early_write(W0, log_abs_det, flow: _Flow) -> Float[Array, "6"]:
    return jnp.array([*jnp.arcsinh(W0 / flow.scale).ravel(), log_abs_det, 0.0])


def _early_read(y: Float[Array, "6"], flow: _Flow) -> _State:
    W = flow.scale * jnp.sinh(y[:4].reshape(2, 2))
    return _State(W, (W - flow.values).at[0, 0].set(0.0), y[4], y[5])


def _early_rate(s, y: Float[Array, "6"], flow: _Flow) -> Float[Array, "6"]:
    state = _early_read(y, flow)
    dW, dq = _velocity(state, flow)
    dt = jnp.sqrt(jnp.sum(state.W**2)) ** (2 / flow.depth - 1) / flow.depth
    dy = (dW / jnp.sqrt(flow.scale**2 + state.W**2)).ravel()
    return dt * jnp.array([*dy, dq, jnp.exp(-state.log_time) / flow.time_unit])


def _is_large(s, y, flow: _Flow, **kwargs):
    return _exceeds_early(_early_read(y, flow).W, flow)


def _exceeds_early(W, flow: _Flow):
    return jnp.sum(W**2) > 0.01 * jnp.minimum(*jnp.abs(flow.values[[0, 1], [1, 0]])) ** 2


# The chart of small residuals: with h = 1 + w^2, it holds asinh w, (h, h, sqrt h) times the residuals of W12, W21
# and W22, asinh ln |det W / (z z')|, and log time; dt = h^{1 + 1/L} / L ds makes asinh w grow like s.

_POWERS = jnp.array([1.0, 1.0, 0.5])


def _late_write(state: _State, flow: _Flow) -> Float[Array, "6"]:
    w = state.W[0, 0]
    residuals = (1 + w**2) ** _POWERS * state.residual.ravel()[1:]
    log_ratio = state.log_abs_det - jnp.log(jnp.abs(flow.off_diagonal_product))
    return jnp.array([jnp.arcsinh(w), *residuals, jnp.arcsinh(log_ratio), state.log_time])


def _late_read(y: Float[Array, "6"], flow: _Flow) -> _State:
    w = jnp.sinh(y[0])
    residual = jnp.array([0.0, *(y[1:4] / (1 + w**2) ** _POWERS)]).reshape(2, 2)
    W = (flow.values + residual).at[0, 0].set(w)
    return _State(W, residual, jnp.sinh(y[4]) + jnp.log(jnp.abs(flow.off_diagonal_product)), y[5])


def _late_rate(s, y: Float[Array, "6"], flow: _Flow) -> Float[Array, "6"]:
    state, L = _late_read(y, flow), flow.depth
    w, log_ratio = state.W[0, 0], jnp.sinh(y[4])
    h = 1 + w**2
    dW, dq = _velocity(state, flow)

    # The spring: descent on defect^2 / 2 in W22 and, for moderate w, in q.
    defect, defect_dq = _identity_defect(state, log_ratio, flow)
    stiffness = L * h ** (-1 / L)
    dW = dW.at[1, 1].add(stiffness * w * defect)
    dq = dq - stiffness / h**2 * defect_dq * defect / flow.off_diagonal_product**2

    dw, dresiduals = dW[0, 0], h**_POWERS * dW.ravel()[1:] + 2 * w / h * _POWERS * y[1:4] * dW[0, 0]
    # Residuals relax at rates like h^2, and slow motion drags them along; capping the rates moves them by 1e-9.
    dresiduals = dresiduals / (1 + h**2 / 1e9)
    dt = h ** (1 + 1 / L) / L
    return dt * jnp.array(
        [
            dw / jnp.sqrt(h),
            *dresiduals,
            dq / jnp.sqrt(1 + log_ratio**2),
            jnp.exp(-state.log_time) / flow.time_unit,
        ]
    )


def _identity_defect(state: _State, log_ratio, flow: _Flow):
    r"""$W_{12} W_{21} + \det W - w W_{22}$ from residuals, so that it is exact where they vanish; and $d/dq$ of it."""
    (_, e12), (e21, _) = state.residual
    zz = flow.off_diagonal_product
    same_sign = flow.det_sign * zz > 0
    det = jnp.where(same_sign, zz, -zz) * jnp.exp(log_ratio)
    zz_plus_det = zz * jnp.where(same_sign, 1 + jnp.exp(log_ratio), -jnp.expm1(log_ratio))
    mixed = flow.values[0, 1] * e21 + flow.values[1, 0] * e12 + e12 * e21
    return zz_plus_det + mixed - state.W[0, 0] * state.W[1, 1], det


def _late_error_scale(y: Float[Array, "6"], flow: _Flow) -> Float[Array, "6"]:
    """Errors count absolutely, those of the residuals relative to the residuals' size (and never below rounding)."""
    rounding = 4e-16 * jnp.abs(flow.values[1, 1]) * jnp.cosh(y[0]) ** 2
    size = jnp.sum(jnp.abs(y[1:4])) + rounding / flow.rtol
    return jnp.array([1.0, size, size, size, 1.0, 1.0])


def _is_at_floor(state: _State, flow: _Flow):
    r"""Whether the loss can fall no further than $\epsilon^2 / 2$.

    If $\det W$ and $W_{12} W_{21}$ share a sign, so does $w W_{22}$, which is then never zero: where it is opposite
    to the sign of $w \epsilon$, the entry $W_{22}$ cannot pass zero on its way to $\epsilon$.
    """
    zz, eps = flow.off_diagonal_product, flow.values[1, 1]
    locked = (flow.det_sign * zz > 0) & (zz * state.W[0, 0] * eps < 0)
    near = jnp.all(jnp.abs(state.residual) < jnp.abs(flow.values) / 2, where=~jnp.eye(2, dtype=bool))
    return locked & near & (state.loss <= (1 + 1e-9) * eps**2 / 2)


def _is_done(s, y, flow: _Flow, **kwargs):
    state = _late_read(y, flow)
    return (state.loss <= flow.target_loss) | _is_at_floor(state, flow)


# A path: early, then late. -----------------------------------------------------------------------------------


@eqx.filter_jit
@eqx.filter_vmap(in_axes=(0, 0, 0, None, None, None, None, None))
def _solve(W0, det_sign, log_abs_det, values, depth, target_loss, rtol, max_steps):
    """The records of both charts, how many of each are valid, the steps tried, and the status; over a batch."""
    flow = _Flow(values, det_sign, depth, jnp.sqrt(jnp.sum(W0**2)), target_loss, rtol)
    options = dict(
        stepsize_controller=PIDController(rtol=0, atol=rtol, pcoeff=0.3, icoeff=0.4, dtmax=1.0),
        saveat=SaveAt(t0=True, steps=True),
        max_steps=max_steps,
        throw=False,
    )
    y0 = _early_write(W0, log_abs_det, flow)
    horizon = jnp.where(_exceeds_early(W0, flow), 0.0, _HORIZON)
    early = diffeqsolve(
        ODETerm(_early_rate), Dopri5(), 0.0, horizon, 1e-3, y0, flow, event=Event(_is_large), **options
    )
    n_early = early.stats["num_accepted_steps"]
    y0 = _late_write(_early_read(early.ys[n_early], flow), flow)
    late = diffeqsolve(
        ODETerm(_late_rate), Rodas5P(_late_error_scale), 0.0, _HORIZON, 1e-3, y0, flow, event=Event(_is_done), **options
    )
    n_late = late.stats["num_accepted_steps"]

    last = _late_read(late.ys[n_late], flow)
    completed = (is_event(early.result) | (horizon == 0)) & is_event(late.result)
    stalled = is_successful(early.result) & is_successful(late.result)
    status = jnp.select(
        [completed & (last.loss <= target_loss), completed, stalled], [_REACHED, _FLOOR, _STALLED], _STEP_LIMIT
    )
    states = [jax.vmap(read, (0, None))(sol.ys, flow) for read, sol in ((_early_read, early), (_late_read, late))]
    return states, (n_early, n_late), flow.time_unit, early.stats["num_steps"] + late.stats["num_steps"], status


class SignPreservingFlow(eqx.Module):
    r"""A path of the balanced gradient flow at the solver's own points, from $t = 0$. Every row is finite and trusted."""

    t: Float[np.ndarray, " n"]
    loss: Float[np.ndarray, " n"]
    W: Float[np.ndarray, "n 2 2"]  # the product matrix
    residual: Float[np.ndarray, "n 2 2"]  # W minus the observed values, resolved far below their rounding
    log_abs_det: Float[np.ndarray, " n"]
    det_sign: int
    steps: int  # that the solver tried
    status: str  # why it stopped, in words
    converged: bool  # whether the target loss was reached

    def at_loss(self, loss: Float[ArrayLike, " k"]) -> "SignPreservingFlow":
        r"""The path at the given losses, by cubic splines in $-\ln \ell$ through coordinates that are smooth in it.

        At the default `rtol`, entries are good to about 1e-7, relative to their size.

        **Raises:** ValueError if a loss is outside the path, or above 0.9 times the first one, where the loss has
        hardly begun to fall and tells nothing about the rest.
        """
        loss = np.atleast_1d(np.asarray(loss, float))
        low, high = self.loss[-1], 0.9 * self.loss[0]
        if not np.all((loss >= low) & (loss <= high)):
            raise ValueError(f"`loss` must lie on the path, from {low:.3g} to {high:.3g}; got {loss}.")
        falling = np.flatnonzero(self.loss < np.minimum.accumulate([2 * high, *self.loss[:-1]]))
        records = falling[max(np.sum(self.loss[falling] > high) - 1, 0) :]  # from the last one above the range

        w, residual = self.W[records, 0, 0], self.residual[records].reshape(-1, 4)
        scale = (1 + w[:, None] ** 2) ** np.array([0.0, 1.0, 1.0, 0.5])
        smooth = [np.arcsinh(w), np.log(self.t[records]), np.arcsinh(self.log_abs_det[records]), *(scale * residual).T]
        spline = CubicSpline(-np.log(self.loss[records]), np.stack(smooth, axis=1))
        xi, log_t, asinh_q, *residual = spline(-np.log(loss)).T

        w = np.sinh(xi)
        residual = np.stack(residual, axis=1) / (1 + w[:, None] ** 2) ** np.array([0.0, 1.0, 1.0, 0.5])
        residual *= np.sqrt(2 * loss / np.sum(residual**2, axis=1))[:, None]
        residual = residual.reshape(-1, 2, 2)
        W = (self.W - self.residual)[-1] + residual
        W[:, 0, 0] = w
        return SignPreservingFlow(
            np.exp(log_t), loss, W, residual, np.sinh(asinh_q), self.det_sign, self.steps, self.status, self.converged
        )


def sign_preserving_flow(
    problem: Completion,
    W0: Float[ArrayLike, "2 2"],
    *,
    depth: int,
    target_loss: float = 1e-28,
    slogdet: tuple[Float[ArrayLike, ""], Float[ArrayLike, ""]] | None = None,
    rtol: float = 1e-7,
    max_steps: int = 2048,
) -> SignPreservingFlow:
    r"""The exact balanced gradient flow from the product `W0`, until the loss is at most `target_loss`.

    $$\dot W = -\sum_{j=1}^{L} (W W^\top)^{(j-1)/L} \, \nabla \ell(W) \, (W^\top W)^{(L-j)/L}$$

    The determinant's sign is constant by construction, residuals far below machine precision are resolved, and the
    times cover tens of decades. `problem` is any `problems.two_by_two`. Pass `slogdet`, as `factorizations.slogdet`
    gives it, where the entries of `W0` do not determine the determinant, as for a product of many small factors.
    `rtol` bounds the local error; at its default, $W_{11}$ at a given loss has relative error about 1e-7.

    **Returns:** a `SignPreservingFlow`. It is not `converged`, and `status` says why, if the target cannot be reached:
    for $\epsilon \ne 0$ the start may lead to the side from which the loss only falls to $\epsilon^2 / 2$.

    **Raises:** ValueError naming the argument if the problem is of another kind, `W0` is not finite or singular, its
    determinant is lost in rounding, `depth` is below 2, or a number is out of range.

    **References:** the flow of the product: Arora, Cohen & Hazan (2018), Theorem 1; sign of the determinant: Razin &
    Cohen (2020), Section 4.
    """
    W0 = _check.matrix(W0, "W0")
    _check.same_shape(W0, (2, 2), "W0")
    if slogdet is not None:
        slogdet = tuple(jnp.asarray(part, float)[None] for part in slogdet)
    limits = dict(target_loss=target_loss, rtol=rtol, max_steps=max_steps)
    return sign_preserving_flows(problem, W0[None], depth=depth, slogdet=slogdet, **limits)[0]


def sign_preserving_flows(
    problem: Completion,
    W0: Float[ArrayLike, "batch 2 2"],
    *,
    depth: int,
    target_loss: float = 1e-28,
    slogdet: tuple[Float[ArrayLike, " batch"], Float[ArrayLike, " batch"]] | None = None,
    rtol: float = 1e-7,
    max_steps: int = 2048,
) -> list[SignPreservingFlow]:
    """`sign_preserving_flow` from many starts at once, which takes far less time than one by one.

    **Returns:** a list with one path for each start.

    **Raises:** as `sign_preserving_flow` does.
    """
    _check_two_by_two(problem)
    W0, depth = _check.finite(W0, "W0"), _check.integer(depth, "depth", 2)
    if W0.ndim != 3 or W0.shape[1:] != (2, 2):
        raise ValueError(f"`W0` must hold 2 x 2 matrices, of shape (batch, 2, 2); got {W0.shape}.")
    det_sign, log_abs_det = _slogdet(W0) if slogdet is None else _given_slogdet(slogdet, W0.shape[:1])
    target_loss, rtol = _check.positive(target_loss, "target_loss"), _check.positive(rtol, "rtol")
    _check.holds((rtol >= 1e-10) & (rtol <= 1e-2), f"`rtol` must be from 1e-10, near rounding, to 1e-2; got {rtol}.")
    max_steps = _check.integer(max_steps, "max_steps", 1)

    solution = _solve(
        W0, det_sign, log_abs_det, problem.values, jnp.asarray(float(depth)), target_loss, rtol, max_steps
    )
    (early, late), counts, time_unit, steps, status = jax.tree.map(np.asarray, solution)

    def path(i):
        (n_early, n_late), trim = (count[i] for count in counts), jax.tree.map
        # The late chart opens where the early one ends, so its first record would repeat the early one's last.
        states = [trim(lambda x: x[i, :n_early], early), trim(lambda x: x[i, : n_late + 1], late)]
        W, residual, log_abs_det, log_time = (
            np.concatenate([getattr(state, name) for state in states])
            for name in ("W", "residual", "log_abs_det", "log_time")
        )
        return SignPreservingFlow(
            time_unit[i] * np.expm1(log_time),
            0.5 * np.sum(residual**2, axis=(1, 2)),
            W,
            residual,
            log_abs_det,
            int(det_sign[i]),
            int(steps[i]),
            _STATUS[status[i]],
            bool(status[i] == _REACHED),
        )

    return [path(i) for i in range(len(W0))]


def _check_two_by_two(problem: Completion) -> None:
    observed = np.array([[False, True], [True, True]])
    values = np.asarray(problem.values)
    if problem.shape != (2, 2) or np.any(np.asarray(problem.observed) != observed) or values[0, 1] * values[1, 0] == 0:
        raise ValueError(
            "`problem` must be a 2 x 2 completion with W11 free and W12, W21 nonzero, as `problems.two_by_two` builds; "
            f"got values {values.tolist()} observed at {np.asarray(problem.observed).tolist()}."
        )


def _slogdet(W0):
    """Sign and logarithm of the determinants, refused where rounding would decide them."""
    W = W0 / jnp.maximum(jnp.max(jnp.abs(W0), axis=(1, 2), keepdims=True), np.finfo(float).tiny)
    terms = W[:, 0, 0] * W[:, 1, 1], W[:, 0, 1] * W[:, 1, 0]
    det, size = terms[0] - terms[1], jnp.abs(terms[0]) + jnp.abs(terms[1])
    _check.holds(
        jnp.abs(det) > 1e-8 * size,
        f"`W0` must have a determinant that its entries determine to 8 digits; got {W0}. Start from an invertible "
        "matrix, or pass `slogdet`, for example from `factorizations.slogdet(factors)`.",
    )
    return jnp.sign(det), jnp.linalg.slogdet(W0)[1]


def _given_slogdet(slogdet, shape):
    det_sign, log_abs_det = (_check.finite(part, "slogdet") for part in slogdet)
    _check.same_shape(det_sign, shape, "slogdet[0]")
    _check.same_shape(log_abs_det, shape, "slogdet[1]")
    _check.holds(jnp.abs(det_sign) == 1, f"`slogdet[0]` must hold signs, 1 or -1; got {det_sign}.")
    return det_sign, log_abs_det
