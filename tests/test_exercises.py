"""Every chapter has exercises, each with a solution that a hidden cell beside it checks."""

import re
from pathlib import Path

import nbformat
import pytest

pytestmark = pytest.mark.book

CHAPTERS = sorted((Path(__file__).parents[1] / "chapters").glob("*.ipynb"))
EXERCISE = re.compile(r"^:::+\{exercise\}[^\n]*\n(?::(?!label)[^\n]*\n)*:label: (\S+)", re.MULTILINE)
SOLUTION = re.compile(r"^:::+\{solution\} (\S+)", re.MULTILINE)


@pytest.mark.parametrize("path", [path for path in CHAPTERS if path.stem != "intro"], ids=lambda path: path.stem)
def test_exercises_come_with_checked_solutions(path):
    cells = nbformat.read(path, as_version=4).cells
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    exercises, solutions = EXERCISE.findall(text), SOLUTION.findall(text)
    assert len(exercises) >= 2 and exercises == solutions
    for cell, following in zip(cells, [*cells[1:], None], strict=True):
        if SOLUTION.search(cell.source):
            assert "hide-cell" in following.metadata.get("tags", []), SOLUTION.findall(cell.source)
            assert "assert" in following.source, SOLUTION.findall(cell.source)
