"""Relations between calls of `tensors`, `training` and `deep_completion`."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from properties import ENTRIES, SCALES, SEEDS, about, gaussians, matrices, near, orthogonal, permutations

from implreg_core import tensors, training

SHAPE = (2, 3, 2)
FACTORS = st.tuples(*(matrices(size, 2) for size in SHAPE))
TENSORS = (
    hnp.arrays(float, SHAPE, elements=ENTRIES) | gaussians(*SHAPE) | FACTORS.map(lambda F: np.einsum("ir,jr,kr", *F))
)
MASKS = hnp.arrays(bool, SHAPE, elements=st.booleans()).filter(np.any)
cp_tensor, circuit = jax.jit(tensors.cp_tensor), jax.jit(tensors.arithmetic_circuit)
error = jax.jit(tensors.reconstruction_error)


@about("tensors.cp_tensor", factors=FACTORS, modes=permutations(3), scale=SCALES)
def test_cp_tensors_know_no_order_of_components_and_turn_with_their_modes(factors, modes, scale):
    F, G, H = factors
    T = np.asarray(cp_tensor(factors))
    size = np.prod([np.linalg.norm(W) for W in factors])
    assert near(cp_tensor(tuple(factors[n] for n in modes)), T.transpose(modes), 1e-15, size=size)
    for same in ((F[:, ::-1], G[:, ::-1], H[:, ::-1]), (F * scale, G / scale, H), (F * [2, -1], G, H * [0.5, -1])):
        assert near(cp_tensor(same), T, 1e-15 * 4, size=size)
    parts = [cp_tensor(tuple(W[:, r : r + 1] for W in factors)) for r in range(2)]
    assert near(parts[0] + parts[1], T, 1e-15 * 4, size=size)
    assert near(cp_tensor((F[::-1], G, H)), T[::-1], 1e-15 * 4, size=size)


@about(
    "tensors.arithmetic_circuit",
    "tensors.cp_tensor",
    factors=FACTORS,
    patches=st.tuples(*(gaussians(size) for size in SHAPE)),
    modes=permutations(3),
)
def test_circuits_contract_their_tensor(factors, patches, modes):
    x, y, z = patches
    output = circuit(factors, patches)
    size = np.prod([np.linalg.norm(W) for W in (*factors, *patches)])
    assert near(output, np.einsum("ijk,i,j,k", cp_tensor(factors), x, y, z), 1e-14, size=size)
    turned = circuit(tuple(factors[n] for n in modes), tuple(patches[n] for n in modes))
    assert near(turned, output, 1e-14, size=size) and near(
        circuit(factors, (-x, y, 2 * z)), -2 * output, 1e-14, size=2 * size
    )


@about("tensors.largest_rank", shape=st.lists(st.integers(1, 9), min_size=2, max_size=5), data=st.data())
def test_the_largest_rank_knows_no_order_and_grows_with_the_shape(shape, data):
    rank = tensors.largest_rank(shape)
    assert rank == tensors.largest_rank(data.draw(st.permutations(shape))) == tensors.largest_rank([*shape, 1])
    assert rank <= tensors.largest_rank([*shape[:-1], shape[-1] + 1]) and rank <= tensors.largest_rank([*shape, 2])


@about(
    "tensors.gaussian",
    "tensors.random_low_rank",
    "tensors.random_mask",
    seed=SEEDS,
    count=st.integers(1, 11),
    scale=st.floats(1e-3, 1e3),
    examples=5,
)
def test_one_key_draws_one_tensor_of_any_norm_and_shows_more_and_more_of_it(seed, count, scale):
    key = jr.key(seed)
    plain, scaled = (tensors.gaussian(key, SHAPE, 2, std=std) for std in (1.0, scale))
    assert all(near(F / scale, G, 1e-15) for F, G in zip(scaled, plain, strict=True))
    T = tensors.random_low_rank(key, SHAPE, 2, frobenius_norm=scale)
    assert near(T, scale * tensors.random_low_rank(key, SHAPE, 2), 1e-15) and near(np.linalg.norm(T), scale, 1e-14)
    assert near(T / scale, cp_tensor(plain) / np.linalg.norm(cp_tensor(plain)), 1e-14)
    fewer, more = (np.asarray(tensors.random_mask(key, SHAPE, n)) for n in (count, count + 1))
    assert fewer.sum() == count and more.sum() == count + 1 and np.all(more >= fewer)


@about(
    "tensors.linear_completion",
    "tensors.reconstruction_error",
    W=TENSORS,
    truth=TENSORS,
    mask=MASKS,
    modes=permutations(3),
    scale=SCALES,
)
def test_errors_know_no_order_and_no_units_and_the_baseline_keeps_what_is_seen(W, truth, mask, modes, scale):
    baseline = np.asarray(tensors.linear_completion(np.where(mask, truth, np.nan), mask))
    assert np.array_equal(baseline, np.asarray(tensors.linear_completion(baseline, mask)))
    turned = tensors.linear_completion(truth.transpose(modes), mask.transpose(modes))
    assert np.array_equal(turned, baseline.transpose(modes))
    assume(np.any(np.abs(truth) > 1e-6))
    value = error(W, truth)
    assert near(error(scale * W, scale * truth), value, 1e-14) and near(error(-W, -truth), value, 1e-15)
    assert near(tensors.reconstruction_error(W.transpose(modes), truth.transpose(modes)), value, 1e-14)
    assert near(value**2 + 0 * scale, np.sum((W - truth) ** 2) / np.sum(truth**2), 1e-14)
    assert error(baseline, truth) <= 1


@about(
    "tensors.cp_rank_lower_bound",
    T=TENSORS,
    modes=permutations(3),
    Q=orthogonal(3),
    scale=st.sampled_from([1e-60, 1e-3, 1e3, 1e60]),
    ones=st.tuples(*(gaussians(size, 1) for size in SHAPE)),
)
def test_the_lower_bound_of_the_rank_knows_no_basis_and_no_units(T, modes, Q, scale, ones):
    tolerance = 1e-6
    bound = tensors.cp_rank_lower_bound(T, tolerance=tolerance)
    assert bound == tensors.cp_rank_lower_bound(T.transpose(modes), tolerance=tolerance)
    assert bound == tensors.cp_rank_lower_bound(scale * T, tolerance=scale**2 * tolerance)
    assert bound == tensors.cp_rank_lower_bound(np.einsum("ijk,jl", T, Q).transpose(0, 2, 1), tolerance=tolerance)
    assert bound >= tensors.cp_rank_lower_bound(T, tolerance=2 * tolerance) and bound <= tensors.largest_rank(SHAPE)
    more = T + np.einsum("ir,jr,kr", *ones)
    assert (
        abs(tensors.cp_rank_lower_bound(more, tolerance=1e-20) - tensors.cp_rank_lower_bound(T, tolerance=1e-20)) <= 1
    )


@about("tensors.cp_rank", factors=FACTORS, modes=permutations(3), scale=st.sampled_from([0.1, 1e3]), examples=6)
def test_the_rank_of_two_components_is_found_in_any_order_and_units(factors, modes, scale):
    T = np.einsum("ir,jr,kr", *factors)
    rank = tensors.cp_rank(T)
    assert tensors.cp_rank_lower_bound(T) <= rank <= 2
    assert rank == tensors.cp_rank(T.transpose(modes)) == tensors.cp_rank(scale * T, tolerance=scale**2 * 1e-6)


# ---- completion

SETTINGS = {"init_std": 0.3, "learning_rate": 0.05, "tolerance": 1e-3, "max_steps": 60, "test_every": 10, "in_a_row": 1}


@about(
    "tensors.complete",
    "tensors.complete_many",
    "tensors.CPCompletion",
    "tensors.CPCompletion.tensor",
    targets=gaussians(3, *SHAPE),
    mask=MASKS,
    order=permutations(3),
    seed=SEEDS,
    examples=3,
)
def test_a_completed_tensor_is_one_of_many_in_any_order(targets, mask, order, seed):
    keys, masks = jr.split(jr.key(seed), 3), np.stack([mask] * 3)
    runs = tensors.complete_many(targets, masks, keys=keys, **SETTINGS)
    others = tensors.complete_many(np.where(masks, targets, np.nan)[order], masks, keys=keys[order], **SETTINGS)
    alone = tensors.complete(targets[0], mask, key=keys[0], **SETTINGS)
    recorded = tensors.complete(targets[0], mask, key=keys[0], records_per_decade=3, **SETTINGS)
    for run, same in [(runs[0], alone), (runs[0], recorded), *zip((runs[i] for i in order), others)]:
        assert same.steps == run.steps and near(same.mse, run.mse) and near(same.tensor, run.tensor)
        assert near(same.tensor, cp_tensor(same.factors))
    assert recorded.recorded_steps[-1] == recorded.steps
    assert all(np.array_equal(F[-1], G) for F, G in zip(recorded.recorded_factors, recorded.factors, strict=True))
    assert near(alone.mse, np.mean((np.asarray(alone.tensor) - targets[0])[mask] ** 2))


@jax.jit
def trained(target, mask, start):
    def mse(factors):
        return jnp.mean((tensors.cp_tensor(factors) - target) ** 2, where=mask)

    optimizer, steps = training.global_rmsprop(0.05), jnp.array([60])
    return training.train(mse, start, optimizer, tolerance=1e-3, record_at=steps, test_every=10)


@about("tensors.complete", target=gaussians(3, 3, 3), modes=permutations(3), seed=SEEDS, Q=orthogonal(3), examples=4)
def test_descent_on_components_turns_with_the_modes_and_with_a_basis(target, modes, seed, Q):
    start = tensors.gaussian(jr.key(seed), (3, 3, 3), 9, std=0.3)
    everything = np.ones((3, 3, 3), bool)
    run = tensors.complete(target, everything, key=jr.key(seed), **SETTINGS)
    end = trained(target, everything, start)
    W = np.asarray(run.tensor)
    assert near(cp_tensor(end.params), W, 1e-10)
    turned = trained(target.transpose(modes), everything, tuple(start[n] for n in modes))
    assert near(cp_tensor(turned.params), W.transpose(modes), 1e-9)
    rotated = trained(np.einsum("ij,jkl", Q, target), everything, (Q @ start[0], *start[1:]))
    assert near(cp_tensor(rotated.params), np.einsum("ij,jkl", Q, W), 1e-9)
