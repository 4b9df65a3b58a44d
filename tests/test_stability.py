"""Where descent leaves the flow and loses the sign of the determinant: laws, exact identities, slow oracles."""

from functools import partial

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
import pytest
from jax.flatten_util import ravel_pytree
from scipy.integrate import solve_ivp

from implreg_core import descent, factorizations, flow, problems, stability

PROBLEM = problems.two_by_two()
ONES = jnp.ones((2, 2))


def preconditioned(preconditioner):
    return stability.sharpness(PROBLEM, factorizations.identity(0.1, 2), preconditioner=preconditioner)


def starts(depth, count, scale=1e-2):
    return factorizations.balanced_starts(jr.key(0), count, depth, std=scale)


def diagonal(*entries):
    return jnp.diag(jnp.array(entries))


@pytest.fixture(scope="module")
def path():
    """The flow of depth 3, from an asymmetric start."""
    return flow.sign_preserving_flow(PROBLEM, jnp.array([[0.03, 0.01], [-0.02, 0.05]]), depth=3, target_loss=1e-6)


@pytest.mark.parametrize("depth", [2, 3])
def test_sharpness_is_that_of_finite_differences(depth):
    factors = factorizations.gaussian(jr.key(2), depth, (2, 2), std=0.7)
    v = np.concatenate([np.ravel(W) for W in factors])

    def gradient(v):
        parts = tuple(jnp.asarray(part.reshape(2, 2)) for part in np.split(v, depth))
        return np.concatenate([np.ravel(W) for W in descent.objective_gradient(PROBLEM, parts)])

    h = 1e-6
    hessian = np.array([(gradient(v + h * e) - gradient(v - h * e)) / (2 * h) for e in np.eye(v.size)])
    assert np.isclose(stability.sharpness(PROBLEM, factors), np.linalg.eigvalsh(hessian)[-1], rtol=1e-7)


def test_steps_divided_by_a_preconditioner_are_stable_up_to_its_sharpness():
    """Linearized about a fit: bounded just below the limit, beyond all bounds just above."""
    fit = factorizations.balanced(problems.two_by_two_solution(3.0), 2)
    vector, unravel = ravel_pytree(fit)
    P = 10 ** jr.uniform(jr.key(0), vector.shape, minval=-3.0, maxval=3.0)
    hessian = jax.hessian(lambda vector: PROBLEM.loss(factorizations.product_matrix(unravel(vector))))(vector)
    sharp = stability.sharpness(PROBLEM, fit, preconditioner=unravel(P))
    for relative, bounded in ((0.99, True), (1.01, False)):
        step = np.eye(len(P)) - 2 * relative / sharp * hessian / P[:, None]
        assert (np.abs(np.linalg.matrix_power(step, 4000)).max() < 1e4) == bounded
    even = stability.sharpness(PROBLEM, fit, preconditioner=unravel(0 * P + 4))
    assert np.isclose(even, stability.sharpness(PROBLEM, fit) / 4)


@pytest.mark.parametrize("depth", [2, 3, 4, 6])
def test_sharpness_of_nearly_fitting_balanced_factors_is_the_law(depth):
    W = jnp.array([[1000.0, 1.0], [1.0, 1e-3]])  # on the slow manifold up to its tiny determinant
    sharpness = stability.sharpness(PROBLEM, factorizations.balanced(W, depth))
    assert np.isclose(sharpness, 1000 ** (2 - 2 / depth), rtol=1e-4)  # corrections are of order w^-2 times 10
    assert np.isclose(stability.edge_of_stability(2 / sharpness, depth), 1000, rtol=1e-4)


def test_edge_of_stability_with_momentum_and_arrays():
    assert np.isclose(stability.edge_of_stability(0.1, 2), 20)
    assert np.isclose(stability.edge_of_stability(0.1, 2, momentum=0.9), 38)
    assert np.allclose(stability.edge_of_stability(np.array([2.0, 2 / 16]), 3), [1, 8])


def test_heavy_ball_is_stable_up_to_the_edge():
    """On the quadratic lambda x^2 / 2 the limit is 2 (1 + beta) / eta; slightly above, the iteration explodes."""
    for relative, bounded in ((0.99, True), (1.01, False)):
        method = optax.sgd(0.1, momentum=0.9)
        x, state = jnp.array(1.0), method.init(jnp.array(1.0))
        for _ in range(600):
            update, state = method.update(relative * 38 * x, state)
            x = x + update
        assert (abs(x) < 1) == bounded


def test_descent_leaves_the_flow_at_the_edge():
    path = flow.sign_preserving_flow(PROBLEM, 1e-2 * jnp.eye(2), depth=3, target_loss=1e-6)
    rates = np.array([0.05, 0.03])
    edge = np.asarray(stability.edge_of_stability(rates, 3))
    begin = stability.flow_factors(path.at_loss(1 / (2 * (edge - 20 / edge) ** 2)), 3)
    runs = stability.optimizer_descents(
        PROBLEM, begin, optax.sgd, learning_rate=rates, max_steps=10_000, records_per_decade=300
    )
    left = np.array([stability.departure(run, path) for run in runs])
    assert np.all(left > edge) and np.allclose(left, edge, rtol=0.04)  # it takes w a while to become unstable
    calm = stability.optimizer_descents(PROBLEM, begin, optax.sgd, learning_rate=rates / 10, max_steps=100)
    with pytest.raises(ValueError, match="stays with the flow"):
        stability.departure(calm[0], path)


@pytest.mark.parametrize("depth", [2, 3, 4])
@pytest.mark.parametrize("sign", [1, -1])
def test_flow_factors_are_balanced_and_have_the_path_s_product_and_determinant(depth, sign):
    W0 = jnp.array([[0.03, 0.01], [-0.02, 0.05]]) @ jnp.diag(jnp.array([1.0, sign]))
    path = flow.sign_preserving_flow(PROBLEM, W0, depth=depth, target_loss=1e-6)
    factors = stability.flow_factors(path, depth)
    product = np.asarray(jax.vmap(factorizations.product_matrix)(factors))
    det_sign, log_abs_det = jax.vmap(factorizations.slogdet)(factors)
    size = np.max(np.abs(path.W), axis=(1, 2), keepdims=True)
    assert np.all(np.abs(product - path.W) < 1e-6 * size)  # the path's W and determinant agree to its rtol, 1e-7
    assert np.all(det_sign[:-1] == sign) or depth == 2  # at depth 2 exp(-w^2 / 2) may underflow
    finite = path.log_abs_det > -600
    assert finite.sum() > 20 and np.allclose(log_abs_det[finite], path.log_abs_det[finite], rtol=1e-9)
    size = max(np.max(np.abs(W)) for W in factors) ** 2
    assert np.max(np.asarray(jax.vmap(factorizations.unbalancedness)(factors))) < 1e-13 * size


def test_sharpness_of_rank_one_factors_seen_in_full_and_with_the_corner_unseen():
    """The proposition on balancing: a sum over all factors where the entry is seen, the outer ones alone where not."""
    a = np.array([1.3, 0.7, 2.1, 0.9])
    w, factors = a.prod(), tuple(jnp.diag(jnp.array([x, 0.0])) for x in a)
    target, unseen = np.diag([w, 0.0]), np.array([[False, True], [True, True]])
    full = problems.completion(target, np.ones((2, 2), bool))
    assert np.isclose(stability.sharpness(full, factors), np.sum((w / a) ** 2))
    masked = problems.completion(target, unseen)
    assert np.isclose(stability.sharpness(masked, factors), max((w / a[0]) ** 2, (w / a[-1]) ** 2))


def test_strong_gap_is_that_of_spectral_norms_row_by_row():
    rows = jr.normal(jr.key(3), (3, 5, 2, 2))
    squares = np.linalg.svd(rows, compute_uv=False)[..., 0] ** 2
    expected = np.maximum(np.abs(squares[1] - squares[0]), np.abs(squares[2] - squares[1]))
    assert np.allclose(stability.strong_gap(tuple(rows)), expected)


def test_weak_unbalancedness_is_a_difference_of_squared_singular_values():
    W_1, W_2 = jr.normal(jr.key(1), (2, 2, 2))
    second = [np.linalg.svd(W, compute_uv=False)[1] for W in (W_1, W_2)]
    assert np.isclose(stability.weak_unbalancedness(W_1, W_2), second[1] ** 2 - second[0] ** 2, rtol=1e-10)


def test_one_step_unbalances_by_the_square_of_the_learning_rate():
    factors = factorizations.gaussian(jr.key(1), 4, (2, 2), std=1.0)
    gradient = descent.objective_gradient(PROBLEM, factors)
    (run,) = stability.optimizer_descents(
        PROBLEM, tuple(W[None] for W in factors), optax.sgd, learning_rate=0.3, max_steps=1
    )
    for j in range(3):
        gaps = [
            run.factors[j + 1][k].T @ run.factors[j + 1][k] - run.factors[j][k] @ run.factors[j][k].T for k in (0, 1)
        ]
        created = 0.09 * (gradient[j + 1].T @ gradient[j + 1] - gradient[j] @ gradient[j].T)
        assert np.max(np.abs(created)) > 1e-3 and np.allclose(gaps[1] - gaps[0], created, atol=1e-12)


def test_weak_components_cross_where_the_proposition_says():
    """The oracle integrates the two components; the balanced counterpart decays from the same (a + b) / 2."""
    a, b, nu = 0.1, np.sqrt(0.1**2 + 1e-5), 1e-5

    def crossing(t, y):
        return y[0] * y[1]

    crossing.terminal = True
    solution = solve_ivp(lambda t, y: [-y[1], -y[0]], (0, 30), [a, b], events=crossing, rtol=1e-12, atol=1e-15)
    balanced = ((a + b) / 2 * np.exp(-solution.t_events[0][0])) ** 2
    assert np.isclose(balanced, nu / 4, rtol=1e-8)


@pytest.mark.parametrize("nu", [[0.3], [-0.2, 0.3], [0.2, 0.3], [0.1, -0.4], [-0.3, 0.1, 0.4], [0.3, -0.7, 0.5, 0.2]])
def test_weak_components_of_any_depth_cross_where_the_integral_says(nu):
    """The oracle integrates all components from a common large size, beside the balanced one, in the variable 1 / g."""
    squares = np.concatenate([[0], np.cumsum(nu)]) * 1e-4
    start = np.sqrt(1 + squares - squares.min())

    def motion(t, y):
        return [-np.prod(np.delete(y[:-1], j)) for j in range(len(y) - 1)] + [-(y[-1] ** (len(y) - 2))]

    def crossing(t, y):
        return np.min(y[:-1])

    crossing.terminal = True
    y0 = [*start, (np.mean(start) if len(nu) == 1 else 1.0)]
    solution = solve_ivp(motion, (0, 1e9), y0, events=crossing, rtol=1e-11, atol=1e-15, method="LSODA")
    balanced = solution.y_events[0][0][-1] ** len(start)
    ours = stability.weak_crossing(1e-4 * np.array(nu))
    assert np.isclose(balanced, ours, rtol=1e-6 if len(nu) == 1 else 0.01)  # the start is not infinitely large
    assert np.isclose(stability.weak_crossing(2e-4 * np.array(nu)), ours * 2 ** (len(start) / 2), rtol=1e-9)


def test_weak_components_that_tie_never_cross():
    assert stability.weak_crossing(np.array([-1.0, 0.0, 1.0])) == 0


def test_depth_three_descent_loses_the_sign_where_the_flow_and_its_own_gaps_say():
    """The gaps are measured at one learning rate and early; the losses of the sign are those of others, much later."""
    M = jnp.array([[0.747, -1.847], [1.566, -0.096]])
    begin = tuple(W[None] for W in factorizations.balanced(M, 3))
    (early,) = stability.optimizer_descents(PROBLEM, begin, optax.sgd, learning_rate=0.01, max_steps=10_000)
    per_rate = stability.weak_gaps([W[-1] for W in early.factors]) / 0.01
    path = flow.sign_preserving_flow(PROBLEM, M, depth=3, target_loss=1e-5)
    for rate, steps, tolerance in ((0.03, 7000, 0.02), (0.01, 60_000, 0.006)):
        (run,) = stability.optimizer_descents(
            PROBLEM, begin, optax.sgd, learning_rate=rate, max_steps=steps, records_per_decade=400
        )
        lost = abs(run.W[np.argmax(run.det_sign < 0), 0, 0])
        assert run.det_sign[0] > 0 > run.det_sign[-1] and lost < 0.65 * stability.edge_of_stability(rate, 3)
        assert np.isclose(lost, stability.predicted_sign_loss(path, rate * per_rate), rtol=tolerance)


def test_depth_two_descent_flips_and_settles_where_predicted():
    begin = starts(2, 3)
    runs = stability.optimizer_descents(
        PROBLEM, begin, optax.sgd, learning_rate=3e-3, max_steps=100_000, records_per_decade=300
    )
    for k, run in enumerate(runs):
        first = np.argmax(run.det_sign < 0)
        nu = stability.weak_unbalancedness(*(W[first] for W in run.factors))
        product = factorizations.product_matrix(tuple(W[k] for W in begin))
        beside = flow.sign_preserving_flow(PROBLEM, product, depth=2, target_loss=2e-3)
        flip, end = stability.predicted_flip(beside, nu)
        assert np.isclose(flip, abs(run.W[first, 0, 0]), rtol=0.015)  # records are 0.8 % of a step apart
        assert np.isclose(end, abs(run.W[-1, 0, 0]), rtol=0.01)
        assert run.det_sign[0] > 0 > run.det_sign[-1] and run.loss[-1] < 1e-6


def test_optax_sgd_is_gradient_descent():
    begin = starts(3, 2)
    options = dict(learning_rate=np.array([0.02, 0.05]), max_steps=3000)
    theirs = stability.optimizer_descents(PROBLEM, begin, optax.sgd, **options)
    ours = descent.gradient_descents(PROBLEM, begin, **options)
    for a, b in zip(theirs, ours):
        assert np.array_equal(a.step, b.step) and np.allclose(a.loss, b.loss, rtol=1e-9)
        assert np.allclose(a.W, b.W, rtol=1e-9, atol=1e-14) and a.learning_rate == b.learning_rate
        assert np.allclose(a.factors[1][-1], b.factors[1], rtol=1e-9)
        assert not a.diverged


@pytest.mark.parametrize("optimizer", [partial(optax.sgd, momentum=0.9), optax.adam])
def test_mirrored_factors_stay_mirrored(optimizer):
    W = 0.3 * jr.normal(jr.key(4), (3, 2, 2))
    with jax.numpy_dtype_promotion("standard"):  # optax's Adam raises a float to its integer step count
        runs = stability.optimizer_descents(
            PROBLEM, (W, jnp.swapaxes(W, 1, 2)), optimizer, learning_rate=1e-3, max_steps=20_000
        )
    for run in runs:
        assert np.allclose(run.factors[0], np.swapaxes(run.factors[1], 1, 2), rtol=0, atol=1e-12)
        assert np.all(run.det_sign >= 0) and run.loss[-1] < 0.1 * run.loss[0]


def test_a_diverging_run_ends_before_it_is_no_longer_finite():
    begin = tuple(jnp.stack([W, W]) for W in factorizations.identity(1.0, 3))
    bad, good = stability.optimizer_descents(
        PROBLEM, begin, optax.sgd, learning_rate=np.array([50.0, 0.01]), max_steps=300
    )
    assert bad.diverged and not good.diverged
    assert len(bad.step) < len(good.step) and np.all(np.isfinite(bad.loss)) and np.all(np.isfinite(bad.factors[0]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda path: stability.sharpness(PROBLEM, (jnp.full((2, 2), jnp.nan), jnp.eye(2))), "finite"),
        (lambda path: stability.sharpness(PROBLEM, (jnp.ones((3, 3)), jnp.ones((3, 3)))), "problem"),
        (lambda path: stability.edge_of_stability(-0.1, 3), "learning_rate"),
        (lambda path: stability.edge_of_stability(0.1, 1), "depth"),
        (lambda path: stability.edge_of_stability(0.1, 3, momentum=1.0), "momentum"),
        (lambda path: stability.flow_factors(path, 1), "depth"),
        (lambda path: stability.weak_unbalancedness(jnp.eye(3), jnp.eye(3)), "W_1"),
        (
            lambda path: stability.weak_unbalancedness(jnp.diag(jnp.array([2.0, 1])), jnp.diag(jnp.array([1.0, 2]))),
            "orth",
        ),
        (lambda path: stability.weak_unbalancedness(1e160 * jnp.eye(2), jnp.eye(2)), "finite squares"),
        (lambda path: stability.predicted_flip(path, 0.0), "nu"),
        (lambda path: stability.weak_crossing(np.zeros(2)), "nu"),
        (lambda path: stability.weak_gaps((jnp.eye(2),)), "two or more"),
        (lambda path: stability.strong_gap((jnp.eye(2), jnp.eye(2))), "stacks"),
        (lambda path: stability.weak_crossing(np.ones((2, 2))), "nu"),
        (lambda path: stability.predicted_sign_loss(path, np.array([0.0, 1e-3])), "two smallest"),
        (lambda path: stability.predicted_sign_loss(path, np.array([-1e9, 1e9])), "off the path"),
        (lambda path: stability.predicted_flip(path, 1e-200), "off the path"),
        (lambda path: stability.optimizer_descents(PROBLEM, (), optax.sgd, learning_rate=0.1, max_steps=1), "axis"),
        (
            lambda path: stability.optimizer_descents(
                PROBLEM, factorizations.identity(1.0, 2), optax.sgd, learning_rate=0.1, max_steps=1
            ),
            "leading axis",
        ),
        (
            lambda path: stability.optimizer_descents(
                PROBLEM, starts(2, 2), optax.sgd, learning_rate=np.ones(3), max_steps=1
            ),
            "learning_rate",
        ),
        (
            lambda path: stability.optimizer_descents(PROBLEM, starts(2, 2), optax.sgd, learning_rate=0.1, max_steps=0),
            "max_steps",
        ),
        (lambda path: stability.departure(path, path, excess=0.0), "excess"),
        (lambda path: preconditioned(()), "`preconditioner` must have one matrix for each of 2 factors; got 0"),
        (lambda path: preconditioned([ONES]), "`preconditioner` must have one matrix for each of 2 factors; got 1"),
        (lambda path: preconditioned([ONES, ONES[:1]]), r"`preconditioner\[1\]`"),
        (lambda path: preconditioned([ONES, jnp.eye(2)]), r"`preconditioner\[1\]` must be positive"),
    ],
)
def test_bad_input_is_named(call, message, path, unchecked_types):
    with pytest.raises(ValueError, match=message):
        call(path)
