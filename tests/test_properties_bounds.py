"""Relations between calls of `bounds` and `trajectories`, and of the bounds of `higher_dimensions`."""

from functools import partial
from types import SimpleNamespace

import jax
import jax.random as jr
import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from properties import ENTRIES, NONZERO, SCALES, SEEDS, about, matrices, near

from implreg_core import bounds, higher_dimensions, norms, problems, ranks, trajectories

LOSSES = hnp.arrays(float, 5, elements=st.sampled_from([0.0, 1e-300, 0.5, 1.0, 1e300]) | st.floats(1e-12, 10.0))
OBSERVATIONS = st.tuples(NONZERO, NONZERO, ENTRIES)
FAMILY = higher_dimensions.square_family(3)
FALLING = {  # the smaller the loss, the stronger
    "norm_lower_bound": lambda loss: bounds.norm_lower_bound(norms.nuclear, loss),
    "unseen_entry_lower_bound": bounds.unseen_entry_lower_bound,
    "hidden_block_lower_bound": partial(higher_dimensions.hidden_block_lower_bound, FAMILY),
    "frobenius_lower_bound": lambda loss: higher_dimensions.frobenius_lower_bound(loss, -1.0, 3),
}
RISING = {
    name: getattr(bounds, name)
    for name in [
        "effective_rank_upper_bound",
        "simple_effective_rank_upper_bound",
        "sharp_effective_rank_upper_bound",
        "distance_upper_bound",
        "sharp_distance_upper_bound",
    ]
}
ALL = {name: jax.jit(bound) for name, bound in (FALLING | RISING).items()}
unseen_entry_bound = jax.jit(bounds.unseen_entry_lower_bound)
frobenius_bound = jax.jit(higher_dimensions.frobenius_lower_bound, static_argnums=2)


@about(
    *(f"bounds.{name}" for name in ["norm_lower_bound", "unseen_entry_lower_bound", *RISING]),
    "higher_dimensions.hidden_block_lower_bound",
    "higher_dimensions.frobenius_lower_bound",
    losses=LOSSES,
)
def test_bounds_are_monotone_in_the_loss_and_entry_by_entry(losses):
    order = np.argsort(losses)
    for name, bound in ALL.items():
        value = np.asarray(bound(losses))
        rises = value[order] if name in RISING else -value[order]
        assert np.all((rises[1:] >= rises[:-1]) | np.isclose(rises[1:], rises[:-1], rtol=1e-13, atol=0)), name
        assert np.array_equal(bound(losses[::-1]), value[::-1]) and not np.any(np.isnan(value)), name


@about("bounds.simple_effective_rank_upper_bound", "bounds.sharp_effective_rank_upper_bound", losses=LOSSES)
def test_sharper_bounds_are_sharper(losses):
    value = {name: np.asarray(bound(losses)) for name, bound in ALL.items()}
    more = 1 + 1e-14
    assert np.all(value["sharp_effective_rank_upper_bound"] <= more * value["simple_effective_rank_upper_bound"])
    assert np.all(value["simple_effective_rank_upper_bound"] <= more * value["effective_rank_upper_bound"])
    assert near(value["distance_upper_bound"], 3 * value["sharp_distance_upper_bound"], 1e-15 * 4)
    finite = losses > 0  # where both are infinite, neither is sharper
    r = np.sqrt(2 * losses[finite])
    for weaker in (value["hidden_block_lower_bound"][finite], np.maximum(1 - r, 0) ** 2 / r):
        assert np.all(weaker <= more * value["unseen_entry_lower_bound"][finite])


@about("bounds.unseen_entry_lower_bound", observations=OBSERVATIONS, loss=st.floats(0, 4), scale=SCALES)
def test_the_bound_of_the_unseen_entry_knows_no_units_no_signs_and_no_order(observations, loss, scale):
    z, z_prime, eps = observations
    value = float(unseen_entry_bound(loss, *observations))
    assert near(unseen_entry_bound(loss, z_prime, -z, -eps), value, 1e-15 * 4)
    for c in (scale, scale**2):  # the square of an observation may be beyond double precision
        r = c * np.sqrt(loss)
        assume(1e-150 < r < 1e150 or loss == 0)
        assert near(unseen_entry_bound(r**2, c * z, c * z_prime, c * eps) / c, value)
    for weaker in (unseen_entry_bound(loss, z / 2, z_prime, eps), unseen_entry_bound(loss, z, z_prime, 2 * eps)):
        assert value >= weaker


@about("higher_dimensions.frobenius_lower_bound", loss=st.floats(1e-9, 1), size=st.integers(2, 5), scale=SCALES)
def test_the_bound_of_the_frobenius_norm_knows_no_units(loss, size, scale):
    c = scale ** (1 / size)  # so that the determinant, of size c^d, is a number
    value = frobenius_bound(loss, -1.0, size)
    assert near(frobenius_bound(c**2 * loss, c**size, size), c * value, 1e-13, size=c * (1 + value))
    assert value <= frobenius_bound(loss, 2.0, size)


@about("higher_dimensions.hidden_block_lower_bound", seed=SEEDS, loss=st.floats(1e-9, 1), scale=SCALES)
def test_the_bound_of_a_hidden_block_knows_no_units_and_no_order(seed, loss, scale):
    task = higher_dimensions.random_task(jr.key(0), 4, (1, 2))
    rows, columns = (np.random.default_rng(seed).permutation(4) for _ in range(2))
    value = float(higher_dimensions.hidden_block_lower_bound(task, loss))
    moved = problems.completion(task.values[rows][:, columns], task.observed[rows][:, columns])
    assert near(higher_dimensions.hidden_block_lower_bound(moved, loss), value, 1e-12, size=1)
    c = scale**0.25  # the determinant has the unit c^4, and must be a number
    larger = problems.completion(c * task.values, task.observed)
    assert near(higher_dimensions.hidden_block_lower_bound(larger, c**2 * loss), c * value, 1e-12, size=c)


@about(
    "bounds.norm_constants",
    "bounds.square_norm_constants",
    "bounds.norm_lower_bound",
    examples=2,
    factor=st.floats(1e-3, 1e3),
    d=st.integers(2, 3),
)
def test_constants_of_norms_scale_and_add_with_them(factor, d):
    nuclear, frobenius, quasi = norms.nuclear, norms.frobenius, norms.schatten(0.5)
    for constants in (bounds.norm_constants, bounds.square_norm_constants):
        for norm in (nuclear, quasi):
            expected = factor * np.array(constants(norm, d))
            assert near(constants(norms.scaled(norm, factor), d), expected, 1e-14)
        a_b = np.array(constants(norms.total(nuclear, frobenius), d))
        assert near(a_b, np.add(constants(nuclear, d), constants(frobenius, d)), 1e-14)
        assert constants(quasi, d)[0] < constants(nuclear, d)[0] and constants(quasi, d)[1] > constants(nuclear, d)[1]
    assert bounds.square_norm_constants(nuclear, d)[1] < bounds.square_norm_constants(nuclear, d + 1)[1]
    scaled = bounds.norm_lower_bound(norms.scaled(nuclear, factor), 1e-3)
    assert near(scaled, factor * bounds.norm_lower_bound(nuclear, 1e-3), 1e-13, size=30 * factor)


@about(*(f"bounds.{name}" for name in RISING), examples=50, W=matrices(2, 2), exponent=st.integers(-6, 6))
def test_no_matrix_of_positive_determinant_breaks_a_bound(W, exponent):
    """Near a solution, by a hundredth of the entries that are seen."""
    W = np.array([[10.0**exponent, 1.0], [1.0, 0.0]]) + 0.01 * W
    W = W if np.linalg.det(W) > 0 else W * [[1, 1], [1, -1]]
    assume(W[0, 0] * W[1, 1] > (1 + 1e-12) * W[0, 1] * W[1, 0])
    loss, more = float(problems.two_by_two().loss(W)), 1 + 1e-12
    assert norms.nuclear(W) * more >= ALL["norm_lower_bound"](loss)
    assert abs(W[0, 0]) * more >= ALL["unseen_entry_lower_bound"](loss)
    assert ranks.effective_rank(W) <= more * ALL["sharp_effective_rank_upper_bound"](loss)
    assert ranks.distance_to_rank(W, 1) <= more * ALL["sharp_distance_upper_bound"](loss)


# ---- measures along runs

LENGTHS = ["unseen_entry", "unseen_entry_bound", "nuclear", "frobenius", "spectral", "distance", "sigma_1", "sigma_2"]
measures_of = jax.jit(trajectories.measures_of)


@about(
    "trajectories.measures_of",
    W=matrices(2, 2),
    observations=OBSERVATIONS,
    scale=st.sampled_from([1e-100, 3e-8, 1e100]),
)
def test_measures_know_no_order_no_signs_and_the_units(W, observations, scale):
    assume(np.any(W))
    z, z_prime, eps = observations
    loss = float(problems.two_by_two(*observations).loss(W))
    row = measures_of(W, loss, *observations)
    size = np.linalg.norm(W)
    turned = np.array([[1, 1], [-1, -1]]) * W
    for same in (measures_of(W.T, loss, z_prime, z, eps), measures_of(turned, loss, z, -z_prime, -eps)):
        for name in row.keys() - {"unseen_entry_bound"}:
            assert near(same[name], row[name], 1e-13, size=size), name
    scaled = measures_of(scale * W, scale**2 * loss, *(scale * b for b in observations))
    for name in LENGTHS:
        value = float(row[name])
        bound = name == "unseen_entry_bound"
        assert near(scaled[name] / scale, value, 1e-13, size=value if bound else size), name
    assert near(scaled["effective_rank"], row["effective_rank"], 1e-13)


@about(
    "trajectories.along",
    "trajectories.measures",
    examples=10,
    W=hnp.arrays(float, (7, 2, 2), elements=ENTRIES),
    cut=st.integers(1, 6),
    observations=OBSERVATIONS,
)
def test_a_run_is_measured_row_by_row(W, cut, observations):
    problem = problems.two_by_two(*observations)
    loss = np.array([problem.loss(row) for row in W])

    def run(rows):
        return SimpleNamespace(W=W[rows], loss=loss[rows], t=np.arange(7.0)[rows], step=np.arange(7)[rows])

    whole, first, rest = (trajectories.measures(problem, run(r)) for r in (slice(None), slice(cut), slice(cut, None)))
    for name, column in whole.items():
        assert np.array_equal(np.concatenate([first[name], rest[name]]), column, equal_nan=True), name
    for name, value in measures_of(W[cut], loss[cut], *observations).items():
        assert near(value, whole[name][cut], 1e-14, size=np.nan_to_num(abs(value)) + 1e-13) or np.isnan(value), name
    singular_values = trajectories.along(ranks.singular_values, W)
    assert np.array_equal(singular_values, np.stack([whole["sigma_1"], whole["sigma_2"]], axis=1))
    assert np.array_equal(trajectories.along(ranks.singular_values, W[::-1]), singular_values[::-1])


@about("trajectories.measures", W=matrices(2, 2), scale=SCALES, off=st.floats(0.01, 1), examples=10)
def test_a_run_is_measured_by_its_own_problem_in_any_units(W, scale, off):
    own, other = problems.two_by_two(scale, scale), problems.two_by_two(scale, scale, 3 * off * scale)
    loss = np.array([own.loss(scale * W)])
    assume(not near(other.loss(scale * W), loss[0], 0.01))
    run = SimpleNamespace(W=scale * W[None], loss=loss, t=np.zeros(1))
    assert trajectories.measures(own, run)["loss"] == loss
    with pytest.raises(ValueError, match="`run` begins at loss"):
        trajectories.measures(other, run)
