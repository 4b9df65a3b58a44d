r"""The path of the balanced 2x2 flow: one loop of steps through the two charts of `flow._two_by_two`.

A plain function of arrays, made of what `implreg_core.javascript` covers: a page runs it as the package does.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from implreg_core.flow import _rosenbrock
from implreg_core.flow import _two_by_two as charts
from implreg_core.flow._stepping import FIRST_STEP, judge

_LONGEST_STEP = 1.0  # in a chart's own time; near a saddle a longer step would damp what grows
_LITTLE = 0.01  # a fall of ln loss in a step as near a saddle


class Path(NamedTuple):
    """The accepted steps: rows up to `last` count. A row is W, the residuals, log |det W| and ln(1 + t / time_unit)."""

    rows: Float[Array, "n 10"]
    last: Int[Array, ""]
    tried: Int[Array, ""]
    lingered: Int[Array, ""]  # how many of these hardly lowered the loss


class Loop(NamedTuple):
    """`path` between two steps."""

    y: Float[Array, "6"]
    chart: Int[Array, ""]  # which `y` is a point of
    h: Float[Array, ""]
    shortened: Int[Array, ""]  # steps taken anew because they led beyond the target loss
    ends: Bool[Array, ""]  # whether `y` comes from such a step
    path: Path


def path(
    W0: Float[Array, "2 2"], log_abs_det: Float[Array, ""], flow: charts.Flow, *, rows: int, tries: Int[Array, ""] | int
) -> Path:
    """From the start until the target loss or the floor; or until `rows` are full, or `tries` steps were tried."""
    return advance(begin(W0, log_abs_det, flow, rows=rows), flow, tries).path


def begin(W0: Float[Array, "2 2"], log_abs_det: Float[Array, ""], flow: charts.Flow, *, rows: int) -> Loop:
    """`path` before its first step."""
    start = charts.State(W0, (W0 - flow.values).at[0, 0].set(0.0), log_abs_det, jnp.zeros(()))
    late = jnp.asarray(charts.LATE)
    chart = jnp.where(charts.early_is_over(start, flow), late, charts.early_chart(start, late))
    zero = jnp.zeros((), int)
    record = jnp.zeros((rows, 10)).at[0].set(_row(start))
    path = Path(record, zero, zero, zero)
    return Loop(
        charts.write(start, chart, flow), chart, jnp.asarray(FIRST_STEP, float), zero, jnp.zeros((), bool), path
    )


def advance(loop: Loop, flow: charts.Flow, tries: Int[Array, ""] | int) -> Loop:
    """`path` until its end, or until `tries` steps were tried."""

    def at(loop):
        return charts.read(loop.y, loop.chart, flow)

    def goes_on(loop):
        last, tried = loop.path.last, loop.path.tried
        return ~is_over(at(loop), flow) & (last < len(loop.path.rows) - 1) & (tried < tries)

    def attempt(loop):
        state = at(loop)
        y, error = _rosenbrock.step(lambda y: charts.rate(y, loop.chart, flow), loop.y, loop.h)
        size = jnp.sqrt(jnp.mean((error / charts.error_scale(y, loop.chart, flow)) ** 2)) / flow.rtol
        late = loop.chart == charts.LATE
        y = jnp.where(late, charts.late_settled(y, flow), y)
        new = charts.read(y, loop.chart, flow)
        longest = jnp.where(late | charts.may_be_at_saddle(state, flow), _LONGEST_STEP, jnp.inf)
        aim = {"target_loss": flow.target_loss, "shortened": loop.shortened}
        accepted, beyond, fall, h = judge(loop.h, size, state.loss, new.loss, longest=longest, **aim)

        state = jax.tree.map(partial(jnp.where, accepted), new, state)
        is_late = jnp.where(late, ~charts.late_is_over(state, flow), charts.early_is_over(state, flow))
        chart = jnp.where(is_late, charts.LATE, charts.early_chart(state, loop.chart))
        h = jnp.where(late != is_late, FIRST_STEP, h)
        y = jnp.where(accepted, jnp.where(late & is_late, y, charts.write(state, chart, flow)), loop.y)
        lingered = loop.path.lingered + jnp.where(accepted & (fall < _LITTLE), 1, 0)
        # Of several short steps to the end only the last has a row.
        last = loop.path.last + jnp.where(accepted & ~loop.ends, 1, 0)
        path = Path(loop.path.rows.at[last].set(_row(state)), last, loop.path.tried + 1, lingered)
        shortened = loop.shortened + jnp.where(beyond, 1, 0)
        return Loop(y, chart, h, shortened, loop.ends | (accepted & (shortened > 0)), path)

    return jax.lax.while_loop(goes_on, attempt, loop)


def is_over(state: charts.State, flow: charts.Flow):
    return (state.loss <= flow.target_loss) | charts.is_at_floor(state, flow)


def state_of(row: Float[Array, "10"]) -> charts.State:
    """What `_row` wrote."""
    return charts.State(row[:4].reshape(2, 2), row[4:8].reshape(2, 2), row[8], row[9])


def _row(state: charts.State) -> Float[Array, "10"]:
    numbers = jnp.stack([state.log_abs_det, state.log_time])
    return jnp.concatenate([state.W.ravel(), state.residual.ravel(), numbers])
