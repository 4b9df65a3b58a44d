"""What `make notebooks` stores: text that repeats, nothing else."""

import copy

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tools.light_notebooks import GLUE, LARGEST_TEXT, complaints, lighten
from tools.nbval_light import executed

pytestmark = pytest.mark.book

PRINTED = new_output("stream", name="stdout", text="det = -1.00\n")
GLUED = new_output("display_data", {GLUE + "text/plain": "0.5"}, metadata={"scrapbook": {"name": "half"}})
FIGURE = new_output("display_data", {"image/png": "iVBOR", "text/plain": "<Figure>"}, metadata={"width": 9})
GLUED_FIGURE = new_output("display_data", {GLUE + "image/png": "iVBOR"})
WARNING = new_output("stream", name="stderr", text="warned\n")


def _notebook(*outputs):
    cell = new_code_cell("f()", execution_count=1, outputs=copy.deepcopy(list(outputs)))
    cell.metadata = {"tags": ["hide-input"], "execution": {"iopub.status.idle": "2026-01-01T00:00:00Z"}}
    return new_notebook(cells=[cell], metadata={"widgets": {"state": {}}})


def test_text_and_glued_values_stay_and_the_rest_goes():
    notebook = _notebook(PRINTED, GLUED, FIGURE, GLUED_FIGURE, WARNING)
    lighten(notebook)
    figure = new_output("display_data", {"text/plain": "<Figure>"})
    assert notebook.cells[0].outputs == [PRINTED, GLUED, figure]
    assert notebook.cells[0].metadata == {"tags": ["hide-input"]}
    assert "widgets" not in notebook.metadata
    assert list(complaints(notebook)) == []
    again = copy.deepcopy(notebook)
    lighten(again)
    assert again == notebook


@pytest.mark.parametrize(
    "output, complaint",
    [
        (new_output("stream", name="stdout", text="x" * (LARGEST_TEXT + 1)), "at most"),
        (new_output("execute_result", {"text/plain": "<Line at 0x7f00>"}), "memory address"),
        (new_output("execute_result", {"application/json": {}}), "application/json"),
        (new_output("error", ename="ValueError", evalue="no", traceback=[]), "ValueError"),
    ],
)
def test_what_would_not_repeat_or_is_large_is_reported(output, complaint):
    notebook = _notebook(output)
    lighten(notebook)
    (found,) = complaints(notebook)
    assert complaint in found


def test_an_unexecuted_cell_is_reported():
    (found,) = complaints(new_notebook(cells=[new_code_cell("f()")]))
    assert "not executed" in found


def test_the_book_is_built_from_what_nbval_executed():
    notebook = _notebook(PRINTED)
    assert executed(notebook, [[FIGURE]])
    assert notebook.cells[0].outputs == [FIGURE] and notebook.cells[0].execution_count == 1


@pytest.mark.parametrize("given", [[], [None], [[new_output("error", ename="E", evalue="", traceback=[])]]])
def test_a_notebook_that_did_not_run_to_its_end_is_not_kept(given):
    assert not executed(_notebook(PRINTED), given)


def test_what_is_printed_is_one_piece_however_it_arrived():
    more = new_output("stream", name="stdout", text="rank 1\n")
    notebook = _notebook(PRINTED, more, FIGURE, more)
    lighten(notebook)
    assert [output.get("text") for output in notebook.cells[0].outputs] == ["det = -1.00\nrank 1\n", None, "rank 1\n"]
