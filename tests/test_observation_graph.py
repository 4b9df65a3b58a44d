"""Components of the graph of the observed entries, and what depth 2 owes to them."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from implreg_core import factorizations, flow, norms, observation_graph, problems, task_families

masks = hnp.arrays(bool, st.sampled_from([(1, 3), (4, 4), (5, 2)]))


def labels(observed):
    """What SciPy says: the component of each row, then of each column."""
    m, n = observed.shape
    adjacent = np.zeros((m + n, m + n))
    adjacent[:m, m:] = observed
    return connected_components(csr_matrix(adjacent), directed=False)


@given(masks)
def test_components_are_those_of_scipy(observed):
    count, expected = labels(observed)
    parts = observation_graph.components(observed)
    ours = np.concatenate([parts.rows, parts.columns])
    assert int(parts.count) == count == len(set(ours.tolist()))
    assert np.array_equal(ours[:, None] == ours, expected[:, None] == expected)


@given(masks)
def test_components_turn_with_rows_columns_and_the_transposition(observed):
    parts = observation_graph.components(observed)
    other = observation_graph.components(observed[::-1].T)
    assert np.array_equal(other.linked, np.asarray(parts.linked)[::-1].T) and other.count == parts.count
    assert observation_graph.are_complete(observed[::-1].T) == observation_graph.are_complete(observed)
    assert np.all(parts.linked | ~observed)


def test_a_path_through_all_rows_and_columns_is_one_component():
    size = 40
    i, j = np.indices((size, size))
    path = (i == j) | (i == j + 1)
    order = np.random.default_rng(0).permutation(size)
    assert int(observation_graph.components(path[order][:, order[::-1]]).count) == 1
    path[20, 20] = False
    assert int(observation_graph.components(path[order][:, order[::-1]]).count) == 2


def test_components_may_be_traced():
    observed = jnp.eye(3, dtype=bool)
    assert int(jax.jit(lambda mask: observation_graph.components(mask).count)(observed)) == 3


@pytest.mark.parametrize("seed", range(8))
def test_the_excess_bounds_the_nuclear_norm_of_any_factors(seed):
    rng = np.random.default_rng(seed)
    m, n, hidden = rng.integers(2, 6, 3)
    observed = rng.random((m, n)) < 0.3
    factors = tuple(
        jnp.asarray(10.0 ** rng.uniform(-3, 3) * rng.normal(size=shape) * rng.choice([1e-3, 1], shape))
        for shape in ((hidden, n), (m, hidden))
    )
    W = factorizations.product_matrix(factors)
    within = float(norms.nuclear(observation_graph.within_components(W, observed)))
    excess = float(observation_graph.nuclear_norm_excess(factors, observed))
    assert within * (1 - 1e-12) <= float(norms.nuclear(W)) <= (within + excess) * (1 + 1e-12)


def test_the_excess_is_attained():
    """Two entries of one hidden unit, each balanced, with equal signs: rank one, and no excess; unbalanced ones."""
    observed = np.eye(2, dtype=bool)
    W1, W2 = jnp.array([[2.0, 1.0]]), jnp.array([[2.0], [1.0]])
    assert float(observation_graph.nuclear_norm_excess((W1, W2), observed)) == 0
    assert float(norms.nuclear(W2 @ W1)) == pytest.approx(5)
    t = 1e-3  # component one sees t and 1 / t: the excess is half of 1 / t ** 2, and the norm nearly that
    W1, W2 = jnp.array([[t, 1 / t]]), jnp.array([[1 / t], [t]])
    excess = float(observation_graph.nuclear_norm_excess((W1, W2), observed))
    assert float(norms.nuclear(W2 @ W1)) == pytest.approx(2 + excess, rel=3e-6)


@pytest.mark.parametrize("shape, first", [((4, 4), 1), ((4, 4), 2)])
def test_the_flow_keeps_the_excess(shape, first):
    observed = task_families.block_diagonal(4, first)
    problem = problems.completion(jr.normal(jr.key(1), shape), observed)
    start = factorizations.gaussian(jr.key(first), 2, shape, std=0.3)
    path = flow.gradient_flow(problem, start, target_loss=1e-6)
    excess = [float(observation_graph.nuclear_norm_excess(factors, observed)) for factors in (start, path.factors)]
    assert excess[0] > 0.05 and excess[1] == pytest.approx(excess[0], rel=1e-6)
    whole = observation_graph.nuclear_norm_excess(start, np.ones(shape, bool))
    assert abs(float(whole) - excess[0]) > 1e-3


@pytest.mark.parametrize(
    "call, name",
    [
        (lambda: observation_graph.components(np.ones(3, bool)), "observed"),
        (lambda: observation_graph.components(np.ones((2, 2))), "observed"),
        (lambda: observation_graph.within_components(np.ones((2, 2)), np.ones((2, 3), bool)), "observed"),
        (lambda: observation_graph.within_components(np.full((2, 2), np.nan), np.ones((2, 2), bool)), "W"),
        (lambda: observation_graph.nuclear_norm_excess((jnp.eye(2),) * 3, np.ones((2, 2), bool)), "factors"),
        (lambda: observation_graph.nuclear_norm_excess((jnp.eye(2),) * 2, np.ones((2, 3), bool)), "observed"),
    ],
)
def test_what_does_not_fit_is_refused(call, name, unchecked_types):
    with pytest.raises(ValueError, match=f"`{name}`"):
        call()
