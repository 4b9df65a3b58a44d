"""Explorers of a reader's own matrix: what page, widget and picture are told. The front end is in tests/browser."""

import json
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

from implreg_core import observation_graph, own_matrix
from implreg_core.explorers import Explorer, GraphView, GridView, MatrixGrid, NoRun, Slider, usual_view, your_matrix

TEXT = "?, 1; 1, 0"
VIEW = {"grid": "matrix", "entries": {"entry": "descent"}, "beside": {"least": "least norm"}}


@pytest.fixture(scope="module")
def explorer():
    return your_matrix(TEXT, presets={"two": "1, 2; ?, 4"}, max_steps=300)


def test_the_matrix_is_a_text_in_a_choice_and_arrays_in_a_program(explorer):
    widget = explorer.widget()
    assert widget.choice == ["?,1;1,0", 3.0, 1e-3, 0.1, 1.0]
    control = widget.spec["controls"][0]
    assert control == {
        "kind": "grid",
        "name": "matrix",
        "label": "your matrix",
        "presets": [{"text": "two", "entry": "1,2;?,4"}],
    }
    widget.choice = ["1,2;?,4", 2.0, 1e-3, 0.1, 1.0]
    assert widget.answer["choice"] == widget.choice
    run = widget.answer["computed"]
    assert run["entry_12"][-1] == pytest.approx(2, abs=1e-2) and run["least_21"][0] == pytest.approx(2, abs=1e-6)


def test_a_choice_that_is_no_matrix_is_said_to_the_reader(explorer):
    widget = explorer.widget()
    widget.choice = ["1,2;3", 2.0, 1e-3, 0.1, 1.0]
    assert widget.answer["error"].startswith("Row 2 has 1 entry, row 1 has 2.")
    with pytest.raises(ValueError, match="the value of matrix grid 'matrix' is no matrix: Row 2 has 1 entry"):
        explorer.run(matrix="1,2;3")
    with pytest.raises(NoRun, match="Every entry is hidden"):
        explorer._runs.columns({"matrix": "?", "depth": 2.0, "scale": 1e-3, "learning_rate": 0.1, "start": 1.0})


def test_a_run_is_that_of_own_matrix(explorer):
    run = explorer.run(matrix="1, 2; ?, 4", depth=2, scale=0.1, learning_rate=0.2, start=3)
    expected = own_matrix.columns(own_matrix.grid("1, 2; ?, 4"), 2.0, 0.1, 0.2, 3.0, max_steps=300)
    rows = len(run["step"])
    for name, values in run.items():
        assert np.allclose(values, expected[name][:rows], rtol=1e-9, atol=1e-12), name


def test_the_page_carries_one_program_for_all_settings(explorer):
    page = explorer.static_html()
    assert page.count("function run(") == 1 and len(page) < 110_000
    spec = json.loads(re.search(r'<script type="application/json">(.*?)</script>', page)[1])["spec"]
    assert [view.get("form") for view in spec["views"]] == ["table", "scatter", None, None, None, None]
    assert {f"entry_{i}{j}" for i in range(1, 7) for j in range(1, 7)} < set(spec["columns"])
    assert "least_bound" not in spec["columns"]  # no view draws it


def test_the_picture_shows_the_matrix(explorer):
    figure = explorer.picture()
    table, scatter = figure.axes[:2]
    texts = [text.get_text() for text in table.texts]
    run = explorer.run()
    assert texts == [f"{run['entry_11'][-1]:.3g}", "0", *(f"{run[f'entry_{k}'][-1]:.3g}" for k in ("12", "21", "22"))]
    (dots,) = [line for line in scatter.lines if line.get_marker() == "o"]
    assert dots.get_xydata().tolist() == [[run["least_11"][-1], run["entry_11"][-1]]]
    plt.close(figure)


def test_settings_are_written_as_a_reader_writes_them():
    control = MatrixGrid("matrix", "matrix", default="NA 1\n1 -2.50")
    assert (control.entry, control.text) == ("?,1;1,-2.50", "(?, 1; 1, -2.50)")
    assert "matrix=a matrix" in repr(your_matrix(TEXT))


@pytest.mark.parametrize("wrong", [{"default": "1,2;3"}, {"default": "1", "presets": {"none": "?"}}])
def test_a_grid_that_holds_no_matrix_is_refused(wrong):
    with pytest.raises(ValueError, match="of matrix grid 'matrix' is no matrix"):
        MatrixGrid("matrix", "matrix", **wrong)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [({"form": "pie"}, "`form`"), ({"entries": {}}, "`entries`"), ({"beside": {"a": "", "b": ""}}, "`beside`")],
)
def test_a_grid_view_without_its_parts_is_refused(wrong, named):
    with pytest.raises(ValueError, match=named):
        GridView("title", **VIEW | wrong)


def test_a_grid_view_reads_the_matrix_at_a_row():
    view = GridView("title", **VIEW)
    run = {column: np.array([k, 100.0 + k]) for k, column in enumerate(view.columns)}
    entries, beside, observed = view._at(run, "1,?,3;4,5,6", 1)
    assert entries.tolist() == [[100, 101, 102], [106, 107, 108]] and beside[0, 0] == 136
    assert observed.tolist() == [[True, False, True], [True, True, True]]


BLOCKS = "1,?,2;?,3,?;2,?,1"


@pytest.fixture(scope="module")
def graphed():
    def compute(matrix, depth):
        run = own_matrix.columns(matrix, depth, 1e-3, 0.1, max_steps=300)
        return run | own_matrix.graph_columns(matrix, run)

    return Explorer(
        question="What hangs together?",
        controls=[MatrixGrid("matrix", "matrix", BLOCKS), Slider("depth", "depth", 1, 4, default=2, step=1)],
        compute=compute,
        views=[GraphView("Graph", "matrix"), usual_view("nuclear", "within_nuclear", x="step")],
        caption="",
    )


def test_a_graph_view_has_the_components_of_what_is_seen(graphed):
    run = graphed.run()
    (view, _) = graphed.views
    observed, rows, columns = view._at(run, BLOCKS)
    parts = observation_graph.components(observed)
    assert observed.tolist() == [[True, False, True], [False, True, False], [True, False, True]]
    assert np.array_equal(rows[:, None] == rows, parts.rows[:, None] == parts.rows)
    assert np.array_equal(rows[:, None] == columns, parts.linked)
    assert graphed.widget().spec["views"][0] == {"kind": "graph", "title": "Graph", "grid": "matrix", "series": []}


def test_the_norm_within_components_is_that_of_the_matrix_with_zeros_between_them(graphed):
    run = graphed.run(matrix="1,?;?,2", depth=1)
    assert run["within_nuclear"][-1] == pytest.approx(3, rel=1e-4) and run["nuclear"][0] > run["within_nuclear"][0]


def test_the_picture_of_a_graph_has_a_line_for_each_entry(graphed):
    figure = graphed.picture()
    assert figure.axes[0].get_title("left") == "Graph"
    assert len(figure.axes[0].lines) == 5 + 6  # edges and nodes
    plt.close(figure)
