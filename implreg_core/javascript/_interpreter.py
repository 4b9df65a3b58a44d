"""Walks through a jaxpr and builds the `Program`: calls are inlined, loops stay loops, branches stay branches."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from functools import partial, reduce

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from implreg_core.javascript import _arithmetic, _arrays, _movements
from implreg_core.javascript._arrays import Array, Stored, scalars
from implreg_core.javascript._operations import Unsupported, operation
from implreg_core.javascript._program import Program, Scalar
from implreg_core.javascript._rules import Equation, Rules, kind, parameters_for

_RULES = Rules({**_arithmetic.RULES, **_movements.RULES})


class UnsupportedProgram(ValueError):
    """A function uses what cannot become JavaScript; the message says what, and in which line.

    **Example:**

    ```python
    >>> try:
    ...     javascript.compile_to_javascript(jnp.sort, jnp.ones(3), name="f")
    ... except javascript.UnsupportedProgram as error:
    ...     print(str(error)[:54])
    `function` cannot become JavaScript: it uses the primi

    ```
    """


def interpret(program: Program, closed: ClosedJaxpr, arrays: Sequence[Array]) -> list[Array]:
    """The results of a jaxpr for the given arguments."""
    jaxpr = closed.jaxpr
    # A buffer may be changed in place once nothing is left that reads it.
    uses = Counter(atom for atom in _read(jaxpr) if not isinstance(atom, Literal))
    values = {}

    def bind(variables, arrays):
        for variable, array in zip(variables, arrays, strict=True):
            values[variable] = array
            if isinstance(array, Stored):
                array.buffer.uses_left += uses[variable]

    def read(atom):
        if isinstance(atom, Literal):
            return _arrays.of(program, np.asarray(atom.val))
        array = values[atom]
        if isinstance(array, Stored):
            array.buffer.uses_left -= 1
        return array

    bind(jaxpr.constvars, [_arrays.of(program, np.asarray(constant)) for constant in closed.consts])
    bind(jaxpr.invars, arrays)
    for eqn in jaxpr.eqns:
        try:
            for atom in (*eqn.invars, *eqn.outvars):
                kind(atom.aval)
            results = _apply(program, eqn, [read(atom) for atom in eqn.invars])
        except Unsupported as problem:
            place = _place(eqn)
            if place is None:  # inside a function of JAX: then the place is where that is called
                raise
            raise UnsupportedProgram(
                f"`function` cannot become JavaScript: at {place}, it uses {problem}. Write that part with what "
                "`implreg_core.javascript` covers, or compute it beforehand."
            ) from None
        bind(eqn.outvars, results)
    return [read(atom) for atom in jaxpr.outvars]


def _read(jaxpr: Jaxpr) -> list:
    """The variables and literals that a jaxpr reads, as often as it reads them."""
    return [*(atom for eqn in jaxpr.eqns for atom in eqn.invars), *jaxpr.outvars]


def _place(eqn) -> str | None:
    """The line outside of JAX that an equation comes from."""
    traceback = eqn.source_info.traceback
    library = tuple(jax.__path__)
    for frame in traceback.frames if traceback else ():
        if not frame.file_name.startswith(library):
            return f"{frame.file_name}:{frame.line_num} in `{frame.function_name}`"
    return None


def _apply(program: Program, eqn, arrays: list[Array]) -> list[Array]:
    name = eqn.primitive.name
    if name not in _RULES:
        raise Unsupported(f"the primitive `{name}`")
    equation = Equation(name, [atom.aval for atom in eqn.invars], [atom.aval for atom in eqn.outvars])
    results = _RULES[name](program, equation, *arrays, **parameters_for(_RULES[name], name, eqn.params))
    results = results if isinstance(results, list) else [results]
    return [_arrays.limited(program, array, aval.dtype == bool) for array, aval in zip(results, equation.outputs)]


@_RULES.of("jit", "pjit", "closed_call", "remat2", "custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr")
def _call(program: Program, eqn, *arrays: Array, jaxpr=None, call_jaxpr=None, fun_jaxpr=None) -> list[Array]:
    (body,) = (body for body in (jaxpr, call_jaxpr, fun_jaxpr) if body is not None)
    return interpret(program, body if isinstance(body, ClosedJaxpr) else ClosedJaxpr(body, ()), arrays)


@contextmanager
def _kept(arrays: Sequence[Array]):
    """Within it, nothing is written to the buffers of these arrays."""
    buffers = [array.buffer for array in arrays if isinstance(array, Stored)]
    for buffer in buffers:
        buffer.uses_left += 1
    yield
    for buffer in buffers:
        buffer.uses_left -= 1


def _loop(program: Program, starts: Sequence[Array], goes_on: Callable, body: Callable, avals: Sequence) -> list[Array]:
    """`while goes_on(arrays): arrays = body(arrays)`. Small arrays become variables; large ones keep their buffer."""
    starts = _own(program, starts, avals)
    small = [i for i, start in enumerate(starts) if isinstance(start, np.ndarray)]

    def as_arrays(variables: Sequence[Scalar]) -> list[Array]:
        arrays, rest = list(starts), iter(variables)
        for i in small:
            arrays[i] = _arrays.as_array([next(rest) for _ in range(starts[i].size)], starts[i].shape)
        return arrays

    def one_iteration(variables: Sequence[Scalar]) -> list[Scalar]:
        results = body(as_arrays(variables))
        updates = [entry for i in small for entry in scalars(program, results[i]).ravel()]
        _overwrite(program, starts, results, avals)
        return updates

    first = [entry for i in small for entry in starts[i].ravel()]
    return as_arrays(program.loop(first, lambda variables: goes_on(as_arrays(variables)), one_iteration))


def _own(program: Program, arrays: Sequence[Array], avals: Sequence) -> list[Array]:
    """Small arrays as scalars, large ones each in a buffer that may be changed."""
    owned = []
    for array, aval in zip(arrays, avals, strict=True):
        if math.prod(aval.shape) <= _arrays.LARGEST:
            owned.append(scalars(program, array))
        else:
            buffer = _arrays.own_buffer(program, array, aval.dtype == bool)
            taken = any(isinstance(other, Stored) and other.buffer is buffer for other in owned)
            owned.append(Stored(program.copied(buffer) if taken else buffer, aval.shape))
    return owned


def _overwrite(program: Program, targets: Sequence[Array], sources: Sequence[Array], avals: Sequence) -> None:
    """Make the buffers of the targets equal to the sources, all at once."""
    targets_of = {target.buffer for target in targets if isinstance(target, Stored)}
    copies = []
    for target, source, aval in zip(targets, sources, avals):
        if isinstance(target, Stored):
            source = _arrays.stored(program, source, aval.dtype == bool)
            if source is not target.buffer:
                copies.append((target.buffer, program.copied(source) if source in targets_of else source))
    for target, source in copies:
        program.copy(target, source)


@_RULES.of("while")
def _while(program: Program, eqn, *arrays: Array, cond_jaxpr, body_jaxpr, cond_nconsts, body_nconsts) -> list[Array]:
    condition_constants, rest = arrays[:cond_nconsts], arrays[cond_nconsts:]
    constants, carries = rest[:body_nconsts], rest[body_nconsts:]
    variables, results = body_jaxpr.jaxpr.invars[body_nconsts:], body_jaxpr.jaxpr.outvars
    changing = [i for i, (variable, result) in enumerate(zip(variables, results)) if variable is not result]

    def carry(changed: Sequence[Array]) -> list[Array]:
        """All that is carried, with what no iteration changes."""
        carry = list(carries)
        for i, array in zip(changing, changed):
            carry[i] = array
        return carry

    def running(changed: Sequence[Array]) -> np.ndarray:
        """One truth value, or under `vmap` one for each lane."""
        with _kept(changed):  # the body reads them too
            (truth,) = interpret(program, cond_jaxpr, [*condition_constants, *carry(changed)])
        return scalars(program, truth)

    def goes_on(changed):
        return reduce(partial(program.operate, "or", "bool"), running(changed).ravel())

    def iterate(changed):
        lanes = running(changed)
        results = interpret(program, body_jaxpr, [*constants, *carry(changed)])
        updates = [results[i] for i in changing]
        return updates if lanes.size == 1 else [stopped(*each, lanes) for each in zip(updates, changed)]

    def stopped(new: Array, old: Array, lanes: np.ndarray) -> np.ndarray:
        """The update in those lanes that go on."""
        new, old = scalars(program, new), scalars(program, old)
        result = np.empty(new.shape, object)
        for place in np.ndindex(new.shape):
            result[place] = program.select(lanes[place[: lanes.ndim]], new[place], old[place])
        return result

    unchanged = [array for i, array in enumerate(carries) if i not in changing]
    avals = [variables[i].aval for i in changing]
    with _kept([*condition_constants, *constants, *unchanged]):
        return carry(_loop(program, [carries[i] for i in changing], goes_on, iterate, avals))


@_RULES.of("scan")
def _scan(
    program: Program, eqn, *arrays: Array, jaxpr, length, reverse, num_consts=0, num_carry=0, ft_in=None
) -> list[Array]:
    if ft_in is not None:  # what JAX 0.11 says instead of the numbers
        num_consts, num_carry, _ = map(len, ft_in.unpack())
    constants, rest = arrays[:num_consts], arrays[num_consts:]
    carries, sequences = rest[:num_carry], rest[num_carry:]
    variables = [variable.aval for variable in jaxpr.jaxpr.invars[num_consts:]]
    carried, rows = variables[:num_carry], variables[num_carry:]
    recorded = [variable.aval for variable in jaxpr.jaxpr.outvars[num_carry:]]
    zero = program.index(0)
    records = [
        Stored(program.array(length * math.prod(aval.shape), (zero,), aval.dtype == bool), (length, *aval.shape))
        for aval in recorded
    ]

    def row(sequence: Array, aval, i: Scalar) -> np.ndarray:
        starts, sizes = [i, *[zero] * len(aval.shape)], (1, *aval.shape)
        return _arrays.read_window(program, sequence, starts, sizes, aval.dtype == bool).reshape(aval.shape)

    def iterate(arrays):
        counter, *carry = arrays
        step = counter[()]
        last = program.index(length - 1)
        i = program.operate("sub", "index", last, step) if reverse else step
        inputs = [row(sequence, aval, i) for sequence, aval in zip(sequences, rows)]
        results = interpret(program, jaxpr, [*constants, *carry, *inputs])
        for record, result, aval in zip(records, results[num_carry:], recorded):
            window = scalars(program, result)[None]
            _arrays.write_window(program, record, [i, *[zero] * len(aval.shape)], window, aval.dtype == bool)
        following = program.operate("add", "index", step, program.index(1))
        return [_arrays.as_array([following], ()), *results[:num_carry]]

    def goes_on(arrays):
        return program.operate("lt", "index", arrays[0][()], program.index(length))

    counter = _arrays.as_array([zero], ())
    with _kept([*constants, *sequences]):
        _, *carries = _loop(program, [counter, *carries], goes_on, iterate, [_COUNTER, *carried])
    return [*carries, *records]


_COUNTER = jax.ShapeDtypeStruct((), np.dtype(np.int64))


@_RULES.of("cond")
def _cond(program: Program, eqn, index: Array, *operands: Array, branches) -> list[Array]:
    index, avals = scalars(program, index)[()], eqn.outputs
    large = [i for i, aval in enumerate(avals) if math.prod(aval.shape) > _arrays.LARGEST]
    zero, truth = program.index(0), operation("to_number", "bool")
    buffers = {i: program.array(math.prod(avals[i].shape), (zero,), avals[i].dtype == bool) for i in large}

    def run(branch: ClosedJaxpr) -> list[Scalar]:
        results = interpret(program, branch, operands)
        for i in large:
            program.copy(buffers[i], _arrays.stored(program, results[i], avals[i].dtype == bool))
        return [entry for i, array in enumerate(results) if i not in large for entry in scalars(program, array).ravel()]

    def choose(first: int) -> list[Scalar]:
        """What the branch of the index gives, if that is `first` or more."""
        if first == len(branches) - 1:
            return run(branches[first])
        if index.operation is truth:  # as `jax.lax.cond` makes it
            return program.branch(index.operands[0], lambda: run(branches[1]), lambda: run(branches[0]))
        is_first = program.operate("le", "index", index, program.index(first))
        if is_first.value is not None:
            return run(branches[first]) if is_first.value else choose(first + 1)
        return program.branch(is_first, lambda: run(branches[first]), lambda: choose(first + 1))

    chosen = iter(choose(0))
    return [
        Stored(buffers[i], aval.shape)
        if i in large
        else _arrays.as_array([next(chosen) for _ in range(math.prod(aval.shape))], aval.shape)
        for i, aval in enumerate(avals)
    ]
