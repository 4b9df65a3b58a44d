"""The sign-preserving flow against its equation, a 40-digit oracle, the theorem and the asymptotic laws."""

from decimal import Decimal
from functools import reduce

import equinox as eqx
import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from high_precision_flow import Oracle

from implreg_core import bounds, factorizations, problems
from implreg_core.flow import _sign_preserving, _stepping, _two_by_two_path, gradient_flow
from implreg_core.flow import _two_by_two as charts
from implreg_core.flow._sign_preserving import _advance, _first_broken, sign_preserving_flow, sign_preserving_flows

POSITIVE = np.array([[0.3, -0.1], [0.2, 0.4]])
NEGATIVE = np.array([[0.2, 0.3], [0.1, -0.1]])
LATE = jnp.asarray(charts.LATE)
PERTURBED = (1.25, 0.75, 0.25)  # binary fractions, so that the oracle's problem is the same


def gaussian_products(key, count, depth, std, det_sign):
    """Products of Gaussian factors whose determinant has the sign `det_sign`, and their slogdet."""
    factors = std * jr.normal(key, (count, depth, 2, 2))
    signs, logs = jnp.linalg.slogdet(factors)
    wrong = jnp.prod(signs, axis=1) != det_sign
    factors = factors.at[wrong, 0].set(factors[wrong, 0, ::-1])  # swapping two rows
    products = reduce(lambda product, W: W @ product, jnp.moveaxis(factors, 1, 0))
    return products, (jnp.full(count, float(det_sign)), jnp.sum(logs, axis=1))


def consistent_state(key, det_sign, spread=1.0):
    W = spread * jr.normal(key, (2, 2))
    W = jnp.where(jnp.sign(jnp.linalg.det(W)) == det_sign, W, W[::-1])
    values = jnp.array([[0.0, 1.3], [-0.7, 0.2]])
    flow = charts.Flow(values, jnp.asarray(det_sign), *map(jnp.asarray, (3.0, 0.5, 1e-28, 1e-7)))
    residual = (W - values).at[0, 0].set(0.0)
    return charts.State(W, residual, jnp.linalg.slogdet(W)[1], jnp.asarray(0.4)), flow


def matrix_power(S, exponent):
    values, vectors = np.linalg.eigh(S)
    return vectors @ np.diag(np.abs(values) ** exponent) @ vectors.T


@pytest.mark.parametrize("depth", [2, 3, 4, 10])
@pytest.mark.parametrize("det_sign", [1.0, -1.0])
def test_velocity_is_the_balanced_flow_of_the_product(depth, det_sign):
    for key in jr.split(jr.key(0), 20):
        state, flow = consistent_state(key, det_sign)
        rest = map(jnp.asarray, (float(depth), 1.0, 1.0, 1.0))
        flow = charts.Flow(flow.values, flow.det_sign, *rest)
        dW, dq = charts.velocity(state, flow)
        W, G = np.asarray(state.W), np.asarray(state.residual)
        expected = -sum(
            matrix_power(W @ W.T, (j - 1) / depth) @ G @ matrix_power(W.T @ W, (depth - j) / depth)
            for j in range(1, depth + 1)
        )
        size = np.max(np.abs(expected))
        assert np.allclose(dW, expected, rtol=0, atol=1e-9 * size)  # eigh limits the comparison
        expected_dq = np.trace(np.linalg.solve(W, expected))
        assert np.isclose(dq, expected_dq, rtol=1e-7, atol=1e-7 * size)


def test_velocity_is_regular_where_singular_values_coincide():
    _, flow = consistent_state(jr.key(0), 1.0)
    W = 0.5 * jnp.eye(2)
    state = charts.State(W, (W - flow.values).at[0, 0].set(0.0), jnp.log(0.25), jnp.asarray(0.0))
    dW, _ = charts.velocity(state, flow)
    assert np.allclose(dW, -3 * 0.5 ** (2 - 2 / 3) * state.residual, atol=1e-12)  # all powers are scalar
    jacobian = jax.jacfwd(lambda W: charts.velocity(eqx.tree_at(lambda s: s.W, state, W), flow)[0])(W)
    assert np.all(np.isfinite(jacobian))


@pytest.mark.parametrize("det_sign", [1.0, -1.0])
@pytest.mark.parametrize("chart", range(5))
def test_charts_move_as_the_velocity_says(chart, det_sign):
    """The chain rule through `read` must give dW/dt and dq/dt: the spring vanishes on consistent states."""
    chart = jnp.asarray(chart)
    for key in jr.split(jr.key(1), 10):
        state, flow = consistent_state(key, det_sign)
        y = charts.write(state, chart, flow)
        same, moved = jax.jvp(lambda y: charts.read(y, chart, flow), (y,), (charts.rate(y, chart, flow),))
        for name in ("W", "residual", "log_abs_det", "log_time"):
            assert np.allclose(getattr(same, name), getattr(state, name), atol=1e-10)
        dt = moved.log_time * jnp.exp(state.log_time) * flow.time_unit
        dW, dq = charts.velocity(state, flow)
        assert np.allclose(moved.W, dt * dW, rtol=0, atol=1e-8 * dt * jnp.max(jnp.abs(dW)))
        assert np.isclose(moved.log_abs_det, dt * dq, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("det_sign", [1.0, -1.0])
def test_an_early_chart_reads_the_entry_beside_the_largest_off_the_identity(det_sign):
    for key in jr.split(jr.key(6), 20):
        state, flow = consistent_state(key, det_sign)
        chart = charts.early_chart(state, LATE)
        sizes = jnp.abs(state.W.ravel()) / jnp.max(jnp.abs(state.W))
        assert sizes[3 - chart] >= 0.9
        for other in range(4):
            assert charts.early_chart(state, jnp.asarray(other)) == (other if sizes[3 - other] >= 0.5 else chart)
        y = charts.early_write(state, flow)
        read = charts.read(y.at[chart].set(99.0), chart, flow)  # its own place is idle
        assert np.allclose(read.W, state.W, rtol=1e-9) and charts.rate(y, chart, flow)[chart] == 0


def test_a_late_point_is_put_on_the_identity():
    for key in jr.split(jr.key(7), 20):
        state, flow = consistent_state(key, 1.0)
        y = charts.late_write(state, flow)
        off = y.at[1:4].add(1e-5 * jr.normal(key, (3,)))
        settled = charts.read(charts.late_settled(off, flow), LATE, flow)
        assert np.isclose(np.linalg.det(settled.W), np.exp(state.log_abs_det), rtol=1e-7)
        assert np.allclose(charts.late_settled(y, flow), y, rtol=1e-9)
        assert (
            np.allclose(settled.W, state.W, atol=1e-3)
            and settled.log_abs_det == charts.read(off, LATE, flow).log_abs_det
        )


def test_spring_restores_the_identity():
    state, flow = consistent_state(jr.key(2), 1.0)
    y = charts.late_write(state, flow)

    def defect(y):
        state = charts.read(y, LATE, flow)
        return flow.det_sign * jnp.exp(state.log_abs_det) - jnp.linalg.det(state.W)

    for i in (0, 3, 4):  # w, the residual of W22, q
        off = y.at[i].add(1e-3)
        before, change = jax.jvp(defect, (off,), (charts.rate(off, LATE, flow),))
        assert change * before < -0.1 * before**2


@pytest.mark.parametrize("depth", [2, 3, 4, 10])
@pytest.mark.parametrize("start", [1.0, 1e-2, 1e-4, "gaussian 1e-1", "gaussian 1e-3", "gaussian 1e-6"])
def test_positive_determinant_diverges_at_every_depth(depth, start):
    problem = problems.two_by_two()
    if isinstance(start, str):
        W0, slogdet = gaussian_products(jr.key(depth), 1, depth, float(start.split()[1]), 1.0)
        path = sign_preserving_flows(problem, W0, depth=depth, slogdet=slogdet)[0]
    else:
        path = sign_preserving_flow(problem, start * np.eye(2), depth=depth)
    w, root = np.abs(path.W[:, 0, 0]), np.sqrt(2 * path.loss)
    assert path.converged and path.loss[-1] <= 1e-28 and path.det_sign == 1
    assert abs(w[-1] * root[-1] - 1) < 1e-6  # det W is still about 1e-7 at depth 10, and 1 + det is the limit
    assert np.all(np.diff(path.loss) <= 1e-15)  # at first the fall of a loss near 1 is below its rounding
    assert np.all(np.diff(path.t) >= 0)  # at depth 10, the start takes so long that the rest is instantaneous
    deep = root < 0.5
    assert np.all(w[deep] >= (1 - root[deep]) ** 2 / root[deep] * (1 - 1e-12))  # as det > 0 entails
    assert np.all(np.isfinite(path.log_abs_det))


@pytest.mark.parametrize("depth", [2, 3, 4, 10])
def test_rate_of_divergence(depth):
    path = sign_preserving_flow(problems.two_by_two(), np.eye(2), depth=depth)
    w = path.W[:, 0, 0]
    assert np.isclose(path.t[-1] * (2 * depth + 2), w[-1] ** (2 + 2 / depth), rtol=1e-5)
    tail = path.loss < 1e-16
    exponent = np.polyfit(np.log(path.t[tail]), np.log(w[tail]), 1)[0]
    assert np.isclose(exponent, depth / (2 * depth + 2), rtol=1e-4)


def test_determinant_at_depth_two_falls_like_a_gaussian_in_the_unseen_entry():
    path = sign_preserving_flow(problems.two_by_two(), np.eye(2), depth=2)
    assert np.isclose(path.log_abs_det[-1], -(path.W[-1, 0, 0] ** 2) / 2, rtol=1e-6)


@pytest.mark.parametrize(
    ("depth", "W0", "problem"),
    [
        (2, np.eye(2), ()),
        (3, NEGATIVE, ()),
        (10, POSITIVE, ()),
        (3, POSITIVE, PERTURBED),
        (2, np.array([[0.5, 0.8], [0.012, 2.0]]), (1.0, 0.01)),  # near its observations it opens, and leaves them again
    ],
)
def test_unseen_entry_agrees_with_forty_digits(depth, W0, problem):
    problem = problems.two_by_two(*problem)
    det_sign, log_abs_det = np.linalg.slogdet(W0)
    oracle = Oracle(W0.ravel(), log_abs_det, problem.values.ravel(), int(det_sign), depth)
    expected = oracle.unseen_entry_at([Decimal("1e-2"), Decimal("1e-4"), Decimal("1e-8")])
    path = sign_preserving_flow(problem, W0, depth=depth)
    assert np.max(np.abs(path.at_loss(np.array([1e-2, 1e-4, 1e-8])).W[:, 0, 0] / expected - 1)) < 1e-6


def test_tolerance_buys_accuracy():
    def entries(rtol):
        path = sign_preserving_flow(problems.two_by_two(), POSITIVE, depth=3, rtol=rtol)
        return path.at_loss(np.array([1e-1, 1e-2, 1e-3, 1e-6])).W[:, 0, 0]

    errors = [np.max(np.abs(entries(rtol) / entries(1e-10) - 1)) for rtol in (1e-4, 1e-6, 1e-8)]
    assert errors[0] < 1e-3 and errors[1] < 1e-5 and errors[2] < 1e-7


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_negative_determinant_reaches_a_finite_solution(depth):
    path = sign_preserving_flow(problems.two_by_two(), NEGATIVE, depth=depth)
    assert path.converged and path.det_sign == -1
    assert abs(path.W[-1, 0, 0]) < 30 and abs(path.log_abs_det[-1]) < 1e-12
    assert np.allclose(path.W[-1].ravel()[1:], [1, 1, 0], atol=1e-13)


def test_negative_determinant_from_small_starts_ends_far_away():
    W0, slogdet = gaussian_products(jr.key(5), 32, 3, 1e-3, -1.0)
    paths = sign_preserving_flows(problems.two_by_two(), W0, depth=3, slogdet=slogdet)
    w = np.array([abs(path.W[-1, 0, 0]) for path in paths])
    # |w| ~ [(L+2)/(L-2) s2^-(1-2/L)]^(L/(L+2)), with s2 = |det| / s1 of the start: det W waits while w grows
    s2 = np.exp(slogdet[1]) / np.linalg.norm(W0, 2, axis=(1, 2))
    assert all(path.converged for path in paths)
    assert 0.6 < np.median(w / (5 * s2 ** (-1 / 3)) ** (3 / 5)) < 1.1


def test_perturbed_observations_have_finite_limits_or_a_floor():
    problem = problems.two_by_two(1.2, 0.7, 0.1)
    W0, slogdet = gaussian_products(jr.key(1), 32, 3, 0.1, 1.0)
    paths = sign_preserving_flows(problem, W0, depth=3, slogdet=slogdet)
    assert {path.converged for path in paths} == {True, False}
    for path in paths:
        w, det = path.W[-1, 0, 0], np.exp(path.log_abs_det[-1])
        if path.converged:
            assert np.isclose(w, (0.84 + det) / 0.1, rtol=1e-12) and w > 8.4
        else:
            assert "floor" in path.status and w < -1e5
            assert 0.005 <= path.loss[-1] < 0.00500006  # it stops when within 100 rtol of the floor
            assert np.isclose(w * path.W[-1, 1, 1], 0.84 + det, rtol=1e-3)  # W22 is 1e-9 of the scale of eps off


@pytest.mark.parametrize("eps", [0.0, 0.01, 0.05, 0.1, 0.5])
@pytest.mark.parametrize("depth", [2, 3, 4])
def test_the_authors_perturbed_problems(depth, eps):
    problem = problems.two_by_two(-2.0, 0.5, eps)
    path = sign_preserving_flow(problem, np.array([[-0.1, 0.05], [-0.02, 0.3]]), depth=depth)
    root = np.sqrt(2 * path.loss)
    bound = (2 - root) * (0.5 - root) / (eps + root)
    assert path.det_sign == -1 and (path.converged or "floor" in path.status)
    assert np.all((np.abs(path.W[:, 0, 0]) >= bound * (1 - 1e-12))[root < 0.5])


@pytest.mark.parametrize("det_sign", [1.0, -1.0])
def test_a_batch_is_its_members(det_sign):
    W0, slogdet = gaussian_products(jr.key(3), 32, 3, 0.1, det_sign)
    problem = problems.two_by_two()
    paths = sign_preserving_flows(problem, W0, depth=3, slogdet=slogdet)
    for i in (0, 7, 31):
        path = paths[i]
        alone = sign_preserving_flow(problem, W0[i], depth=3, slogdet=(slogdet[0][i], slogdet[1][i]))
        levels = np.array([1e-1, 1e-4, 1e-12, 1e-26])
        assert np.allclose(path.at_loss(levels).W, alone.at_loss(levels).W, rtol=1e-6)
        assert path.converged and alone.converged


@pytest.mark.parametrize("depth", [2, 3, 10])
@pytest.mark.parametrize(
    ("W0", "observed"),
    [(POSITIVE, ()), (NEGATIVE, ()), (0.01 * np.eye(2), ()), (POSITIVE, PERTURBED), (NEGATIVE, PERTURBED)],
)
def test_the_end_is_that_of_the_problem_at_the_target_loss(depth, W0, observed):
    """Not that of the last step: it does not depend on the tolerance beyond what that promises."""
    problem = problems.two_by_two(*observed)
    for target in (1e-3, 1e-8, 1e-28):
        rounding = 3e-16 / np.sqrt(target) if observed else 0.0  # of W22 near eps, which makes the loss uncertain
        tight, coarse = (
            sign_preserving_flow(problem, W0, depth=depth, target_loss=target, rtol=rtol) for rtol in (1e-9, 1e-6)
        )
        for path in (tight, coarse):
            assert path.converged and 1 - max(1e-10, rounding) <= path.loss[-1] / target <= 1
            assert len(path.t) < 2 or path.loss[-2] > target
        uncertain = 1e-5 + rounding
        assert np.allclose(coarse.W[-1], tight.W[-1], rtol=1e-5, atol=1e-5 * np.sqrt(target))
        assert np.isclose(coarse.t[-1], tight.t[-1], rtol=uncertain)
        assert np.isclose(coarse.log_abs_det[-1], tight.log_abs_det[-1], rtol=uncertain, atol=1e-15)


@pytest.mark.parametrize(("depth", "target"), [(3, 1e-3), (3, 1e-5), (4, 1e-4)])
def test_the_end_is_that_of_the_flow_of_the_factors(depth, target):
    """Two integrators, two sets of equations."""
    path = sign_preserving_flow(problems.two_by_two(), POSITIVE, depth=depth, target_loss=target, rtol=1e-9)
    factors = gradient_flow(problems.two_by_two(), factorizations.balanced(POSITIVE, depth), target_loss=target)
    assert factors.converged and factors.loss[-1] == pytest.approx(target, rel=1e-10)
    assert factors.t[-1] == pytest.approx(path.t[-1], rel=1e-7)
    assert np.allclose(factors.W[-1], path.W[-1], rtol=1e-7, atol=1e-9)


def test_a_flow_may_end_early_or_where_it_starts():
    problem = problems.two_by_two()
    started = sign_preserving_flow(problem, 0.01 * np.eye(2), depth=3, target_loss=1.2)
    assert started.converged and started.t.tolist() == [0.0] and np.allclose(started.W, 0.01 * np.eye(2), rtol=1e-15)
    for target in (0.99, 0.7):  # while the product is small, and soon after
        path = sign_preserving_flow(problem, 0.01 * np.eye(2), depth=3, target_loss=target)
        assert path.converged and path.loss[-1] == pytest.approx(target, rel=1e-10) and np.all(np.diff(path.t) > 0)
    for start in (0.01, 1.0):  # steps run out in either chart
        path = sign_preserving_flow(problem, start * np.eye(2), depth=3, max_steps=5)
        assert not path.converged and path.status.startswith("used max_steps=5")


def test_residuals_are_resolved_below_rounding():
    path = sign_preserving_flow(problems.two_by_two(), np.eye(2), depth=3, target_loss=1e-50)
    w, e12, e21, r = path.W[-1, 0, 0], *path.residual[-1].ravel()[1:]
    assert path.converged
    assert np.allclose([e12 * w**2, e21 * w**2, r * w], [-1, -1, 1], rtol=1e-6)  # the slow manifold


def test_trouble_is_told():
    problem = problems.two_by_two(1.2, 0.7, 0.1)
    too_deep = sign_preserving_flow(problem, POSITIVE, depth=3, target_loss=1e-60)  # far below the rounding of eps
    assert not too_deep.converged and "the loss rises" in too_deep.status and too_deep.loss[-1] < 1e-30
    assert np.isclose(too_deep.W[-1, 0, 0], (0.84 + np.exp(too_deep.log_abs_det[-1])) / 0.1, rtol=1e-12)
    with pytest.raises(ValueError, match="`loss` must be on the path"):
        too_deep.at_loss(np.array([1e-20, 1e-40]))
    # W21 < 0 cannot pass zero while W11 = W22 = 0: a saddle, from which rounding alone would lead away.
    saddle = sign_preserving_flow(problems.two_by_two(), np.array([[0.0, 1.0], [-1.0, 0.0]]), depth=3)
    assert not saddle.converged and saddle.loss[-1] > 0.49 and "near a saddle point" in saddle.status


@pytest.mark.parametrize("depth", [2, 3, 10])
@pytest.mark.parametrize("problem", [(1.0, 1.0, 0.0), (2.0, -0.5, 0.3)])
@pytest.mark.parametrize("W0", [0.01 * np.eye(2), POSITIVE, 1e4 * NEGATIVE])
def test_observations_and_start_in_other_units_give_the_same_path(depth, problem, W0):
    """Times `c`, the flow takes `c^(2/L - 2)` as long; twenty decades of `c`."""
    plain = sign_preserving_flow(problems.two_by_two(*problem), W0, depth=depth, target_loss=1e-12)
    for c in (1e-10, 3e-3, 7.0, 1e10):
        scaled = problems.two_by_two(*(c * b for b in problem))
        path = sign_preserving_flow(scaled, c * W0, depth=depth, target_loss=1e-12 * c**2)
        assert path.converged == plain.converged and abs(path.loss[-1] / plain.loss[-1] / c**2 - 1) < 1e-9
        assert np.allclose(path.W[-1] / c, plain.W[-1], rtol=1e-6, atol=1e-13)
        assert np.isclose(path.t[-1] * c ** (2 - 2 / depth), plain.t[-1], rtol=1e-5)
        assert np.isclose(path.log_abs_det[-1] - 2 * np.log(c), plain.log_abs_det[-1], rtol=1e-5, atol=1e-8)
        if path.converged:  # rows may differ by a step of another size, the path does not
            levels = np.geomspace(1e-3, 2e-12, 9)
            at, there = path.at_loss(c**2 * levels), plain.at_loss(levels)
            assert np.allclose(at.W[:, 0, 0] / c, there.W[:, 0, 0], rtol=1e-11)
            assert np.allclose(at.residual / c, there.residual, rtol=0, atol=1e-5 * np.sqrt(levels[-1]))
            assert np.allclose(at.t * c ** (2 - 2 / depth), there.t, rtol=1e-6)
            assert np.allclose(at.log_abs_det - 2 * np.log(c), there.log_abs_det, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("depth", [2, 3, 10])
@pytest.mark.parametrize("problem", [(1.0, 1.0, 0.0), (1.0, -0.2, 0.3), (2.0, 3.0, -1.0)])
def test_every_row_is_trusted_whatever_the_size_of_the_start(depth, problem):
    W0 = np.asarray(jr.normal(jr.key(depth), (12, 2, 2))) * np.logspace(-80, 7, 12)[:, None, None]
    z, z_prime, eps = problem
    for path in sign_preserving_flows(problems.two_by_two(*problem), W0, depth=depth):
        assert path.loss[-1] < 1e-20 or "floor" in path.status
        assert all(np.all(np.isfinite(x)) for x in (path.t, path.loss, path.W, path.residual, path.log_abs_det))
        assert np.all(np.diff(path.loss) <= 1e-4 * path.loss[1:]) and np.all(np.diff(np.log10(path.loss)) > -1.2)
        if path.det_sign * z * z_prime > 0:
            assert below_bound(path, z, z_prime, eps) < 1e-12


def test_a_large_start_ends_where_the_flow_of_its_factors_does():
    W0 = np.array([[20.0, 8.0], [3.0, 30.0]])
    path = sign_preserving_flow(problems.two_by_two(), W0, depth=3, target_loss=1e-4, rtol=1e-9)
    factors = gradient_flow(problems.two_by_two(), factorizations.balanced(W0, 3), target_loss=1e-4)
    assert path.converged and factors.converged
    assert factors.t[-1] == pytest.approx(path.t[-1], rel=1e-6)
    assert np.allclose(factors.W[-1], path.W[-1], rtol=1e-6, atol=1e-8)


def test_a_path_that_breaks_a_theorem_ends_before():
    """Rows of an exact path, spoilt one at a time."""
    path = sign_preserving_flow(problems.two_by_two(), POSITIVE, depth=3, target_loss=1e-6)
    columns = [path.t, path.loss, path.W, path.residual, path.log_abs_det, np.zeros(len(path.t))]
    assert _first_broken(*columns, True, 1, 1e-7) is None
    spoils = {
        "not finite": (0, np.nan),
        "the loss rises": (1, 2 * path.loss[0]),
        "determinant": (4, path.log_abs_det[7] + 1),
        "proved bound": (5, 1e3),
    }
    for reason, (column, value) in spoils.items():
        spoilt = [rows.copy() for rows in columns]
        spoilt[column][7] = value
        n, why = _first_broken(*spoilt, True, 1, 1e-7)
        assert n == 7 and reason in why


@pytest.mark.parametrize(("z", "depth", "seed"), [(11.3, 3, 0), (-0.04, 2, 2), (14.4, 4, 3)])
def test_what_leads_away_from_a_saddle_is_known_relative_to_itself(z, depth, seed):
    """One observation is fitted first, and all else stays tiny for long: the path goes on, and no row is below."""
    W0 = 1e-21 * np.random.default_rng(seed).standard_normal((2, 2))
    W0 = W0 if np.linalg.det(W0) * z / abs(z) > 0 else W0[::-1]
    problem = problems.two_by_two(z, 1 / abs(z))
    path = sign_preserving_flow(problem, W0, depth=depth)
    assert path.converged and below_bound(path, z, 1 / abs(z), 0.0) < 1e-12


def below_bound(path, z, z_prime, eps):
    """How far a row is below the proved bound, relative to it, at most. Rounding of the loss counts near a saddle."""
    loss = np.pad(path.loss, (0, 2049 - len(path.loss)), mode="edge") * (1 + 1e-14)  # of one shape: compiled once
    bound = np.asarray(bounds.unseen_entry_lower_bound(loss, z, z_prime, eps))[: len(path.loss)]
    return np.max((bound - np.abs(path.W[:, 0, 0])) / np.maximum(bound, 1e-12))


sizes = st.floats(-1, 1)


@hypothesis.given(sizes, sizes, sizes, st.sampled_from([0.0, -1.0, 1.0]), st.integers(2, 10), st.integers(0, 2**32 - 1))
def test_no_row_is_below_the_proved_bound(ratio, eps_size, size, eps_sign, depth, seed):
    """Observations up to 1e4 times as large as one another, starts of 26 decades, seen at every row."""
    generator = np.random.default_rng(seed)
    z, z_prime = 10 ** (2 * ratio) * generator.choice([-1, 1]), 10 ** (-2 * ratio) * generator.choice([-1, 1])
    eps = 10 ** (3 * eps_size - 2) * eps_sign
    W0 = 10 ** (13 * size - 9) * generator.standard_normal((2, 2))
    W0 = W0 if np.linalg.det(W0) * z * z_prime > 0 else W0[::-1]
    hypothesis.assume(abs(np.linalg.det(W0 / np.max(np.abs(W0)))) > 1e-7)
    path = sign_preserving_flow(problems.two_by_two(z, z_prime, eps), W0, depth=depth)
    assert below_bound(path, z, z_prime, eps) < 1e-12
    assert not any(reason in path.status for reason in ("bound", "determinant", "not finite"))


def test_one_program_serves_all_paths():
    before = _advance.programs()
    for depth, count, max_steps in [(2, 1, 100), (5, 3, 300), (7, 2, 2048)]:
        sign_preserving_flows(problems.two_by_two(), np.stack(count * [POSITIVE]), depth=depth, max_steps=max_steps)
    assert _advance.programs() - before <= 1


def test_a_path_counts_where_it_lingers_and_falls_evenly_elsewhere():
    """Beside a saddle point a hundred steps hardly lower the loss; then each row has a fall of `_FALL`."""
    W0 = jnp.array([[0.0, -0.5], [0.4, 1e-12]])
    size = jnp.sqrt(jnp.sum(W0**2))
    constants = charts.Flow(problems.two_by_two().values, *map(jnp.asarray, (1.0, 2.0, size, 1e-28, 1e-7)))
    follow = jax.jit(_two_by_two_path.path, static_argnames="rows")
    taken = follow(W0, jnp.log(0.2), constants, rows=1024, tries=1023)
    states = jax.vmap(_two_by_two_path.state_of)(taken.rows[: taken.last + 1])
    falls = -np.diff(np.log(jax.vmap(lambda state: state.loss)(states)))
    assert 90 < taken.lingered < 110 and abs(taken.lingered - np.sum(falls < _two_by_two_path._LITTLE)) <= 1
    assert np.allclose(falls[-40:-1], _stepping._FALL, rtol=1e-3)
    few = follow(W0, jnp.log(0.2), constants, rows=5, tries=1023)
    assert few.last == 4 and np.array_equal(few.rows, taken.rows[:5])


@pytest.mark.parametrize("max_steps", [8, 9, 10, 17])
def test_a_run_that_uses_up_its_steps_has_a_row_for_each(max_steps, monkeypatch):
    whole = sign_preserving_flow(problems.two_by_two(), POSITIVE, depth=3)
    monkeypatch.setattr(_sign_preserving, "_ROWS", 9)  # so that few steps fill the compiled loop's rows
    path = sign_preserving_flow(problems.two_by_two(), POSITIVE, depth=3, max_steps=max_steps)
    assert not path.converged and path.status.startswith(f"used max_steps={max_steps}")
    assert len(path.t) == max_steps + 1 and np.allclose(path.W, whole.W[: max_steps + 1], rtol=1e-12)
    assert path.t[-1] == pytest.approx(whole.t[max_steps], rel=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(problem=problems.completion(np.eye(2, 3), np.ones((2, 3), bool)), W0=np.eye(2, 3)), "`problem`"),
        (dict(problem=problems.completion(np.eye(3), np.ones((3, 3), bool))), "`W0` must have shape"),
        (dict(W0=np.ones((2, 2))), "`W0` must have a determinant"),
        (dict(W0=np.zeros((2, 2))), "`W0` must have a determinant"),
        (dict(W0=np.array([[1.0, 1.0], [1.0, 1.0 + 1e-9]])), "`slogdet`"),
        (dict(W0=np.array([[np.nan, 1.0], [1.0, 1.0]])), "`W0` must be finite"),
        (dict(W0=np.eye(3)), "`W0` must have shape"),
        (dict(depth=1), "`depth`"),
        (dict(depth=2.5), "`depth`"),
        (dict(target_loss=0.0), "`target_loss`"),
        (dict(target_loss=1e-200), "`target_loss`"),
        (dict(W0=1e-170 * np.eye(2)), "`W0` must be from 1e-100"),
        (dict(W0=1e9 * np.eye(2)), "`W0` must be from 1e-100"),
        (dict(problem=problems.two_by_two(eps=1e300)), "`problem` must have observations"),
        (dict(problem=problems.two_by_two(1e12, 1e-12)), "`problem` must have observations"),
        (dict(slogdet=(-1.0, np.log(0.14))), "`slogdet` must be that of `W0`"),
        (dict(slogdet=(1.0, 0.0)), "`slogdet` must be that of `W0`"),
        (dict(rtol=1e-14), "`rtol`"),
        (dict(rtol=0.02), "`rtol`"),
        (dict(max_steps=0), "`max_steps`"),
        (dict(slogdet=(0.0, 1.0)), "`slogdet"),
        (dict(slogdet=(1.0, -np.inf)), "`slogdet`"),
    ],
)
def test_bad_input_is_refused(change, message, unchecked_types):
    arguments = dict(problem=problems.two_by_two(), W0=POSITIVE, depth=3) | change
    with pytest.raises(ValueError, match=message):
        sign_preserving_flow(**arguments)


def test_bad_batches_are_refused(unchecked_types):
    with pytest.raises(ValueError, match=r"\(batch, 2, 2\)"):
        sign_preserving_flows(problems.two_by_two(), POSITIVE, depth=3)
    with pytest.raises(ValueError, match=r"`slogdet\[0\]`"):
        slogdet = (np.ones(2), np.ones(2))
        sign_preserving_flows(problems.two_by_two(), POSITIVE[None], depth=3, slogdet=slogdet)


def test_a_path_of_few_rows_can_be_read_too():
    problem = problems.two_by_two()
    start = float(problem.loss(POSITIVE))
    for share in (0.6, 0.7, 0.8, 0.85, 0.89):
        path = sign_preserving_flow(problem, POSITIVE, depth=3, target_loss=share * start)
        assert np.allclose(path.at_loss(path.loss[-1:]).W[0], path.W[-1], rtol=1e-12)


@pytest.mark.parametrize("W0", [POSITIVE, NEGATIVE])
def test_a_path_is_read_where_the_path_to_that_loss_ends(W0):
    problem = problems.two_by_two()
    path = sign_preserving_flow(problem, W0, depth=3)
    own = path.loss < 0.9 * path.loss[0]
    same = path.at_loss(path.loss[own])
    for loss in (0.3, 1e-3, 1e-9, 1e-20):
        read, end = path.at_loss(np.array([loss])), sign_preserving_flow(problem, W0, depth=3, target_loss=loss)
        for name in ("t", "loss", "W", "log_abs_det"):
            assert np.allclose(getattr(read, name)[0], getattr(end, name)[-1], rtol=1e-4, atol=1e-8), name
            assert np.allclose(getattr(same, name), getattr(path, name)[own], rtol=1e-9, atol=1e-12), name
        assert np.allclose(read.residual[0], end.residual[-1], rtol=1e-4, atol=1e-4 * np.sqrt(loss))


def test_where_the_path_waits_a_loss_does_not_tell_where_it_is():
    path = sign_preserving_flow(problems.two_by_two(), np.array([[1e-10, -0.1], [0.1, 0.0]]), depth=2)
    after = np.searchsorted(-path.loss, -0.1)
    before, w, then = path.W[after - 1, 0, 0], path.at_loss(np.array([0.1])).W[0, 0, 0], path.W[after, 0, 0]
    assert before < w < then
    with pytest.raises(ValueError, match="near a saddle point it does not, as at .0.495"):
        path.at_loss(np.array([0.495]))


def test_a_path_whose_loss_stands_still_to_rounding_is_read_where_it_falls():
    """Between two saddle points hundreds of rows share a loss."""
    start = 1e-60 * np.array([[0.71, 0.06], [0.06, 0.99]])
    path = sign_preserving_flow(problems.two_by_two(1, 2, 0), start, depth=3, target_loss=1e-6)
    assert path.converged and np.sum(np.diff(path.loss) == 0) > 10
    rows = np.searchsorted(-path.loss, [-3e-2, -1e-4])
    there = path.at_loss(path.loss[rows])
    assert np.allclose(there.W, path.W[rows], rtol=1e-9, atol=1e-12)
    assert np.allclose(there.t, path.t[rows], rtol=1e-9)


@pytest.mark.parametrize("eps", [0.5, -0.5, 3.0])
def test_no_floor_stops_the_sign_that_solutions_have(eps):
    """Here W11 has the sign that would be the wrong side if the determinant had the other one."""
    W0 = np.array([[-np.sign(eps) * 0.3, 0.4], [0.5, np.sign(eps) * 0.1]])
    path = sign_preserving_flow(problems.two_by_two(1.0, 1.0, eps), W0, depth=3, target_loss=1e-20)
    below = path.loss < eps**2 / 2
    assert path.det_sign == -1 and np.any(below & (path.W[:, 0, 0] * eps < 0))
    assert path.converged, path.status
