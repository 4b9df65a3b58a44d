"""Sphinx extension: what search engines and messengers are told about a page.

Every page gets a description. A book whose address is known (`html_baseurl`) also gets Open Graph cards, with the
page's own first figure as the picture, and a sitemap.
"""

import re
from html import escape
from pathlib import Path
from textwrap import shorten
from urllib.parse import urljoin
from xml.etree.ElementTree import Element, ElementTree, SubElement

import resvg_py
from docutils import nodes

SCRIPTS = {"_": str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"), "^": str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")}


def plain(tex: str) -> str:
    r"""A short formula as a card can show it: `W_{11}` as W₁₁, `U^\top q` as Uᵀ q."""
    tex = re.sub(r"([_^])(?:\{(-?\d+)\}|(\d))", lambda found: (found[2] or found[3]).translate(SCRIPTS[found[1]]), tex)
    tex = re.sub(r"\^\\top\b", "ᵀ", tex).replace(r"\ge ", "≥ ").replace(r"\le ", "≤ ")
    return re.sub(r"\\([,;!]|(?=[A-Za-z]))|[{}]", "", tex)


def describe(doctree) -> str:
    """The page's first paragraph, cut to the 200 characters that a card has room for."""
    paragraphs = (node for node in doctree.findall(nodes.paragraph) if isinstance(node.parent, nodes.section))
    if (first := next(paragraphs, None)) is None:
        return ""
    first = first.deepcopy()
    for formula in list(first.findall(nodes.math)):
        formula.replace_self(nodes.Text(plain(formula.astext())))
    return shorten(first.astext(), 200, placeholder=" …")


def _picture(app, doctree):
    """The first figure as a PNG, which is what cards can show: its path in the built book and its alt text."""
    image = next((node for node in doctree.findall(nodes.image) if node["uri"].endswith(".svg")), None)
    if image is None:
        return None
    sources = {name: uri for uri, name in app.builder.images.items()}  # a page that is written has their copies' names
    source = Path(app.srcdir, sources.get(Path(image["uri"]).name, image["uri"]))
    path = f"_images/card-{source.stem}.png"
    if not (target := Path(app.outdir, path)).exists():
        target.parent.mkdir(exist_ok=True)
        # The text of our figures is drawn as paths: the result does not depend on the machine's fonts.
        picture = resvg_py.svg_to_bytes(
            svg_path=str(source), dpi=96, width=1200, background="white", skip_system_fonts=True
        )
        target.write_bytes(bytes(picture))
    return path, image.get("alt", "")


def _tag(kind, name, content):
    return f'<meta {kind}="{name}" content="{escape(content)}" />\n'


def _add_metadata(app, pagename, templatename, context, doctree):
    if doctree is None:  # search, index: no page of the book
        return
    description = describe(doctree)
    tags = _tag("name", "description", description) if description else ""
    if address := app.config.html_baseurl:
        card = {
            "og:type": "article",
            "og:site_name": app.config.html_title,
            "og:title": app.env.titles[pagename].astext(),
            "og:url": urljoin(address, app.builder.get_target_uri(pagename)),
            "og:description": description,
        }
        root = app.config.root_doc
        if picture := _picture(app, doctree) or _picture(app, app.env.get_doctree(root)):
            card |= {"og:image": urljoin(address, picture[0]), "og:image:alt": picture[1]}
            tags += _tag("name", "twitter:card", "summary_large_image")
        tags += "".join(_tag("property", name, content) for name, content in card.items() if content)
    context["metatags"] += "\n" + tags


def _write_sitemap(app, exception):
    address = app.config.html_baseurl
    if exception or not address or app.builder.format != "html":
        return
    sitemap = Element("urlset", xmlns="http://www.sitemaps.org/schemas/sitemap/0.9")
    for pagename in sorted(app.env.found_docs):
        page = SubElement(sitemap, "url")
        SubElement(page, "loc").text = urljoin(address, app.builder.get_target_uri(pagename))
    ElementTree(sitemap).write(Path(app.outdir, "sitemap.xml"), encoding="utf-8", xml_declaration=True)


def setup(app):
    app.connect("html-page-context", _add_metadata)
    app.connect("build-finished", _write_sitemap)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
