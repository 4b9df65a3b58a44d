r"""The loop of gradient descent over factors, whatever matrix the factors make: a product, or a small network.

It is one XLA program, and made of what `implreg_core.javascript` covers.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from implreg_core._linalg import matmul
from implreg_core.factorizations import Factors
from implreg_core.problems import Completion

_DIVERGENCE_FACTOR = 1e8  # far above the bursts (about 1e3) of stable descent at the edge of stability


class Model(NamedTuple):
    """How factors make a matrix, and how the loss of that matrix changes with them."""

    matrix: Callable[[Factors], Float[Array, "m n"]]
    gradient: Callable[[Completion, Factors], Factors]


class Rows(NamedTuple):
    """The recorded steps of one run, or with a second axis of many."""

    step: Int[Array, "n ..."]
    loss: Float[Array, "n ..."]
    W: Float[Array, "n ..."]
    kept: Any


def descend(model: Model, problem, factors, rates, target_loss, record_at, keep=lambda factors: ()):
    """The loop over runs, all leading axes: segments between records, until every run has stopped.

    A segment first runs to its end whatever happens, only noting whether the run should have stopped on the way: this
    is faster than a loop that can end anywhere. Where it should have, the segment is run again, up to that step.

    **Returns:** the rows, with what `keep` makes of the factors at each; the last factors; and the loss from which on
    each run counts as exploded.
    """
    record_at, shapes = jnp.asarray(record_at), [W.shape[1:] for W in factors]
    ends = np.cumsum([rows * columns for rows, columns in shapes])[:-1]

    def flatten(factors):  # one vector for all factors: the update is then one kernel rather than one for each
        return jnp.concatenate([W.ravel() for W in factors])

    def unflatten(state):
        return tuple(part.reshape(shape) for part, shape in zip(jnp.split(state, ends), shapes))

    def step(state, rate):
        return state - rate * flatten(model.gradient(problem, unflatten(state)))

    def observe(state):
        W = model.matrix(unflatten(state))
        r = problem.residual(W).ravel()
        return 0.5 * matmul(r[None], r[:, None])[0, 0], W  # `problem.loss`, fused where W has up to four entries

    def observe_and_keep(state):
        return *observe(state), keep(unflatten(state))

    def goes_on(state, explosion):
        loss, _ = observe(state)
        return (loss > target_loss) & (loss < explosion)

    def descend_until_stop(n, until, state, rate, explosion):
        def running(carry):
            n, state = carry
            return (n < until) & goes_on(state, explosion)

        return jax.lax.while_loop(running, lambda carry: (carry[0] + 1, step(carry[1], rate)), (n, state))

    start = jax.vmap(flatten)(factors)
    loss, W, kept = jax.vmap(observe_and_keep)(start)
    explosion = _DIVERGENCE_FACTOR * (1 + loss)

    def segment(carry):
        k, n, state, stopped, rows = carry
        begin, until = record_at[k], record_at[k + 1]

        def advance(_, carry):
            state, running = carry[:, :-1], carry[:, -1:]
            running = jnp.where(jax.vmap(goes_on)(state, explosion)[:, None], running, 0.0)
            return jnp.concatenate([jax.vmap(step)(state, rates), running], axis=1)

        carry = jnp.pad(state, ((0, 0), (0, 1)), constant_values=1.0)  # one array, so that a step stays one kernel
        carry = jax.lax.fori_loop(begin, until, advance, carry)
        ahead, running = carry[:, :-1], carry[:, -1] == 1
        stops = ~stopped & ~(running & jax.vmap(goes_on)(ahead, explosion))
        n = jnp.where(stops, begin, jnp.where(stopped, n, until))
        state = jnp.where((stops | stopped)[:, None], state, ahead)
        limit = jnp.where(stops, until, n)
        n, state = jax.vmap(descend_until_stop)(n, limit, state, rates, explosion)
        new = Rows(n, *jax.vmap(observe_and_keep)(state))
        return k + 1, n, state, stopped | stops, jax.tree.map(lambda old, new: old.at[k + 1].set(new), rows, new)

    n = jnp.zeros(len(start), int)
    rows = jax.tree.map(lambda x: jnp.zeros((len(record_at), *x.shape), x.dtype).at[0].set(x), Rows(n, loss, W, kept))
    unstopped = (0, n, start, loss <= target_loss, rows)
    *_, state, _, rows = jax.lax.while_loop(
        lambda carry: (carry[0] < len(record_at) - 1) & ~jnp.all(carry[3]), segment, unstopped
    )
    return rows, jax.vmap(unflatten)(state), explosion


def recorded(model: Model, problem, factors, rate, target_loss, record_at) -> Rows:
    """The rows of one run, one for each entry of `record_at`, with the factors.

    Rows after the run's end repeat its last one, and the row of an explosion has an infinite loss.
    """
    start, rate = tuple(W[None] for W in factors), jnp.asarray(rate, float)[None]
    rows, _, (explosion,) = descend(model, problem, start, rate, target_loss, record_at, keep=lambda factors: factors)
    rows = jax.tree.map(lambda x: x.reshape(len(x), *x.shape[2:]), rows)

    def fill(last, new):
        new = new._replace(loss=jnp.where(new.loss < explosion, new.loss, jnp.inf))
        is_new = new.step > last.step
        row = jax.tree.map(lambda new, last: jnp.where(is_new, new, last), new, last)
        return row, row

    first = jax.tree.map(lambda x: x[0], rows)
    return jax.lax.scan(fill, first, rows)[1]
