"""The network against plain NumPy, and against the factorization that it is where its activations are linear."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from implreg_core import descent, factorizations, nonlinear, problems
from implreg_core.nonlinear import LeakyReLU, Tanh

PROBLEM = problems.two_by_two(1.0, 0.8, 0.05)
ACTIVATIONS = {
    "ReLU": (LeakyReLU(0.0), lambda x: np.maximum(x, 0)),
    "leaky": (LeakyReLU(0.3), lambda x: np.where(x > 0, x, 0.3 * x)),
    "tanh": (Tanh(0.7), lambda x: np.tanh(0.7 * x) / 0.7),
    "linear": (LeakyReLU(1.0), lambda x: x),
}


def network(factors, activation):
    """Column by column, a basis vector through the layers."""
    columns = []
    for x in np.eye(factors[0].shape[1]):
        for j, W in enumerate(factors):
            x = np.asarray(W) @ (x if j == 0 else activation(x))
        columns.append(x)
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("depth", [2, 3, 4])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_completed_matrix_is_what_the_network_makes_of_the_basis(depth, name):
    activation, plain = ACTIVATIONS[name]
    factors = factorizations.gaussian(jr.key(depth), depth, (2, 4), std=1.0, hidden=3)
    W = nonlinear.completed_matrix(factors, activation)
    assert W.shape == (2, 4) and np.allclose(W, network(factors, plain), rtol=1e-13)
    linear = np.allclose(W, factorizations.product_matrix(factors), rtol=1e-13)
    assert linear == (name == "linear")
    positive = tuple(map(jnp.abs, factors))
    unchanged = np.allclose(nonlinear.completed_matrix(positive, activation), factorizations.product_matrix(positive))
    assert unchanged == (name != "tanh")


def test_tanh_of_a_small_scale_is_nearly_linear():
    x = jnp.linspace(-3.0, 3.0, 7)
    for scale in (1e-2, 1e-3):
        np.testing.assert_allclose(Tanh(scale)(x), x, rtol=4 * scale**2)  # the error is (c x)^2 / 3


def test_at_slope_1_descent_is_that_of_the_factorization():
    factors, options = factorizations.gaussian(jr.key(1), 3, (2, 2), std=0.7), dict(learning_rate=0.05, max_steps=2000)
    ours = nonlinear.gradient_descent(PROBLEM, factors, LeakyReLU(1.0), **options, target_loss=1e-3)
    linear = descent.gradient_descent(PROBLEM, factors, **options, target_loss=1e-3)
    assert np.array_equal(ours.step, linear.step) and ours.status == linear.status
    assert np.allclose(ours.W, linear.W, rtol=1e-9) and np.allclose(ours.loss, linear.loss, rtol=1e-9)


@pytest.mark.parametrize("name", ["ReLU", "leaky", "tanh"])
def test_descent_follows_the_gradient_of_the_network(name):
    activation, plain = ACTIVATIONS[name]
    factors = factorizations.gaussian(jr.key(4), 3, (2, 2), std=0.8)
    run = nonlinear.gradient_descent(PROBLEM, factors, activation, learning_rate=0.02, max_steps=1)
    moved = [W - V for W, V in zip(factors, run.factors, strict=True)]

    def loss(factors):
        r = network(factors, plain) - np.asarray(PROBLEM.values)
        return 0.5 * np.sum(np.where(PROBLEM.observed, r, 0.0) ** 2)

    h = 1e-6
    for j, W in enumerate(factors):
        for place in np.ndindex(W.shape):
            up, down = (tuple(V.at[place].add(s * h) if i == j else V for i, V in enumerate(factors)) for s in (1, -1))
            assert moved[j][place] == pytest.approx(0.02 * (loss(up) - loss(down)) / (2 * h), rel=1e-6, abs=1e-9)
    assert run.loss[1] < run.loss[0] and np.allclose(run.W[1], network(run.factors, plain), rtol=1e-12)


def test_many_runs_are_the_single_ones_and_a_record_is_the_run():
    keys, steps = jr.split(jr.key(4), 3), descent.log_spaced_steps(500)
    starts = jax.vmap(lambda key: factorizations.gaussian(key, 2, (2, 2), std=0.8))(keys)
    options = dict(learning_rate=0.05, max_steps=500)
    runs = nonlinear.gradient_descents(PROBLEM, starts, LeakyReLU(0.2), **options)
    assert len(runs) == 3
    factors = tuple(W[1] for W in starts)
    run = nonlinear.gradient_descent(PROBLEM, factors, LeakyReLU(0.2), **options)
    assert np.allclose(run.W, runs[1].W, rtol=1e-9)

    @jax.jit
    def record(slope):
        activation = LeakyReLU(slope)
        return nonlinear.recorded_descent(PROBLEM, factors, activation, learning_rate=0.05, record_at=steps)

    step, loss, W, rows = record(jnp.asarray(0.2))
    assert np.array_equal(step, run.step) and np.allclose(loss, run.loss, rtol=1e-9)
    assert np.allclose(W, run.W, rtol=1e-9) and np.allclose(rows[0][-1], run.factors[0], rtol=1e-9)


def test_from_positive_roots_a_relu_network_takes_the_linear_path():
    """The proposition of the chapter, for descent: all that enters an activation stays positive."""
    values, vectors = np.linalg.eigh([[0.5, 0.2], [0.2, 0.3]])
    factors = (jnp.asarray(vectors * values ** (1 / 3) @ vectors.T),) * 3
    options = dict(learning_rate=0.05, max_steps=2000, target_loss=0.01)
    run = nonlinear.gradient_descent(problems.two_by_two(), factors, LeakyReLU(0.0), **options)
    linear = descent.gradient_descent(problems.two_by_two(), factors, **options)
    assert np.array_equal(run.step, linear.step) and run.converged
    np.testing.assert_allclose(run.W, linear.W, rtol=1e-9)
    assert run.W[-1, 0, 0] > 5 and np.linalg.det(run.W[-1]) > 0


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize("slope", [-0.1, 1.5, jnp.nan, jnp.ones(2)])
def test_a_slope_out_of_range_is_named(slope):
    with pytest.raises(ValueError, match="`slope` must"):
        LeakyReLU(slope)


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize("scale", [0.0, -1.0, jnp.nan, jnp.ones(2)])
def test_a_scale_out_of_range_is_named(scale):
    with pytest.raises(ValueError, match="`scale` must"):
        Tanh(scale)
