"""Sphinx extension: every chapter as a notebook that is complete before anything runs, in any notebook reader.

The sources of the chapters are written for Sphinx; a notebook reader shows their roles and directives as text. This
edition takes its prose from the finished pages, where numbers, titles, captions and links are what a reader sees, and
its code and outputs from the executed notebooks. It is written to `notebooks/` beside the pages; the download and
launch buttons lead to it.
"""

import base64
import copy
import posixpath
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urldefrag, urljoin

import nbformat
from bs4 import BeautifulSoup, Tag
from jupyter_cache import get_cache
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from portable_markdown import Converter
from raster import png
from set_apart import set_apart, tex

FOLDER = "notebooks"
NOT_PROSE = "a.headerlink, script, style, button, .run-it, .implreg-explorer"
HIDDEN = {"hide-input", "hide-cell", "remove-cell", "remove-input"}  # tags of cells that the page folds or lacks
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
INSTALL = """\
# Installs the package where it is missing, as on Colab; elsewhere this cell does nothing.
import importlib.util

if importlib.util.find_spec("implreg_core") is None:
    %pip install -q {source}"""


def notebook(page: str, executed: NotebookNode, converter: Converter, source: str | None) -> NotebookNode:
    """The reader's edition of a chapter, from its page and its executed notebook.

    `source` is what pip installs the package from, None where that is not known.

    **Raises:** `ValueError` if the page and the notebook do not hold the same cells.
    """
    light, pieces = set_apart(page)
    article = BeautifulSoup(light, "html.parser").select_one("article")
    for noise in article.select(NOT_PROSE):
        noise.decompose()
    for place in article.select("[data-apart]"):
        piece = pieces[int(place["data-apart"])]
        if (formula := tex(piece)) is not None:
            place.replace_with(formula)
        elif not place.find_parent("div", "cell"):
            place.replace_with(BeautifulSoup(piece, "html.parser"))
    shown = {id(cell) for cell in article.select("div.cell")}
    groups = _groups(cell for cell in executed.cells if cell.cell_type == "code")
    if len(shown) != len(groups):
        raise ValueError(f"the page shows {len(shown)} code cells, its notebook has {len(groups)}.")

    cells, remaining = [], iter(groups)
    for part in _parts(article, shown):
        if isinstance(part, list):
            cells += _texts(part, converter)
            continue
        if source and not any(cell.cell_type == "code" for cell in cells):
            cells.append(_folded(new_code_cell(INSTALL.format(source=source))))
        cells += map(_code, next(remaining))
        if caption := part.select_one("figcaption"):
            cells.append(_caption(caption, converter))
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
    return new_notebook(cells=cells, metadata=METADATA)


# --- prose ---------------------------------------------------------------------------------------------------------


def _parts(article: Tag, shown: set[int]) -> Iterator[Tag | list]:
    """The code cells of the page in order, and between them lists of what else there is."""
    gathered = []

    def walk(node):
        for child in node.children:
            if id(child) in shown:
                yield gathered.copy()
                gathered.clear()
                yield child
            elif isinstance(child, Tag) and (child.name == "section" or child.select("div.cell")):
                yield from walk(child)
            else:
                gathered.append(child)

    yield from walk(article)
    yield gathered


def _texts(nodes: list, converter: Converter) -> list[NotebookNode]:
    """Markdown cells, each but the first beginning with a heading."""
    chunks = [[]]
    for node in nodes:
        if getattr(node, "name", None) in ("h1", "h2", "h3"):
            chunks.append([])
        chunks[-1].append(node)
    texts = (_markdown(chunk, converter) for chunk in chunks)
    return [new_markdown_cell(text) for text in texts if text]


def _markdown(nodes: list, converter: Converter) -> str:
    text = "\n\n".join(converter.process_element(node, parent_tags=set()).strip() for node in nodes)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _caption(caption: Tag, converter: Converter) -> NotebookNode:
    number = caption.select_one(".caption-number")
    name = number.extract().get_text(" ", strip=True) if number else ""
    return new_markdown_cell(f"**{name}** {converter.process_element(caption, parent_tags=set()).strip()}".strip())


def _groups(code: Iterable[NotebookNode]) -> list[list[NotebookNode]]:
    """Each code cell that the page shows, with those after it that the page lacks."""
    groups = []
    for cell in code:
        if "remove-cell" in cell.metadata.get("tags", []) and groups:
            groups[-1].append(cell)
        else:
            groups.append([cell])
    return groups


# --- code ----------------------------------------------------------------------------------------------------------


def _code(cell: NotebookNode) -> NotebookNode:
    """A code cell as it was executed: with pictures that every reader shows, without what only the build needs."""
    made = new_code_cell(cell.source, execution_count=cell.execution_count)
    made.outputs = [light for output in cell.outputs if (light := _output(output))]
    return _folded(made) if HIDDEN & set(cell.metadata.get("tags", [])) else made


def _folded(cell: NotebookNode) -> NotebookNode:
    """`cell` with its code hidden behind its first line, a comment, which Colab shows if it is called a title."""
    cell.source = re.sub(r"\A# ", "# @title ", cell.source)
    cell.metadata = nbformat.from_dict({"jupyter": {"source_hidden": True}, "cellView": "form"})
    return cell


def _output(output: NotebookNode) -> NotebookNode | None:
    if output.output_type not in ("display_data", "execute_result"):
        return copy.deepcopy(output)
    data = {kind: value for kind, value in output.data.items() if kind in ("text/plain", "text/markdown", "image/png")}
    metadata = {kind: dict(output.metadata[kind]) for kind in data if kind in output.metadata}
    if "image/svg+xml" in output.data:
        picture, metadata["image/png"] = png(output.data["image/svg+xml"])
        data["image/png"] = base64.b64encode(picture).decode()
    if "image/png" in data:
        metadata["image/png"]["needs_background"] = "light"
    if not data:  # a glued number, which stands in the text
        return None
    made = new_output(output.output_type, data=data, metadata=metadata)
    if output.output_type == "execute_result":
        made.execution_count = output.execution_count
    return made


# --- the book ------------------------------------------------------------------------------------------------------


def _name(docname: str) -> str:
    return f"{posixpath.basename(docname)}.ipynb"


def _is_notebook(app, docname: str) -> bool:
    return str(app.env.doc2path(docname)).endswith(".ipynb")


def _link(app, docname: str):
    """Where the `href` of a page leads from a notebook: to the published book, else to the notebook beside it, else
    nowhere."""
    address = app.config.html_baseurl
    siblings = {app.builder.get_target_uri(name): _name(name) for name in app.env.found_docs if _is_notebook(app, name)}
    here = app.builder.get_target_uri(docname)

    def link(href):
        if re.match(r"[a-z]+:", href):
            return href
        page, fragment = urldefrag(href)
        target = posixpath.normpath(posixpath.join(posixpath.dirname(here), page)) if page else here
        if address:
            return urljoin(address, target) + (f"#{fragment}" if fragment else "")
        return siblings.get(target) if target != here else None

    return link


def _executed(app, docname: str) -> NotebookNode:
    """The chapter with the outputs that its page shows."""
    stored = nbformat.read(app.env.doc2path(docname), as_version=4)
    if app.config.nb_execution_mode != "cache":
        return stored
    return get_cache(app.env.mystnb_config.execution_cache_path).merge_match_into_notebook(stored)[1]


def _write(app, exception):
    if exception or app.builder.format != "html":
        return
    folder = Path(app.outdir, FOLDER)
    folder.mkdir(exist_ok=True)
    source = app.config.book_repository and f"git+{app.config.book_repository}@{app.config.book_branch}"
    for docname in sorted(filter(lambda name: _is_notebook(app, name), app.env.found_docs)):
        page = Path(app.outdir, app.builder.get_target_uri(docname)).read_text(encoding="utf-8")
        converter = Converter(app.config.formula_macros, _link(app, docname))
        made = notebook(page, _executed(app, docname), converter, source)
        nbformat.write(made, folder / _name(docname))


def _lead_to_edition(app, pagename, templatename, context, doctree):
    """Let the theme's buttons download and launch the edition, not the source."""
    source = f"{pagename}.ipynb"
    for group in context.get("header_buttons", []):
        for button in group.get("buttons", []):
            url = button.get("url", "")
            if url.endswith(f"_sources/{source}"):
                button["url"] = f"{context['content_root']}{FOLDER}/{_name(pagename)}"
            elif url.endswith(f"/{source}"):
                button["url"] = url.removesuffix(source) + _name(pagename)


def setup(app):
    app.connect("html-page-context", _lead_to_edition, priority=590)  # after the theme, before `published`
    app.connect("build-finished", _write, priority=400)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
