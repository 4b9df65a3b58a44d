"""Larger tasks: their solutions, the determinants these share, and what a start on the wrong side forces."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from implreg_core import bounds, descent, factorizations, problems
from implreg_core import higher_dimensions as larger


def solutions(problem, fillings):
    """The solutions with the given numbers in all free entries, stacked."""
    return np.where(problem.observed, problem.values, np.asarray(fillings, float)[:, None, None])


def family_matrices(size, count, seed):
    """Matrices of any loss from 1e-8 to 1/2 and a determinant that is positive beyond the reach of rounding."""
    rng = np.random.default_rng(seed)
    problem = larger.square_family(size)
    r = 10 ** rng.uniform(-4, 0, count)
    direction = np.where(problem.observed, rng.normal(size=(count, size, size)), 0)
    W = np.asarray(problem.values) + (r / np.linalg.norm(direction, axis=(1, 2)))[:, None, None] * direction
    det = 10 ** rng.uniform(-3, 1, count)
    W[:, 0, 0] = (det - np.linalg.det(W)) / np.linalg.det(W[:, 1:, 1:])  # det W is linear in W11
    return problem, W[np.abs(W[:, 0, 0]) < 1e7], r[np.abs(W[:, 0, 0]) < 1e7]


def test_family_starts_with_the_example_and_has_the_spectrum_of_its_docstring():
    example = problems.two_by_two()
    assert np.array_equal(larger.square_family(2).values, example.values)
    assert np.array_equal(larger.square_family(2).observed, example.observed)
    for size in (3, 6):
        problem, w = larger.square_family(size), np.array([-30.0, 0.0, 0.7, 1e3])
        assert np.sum(~np.asarray(problem.observed)) == 1 and not problem.observed[0, 0]
        spectra = np.linalg.svd(solutions(problem, w), compute_uv=False)
        s = np.arcsinh(np.abs(w) / 2)
        assert np.allclose(spectra[:, 0], np.exp(s)) and np.allclose(spectra[:, -1], np.exp(-s), atol=1e-12)
        assert np.allclose(spectra[:, 1:-1], 1)


def test_shared_determinant_is_exact_and_refuses_to_guess():
    assert larger.shared_determinant(larger.square_family(7)) == -1
    assert larger.shared_determinant(problems.two_by_two(z=0.1, z_prime=3.0)) == -Fraction(0.1) * 3
    assert larger.shared_determinant(problems.two_by_two(eps=1e-300)) is None  # both signs, though hardly
    assert larger.shared_determinant(larger.embedded_example((3, 3))) == 0
    seen = np.array([[True, True, False], [True, True, False], [True, True, True]])
    assert larger.shared_determinant(problems.completion(np.eye(3), seen)) == 1
    assert larger.shared_determinant(problems.completion(np.eye(3), seen[::-1])) is None
    crossed = problems.completion(np.ones((2, 2)), np.eye(2) == 0)  # det = x y - 1
    assert larger.shared_determinant(crossed) is None


@pytest.mark.parametrize(("size", "hidden"), [(4, (1, 3)), (4, (1, 1))])
def test_random_tasks_share_a_determinant(size, hidden):
    tasks = [larger.random_task(jr.key(seed), size, hidden) for seed in (0, 1)]
    for task in tasks:
        free = np.argwhere(~np.asarray(task.observed))
        assert len(free) == hidden[0] * hidden[1]
        assert [len(set(axis)) for axis in free.T.tolist()] == list(hidden)  # a block, up to order
        det = float(larger.shared_determinant(task))
        fillings = np.random.default_rng(size).normal(size=(20, size, size))
        found = np.linalg.det(np.where(task.observed, task.values, fillings))
        assert det != 0 and np.allclose(found, det, rtol=1e-9)
        assert np.linalg.norm(task.values, 2) <= 1
    assert not np.array_equal(tasks[0].values, tasks[1].values)


def test_balanced_starts_come_in_mirrored_pairs():
    """On one side the product is that of `balanced_gaussian`, on the other its first row is negated."""
    drawn = factorizations.product_matrix(factorizations.balanced_gaussian(jr.key(4), 3, (4, 4), std=1e-3))
    for sign in (1, -1):
        factors = larger.balanced_start(jr.key(4), 3, 4, std=1e-3, sign=sign)
        assert factorizations.slogdet(factors)[0] == sign and factorizations.unbalancedness(factors) < 1e-12
        same = sign * np.linalg.det(drawn) > 0
        product = factorizations.product_matrix(factors)
        assert np.allclose(product, drawn if same else drawn.at[0].multiply(-1), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("size", [2, 3, 8])
def test_segment_and_entry_bounds_hold_for_random_matrices(size):
    problem, W, r = family_matrices(size, 20_000, seed=size)
    ours = np.linalg.svd(W, compute_uv=False)[:, -1]
    theirs = np.linalg.svd(np.where(problem.observed, problem.values, W), compute_uv=False)[:, -1]
    rounding = 1e-15 * np.linalg.norm(W, axis=(1, 2))
    assert len(W) > 15_000 and np.all(ours + theirs <= r + rounding)
    assert np.all(np.abs(W[:, 0, 0]) >= bounds.unseen_entry_lower_bound(r**2 / 2) * (1 - 1e-9))
    for k in np.argsort(r)[:: len(r) // 3]:  # the package's distances are these
        assert np.allclose(larger.distances_from_singular(problem, W[k]), (ours[k], theirs[k]), atol=1e-9, rtol=1e-6)
        assert np.isclose(np.linalg.norm(larger.nearest_solution(problem, W[k]) - W[k]), r[k], rtol=1e-9)


def test_bounds_are_attained():
    for d in (2, 5):
        problem, r = larger.square_family(d), 1e-3
        w = 1 / r - r
        solution = problem.values.at[0, 0].set(w)
        U, _, Vt = np.linalg.svd(solution)
        W = solution - r * np.outer(U[:, -1], Vt[-1])  # singular, and nearest to the solution
        assert abs(np.linalg.det(W)) < 1e-9 * w
        assert np.isclose(np.sqrt(2 * problem.loss(W)), r, rtol=1e-5)  # what touches W11 is of order r^3
        assert np.isclose(W[0, 0], bounds.unseen_entry_lower_bound(problem.loss(W)), rtol=1e-5)
    # equal singular values but the last: the case of equality, up to r
    d, r, Δ = 4, 1e-6, 2.0
    big = (Δ / r) ** (1 / (d - 1))
    assert np.isclose(larger.frobenius_lower_bound(r**2 / 2, -Δ, d), np.linalg.norm([big] * 3), rtol=1e-6)


def wrong_side(task, W):
    """Of solutions `W` with large hidden entries: the nearest singular matrices, which have not the solutions' sign."""
    U, sigma, Vt = np.linalg.svd(np.where(task.observed, task.values, W))
    return (U[:, :, :-1] * sigma[:, None, :-1]) @ Vt[:, :-1]


@pytest.mark.parametrize(("size", "hidden"), [(2, (1, 1)), (3, (1, 2)), (4, (2, 2)), (5, (2, 3))])
def test_a_hidden_block_pays_in_full(size, hidden):
    """The bound holds for random blocks of all sizes, and is attained by the block that moves the inverse most."""
    task = larger.random_task(jr.key(size), size, hidden)
    free = ~np.asarray(task.observed)
    rows, columns = map(np.unique, np.nonzero(free))
    A = np.linalg.inv(np.where(free, 0.0, task.values))
    right, left = np.linalg.svd(A[:, rows])[2][0], np.linalg.svd(A[columns])[0][:, 0]
    draws = np.random.default_rng(size).normal(size=(2000, size, size))
    draws *= 10 ** np.linspace(0, 6, 2000)[:, None, None]
    draws[-1][np.ix_(rows, columns)] = 1e6 * np.outer(right, left)
    W = wrong_side(task, draws)
    loss = jax.vmap(task.loss)(W)
    block = np.linalg.norm(W[:, rows][:, :, columns], 2, axis=(1, 2))
    bound = np.asarray(larger.hidden_block_lower_bound(task, loss))
    assert np.mean(bound > 0) > 0.4 and np.all(block >= bound * (1 - 1e-6))  # rounding: a small residual of large W
    assert block[-1] == pytest.approx(bound[-1], rel=1e-3)


def staircase(size):
    """Hidden above the other diagonal, ones on it, zeros below: all solutions have one determinant."""
    place = np.add.outer(np.arange(size), np.arange(size)) - (size - 1)
    return problems.completion((place == 0).astype(float), place >= 0)


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_the_exponent_of_the_frobenius_bound_is_attained_on_a_staircase(size):
    task = staircase(size)
    assert abs(larger.shared_determinant(task)) == 1
    t = np.geomspace(30, 100, 2)[:, None, None]
    place = np.add.outer(np.arange(size), np.arange(size)) - (size - 2)
    W = wrong_side(task, t * (place == 0))
    loss, norm = jax.vmap(task.loss)(W), np.linalg.norm(W, axis=(1, 2))
    error = np.sqrt(2 * loss)
    slope = np.log(norm[1] / norm[0]) / np.log(error[0] / error[1])
    assert slope == pytest.approx(1 / (size - 1), rel=0.01)
    assert np.all(norm >= larger.frobenius_lower_bound(loss, 1.0, size))


def test_wrong_side_obeys_the_bounds_and_the_mirrored_side_does_not():
    task = larger.random_task(jr.key(2), 4, (2, 2))
    det = larger.shared_determinant(task)
    wrong = -1 if det > 0 else 1
    factors = [larger.balanced_start(jr.key(1), 3, 4, std=0.01, sign=sign) for sign in (wrong, -wrong)]
    options = dict(learning_rate=0.05, max_steps=4000, records_per_decade=20)
    runs = descent.gradient_descents(task, tuple(map(jnp.stack, zip(*factors))), **options)
    lost, found = (larger.measures(task, run) for run in runs)
    assert factorizations.slogdet(runs[0].factors)[0] == wrong
    assert np.all(lost["distance"] + lost["solution_distance"] <= lost["error"] * (1 + 1e-9))
    assert lost["hidden"][-1] > 2 * found["hidden"][-1] and found["loss"][-1] < lost["loss"][-1]
    assert found["solution_distance"][-1] > 2 * found["error"][-1]
    frobenius = np.linalg.norm(runs[0].W, axis=(1, 2))
    assert np.all(frobenius >= larger.frobenius_lower_bound(lost["loss"], float(det), 4))
    free = ~np.asarray(task.observed)
    assert np.array_equal(lost["hidden"], [np.max(np.abs(W[free])) for W in runs[0].W])


def test_blocks_keep_to_themselves():
    """The gradient of blocks is the blocks' gradients, and exactly zero elsewhere. So descent stays where it starts."""
    small = larger.balanced_start(jr.key(0), 3, 2, std=0.05, sign=1)
    alone = descent.objective_gradient(problems.two_by_two(), small)
    for shape in ((3, 5), (4, 3)):
        framed = descent.objective_gradient(larger.embedded_example(shape), larger.inside_block(small, shape))
        for whole, part in zip(framed, alone, strict=True):
            rows, columns = whole.shape
            assert np.allclose(whole[:2, :2], part, rtol=1e-12, atol=0)
            assert np.array_equal(np.pad(whole[:2, :2], ((0, rows - 2), (0, columns - 2))), whole)

    numbers = np.array([0.2, 0.3, 0.4])  # one factor of the third block each
    joined = tuple(jnp.pad(W, ((0, 1), (0, 1))).at[2, 2].set(x) for W, x in zip(small, numbers, strict=True))
    product = np.prod(numbers)
    gradients = descent.objective_gradient(larger.square_family(3), joined)
    for whole, part, third in zip(gradients, alone, (product - 1) * product / numbers, strict=True):
        assert np.allclose(whole[:2, :2], part, rtol=1e-12, atol=0) and np.isclose(whole[2, 2], third, rtol=1e-12)
        assert not np.any(whole[2, :2]) and not np.any(whole[:2, 2])


def test_bad_input_is_named(unchecked_types):
    wide = larger.embedded_example((2, 3))
    for call, name in [
        (lambda: larger.square_family(1), "size"),
        (lambda: larger.embedded_example((1, 3)), r"shape\[0\]"),
        (lambda: larger.random_task(jr.key(0), 3, (2, 2)), "hidden"),
        (lambda: larger.random_task(jr.key(0), 3, (0, 2)), r"hidden\[0\]"),
        (lambda: larger.shared_determinant(wide), "square"),
        (lambda: larger.distances_from_singular(wide, jnp.ones((2, 3))), "square"),
        (lambda: larger.nearest_solution(wide, jnp.ones((3, 2))), "W"),
        (lambda: larger.balanced_start(jr.key(0), 2, 2, std=1.0, sign=0), "sign"),
        (lambda: larger.inside_block((jnp.eye(2), jnp.eye(3)), (3, 3)), r"factors\[1\]"),
        (lambda: larger.hidden_block_lower_bound(larger.square_family(3), -1.0), "loss"),
        (lambda: larger.hidden_block_lower_bound(wide, 1.0), "square"),
        (lambda: larger.hidden_block_lower_bound(staircase(3), 1.0), "block"),
        (lambda: larger.hidden_block_lower_bound(problems.completion(np.eye(2), np.ones((2, 2), bool)), 1.0), "block"),
        (lambda: larger.hidden_block_lower_bound(problems.two_by_two(eps=0.5), 1.0), "share a determinant"),
        (lambda: larger.frobenius_lower_bound(1.0, 0.0, 3), "determinant"),
        (lambda: larger.measures(problems.completion(np.eye(2), np.ones((2, 2), bool)), None), "free entry"),
    ]:
        with pytest.raises(ValueError, match=name):
            call()
