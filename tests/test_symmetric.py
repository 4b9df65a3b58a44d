"""Symmetric factorization: that the transposed pair is descent on U, stays a pair, and obeys the flow of W."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from implreg_core import descent, factorizations, flow, problems, symmetric

PROBLEM = problems.two_by_two(0.8, 0.8, 0.3)


def starts(columns, count=4, std=0.3):
    return std * jr.normal(jr.key(columns), (count, 2, columns))


@pytest.mark.parametrize("columns", [1, 2, 5])
def test_gradient_of_the_pair_is_that_of_the_objective(columns):
    U = starts(columns)[0]
    gradient = jax.grad(lambda U: symmetric.objective(PROBLEM, U))(U)
    first, second = descent.objective_gradient(PROBLEM, (U.T, U))
    assert np.allclose(second, gradient, atol=1e-14) and np.allclose(first, gradient.T, atol=1e-14)


@pytest.mark.parametrize("columns", [1, 2, 5])
def test_descent_is_descent_on_u_and_stays_symmetric(columns):
    U = starts(columns)
    runs = symmetric.gradient_descents(PROBLEM, U, learning_rate=0.05, max_steps=40)
    for run, U in zip(runs, U, strict=True):
        for _ in range(40):
            U = U - 0.05 * jax.grad(lambda U: symmetric.objective(PROBLEM, U))(U)
        assert np.allclose(run.factors[1], U, atol=1e-12)
        assert np.allclose(run.factors[0], run.factors[1].T, rtol=0, atol=1e-14)


def test_flow_of_w_is_the_flow_of_u():
    U = starts(5)
    for run, U in zip(symmetric.gradient_flows(PROBLEM, U, target_loss=1e-10), U, strict=True):
        reference = flow.gradient_flow(PROBLEM, (U.T, U), target_loss=1e-4)
        at = run.at_loss(reference.loss[-1:])
        assert run.converged and run.det_sign == 1
        assert np.allclose(at.W[-1], reference.W[-1], atol=1e-5) and np.isclose(at.t[-1], reference.t[-1], rtol=1e-5)


def test_flow_depends_on_the_product_only():
    U = starts(5)
    W = U @ jnp.swapaxes(U, 1, 2)
    few, many = (symmetric.gradient_flows(PROBLEM, V) for V in (jnp.linalg.cholesky(W), U))
    assert np.allclose([r.W[-1] for r in few], [r.W[-1] for r in many], rtol=1e-8)


def test_lift_has_the_problem_as_its_block():
    problem = problems.completion(jnp.arange(6.0).reshape(2, 3), jnp.array([[1, 0, 1], [0, 1, 1]], bool))
    lifted = symmetric.lift(problem)
    U = jr.normal(jr.key(0), (5, 4))
    factors = symmetric.unlifted_factors(U, 2)
    W = factorizations.product_matrix(factors)
    assert lifted.shape == (5, 5) and np.allclose(W, (U @ U.T)[:2, 2:], atol=1e-14)
    assert np.isclose(symmetric.objective(lifted, U), problem.loss(W), rtol=1e-14)
    gradient = jax.grad(lambda U: symmetric.objective(lifted, U))(U)
    first, second = descent.objective_gradient(problem, factors)
    assert np.allclose(gradient, jnp.concatenate([second, first.T]), atol=1e-13)


def test_bad_arguments_are_named(unchecked_types):
    with pytest.raises(ValueError, match="`problem` must be symmetric"):
        symmetric.objective(problems.two_by_two(1.0, 0.5), jnp.eye(2))
    with pytest.raises(ValueError, match="`problem.values` must have shape"):
        symmetric.objective(PROBLEM, jnp.eye(3))
    with pytest.raises(ValueError, match=r"`U` must hold matrices.*U\[None\]"):
        symmetric.gradient_descents(PROBLEM, jnp.eye(2), learning_rate=0.1, max_steps=5)
    with pytest.raises(ValueError, match="`U` must be finite"):
        symmetric.gradient_flows(PROBLEM, jnp.full((1, 2, 2), jnp.nan))
    for deficient in (jnp.ones((1, 2, 1)), jnp.ones((1, 2, 3))):
        with pytest.raises(ValueError, match="`U` must have rank 2"):
            symmetric.gradient_flows(PROBLEM, deficient)
    with pytest.raises(ValueError, match="`rows` must be an integer from 1 to 3"):
        symmetric.unlifted_factors(jnp.eye(4), 4)
