"""A hidden cell of a chapter says in its first line what it is: that line is all that a notebook shows of it."""

import ast
import re
from pathlib import Path

import nbformat
import pytest

CHAPTERS = sorted((Path(__file__).parents[1] / "chapters").glob("*.ipynb"))
HIDDEN = {"hide-input", "hide-cell", "remove-cell"}
CHECKS, ANSWER, FIGURE, EXPLORER = "# Checks: ", "# Answer, executed: ", "# Figure: ", "# Explorer: "
NAMES = "decided", "enclosed", "symbolic", "numerical"  # the functions of the chapter on proofs that assert


def hidden(cells):
    """The code cells that a page folds away or leaves out."""
    return [cell for cell in cells if cell.cell_type == "code" and HIDDEN & set(cell.metadata.get("tags", []))]


def asserts(node):
    """Whether running this code asserts something itself: what a function is asked for later does not count."""
    if isinstance(node, ast.FunctionDef):
        return False
    called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NAMES
    return called or isinstance(node, ast.Assert) or any(map(asserts, ast.iter_child_nodes(node)))


def complaint(cell):
    """What is wrong with the first line of a hidden cell, if anything."""
    line = cell.source.split("\n")[0]
    if not line.startswith("# ") or len(line) > 100 or line[-1] not in ".?":
        return "not a sentence in a comment of at most 100 characters"
    if line.startswith(FIGURE) != ("figure" in cell.metadata.get("mystnb", {})):
        return f"{FIGURE} stands over figures, and only there"
    if line.startswith(EXPLORER) != bool(re.search(r"explorers\.(Explorer|your_matrix)\(", cell.source)):
        return f"{EXPLORER} stands over explorers, and only there"
    if line.startswith(EXPLORER) and f'question="{line.removeprefix(EXPLORER)}"' not in cell.source:
        return "not the question of the explorer"
    if line.startswith(ANSWER) != ("hide-cell" in cell.metadata.tags):
        return f"{ANSWER} stands over the answers to exercises, and only there"
    if line.startswith((FIGURE, EXPLORER, ANSWER)):
        return None
    if line.startswith(CHECKS) != asserts(ast.parse(cell.source)):
        return f"{CHECKS} stands over assertions, and only there"
    return None


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_hidden_cells_say_what_they_are(path):
    cells = hidden(nbformat.read(path, as_version=4).cells)
    assert cells
    assert [(cell.source[:100], found) for cell in cells if (found := complaint(cell))] == []


@pytest.mark.parametrize(
    ("source", "tag", "mystnb", "fits"),
    [
        ("# Checks: it holds.\nassert True", "hide-input", {}, True),
        ("# It holds.\nassert True", "hide-input", {}, False),
        ("# Checks: it holds.\nx = 1", "hide-input", {}, False),
        ("# A function that checks.\ndef check(x):\n    assert x", "hide-input", {}, True),
        ("# Checks: step 1.\nsymbolic('lem', 1, x)", "remove-cell", {}, True),
        ("# Answer, executed: it holds.\nassert True", "hide-cell", {}, True),
        ("# Checks: it holds.\nassert True", "hide-cell", {}, False),
        ("# Figure: a line.\nassert draw()", "hide-input", {"figure": {}}, True),
        ("# Figure: a line.\ndraw()", "hide-input", {}, False),
        ('# Explorer: Why?\nexplorers.Explorer(question="Why?")', "hide-input", {}, True),
        ('# Explorer: How?\nexplorers.Explorer(question="Why?")', "hide-input", {}, False),
        ("import numpy as np", "hide-input", {}, False),
        ("# Imports\nimport numpy as np", "hide-input", {}, False),
        (f"# {'A' * 100}.", "hide-input", {}, False),
        ("", "hide-input", {}, False),
    ],
)
def test_other_first_lines_are_found(source, tag, mystnb, fits):
    cell = nbformat.v4.new_code_cell(source, metadata={"tags": [tag], "mystnb": mystnb})
    visible = nbformat.v4.new_code_cell(source)
    assert hidden([visible, cell]) == [cell]
    assert (complaint(cell) is None) == fits


ITEM = re.compile(r"\s*(?:1[.)]|[-+*]) ")  # what may begin a list in the middle of a paragraph
NO_PARAGRAPH = re.compile(r"\s*(?:\d+[.)]|[-+*>|]) |  |.*:$")  # but a list goes on, and after a colon it is meant
DISPLAY = re.compile(r"\$\$.*?\$\$|^(`{3,}|:{3,}).*?^\1", re.DOTALL | re.MULTILINE)


def stray_items(text):
    """Lines of a paragraph that begin as an item of a list does, and are shown as one."""
    lines = DISPLAY.sub("", text).split("\n")
    pairs = zip(lines, lines[1:])
    return [line for before, line in pairs if ITEM.match(line) and before.strip() and not NO_PARAGRAPH.match(before)]


def test_a_stray_item_is_found():
    assert stray_items("at scale\n1. (At depth 4)") == ["1. (At depth 4)"]
    assert stray_items("a sum\n- b") == ["- b"]
    assert stray_items("a list:\n- b\n- c\n\n1. d\n2. e\n$$\nx\n- y\n$$\nthe year\n1998. Then") == []


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_no_paragraph_turns_into_a_list(path):
    cells = nbformat.read(path, as_version=4).cells
    assert [line for cell in cells if cell.cell_type == "markdown" for line in stray_items(cell.source)] == []


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_code_cell_fits_on_a_screen(path):
    """Of 45 lines, of which 40 are neither empty nor comments."""
    cells = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    lengths = [sum(not re.match(r"\s*(#|$)", line) for line in source.split("\n")) for source in cells]
    assert [cell[:80] for cell, length in zip(cells, lengths) if length > 40 or cell.count("\n") >= 45] == []
