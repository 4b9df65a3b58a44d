"""The sign-preserving flow of square tasks against its equation, 50 digits, the 2 x 2 solver and the theorems."""

from functools import cache

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from factor_flow_taylor import Reference

from implreg_core import flow, problems
from implreg_core.flow import _general as charts
from implreg_core.flow import _general_solver
from implreg_core.flow._general_path import _error_size
from implreg_core.flow._general_solver import _first_broken


def family(d):
    """The paper's example at size d."""
    values = np.diag([0.0, 0.0, *[1.0] * (d - 2)])
    values[0, 1] = values[1, 0] = 1.0
    observed = np.ones((d, d), bool)
    observed[0, 0] = False
    return problems.completion(values, observed)


def starts(seed, count, d, std, det_sign):
    W0 = std * np.array(jr.normal(jr.key(seed), (count, d, d)))
    W0[:, 0] *= (det_sign * np.linalg.slogdet(W0)[0])[:, None]
    return W0


def general(problem, W0, depth, target_loss=1e-28, rtol=1e-7):
    """By the general solver, also where `flow` has a special one."""
    (path,) = _general_solver.paths(problem, np.asarray(W0)[None], depth, target_loss, None, rtol, 2048)
    return flow.SignPreservingFlow(**path)


@cache
def deep(d, depth):
    return flow.sign_preserving_flows(family(d), starts(depth, 2, d, 0.05, -np.sign(_det(d))), depth=depth)


def _det(d):
    return np.linalg.det(np.asarray(family(d).values))


def matrix_power(S, exponent):
    values, vectors = np.linalg.eigh(S)
    return vectors @ np.diag(np.abs(values) ** exponent) @ vectors.T


def velocity(depth, W, G, kind=charts.FITTED):
    sign, log = jnp.linalg.slogdet(W)
    return charts.velocity(depth, W, G, log, jnp.asarray(kind), sign)


@pytest.mark.parametrize("depth", [2, 3, 7])
@pytest.mark.parametrize("kind", [charts.GRADED, charts.FITTED, charts.LATE])
def test_velocity_is_the_balanced_flow_of_the_product(depth, kind):
    W, G = jr.normal(jr.key(depth), (2, 4, 4))
    W = W.at[0, 0].set(8.0)
    dW, dq = velocity(depth, W, G, kind)
    pairs = [((j - 1) / depth, (depth - j) / depth) for j in range(1, depth + 1)]
    expected = -sum(matrix_power(W @ W.T, a) @ G @ matrix_power(W.T @ W, b) for a, b in pairs)
    assert np.allclose(dW, expected, rtol=0, atol=1e-12 * np.max(np.abs(expected)))
    assert np.isclose(dq, np.trace(np.linalg.solve(W, expected)), rtol=1e-10)


@pytest.mark.parametrize("depth", [2, 3, 7])
@pytest.mark.parametrize("W", [0.7 * np.eye(3), np.diag([2.0, 0.5, 0.5]), "gaussian"])
def test_derivative_of_the_velocity_also_where_singular_values_coincide(depth, W):
    G, dW, dG, gaussian = jr.normal(jr.key(1), (4, 3, 3))
    W = gaussian if isinstance(W, str) else jnp.asarray(W)
    f = lambda s: velocity(depth, W + s * dW, G + s * dG)  # noqa: E731
    _, derivative = jax.jvp(f, (0.0,), (1.0,))
    for of, ahead, back in zip(derivative, f(1e-5), f(-1e-5), strict=True):
        assert np.allclose(of, (ahead - back) / 2e-5, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_compiled_with_constants_the_rate_has_the_same_derivative(depth):
    """XLA then fuses it otherwise: a product subtracted from itself was 0 in one place and not in another."""
    d, problem, W = 5, family(5), jnp.asarray(starts(3, 1, 5, 0.05, 1.0)[0])
    sign, log = jnp.linalg.slogdet(W)
    task = charts.Flow(problem.values, problem.observed, sign, *map(jnp.asarray, (0.2, 1e-28, 1e-7, float(depth))))
    chart = charts.graded_chart(W, task)
    y = charts.write(charts.State(W, problem.residual(W), log, jnp.asarray(0.0)), chart, task)
    rate = jax.jit(lambda y: charts.rate(y, chart, task))
    derivative = jax.jit(jax.jacfwd(lambda y: charts.rate(y, chart, task)))(y)
    expected = np.stack([(rate(y + e) - rate(y - e)) / 2e-5 for e in 1e-5 * np.eye(d * d + 1)], axis=1)
    assert np.allclose(derivative, expected, rtol=0, atol=1e-8 * np.max(np.abs(expected)))


@pytest.mark.parametrize("kind", [charts.GRADED, charts.FITTED, charts.LATE])
def test_charts_move_as_the_velocity_says(kind):
    """The chain rule through `read` must give dW/dt, dq/dt."""
    problem, W = family(4), jnp.asarray(starts(3, 1, 4, 1.0, 1.0)[0]).at[0, 0].set(9.0)
    sign, log = jnp.linalg.slogdet(W)
    task = charts.Flow(problem.values, problem.observed, sign, *map(jnp.asarray, (1.0, 1e-28, 1e-7, 3.0)))
    residual = problem.residual(W)
    state = charts.State(W, residual, log, jnp.asarray(0.3))
    orders = (jnp.array([0, 2, 1, 3]), jnp.array([0, 1, 3, 2])) if kind != charts.FITTED else 2 * (jnp.arange(4),)
    chart = charts._chart(kind, *orders, W, task)
    y = charts.write(state, chart, task)
    read = lambda y: charts.unpermuted(chart, charts.read(y, chart, task))  # noqa: E731
    same, moved = jax.jvp(read, (y,), (charts.rate(y, chart, task),))
    assert all(np.allclose(a, b, rtol=1e-10, atol=1e-12) for a, b in zip(same, state, strict=True))
    dt = moved.log_time * np.exp(0.3) * task.time_unit
    dW, dq = velocity(3, W, residual)
    assert np.allclose(moved.W, dt * dW, rtol=0, atol=1e-4 * dt * np.max(np.abs(dW)))  # late, rates are capped
    if kind != charts.FITTED:  # where q is read off the entries
        assert np.isclose(moved.log_abs_det, dt * dq, rtol=1e-9)
    _, size = _error_size(jnp.zeros_like(y), y, chart, task)
    assert size == 0


def test_a_graded_chart_keeps_a_determinant_that_entries_have_lost():
    problem, log = family(3), jnp.asarray(-60.0)
    W = jnp.diag(jnp.array([0.1, 0.3, 0.0])) + 0.02 * jnp.outer(jnp.arange(3.0), jnp.array([1.0, 2.0, 0.0]))
    task = charts.Flow(problem.values, problem.observed, *map(jnp.asarray, (-1.0, 0.3, 1e-28, 1e-7, 2.0)))
    state = charts.State(W, problem.residual(W), log, jnp.asarray(0.0))
    orders = jnp.array([[0, 1, 2], [1, 0, 2]])
    for rows, columns in ((orders[0], orders[0]), (orders[1], orders[0]), (orders[1], orders[1])):
        chart = charts._chart(charts.GRADED, rows, columns, W, task)
        again = charts.unpermuted(chart, charts.read(charts.write(state, chart, task), chart, task))
        assert np.allclose(again.W, W, rtol=0, atol=1e-15) and np.isclose(again.log_abs_det, log, rtol=1e-14)
        assert np.prod(chart.signs) == chart.det_sign


@pytest.mark.parametrize(("d", "depth", "loss"), [(3, 3, 0.3), (3, 2, 0.3), (4, 3, 1.0)])
def test_against_fifty_digits(d, depth, loss):
    problem = family(d)
    skew = np.triu(np.arange(d * d).reshape(d, d) % 5 / 8 - 0.25, 1)
    skews = skew - skew.T, skew.T - skew
    exact = Reference(
        np.asarray(problem.values), np.asarray(problem.observed), skews, 0.625 - 0.125 * np.arange(d), depth
    )
    W0 = exact.product()
    while exact.loss() > loss:
        exact.step()
    path = flow.sign_preserving_flow(problem, W0, depth=depth, target_loss=exact.loss())
    assert np.isclose(path.t[-1], float(exact.t), rtol=1e-6)
    assert np.allclose(path.W[-1], exact.product(), rtol=0, atol=1e-6)
    assert np.isclose(path.log_abs_det[-1], float(abs(exact.W().det()).log()), rtol=1e-6)


@pytest.mark.parametrize("W0", [[[0.3, -0.1], [0.2, 0.4]], [[0.2, 0.3], [0.1, -0.1]]])
@pytest.mark.parametrize("observations", [(1, 1, 0), (1.25, 0.75, 0.25)])
def test_agrees_with_the_solver_for_two_by_two(W0, observations):
    problem, W0 = problems.two_by_two(*observations), np.array(W0)
    other, path = flow.sign_preserving_flow(problem, W0, depth=3), general(problem, W0, 3)
    assert path.converged
    assert np.isclose(path.W[-1, 0, 0], other.W[-1, 0, 0], rtol=1e-6)
    assert np.isclose(path.log_abs_det[-1], other.log_abs_det[-1], rtol=1e-6, atol=1e-9)
    losses = np.array([1e-2, 1e-8, 1e-20])
    assert np.allclose(path.at_loss(losses).W, other.at_loss(losses).W, rtol=1e-5, atol=1e-6)


def test_a_block_moves_as_it_would_alone():
    """The 2 x 2 flow to loss 1e-28 inside a 3 x 3 task, whose third place is fitted long before."""
    W0 = np.array([[0.3, -0.1, 0.0], [0.2, 0.4, 0.0], [0.0, 0.0, 0.5]])
    path = flow.sign_preserving_flow(family(3), W0, depth=3)
    alone = flow.sign_preserving_flow(problems.two_by_two(), W0[:2, :2], depth=3)
    assert np.isclose(path.W[-1, 0, 0], alone.W[-1, 0, 0], rtol=1e-9)
    for name in ("t", "log_abs_det"):
        assert np.isclose(getattr(path, name)[-1], getattr(alone, name)[-1], rtol=1e-5)
    assert np.allclose(path.residual[-1, :2, :2], alone.residual[-1], rtol=1e-6, atol=1e-33)


@pytest.mark.parametrize(("d", "depth"), [(3, 2), (3, 3), (5, 3)])
def test_the_unseen_entry_diverges_at_every_size(d, depth):
    for path in deep(d, depth):
        w, root = np.abs(path.W[:, 0, 0]), np.sqrt(2 * path.loss)
        assert path.converged and path.loss[-1] <= 1e-28 and path.det_sign == -np.sign(_det(d))
        assert abs(w[-1] * root[-1] - 1) < 1e-6
        below = root < 1
        assert np.all(w[below] >= (1 / root - root)[below] * (1 - 1e-9))  # as it must by the bound
        assert np.isclose(path.t[-1] * (2 * depth + 2), w[-1] ** (2 + 2 / depth), rtol=1e-5)
        middle = path.W[-1, 2:, 2:]
        assert np.allclose(middle, np.eye(d - 2), atol=1e-12)
        if depth == 2:
            assert np.isclose(path.log_abs_det[-1], -(w[-1] ** 2) / 2, rtol=1e-6)


def test_one_program_serves_all_depths():
    general(family(3), W0, 2)
    programs = _general_solver._advance.programs()
    general(family(3), W0, 4)
    assert _general_solver._advance.programs() == programs


def test_a_path_before_its_first_step_has_the_types_of_one_on_its_way():
    """Weak types, those of Python's numbers, would have the same slice compiled a second time."""
    task, (sign, log_abs_det) = family(3), np.linalg.slogdet(W0)
    constants = np.asarray(task.values), np.asarray(task.observed), 1e-28, 1e-8, 3.0
    constants, loop = _general_solver._begin(W0, sign, log_abs_det, *constants, rows=64)
    before = [(x.shape, x.dtype, x.weak_type) for x in jax.tree.leaves(loop)]
    loop, over = _general_solver._advance(loop, constants, 8)
    assert not over and [(x.shape, x.dtype, x.weak_type) for x in jax.tree.leaves(loop)] == before


def test_the_other_sign_settles():
    (path,) = flow.sign_preserving_flows(family(3), starts(5, 1, 3, 0.05, np.sign(_det(3))), depth=3)
    assert path.converged and abs(path.W[-1, 0, 0]) < 100
    assert np.isclose(path.log_abs_det[-1], 0, atol=1e-9)  # all solutions have determinant -1


@pytest.mark.parametrize("seed", range(4))
def test_other_masks_are_fitted(seed):
    keys = jr.split(jr.key(seed), 3)
    observed = jr.bernoulli(keys[0], 0.6, (3, 3)).at[0, 0].set(True)
    problem = problems.completion(jr.normal(keys[1], (3, 3)), observed)
    W0 = 0.1 * jr.normal(keys[2], (3, 3))
    path = flow.sign_preserving_flow(problem, W0, depth=3)
    assert path.converged and path.det_sign == np.sign(np.linalg.det(path.W[-1])) == np.sign(np.linalg.det(W0))
    assert np.allclose(problem.residual(path.W[-1]), path.residual[-1], atol=1e-14)
    assert np.all(np.diff(path.loss) < 0)


def test_from_the_identity_singular_values_coincide_for_good():
    path = flow.sign_preserving_flow(family(4), 0.1 * np.eye(4), depth=3)
    assert path.converged and abs(path.W[-1, 0, 0]) > 1e13
    assert np.allclose(path.W[:, 2, 2], path.W[:, 3, 3], rtol=1e-9)


def test_twice_the_end_loss_is_an_integer():
    """Where a path stands still, too: from a start of this form W12 ends at zero."""
    W0 = np.diag([0.0, 0.0, 0.2])
    W0[0, 1], W0[1, 0] = -0.1, 0.1
    path = flow.sign_preserving_flow(family(3), W0, depth=2)
    assert not path.converged and not np.isclose(path.loss[-1], 0)
    assert np.isclose(2 * path.loss[-1], 1, atol=1e-6)


def test_a_path_that_breaks_the_flow_is_cut():
    path = deep(3, 3)[0]
    rows = [path.t, path.loss, path.W, path.residual, path.log_abs_det]
    assert _first_broken(*rows, path.det_sign, 1e-7) is None
    assert _first_broken(*rows, -path.det_sign, 1e-7) == (0, "the determinant contradicts the entries")
    risen = [x.copy() for x in rows]
    risen[1][7] *= 1.5
    assert _first_broken(*risen, path.det_sign, 1e-7)[0] == 7
    risen[2][3, 0, 0] = np.nan
    assert _first_broken(*risen, path.det_sign, 1e-7) == (3, "a number is not finite")


W0 = 0.1 * np.eye(3) + 0.01


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(problem=problems.completion(np.eye(3, 2), np.ones((3, 2), bool)), W0=np.ones((3, 2))), "must be square"),
        (dict(problem=problems.completion(np.eye(13), np.ones((13, 13), bool)), W0=np.eye(13)), "size 2 to 12"),
        (dict(problem=problems.completion(np.zeros((3, 3)), np.ones((3, 3), bool))), "largest observation"),
        (dict(W0=np.eye(2)), "`W0` must have shape"),
        (dict(W0=np.ones((3, 3))), "`W0` must have singular values"),
        (dict(W0=np.diag([1.0, 1.0, 1e-9])), "`W0` must have a determinant"),
        (dict(W0=1e-40 * W0), "`W0` must be from 1e-30"),
        (dict(slogdet=(-1.0, np.linalg.slogdet(W0)[1])), "`slogdet` must be that of `W0`"),
        (dict(slogdet=(0.0, 1.0)), "`slogdet"),
        (dict(target_loss=1e-70), "`target_loss`"),
        (dict(depth=1), "`depth`"),
    ],
)
def test_bad_input_is_refused(change, message, unchecked_types):
    arguments = dict(problem=family(3), W0=W0, depth=3) | change
    with pytest.raises(ValueError, match=message):
        flow.sign_preserving_flow(**arguments)
