"""The programs of the page against the functions that notebooks call."""

from functools import partial

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from implreg_core import descent, factorizations, flow, live, norms, problems, stability, trajectories

W0 = jnp.array([[0.1, 0.03], [0.02, 0.1]])


def compiled(function, **options):
    return jax.jit(partial(function, **options))


def columns_of(function, *arguments, **options):
    """The columns as arrays, without the rows after the end of the run."""
    columns = function(*arguments, **options)
    assert len({column.shape for column in columns.values()}) == 1
    time = np.asarray(columns["time"])
    end = 1 + int(np.argmax(time == time[-1]))
    for column in columns.values():
        np.testing.assert_array_equal(column[end:], np.broadcast_to(column[end - 1], column[end:].shape))
    return {name: np.asarray(column)[:end] for name, column in columns.items()}


@pytest.mark.parametrize(("depth", "target_loss"), [(2, 1e-2), (4, 0.0)])
def test_descent_columns_are_the_measures_of_the_run(depth, target_loss):
    program = compiled(live.descent_columns, depth=depth, max_steps=3000)
    columns = columns_of(program, W0, 0.02, target_loss=target_loss)
    factors = factorizations.balanced(W0, depth)
    options = dict(max_steps=3000, target_loss=target_loss, records_per_decade=30)
    run = descent.gradient_descent(problems.two_by_two(), factors, learning_rate=0.02, **options)
    assert run.converged == (target_loss > 0)
    for name, values in trajectories.measures(problems.two_by_two(), run).items():
        np.testing.assert_allclose(columns[name], values, rtol=1e-8, err_msg=name)
    for name, entry in [("w", (0, 0)), ("w12", (0, 1)), ("w21", (1, 0)), ("w22", (1, 1))]:
        np.testing.assert_allclose(columns[name], run.W[:, *entry], rtol=1e-8)
    np.testing.assert_array_equal(columns["det_sign"], np.sign(np.linalg.det(run.W)))  # which is far from 0 here
    assert np.all(columns["stability_limit"] == 1)
    assert np.all(columns["edge_of_stability"] == stability.edge_of_stability(0.02, depth))


def test_a_diverging_descent_ends_with_an_infinite_loss():
    columns = columns_of(compiled(live.descent_columns, depth=3, max_steps=500), 20 * W0, 2.0)
    assert columns["loss"][-1] == np.inf and np.isfinite(columns["loss"][:-1]).all() and len(columns["loss"]) < 60


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_the_sharpness_is_the_largest_eigenvalue_of_the_hessian(depth):
    """Also where most of the spectrum is negative, zero, or all the same."""
    starts = [factorizations.gaussian(jr.key(i), depth, (2, 2), std=10.0 ** (1 - i)) for i in range(4)]
    starts += [factorizations.identity(alpha, depth) for alpha in (1e-8, 0.1, 1.0, 30.0)]
    problem, batch = problems.two_by_two(eps=0.1), tuple(jnp.stack(factors) for factors in zip(*starts))
    found = jax.jit(jax.vmap(lambda *factors: live._sharpness(problem, factors)))(*batch)
    expected = jax.jit(jax.vmap(lambda *factors: stability.sharpness(problem, factors)))(*batch)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_the_relative_sharpness_meets_its_limit_at_the_edge_of_stability():
    columns = columns_of(compiled(live.descent_columns, depth=3, max_steps=30_000), W0, 0.03, target_loss=0.0)
    crossed = np.argmax(columns["relative_sharpness"] > 1)
    assert 0 < crossed and columns["w"][crossed] == pytest.approx(columns["edge_of_stability"][0], rel=0.05)


OBSERVED = [(1.0, 1.0, 0.0), (-2.0, 0.5, 0.0), (1.0, 1.0, 0.01), (1.0, 1.0, 0.5), (-2.0, 0.5, 2.0), (1.0, 1.0, -0.1)]
_flow_program = jax.jit(live.flow_columns)  # one program for all depths, starts and observations


def flow_program(W0, depth, observed=(1.0, 1.0, 0.0), target_loss=1e-20):
    return _flow_program(W0, depth=depth, target_loss=target_loss, **dict(zip(("z", "z_prime", "eps"), observed)))


@pytest.mark.parametrize("observed", OBSERVED)
@pytest.mark.parametrize("depth", [2, 3, 10])
def test_flow_columns_are_the_sign_preserving_flow(depth, observed):
    """From small and large starts of either sign, to loss 1e-20 or the floor."""
    problem = problems.two_by_two(*observed)
    starts = [
        scale * jnp.array(start)
        for scale in (1e-4, 1e-2, 1.0)
        for start in ([[1.0, 0.3], [0.2, 1.0]], [[-0.3, 1.0], [1.0, 0.2]])
    ]
    paths = flow.sign_preserving_flows(
        problem, jnp.stack(starts), depth=depth, target_loss=1e-20, rtol=1e-8, max_steps=4096
    )
    for start, path in zip(starts, paths, strict=True):
        columns = columns_of(flow_program, start, float(depth), observed)
        loss, w = columns["loss"], columns["w"]
        assert (loss[-1] <= 1e-20) == path.converged and np.all(np.diff(columns["t"]) > 0)
        assert np.all(np.isfinite([*columns.values()])) and len(w) < 620
        shared = (loss < 0.89 * path.loss[0]) & (loss > 1.001 * max(path.loss[-1], 1e-20))
        expected = path.at_loss(loss[shared])
        assert shared.sum() > 20
        # the splines of the reference are good to about 1e-5 where w moves much while the loss hardly does
        assert np.max(np.abs(w[shared] - expected.W[:, 0, 0]) / (0.1 + np.abs(w[shared]))) < 2e-5
        later = expected.t > 1e-2
        np.testing.assert_allclose(np.log(columns["t"][shared])[later], np.log(expected.t)[later], atol=0.03)


def test_flow_columns_keep_the_theorem_and_approach_its_limits():
    columns = columns_of(flow_program, 0.1 * jnp.eye(2), 2.0, target_loss=1e-24)
    np.testing.assert_allclose(columns["tightness"], np.abs(columns["w"]) * np.sqrt(2 * columns["loss"]), rtol=1e-14)
    np.testing.assert_allclose(columns["decades"], -np.log10(columns["loss"]), rtol=1e-14)
    assert np.all(columns["unseen_entry"] > columns["unseen_entry_bound"] * (1 - 1e-12))
    for value, limit in [("w", "entry_law"), ("loss", "loss_law")]:
        assert columns[value][-1] == pytest.approx(columns[limit][-1], rel=1e-6)
    assert columns["tightness"][-1] == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize("observed", [(1.0, 1.0, 0.1), (-2.0, 0.5, 0.3), (1.0, 1.0, 2.0), (-2.0, 0.5, -3.0)])
def test_solutions_of_rank_one_and_of_least_nuclear_norm(observed):
    lines = {name: float(value) for name, value in live._of_solutions(*observed).items()}
    w = jnp.linspace(-12.0, 12.0, 100_001)
    nuclear = jax.vmap(lambda w: norms.nuclear(problems.two_by_two_solution(w, *observed)))(w)
    assert lines["least_norm"] == pytest.approx(float(w[jnp.argmin(nuclear)]), abs=3e-4)
    assert lines["least_nuclear"] == pytest.approx(float(jnp.min(nuclear)), rel=1e-4)
    assert lines["least_nuclear"] <= jnp.min(nuclear) * (1 + 1e-14)
    assert abs(jnp.linalg.det(problems.two_by_two_solution(lines["rank_one"], *observed))) < 1e-12
    assert lines["rank_one_nuclear"] >= lines["least_nuclear"] * (1 - 1e-14)


@pytest.mark.parametrize("sign", [1, -1])
def test_flows_and_leaky_descents_know_the_sign_of_the_determinant(sign):
    start = W0 if sign > 0 else W0[::-1]
    assert np.all(columns_of(flow_program, start, 3.0)["det_sign"] == sign)
    directions = (jnp.eye(2)[::sign], jnp.eye(2) + 0.1, jnp.eye(2))
    program = compiled(live.leaky_columns, directions=directions, max_steps=3000)
    columns = columns_of(program, 1e-3, 1.0, 0.02, target_loss=1e-3)
    assert np.all(columns["det_sign"] == sign) and columns["loss"][-1] < 0.1


def test_a_singular_matrix_has_no_negative_determinant():
    columns = {"det_sign": jax.vmap(live._det_sign)(jnp.array([jnp.ones((2, 2)), [[0.1, 0.3], [0.1, 0.3 - 1e-9]]]))}
    np.testing.assert_array_equal(columns["det_sign"], [1, -1])
    tiny = jax.vmap(live._det_sign)(jnp.array([[[0.1, 0.3], [0.1, 0.3 - 1e-16]]]))
    np.testing.assert_array_equal(tiny, [1])


def test_a_flow_that_cannot_start_has_an_infinite_loss():
    assert columns_of(flow_program, jnp.ones((2, 2)), 3.0)["loss"][0] == np.inf


def test_leaky_columns_are_descent_at_slope_1_and_keep_positive_starts():
    directions = factorizations.gaussian(jr.key(0), 3, (2, 2), std=1.0)
    program = compiled(live.leaky_columns, directions=directions, max_steps=1000)
    columns = columns_of(program, 0.1, 1.0, 0.02)
    scaled = tuple(0.1 ** (1 / 3) * W for W in directions)
    options = dict(learning_rate=0.02, max_steps=1000, target_loss=1e-5, records_per_decade=30)
    run = descent.gradient_descent(problems.two_by_two(), scaled, **options)
    for name, values in trajectories.measures(problems.two_by_two(), run).items():
        np.testing.assert_allclose(columns[name], values, rtol=1e-8, err_msg=name)
    start = columns_of(compiled(live.leaky_columns, directions=(jnp.eye(2),) * 3, max_steps=1000), 0.1, 0.0, 0.02)
    assert start["w"][0] == pytest.approx(0.1) and start["w22"][0] == pytest.approx(0.1)
