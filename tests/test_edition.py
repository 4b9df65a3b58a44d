"""The reader's edition of one small chapter; that of the book is compared with its pages in tests/browser."""

import io
import sys
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
import resvg_py
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

sys.path.append(str(Path(__file__).parents[1] / "_ext"))
import edition  # noqa: E402
import raster  # noqa: E402
from portable_markdown import Converter  # noqa: E402

pytestmark = pytest.mark.book
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="72pt" height="36pt"><circle r="9" cx="30" cy="20"/></svg>'
PAGE = """<html><nav><p>Not the chapter</p></nav><article><section id="a"><h1>Title<a class="headerlink">#</a></h1>
<p>After 7 steps.</p>
<div class="cell tag_hide-input"><div class="cell_input">code</div></div>
<div class="cell"><figure><img/><figcaption><p><span class="caption-number">Fig. 3 </span>
<span class="caption-text">A <em>disc</em>.</span></p></figcaption></figure></div>
<section id="b"><h2>Part</h2><p>More.</p><div class="cell"><figure class="implreg-explorer"><figcaption>No</figcaption>
</figure></div></section></section><div class="run-it">Run</div></article></html>"""


def executed():
    def cell(source, *outputs, tags=()):
        return new_code_cell(source, outputs=list(outputs), execution_count=1, metadata={"tags": list(tags)})

    glued = new_output("display_data", {"application/papermill.record/text/plain": "'7'"})
    figure = new_output("display_data", {"image/svg+xml": SVG, "text/plain": "<Figure>"})
    still = {"text/html": "<figure>", "text/plain": "Explorer('?')", "image/png": "iVBOR"}
    explorer = new_output("execute_result", still, metadata={"image/png": {"width": 5}}, execution_count=1)
    return new_notebook(cells=[
        new_markdown_cell("# Title\n\nAfter {glue:text}`steps` steps."),
        cell("# Checks: one.\nassert 1", glued, tags=["hide-input"]),
        cell("draw()", figure),
        cell("# Checks: two.\nassert 2", tags=["remove-cell"]),
        new_markdown_cell("## Part\n\nMore."),
        cell("explore()", explorer),
    ])  # fmt: skip


def made(page=PAGE, notebook=None, source=None):
    return edition.notebook(page, notebook or executed(), Converter({}, lambda href: None), source)


def test_prose_comes_from_the_page_and_code_from_the_notebook():
    cells = made().cells
    assert [(cell.cell_type, cell.source) for cell in cells] == [
        ("markdown", "# Title\n\nAfter 7 steps."),
        ("code", "# @title Checks: one.\nassert 1"),
        ("code", "draw()"),
        ("code", "# @title Checks: two.\nassert 2"),  # which the page does not have
        ("markdown", "**Fig. 3** A *disc*."),
        ("markdown", "## Part\n\nMore."),
        ("code", "explore()"),
    ]
    hidden = [bool(cell.metadata.get("jupyter", {}).get("source_hidden")) for cell in cells if cell.cell_type == "code"]
    assert hidden == [True, False, True, False]
    nbformat.validate(made())
    assert nbformat.writes(made()) == nbformat.writes(made())


def test_outputs_are_what_every_reader_shows():
    check, drawn, _, explored = (cell.outputs for cell in made().cells if cell.cell_type == "code")
    assert check == []  # the glued number is in the text
    (figure,), (explorer,) = drawn, explored
    assert set(figure.data) == {"image/png", "text/plain"} and figure.data["image/png"].startswith("iVBOR")
    assert figure.metadata["image/png"] == {"width": 96, "height": 48, "needs_background": "light"}
    assert explorer.data == {"image/png": "iVBOR", "text/plain": "Explorer('?')"}
    assert explorer.metadata["image/png"] == {"width": 5, "needs_background": "light"}


def test_the_first_code_cell_installs_the_package_from_where_it_is_published():
    first = next(cell for cell in made(source="git+https://example.org/a@b").cells if cell.cell_type == "code")
    assert first.source.endswith("is None:\n    %pip install -q git+https://example.org/a@b")
    assert first.metadata["jupyter"]["source_hidden"]


def test_a_page_with_other_cells_is_refused():
    with pytest.raises(ValueError, match="the page shows 2 code cells, its notebook has 3"):
        made(PAGE.replace('class="cell"', 'class="other"', 1))


@pytest.mark.parametrize("address, links", [
    ("https://example.org/book/", {
        "intro.html#sec": "https://example.org/book/chapters/intro.html#sec",
        "#here": "https://example.org/book/chapters/proofs.html#here",
        "api/norms.html": "https://example.org/book/chapters/api/norms.html",
        "https://arxiv.org/": "https://arxiv.org/",
    }),
    ("", {
        "intro.html#sec": "intro.ipynb",
        "#here": None,
        "api/norms.html": None,
        "https://arxiv.org/": "https://arxiv.org/",
    }),
])  # fmt: skip
def test_links_lead_to_the_book_or_to_the_notebook_beside(address, links):
    paths = {"chapters/intro": "intro.ipynb", "chapters/proofs": "proofs.ipynb", "chapters/api/norms": "norms.md"}
    app = SimpleNamespace(
        config=SimpleNamespace(html_baseurl=address),
        env=SimpleNamespace(found_docs=set(paths), doc2path=paths.get),
        builder=SimpleNamespace(get_target_uri="{}.html".format),
    )
    link = edition._link(app, "chapters/proofs")
    assert {href: link(href) for href in links} == links


def drawing():
    """Curves that leave their axes, as Matplotlib writes them, and one that ends on a frame with a whole mark."""
    fig, axes = plt.subplots(1, 2, figsize=(4, 2))
    for ax in axes:
        for k in range(20):
            ax.plot([0, 1, 2], [0, k, 3], color=f"C{k}", lw=1 + k % 3)
        ax.plot([1], [5], "o", clip_on=False)
        ax.set(xlim=(0.3, 1.5), ylim=(1, 5))
    text = io.StringIO()
    fig.savefig(text, format="svg")
    plt.close(fig)
    return text.getvalue()


def test_curves_are_cut_off_together_and_look_the_same():
    svg = drawing()
    root = ElementTree.fromstring(svg)
    raster.share_clips(root)
    assert svg.count('clip-path="url') == 40 and ElementTree.tostring(root).count(b'clip-path="url') <= 6
    options = dict(dpi=96, zoom=2, background="white", skip_system_fonts=True)
    before = bytes(resvg_py.svg_to_bytes(svg_string=svg, **options))
    before, after = (np.asarray(Image.open(io.BytesIO(x)).convert("RGB"), int) for x in (before, raster.png(svg)[0]))
    apart = np.abs(before - after).max(axis=2)
    assert np.mean(apart > 8) < 1e-3 and np.mean(apart) < 0.1  # edges are smoothed once, not curve by curve


@pytest.mark.parametrize("inner", [
    '<g clip-path="url(#a)"/><g/><g clip-path="url(#a)"/>',  # what is not cut off lies between
    '<g clip-path="url(#a)"/><g clip-path="url(#b)"/>',
    '<g clip-path="url(#a)" transform="scale(2)"/><g clip-path="url(#a)" transform="scale(2)"/>',
    '<g transform="scale(2)"><g clip-path="url(#a)"/></g><g clip-path="url(#a)" transform="scale(3)"/>',
    '<g clip-path="url(#a)"><g clip-path="url(#b)"/></g>',
])  # fmt: skip
def test_clips_that_differ_stay_apart(inner):
    root = ElementTree.fromstring(f'<svg xmlns="http://www.w3.org/2000/svg">{inner}</svg>')
    raster.share_clips(root)
    assert ElementTree.tostring(root).count(b"clip-path") == inner.count("clip-path")
