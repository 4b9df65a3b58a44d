"""What each primitive of JAX means for arrays of scalars. Loops, branches and calls are `_interpreter`'s."""

import math
from functools import partial, reduce

import numpy as np
from jax.lax import GatherScatterMode

from implreg_core.javascript import _arrays
from implreg_core.javascript._arrays import Array, Stored, scalars
from implreg_core.javascript._operations import ELEMENTWISE, Unsupported
from implreg_core.javascript._program import Program, Scalar

_KINDS = {
    np.dtype(np.float64): "float",
    np.dtype(np.int64): "int64",
    np.dtype(np.int32): "int32",
    np.dtype(bool): "bool",
}
RULES = {}


def kind(aval) -> str:
    """The kind of an array's entries, in the sense of `_operations`."""
    if aval.dtype not in _KINDS:
        raise Unsupported(f"entries of type {aval.dtype}; use float64, int32, int64 or bool")
    return _KINDS[aval.dtype]


def _rule(*names: str):
    """Registers a rule `(program, equation, *arrays) -> array or list of arrays` for the primitives of these names."""

    def register(rule):
        RULES.update({name: rule for name in names})
        return rule

    return register


def _map(function, *arrays: np.ndarray) -> np.ndarray:
    """The function of corresponding entries; scalars stand for constant arrays."""
    arrays = np.broadcast_arrays(*arrays)
    return _arrays.as_array([function(*entries) for entries in zip(*(array.flat for array in arrays))], arrays[0].shape)


# Entry by entry


def _elementwise(program: Program, eqn, *arrays: Array) -> np.ndarray:
    operation = partial(program.operate, eqn.primitive.name, kind(eqn.invars[0].aval))
    return _map(operation, *(scalars(program, array) for array in arrays))


RULES.update(dict.fromkeys(ELEMENTWISE, _elementwise))


@_rule("pow")
def _pow(program, eqn, x, y):
    def power(x: Scalar, y: Scalar) -> Scalar:
        y = _converted(program, y, kind(eqn.invars[1].aval), np.float64)
        finite = y.value is not None and math.isfinite(y.value)
        return program.operate("finite_pow" if finite else "pow", "float", x, y)

    return _map(power, scalars(program, x), scalars(program, y))


@_rule("integer_pow")
def _integer_pow(program, eqn, x):
    def power(x: Scalar) -> Scalar:
        result, exponent = None, abs(eqn.params["y"])
        while exponent:  # the squarings and products that JAX does
            if exponent % 2:
                result = x if result is None else program.operate("mul", of, result, x)
            exponent //= 2
            x = program.operate("mul", of, x, x) if exponent else x
        result = one if result is None else result
        return result if eqn.params["y"] >= 0 else program.operate("div", of, one, result)

    of, one = kind(eqn.invars[0].aval), program.constant(1, eqn.invars[0].aval.dtype)
    return _map(power, scalars(program, x))


@_rule("square")
def _square(program, eqn, x):
    return _map(lambda x: program.operate("mul", kind(eqn.invars[0].aval), x, x), scalars(program, x))


@_rule("add_any")  # the sum of gradients
def _add_any(program, eqn, x, y):
    return _map(partial(program.operate, "add", kind(eqn.invars[0].aval)), scalars(program, x), scalars(program, y))


@_rule("rsqrt")
def _rsqrt(program, eqn, x):
    one = program.constant(1, np.float64)
    return _map(
        lambda x: program.operate("div", "float", one, program.operate("sqrt", "float", x)), scalars(program, x)
    )


@_rule("logistic")
def _logistic(program, eqn, x):
    operate, one = program.operate, program.constant(1, np.float64)

    def logistic(x):
        exponential = operate("exp", "float", operate("neg", "float", x))
        return operate("div", "float", one, operate("add", "float", one, exponential))

    return _map(logistic, scalars(program, x))


@_rule("clamp")
def _clamp(program, eqn, low, x, high):
    of = kind(eqn.invars[1].aval)

    def clamp(low, x, high):
        return program.operate("min", of, program.operate("max", of, low, x), high)

    return _map(clamp, scalars(program, low), scalars(program, x), scalars(program, high))


@_rule("select_n")
def _select_n(program, eqn, which, *cases):
    """`which` is a truth value, or a number that is taken as the nearest one of a case."""

    def select(which, *cases):
        if len(cases) == 2 and kind(eqn.invars[0].aval) == "bool":
            return program.select(which, cases[1], cases[0])
        choice = cases[-1]
        for i in range(len(cases) - 2, -1, -1):
            choice = program.select(program.operate("le", "index", which, program.index(i)), cases[i], choice)
        return choice

    return _map(select, scalars(program, which), *(scalars(program, case) for case in cases))


@_rule("convert_element_type")
def _convert_element_type(program, eqn, x):
    source, target = kind(eqn.invars[0].aval), kind(eqn.outvars[0].aval)
    if isinstance(x, Stored) and _widens(source, target):
        return x
    return _map(lambda x: _converted(program, x, source, eqn.params["new_dtype"]), scalars(program, x))


def _converted(program: Program, x: Scalar, source: str, dtype) -> Scalar:
    target = _KINDS[np.dtype(dtype)]
    if x.value is not None and (source != "float" or abs(x.value) < 2**31):
        return program.constant(np.asarray(x.value).astype(dtype), dtype)
    if _widens(source, target):
        return x
    return program.operate("to_number" if source == "bool" else f"to_{target}", source, x)


def _widens(source: str, target: str) -> bool:
    """Whether a number of the one kind is one of the other as it is."""
    order = ("int32", "int64", "float")
    return source == target or "bool" not in (source, target) and order.index(source) < order.index(target)


# Movement of entries


@_rule("reshape", "squeeze", "expand_dims")
def _reshape(program, eqn, x):
    if eqn.params.get("dimensions") is not None and eqn.primitive.name == "reshape":
        raise Unsupported("`reshape` with `dimensions`; transpose first")
    shape = eqn.outvars[0].aval.shape
    return Stored(x.buffer, shape) if isinstance(x, Stored) else x.reshape(shape)


@_rule("copy", "copy_p", "stop_gradient", "optimization_barrier")
def _identity(program, eqn, *arrays):
    return list(arrays)


@_rule("broadcast_in_dim")
def _broadcast_in_dim(program, eqn, x):
    shape, axes = eqn.params["shape"], eqn.params["broadcast_dimensions"]
    x = scalars(program, x)
    if math.prod(shape) > _arrays.LARGEST and x.size == 1:
        boolean = kind(eqn.outvars[0].aval) == "bool"
        return Stored(program.array(math.prod(shape), tuple(x.ravel()), boolean), shape)
    aligned = [1] * len(shape)
    for axis, length in zip(axes, x.shape):
        aligned[axis] = length
    return np.broadcast_to(x.reshape(aligned), shape)


@_rule("iota")
def _iota(program, eqn):
    shape, axis = eqn.params["shape"], eqn.params["dimension"]
    along = np.arange(shape[axis], dtype=eqn.params["dtype"]).reshape(
        [-1 if a == axis else 1 for a in range(len(shape))]
    )
    return _arrays.of(program, np.broadcast_to(along, shape))


@_rule("slice")
def _slice(program, eqn, x):
    starts, limits = eqn.params["start_indices"], eqn.params["limit_indices"]
    strides = eqn.params["strides"] or [1] * len(starts)
    if isinstance(x, Stored):
        sizes = [limit - start for start, limit in zip(starts, limits)]
        x = _arrays.read_window(program, x, [program.index(start) for start in starts], sizes, _is_bool(eqn))
        starts, limits = [0] * len(starts), sizes
    return x[tuple(slice(*parts) for parts in zip(starts, limits, strides))]


@_rule("transpose")
def _transpose(program, eqn, x):
    return scalars(program, x).transpose(eqn.params["permutation"])


@_rule("rev")
def _rev(program, eqn, x):
    return np.flip(scalars(program, x), eqn.params["dimensions"])


@_rule("concatenate")
def _concatenate(program, eqn, *arrays):
    return np.concatenate([scalars(program, array) for array in arrays], eqn.params["dimension"])


@_rule("stack")
def _stack(program, eqn, *arrays):
    return np.stack([scalars(program, array) for array in arrays], eqn.params["axis"])


@_rule("tile")
def _tile(program, eqn, x):
    return np.tile(scalars(program, x), eqn.params["reps"])


@_rule("split")
def _split(program, eqn, x):
    return np.split(scalars(program, x), np.cumsum(eqn.params["sizes"])[:-1], eqn.params["axis"])


@_rule("pad")
def _pad(program, eqn, x, padding):
    x, shape = scalars(program, x), eqn.outvars[0].aval.shape
    result = np.full(shape, scalars(program, padding)[()], object)
    for place in np.ndindex(x.shape):
        target = tuple(low + i * (1 + inner) for i, (low, _, inner) in zip(place, eqn.params["padding_config"]))
        if all(0 <= t < length for t, length in zip(target, shape)):
            result[target] = x[place]
    return result


@_rule("dynamic_slice")
def _dynamic_slice(program, eqn, x, *starts):
    sizes = eqn.params["slice_sizes"]
    starts = _arrays.clamped(program, x, [scalars(program, start)[()] for start in starts], sizes)
    return _arrays.read_window(program, x, starts, sizes, _is_bool(eqn))


@_rule("dynamic_update_slice")
def _dynamic_update_slice(program, eqn, x, update, *starts):
    update = scalars(program, update)
    starts = _arrays.clamped(program, x, [scalars(program, start)[()] for start in starts], update.shape)
    return _arrays.write_window(program, x, starts, update, _is_bool(eqn))


@_rule("gather")
def _gather(program, eqn, x, indices):
    numbers, sizes, mode = eqn.params["dimension_numbers"], eqn.params["slice_sizes"], eqn.params["mode"]
    indices, shape = scalars(program, indices), eqn.outvars[0].aval.shape
    dropped = {*numbers.collapsed_slice_dims, *numbers.operand_batching_dims}
    batch_axes = [axis for axis in range(len(shape)) if axis not in numbers.offset_dims]
    result = np.empty(shape, object)
    for batch in np.ndindex(indices.shape[:-1]):
        starts = [program.index(0)] * len(sizes)
        for axis, start in zip(numbers.start_index_map, indices[batch]):
            starts[axis] = start
        for axis, along in zip(numbers.operand_batching_dims, numbers.start_indices_batching_dims):
            starts[axis] = program.index(batch[along])
        within = _arrays.is_within(program, x, starts, sizes)
        starts = _arrays.clamped(program, x, starts, sizes)
        window = _arrays.read_window(program, x, starts, sizes, _is_bool(eqn))
        window = window.reshape([size for axis, size in enumerate(sizes) if axis not in dropped])
        if mode == GatherScatterMode.FILL_OR_DROP:
            fill = program.constant(_fill_value(eqn), eqn.outvars[0].aval.dtype)
            window = _map(lambda entry: program.select(within, entry, fill), window)
        place = [slice(None)] * len(shape)
        for axis, i in zip(batch_axes, batch):
            place[axis] = i
        result[tuple(place)] = window if window.ndim else window[()]
    return result


def _fill_value(eqn):
    """What lies outside of an array, if `gather` does not say."""
    if eqn.params["fill_value"] is not None:
        return eqn.params["fill_value"]
    of = kind(eqn.outvars[0].aval)
    return math.nan if of == "float" else of == "bool" or np.iinfo(of).min


@_rule("scatter", "scatter-add", "scatter-sub", "scatter-mul", "scatter-min", "scatter-max")
def _scatter(program, eqn, x, indices, updates):
    numbers, mode = eqn.params["dimension_numbers"], eqn.params["mode"]
    indices, updates = scalars(program, indices), scalars(program, updates)
    _, _, name = eqn.primitive.name.partition("-")
    of = kind(eqn.invars[0].aval)
    inserted = {*numbers.inserted_window_dims, *numbers.operand_batching_dims}
    windowed = [axis for axis in range(len(x.shape)) if axis not in inserted]
    batch_axes = [axis for axis in range(updates.ndim) if axis not in numbers.update_window_dims]

    def combine(old, new):
        return program.operate(name, of, old, new) if name else new

    for batch in np.ndindex(indices.shape[:-1]):
        place = [slice(None)] * updates.ndim
        for axis, i in zip(batch_axes, batch):
            place[axis] = i
        window = updates[tuple(place)]
        window = np.asarray(window, object) if isinstance(window, np.ndarray) else _arrays.as_array([window], ())
        sizes = [1] * len(x.shape)
        for axis, size in zip(windowed, window.shape):
            sizes[axis] = size
        starts = [program.index(0)] * len(x.shape)
        for axis, start in zip(numbers.scatter_dims_to_operand_dims, indices[batch]):
            starts[axis] = start
        for axis, along in zip(numbers.operand_batching_dims, numbers.scatter_indices_batching_dims):
            starts[axis] = program.index(batch[along])
        within = program.constant(True, bool)
        if mode == GatherScatterMode.FILL_OR_DROP:
            within = _arrays.is_within(program, x, starts, sizes)
        else:
            starts = _arrays.clamped(program, x, starts, sizes)
        if not within.equals(False):
            guard = None if within.equals(True) else within
            x = _arrays.write_window(program, x, starts, window.reshape(sizes), _is_bool(eqn), combine, guard)
    return x


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


@_rule("argmax", "argmin")
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
        along[i : i + 1] = _map(partial(program.operate, name, of), along[i - 1 : i], along[i : i + 1])
    return result


for _name in ("sum", "prod", "max", "min"):
    RULES[f"cum{_name}"] = partial(_cumulative, name=_REDUCTIONS[_name])


@_rule("dot_general")
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


def _is_bool(eqn) -> bool:
    return kind(eqn.outvars[0].aval) == "bool"
