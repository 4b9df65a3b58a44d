r"""The path of the balanced 2x2 flow: one loop of steps through the two charts of `_two_by_two_flow`.

A plain function of arrays, made of what `implreg_core.javascript` covers: a page runs it as the package does.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from implreg_core import _rosenbrock
from implreg_core import _two_by_two_flow as charts

_FIRST_STEP, _LONGEST_STEP = 1e-3, 1.0  # in a chart's own time; near a saddle a longer step would damp what grows
_FALL = 1.2  # of ln loss in a step, half a decade, or twice that at most: or splines between rows are poor
_RUNGS = 4  # step sizes in an octave
_ACCURACY = 1e-10  # of the loss at the end, relative
_MOST_SHORTENED = 12  # about 4 are enough unless rounding errors of the loss are larger than the accuracy


class Path(NamedTuple):
    """The accepted steps: rows up to `last` count. A row is W, the residuals, log |det W| and ln(1 + t / time_unit)."""

    rows: Float[Array, "n 10"]
    last: Int[Array, ""]
    tried: Int[Array, ""]
    longest: Int[Array, ""]  # how many of these had the greatest length: near a saddle nearly all have


class Loop(NamedTuple):
    """`path` between two steps."""

    y: Float[Array, "6"]
    late: Bool[Array, ""]  # which chart `y` is a point of
    h: Float[Array, ""]
    shortened: Int[Array, ""]  # steps taken anew because they led beyond the target loss
    ends: Bool[Array, ""]  # whether `y` comes from such a step
    path: Path


def path(
    W0: Float[Array, "2 2"], log_abs_det: Float[Array, ""], flow: charts.Flow, *, rows: int, tries: Int[Array, ""] | int
) -> Path:
    """From the start until the target loss or the floor; or until `rows` are full, or `tries` steps were tried.

    The last step is as long as it must be to end at the target loss, or below by what `_ACCURACY` allows: so the end is
    a point of the path, and not of the steps.
    """
    return advance(begin(W0, log_abs_det, flow, rows=rows), flow, tries).path


def begin(W0: Float[Array, "2 2"], log_abs_det: Float[Array, ""], flow: charts.Flow, *, rows: int) -> Loop:
    """`path` before its first step."""
    y = charts.early_write(W0, log_abs_det, flow)
    early, zero = jnp.zeros((), bool), jnp.zeros((), int)
    start = charts.read(y, early, flow)
    late = charts.early_is_over(start, flow)
    y = jnp.where(late, charts.late_write(start, flow), y)
    record = jnp.zeros((rows, 10)).at[0].set(_row(start))
    return Loop(y, late, jnp.asarray(_FIRST_STEP, float), zero, early, Path(record, zero, zero, zero))


def advance(loop: Loop, flow: charts.Flow, tries: Int[Array, ""] | int) -> Loop:
    """`path` until its end, or until `tries` steps were tried."""

    def at(loop):
        return charts.read(loop.y, loop.late, flow)

    def goes_on(loop):
        last, tried = loop.path.last, loop.path.tried
        return ~is_over(at(loop), flow) & (last < len(loop.path.rows) - 1) & (tried < tries)

    def attempt(loop):
        y, error = _rosenbrock.step(lambda y: charts.rate(y, loop.late, flow), loop.y, loop.h)
        size = jnp.sqrt(jnp.mean((error / charts.error_scale(y, loop.late, flow)) ** 2)) / flow.rtol
        before, after = at(loop).loss, charts.read(y, loop.late, flow).loss
        beyond = (after < (1 - _ACCURACY) * flow.target_loss) & (size <= 1) & (loop.shortened < _MOST_SHORTENED)
        aim = (1 - _ACCURACY / 2) * flow.target_loss
        fall = jnp.log(before / jnp.maximum(after, 1e-30 * aim))  # finite also where the loss is zero
        accepted = (size <= 1) & ~beyond & ~(fall > 2 * _FALL)

        # Step sizes come from a ladder, or rounding errors in `size` would shift every later row.
        rungs = jnp.floor(_RUNGS * jnp.log2(0.9 * jnp.where(jnp.isfinite(size), size, jnp.inf) ** -0.2))
        h = loop.h * 2 ** (jnp.clip(rungs, -2 * _RUNGS, 2 * _RUNGS) / _RUNGS)
        h = jnp.where(charts.is_beyond_saddles(at(loop), flow) & ~loop.late, h, jnp.minimum(h, _LONGEST_STEP))
        # The loss falls nearly exponentially.
        h = jnp.where(fall > 0, jnp.minimum(h, loop.h * _FALL / fall), h)
        h = jnp.where(beyond, loop.h * jnp.log(before / aim) / fall, h)

        y = jnp.where(accepted, y, loop.y)
        state = charts.read(y, loop.late, flow)
        enters = ~loop.late & charts.early_is_over(state, flow)
        y, h = jnp.where(enters, charts.late_write(state, flow), y), jnp.where(enters, _FIRST_STEP, h)
        longest = loop.path.longest + jnp.where(accepted & (loop.h == _LONGEST_STEP), 1, 0)
        # Of several short steps to the end only the last has a row.
        last = loop.path.last + jnp.where(accepted & ~loop.ends, 1, 0)
        new = Path(loop.path.rows.at[last].set(_row(state)), last, loop.path.tried + 1, longest)
        shortened = loop.shortened + jnp.where(beyond, 1, 0)
        return Loop(y, loop.late | enters, h, shortened, loop.ends | (accepted & (shortened > 0)), new)

    return jax.lax.while_loop(goes_on, attempt, loop)


def is_over(state: charts.State, flow: charts.Flow):
    return (state.loss <= flow.target_loss) | charts.is_at_floor(state, flow)


def state_of(row: Float[Array, "10"]) -> charts.State:
    """What `_row` wrote."""
    return charts.State(row[:4].reshape(2, 2), row[4:8].reshape(2, 2), row[8], row[9])


def _row(state: charts.State) -> Float[Array, "10"]:
    numbers = jnp.stack([state.log_abs_det, state.log_time])
    return jnp.concatenate([state.W.ravel(), state.residual.ravel(), numbers])
