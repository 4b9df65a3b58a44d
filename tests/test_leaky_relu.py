"""The network against plain NumPy, and against the factorization that it is at slope 1."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from implreg_core import descent, factorizations, leaky_relu, problems

PROBLEM = problems.two_by_two(1.0, 0.8, 0.05)


def network(factors, slope):
    """Column by column, a basis vector through the layers."""
    columns = []
    for x in np.eye(factors[0].shape[1]):
        for j, W in enumerate(factors):
            x = np.asarray(W) @ (x if j == 0 else np.where(x > 0, x, slope * x))
        columns.append(x)
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("depth", [2, 3, 4])
@pytest.mark.parametrize("slope", [0.0, 0.3, 1.0])
def test_the_completed_matrix_is_what_the_network_makes_of_the_basis(depth, slope):
    factors = factorizations.gaussian(jr.key(depth), depth, (2, 4), std=1.0, hidden=3)
    W = leaky_relu.completed_matrix(factors, slope)
    assert W.shape == (2, 4) and np.allclose(W, network(factors, slope), rtol=1e-13)
    linear = np.allclose(W, factorizations.product_matrix(factors), rtol=1e-13)
    assert linear == (slope == 1)
    positive = tuple(map(jnp.abs, factors))
    expected = factorizations.product_matrix(positive)
    assert np.allclose(leaky_relu.completed_matrix(positive, slope), expected, rtol=1e-14)


def test_at_slope_1_descent_is_that_of_the_factorization():
    factors, options = factorizations.gaussian(jr.key(1), 3, (2, 2), std=0.7), dict(learning_rate=0.05, max_steps=2000)
    ours = leaky_relu.gradient_descent(PROBLEM, factors, 1.0, **options, target_loss=1e-3)
    linear = descent.gradient_descent(PROBLEM, factors, **options, target_loss=1e-3)
    assert np.array_equal(ours.step, linear.step) and ours.status == linear.status
    assert np.allclose(ours.W, linear.W, rtol=1e-9) and np.allclose(ours.loss, linear.loss, rtol=1e-9)


@pytest.mark.parametrize("slope", [0.0, 0.3])
def test_descent_follows_the_gradient_of_the_network(slope):
    factors = factorizations.gaussian(jr.key(4), 3, (2, 2), std=0.8)
    run = leaky_relu.gradient_descent(PROBLEM, factors, slope, learning_rate=0.02, max_steps=1)
    moved = [W - V for W, V in zip(factors, run.factors, strict=True)]

    def loss(factors):
        r = network(factors, slope) - np.asarray(PROBLEM.values)
        return 0.5 * np.sum(np.where(PROBLEM.observed, r, 0.0) ** 2)

    h = 1e-6
    for j, W in enumerate(factors):
        for place in np.ndindex(W.shape):
            up, down = (tuple(V.at[place].add(s * h) if i == j else V for i, V in enumerate(factors)) for s in (1, -1))
            assert moved[j][place] == pytest.approx(0.02 * (loss(up) - loss(down)) / (2 * h), rel=1e-6, abs=1e-9)
    assert run.loss[1] < run.loss[0] and np.allclose(run.W[1], network(run.factors, slope), rtol=1e-12)


def test_a_recorded_descent_is_the_run():
    factors, steps = factorizations.gaussian(jr.key(4), 2, (2, 2), std=0.8), descent.log_spaced_steps(500)
    run = leaky_relu.gradient_descent(PROBLEM, factors, 0.2, learning_rate=0.05, max_steps=500)

    @jax.jit
    def record(slope):
        return leaky_relu.recorded_descent(PROBLEM, factors, slope, learning_rate=0.05, record_at=steps)

    step, loss, W, rows = record(jnp.asarray(0.2))
    assert np.array_equal(step, run.step) and np.allclose(loss, run.loss, rtol=1e-9)
    assert np.allclose(W, run.W, rtol=1e-9) and np.allclose(rows[0][-1], run.factors[0], rtol=1e-9)


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize("slope", [-0.1, 1.5, jnp.nan, jnp.ones(2)])
def test_a_slope_out_of_range_is_named(slope):
    with pytest.raises(ValueError, match="`slope` must"):
        leaky_relu.completed_matrix(factorizations.identity(0.1, 2), slope)
