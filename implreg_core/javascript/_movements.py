"""What each primitive that only moves entries means for arrays of scalars."""

import math

import numpy as np
from jax.lax import GatherScatterMode

from implreg_core.javascript import _arrays
from implreg_core.javascript._arrays import Stored, scalars
from implreg_core.javascript._operations import Unsupported
from implreg_core.javascript._rules import Rules, kind, mapped

RULES = Rules()


@RULES.of("reshape", "squeeze", "expand_dims")
def _reshape(program, eqn, x):
    if eqn.params.get("dimensions") is not None and eqn.primitive.name == "reshape":
        raise Unsupported("`reshape` with `dimensions`; transpose first")
    shape = eqn.outvars[0].aval.shape
    return Stored(x.buffer, shape) if isinstance(x, Stored) else x.reshape(shape)


@RULES.of("copy", "stop_gradient", "optimization_barrier")
def _identity(program, eqn, *arrays):
    return list(arrays)


@RULES.of("broadcast_in_dim")
def _broadcast_in_dim(program, eqn, x):
    shape, axes = eqn.params["shape"], eqn.params["broadcast_dimensions"]
    x = scalars(program, x)
    if math.prod(shape) > _arrays.LARGEST and x.size == 1:
        return Stored(program.array(math.prod(shape), tuple(x.ravel()), _is_bool(eqn)), shape)
    aligned = [1] * len(shape)
    for axis, length in zip(axes, x.shape):
        aligned[axis] = length
    return np.broadcast_to(x.reshape(aligned), shape)


@RULES.of("iota")
def _iota(program, eqn):
    shape, axis = eqn.params["shape"], eqn.params["dimension"]
    along = np.arange(shape[axis], dtype=eqn.params["dtype"]).reshape(
        [-1 if a == axis else 1 for a in range(len(shape))]
    )
    return _arrays.of(program, np.broadcast_to(along, shape))


@RULES.of("slice")
def _slice(program, eqn, x):
    starts, limits = eqn.params["start_indices"], eqn.params["limit_indices"]
    strides = eqn.params["strides"] or [1] * len(starts)
    if isinstance(x, Stored):
        sizes = [limit - start for start, limit in zip(starts, limits)]
        x = _arrays.read_window(program, x, [program.index(start) for start in starts], sizes, _is_bool(eqn))
        starts, limits = [0] * len(starts), sizes
    return x[tuple(slice(*parts) for parts in zip(starts, limits, strides))]


@RULES.of("transpose")
def _transpose(program, eqn, x):
    return scalars(program, x).transpose(eqn.params["permutation"])


@RULES.of("rev")
def _rev(program, eqn, x):
    return np.flip(scalars(program, x), eqn.params["dimensions"])


@RULES.of("concatenate")
def _concatenate(program, eqn, *arrays):
    return np.concatenate([scalars(program, array) for array in arrays], eqn.params["dimension"])


@RULES.of("stack")
def _stack(program, eqn, *arrays):
    return np.stack([scalars(program, array) for array in arrays], eqn.params["axis"])


@RULES.of("tile")
def _tile(program, eqn, x):
    return np.tile(scalars(program, x), eqn.params["reps"])


@RULES.of("split")
def _split(program, eqn, x):
    return np.split(scalars(program, x), np.cumsum(eqn.params["sizes"])[:-1], eqn.params["axis"])


@RULES.of("pad")
def _pad(program, eqn, x, padding):
    x, shape = scalars(program, x), eqn.outvars[0].aval.shape
    result = np.full(shape, scalars(program, padding)[()], object)
    for place in np.ndindex(x.shape):
        target = tuple(low + i * (1 + inner) for i, (low, _, inner) in zip(place, eqn.params["padding_config"]))
        if all(0 <= t < length for t, length in zip(target, shape)):
            result[target] = x[place]
    return result


@RULES.of("dynamic_slice")
def _dynamic_slice(program, eqn, x, *starts):
    sizes = eqn.params["slice_sizes"]
    starts = _arrays.clamped(program, x, [scalars(program, start)[()] for start in starts], sizes)
    return _arrays.read_window(program, x, starts, sizes, _is_bool(eqn))


@RULES.of("dynamic_update_slice")
def _dynamic_update_slice(program, eqn, x, update, *starts):
    update = scalars(program, update)
    starts = _arrays.clamped(program, x, [scalars(program, start)[()] for start in starts], update.shape)
    return _arrays.write_window(program, x, starts, update, _is_bool(eqn))


@RULES.of("gather")
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
            window = mapped(lambda entry: program.select(within, entry, fill), window)
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


@RULES.of("scatter", "scatter-add", "scatter-sub", "scatter-mul", "scatter-min", "scatter-max")
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


def _is_bool(eqn) -> bool:
    return kind(eqn.outvars[0].aval) == "bool"
