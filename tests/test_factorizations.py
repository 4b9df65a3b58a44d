import math

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from implreg_core import descent, factorizations, problems

CHAIN = [(4, 3), (5, 4), (2, 5)]  # W_1, W_2, W_3 of unequal widths: a 2 x 3 product


def random_chain(seed, shapes):
    keys = jr.split(jr.key(seed), len(shapes))
    return tuple(jr.normal(key, shape) for key, shape in zip(keys, shapes, strict=True))


def test_product_multiplies_later_factors_from_the_left():
    factors = random_chain(0, CHAIN)
    W1, W2, W3 = map(np.asarray, factors)
    assert factorizations.product_matrix(factors).shape == (2, 3)
    assert np.allclose(factorizations.product_matrix(factors), W3 @ W2 @ W1, rtol=1e-13)
    assert np.array_equal(factorizations.product_matrix(factors[:1]), W1)


def test_unbalancedness_is_the_largest_nuclear_norm_of_a_gap():
    factors = random_chain(1, CHAIN)
    W1, W2, W3 = map(np.asarray, factors)
    gaps = [np.linalg.norm(V.T @ V - W @ W.T, "nuc") for W, V in [(W1, W2), (W2, W3)]]
    assert gaps[0] != gaps[1]
    assert np.isclose(factorizations.unbalancedness(factors), max(gaps), rtol=1e-13)


def test_unbalancedness_by_hand():
    # 2'2 - 1 1' = [[3, -1], [-1, 3]] has eigenvalues 2 and 4
    assert factorizations.unbalancedness((jnp.ones((2, 1)), 2 * jnp.eye(2))) == pytest.approx(6, rel=1e-14)
    assert factorizations.unbalancedness((jnp.ones((2, 3)),)) == 0


@pytest.mark.parametrize("depth", [2, 3, 4])
@pytest.mark.parametrize(("m", "n", "hidden"), [(2, 2, 2), (3, 5, 3), (5, 3, 7), (1, 4, 2)])
def test_gaussian_factors_have_the_widths_asked_for(depth, m, n, hidden):
    factors = factorizations.gaussian(jr.key(0), depth, (m, n), std=0.3, hidden=hidden)
    assert [W.shape for W in factors] == [(hidden, n), *[(hidden, hidden)] * (depth - 2), (m, hidden)]
    narrow = factorizations.gaussian(jr.key(0), depth, (m, n), std=0.3)
    assert narrow[0].shape == (min(m, n), n) and factorizations.product_matrix(narrow).shape == (m, n)


def test_gaussian_entries_are_independent_with_the_stated_deviation():
    factors = factorizations.gaussian(jr.key(2), 3, (40, 60), std=0.02, hidden=50)
    entries = jnp.concatenate([W.ravel() for W in factors]) / 0.02
    count = entries.size
    assert abs(jnp.mean(entries)) < 5 / jnp.sqrt(float(count))
    assert abs(jnp.mean(entries**2) - 1) < 5 * jnp.sqrt(2 / count)  # the square has variance 2
    assert abs(jnp.mean(factors[1] * jr.normal(jr.key(9), (50, 50)))) < 5 * 0.02 / 50
    assert not jnp.array_equal(factors[0][:, :50], factors[1])


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_factor_std_gives_the_product_its_scale(depth):
    n, scale, trials = 8, 1e-3, 4000
    std = factorizations.factor_std(scale, depth, n)

    def sum_of_squares(key):
        product = factorizations.product_matrix(factorizations.gaussian(key, depth, (n, n), std=std))
        return jnp.sum(product**2) / (n * scale**2)  # entries of variance scale^2 / n: mean 1

    samples = jax.vmap(sum_of_squares)(jr.split(jr.key(3), trials))
    assert abs(jnp.mean(samples) - 1) < 5 * jnp.std(samples) / jnp.sqrt(float(trials))


@pytest.mark.parametrize("depth", [2, 3, 5])
@pytest.mark.parametrize("shape", [(2, 2), (3, 5), (6, 2), (1, 4)])
@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e6])
def test_balanced_factors_are_balanced_and_have_the_product(depth, shape, scale):
    W0 = scale * jr.normal(jr.key(4), shape)
    factors = factorizations.balanced(W0, depth)
    size = jnp.linalg.norm(W0)
    assert len(factors) == depth
    assert jnp.linalg.norm(factorizations.product_matrix(factors) - W0) < 1e-14 * size
    # each W_j W_j' has norm size^(2/L); its rounding errors are a few units in the last place
    assert factorizations.unbalancedness(factors) < 3e-14 * size ** (2 / depth)


def test_balanced_keeps_a_singular_product():
    W0 = jnp.outer(jnp.array([1.0, 2.0, -1.0]), jnp.array([0.5, 3.0]))
    factors = factorizations.balanced(W0, 3)
    assert jnp.allclose(factorizations.product_matrix(factors), W0, atol=1e-14)
    assert jnp.array_equal(factorizations.product_matrix(factorizations.balanced(0 * W0, 3)), 0 * W0)


EXTREME = {
    "identity": [[1, 0], [0, 1]],
    "turn": [[0, -1], [1, 0]],
    "minus identity": [[-1, 0], [0, -1]],
    "reflection": [[-1, 0], [0, 1]],
    "nearly a reflection": [[-1, 1e-18], [0, 1]],
    "swap": [[0, 3], [3, 0]],
    "blown up": [[1e12, 1], [1, 1.5e-12]],
    "blown up, det < 0": [[-1e8, 1], [1, 0]],
    "graded": [[1, 1e-20], [0, 1e-40]],
}


@pytest.mark.parametrize("depth", [2, 3, 10])
@pytest.mark.parametrize("scale", [1e-140, 1.0, 1e6])
@pytest.mark.parametrize("name", EXTREME)
def test_balanced_factors_of_two_by_two_keep_the_determinant(name, scale, depth):
    W0 = scale * jnp.array(EXTREME[name], float)
    factors = factorizations.balanced(W0, depth)
    size = jnp.max(jnp.abs(W0))
    # the L-th root and its power back leave about |log size| roundings
    assert jnp.max(jnp.abs(factorizations.product_matrix(factors) - W0)) < 5e-14 * size
    assert factorizations.unbalancedness(factors) < 5e-15 * size ** (2 / depth)
    sign, log_abs = factorizations.slogdet(factors)
    (a, b), (c, d) = EXTREME[name]
    assert sign == math.copysign(1, a * d - b * c)
    assert log_abs == pytest.approx(math.log(abs(a * d - b * c)) + 2 * math.log(scale), rel=1e-13, abs=1e-13)


def test_balanced_factors_of_singular_and_zero_two_by_two():
    singular = factorizations.balanced(jnp.array([[1.0, 2.0], [2.0, 4.0]]), 3)
    assert factorizations.slogdet(singular)[0] == 0
    assert jnp.allclose(factorizations.product_matrix(singular), jnp.array([[1.0, 2.0], [2.0, 4.0]]), rtol=1e-14)
    assert all(jnp.array_equal(W, jnp.zeros((2, 2))) for W in factorizations.balanced(jnp.zeros((2, 2)), 2)[::2])


def test_a_jump_of_balanced_factors_does_not_show_in_their_descent():
    """Along a circle of products the singular vectors come back with their signs changed; descent does not see it."""
    turns = jnp.linspace(0.0, 2 * jnp.pi, 721)
    circle = jnp.stack([2 + jnp.cos(turns), jnp.sin(turns), jnp.sin(turns), 2 - jnp.cos(turns)]).T.reshape(-1, 2, 2)
    factors = jax.vmap(lambda W0: factorizations.balanced(0.1 * W0, 3))(circle)
    assert max(jnp.max(jnp.abs(jnp.diff(W, axis=0))) for W in factors) > 0.5
    runs = descent.gradient_descents(problems.two_by_two(), factors, learning_rate=0.02, max_steps=300)
    ends = np.array([run.W[-1] for run in runs])
    assert np.max(np.abs(np.diff(ends, axis=0))) < 0.03  # steps of half a degree; seen: 0.008


def test_balanced_gaussian_draws_the_product():
    std, trials = 1e-5, 5000

    def product(key):
        return factorizations.product_matrix(factorizations.balanced_gaussian(key, 3, (2, 3), std=std))

    entries = jax.vmap(product)(jr.split(jr.key(5), trials)) / std
    assert jnp.all(jnp.abs(jnp.mean(entries, axis=0)) < 5 / jnp.sqrt(float(trials)))
    assert jnp.all(jnp.abs(jnp.mean(entries**2, axis=0) - 1) < 5 * jnp.sqrt(2 / trials))
    factors = factorizations.balanced_gaussian(jr.key(6), 3, (2, 3), std=std)
    assert factorizations.unbalancedness(factors) < 1e-14 * std ** (2 / 3)


@pytest.mark.parametrize("depth", [2, 3, 10])
@pytest.mark.parametrize("alpha", [1.0, 0.3, 1e-6])
def test_identity_is_balanced_with_product_alpha(depth, alpha):
    factors = factorizations.identity(alpha, depth, size=3)
    assert len(factors) == depth
    assert jnp.allclose(factorizations.product_matrix(factors), alpha * jnp.eye(3), rtol=1e-14, atol=0)
    assert factorizations.unbalancedness(factors) == 0
    assert factorizations.identity(alpha, depth)[0].shape == (2, 2)


@pytest.mark.parametrize("shapes", [[(2, 2), (2, 2), (2, 2)], [(4, 3), (3, 4)], [(3, 2), (5, 3), (2, 5)]])
def test_slogdet_is_that_of_the_product(shapes):
    factors = random_chain(7, shapes)
    sign, log_abs = factorizations.slogdet(factors)
    expected = np.linalg.slogdet(np.asarray(factorizations.product_matrix(factors)))
    assert sign == expected.sign
    assert np.isclose(log_abs, expected.logabsdet, rtol=1e-12)


def test_slogdet_survives_a_product_that_underflows():
    tiny = (1e-150 * jnp.eye(2), jnp.array([[0.0, 1e-160], [1e-160, 0.0]]), 1e-120 * jnp.eye(2))
    assert jnp.all(factorizations.product_matrix(tiny) == 0)
    sign, log_abs = factorizations.slogdet(tiny)
    assert sign == -1 and jnp.isclose(log_abs, -2 * (150 + 160 + 120) * jnp.log(10.0), rtol=1e-14)
    for singular in (jnp.ones((2, 2)), jnp.zeros((2, 2))):
        assert factorizations.slogdet((singular,)) == (0, -jnp.inf)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("depth", [2, 3, 4])
@pytest.mark.parametrize("sampler", [factorizations.gaussian, factorizations.balanced_gaussian])
def test_resampling_gives_the_sign(sign, depth, sampler):
    def resampled(key):
        return factorizations.with_determinant_sign(key, lambda key: sampler(key, depth, (2, 2), std=1e-6), sign)

    factors = jax.vmap(resampled)(jr.split(jr.key(8), 50))
    signs = jax.vmap(lambda factors: factorizations.slogdet(factors)[0])(factors)
    assert jnp.all(signs == sign)
    single = resampled(jr.split(jr.key(8), 50)[17])
    assert all(jnp.allclose(one, many[17], rtol=1e-12) for one, many in zip(single, factors, strict=True))


@pytest.mark.parametrize("sign", [1, -1])
def test_starts_are_balanced_draws_of_one_sign_each_from_its_own_key(sign):
    starts = factorizations.balanced_starts(jr.key(3), 200, 3, std=0.1, size=3, sign=sign)
    product = starts[2] @ starts[1] @ starts[0]
    assert [W.shape for W in starts] == [(200, 3, 3)] * 3 and jnp.all(sign * jnp.linalg.det(product) > 0)
    assert jnp.max(jax.vmap(factorizations.unbalancedness)(starts)) < 1e-14
    assert len(np.unique(product)) == product.size and jnp.isclose(jnp.std(product), 0.1, rtol=0.05)
    key = jr.split(jr.key(3), 200)[17]
    candidates = [factorizations.balanced_gaussian(key, 3, (3, 3), std=0.1) for key in jr.split(key, 64)]
    first = next(c for c in candidates if factorizations.slogdet(c)[0] == sign)
    assert all(jnp.allclose(W[17], one, rtol=1e-12, atol=1e-14) for W, one in zip(starts, first, strict=True))


def test_resampling_returns_one_of_the_candidates_unchanged():
    def sample(key):
        return factorizations.gaussian(key, 3, (2, 2), std=0.1)

    candidates = [sample(key) for key in jr.split(jr.key(10), 64)]
    expected = next(c for c in candidates if factorizations.slogdet(c)[0] == -1)
    for ours, theirs in zip(factorizations.with_determinant_sign(jr.key(10), sample, -1), expected, strict=True):
        assert jnp.array_equal(ours, theirs)


def test_a_sign_that_never_comes_is_an_error_and_under_jit_not_a_number():
    def resampled(key):
        return factorizations.with_determinant_sign(key, lambda _: factorizations.identity(0.5, 2), -1)

    with pytest.raises(ValueError, match="`sample` gave no determinant of sign -1 in 64 tries"):
        resampled(jr.key(0))
    assert all(jnp.all(jnp.isnan(W)) for W in jax.jit(resampled)(jr.key(0)))


@pytest.mark.parametrize("draw", [jr.normal, lambda key, shape: jr.uniform(key, shape, minval=-1.0), jr.laplace])
@pytest.mark.parametrize("shapes", [[(2, 2), (2, 2)], [(2, 2)] * 3, [(3, 2), (2, 3)]])
def test_proposition_3_symmetric_factors_have_either_sign_equally_often(draw, shapes):
    trials = 40_000

    def positive(key):
        keys = jr.split(key, len(shapes))
        factors = tuple(draw(key, shape) for key, shape in zip(keys, shapes, strict=True))
        return factorizations.slogdet(factors)[0] > 0

    share = jnp.mean(jax.vmap(positive)(jr.split(jr.key(11), trials)).astype(float))
    assert abs(share - 0.5) < 4 * 0.5 / jnp.sqrt(float(trials))  # four standard deviations: 0.01


def pair(std=1.0):
    return factorizations.gaussian(jr.key(0), 2, (2, 2), std=std)


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: factorizations.product_matrix(()), "`factors` is empty"),
        (lambda: factorizations.product_matrix((jnp.ones(2),)), "`factors` must all be matrices; got shapes"),
        (lambda: factorizations.product_matrix((jnp.ones((2, 3)), jnp.ones((2, 3)))), "`factors` must chain"),
        (lambda: factorizations.unbalancedness((jnp.ones((2, 3)), jnp.ones((2, 3)))), "`factors` must chain"),
        (lambda: factorizations.slogdet((jnp.ones((2, 3)),)), "`factors` must have a square product; got"),
        (lambda: factorizations.factor_std(0.0, 2, 3), "`product_scale` must be positive; got 0"),
        (lambda: factorizations.factor_std(1.0, 1, 3), "`depth` must be an integer at least 2; got 1"),
        (lambda: factorizations.factor_std(1.0, 2, 0), "`width` must be an integer at least 1; got 0"),
        (lambda: factorizations.gaussian(jr.key(0), 1, (2, 2), std=1.0), "`depth` must be .* got 1"),
        (lambda: factorizations.gaussian(jr.key(0), 2.5, (2, 2), std=1.0), "`depth` must be .* got 2.5"),
        (lambda: factorizations.gaussian(jr.key(0), 2, (2, 0), std=1.0), "`shape.1.` must be .* got 0"),
        (lambda: pair(std=0.0), "`std` must be positive; got 0"),
        (lambda: pair(std=jnp.nan), "`std` must be finite; got nan"),
        (
            lambda: factorizations.gaussian(jr.key(0), 2, (4, 3), std=1.0, hidden=2),
            "`hidden` must be an integer at least 3; got 2",
        ),
        (lambda: factorizations.balanced(jnp.ones(3), 2), "`W0` must be a nonempty matrix; got shape"),
        (lambda: factorizations.balanced(jnp.full((2, 2), jnp.inf), 2), "`W0` must be finite; got"),
        (lambda: factorizations.balanced(jnp.eye(2), 0), "`depth` must be .* got 0"),
        (lambda: factorizations.balanced_gaussian(jr.key(0), 2, (2,), std=1.0), "`shape` must be .rows"),
        (lambda: factorizations.balanced_gaussian(jr.key(0), 2, (2, 2), std=-1.0), "`std` must be positive"),
        (lambda: factorizations.identity(-1.0, 2), "`alpha` must be positive; got -1"),
        (lambda: factorizations.identity(1.0, 1), "`depth` must be .* got 1"),
        (lambda: factorizations.identity(1.0, 2, size=0), "`size` must be an integer at least 1; got 0"),
        (lambda: factorizations.balanced_starts(jr.key(0), 0, 2, std=1.0), "`count` must be .* at least 1; got 0"),
        (lambda: factorizations.balanced_starts(jr.key(0), 1, 1, std=1.0), "`depth` must be .* got 1"),
        (lambda: factorizations.balanced_starts(jr.key(0), 1, 2, std=0.0), "`std` must be positive"),
        (lambda: factorizations.balanced_starts(jr.key(0), 1, 2, std=1.0, size=0), "`size` must be .* at least 1"),
        (lambda: factorizations.balanced_starts(jr.key(0), 1, 2, std=1.0, sign=2), "`sign` must be 1 or -1"),
        (
            lambda: factorizations.with_determinant_sign(jr.key(0), lambda _: pair(), 0),
            "`sign` must be 1 or -1",
        ),
        (
            lambda: factorizations.with_determinant_sign(jr.key(0), lambda _: pair(), 1, tries=0),
            "`tries` must be an integer at least 1; got 0",
        ),
        (
            lambda: factorizations.with_determinant_sign(jr.key(0), lambda _: (jnp.ones((2, 3)),), 1),
            "`factors` must have a square product; got",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("row", [False, True])
def test_turning_the_sign_keeps_balance_and_size(row):
    factors = factorizations.gaussian(jr.key(1), 3, (2, 2), std=0.5, hidden=4)
    up, down = (factorizations.turned_to_sign(factors, sign, row=row) for sign in (1, -1))
    assert factorizations.slogdet(up)[0] == 1 and factorizations.slogdet(down)[0] == -1
    assert jnp.isclose(factorizations.unbalancedness(up), factorizations.unbalancedness(down), rtol=1e-12)
    for W, V in zip(up, factors):
        assert jnp.array_equal(jnp.abs(W), jnp.abs(V))
    line = np.s_[0] if row else np.s_[:, 0]
    mirrored = factorizations.product_matrix(up).at[line].multiply(-1)
    assert jnp.allclose(factorizations.product_matrix(down), mirrored, rtol=1e-12)
