"""Relations between calls of `convex`, `greedy`, `higher_dimensions` and `task_families`."""

from functools import partial
from types import SimpleNamespace

import jax.numpy as jnp
import jax.random as jr
import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from properties import (
    ENTRIES,
    SCALES,
    SEEDS,
    about,
    gaussians,
    matrices,
    near,
    orthogonal,
    permutations,
    signed_permutations,
)

from implreg_core import (
    convex,
    factorizations,
    greedy,
    higher_dimensions,
    norms,
    observation_graph,
    problems,
    symmetric,
    task_families,
)

MASKS = hnp.arrays(bool, (3, 2), elements=st.booleans()).filter(np.any)

# ---- least norm


@about(
    "convex.certified_minimum_nuclear_norm",
    "convex.minimum_nuclear_norm",
    "convex.CertifiedMinimum",
    "convex.CertifiedMinimum.relative_gap",
    values=matrices(3, 2),
    observed=MASKS,
    rows=signed_permutations(3),
    scale=SCALES,
    examples=6,
)
def test_the_least_nuclear_norm_knows_no_order_no_signs_and_the_units(values, observed, rows, scale):
    least = convex.certified_minimum_nuclear_norm(problems.completion(values, observed))
    value, size = float(norms.nuclear(least.W)), np.max(np.abs(values[observed]))
    solved = 1e-5  # the relative gap up to which results are returned
    assert 0 <= least.relative_gap + 1e-9 and least.lower_bound <= value * (1 + 1e-9)
    assert value <= norms.nuclear(np.where(observed, values, 0.0)) * (1 + solved)  # of another fit
    assert value <= norms.nuclear(values) * (1 + solved)
    turned = np.abs(rows) @ observed > 0
    for other in (problems.completion(values.T, observed.T), problems.completion(rows @ values, turned)):
        W = convex.minimum_nuclear_norm(other)
        assert near(norms.nuclear(W), value, solved) and other.loss(W) == 0
    scaled = convex.certified_minimum_nuclear_norm(problems.completion(scale * values, observed))
    assert near(norms.nuclear(scaled.W) / scale, value, solved) and near(scaled.lower_bound / scale, value, solved)
    fewer = observed & (np.arange(6).reshape(3, 2) > 0)
    if fewer.any():
        assert norms.nuclear(convex.minimum_nuclear_norm(problems.completion(values, fewer))) <= value * (1 + solved)
    assert size <= value * (1 + solved)


@about(
    "convex.minimum_trace_psd",
    U=gaussians(3, 2),
    observed=hnp.arrays(bool, (3, 3), elements=st.booleans()).filter(np.any),
    P=signed_permutations(3),
    scale=st.sampled_from([1e-100, 1e100]),
    examples=6,
)
def test_the_least_trace_turns_with_the_problem_and_knows_the_units(U, observed, P, scale):
    truth, observed = U @ U.T, observed | observed.T
    least = convex.minimum_trace_psd(problems.completion(truth, observed))
    trace, solved = np.trace(least), 1e-6
    assert trace <= np.trace(truth) * (1 + solved) and np.linalg.eigvalsh(least)[0] >= -solved * np.trace(truth)
    turned = problems.completion(P @ truth @ P.T, np.abs(P) @ observed @ np.abs(P).T > 0)
    assert near(np.trace(convex.minimum_trace_psd(turned)), trace, solved, size=np.trace(truth))
    scaled = convex.minimum_trace_psd(problems.completion(scale * truth, observed))
    assert near(np.trace(scaled) / scale, trace, solved, size=np.trace(truth))


@about("convex.minimum_trace_psd", "symmetric.lift", values=matrices(3, 2), observed=MASKS, examples=4)
def test_the_least_trace_of_a_lifted_problem_is_twice_the_least_nuclear_norm(values, observed):
    problem = problems.completion(values, observed)
    least = norms.nuclear(convex.minimum_nuclear_norm(problem))
    assert near(np.trace(convex.minimum_trace_psd(symmetric.lift(problem))), 2 * least, 1e-5, size=1e-3 + 2 * least)


# ---- beyond two by two


@about(
    "higher_dimensions.square_family",
    "higher_dimensions.embedded_example",
    "higher_dimensions.shared_determinant",
    size=st.integers(2, 4),
    n=st.integers(2, 3),
    examples=5,
)
def test_tasks_hold_the_smaller_ones_and_are_symmetric(size, n):
    task, larger = higher_dimensions.square_family(size), higher_dimensions.square_family(size + 1)
    assert np.array_equal(larger.values[:size, :size], task.values) and np.array_equal(task.values, task.values.T)
    assert higher_dimensions.shared_determinant(task) == higher_dimensions.shared_determinant(larger) == -1
    wide, high = (higher_dimensions.embedded_example(shape) for shape in ((size, n), (n, size)))
    assert np.array_equal(wide.values, high.values.T) and np.array_equal(wide.observed, high.observed.T)
    more = higher_dimensions.embedded_example((size + 1, n))
    assert np.array_equal(more.values[:size], wide.values) and np.array_equal(more.observed[:size], wide.observed)


@about(
    "higher_dimensions.random_task",
    "higher_dimensions.shared_determinant",
    seed=SEEDS,
    hidden=st.sampled_from([(1, 1), (1, 2), (2, 2), (1, 3)]),
    rows=permutations(4),
    columns=permutations(4),
    examples=5,
)
def test_shared_determinants_are_determinants(seed, hidden, rows, columns):
    task = higher_dimensions.random_task(jr.key(seed), 4, hidden)
    values, observed = np.asarray(task.values), np.asarray(task.observed)

    def shared(values, observed):
        return higher_dimensions.shared_determinant(problems.completion(values, observed))

    det = shared(values, observed)
    assert det != 0 and shared(values.T, observed.T) == det and shared(-8 * values, observed) == 8**4 * det
    sign = round(np.linalg.det(np.eye(4)[rows]) * np.linalg.det(np.eye(4)[columns]))
    assert shared(values[rows][:, columns], observed[rows][:, columns]) == sign * det
    shown = np.where(observed, values, np.random.default_rng(seed).integers(-3, 3, (4, 4)))
    assert shared(shown, np.ones((4, 4), bool)) == det and near(np.linalg.det(shown), float(det), 1e-9, size=1)


@about(
    "higher_dimensions.balanced_start",
    "higher_dimensions.inside_block",
    seed=SEEDS,
    std=st.floats(1e-3, 1e3),
    examples=4,
)
def test_starts_of_both_signs_are_mirror_images_of_any_scale(seed, std):
    start = partial(higher_dimensions.balanced_start, jr.key(seed), 2, 2)
    plus, minus, scaled = start(std=1.0, sign=1), start(std=1.0, sign=-1), start(std=std, sign=1)
    product = factorizations.product_matrix
    assert np.linalg.det(product(plus)) > 0 and near(product(minus), product(plus) * np.array([[-1.0], [1.0]]), 1e-14)
    assert near(factorizations.unbalancedness(minus), 0, 1e-13, size=1) and near(product(scaled), std * product(plus))
    inside = product(higher_dimensions.inside_block(plus, (3, 4)))
    assert np.array_equal(inside, np.pad(product(plus), ((0, 1), (0, 2))))
    high = higher_dimensions.inside_block(tuple(W.T for W in plus[::-1]), (4, 3))
    assert near(product(high), inside.T, 1e-15)


@about(
    "higher_dimensions.nearest_solution",
    "higher_dimensions.distances_from_singular",
    "higher_dimensions.measures",
    W=gaussians(4, 3, 3) | hnp.arrays(float, (4, 3, 3), elements=ENTRIES),
    rows=permutations(3),
    cut=st.integers(1, 3),
    examples=10,
)
def test_distances_of_tasks_know_no_order_and_are_measured_row_by_row(W, rows, cut):
    task = higher_dimensions.square_family(3)
    solution = higher_dimensions.nearest_solution(task, W[0])
    assert task.loss(solution) == 0 and np.array_equal(higher_dimensions.nearest_solution(task, solution), solution)
    assert near(np.linalg.norm(W[0] - solution) ** 2, 2 * task.loss(W[0]), 1e-14)
    distances = np.array(higher_dimensions.distances_from_singular(task, W[0]))
    turned = problems.completion(task.values[rows], task.observed[rows])
    size = np.linalg.norm(W[0]) + 1
    for other, same in [(task, W[0].T), (turned, W[0][rows])]:
        assert near(higher_dimensions.distances_from_singular(other, same), distances, 1e-14, size=size)
    loss = np.array([task.loss(row) for row in W])
    whole, first, rest = (
        higher_dimensions.measures(task, SimpleNamespace(W=W[part], loss=loss[part]))
        for part in (slice(None), slice(cut), slice(cut, None))
    )
    for name, column in whole.items():
        assert np.array_equal(np.concatenate([first[name], rest[name]]), column, equal_nan=True), name
    assert near([whole["distance"][0], whole["solution_distance"][0]], distances, 1e-14, size=size)


# ---- families


@about(
    "task_families.hidden_diagonal",
    "task_families.hidden_block",
    "task_families.banded",
    "task_families.block_diagonal",
    k=st.integers(1, 3),
    examples=5,
)
def test_patterns_are_symmetric_nested_and_complementary(k):
    size, families = 5, task_families
    band, block = families.banded(size, k), families.block_diagonal(size, k)
    assert np.array_equal(families.hidden_diagonal(size), ~families.banded(size, 0)) and np.array_equal(band, band.T)
    assert np.all(families.banded(size, k + 1) >= band) and np.all(families.banded(size, size - 1))
    assert np.array_equal(families.block_diagonal(size, size - k), block[::-1, ::-1])
    hidden, wide = families.hidden_block((size, 3), k, 2), families.hidden_block((3, size), 2, k)
    assert np.array_equal(hidden, wide.T) and np.sum(~hidden) == 2 * k
    opposite = families.hidden_block((size, size), k, size - k)[:, ::-1]
    assert np.array_equal(opposite & families.hidden_block((size, size), size - k, k)[::-1], block)


@about(
    "task_families.task",
    "task_families.Task",
    family=st.sampled_from(list(task_families.FAMILIES)),
    seed=SEEDS,
    examples=4,
)
def test_every_family_draws_truths_of_its_rank_and_of_norm_one(family, seed):
    task, again = (task_families.task(family, jr.key(seed)) for _ in range(2))
    other = task_families.task(family, jr.key(seed + 1))
    sigma = np.linalg.svd(task.truth, compute_uv=False)
    assert near(sigma[0], 1, 1e-14) and near(sigma[task.rank :], np.zeros(len(sigma) - task.rank), 1e-13, size=1)
    assert task.problem.loss(task.truth) == 0 and not task.problem.observed.all()
    assert np.array_equal(task.truth, again.truth) and not np.array_equal(task.truth, other.truth)
    assert task.problem.shape == other.problem.shape and task.rank == other.rank


@about(
    "task_families.rank_one",
    "task_families.least_norm_factor",
    u=gaussians(4),
    v=gaussians(3),
    c=st.sampled_from([1e-200, -1.0, 1e200]),
    rows=st.integers(1, 3),
    columns=st.integers(1, 2),
    examples=10,
)
def test_rank_one_tasks_know_no_units_and_turn_with_their_vectors(u, v, c, rows, columns):
    observed = np.asarray(task_families.hidden_block((4, 3), rows, columns))
    task = task_families.rank_one(u, v, observed)
    assert near(task_families.rank_one(c * u, v / c, observed).truth, task.truth, 1e-15 * 4)
    assert near(task_families.rank_one(v, u, observed.T).truth, task.truth.T, 1e-15)
    assert near(task_families.rank_one(u[::-1], v, observed[::-1]).truth, task.truth[::-1], 1e-15)
    factor = task_families.least_norm_factor(u, v, rows, columns)
    assert near(task_families.least_norm_factor(c * u, -v, rows, columns), factor, 1e-14)
    assert near(task_families.least_norm_factor(v, u, columns, rows), factor, 1e-14)
    opposite = task_families.least_norm_factor(u[::-1], v[::-1], 4 - rows, 3 - columns)
    assert max(factor, opposite) == 1  # of two opposite blocks, one is no larger than the other
    least = convex.minimum_nuclear_norm(task.problem)
    hidden = np.where(observed, 0.0, task.truth)
    assert near(np.sum(least * hidden), factor * np.sum(hidden**2), 1e-3, size=1)


# ---- the observed entries as a graph


@about(
    "observation_graph.components",
    "observation_graph.Components",
    "observation_graph.Components.linked",
    "observation_graph.Components.count",
    "observation_graph.are_complete",
    observed=hnp.arrays(bool, (3, 4)),
    rows=permutations(3),
    columns=permutations(4),
    more=hnp.arrays(bool, (3, 4)),
)
def test_components_turn_with_rows_and_columns_and_join_where_more_is_seen(observed, rows, columns, more):
    parts = observation_graph.components(observed)
    assert isinstance(parts, observation_graph.Components)
    turned = observed[rows][:, columns]
    other, mirrored = observation_graph.components(turned), observation_graph.components(observed.T)
    linked = np.asarray(parts.linked)
    assert np.array_equal(other.linked, linked[rows][:, columns]) and np.array_equal(mirrored.linked, linked.T)
    assert other.count == parts.count == mirrored.count
    complete = observation_graph.are_complete(observed)
    assert observation_graph.are_complete(turned) == complete == bool(np.all(linked == observed))
    assert observation_graph.are_complete(linked)
    joined = observation_graph.components(observed | more)
    assert joined.count <= parts.count and np.all(joined.linked | ~linked)


@about(
    "observation_graph.within_components",
    "observation_graph.nuclear_norm_excess",
    W1=gaussians(2, 4),
    W2=gaussians(3, 2),
    observed=hnp.arrays(bool, (3, 4)),
    scale=SCALES,
    turn=orthogonal(2),
)
def test_the_norm_of_the_whole_is_that_of_its_components(W1, W2, observed, scale, turn):
    factors = jnp.asarray(W1), jnp.asarray(W2)
    W = factorizations.product_matrix(factors)
    within = observation_graph.within_components(W, observed)
    assert near(observation_graph.within_components(within, observed), within)
    excess = observation_graph.nuclear_norm_excess(factors, observed)
    slack = 1e-12 * np.sum(W1**2) + 1e-12 * np.sum(W2**2)
    assert norms.nuclear(within) - slack <= norms.nuclear(W) <= norms.nuclear(within) + excess + slack
    mirrored = observation_graph.nuclear_norm_excess((factors[1].T, factors[0].T), observed.T)
    turned = observation_graph.nuclear_norm_excess((turn @ factors[0], factors[1] @ turn.T), observed)
    assert near(mirrored, excess, size=1 + excess) and near(turned, excess, size=1 + excess)
    root = np.sqrt(scale)
    scaled = observation_graph.nuclear_norm_excess((root * factors[0], root * factors[1]), observed)
    assert near(scaled / scale, excess, size=1 + excess)


# ---- greedy low-rank learning


@about(
    "greedy.greedy_low_rank",
    "greedy.distance",
    "greedy.Step",
    values=gaussians(3, 2),
    hidden=st.integers(0, 5),
    rows=signed_permutations(3),
    scale=st.sampled_from([1e-8, 1.0, 1e8]),
    examples=8,
)
def test_greedy_steps_know_no_order_no_signs_and_the_units(values, hidden, rows, scale):
    observed = np.arange(6).reshape(3, 2) != hidden
    steps = greedy.greedy_low_rank(problems.completion(values, observed))
    for step in steps:
        assert step.rank <= 2 and near(step.loss, problems.completion(values, observed).loss(step.W), 1e-9, size=1.0)
        assert np.max(greedy.distance(step.path, steps)) < 1e-8
    assert all(after.loss < before.loss for before, after in zip(steps, steps[1:]))
    turned = greedy.greedy_low_rank(problems.completion(rows @ values, np.abs(rows) @ observed > 0))
    upright = greedy.greedy_low_rank(problems.completion(values.T, observed.T))
    scaled = greedy.greedy_low_rank(problems.completion(scale * values, observed), target_loss=1e-12 * scale**2)
    if all(step.settled for step in steps):
        for step, one, two, three in zip(steps, turned, upright, scaled, strict=True):
            assert near(one.W, rows @ step.W, 1e-3, size=1.0) and near(two.W, step.W.T, 1e-3, size=1.0)
            assert near(three.W / scale, step.W, 1e-3, size=1.0)
