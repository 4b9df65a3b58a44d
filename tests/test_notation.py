"""One symbol, one meaning: one row each on the page of notation, and some letters set only to what it says."""

import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
PAGES = [
    *sorted((ROOT / "chapters").glob("*.ipynb")),
    *sorted((ROOT / "chapters").glob("*.md")),
    *sorted((ROOT / "chapters").glob("*.toml")),
    *sorted((ROOT / "implreg_core").glob("*.py")),
]
MEANS = {  # what may stand behind "letter =": its meaning, or a value of it
    "r": r"\\sqrt ?\{2 ?\\ell|\\sigma_d|1 / \\beta",
    "s": r"[03]$",
    r"\kappa": r"[\d.]+$|\{imbalance",
    r"\nu": r"b\^2 - a\^2|\\sigma_2\(W_2\)\^2 - \\sigma_2\(W_1\)\^2|C \\eta|\\max_j \\(?:norm|\|) ?\{? ?M_j\(0\)|0$",
    r"\psi": r"[\d.]+$",
}


def formulas(path):
    """The formulas of a page's prose, or of a module's docstrings, in one line each."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = nbformat.reads(text, as_version=4).cells
        text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    found = re.findall(r"\$\$(.*?)\$\$|\$([^$\n]*(?:\n[^$\n]*)?)\$", text, re.DOTALL)
    return [" ".join("".join(pair).split()) for pair in found]


def other_meanings(formula):
    """The letters that a formula sets to something else."""
    found = []
    for letter, meaning in MEANS.items():
        for value in re.findall(
            rf"(?<![\w\\_^])(?<!\\bar )(?<!/ ){re.escape(letter)} ?:?= ?([^,;\\]*(?:\\.[^,;]*)?)", formula
        ):
            if not re.match(meaning, value.strip()):
                found.append(f"{letter} = {value.strip()}")
    return found


def test_each_symbol_has_one_row():
    page = (ROOT / "chapters" / "notation.md").read_text(encoding="utf-8").split("## Local letters")[0]
    rows = [line.split(" | ")[0][2:] for line in page.splitlines() if line.startswith("| ") and "Symbol" not in line]
    symbols = [symbol for row in rows for span in re.findall(r"\$([^$]*)\$", row) for symbol in span.split(", ")]
    symbols = [symbol for symbol in symbols if symbol != r"\dots"]
    assert len(symbols) > 40
    assert sorted(symbols) == sorted(set(symbols))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_letters_are_set_to_what_the_page_of_notation_says(path):
    assert [found for formula in formulas(path) for found in other_meanings(formula)] == []


@pytest.mark.parametrize(
    ("formula", "count"),
    [
        (r"r = \sqrt{2 \ell(W)} < 1", 0),
        (r"\sum_{r=1}^R w_r", 1),
        (r"s = (a + b) / 2", 1),
        (r"\kappa = \frac{L}{2L + 2}", 1),
        (r"|\operatorname{tr} A| \le \kappa := \sqrt d", 1),
        (r"\bar r = r + |\epsilon|", 0),
        (r"\nu = b^2 - a^2", 0),
    ],
)
def test_another_meaning_is_found(formula, count):
    assert len(other_meanings(formula)) == count
