"""The minimum-nuclear-norm baseline against closed forms and against the optimality conditions."""

import cvxpy as cp
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from implreg_core import norms, problems
from implreg_core.convex import certified_minimum_nuclear_norm, minimum_nuclear_norm

NAN = jnp.nan


def completion(rows):
    """The problem whose unseen entries are NaN."""
    values = jnp.array(rows)
    return problems.completion(values, ~jnp.isnan(values))


@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (5, 1)])
def test_a_fully_observed_matrix_is_its_own_completion(shape):
    W = jr.normal(jr.key(0), shape)
    assert np.allclose(minimum_nuclear_norm(problems.completion(W, jnp.ones(shape, bool))), W, atol=1e-7)


@pytest.mark.parametrize(("z", "z_prime"), [(1.0, 1.0), (-2.0, 0.5)])
def test_the_counterexample_is_completed_by_zero(z, z_prime):
    W = minimum_nuclear_norm(problems.two_by_two(z, z_prime))
    assert np.allclose(W, problems.two_by_two_solution(0.0, z, z_prime), atol=1e-6)
    assert norms.nuclear(W) == pytest.approx(abs(z) + abs(z_prime), rel=1e-7)


@pytest.mark.parametrize("eps", [0.3, -0.8])
def test_a_perturbed_counterexample_is_completed_near_eps(eps):
    # [[w, 1], [1, eps]] with |eps| < 1: determinant w eps - 1. While that is negative, the nuclear norm is
    # sqrt((w - eps)^2 + 4), least at w = eps.
    W = minimum_nuclear_norm(problems.two_by_two(eps=eps))
    assert W[0, 0] == pytest.approx(eps, abs=1e-4)  # the norm is flat there: eight digits of it are four of w
    assert norms.nuclear(W) == pytest.approx(2, rel=1e-7)


def test_a_rank_one_matrix_is_recovered_from_few_entries():
    # Four entries of a 2 x 3 matrix, in a block where the two unseen ones follow: u v' with |v| largest where seen.
    W = minimum_nuclear_norm(completion([[3.0, 6.0, NAN], [1.0, 2.0, NAN]]))
    assert np.allclose(W, [[3.0, 6.0, 0.0], [1.0, 2.0, 0.0]], atol=1e-6)
    one_row = minimum_nuclear_norm(completion([[1.0, NAN, -2.0]]))
    assert np.allclose(one_row, [[1.0, 0.0, -2.0]], atol=1e-6)


@pytest.mark.parametrize(("shape", "rank", "count"), [((6, 4), 1, 16), ((4, 7), 2, 18), ((20, 25), 2, 200)])
def test_the_completion_fits_and_its_certificate_shows_that_it_is_least(shape, rank, count):
    # Any Y supported on the observed entries with spectral norm at most 1 proves that every completion X has
    # |X|_* >= <Y, X> = <Y, values>. The last case is the first-order method's.
    problem, truth = problems.random_low_rank(jr.key(1), shape, rank, count)
    least = certified_minimum_nuclear_norm(problem)
    assert least.W.shape == shape
    assert problem.loss(least.W) == 0
    assert not np.any(np.where(problem.observed, 0.0, least.Y))
    assert norms.spectral(least.Y) <= 1 + 1e-14
    bound, norm = float(jnp.sum(least.Y * truth)), float(norms.nuclear(least.W))
    assert least.lower_bound == pytest.approx(bound)
    assert float(least.relative_gap) == pytest.approx(1 - bound / norm, abs=1e-13)
    assert norm == pytest.approx(bound, rel=1e-7 if sum(shape) < 20 else 1e-5)
    assert norm <= norms.nuclear(truth) * (1 + 1e-7)
    assert np.array_equal(minimum_nuclear_norm(problem), least.W)


def test_no_perturbation_of_the_unseen_entries_is_better():
    problem, _ = problems.random_low_rank(jr.key(2), (5, 7), 2, 20)
    W = minimum_nuclear_norm(problem)
    least = float(norms.nuclear(W))
    for key in jr.split(jr.key(3), 20):
        change = jnp.where(problem.observed, 0.0, jr.normal(key, (5, 7)))
        assert norms.nuclear(W + 1e-3 * change) > least
        assert norms.nuclear(W - 1e-3 * change) > least


@pytest.mark.parametrize("scale", [0.0, 1e-12, 1e9, 1e100])
def test_the_completion_scales_with_the_values(scale):
    values = jnp.array([[1.0, NAN, 2.0], [NAN, -1.5, 0.5]])
    W = minimum_nuclear_norm(completion(values))
    scaled = minimum_nuclear_norm(problems.completion(scale * values, ~jnp.isnan(values)))
    assert np.allclose(scaled, scale * W, rtol=0, atol=1e-6 * scale)


@pytest.mark.parametrize(("count", "recovers"), [(5000, True), (2000, False)])
def test_a_100_x_100_matrix_is_completed(count, recovers):
    problem, truth = problems.random_low_rank(jr.key(0), (100, 100), 5, count)
    least = certified_minimum_nuclear_norm(problem)
    error = norms.frobenius(least.W - truth) / norms.frobenius(truth)
    assert least.relative_gap < 1e-5
    if recovers:
        assert error < 1e-6
    else:
        assert error > 0.1
        assert norms.nuclear(least.W) < 0.99 * norms.nuclear(truth)


def test_a_small_gap_outweighs_a_doubtful_status():
    problem, truth = problems.random_low_rank(jr.split(jr.key(0))[0], (12, 12), 1, 100)  # Clarabel: "inaccurate"
    least = certified_minimum_nuclear_norm(problem)
    assert least.relative_gap < 1e-7
    assert np.allclose(least.W, truth, atol=1e-6)


@pytest.mark.parametrize("iterations", [1, 3])
def test_a_solver_that_fails_is_an_error(monkeypatch, iterations):
    solve = cp.Problem.solve
    monkeypatch.setattr(cp.Problem, "solve", lambda self, **options: solve(self, **options, max_iter=iterations))
    with pytest.raises(ValueError, match=r"`problem` of shape \(2, 2\) with 3 observed entries was not solved: "):
        minimum_nuclear_norm(problems.two_by_two())


def test_a_problem_that_would_take_hours_is_refused():
    with pytest.raises(ValueError, match=r"of shape \(943, 1682\) is a semidefinite program of size 2625"):
        minimum_nuclear_norm(problems.completion(np.ones((943, 1682)), np.ones((943, 1682), bool)))


def test_an_error_within_the_solver_is_an_error(monkeypatch):
    def fail(self, **options):
        raise cp.error.SolverError("numerical problems")

    monkeypatch.setattr(cp.Problem, "solve", fail)
    with pytest.raises(ValueError, match="was not solved: CLARABEL says 'no solution found'"):
        minimum_nuclear_norm(problems.two_by_two())
