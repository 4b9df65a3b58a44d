"""Theorem 1 and its sharper forms hold for any matrix with a positive determinant: try a million."""

import math
import warnings

import jax
import jax.numpy as jnp
import jax.random as jr
import mpmath
import numpy as np
import pytest

from implreg_core import bounds, norms, problems, ranks

NINE = [
    norms.nuclear,
    norms.frobenius,
    norms.spectral,
    norms.max_entry,
    norms.schatten(0.1),
    norms.schatten(0.5),
    norms.schatten(3),
    norms.entrywise(0.5),
    norms.entrywise(1),
]


def matrix(w, a, b, d):
    return jnp.stack([jnp.stack([w, a], -1), jnp.stack([b, d], -1)], -2)


def near_a_solution(key, count, *, z=1.0, z_prime=1.0, eps=0.0):
    """Random matrices whose determinant has the sign of z z', with losses over ten decades.

    Gaussian matrices never have a small loss, so first the loss is drawn, then the direction of the misfit,
    then how much the determinant exceeds zero, which leaves one possible W11.
    """
    loss_key, direction_key, determinant_key = jr.split(key, 3)
    r = jnp.sqrt(2 * 10 ** jr.uniform(loss_key, (count,), minval=-10.0, maxval=1.0))
    direction = jr.normal(direction_key, (count, 3))
    misfit = r[:, None] * direction / jnp.linalg.norm(direction, axis=1, keepdims=True)
    a, b, d = z + misfit[:, 0], z_prime + misfit[:, 1], eps + misfit[:, 2]
    determinant = np.sign(z * z_prime) * 10 ** jr.uniform(determinant_key, (count,), minval=-6.0, maxval=6.0)
    return matrix((a * b + determinant) / d, a, b, d)


def near_equality(key, count):
    """Matrices within a percent of those at which the sharp bounds become equalities."""
    loss_key, noise_key, kind_key = jr.split(key, 3)
    loss = 10 ** jr.uniform(loss_key, (count,), minval=-10.0, maxval=0.0)
    one, r = jnp.ones(count), jnp.sqrt(2 * loss)
    for_distance = matrix(10 ** jr.uniform(kind_key, (count,), minval=1.0, maxval=6.0) / r, one, one, r)
    for_rank = matrix(jnp.sqrt(2 * (1 - loss) / loss), 1 - loss, 1 - loss, jnp.sqrt(2 * loss * (1 - loss)))
    W = jnp.where(jr.bernoulli(noise_key, 0.5, (count, 1, 1)), for_distance, for_rank)
    size = 10 ** jr.uniform(kind_key, (count, 1, 1), minval=-12.0, maxval=-2.0)
    return W * (1 + size * jr.normal(noise_key, (count, 2, 2)))


def keep_sign(W, sign):
    """Those matrices whose determinant has the sign beyond the reach of rounding."""
    main, other = W[:, 0, 0] * W[:, 1, 1], W[:, 0, 1] * W[:, 1, 0]
    return W[sign * (main - other) > 1e-14 * (jnp.abs(main) + jnp.abs(other))]


@pytest.fixture(scope="module")
def samples():
    """A million matrices with positive determinant and their losses."""
    near_key, tight_key, gaussian_key, scale_key = jr.split(jr.key(0), 4)
    scale = 10 ** jr.uniform(scale_key, (500_000, 1, 1), minval=-3.0, maxval=3.0)
    W = jnp.concatenate(
        [
            near_a_solution(near_key, 600_000),
            near_equality(tight_key, 350_000),
            scale * jr.normal(gaussian_key, (500_000, 2, 2)),
        ]
    )
    W = keep_sign(W, 1)
    loss = jax.vmap(problems.two_by_two().loss)(W)
    assert len(W) >= 1_000_000
    assert jnp.sum(loss < 1e-8) > 100_000 and jnp.min(loss) < 1e-9 and jnp.max(loss) > 1e1
    return W, loss


@pytest.mark.parametrize("norm", NINE, ids=lambda norm: norm.name)
def test_theorem_1_for_norms(norm, samples):
    W, loss = samples
    assert jnp.all(jax.jit(jax.vmap(norm))(W) >= bounds.norm_lower_bound(norm, loss))
    a, b = bounds.norm_constants(norm)
    if norm.quasi_triangle_constant < 2:  # there, the bound says something for many of the samples
        assert jnp.sum(loss < (a / b) ** 2) > 300_000


def test_theorem_1_and_the_sharp_bound_for_the_effective_rank(samples):
    W, loss = samples
    effective_rank = jax.jit(jax.vmap(ranks.effective_rank))(W)
    sharp = bounds.sharp_effective_rank_upper_bound(loss)
    assert jnp.all(effective_rank <= bounds.effective_rank_upper_bound(loss))
    assert jnp.all(effective_rank <= bounds.simple_effective_rank_upper_bound(loss) + 1e-14)
    # the samples near equality are as close as rounding in W (relative to 1 - t ~ loss >= 1e-10) lets them be
    assert jnp.all(effective_rank <= sharp + 1e-14)
    excess = (effective_rank - 1) / (sharp - 1)
    for low, high in [(1e-9, 1e-6), (1e-6, 1e-3), (1e-3, 1.0)]:
        assert jnp.max(jnp.where((low < loss) & (loss < high), excess, 0)) > 0.9999


def test_theorem_1_and_the_sharp_bound_for_the_distance(samples):
    W, loss = samples
    distance = jax.jit(jax.vmap(lambda W: ranks.distance_to_rank(W, 1)))(W)
    sharp = bounds.sharp_distance_upper_bound(loss)
    assert jnp.all(distance <= bounds.distance_upper_bound(loss))
    # rounding: 1e-16 in entries near 1, relative to sqrt(2 loss) >= 1e-5
    assert jnp.all(distance <= sharp * (1 + 1e-10))
    for low, high in [(1e-9, 1e-6), (1e-6, 1e-3), (1e-3, 1.0)]:
        assert jnp.max(jnp.where((low < loss) & (loss < high), distance / sharp, 0)) > 0.9999


def test_unseen_entry_bound(samples):
    W, loss = samples
    bound = bounds.unseen_entry_lower_bound(loss)
    assert jnp.all(jnp.abs(W[:, 0, 0]) >= bound * (1 - 1e-12))
    assert jnp.sum(bound > 1e3) > 100_000


@pytest.mark.parametrize("eps", [0.0, 0.01, -0.1, 0.5])
@pytest.mark.parametrize(("z", "z_prime"), [(-2.0, 0.5), (3.0, 0.2), (-1.0, -1.5)])
def test_unseen_entry_bound_with_perturbed_observations(z, z_prime, eps):
    W = near_a_solution(jr.key(1), 100_000, z=z, z_prime=z_prime, eps=eps)
    W = keep_sign(W, np.sign(z * z_prime))
    loss = jax.vmap(problems.two_by_two(z, z_prime, eps).loss)(W)
    bound = bounds.unseen_entry_lower_bound(loss, z, z_prime, eps)
    assert len(W) > 90_000 and jnp.mean((bound > 0).astype(float)) > 0.7
    assert jnp.all(jnp.abs(W[:, 0, 0]) >= bound * (1 - 1e-12))


def test_bounds_fail_without_the_determinant():
    """With negative determinant every statement is false, so the tests above could have failed."""
    W = problems.two_by_two_solution(0.3) + 1e-4 * jnp.array([[0.0, 1.0], [-2.0, 3.0]])
    loss = problems.two_by_two().loss(W)
    assert jnp.linalg.det(W) < 0
    assert norms.nuclear(W) < bounds.norm_lower_bound(norms.nuclear, loss)
    assert ranks.effective_rank(W) > bounds.effective_rank_upper_bound(loss)
    assert ranks.distance_to_rank(W, 1) > bounds.distance_upper_bound(loss)
    assert abs(W[0, 0]) < bounds.unseen_entry_lower_bound(loss)


@pytest.mark.parametrize("loss", [1e-12, 1e-6, 1e-2])
def test_the_unseen_entry_bound_is_asymptotically_sharp(loss):
    d = math.sqrt(2 * loss)
    W = matrix(*[jnp.array(x) for x in (1.0001 / d, 1.0, 1.0, d)])
    assert jnp.linalg.det(W) > 0
    r = jnp.sqrt(2 * problems.two_by_two().loss(W))
    assert 1 <= abs(W[0, 0]) / bounds.unseen_entry_lower_bound(loss) <= 1.001 / (1 - r**2)
    assert bounds.unseen_entry_lower_bound(loss) == pytest.approx(float(1 / r - r), rel=1e-6)


@pytest.mark.parametrize("loss", [1e-12, 1e-5, 0.1, 0.7, 0.999])
def test_the_sharp_effective_rank_bound_is_attained(loss):
    w, x, d = math.sqrt(2 * (1 - loss) / loss), 1 - loss, math.sqrt(2 * loss * (1 - loss))
    with mpmath.workdps(40):  # singular values of a symmetric positive definite matrix: its eigenvalues
        spectrum = mpmath.eigsy(mpmath.matrix([[w, x], [x, d]]), eigvals_only=True)
        p = [σ / mpmath.fsum(spectrum) for σ in spectrum]
        excess = float(mpmath.exp(-mpmath.fsum(x * mpmath.log(x) for x in p)) - 1)
    W = matrix(*[jnp.array(entry) for entry in (w, x, x, d)])
    assert problems.two_by_two().loss(W) == pytest.approx(loss, rel=1e-9, abs=0)
    assert float(bounds.sharp_effective_rank_upper_bound(loss) - 1) == pytest.approx(excess, rel=1e-9, abs=4e-16)


def test_the_three_bounds_on_the_effective_rank_are_ordered():
    loss = jnp.logspace(-14, 0, 100_001)
    sharp = bounds.sharp_effective_rank_upper_bound(loss)
    simple = bounds.simple_effective_rank_upper_bound(loss)
    assert jnp.all(sharp[:-1] < simple[:-1]) and sharp[-1] == simple[-1] == 2
    assert jnp.all(simple < bounds.effective_rank_upper_bound(loss))
    small = loss < 1e-6  # leading order; 1e-8 is the loss at which rounding in erank - 1 is as large as the error
    leading = loss / 2 * jnp.log(2 * jnp.e / loss)
    assert jnp.allclose((sharp - 1)[small], leading[small], rtol=1e-5, atol=4e-16)


@pytest.mark.parametrize("d", [3, 4, 6])
def test_distance_bound_in_higher_dimension(d):
    """Ones on the diagonal from the third entry on, zeros elsewhere: all solutions have determinant -1."""
    solution = jnp.eye(d).at[:2, :2].set(problems.two_by_two_solution(0.0))
    observed = jnp.ones((d, d), bool).at[0, 0].set(False)
    problem = problems.completion(solution, observed)
    keys = jr.split(jr.key(2), 4)
    count = 20_000
    size = 10 ** jr.uniform(keys[0], (count, 1, 1), minval=-4.0, maxval=0.0)
    W = solution + size * jr.normal(keys[1], (count, d, d))
    cofactor = jnp.linalg.det(W[:, 1:, 1:])  # det W is linear in W11 with this slope: choose W11 for det W > 0
    rest = jnp.linalg.det(W.at[:, 0, 0].set(0.0))
    determinant = 10 ** jr.uniform(keys[2], (count,), minval=-3.0, maxval=3.0)
    W = W.at[:, 0, 0].set((determinant - rest) / cofactor)
    loss = jax.vmap(problem.loss)(W)
    distance = jax.vmap(lambda W: ranks.distance_to_rank(W, d - 1))(W)
    # here the library's decomposition leaves 1e-15 of the largest singular value, which is about |W11|
    assert jnp.all(distance <= bounds.sharp_distance_upper_bound(loss) + 1e-15 * jnp.abs(W[:, 0, 0]) + 1e-14)
    assert jnp.max(distance / bounds.sharp_distance_upper_bound(loss)) > 0.5


@pytest.mark.parametrize(
    ("norm", "a", "b"),
    [
        (norms.nuclear, 0.5**0.5, 8),
        (norms.ky_fan(2), 0.5**0.5, 8),
        (norms.schatten(0.5), 0.5**1.5, 32),
        (norms.schatten(0.1), 0.5**9.5, 2**21),
        (norms.entrywise(0.5), 0.5**1.5, 32),
        (norms.custom(lambda W: jnp.sum(jnp.array([[2.0, 5.0], [3.0, 1.0]]) * jnp.abs(W))), 2**0.5, 40),
        (norms.custom(lambda W: jnp.linalg.norm(W) / 2, quasi_triangle_constant=1.5), 1 / (3 * 2**0.5), 9),
    ],
    ids=lambda x: getattr(x, "name", ""),
)
def test_constants_of_theorem_1(norm, a, b):
    constants = bounds.norm_constants(norm)
    assert constants == pytest.approx((a, b), rel=1e-14)
    assert constants[1] > math.sqrt(2) * constants[0]  # the first term of the maximum never decides
    assert bounds.norm_lower_bound(norm, 1e-4) == pytest.approx(100 * a - b, rel=1e-13)


def test_constants_of_the_rank_bounds():
    assert bounds.effective_rank_upper_bound(0.25) == pytest.approx(1 + math.sqrt(12) / math.log(2), rel=1e-15)
    assert bounds.distance_upper_bound(0.25) == pytest.approx(3 / math.sqrt(2), rel=1e-15)
    assert bounds.sharp_distance_upper_bound(0.02) == pytest.approx(0.2, rel=1e-15)
    assert bounds.unseen_entry_lower_bound(0.02) == pytest.approx(1 / 0.2 - 0.2, rel=1e-14)
    for eps in (0.1, -0.1):  # far from a fit the segment says more, near it the product of what is observed
        segment = math.sqrt((4 - 0.09) * (0.25 - 0.09)) / 0.3
        assert bounds.unseen_entry_lower_bound(0.02, -2.0, 0.5, eps) == pytest.approx(segment, rel=1e-14)
        robust = 1.998 * 0.498 / 0.102
        assert bounds.unseen_entry_lower_bound(2e-6, -2.0, 0.5, eps) == pytest.approx(robust, rel=1e-14)
    assert bounds.unseen_entry_lower_bound(0.125, -2.0, 0.5) == 0


def of_nuclear_norm(loss):
    return bounds.norm_lower_bound(norms.nuclear, loss)


def of_quasi_norm(loss):
    return bounds.norm_lower_bound(norms.schatten(0.5), loss)


def perturbed_entry(loss):
    return bounds.unseen_entry_lower_bound(loss, -2.0, 0.5, 0.1)


OF_LOSS = [
    of_nuclear_norm,
    of_quasi_norm,
    bounds.effective_rank_upper_bound,
    bounds.distance_upper_bound,
    bounds.sharp_distance_upper_bound,
    bounds.sharp_effective_rank_upper_bound,
    bounds.simple_effective_rank_upper_bound,
    bounds.unseen_entry_lower_bound,
    perturbed_entry,
]


@pytest.mark.parametrize(
    ("bound", "limit"),
    [
        (of_nuclear_norm, math.inf),
        (bounds.effective_rank_upper_bound, 1),
        (bounds.distance_upper_bound, 0),
        (bounds.sharp_distance_upper_bound, 0),
        (bounds.sharp_effective_rank_upper_bound, 1),
        (bounds.simple_effective_rank_upper_bound, 1),
        (bounds.unseen_entry_lower_bound, math.inf),
        (lambda loss: bounds.unseen_entry_lower_bound(loss, -2.0, 0.5, 0.25), 4),
    ],
)
def test_bounds_take_losses_of_any_shape_and_reach_their_limit(bound, limit):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert bound(0) == bound(0.0) == limit
    loss = jnp.array([[1e-3, 0.0, 2.0], [0.3, 1.0, 1e-9]])
    values = bound(loss)
    assert values.shape == (2, 3) and values[0, 1] == limit
    assert not jnp.any(jnp.isnan(values))
    assert jnp.allclose(jax.jit(bound)(loss), values, rtol=1e-14)
    assert jnp.allclose(jax.vmap(jax.vmap(bound))(loss), values, rtol=1e-14)


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize("bound", OF_LOSS)
def test_bad_losses_are_named(bound):
    with pytest.raises(ValueError, match="`loss` must not be negative; got -0.1"):
        bound(-0.1)
    with pytest.raises(ValueError, match="`loss` must be finite; got .*nan"):
        bound(jnp.array([1.0, jnp.nan]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"z": 0.0}, "`z` must not be zero; got 0"),
        ({"z_prime": 0.0}, "`z_prime` must not be zero; got 0"),
        ({"eps": jnp.inf}, "`eps` must be finite; got inf"),
    ],
)
def test_bad_observations_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        bounds.unseen_entry_lower_bound(0.1, **arguments)


@pytest.mark.parametrize("bound", OF_LOSS)
def test_derivatives_are_those_of_finite_differences(bound):
    for loss in (1e-6, 1e-3, 0.07):
        h = 1e-5 * loss
        slope = (bound(loss + h) - bound(loss - h)) / (2 * h)
        assert jax.grad(bound)(loss) == pytest.approx(float(slope), rel=1e-5)
