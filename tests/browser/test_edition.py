"""The reader's edition of the built book: notebooks that say what their pages say, in what every reader can show."""

import base64
import copy
import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

from tests.in_node import find_node
from tools.links import HOST

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "_build" / "html"
CHAPTERS = sorted(path.stem for path in (ROOT / "chapters").glob("*.ipynb"))
MACROS = yaml.safe_load((ROOT / "_config.yml").read_text())["sphinx"]["config"]["formula_macros"]
MARKDOWN = MarkdownIt("commonmark").enable("table").use(dollarmath_plugin, allow_space=False, allow_digits=False)
SOURCE_ONLY = re.compile(r"\{[a-z:]+\}`|^:::|\\\(|\\\[|" + "|".join(rf"\\{name}\b" for name in MACROS), re.MULTILINE)
HIDDEN = ("hide-input", "hide-cell", "remove-cell")
NOT_PROSE = ".implreg-explorer, .run-it, .headerlink, script, style, button"


@pytest.fixture(scope="module", params=CHAPTERS)
def chapter(request):
    """Name, notebook, and the notebook's Markdown cells as HTML."""
    notebook = nbformat.read(BOOK / "notebooks" / f"{request.param}.ipynb", as_version=4)
    html = "".join(MARKDOWN.render(cell.source) for cell in notebook.cells if cell.cell_type == "markdown")
    return request.param, notebook, BeautifulSoup(html, "html.parser")


SPELLINGS = {r"\lt ": "<", r"\gt ": ">", r"\vert ": "|", r"\left\lVert": r"\lVert"}
SPELLINGS |= {r"\begin{split}": "", r"\end{split}": ""}  # Sphinx adds them
BRACED = r"\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}"


def tex(formula):
    """A formula without what may differ: white space, our macros, and some spellings."""
    for before, after in SPELLINGS.items():
        formula = formula.replace(before, after)
    meaning = lambda found: rf"\lVert {found[2] or found[1]} \right\rVert"  # noqa: E731
    formula = re.sub(rf"\\norm\s*(\\?[A-Za-z]|{BRACED})", meaning, formula)
    formula = re.sub(r"\\(erank|sgn)(?![A-Za-z])", r"\\operatorname{\1}", formula)
    return re.sub(r"\s+", "", formula)


def sentences(soup, formulas):
    """The sentences of a text in order, with `⟨…⟩` for its formulas; block ends are sentences' ends too."""
    for element, formula in formulas:
        element.replace_with(f" ⟨{tex(formula)}⟩ " + "\n\n" * (element.name == "div"))
    for element in soup.select("p, li, h1, h2, h3, h4, summary, td, th, figcaption, div"):
        element.append("\n\n")
    lines = (re.sub(r"\s+", " ", line).strip() for line in re.split(r"\n\s*\n|(?<=[.?!:])\s", soup.get_text()))
    return [re.sub(r" (?=[.,;:!?)])", "", line) for line in lines if line]


def test_prose_and_numbers_are_those_of_the_page(chapter):
    name, _, notebook = chapter
    notebook = copy.copy(notebook)
    page = BeautifulSoup((BOOK / "chapters" / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
    article = page.select_one("article")
    equations = [number.find(string=True).strip("()") for number in article.select(".eqno")]
    assert re.findall(r"\\tag\{(.*?)\}", notebook.get_text()) == equations
    for noise in article.select(NOT_PROSE):
        noise.decompose()
    for cell in article.select("div.cell"):
        caption = cell.select_one("figcaption")
        cell.replace_with(caption) if caption else cell.decompose()
    for number in article.select(".eqno"):
        number.decompose()
    on_page = [(math, math.annotation.get_text()) for math in article.select(".math")]
    tagged = [(math, re.sub(r"\\tag\{.*?\}", "", math.get_text())) for math in notebook.select(".math")]
    shown, written = sentences(article, on_page), sentences(notebook, tagged)
    assert len(shown) > 10
    for one, other in zip(shown, written):
        assert one == other
    assert len(shown) == len(written)


def test_nothing_is_left_that_only_the_build_understands(chapter):
    _, notebook, html = chapter
    nbformat.validate(notebook)
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    assert [found for text in texts for found in SOURCE_ONLY.findall(text)] == []
    html = copy.copy(html)  # other tests read it, in any order
    for math in html.select(".math"):
        math.decompose()
    assert "$" not in html.get_text()  # a formula with a space or a digit beside its dollar, for example
    assert html.select("pre") == []  # text that an indent turned into code


def test_pictures_are_stored(chapter):
    _, notebook, _ = chapter
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    shown = [output for output in outputs if re.match("<Figure|Explorer", output.get("data", {}).get("text/plain", ""))]
    for output in shown:
        png, size = base64.b64decode(output.data["image/png"]), output.metadata["image/png"]
        assert png.startswith(b"\x89PNG") and abs(int.from_bytes(png[16:20]) - 2 * size["width"]) <= 2
        assert 300 < size["width"] < 800 and size["needs_background"] == "light"
    assert shown
    heavy = {kind for output in outputs for kind in output.get("data", {})} - {
        "text/plain",
        "text/markdown",
        "image/png",
    }
    assert not heavy


def test_links_lead_somewhere(chapter):
    _, _, html = chapter
    for link in html.select("a"):
        address = link.get("href")
        assert HOST.match(re.sub("^https?://", "", address)) or (BOOK / "notebooks" / address).exists(), address


def test_hidden_code_says_what_it_is(chapter):
    name, notebook, _ = chapter
    hidden = [cell for cell in notebook.cells if cell.metadata.get("jupyter", {}).get("source_hidden")]
    assert hidden and all(cell.source.startswith("# @title ") for cell in hidden)
    source = nbformat.read(ROOT / "chapters" / f"{name}.ipynb", as_version=4)
    tagged = [cell for cell in source.cells if {*HIDDEN} & {*cell.metadata.get("tags", [])}]
    assert len(hidden) - len(tagged) in (0, 1)  # the cell that installs


def test_every_formula_is_good_for_katex():
    """VS Code and Colab's editor set formulas with KaTeX, which knows less than MathJax and is given no macros."""
    formulas = []
    for name in CHAPTERS:
        notebook = nbformat.read(BOOK / "notebooks" / f"{name}.ipynb", as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                html = BeautifulSoup(MARKDOWN.render(cell.source), "html.parser")
                formulas += [[math.get_text(), math.name == "div"] for math in html.select(".math")]
    script = """
        const katex = require(process.argv[1]);
        const faults = JSON.parse(require("fs").readFileSync(0, "utf8")).flatMap(([tex, displayMode]) => {
            try { katex.renderToString(tex, { displayMode, throwOnError: true }); return []; }
            catch (error) { return [`${tex}: ${error.message}`]; }
        });
        console.log(JSON.stringify(faults));
    """
    library = Path(sys.prefix, "katex", "node_modules", "katex")
    done = subprocess.run([find_node(), "-e", script, str(library)], input=json.dumps(formulas), capture_output=True,
                          text=True, check=True)  # fmt: skip
    assert len(formulas) > 2000 and json.loads(done.stdout) == []
