r"""Gradient descent over factors, whatever matrix the factors make: a product, or a small network.

Tasks for `_recording`, of one run and of many, made of what `implreg_core.javascript` covers.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from implreg_core._linalg import matmul
from implreg_core.descent import _recording
from implreg_core.factorizations import Factors
from implreg_core.problems import Completion

_DIVERGENCE_FACTOR = 1e8  # far above the bursts (about 1e3) of stable descent at the edge of stability


@runtime_checkable
class Model(Protocol):
    """How factors make a matrix, and how the loss of that matrix changes with them."""

    def matrix(self, factors: Factors) -> Float[Array, "m n"]: ...

    def gradient(self, problem: Completion, factors: Factors) -> Factors: ...


class State(NamedTuple):
    """Of one run, or with a leading axis of many."""

    step: Int[Array, "..."]
    factors: Factors
    loss: Float[Array, "..."]
    explosion: Float[Array, "..."]  # the loss from which on the run counts as exploded


class Row(NamedTuple):
    """A recorded step of one run, or of many."""

    step: Int[Array, "..."]
    loss: Float[Array, "..."]
    seen: Any


class Run(eqx.Module):
    """The task of one run: a row sees `see(W, factors)`."""

    model: Model
    problem: Completion
    factors: Factors
    rate: Float[Array, ""]
    target_loss: Float[Array, ""]
    record_at: Int[Array, " n"]
    see: Callable = eqx.field(static=True)

    def start(self) -> State:
        factors = tuple(map(jnp.asarray, self.factors))
        loss = self._loss(factors)
        return State(jnp.zeros((), int), factors, loss, _DIVERGENCE_FACTOR * (1 + loss))

    def walk(self, state: State, begin, until) -> State:
        def running(carry):
            step, factors, loss = carry
            return (step < until) & self._goes_on(loss, state.explosion)

        def advance(carry):  # the factors one by one: XLA makes a faster loop than of one array of all
            step, factors, _ = carry
            factors = self.step(factors)
            return step + 1, factors, self._loss(factors)

        step, factors, loss = jax.lax.while_loop(running, advance, (state.step, state.factors, state.loss))
        return State(step, factors, loss, state.explosion)

    def observe(self, state: State) -> Row:
        return Row(state.step, state.loss, self.see(self.model.matrix(state.factors), state.factors))

    def is_over(self, state: State):
        return ~self._goes_on(state.loss, state.explosion)

    def step(self, factors: Factors) -> Factors:
        gradient = self.model.gradient(self.problem, factors)
        return tuple(W - self.rate * G for W, G in zip(factors, gradient))

    def _goes_on(self, loss, explosion):
        return (loss > self.target_loss) & (loss < explosion)

    def _loss(self, factors):  # `problem.loss`, fused where W has up to four entries
        r = self.problem.residual(self.model.matrix(factors)).ravel()
        return 0.5 * matmul(r[None], r[:, None])[0, 0]


class Runs(eqx.Module):
    """The task of many runs, each of which stops by itself; `factors` and `rates` have a leading axis over them."""

    model: Model
    problem: Completion
    factors: tuple[Float[Array, "runs _ _"], ...]
    rates: Float[Array, " runs"]
    target_loss: Float[Array, ""]
    record_at: Int[Array, " n"]
    see: Callable = eqx.field(static=True)

    def _run(self, factors, rate) -> Run:
        return Run(self.model, self.problem, factors, rate, self.target_loss, self.record_at, self.see)

    def _each(self, method, states):
        return jax.vmap(lambda factors, rate, state: method(self._run(factors, rate), state))(
            self.factors, self.rates, states
        )

    def start(self) -> State:
        return jax.vmap(lambda factors, rate: self._run(factors, rate).start())(self.factors, self.rates)

    def walk(self, states: State, begin, until) -> State:
        """One by one: in step with others, a run takes longer than alone, whose loop is one kernel."""

        def walk(run):
            factors, rate, state = run
            return self._run(factors, rate).walk(state, begin, until)

        return jax.lax.map(walk, (self.factors, self.rates, states))

    def observe(self, states: State) -> Row:
        return self._each(Run.observe, states)

    def is_over(self, states: State):
        return jnp.all(self._each(Run.is_over, states))


def recorded(model: Model, problem, factors, rate, target_loss, record_at):
    """Step, loss, matrix and factors of one run as a plain function of arrays, a row for each entry of `record_at`.

    Rows after the run's end repeat its last one, and the row of an explosion has an infinite loss.
    """
    record_at, rate, target_loss = jnp.asarray(record_at), jnp.asarray(rate, float), jnp.asarray(target_loss, float)
    run = Run(model, problem, factors, rate, target_loss, record_at, lambda W, factors: (W, factors))
    _, _, _, state, rows = _recording.recorded(run)

    def fill(last, new):
        new = new._replace(loss=jnp.where(new.loss < state.explosion, new.loss, jnp.inf))
        is_new = new.step > last.step
        row = jax.tree.map(lambda new, last: jnp.where(is_new, new, last), new, last)
        return row, row

    first = jax.tree.map(lambda x: x[0], rows)
    _, (step, loss, seen) = jax.lax.scan(fill, first, rows)
    return step, loss, *seen
