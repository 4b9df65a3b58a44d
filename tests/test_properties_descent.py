"""Relations between runs of descent: `descent`, `nonlinear`, `symmetric`, `stability`, and their columns in `live`."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from properties import ENTRIES, NONZERO, about, gaussians, matrices, near, orthogonal, permutations, signed_permutations

from implreg_core import (
    descent,
    factorizations,
    live,
    nonlinear,
    problems,
    stability,
    symmetric,
    trajectories,
)

RUNS, STEPS = 3, 30
OPTIONS = {"learning_rate": 0.02, "max_steps": STEPS, "records_per_decade": 5}
STARTS = st.tuples(gaussians(RUNS, 3, 2), gaussians(RUNS, 3, 3), gaussians(RUNS, 2, 3))  # products of 2 x 2
MASKS = hnp.arrays(bool, (2, 2), elements=st.booleans()).filter(np.any)
SHOWN = st.tuples(matrices(2, 2), MASKS)
ROUNDING = 1e-10  # 30 stable steps, each of which rounds to 1e-16 and may enlarge errors by a third


RECORD_AT = descent.log_spaced_steps(STEPS, OPTIONS["records_per_decade"])


def changed(problem, rows=np.eye(2), columns=np.eye(2), scale=1.0):
    """The problem of `rows @ W @ columns`, of signed permutations, times a scale."""
    observed = np.abs(rows) @ np.asarray(problem.observed) @ np.abs(columns) > 0
    return problems.completion(scale * rows @ np.asarray(problem.values) @ columns, observed)


def transposed(problem):
    return problems.completion(problem.values.T, problem.observed.T)


def alike(runs, others, change=lambda W: W, scale=1.0, rounding=ROUNDING):
    """Whether runs are the others, of which the products are changed; where they diverge, both do."""
    return len(runs) == len(others) and all(
        np.array_equal(run.step, other.step)
        and near(run.loss / scale**2, other.loss, rounding)
        and near(run.W / scale, change(other.W), rounding)
        for run, other in zip(runs, others, strict=True)
    )


def arrays(factors):
    return tuple(map(jnp.asarray, factors))


def descend(problem, starts, **options):
    return descent.gradient_descents(problem, arrays(starts), **OPTIONS | options)


def descend_network(problem, starts, activation):
    return nonlinear.gradient_descents(problem, arrays(starts), activation, **OPTIONS)


@about(
    "descent.gradient_descents",
    "descent.objective_gradient",
    shown=SHOWN,
    starts=STARTS,
    rows=signed_permutations(2),
    columns=signed_permutations(2),
    Q=orthogonal(3),
    examples=6,
)
def test_descent_knows_no_order_no_signs_and_no_basis_of_hidden_layers(shown, starts, rows, columns, Q):
    problem = problems.completion(*shown)
    W_1, W_2, W_3 = starts
    runs = descend(problem, starts)
    same = descend(changed(problem, rows, columns), (W_1 @ columns, W_2, rows @ W_3))
    assert alike(same, runs, lambda W: rows @ W @ columns)
    assert alike(descend(problem, (Q @ W_1, W_2 @ Q.T, W_3)), runs)
    reverse = tuple(np.swapaxes(W, 1, 2) for W in (W_3, W_2, W_1))
    assert alike(descend(transposed(problem), reverse), runs, lambda W: np.swapaxes(W, 1, 2))
    first = tuple(W[0] for W in starts)
    gradient = gradient_of(problem, first)
    turned = gradient_of(changed(problem, rows, columns), (first[0] @ columns, first[1], rows @ first[2]))
    assert (
        near(turned[0], gradient[0] @ columns) and near(turned[2], rows @ gradient[2]) and near(turned[1], gradient[1])
    )
    plain = jax.grad(lambda factors: problem.loss(factorizations.product_matrix(factors)))(
        tuple(map(jnp.asarray, first))
    )
    assert all(map(near, gradient, plain))


gradient_of = jax.jit(descent.objective_gradient)


@about(
    "descent.gradient_descents",
    shown=SHOWN,
    starts=STARTS,
    scale=st.sampled_from([1e-60, 1e-3, 1e60]),
    examples=10,
)
def test_descent_in_other_units_takes_other_rates(shown, starts, scale):
    """The time of the flow goes with the units to the power 2 / L - 2."""
    problem = problems.completion(*shown)
    rate = OPTIONS["learning_rate"] * scale ** (2 / 3 - 2)
    scaled = tuple(scale ** (1 / 3) * W for W in starts)
    runs = descend(changed(problem, scale=scale), scaled, learning_rate=rate)
    assert alike(runs, descend(problem, starts), scale=scale)


@about(
    "descent.gradient_descent",
    "descent.Descent",
    "descent.Descent.status",
    "descent.recorded_descent",
    "descent.checked_descents",
    "descent.check_start",
    shown=SHOWN,
    starts=STARTS,
    order=permutations(RUNS),
    examples=5,
)
def test_one_run_is_each_of_many_in_any_order(shown, starts, order):
    problem = problems.completion(*shown)
    rates = np.array([0.02, 0.1, 5.0])  # of which the last may diverge
    starts, settings = arrays(starts), OPTIONS | {"target_loss": 0.1, "learning_rate": rates}
    runs = descend(problem, starts, **settings)
    others = descend(problem, [W[order] for W in starts], **settings | {"learning_rate": rates[order]})
    twice = descent.checked_descents(twice_as_fast, problem, starts, **settings | {"learning_rate": rates / 2})
    alone = [
        descent.gradient_descent(problem, tuple(W[r] for W in starts), **settings | {"learning_rate": float(rates[r])})
        for r in range(RUNS)
    ]
    assert [run.status for run in alone] == [run.status for run in runs]
    for same in (alone, twice, [others[i] for i in np.argsort(order)]):
        assert alike(same, runs) and [run.diverged_at for run in same] == [run.diverged_at for run in runs]
    first = descent.check_start(problem, tuple(W[0] for W in starts))
    assert all(map(np.array_equal, descent.check_start(problem, first), first))
    step, loss, W, _ = recorded(problem, first, 0.02, 0.1)
    new = np.append(True, np.diff(step) > 0)  # rows after the end repeat the last one
    assert np.array_equal(step[new], runs[0].step) and near(loss[new], runs[0].loss) and near(W[new], runs[0].W)


def twice_as_fast(problem, factors, rates, *rest):
    return descent._descend(problem, factors, 2 * rates, *rest)


@jax.jit
def recorded(problem, factors, rate, target_loss):
    options = {"learning_rate": rate, "record_at": RECORD_AT, "target_loss": target_loss}
    return descent.recorded_descent(problem, factors, **options)


@about("descent.gradient_descents", shown=SHOWN, starts=STARTS, split=st.integers(1, STEPS - 1), examples=10)
def test_a_run_continued_is_one_run_and_a_target_only_ends_it(shown, starts, split):
    problem = problems.completion(*shown)
    whole = descend(problem, starts)
    first = descend(problem, starts, max_steps=split)
    rest = descend(problem, tuple(jnp.stack(W) for W in zip(*(run.factors for run in first))), max_steps=STEPS - split)
    for run, part in zip(whole, rest, strict=True):
        assert near(part.W[-1], run.W[-1]) and near(part.loss[-1], run.loss[-1], ROUNDING)
    target = float(whole[0].loss[3])
    stopped, *_ = descend(problem, starts, target_loss=target)
    n = int(np.argmax(whole[0].loss <= target))
    assert stopped.converged and near(stopped.W[: n + 1], whole[0].W[: n + 1])


@about("descent.gradient_descents", shown=SHOWN, W0=gaussians(RUNS, 2, 2), rate=st.floats(0.01, 1.9), examples=5)
def test_descent_of_depth_one_is_plain_descent(shown, W0, rate):
    """Of the misfit, which each step multiplies by 1 - rate; hidden entries stay."""
    problem = problems.completion(*shown)
    for run, start in zip(descend(problem, (W0,), learning_rate=rate), W0, strict=True):
        misfit = (1 - rate) ** run.step[:, None, None] * np.asarray(problem.residual(start))
        expected = np.where(problem.observed, problem.values + misfit, start)
        assert near(run.W, expected, 1e-13, size=np.max(np.abs([start, problem.values])))


@about("descent.log_spaced_steps", last=st.integers(1, 10**9), per_decade=st.integers(1, 100), examples=50)
def test_more_records_are_denser(last, per_decade):
    steps, denser = (descent.log_spaced_steps(last, n) for n in (per_decade, 2 * per_decade))
    assert len(steps) <= len(denser) and steps[0] == denser[0] == 0 and steps[-1] == denser[-1] == last
    longer = descent.log_spaced_steps(10 * last, per_decade)
    assert abs(len(longer) - len(steps)) <= per_decade + 1 and np.all(np.diff(longer) > 0)


# ---- networks


ACTIVATIONS = [nonlinear.LeakyReLU(1.0), nonlinear.LeakyReLU(0.3), nonlinear.LeakyReLU(0.0), nonlinear.Tanh(1.5)]
complete = jax.jit(nonlinear.completed_matrix)


@about(
    "nonlinear.LeakyReLU",
    "nonlinear.LeakyReLU.__call__",
    "nonlinear.Tanh",
    "nonlinear.Tanh.__call__",
    x=matrices(3, 2),
    s=st.floats(0, 1),
    t=st.floats(0, 1),
    c=st.floats(0.01, 100),
)
def test_activations_compose_scale_and_reflect(x, s, t, c):
    leaky, tanh = nonlinear.LeakyReLU, nonlinear.Tanh
    x = jnp.asarray(x)
    assert near(leaky(s)(leaky(t)(x)), leaky(s * t)(x), 1e-15) and near(leaky(s)(c * x), c * leaky(s)(x), 1e-15)
    assert near(leaky(s)(x) - leaky(s)(-x), (1 + s) * x, 1e-15)
    assert near(tanh(c)(x), tanh(1.0)(c * x) / c, 1e-15 * 4) and near(tanh(c)(-x), -tanh(c)(x), 1e-15)
    assert np.all(np.abs(tanh(2 * c)(x)) <= np.abs(tanh(c)(x)) * (1 + 1e-14)) and near(tanh(1e-9)(x), x, 1e-15 * 4)


@about(
    "nonlinear.completed_matrix",
    factors=st.tuples(matrices(3, 2), matrices(3, 3), matrices(2, 3)),
    neurons=permutations(3),
    columns=permutations(2),
)
def test_networks_know_no_order_of_neurons_inputs_and_outputs(factors, neurons, columns):
    W_1, W_2, W_3 = factors
    size = np.prod([np.linalg.norm(W) for W in factors])
    for activation in ACTIVATIONS:
        W = np.asarray(complete(factors, activation))
        assert near(complete((W_1[neurons], W_2[:, neurons], W_3), activation), W, 1e-14, size=size)
        assert near(complete((W_1[:, columns], W_2, W_3[::-1]), activation), W[::-1, columns], 1e-15, size=size)
        if isinstance(activation, nonlinear.LeakyReLU):  # positively homogeneous
            assert near(complete((3.0 * W_1, W_2, W_3 / 3.0), activation), W, 1e-14, size=size)
    assert near(complete(factors, ACTIVATIONS[0]), W_3 @ W_2 @ W_1, 1e-14, size=size)


@about(
    "nonlinear.gradient_descents",
    "nonlinear.gradient_descent",
    "nonlinear.recorded_descent",
    shown=SHOWN,
    starts=STARTS,
    neurons=permutations(3),
    examples=4,
)
def test_descent_of_networks_is_descent_where_they_are_linear(shown, starts, neurons):
    problem = problems.completion(*shown)
    W_1, W_2, W_3 = starts
    assert alike(descend_network(problem, starts, nonlinear.LeakyReLU(1.0)), descend(problem, starts))
    activation = nonlinear.LeakyReLU(0.3)
    runs = descend_network(problem, starts, activation)
    swapped = (W_1[:, neurons], W_2[:, :, neurons], W_3)
    assert alike(descend_network(problem, swapped, activation), runs)
    first = tuple(W[0] for W in starts)
    assert alike([nonlinear.gradient_descent(problem, arrays(first), activation, **OPTIONS)], runs[:1])
    _, loss, W, _ = network(problem, first, activation)
    assert near(loss, runs[0].loss, ROUNDING) and near(W, runs[0].W, ROUNDING)


@jax.jit
def network(problem, factors, activation):
    return nonlinear.recorded_descent(problem, factors, activation, learning_rate=0.02, record_at=RECORD_AT)


# ---- symmetric factorizations

SYMMETRIC = SHOWN.map(lambda shown: (shown[0] + shown[0].T, shown[1] | shown[1].T))


@about(
    "symmetric.objective",
    "symmetric.gradient_descents",
    shown=SYMMETRIC,
    U=gaussians(RUNS, 2, 3),
    P=signed_permutations(2),
    Q=orthogonal(3),
    examples=6,
)
def test_symmetric_descent_knows_no_basis_and_turns_with_the_problem(shown, U, P, Q):
    problem = problems.completion(*shown)
    turned = changed(problem, P, P.T)
    value = symmetric.objective(problem, U[0])
    assert near(symmetric.objective(problem, U[0] @ Q), value) and near(symmetric.objective(turned, P @ U[0]), value)
    assert near(2 * value, problem.loss(U[0] @ U[0].T))
    runs = symmetric.gradient_descents(problem, U, **OPTIONS)
    assert alike(symmetric.gradient_descents(problem, U @ Q, **OPTIONS), runs)
    assert alike(symmetric.gradient_descents(turned, P @ U, **OPTIONS), runs, lambda W: P @ W @ P.T)
    assert all(near(run.factors[0], run.factors[1].T, 1e-13) for run in runs)


@about(
    "symmetric.lift",
    "symmetric.unlifted_factors",
    shown=SHOWN,
    U=gaussians(1, 4, 3),
    examples=5,
)
def test_lifted_descent_is_descent_on_the_block(shown, U):
    problem = problems.completion(*shown)
    lifted = symmetric.lift(problem)
    factors = symmetric.unlifted_factors(U[0], rows=2)
    assert near(symmetric.objective(lifted, U[0]), problem.loss(factorizations.product_matrix(factors)))
    swapped = symmetric.lift(transposed(problem))
    assert near(symmetric.objective(swapped, U[0][[2, 3, 0, 1]]), symmetric.objective(lifted, U[0]))
    (run,) = symmetric.gradient_descents(lifted, U, **OPTIONS)
    (block,) = descend(problem, tuple(W[None] for W in factors))
    assert near(run.W[:, :2, 2:], block.W, ROUNDING)


# ---- optimizers and sharpness


@about("stability.optimizer_descents", "stability.OptimizerDescent", shown=SHOWN, starts=STARTS, examples=4)
def test_optimizers_know_no_order_and_plain_ones_are_descent(shown, starts):
    problem = problems.completion(*shown)
    W_1, W_2, W_3 = starts
    settings = OPTIONS | {"max_steps": 12}
    runs = stability.optimizer_descents(problem, arrays(starts), optax.sgd, **settings)
    assert alike(runs, descend(problem, starts, max_steps=12))
    turned = problems.completion(problem.values[::-1], problem.observed[::-1])
    with jax.numpy_dtype_promotion("standard"):  # optax's Adam raises a float to its integer step count
        runs = stability.optimizer_descents(problem, arrays(starts), optax.adam, **settings)
        others = stability.optimizer_descents(turned, arrays((W_1, -W_2, -W_3[:, ::-1])), optax.adam, **settings)
    for run, other in zip(runs, others, strict=True):  # Adam divides by roots, in which roundings count for more
        assert near(other.W, run.W[:, ::-1], 1e-6) and np.array_equal(run.step, other.step)


@about(
    "stability.sharpness",
    shown=SHOWN,
    starts=STARTS,
    rows=signed_permutations(2),
    Q=orthogonal(3),
    scale=st.sampled_from([1e-30, 7.0, 1e30]),
    examples=10,
)
def test_sharpness_knows_no_basis_no_order_and_the_units(shown, starts, rows, Q, scale):
    problem = problems.completion(*shown)
    W_1, W_2, W_3 = factors = tuple(W[0] for W in starts)
    value = sharpness(problem, factors)
    assert near(sharpness(problem, (Q @ W_1, W_2 @ Q.T, W_3)), value)
    assert near(sharpness(changed(problem, rows), (W_1, W_2, rows @ W_3)), value)
    assert near(sharpness(transposed(problem), (W_3.T, W_2.T, W_1.T)), value)
    scaled = tuple(scale ** (1 / 3) * W for W in factors)
    assert near(sharpness(changed(problem, scale=scale), scaled), value * scale ** (2 - 2 / 3), 1e-11)


sharpness = jax.jit(stability.sharpness)


@about("stability.edge_of_stability", rate=st.floats(1e-6, 1), depth=st.integers(2, 6), c=st.floats(0.01, 100))
def test_the_edge_of_stability_is_a_power_law(rate, depth, c):
    edge = stability.edge_of_stability(rate, depth)
    assert near(stability.edge_of_stability(c * rate, depth), edge * c ** (-depth / (2 * depth - 2)))
    assert near(stability.edge_of_stability(rate, depth, momentum=0.5), stability.edge_of_stability(rate / 1.5, depth))
    assert near(stability.edge_of_stability(np.array([rate, rate]), depth), np.array([edge, edge]), 1e-15)


@about(
    "stability.fitted_law",
    logs=gaussians(6),
    order=permutations(6),
    c=st.sampled_from([1e-100, 0.3, 1e100]),
    depth=st.integers(2, 4),
)
def test_a_fitted_law_scales_with_the_points_and_knows_no_order(logs, order, c, depth):
    rates, w = np.geomspace(1e-3, 0.1, 6), np.exp(logs)
    (p, p_error), (C, C_error) = stability.fitted_law(rates, w, depth)
    for found in (stability.fitted_law(rates, c * w, depth), stability.fitted_law(rates[order], c * w[order], depth)):
        (q, q_error), (D, D_error) = found
        size = 1e-9 * (1 + abs(np.log(c)))  # of the logarithms that are fitted
        assert near([q, q_error], [p, p_error], size, size=1) and near([D / c, D_error / c], [C, C_error], size)


@about(
    "stability.weak_unbalancedness",
    W_1=gaussians(2, 2),
    W_2=gaussians(2, 2),
    Q=orthogonal(2),
    scale=st.sampled_from([1e-100, 1e100]),
)
def test_weak_unbalancedness_changes_its_sign_in_reverse(W_1, W_2, Q, scale):
    nu = stability.weak_unbalancedness(W_1, W_2)
    size = np.sum(W_1**2) + np.sum(W_2**2)
    conditioned = 1e-9  # the weak directions of Gaussian factors may be nearly orthogonal or undetermined
    assert near(stability.weak_unbalancedness(W_2.T, W_1.T), -nu, conditioned, size=size + abs(nu))
    for same in ((Q @ W_1, W_2 @ Q.T), (W_1 @ Q, Q @ W_2), (-W_1, W_2)):
        assert near(stability.weak_unbalancedness(*same), nu, conditioned, size=size + abs(nu))
    assert near(stability.weak_unbalancedness(scale * W_1, scale * W_2), nu * scale**2, 1e-13, size=scale**2 * size)


# ---- columns for a page


@about(
    "live.descent_columns",
    "live.leaky_columns",
    W0=gaussians(2, 2),
    observations=st.tuples(NONZERO, NONZERO, ENTRIES),
    examples=4,
)
def test_columns_of_descent_are_those_of_the_run_whatever_the_signs(W0, observations):
    z, z_prime, eps = observations
    settings = {"max_steps": STEPS, "target_loss": 0.0}
    columns = descent_columns(W0, *observations)
    others = [
        descent_columns(W0.T, z_prime, z, eps),
        descent_columns(W0 * [[1], [-1]], z, -z_prime, -eps),
        leaky_columns(W0, *observations),
    ]
    run = descent.gradient_descent(
        problems.two_by_two(*observations),
        factorizations.balanced(W0, 2),
        learning_rate=0.02,
        records_per_decade=5,
        **settings,
    )
    others.append(trajectories.measures(problems.two_by_two(*observations), run))
    size = np.max(columns["nuclear"])
    for other in others:
        for name in COLUMNS:
            assert near(other[name], columns[name], ROUNDING, size=np.max(columns[name]) + size), name


COLUMNS = ["loss", "nuclear", "unseen_entry", "sigma_2", "step", "time"]


@jax.jit
def descent_columns(W0, z, z_prime, eps):
    named = {"z": z, "z_prime": z_prime, "eps": eps}
    shown = live.descent_columns(W0, 0.02, depth=2, max_steps=STEPS, target_loss=0.0, per_decade=5, **named)
    return {name: shown[name] for name in COLUMNS}  # what is not used is not compiled


@jax.jit
def leaky_columns(W0, z, z_prime, eps):
    """Linear ones, of slope 1."""
    options = {"z": z, "z_prime": z_prime, "eps": eps, "max_steps": STEPS, "target_loss": 0.0, "per_decade": 5}
    return live.leaky_columns(1.0, 1.0, 0.02, directions=factorizations.balanced(W0, 2), **options)
