"""Relations between calls of `volume`."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from properties import about, near, permutations

from implreg_core import volume

LOGS = hnp.arrays(float, 3, elements=st.sampled_from([0.0, -1.0, -1e3, -1e27]) | st.floats(-30, 30))
DEPTHS = st.sampled_from([1.0, 2.0, 3.0, 7.5, 1e3, np.inf])
log_density = jax.jit(volume.log_volume_density)
densities = jax.jit(jax.vmap(volume.log_volume_density, (0, None)))
mean = jax.jit(volume.mean_volume_density)
means = jax.jit(jax.vmap(volume.mean_volume_density, (0, 0, None)))


@about("volume.log_volume_density", logs=LOGS, shift=st.floats(-20, 20), order=permutations(3), depth=DEPTHS)
def test_the_density_knows_no_order_and_has_a_degree(logs, shift, order, depth):
    value = log_density(logs, depth)
    size = 9 * max(1.0, np.abs(logs).max())
    assert near(log_density(logs[order], depth), value, 1e-13, size)
    degree = -9 * (1 - 1 / depth)
    assert near(log_density(logs + shift, depth), value + degree * shift, 1e-13, size + 180)
    assert near(densities(np.stack([logs, logs + 1]), depth)[0], value, 1e-13, size)
    if depth == 1:
        assert near(value, 0.0, 1e-13, size)  # without hidden layers volume is that of the entries


@about("volume.log_volume_density", logs=LOGS, by=st.floats(0, 5), place=st.integers(0, 2), depth=DEPTHS)
def test_a_smaller_singular_value_leaves_more_room(logs, by, place, depth):
    smaller = logs - by * np.eye(3)[place]
    rounding = 1e-12 * max(1.0, np.abs(logs).max())
    assert log_density(smaller, depth) >= log_density(logs, depth) - rounding


@about(
    "volume.mean_volume_density",
    w=st.sampled_from([0.0, 1.0, 1e3, 1e8]) | st.floats(0, 100),
    r=st.sampled_from([1e-6, 1e-3, 0.1]),
    depth=st.sampled_from([2.0, 3.0, 20.0]),
)
def test_the_mean_is_even_and_near_the_solution_for_a_small_misfit(w, r, depth):
    value = mean(w, r, depth)
    assert 0 < value < np.inf and mean(-w, r, depth) == value
    assert near(means(jnp.array([w, w + 1]), jnp.array([r, r / 2]), depth)[0], value, 1e-12)
    if max(w, 1) * r < 1e-3:
        s = np.arcsinh(w / 2)
        solution = np.exp(log_density(jnp.array([s, -s]), depth))
        assert near(value, solution, 10 * max(w, 1) * r + 1e-3)
