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
    names = [toc["root"], *re.findall(r"'file': '([^']*)'", str(toc))]
    found = {}
    for chapter in names:
        path = Path(root) / f"{chapter}.ipynb"
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"] if path.exists() else []
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        for name in sorted(set(_named("\n".join(code)))):
            found.setdefault(name, []).append(chapter)
    return found


def _named(code: str) -> Iterator[str]:
    """What code names of the package, by full names; lines for IPython alone are left out."""
    tree = ast.parse(re.sub(r"^[%!].*$", "", code, flags=re.MULTILINE))
    imported = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "implreg_core"
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            first, dot, rest = ast.unparse(node).partition(".")
            if first in imported:
                yield imported[first] + dot + rest
