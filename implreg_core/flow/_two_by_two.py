r"""The velocity of the balanced flow of `problems.two_by_two`, and two charts to integrate it in.

With $G = \nabla \ell(W)$, whose entries are the residuals, balanced factors of depth $L$ move their product
by

$$\dot W = -\sum_{j=1}^{L} (W W^\top)^{(j-1)/L} \, G \, (W^\top W)^{(L-j)/L}$$

(Arora, Cohen & Hazan 2018, Theorem 1). Where the determinant has the sign that no solution has, the loss
falls only while $w = W_{11}$ grows: $W_{22} \approx 1/w$, $W_{12} - z \approx -1/w^2$, and at depth 2 even
$\det W \approx e^{-w^2/2}$. Three ideas make this harmless.

- *Nothing is obtained by cancellation.* Residuals and $q = \ln |\det W|$ are states of their own, beside $w$;
  the determinant enters as a constant sign times $e^q$, so rounding cannot change its sign.
- *Every state has a scale that suits it*, and time runs in units in which all of them move evenly, so that
  steps stay long over tens of decades. The early charts are for a product far from fitting, small or large, whose
  entries matter relative to themselves; the late chart for small residuals.
- *The five states are one too many*: $W_{12} W_{21} + \det W = w W_{22}$. An early chart reads one entry off this
  identity. The late chart holds all, with a spring that vanishes on the identity, and after each step puts its
  residuals where the identity holds to rounding. So the theorems about the determinant hold in each row.

A point of a chart is a vector of six numbers, which `read` and `rate` take together with the chart that it is of. How
the charts are integrated is `flow._two_by_two_path`'s business.
"""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

LATE = 4  # the number of the late chart; those of the early ones are 0 to 3


class Flow(eqx.Module):
    """What stays constant along a path. The depth is traced, so that one compilation serves all depths."""

    values: Float[Array, "2 2"]
    det_sign: Float[Array, ""]
    depth: Float[Array, ""]
    scale: Float[Array, ""]  # Frobenius norm of the start
    target_loss: Float[Array, ""]
    rtol: Float[Array, ""]

    @property
    def zz(self):
        """The product of the two nonzero observations; for eps = 0, solutions have determinant -zz."""
        return self.values[0, 1] * self.values[1, 0]

    @property
    def unit(self):
        """The size of the observations, in which a product is small or large."""
        return jnp.sqrt(jnp.abs(self.zz))

    @property
    def time_unit(self):
        """About the time in which the start moves by its own size."""
        return self.scale ** (2 / self.depth - 1) / self.depth / jnp.maximum(1.0, self.scale / self.unit)


class State(eqx.Module):
    """A point of the path, read off either chart; `log_time` is ln(1 + t / time_unit)."""

    W: Float[Array, "2 2"]
    residual: Float[Array, "2 2"]
    log_abs_det: Float[Array, ""]
    log_time: Float[Array, ""]

    @property
    def loss(self):
        return 0.5 * jnp.sum(self.residual**2)


def velocity(state: State, flow: Flow) -> tuple[Float[Array, "2 2"], Float[Array, ""]]:
    r"""$\dot W$ and $\dot q$, from singular values and vectors without an eigenvalue routine.

    Split $W = A + B$ into a multiple $A$ of a rotation and a multiple $B$ of a reflection. With
    $|A| = \|A\|_F / \sqrt 2$, the larger singular value is $\sigma_1 = |A| + |B|$; the matrices
    $P = (A/|A| + B/|B|) / 2$ and its cofactors $C = (A/|A| - B/|B|) / 2$ are $u_1 v_1^\top$ and
    $\pm u_2 v_2^\top$, and in these terms

    $$\dot W = -K_{12} G - (K_{11} - K_{12}) \langle G, P \rangle P
    - (K_{22} - K_{12}) \langle G, C \rangle C,
    \qquad K_{ik} = \sum_{m=0}^{L-1} \sigma_i^{2m/L} \sigma_k^{2(L-1-m)/L}.$$

    The smaller singular value is $\sigma_2 = e^q / \sigma_1$, never a difference.
    """
    G, L = state.residual, flow.depth
    norm = jnp.sqrt(jnp.sum(state.W**2))
    N = state.W / norm  # or products of small entries would underflow
    (w, a), (b, d) = N
    cofactors = jnp.array([[d, -b], [-a, w]])
    A, B = (N + cofactors) / 2, (N - cofactors) / 2
    # The 1e-16 makes a start with sigma_1 = sigma_2 a regular point, at the price of one rounding error.
    A_square, B_square = jnp.sum(A**2) / 2, jnp.sum(B**2) / 2
    A_norm, B_norm = jnp.sqrt(A_square + 1e-16 * B_square), jnp.sqrt(B_square + 1e-16 * A_square)
    # Where the determinant is small these sums cancel, but |A|^2 - |B|^2 is the determinant.
    det = flow.det_sign * jnp.exp(state.log_abs_det - 2 * jnp.log(norm))
    plus, minus = (1 / A_norm + 1 / B_norm) / 4, -det / (4 * A_norm * B_norm * (A_norm + B_norm))
    is_small = jnp.abs(det) < A_norm * B_norm
    P = jnp.where(is_small, plus * N + minus * cofactors, (A / A_norm + B / B_norm) / 2)
    C = jnp.where(is_small, plus * cofactors + minus * N, (A / A_norm - B / B_norm) / 2)
    # For large w that difference loses P22 ~ 1/w^2, but P has rank one.
    dominant = jnp.abs(P[0, 0]) > 0.9
    P22 = jnp.where(dominant, P[0, 1] * P[1, 0] / jnp.where(dominant, P[0, 0], 1.0), P[1, 1])
    P, C = P.at[1, 1].set(P22), C.at[0, 0].set(P22)

    σ1 = norm * (A_norm + B_norm)
    gap = (2 / L) * (2 * jnp.log(σ1) - state.log_abs_det)  # e^-gap = (sigma_2 / sigma_1)^(2/L)
    K11 = L * σ1 ** (2 - 2 / L)
    K12 = K11 / L * geometric_sum(gap, L)
    K22 = K11 * jnp.exp(-(L - 1) * gap)
    G1, G2 = jnp.sum(G * P), jnp.sum(G * C)
    dW = -(K12 * G + (K11 - K12) * G1 * P + (K22 - K12) * G2 * C)
    dq = -K11 / σ1 * (G1 + flow.det_sign * jnp.exp(-(L / 2 - 1) * gap) * G2)  # the trace of W^-1 dW
    return dW, dq


def geometric_sum(gap, L):
    r"""$\sum_{m<L} e^{-m \, \text{gap}}$, for real $L$ and a gap of at least 0."""
    safe = jnp.where(gap == 0, 1.0, gap)
    return jnp.where(gap == 0, L, jnp.expm1(-L * safe) / jnp.expm1(-safe))


# An early chart holds asinh(W / size), q and log_time, for the size of the start or of the observations, whichever is
# less. Beside a large entry the opposite one may be far below what rounding leaves of its velocity: it is read off the
# identity, and its place in the chart is idle. The chart's number is this entry's. Since the velocity is nearly
# homogeneous in W, of degree 2 - 2/L, and in the residuals, time runs as dt = ||W||^(2/L - 1) / (L ||residual||) ds.


def early_write(state: State, flow: Flow) -> Float[Array, "6"]:
    """The point of an early chart for a state."""
    entries = jnp.arcsinh(state.W / _early_size(flow)).ravel()
    return jnp.array([*entries, state.log_abs_det, state.log_time])


def early_chart(state: State, chart: Int[Array, ""]) -> Int[Array, ""]:
    """Where the entry opposite to a largest one is read off the identity; still `chart` if that one remains large.

    Nowhere do rounding errors choose between entries of one size.
    """
    sizes = jnp.abs(state.W.ravel())
    remains = (jnp.arange(4) == 3 - chart) & (sizes >= 0.5 * jnp.max(sizes))
    return jnp.where(jnp.any(remains), chart, 3 - jnp.argmax(sizes >= 0.9 * jnp.max(sizes)))


def _early_size(flow: Flow):
    return jnp.minimum(flow.scale, flow.unit)


def _early_read(y: Float[Array, "6"], chart: Int[Array, ""], flow: Flow) -> State:
    W = _early_size(flow) * jnp.sinh(y[:4])
    w, a, b, d = W
    opposite = jnp.sum(jnp.where(jnp.arange(4) == 3 - chart, W, 0.0))
    opposite = jnp.where(opposite == 0, 1.0, opposite)  # in another chart
    on_diagonal = (chart == 0) | (chart == 3)
    product = jnp.where(on_diagonal, a / opposite * b, w / opposite * d)
    det = flow.det_sign * jnp.sign(opposite) * jnp.exp(y[4] - jnp.log(jnp.abs(opposite)))
    entry = product + jnp.where(on_diagonal, det, -det)
    W = jnp.where(jnp.arange(4) == chart, entry, W).reshape(2, 2)
    return State(W, (W - flow.values).at[0, 0].set(0.0), y[4], y[5])


def _early_rate(chart: Int[Array, ""], state: State, dW, dq, flow: Flow) -> Float[Array, "6"]:
    dt = jnp.sum(state.W**2) ** (1 / flow.depth - 0.5) / (flow.depth * jnp.sqrt(2 * state.loss))
    dentries = (dW / jnp.sqrt(_early_size(flow) ** 2 + state.W**2)).ravel()
    dentries = jnp.where(jnp.arange(4) == chart, 0.0, dentries)
    return dt * jnp.array([*dentries, dq, jnp.exp(-state.log_time) / flow.time_unit])


def early_is_over(state: State, flow: Flow):
    """Whether W12 and W21 are within half of what is observed.

    Before, near a saddle where one is fitted and the other is tiny, what leads away must be known relative to itself.
    """
    return _misfit(state, flow) <= 0.5


def late_is_over(state: State, flow: Flow):
    """Whether W12 or W21 is about to vanish after all."""
    return _misfit(state, flow) > 0.9


def _misfit(state: State, flow: Flow):
    """How far W12 and W21 are from their observations, in units of these: the larger."""
    share = jnp.abs(state.residual / jnp.where(flow.values == 0, 1.0, flow.values))
    return jnp.maximum(share[0, 1], share[1, 0])


def may_be_at_saddle(state: State, flow: Flow):
    """Whether what leads away from a saddle may be so small that the early chart has no logarithm of it.

    What is tiny at a saddle is W11 and W22, or W12 and W21. There is none for a product larger than the observations.
    """
    W = state.W
    tiny = jnp.minimum(jnp.hypot(W[0, 0], W[1, 1]), jnp.hypot(W[0, 1], W[1, 0])) < _early_size(flow)
    return tiny & (jnp.sum(W**2) < 4 * jnp.sum(flow.values**2))


# The late chart holds asinh w, the residuals of W12, W21, W22 times h, h, sqrt h for h = 1 + w^2, then asinh
# ln |det W / zz|, and log_time. Time runs as dt = h^(1 + 1/L) / (L slowing) ds, in which asinh w grows like s, slower
# where W22 is far from its value or the determinant changes fast.

_POWERS = (1.0, 1.0, 0.5)


def late_write(state: State, flow: Flow) -> Float[Array, "6"]:
    """The chart's point for a state."""
    w = state.W[0, 0]
    residuals = (1 + w**2) ** jnp.array(_POWERS) * state.residual.ravel()[1:]
    log_ratio = state.log_abs_det - jnp.log(jnp.abs(flow.zz))
    return jnp.array([jnp.arcsinh(w), *residuals, jnp.arcsinh(log_ratio), state.log_time])


def _late_read(y: Float[Array, "6"], flow: Flow) -> State:
    w = jnp.sinh(y[0])
    residuals = y[1:4] / (1 + w**2) ** jnp.array(_POWERS)
    residual = jnp.array([0.0, *residuals]).reshape(2, 2)
    W = (flow.values + residual).at[0, 0].set(w)
    return State(W, residual, jnp.sinh(y[4]) + jnp.log(jnp.abs(flow.zz)), y[5])


def _late_rate(y: Float[Array, "6"], state: State, dW, dq, flow: Flow) -> Float[Array, "6"]:
    L, w, log_ratio = flow.depth, state.W[0, 0], jnp.sinh(y[4])
    h = 1 + w**2

    # The spring descends on defect^2 / 2, by W22 where w is large and by q where it is not.
    defect, det = _identity_defect(state, log_ratio, flow)
    stiffness = L * h ** (-1 / L)
    dW = dW.at[1, 1].add(stiffness * w * defect)
    dq = dq - stiffness / h**2 * det * defect / flow.zz**2

    dw, powers = dW[0, 0], jnp.array(_POWERS)
    dresiduals = h**powers * dW.ravel()[1:] + powers * (2 * w * dw / h) * y[1:4]
    growth = h ** (1 + 1 / L) / L
    slowing = jnp.sqrt(1 + y[3] ** 2 + (0.1 * growth * dq) ** 2 / (1 + log_ratio**2))
    # Residuals relax at rates like h^2 / slowing in s, far faster than anything else. Those above 1e10 are lowered to
    # it, or rounding errors of the rates would shorten steps.
    dresiduals = dresiduals / (1 + h**2 / slowing / 1e10)
    dt = growth / slowing
    dlog_time = jnp.exp(-state.log_time) / flow.time_unit
    return dt * jnp.array([dw / jnp.sqrt(h), *dresiduals, dq / jnp.sqrt(1 + log_ratio**2), dlog_time])


def _identity_defect(state: State, log_ratio, flow: Flow):
    r"""$W_{12} W_{21} + \det W - w W_{22}$, in terms that for eps = 0 tend to zero; and $\det W$."""
    (_, e12), (e21, _) = state.residual
    same_sign = flow.det_sign * flow.zz > 0
    det = jnp.where(same_sign, 1, -1) * flow.zz * jnp.exp(log_ratio)
    zz_plus_det = flow.zz * jnp.where(same_sign, 1 + jnp.exp(log_ratio), -jnp.expm1(log_ratio))
    rest = flow.values[0, 1] * e21 + flow.values[1, 0] * e12 + e12 * e21
    return zz_plus_det + rest - state.W[0, 0] * state.W[1, 1], det


def late_settled(y: Float[Array, "6"], flow: Flow) -> Float[Array, "6"]:
    """The point next to `y` on the identity, with other residuals: next in the measure of errors."""
    state = _late_read(y, flow)
    (w, a), (b, _) = state.W
    slope = jnp.array([b, a, -w]) / (1 + w**2) ** jnp.array(_POWERS)
    step = _late_size(y, flow) ** 2 * slope
    defect, _ = _identity_defect(state, jnp.sinh(y[4]), flow)
    return y.at[1:4].add(-defect * step / jnp.sum(slope * step))


def write(state: State, chart: Int[Array, ""], flow: Flow) -> Float[Array, "6"]:
    """The point of a chart for a state."""
    return jnp.where(chart == LATE, late_write(state, flow), early_write(state, flow))


def read(y: Float[Array, "6"], chart: Int[Array, ""], flow: Flow) -> State:
    """The state at a point of a chart."""
    return jax.tree.map(partial(jnp.where, chart == LATE), _late_read(y, flow), _early_read(y, chart, flow))


def rate(y: Float[Array, "6"], chart: Int[Array, ""], flow: Flow) -> Float[Array, "6"]:
    """dy/ds, in the time of the chart."""
    state = read(y, chart, flow)
    dW, dq = velocity(state, flow)
    return jnp.where(chart == LATE, _late_rate(y, state, dW, dq, flow), _early_rate(chart, state, dW, dq, flow))


def error_scale(y: Float[Array, "6"], chart: Int[Array, ""], flow: Flow) -> Float[Array, "6"]:
    """Late residuals and early entries have errors relative to their size, not below rounding; the rest, absolute."""
    entries = jnp.abs(jnp.sinh(y[:4]))
    early = jnp.maximum(1.0, 1e-9 * jnp.max(entries) / jnp.sqrt(1 + entries**2))
    late = jnp.array([1.0, *_late_size(y, flow)])
    return jnp.concatenate([jnp.where(chart == LATE, late, early), jnp.ones(2)])


def _late_size(y: Float[Array, "6"], flow: Flow) -> Float[Array, "3"]:
    """Of the residuals in the late chart: the loss hangs on all together, the identity on shares of the observed."""
    residuals, observed = jnp.abs(y[1:4]), jnp.abs(jnp.array([flow.values[0, 1], flow.values[1, 0], flow.unit]))
    rounding = 4e-16 * jnp.abs(flow.values[1, 1]) * jnp.cosh(y[0]) ** 2  # in w W22, if eps is not 0
    return jnp.minimum(jnp.sum(residuals), observed * jnp.sum(residuals / observed)) + rounding / flow.rtol


def is_at_floor(state: State, flow: Flow):
    r"""Whether the loss has come down to $\epsilon^2 / 2$ and cannot go below.

    If $\det W$ and $W_{12} W_{21}$ have one sign, so has $w W_{22}$. If this is not the sign of $w
    \epsilon$, then $W_{22}$, which cannot pass zero, tends to zero instead of $\epsilon$.
    """
    eps = flow.values[1, 1]
    off_diagonal = jnp.abs(state.residual) < jnp.abs(flow.values) / 2
    locked = (flow.det_sign * flow.zz > 0) & off_diagonal[0, 1] & off_diagonal[1, 0]
    wrong_side = flow.zz * state.W[0, 0] * eps < 0
    return locked & wrong_side & (state.loss <= (1 + 100 * flow.rtol) * eps**2 / 2)
