"""The functions of the package that a page runs, in JavaScript and in JAX, over grids of settings."""

import itertools
import zlib

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from in_node import TOLERANCE, assert_close, assert_same, both, run
from jax import lax

from implreg_core import bounds, descent, factorizations, live, norms, problems, ranks
from implreg_core.flow import _two_by_two as charts
from implreg_core.javascript import compile_to_javascript


def largest(x):
    return np.max(np.abs(x), initial=0.0)


def matrices(count, seed=0):
    """2 x 2 matrices of many shapes and sizes, some of them singular, symmetric, or blown up like the example's."""
    sizes = 10.0 ** jr.uniform(jr.key(seed), (count, 1, 1), minval=-6, maxval=6)
    random = np.asarray(sizes * jr.normal(jr.key(seed + 1), (count, 2, 2)))
    special = [[[1, 0], [0, 1]], [[1, 2], [2, 4]], [[0, 3], [3, 0]], [[5, 0], [0, 0]], [[1e12, 1], [1, 1e-12]]]
    return np.concatenate([random, np.array(special, float)])


MEASURES = {
    "singular values": ranks.singular_values,
    "effective rank": ranks.effective_rank,
    "distance": lambda W: ranks.distance_to_rank(W, 1),
    "loss": problems.two_by_two().loss,
    "perturbed loss": problems.two_by_two(-2.0, 0.5, 0.1).loss,
    "residual": problems.two_by_two(-2.0, 0.5, 0.1).residual,
    **{norm.name: norm for norm in (norms.nuclear, norms.frobenius, norms.spectral, norms.max_entry, norms.ky_fan(1))},
    **{f"Schatten {p}": norms.schatten(p) for p in (0.1, 0.5, 2, 3.5)},
    **{f"entrywise {p}": norms.entrywise(p) for p in (0.5, 1, 3)},
}


@pytest.mark.parametrize("name", MEASURES)
def test_measures_of_matrices(name):
    assert_close(lambda Ws: lax.map(MEASURES[name], Ws), matrices(40))


def test_a_zero_matrix_has_no_effective_rank_and_no_length():
    zero = np.zeros((2, 2))
    assert_same(lambda W: (ranks.effective_rank(W), ranks.singular_values(W), norms.nuclear(W)), zero, jit=True)


BOUNDS = {
    "nuclear norm": lambda loss: bounds.norm_lower_bound(norms.nuclear, loss),
    "Schatten 1/2": lambda loss: bounds.norm_lower_bound(norms.schatten(0.5), loss),
    "effective rank": bounds.effective_rank_upper_bound,
    "distance": bounds.distance_upper_bound,
    "sharp distance": bounds.sharp_distance_upper_bound,
    "sharp effective rank": bounds.sharp_effective_rank_upper_bound,
    "simple effective rank": bounds.simple_effective_rank_upper_bound,
    "unseen entry": bounds.unseen_entry_lower_bound,
    "perturbed unseen entry": lambda loss: bounds.unseen_entry_lower_bound(loss, -2.0, 0.5, 0.1),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_bounds(name):
    losses = np.concatenate([[0.0, 1.0, 2.0], np.geomspace(1e-28, 0.9, 40)])
    ((expected, found),) = both(lambda losses: lax.map(BOUNDS[name], losses), losses)
    # A lower bound for a norm is the difference of two terms, to whose size its rounding is relative.
    size = 16 if name in ("nuclear norm", "Schatten 1/2") else 0
    np.testing.assert_allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE * size)


@pytest.mark.parametrize("depth", [2, 3, 4])
@pytest.mark.parametrize("hidden", [2, 3])
def test_determinants_and_gradients_of_factors(depth, hidden):
    factors = factorizations.gaussian(jr.key(depth), depth, (2, 2), std=0.7, hidden=hidden)

    def function(factors, z):
        problem = problems.two_by_two(z, 0.5, 0.1)
        objective = lambda factors: problem.loss(factorizations.product_matrix(factors))  # noqa: E731
        return descent.objective_gradient(problem, factors), jax.grad(objective)(factors)

    assert_close(function, factors, -1.5, scale=largest)
    if hidden == 2:
        assert_close(factorizations.slogdet, factors)


def descend(problem, factors, learning_rate, target_loss, record_at):
    """The loop of `descent.gradient_descent`, without the rows of the factors."""
    options = dict(learning_rate=learning_rate, target_loss=target_loss, record_at=record_at)
    return descent.recorded_descent(problem, factors, **options)[:3]


STARTS = {
    "identity": lambda depth: factorizations.identity(0.1, depth),
    "balanced": lambda depth: factorizations.balanced(jnp.array([[0.2, 0.1], [-0.05, 0.3]]), depth),
    "unbalanced": lambda depth: factorizations.gaussian(jr.key(7), depth, (2, 2), std=0.6, hidden=3),
    "unfit sign": lambda depth: factorizations.balanced(jnp.array([[0.1, 0.3], [0.2, 0.1]]), depth),
}


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("depth", [2, 3, 4])
def test_gradient_descent_with_its_record(depth, start):
    """Thousands of steps, none at the edge of stability, where rounding errors grow: XLA fuses products and sums."""
    steps = np.pad(descent.log_spaced_steps(4000, per_decade=25), (0, 10), mode="edge")
    problem, factors = problems.two_by_two(1.0, 1.0, 0.05 * (depth == 3)), STARTS[start](depth)
    for rate, target in [(0.005, 0.0), (0.02, 1e-2)]:
        arguments = (problem, factors, jnp.asarray(rate), jnp.asarray(target), steps)
        (step, found_step), (loss, found_loss), (W, found_W) = both(descend, *arguments)
        np.testing.assert_array_equal(found_step, step)
        for expected, found in zip(W.reshape(-1, 4), found_W.reshape(-1, 4)):
            np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE * largest(expected))
        # A residual is a difference, with an absolute error, and the loss is half the square of that.
        assert np.all(np.abs(found_loss - loss) <= TOLERANCE * (loss + np.sqrt(np.maximum(loss, found_loss))))


def test_a_diverging_descent_stops_where_it_does_in_jax():
    steps = np.pad(descent.log_spaced_steps(400), (0, 10), mode="edge")
    arguments = (problems.two_by_two(), factorizations.identity(4.0, 3), jnp.asarray(0.5), jnp.asarray(0.0), steps)
    (expected, found), *_ = both(descend, *arguments)
    assert 0 < expected.max() < 400
    np.testing.assert_array_equal(found, expected)


def test_steps_of_gradient_descent_are_the_same_bit_for_bit():
    problem = problems.two_by_two(1.0, 1.0, 0.05)

    def function(factors, rate):
        def step(_, factors):
            return tuple(W - rate * g for W, g in zip(factors, descent.objective_gradient(problem, factors)))

        factors = lax.fori_loop(0, 25, step, factors)
        return factors, problem.loss(factorizations.product_matrix(factors))

    for depth in (2, 3):
        assert_same(function, STARTS["balanced"](depth), jnp.asarray(0.1))


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_balanced_factors(depth):
    """Near a product of equal singular values, their vectors depend on the last bit: it is left out."""

    def factors_of(W):
        return jnp.concatenate([F.ravel() for F in factorizations.balanced(W, depth)])

    for expected, found in zip(*(x.reshape(-1, 4 * depth) for x in both(rows(factors_of), matrices(40))[0])):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11 * largest(expected))


def rows(function):
    return lambda Ws: lax.map(function, Ws)


EARLY, LATE = jnp.asarray(3), jnp.asarray(charts.LATE)


def flow_arguments(depth, values, sign):
    problem = problems.two_by_two(*values)
    one = jnp.ones(())
    return charts.Flow(problem.values, sign * one, depth * one, 0.3 * one, 1e-20 * one, 1e-7 * one)


@pytest.mark.parametrize("values", [(1.0, 1.0, 0.0), (-2.0, 0.5, 0.1)])
@pytest.mark.parametrize("depth", [2.0, 3.0, 5.0])
def test_velocities_of_the_flow(depth, values):
    flow = flow_arguments(depth, values, 1.0)
    early = np.asarray(jr.normal(jr.key(0), (6, 6))) * np.array([1, 1, 1, 1, 4, 1.0])
    late = np.asarray(jr.normal(jr.key(1), (6, 6))) * np.array([4, 0.5, 0.5, 0.5, 2, 3])

    def function(early, late, flow):
        early = lax.map(lambda y: charts.rate(y, EARLY, flow), early)
        return early, lax.map(lambda y: (charts.rate(y, LATE, flow), charts.error_scale(y, LATE, flow)), late)

    assert_close(function, early, late, flow, scale=largest)
    assert_same(lambda ys: lax.map(lambda y: charts.is_at_floor(charts.read(y, LATE, flow), flow), ys), late)


@pytest.mark.parametrize("depth", [2.0, 3.0])
def test_a_path_of_the_flow(depth):
    """Classical Runge-Kutta steps through the early chart, with the steps as a recorded scan."""
    flow, W0 = flow_arguments(depth, (1.0, 1.0, 0.0), 1.0), jnp.array([[0.2, 0.05], [0.05, 0.2]])

    def function(W0, flow, h):
        rate = lambda y: charts.rate(y, EARLY, flow)  # noqa: E731

        def step(y, _):
            a = rate(y)
            b = rate(y + h / 2 * a)
            c = rate(y + h / 2 * b)
            y = y + h / 6 * (a + 2 * b + 2 * c + rate(y + h * c))
            return y, charts.read(y, EARLY, flow).W

        q = jnp.log(W0[0, 0] * W0[1, 1] - W0[0, 1] * W0[1, 0])
        start = charts.early_write(charts.State(W0, W0 - flow.values, q, jnp.zeros(())), flow)
        return lax.scan(step, start, None, 100)

    assert_close(function, W0, flow, 0.01, scale=largest)


# The programs of the page, each with a grid of settings away from chaos. Left out are the edge of stability, where
# rounding errors grow; depth 2 after the determinant has changed its sign, which magnifies them a hundredfold; and
# losses below the rounding of a residual, which for eps = 0 is no bound.

PRODUCTS = [
    [[0.1, 0.03], [0.02, 0.1]],
    [[-0.03, 0.1], [0.1, 0.02]],
    [[0.01, 0.0], [0.0, 0.01]],
    [[1, 0.3], [-0.2, 0.5]],
]
DIRECTIONS = {depth: factorizations.gaussian(jr.key(0), depth, (2, 2), std=1.0) for depth in (2, 3, 4)}


def descent_program(depth):
    return lambda W0, learning_rate, eps: live.descent_columns(
        W0, learning_rate, eps=eps, depth=depth, max_steps=4000, target_loss=1e-3
    )


def leaky_program(depth):
    return lambda scale, slope, learning_rate: live.leaky_columns(
        scale, slope, learning_rate, directions=DIRECTIONS[depth], max_steps=3000
    )


def flow_program(W0, depth, eps):
    return live.flow_columns(W0, depth=depth, eps=eps, target_loss=jnp.where(eps == 0, 1e-20, 1e-12))


PROGRAMS = {
    **{f"descent, depth {depth}": (descent_program(depth), PRODUCTS, [0.003, 0.01], [0.0, 0.1]) for depth in (2, 3, 4)},
    **{
        f"leaky, depth {depth}": (leaky_program(depth), [0.01, 0.1], [0.0, 0.3, 1.0], [0.01, 0.02])
        for depth in (2, 3, 4)
    },
    "flow": (flow_program, PRODUCTS, [2.0, 3.0, 6.5], [-0.1, 0.0, 0.1, 0.5]),
}
RELATIVE_TO_W = ("w", "w12", "w21", "w22", "unseen_entry", "sigma_2", "distance")


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_of_the_page(name):
    program, *values = PROGRAMS[name]
    settings = [[jnp.asarray(value, float) for value in setting] for setting in itertools.product(*values)]
    source = compile_to_javascript(program, *settings[0], name="f")
    compiled = jax.jit(program)
    for setting in settings:
        columns = compiled(*setting)
        size = np.asarray(columns["frobenius"])
        for (column, expected), found in zip(sorted(columns.items()), run(source, *setting), strict=True):
            expected = np.asarray(expected, float)
            if column == "unseen_entry_bound":  # a quotient of differences from the root of the loss
                tolerance = TOLERANCE * (1 + expected) ** 2
            elif column == "loss":  # a residual is a difference, and the loss is half the square of that
                tolerance = TOLERANCE * (expected + np.sqrt(expected))
            elif column in ("t", "time", "entry_law", "loss_law"):  # at the end they hang on the loss, as known as that
                tolerance = 1000 * TOLERANCE * expected
            elif column in ("tightness", "decades"):
                tolerance = TOLERANCE * (1 + 1 / np.sqrt(np.asarray(columns["loss"]))) * (1 + size)
            else:
                tolerance = TOLERANCE * (size if column in RELATIVE_TO_W else np.abs(expected))
            assert np.all(np.abs(found - expected) <= tolerance), (column, setting)


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_the_whole_descent_is_a_few_kilobytes(depth):
    scalar = jnp.asarray(0.1)
    steps = descent.log_spaced_steps(10**6)
    arguments = (problems.two_by_two(), factorizations.identity(0.1, depth), scalar, scalar, steps)
    source = compile_to_javascript(descend, *arguments, name="descend")
    assert len(zlib.compress(source.encode(), 9)) < 800 + 800 * depth  # seen: 2.0, 2.6 and 3.2 kB


def test_the_flow_of_all_depths_is_thirteen_kilobytes():
    source = compile_to_javascript(flow_program, jnp.eye(2), jnp.asarray(2.0), jnp.asarray(0.0), name="flow")
    assert len(zlib.compress(source.encode(), 9)) < 13_000  # with all columns
