"""What a page shows, in Markdown that all notebook readers take alike."""

import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

sys.path.append(str(Path(__file__).parents[1] / "_ext"))
from portable_markdown import Converter, expand  # noqa: E402

pytestmark = pytest.mark.book
MACROS = {
    "norm": [r"\left\lVert #1 \right\rVert", 1],
    "sgn": r"\operatorname{sgn}",
    "pair": [r"\langle #1, #2 \rangle", 2],
}


def markdown(html, link=lambda href: None):
    return Converter(MACROS, link).convert_soup(BeautifulSoup(html, "html.parser")).strip()


@pytest.mark.parametrize("written, meant", [
    (r"\norm{W}_F", r"\left\lVert W \right\rVert_F"),
    (r"\norm W", r"\left\lVert W \right\rVert"),
    (r"\norm{a_{ij} + \norm{b}}", r"\left\lVert a_{ij} + \left\lVert b \right\rVert \right\rVert"),
    (r"\norm\sigma + 1", r"\left\lVert \sigma \right\rVert + 1"),
    (r"\pair{a}{\{b\}}", r"\langle a, \{b\} \rangle"),
    (r"\norm{W}x", r"\left\lVert W \right\rVert x"),
    (r"\sgn w", r"\operatorname{sgn} w"),
    (r"\normal \sgnx", r"\normal \sgnx"),  # other commands
])  # fmt: skip
def test_macros_are_expanded(written, meant):
    assert expand(written, MACROS) == meant


@pytest.mark.parametrize("tex", [r"x \norm", r"\norm{x", r"\pair{x}"])
def test_a_macro_without_its_argument_is_refused(tex):
    with pytest.raises(ValueError, match="argument|not closed"):
        expand(tex, MACROS)


def test_formulas():
    inline = r'<p>If <span class="math"> a &lt; |b|\n </span>.</p>'.replace(r"\n", "\n")
    assert markdown(inline) == r"If $a \lt |b|$."
    display = r'<div class="math"><span class="eqno">(3)<a>#</a></span>x = 1</div>'
    assert markdown(f"<p>So</p>{display}<p>and</p>") == "So\n\n$$\nx = 1 \\tag{3}\n$$\n\nand"
    listed = f"<ul><li><p>So</p>{display}</li></ul>"
    assert markdown(listed) == "- So\n\n  $$x = 1 \\tag{3}$$"


def test_statements_are_quotations_with_formulas_on_one_line():
    html = (
        '<div class="proof theorem admonition" id="thm-a">'
        '<p class="admonition-title"><span>Theorem 1 </span> (Title)</p>'
        '<section><p>If</p><div class="math">a\n= b</div>'
        "<ol><li><p>one;</p></li><li><p>two.</p></li></ol></section></div>"
    )
    assert markdown(html).splitlines() == [
        "> **Theorem 1 (Title)**", ">", "> If", ">", "> $$a = b$$", ">", "> 1. one;", "> 2. two.",
    ]  # fmt: skip


def test_proofs_stand_in_the_text():
    html = '<div class="proof admonition" id="proof-of-thm-a"><p>Proof. One.</p><p>Proof. Two.</p></div>'
    assert markdown(html) == "*Proof.* One.\n\nProof. Two."


def test_solutions_are_folded():
    html = (
        '<div class="solution dropdown admonition" id="s">'
        '<p class="admonition-title">Solution to <a href="#e">Exercise 1</a></p>'
        "<section><p>It is <em>this</em>.</p></section></div>"
    )
    assert markdown(html) == "<details>\n<summary>Solution to Exercise 1</summary>\n\nIt is *this*.\n\n</details>"


def test_links_lead_where_they_can():
    html = '<p><a href="there.html">there</a> and <a href="nowhere.html">no<em>where</em></a></p>'
    link = {"there.html": "https://example.org/there.html"}.get
    assert markdown(html, link) == "[there](https://example.org/there.html) and no*where*"


@pytest.mark.parametrize("text", ["5 $ and $6", "2 * 3 * 4", "a_b_c", "`tick", "a &lt;b&gt; c", "back\\slash", "~x~",
                                  "2. So", "1) So", "is\n- 3 or\n+ 4", "# 5", "- 6"])  # fmt: skip
def test_text_stays_text(text):
    from markdown_it import MarkdownIt
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    rendered = MarkdownIt("commonmark").use(dollarmath_plugin).render(markdown(f"<p>{text}</p>"))
    assert BeautifulSoup(rendered, "html.parser").get_text().strip() == BeautifulSoup(text, "html.parser").get_text()


def test_bars_in_tables():
    html = (
        r'<table><thead><tr><th>a|b</th></tr></thead><tbody><tr><td><span class="math">|x| + \|y\|</span></td></tr>'
        "</tbody></table>"
    )
    assert markdown(html).splitlines() == [r"| a\|b |", "| --- |", r"| $\vert x\vert + \Vert y\Vert$ |"]


def test_emphasis_within_emphasis_is_plain():
    assert markdown("<p><em>After Arora <em>et al.</em> here</em></p>") == "*After Arora et al. here*"
