"""The picture of an explorer for pages without scripts, in a book of one notebook."""

import sys
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

EXTENSIONS = str(Path(__file__).parents[1] / "_ext")
sys.path.append(EXTENSIONS)

pytestmark = pytest.mark.book
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
EXPLORER = """<figure class="implreg-explorer" id="q" aria-label="Up &amp; down?"><p>Up &amp; down?</p>
<noscript><p>This needs JavaScript.</p></noscript></figure>"""


def test_without_scripts_the_picture_of_the_notebook_is_shown(tmp_path):
    shown = [
        nbformat.v4.new_output("display_data", {"text/html": page, "image/png": PIXEL})
        for page in (EXPLORER, "<p>A table.</p>")
    ]
    cells = [nbformat.v4.new_markdown_cell("# Page"), nbformat.v4.new_code_cell("x", outputs=shown)]
    (tmp_path / "chapters").mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "chapters/page.ipynb")
    (tmp_path / "index.md").write_text("# Book\n\n```{toctree}\nchapters/page\n```\n", encoding="utf-8")
    settings = {"extensions": ["myst_nb", "explorer_stills"], "nb_execution_mode": "off", "html_theme": "basic",
                "source_suffix": {".ipynb": "myst-nb", ".md": "myst-nb"}}  # fmt: skip
    with docutils_namespace():
        Sphinx(tmp_path, None, tmp_path / "out", tmp_path / "trees", "html", settings, status=None).build()
    page = BeautifulSoup((tmp_path / "out/chapters/page.html").read_text(encoding="utf-8"), "html.parser")
    (picture,) = page.select("img")
    assert picture.parent.name == "noscript" and picture["alt"] == "As it opens: Up & down?"
    assert picture.find_next("p").get_text() == "This needs JavaScript."
    assert (tmp_path / "out/chapters" / picture["src"]).read_bytes()[1:4] == b"PNG"
