"""Random programs of arithmetic, branches, loops and records, in JavaScript and in JAX."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from in_node import TOLERANCE, run
from jax import lax

from implreg_core.javascript import compile_to_javascript

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


def evaluate(program, environment, seen):
    """The value of a program; `seen` collects every intermediate one."""
    head, *rest = program
    of = lambda part, *more: evaluate(part, (*environment, *more), seen)  # noqa: E731
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
def test_random_arithmetic_is_the_same_bit_for_bit(program, values):
    seen = []
    with jax.disable_jit():
        expected = float(evaluate(program, tuple(map(jnp.asarray, values)), seen))
    tiny = [abs(float(x)) for x in seen]
    assume(not any(0 < x < 1e-290 for x in tiny))  # XLA takes subnormal numbers for zero

    def function(*values):
        return evaluate(program, values, [])

    ((found,),) = run(compile_to_javascript(function, *values, name="f"), *values)
    np.testing.assert_array_equal(found, expected)


@settings(max_examples=60)
@given(
    programs(POSITIVE_UNARY, POSITIVE_BINARY, st.floats(0.1, 2).map(lambda x: round(x, 3))),
    st.lists(st.floats(0.01, 3), min_size=3, max_size=3),
)
def test_random_programs_with_transcendental_functions_agree(program, values):
    """All of it positive and without differences, so that rounding errors stay as small as they were made."""
    with jax.disable_jit():
        expected = float(evaluate(program, tuple(map(jnp.asarray, values)), []))
    assume(1e-100 < expected < 1e100)

    def function(*values):
        return evaluate(program, values, [])

    ((found,),) = run(compile_to_javascript(function, *values, name="f"), *values)
    np.testing.assert_allclose(found, expected, rtol=TOLERANCE)
