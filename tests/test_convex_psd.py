"""The least-trace positive semidefinite completion, against the answers that 2 x 2 blocks have in closed form."""

import jax.numpy as jnp
import numpy as np
import pytest

from implreg_core import convex, problems, symmetric


@pytest.mark.parametrize("z, eps", [(1.0, 0.1), (1.0, 2.0), (-0.7, 0.3)])
def test_least_trace_is_the_rank_one_completion(z, eps):
    W = convex.minimum_trace_psd(problems.two_by_two(z, z, eps))
    assert np.allclose(W, [[z**2 / eps, z], [z, eps]], atol=1e-5)


@pytest.mark.parametrize("z, z_prime, eps", [(1.0, 1.0, 0.5), (-2.0, 0.5, 0.1)])
def test_least_trace_of_the_lift_is_twice_the_least_nuclear_norm(z, z_prime, eps):
    X = convex.minimum_trace_psd(symmetric.lift(problems.two_by_two(z, z_prime, eps)))
    assert np.isclose(jnp.trace(X), 2 * (abs(z) + abs(z_prime)), atol=1e-5)
    assert np.isclose(X[0, 2], np.sign(z * z_prime) * eps, atol=1e-3)  # the least is flat: half the digits


@pytest.mark.parametrize("eps", [0.0, -0.1])
def test_no_fit_is_an_error(eps):
    with pytest.raises(ValueError, match="no positive semidefinite fit"):
        convex.minimum_trace_psd(problems.two_by_two(1.0, 1.0, eps))


def test_asymmetric_observations_have_no_fit():
    with pytest.raises(ValueError, match="no positive semidefinite fit"):
        convex.minimum_trace_psd(problems.two_by_two(1.0, 0.5, 1.0))


def test_rectangular_problem_is_refused():
    problem = problems.completion(jnp.ones((2, 3)), jnp.ones((2, 3), bool))
    with pytest.raises(ValueError, match="`problem` must be square"):
        convex.minimum_trace_psd(problem)


@pytest.mark.parametrize("scale", [1e-9, 1e6])
def test_least_trace_scales_with_the_values(scale):
    z, eps = 0.7, 0.3
    W = convex.minimum_trace_psd(problems.two_by_two(scale * z, scale * z, scale * eps))
    assert np.allclose(W, scale * np.array([[z**2 / eps, z], [z, eps]]), rtol=0, atol=1e-5 * scale)
