"""Which chapters use what of `implreg_core`: read from the code of their notebooks."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import yaml


@cache
def uses(root: str) -> dict[str, list[str]]:
    """Full names of functions and classes, each with the chapters whose cells name it, in the order of the book."""
    toc = yaml.safe_load((Path(root) / "_toc.yml").read_text(encoding="utf-8"))
    found = {}
    for chapter in (toc["root"], *re.findall(r"'file': '([^']*)'", str(toc))):
        for name in sorted(set(_named(code_of(Path(root) / f"{chapter}.ipynb")))):
            found.setdefault(name, []).append(chapter)
    return found


def code_of(path: Path) -> str:
    """The code of a notebook, without the lines that are for IPython alone; none where there is no notebook."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"] if path.exists() else []
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    return re.sub(r"^[%!].*$", "", code, flags=re.MULTILINE)


def imported(code: str) -> dict[str, str]:
    """What names stand for by imports from the package: `{name: full name}`."""
    return {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "implreg_core"
        for alias in node.names
    }


def _named(code: str) -> Iterator[str]:
    """What code names of the package, by full names."""
    names = imported(code)
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Name | ast.Attribute):
            first, dot, rest = ast.unparse(node).partition(".")
            if first in names:
                yield names[first] + dot + rest
