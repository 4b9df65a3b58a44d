"""Relations between runs of descent: `descent`, `nonlinear`, `symmetric`."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import strategies as st
from properties import about, gaussians, matrices, near, orthogonal, permutations, signed_permutations
from short_descents import (
    OPTIONS,
    RECORD_AT,
    ROUNDING,
    RUNS,
    SHOWN,
    STARTS,
    STEPS,
    alike,
    arrays,
    changed,
    descend,
    transposed,
)

from implreg_core import descent, factorizations, nonlinear, problems, symmetric


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
    assert all(map(near, turned, (gradient[0] @ columns, gradient[1], rows @ gradient[2])))
    assert all(map(near, gradient, derivative(first, problem)))


gradient_of = jax.jit(descent.objective_gradient)
derivative = jax.jit(jax.grad(lambda factors, problem: problem.loss(factorizations.product_matrix(factors))))


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
    twice = descent.checked_descents(TwiceAsSteep(), problem, starts, **settings | {"learning_rate": rates / 2})
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


class TwiceAsSteep(eqx.Module):
    def matrix(self, factors):
        return factorizations.product_matrix(factors)

    def gradient(self, problem, factors):
        return tuple(2 * G for G in descent.objective_gradient(problem, factors))


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
