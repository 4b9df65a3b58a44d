"""How long descent keeps the sign: the theorem against runs that try to break it, its integral against quadrature."""

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy.integrate import quad

from implreg_core import descent, factorizations, problems, sign_keeping

PROBLEM = problems.two_by_two()
START = factorizations.balanced(jnp.array([[0.747, -1.847], [1.566, -0.096]]), 3)


def random_case(rng, d, depth):
    """A random task with random, often unbalanced factors; one start in three heads straight for the other sign."""
    values, seen = rng.standard_normal((d, d)), rng.random((d, d)) < 0.7
    seen[0, -1] = True
    W = 10 ** rng.uniform(-1, 0.5) * rng.standard_normal((d, d))
    if rng.random() < 1 / 3:
        W = -np.where(seen, values, W)
    noise = rng.choice([0.0, 1e-3, 1e-2, 0.1])
    factors = factorizations.balanced(jnp.asarray(W), depth)
    return problems.completion(values, seen), tuple(W + noise * rng.standard_normal((d, d)) for W in factors)


@pytest.mark.parametrize("depth", [2, 3, 4, 5])
@pytest.mark.parametrize("d", [2, 3])
def test_the_theorem_holds_on_runs_that_try_to_break_it(d, depth):
    rng, vouched, worst = np.random.default_rng(10 * d + depth), 0, -np.inf
    for _ in range(30):
        problem, factors = random_case(rng, d, depth)
        rate = 10 ** rng.uniform(-3.5, -0.3)
        kept = sign_keeping.guarantee(problem, factors, learning_rate=rate, max_steps=1000)
        assert kept.same_sign and kept.fall < 1 + 1e-5 and kept.gap < 1 + 1e-12
        vouched, worst = vouched + (kept.steps > 0), max(worst, kept.fall)
    assert vouched > 8 and worst > 0.5  # the inequality of a step is not idle


def test_a_guarantee_is_of_the_run_of_descent_and_its_sums():
    kept = sign_keeping.guarantee(PROBLEM, START, learning_rate=0.01, max_steps=5000)
    assert kept.ended and kept.lowers and kept.steps > 50
    run = descent.gradient_descent(PROBLEM, START, learning_rate=0.01, max_steps=kept.steps, records_per_decade=100_000)
    assert np.array_equal(run.step, np.arange(kept.steps + 1)) and np.allclose(run.W[-1], kept.W, rtol=1e-12)
    misfit = 0.01 * np.sum(np.sqrt(2 * run.loss[:-1]))
    assert misfit < kept.spent < 1.1 * misfit  # the correction for the length of steps is small
    assert kept.spent < kept.budget and kept.nu <= 2 * 0.01 * run.loss[0]
    weakest = np.linalg.svd(START[1], compute_uv=False)[-1]
    assert kept.budget == pytest.approx(float(sign_keeping.sign_budget(weakest, kept.nu, 3)), rel=0.05)
    short = sign_keeping.guarantee(PROBLEM, START, learning_rate=0.01, max_steps=10)
    assert short.steps == 10 and not short.ended


def test_the_sign_is_lost_beyond_the_guarantee():
    """The theorem is about something: the same run loses the sign later on."""
    run = descent.gradient_descent(PROBLEM, START, learning_rate=0.01, max_steps=60_000)
    kept = sign_keeping.guarantee(PROBLEM, START, learning_rate=0.01, max_steps=60_000)
    lost = run.step[np.argmax(np.linalg.det(run.W) < 0)]
    assert 0 < kept.steps < lost < 60_000


@pytest.mark.parametrize("depth", [2, 3, 4, 5])
@pytest.mark.parametrize(("rho", "nu"), [(1.0, 1e-3), (0.2, 1e-5), (3.0, 0.4), (0.1, 0.2)])
def test_the_budget_is_its_integral(depth, rho, nu):
    expected, _ = quad(lambda s: (s**2 + 2 * nu) ** (-(depth - 1) / 2), np.sqrt(2 * nu), rho)
    assert float(sign_keeping.sign_budget(rho, nu, depth)) == pytest.approx(expected, rel=1e-8)


def test_a_perfect_balance_has_no_limit():
    assert np.all(np.isinf(sign_keeping.sign_budget(np.array([0.1, 1.0]), np.zeros(2), 3)))


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_a_safe_learning_rate_is_safe_and_lowers_every_loss(depth):
    factors = factorizations.balanced(jnp.array([[0.9, 0.4], [-0.5, 0.7]]), depth)
    slightly = tuple(W + 1e-3 * N for W, N in zip(factors, jr.normal(jr.key(0), (depth, 2, 2))))
    for start in (factors, slightly):
        rate = sign_keeping.safe_learning_rate(PROBLEM, start, time=0.4)
        assert rate < sign_keeping.safe_learning_rate(PROBLEM, start, time=0.2)
        kept = sign_keeping.guarantee(PROBLEM, start, learning_rate=rate, max_steps=int(0.4 / rate))
        assert kept.steps == int(0.4 / rate) and kept.lowers and kept.same_sign


@pytest.mark.parametrize(
    ("message", "call"),
    [
        ("weakest", lambda: sign_keeping.sign_budget(0.0, 1.0, 3)),
        ("nu", lambda: sign_keeping.sign_budget(1.0, -1.0, 3)),
        ("depth", lambda: sign_keeping.sign_budget(1.0, 1.0, 6)),
        ("factors", lambda: sign_keeping.guarantee(PROBLEM, (jnp.eye(2),) * 6, learning_rate=0.1, max_steps=1)),
        (
            "square",
            lambda: sign_keeping.guarantee(
                PROBLEM, (jnp.ones((3, 2)), jnp.ones((2, 3))), learning_rate=0.1, max_steps=1
            ),
        ),
        ("invertible", lambda: sign_keeping.guarantee(PROBLEM, (jnp.zeros((2, 2)),) * 2, learning_rate=1, max_steps=1)),
        ("learning_rate", lambda: sign_keeping.guarantee(PROBLEM, START, learning_rate=0.0, max_steps=1)),
        ("max_steps", lambda: sign_keeping.guarantee(PROBLEM, START, learning_rate=0.1, max_steps=0)),
        ("time", lambda: sign_keeping.safe_learning_rate(PROBLEM, START, time=-1.0)),
        (
            "unbalanced",
            lambda: sign_keeping.safe_learning_rate(PROBLEM, (5 * jnp.eye(2), jnp.eye(2), jnp.eye(2)), time=1.0),
        ),
    ],
)
def test_bad_input_is_named(message, call, unchecked_types):
    with pytest.raises(ValueError, match=message):
        call()
