"""The package's modules: who imports whom, and how long they are."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "implreg_core"
FILES = sorted(PACKAGE.rglob("*.py"))

# What may import what, by the parts of the package; all that is not named here is mathematics.
MATHEMATICS = "mathematics"
ALLOWED = {
    MATHEMATICS: {MATHEMATICS},
    "figures": {MATHEMATICS},
    "javascript": set(),
    "sweeps": set(),
    "__main__": {"sweeps"},
    "live": {MATHEMATICS},
    "explorers": {MATHEMATICS, "figures", "javascript"},
    "notebook": {"figures", "explorers"},
}
DRAWING = {"matplotlib", "anywidget", "IPython", "ipywidgets"}
DRAWN_BY = {"figures", "explorers", "notebook"}


def name_of(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in FILES}


def part_of(module):
    top = module.split(".")[1]
    return top if top in ALLOWED else MATHEMATICS


def imports_of(text):
    """What a module imports, wherever it does: full names, of a module where it is one of ours."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else node.module


IMPORTS = {name: set(imports_of(path.read_text(encoding="utf-8"))) for name, path in MODULES.items()}


@pytest.mark.parametrize("name", sorted(MODULES.keys() - {"implreg_core"}))
def test_imports_run_one_way(name):
    part = part_of(name)
    ours = {each for each in IMPORTS[name] if each.startswith("implreg_core.")}
    assert {part_of(each) for each in ours} - {part} <= ALLOWED[part]
    if part not in DRAWN_BY:
        assert not {each.split(".")[0] for each in IMPORTS[name]} & DRAWING


def test_no_module_imports_itself_by_a_detour():
    """Nor does a package's module import the package, which is not ready then, if that imports the module."""
    list(TopologicalSorter({name: IMPORTS[name] & MODULES.keys() for name in MODULES}).static_order())


def test_an_import_is_found_wherever_it_stands():
    text = "import a.b\ndef f():\n    from implreg_core import norms, __version__\nfrom implreg_core.norms import g\n"
    assert list(imports_of(text)) == ["a.b", "implreg_core.norms", "implreg_core.norms", "implreg_core"]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_module_is_one_idea(path):
    """Its docstring says which, and it is not longer than a reader keeps in mind."""
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text))
    assert text.count("\n") <= 400


def test_beside_the_mathematics_nothing_is_private_but_tools_of_many():
    """A private module that serves one part stands in that part's package."""
    for name in (each for each in MODULES if each.startswith("implreg_core._") and not each.endswith("__main__")):
        users = {each.split(".")[1] for each in MODULES.keys() - {"implreg_core"} if name in IMPORTS[each]}
        assert len(users) > 1, (name, users)
