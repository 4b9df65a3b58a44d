"""Writing a `Program` as JavaScript, without what its results do not need."""

import math
from collections.abc import Iterable, Sequence
from itertools import count
from typing import NamedTuple

import numpy as np

from implreg_core.javascript._operations import ATOM, CALL, HELPERS, PREFIX
from implreg_core.javascript._program import (
    Allocate,
    Branch,
    Buffer,
    Copy,
    Define,
    LeaveUnless,
    Loop,
    Program,
    Scalar,
    Scope,
    Store,
)

_LONGEST_EXPRESSION = 120  # characters; beyond it, parts get names
_INDENT = "  "


def written(program: Program, results: Sequence[Scalar | Buffer], taken: Iterable[str]) -> tuple[list[str], list[str]]:
    """The lines of the function's body, and the text of each result; names that are `taken` are not given."""
    needed = _needed(program.root, results)
    writer = _Writer(needed, _uses(program.root, needed, results), taken)
    writer.scope(program.root)
    texts = [writer.buffer(result) if isinstance(result, Buffer) else writer.text(result).text for result in results]
    helpers = {thing.operation.helper for thing in needed if isinstance(thing, Scalar) and thing.operation}
    return [f"{_INDENT}const {name} = {HELPERS[name]};" for name in sorted(helpers - {None})] + writer.lines, texts


def _needed(root: Scope, results: Sequence[Scalar | Buffer]) -> set:
    """The scalars and buffers on which the results depend, and the scopes of the loops and branches that matter."""
    needed = set()

    def need(things: Iterable) -> None:
        waiting = [thing for thing in things if thing is not None]
        while waiting:
            thing = waiting.pop()
            if thing not in needed:
                needed.add(thing)
                if isinstance(thing, Scalar):
                    waiting += thing.operands
                    waiting += [thing.buffer] if thing.buffer else []

    def visit(scope: Scope) -> bool:
        """Whether needed buffers are written in here; marks what the statements need."""
        writes = False
        for statement in scope.statements:
            match statement:
                case Allocate(buffer, entries, source) if buffer in needed:
                    need([*entries, source])
                case Store(buffer, index, value, guard) if buffer in needed:
                    need([index, value, guard])
                    writes = True
                case Copy(target, source) if target in needed:
                    need([source])
                    writes = True
                case LeaveUnless(condition) if scope in needed:
                    need([condition])
                case Loop(body, variables):
                    inside = visit(body)
                    writes |= inside
                    if inside or any(variable.after in needed for variable in variables):
                        need([body])
                    for variable in variables:
                        if variable.inside in needed or variable.after in needed:
                            need([variable.start, variable.inside, variable.update])
                case Branch(condition, sides, choices):
                    inside = visit(sides[0]) | visit(sides[1])
                    writes |= inside
                    wanted = [choice for choice in choices if choice[0] in needed]
                    if inside or wanted:
                        need([condition, *sides, *(part for choice in wanted for part in choice)])
        return writes

    need(results)
    before = 0
    while len(needed) > before:  # what is needed late in a loop may be made early in it
        before = len(needed)
        visit(root)
    return needed


def _uses(root: Scope, needed: set, results: Sequence[Scalar | Buffer]) -> dict[Scalar, list[Scope]]:
    """The scopes in which each scalar is used, once for each use."""
    uses = {}

    def use(scope: Scope, *scalars: Scalar | None) -> None:
        for scalar in scalars:
            uses.setdefault(scalar, []).append(scope)

    def visit(scope: Scope) -> None:
        for statement in scope.statements:
            match statement:
                case Define(scalar) if scalar in needed:
                    use(scope, *scalar.operands)
                case Allocate(buffer, entries, _) if buffer in needed:
                    use(scope, *entries)
                case Store(buffer, index, value, guard) if buffer in needed:
                    use(scope, index, value, guard)
                case LeaveUnless(condition):
                    use(scope, condition)
                case Loop(body, variables) if body in needed:
                    for variable in variables:
                        if variable.inside in needed:
                            use(scope, variable.start)
                            use(body, variable.update)
                    visit(body)
                case Branch(condition, sides, choices) if sides[0] in needed:
                    use(scope, condition)
                    for result, *values in choices:
                        if result in needed:
                            use(sides[0], values[0])
                            use(sides[1], values[1])
                    visit(sides[0])
                    visit(sides[1])

    visit(root)
    use(root, *(result for result in results if isinstance(result, Scalar)))
    return uses


class _Text(NamedTuple):
    text: str
    binds: int = ATOM
    variables: frozenset[Scalar] = frozenset()  # of loops, on whose present values it depends


class _Writer:
    """Writes scope after scope. An expression used once, where it is computed, is written into its user."""

    def __init__(self, needed: set, uses: dict[Scalar, list[Scope]], taken: Iterable[str]):
        self.lines = []
        self._needed, self._uses = needed, uses
        self._texts, self._buffers = {}, {}
        taken = frozenset(taken)
        self._names = (name for name in map("v{}".format, count()) if name not in taken)
        self._indent = _INDENT

    def text(self, scalar: Scalar) -> _Text:
        """How to refer to a scalar."""
        if scalar.value is not None:
            return _constant(scalar.value)
        return _Text(scalar.name) if scalar.name else self._texts[scalar]

    def buffer(self, buffer: Buffer) -> str:
        """How to refer to a buffer."""
        return buffer.name or self._buffers[buffer]

    def scope(self, scope: Scope) -> None:
        for statement in scope.statements:
            match statement:
                case Define(scalar) if scalar in self._needed:
                    self._define(scalar)
                case Allocate(buffer, entries, source) if buffer in self._needed:
                    self._buffers[buffer] = self._named(self._allocation(buffer, entries, source))
                case Store(buffer, index, value, guard) if buffer in self._needed:
                    condition = f"if ({self.text(guard).text}) " if guard else ""
                    self._line(f"{condition}{self._entry(buffer, index)} = {self.text(value).text};")
                case Copy(target, source) if target in self._needed:
                    self._line(f"{self.buffer(target)}.set({self.buffer(source)});")
                case LeaveUnless(condition):
                    self._leave_unless(self.text(condition).text)
                case Loop() if statement.scope in self._needed:
                    self._loop(statement)
                case Branch() if statement.sides[0] in self._needed:
                    self._branch(statement)

    def _line(self, line: str) -> None:
        self.lines.append(self._indent + line)

    def _block(self, scope: Scope, assignments=lambda: None) -> None:
        outer, self._indent = self._indent, self._indent + _INDENT
        self.scope(scope)
        assignments()
        self._indent = outer

    def _named(self, text: str) -> str:
        name = next(self._names)
        self._line(f"const {name} = {text};")
        return name

    def _define(self, scalar: Scalar) -> None:
        expression = self._expression(scalar)
        alone = self._uses[scalar] == [scalar.scope] and not scalar.pinned
        if not alone or len(expression.text) > _LONGEST_EXPRESSION:
            expression = _Text(self._named(expression.text))
        self._texts[scalar] = expression

    def _expression(self, scalar: Scalar) -> _Text:
        operands = [self.text(operand) for operand in scalar.operands]
        variables = frozenset().union(*(operand.variables for operand in operands))
        if scalar.buffer:
            entry = self._entry(scalar.buffer, scalar.operands[0])
            return _Text(f"!!{entry}", PREFIX, variables) if scalar.buffer.boolean else _Text(entry, CALL, variables)
        operation = scalar.operation
        texts = [
            operand.text if operand.binds >= needed else f"({operand.text})"
            for operand, needed in zip(operands, operation.operands_bind, strict=True)
        ]
        return _Text(operation.text.format(*texts), operation.binds, variables)

    def _entry(self, buffer: Buffer, index: Scalar) -> str:
        return f"{self.buffer(buffer)}[{self.text(index).text}]"

    def _allocation(self, buffer: Buffer, entries: Sequence[Scalar], source: Buffer | None) -> str:
        if source is not None:
            return f"{self.buffer(source)}.slice()"
        array = "Uint8Array" if buffer.boolean else "Float64Array"
        texts = [self.text(entry).text for entry in entries]
        if len(texts) == buffer.size:
            return f"{array}.of({', '.join(texts)})"
        fill = "" if texts in ([], ["0"], ["false"]) else f".fill({texts[0]})"
        return f"new {array}({buffer.size}){fill}"

    def _loop(self, loop: Loop) -> None:
        variables = [variable for variable in loop.variables if variable.inside in self._needed]
        if variables:
            names = [next(self._names) for _ in variables]
            starts = (f"{name} = {self.text(variable.start).text}" for name, variable in zip(names, variables))
            self._line(f"let {', '.join(starts)};")
            for name, variable in zip(names, variables):
                self._texts[variable.inside] = _Text(name, variables=frozenset([variable.inside]))
                self._texts[variable.after] = _Text(name)

        def update():
            inside, assignments = {variable.inside for variable in variables}, []
            for name, variable in zip(names, variables):
                text = self.text(variable.update)
                early = text.variables & inside - {variable.inside}  # before they change
                assignments.append(f"{name} = {self._named(text.text) if early else text.text};")
            for assignment in assignments:
                self._line(assignment)

        self._line(_ENDLESS)
        self._block(loop.scope, update if variables else lambda: None)
        self._line("}")

    def _leave_unless(self, condition: str) -> None:
        if self.lines[-1].endswith(_ENDLESS):  # nothing is computed before
            self.lines[-1] = self.lines[-1].replace(_ENDLESS, f"while ({condition}) {{")
        else:
            self._line(f"if (!({condition})) break;")

    def _branch(self, branch: Branch) -> None:
        choices = [choice for choice in branch.results if choice[0] in self._needed]
        names = [next(self._names) for _ in choices]
        if names:
            self._line(f"let {', '.join(names)};")

        def assign(side: int):
            for name, choice in zip(names, choices):
                self._line(f"{name} = {self.text(choice[1 + side]).text};")

        self._line(f"if ({self.text(branch.condition).text}) {{")
        self._block(branch.sides[0], lambda: assign(0))
        self._line("} else {")
        self._block(branch.sides[1], lambda: assign(1))
        self._line("}")
        for name, (result, *_) in zip(names, choices):
            self._texts[result] = _Text(name)


_ENDLESS = "for (;;) {"


def _constant(value: np.generic) -> _Text:
    """A literal that JavaScript reads as exactly this value."""
    if isinstance(value, np.bool_):
        return _Text("true" if value else "false")
    number = float(value)
    if math.isnan(number):
        return _Text("NaN")
    if math.isinf(number):
        text = "Infinity" if number > 0 else "-Infinity"
    elif number.is_integer() and abs(number) < 1e15:
        text = f"{number:.0f}"
    else:
        text = repr(number).replace("e-0", "e-").replace("e+", "e")
    return _Text(text, PREFIX if text.startswith("-") else ATOM)
