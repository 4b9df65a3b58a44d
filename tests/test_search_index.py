"""What the search of a small book finds of its statements."""

import json
import sys
from pathlib import Path

import pytest
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

EXTENSIONS = str(Path(__file__).parents[1] / "_ext")
sys.path.append(EXTENSIONS)

pytestmark = pytest.mark.book
PAGE = """# A page

(sec-here)=
## A section

Text.

:::{prf:theorem} Up and down
:label: thm-one

A.
:::

:::{prf:lemma}
:label: lem-plain

B.
:::

:::{exercise}
:label: ex-one

C.
:::
"""


def test_sections_and_statements_are_in_the_index_by_what_readers_call_them(tmp_path):
    (tmp_path / "index.md").write_text("# Book\n\n```{toctree}\npage\n```\n", encoding="utf-8")
    (tmp_path / "page.md").write_text(PAGE, encoding="utf-8")
    settings = {"extensions": ["myst_parser", "sphinx_proof", "sphinx_exercise", "permalinks", "search_index"],
                "myst_enable_extensions": ["colon_fence"], "html_theme": "basic", "numfig": True,
                "search_also": {"sec-here": ["how to run"]}}  # fmt: skip
    with docutils_namespace():
        Sphinx(tmp_path, None, tmp_path / "out", tmp_path / "trees", "html", settings, status=None).build()
    script = (tmp_path / "out/searchindex.js").read_text(encoding="utf-8")
    index = json.loads(script.removeprefix("Search.setIndex(").removesuffix(")"))
    page = index["docnames"].index("page")
    assert index["alltitles"]["Theorem 1 (Up and down)"] == [[page, "thm-one"]]
    assert index["alltitles"]["Lemma 1"] == [[page, "lem-plain"]]
    for name in ("theorem 1", "up and down"):
        assert index["indexentries"][name] == [[page, "thm-one", True]]
    assert index["indexentries"]["how to run"] == [[page, "sec-here", True]]
    assert index["indexentries"]["lemma 1"] == [[page, "lem-plain", True]]
    assert not [title for title in index["alltitles"] if "<" in title]
    assert "headerlink" not in index["titleterms"], "permalinks are no words of a title"
    written = (tmp_path / "out/page.html").read_text(encoding="utf-8")
    assert '<a class="headerlink" href="#thm-one" title="Link to this theorem">' in written
    assert '<a class="headerlink" href="#ex-one" title="Link to this exercise">' in written
