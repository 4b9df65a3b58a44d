"""Sphinx extension: a permalink on every theorem-like statement, proof and exercise, as headings and figures have one.

Proofs and the insides of statements come with the same id again and again. A proof is named after what it proves.
"""

from docutils import nodes
from sphinx_exercise.nodes import exercise_enumerable_node, exercise_node
from sphinx_proof.nodes import NODE_TYPES, proof_node, unenumerable_node

STATEMENTS = (*NODE_TYPES.values(), unenumerable_node)
EXERCISES = (exercise_node, exercise_enumerable_node)
REPEATED = {"proof-content", "exercise-content", "solution-content"}


def proof_id(label: str, taken: set[str]) -> str:
    """A new id for a proof of the statement `label`: the first free one of proof-of-label, proof-of-label-2, ..."""
    free, count = f"proof-of-{label}", 1
    while free in taken:
        count += 1
        free = f"proof-of-{label}-{count}"
    taken.add(free)
    return free


def permalink(target: str, kind: str, icon: str) -> nodes.raw:
    """The link, `icon`. It should be hidden from screen readers, who then hear the title."""
    link = f'<a class="headerlink" href="#{target}" title="Link to this {kind}">{icon}</a>'
    return nodes.raw("", link, format="html")


def _add(app, doctree, docname):
    if app.builder.format != "html":
        return
    icon, label, taken = app.config.html_permalinks_icon, docname.rpartition("/")[2], set()
    for node in list(doctree.findall(nodes.Element)):
        if isinstance(node, STATEMENTS):
            label = node["label"]
            node[0] += permalink(node["ids"][0], node["realtype"], icon)
        elif isinstance(node, EXERCISES):
            node[0] += permalink(node["ids"][0], "exercise", icon)
        elif isinstance(node, proof_node):
            node[0]["ids"] = [proof_id(label, taken)]
            node[0].insert(0, permalink(node[0]["ids"][0], "proof", icon))
        elif isinstance(node, nodes.section) and REPEATED.intersection(node["ids"]):
            node["ids"] = []


def setup(app):
    app.add_css_file("permalinks.css")
    app.connect("doctree-resolved", _add)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
