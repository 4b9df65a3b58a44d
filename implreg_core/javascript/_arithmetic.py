"""What each primitive of arithmetic means for arrays of scalars."""

import math
from functools import partial, reduce

import numpy as np

from implreg_core.javascript._arrays import Array, Stored, scalars
from implreg_core.javascript._operations import ELEMENTWISE, Unsupported
from implreg_core.javascript._program import Program, Scalar
from implreg_core.javascript._rules import KINDS, Rules, kind, mapped

RULES = Rules()


# Entry by entry


def _elementwise(program: Program, eqn, *arrays: Array) -> np.ndarray:
    operation = partial(program.operate, eqn.primitive.name, kind(eqn.invars[0].aval))
    return mapped(operation, *(scalars(program, array) for array in arrays))


RULES.update(dict.fromkeys(ELEMENTWISE, _elementwise))


@RULES.of("pow")
def _pow(program, eqn, x, y):
    def power(x: Scalar, y: Scalar) -> Scalar:
        y = _converted(program, y, kind(eqn.invars[1].aval), np.float64)
        finite = y.value is not None and math.isfinite(y.value)
        return program.operate("finite_pow" if finite else "pow", "float", x, y)

    return mapped(power, scalars(program, x), scalars(program, y))


@RULES.of("integer_pow")
def _integer_pow(program, eqn, x):
    def power(x: Scalar) -> Scalar:
        result, exponent = None, abs(eqn.params["y"])
        while exponent:  # the squarings and products that JAX does; the last square goes unused
            if exponent % 2:
                result = x if result is None else program.operate("mul", of, result, x)
            exponent //= 2
            x = program.operate("mul", of, x, x)
        result = one if result is None else result
        return result if eqn.params["y"] >= 0 else program.operate("div", of, one, result)

    of, one = kind(eqn.invars[0].aval), program.constant(1, eqn.invars[0].aval.dtype)
    return mapped(power, scalars(program, x))


@RULES.of("square")
def _square(program, eqn, x):
    return mapped(lambda x: program.operate("mul", kind(eqn.invars[0].aval), x, x), scalars(program, x))


@RULES.of("add_any")  # the sum of gradients
def _add_any(program, eqn, x, y):
    return mapped(partial(program.operate, "add", kind(eqn.invars[0].aval)), scalars(program, x), scalars(program, y))


@RULES.of("rsqrt")
def _rsqrt(program, eqn, x):
    one = program.constant(1, np.float64)
    return mapped(
        lambda x: program.operate("div", "float", one, program.operate("sqrt", "float", x)), scalars(program, x)
    )


@RULES.of("logistic")
def _logistic(program, eqn, x):
    operate, one = program.operate, program.constant(1, np.float64)

    def logistic(x):
        exponential = operate("exp", "float", operate("neg", "float", x))
        return operate("div", "float", one, operate("add", "float", one, exponential))

    return mapped(logistic, scalars(program, x))


@RULES.of("clamp")
def _clamp(program, eqn, low, x, high):
    of = kind(eqn.invars[1].aval)

    def clamp(low, x, high):
        return program.operate("min", of, program.operate("max", of, low, x), high)

    return mapped(clamp, scalars(program, low), scalars(program, x), scalars(program, high))


@RULES.of("select_n")
def _select_n(program, eqn, which, *cases):
    """`which` is a truth value, or a number that is taken as the nearest one of a case."""

    def select(which, *cases):
        if len(cases) == 2 and kind(eqn.invars[0].aval) == "bool":
            return program.select(which, cases[1], cases[0])
        choice = cases[-1]
        for i in range(len(cases) - 2, -1, -1):
            choice = program.select(program.operate("le", "index", which, program.index(i)), cases[i], choice)
        return choice

    return mapped(select, scalars(program, which), *(scalars(program, case) for case in cases))


@RULES.of("convert_element_type")
def _convert_element_type(program, eqn, x):
    source, target = kind(eqn.invars[0].aval), kind(eqn.outvars[0].aval)
    if isinstance(x, Stored) and _widens(source, target):
        return x
    return mapped(lambda x: _converted(program, x, source, eqn.params["new_dtype"]), scalars(program, x))


def _converted(program: Program, x: Scalar, source: str, dtype) -> Scalar:
    target = KINDS[np.dtype(dtype)]
    if x.value is not None and (source != "float" or abs(x.value) < 2**31):
        return program.constant(np.asarray(x.value).astype(dtype), dtype)
    if _widens(source, target):
        return x
    return program.operate("to_number" if source == "bool" else f"to_{target}", source, x)


def _widens(source: str, target: str) -> bool:
    """Whether a number of the one kind is one of the other as it is."""
    order = ("int32", "int64", "float")
    return source == target or "bool" not in (source, target) and order.index(source) < order.index(target)


# Sums and the like


def _reduced(program, eqn, x, name):
    axes, of = tuple(eqn.params["axes"]), kind(eqn.invars[0].aval)
    x = scalars(program, x)
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    rows = x.transpose([*kept, *axes]).reshape([*(x.shape[axis] for axis in kept), -1])
    if rows.shape[-1] == 0:
        raise Unsupported(f"`{eqn.primitive.name}` of nothing")
    result = np.empty(rows.shape[:-1], object)
    for place in np.ndindex(result.shape):
        result[place] = reduce(partial(program.operate, name, of), rows[place])
    return result


_REDUCTIONS = {"sum": "add", "prod": "mul", "max": "max", "min": "min", "and": "and", "or": "or", "xor": "xor"}
for _name, _operation in _REDUCTIONS.items():
    RULES[f"reduce_{_name}"] = partial(_reduced, name=_operation)


@RULES.of("argmax", "argmin")
def _argument(program, eqn, x):
    """The first of the largest (smallest) entries, or of the NaN if there are any."""
    (axis,), of = eqn.params["axes"], kind(eqn.invars[0].aval)
    rows = np.moveaxis(scalars(program, x), axis, -1)
    operate, better = program.operate, "gt" if eqn.primitive.name == "argmax" else "lt"

    def argument(row):
        best, where = row[0], program.constant(0, eqn.params["index_dtype"])
        for i, entry in enumerate(row[1:], 1):
            is_first_nan = operate("and", "bool", operate("ne", of, entry, entry), operate("eq", of, best, best))
            wins = operate("or", "bool", operate(better, of, entry, best), is_first_nan)
            best = program.select(wins, entry, best)
            where = program.select(wins, program.constant(i, eqn.params["index_dtype"]), where)
        return where

    result = np.empty(rows.shape[:-1], object)
    for place in np.ndindex(result.shape):
        result[place] = argument(rows[place])
    return result


def _cumulative(program, eqn, x, name):
    of, axis, reverse = kind(eqn.invars[0].aval), eqn.params["axis"], eqn.params["reverse"]
    result = np.array(scalars(program, x), object)
    along = np.moveaxis(result, axis, 0)[:: -1 if reverse else 1]  # a view
    for i in range(1, len(along)):
        along[i : i + 1] = mapped(partial(program.operate, name, of), along[i - 1 : i], along[i : i + 1])
    return result


for _name in ("sum", "prod", "max", "min"):
    RULES[f"cum{_name}"] = partial(_cumulative, name=_REDUCTIONS[_name])


@RULES.of("dot_general")
def _dot_general(program, eqn, left, right):
    contracted, batched = eqn.params["dimension_numbers"]
    of = kind(eqn.invars[0].aval)

    def arranged(x, contracted, batched):
        """The array with axes (batched, free, contracted), each group flattened into one, and the free lengths."""
        x = scalars(program, x)
        free = [axis for axis in range(x.ndim) if axis not in (*contracted, *batched)]
        groups = [[x.shape[axis] for axis in group] for group in (batched, free, contracted)]
        return x.transpose([*batched, *free, *contracted]).reshape([math.prod(group) for group in groups])

    left = arranged(left, contracted[0], batched[0])
    right = arranged(right, contracted[1], batched[1])
    result = np.empty((len(left), left.shape[1], right.shape[1]), object)
    for b, i, j in np.ndindex(result.shape):
        products = map(partial(program.operate, "mul", of), left[b, i], right[b, j])
        result[b, i, j] = reduce(partial(program.operate, "add", of), products)
    return result.reshape(eqn.outvars[0].aval.shape)
