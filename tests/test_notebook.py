"""What chapters hand to the page: glued texts, and the format of pictures."""

import re

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from implreg_core import figures, notebook
from implreg_core.figures import _stacked


@pytest.fixture
def shell():
    """An interactive shell for the test's duration; rcParams are put back."""
    shell = InteractiveShell.instance()
    with plt.rc_context():
        yield shell
    InteractiveShell.clear_instance()


@pytest.mark.usefixtures("shell")
def test_glue_shows_a_mime_bundle_that_the_book_reads():
    with capture_output() as captured:
        notebook.glue(final_loss="1e-28", w="4.0")
    # As `myst_nb.glue` would: the representation, whose quotation marks {glue:text} takes off.
    shown = [(output.data, output.metadata["scrapbook"]["name"]) for output in captured.outputs]
    assert shown == [
        ({"application/papermill.record/text/plain": "'1e-28'"}, "final_loss"),
        ({"application/papermill.record/text/plain": "'4.0'"}, "w"),
    ]


@pytest.mark.usefixtures("shell", "unchecked_types")
@pytest.mark.parametrize("value", [1.5, None, b"1.5"])
def test_glue_refuses_what_is_not_a_text(value):
    with pytest.raises(ValueError, match=r"`loss` must be a text without a form such as glue\('.3g', loss=...\); got"):
        notebook.glue(loss=value)


@pytest.mark.usefixtures("shell")
@pytest.mark.parametrize(
    ("form", "value", "text"),
    [
        (".2f", 2 / 3, "0.67"),
        (".0%", jnp.array(0.871), "87%"),
        ("d", np.int64(1200), "1200"),
        (",", 1200, "1,200"),
        (".1f", -0.25, "−0.2"),
    ],
)
def test_glue_writes_numbers_in_a_form(form, value, text):
    with capture_output() as captured:
        notebook.glue(form, a=value, b=value)
    assert [next(iter(output.data.values())) for output in captured.outputs] == [repr(text)] * 2


@pytest.mark.usefixtures("shell", "unchecked_types")
@pytest.mark.parametrize("value", ["0.1", None, np.nan, np.inf, np.ones(2), True])
def test_glue_refuses_what_is_not_one_finite_number(value):
    with pytest.raises(ValueError, match="`loss` must be one finite number, to be written as '.1f'; got"):
        notebook.glue(".1f", loss=value)


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("0", False), (None, False)])
def test_static_build_is_read_from_the_environment(monkeypatch, value, expected):
    monkeypatch.delenv("IMPLREG_STATIC", raising=False)
    if value is not None:
        monkeypatch.setenv("IMPLREG_STATIC", value)
    assert notebook.static_build() is expected


@pytest.mark.parametrize(("static", "kind"), [("1", "svg"), ("0", "retina")])
def test_setup_applies_the_style_and_chooses_the_format_of_pictures(shell, monkeypatch, static, kind):
    monkeypatch.setenv("IMPLREG_STATIC", static)
    commands = []
    monkeypatch.setattr(shell, "run_line_magic", lambda *command: commands.append(command))
    plt.rcParams["axes.grid"] = False
    notebook.setup()
    assert commands[0] == ("config", f"InlineBackend.figure_formats = ['{kind}']")
    shell.events.trigger("pre_run_cell", None)
    picture = shell.display_formatter.formatters["image/svg+xml"](figures.panels(2)[0])
    assert (picture is None) == (kind == "retina")
    if picture:  # reproducible files, each with the figure for a phone
        assert "dc:date" not in picture and _stacked.parts(picture)[1]
    plt.close("all")
    assert plt.rcParams["axes.grid"] and plt.rcParams["axes.prop_cycle"].by_key()["color"] == list(figures.COLORS)


def test_setup_outside_a_notebook_only_applies_the_style():
    with plt.rc_context({"axes.grid": False}):
        notebook.setup()
        assert plt.rcParams["axes.grid"]


def test_setup_again_adds_nothing(shell):
    notebook.setup()
    listeners, hooks = len(duration_listeners()), len(shell.events.callbacks["post_execute"])
    notebook.setup()
    assert len(duration_listeners()) == listeners and len(shell.events.callbacks["post_execute"]) == hooks


def duration_listeners():
    from jax._src import monitoring

    return monitoring.get_event_duration_listeners()


def test_a_large_kernel_drops_its_programs(shell, monkeypatch):
    memory, dropped = [0], []
    monkeypatch.setattr(notebook, "_resident", lambda: memory[0])
    monkeypatch.setattr(jax, "clear_caches", lambda: dropped.append(memory[0]))
    notebook._memory_keeper.cache_clear()
    notebook.setup()
    for memory[0] in (notebook.MEMORY_LIMIT, notebook.MEMORY_LIMIT + 1):
        shell.run_cell("None")
    assert dropped == [notebook.MEMORY_LIMIT + 1]
    dropped.clear()
    large = 2 * notebook.MEMORY_LIMIT  # without its programs: not dropped after every cell
    for memory[0] in (large, large, 1.2 * large, 1.3 * large):
        shell.run_cell("None")
    assert dropped == [large, 1.3 * large]
    notebook._memory_keeper.cache_clear()


def test_resident_memory_is_that_of_this_process():
    before = notebook._resident()
    block = np.ones(12_500_000)  # 100 MB
    assert 50e6 < notebook._resident() - before < 500e6 and block[-1] == 1


@pytest.mark.parametrize("error", [TypeError, OSError])
def test_without_a_c_library_nothing_is_trimmed(monkeypatch, error):
    def refuse(_):
        raise error  # TypeError is what Windows raises

    for function in (notebook._malloc_trim, notebook._return_memory_after_compilations):
        function.cache_clear()
    monkeypatch.setattr("ctypes.CDLL", refuse)
    before = len(duration_listeners())
    with plt.rc_context():
        notebook.setup()
    assert len(duration_listeners()) == before and notebook._malloc_trim() is None
    for function in (notebook._malloc_trim, notebook._return_memory_after_compilations):
        function.cache_clear()


@pytest.mark.parametrize(
    ("x", "decimals", "text"),
    [
        (1.7e-5, 0, "2 × 10⁻⁵"),
        (1.76e-7, 1, "1.8 × 10⁻⁷"),
        (9.96e11, 0, "10¹²"),
        (-1.04e-3, 0, "−10⁻³"),
        (1e-9, 1, "1.0 × 10⁻⁹"),
        (3.0, 0, "3 × 10⁰"),
        (-2e-5, 0, "−2 × 10⁻⁵"),
    ],
)
def test_scientific_is_how_prose_writes_numbers(x, decimals, text):
    assert notebook.scientific(x, decimals) == text


def test_a_table_shows_what_it_was_given_in_both_forms():
    table = notebook.Table(["norm", "$|W|$", "|x|"], [["max", "1", "2 × 10⁻⁵"], ["Schatten-1/2", "22", "≥ 10%"]])
    head, line, first, second = table._repr_markdown_().splitlines()
    assert head.replace(" ", "") == r"|norm|$\vertW\vert$|\|x\||"  # a bare | would end its cell
    assert line.count(":") == 3 and line.index(":") == 1  # texts flush left, numbers flush right
    assert [cell.strip() for cell in second.strip("|").split("|")] == ["Schatten-1/2", "22", "≥\N{NO-BREAK SPACE}10%"]
    text = repr(table).splitlines()
    assert text[0].split() == table.heads and len({len(row.rstrip()) for row in text}) == 1


def test_sizes_are_names_and_flush_left():
    table = notebook.Table(["task", "runs"], [["2 x 2, diagonal", "24"], ["12 x 12", "6 of 12"]])
    _, line, *_ = table._repr_markdown_().splitlines()
    assert [side.startswith(":") for side in line.strip("|").split("|")] == [True, False]


def test_a_table_writes_numbers_as_the_prose_does():
    rows = [["-1.5", "8e-03", "one-two"], ["-0.2 to -0.1", "> 1e+13", "Schatten-3"], ["-", "infinite", "1e-2e"]]
    table = notebook.Table(["a", "b", "c"], [*rows, ["0", "2e+00", "e"]])
    markdown = table._repr_markdown_()
    shown = [[cell.strip() for cell in row.strip("|").split("|")] for row in markdown.splitlines()]
    assert [[cell.replace("\N{NO-BREAK SPACE}", " ") for cell in row] for row in shown[2:]] == [
        ["−1.5", "8 × 10⁻³", "one-two"],
        ["−0.2 to −0.1", "> 1 × 10¹³", "Schatten-3"],
        ["-", "infinite", "1 × 10⁻²e"],
        ["0", "2", "e"],
    ]
    assert not re.search("[×>] |  ×", markdown)  # no line may break there
    assert [cell.endswith(":") for cell in shown[1]] == [True, True, False]  # a word among numbers changes no side
    assert "8e-03" in repr(table)


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize(
    ("rows", "message"), [([["1"]], "row 0 of `rows` has 1 entries"), ([["1", 2.0]], "formatted texts.*got 2.0")]
)
def test_a_table_refuses_what_it_cannot_show(rows, message):
    with pytest.raises(ValueError, match=message):
        notebook.Table(["a", "b"], rows)
