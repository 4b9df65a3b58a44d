"""Sphinx extension: folded code says in one quiet line what it is, and one switch opens all of it.

The line is made from the comment that opens the cell: what a check checks, or whose code it is.
"""

import re

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

# How the comment begins -> the line. `{}` is the rest of the comment.
LINES = {
    r"Checks: ": "Checked: {}",
    r"Answer, executed: ": "Checked: {}",
    r"Figure: ": "Code of the figure",
    r"Explorer: ": "Code of the explorer",
    "": "Code: {}",
}


def line(code: str) -> str:
    """What stands for folded `code`."""
    comment = re.match(r"# *(.+)", code)
    if not comment:
        return "Code"
    for beginning, text in LINES.items():
        if rest := re.fullmatch(f"{beginning}(.*?)[.]?", comment[1]):
            return text.format(rest[1])
    raise AssertionError("the last line takes any comment")


class QuietCode(SphinxPostTransform):
    """Names the folded cells, before MyST-NB folds them."""

    default_priority = 198
    formats = ("html",)

    def run(self, **kwargs):
        for cell in self.document.findall(nodes.container):
            if cell.get("nb_element") == "cell_code" and cell.get("hide_mode") and cell.children:
                cell["prompt_show"] = cell["prompt_hide"] = line(cell.children[0].astext())


def setup(app):
    app.add_post_transform(QuietCode)
    app.add_css_file("quiet_code.css")
    app.add_js_file("quiet_code.js", loading_method="defer")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
