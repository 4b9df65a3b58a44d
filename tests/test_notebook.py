"""What chapters hand to the page: glued texts, and the format of pictures."""

import jax
import matplotlib.pyplot as plt
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from implreg_core import figures, notebook


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
    with pytest.raises(ValueError, match="`loss` must be a formatted text"):
        notebook.glue(loss=value)


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
    assert any("'Date': None" in command for _, command in commands) == (kind == "svg")  # reproducible files
    assert plt.rcParams["axes.grid"] and plt.rcParams["axes.prop_cycle"].by_key()["color"] == list(figures.COLORS)


def test_setup_outside_a_notebook_only_applies_the_style():
    with plt.rc_context({"axes.grid": False}):
        notebook.setup()
        assert plt.rcParams["axes.grid"]


def test_forgotten_programs_compile_anew():
    double = jax.jit(lambda x: 2 * x)
    assert double(1.5) == 3.0
    notebook.forget_programs()
    assert double._cache_size() == 0
    assert double(1.5) == 3.0


@pytest.mark.parametrize(
    ("x", "decimals", "text"),
    [(1.7e-5, 0, "2 × 10⁻⁵"), (1.76e-7, 1, "1.8 × 10⁻⁷"), (9.96e11, 0, "1 × 10¹²"), (3.0, 0, "3 × 10⁰")],
)
def test_scientific_is_how_prose_writes_numbers(x, decimals, text):
    assert notebook.scientific(x, decimals) == text
