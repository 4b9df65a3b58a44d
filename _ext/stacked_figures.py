"""Sphinx extension: on a phone, figures whose panels can be stacked are shown so (see `implreg_core.figures`).

A figure of a chapter holds both in one file. They become two, and the page says which screen gets which. What a caption
calls left and right is then at the top and at the bottom.
"""

import re
from pathlib import Path

from implreg_core.figures._stacked import parts

NARROW = "(max-width: 600px)"  # as in book.css
FIGURE = re.compile(r"<figure\b.*?</figure>", re.DOTALL)
SIDE = re.compile(r"\b(?:Left|Right)\b(?=[^<>]*<)|(?<=\()(?:left|right)(?=\))|\b(?:left|right)(?= panel)")
STACKED = {"Left": "Top", "left": "top", "Right": "Bottom", "right": "bottom"}
IMAGE = re.compile(r'<img\b[^>]*\bsrc="([^"]*_images/[^"/]*\.svg)"[^>]*>')
SUFFIX = ".stacked.svg"


def with_stacked(body: str, have: set[str]) -> str:
    """`body` with a second source for each picture whose file name is one of those that `have` a stacked figure."""

    def both(match):
        figure, image = match[0], IMAGE.search(match[0])
        if image is None or image[1].rpartition("/")[2] not in have:
            return figure
        source = f'<source media="{NARROW}" srcset="{image[1].removesuffix(".svg")}{SUFFIX}">'
        before, caption = figure.split(image[0])
        return f"{before}<picture>{source}{image[0]}</picture>{SIDE.sub(_side, caption)}"

    return FIGURE.sub(both, body)


def _side(match):
    return f'<span class="side" data-stacked="{STACKED[match[0]]}">{match[0]}</span>'


def _show(app, pagename, templatename, context, doctree):
    if app.builder.format != "html" or doctree is None or "body" not in context:
        return
    files = {name: Path(app.srcdir) / path for path, name in app.builder.images.items() if name.endswith(".svg")}
    have = {name for name, path in files.items() if name in context["body"] and parts(path.read_text("utf-8"))[1]}
    context["body"] = with_stacked(context["body"], have)


def _write(app, exception):
    if exception or app.builder.format != "html":
        return
    for path in (Path(app.outdir) / "_images").glob("*.svg"):
        wide, stacked = parts(path.read_text(encoding="utf-8"))
        if stacked:
            path.write_text(wide, encoding="utf-8")
            path.with_name(path.name.removesuffix(".svg") + SUFFIX).write_text(stacked, encoding="utf-8")


def setup(app):
    app.connect("html-page-context", _show)
    app.connect("build-finished", _write)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
