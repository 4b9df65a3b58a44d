"""The volume of balanced factors: against the linear map that defines it, and against plain samples."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from implreg_core import bounds, volume

RNG = np.random.default_rng(0)


def power(S, p):
    """Of a symmetric positive definite matrix."""
    values, vectors = np.linalg.eigh(S)
    return (vectors * values**p) @ vectors.T


@pytest.mark.parametrize("size, depth", [(2, 1), (2, 2), (2, 3), (3, 2), (3, 5), (4, 3)])
def test_it_is_the_determinant_of_the_map_that_moves_the_product(size, depth):
    W = RNG.normal(size=(size, size))
    columns = [
        sum(
            power(W @ W.T, j / depth) @ G.reshape(size, size) @ power(W.T @ W, (depth - 1 - j) / depth)
            for j in range(depth)
        ).ravel()
        for G in np.eye(size**2)
    ]
    _, log_det = np.linalg.slogdet(np.array(columns) / depth)
    log_sigma = np.log(np.linalg.svd(W, compute_uv=False))
    assert np.isclose(volume.log_volume_density(log_sigma, depth), -log_det / 2, rtol=1e-10, atol=1e-10)


def test_infinite_depth_is_the_limit_and_takes_logarithmic_means():
    log_sigma = np.array([1.0, -0.3, -2.0])
    squares = np.exp(2 * log_sigma)
    means = [
        x if i == k else (x - y) / (np.log(x) - np.log(y)) for i, x in enumerate(squares) for k, y in enumerate(squares)
    ]
    limit = volume.log_volume_density(log_sigma, jnp.inf)
    assert np.isclose(limit, -np.sum(np.log(means)) / 2, rtol=1e-12)
    apart = [abs(volume.log_volume_density(log_sigma, depth) - limit) for depth in (1e2, 1e4, 1e6)]
    assert apart[2] < 1e-5 and np.allclose(np.divide(apart[:-1], apart[1:]), 100, rtol=0.05)


def test_singular_values_far_below_rounding_and_equal_ones_count():
    tiny = volume.log_volume_density(jnp.array([0.0, -1e27]), 2)
    assert np.isclose(tiny, 5e26, rtol=1e-12)  # (1 - 1/L) times the logarithm of the determinant
    gradient = jax.grad(volume.log_volume_density)(jnp.zeros(3), 3.0)
    assert np.allclose(gradient, -2)  # of the degree -9 (1 - 1/3), each has a third


@pytest.mark.parametrize("depth", [2, 3, 10, 50])
@pytest.mark.parametrize(
    "w, r", [(0.0, 0.1), (0.3, 0.1), (2.0, 0.1), (7.0, 0.1), (12.0, 0.1), (40.0, 0.1), (9e3, 1e-3)]
)
def test_means_are_those_of_samples(w, r, depth):
    """Samples, uniform in the ball, have no quadrature. Where they meet det W = 0, few may hold nearly all."""
    direction = RNG.normal(size=(3, 400_000))
    a, b, d = r * direction / np.linalg.norm(direction, axis=0) * RNG.uniform(size=direction.shape[1]) ** (1 / 3)
    det, square = np.abs(w * d - (1 + a) * (1 + b)), w**2 + (1 + a) ** 2 + (1 + b) ** 2 + d**2
    larger = (np.sqrt(square + 2 * det) + np.sqrt(np.maximum(square - 2 * det, 0))) / 2
    log_sigma = np.log([larger, det / larger])
    density = np.exp(np.asarray(jax.vmap(volume.log_volume_density, (1, None))(log_sigma, float(depth))))
    if meets := w * r > 1.05 and depth > 3:
        density = np.where(det < 1e-2, 0.0, density)
    least, error = np.mean(density), np.std(density) / np.sqrt(len(det))
    mean = volume.mean_volume_density(w, r, depth)
    assert mean > least * (1 - 3e-3) - 6 * error
    assert meets or mean < least * (1 + 3e-3) + 6 * error


@pytest.mark.parametrize("depth", [2.0, 3.0, 10.0, 100.0])
@pytest.mark.parametrize("r", [0.1, 1e-3])
def test_quadrature_is_as_exact_as_it_says(r, depth, monkeypatch):
    shares = jnp.array([0.0, 0.05, 0.3, 0.8, 1.3, 3.0, 10.0, 1e3, 1e7, 0.9, 0.98, 1.02, 1.1])  # of 1 / r

    def means():
        return np.asarray(jax.jit(jax.vmap(lambda w: volume.mean_volume_density(w, r, depth)))(shares / r))

    coarse = means()
    monkeypatch.setattr(volume, "_NODES", dict(angles=24, heights=60, sides=80))
    errors = np.abs(coarse / means() - 1)
    assert np.max(errors[:9]) < 2e-4 and np.max(errors) < 5e-2


@pytest.mark.parametrize("depth", [2, 3, 5, 30])
def test_no_mean_is_above_the_bound_of_the_theorem(depth):
    """Its step 2, for one entry: 6 L^2 / pi (|w| r)^-a |w|^-2a with a = 1 - 1/L, whatever the ball meets."""
    power = 1 - 1 / depth
    for r in (0.1, 1e-3):
        w = jnp.geomspace(1e-2, 1e3, 40) / r
        means = jax.vmap(volume.mean_volume_density, (0, None, None))(w, r, float(depth))
        assert np.all(means <= 6 / np.pi * depth**2 * (w * r) ** -power * w ** (-2 * power))


def test_far_entries_are_where_the_determinant_may_be_positive():
    r = 0.01
    assert bounds.unseen_entry_lower_bound(r**2 / 2) > 0.99 / r
    near, far = (volume.mean_volume_density(w, r, 50) for w in (0.9 / r, 1.1 / r))
    assert far > 10 * near


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: volume.log_volume_density(jnp.zeros((2, 2)), 2), "`log_singular_values` must be a nonempty vector"),
        (lambda: volume.log_volume_density(jnp.zeros(0), 2), "`log_singular_values` must be a nonempty vector"),
        (lambda: volume.log_volume_density([0.0, -np.inf], 2), "`log_singular_values` must be finite"),
        (lambda: volume.log_volume_density([0.0, 1.0], 0.5), "`depth` must be from 1 to inf; got 0.5"),
        (lambda: volume.log_volume_density([0.0, 1.0], np.nan), "`depth` must be from 1 to inf; got nan"),
        (lambda: volume.mean_volume_density(np.nan, 0.1, 2), "`w` must be finite"),
        (lambda: volume.mean_volume_density(1.0, 0.0, 2), "`r` must be positive"),
        (lambda: volume.mean_volume_density(1.0, 0.2, 2), "`r` must be at most 0.1"),
        (lambda: volume.mean_volume_density(1.0, 0.1, np.inf), "`depth` must be from 2 to 100; got inf"),
        (lambda: volume.mean_volume_density(1.0, 0.1, 1), "`depth` must be from 2 to 100; got 1"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
