"""What is public in `implreg_core`: names, declarations and docstrings, read from the source."""

import ast
import importlib
import inspect
import pkgutil
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from types import ModuleType

import implreg_core

WIDTH = 76  # of code beside the sidebars
EXAMPLE = re.compile(r"^\*\*Example:\*\*.*(\n.+)*\n\n```python\n>>> ", re.MULTILINE)


@dataclass(frozen=True)
class Entry:
    """A public function, class, method or property, called `name` within `module`, and the source that it is in."""

    module: str
    name: str
    kind: str  # as Sphinx's Python domain calls it
    node: ast.AST
    source: str
    home: str  # the module with this source, which `module` may import it from
    line: int  # of it, where the definition begins

    @property
    def address(self) -> str:
        return f"{self.module}.{self.name}"

    @property
    def docstring(self) -> str:
        return ast.get_docstring(self.node) or ""

    @property
    def declaration(self) -> str:
        """Name, parameters and annotations; of a class its fields too, or how it is made."""
        head = ["@property"] * (self.kind == "property") + [self._head(self.node)]
        if isinstance(self.node, ast.ClassDef):
            fields = [part for part in self.node.body if isinstance(part, ast.AnnAssign) and _public(part.target.id)]
            lines = self.source.splitlines()  # whole ones: comments say what a field is
            head += ["\n".join(lines[field.lineno - 1 : field.end_lineno]) for field in fields]
            init = [self._head(part) for part in self.node.body if getattr(part, "name", "") == "__init__"]
            head += [textwrap.indent(text, "    ") for text in init]
        return "\n".join(head)

    def _head(self, node) -> str:
        """The lines before the docstring or the body; one for each parameter if they are too long."""
        lines = self.source.splitlines()[node.lineno - 1 : node.body[0].lineno - 1]
        head = textwrap.dedent("\n".join(lines)).strip().split(":  #")[0]
        if max(map(len, head.splitlines())) <= WIDTH or isinstance(node, ast.ClassDef):
            return head if isinstance(node, ast.ClassDef) else head.rstrip(":")
        returns = head.rfind(") -> ")
        parameters = "".join(f"    {part},\n" for part in _split(head[head.index("(") + 1 : returns]))
        return head[: head.index("(") + 1] + "\n" + parameters + head[returns:].rstrip(":")


def _split(text: str) -> list[str]:
    """`text` cut at the commas outside of brackets."""
    parts, depth = [""], 0
    for character in " ".join(text.split()):
        depth += (character in "([{") - (character in ")]}")
        parts = [*parts, ""] if character == "," and depth == 0 else [*parts[:-1], parts[-1] + character]
    return [part.strip() for part in parts if part.strip()]


def _public(name: str) -> bool:
    return not name.startswith("_") or name == "__call__"


@cache
def modules() -> dict[str, ModuleType]:
    """The public modules by their full names, those in packages too."""
    return dict(_modules(implreg_core))


def _modules(package):
    for each in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if _public(each.name.rpartition(".")[2]):
            module = importlib.import_module(each.name)
            yield each.name, module
            yield from _modules(module) if each.ispkg else ()


def entries(module: ModuleType) -> Iterator[Entry]:
    """What is public in a module, in the order of its source, methods and properties after their class.

    That is what `__all__` names; without it, the functions and classes that are defined there without an underscore.
    """
    exported = getattr(module, "__all__", None)
    for name, value in vars(module).items():
        own = getattr(value, "__module__", None) == module.__name__ and _public(name)
        if not (own if exported is None else name in exported):
            continue
        value = inspect.unwrap(value) if callable(value) else value
        if not (inspect.isfunction(value) or inspect.isclass(value)):
            continue  # a constant; see `values`
        lines, first = inspect.getsourcelines(value)
        source, home = "".join(lines), value.__module__
        (node,) = ast.parse(source).body
        kind = "function" if inspect.isfunction(value) else "exception" if issubclass(value, Exception) else "class"
        yield Entry(module.__name__, name, kind, node, source, home, first + node.lineno - 1)
        for part in node.body if kind != "function" else ():
            if isinstance(part, ast.FunctionDef) and _public(part.name):
                decorators = {ast.unparse(decorator) for decorator in part.decorator_list}
                kind_of_part = "property" if decorators & {"property", "cached_property"} else "method"
                line = first + part.lineno - 1
                yield Entry(module.__name__, f"{name}.{part.name}", kind_of_part, part, source, home, line)


def values(module: ModuleType) -> list[str]:
    """The lines that define the public constants and types of a module; where they are many, the first in short."""
    return [line for _, line in _values(module)]


def _values(module):
    """Their names and lines; also those that `__all__` names and another module defines."""
    source, exported = inspect.getsource(module), set(getattr(module, "__all__", ()))
    for node in ast.parse(source).body:
        if isinstance(node, ast.ImportFrom) and node.module != module.__name__:  # as a package imports its own modules
            if exported & {alias.name for alias in node.names}:
                found = _values(importlib.import_module(node.module))
                yield from (each for each in found if exported.issuperset(re.findall(r"\w+", each[0])))
        if isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if isinstance(target, ast.Name | ast.Tuple) and _public(ast.unparse(target).lstrip("(")):
                whole, first = node.end_lineno == node.lineno, source.splitlines()[node.lineno - 1]
                yield ast.unparse(target), first if whole else first.split(" = ")[0] + " = ..."


def undocumented(module: ModuleType) -> list[str]:
    """What is public in a module without a docstring, or without an example in it.

    The example of a class shows its properties, and how its objects are called.
    """
    return [
        entry.address
        for entry in entries(module)
        if not entry.docstring or not (_shown_by_class(entry) or EXAMPLE.search(entry.docstring))
    ]


def _shown_by_class(entry: Entry) -> bool:
    return entry.kind == "property" or entry.name.endswith(".__call__")
