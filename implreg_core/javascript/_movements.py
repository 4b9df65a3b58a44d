"""What each primitive that only moves entries means for arrays of scalars."""

import math

import numpy as np
from jax.lax import GatherScatterMode

from implreg_core.javascript import _arrays
from implreg_core.javascript._arrays import Array, Stored, scalars
from implreg_core.javascript._operations import Unsupported
from implreg_core.javascript._rules import Rules, kind, mapped, unsupported

RULES = Rules()

# Broken promises do what they do in JAX: such an index reads the nearest entry, and writes nothing.
_MODES = (GatherScatterMode.FILL_OR_DROP, GatherScatterMode.CLIP, GatherScatterMode.PROMISE_IN_BOUNDS)


def _of_shape(x: Array, shape) -> Array:
    return Stored(x.buffer, shape) if isinstance(x, Stored) else x.reshape(shape)


@RULES.of("reshape")
def _reshape(program, eqn, x, *, new_sizes):
    return _of_shape(x, new_sizes)


@RULES.of("squeeze")
def _squeeze(program, eqn, x, *, dimensions):
    return _of_shape(x, tuple(length for axis, length in enumerate(x.shape) if axis not in dimensions))


@RULES.of("empty2")  # what `grad` puts where the branches of a `cond` keep different things; nothing reads it
def _empty(program, eqn, *, dtype):
    return _arrays.of(program, np.zeros((), dtype))


@RULES.of("copy", "device_put", "stop_gradient", "optimization_barrier")
def _identity(program, eqn, *arrays):
    return list(arrays)


@RULES.of("reduce_precision")  # by `checkpoint` with a policy, to the precision that there is
def _reduce_precision(program, eqn, x, *, exponent_bits, mantissa_bits):
    if (exponent_bits, mantissa_bits) != (11, 52):
        raise Unsupported(f"`reduce_precision` to {exponent_bits} bits of exponent and {mantissa_bits} of mantissa")
    return x


@RULES.of("broadcast_in_dim")
def _broadcast_in_dim(program, eqn, x, *, shape, broadcast_dimensions):
    x = scalars(program, x)
    if math.prod(shape) > _arrays.LARGEST and x.size == 1:
        return Stored(program.array(math.prod(shape), tuple(x.ravel()), _is_bool(eqn)), shape)
    aligned = [1] * len(shape)
    for axis, length in zip(broadcast_dimensions, x.shape):
        aligned[axis] = length
    return np.broadcast_to(x.reshape(aligned), shape)


@RULES.of("iota")
def _iota(program, eqn, *, dtype, shape, dimension):
    along = np.arange(shape[dimension], dtype=dtype).reshape([-1 if a == dimension else 1 for a in range(len(shape))])
    return _arrays.of(program, np.broadcast_to(along, shape))


@RULES.of("slice")
def _slice(program, eqn, x, *, start_indices, limit_indices, strides):
    starts, limits = start_indices, limit_indices
    if isinstance(x, Stored):
        sizes = [limit - start for start, limit in zip(starts, limits)]
        x = _arrays.read_window(program, x, [program.index(start) for start in starts], sizes, _is_bool(eqn))
        starts, limits = [0] * len(starts), sizes
    return x[tuple(slice(*parts) for parts in zip(starts, limits, strides or [1] * len(starts)))]


@RULES.of("transpose")
def _transpose(program, eqn, x, *, permutation):
    return scalars(program, x).transpose(permutation)


@RULES.of("rev")
def _rev(program, eqn, x, *, dimensions):
    return np.flip(scalars(program, x), dimensions)


@RULES.of("concatenate")
def _concatenate(program, eqn, *arrays, dimension):
    return np.concatenate([scalars(program, array) for array in arrays], dimension)


@RULES.of("stack")
def _stack(program, eqn, *arrays, axis):
    return np.stack([scalars(program, array) for array in arrays], axis)


@RULES.of("unstack")
def _unstack(program, eqn, x, *, axis):
    x = np.moveaxis(scalars(program, x), axis, 0)
    return [x[i, ...] for i in range(len(x))]


@RULES.of("tile")
def _tile(program, eqn, x, *, reps):
    return np.tile(scalars(program, x), reps)


@RULES.of("split")
def _split(program, eqn, x, *, sizes, axis):
    return np.split(scalars(program, x), np.cumsum(sizes)[:-1], axis)


@RULES.of("pad")
def _pad(program, eqn, x, padding, *, padding_config):
    x, shape = scalars(program, x), eqn.outputs[0].shape
    result = np.full(shape, scalars(program, padding)[()], object)
    for place in np.ndindex(x.shape):
        target = tuple(low + i * (1 + inner) for i, (low, _, inner) in zip(place, padding_config))
        if all(0 <= t < length for t, length in zip(target, shape)):
            result[target] = x[place]
    return result


@RULES.of("dynamic_slice")
def _dynamic_slice(program, eqn, x, *starts, slice_sizes):
    starts = _arrays.clamped(program, x, [scalars(program, start)[()] for start in starts], slice_sizes)
    return _arrays.read_window(program, x, starts, slice_sizes, _is_bool(eqn))


@RULES.of("dynamic_update_slice")
def _dynamic_update_slice(program, eqn, x, update, *starts):
    update = scalars(program, update)
    starts = _arrays.clamped(program, x, [scalars(program, start)[()] for start in starts], update.shape)
    return _arrays.write_window(program, x, starts, update, _is_bool(eqn))


@RULES.of("gather")
def _gather(program, eqn, x, indices, *, dimension_numbers, slice_sizes, mode, fill_value):
    numbers, sizes = dimension_numbers, slice_sizes
    if mode not in _MODES:
        raise unsupported(eqn.name, "mode", mode)
    indices, shape = scalars(program, indices), eqn.outputs[0].shape
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
            fill = program.constant(_outside(eqn) if fill_value is None else fill_value, eqn.outputs[0].dtype)
            window = mapped(lambda entry: program.select(within, entry, fill), window)
        place = [slice(None)] * len(shape)
        for axis, i in zip(batch_axes, batch):
            place[axis] = i
        result[tuple(place)] = window if window.ndim else window[()]
    return result


def _outside(eqn):
    """What lies outside of an array, if `gather` does not say."""
    of = kind(eqn.outputs[0])
    if of in ("float", "bool"):
        return math.nan if of == "float" else True
    return np.iinfo(of).max if of == "uint32" else np.iinfo(of).min


@RULES.of("scatter", "scatter-add", "scatter-sub", "scatter-mul", "scatter-min", "scatter-max")
def _scatter(program, eqn, x, indices, updates, *, dimension_numbers, mode, update_jaxpr):
    numbers = dimension_numbers
    indices, updates = scalars(program, indices), scalars(program, updates)
    _, _, name = eqn.name.partition("-")  # of the operation that `update_jaxpr` spells out
    if not name and update_jaxpr is not None:
        raise Unsupported("`scatter` with an `update_jaxpr`, as of `x.at[k].apply(f)`; use `x.at[k].set(f(x[k]))`")
    if mode not in _MODES:
        raise unsupported(eqn.name, "mode", mode)
    of = kind(eqn.inputs[0])
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
        if mode == GatherScatterMode.CLIP:
            starts = _arrays.clamped(program, x, starts, sizes)
        else:
            within = _arrays.is_within(program, x, starts, sizes)
        if not within.equals(False):
            guard = None if within.equals(True) else within
            x = _arrays.write_window(program, x, starts, window.reshape(sizes), _is_bool(eqn), combine, guard)
    return x


def _is_bool(eqn) -> bool:
    return kind(eqn.outputs[0]) == "bool"
