"""Relations between paths of gradient flow: `flow`, `symmetric`, what `stability` reads off them, `live`."""

from functools import cache
from types import SimpleNamespace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from properties import about, gaussians, near, orthogonal, signed_permutations

from implreg_core import factorizations, flow, live, problems, stability, symmetric

TARGET, RTOL = 1e-6, 1e-8
LOSSES = np.array([3e-2, 1e-3, 1e-5])  # read on every path; starts have a greater loss
TOLD = 1e-5  # by which paths of one flow may differ, where the documented error is 100 rtol at most
OBSERVATIONS = st.tuples(*[st.sampled_from([1.0, -1.0, 0.7, 2.0])] * 2, st.sampled_from([0.0, 0.0, 0.3, -0.5]))


@st.composite
def starts(draw):
    """2 x 2 matrices of either sign of the determinant, neither nearly singular nor near a solution.

    Nor with equal singular values: where the problem has them too, roundings decide which of them is fitted first.
    """
    turn, other = draw(orthogonal(2)), draw(orthogonal(2))
    size, least = draw(st.sampled_from([1e-60, 1e-3, 0.1, 0.5])), draw(st.sampled_from([0.7, 0.5, 0.1]))
    return size * (turn * [1.0, least]) @ other


def follow(observations, *starts, depth=3, **options):
    problem = problems.two_by_two(*observations)
    settings = {"depth": depth, "target_loss": TARGET, "rtol": RTOL} | options
    return flow.sign_preserving_flows(problem, np.stack(starts), **settings)


def alike(path, other, change=lambda W: W, units=1.0, depth=3):
    """Whether two paths agree at their ends and, where they get there, at each of the losses."""
    scale = np.max(np.abs(other.W[-1])) + 1.0
    same = [path.converged == other.converged, near(path.W[-1] / units, change(other.W)[-1], TOLD, size=scale)]
    if path.converged:
        at, of_other = path.at_loss(units**2 * LOSSES), other.at_loss(LOSSES)
        same += [near(at.W / units, change(of_other.W), TOLD, size=1 + np.abs(of_other.W[:, :1, :1]))]
        same += [near(at.t * units ** (2 - 2 / depth) / of_other.t, np.ones(3), TOLD)]
    return all(same)


@about(
    "flow.sign_preserving_flows",
    "flow.sign_preserving_flow",
    "flow.SignPreservingFlow",
    "flow.SignPreservingFlow.at_loss",
    observations=OBSERVATIONS,
    W0=starts(),
    other=starts(),
    examples=6,
)
def test_flows_know_no_order_and_turn_with_the_signs_and_the_transposition(observations, W0, other):
    z, z_prime, eps = observations
    path, second = follow(observations, W0, other)
    swapped = follow(observations, other, W0)[::-1]
    for same, one in zip((path, second), swapped, strict=True):
        assert np.array_equal(same.W, one.W) and np.array_equal(same.t, one.t) and same.status == one.status
    alone = flow.sign_preserving_flow(problems.two_by_two(*observations), W0, depth=3, target_loss=TARGET, rtol=RTOL)
    assert np.array_equal(alone.W, path.W) and alone.det_sign == path.det_sign == np.sign(np.linalg.det(W0))
    (transposed,) = follow((z_prime, z, eps), W0.T)
    assert alike(transposed, path, lambda W: np.swapaxes(W, 1, 2))
    (flipped,) = follow((z, -z_prime, -eps), W0 * [[1], [-1]])
    assert alike(flipped, path, lambda W: W * [[1], [-1]]) and flipped.det_sign == -path.det_sign
    (negated,) = follow((-z, z_prime, -eps), W0 * [1, -1])
    assert alike(negated, path, lambda W: W * [1, -1])


@about(
    "flow.sign_preserving_flows",
    observations=OBSERVATIONS,
    W0=starts(),
    units=st.sampled_from([1e-30, 40.0]),
    examples=5,
)
def test_flows_in_other_units_go_at_another_pace(observations, W0, units):
    (path,) = follow(observations, W0)
    (scaled,) = follow(tuple(units * b for b in observations), units * W0, target_loss=units**2 * TARGET)
    assert alike(scaled, path, units=units)
    assert near(
        scaled.log_abs_det[-1] - 2 * np.log(units), path.log_abs_det[-1], TOLD, size=1 + abs(path.log_abs_det[-1])
    )


@about(
    "flow.sign_preserving_flows", "flow.SignPreservingFlow.at_loss", W0=starts(), depth=st.integers(2, 4), examples=6
)
def test_a_flow_goes_on_from_any_row_and_ends_where_it_is_told(W0, depth):
    (path,) = follow((1.0, 1.0, 0.0), W0, depth=depth)
    (short,) = follow((1.0, 1.0, 0.0), W0, depth=depth, target_loss=1e-3)
    assert near(short.W[-1], path.at_loss(short.loss[-1:]).W[0], TOLD)
    assert near(short.t[-1], path.at_loss(short.loss[-1:]).t[0], TOLD)
    row = int(np.argmax(path.loss < 0.1))
    given_det = (np.array([float(path.det_sign)]), path.log_abs_det[row : row + 1])
    (rest,) = follow((1.0, 1.0, 0.0), path.W[row], depth=depth, slogdet=given_det)
    late = LOSSES[1:]
    assert near(rest.at_loss(late).W, path.at_loss(late).W, TOLD)
    assert near(rest.at_loss(late).t + path.t[row], path.at_loss(late).t, TOLD)


# ---- the flow of the factors


@about(
    "flow.gradient_flow",
    "flow.Flow",
    factors=st.tuples(gaussians(2, 2), gaussians(2, 2), gaussians(2, 2)),
    rows=signed_permutations(2),
    columns=signed_permutations(2),
    Q=orthogonal(2),
    examples=2,
)
def test_the_flow_of_factors_turns_with_the_problem_and_knows_no_basis(factors, rows, columns, Q):
    values, observed = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[False, True], [True, True]])

    def end(factors, rows=np.eye(2), columns=np.eye(2), transpose=False, target=1e-2):
        shown, seen = rows @ values @ columns, np.abs(rows) @ observed @ np.abs(columns) > 0
        problem = problems.completion(shown.T, seen.T) if transpose else problems.completion(shown, seen)
        return flow.gradient_flow(problem, tuple(map(jnp.asarray, factors)), target_loss=target)

    W_1, W_2, W_3 = factors
    run = end(factors)
    others = [
        (end((W_1 @ columns, W_2, rows @ W_3), rows, columns), rows @ run.W[-1] @ columns),
        (end((Q @ W_1, W_2 @ Q.T, W_3)), run.W[-1]),
        (end((W_3.T, W_2.T, W_1.T), transpose=True), run.W[-1].T),
    ]
    for other, W in others:
        assert other.converged == run.converged and near(other.W[-1], W, 1e-5) and near(other.t[-1], run.t[-1], 1e-5)
    half = end(factors, target=float(np.sqrt(run.loss[0] * 1e-2)))
    rest = end(half.factors)
    assert near(half.t[-1] + rest.t[-1], run.t[-1], 1e-5) and near(rest.W[-1], run.W[-1], 1e-5)


@about(
    "flow.sign_preserving_flow",
    W0=gaussians(3, 3),
    turn=signed_permutations(3),
    other=signed_permutations(3),
    examples=4,
)
def test_larger_flows_turn_with_signed_permutations_and_the_transposition(W0, turn, other):
    assume(np.linalg.cond(W0) < 100)
    values, observed = np.diag([0.0, 0.0, 1.0]) + np.eye(3)[[1, 0, 2]] * [1, 1, 0], np.ones((3, 3), bool)
    observed[0, 0] = False
    ends = []
    for change in (lambda A: A, lambda A: turn @ A @ other, np.transpose):
        seen = np.abs(change(observed.astype(float))) > 0.5
        problem = problems.completion(change(values), seen)
        path = flow.sign_preserving_flow(problem, change(0.3 * W0), depth=3, target_loss=TARGET, rtol=RTOL)
        ends.append((change, path))
    (_, path), *others = ends
    for change, of_other in others:
        assert of_other.converged == path.converged
        assert near(of_other.W[-1], change(path.W[-1]), TOLD, size=1 + np.max(np.abs(path.W[-1])))
        assert near(of_other.t[-1] / path.t[-1], 1.0, TOLD)


@about("flow.gradient_flow", "flow.sign_preserving_flow", W0=starts(), examples=3)
def test_the_flow_of_balanced_factors_is_the_sign_preserving_one(W0):
    W0 = W0 if np.max(np.abs(W0)) > 1e-3 else np.diag([0.3, -0.2])  # factors leave a tiny start too slowly
    run = flow.gradient_flow(problems.two_by_two(), factorizations.balanced(W0, 3), target_loss=1e-3)
    (path,) = follow((1.0, 1.0, 0.0), W0, target_loss=1e-3)
    assert run.converged and near(run.W[-1], path.W[-1], 1e-5) and near(run.t[-1], path.t[-1], 1e-5)


@about(
    "symmetric.gradient_flows",
    U=gaussians(2, 2, 2),
    z=st.sampled_from([1.0, -0.7]),
    Q=orthogonal(3),
    examples=5,
)
def test_symmetric_flows_know_no_basis_and_are_those_of_their_products(U, z, Q):
    U = U * np.array([0.1, 0.5])[:, None, None]

    def follow_symmetric(z, U):
        return symmetric.gradient_flows(problems.two_by_two(z, z, 0.0), U, target_loss=TARGET)

    paths = follow_symmetric(z, U)
    wide = np.concatenate([U, np.zeros((2, 2, 1))], axis=2) @ Q
    for same, path in zip(follow_symmetric(z, wide), paths, strict=True):
        assert alike(same, path, depth=2) and path.det_sign == 1
    for flipped, path in zip(follow_symmetric(-z, U * [[1], [-1]]), paths, strict=True):
        assert alike(flipped, path, lambda W: W * [[1, -1], [-1, 1]], depth=2)
    plain = follow((z, z, 0.0), *(U @ np.swapaxes(U, 1, 2)), depth=2)
    for same, path in zip(plain, paths, strict=True):
        assert alike(same, path, depth=2)


# ---- what is read off a path


@cache
def path_of_depth_two(sign=1.0):
    return flow.sign_preserving_flow(problems.two_by_two(sign, sign), 0.1 * np.eye(2), depth=2, target_loss=1e-20)


@about("stability.flow_factors", depth=st.integers(2, 5), row=st.integers(0, 60), examples=10)
def test_factors_of_a_flow_are_balanced_row_by_row(depth, row):
    path = path_of_depth_two()
    factors = tuple(np.asarray(W) for W in stability.flow_factors(path, depth))
    product = factors[0]
    for W in factors[1:]:
        product = W @ product
    size = np.linalg.norm(path.W, axis=(1, 2), keepdims=True)
    assert near(product, path.W, 1e-6, size=size)  # the solver's error, of the determinant beside the entries
    rows = slice(row, row + 1)
    one = eqx.tree_at(lambda path: (path.W, path.log_abs_det), path, (path.W[rows], path.log_abs_det[rows]))
    assert all(near(W[0], V[row], 1e-14) for W, V in zip(stability.flow_factors(one, depth), factors, strict=True))
    gap = np.swapaxes(factors[1], 1, 2) @ factors[1] - factors[0] @ np.swapaxes(factors[0], 1, 2)
    assert near(gap, np.zeros_like(gap), 1e-13, size=size ** (2 / depth))
    early = 20  # rows, for later the entries of a factor do not tell its determinant
    logs = sum(np.log(np.linalg.svd(W[:early], compute_uv=False)).sum(axis=1) for W in factors)
    assert near(logs, path.log_abs_det[:early], 1e-12)


@about("stability.predicted_flip", nu=st.floats(1e-12, 1e-4))
def test_flips_are_later_the_better_balanced_and_know_no_signs(nu):
    path = path_of_depth_two()
    flip, end = stability.predicted_flip(path, nu)
    assert flip < end and near(stability.predicted_flip(path, -nu), [flip, end], 1e-15)
    assert near(stability.predicted_flip(path_of_depth_two(-1.0), nu), [flip, end], 1e-6)
    later = stability.predicted_flip(path, nu / 2)
    assert later[0] > flip and later[1] > end


@about("stability.predicted_sign_loss", nu=st.floats(1e-12, 1e-4))
def test_a_predicted_loss_of_the_sign_is_that_of_depth_two_and_comes_later_for_less(nu):
    path = path_of_depth_two(1.0)
    flip = stability.predicted_sign_loss(path, np.array([nu]))
    assert near(flip, stability.predicted_flip(path, nu)[0], 1e-12)
    assert stability.predicted_sign_loss(path, np.array([nu / 2])) > flip


@about("stability.departure", slow=st.floats(1.2, 3), bursts=gaussians(50), examples=10)
def test_a_run_departs_later_the_more_it_is_allowed(slow, bursts):
    """A made-up run: the flow's losses, with an excess that grows with the unseen entry."""
    path = path_of_depth_two()
    W = path.at_loss(np.geomspace(0.3, 1e-15, 50)).W
    loss = np.interp(np.log(W[:, 0, 0]), np.log(path.W[:, 0, 0]), np.log(path.loss))
    excess = np.exp(slow * np.arange(50.0) - 40) * np.exp(0.1 * bursts)
    run = SimpleNamespace(W=W, loss=np.exp(loss) * (1 + excess))
    found = [stability.departure(run, path, excess=allowed) for allowed in (0.01, 0.1, 1.0)]
    assert found == sorted(found) and found[0] < found[-1]
    mirrored = SimpleNamespace(W=-run.W, loss=run.loss)
    assert stability.departure(mirrored, path) == found[1]


# ---- columns for a page


@jax.jit
def columns(W0, observations):
    z, z_prime, eps = observations
    shown = live.flow_columns(W0, depth=3.0, target_loss=TARGET, z=z, z_prime=z_prime, eps=eps)
    return {name: shown[name] for name in ("loss", "w", "w12", "w21", "t", "least_norm", "rank_one_nuclear", "nuclear")}


@about("live.flow_columns", observations=OBSERVATIONS, W0=starts(), examples=5)
def test_columns_of_a_flow_turn_with_the_signs_and_the_transposition(observations, W0):
    z, z_prime, eps = observations
    shown = jax.tree.map(np.asarray, columns(W0, observations))
    assume(shown["loss"][-1] <= TARGET)  # else it ends anywhere: near the floor, or where its rows ran out
    (path,) = follow(observations, W0)
    size = 1 + abs(path.W[-1, 0, 0])
    last = {name: column[-1] for name, column in shown.items()}
    assert near([last["w"], last["w12"], last["w21"]], path.W[-1].ravel()[:3], 1e-4, size=size)
    for other, names in [
        (columns(W0.T, (z_prime, z, eps)), {"w12": "w21", "w21": "w12"}),
        (columns(W0 * [[1], [-1]], (z, -z_prime, -eps)), {}),
    ]:
        for name in ("loss", "w", "w12", "nuclear", "least_norm", "rank_one_nuclear"):
            ours, theirs = last[name], np.asarray(other[names.get(name, name)])[-1]
            assert near(theirs, ours, 1e-4, size=max(size, abs(ours))), name
