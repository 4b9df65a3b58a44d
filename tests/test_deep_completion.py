"""Deep completion by the global RMSprop step: where it stops, what it finds, and the experiments made of it."""

import time
from functools import partial

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
import pytest
from jax.tree_util import Partial

from implreg_core import deep_completion, descent, experiments, factorizations, problems

SMALL = {"seed": 1, "size": 12, "rank": 1, "observed": 100}
TRAINING = {"depth": 3, "scale": 1e-3, "learning_rate": 1e-3, "tolerance": 1e-6, "max_steps": 100_000}


def by_hand(problem, factors, learning_rate, tolerance):
    """The run step by step, with the gradient of `descent`: the factors at the stop, and the number of steps."""
    count = float(jnp.sum(problem.observed))
    gradient, product = jax.jit(descent.objective_gradient), jax.jit(factorizations.product_matrix)
    second_moment, step = 0.0, 0
    while 2 * problem.loss(product(factors)) / count > tolerance:
        step += 1
        g = [2 * G / count for G in gradient(problem, factors)]
        second_moment = 0.99 * second_moment + 0.01 * sum(float(jnp.sum(G**2)) for G in g)
        rate = learning_rate / ((second_moment / (1 - 0.99**step)) ** 0.5 + 1e-6)
        factors = tuple(W - rate * G for W, G in zip(factors, g, strict=True))
    return factors, step


def test_the_run_is_that_of_the_formulas():
    problem, _ = problems.random_low_rank(jr.key(0), (3, 4), 1, 9)
    run = deep_completion.complete(
        problem, depth=3, scale=1e-2, learning_rate=1e-2, tolerance=1e-3, max_steps=5000, key=jr.key(1)
    )
    start = factorizations.gaussian(jr.key(1), 3, (3, 4), std=1e-2 ** (1 / 3) * 3**-0.5)
    factors, steps = by_hand(problem, start, 1e-2, 1e-3)
    assert run.steps == steps > 100
    assert run.converged and run.mse <= 1e-3
    assert run.mse == pytest.approx(float(jnp.mean((run.W - problem.values)[problem.observed] ** 2)))
    for W, expected in zip(run.factors, factors, strict=True):
        assert np.allclose(W, expected, rtol=0, atol=1e-9)  # hundreds of steps of different rounding


def test_a_run_out_of_steps_says_so():
    run = deep_completion.complete(problems.two_by_two(), depth=4, scale=1e-3, max_steps=7, key=jr.key(1))
    assert run.steps == 7
    assert not run.converged
    assert run.status.startswith("used all 7 steps; mean squared error ")


@pytest.mark.parametrize(("name", "value"), [("depth", 1), ("scale", 0.0), ("learning_rate", -1.0), ("max_steps", 0)])
def test_bad_settings_are_named(name, value):
    problem = problems.two_by_two()
    settings = {"depth": 2, "scale": 1e-3, "max_steps": 10} | {name: value}
    with pytest.raises(ValueError, match=name if name != "scale" else "product_scale"):
        deep_completion.complete(problem, key=jr.key(0), **settings)


def test_divergence_is_an_error():
    with pytest.raises(ValueError, match="`learning_rate`.* is too large: the run diverged at step"):
        deep_completion.complete(
            problems.two_by_two(), depth=4, scale=1.0, learning_rate=1e80, max_steps=10, key=jr.key(0)
        )


def test_deep_and_convex_complete_the_same_matrix():
    deep, least = experiments.deep_completion(**SMALL, **TRAINING), experiments.convex_completion(**SMALL)
    assert deep["converged"] and deep["mse"] <= 1e-6 and deep["steps"] < TRAINING["max_steps"]
    for found in (deep, least):  # half of a rank-one matrix is enough for both
        assert found["reconstruction_error"] < 1e-2
        assert found["effective_rank"] < 1.1
        assert found["singular_values"].shape == (10,)
        assert found["singular_values"][0] == pytest.approx(12, rel=1e-2)  # the Frobenius norm of the truth
    assert abs(least["relative_gap"]) < 1e-7


def test_an_experiment_repeats_bit_for_bit():
    short = TRAINING | {"max_steps": 50}
    first, again = (experiments.deep_completion(**SMALL, **short) for _ in range(2))
    assert first.keys() == again.keys()
    assert all(np.array_equal(first[name], again[name]) for name in first)
    other = experiments.deep_completion(**SMALL | {"seed": 2}, **short)
    assert other["mse"] != first["mse"]


def test_a_path_is_recorded_on_the_way():
    problem, _ = problems.random_low_rank(jr.key(0), (3, 4), 1, 9)
    settings = {"depth": 2, "scale": 1e-2, "learning_rate": 1e-2, "tolerance": 1e-3, "key": jr.key(1)}
    run = deep_completion.complete(problem, **settings, max_steps=5000, records_per_decade=10)
    silent = deep_completion.complete(problem, **settings, max_steps=5000)
    assert silent.path is None and silent.steps == run.steps == run.path.step[-1]
    for W in (run.path.W[-1], silent.W):
        assert np.allclose(W, run.W, rtol=1e-12, atol=1e-12)
    assert np.all(np.diff(run.path.step) > 0) and run.path.step[0] == 0
    assert np.allclose(run.path.loss, [float(problem.loss(W)) for W in run.path.W])
    assert len(run.path.step) == len(run.path.loss) == len(run.path.W)
    full = deep_completion.complete(problem, **settings | {"tolerance": 1e-300}, max_steps=20, records_per_decade=5)
    assert full.path.step[-1] == full.steps == 20


def test_optimizer_schedule_and_width_are_of_ones_choice():
    problem, _ = problems.random_low_rank(jr.key(0), (3, 4), 1, 9)
    settings = {"depth": 2, "scale": 1e-2, "tolerance": 1e-300, "max_steps": 40, "hidden": 5, "key": jr.key(1)}
    rate = optax.piecewise_constant_schedule(0.5, {20: 0.1})
    with jax.numpy_dtype_promotion("standard"):  # optax's schedule compares a float with the count of steps
        run = deep_completion.complete(problem, **settings, optimizer=lambda: optax.sgd(rate))
    assert [W.shape for W in run.factors] == [(5, 4), (3, 5)]
    factors = factorizations.gaussian(jr.key(1), 2, (3, 4), std=1e-1 * 5**-0.5, hidden=5)
    gradient = jax.jit(descent.objective_gradient)
    for step in range(40):
        eta = (0.5 if step < 20 else 0.05) * 2 / 9
        factors = tuple(W - eta * G for W, G in zip(factors, gradient(problem, factors), strict=True))
    for W, expected in zip(run.factors, factors, strict=True):
        assert np.allclose(W, expected, rtol=0, atol=1e-12)
    same = deep_completion.complete(problem, **settings, optimizer=Partial(optax.sgd, 0.5))
    plain = deep_completion.complete(problem, **settings, optimizer=partial(optax.sgd, 0.5))
    assert np.array_equal(same.W, plain.W) and not np.allclose(same.W, run.W, atol=1e-9)
    with pytest.raises(ValueError, match="`hidden`"):
        deep_completion.complete(problem, **settings | {"hidden": 2})


def test_the_estimate_is_of_the_right_order():
    problem, _ = problems.random_low_rank(jr.key(0), (30, 30), 2, 500)
    settings = {"depth": 3, "max_steps": 4000}
    deep_completion.complete(problem, **settings, scale=1e-3, tolerance=1e-300, key=jr.key(0))  # compiles
    begin = time.perf_counter()
    deep_completion.complete(problem, **settings, scale=1e-3, tolerance=1e-300, key=jr.key(0))
    took = time.perf_counter() - begin
    assert took / 20 < deep_completion.estimated_seconds(problem, **settings) < 20 * took
    with pytest.raises(ValueError, match="`max_steps`"):
        deep_completion.estimated_seconds(problem, depth=2, max_steps=0)
