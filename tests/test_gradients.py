"""Derivatives as careful as the values: finite differences where smooth, subgradient inequalities where not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from implreg_core import norms, ranks

CONVEX = [
    norms.nuclear,
    norms.frobenius,
    norms.spectral,
    norms.max_entry,
    norms.max_column_sum,
    norms.max_row_sum,
    norms.ky_fan(1),
    norms.ky_fan(2),
    norms.schatten(1.5),
    norms.schatten(3),
    norms.entrywise(1),
    norms.entrywise(4.5),
    norms.scaled(norms.nuclear, 3.0, dimension_power=-1),
    norms.total(norms.nuclear, norms.frobenius),
    norms.greatest(norms.spectral, norms.scaled(norms.nuclear, 0.6)),
]
SMOOTH = {
    **{norm.name: norm for norm in [*CONVEX, norms.schatten(0.5), norms.entrywise(0.3)]},
    "effective rank": ranks.effective_rank,
    **{f"distance to rank {k}": lambda W, k=k: ranks.distance_to_rank(W, k) for k in (0, 1)},
}
# With coinciding, vanishing and tied singular values and entries.
DEGENERATE = [
    np.eye(2),
    np.diag([1.0, -1.0]),
    np.array([[0.0, 3.0], [-3.0, 0.0]]),
    np.array([[1.0, 1.0], [1.0, -1.0]]),
    np.ones((2, 2)),
    np.diag([2.0, 0.0]),
    np.zeros((2, 2)),
    np.eye(3),
    np.diag([2.0, 2.0, 0.0]),
    np.ones((3, 2)),
    np.zeros((2, 3)),
    np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
]


@pytest.mark.parametrize("shape", [(2, 2), (3, 2)])
@pytest.mark.parametrize("name", SMOOTH)
def test_gradients_are_those_of_finite_differences(name, shape):
    W, direction = np.random.default_rng(0).standard_normal((2, *shape))
    value, gradient = map(np.asarray, jax.value_and_grad(SMOOTH[name])(jnp.asarray(W)))
    h = 1e-5
    slope = (SMOOTH[name](W + h * direction) - SMOOTH[name](W - h * direction)) / (2 * h)
    assert np.sum(gradient * direction) == pytest.approx(float(slope), rel=1e-6, abs=1e-8)
    if name != "effective rank":  # which does not change with the size
        assert np.sum(gradient * W) == pytest.approx(float(value), rel=1e-12)  # Euler, for homogeneous functions


@pytest.mark.parametrize("norm", CONVEX, ids=lambda norm: norm.name)
def test_norms_have_subgradients_everywhere(norm):
    """At each degenerate matrix A the gradient G satisfies |B| >= |A| + <G, B - A> for many B, and <G, A> = |A|."""
    draw = np.random.default_rng(0).standard_normal
    value, gradient, many = jax.jit(norm), jax.jit(jax.grad(norm)), jax.jit(jax.vmap(norm))
    for A in DEGENERATE:
        at_A, G = float(value(A)), np.asarray(gradient(A))
        assert np.all(np.isfinite(G)) and np.sum(G * A) == pytest.approx(at_A, abs=1e-12)
        size = np.repeat([1e-3, 1.0, 1e3], 40)[:, None, None]
        B = A + size * draw((120, *A.shape))
        excess = np.asarray(many(B)) - at_A - np.sum(G * (B - A), axis=(1, 2))
        assert np.all(excess >= -1e-12 * (1 + size.ravel())), A


def test_the_distance_from_low_rank_has_a_gradient_also_where_it_is_zero():
    for A in DEGENERATE:
        for k in range(min(A.shape) + 1):
            G = jax.grad(lambda W: ranks.distance_to_rank(W, k))(jnp.asarray(A))  # noqa: B023
            distance = float(ranks.distance_to_rank(A, k))
            assert np.sum(G * A) == pytest.approx(distance, abs=1e-12)
            assert float(jnp.linalg.norm(G)) == pytest.approx(float(distance > 0), abs=1e-12)


def test_effective_rank_is_largest_where_all_singular_values_coincide():
    for size in (2, 3):
        assert np.allclose(jax.grad(ranks.effective_rank)(2 * jnp.eye(size)), 0, atol=1e-12)
