"""A small program over numbers: expressions, buffers, loops and branches, before any text is written.

Every expression is stored once (common subexpressions are shared) and as far out as its operands allow, so that what a
loop does not change is computed before it. Constants are folded where this is exact in floating point; nothing is
assumed to be finite. `_text` writes the program as JavaScript.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Optional, Union

import numpy as np

from implreg_core.javascript._operations import Operation, Unsupported, operation


@dataclass(eq=False, slots=True)
class Scope:
    """The body of the function, of a loop, or of one side of a branch, with the expressions computed there."""

    parent: Optional["Scope"] = None
    is_side: bool = False  # of a branch: what is computed in it need not be, or should not be, computed outside
    depth: int = 0
    statements: list = field(default_factory=list)
    known: dict = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Buffer:
    """A typed array of the generated program."""

    scope: Scope  # where it is made
    size: int
    boolean: bool
    frozen: bool = False  # never written after it was made
    uses_left: int = 0  # reads that the interpreter of the jaxpr has yet to see
    name: str | None = None  # of a parameter


@dataclass(eq=False, slots=True)
class Scalar:
    """A number or truth value: a constant, a parameter, a variable, an operation on others, an entry of a buffer."""

    scope: Scope | None  # where it is known; None for constants
    value: np.generic | None = None  # of a constant
    name: str | None = None  # of a parameter
    operation: Operation | None = None
    operands: tuple["Scalar", ...] = ()  # the index, of an entry
    buffer: Buffer | None = None
    pinned: bool = False  # an entry of a buffer that changes: read where it stands, and nowhere else

    def equals(self, number: bool | float) -> bool:
        """Whether it is known to be `number`, of the same sign if that is zero."""
        if self.value is None:
            return False
        return bool(self.value == number and np.signbit(float(self.value)) == np.signbit(float(number)))


# Statements. Their order matters where they touch buffers.


@dataclass(eq=False, slots=True)
class Define:
    """The place of an operation or reading; the text may move it into the one expression that uses it."""

    scalar: Scalar


@dataclass(eq=False, slots=True)
class Allocate:
    """A new buffer, with the given entries, or full of a single one, or like the present state of another."""

    buffer: Buffer
    entries: tuple[Scalar, ...] = ()
    source: Buffer | None = None


@dataclass(eq=False, slots=True)
class Store:
    buffer: Buffer
    index: Scalar
    value: Scalar
    guard: Scalar | None  # no store if false


@dataclass(eq=False, slots=True)
class Copy:
    target: Buffer
    source: Buffer


@dataclass(eq=False, slots=True)
class LeaveUnless:
    """The end of the loop, if the condition is false."""

    condition: Scalar


@dataclass(eq=False, slots=True)
class Variable:
    """A number that a loop changes: `inside` during an iteration, `after` behind the loop."""

    start: Scalar
    inside: Scalar
    after: Scalar
    update: Scalar | None = None


@dataclass(eq=False, slots=True)
class Loop:
    scope: Scope
    variables: list[Variable]


@dataclass(eq=False, slots=True)
class Branch:
    """`results` are triples: the result, and what it is if the condition is true, and if it is false."""

    condition: Scalar
    sides: tuple[Scope, Scope]
    results: list[tuple[Scalar, Scalar, Scalar]]


class Program:
    """Collects statements in the scope that is open at the moment."""

    def __init__(self):
        self.root = self.scope = Scope()
        self._constants = {}

    def constant(self, value, dtype) -> Scalar:
        """A value known now."""
        value = np.dtype(dtype).type(value)
        if isinstance(value, np.integer) and int(float(value)) != int(value):
            raise Unsupported(f"the integer {value}, which double precision does not hold")
        return self._constants.setdefault((value.dtype, value.tobytes()), Scalar(None, value))

    def index(self, value: int) -> Scalar:
        """An integer known now."""
        return self.constant(value, np.int64)

    def operate(self, name: str, kind: str, *operands: Scalar) -> Scalar:
        """The operation of this name in `_operations`, on operands of this kind."""
        chosen = operation(name, kind)
        if chosen.evaluate is not None and all(operand.value is not None for operand in operands):
            with np.errstate(all="ignore"):
                value = chosen.evaluate(*(operand.value for operand in operands))
            return self.constant(value, value.dtype)
        simpler = _simplified(name, kind, operands)
        if simpler is not None:
            return simpler
        key = (chosen, frozenset(operands) if chosen.commutes else operands)
        return self._defined(key, operands, operation=chosen, operands=operands)

    def select(self, condition: Scalar, if_true: Scalar, if_false: Scalar) -> Scalar:
        """One of two values."""
        return self.operate("select", "any", condition, if_true, if_false)

    def read(self, buffer: Buffer, index: Scalar) -> Scalar:
        """An entry of a buffer, as it is now."""
        if buffer.frozen:
            key = ("read", buffer, index)
            return self._defined(key, (buffer, index), operands=(index,), buffer=buffer)
        entry = Scalar(self.scope, operands=(index,), buffer=buffer, pinned=True)
        self.scope.statements.append(Define(entry))
        return entry

    def packed(self, entries: Sequence[Scalar], boolean: bool) -> Buffer:
        """A buffer with these entries that is never written to, and so made once and as early as possible."""
        key = ("packed", boolean, *entries)
        buffer = self._lookup(key)
        if buffer is None:
            home = self._home(entries)
            buffer = home.known[key] = Buffer(home, len(entries), boolean, frozen=True)
            home.statements.append(Allocate(buffer, tuple(entries)))
        return buffer

    def array(self, size: int, entries: tuple[Scalar, ...], boolean: bool) -> Buffer:
        """A new buffer with these entries, or full of a single one."""
        buffer = Buffer(self.scope, size, boolean)
        self.scope.statements.append(Allocate(buffer, entries))
        return buffer

    def copied(self, source: Buffer) -> Buffer:
        """A new buffer, as another is now."""
        buffer = Buffer(self.scope, source.size, source.boolean)
        self.scope.statements.append(Allocate(buffer, source=source))
        return buffer

    def store(self, buffer: Buffer, index: Scalar, value: Scalar, guard: Scalar | None = None) -> None:
        """Write an entry, if the guard is true."""
        self.scope.statements.append(Store(buffer, index, value, guard))

    def copy(self, target: Buffer, source: Buffer) -> None:
        """Overwrite one buffer by another."""
        self.scope.statements.append(Copy(target, source))

    def loop(self, starts: Sequence[Scalar], goes_on: Callable, body: Callable) -> list[Scalar]:
        """`while goes_on(variables): variables = body(variables)`; returns what they are in the end."""
        outer, inner = self.scope, Scope(self.scope, depth=self.scope.depth + 1)
        variables = [Variable(start, Scalar(inner), Scalar(outer)) for start in starts]
        inside = [variable.inside for variable in variables]
        self.scope = inner
        inner.statements.append(LeaveUnless(goes_on(inside)))
        for variable, update in zip(variables, body(inside), strict=True):
            variable.update = update
        self.scope = outer
        outer.statements.append(Loop(inner, variables))
        return [variable.after for variable in variables]

    def branch(self, condition: Scalar, if_true: Callable, if_false: Callable) -> list[Scalar]:
        """What the one or the other function returns; only that one is run."""
        outer, sides, values = self.scope, [], []
        for side in (if_true, if_false):
            self.scope = Scope(outer, is_side=True, depth=outer.depth + 1)
            values.append(side())
            sides.append(self.scope)
        self.scope = outer
        results = [a if a is b else Scalar(outer) for a, b in zip(*values, strict=True)]
        chosen = [(result, a, b) for result, a, b in zip(results, *values) if a is not b]
        outer.statements.append(Branch(condition, tuple(sides), chosen))
        return results

    def _defined(self, key: tuple, needs: Sequence[Union[Scalar, Buffer]], **parts) -> Scalar:
        """The scalar of this key, made once."""
        scalar = self._lookup(key)
        if scalar is None:
            home = self._home(needs)
            scalar = home.known[key] = Scalar(home, **parts)
            home.statements.append(Define(scalar))
        return scalar

    def _lookup(self, key: tuple):
        scope = self.scope
        while scope is not None:
            if key in scope.known:
                return scope.known[key]
            scope = scope.parent
        return None

    def _home(self, needs: Sequence[Union[Scalar, Buffer]]) -> Scope:
        """The outermost scope in which everything needed is known, without leaving the side of a branch."""
        home, depth = self.scope, max((need.scope.depth for need in needs if need.scope is not None), default=0)
        while home.depth > depth and not home.is_side:
            home = home.parent
        return home


def _simplified(name: str, kind: str, operands: Sequence[Scalar]) -> Scalar | None:
    """The operand that is the result, whatever the others are: NaN, infinities and signed zeros included."""
    if name == "select":
        condition, if_true, if_false = operands
        if if_true is if_false or condition.equals(True):
            return if_true
        return if_false if condition.equals(False) else None
    if len(operands) != 2:
        return None
    left, right = operands
    if kind == "bool" and name in ("and", "or"):
        for known, other in ((left, right), (right, left)):
            if known.value is not None:
                return other if bool(known.value) == (name == "and") else known
    elif name in ("sub", "div"):
        return left if right.equals(0.0 if name == "sub" else 1.0) else None
    elif name in ("add", "mul"):
        neutral = 1.0 if name == "mul" else -0.0 if kind == "float" else 0.0
        return right if left.equals(neutral) else left if right.equals(neutral) else None
    return None
