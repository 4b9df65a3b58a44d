"""What each primitive of arithmetic means for arrays of scalars."""

import math
from functools import partial, reduce

import numpy as np
from jax import lax

from implreg_core.javascript._arrays import Array, Stored, scalars
from implreg_core.javascript._operations import ELEMENTWISE, Unsupported
from implreg_core.javascript._program import Program, Scalar
from implreg_core.javascript._rules import KINDS, Rules, kind, mapped, unsupported

RULES = Rules()


# Entry by entry


def _elementwise(program: Program, eqn, *arrays: Array) -> np.ndarray:
    operation = partial(program.operate, eqn.name, kind(eqn.inputs[0]))
    return mapped(operation, *(scalars(program, array) for array in arrays))


RULES.update(dict.fromkeys(ELEMENTWISE, _elementwise))


@RULES.of("pow")
def _pow(program, eqn, x, y):
    def power(x: Scalar, y: Scalar) -> Scalar:
        y = _converted(program, y, kind(eqn.inputs[1]), np.float64)
        finite = y.value is not None and math.isfinite(y.value)
        return program.operate("finite_pow" if finite else "pow", "float", x, y)

    return mapped(power, scalars(program, x), scalars(program, y))


@RULES.of("integer_pow")
def _integer_pow(program, eqn, x, *, y):
    def power(x: Scalar) -> Scalar:
        result, exponent = None, abs(y)
        while exponent:  # the squarings and products that JAX does; the last square goes unused
            if exponent % 2:
                result = x if result is None else program.operate("mul", of, result, x)
            exponent //= 2
            x = program.operate("mul", of, x, x)
        result = one if result is None else result
        return result if y >= 0 else program.operate("div", of, one, result)

    of, one = kind(eqn.inputs[0]), program.constant(1, eqn.inputs[0].dtype)
    return mapped(power, scalars(program, x))


@RULES.of("square")
def _square(program, eqn, x):
    return mapped(lambda x: program.operate("mul", kind(eqn.inputs[0]), x, x), scalars(program, x))


@RULES.of("one_minus_square")  # in gradients, by JAX 0.11
def _one_minus_square(program, eqn, x):
    operate, of, one = program.operate, kind(eqn.inputs[0]), program.constant(1, eqn.inputs[0].dtype)

    def factors(x):
        return operate("mul", of, operate("add", of, one, x), operate("sub", of, one, x))

    return mapped(factors, scalars(program, x))


@RULES.of("log2")  # by JAX 0.11; before, `log` and a division
def _log2(program, eqn, x):
    factor = program.constant(1 / math.log(2), np.float64)
    return mapped(
        lambda x: program.operate("mul", "float", program.operate("log", "float", x), factor), scalars(program, x)
    )


@RULES.of("add_any")  # the sum of gradients
def _add_any(program, eqn, x, y):
    return mapped(partial(program.operate, "add", kind(eqn.inputs[0])), scalars(program, x), scalars(program, y))


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
    of = kind(eqn.inputs[1])

    def clamp(low, x, high):
        return program.operate("min", of, program.operate("max", of, low, x), high)

    return mapped(clamp, scalars(program, low), scalars(program, x), scalars(program, high))


@RULES.of("select_n")
def _select_n(program, eqn, which, *cases):
    """`which` is a truth value, or a number that is taken as the nearest one of a case."""

    def select(which, *cases):
        if len(cases) == 2 and kind(eqn.inputs[0]) == "bool":
            return program.select(which, cases[1], cases[0])
        choice = cases[-1]
        for i in range(len(cases) - 2, -1, -1):
            choice = program.select(program.operate("le", "index", which, program.index(i)), cases[i], choice)
        return choice

    return mapped(select, scalars(program, which), *(scalars(program, case) for case in cases))


@RULES.of("convert_element_type")
def _convert_element_type(program, eqn, x, *, new_dtype):
    source, target = kind(eqn.inputs[0]), kind(eqn.outputs[0])
    if isinstance(x, Stored) and _widens(source, target):
        return x
    return mapped(lambda x: _converted(program, x, source, new_dtype), scalars(program, x))


def _converted(program: Program, x: Scalar, source: str, dtype) -> Scalar:
    target = KINDS[np.dtype(dtype)]
    lowest = 0 if target == "uint32" else -(2**31)
    if x.value is not None and (source != "float" or lowest <= x.value < 2**31):
        return program.constant(np.asarray(x.value).astype(dtype), dtype)
    if _widens(source, target):
        return x
    return program.operate("to_number" if source == "bool" else f"to_{target}", source, x)


def _widens(source: str, target: str) -> bool:
    """Whether a number of the one kind is one of the other as it is."""
    wider = {"int32": ("int64", "float"), "uint32": ("int64", "float"), "int64": ("float",)}
    return source == target or target in wider.get(source, ())


# Sums and the like


def _reduced(program, eqn, x, *, operation, axes):
    of = kind(eqn.inputs[0])
    x = scalars(program, x)
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    rows = x.transpose([*kept, *axes]).reshape([*(x.shape[axis] for axis in kept), -1])
    if rows.shape[-1] == 0:
        raise Unsupported(f"`{eqn.name}` of nothing")
    result = np.empty(rows.shape[:-1], object)
    for place in np.ndindex(result.shape):
        result[place] = reduce(partial(program.operate, operation, of), rows[place])
    return result


_REDUCTIONS = {"sum": "add", "prod": "mul", "max": "max", "min": "min", "and": "and", "or": "or", "xor": "xor"}
for _name, _operation in _REDUCTIONS.items():
    RULES[f"reduce_{_name}"] = partial(_reduced, operation=_operation)


@RULES.of("argmax", "argmin")
def _argument(program, eqn, x, *, axes, index_dtype):
    """The first of the largest (smallest) entries, or of the NaN if there are any."""
    (axis,), of = axes, kind(eqn.inputs[0])
    rows = np.moveaxis(scalars(program, x), axis, -1)
    operate, better = program.operate, "gt" if eqn.name == "argmax" else "lt"

    def argument(row):
        best, where = row[0], program.constant(0, index_dtype)
        for i, entry in enumerate(row[1:], 1):
            is_first_nan = operate("and", "bool", operate("ne", of, entry, entry), operate("eq", of, best, best))
            wins = operate("or", "bool", operate(better, of, entry, best), is_first_nan)
            best = program.select(wins, entry, best)
            where = program.select(wins, program.constant(i, index_dtype), where)
        return where

    result = np.empty(rows.shape[:-1], object)
    for place in np.ndindex(result.shape):
        result[place] = argument(rows[place])
    return result


def _cumulative(program, eqn, x, *, operation, axis, reverse):
    of = kind(eqn.inputs[0])
    result = np.array(scalars(program, x), object)
    along = np.moveaxis(result, axis, 0)[:: -1 if reverse else 1]  # a view
    for i in range(1, len(along)):
        along[i : i + 1] = mapped(partial(program.operate, operation, of), along[i - 1 : i], along[i : i + 1])
    return result


for _name in ("sum", "prod", "max", "min"):
    RULES[f"cum{_name}"] = partial(_cumulative, operation=_REDUCTIONS[_name])


@RULES.of("dot_general")
def _dot_general(program, eqn, left, right, *, dimension_numbers, precision, preferred_element_type):
    """All of it in the type of the result, which may be wider than those of the factors."""
    asked = precision if isinstance(precision, tuple) else (precision,)
    if not all(isinstance(each, lax.Precision | None) for each in asked):  # but an algorithm that rounds in its own way
        raise unsupported(eqn.name, "precision", precision)
    contracted, batched = dimension_numbers
    dtype, of = eqn.outputs[0].dtype, kind(eqn.outputs[0])

    def arranged(x, source, contracted, batched):
        """The array with axes (batched, free, contracted), each group flattened into one."""
        if not _widens(source, of):
            raise unsupported(eqn.name, "preferred_element_type", preferred_element_type)
        x = mapped(lambda x: _converted(program, x, source, dtype), scalars(program, x))
        free = [axis for axis in range(x.ndim) if axis not in (*contracted, *batched)]
        groups = [[x.shape[axis] for axis in group] for group in (batched, free, contracted)]
        return x.transpose([*batched, *free, *contracted]).reshape([math.prod(group) for group in groups])

    left = arranged(left, kind(eqn.inputs[0]), contracted[0], batched[0])
    right = arranged(right, kind(eqn.inputs[1]), contracted[1], batched[1])
    if left.shape[-1] == 0:
        raise Unsupported(f"`{eqn.name}` of nothing")
    result = np.empty((len(left), left.shape[1], right.shape[1]), object)
    for b, i, j in np.ndindex(result.shape):
        products = map(partial(program.operate, "mul", of), left[b, i], right[b, j])
        result[b, i, j] = reduce(partial(program.operate, "add", of), products)
    return result.reshape(eqn.outputs[0].shape)
