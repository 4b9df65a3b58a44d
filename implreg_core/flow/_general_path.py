"""The path of the balanced flow of a square task: one loop of steps through the charts of `flow._general`."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from implreg_core.flow import _general as charts
from implreg_core.flow import _rosenbrock
from implreg_core.flow._stepping import FIRST_STEP, judge

_STILL = 1e-12  # what a step moves, relative, if the path stands still
_PATIENCE = 30  # of steps that it does so


class Path(NamedTuple):
    """The accepted steps: rows up to `last` count. A row is W, the residuals, log |det W| and ln(1 + t / time_unit)."""

    rows: Float[Array, "n k"]
    last: Int[Array, ""]
    tried: Int[Array, ""]
    still: Int[Array, ""]  # steps, the last ones, that moved nothing
    lost: Bool[Array, ""]  # whether entries no longer tell the determinant


class Loop(NamedTuple):
    """`path` between two steps."""

    y: Float[Array, " n"]
    state: charts.State  # at y
    chart: charts.Chart
    h: Float[Array, ""]
    shortened: Int[Array, ""]  # steps taken anew because they led beyond the target loss
    ends: Bool[Array, ""]  # whether `y` comes from such a step
    path: Path


def begin(W0: Float[Array, "d d"], log_abs_det: Float[Array, ""], flow: charts.Flow, *, rows: int) -> Loop:
    """The path before its first step."""
    d, off, zero = len(W0), jnp.zeros((), bool), jnp.zeros((), int)
    residual = jnp.where(flow.observed, W0 - flow.values, 0.0)
    state = charts.State(W0, residual, log_abs_det, jnp.zeros(()))
    chart = charts.graded_chart(W0, flow)
    record = jnp.zeros((rows, 2 * d * d + 2)).at[0].set(_row(state))
    path = Path(record, zero, zero, zero, off)
    h = jnp.asarray(FIRST_STEP, float)  # typed as firmly as after a step, or the loop would be compiled twice
    return Loop(charts.write(state, chart, flow), state, chart, h, zero, off, path)


def advance(loop: Loop, flow: charts.Flow, tries: Int[Array, ""] | int) -> Loop:
    """Until the target loss, or a standstill; or until the rows are full, or `tries` steps were tried."""

    def goes_on(loop):
        return ~is_over(loop, flow) & (loop.path.last < len(loop.path.rows) - 1) & (loop.path.tried < tries)

    def attempt(loop):
        chart, before = loop.chart, loop.state
        y, error = _rosenbrock.step(lambda y: charts.rate(y, chart, flow), loop.y, loop.h)
        after, size = _error_size(error, y, chart, flow)
        after = charts.unpermuted(chart, after)
        aim = {"target_loss": flow.target_loss, "shortened": loop.shortened}
        accepted, beyond, _, h = judge(loop.h, size, before.loss, after.loss, **aim)

        y = jnp.where(accepted, y, loop.y)
        state = jax.tree.map(lambda new, old: jnp.where(accepted, new, old), after, before)
        new_chart = charts.best_chart(state, chart, flow)
        is_other = (new_chart.kind != chart.kind) | jnp.any(new_chart.rows != chart.rows)
        is_other |= jnp.any(new_chart.columns != chart.columns)
        y = jnp.where(is_other, charts.write(state, new_chart, flow), y)
        h = jnp.where(new_chart.kind != chart.kind, FIRST_STEP, h)

        # Of several short steps to the end only the last has a row.
        last = loop.path.last + jnp.where(accepted & ~loop.ends, 1, 0)
        moves = _moved(before, after, chart) >= _STILL
        still = jnp.where(accepted, jnp.where(moves, 0, loop.path.still + 1), loop.path.still)
        lost = _is_lost(state, new_chart)
        path = Path(loop.path.rows.at[last].set(_row(state)), last, loop.path.tried + 1, still, lost)
        shortened = loop.shortened + jnp.where(beyond, 1, 0)
        return Loop(y, state, new_chart, h, shortened, loop.ends | (accepted & (shortened > 0)), path)

    return jax.lax.while_loop(goes_on, attempt, loop)


def _error_size(error: Float[Array, " n"], y: Float[Array, " n"], chart: charts.Chart, flow: charts.Flow):
    """The state at `y`, and the error of a step to it, in units of what is allowed: relative to the residuals, too."""
    state, change = jax.jvp(lambda y: charts.read(y, chart, flow), (y,), (error,))
    observed = charts.permuted(chart, flow.observed)
    late = chart.kind == charts.LATE
    h = 1 + state.W[0, 0] ** 2
    entries, dentries = (x[:-1].reshape(observed.shape) for x in (y, error))
    size = jnp.sum(jnp.abs(jnp.where(observed, entries, 0.0).at[1, 1].set(jnp.sqrt(h) * state.residual[1, 1])))
    # What the determinant tells has rounding errors.
    at = charts.frames(state.W)
    last = jnp.exp(state.log_abs_det - jnp.sum(at.logs[:-1]))
    size += 4e-16 * (jnp.abs(charts.permuted(chart, flow.values)[1, 1]) * h + last * jnp.sqrt(h)) / flow.rtol
    scale = jnp.where(observed, size, 1 + jnp.abs(state.W)).at[0, 0].set(1.0).at[1, 1].set(1.0)
    late_error = dentries / scale

    roots = jnp.exp(-at.logs / 2)
    relative = jnp.where(chart.kind == charts.GRADED, dentries, roots[:, None] * (at.U.T @ dentries @ at.V) * roots)
    rounding = jnp.where(chart.kind == charts.GRADED, 4e-16 * jnp.max(jnp.abs(flow.values)) / flow.rtol, 1e-300)
    fit = change.residual / (jnp.sqrt(2 * state.loss) + rounding)
    squares = jnp.where(late, jnp.sum(late_error**2), jnp.sum(relative**2) + jnp.sum(fit**2))
    return state, jnp.sqrt((squares + error[-1] ** 2) / error.size) / flow.rtol


def _moved(before: charts.State, after: charts.State, chart: charts.Chart) -> Float[Array, ""]:
    """What a step moves, relative: the residuals, and where no entry runs away, the product."""
    change = jnp.sqrt(jnp.sum((after.W - before.W) ** 2) / jnp.sum(before.W**2))
    return jnp.where(chart.kind == charts.LATE, 0.0, change) + jnp.abs(jnp.sqrt(after.loss / before.loss) - 1)


def _is_lost(state: charts.State, chart: charts.Chart) -> Bool[Array, ""]:
    """Whether the entries are about to lose a singular value among their rounding errors that nothing else tells."""
    S = jnp.linalg.svd(state.W, compute_uv=False)
    told = jnp.where(chart.kind == charts.FITTED, S[-1], S[-2])
    return (chart.kind != charts.LATE) & (told < charts.LEAST * S[0])


def is_over(loop: Loop, flow: charts.Flow) -> Bool[Array, ""]:
    """Whether the path has come to its end."""
    return (loop.state.loss <= flow.target_loss) | stands_still(loop) | loop.path.lost


def stands_still(loop: Loop) -> Bool[Array, ""]:
    """Whether the last steps, long as they became, moved nothing."""
    return loop.path.still >= _PATIENCE


def state_of(row: Float[Array, " k"], d: int) -> charts.State:
    """What `_row` wrote."""
    n = d * d
    return charts.State(row[:n].reshape(d, d), row[n : 2 * n].reshape(d, d), row[2 * n], row[2 * n + 1])


def _row(state: charts.State) -> Float[Array, " k"]:
    return jnp.concatenate([state.W.ravel(), state.residual.ravel(), jnp.stack([state.log_abs_det, state.log_time])])
