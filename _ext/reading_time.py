"""Sphinx extension: how long a chapter takes to read, counted in the built text, so that it cannot go stale.

`` {minutes}`ch-identity, sec-engine` `` is the time for these chapters and sections together, "opening of ch-identity"
that for a chapter up to its first section. `{minutes-in-full}` counts proofs, exercises and their solutions as well.
With "at most 10" behind the labels, the build warns if it is more.
"""

import re
from functools import cache

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole
from sphinx_exercise.nodes import exercise_enumerable_node, exercise_node, solution_node
from sphinx_proof.nodes import proof_node

WORDS_PER_MINUTE = 200
MINUTES_PER_DISPLAY = 0.2  # a figure, a displayed formula or a table
MINUTES_PER_EXPLORER = 1

EXPLORER = "implreg-explorer"
CODE = (nodes.literal_block, nodes.comment)  # and what it prints
AT_A_SECOND_READING = (proof_node, exercise_node, exercise_enumerable_node, solution_node)
LIST = re.compile(r"(?P<labels>.+?)(?: at most (?P<limit>\d+))?")
logger = logging.getLogger(__name__)


class minutes_node(nodes.Inline, nodes.TextElement):
    """Stands for a time until all pages are read."""


class MinutesRole(SphinxRole):
    def run(self):
        listed = LIST.fullmatch(" ".join(self.text.split()))
        labels, limit = listed["labels"].split(", "), listed["limit"]
        node = minutes_node(labels=labels, limit=limit and int(limit), in_full=self.name.endswith("in-full"))
        self.set_source_info(node)
        return [node], []


def minutes(part: nodes.Node, in_full: bool = False, opening: bool = False) -> float:
    """Time for `part` of a page: its words, displays and explorers. Code does not count, proofs and exercises only
    `in_full`. An `opening` ends where the first section within `part` begins."""
    if isinstance(part, nodes.Text):
        return len(part.split()) / WORDS_PER_MINUTE
    if isinstance(part, nodes.math):
        return 1 / WORDS_PER_MINUTE
    if isinstance(part, nodes.math_block):
        return MINUTES_PER_DISPLAY
    if "route" in part.get("classes", []):
        return 0.0  # the bars of route.py
    if isinstance(part, nodes.table) and _is_output(part):
        return 0.0  # as what is printed
    if isinstance(part, nodes.raw):
        return MINUTES_PER_EXPLORER * (EXPLORER in part.astext())
    skipped = (*CODE, *(() if in_full else AT_A_SECOND_READING), *([nodes.section] if opening else []))
    itself = MINUTES_PER_DISPLAY * isinstance(part, (nodes.figure, nodes.table))
    return itself + sum(minutes(child, in_full) for child in part.children if not isinstance(child, skipped))


def _is_output(part):
    """Whether the code of a cell shows it."""
    return part.parent is not None and ("cell_output" in part.parent.get("classes", []) or _is_output(part.parent))


def _target(env, label: str) -> nodes.Element | None:
    """The part of the book that carries `label`: of a section the whole of it."""
    name, node_id = env.get_domain("std").anonlabels.get(label, (None, None))
    if name is None:
        return None
    return _elements(env, name).get(node_id)


@cache
def _elements(env, name: str) -> dict[str, nodes.Element]:
    """The parts of a page by their ids. Every chapter asks for the same few pages, which take long to load."""
    return {node_id: node for node in env.get_doctree(name).findall(nodes.Element) for node_id in node.get("ids", [])}


def _resolve(app, doctree, docname):
    for node in list(doctree.findall(minutes_node)):
        total = 0.0
        for label in node["labels"]:
            name = label.removeprefix("opening of ")
            if (part := _target(app.env, name)) is None:
                logger.warning("No chapter or section is labelled %r.", name, location=node)
            else:
                total += minutes(part, node["in_full"], opening=name != label)
        if node["limit"] and total > node["limit"]:
            logger.warning("%.1f minutes to read; at most %d wanted.", total, node["limit"], location=node)
        node.replace_self(nodes.Text(str(max(1, round(total)))))


def setup(app):
    app.add_role("minutes", MinutesRole())
    app.add_role("minutes-in-full", MinutesRole())
    app.add_node(minutes_node)
    app.connect("doctree-resolved", _resolve)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
