"""One colour for each meaning, in figures and in explorers."""

import re
from pathlib import Path

import pytest
from drawn import contrast

from implreg_core import explorers, figures
from implreg_core.explorers import MatrixView, View
from implreg_core.explorers._front import stylesheet
from implreg_core.explorers._views import column_colors

PLACES = list(figures.MEANINGS)
ROOT = Path(__file__).parents[1]
DARK = "#14181e"  # what is behind a page in its dark theme


def colors(*views):
    return {column: PLACES[place] for column, place in column_colors(views).items()}


def test_lines_of_explorers_have_the_colours_of_figures():
    light = stylesheet().split("html[data-theme")[0]
    assert re.findall(r"--implreg-line-\d: (#\w+);", light) == list(figures.COLORS)
    assert re.findall(r"--implreg-line-(\d):", light) == list("012345")


def test_a_column_has_the_colour_of_its_meaning():
    entry = explorers.usual_view("unseen_entry", "unseen_entry_bound", x="step")
    rank, norms = (explorers.usual_view(*names, x="step") for names in (("effective_rank",), ("nuclear", "spectral")))
    found = colors(norms, entry, rank, explorers.usual_view("loss", x="step"))
    assert found == {
        "nuclear": "norm",
        "spectral": "norm",
        "unseen_entry": "unseen",
        "unseen_entry_bound": "reference",
        "effective_rank": "rank",
        "loss": "loss",
    }


def test_what_has_no_meaning_here_has_the_hue_of_none():
    view = View("V", x="t", y=dict.fromkeys("abcdef", ""), xlabel="", ylabel="", meanings={"c": "unseen", "d": "rank"})
    found = colors(view)
    assert found["c"] == "unseen" and found["d"] == "rank"
    assert {found[name] for name in "abef"} == {"loss", "norm", "sign", "reference"}


def test_more_columns_than_hues_begin_anew():
    view = View("V", x="t", y=dict.fromkeys("abcdefgh", ""), xlabel="", ylabel="")
    assert list(colors(view).values()) == PLACES + PLACES[:2]


def test_the_unseen_entry_of_a_matrix_has_its_colour():
    view = MatrixView("W", entries=[["w", "w12"], ["w21", "w22"]], given=[[None, 1], [1, 0]])
    assert colors(view) == {"w": "unseen"}


def test_meanings_are_those_of_the_palette_and_of_columns_that_are_drawn():
    with pytest.raises(ValueError, match=r"`meanings` must be among unseen, loss, .*\['nrm'\]"):
        View("V", x="t", y={"a": ""}, xlabel="", ylabel="", meanings={"a": "nrm"})
    with pytest.raises(ValueError, match=r"`meanings` of view 'V' names \['b'\]"):
        View("V", x="t", y={"a": ""}, xlabel="", ylabel="", meanings={"b": "norm"})


def test_words_have_the_colours_of_figures():
    light, dark = of_words()
    assert light == figures.MEANINGS and list(dark) == list(light)


def test_dark_pages_have_one_palette_that_stands_out():
    _, dark = of_words()
    in_explorers = re.findall(r"--implreg-line-\d: (#\w+);", stylesheet().partition("html[data-theme")[2])
    assert in_explorers == list(dark.values())
    assert len(set(dark.values())) == len(dark) and min(contrast(color, DARK) for color in dark.values()) >= 4.5


def of_words():
    """The colours of words in the light and in the dark theme, by meaning."""
    style = (ROOT / "_assets" / "book.css").read_text(encoding="utf-8")
    blocks = re.findall(r"^(?::root|html\[data-theme=\"dark\"\]) \{\n((?:  --meaning-.*\n)+)\}", style, re.MULTILINE)
    return [dict(re.findall(r"--meaning-(\w+): (#\w+);", block)) for block in blocks]


@pytest.mark.parametrize(("page", "said"), [("intro.ipynb", PLACES[:5]), ("notation.md", PLACES)])
def test_the_landing_page_and_the_table_of_colours_show_each_meaning_once(page, said):
    text = (ROOT / "chapters" / page).read_text(encoding="utf-8")
    assert sorted(re.findall(r"\{\.meaning-(\w+)\}", text)) == sorted(said)
