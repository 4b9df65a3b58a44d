"""Relations between completions of a reader's own matrix, as a page and as a sweep compute them."""

from functools import cache

import jax
import jax.random as jr
import numpy as np
from hypothesis import strategies as st
from properties import SEEDS, about, near

from implreg_core import deep_completion, factorizations, norms, observation_graph, own_matrix, problems

SHAPES = st.sampled_from([(2, 2), (3, 2), (4, 4)])


def drawn(seed, shape):
    """A problem of short decimal numbers, with a hole and an observation that is not zero."""
    rng = np.random.default_rng(seed)
    observed = rng.random(shape) < 0.7
    observed[0, 0], observed[-1, -1] = False, True
    values = np.where(observed, rng.integers(-300, 300, shape) / 100, 0.0)
    values[-1, -1] = 1.5
    return problems.completion(values, observed)


@cache
def compiled():
    return jax.jit(lambda matrix: own_matrix.columns(matrix, 2.0, 1e-2, 0.05, max_steps=300, per_decade=5))


@about("problems.from_triples", seed=SEEDS, shape=SHAPES)
def test_triples_in_any_order_are_one_problem(seed, shape):
    task = drawn(seed, shape)
    rows, columns = np.nonzero(task.observed)
    order = np.random.default_rng(seed).permutation(len(rows))
    again = problems.from_triples(rows[order], columns[order], np.asarray(task.values)[rows, columns][order], shape)
    assert np.array_equal(again.values, task.values) and np.array_equal(again.observed, task.observed)


@about(
    "own_matrix.grid", "own_matrix.Grid", "own_matrix.written", "own_matrix.text", "own_matrix.problem",
    "own_matrix.unit", seed=SEEDS, shape=SHAPES,
)  # fmt: skip
def test_texts_grids_and_problems_are_the_same_matrix(seed, shape):
    task = drawn(seed, shape)
    grid = own_matrix.grid(own_matrix.text(task))
    assert isinstance(grid, own_matrix.Grid) and (grid.rows, grid.columns) == shape
    short = own_matrix.grid(own_matrix.written(own_matrix.text(task)))
    assert np.array_equal(short.values, grid.values) and np.array_equal(short.observed, grid.observed)
    again = own_matrix.problem(grid)
    assert np.array_equal(again.values, task.values) and np.array_equal(again.observed, task.observed)
    assert near(own_matrix.unit(grid), np.linalg.norm(task.values, 2))


@about("own_matrix.least_nuclear_norm", "own_matrix.columns", seed=SEEDS, shape=SHAPES, examples=5)
def test_completions_grow_with_the_matrix(seed, shape):
    task = drawn(seed, shape)
    least, bound = own_matrix.least_nuclear_norm(task.values, task.observed)
    doubled, _ = own_matrix.least_nuclear_norm(2 * task.values, task.observed)
    norm = np.linalg.svd(least, compute_uv=False).sum()
    assert near(doubled, 2 * least, 1e-5, size=norm) and bound <= norm * (1 + 1e-9)
    flipped, _ = own_matrix.least_nuclear_norm(-task.values.T, task.observed.T)
    assert near(np.linalg.svd(flipped, compute_uv=False).sum(), norm, 1e-5)
    matrix = own_matrix.grid(own_matrix.text(task))
    run, twice = compiled()(matrix), compiled()(matrix._replace(values=2 * matrix.values))
    assert near(twice["nuclear"], 2 * run["nuclear"], 1e-6, size=norm)
    assert np.array_equal(twice["step"], run["step"])


@about("own_matrix.start", "own_matrix.experiment", seed=st.integers(0, 7), depth=st.integers(2, 4), examples=4)
def test_starts_scale_and_experiments_are_the_last_rows(seed, depth):
    matrix = own_matrix.grid("?, 1; 1, 0")
    small, large = (own_matrix.start(matrix, seed + 1, depth=depth, scale=scale) for scale in (1e-3, 1e-2))
    assert near(10 * factorizations.product_matrix(small), factorizations.product_matrix(large), size=1e-2)
    settings = {"scale": 1e-2, "learning_rate": 0.02, "max_steps": 200}
    end = own_matrix.experiment("?, 1; 1, 0", depth=depth, seed=seed, **settings)
    other = own_matrix.experiment("?, -1; -1, 0", depth=depth, seed=seed, **settings)
    assert end["steps"] == other["steps"] == 200 and end["least_nuclear"] == other["least_nuclear"]


@about("deep_completion.Path", seed=SEEDS, examples=2)
def test_a_path_is_that_of_the_loss(seed):
    task, _ = problems.random_low_rank(jr.key(seed), (3, 3), 1, 7)
    settings = {"depth": 2, "scale": 1e-2, "max_steps": 50, "key": jr.key(seed)}
    path = deep_completion.complete(task, **settings, records_per_decade=5).path
    assert isinstance(path, deep_completion.Path) and path.step[0] == 0 and np.all(np.diff(path.step) > 0)
    assert near(path.loss, [float(task.loss(W)) for W in path.W])


@about("own_matrix.graph_columns", seed=SEEDS, shape=SHAPES, examples=5)
def test_the_graph_of_a_grid_is_that_of_its_observations(seed, shape):
    task = drawn(seed, shape)
    grid = own_matrix.grid(own_matrix.text(task))
    run = compiled()(grid)
    added = own_matrix.graph_columns(grid, run)
    (m, n), parts = shape, observation_graph.components(task.observed)
    rows = np.array([added[f"row_{i + 1}"][0] for i in range(m)])
    columns = np.array([added[f"column_{j + 1}"][0] for j in range(n)])
    assert np.array_equal(rows[:, None] == columns, parts.linked)
    W = np.array([[run[f"entry_{i + 1}{j + 1}"][-1] for j in range(n)] for i in range(m)])
    within = norms.nuclear(observation_graph.within_components(W, task.observed))
    assert near(added["within_nuclear"][-1], within, 1e-9)
