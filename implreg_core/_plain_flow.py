r"""The path of the balanced 2x2 flow by plain loops: `_sign_preserving` for a page without diffrax and LAPACK.

The same charts, velocities, error scales and methods. Only the end differs: it is the first step beyond the target
loss, which to take anew would nearly double the program, for one point of a curve.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from diffrax import Dopri5
from jaxtyping import Array, Float, Int

from implreg_core import _two_by_two_flow as charts
from implreg_core._rosenbrock import _A, _C, _GAMMA

_FIRST_STEP, _LONGEST_STEP = 1e-3, 1.0  # in a chart's own time, as in `_sign_preserving`
_RUNGS = 4  # step sizes in an octave


class Path(NamedTuple):
    """The accepted steps: rows up to `last` count. A row is W, the residuals, log |det W| and ln(1 + t / time_unit)."""

    rows: Float[Array, "n 10"]
    last: Int[Array, ""]


def path(W0: Float[Array, "2 2"], flow: charts.Flow, *, rows: int, tries: int) -> Path:
    """From the start until the target loss or the floor; or until `rows` are full, or `tries` steps were tried."""

    def integrate(rate, step, read, error_scale, is_over, y0, rows, last, tried):
        def goes_on(carry):
            y, _, _, last, tried = carry
            return ~is_over(read(y, flow)) & (last < len(carry[2]) - 1) & (tried < tries)

        def attempt(carry):
            y, h, rows, last, tried = carry
            ahead, error = step(lambda y: rate(0.0, y, flow), y, h)
            size = jnp.sqrt(jnp.mean((error / error_scale(ahead, flow)) ** 2)) / flow.rtol
            accepted = size <= 1
            y = jnp.where(accepted, ahead, y)
            # Step sizes come from a ladder, or rounding errors in `size` would shift every later row.
            rungs = jnp.floor(_RUNGS * jnp.log2(0.9 * jnp.where(jnp.isfinite(size), size, jnp.inf) ** -0.2))
            h = jnp.minimum(h * 2 ** (jnp.clip(rungs, -2 * _RUNGS, 2 * _RUNGS) / _RUNGS), _LONGEST_STEP)
            last = last + jnp.where(accepted, 1, 0)
            return y, h, rows.at[last].set(_row(read(y, flow))), last, tried + 1

        h = jnp.asarray(_FIRST_STEP)
        y, _, rows, last, tried = jax.lax.while_loop(goes_on, attempt, (y0, h, rows, last, tried))
        return y, rows, last, tried

    det = W0[0, 0] * W0[1, 1] - W0[0, 1] * W0[1, 0]
    y = charts.early_write(W0, jnp.log(jnp.abs(det)), flow)
    zero = jnp.zeros((), int)
    record = jnp.zeros((rows, 10)).at[0].set(_row(charts.early_read(y, flow)))
    y, record, last, tried = integrate(
        charts.early_rate,
        _dopri5_step,
        charts.early_read,
        lambda y, flow: 1.0,
        lambda state: charts.early_is_over(state.W, flow),
        y,
        record,
        zero,
        zero,
    )
    y = charts.late_write(charts.early_read(y, flow), flow)
    _, record, last, _ = integrate(
        charts.late_rate,
        _rodas5p_step,
        charts.late_read,
        charts.late_error_scale,
        lambda state: (state.loss <= flow.target_loss) | charts.is_at_floor(state, flow),
        y,
        record,
        last,
        tried,
    )
    return Path(record, last)


def state_of(row: Float[Array, "10"]) -> charts.State:
    """What `_row` wrote."""
    return charts.State(row[:4].reshape(2, 2), row[4:8].reshape(2, 2), row[8], row[9])


def _row(state: charts.State) -> Float[Array, "10"]:
    numbers = jnp.stack([state.log_abs_det, state.log_time])
    return jnp.concatenate([state.W.ravel(), state.residual.ravel(), numbers])


def _dopri5_step(f: Callable, y: Float[Array, " n"], h: Float[Array, ""]):
    """One step of `diffrax.Dopri5`, and its error."""
    tableau = Dopri5.tableau
    A = np.stack([np.pad(row, (0, len(tableau.b_sol) - len(row))) for row in ([], *tableau.a_lower)])

    def stage(K, row):
        i, a = row
        return K.at[i].set(f(y + h * (a @ K))), None

    K, _ = jax.lax.scan(stage, jnp.zeros((len(A), y.size)), (jnp.arange(len(A)), jnp.asarray(A)))
    return y + h * (jnp.asarray(tableau.b_sol) @ K), h * (jnp.asarray(tableau.b_error) @ K)


def _rodas5p_step(f: Callable, y: Float[Array, " n"], h: Float[Array, ""]):
    """One step of `_rosenbrock.Rodas5P`, and its error."""
    n = y.size
    columns = jax.lax.map(lambda e: jax.jvp(f, (y,), (e,))[1], jnp.eye(n))
    M = jnp.eye(n) / (_GAMMA * h) - columns.T
    row_scale = 1 / jnp.max(jnp.abs(M), axis=1)
    LU = _eliminated(M * row_scale[:, None])

    def stage(U, row):
        i, a, c = row
        point = y + a @ U
        U_i = _solved(LU, row_scale * (f(point) + c @ U / h))
        return U.at[i].set(U_i), point + U_i

    stages = (jnp.arange(len(_A)), jnp.asarray(_A), jnp.asarray(_C))
    U, ys = jax.lax.scan(stage, jnp.zeros((len(_A), n)), stages)
    return ys[-1], U[-1]


def _eliminated(M: Float[Array, "n n"]) -> Float[Array, "n n"]:
    """Both triangles of Gauss' elimination, in one matrix. Rows are scaled already, and are not exchanged."""
    for j in range(len(M) - 1):
        multipliers = M[j + 1 :, j] / M[j, j]
        M = M.at[j + 1 :, j + 1 :].add(-multipliers[:, None] * M[j, j + 1 :]).at[j + 1 :, j].set(multipliers)
    return M


def _solved(LU: Float[Array, "n n"], b: Float[Array, " n"]) -> Float[Array, " n"]:
    x = list(b)
    for i in range(len(x)):
        x[i] = x[i] - sum(LU[i, j] * x[j] for j in range(i))
    for i in reversed(range(len(x))):
        x[i] = (x[i] - sum(LU[i, j] * x[j] for j in range(i + 1, len(x)))) / LU[i, i]
    return jnp.stack(x)
