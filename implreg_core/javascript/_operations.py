"""What JavaScript offers for one number at a time: how each operation is written, and what it is on constants.

Kinds of operands: `float` (float64), `int64`, `int32` and `uint32`, all held in JavaScript's doubles, `bool`, and
`index`, which is for addresses in a buffer. An integer zero is never minus zero, or its reciprocal would be wrong after
a conversion.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

# How tightly JavaScript's operators bind.
CONDITIONAL, OR, AND, BITWISE_OR, BITWISE_XOR, BITWISE_AND, EQUALITY, RELATION = 2, 3, 4, 5, 6, 7, 8, 9
SHIFT, SUM, PRODUCT, PREFIX, CALL, ATOM = 10, 11, 12, 14, 17, 20


class Unsupported(Exception):
    """What cannot be compiled, in words that follow "it uses"."""


class Operation(NamedTuple):
    """How an operation is written, and how it is evaluated if that is exact, so that every machine agrees."""

    text: str  # with {} for each operand
    binds: int
    operands_bind: tuple[int, ...]  # an operand that binds less needs parentheses
    evaluate: Callable | None = None
    commutes: bool = False
    helper: str | None = None


def _binary(symbol, binds, evaluate=None, commutes=False) -> Operation:
    return Operation(f"{{}} {symbol} {{}}", binds, (binds, binds + 1), evaluate, commutes)  # never reassociated


def _call(function, count=1, evaluate=None, commutes=False, helper=None) -> Operation:
    arguments = ", ".join(["{}"] * count)
    return Operation(f"{function}({arguments})", CALL, (CONDITIONAL,) * count, evaluate, commutes, helper)


def _as_int32(operation: Operation) -> Operation:
    """The same, wrapped around at 32 bits."""
    return operation._replace(text=f"{operation.text} | 0", binds=BITWISE_OR)


def _as_uint32(operation: Operation) -> Operation:
    """The same, as a number from 0 to 2^32 - 1."""
    text = f"({operation.text})" if operation.binds < SHIFT else operation.text
    return operation._replace(text=f"{text} >>> 0", binds=SHIFT)


HELPERS = {
    # IEEE 754 has 1 for the powers that JavaScript calls NaN.
    "power": "(x, y) => x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : Math.pow(x, y)",
    # Integers: XLA's results for division by zero and for what is no integer, and never minus zero.
    "integer": "(x) => Math.min(Math.max(Math.trunc(x), -(2 ** 63)), 2 ** 63) || 0",
    "quotient": "(a, b) => (b === 0 ? -1 : Math.trunc(a / b) + 0)",
    "remainder": "(a, b) => (b === 0 ? a : (a % b) + 0)",
    # The order of sorting: minus zero before zero, and NaN last.
    "precedes": "(x, y) => x < y || (x === y && 1 / x < 1 / y) || (x === x && y !== y)",
}

_COMPARISONS = {
    "eq": _binary("===", EQUALITY, np.equal, commutes=True),
    "ne": _binary("!==", EQUALITY, np.not_equal, commutes=True),
    "lt": _binary("<", RELATION, np.less),
    "le": _binary("<=", RELATION, np.less_equal),
    "gt": _binary(">", RELATION, np.greater),
    "ge": _binary(">=", RELATION, np.greater_equal),
}
_ORDERED = {
    "max": _call("Math.max", 2, np.maximum),
    "min": _call("Math.min", 2, np.minimum),
    "abs": _call("Math.abs", 1, np.abs),
    "sign": _call("Math.sign", 1, np.sign),
    **_COMPARISONS,
}
_ADD, _SUB = _binary("+", SUM, np.add, commutes=True), _binary("-", SUM, np.subtract)
_MUL = _binary("*", PRODUCT, np.multiply, commutes=True)
_NEGATIVE_INTEGER = Operation("0 - {}", SUM, (PRODUCT,), np.negative)
_QUOTIENT, _REMAINDER = _call("quotient", 2, helper="quotient"), _call("remainder", 2, helper="remainder")
_IMUL = _call("Math.imul", 2, np.multiply, commutes=True)
_BITWISE = {
    "and": _binary("&", BITWISE_AND, np.bitwise_and, commutes=True),
    "or": _binary("|", BITWISE_OR, np.bitwise_or, commutes=True),
    "xor": _binary("^", BITWISE_XOR, np.bitwise_xor, commutes=True),
    "not": Operation("~{}", PREFIX, (CALL,), np.bitwise_not),
}
_SORTED = {"lt_to": _COMPARISONS["lt"], "le_to": _COMPARISONS["le"]}
_INTEGER = {
    **_ORDERED,
    **_SORTED,
    "to_int32": Operation("{} | 0", BITWISE_OR, (BITWISE_XOR,)),
    "to_uint32": Operation("{} >>> 0", SHIFT, (SUM,)),
    "to_bool": Operation("{} !== 0", EQUALITY, (EQUALITY,)),
}

# Under the names of JAX's primitives where there is one.
_BY_KIND = {
    "float": {
        **_ORDERED,
        "add": _ADD,
        "sub": _SUB,
        "mul": _MUL,
        "div": _binary("/", PRODUCT, np.divide),
        "rem": _binary("%", PRODUCT, np.fmod),
        "neg": Operation("-{}", PREFIX, (CALL,), np.negative),  # never --x
        "sqrt": _call("Math.sqrt", 1, np.sqrt),
        "floor": _call("Math.floor", 1, np.floor),
        "ceil": _call("Math.ceil", 1, np.ceil),
        "is_finite": _call("Number.isFinite", 1, np.isfinite),
        "pow": _call("power", 2, helper="power"),
        "finite_pow": _call("Math.pow", 2),  # by a finite exponent
        "exp2": Operation("Math.pow(2, {})", CALL, (CONDITIONAL,)),
        "lt_to": _call("precedes", 2, helper="precedes"),
        "le_to": Operation("!precedes({1}, {0})", PREFIX, (CONDITIONAL, CONDITIONAL), helper="precedes"),
        "atan2": _call("Math.atan2", 2),
        **{
            name: _call(f"Math.{name}")
            for name in (
                *("exp", "expm1", "log", "log1p", "cbrt"),
                *("sin", "cos", "tan", "asin", "acos", "atan"),
                *("sinh", "cosh", "tanh", "asinh", "acosh", "atanh"),
            )
        },
        "to_int32": Operation(
            "Math.min(Math.max(Math.trunc({}), -2147483648), 2147483647) | 0", BITWISE_OR, (CONDITIONAL,)
        ),
        "to_uint32": Operation("Math.min(Math.max(Math.trunc({}), 0), 4294967295) >>> 0", SHIFT, (CONDITIONAL,)),
        "to_int64": _call("integer", helper="integer"),
        "to_bool": Operation("{} !== 0", EQUALITY, (EQUALITY,)),
    },
    "int64": {
        **_INTEGER,
        "add": _ADD,
        "sub": _SUB,
        "mul": Operation("{} * {} + 0", SUM, (PRODUCT, PREFIX), np.multiply, commutes=True),
        "neg": _NEGATIVE_INTEGER,
        "div": _QUOTIENT,
        "rem": _REMAINDER,
    },
    "int32": {
        **_INTEGER,
        **_BITWISE,
        "abs": _as_int32(_ORDERED["abs"]),
        "add": _as_int32(_ADD),
        "sub": _as_int32(_SUB),
        "mul": _IMUL,
        "neg": _as_int32(_NEGATIVE_INTEGER),
        "div": _as_int32(_QUOTIENT),
        "rem": _REMAINDER,
    },
    "uint32": {
        **_INTEGER,
        **{name: _as_uint32(operation) for name, operation in _BITWISE.items()},
        "add": _as_uint32(_ADD),
        "sub": _as_uint32(_SUB),
        "mul": _as_uint32(_IMUL),
        "neg": _as_uint32(_NEGATIVE_INTEGER),
        "div": _as_uint32(_QUOTIENT),
        "rem": _REMAINDER,
    },
    "bool": {
        **_COMPARISONS,
        **_SORTED,
        **dict.fromkeys(("and", "min"), _binary("&&", AND, np.logical_and, commutes=True)),
        **dict.fromkeys(("or", "max"), _binary("||", OR, np.logical_or, commutes=True)),
        "xor": _binary("!==", EQUALITY, np.logical_xor, commutes=True),
        "not": Operation("!{}", PREFIX, (PREFIX,), np.logical_not),
        "to_number": Operation("{} ? 1 : 0", CONDITIONAL, (OR,)),
    },
    "index": {**_ORDERED, "add": _ADD, "sub": _SUB, "mul": _MUL},
    "any": {"select": Operation("{} ? {} : {}", CONDITIONAL, (OR, OR, CONDITIONAL))},  # condition, if true, if false
}
_OPERATIONS = {(name, kind): operation for kind, table in _BY_KIND.items() for name, operation in table.items()}


def operation(name: str, kind: str) -> Operation:
    """The operation of this name on operands of this kind."""
    if (name, kind) not in _OPERATIONS:
        raise Unsupported(f"`{name}` of {kind} values")
    return _OPERATIONS[name, kind]


# The primitives of JAX that are one operation on each entry.
_OWN = ("select", "finite_pow", "to_int32", "to_uint32", "to_int64", "to_bool", "to_number")
ELEMENTWISE = sorted({name for name, _ in _OPERATIONS} - {*_OWN})
