"""A long loop that keeps rows on its way: as one program, or in slices between which Python can interrupt it.

What is looped is a *task*, a pytree with

- `record_at`: the increasing numbers of steps after which a row is kept;
- `start()`: the state before the first step;
- `walk(state, begin, until)`: from the state after step `begin` to that after step `until`, or to the last before;
- `observe(state)`: the row of a state;
- `is_over(state)`: whether no step will follow.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int

from implreg_core import _check, _slices
from implreg_core._compile import fast_jit


class Recording(NamedTuple):
    """How far a task has come."""

    step: Int[Array, ""]  # -1: not begun
    kept: Int[Array, ""]  # rows that are final
    over: Bool[Array, ""]
    state: Any
    rows: Any  # leading axis over `record_at`; those that are not final hold anything


def recorded(task) -> Recording:
    """The whole loop, as a plain function of arrays."""
    return _continued(task, _blank(task)._replace(state=task.start()), task.record_at[-1])


def run(task, loss: Callable[[Any], Any], *, is_cancelled: Callable[[], bool] | None = None) -> Recording:
    """The whole loop in slices, between which Ctrl-C is answered; a bar shows `loss(state)` where it takes long.

    On another thread than the main one, which gets no Ctrl-C, `is_cancelled` is asked instead, and there is no bar.

    **Raises:** ValueError if memory does not hold the rows; `Cancelled`.
    """
    (recording,) = run_together([task], loss, is_cancelled=is_cancelled)
    return recording


def run_together(
    tasks: Sequence, loss: Callable[[Any], Any], *, is_cancelled: Callable[[], bool] | None = None
) -> list[Recording]:
    """`run` of tasks of one kind that record at the same steps, each on a thread of its own."""
    record_at = tasks[0].record_at
    remedy = "Record fewer (`records_per_decade`), or less of each."
    row = _blank_of_kind.eval_shape(tasks[0]).rows
    _check.memory([row] * len(tasks), f"{len(record_at)} records", remedy)
    last = int(record_at[-1])
    recordings = [_blank_of_kind(task) for task in tasks]
    with _slices.steps(last, off=is_cancelled is not None) as show, ThreadPoolExecutor(len(tasks)) as pool:
        for limit in _slices.limits(last):
            # The first slice compiles, which every thread would do by itself. One task needs no other thread, which
            # would not know JAX's settings of this one.
            each = map if limit <= 1 or len(tasks) == 1 else pool.map
            recordings = list(each(lambda task, recording: _continue_to(limit, task, recording), tasks, recordings))
            if all(int(recording.step) >= last or recording.over for recording in recordings):
                break
            if is_cancelled is not None and is_cancelled():
                raise Cancelled
            show(limit, lambda: max(float(jnp.max(loss(recording.state))) for recording in recordings))
    return recordings


class Cancelled(Exception):
    """`run` was told to stop."""


def _blank(task) -> Recording:
    """Not begun: all numbers are zero."""
    state = jax.eval_shape(task.start)
    row = jax.eval_shape(task.observe, state)
    rows = jax.tree.map(lambda x: jnp.zeros((len(task.record_at), *x.shape), x.dtype), row)
    state = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), state)
    return Recording(jnp.asarray(-1, int), jnp.zeros((), int), jnp.zeros((), bool), state, rows)


_blank_of_kind = jax.jit(_blank)  # a second task of a kind is not traced again


@fast_jit(donate_argnums=1)
def _continue(task, recording, limit):
    def start():  # typed as firmly as what it stands in for
        return jax.tree.map(lambda x: jnp.asarray(x, jnp.asarray(x).dtype), task.start())

    state = jax.lax.cond(recording.step < 0, start, lambda: recording.state)
    return _continued(task, recording._replace(state=state), limit)


def _continue_to(limit, task, recording) -> Recording:
    return jax.block_until_ready(_continue(task, recording, limit))


def _continued(task, recording: Recording, limit) -> Recording:
    record_at = jnp.asarray(task.record_at)

    def goes_on(recording):
        return (recording.kept < len(record_at)) & (recording.step < limit) & ~recording.over

    def segment(recording):
        step, kept, _, state, rows = recording
        until = jnp.minimum(record_at[kept], limit)
        state = task.walk(state, jnp.maximum(step, 0), until)
        over = task.is_over(state)
        rows = jax.tree.map(lambda rows, row: rows.at[kept].set(row), rows, task.observe(state))
        return Recording(until, kept + jnp.where((until == record_at[kept]) | over, 1, 0), over, state, rows)

    return jax.lax.while_loop(goes_on, segment, recording)
