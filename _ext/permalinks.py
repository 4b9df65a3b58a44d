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


class permalink(nodes.Inline, nodes.Element):
    """The link. It has no text of its own, so that the search finds titles without it."""


def _visit(translator, node):
    icon = translator.config.html_permalinks_icon  # hidden from screen readers, who then hear the title
    target, kind = node["target"], node["kind"]
    translator.body.append(f'<a class="headerlink" href="#{target}" title="Link to this {kind}">{icon}</a>')
    raise nodes.SkipNode


def _leave_out(translator, node):
    raise nodes.SkipNode


def _add(app, doctree, docname):
    if app.builder.format != "html":
        return
    label, taken = docname.rpartition("/")[2], set()
    for node in list(doctree.findall(nodes.Element)):
        if isinstance(node, STATEMENTS):
            label = node["label"]
            node[0] += permalink(target=node["ids"][0], kind=node["realtype"])
        elif isinstance(node, EXERCISES):
            node[0] += permalink(target=node["ids"][0], kind="exercise")
        elif isinstance(node, proof_node):
            node[0]["ids"] = [proof_id(label, taken)]
            node[0].insert(0, permalink(target=node[0]["ids"][0], kind="proof"))
        elif isinstance(node, nodes.section) and REPEATED.intersection(node["ids"]):
            node["ids"] = []


def setup(app):
    app.add_node(permalink, html=(_visit, None), latex=(_leave_out, None))
    app.add_css_file("permalinks.css")
    app.connect("doctree-resolved", _add)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
