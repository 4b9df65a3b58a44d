"""Names in the code of chapters lead to the API reference."""

import sys
from pathlib import Path

import pytest
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

sys.path.append(str(Path(__file__).parents[1] / "_ext"))
import api_uses  # noqa: E402
import code_links  # noqa: E402

pytestmark = pytest.mark.book

CODE = """from implreg_core import figures, ranks as measures
from implreg_core.sweeps import stored
measures.effective_rank(W)
figures.theorem.norms(W).ranks.effective_rank
measures.nothing(other.effective_rank)
"""
ADDRESSES = {
    "implreg_core.ranks.effective_rank": "measures.html#rank",
    "implreg_core.figures.theorem.norms": "figures.html#norms",
}


def test_what_is_documented_becomes_a_link_and_nothing_else():
    page = highlight(CODE, PythonLexer(), HtmlFormatter())
    linked = code_links.linked(page, api_uses.imported(CODE), ADDRESSES)
    assert code_links.TAG.sub("", linked) == code_links.TAG.sub("", page)
    links = linked.split('<a class="code-link" href="')[1:]
    shown = [(link.split('"')[0], code_links.TAG.sub("", link.split(">", 1)[1].split("</a>")[0])) for link in links]
    assert shown == [("measures.html#rank", "measures.effective_rank"), ("figures.html#norms", "figures.theorem.norms")]


def test_imports_say_what_a_name_stands_for():
    names = {
        "figures": "implreg_core.figures",
        "measures": "implreg_core.ranks",
        "stored": "implreg_core.sweeps.stored",
    }
    assert api_uses.imported(CODE) == names
