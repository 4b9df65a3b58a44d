"""Steps of Rodas5P: their order, that of their error estimate, and a step far longer than the equation's own time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from implreg_core.flow import _rosenbrock


def pendulum(y):
    return jnp.array([y[1], -jnp.sin(y[0])])


@jax.jit
def end(steps):
    def step(_, y):
        return _rosenbrock.step(pendulum, y, 2.0 / steps)[0]

    return jax.lax.fori_loop(0, steps, step, jnp.array([1.0, 0.5]))


def test_rodas5p_has_order_five():
    exact = end(200)
    errors = [np.linalg.norm(end(steps) - exact) for steps in (5, 10, 20)]
    assert np.all(np.log2(np.divide(errors[:-1], errors[1:])) > 4.7)


def test_the_error_estimate_is_that_of_a_method_of_order_four():
    step = jax.jit(lambda h: _rosenbrock.step(pendulum, jnp.array([1.0, 0.5]), h)[1])
    estimates = [np.linalg.norm(step(h)) for h in (0.4, 0.2, 0.1)]
    assert np.all(np.abs(np.log2(np.divide(estimates[:-1], estimates[1:])) - 5) < 0.5)


def test_a_stiff_step_ends_at_the_equilibrium():
    y1, error = _rosenbrock.step(lambda y: -1e12 * y, jnp.ones(1), jnp.asarray(1.0))
    assert abs(y1[0]) < 1e-9 and abs(error[0]) < 1e-9  # L-stable


@pytest.mark.parametrize("n", [1, 3])
def test_linear_systems_are_solved_whatever_the_sizes_of_their_rows(n):
    M = np.random.default_rng(n).normal(size=(n, n)) + 3 * n * np.eye(n)
    M *= np.logspace(-9, 9, n)[:, None]
    x = np.arange(1.0, n + 1)
    solve = jax.jit(lambda M, b: _rosenbrock._solved(_rosenbrock._eliminated(M), b))
    assert np.allclose(solve(M, M @ x), x, rtol=1e-13)
