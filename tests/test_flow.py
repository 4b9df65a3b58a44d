"""Gradient flow in factor space against a slow oracle, and against the theory."""

from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from implreg_core import bounds, factorizations, norms, problems, ranks
from implreg_core.descent import gradient_descent
from implreg_core.flow import _first_rise, gradient_flow


def reference_flow(problem, factors, times):
    """Factors at `times`, by an explicit eighth-order method whose velocity is automatic differentiation's."""
    shapes = [W.shape for W in factors]
    ends = np.cumsum([rows * columns for rows, columns in shapes])[:-1]

    def unflatten(y):
        return tuple(part.reshape(shape) for part, shape in zip(jnp.split(y, ends), shapes))

    slope = jax.jit(jax.grad(lambda y: problem.loss(factorizations.product_matrix(unflatten(y)))))
    start = np.concatenate([np.ravel(W) for W in factors])
    span = (0.0, times[-1])
    path = solve_ivp(lambda t, y: -slope(y), span, start, "DOP853", times, rtol=1e-12, atol=1e-14)
    assert path.success
    return [unflatten(y) for y in path.y.T]


def random_factors(seed, widths, scale):
    keys = jr.split(jr.key(seed), len(widths) - 1)
    return tuple(scale * jr.normal(key, (widths[j + 1], widths[j])) for j, key in enumerate(keys))


def positive_start(seed, depth, std=0.1):
    def sample(key):
        return factorizations.balanced_gaussian(key, depth, (2, 2), std=std)

    return factorizations.with_determinant_sign(jr.key(seed), sample, 1)


@pytest.fixture(scope="module")
def rectangular():
    """A 2 x 3 problem with two entries unseen, an unbalanced start of width 4, and its flow to loss 1e-6."""
    values = jnp.array([[1.0, jnp.nan, -0.7], [0.4, 1.5, jnp.nan]])
    problem, start = problems.completion(values, ~jnp.isnan(values)), random_factors(0, (3, 4, 2), 0.6)
    return problem, start, gradient_flow(problem, start)


@pytest.fixture(scope="module")
def deep():
    """The counterexample at depth 3, from a balanced start of positive determinant to loss 1e-6."""
    start = positive_start(1, 3)
    return start, gradient_flow(problems.two_by_two(), start)


def test_flow_of_rectangular_factors_is_that_of_the_oracle(rectangular):
    problem, start, flow = rectangular
    assert flow.converged and flow.status == "reached the target loss"
    assert flow.t[0] == 0 and np.all(np.diff(flow.t) > 0) and np.all(np.diff(flow.loss) < 0)
    assert flow.loss[-1] == pytest.approx(1e-6, rel=1e-8)
    reference = reference_flow(problem, start, flow.t)
    for t in range(0, len(flow.t), 10):
        W = factorizations.product_matrix(reference[t])
        assert np.allclose(flow.W[t], W, rtol=0, atol=1e-7)  # ten times the relative tolerance
        assert flow.loss[t] == pytest.approx(float(problem.loss(flow.W[t])), rel=1e-12)
    for ours, expected in zip(flow.factors, reference[-1], strict=True):
        assert np.allclose(ours, expected, rtol=0, atol=1e-7)


def test_flow_conserves_unbalancedness(rectangular):
    _, start, flow = rectangular
    (before,), (after,) = ([V.T @ V - W @ W.T for W, V in pairwise(factors)] for factors in (start, flow.factors))
    assert factorizations.unbalancedness(start) > 1
    assert jnp.max(jnp.abs(start[0] - flow.factors[0])) > 0.1  # it has moved
    assert jnp.max(jnp.abs(after - before)) < 1e-7  # ten times the relative tolerance


def test_flow_of_the_counterexample_is_that_of_the_oracle(deep):
    start, flow = deep
    known = flow.loss > 1e-2  # further on, an explicit method needs too many steps
    reference = reference_flow(problems.two_by_two(), start, flow.t[known])
    for t in range(0, len(reference), 100):
        assert np.allclose(flow.W[t], factorizations.product_matrix(reference[t]), rtol=1e-6, atol=1e-8)


def test_deep_flow_diverges_as_theorem_1_says(deep):
    _, flow = deep
    assert flow.converged and flow.loss[-1] == pytest.approx(1e-6, rel=1e-8)
    assert np.all(np.diff(flow.loss) < 0)
    assert abs(flow.W[-1, 0, 0]) * np.sqrt(2 * flow.loss[-1]) == pytest.approx(1, abs=1e-4)
    W, loss = jnp.asarray(flow.W[::20]), flow.loss[::20]
    rounding = 1e-12
    assert np.all(np.abs(W[:, 0, 0]) >= bounds.unseen_entry_lower_bound(loss) * (1 - rounding))
    for norm in (norms.nuclear, norms.frobenius, norms.spectral, norms.schatten(0.5)):
        assert np.all(jax.vmap(norm)(W) >= bounds.norm_lower_bound(norm, loss))
    assert np.all(jax.vmap(ranks.effective_rank)(W) <= bounds.effective_rank_upper_bound(loss))
    distance = jax.vmap(lambda W: ranks.distance_to_rank(W, 1))(W)
    assert np.all(distance <= bounds.distance_upper_bound(loss))
    assert np.all(distance <= bounds.sharp_distance_upper_bound(loss) + rounding)


@pytest.mark.parametrize("start", [partial(positive_start, 1), partial(factorizations.identity, 0.1)])
def test_depth_2_ends_before_rounding_flips_the_determinant(start):
    flow = gradient_flow(problems.two_by_two(), start(2))
    assert not flow.converged
    assert flow.status.startswith(f"stopped at loss {flow.loss[-1]:.3g}: beyond, rounding flips the determinant")
    assert 1e-3 < flow.loss[-1] < 0.1  # the problem is stiff, but this loss is reached
    size = np.sum(flow.W**2, axis=(1, 2))
    assert np.all(np.linalg.det(flow.W) > -1e-15 * size)  # what the rounding of entries hides
    # By NumPy, as the flow is stopped: JAX's last digits may have another sign where it is of the order of rounding.
    assert np.prod([np.sign(np.linalg.det(factor)) for factor in flow.factors]) == 1
    assert jnp.allclose(factorizations.product_matrix(flow.factors), flow.W[-1], rtol=1e-14)


def test_an_unbalanced_flow_may_change_the_sign_and_goes_on():
    start = (jnp.array([[2.0, 0.0], [0.3, 0.1]]), jnp.array([[0.1, 0.4], [0.0, 0.1]]))
    flow = gradient_flow(problems.two_by_two(), start)
    det = np.linalg.det(flow.W)
    assert flow.converged and det[0] > 0 > det[-1]


def test_descent_converges_to_the_flow_with_order_1():
    problem, start, time = problems.two_by_two(), random_factors(2, (2, 2, 2, 2), 0.6), 8.0
    *_, end = reference_flow(problem, start, np.array([0.0, time]))
    flow = factorizations.product_matrix(end)
    assert jnp.max(jnp.abs(flow - factorizations.product_matrix(start))) > 0.5  # it has moved

    def error(steps):
        run = gradient_descent(problem, start, learning_rate=time / steps, max_steps=steps)
        return np.max(np.abs(run.W[-1] - flow))

    errors = np.array([error(steps) for steps in (800, 1600, 3200, 6400)])
    assert errors[-1] < 1e-3
    assert np.allclose(errors[:-1] / errors[1:], 2, rtol=0.05)


def test_a_start_at_the_target_is_returned(deep):
    start, _ = deep
    flow = gradient_flow(problems.two_by_two(), start, target_loss=1.2)
    assert flow.converged and flow.status == "starts at the target loss"
    assert flow.t.tolist() == [0] and flow.loss[0] <= 1.2
    assert np.array_equal(flow.W[0], factorizations.product_matrix(start))
    assert all(np.array_equal(after, before) for after, before in zip(flow.factors, start, strict=True))


def test_running_out_of_steps_is_said():
    problem, start = problems.two_by_two(), jnp.array([[0.3, -0.2], [0.5, 2.0]])
    flow = gradient_flow(problem, (start,), max_steps=30)
    assert not flow.converged and flow.status == "used max_steps=30: raise it, or target_loss"
    assert 1 < len(flow.t) <= 31 and np.all(np.diff(flow.t) > 0)
    exact = start - (1 - np.exp(-flow.t))[:, None, None] * problem.residual(start)  # at depth 1 the flow is linear
    assert np.allclose(flow.W, exact, rtol=0, atol=1e-8)


START = factorizations.identity(0.5, 2)


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize(
    ("factors", "options", "message"),
    [
        ((), {}, "`factors` is empty"),
        ((jnp.eye(2), jnp.eye(2) * jnp.nan), {}, "`factors.1.` must be finite; got"),
        ((jnp.ones((3, 2)), jnp.eye(2)), {}, "`factors` must chain"),
        ((jnp.ones((2, 3)), jnp.eye(2)), {}, "`factors` have a product of shape .2, 3., but `problem` needs"),
        ((1e200 * jnp.eye(2),) * 2, {}, "`factors` must have a finite loss; got inf. Scale them down"),
        (START, {"target_loss": 0.0}, "`target_loss` must be positive; got 0"),
        (START, {"target_loss": jnp.nan}, "`target_loss` must be finite; got nan"),
        (START, {"rtol": -1e-6}, "`rtol` must be positive; got -1e-06"),
        (START, {"max_steps": 0}, "`max_steps` must be an integer at least 1; got 0"),
        (START, {"max_steps": 1e4}, "`max_steps` must be an integer at least 1; got 10000.0"),
    ],
)
def test_bad_input_is_named(factors, options, message):
    with pytest.raises(ValueError, match=message):
        gradient_flow(problems.two_by_two(), factors, **options)


@pytest.mark.parametrize("size", [3, 5])
def test_larger_tasks_are_followed_to_loss_1e_6(size):
    """W12 = W21 = 1, W22 = 0, the identity beyond, W11 unseen: every solution has determinant -1."""
    values = np.eye(size)
    values[:2, :2] = [[0, 1], [1, 0]]
    observed = np.ones((size, size), bool)
    observed[0, 0] = False

    def sample(key):
        return factorizations.balanced_gaussian(key, 3, (size, size), std=0.3)

    start = factorizations.with_determinant_sign(jr.key(1), sample, 1)
    path = gradient_flow(problems.completion(values, observed), start, target_loss=1e-6)
    assert path.converged and np.all(np.linalg.slogdet(path.W).sign == 1)
    smallest = np.linalg.svd(path.W, compute_uv=False)[:, -1]
    assert np.all(smallest <= np.sqrt(2 * path.loss) * (1 + 1e-9))  # the segment from W to a solution is singular
    assert abs(abs(path.W[-1, 0, 0]) * np.sqrt(2 * path.loss[-1]) - 1) < 1e-4


def test_a_flow_whose_loss_rises_is_cut_there():
    assert _first_rise(np.array([1.0, 0.5, 0.5, 0.4])) is None
    assert _first_rise(np.array([1.0, 0.5, 0.6, 0.4])) == 2
    assert _first_rise(np.array([1.0, 0.5, np.nan])) == 2
