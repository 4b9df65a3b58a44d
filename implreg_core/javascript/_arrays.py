"""Arrays of the traced function: small ones as their scalars, large ones in a buffer of the generated program."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from implreg_core.javascript._operations import Unsupported
from implreg_core.javascript._program import Buffer, Program, Scalar

LARGEST = 64  # entries of an array that is held as scalars


class Stored(NamedTuple):
    """An array held in a buffer, row by row."""

    buffer: Buffer
    shape: tuple[int, ...]


Array = np.ndarray | Stored  # an `ndarray` of scalars


def of(program: Program, values: np.ndarray) -> Array:
    """An array known now."""
    entries = [program.constant(value, values.dtype) for value in values.ravel()]
    return limited(program, as_array(entries, values.shape), values.dtype == bool)


def as_array(entries: Sequence[Scalar], shape: tuple[int, ...]) -> np.ndarray:
    """The array with these entries, row by row."""
    array = np.empty(len(entries), object)
    array[:] = entries
    return array.reshape(shape)


def limited(program: Program, array: Array, boolean: bool) -> Array:
    """The array, in a buffer if it is large."""
    if isinstance(array, Stored) or array.size <= LARGEST:
        return array
    return Stored(program.packed(tuple(array.ravel()), boolean), array.shape)


def scalars(program: Program, array: Array) -> np.ndarray:
    """The array as scalars, which a large one cannot be."""
    if isinstance(array, np.ndarray):
        return array
    if array.buffer.size > LARGEST:
        raise Unsupported(
            f"an array of {array.buffer.size} entries; those of more than {LARGEST} can only be recorded and read row "
            "by row, with `at[k].set`, `x[k]`, `lax.scan` and `lax.map`"
        )
    entries = [program.read(array.buffer, program.index(i)) for i in range(array.buffer.size)]
    return as_array(entries, array.shape)


def stored(program: Program, array: Array, boolean: bool) -> Buffer:
    """A buffer with the entries of the array, not to be written to."""
    return program.packed(tuple(array.ravel()), boolean) if isinstance(array, np.ndarray) else array.buffer


def own_buffer(program: Program, array: Array, boolean: bool) -> Buffer:
    """A buffer with the entries of the array that may be changed: its own one if nobody reads that any more."""
    if isinstance(array, np.ndarray):
        return program.array(array.size, tuple(array.ravel()), boolean)
    if array.buffer.frozen or array.buffer.uses_left:
        return program.copied(array.buffer)
    return array.buffer


def is_within(program: Program, array: Array, starts: Sequence[Scalar], sizes: Sequence[int]) -> Scalar:
    """Whether the whole window of these `sizes` from `starts` on lies in the array."""
    within = program.constant(True, bool)
    for start, size, length in zip(starts, sizes, array.shape, strict=True):
        for name, end in (("ge", 0), ("le", length - size)):
            within = program.operate("and", "bool", within, program.operate(name, "index", start, program.index(end)))
    return within


def clamped(program: Program, array: Array, starts: Sequence[Scalar], sizes: Sequence[int]) -> list[Scalar]:
    """The nearest starts from which the window lies in the array."""

    def clamp(start, last):
        if last == 0:
            return program.index(0)
        at_least_zero = program.operate("max", "index", start, program.index(0))
        return program.operate("min", "index", at_least_zero, program.index(last))

    lasts = [length - size for size, length in zip(sizes, array.shape, strict=True)]
    return [clamp(start, last) for start, last in zip(starts, lasts)]


def read_window(program: Program, array: Array, starts: Sequence[Scalar], sizes: Sequence[int], boolean: bool):
    """The scalars of the window, which must lie in the array."""
    if isinstance(array, np.ndarray) and all(start.value is not None for start in starts):
        return array[tuple(slice(int(start.value), int(start.value) + size) for start, size in zip(starts, sizes))]
    if math.prod(sizes) > LARGEST:
        raise Unsupported(f"a slice of {math.prod(sizes)} entries at an index that varies; the most is {LARGEST}")
    buffer = stored(program, array, boolean)
    offset, addresses = _addresses(program, array, starts, sizes)
    read = [program.read(buffer, _sum(program, offset, address)) for address in addresses]
    return as_array(read, tuple(sizes))


def write_window(
    program: Program,
    array: Array,
    starts: Sequence[Scalar],
    window: np.ndarray,
    boolean: bool,
    combine: Callable = lambda old, new: new,
    guard: Scalar | None = None,
) -> Array:
    """The array after `old = combine(old, new)` in the window; `guard` tells whether the window lies in the array."""
    if isinstance(array, Stored):
        buffer = own_buffer(program, array, boolean)
        offset, addresses = _addresses(program, array, starts, window.shape)
        for address, new in zip(addresses, window.ravel()):
            index = _sum(program, offset, address)
            program.store(buffer, index, combine(program.read(buffer, index), new), guard)
        return Stored(buffer, array.shape)
    result = array.copy()
    lasts = [length - size for size, length in zip(window.shape, array.shape)]
    for corner in np.ndindex(*(last + 1 for last in lasts)):  # those that cannot be the start fold away
        hit = program.constant(True, bool)
        for start, c in zip(starts, corner):
            hit = program.operate("and", "bool", hit, program.operate("eq", "index", start, program.index(c)))
        if not hit.equals(False):
            for inside in np.ndindex(window.shape):
                place = tuple(c + i for c, i in zip(corner, inside))
                changed = combine(array[place], window[inside])
                result[place] = program.select(hit, changed, result[place])
    return result


def _addresses(program: Program, array: Array, starts: Sequence[Scalar], sizes: Sequence[int]):
    """The flat position of the window's first entry, and of all entries relative to it."""
    strides = [math.prod(array.shape[axis + 1 :]) for axis in range(len(array.shape))]
    offset = program.index(0)
    for start, stride in zip(starts, strides, strict=True):
        offset = _sum(program, offset, program.operate("mul", "index", start, program.index(stride)))
    return offset, [int(np.dot(place, strides)) for place in np.ndindex(*sizes)]


def _sum(program: Program, a: Scalar, b: Scalar | int) -> Scalar:
    return program.operate("add", "index", a, program.index(b) if isinstance(b, int) else b)
