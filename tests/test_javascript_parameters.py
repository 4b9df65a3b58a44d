"""What JAX's primitives are told by their parameters: JavaScript does it, or the function is refused by name.

The table `TOLD` holds every primitive that the compiler covers, and every parameter that its rule reads with different
values; a test sees to that. Each entry is one program, compared with what JAX computes.
"""

import inspect
import itertools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from in_node import TOLERANCE, both
from jax import lax

from implreg_core.javascript import UnsupportedProgram, _interpreter, _rules, compile_to_javascript
from implreg_core.javascript._operations import Unsupported

A, V = np.arange(6.0).reshape(2, 3) - 2, np.array([1.5, -2.0, 0.5, 3.0])
AXES, SIDES = (0, 1), (False, True)
INDICES = np.array([-9, -1, 1, 2, 9])
TABLE = np.arange(100.0)
SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3e9, -3e9, 1e300, np.inf, -np.inf, np.nan])
INT32 = np.array([0, 1, -1, 2, -7, 2**31 - 1, -(2**31)], np.int32)
UINT32 = np.array([0, 1, 2, 7, 2**31, 2**32 - 1], np.uint32)
INT64 = np.array([0, 1, -1, 3, -7, 2**17])  # the largest power is the third
TRUTH = np.array([True, False])


def pairs(values):
    return tuple(side.ravel() for side in np.meshgrid(values, values))


def each(*functions):
    """All functions of one or two numbers, at corresponding entries."""
    return lambda *arrays: lax.map(lambda entries: [function(*entries) for function in functions], arrays)


def cubed_or_sine(x):
    return lax.cond(x > 0, lambda x: jnp.where(x > 1, x**3, x * x), jnp.sin, x)


def one_of_three(k, x):
    return lax.switch(k, [jnp.sin, lambda x: x**3, lambda x: jnp.exp(x) * x], x)


@jax.custom_vjp
def doubled(x):
    return 2 * x


doubled.defvjp(lambda x: (2 * x, x), lambda x, g: (3 * g * x,))


@jax.custom_jvp
def halved(x):
    return x / 2


halved.defjvp(lambda x, dx: (halved(x[0]), 5 * x[0] * dx[0]))

COMPARISONS = (lax.eq, lax.ne, lax.lt, lax.le, lax.gt, lax.ge)
ARITHMETIC = (lax.add, lax.sub, lax.mul, lax.div, lax.rem, lax.max, lax.min)
BITWISE = (lax.bitwise_and, lax.bitwise_or, lax.bitwise_xor)
UNARY = "abs acosh asinh atan cbrt ceil cosh exp exp2 expm1 floor is_finite log log1p logistic neg rsqrt sign sinh sqrt"
ANGLES = "acos asin atanh cos sin tan tanh square"
ORDERS = [getattr(lax, name).bind for name in ("lt_to_p", "le_to_p")]
TYPES = (bool, jnp.int32, jnp.uint32, int, float)
WRITES = ("set", "add", "subtract", "multiply", "min", "max")
HIGHEST = {"accuracy": lax.AccuracyMode.HIGHEST} if hasattr(lax, "AccuracyMode") else {}  # not in every version
MODES = ("clip", "drop", "promise_in_bounds")


def converted(x):
    return [x.astype(dtype) for dtype in TYPES]


def slope_of_tanh(x):
    return jax.jvp(jnp.tanh, (x,), (jnp.ones_like(x),))[1]


def whole_array(of):
    """What reductions make of a vector."""
    reductions = [lax.reduce_max, lax.reduce_min, lax.reduce_and, lax.reduce_or, lax.reduce_xor]
    reductions = reductions if of != np.float64 else reductions[:2]
    return lambda a: [f(a, (0,)) for f in reductions] + [jnp.argmax(a), lax.argmin(a, 0, jnp.int32)]


def integer_operations(values):
    powers = [lambda x, y, k=k: lax.integer_pow(x, k) for k in (0, 1, 2, 3)]
    unary = [lambda x, y, f=f: f(x) for f in (lax.neg, lax.sign, lax.square, converted)]
    bitwise = (*BITWISE, lambda x, y: lax.bitwise_not(x)) if values.dtype.itemsize == 4 else ()
    to_power = [lambda x, y: lax.pow(jnp.asarray(1.5), y)]
    return each(*ARITHMETIC, *COMPARISONS, *bitwise, *unary, *powers, *to_power), *pairs(values)


TOLD = {
    "int32": integer_operations(INT32),
    "uint32": integer_operations(UINT32),
    "int64": integer_operations(INT64),
    "float": (each(*ARITHMETIC, *COMPARISONS, lax.pow, lax.atan2), *pairs(SPECIAL)),
    "clamped": (
        each(lambda x, y: [lax.clamp(x, y, 1.0), lax.clamp(-1.0, x, y), lax.clamp(x, 0.5, y)]),
        *pairs(SPECIAL),
    ),
    "one float": (each(*(getattr(lax, name) for name in UNARY.split()), jnp.log2, converted), SPECIAL),
    "one angle": (each(*(getattr(lax, name) for name in ANGLES.split()), slope_of_tanh), SPECIAL[:6]),
    "float powers": (each(*(lambda x, k=k: lax.integer_pow(x, k) for k in (-3, -1, 0, 1, 2, 5))), SPECIAL),
    "truth": (each(*COMPARISONS, *BITWISE, lax.max, lax.min, lambda p, q: [~p, converted(p)]), *pairs(TRUTH)),
    "order of sorting": (each(*ORDERS), *pairs(SPECIAL)),
    "order of sorting integers": (each(*ORDERS), *pairs(INT32)),
    "order of sorting truths": (each(*ORDERS), *pairs(TRUTH)),
    **{
        f"reductions of {values}": (whole_array(values.dtype), values)
        for values in (INT32, UINT32, TRUTH, V, np.array([1.0, np.nan, 2.0]))
    },
    "axes of reductions": (
        lambda a: [f(a, x) for f in (jnp.sum, jnp.prod, jnp.max, jnp.min) for x in (0, 1, (0, 1), ())],
        A,
    ),
    "axes of truths": (
        lambda p: [
            *(f(p, x) for f in (jnp.all, jnp.any) for x in (0, 1)),
            *(f(p, 0) for f in (jnp.argmax, jnp.argmin)),
            *(lax.reduce_xor(p, (x,)) for x in AXES),
        ],
        A > 0,
    ),
    "arguments": (
        lambda a: [f(a, x, i) for f in (lax.argmax, lax.argmin) for x in AXES for i in (int, jnp.int32)],
        A**2,
    ),
    "cumulative": (
        lambda a: [f(a, x, r) for f in (lax.cumsum, lax.cumprod, lax.cummax, lax.cummin) for x in AXES for r in SIDES],
        A,
    ),
    "cases": (
        lambda k, a: [[lax.select_n(i, a, 2 * a, 3 * a) for i in k], lax.select_n(k[1:4] > 0, a, -a)],
        np.array([0, 1, 2, 0, 2], np.int32),
        A[0],
    ),
    "dot products": (
        lambda a, b: [
            a @ b,
            lax.dot(a, b, precision=lax.Precision.HIGHEST),
            jnp.einsum("ij,kj->ik", a, a),
            jnp.einsum("ij,ij->i", a, a, precision="high"),
            jnp.einsum("ijk,ikl->ijl", jnp.stack([a, a]), jnp.stack([b, -b])),
        ],
        A,
        A.T + 1,
    ),
    "wider dot products": (
        lambda a, u: [
            *(lax.dot(a, a.T, preferred_element_type=t) for t in (None, jnp.int32, jnp.int64, jnp.float64)),
            *(lax.dot(u, u.T, preferred_element_type=t) for t in (None, jnp.uint32, jnp.float64)),
        ],
        np.array([[2**26 + 1, 3], [-(2**26), 9]], np.int32),
        np.array([[2**31, 3], [2**26 + 1, 9]], np.uint32),
    ),
    "shapes": (
        lambda a: [
            *(jnp.cumsum(lax.reshape(a, shape), 0) for shape in ((6,), (3, 2))),
            *(lax.squeeze(a[:1, :1], axes) for axes in ((0,), (1,), (0, 1))),
            *(lax.broadcast_in_dim(a, (2, 2, 3), axes) for axes in ((0, 2), (1, 2))),
            *(lax.rev(a, axes) for axes in ((0,), (1,), (0, 1))),
            *(lax.transpose(jnp.stack([a, -a]), order) for order in ((2, 0, 1), (1, 2, 0))),
            *(lax.concatenate([a, -a], axis) for axis in AXES),
            *(jnp.stack([a, -a], axis) for axis in (0, 1, 2)),
            *(row for axis in (0, 1) for row in jnp.unstack(a, axis=axis)),
            *(entry for row in a for entry in row),
            *(jnp.tile(a, times) for times in ((1, 2), (3, 1))),
            *lax.split(a, (1, 2), 1),
            *lax.split(a, (2, 1), 1),
            *lax.split(a, (1, 1), 0),
            *(lax.slice(a, (0, i), (2, 3), (1, step)) for i in (0, 1) for step in (1, 2)),
            lax.slice(a, (1, 0), (2, 2)),
        ],
        A,
    ),
    "padding": (
        lambda a: [lax.pad(a, 7.0, ((*p, inner), (0, 0, 0))) for p in ((0, 0), (2, -1), (-1, 2)) for inner in (0, 3)],
        A,
    ),
    "counting": (lambda: [lax.broadcasted_iota(t, s, d) for t in TYPES[1:] for s in ((2, 3), (4, 1)) for d in AXES],),
    "windows": (
        lambda a, k: [
            *(lax.dynamic_slice(a, (i, j), size) for i in k for j in k for size in ((1, 2), (2, 1))),
            *(lax.dynamic_update_slice(a, jnp.full((1, 2), 9.0), (i, j)) for i in k for j in k),
        ],
        A,
        INDICES[::2],
    ),
    "unsigned windows": (lambda a, k: [lax.dynamic_slice(a, (i, i), (1, 2)) for i in k], A, UINT32),
    **{
        f"reading with {mode}": (
            lambda a, u, p, k, mode=mode: [
                x.at[i].get(mode=mode, fill_value=fill)
                for i in (*k[1:], k)
                for x, fill in ((a, None), (a, 3.0), (a.T, None), (u, None), (p, None), (u.astype(jnp.int32), None))
            ],
            *(A, UINT32, TRUTH, INDICES[:4]),
        )
        for mode in MODES
    },
    **{
        f"writing with {mode}": (
            lambda a, k, mode=mode: [getattr(a.at[i], name)(2.5, mode=mode) for i in (*k[1:4], k) for name in WRITES],
            *(A, INDICES),
        )
        for mode in MODES
    },
    "writing integers": (lambda n, k: [getattr(n.at[k], name)(3) for name in WRITES], np.arange(4), INDICES),
    "reading along other axes": (
        lambda a, k: [
            a[:, k],
            a[k, k],
            a[k[:, None], k],
            jnp.take_along_axis(a, k[:2, None], 1),
            jax.vmap(jnp.take)(a, k[:2]),
        ],
        A,
        INDICES[1:4],
    ),
    "writing along other axes": (
        lambda a, k: [
            x
            for name in WRITES
            for x in (
                getattr(a.at[:, k], name)(a[:, :1] + 0.5),
                getattr(a.at[k, k], name)(0.5),
                jax.vmap(lambda a, k: getattr(a.at[k], name)(0.5))(a, k[:2]),
            )
        ],
        A,
        INDICES[1:4],
    ),
    "writing in the large": (
        lambda k: [jnp.zeros(70).at[i].set(9.0, mode=m) for i in k for m in MODES],
        INDICES * 20,
    ),
    "divided in place": (lambda a, k: [a.at[k].divide(3.0), a.at[k].power(2.0)], A, INDICES[2:4] % 2),
    "scans": (
        lambda a: (
            [
                lax.scan(lambda c, row: (c * f + row, c), 0.0, x, reverse=r, unroll=u)
                for f, x in ((2.0, a[0]), (a[1, 0], a[1, 1:]))
                for r in SIDES
                for u in (1, 2)
            ]
            + [lax.scan(lambda c, _: ((c[1], c[0] + 1), c[0]), (1.0, 2.0), None, length=n) for n in (0, 5)]
        ),
        A,
    ),
    "loops": (
        lambda x, n: [
            lax.while_loop(lambda c: c < 9, lambda c: c * 2, x),
            lax.while_loop(lambda c: c[0] < n, lambda c: (c[0] + 1, c[1] * x + n), (0, x)),
            lax.while_loop(lambda c: c < 9 + n, lambda c: c * 2, x),
        ],
        1.5,
        4,
    ),
    "derivatives of branches": (
        lambda xs: [[cubed_or_sine(x), jax.grad(cubed_or_sine)(x), jax.grad(jax.grad(cubed_or_sine))(x)] for x in xs],
        np.array([-0.5, 0.5, 2.0]),
    ),
    "derivatives of branches in lanes": (jax.vmap(jax.value_and_grad(cubed_or_sine)), np.array([-0.5, 0.5, 2.0])),
    "derivatives of cases": (
        lambda ks, x: [jax.jvp(lambda x: jax.value_and_grad(one_of_three, 1)(k, x), (x,), (x,)) for k in ks],
        np.arange(-1, 4),
        0.7,
    ),
    "derivatives of branches of arrays": (
        jax.grad(lambda a: lax.cond(a[0, 0] > 0, lambda a: jnp.sin(a).sum(), lambda a: (a @ a.T).sum(), a)),
        A,
    ),
    "derivatives of branches in loops": (
        jax.grad(lambda x: lax.scan(lambda c, i: (lax.cond(c > 1, lambda: c * x, lambda: jnp.exp(c)), i), x, V)[0]),
        0.3,
    ),
    "selection": (
        lambda a: [
            jnp.select([a > 1, a < -1], [a, -a]),
            jnp.select([a > 1, a < 3, a > 0], [a, -a, a * a], 7.0),
            jax.grad(lambda a: jnp.select([a > 1, a < 0], [a * a, -a]).sum())(a),
        ],
        A,
    ),
    "interpolation": (
        lambda x, at, y: [
            jnp.interp(x, at, y),
            jnp.interp(x, at, y, left=-9.0, right=jnp.nan),
            [jnp.searchsorted(at, x, side=side) for side in ("left", "right")],
            jax.vmap(jax.grad(lambda x: jnp.interp(x, at, y)))(x),
        ],
        np.array([-3.0, 0.0, -0.0, 0.3, 1.0, 1.2, 2.5, 9.0, np.inf, -np.inf, np.nan]),
        np.array([0.0, 1.0, 1.5, 2.5]),
        np.array([2.0, -1.0, 4.0, 0.0]),
    ),
    "interpolation in a table": (lambda x: jnp.interp(x, TABLE**2, np.sqrt(TABLE)), 2345.6),
    "triangles": (
        lambda a: [f(x, k) for f in (jnp.tril, jnp.triu) for x in (a, a > 0, a.astype(int)) for k in (-1, 0, 1)],
        A,
    ),
    "what changes no value": (
        lambda x: [
            lax.exp(x, **HIGHEST),
            jax.jit(lambda x: x * 2, keep_unused=True)(x),
            jnp.zeros(3).at[jnp.array([0, 2])].set(x, unique_indices=True, indices_are_sorted=True),
            jax.grad(jax.checkpoint(lambda x: jnp.sin(x) * x, prevent_cse=False))(x),
            jax.grad(jax.checkpoint(lambda x: jnp.sin(x) * x, policy=jax.checkpoint_policies.everything_saveable))(x),
            jnp.copy(x),
            jax.device_put(x, jax.devices()[0]),
            lax.stop_gradient(x),
            *lax.optimization_barrier((x, -x)),
            doubled(x),
            jax.grad(doubled)(x),
            halved(x),
            jax.grad(halved)(x),
        ],
        1.5,
    ),
}


@pytest.mark.parametrize("name", TOLD)
def test_javascript_does_what_a_primitive_is_told(name):
    function, *arguments = TOLD[name]
    for expected, found in both(function, *arguments):
        np.testing.assert_allclose(found, expected, rtol=TOLERANCE, atol=0)
        zero = expected == 0
        np.testing.assert_array_equal(np.signbit(found[zero]), np.signbit(expected[zero]))


def equations(value):
    """All equations in a jaxpr or parameter, and in what they call."""
    if isinstance(value, (tuple, list)):
        yield from itertools.chain.from_iterable(map(equations, value))
    for eqn in getattr(getattr(value, "jaxpr", value), "eqns", ()):
        yield eqn
        yield from equations(list(eqn.params.values()))


# What only some versions of JAX have, and parameters of which all values but one are refused.
NOT_IN_ALL = "jit pjit closed_call custom_vjp_call custom_vjp_call_jaxpr empty2 stack unstack tile stop_gradient square"
NOT_IN_ALL += " log2 one_minus_square"
ONE_VALUE = {("reduce_precision", "exponent_bits"), ("reduce_precision", "mantissa_bits")}


def test_the_table_has_every_primitive_with_different_values_of_what_its_rule_reads():
    told = {}
    for function, *arguments in TOLD.values():
        for eqn in equations(jax.make_jaxpr(function)(*arguments)):
            parameters = told.setdefault(eqn.primitive.name, {})
            for key, value in eqn.params.items():
                parameters.setdefault(key, set()).add(str(value))
    assert _interpreter._RULES.keys() - told.keys() <= set(NOT_IN_ALL.split())
    for name, parameters in told.items():
        for key in _rules._keywords(_interpreter._RULES[name]) & parameters.keys():
            one_is_enough = key.endswith("jaxpr") or (name, key) in ONE_VALUE
            assert one_is_enough or len(parameters[key]) > 1, (name, key)


@pytest.mark.parametrize("name", sorted(_interpreter._RULES))
def test_a_parameter_that_no_rule_knows_is_refused_by_name_if_it_is_set(name):
    rule = _interpreter._RULES[name]
    assert _rules.parameters_for(rule, name, {"of_tomorrow": None, "sharding": "anything"}) == {}
    with pytest.raises(Unsupported, match=re.escape(f"`{name}` with `of_tomorrow=False`")):
        _rules.parameters_for(rule, name, {"of_tomorrow": False})


ALGORITHM = lax.DotAlgorithmPreset.F64_F64_F64
OF_LATE = [(lambda a: lax.mul(a, a, out_dtype=jnp.int64), (INT32,), "`mul` with `out_dtype=")]
OF_LATE = OF_LATE if "out_dtype" in inspect.signature(lax.mul).parameters else []


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (lambda a: a.at[1].apply(jnp.sin), (A,), r"`scatter` with an `update_jaxpr`.*; use `x.at\[k\].set\(f\(x\[k\]"),
        (lambda a: a.at[1].set(0.0, mode="one_hot"), (A,), "`scatter` with `mode=GatherScatterMode.ONE_HOT`"),
        (lambda a: a.at[jnp.array([1])].get(mode="one_hot"), (A,), "`gather` with `mode=GatherScatterMode.ONE_HOT`"),
        (lambda a: lax.dot(a, a.T, precision=ALGORITHM), (A,), "`dot_general` with `precision=.*F64_F64_F64`"),
        (lambda a: lax.dot(a, a.T, preferred_element_type=jnp.float32), (INT32[None],), "entries of type float32"),
        (lambda a: lax.reshape(a, (6,), dimensions=(1, 0)), (A,), r"`reshape` with `dimensions=\(1, 0\)`"),
        (lambda a: lax.reduce_precision(a, 8, 23), (A,), "`reduce_precision` to 8 bits of exponent and 23 of mantissa"),
        (lambda a: a[:, :0] @ a[:0], (A,), "`dot_general` of nothing"),
        (lambda a: jnp.round(a), (A,), "the primitive `round`"),
        (lambda a: lax.population_count(a), (INT32,), "the primitive `population_count`"),
        (lambda a: lax.shift_right_logical(a, a), (UINT32,), "the primitive `shift_right_logical`"),
        (lambda a: lax.nextafter(a, a), (A,), "the primitive `nextafter`"),
        (lambda a: lax.erf(a), (A,), "the primitive `erf`"),
        (lambda a: lax.cumlogsumexp(a), (A,), "the primitive `cumlogsumexp`"),
        (lambda a: lax.top_k(a, 2), (A,), "the primitive `top_k`"),
        (lambda a: lax.reduce(a, 0.0, lambda x, y: x - y, (0,)), (A,), "the primitive `reduce`"),
        (lambda a: ~a, (INT64,), "`not` of int64 values"),
        (lambda a: a.astype(jnp.uint8), (INT64,), "entries of type uint8"),
        (lambda a: a.sum(), (UINT32,), "entries of type uint64"),
        *OF_LATE,
    ],
)
def test_what_javascript_would_not_do_is_refused_by_name(function, arguments, message):
    with pytest.raises(UnsupportedProgram, match=message):
        compile_to_javascript(function, *arguments, name="f")
