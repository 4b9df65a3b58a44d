import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from implreg_core.training import global_rmsprop, train


def quadratic(x):
    return 0.5 * jnp.sum(jnp.array([1.0, 4.0]) * (x - 3.0) ** 2)


def test_global_rmsprop_is_the_released_rule():
    """Against the rule written out in numpy, over parameters of unequal shapes."""
    params = {"a": np.array([1.0, -2.0]), "b": np.array([[0.5], [3.0], [0.1]])}
    gradients = [{name: (k + 1) * np.sin(x + k) for name, x in params.items()} for k in range(5)]
    optimizer = global_rmsprop(0.05, decay=0.9, eps=1e-3)
    state, v = optimizer.init(params), 0.0
    for n, gradient in enumerate(gradients, 1):
        updates, state = optimizer.update(gradient, state, params)
        v = 0.9 * v + 0.1 * sum(np.sum(g**2) for g in gradient.values())
        for name, g in gradient.items():
            np.testing.assert_allclose(updates[name], -0.05 / (np.sqrt(v / (1 - 0.9**n)) + 1e-3) * g, rtol=1e-12)


def test_far_below_eps_it_is_plain_descent():
    optimizer = global_rmsprop(1e-2)
    gradient = jnp.array([3e-15, -1e-15])
    updates, _ = optimizer.update(gradient, optimizer.init(gradient))
    np.testing.assert_allclose(updates, -1e4 * gradient, rtol=1e-8)


@pytest.mark.parametrize(("test_every", "in_a_row"), [(1, 1), (7, 1), (1, 5), (10, 3)])
def test_it_stops_where_a_plain_loop_does(test_every, in_a_row):
    optimizer, tolerance = optax.sgd(0.1), 1e-3
    x, state, n, passed = jnp.zeros(2), optimizer.init(jnp.zeros(2)), 0, 0
    while passed < in_a_row:
        updates, state = optimizer.update(jax.grad(quadratic)(x), state)
        x, n = x + updates, n + 1
        if n % test_every == 0:
            passed = passed + 1 if quadratic(x) <= tolerance else 0
    end = train(
        quadratic,
        jnp.zeros(2),
        optimizer,
        tolerance=tolerance,
        record_at=jnp.array([500]),
        test_every=test_every,
        in_a_row=in_a_row,
    )
    assert end.steps == n
    np.testing.assert_allclose(end.params, x, rtol=1e-12)
    np.testing.assert_allclose(end.value, quadratic(x), rtol=1e-9)


def test_a_good_start_is_where_it_ends():
    end = train(quadratic, jnp.full(2, 3.0), optax.sgd(0.1), tolerance=1e-9, record_at=jnp.array([10]))
    assert end.steps == 0 and end.value == 0


def test_records_repeat_the_last_after_the_stop():
    record_at = jnp.array([0, 1, 3, 100, 200])
    end = train(
        quadratic,
        jnp.zeros(2),
        optax.sgd(0.1),
        tolerance=1e-3,
        record_at=record_at,
        observe=lambda x: (x, quadratic(x)),
    )
    x, value = end.observed
    np.testing.assert_array_equal(x[0], 0.0)
    np.testing.assert_allclose(x[1], [0.3, 1.2])
    assert value[2] > 1e-3 >= value[3] == value[4] == end.value
    assert 3 < end.steps < 100


def test_each_lane_stops_by_itself():
    tolerances = jnp.array([1.0, 1e-3, 1e-6])

    def run(tolerance):
        return train(quadratic, jnp.zeros(2), optax.sgd(0.1), tolerance=tolerance, record_at=jnp.array([500]))

    together = jax.vmap(run)(tolerances)
    assert jnp.all(jnp.diff(together.steps) > 0) and jnp.all(together.value <= tolerances)
    for k, tolerance in enumerate(tolerances):
        alone = run(tolerance)
        assert together.steps[k] == alone.steps
        np.testing.assert_allclose(together.params[k], alone.params, rtol=1e-14)


def test_a_diverging_run_stops_and_shows_it():
    end = train(quadratic, jnp.ones(2), optax.sgd(10.0), tolerance=0.0, record_at=jnp.array([10_000]))
    assert not jnp.isfinite(end.value) and end.steps < 1000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"learning_rate": 0.0}, "`learning_rate` must be positive"),
        ({"learning_rate": np.nan}, "`learning_rate` must be finite"),
        ({"learning_rate": 0.1, "eps": -1.0}, "`eps` must be positive"),
        ({"learning_rate": 0.1, "decay": 1.0}, "`decay` must be below 1"),
        ({"learning_rate": 0.1, "decay": -0.1}, "`decay` must not be negative"),
    ],
)
def test_bad_numbers_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        global_rmsprop(**arguments)
