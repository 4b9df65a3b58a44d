"""Greedy low-rank learning: where its steps end, what pulls away there, and what it refuses."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from implreg_core import descent, factorizations, greedy, problems, task_families


def seen(M):
    return problems.completion(jnp.asarray(M), jnp.ones(M.shape, bool))


def test_where_all_is_seen_the_steps_are_the_nearest_of_each_rank():
    M = np.random.default_rng(0).normal(size=(4, 3))
    U, s, Vt = np.linalg.svd(M, full_matrices=False)
    steps = greedy.greedy_low_rank(seen(M))
    assert [step.rank for step in steps] == [0, 1, 2, 3] and all(step.settled for step in steps)
    for step in steps:
        k = step.rank
        np.testing.assert_allclose(step.W, (U[:, :k] * s[:k]) @ Vt[:k], atol=1e-5)
        np.testing.assert_allclose(step.sigma, np.append(s[k:], np.zeros(k)), atol=1e-5)
        np.testing.assert_allclose(step.loss, np.sum(s[k:] ** 2) / 2, atol=1e-8)
    assert steps[0].curvature == np.inf
    for step, following in zip(s, s[1:]):  # a turn towards the next component costs their difference
        assert any(abs(found.curvature - (step - following)) < 1e-4 for found in steps[1:])


def test_each_path_starts_where_the_one_before_ended():
    steps = greedy.greedy_low_rank(task_families.task("random 8 x 8, 70%", jr.key(1)).problem)
    for before, after in zip(steps, steps[1:]):
        np.testing.assert_allclose(after.path[0], before.W, atol=1e-8)
        np.testing.assert_allclose(after.path[-1], after.W, atol=1e-6)
        assert np.linalg.matrix_rank(after.path[len(after.path) // 2], tol=1e-8) == after.rank
        ways = np.linalg.norm(np.diff(after.path, axis=0), axis=(1, 2))
        assert ways.max() < 0.1


def test_a_low_rank_truth_is_found_in_as_many_steps():
    task = task_families.task("random 12 x 12, 60%", jr.key(1))
    steps = greedy.greedy_low_rank(task.problem)
    assert steps[-1].rank == task.rank and np.linalg.norm(steps[-1].W - task.truth) < 1e-4
    assert steps[1].curvature > 0


@pytest.mark.parametrize("z_prime", [0.2, 0.5, 0.9])
def test_the_example_leads_to_a_saddle_point_within_rank_one_and_on_to_no_entry(z_prime):
    _, first, second = greedy.greedy_low_rank(problems.two_by_two(1, z_prime))
    np.testing.assert_allclose(first.W, [[0, 1], [0, 0]], atol=1e-6)
    np.testing.assert_allclose(second.W, [[0, 1], [z_prime, 0]], atol=1e-5)
    assert abs(first.curvature + (np.sqrt(1 + 4 * z_prime**2) - 1) / 2) < 1e-5


def test_the_curvature_is_that_of_the_objective():
    problem = problems.two_by_two(1, 0.5, 0.3)
    step = greedy.greedy_low_rank(problem)[1]
    U, s, Vt = np.linalg.svd(step.W)
    root = np.sqrt(s[0])

    def objective(x):
        return problem.loss(jnp.outer(x[:2], x[2:]))

    hessian = jax.hessian(objective)(jnp.concatenate([U[:, 0] * root, Vt[0] * root]))
    values = np.linalg.eigvalsh(hessian)
    gauge = np.argmin(np.abs(values))
    assert abs(np.delete(values, gauge).min() - step.curvature) < 1e-5


def test_descent_from_a_smaller_start_is_nearer_to_the_path():
    problem = seen(np.diag([1.0, 0.5]))
    steps = greedy.greedy_low_rank(problem)
    shape = jr.normal(jr.key(0), (2, 2))
    far = [
        greedy.distance(
            descent.gradient_descent(
                problem, factorizations.balanced(scale * shape, 2), learning_rate=0.05, max_steps=2000
            ).W,
            steps,
        ).max()
        for scale in (1e-2, 1e-6, 1e-12)
    ]
    assert far[0] > 2 * far[1] > 4 * far[2]


def test_distance_is_to_the_nearest_point_of_any_segment():
    steps = greedy.greedy_low_rank(seen(np.diag([2.0, 1.0])))
    points = np.array([np.diag([1.0, 0.0]), np.diag([2.0, 0.5]), np.diag([1.9, 0.3]), np.diag([3.0, 1.0])])
    np.testing.assert_allclose(greedy.distance(points, steps), [0, 0, 0.1, 1], atol=1e-5)


def test_a_step_that_takes_too_long_is_the_last_and_says_so(monkeypatch):
    monkeypatch.setattr(greedy, "_END", 1e3)
    _, last = greedy.greedy_low_rank(problems.two_by_two(1, 0.5, 1e-3))
    assert not last.settled and last.rank == 1 and last.loss > 1e-6


def test_zeros_are_fitted_at_once():
    (only,) = greedy.greedy_low_rank(seen(np.zeros((2, 3))))
    assert only.rank == 0 and only.loss == 0


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="rank 0: the leading singular values 1 and 1"):
        greedy.greedy_low_rank(problems.two_by_two())
    with pytest.raises(ValueError, match="`target_loss` must be positive"):
        greedy.greedy_low_rank(problems.two_by_two(1, 0.5), target_loss=0.0)
    steps = greedy.greedy_low_rank(problems.two_by_two(1, 0.5))
    with pytest.raises(ValueError, match=r"stack matrices of shape \(2, 2\); got shape \(2, 2\)"):
        greedy.distance(np.eye(2), steps)
    with pytest.raises(ValueError, match="`steps` is empty"):
        greedy.distance(np.eye(2)[None], [])
