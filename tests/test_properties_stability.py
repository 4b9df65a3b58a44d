"""Relations between calls of `stability`, and the columns of descent in `live`."""

import jax
import numpy as np
import optax
from hypothesis import strategies as st
from properties import ENTRIES, NONZERO, about, gaussians, near, orthogonal, signed_permutations
from short_descents import OPTIONS, ROUNDING, SHOWN, STARTS, STEPS, alike, arrays, changed, descend, transposed

from implreg_core import descent, factorizations, live, problems, stability, trajectories

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
    "stability.weak_crossing",
    nu=gaussians(3),
    c=st.sampled_from([1e-100, 0.3, 1e100]),
)
def test_a_weak_crossing_is_homogeneous_and_knows_no_direction(nu, c):
    value = stability.weak_crossing(nu)
    assert near(stability.weak_crossing(c * nu), c**2 * value, 1e-7)
    assert near(stability.weak_crossing(-nu[::-1]), value, 1e-7)  # the factors in the other order


@about(
    "stability.weak_unbalancedness",
    "stability.weak_gaps",
    "stability.strong_gap",
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
    assert near(stability.weak_gaps((W_1, W_2)), [nu], 1e-15)
    rows, turned = (W_1[None], W_2[None]), ((Q @ W_1)[None], (W_2 @ Q.T)[None])
    assert near(stability.strong_gap(turned), stability.strong_gap(rows), 1e-12, size=size)


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
