"""Formulas typeset by the build: as HTML, as MathML and as TeX, with the macros and the numbers of the book."""

import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from docutils import nodes
from docutils.utils import new_document
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

sys.path.append(str(Path(__file__).parents[1] / "_ext"))
import formulas  # noqa: E402

pytestmark = pytest.mark.book
EXTENSIONS = str(Path(__file__).parents[1] / "_ext")
MACROS = {"norm": [r"\left\lVert #1 \right\rVert", 1], "sgn": r"\operatorname{sgn}"}


def soup(tex, display=False):
    return BeautifulSoup(formulas.typeset(tex, display, MACROS), "html.parser")


def test_a_formula_is_there_for_the_eye_for_screen_readers_and_as_tex():
    made = soup(r"\sgn w < \norm{W}^2")
    assert made.select_one(".katex-html")["aria-hidden"] == "true"
    assert made.annotation.get_text() == r"\sgn w < \norm{W}^2"
    spoken = made.math.semantics.mrow.get_text()
    assert spoken.replace("\u2061", "") == "sgnw<∥W∥2"
    assert not made.select("script, .katex-error")


def test_displayed_formulas_are_set_larger():
    assert not soup(r"\sum_{i=1}^n x_i").select(".katex-display, munderover")
    shown = soup(r"\sum_{i=1}^n x_i", display=True)
    assert shown.select_one(".katex-display math")["display"] == "block" and shown.select("munderover")


def test_characters_of_html_stay_characters():
    assert soup(r"a < b \text{ \& } <i>").annotation.get_text() == r"a < b \text{ \& } <i>"


@pytest.mark.parametrize("tex, complaint", [
    (r"\nosuchcommand", "Undefined control sequence"),
    (r"\frac{1}{", "Unexpected end of input|Expected"),
    (r"\norm", "end of input"),
    ("größer", "Unicode"),  # KaTeX itself would set it and warn
])  # fmt: skip
def test_what_katex_cannot_read_is_refused_each_time(tex, complaint):
    for _ in range(2):
        with pytest.raises(ValueError, match=complaint):
            formulas.typeset(tex, macros=MACROS)
    assert formulas.typeset("x")  # and the next is set as ever


@pytest.mark.parametrize("tex, wrapped", [
    (r"a \\ b", True),
    (r"a &= b", True),
    (r"\begin{aligned} a & b \\ c & d \end{aligned}", False),
    (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix} = \begin{pmatrix} 3 \\ 4 \end{pmatrix}", False),
    (r"\begin{pmatrix} \begin{matrix} 1 \\ 2 \end{matrix} \\ 3 \end{pmatrix}", False),
    (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix} \\ b", True),
])  # fmt: skip
def test_rows_get_an_environment_where_they_have_none(tex, wrapped):
    assert formulas.rows(tex) == (rf"\begin{{split}}{tex}\end{{split}}" if wrapped else tex)
    assert formulas.typeset(formulas.rows(tex), display=True)


@pytest.fixture
def build(tmp_path):
    def build(text):
        (tmp_path / "index.md").write_text(text, encoding="utf-8")
        settings = {"extensions": ["myst_parser", "formulas"], "myst_enable_extensions": ["dollarmath"],
                    "myst_update_mathjax": False, "formula_macros": MACROS, "html_theme": "basic"}  # fmt: skip
        out, complaints = tmp_path / "out", tmp_path / "complaints"
        with complaints.open("w", encoding="utf-8") as warning:
            with docutils_namespace():  # other tests build with Sphinx, too
                Sphinx(tmp_path, None, out, tmp_path / "trees", "html", settings, None, warning).build()
        page = BeautifulSoup((out / "index.html").read_text(encoding="utf-8"), "html.parser")
        return page, out, complaints.read_text(encoding="utf-8")

    sys.path.append(EXTENSIONS)
    yield build
    sys.path.remove(EXTENSIONS)


def test_a_page_has_numbers_and_references_and_no_script_for_formulas(build):
    page, out, complaints = build("# T\n\nSo $\\norm W$.\n\n$$\na = b\n$$ (eq-one)\n\n$$\nx\n$$\n\nBy {eq}`eq-one`.\n")
    assert complaints == ""
    inline, numbered, plain = page.select(".math")
    assert (inline.name, numbered.name, plain.name) == ("span", "div", "div")
    assert numbered.select_one(".eqno").get_text().startswith("(1)") and not plain.select(".eqno")
    target = numbered["id"]
    assert numbered.select_one("a.headerlink")["href"] == f"#{target}"
    assert page.select_one("a.reference.internal")["href"] == f"#{target}"
    assert not page.select("script[src*=athjax]")
    sheet = (out / "_static/katex/katex.css").read_text(encoding="utf-8")
    fonts = {path.name for path in (out / "_static/katex/fonts").iterdir()}
    assert "url(fonts/KaTeX_Main-Regular.woff2)" in sheet and sheet.count("url(") == len(fonts)
    assert all(f"url(fonts/{name})" in sheet for name in fonts)
    assert len(page.select('link[rel=stylesheet][href*="katex/katex.css"]')) == 1


def test_a_formula_that_cannot_be_set_is_a_warning_with_its_place(build):
    page, _, complaints = build("# T\n\nSo $\\wrong$.\n")
    assert "index.md" in complaints and r"\wrong" in complaints and "Undefined control sequence" in complaints
    assert page.select_one(".math").get_text() == r"\wrong"


@pytest.mark.parametrize("text, kept", [
    ("So ($x$), and $y$.", ["(x),", "y."]),
    ("The $n$-th of $a$ (*$b$*), [$c$].", ["n-", "[c]."]),
    ("$x$ alone, and *not* $y$ either", []),
    ("*One*, *two*: $x$, *three*.", ["x,"]),  # two equal texts, of which the second touches it
])  # fmt: skip
def test_the_marks_that_touch_a_formula_stay_with_it(build, text, kept):
    page, _, complaints = build(f"# T\n\n{text}\n")
    assert complaints == ""
    for hidden in page.select(".katex-mathml"):
        hidden.decompose()
    assert [element.get_text() for element in page.select(".formula-with-marks")] == kept
    assert page.select_one("p").get_text() == text.replace("$", "").replace("*", "")


def test_computed_numbers_in_the_text_are_formulas_like_those_beside_them(build):
    text = "From 2 × 10⁻⁸ to $10^{-3}$; *−1.5 × 10¹²*, not `2 × 10⁻⁸`.\n\n| a |\n|---|\n| 3 × 10⁻⁴ |\n"
    page, _, complaints = build(f"# T\n\n{text}")
    assert complaints == ""
    found = [tex.get_text() for tex in page.select("annotation")]
    assert found == [r"2 \cdot 10^{-8}", "10^{-3}", r"-1.5 \cdot 10^{12}"]
    assert page.select_one("code").get_text() == "2 × 10⁻⁸" and page.select_one("td").get_text() == "3 × 10⁻⁴"


def test_a_glued_number_keeps_its_marks():
    document = new_document("page")
    glued = nodes.inline("", "2 × 10⁻⁸", classes=["pasted-text"])
    document += nodes.paragraph("", "", nodes.Text("By "), glued, nodes.Text(". Then"))
    for transform in (formulas.PowersOfTen, formulas.KeepPunctuation):
        transform(document).run()
    before, kept, after = document[0].children
    assert [child.astext() for child in kept.children] == ["", r"2 \cdot 10^{-8}", "."]
    assert (before.astext(), after.astext()) == ("By ", " Then")
