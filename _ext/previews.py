"""Sphinx extension: stores in each page short previews of what its references point to, for previews.js to show.

They are cut from the finished pages, where numbers are resolved and formulas typeset. Each page holds those that
it needs, because a page opened from disk may not read another; in a <template>, so that nothing loads or shows.
"""

import copy
import html
import posixpath
import re
from pathlib import Path
from urllib.parse import unquote, urldefrag

from bs4 import BeautifulSoup, SoupStrainer, Tag
from set_apart import put_back, set_apart

REFERENCE = "a.reference.internal[href*='#']"
WHOLE = {"proof", "exercise", "math"}  # shown as they stand
NOISE = "a.headerlink, script, style, button, details"
STORE = re.compile(r'<template id="previews">.*?</template>\n', re.DOTALL)


def excerpt(target: Tag) -> list[Tag]:
    """The parts of a page that say what `target` is: a statement, equation or figure itself, the text of a citation,
    a term with its definition, and of a section its title and first paragraph. Empty for anything else."""
    if target.name == "figure" or WHOLE.intersection(target.get("class", [])):
        return [target]
    if "citation" in target.get("class", []):
        return target.find_all("p", recursive=False)
    if target.name == "dt":
        return [target, target.find_next_sibling("dd")]
    section = target if target.name == "section" else target.find_parent("section")
    openings = (re.compile("h[1-6]"), "p")
    return [part for tag in openings if section and (part := section.find(tag, recursive=False))]


def preview(target: Tag, path: str, base: str) -> str:
    """`target` of the page `path` as HTML to be shown in a page of the folder `base`: no links, no ids, no headings."""
    parts = [copy.copy(part) for part in excerpt(target)]
    for part in parts:
        for noise in part.select(NOISE):
            noise.decompose()
        for link in part.find_all("a"):
            link.unwrap()
        for element in [part, *part.find_all(True)]:
            element.attrs.pop("id", None)
        for image in part.find_all("img"):
            image["src"] = posixpath.relpath(posixpath.join(posixpath.dirname(path), image["src"]), base or ".")
        if re.fullmatch("h[1-6]|dt", part.name):
            part.name, part["class"] = "p", "preview-title"
        elif part.name == "dd":
            part.name = "div"
    return "".join(map(str, parts))


def previews(pages: dict[str, str]) -> dict[str, dict[str, str]]:
    """For each of `pages` (path: HTML), the previews of its internal references by their `href`."""
    only, apart = SoupStrainer("article"), {path: set_apart(text) for path, text in pages.items()}
    articles = {path: BeautifulSoup(text, "html.parser", parse_only=only) for path, (text, _) in apart.items()}
    targets = {path: {tag["id"]: tag for tag in article.select("[id]")} for path, article in articles.items()}
    found = {path: {} for path in pages}
    for path, article in articles.items():
        base = posixpath.dirname(path)
        for href in dict.fromkeys(link["href"] for link in article.select(REFERENCE)):
            relative, fragment = urldefrag(href)
            there = posixpath.normpath(posixpath.join(base, unquote(relative))) if relative else path
            target = targets.get(there, {}).get(unquote(fragment))
            if shown := target and preview(target, there, base):
                found[path][href] = put_back(shown, apart[there][1])
    return found


def _store(app, exception):
    if exception or app.builder.format != "html":
        return
    paths = [app.builder.get_target_uri(name) for name in sorted(app.env.found_docs)]
    pages = {path: (Path(app.outdir) / path).read_text(encoding="utf-8") for path in paths}
    for path, found in previews(pages).items():
        entries = "".join(f'<div data-href="{html.escape(href)}">{shown}</div>\n' for href, shown in found.items())
        store = f'<template id="previews">\n{entries}</template>\n' if found else ""
        head, end, tail = STORE.sub("", pages[path]).rpartition("</body>")
        (Path(app.outdir) / path).write_text(head + store + end + tail, encoding="utf-8")


def setup(app):
    app.add_js_file("previews.js", loading_method="defer")
    app.add_css_file("previews.css")
    app.connect("build-finished", _store)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
