"""Gradient descent against a slow, obvious loop."""

from functools import reduce

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from implreg_core import descent, factorizations, problems
from implreg_core.descent import gradient_descent, gradient_descents

# Widths from the columns of the product to its rows. Inner dimensions above 4 take the library's matrix product.
WIDTHS = [(3, 2), (2, 3, 4), (3, 7, 5, 2), (4, 3, 2, 3, 4), (2, 5, 3, 6, 4, 3)]


def random_problem(seed, shape):
    """Distinct values, of which about a third is not observed."""
    values_key, observed_key = jr.split(jr.key(seed))
    observed = jr.uniform(observed_key, shape) < 0.7
    return problems.completion(jr.normal(values_key, shape), observed.at[0, 0].set(True))


def random_factors(seed, widths, scale=0.5):
    keys = jr.split(jr.key(seed), len(widths) - 1)
    return tuple(scale * jr.normal(key, (widths[j + 1], widths[j])) for j, key in enumerate(keys))


def slow_descent(problem, factors, learning_rate, steps):
    """Losses and products at steps 0..steps, each gradient by the chain rule as one writes it on paper."""
    values, observed = np.asarray(problem.values), np.asarray(problem.observed)
    factors = [np.asarray(W) for W in factors]
    losses, products = [], []
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(steps + 1):
            product = reduce(lambda below, W: W @ below, factors)
            residual = np.where(observed, product - values, 0.0)
            losses.append(0.5 * np.sum(residual**2))
            products.append(product)
            gradients = []
            for j in range(len(factors)):
                above = reduce(lambda below, W: W @ below, factors[j + 1 :], np.eye(factors[j].shape[0]))
                below = reduce(lambda below, W: W @ below, factors[:j], np.eye(factors[0].shape[1]))
                gradients.append(above.T @ residual @ below.T)
            factors = [W - learning_rate * gradient for W, gradient in zip(factors, gradients)]
    return np.array(losses), np.array(products)


@pytest.mark.parametrize("widths", WIDTHS)
def test_objective_gradient_is_that_of_the_composed_loss(widths):
    problem, factors = random_problem(1, (widths[-1], widths[0])), random_factors(2, widths)

    def objective(factors):
        return problem.loss(reduce(lambda below, W: W @ below, factors))

    gradient = jax.jit(descent.objective_gradient)(problem, factors)
    for ours, expected in zip(gradient, jax.jit(jax.grad(objective))(factors), strict=True):
        assert ours.shape == expected.shape
        assert np.allclose(ours, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("widths", WIDTHS[::2])
def test_descent_takes_the_steps_of_a_slow_loop(widths):
    problem, factors = random_problem(3, (widths[-1], widths[0])), random_factors(4, widths)
    run = gradient_descent(problem, factors, learning_rate=0.02, max_steps=300)
    loss, W = slow_descent(problem, factors, 0.02, 300)
    assert np.array_equal(run.step, descent.log_spaced_steps(300))
    assert np.array_equal(run.t, 0.02 * run.step)
    assert np.allclose(run.W, W[run.step], rtol=0, atol=1e-13)  # of order 1: 300 steps of rounding
    assert np.allclose(run.loss, loss[run.step], rtol=1e-11)
    assert np.allclose(factorizations.product_matrix(run.factors), run.W[-1], rtol=1e-14)
    assert not run.converged and run.diverged_at is None
    assert run.status == f"used all 300 steps; loss {run.loss[-1]:.3g}"


@pytest.mark.parametrize("target_loss", [0.3, 0.1, 0.05])
def test_descent_stops_at_the_first_step_at_or_below_the_target(target_loss):
    problem, start = problems.two_by_two(), factorizations.identity(0.1, 3)
    loss, W = slow_descent(problem, start, 0.05, 1000)
    first = int(np.argmax(loss <= target_loss))
    run = gradient_descent(problem, start, learning_rate=0.05, max_steps=1000, target_loss=target_loss)
    assert run.converged and run.step[-1] == first > 0
    assert run.loss[-1] <= target_loss and np.all(run.loss[:-1] > target_loss)
    assert np.allclose(run.W[-1], W[first], rtol=1e-12)
    assert run.status == f"reached the target loss at step {first}"


def test_descent_stops_at_the_first_step_even_when_the_loss_goes_up_and_down():
    # Two scalar problems side by side. The first has a learning rate just above 2 / (w1^2 + w2^2) = 1 and settles on a
    # cycle of two losses; the second decays slowly. So at first only every other step can be at or below the target.
    problem = problems.completion(jnp.diag(jnp.array([1.0, 0.0])), jnp.eye(2) == 1)
    start = (jnp.diag(jnp.array([0.8, 0.5])),) * 2
    loss, _ = slow_descent(problem, start, 1.05, 400)
    for wanted in range(201, 301, 14):  # at various places between two recorded steps
        target_loss = loss[wanted] * (1 + 1e-9)
        assert np.argmax(loss <= target_loss) == wanted and loss[wanted + 1] > 1.1 * target_loss
        run = gradient_descent(problem, start, learning_rate=1.05, max_steps=400, target_loss=target_loss)
        assert run.step[-1] == wanted


def test_a_start_at_the_target_takes_no_step():
    problem, start = problems.two_by_two(), random_factors(5, (2, 2, 2))
    loss = float(problem.loss(factorizations.product_matrix(start)))
    run = gradient_descent(problem, start, learning_rate=0.1, max_steps=10, target_loss=loss * (1 + 1e-12))
    assert run.converged and run.diverged_at is None
    assert run.step.tolist() == [0] and run.W.shape == (1, 2, 2)
    assert all(np.array_equal(after, before) for after, before in zip(run.factors, start, strict=True))


@pytest.mark.parametrize("learning_rate", [0.9, 2.0, 30.0])
def test_a_diverging_run_says_at_which_step_and_shows_only_finite_rows(learning_rate):
    problem, start = problems.two_by_two(), random_factors(6, (2, 2, 2, 2), scale=1.0)
    loss, W = slow_descent(problem, start, learning_rate, 200)
    first = int(np.argmax(~(loss < 1e8 * (1 + loss[0]))))
    assert first > 0
    run = gradient_descent(problem, start, learning_rate=learning_rate, max_steps=200)
    assert run.diverged_at == first and not run.converged
    assert run.step[-1] < first and np.all(np.isfinite(run.loss)) and np.all(np.isfinite(run.W))
    assert np.allclose(run.loss, loss[run.step], rtol=1e-9)
    assert run.status == f"diverged at step {first}: lower learning_rate={learning_rate:g}"


def test_runs_of_a_batch_have_their_own_rates_and_ends():
    problem, rates = problems.two_by_two(), [0.01, 0.05, 0.2, 1.5, 0.1]
    starts = [random_factors(seed, (2, 3, 2), scale=0.3) for seed in range(4)]
    starts.append((jnp.eye(3, 2), jnp.array([[2.0, 1.0, 5.0], [1.0, 0.0, 5.0]])))  # a solution
    batch = tuple(jnp.stack(parts) for parts in zip(*starts))
    options = dict(max_steps=2000, target_loss=0.02)
    runs = gradient_descents(problem, batch, learning_rate=rates, **options)
    assert [run.learning_rate for run in runs] == rates
    assert runs[3].diverged_at is not None and runs[4].step.tolist() == [0]
    assert len({int(run.step[-1]) for run in runs}) == 5
    for run, start, rate in zip(runs, starts, rates, strict=True):
        single = gradient_descent(problem, start, learning_rate=rate, **options)
        assert np.array_equal(run.step, single.step)
        assert (run.diverged_at, run.converged) == (single.diverged_at, single.converged)
        assert np.allclose(run.loss, single.loss, rtol=1e-9, atol=1e-30)
        assert np.allclose(run.W, single.W, rtol=1e-9, atol=1e-13)


def test_one_rate_serves_all_runs_and_reruns_are_bit_identical():
    problem = problems.two_by_two()
    batch = tuple(jnp.stack(parts) for parts in zip(*[random_factors(seed, (2, 2, 2, 2)) for seed in range(3)]))
    one, again = (gradient_descents(problem, batch, learning_rate=0.05, max_steps=500) for _ in range(2))
    many = gradient_descents(problem, batch, learning_rate=[0.05] * 3, max_steps=500)
    for a, b, c in zip(one, again, many, strict=True):
        assert np.array_equal(a.W, b.W) and np.array_equal(a.loss, b.loss) and np.array_equal(a.W, c.W)


@pytest.mark.parametrize(("learning_rate", "target_loss"), [(0.05, 0.1), (0.05, 0.0), (2.0, 0.0)])
def test_a_recorded_descent_has_the_rows_of_the_run_and_repeats_the_last(learning_rate, target_loss):
    problem, start, steps = problems.two_by_two(), random_factors(6, (2, 2, 2, 2), scale=1.0), jnp.arange(0, 400, 8)
    options = dict(learning_rate=learning_rate, target_loss=target_loss)
    record = jax.jit(lambda start: descent.recorded_descent(problem, start, record_at=steps, **options))
    step, loss, W, factors = record(start)
    slow, products = slow_descent(problem, start, learning_rate, 400)
    ends = (slow <= target_loss) | ~(slow < 1e8 * (1 + slow[0]))
    end = int(np.argmax(ends)) if ends.any() else 400
    expected = np.minimum(steps, end)
    assert np.array_equal(step, expected)
    shown = slow[expected] < 1e8 * (1 + slow[0])
    assert np.allclose(loss[shown], slow[expected][shown], rtol=1e-9) and np.all(loss[~shown] == np.inf)
    assert shown.all() == (learning_rate < 1)
    assert np.allclose(W[shown], products[expected][shown], rtol=1e-9)
    assert np.allclose(jax.vmap(lambda *W: factorizations.product_matrix(W))(*factors)[shown], W[shown], rtol=1e-12)
    many = jax.vmap(record)(tuple(jnp.stack([W, 0.5 * W]) for W in start))
    assert np.array_equal(many[0][0], step) and np.allclose(many[2][0][shown], W[shown], rtol=1e-9)


@given(st.integers(1, 10**12), st.integers(1, 200))
def test_recorded_steps_cover_the_run_evenly_in_the_logarithm(max_steps, per_decade):
    steps = descent.log_spaced_steps(max_steps, per_decade)
    assert steps[0] == 0 and steps[1] == 1 and steps[-1] == max_steps
    assert np.all(np.diff(steps) > 0)
    assert np.all(steps[2:] <= 10 ** (1 / per_decade) * steps[1:-1] + 1)  # 1: both were rounded
    assert len(steps) <= per_decade * np.log10(max_steps + 1) + 3


PROBLEM, START = problems.two_by_two(), factorizations.identity(0.5, 2)
BATCH = tuple(jnp.stack([W, W]) for W in START)


def call(problem=PROBLEM, factors=START, learning_rate=0.1, max_steps=5, **options):
    return gradient_descent(problem, factors, learning_rate=learning_rate, max_steps=max_steps, **options)


def call_batch(factors=BATCH, learning_rate=0.1):
    return gradient_descents(PROBLEM, factors, learning_rate=learning_rate, max_steps=5)


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: call(factors=()), "`factors` is empty"),
        (lambda: call(factors=(jnp.ones(2), jnp.eye(2))), "`factors.0.` must be a nonempty matrix; got shape"),
        (lambda: call(factors=(jnp.eye(2), jnp.eye(2) * jnp.nan)), "`factors.1.` must be finite; got"),
        (lambda: call(factors=(jnp.ones((3, 2)), jnp.eye(2))), "`factors` must chain"),
        (lambda: call(factors=(jnp.ones((2, 3)), jnp.eye(2))), "product of shape .2, 3., but `problem` needs"),
        (lambda: call(factors=(1e200 * jnp.eye(2),) * 2), "`factors` must have a finite loss; got inf"),
        (lambda: call(learning_rate=0.0), "`learning_rate` must be positive; got 0"),
        (lambda: call(learning_rate=jnp.nan), "`learning_rate` must be finite; got nan"),
        (lambda: call(learning_rate=[0.1, 0.2]), "`learning_rate` must be one number .* 1 runs; got shape .2,."),
        (lambda: call(max_steps=0), "`max_steps` must be an integer at least 1; got 0"),
        (lambda: call(max_steps=1e6), "`max_steps` must be an integer at least 1; got 1000000.0"),
        (lambda: call(target_loss=-1.0), "`target_loss` must not be negative; got -1"),
        (lambda: call(target_loss=jnp.inf), "`target_loss` must be finite; got inf"),
        (lambda: call(target_loss=[0.1, 0.2]), "`target_loss` must have shape ..; got .2,."),
        (lambda: call(records_per_decade=0), "`records_per_decade` must be an integer at least 1; got 0"),
        (lambda: descent.log_spaced_steps(0), "`max_steps` must be .* got 0"),
        (lambda: descent.log_spaced_steps(10, 2.5), "`per_decade` must be .* got 2.5"),
        (lambda: call_batch(factors=()), "`factors` must share one leading axis over at least one run"),
        (lambda: call_batch(factors=START), "`factors` must share one leading axis"),
        (lambda: call_batch(factors=(BATCH[0], BATCH[1][:1])), "`factors` must share one leading axis"),
        (lambda: call_batch(factors=tuple(W[:0] for W in BATCH)), "`factors` must share one .* at least one run"),
        (lambda: call_batch(factors=(BATCH[0], BATCH[1].at[1].set(jnp.inf))), "`factors.1.` must be finite; got"),
        (lambda: call_batch(factors=tuple(W.at[1].mul(1e200) for W in BATCH)), "`factors` must have a finite loss"),
        (lambda: call_batch(factors=(BATCH[0][:, :, :1], BATCH[1])), "product of shape .2, 1., but `problem`"),
        (lambda: call_batch(learning_rate=[0.1, -0.1]), "`learning_rate` must be positive; got"),
        (lambda: call_batch(learning_rate=[0.1] * 3), "`learning_rate` must be one number .* 2 runs; got shape"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
