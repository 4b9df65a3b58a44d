import jax
import jax.numpy as jnp
import jax.random as jr
import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from implreg_core import problems, ranks

SHAPES = st.sampled_from([(2, 2), (1, 3), (4, 3), (2, 5)])  # few, because each compiles anew
ENTRIES = st.floats(-1e3, 1e3).map(lambda x: round(x, 6))
MATRICES = SHAPES.flatmap(lambda shape: hnp.arrays(float, shape, elements=ENTRIES)).filter(np.any)


def with_spectrum(spectrum, shape, seed=0):
    """A matrix with given singular values and random singular vectors."""
    left, right = jr.split(jr.key(seed))
    U = jnp.linalg.qr(jr.normal(left, (shape[0], len(spectrum))))[0]
    V = jnp.linalg.qr(jr.normal(right, (shape[1], len(spectrum))))[0]
    return U @ jnp.diag(jnp.array(spectrum)) @ V.T


def test_two_by_two_singular_values_agree_with_the_library():
    Ws = jr.normal(jr.key(0), (2000, 2, 2))
    ours = jax.vmap(ranks.singular_values)(Ws)
    theirs = np.linalg.svd(np.asarray(Ws), compute_uv=False)
    assert np.all(np.abs(ours - theirs) < 1e-14 * theirs[:, :1])
    assert jnp.all(ours[:, 0] >= ours[:, 1])


@pytest.mark.parametrize(
    "W",
    [
        [[1e14, 1.0], [1.0, 3e-14]],
        [[-7e29, 1.0], [1.0, 5e-30]],
        [[1e-9, 1.0], [-1.0, 1e-9]],
        [[3e-200, 1e-201], [2e-200, -1e-200]],
        [[1e150, 2e150], [-3e150, 1e149]],
        [[0.1, 0.7], [0.0, 0.0]],
    ],
)
def test_two_by_two_singular_values_are_accurate_however_graded(W):
    with mpmath.workdps(120):
        (a, b), (c, d) = [[mpmath.mpf(x) for x in row] for row in W]
        sum_of_squares, det = a**2 + b**2 + c**2 + d**2, abs(a * d - b * c)
        largest = (mpmath.sqrt(sum_of_squares + 2 * det) + mpmath.sqrt(sum_of_squares - 2 * det)) / 2
        rounding = 4e-16 * float((abs(a * d) + abs(b * c)) / largest)
        expected = [float(largest), float(det / largest)]
    ours = ranks.singular_values(jnp.array(W))
    assert ours[0] == pytest.approx(expected[0], rel=1e-15, abs=0)
    assert abs(ours[1] - expected[1]) <= rounding


def test_singular_values_of_the_zero_matrix_are_zero():
    assert jnp.array_equal(ranks.singular_values(jnp.zeros((2, 2))), jnp.zeros(2))
    assert jnp.array_equal(ranks.singular_values(jnp.zeros((3, 2))), jnp.zeros(2))


@pytest.mark.parametrize("shape", [(2, 2), (4, 7), (6, 3)])
def test_effective_rank_counts_equal_singular_values(shape):
    for count in range(1, min(shape) + 1):
        assert ranks.effective_rank(with_spectrum([2.5] * count, shape)) == pytest.approx(count, rel=1e-12)


def test_effective_rank_is_the_exponential_of_the_entropy():
    p = np.array([0.5, 0.3, 0.15, 0.05])
    W = with_spectrum(7 * p, (4, 6))
    assert ranks.effective_rank(W) == pytest.approx(np.prod(p**-p), rel=1e-12)
    for size in (1e-300, 1.0, 1e300):
        assert ranks.effective_rank(size * jnp.diag(jnp.array([3.0, 1.0]))) == pytest.approx(4 / 3**0.75, rel=1e-14)


@given(MATRICES, st.floats(1e-100, 1e100), st.integers(0, 2**32 - 1))
def test_effective_rank_ignores_scale_rotation_and_transposition(W, scale, seed):
    W = jnp.asarray(W)
    rotation = jnp.linalg.qr(jr.normal(jr.key(seed), (W.shape[0], W.shape[0])))[0]
    value = ranks.effective_rank(W)
    assert 1 - 1e-12 <= value <= min(W.shape) * (1 + 1e-12)
    # a singular value lost in rounding, eps * sigma_1, moves the entropy by eps ln(1/eps) < 1e-14 each
    for same in (scale * W, -W, W.T, rotation @ W):
        assert ranks.effective_rank(same) == pytest.approx(float(value), rel=1e-12)


def test_effective_rank_has_no_value_at_zero():
    assert jnp.isnan(ranks.effective_rank(jnp.zeros((2, 2))))
    assert jnp.isnan(ranks.effective_rank(jnp.zeros((2, 3))))


def alternating_least_squares(W, k, sweeps=3000):
    """Slow oracle: the best rank-k approximation without any singular value decomposition."""
    B = np.random.default_rng(0).normal(size=(k, W.shape[1]))
    for _ in range(sweeps):
        A = np.linalg.solve(B @ B.T, B @ W.T).T
        B = np.linalg.solve(A.T @ A, A.T @ W)
    return A @ B


@pytest.mark.parametrize(("shape", "k"), [((2, 2), 1), ((3, 5), 1), ((3, 5), 2), ((6, 4), 2), ((6, 4), 3)])
def test_distance_to_rank_is_the_distance_of_the_best_approximation(shape, k):
    W = np.asarray(jr.normal(jr.key(3), shape))
    expected = np.linalg.norm(W - alternating_least_squares(W, k))
    assert ranks.distance_to_rank(W, k) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("size", [1e-250, 1e250])
def test_distance_to_rank_neither_underflows_nor_overflows(size):
    W = size * jnp.diag(jnp.array([5.0, 4.0, 3.0]))
    assert ranks.distance_to_rank(W, 1) == pytest.approx(5 * size, rel=1e-14, abs=0)


@given(MATRICES)
def test_distance_to_rank_falls_from_the_norm_to_zero(W):
    distances = [float(ranks.distance_to_rank(W, k)) for k in range(min(W.shape) + 1)]
    assert distances[0] == pytest.approx(np.linalg.norm(W), rel=1e-13)
    assert distances[-1] == 0
    assert distances == sorted(distances, reverse=True)


def test_measures_of_rank_can_be_mapped_compiled_and_differentiated():
    Ws = jr.normal(jr.key(4), (7, 3, 2))
    for measure in (ranks.effective_rank, lambda W: ranks.distance_to_rank(W, 1)):
        many = jax.jit(jax.vmap(measure))(Ws)
        assert jnp.allclose(many, jnp.array([measure(W) for W in Ws]), rtol=1e-13)
        slope = jax.grad(measure)(Ws[0])
        step = 1e-6 * jr.normal(jr.key(5), (3, 2))
        change = measure(Ws[0] + step) - measure(Ws[0] - step)  # central: error of third order in the step
        assert change == pytest.approx(2 * float(jnp.sum(slope * step)), rel=1e-6)


def test_proposition_2_effective_rank_over_the_solutions_falls_from_two_to_one():
    w = jnp.concatenate([jnp.zeros(1), jnp.logspace(-3, 9, 400)])
    effective_rank = jax.vmap(lambda w: ranks.effective_rank(problems.two_by_two_solution(w)))
    values = effective_rank(w)
    assert values[0] == pytest.approx(2, rel=1e-15)
    assert jnp.all(jnp.diff(values[w < 1e6]) < 0)  # beyond, the decrease is below rounding
    assert 0 <= values[-1] - 1 < 1e-15
    assert jnp.allclose(effective_rank(-w), values, rtol=1e-15)


@pytest.mark.parametrize(
    ("known", "expected"), [((1, 1, 0), 1), ((-2.0, 0.5, 0.1), 1), ((0.0, 3.0, 0.0), 1), ((0, 0, 0), 0)]
)
def test_infimal_rank_is_the_least_rank_that_solutions_approach(known, expected):
    z, z_prime, eps = known
    assert ranks.infimal_rank(z, z_prime, eps) == expected
    w = jnp.concatenate([-jnp.logspace(9, -9, 500), jnp.zeros(1), jnp.logspace(-9, 9, 500)])
    if eps != 0:
        w = jnp.append(w, z * z_prime / eps)
    solutions = jax.vmap(lambda w: problems.two_by_two_solution(w, z, z_prime, eps))(w)
    infima = [jnp.min(jax.vmap(lambda W, k=k: ranks.distance_to_rank(W, k))(solutions)) for k in range(3)]
    assert [k for k in range(3) if infima[k] < 1e-8][0] == expected  # at |w| = 1e9 it is |z z'| / |w|


NAN_MATRIX = jnp.array([[1.0, jnp.nan], [0.0, 1.0]])


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ranks.singular_values(jnp.ones(3)), "`W` must be a nonempty matrix; got shape .3,."),
        (lambda: ranks.effective_rank(jnp.ones((2, 2, 2))), "`W` must be a nonempty matrix; got shape"),
        (lambda: ranks.effective_rank(jnp.ones((0, 2))), "`W` must be a nonempty matrix; got shape .0, 2."),
        (lambda: ranks.effective_rank(NAN_MATRIX), "`W` must be finite; got"),
        (lambda: ranks.distance_to_rank(NAN_MATRIX, 1), "`W` must be finite; got"),
        (lambda: ranks.distance_to_rank(jnp.ones((2, 3)), 3), "`k` must be an integer from 0 to 2; got 3"),
        (lambda: ranks.distance_to_rank(jnp.ones((2, 3)), -1), "`k` must be an integer from 0 to 2; got -1"),
        (
            lambda: ranks.distance_to_rank(jnp.ones((2, 3)), 1.0),
            "`k` must be an integer from 0 to 2; got 1.0",
        ),
        (lambda: ranks.infimal_rank(z=jnp.inf), "`z` must be finite; got inf"),
        (lambda: ranks.infimal_rank(z_prime=jnp.nan), "`z_prime` must be finite; got nan"),
        (lambda: ranks.infimal_rank(eps=jnp.nan), "`eps` must be finite; got nan"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
