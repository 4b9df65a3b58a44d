r"""The velocity of the balanced flow of a square completion task, and two charts to integrate it in.

With $G = \nabla \ell(W)$ and $W = U \operatorname{diag}(\sigma) V^\top$, balanced factors of depth $L$ move their
product by

$$\dot W = -\sum_{j=1}^{L} (W W^\top)^{(j-1)/L} \, G \, (W^\top W)^{(L-j)/L} = -U (K \circ U^\top G V) V^\top,
\qquad K_{ik} = \sum_{n<L} x_i^n x_k^{L-1-n}, \quad x_i = \sigma_i^{2/L} .$$

As a function of $W$ this is smooth where singular values coincide, though $U$ and $V$ are not: its derivative contains
them in the divided differences $(K_{mk} - K_{ik}) / (\sigma_m^2 - \sigma_i^2)$ only, which are ratios of sums of
positive terms. So the frames are nobody's state. They are computed anew at each point, and the derivative is given.

- *The plain chart* holds the entries of $W$, and once these are near the observed ones, the residuals instead.
- *The late chart* is for one unseen entry $w$ that outgrows the rest while $\sigma_d$ tends to zero. It holds
  $w$, $q = \ln |\det W|$ and all residuals but one, which $\det W = \pm e^q$ determines: the determinant enters as a
  constant sign times $e^q$, so rounding cannot change its sign. No singular vector is obtained by cancellation: the
  first pair by iteration, the others from the block that is left.
"""

from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Bool, Float, Int, Shaped

from implreg_core.flow._two_by_two import geometric_sum

LEAST = 1e-12  # of sigma_i / sigma_1, that the entries can tell
_SMALLEST = -250.0  # of ln(sigma_i / sigma_1): below, a singular value is as good as zero


class Flow(eqx.Module):
    """What stays constant along a path."""

    values: Float[Array, "d d"]
    observed: Bool[Array, "d d"]
    det_sign: Float[Array, ""]
    scale: Float[Array, ""]  # Frobenius norm of the start
    target_loss: Float[Array, ""]
    rtol: Float[Array, ""]
    depth: Float[Array, ""]  # traced, so that one compilation serves all depths

    @property
    def time_unit(self):
        """About the time in which the start moves by its own size."""
        return self.scale ** (2 / self.depth - 1) / self.depth / jnp.maximum(1.0, self.scale)


class State(NamedTuple):
    """A point of the path, read off either chart; `log_time` is ln(1 + t / time_unit)."""

    W: Float[Array, "d d"]
    residual: Float[Array, "d d"]
    log_abs_det: Float[Array, ""]
    log_time: Float[Array, ""]

    @property
    def loss(self):
        return 0.5 * jnp.sum(self.residual**2)


class Chart(NamedTuple):
    """What the numbers of a point mean, and the orders of rows and columns in which they do."""

    kind: Int[Array, ""]
    rows: Int[Array, " d"]
    columns: Int[Array, " d"]
    det_sign: Float[Array, ""]  # of the matrix with its rows and columns in these orders
    signs: Float[Array, " d"]  # of D in a graded chart


class Frames(NamedTuple):
    """Singular vectors, as columns, and logarithms of singular values."""

    U: Float[Array, "d d"]
    logs: Float[Array, " d"]
    V: Float[Array, "d d"]


def frames(W: Float[Array, "d d"]) -> Frames:
    """By LAPACK: good to rounding errors relative to the first singular value."""
    U, S, Vt = jnp.linalg.svd(W)
    return Frames(U, jnp.maximum(jnp.log(S), jnp.log(S[0]) + _SMALLEST), Vt.T)


def _told(at: Frames, log_abs_det, det_sign) -> Frames:
    """With the last singular value, and the sign of its vectors, as the determinant tells them."""
    last = log_abs_det - jnp.sum(at.logs[:-1])
    sign = det_sign * jnp.sign(jnp.linalg.det(at.U) * jnp.linalg.det(at.V))
    return Frames(at.U, at.logs.at[-1].set(jnp.maximum(last, at.logs[0] + _SMALLEST)), at.V.at[:, -1].multiply(sign))


def _late_frames(W: Float[Array, "d d"]) -> Frames:
    r"""Of a matrix whose first entry dominates: good entry by entry, but the last singular value.

    The first pair is $(1, x)$ and $(1, y)$ up to length, where $x$ and $y$, small as they are, come from power
    iteration with their own relative accuracy. On the complement of $(1, x)$, with the basis of the columns of
    $(-x, I)^\top (I + x x^\top)^{-1/2}$, and that of $(1, y)$ the matrix is
    $(I + x x^\top)^{-1/2} (B - x a^\top) (I + y y^\top)^{1/2}$.
    """
    w, a, b, B = W[0, 0], W[0, 1:], W[1:, 0], W[1:, 1:]
    U, _, Vt = jnp.linalg.svd(W)
    x, y = U[1:, 0] / U[0, 0], Vt[0, 1:] / Vt[0, 0]
    for _ in range(2):
        x = (b + B @ y) / (w + a @ y)
        y = (a + x @ B) / (w + x @ b)
    roots = jnp.sqrt(1 + x @ x), jnp.sqrt(1 + y @ y)
    to_x = jnp.eye(len(x)) - jnp.outer(x, x) / (roots[0] * (1 + roots[0]))
    to_y = jnp.eye(len(y)) - jnp.outer(y, y) / (roots[1] * (1 + roots[1]))
    block = to_x @ (B - jnp.outer(x, a)) @ (jnp.eye(len(y)) + jnp.outer(y, y) / (1 + roots[1]))
    U, S, Vt = jnp.linalg.svd(block)
    first = (w + a @ y + x @ b + x @ B @ y) / (roots[0] * roots[1])
    U = jnp.block([[1 / roots[0], -(x @ to_x @ U)[None]], [(x / roots[0])[:, None], to_x @ U]])
    V = jnp.block([[1 / roots[1], -(y @ to_y @ Vt.T)[None]], [(y / roots[1])[:, None], to_y @ Vt.T]])
    return Frames(U, jnp.log(jnp.append(jnp.abs(first), S)), V.at[:, 0].multiply(jnp.sign(first)))


@jax.custom_jvp
def velocity(depth, W, G, log_abs_det, kind, det_sign):
    r"""$\dot W$, and $\dot q = -L \sum_i \sigma_i^{1-2/L} \, u_i^\top G v_i$, the trace of $W^{-1} \dot W$."""
    at = _frames(W, log_abs_det, kind, det_sign)
    return _velocity(depth, at, at.U.T @ G @ at.V)


def _frames(W, log_abs_det, kind, det_sign):
    at = jax.lax.cond(kind == LATE, _late_frames, frames, W)
    return _where(kind == FITTED, at, _told(at, log_abs_det, det_sign))


def _velocity(depth, at, g):
    C = _kernel(at.logs, 2 / depth, depth) * g
    return -at.U @ C @ at.V.T, -depth * jnp.exp((1 - 2 / depth) * at.logs) @ jnp.diag(g)


@velocity.defjvp
def _(primals, tangents):
    r"""With $M = U^\top \dot W V$, the derivative of $W W^\top$ is $N = M S + S M^\top$, that of $W^\top W$ is
    $N' = S M + M^\top S$, and that of the sum is

    $$\sum_m \Phi_{mik} N_{im} g_{mk} + \sum_m g_{im} N'_{mk} \Phi_{kmi},
    \qquad \Phi_{abc} = \frac{K_{ac} - K_{bc}}{\sigma_a^2 - \sigma_b^2} .$$
    """
    depth, W, G, log_abs_det, kind, det_sign = primals
    _, dW, dG, dq, *_ = tangents
    at = _frames(W, log_abs_det, kind, det_sign)
    U, logs, V = at
    g, dg, M = (U.T @ X @ V for X in (G, dG, dW))
    S = jnp.exp(logs)
    # The entries do not tell the last singular value where the determinant does.
    ratio = jnp.diag(M) / S
    M = jnp.where(kind == FITTED, M, M.at[-1, -1].set(S[-1] * (dq - jnp.sum(ratio[:-1]))))

    Φ = _kernel_differences(logs, 2 / depth, depth)
    N, N_ = M * S + (M * S).T, S[:, None] * M + (S[:, None] * M).T
    dC = jnp.einsum("mik,im,mk->ik", Φ, N, g) + jnp.einsum("im,mk,kmi->ik", g, N_, Φ)
    dC = dC + _kernel(logs, 2 / depth, depth) * dg

    # Of sigma^(1 - 2/L), symmetric and antisymmetric parts of M apart.
    power = jnp.exp((1 - 2 / depth) * logs)
    even = _kernel(logs, 1 / depth, depth - 2) / _kernel(logs, 1 / depth, depth)
    odd = (power[:, None] + power) / (S[:, None] + S)
    dpower = (even * (M + M.T) + odd * (M - M.T)) / 2
    return _velocity(depth, at, g), (-U @ dC @ V.T, -depth * (jnp.sum(dpower * g) + power @ jnp.diag(dg)))


def _kernel(logs, power, n):
    """The sums of all products of n - 1 factors, each x_i or x_k, where x is e^logs to this power."""
    # A difference of products could be rounded in two ways within one quotient, and so be 0 and not 0.
    gaps = power * jnp.abs(logs[:, None] - logs)
    return jnp.exp((n - 1) * power * jnp.maximum(logs[:, None], logs)) * geometric_sum(gaps, n)


def _kernel_differences(logs, power, n):
    """At [a, b, c]: what the kernel of x_a and x_c is more than that of x_b and x_c, over x_a^n - x_b^n."""
    x = jnp.exp(power * (logs - logs[0]))  # the ratios do not overflow

    def add(_, carry):
        differences, sums, powers = carry
        sums = powers[:, None] + x * sums
        return differences * x + sums[:, :, None], sums, powers * x

    zero = jnp.zeros((len(x), len(x)))
    start = jnp.zeros(3 * x.shape), zero, jnp.ones_like(x)
    differences, *_ = jax.lax.fori_loop(0, jnp.asarray(n - 1, int), add, start)
    return jnp.exp(-power * logs[0]) * differences / _kernel(logs - logs[0], power, n)[:, :, None]


# A chart of kind GRADED is W = L D U with unit triangular L and U. Its numbers are theirs and ln |D|: whatever the
# scales of the singular values, they have errors relative to themselves. FITTED: the residuals, and unseen entries.
# LATE: asinh w, then the residuals times h = 1 + w^2 and other unseen entries, but in the second place of the diagonal
# asinh q. All have log_time as their last number.

GRADED, FITTED, LATE = range(3)


def graded_chart(W: Float[Array, "d d"], flow: Flow) -> Chart:
    """Where a path begins."""
    return _chart(GRADED, *_pivots(W), W, flow)


def _chart(kind, rows, columns, W, flow):
    sign = flow.det_sign * _parity(rows) * _parity(columns)
    signs = jnp.sign(_factors(W[rows][:, columns])[1][:-1])
    return Chart(jnp.asarray(kind), rows, columns, sign, jnp.append(signs, sign * jnp.prod(signs)))


def _parity(order):
    """1 for an even permutation, -1 for an odd one."""
    inversions = jnp.sum(jnp.triu(order[:, None] > order))
    return jnp.where(inversions % 2 == 0, 1.0, -1.0)


def _pivots(W):
    """Rows and columns in the order of elimination, each pivot the largest of what is left."""

    def pivot(carry, _):
        A, free = carry
        k = jnp.argmax(jnp.where(free, jnp.abs(A), -1.0))
        i, j = k // len(A), k % len(A)
        left = A - jnp.outer(A[:, j], A[i]) / A[i, j]
        return (left, free.at[i].set(False).at[:, j].set(False)), (i, j)

    _, (rows, columns) = jax.lax.scan(pivot, (W, jnp.ones(W.shape, bool)), length=len(W))
    return rows, columns


def _order(d, first, second):
    indices = jnp.arange(d)
    return jnp.argsort(jnp.where(indices == first, -2, jnp.where(indices == second, -1, indices)))


def best_chart(state: State, chart: Chart, flow: Flow) -> Chart:
    """Late if one unseen entry dominates and the determinant is lost among the entries; fitted if residuals are small.

    A chart is kept while it is good enough: what is gained must be worth a change.
    """
    W, d = state.W, len(state.W)
    at = frames(W)
    gap, thin = at.logs[0] - at.logs[1], at.logs[0] - at.logs[-1]
    w = jnp.argmax(jnp.where(flow.observed, -1.0, jnp.abs(W)))
    first = jnp.where(jnp.all(flow.observed), 0.0, jnp.abs(at.U[w // d, 0] * at.V[w % d, 0]))
    is_late = jnp.where(
        chart.kind == LATE, (first > 0.7) & (gap > 0.7) & (thin > 2.3), (first > 0.85) & (gap > 1.1) & (thin > 6.9)
    )
    told = jnp.abs(jnp.outer(at.U[:, -1], at.V[:, -1])).at[w // d].set(-1.0).at[:, w % d].set(-1.0)
    same = w == chart.rows[0] * d + chart.columns[0]
    keeps_late = (chart.kind == LATE) & same & (told[chart.rows[1], chart.columns[1]] > 0.3 * jnp.max(told))

    # The last singular value has errors relative to the first one, and near the end it hardly moves any more.
    near = state.loss / jnp.sum(flow.values**2)
    is_fitted = ((near < 1e-10) & (thin < 14)) | ((near < 1e-18) & (thin < 27))
    L, _, U = _factors(permuted(chart, W))
    keeps_graded = (chart.kind == GRADED) & (jnp.maximum(jnp.max(jnp.abs(L)), jnp.max(jnp.abs(U))) < 3)

    # Late: the largest unseen entry first; second, of those in other rows and columns, the best told by sigma_d.
    told = jnp.argmax(told)
    late = jnp.asarray(LATE), _order(d, w // d, told // d), _order(d, w % d, told % d)
    fitted = jnp.asarray(FITTED), jnp.arange(d), jnp.arange(d)
    graded = jnp.asarray(GRADED), *_pivots(W)
    new = _chart(*_where(is_late, late, _where(is_fitted, fitted, graded)), W, flow)
    keeps = jnp.where(is_late, keeps_late, jnp.where(is_fitted, chart.kind == FITTED, keeps_graded))
    return _where(keeps, chart, new)


def _where(condition, one, other):
    return jax.tree.map(partial(jnp.where, condition), one, other)


def permuted(chart: Chart, A: Shaped[Array, "d d"]) -> Shaped[Array, "d d"]:
    """In the chart's order."""
    return A[chart.rows][:, chart.columns]


def unpermuted(chart: Chart, state: State) -> State:
    """The state that `read` gave, in the order of the task."""
    rows, columns = jnp.argsort(chart.rows), jnp.argsort(chart.columns)
    return state._replace(W=state.W[rows][:, columns], residual=state.residual[rows][:, columns])


def write(state: State, chart: Chart, flow: Flow) -> Float[Array, " n"]:
    """The chart's point for a state."""
    W, residual, observed = (permuted(chart, A) for A in (state.W, state.residual, flow.observed))

    def graded():
        L, D, U = _factors(W)
        logs = jnp.log(jnp.abs(D))[:-1]
        logs = jnp.append(logs, state.log_abs_det - jnp.sum(logs))  # the last pivot may be lost among the entries
        return jnp.tril(L, -1) + jnp.triu(U, 1) + jnp.diag(logs)

    def fitted():
        return jnp.where(observed, residual, W)

    def late():
        y = jnp.where(observed, (1 + W[0, 0] ** 2) ** _powers(len(W)) * residual, W)
        return y.at[0, 0].set(jnp.arcsinh(W[0, 0])).at[1, 1].set(jnp.arcsinh(state.log_abs_det))

    return jnp.append(jax.lax.switch(chart.kind, (graded, fitted, late)).ravel(), state.log_time)


def _factors(W):
    """L, the diagonal D, and U of W = L D U."""

    def eliminate(A, k):
        row, column = A[k], A[:, k] / A[k, k]
        return A - jnp.outer(column, row), (row / A[k, k], column, A[k, k])

    _, (U, L, D) = jax.lax.scan(eliminate, W, jnp.arange(len(W)))
    return jnp.tril(L.T), D, jnp.triu(U)


def read(y: Float[Array, " n"], chart: Chart, flow: Flow) -> State:
    """The state at a point of a chart, its rows and columns in the order of the chart."""
    values, observed = permuted(chart, flow.values), permuted(chart, flow.observed)
    y, log_time = y[:-1].reshape(values.shape), y[-1]

    def graded():
        D = chart.signs * jnp.exp(jnp.diag(y))
        W = (jnp.tril(y, -1) + jnp.eye(len(y))) * D @ (jnp.triu(y, 1) + jnp.eye(len(y)))
        return W, W - values, jnp.trace(y)

    def fitted():
        W = values + y
        return W, y, jax.lax.stop_gradient(jnp.linalg.slogdet(jax.lax.stop_gradient(W))[1])

    def late():
        w, q = jnp.sinh(y[0, 0]), jnp.sinh(y[1, 1])
        X = jnp.where(observed, y / (1 + w**2) ** _powers(len(y)), y).at[0, 0].set(w).at[1, 1].set(0.0)
        W = values + X
        # By Schur's complement of all but the second row and column.
        others = jnp.array([0, *range(2, len(W))])
        A, row, column = W[others][:, others], W[1, others], W[others, 1]
        sign, log = jnp.linalg.slogdet(A)
        told = row @ jnp.linalg.solve(A, column) - values[1, 1] + chart.det_sign * sign * jnp.exp(q - log)
        X = X.at[1, 1].set(told)
        return values + X, X, q

    W, X, q = jax.lax.switch(chart.kind, (graded, fitted, late))
    return State(W, jnp.where(observed, X, 0.0), q, log_time)


def _powers(d):
    """Of h, by which residuals in the late chart are multiplied: those in the row and column of w are smaller."""
    return jnp.full((d, d), 0.5).at[0].set(1.0).at[:, 0].set(1.0)


def rate(y: Float[Array, " n"], chart: Chart, flow: Flow) -> Float[Array, " n"]:
    """dy/ds, in the time of the chart."""
    state = read(y, chart, flow)
    dW, dq = velocity(flow.depth, state.W, state.residual, state.log_abs_det, chart.kind, chart.det_sign)
    y = y[:-1].reshape(dW.shape)
    square = jnp.sum(state.W**2)
    dt = square ** (1 / flow.depth - 0.5) / (flow.depth * jnp.sqrt(1 + square))

    def graded():
        L, U = jnp.tril(y, -1) + jnp.eye(len(y)), jnp.triu(y, 1) + jnp.eye(len(y))
        D = chart.signs * jnp.exp(jnp.diag(y))
        F = solve_triangular(L, dW, lower=True, unit_diagonal=True)
        F = solve_triangular(U.T, F.T, lower=True, unit_diagonal=True).T
        dlogs = (jnp.diag(F) / D)[:-1]
        dlogs = jnp.append(dlogs, dq - jnp.sum(dlogs))
        return L @ jnp.tril(F / D, -1) + jnp.triu(F / D[:, None], 1) @ U + jnp.diag(dlogs), dt

    def fitted():
        return dW, dt

    def late_():
        observed = permuted(chart, flow.observed)
        L, w, dw, h = flow.depth, state.W[0, 0], dW[0, 0], 1 + state.W[0, 0] ** 2
        square = 1 + state.log_abs_det**2
        # In this time asinh w grows like s, slower where the determinant changes fast.
        growth = h ** (1 + 1 / L) / L
        slowing = jnp.sqrt(1 + state.residual[1, 1] ** 2 * h + (0.1 * growth * dq) ** 2 / square)
        # Residuals of the first row and column relax at rates like h^2 / slowing in s, others more slowly, but all far
        # faster than anything else. Capping the rates at 1e9 shifts them by one part in 1e9 and saves steps.
        powers = _powers(len(dW))
        cap = 1 + jnp.where(powers == 1, h**2, h ** (1 + 1 / L)) / slowing / 1e9
        dy = jnp.where(observed, (h**powers * dW + 2 * powers * w * dw / h * y) / cap, dW)
        return dy.at[0, 0].set(dw / jnp.sqrt(h)).at[1, 1].set(dq / jnp.sqrt(square)), growth / slowing

    dy, dt = jax.lax.switch(chart.kind, (graded, fitted, late_))
    return dt * jnp.append(dy.ravel(), jnp.exp(-state.log_time) / flow.time_unit)
