"""Sphinx extension: where scripts are off, an explorer shows the picture that its cell has made for notebooks.

Readers with scripts do not load it. MyST-NB has put it beside the HTML among the outputs of a cell, and takes the HTML.
"""

import html
import posixpath
import re

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.osutil import relative_uri

QUESTION = re.compile(r'<figure class="implreg-explorer"[^>]* aria-label="([^"]*)"')
WITHOUT = "<noscript><p>"  # what the page says where scripts are off: the picture stands before it


class Stills(SphinxPostTransform):
    default_priority = 3  # before MyST-NB chooses among the outputs
    formats = ("html",)

    def run(self, **kwargs):
        for bundle in self.document.findall(nodes.container):
            if bundle.get("nb_element") != "mime_bundle":
                continue
            page, still = (next(iter(bundle.findall(kind)), None) for kind in (nodes.raw, nodes.image))
            found = page and still and QUESTION.search(page.astext())
            if found:
                self._place(page, still, html.unescape(found[1]))

    def _place(self, page, still, question):
        builder, uri = self.app.builder, still["uri"]
        builder.images[uri] = name = self.env.images[uri][1]  # or it would not be copied
        here = builder.get_target_uri(self.env.docname)
        address = relative_uri(here, posixpath.join(builder.imagedir, name))
        width = f' width="{still["width"]}"' if "width" in still else ""
        picture = f'<img src="{address}" alt="{html.escape(f"As it opens: {question}")}"{width}>'
        code = page.astext().replace(WITHOUT, f"<noscript>{picture}<p>", 1)
        page.replace_self(nodes.raw("", code, format="html"))


def setup(app):
    app.add_post_transform(Stills)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
