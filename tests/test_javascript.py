"""What the compiler covers, primitive by primitive, and what it refuses."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from in_node import TOLERANCE, assert_close, assert_same, both, run
from jax import lax

from implreg_core import descent, factorizations, problems, ranks
from implreg_core.javascript import UnsupportedProgram, compile_to_javascript

# --- numbers ---------------------------------------------------------------------------------------------------------

WIDE = np.concatenate([[0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0], np.geomspace(1e-300, 1e300, 25)])
REAL = np.unique(np.concatenate([WIDE, -WIDE, np.linspace(-30, 30, 23)]))
UNIT = np.concatenate([np.linspace(-1, 1, 41), [1e-200, -1e-9, 0.999999, 2.0, np.nan]])
FUNCTIONS = {
    **{
        name: (getattr(lax, name), REAL)
        for name in ("exp", "expm1", "log", "log1p", "sinh", "cosh", "tanh", "asinh", "acosh", "cbrt", "exp2")
        + ("sqrt", "rsqrt", "logistic", "floor", "ceil", "sign", "abs", "neg", "square", "is_finite", "atan")
    },
    **{name: (getattr(lax, name), UNIT) for name in ("sin", "cos", "tan", "asin", "acos", "atanh")},
    "integer powers": (lambda x: jnp.stack([lax.integer_pow(x, y) for y in (-5, -1, 0, 1, 2, 7)]), REAL),
    "powers": (lambda x: jnp.stack([x**y for y in (0.1, 0.5, 1.5, -0.3, 0.0)]), REAL),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_one_number_agree(name):
    function, points = FUNCTIONS[name]

    def mapped(points):
        return lax.map(function, points)

    for expected, found in both(mapped, points):
        normal = ~(np.abs(expected) < 1e-300)  # XLA takes subnormal numbers for zero
        np.testing.assert_allclose(found[normal], expected[normal], rtol=TOLERANCE)


@pytest.mark.parametrize("function", [jnp.power, jnp.arctan2, jnp.hypot, jnp.logaddexp, lax.rem, jnp.maximum])
def test_functions_of_two_numbers_agree(function):
    special = np.array([0.0, 1.0, -1.0, 0.5, -2.0, 3.0, -7.25, 1e10, np.inf, -np.inf, np.nan])
    x, y = (side.ravel() for side in np.meshgrid(special, special))
    assert_close(lambda x, y: lax.map(lambda pair: function(*pair), (x, y)), x, y)


INT32 = hnp.arrays(np.int32, 6, elements=st.sampled_from([0, 1, -1, 2, 7, -(2**31), 2**31 - 1]) | st.integers(-99, 99))
INT64 = hnp.arrays(np.int64, 6, elements=st.sampled_from([0, 1, -1, 3]) | st.integers(-(2**26), 2**26))


def integer_results(x, y, *more):
    by_zero = jnp.stack([lax.div(x, y), lax.rem(x, y)])
    rest = [x + y, x - y, x * y, -x, jnp.abs(x), jnp.sign(x), jnp.maximum(x, y), jnp.minimum(x, y), x**2]
    reciprocal = 1 / (x * y).astype(float)  # would tell minus zero
    return by_zero, jnp.stack(rest), reciprocal, x < y, x == y, x >= y, x.astype(bool), *(f(x, y) for f in more)


@settings(max_examples=10)
@given(INT32, INT32)
def test_int32_wraps_around(x, y):
    more = (lax.bitwise_and, lax.bitwise_or, lax.bitwise_xor, lambda x, y: ~x, lambda x, y: x.astype(int) * 2**20)
    assert_same(lambda x, y: integer_results(x, y, *more), x, y)


@settings(max_examples=10)
@given(INT64, INT64)
def test_int64_is_exact(x, y):
    assert_same(lambda x, y: integer_results(x, y, lambda x, y: (x * 2**20 + y).astype(jnp.int32)), x, y)


def test_conversions_truncate_and_saturate():
    x = np.array([0.5, -0.5, -0.0, 1.999, -2.7, 3e9, -3e9, np.nan, np.inf, -np.inf, 2.0**31])

    def function(x):
        halves = 1 / x[:5].astype(int).astype(float)  # no minus zero
        return x.astype(jnp.int32), x[:8].astype(int), x.astype(bool), (x > 1).astype(float), halves

    assert_same(function, x)


def test_constants_convert_as_variables_do():
    points = (0.5, -2.7, 3e9, -3e9, 2.0**31, -(2.0**31), -(2.0**31) - 1, np.inf, -np.inf)

    def function(x):
        constants = jnp.stack([lax.add(point, 0.0).astype(jnp.int32) for point in points])  # which we fold, not JAX
        return constants, x.astype(jnp.int32)

    assert_same(function, np.array(points))


def test_only_what_changes_nothing_is_left_out():
    """The sum with zero, the product with one: in either order, with the sign of zero."""

    def function(x, n):
        floats = [f(x, c) for c in (0.0, -0.0, 1.0, -1.0) for f in (lax.add, lax.mul, lax.sub, lax.div)]
        floats += [f(c, x) for c in (0.0, -0.0, 1.0, -1.0) for f in (lax.add, lax.mul, lax.sub)]
        return jnp.stack(floats), jnp.stack([f(n, c) for c in (0, 1, -1) for f in (lax.add, lax.mul, lax.sub)])

    for x in (1.5, 0.0, -0.0, np.inf):
        assert_same(function, x, 7)


def test_results_are_arrays_of_their_own():
    def function(x):
        doubled = 2 * x
        return doubled, doubled, x

    source = compile_to_javascript(function, np.ones(2), name="inner")
    (count,) = run(source + "function f(x) { return new Set([...inner(x), x]).size; }", np.ones(2))
    assert count == 4


def test_a_loop_is_kept_for_what_it_stores_whatever_follows_in_it():
    def function(x):
        def body(i, carry):
            stored, unused = carry
            stored = stored.at[i].set(x * i)
            unused = lax.cond(stored[i] > 2, lambda: unused - 1, lambda: unused + x)
            return stored, lax.fori_loop(0, i, lambda _, y: 2 * y, unused)

        return lax.fori_loop(0, 4, body, (jnp.zeros(99), x))[0]

    assert_same(function, 1.5)


def test_variables_after_one_that_stays_change():
    def function(x):
        def body(carry):
            k, still, total = carry
            return k + 1, still, total + still * k

        return lax.while_loop(lambda carry: carry[0] < 4, body, (0, x, x))

    assert_same(function, 1.5)


def test_truth_values_go_in_and_out():
    def function(p, mask, x):
        return (
            p & mask,
            ~mask ^ p,
            jnp.where(mask, x, -x),
            jnp.all(mask),
            jnp.any(mask),
            p | (x > 0),
            mask == p,
            mask.astype(int),
        )

    assert_same(function, True, np.array([True, False]), np.array([1.5, -2.5]))
    assert_same(function, False, np.array([False, False]), np.array([1.5, -2.5]))


def test_nothing_is_assumed_to_be_finite():
    def function(x):
        zero = jnp.zeros(())
        return (
            0 * x,
            x * 0.0 + 1,
            x - x,
            x / x,
            zero / x,
            jnp.where(x > 0, x, 0.0),
            jnp.minimum(x, jnp.nan),
            x + 0.0,
            -x,
        )

    for x in (np.nan, np.inf, -np.inf, 0.0, -0.0, 2.0):
        assert_same(function, x)


# --- arrays ----------------------------------------------------------------------------------------------------------

A, B, K = np.arange(1.0, 13).reshape(3, 4), np.arange(12.0).reshape(4, 3) - 5.5, np.array([2, 0, -1, 3, -4, 9])
LARGE = np.arange(200.0).reshape(100, 2)


def swap_rows(x, k):
    return x.at[k].set(x[0]).at[0].set(x[k])


def read_and_change(x, k):
    """The entry is read before it is overwritten in place."""
    rows = jnp.zeros(100).at[k].set(x)
    before = rows[k]
    return rows.at[k].set(x + 1), before


MOVEMENTS = {
    "products": lambda: (lambda a, b: (a @ b, a.T @ a, jnp.einsum("ij,ji->i", a, b), a[0] @ b, jnp.vdot(a, a)), A, B),
    "batched product": lambda: (lambda a: jnp.einsum("nij,njk->nik", a, a + 1), np.arange(12.0).reshape(3, 2, 2)),
    "reshaping": lambda: (lambda a: (a.reshape(2, 6).T, a[::-1, 1::2], jnp.squeeze(a[:1]), a[:, None, :2]), A),
    "joining": lambda: (lambda a, b: (jnp.concatenate([a.T, b], 1), jnp.stack([a, b.T]), *jnp.split(a, 2, 1)), A, B),
    "copies": lambda: (lambda a: (jnp.copy(a), lax.stop_gradient(a) + 1, *lax.optimization_barrier((a, -a))), A),
    "padding": lambda: (lambda a: (jnp.pad(a, ((1, 0), (0, 2))), lax.pad(a, 7.0, ((-1, 1, 0), (2, -1, 1)))), A),
    "sums": lambda: (
        lambda a: (a.sum(0), a.sum(1), a.prod(), a.max(1), a.min(0), jnp.cumsum(a, 1), jnp.cumprod(a[0])),
        A,
    ),
    "reversed": lambda: (
        lambda a: (lax.cumsum(a, 0, True), lax.cummax(a, 1), lax.cummin(-a, 1, True), jnp.flip(a, 0)),
        B,
    ),
    "arguments": lambda: (lambda a: (jnp.argmax(a, 0), jnp.argmin(a, 1), jnp.argmax(a[0])), A % 5),
    "argument of NaN": lambda: (lambda a: (jnp.argmax(a), jnp.argmin(a)), np.array([1.0, np.nan, 3.0, np.nan])),
    "constants": lambda: (lambda a: (jnp.eye(3), jnp.arange(4), jnp.zeros((2, 2)), a, a, jnp.arange(100.0)), A),
    "indices": lambda: (lambda a, k: [(a[i], a[i, 1], a[:, i]) for i in k], A, K[:5]),
    "taking": lambda: (lambda a, k: [jnp.take(a, k, 0, mode=m) for m in ("fill", "clip")], A, K),
    "taking many": lambda: (
        lambda a, k: (a[k], jnp.take_along_axis(a, k[None, :4] % 4, 1), a[jnp.array([1, 2])]),
        A,
        K[:3],
    ),
    "batched indices": lambda: (jax.vmap(lambda a, k: (a[k], a.at[k].set(9.0))), A, K[:3]),
    "slices": lambda: (lambda a, k: [lax.dynamic_slice(a, (i, j), (2, 3)) for i in k[:3] for j in k[3:]], A, K),
    "updates": lambda: (
        lambda a, k: [lax.dynamic_update_slice(a, a[1:, :2], (i, j)) for i in k[:3] for j in k[3:]],
        A,
        K,
    ),
    "setting": lambda: (lambda a, k: [a.at[i].set(a[0]) for i in k], A, K),
    "setting in place": lambda: (
        lambda a: (a.at[1, 1].add(5.0), a.at[:, 0].set(0.0), a.at[jnp.array([0, 2])].mul(2.0)),
        A,
    ),
    "changing": lambda: (
        lambda a, k: [c for i in k for r in [a.at[i]] for c in (r.add(1.5), r.multiply(2.0), r.min(2.0), r.max(3.0))],
        A,
        K,
    ),
    "modes": lambda: (lambda a, k: [a.at[i].set(0.0, mode=m) for i in k for m in ("clip", "drop")], A, K),
    "repeated indices": lambda: (lambda a, k: (a.at[k].add(1.0), jnp.zeros(4).at[k].add(a[0, 0])), A, K[[0, 0, 2]]),
    "integers": lambda: (lambda a, k: (a.at[k[0]].set(7), a[k[1]], jnp.take(a, 9, mode="fill")), np.arange(5), K),
    "truth": lambda: (lambda a, k: (a.at[k[0]].set(True), a[k[0]], a.at[k[5]].set(True)), np.zeros(5, bool), K),
    "large setting": lambda: (
        lambda a, k: [a.at[i].set(jnp.array([7.0, 8.0])) for i in k],
        LARGE,
        np.array([-1, 100, -200]),
    ),
    "large reading": lambda: (lambda a, k: (a[k], a[-1], a[3, 1], a[2:5], a.reshape(200)[k]), LARGE, 42),
    "large columns": lambda: (lambda a, k: [a.at[3, i].set(7.0) for i in k], LARGE, np.array([1, -2, 5, -7])),
    "large adding": lambda: (lambda a, k: (a.at[k].add(1.0), a.at[k, 1].mul(3.0), a.at[-k].min(2.0)), LARGE, 42),
    "large swapping": lambda: (swap_rows, LARGE, 42),
    "large kept": lambda: (lambda a, k: (lambda b: (b, b.at[0].set(9.0), b[0]))(a.at[k].set(5.0)), LARGE, 42),
    "large returned twice": lambda: (lambda a: (lambda b: (a, a, b, b))(a.at[0].set(5.0)), LARGE),
    "large read and changed": lambda: (read_and_change, 2.5, 42),
    "large truth": lambda: (lambda k: jnp.zeros(100, bool).at[k].set(True), 42),
    "large in a branch": lambda: (
        lambda a, x: lax.cond(x > 0, lambda: (a.at[1].set(x), x), lambda: (a, 2 * x)),
        LARGE,
        -3.0,
    ),
}


@pytest.mark.parametrize("name", MOVEMENTS)
def test_arrays_move_as_in_jax(name):
    assert_same(*MOVEMENTS[name](), jit=True)


# --- loops -----------------------------------------------------------------------------------------------------------


def record(x, steps, every):
    """Every so many steps a row of what a nested loop does, with the row before as it was then."""

    def outer(k, carry):
        x, rows, before = carry
        x = lax.fori_loop(0, every, lambda i, x: x * 1.5 - i, x)
        return x, rows.at[k].set(jnp.stack([x, 1.0 * k])), before.at[k].set(rows[jnp.maximum(k - 1, 0), 0])

    return lax.fori_loop(0, steps, outer, (x, jnp.zeros((40, 2)), jnp.full(80, jnp.nan)))


def two_records(x, swaps):
    """Two large arrays that change places in every step."""

    def step(k, carry):
        a, b, x = carry
        return b, a.at[k].set(x), x + 1

    return lax.fori_loop(0, swaps, step, (jnp.zeros(70), jnp.ones(70), x))


def same_record_twice(x, steps):
    rows = jnp.zeros(70).at[3].set(x)
    return lax.fori_loop(0, steps, lambda k, c: (c[0].at[k].set(x), c[1].at[-k].set(-x)), (rows, rows))


def stale_record(x, steps):
    """The old state is read after the new one is made, and the record is put aside and back."""

    def step(k, carry):
        rows, aside = carry
        new = rows.at[k].set(x)
        return new.at[k + 1].set(rows[k] + aside[0]), rows

    return lax.fori_loop(0, steps, step, (jnp.zeros(70), jnp.ones(70)))


def scratch_copies(x, steps):
    """A condition and a body that each change a copy of what stays, and of what is carried."""
    fixed = jnp.zeros(70).at[3].set(x)

    def goes_on(carry):
        k, rows, _ = carry
        return rows.at[2].set(50.0)[k] + fixed.at[1].set(7.0)[k] < 40 + steps

    def step(carry):
        k, rows, total = carry
        return k + 1, rows.at[k].set(total), total + fixed.at[k].set(1.0)[3] + fixed[k] + fixed.at[k].set(2.0)[k]

    def again(total, k):
        return total + fixed[k] + fixed.at[k + 1].set(3.0)[3], None

    carry = lax.while_loop(goes_on, step, (0, jnp.ones(70), x))
    return carry, lax.scan(again, 0.0, jnp.arange(6))[0]


def collatz(n):
    def step(carry):
        n, count = carry
        return lax.cond(n % 2 == 0, lambda: n // 2, lambda: 3 * n + 1), count + 1

    return lax.while_loop(lambda carry: carry[0] != 1, step, (n, 0))


def rows_of_a_scan(x, length=80):
    def step(carry, row):
        i, y = row
        return carry * 0.5 + i, (carry, jnp.stack([y[0], carry]))

    sequence = (jnp.arange(float(length)), jnp.tile(x, (length, 1)))
    last, rows = lax.scan(step, x[0], sequence)
    back, _ = lax.scan(lambda c, row: (c + row[1][1] * row[0], None), 0.0, rows, reverse=True)
    return last, rows, back, lax.scan(step, x[0], sequence, reverse=True)


LOOPS = {
    "record": (record, 0.3, 17, 3),
    "record nothing": (record, 0.3, 0, 3),
    "record too much": (record, 0.3, 45, 1),
    "two records": (two_records, 2.0, 5),
    "same record twice": (same_record_twice, 2.0, 5),
    "stale record": (stale_record, 2.0, 5),
    "scratch copies": (scratch_copies, 2.0, 5),
    "collatz": (collatz, 27),
    "scan": (lambda x: rows_of_a_scan(x), np.array([1.5, -2.0])),
    "short scan": (lambda x: rows_of_a_scan(x, 3), np.array([1.5, -2.0])),
    "no steps": (lambda n, x: lax.fori_loop(3, n, lambda i, x: x / 0.0, x), 2, 1.0),
    "exchange": (lambda n, x, y: lax.fori_loop(0, n, lambda i, c: (c[1], c[0] + c[1]), (x, y)), 9, 1.0, 2.0),
    "lanes": (jax.vmap(lambda x: lax.while_loop(lambda x: x < 50, lambda x: x * x, x)), np.array([1.5, 7.0, 60.0])),
    "branches": (lambda k: [lax.switch(i, [lambda: 1.0, lambda: 2.0, lambda: 3.0]) for i in k], K),
    "branch of arrays": (lambda p, a: lax.cond(p, lambda a: (a + 1, a[0]), lambda a: (a, a[1] * 2), a), True, A[:2]),
    "unused": (lambda x: (lax.fori_loop(0, 5, lambda i, c: (c[0] + 1, c[1] * c[0]), (x, x))[0], 3.0), 2.0),
    "gradient": (jax.grad(lambda x: lax.scan(lambda c, _: (c * x - 0.5, None), x, None, length=4)[0]), 1.5),
    "checkpoint": (jax.grad(jax.checkpoint(lambda x: x * jnp.sqrt(x) * x)), 1.5),
    "derivatives": (lambda x: jax.jacfwd(jax.grad(lambda x: (x[0] * x[1]) ** 3))(x), np.array([1.5, -0.5])),
    "map": (lambda a: lax.map(lambda row: (row.sum(), row * 2), a), LARGE),
    "leaky ReLU": (
        jax.vmap(lambda x: jax.nn.leaky_relu(jnp.maximum(x, -1.0), 0.25)),
        np.array([-2.0, -0.5, -0.0, 3.0]),
    ),
}


@pytest.mark.parametrize("name", LOOPS)
def test_loops_and_branches_run_as_in_jax(name):
    function, *arguments = LOOPS[name]
    assert_close(function, *arguments)


def test_loops_stay_loops_and_leave_alone_what_they_do_not_change():
    def function(x, n):
        dead = lambda i, c: (c[0] + jnp.exp(x), c[1] * 3)  # noqa: E731
        return lax.fori_loop(0, n, dead, (x, x))[0]

    source = compile_to_javascript(function, 1.0, 3, name="f")
    before, loop = source.split("while (")
    assert "Math.exp" in before and "Math.exp" not in loop and "* 3" not in source
    assert " < n) {" in loop  # the limit is carried by JAX, but never changes
    guarded = compile_to_javascript(lambda x: lax.cond(x > 0, lambda: jnp.log(x), lambda: x), 1.0, name="f")
    assert guarded.index("if (") < guarded.index("Math.log")  # which would be wasted on the other side
    longer = compile_to_javascript(lambda x: lax.fori_loop(0, 10**6, lambda i, x: x / 2, x), 1.0, name="f")
    assert len(longer) < 400


# --- the text --------------------------------------------------------------------------------------------------------


def gradient_step(factors, learning_rate):
    gradients = descent.objective_gradient(problems.two_by_two(), factors)
    return {"factors": [W - learning_rate * g for W, g in zip(factors, gradients)], "rate": learning_rate}


def compiled_step() -> str:
    return compile_to_javascript(gradient_step, factorizations.identity(0.1, 2), 0.1, name="step")


def test_the_header_names_arguments_and_results():
    source = compiled_step()
    assert "function step(factors_0, factors_1, learning_rate) {" in source
    assert "@param {Float64Array} factors_1 - factors[1]: float64[2, 2]" in source
    assert "@param {number} learning_rate - learning_rate: float64" in source
    assert "@returns {[Float64Array, Float64Array, number]}" in source
    assert "result['factors'][1]: float64[2, 2]" in source
    assert "return x * 2;" in compile_to_javascript(lambda x: x * 2, 1.0, name="f")
    assert "return [x * 2];" in compile_to_javascript(lambda x: (x * 2,), 1.0, name="f")
    assert "import" not in source and "export" not in source


def test_the_text_is_the_same_in_every_process():
    program = "import test_javascript as t; print(t.compiled_step(), end='')"
    texts = {compiled_step()}
    for seed in "12":
        options = dict(cwd=Path(__file__).parent, env={**os.environ, "PYTHONHASHSEED": seed})
        call = subprocess.run([sys.executable, "-c", program], **options, capture_output=True, text=True, check=True)
        texts.add(call.stdout)
    assert len(texts) == 1


def test_parameters_get_names_of_their_own():
    def function(v0, new, var, power):
        return v0 + new["a b"] * var[0] ** power - var[1]

    assert_close(function, 1.0, {"a b": 2.0}, (3.0, 4.0), 5.0)
    assert_close(lambda *v: v[0] - v[1] * v[2], 1.0, 2.0, 3.0)


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (ranks.singular_values, (np.eye(3),), r"_linalg.py:\d+ in `spectrum`, it uses the primitive `svd`"),
        (lambda x: lax.fori_loop(0, 3, lambda i, x: jnp.sort(x), x), (np.ones(3),), "test_javascript.py.*`sort`"),
        (lambda x: jr.normal(jr.key(0), ()) * x, (1.0,), "it uses (the primitive `random|entries of type)"),
        (lambda x: x * 2, (np.float32(1.0),), "it uses entries of type float32; use float64"),
        (lambda x: x.astype(jnp.float32), (1.0,), "it uses entries of type float32"),
        (lambda x: jnp.exp(1j * x), (1.0,), "it uses entries of type complex128"),
        (lambda x: lax.shift_left(x, x), (1,), "the primitive `shift_left`"),
        (lambda x: x & x, (1,), "`and` of int64 values"),
        (lambda x: x + (2**53 + 1), (1,), "the integer 9007199254740993, which double precision does not hold"),
        (lambda x: 2 * x, (LARGE,), "it uses an array of 200 entries; those of more than 64"),
        (lambda x, k: lax.dynamic_slice(x, (k, 0), (50, 2)), (LARGE, 1), "a slice of 100 entries at an index that va"),
        (lambda x: jnp.sum(jnp.zeros(0)) + x, (1.0,), "`reduce_sum` of nothing"),
    ],
)
def test_what_is_not_covered_is_refused_by_name(function, arguments, message):
    with pytest.raises(UnsupportedProgram, match=message):
        compile_to_javascript(function, *arguments, name="f")


@pytest.mark.parametrize("name", ["", "2f", "a b", "class", "power", "naïve"])
def test_names_must_be_free_identifiers(name):
    with pytest.raises(ValueError, match="`name` must be a free JavaScript identifier; got"):
        compile_to_javascript(lambda x: x, 1.0, name=name)
