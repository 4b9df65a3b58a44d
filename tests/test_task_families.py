"""The families against the closed forms that the chapter proves, and against the convex solver."""

import tomllib
from importlib import resources

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from implreg_core import convex, experiments, norms, task_families


@pytest.mark.parametrize("family", task_families.FAMILIES)
def test_truth_fits_and_no_completion_has_lower_rank(family):
    truths = []
    for seed in range(3):  # those of the stored runs
        task = task_families.task(family, jr.fold_in(jr.key(seed), 0))
        T, seen = np.asarray(task.truth), np.asarray(task.problem.observed)
        values = np.linalg.svd(T, compute_uv=False)
        assert abs(values[0] - 1) < 1e-12 and np.all(values[task.rank :] < 1e-12)
        assert np.array_equal(task.problem.values, np.where(seen, T, 0)) and not seen.all()
        if task.rank == 2:  # some 2 x 2 minor is seen, and not zero
            minors = T[:, None, :, None] * T[None, :, None, :] - T[:, None, None, :] * T[None, :, :, None]
            whole = seen[:, None, :, None] & seen[None, :, None, :] & seen[:, None, None, :] & seen[None, :, :, None]
            assert np.max(np.abs(minors) * whole) > 1e-3
        else:
            assert task.rank == 1
        truths.append(T)
    assert not np.allclose(truths[0], truths[1])


def test_sweep_file_lists_all_families():
    sweep = tomllib.loads((resources.files("implreg_core") / "stored/families.toml").read_text())
    assert sweep["vary"]["family"] == list(task_families.FAMILIES)


def test_experiment_draws_task_and_start_apart():
    settings = {"depth": 3, "scale": 1e-6, "learning_rate": 0.1, "target_loss": 1e-7, "max_steps": 20_000}
    one, other = (
        experiments.matrix_family(seed=0, family="2 x 2, large entry hidden", start=start, **settings)
        for start in (0, 1)
    )
    for name, value in one.items():
        assert (value == other[name]) == (name.startswith(("convex_", "truth_")) or name in ("converged", "rank"))
    assert one["converged"] and one["loss"] <= 1e-7
    assert one["rank"] == one["truth_rank"] == 1 < one["convex_rank"]  # the least norm is not the truth here
    assert one["nuclear_norm"] > 1.05 * one["convex_nuclear_norm"] and one["effective_rank"] < 1.01
    assert one["reconstruction_error"] < 0.01 < one["convex_reconstruction_error"]


def test_patterns_say_which_entries_are_seen():
    x, o = True, False
    assert task_families.hidden_diagonal(3).tolist() == [[o, x, x], [x, o, x], [x, x, o]]
    assert task_families.hidden_block((3, 4), 2, 1).tolist() == [[o, x, x, x], [o, x, x, x], [x, x, x, x]]
    assert task_families.banded(4, 1).tolist() == [[x, x, o, o], [x, x, x, o], [o, x, x, x], [o, o, x, x]]
    assert task_families.block_diagonal(3, 1).tolist() == [[x, o, o], [o, x, x], [o, x, x]]


@pytest.mark.parametrize(("shape", "rows", "columns"), [((2, 2), 1, 1), ((3, 3), 1, 1), ((3, 4), 2, 1), ((5, 4), 2, 3)])
def test_least_norm_of_a_hidden_block(shape, rows, columns):
    """The solver and the closed form agree, on both sides of the switch."""
    u, v = jnp.array([-0.7, 1.1, 0.4, -0.9, 1.3])[: shape[0]], jnp.array([0.8, -1.2, 0.6, 0.5])[: shape[1]]
    factors = []
    for weight in (0.2, 4.0):
        weighted = u.at[:rows].multiply(weight)
        task = task_families.rank_one(weighted, v, task_families.hidden_block(shape, rows, columns))
        factors.append(float(task_families.least_norm_factor(weighted, v, rows, columns)))
        expected = task.truth.at[:rows, :columns].multiply(factors[-1])
        found = convex.minimum_nuclear_norm(task.problem)
        assert abs(norms.nuclear(found) - norms.nuclear(expected)) < 1e-7
        assert jnp.max(jnp.abs(found - expected)) < 1e-3  # the minimum is flat: half of the solver's digits
    assert factors[0] == 1 > factors[1]


@pytest.mark.parametrize(("largest_share", "finds"), [(0.40, True), (0.48, True), (0.52, False), (0.75, False)])
def test_hidden_diagonal_of_three_is_found_up_to_a_right_angle(largest_share, finds):
    rest = 1 - largest_share
    u = np.sqrt([0.45 * rest, largest_share, 0.55 * rest])
    task = task_families.rank_one(u, u, task_families.hidden_diagonal(3))
    excess = norms.nuclear(task.truth) - norms.nuclear(convex.minimum_nuclear_norm(task.problem))
    assert abs(excess) < 1e-7 if finds else excess > 1e-4


def test_rank_one_tasks_scale_both_sides():
    task = task_families.rank_one(np.array([3.0, 4]), np.array([1.0, 2, 2]), task_families.hidden_block((2, 3), 1, 2))
    assert np.allclose(task.truth, np.outer([0.6, 0.8], np.array([1, 2, 2]) / 3), rtol=1e-14)
    assert task.problem.values[0].tolist()[:2] == [0, 0] and abs(task.problem.values[1, 0] - 0.8 / 3) < 1e-15


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: task_families.task("unheard of", jr.key(0)), "family"),
        (lambda: task_families.hidden_diagonal(1), "size"),
        (lambda: task_families.hidden_block((3, 3), 3, 1), "rows"),
        (lambda: task_families.banded(3, 3), "half_width"),
        (lambda: task_families.block_diagonal(3, 3), "first"),
        (lambda: task_families.rank_one(np.zeros(2), np.ones(2), task_families.hidden_block((2, 2), 1, 1)), "u"),
        (lambda: task_families.least_norm_factor(np.arange(2.0), np.ones(2), 1, 1), "parts"),
        (lambda: task_families.least_norm_factor(np.ones(2), np.ones(2), 2, 1), "rows"),
    ],
)
def test_bad_arguments_are_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()
