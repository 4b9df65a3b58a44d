"""Sphinx extension: a bar at each stop of the short route through the book: where one is, and where to go next.

The configuration has it as `route`, in order: the label at which one enters a stop, and, where it differs, the label of
the section that ends it. A chapter's stop is its opening, up to its first section. `route_end` is where the last leads.
"""

from docutils import nodes
from sphinx import addnodes
from sphinx.util import logging

logger = logging.getLogger(__name__)


def stops(route: list) -> list[tuple[str, str]]:
    """For each stop, where one enters it and what ends it: `"a"` stands for `["a", "a"]`."""
    return [(stop, stop) if isinstance(stop, str) else (stop[0], stop[-1]) for stop in route]


def bar(name: str, number: int, count: int, following: str) -> nodes.Element:
    """The bar of a stop, with a reference to the label `following`."""
    last = number == count
    words = f"{name}, stop {number} of {count}. " + ("What you know now: " if last else "Next: ")
    reference = addnodes.pending_xref(
        "", nodes.inline("", "", classes=["std", "std-ref"]), refdomain="std", reftype="ref", reftarget=following,
        refexplicit=False, refwarn=True,
    )  # fmt: skip
    return nodes.container("", nodes.paragraph("", "", nodes.Text(words), reference), classes=["route"])


def _place(app, doctree):
    listed = stops(app.config.route)
    following = [enter for enter, _ in listed[1:]] + [app.config.route_end]
    for number, ((_, end), after) in enumerate(zip(listed, following, strict=True), 1):
        for section in doctree.findall(nodes.section):
            if end in section["ids"] or end in section["names"]:
                node = bar(app.config.route_name, number, len(listed), after)
                node.document = doctree
                for xref in node.findall(addnodes.pending_xref):
                    xref["refdoc"] = app.env.docname
                inner = next((k for k, child in enumerate(section) if isinstance(child, nodes.section)), len(section))
                section.insert(inner, node)
                app.env.metadata[app.env.docname].setdefault("route_stops", []).append(end)


def _check(app, env):
    found = {stop for metadata in env.metadata.values() for stop in metadata.get("route_stops", [])}
    for _, end in stops(app.config.route):
        if found and end not in found:  # a book without the route is a part of this one, as tests build it
            logger.warning("The route ends a stop at %r, which is no section.", end)


def setup(app):
    app.add_config_value("route", [], "env")
    app.add_config_value("route_name", "", "env")
    app.add_config_value("route_end", "", "env")
    app.add_css_file("route.css")
    app.connect("doctree-read", _place)
    app.connect("env-updated", _check)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
