"""The constants of Theorem 1 in every dimension, tried on matrices of positive determinant close to the solutions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from implreg_core import bounds, higher_dimensions, norms

WEIGHTED = norms.custom(lambda W: jnp.sum(W.size * jnp.abs(W)) - (W.size - 1) * jnp.abs(W[0, 0]), name="weighted")
NORMS = [norms.nuclear, norms.schatten(0.5), norms.entrywise(0.5), norms.max_row_sum, WEIGHTED]


def near_solutions(d, count=300, seed=0):
    """Random matrices with a determinant just above zero, losses down to 1e-8, most of their misfit in W22."""
    rng = np.random.default_rng(seed)
    misfit = rng.normal(size=(count, d, d)) * 10.0 ** rng.uniform(-3, 0, (count, d, d))
    misfit[:, 1, 1] += rng.choice([-1, 1], count)
    misfit[:, 0, 0] = 0
    W = np.asarray(higher_dimensions.square_family(d).values) + 0.0
    r = 10.0 ** rng.uniform(-4, 0, count)
    W = W + misfit * (r / np.linalg.norm(misfit, axis=(1, 2)))[:, None, None]
    rest, minor = np.linalg.det(W), np.linalg.det(W[:, 1:, 1:])  # det = rest + W11 * minor
    W[:, 0, 0] = (1e-3 - rest) / minor
    keep = np.linalg.det(W) > 0
    return W[keep], r[keep] ** 2 / 2


@pytest.mark.parametrize("d", [2, 5])
def test_bounds_hold_in_every_dimension(d):
    W, loss = near_solutions(d)
    assert len(W) > 200 and loss.min() < 1e-7
    r = np.sqrt(2 * loss)
    assert np.all(abs(W[:, 0, 0]) >= (1 / r - r) * (1 - 1e-9))
    values = jax.jit(jax.vmap(lambda W: jnp.stack([norm.function(W) for norm in NORMS])))(W)
    for norm, value in zip(NORMS, np.asarray(values).T):
        a, b = bounds.square_norm_constants(norm, d)
        assert np.all(value >= a / np.sqrt(loss) - b), norm.name
        assert np.max(value * np.sqrt(loss)) >= a  # not by the size of the sample
        if norm is not WEIGHTED:
            assert np.all(value >= (1 / r - r) * (1 - 1e-9)), norm.name  # units have norm 1


def test_constants_by_hand():
    for norm in (norms.nuclear, norms.frobenius, norms.max_column_sum):
        np.testing.assert_allclose(bounds.norm_constants(norm, 5), [0.5**0.5, 8], rtol=1e-14)
        np.testing.assert_allclose(bounds.square_norm_constants(norm, 5), [0.5**0.5, 1 + 2 * 5], rtol=1e-14)
    np.testing.assert_allclose(bounds.norm_constants(norms.schatten(0.5), 5), [0.125**0.5, 32], rtol=1e-14)
    np.testing.assert_allclose(bounds.square_norm_constants(norms.schatten(0.5), 5), [0.125**0.5, 0.5 + 10 * 2**5])
    np.testing.assert_allclose(bounds.square_norm_constants(norms.schatten(0.5), 2), [0.125**0.5, 0.5 + 4 * 2**2])
    np.testing.assert_allclose(bounds.norm_constants(WEIGHTED, 5), [0.5**0.5, 8 * 25])
    scaled = norms.scaled(norms.nuclear, dimension_power=-1)
    np.testing.assert_allclose(bounds.norm_constants(scaled, 5), [0.5**0.5 / 5, 8 / 5])


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize("constants", [bounds.norm_constants, bounds.square_norm_constants])
def test_a_dimension_is_two_at_least(constants):
    with pytest.raises(ValueError, match="`dimension` must be an integer at least 2; got 1"):
        constants(norms.nuclear, 1)
