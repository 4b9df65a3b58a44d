import itertools

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from implreg_core import tensors
from implreg_core.tensors._als import als_reaches

SHAPES = [(2, 3), (4, 2, 3), (3, 2, 4, 2), (2, 3, 2, 2, 3)]


def outer_products(factors):
    letters = "abcde"[: len(factors)]
    return np.einsum(",".join(f"{letter}r" for letter in letters) + "->" + letters, *factors)


@pytest.mark.parametrize("shape", SHAPES)
def test_cp_tensor_is_the_sum_of_outer_products(shape):
    factors = tensors.gaussian(jr.key(0), shape, 5, std=1.0)
    np.testing.assert_allclose(tensors.cp_tensor(factors), outer_products(factors), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("shape", SHAPES)
def test_arithmetic_circuit_is_the_tensor(shape):
    """On one-hot patches it gives entries; on others, the contraction."""
    factors = tensors.gaussian(jr.key(1), shape, 4, std=0.7)
    W = np.asarray(tensors.cp_tensor(factors))
    for index in itertools.islice(itertools.product(*map(range, shape)), 0, None, 5):
        one_hot = tuple(np.eye(size)[i] for size, i in zip(shape, index))
        np.testing.assert_allclose(tensors.arithmetic_circuit(factors, one_hot), W[index], rtol=1e-10, atol=1e-12)
    patches = tuple(jr.normal(jr.key(k), (size,)) for k, size in enumerate(shape))
    contracted = W
    for x in patches:
        contracted = np.tensordot(x, contracted, axes=1)
    np.testing.assert_allclose(tensors.arithmetic_circuit(factors, patches), contracted, rtol=1e-10)


def test_largest_rank_is_that_of_the_paper():
    assert tensors.largest_rank((8, 8, 8)) == 64 and tensors.largest_rank((8, 8, 8, 8)) == 512
    assert tensors.largest_rank((4, 2, 3)) == 6 and tensors.largest_rank((3, 5)) == 3


def test_ground_truth_has_its_rank_and_norm():
    W = tensors.random_low_rank(jr.key(0), (5, 6, 4), 3, frobenius_norm=2.5)
    np.testing.assert_allclose(jnp.linalg.norm(W), 2.5)
    unfoldings = [np.moveaxis(np.asarray(W), n, 0).reshape(W.shape[n], -1) for n in range(3)]
    assert [np.linalg.matrix_rank(M) for M in unfoldings] == [3, 3, 3]


def test_masks_have_their_count_and_are_nested():
    few, more = (tensors.random_mask(jr.key(3), (4, 2, 3), count) for count in (5, 17))
    assert few.sum() == 5 and more.sum() == 17 and not jnp.any(few & ~more)
    assert tensors.random_mask(jr.key(3), (4, 2, 3), 24).all()


def problem(shape=(5, 4, 6), rank=1, observed=60, key=0):
    truth_key, mask_key = jr.split(jr.key(key))
    truth = tensors.random_low_rank(truth_key, shape, rank)
    return truth, tensors.random_mask(mask_key, shape, observed)


def by_hand(target, mask, start, steps, learning_rate=1e-2):
    """The same descent in numpy: explicit gradients by einsum, the released step."""
    factors, v, n = [np.array(F) for F in start], 0.0, np.sum(mask)
    for k in range(1, steps + 1):
        A, B, C = factors
        residual = np.where(mask, np.einsum("ar,br,cr->abc", A, B, C) - target, 0.0) * (2 / n)
        gradients = [
            np.einsum("abc,br,cr->ar", residual, B, C),
            np.einsum("abc,ar,cr->br", residual, A, C),
            np.einsum("abc,ar,br->cr", residual, A, B),
        ]
        v = 0.99 * v + 0.01 * sum(np.sum(g**2) for g in gradients)
        rate = learning_rate / (np.sqrt(v / (1 - 0.99**k)) + 1e-6)
        factors = [F - rate * g for F, g in zip(factors, gradients)]
    return factors


def test_complete_is_descent_with_the_released_step():
    """Sizes all different, entries nobody sees are NaN, and the path is compared, not only its end."""
    truth, mask = problem()
    run = tensors.complete(
        jnp.where(mask, truth, jnp.nan), mask, init_std=0.1, key=jr.key(5), max_steps=80, records_per_decade=10
    )
    start = tensors.gaussian(jr.key(5), truth.shape, 20, std=0.1)
    for row in (0, 1, 6, -1):
        expected_factors = by_hand(truth, mask, start, run.recorded_steps[row])
        for recorded, expected in zip(run.recorded_factors, expected_factors):
            np.testing.assert_allclose(recorded[row], expected, rtol=1e-9, atol=1e-12)
    W = np.asarray(run.tensor)
    np.testing.assert_allclose(run.mse, np.mean((W - truth)[np.asarray(mask)] ** 2), rtol=1e-9)


def test_small_starts_complete_a_rank_one_tensor_and_large_ones_do_not():
    truth, mask = problem()
    runs = {std: tensors.complete(truth, mask, init_std=std, key=jr.key(1)) for std in (1e-3, 0.3)}
    assert all(run.converged and run.steps % 100 == 0 for run in runs.values())
    errors = {std: float(tensors.reconstruction_error(run.tensor, truth)) for std, run in runs.items()}
    assert errors[1e-3] < 1e-3 < 0.1 < errors[0.3]
    assert tensors.cp_rank(runs[1e-3].tensor) == 1 < tensors.cp_rank(runs[0.3].tensor)


def test_the_stop_is_at_the_first_step_within_the_tolerance_if_asked_for():
    truth, mask = problem()
    run = tensors.complete(
        truth, mask, init_std=1e-2, key=jr.key(1), test_every=1, in_a_row=1, records_per_decade=10**4
    )
    observed = np.asarray(mask)
    before = tensors.cp_tensor(tuple(F[-2] for F in run.recorded_factors))
    assert run.recorded_steps[-1] == run.steps == run.recorded_steps[-2] + 1
    assert run.mse <= run.tolerance < np.mean((np.asarray(before) - truth)[observed] ** 2)
    assert "reached" in run.status


def test_many_runs_are_the_single_ones():
    problems = [problem(observed=count, key=k) for k, count in enumerate((20, 60))]
    targets, masks = (jnp.stack(parts) for parts in zip(*problems))
    keys, stds = jr.split(jr.key(9), 2), jnp.array([1e-3, 1e-2])
    runs = tensors.complete_many(targets, masks, init_std=stds, keys=keys, max_steps=3000)
    for run, (truth, mask), key, std in zip(runs, problems, keys, stds):
        alone = tensors.complete(truth, mask, init_std=std, key=key, max_steps=3000)
        assert run.steps == alone.steps
        np.testing.assert_allclose(run.tensor, alone.tensor, atol=1e-9)


def test_it_says_when_the_steps_are_used_up():
    truth, mask = problem()
    run = tensors.complete(truth, mask, init_std=1e-2, key=jr.key(1), max_steps=7)
    assert not run.converged and run.steps == 7 and "used all 7 steps" in run.status


def test_linear_completion_keeps_what_is_seen():
    truth, mask = problem()
    W = tensors.linear_completion(jnp.where(mask, truth, jnp.nan), mask)
    np.testing.assert_array_equal(W, np.where(mask, truth, 0.0))


@pytest.mark.parametrize("rank", [1, 2, 4])
def test_cp_rank_of_a_random_tensor_is_that_of_its_construction(rank):
    T = tensors.random_low_rank(jr.key(rank), (4, 5, 6), rank, frobenius_norm=10.0)
    assert tensors.cp_rank(T) == rank == tensors.cp_rank_lower_bound(T)


def test_cp_rank_can_exceed_every_unfolding():
    """The 2 x 2 x 2 tensor of two matrix units and a rotation: no real rank two, although unfoldings have rank two."""
    T = np.zeros((2, 2, 2))
    T[:, :, 0], T[:, :, 1] = np.eye(2), [[0, -1], [1, 0]]  # complex eigenvalues: rank 3 over the reals
    assert tensors.cp_rank_lower_bound(T) == 2
    assert tensors.cp_rank(T) == 3


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e160, 1e300])
def test_reconstruction_error_has_no_units(scale):
    W = np.arange(12.0).reshape(2, 3, 2) / 8 - 1
    plain = tensors.reconstruction_error(W, TRUTH)
    np.testing.assert_allclose(tensors.reconstruction_error(scale * W, scale * np.asarray(TRUTH)), plain, rtol=1e-14)


def test_cp_rank_counts_to_the_tolerance():
    assert tensors.cp_rank(np.zeros((2, 3, 2))) == 0
    small = tensors.random_low_rank(jr.key(0), (4, 4, 4), 2, frobenius_norm=5e-3)
    assert tensors.cp_rank(small, tolerance=1e-6) == 0 < tensors.cp_rank(small, tolerance=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4), st.sampled_from(SHAPES[1:]))
def test_lower_bound_is_one(seed, rank, shape):
    """Noise below the tolerance cannot raise it above the rank that is there."""
    rng = np.random.default_rng(seed)
    T = outer_products([rng.normal(size=(size, rank)) for size in shape])
    T = T + 0.9e-3 * rng.choice([-1.0, 1.0], shape)  # mean square 0.81e-6
    assert tensors.cp_rank_lower_bound(T, tolerance=1e-6) <= rank


def test_als_that_finds_nothing_says_so(monkeypatch):
    monkeypatch.setattr("implreg_core.tensors._cp_rank.als_reaches", lambda *arguments: False)
    with pytest.raises(tensors.ConvergenceError, match="not even with 16 components. Raise `max_iterations`"):
        tensors.cp_rank(np.ones((4, 5, 4)))


def test_singular_normal_equations_are_no_answer():
    """Two components for a tensor of rank one: ALS stumbles from its starts, and must not claim the tolerance."""
    T = np.ones((2, 2, 2))
    assert als_reaches(T, 1, 1e-12, 1, 50) and not als_reaches(np.arange(8.0).reshape(2, 2, 2), 1, 1e-6, 3, 50)


TRUTH, MASK = np.ones((2, 3, 2)), np.ones((2, 3, 2), bool)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tensors.complete(TRUTH, MASK[0], init_std=1.0, key=jr.key(0)), "`mask` must have shape"),
        (lambda: tensors.complete(TRUTH, 1.0 * MASK, init_std=1.0, key=jr.key(0)), "`mask` must be Boolean"),
        (lambda: tensors.complete(TRUTH, ~MASK, init_std=1.0, key=jr.key(0)), "`mask` is false everywhere"),
        (lambda: tensors.complete(np.nan * TRUTH, MASK, init_std=1.0, key=jr.key(0)), "`target` must be finite"),
        (lambda: tensors.complete(TRUTH, MASK, init_std=-1.0, key=jr.key(0)), "`init_std` must be positive"),
        (lambda: tensors.complete(TRUTH, MASK, init_std=1.0, tolerance=0.0, key=jr.key(0)), "`tolerance` must be pos"),
        (lambda: tensors.complete(TRUTH, MASK, init_std=1.0, max_steps=0, key=jr.key(0)), "`max_steps` must be an int"),
        (lambda: tensors.complete(TRUTH, MASK, init_std=1.0, components=0, key=jr.key(0)), "`components` must be"),
        (lambda: tensors.complete(TRUTH[0, 0], MASK[0, 0], init_std=1.0, key=jr.key(0)), "two or more positive"),
        (lambda: tensors.complete(TRUTH, MASK, init_std=1e200, key=jr.key(0)), "the run diverged at step 0"),
        (
            lambda: tensors.complete_many(TRUTH[None], MASK[None], init_std=1.0, keys=jr.split(jr.key(0))),
            "`keys` must be 1, one for each run; got 2",
        ),
        (lambda: tensors.cp_tensor((np.ones((2, 3)),)), "`factors` must be two or more"),
        (lambda: tensors.cp_tensor((np.ones((2, 3)), np.ones((2, 2)))), "`factors` must be two or more"),
        (lambda: tensors.random_low_rank(jr.key(0), (2, 3, 2), 5), "`rank` must be an integer from 1 to 4"),
        (lambda: tensors.random_low_rank(jr.key(0), (2, -3), 1), r"`shape\[1\]` must be an integer"),
        (lambda: tensors.random_mask(jr.key(0), (2, 3), 7), "`observed_count` must be an integer from 1 to 6"),
        (lambda: tensors.cp_rank(TRUTH, tolerance=0.0), "`tolerance` must be positive"),
        (lambda: tensors.cp_rank(np.full((2, 2), np.inf)), "`T` must be finite"),
        (lambda: tensors.reconstruction_error(TRUTH, 0 * TRUTH), "largest entry of truth"),
        (lambda: tensors.reconstruction_error(TRUTH[0], TRUTH), "`W` must have shape"),
        (lambda: tensors.arithmetic_circuit((np.ones((2, 1)),) * 2, (np.ones(2), np.ones(3))), "`inputs` must be"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_old_keys_will_do_too():
    truth, mask = problem()
    old, new = (tensors.complete(truth, mask, init_std=1e-2, key=key(1), max_steps=50) for key in (jr.PRNGKey, jr.key))
    np.testing.assert_array_equal(old.tensor, new.tensor)


def test_equal_keys_give_equal_runs():
    truth, mask = problem()
    first, again = (tensors.complete(truth, mask, init_std=1e-2, key=jr.key(1), max_steps=200) for _ in range(2))
    assert jax.tree.all(jax.tree.map(lambda a, b: bool(jnp.all(a == b)), first.factors, again.factors))
