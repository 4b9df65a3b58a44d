"""Relations between calls of `problems` and `factorizations`."""

from functools import partial

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from properties import (
    ENTRIES,
    NONZERO,
    SCALES,
    SEEDS,
    about,
    gaussians,
    matrices,
    near,
    orthogonal,
    permutations,
)

from implreg_core import factorizations, problems

MASKS = hnp.arrays(bool, (3, 2), elements=st.booleans()).filter(np.any)
OBSERVATIONS = st.tuples(NONZERO, NONZERO, ENTRIES)
loss_of, residual_of = jax.jit(lambda problem, W: problem.loss(W)), jax.jit(lambda problem, W: problem.residual(W))
product_matrix, unbalancedness = jax.jit(factorizations.product_matrix), jax.jit(factorizations.unbalancedness)
slogdet = jax.jit(factorizations.slogdet)


# ---- problems


@about(
    "problems.completion",
    "problems.Completion",
    "problems.Completion.shape",
    "problems.Completion.loss",
    "problems.Completion.residual",
    values=matrices(3, 2),
    W=matrices(3, 2),
    observed=MASKS,
    rows=permutations(3),
    scale=SCALES,
)
def test_the_loss_knows_no_order_no_units_and_no_hidden_entries(values, W, observed, rows, scale):
    problem = problems.completion(values, observed)
    loss, residual = loss_of(problem, W), np.asarray(residual_of(problem, W))
    hidden = problems.completion(np.where(observed, values, np.nan), observed)
    assert loss_of(hidden, np.where(observed, W, 1e300)) == loss
    ordered = problems.completion(values[rows], observed[rows])
    assert np.array_equal(residual_of(ordered, W[rows]), residual[rows])
    assert near(loss_of(ordered, W[rows]), loss, 1e-15 * 6)  # a sum in another order
    transposed = problems.completion(values.T, observed.T)
    assert transposed.shape == problem.shape[::-1] and np.array_equal(residual_of(transposed, W.T), residual.T)
    scaled = problems.completion(scale * values, observed)
    assert near(residual_of(scaled, scale * W), scale * residual, 1e-15, size=scale * (np.max(np.abs([values, W]))))
    again = problems.completion(problem.values, problem.observed)
    assert np.array_equal(again.values, problem.values) and np.array_equal(again.observed, problem.observed)


@about("problems.Completion.loss", "problems.Completion.residual", W=matrices(3, 2), D=gaussians(3, 2), observed=MASKS)
def test_the_loss_is_the_quadratic_of_its_residual(W, D, observed):
    problem = problems.completion(np.ones((3, 2)), observed)
    residual = np.asarray(residual_of(problem, W))
    expanded = loss_of(problem, W) + np.sum(residual * D) + 0.5 * np.sum(D[observed] ** 2)
    assert near(loss_of(problem, W + D), expanded, 1e-14, size=1 + np.sum(W**2) + np.sum(D**2))
    assert np.array_equal(jax.grad(problem.loss)(jnp.asarray(W)), residual)


@about(
    "problems.two_by_two",
    "problems.two_by_two_observations",
    "problems.two_by_two_solution",
    observations=OBSERVATIONS,
    w=ENTRIES,
    scale=SCALES,
)
def test_the_example_and_its_solutions_are_made_of_their_observations(observations, w, scale):
    z, z_prime, eps = observations = tuple(scale * x for x in observations)
    problem, solution = problems.two_by_two(*observations), problems.two_by_two_solution(scale * w, *observations)
    assert problems.two_by_two_observations(problem) == observations
    assert loss_of(problem, solution) == 0
    assert np.array_equal(problems.two_by_two_solution(0.0, *observations), problem.values)
    exchanged = problems.two_by_two_solution(scale * w, z_prime, z, eps)
    assert np.array_equal(exchanged, solution.T) and loss_of(problems.two_by_two(z_prime, z, eps), solution.T) == 0


@about("problems.random_low_rank", examples=2, seed=SEEDS, count=st.integers(1, 11), norm=st.floats(1e-3, 1e3))
def test_one_key_draws_one_matrix_of_any_norm_and_shows_more_and_more_of_it(seed, count, norm):
    def draw(count, **norm):
        return problems.random_low_rank(jr.key(seed), (4, 3), 2, count, **norm)

    (fewer, truth), (more, same) = draw(count), draw(count + 1)
    scaled = draw(count, frobenius_norm=norm)[1]
    assert np.array_equal(truth, same) and near(scaled / norm, truth / np.sqrt(12), 1e-14)
    assert np.sum(fewer.observed) == count and np.all(more.observed >= fewer.observed)
    assert loss_of(more, truth) == 0 and near(np.linalg.svd(truth)[1][2], 0, 1e-14, size=1)


# ---- factorizations

THREE = st.tuples(matrices(3, 2), matrices(3, 3), matrices(2, 3))  # W_1, W_2, W_3
REGULAR = st.tuples(*[gaussians(3, 3)] * 3) | st.tuples(gaussians(3, 2), gaussians(3, 3), gaussians(2, 3))


@about("factorizations.product_matrix", factors=THREE, scale=SCALES)
def test_products_are_associative_and_transposed_in_reverse(factors, scale):
    W_1, W_2, W_3 = factors = tuple(map(jnp.asarray, factors))
    product = product_matrix(factors)
    size = np.prod([np.linalg.norm(W) for W in factors])
    composed = product_matrix((product_matrix((W_1, W_2)), W_3)), product_matrix((W_1, product_matrix((W_2, W_3))))
    for same in (*composed, product_matrix((W_3.T, W_2.T, W_1.T)).T, product_matrix((scale * W_1, W_2, W_3)) / scale):
        assert near(same, product, 1e-15 * 9, size=size)


@about("factorizations.unbalancedness", factors=THREE, Q=orthogonal(3), scale=SCALES)
def test_unbalancedness_knows_no_direction_no_basis_and_the_square_of_the_units(factors, Q, scale):
    W_1, W_2, W_3 = factors
    value, size = unbalancedness(factors), sum(np.sum(W**2) for W in factors)
    for same in ((W_3.T, W_2.T, W_1.T), (Q @ W_1, W_2 @ Q.T, W_3), (W_1, W_2, W_3[::-1]), (-W_1, W_2, W_3)):
        assert near(unbalancedness(same), value, 1e-14, size=size)
    assert near(unbalancedness(tuple(scale * W for W in factors)), value * scale**2, 1e-14, size=size * scale**2)
    assert unbalancedness((W_1,)) == 0


@about("factorizations.slogdet", factors=REGULAR, scale=SCALES | st.sampled_from([1e-250, 1e250]))
def test_determinants_multiply_at_any_scale(factors, scale):
    W_1, W_2, W_3 = factors
    product = W_3 @ W_2 @ W_1
    assume(np.linalg.cond(product) < 1e6)  # so that the sign is not one of roundings
    sign, log = slogdet(factors)
    size = len(product)
    assert sign == np.linalg.det(product) / abs(np.linalg.det(product))
    for same, new_sign, shift in [
        ((W_3.T, W_2.T, W_1.T), sign, 0.0),
        ((W_1, W_2[::-1], W_3[:, ::-1]), sign, 0.0),  # neurons in another order
        ((W_1[:, ::-1], W_2, W_3), sign * (-1) ** (size // 2), 0.0),
        ((W_1, scale * W_2, scale * W_3), sign, 2 * size * np.log(scale)),
        ((W_1, W_2, -W_3), sign * (-1) ** size, 0.0),
    ]:
        found = slogdet(same)
        assert found[0] == new_sign and near(found[1], log + shift, 1e-9, size=1 + abs(shift))  # 1e-16 by the condition


@about("factorizations.factor_std", "factorizations.identity", alpha=st.floats(1e-200, 1e200), depth=st.integers(2, 5))
def test_scales_of_factors_are_roots_of_the_products(alpha, depth):
    std = factorizations.factor_std(alpha, depth, 3)
    assert near(std * factorizations.factor_std(1 / alpha, depth, 3), 1 / 3, 1e-12)
    assert near(factorizations.factor_std(alpha, depth, 12), std / 2, 1e-15)
    assert near(std**depth * 3 ** (depth / 2), alpha, 1e-12)  # 1 / L is rounded: 1e-16 ln alpha
    factors = factorizations.identity(alpha, depth, size=3)
    assert near(product_matrix(factors), alpha * np.eye(3), 1e-12) and unbalancedness(factors) == 0


@about("factorizations.balanced", W0=matrices(2, 2) | matrices(3, 2), depth=st.sampled_from([2, 4]), scale=SCALES)
def test_balanced_factors_are_so_at_any_scale_and_share_the_spectrum(W0, depth, scale):
    factors = balanced(scale * W0, depth)
    sigma, size = np.linalg.svd(W0, compute_uv=False), np.linalg.norm(W0)
    assert near(product_matrix(factors), scale * W0, 1e-13, size=scale * size)  # 1 / L is rounded: 1e-16 |ln scale|
    square = (scale * size) ** (2 / depth)  # of a factor's size
    assert unbalancedness(factors) <= 1e-13 * square
    assert near(unbalancedness(balanced(W0.T, depth)), 0, 1e-13, size=size ** (2 / depth))
    for W in factors:  # roots of singular values that are roundings are far from those of zeros
        assert near(np.linalg.svd(W, compute_uv=False) ** depth, scale * sigma, 1e-13, size=scale * size)


balanced = jax.jit(factorizations.balanced, static_argnums=1)


def plain(key, std):
    return factorizations.gaussian(key, 2, (2, 2), std=std)


def even(key, std):
    return factorizations.balanced_gaussian(key, 2, (2, 2), std=std)


def signed(key, std):
    return factorizations.with_determinant_sign(key, lambda key: plain(key, std), -1, tries=32)


DRAWS = {draw: jax.jit(jax.vmap(draw)) for draw in (plain, even, signed)}


@about(
    "factorizations.gaussian",
    "factorizations.balanced_gaussian",
    "factorizations.with_determinant_sign",
    examples=3,
    seed=SEEDS,
    std=st.floats(1e-3, 1e3),
)
def test_one_key_draws_one_start_of_any_scale(seed, std):
    keys = jr.split(jr.key(seed), 2)[np.array([0, 0, 1])]
    for draw, draw_many in DRAWS.items():
        power = 0.5 if draw is even else 1.0  # of the factors of a product
        drawn = draw_many(keys, np.array([1.0, std, 1.0]))
        for one, scaled, other in drawn:
            assert near(scaled, std**power * one, 1e-13) and not np.allclose(other, one)
        signs = np.prod([np.sign(np.linalg.det(W)) for W in drawn], axis=0)
        assert signs[0] == signs[1] and (draw is not signed or np.all(signs == -1))
    alone, (W_1, W_2) = plain(keys[0], std), DRAWS[even](keys, np.ones(3))
    assert all(near(W[1], one, 1e-15) for W, one in zip(DRAWS[plain](keys, np.full(3, std)), alone, strict=True))
    assert near(W_2[0].T @ W_2[0], W_1[0] @ W_1[0].T, 1e-13)


@about("factorizations.balanced_starts", examples=3, seed=SEEDS, std=st.floats(1e-3, 1e3))
def test_groups_of_starts_differ_in_scale_alone_and_have_either_sign(seed, std):
    draw = partial(factorizations.balanced_starts, jr.key(seed), 4, 2)
    unit, scaled, mirror = draw(std=1.0), draw(std=std), draw(std=1.0, sign=-1)
    assert all(near(W, std**0.5 * one, 1e-13) for W, one in zip(scaled, unit, strict=True))
    for (W_1, W_2), sign in ((unit, 1), (scaled, 1), (mirror, -1)):
        assert np.all(sign * np.linalg.det(W_2 @ W_1) > 0)
