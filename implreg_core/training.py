r"""Training to a tolerance: any parameters, any optax optimizer, one compiled loop.

Here is also the optimizer of the paper's experiments, gradient descent whose step is divided by one running norm of
the whole gradient. What is trained, and what that means, is for the callers to say: `tensors`, `deep_completion`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, ArrayLike, Float, Int, Real

from implreg_core import _check
from implreg_core.descent import _recording


class GlobalRMSPropState(NamedTuple):
    r"""The running mean of the squared norm of the gradient, and $\beta^n$, the weight that its start still has.

    **Example:**

    ```python
    >>> state = training.global_rmsprop(0.1).init(jnp.zeros(2))
    >>> state.second_moment, state.start_weight
    (Array(0., dtype=float64), Array(1., dtype=float64))

    ```
    """

    second_moment: Float[Array, ""]
    start_weight: Float[Array, ""]


class Training(NamedTuple):
    """Where training stopped, and what was observed on the way.

    **Example:**

    ```python
    >>> end = training.train(
    ...     lambda x: (x - 1) ** 2,
    ...     0.0,
    ...     optax.sgd(0.25),
    ...     tolerance=0.1,
    ...     record_at=jnp.array([1, 2, 9]),
    ...     observe=lambda x: -x,
    ... )
    >>> end.params, end.steps, end.observed  # after the stop, the last one again
    (Array(0.75, dtype=float64), Array(2, dtype=int64), Array([-0.5 , -0.75, -0.75], dtype=float64))

    ```
    """

    params: Any
    value: Float[Array, ""]  # of the objective, at `params`
    steps: Int[Array, ""]
    observed: Any  # what `observe` returned, with a leading axis over `record_at`


class Fit(eqx.Module):
    """How a completion by training ended; the models' own results extend it.

    **Example:**

    ```python
    >>> fit = training.Fit(mse=2e-7, steps=500, tolerance=1e-6)
    >>> fit.converged, fit.status
    (True, 'reached mean squared error 2e-07 at step 500')

    ```
    """

    mse: float  # over the observed entries
    steps: int
    tolerance: float

    @property
    def converged(self) -> bool:
        """Whether the mean squared error reached the tolerance."""
        return self.mse <= self.tolerance

    @property
    def status(self) -> str:
        """How the run ended, in words."""
        if self.converged:
            return f"reached mean squared error {self.mse:.2g} at step {self.steps}"
        return f"used all {self.steps} steps; mean squared error {self.mse:.3g}"


def check_finite(end: Training) -> None:
    """ValueError if training diverged.

    **Example:**

    ```python
    >>> end = training.train(lambda x: x**2, 1.0, optax.sgd(1e200), tolerance=0.0, record_at=jnp.array([9]))
    >>> training.check_finite(end)
    Traceback (most recent call last):
        ...
    ValueError: `learning_rate`, or the scale of the start, is too large: ...

    ```
    """
    if not np.isfinite(end.value):
        raise ValueError(
            f"`learning_rate`, or the scale of the start, is too large: the run diverged at step {end.steps} with "
            f"error {end.value}. Lower it."
        )


def global_rmsprop(
    learning_rate: Real[ArrayLike, ""], *, decay: Real[ArrayLike, ""] = 0.99, eps: Real[ArrayLike, ""] = 1e-6
) -> optax.GradientTransformation:
    r"""Gradient descent with its step divided by a running root mean square of the norm of the whole gradient.

    $$v_n = \beta v_{n-1} + (1 - \beta) \|g_n\|^2, \qquad
    \Delta_n = - \frac{\eta}{\sqrt{v_n / (1 - \beta^n)} + \varepsilon} \, g_n$$

    with $\eta$ the learning rate, $\beta$ the decay and $v_0 = 0$. All parameters share one step size, so that the
    path is that of gradient descent; only the speed along it changes. RMSprop has one $v$ for each parameter and
    bends the path. While $\|g\| \ll \varepsilon$ this is plain descent with step $\eta / \varepsilon$.

    **Raises:** ValueError if `learning_rate` or `eps` is not positive, or `decay` is outside [0, 1).

    **References:** Arora, Cohen, Hu & Luo (2019) and the code released with Razin & Cohen (2020), which divides by
    $1 - \beta^n$ as Adam does; the text of the paper leaves this out.

    **Example:**

    ```python
    >>> optimizer, g = training.global_rmsprop(0.1), jnp.array([3.0, 4.0])
    >>> optimizer.update(g, optimizer.init(g))[0].round(4)  # the gradient's direction, and length 0.1
    Array([-0.06, -0.08], dtype=float64)

    ```
    """
    learning_rate, eps = _check.positive(learning_rate, "learning_rate"), _check.positive(eps, "eps")
    decay = _check.nonnegative(decay, "decay")
    if _check.fails(decay < 1):
        raise ValueError(f"`decay` must be below 1; got {decay}. The usual value is 0.99.")

    def init(params):
        return GlobalRMSPropState(jnp.zeros(()), jnp.ones(()))

    def update(gradient, state, params=None):
        v = decay * state.second_moment + (1 - decay) * optax.tree.norm(gradient, squared=True)
        start_weight = decay * state.start_weight
        rate = learning_rate / (jnp.sqrt(v / (1 - start_weight)) + eps)
        return jax.tree.map(lambda g: -rate * g, gradient), GlobalRMSPropState(v, start_weight)

    return optax.GradientTransformation(init, update)


def _nothing(params):
    return ()


def train(
    objective: Callable[[Any], Float[Array, ""]],
    params: Any,
    optimizer: optax.GradientTransformation,
    *,
    tolerance: Real[ArrayLike, ""],
    record_at: Int[ArrayLike, " n"],
    observe: Callable[[Any], Any] = _nothing,
    test_every: Int[ArrayLike, ""] = 1,
    in_a_row: Int[ArrayLike, ""] = 1,
) -> Training:
    r"""Minimize `objective(params)` until its value is at most `tolerance`, or for `record_at[-1]` steps.

    The value is compared with the tolerance every `test_every` steps; the run stops when it has passed `in_a_row`
    times without a failure between. A run whose value is no longer finite stops too, and returns that value.

    A plain function of arrays, for `jit` and `vmap`; under `vmap` each run stops by itself. `observe(params)` is
    recorded at the increasing steps `record_at`; records after the stop repeat the last one.

    **Example:**

    ```python
    >>> end = training.train(lambda x: (x - 1) ** 2, 0.0, optax.sgd(0.25), tolerance=1e-3, record_at=jnp.array([100]))
    >>> end.steps, end.params  # each step halves the distance
    (Array(5, dtype=int64), Array(0.96875, dtype=float64))

    ```
    """
    task = _Task(objective, params, lambda: optimizer, tolerance, record_at, test_every, in_a_row, observe)
    return _end(_recording.recorded(task))


def train_interruptibly(
    objective: Callable[[Any], Float[Array, ""]],
    params: Any,
    optimizer: Callable[[], optax.GradientTransformation],
    *,
    tolerance: Real[ArrayLike, ""],
    record_at: Int[ArrayLike, " n"],
    observe: Callable[[Any], Any] = _nothing,
    test_every: Int[ArrayLike, ""] = 1,
    in_a_row: Int[ArrayLike, ""] = 1,
    is_cancelled: Callable[[], bool] | None = None,
) -> Training:
    """As `train`, in slices: Ctrl-C ends it at once, and a bar shows the value where it takes long.

    **Arguments:** `objective` is a pytree, as an `equinox.Module` is, so that another one of its kind is not compiled
    again; so is `optimizer`, which returns the optimizer when called, as `jax.tree_util.Partial(optax.sgd, 0.1)`.
    `is_cancelled` is for runs on other threads, which get no Ctrl-C: it is asked instead, and no bar shows.

    **Raises:** ValueError if memory does not hold the records; `_recording.Cancelled` where it was.

    **Example:**

    ```python
    >>> end = training.train_interruptibly(
    ...     jax.tree_util.Partial(lambda x: (x - 1) ** 2),
    ...     jnp.array(0.0),
    ...     jax.tree_util.Partial(optax.sgd, 0.25),
    ...     tolerance=1e-3,
    ...     record_at=jnp.array([100]),
    ... )
    >>> end.steps, end.params
    (Array(5, dtype=int64), Array(0.96875, dtype=float64))

    ```
    """
    numbers = map(jnp.asarray, (tolerance, record_at, test_every, in_a_row))
    task = _Task(objective, params, optimizer, *numbers, observe)
    return _end(_recording.run(task, lambda state: state.value, is_cancelled=is_cancelled))


class _State(NamedTuple):
    step: Int[Array, ""]
    passed: Int[Array, ""]  # how many tests in a row
    params: Any
    memory: Any  # of the optimizer
    value: Float[Array, ""]
    gradient: Any


class _Task(eqx.Module):
    """What `_recording` runs."""

    objective: Callable
    params: Any
    optimizer: Callable
    tolerance: Any
    record_at: Any
    test_every: Any
    in_a_row: Any
    observed: Callable = eqx.field(static=True)

    def start(self):
        value, gradient = jax.value_and_grad(self.objective)(self.params)
        zero = jnp.zeros((), int)
        return _State(
            zero, self._passed(zero, zero, value), self.params, self.optimizer().init(self.params), value, gradient
        )

    def walk(self, state, begin, until):
        def goes_on(state):
            return (state.step < until) & ~self.is_over(state)

        def advance(state):
            step, passed, params, memory, _, gradient = state
            updates, memory = self.optimizer().update(gradient, memory, params)
            params = optax.apply_updates(params, updates)
            value, gradient = jax.value_and_grad(self.objective)(params)
            return _State(step + 1, self._passed(step + 1, passed, value), params, memory, value, gradient)

        return jax.lax.while_loop(goes_on, advance, state)

    def observe(self, state):
        return self.observed(state.params)

    def is_over(self, state):
        return (state.passed >= self.in_a_row) | ~jnp.isfinite(state.value)

    def _passed(self, step, passed, value):
        after = jnp.where(value <= self.tolerance, passed + 1, 0)
        return jnp.where(step % self.test_every == 0, after, passed)


def _end(recording) -> Training:
    """With the last record that there is in the place of those after the stop."""
    _, kept, _, state, rows = recording
    observed = jax.tree.map(lambda x: x[jnp.minimum(jnp.arange(len(x)), kept - 1)], rows)
    return Training(state.params, state.value, state.step, observed)
