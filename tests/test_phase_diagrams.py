from functools import partial

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from implreg_core import bounds, descent, factorizations, phase_diagrams, problems
from implreg_core.phase_diagrams import Axis

RUNS = 12
SETTINGS = dict(runs=RUNS, target_loss=1e-2, max_time=60.0)
GAUSSIAN = partial(phase_diagrams.gaussian_start, depth=3)


@pytest.fixture(scope="module")
def by_rate():
    return phase_diagrams.phase_diagram(
        jr.key(0), GAUSSIAN, Axis("learning_rate", [0.02, 0.05]), Axis("scale", [1e-4, 1e-2, 1.0]), **SETTINGS
    )


def test_a_cell_is_what_single_runs_give(by_rate):
    keys = jr.split(jr.key(0), (3, RUNS))
    for row, rate in enumerate([0.02, 0.05]):
        for column, scale in enumerate([1e-4, 1.0]):
            column, start = 2 * column, phase_diagrams.gaussian_start(keys[2 * column, 5], depth=3, scale=scale)
            run = descent.gradient_descent(
                problems.two_by_two(), start, learning_rate=rate, max_steps=int(60 / rate), target_loss=1e-2
            )
            np.testing.assert_allclose(by_rate.W[row, column, 5], run.W[-1], rtol=1e-6, atol=1e-9)
            assert by_rate.loss[row, column, 5] == pytest.approx(run.loss[-1], rel=1e-6)
            assert by_rate.fits[row, column, 5] == run.converged
            signs = [factorizations.slogdet(factors)[0] for factors in (start, run.factors)]
            assert by_rate.same_sign[row, column, 5] == (signs[0] == signs[1])
            nu = factorizations.unbalancedness(start)
            assert by_rate.unbalancedness[row, column, 5] == pytest.approx(float(nu), rel=1e-9)


def test_outcomes_follow_from_where_the_runs_stopped(by_rate):
    w, loss = np.abs(by_rate.W[..., 0, 0]), by_rate.loss
    r = np.sqrt(2 * loss)
    expected = (loss <= 1e-2) & (w >= np.maximum(1 - r, 0) ** 2 / r)
    assert np.array_equal(by_rate.blows_up, expected) and expected.any() and not expected.all()
    assert np.array_equal(by_rate.fraction, expected.mean(-1))
    low, high = by_rate.interval
    assert np.all((low <= by_rate.fraction + 1e-12) & (by_rate.fraction <= high + 1e-12) & (low < high))
    assert by_rate.effective_rank.shape == loss.shape and np.all(by_rate.effective_rank >= 1)


def test_positive_determinant_at_the_end_implies_blow_up(by_rate):
    kept = by_rate.fits & (np.linalg.det(by_rate.W) > 0)
    assert kept.any() and np.all(by_rate.blows_up[kept])
    assert np.array_equal(by_rate.keeps_sign, kept)  # all starts are positive
    assert np.any(by_rate.blows_up & ~kept)  # the converse is false
    assert np.array_equal(by_rate.fraction_of("keeps_sign"), kept.mean(-1))
    assert np.array_equal(by_rate.interval_of("blows_up"), by_rate.interval)


def test_rows_of_learning_rates_share_their_starts(by_rate):
    assert np.array_equal(by_rate.unbalancedness[0], by_rate.unbalancedness[1])
    assert not np.array_equal(by_rate.unbalancedness[0, 0], by_rate.unbalancedness[0, 1])


def test_the_same_key_gives_the_same_diagram(by_rate):
    axes = by_rate.rows, by_rate.columns
    again = phase_diagrams.phase_diagram(jr.key(0), GAUSSIAN, *axes, **SETTINGS)
    other = phase_diagrams.phase_diagram(jr.key(1), GAUSSIAN, *axes, **SETTINGS)
    assert np.array_equal(again.W, by_rate.W) and not np.array_equal(other.W, by_rate.W)


def test_balance_and_scale_decide():
    diagram = phase_diagrams.phase_diagram(
        jr.key(2),
        partial(phase_diagrams.balanced_start, depth=3),
        Axis("imbalance", [0.0, 1.0]),
        Axis("scale", [1e-4, 1.0]),
        learning_rate=0.05,
        **SETTINGS,
    )
    assert np.array_equal(diagram.blows_up[0], diagram.fits[0]) and diagram.fits[0].mean() > 0.8
    assert diagram.fraction[1, 0] > 0.5 > 0.2 > diagram.fraction[1, 1]
    assert diagram.unbalancedness[0].max() < 1e-12 < diagram.unbalancedness[1].min()


def test_integers_set_shapes():
    diagram = phase_diagrams.phase_diagram(
        jr.key(3), GAUSSIAN, Axis("hidden", [2, 5]), Axis("scale", [1e-1]), learning_rate=0.05, **SETTINGS
    )
    assert diagram.loss.shape == (2, 1, RUNS) and diagram.rows == Axis("hidden", (2, 5))
    assert diagram.fits.all()


def test_a_run_that_cannot_fit_is_not_counted():
    diagram = phase_diagrams.phase_diagram(
        jr.key(4), GAUSSIAN, Axis("learning_rate", [0.05, 50.0]), Axis("scale", [1.0]), **SETTINGS | dict(max_time=0.5)
    )
    assert not diagram.fits.any() and np.all(diagram.fraction == 0)  # too short; diverging
    assert np.all(np.isfinite(diagram.W))


BAD = [
    ("rows", dict(rows=Axis("learning_rate", []))),
    ("rows", dict(rows=Axis("learning_rate", [0.1, 0.1]))),
    ("columns", dict(columns=Axis("scale", [0.1, float("nan")]))),
    ("columns", dict(columns=Axis("learning_rate", [0.2]))),
    ("learning_rate", dict(learning_rate=0.1)),
    ("learning_rate", dict(rows=Axis("imbalance", [0.1]))),
    ("learning_rate", dict(rows=Axis("learning_rate", [0.1, -0.1]))),
    ("learning_rate", dict(rows=Axis("depth", [3]), learning_rate=0.0)),
    ("runs", dict(runs=0)),
    ("target_loss", dict(target_loss=0.0)),
    ("max_time", dict(max_time=-1.0)),
    ("scale", dict(columns=Axis("scale", [-0.1]))),
]


@pytest.mark.parametrize(("name", "change"), BAD)
def test_phase_diagram_refuses(name, change, unchecked_types):
    good = dict(rows=Axis("learning_rate", [0.1]), columns=Axis("scale", [0.1]), **SETTINGS)
    arguments = good | change
    start = GAUSSIAN if "depth" not in arguments["rows"].name else phase_diagrams.gaussian_start
    with pytest.raises(ValueError, match=f"`{name}`"):
        phase_diagrams.phase_diagram(jr.key(0), start, **arguments)


@pytest.mark.parametrize("hidden", [2, 6])
@pytest.mark.parametrize("sign", [1, -1])
def test_gaussian_starts_have_the_stated_scale_and_sign(hidden, sign):
    draw = jax.vmap(lambda key: phase_diagrams.gaussian_start(key, depth=3, scale=0.01, hidden=hidden, sign=sign))
    W = jax.vmap(factorizations.product_matrix)(draw(jr.split(jr.key(0), 20_000)))
    assert jnp.all(jnp.sign(jnp.linalg.det(W)) == sign)
    assert jnp.std(W) == pytest.approx(0.01, rel=0.05)


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_imbalance_changes_the_factors_and_not_their_product(depth):
    def draw(imbalance):
        return phase_diagrams.balanced_start(jr.key(7), depth=depth, scale=0.1, imbalance=imbalance)

    balanced = factorizations.product_matrix(draw(0.0))
    nu = [float(factorizations.unbalancedness(draw(imbalance))) for imbalance in (0.0, 0.01, 0.1, 1.0)]
    assert nu[0] < 1e-14 < nu[1] < nu[2] < nu[3]
    assert jnp.linalg.det(balanced) > 0
    for imbalance in (0.1, 1.0):
        assert jnp.allclose(factorizations.product_matrix(draw(imbalance)), balanced, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("depth", [2, 3, 4, 6])
def test_critical_unbalancedness_solves_its_equation(depth):
    """Against the equation of its docstring, integrated from w = 1 and a singular value of one."""

    def log_sigma(w, y):
        return [-np.exp((1 - 2 / depth) * y[0]) * w ** (2 / depth)]

    path = solve_ivp(log_sigma, (1, 1e4 if depth > 2 else 30), [0.0], method="LSODA", rtol=1e-10, atol=1e-12)
    w, sigma_power = path.t[-1], np.exp(2 / depth * path.y[0, -1])
    ours = float(phase_diagrams.critical_unbalancedness(1 / (2 * w**2), depth))
    if depth == 2:
        assert np.log(ours) == pytest.approx(np.log(sigma_power), rel=2 / w**2)
    else:
        assert ours == pytest.approx(sigma_power, rel=0.02)


def test_wilson_interval_is_the_textbook_formula():
    n, z = 50, 1.959963984540054
    count = np.array([[0, 7], [25, 50]])
    p = count / n
    middle, half = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    expected = np.stack([middle - half, middle + half]) / (1 + z**2 / n)
    np.testing.assert_allclose(phase_diagrams.wilson_interval(count, n), np.clip(expected, 0, 1), atol=1e-12)


def test_wilson_interval_covers():
    rng = np.random.default_rng(0)
    count = rng.binomial(100, 0.03, size=2000)
    low, high = phase_diagrams.wilson_interval(count, 100)
    assert 0.93 < np.mean((low <= 0.03) & (0.03 <= high)) < 0.98


def _empty():
    part, axes = np.zeros((1, 1, 1)), (Axis("depth", [3]), Axis("scale", [0.1]))
    return phase_diagrams.PhaseDiagram(*axes, np.zeros((1, 1, 1, 2, 2)), part, part > 0, part, target_loss=0.1)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("sign", lambda: phase_diagrams.gaussian_start(jr.key(0), depth=3, scale=0.1, sign=0)),
        ("hidden", lambda: phase_diagrams.gaussian_start(jr.key(0), depth=3, scale=0.1, hidden=1)),
        ("depth", lambda: phase_diagrams.gaussian_start(jr.key(0), depth=1, scale=0.1)),
        ("imbalance", lambda: phase_diagrams.balanced_start(jr.key(0), depth=3, scale=0.1, imbalance=-1.0)),
        ("depth", lambda: phase_diagrams.balanced_start(jr.key(0), depth=1, scale=0.1)),
        ("std", lambda: phase_diagrams.balanced_start(jr.key(0), depth=2, scale=-0.1)),
        ("loss", lambda: phase_diagrams.critical_unbalancedness(0.0, 3)),
        ("depth", lambda: phase_diagrams.critical_unbalancedness(0.1, 1)),
        ("outcome", lambda: _empty().fraction_of("grows")),
        ("total", lambda: phase_diagrams.wilson_interval(np.array([0]), 0)),
        ("count", lambda: phase_diagrams.wilson_interval(np.array([5]), 4)),
        ("confidence", lambda: phase_diagrams.wilson_interval(np.array([1]), 4, 1.0)),
    ],
)
def test_bad_input_is_named(name, call, unchecked_types):
    with pytest.raises(ValueError, match=f"`{name}`"):
        call()


def test_what_counts_is_a_little_less_than_what_a_positive_determinant_forces():
    assert phase_diagrams.blow_up_entry(0.5e-2) == pytest.approx(0.9**2 / 0.1)
    assert bounds.unseen_entry_lower_bound(0.5e-2) == pytest.approx(1 / 0.1 - 0.1)
