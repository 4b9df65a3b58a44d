"""Sphinx extension: the claims of the paper, each with a verdict and where the book states, proves and tests it.

chapters/claims.toml says it in labels, and the links take their texts from what the labels stand for. What is ours is
collected from the statements with `:class: ours`, which also get a visible tag. The build warns, and a strict one
fails, if a label does not exist, or if a statement of the book is neither traced to a claim nor ours.
"""

import re
import tomllib
from pathlib import Path
from typing import NamedTuple

from docutils import nodes
from permalinks import STATEMENTS, permalink
from sphinx.addnodes import pending_xref
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode
from sphinx_proof.nodes import proof_node

SOURCE = "chapters/claims.toml"
PLACES = ("stated", "proved", "tested")
VERDICTS = ("as stated", "sharper here", "corrected", "in part", "refuted", "refuted by others", "not shown")
logger = logging.getLogger(__name__)


class Statement(NamedTuple):
    docname: str
    title: str
    ours: bool
    proved: bool  # a proof follows directly


class trace(nodes.Inline, nodes.Element):
    """Stands for the link to a label until all labels are known."""


class additions(nodes.General, nodes.Element):
    """Stands for the table of what is ours until all pages are read."""


# --- what must hold ------------------------------------------------------------------------------------------------


def complaints(source: dict, statements: dict[str, Statement], labels: set[str]) -> list[str]:
    """What is wrong with the contents of claims.toml, for the book's `statements` and its other `labels`."""
    claims, evidence = source.get("claim", []), source.get("evidence", {})
    items = [claim.get("item") for claim in claims]
    found = [f"{item!r} is the item of two claims, with one link" for item in set(items) if items.count(item) > 1]
    for claim in claims:
        name = claim.get("item", "A claim without an item")
        if claim.get("verdict") not in VERDICTS:
            found.append(f"{name}: the verdict {claim.get('verdict')!r} is none of {', '.join(VERDICTS)}")
        if unknown := set(claim) - {"kind", "item", "says", "verdict", "remark", *PLACES}:
            found.append(f"{name}: unknown keys {', '.join(sorted(unknown))}")
        if not any(claim.get(place) for place in PLACES) and claim.get("verdict") != "not shown":
            found.append(f"{name}: it is nowhere in the book, so its verdict must be 'not shown'")
    used = [(claim.get("item"), label) for claim in claims for place in PLACES for label in claim.get(place, [])]
    used += [(f"the evidence for {ours}", label) for ours, shown in evidence.items() for label in shown]
    found += [f"{name}: there is no label {label!r}" for name, label in used if label not in {*statements, *labels}]
    proved = {label for claim in claims for label in claim.get("proved", [])} & set(statements)
    found += [f"no proof follows {label!r}" for label in sorted(proved) if not statements[label].proved]

    traced = {label for claim in claims for label in claim.get("stated", [])}
    for label, statement in statements.items():
        if statement.ours and label in traced:
            found.append(f"{label!r} is marked as ours and traced to a claim of the paper")
        elif statement.ours and not statement.proved and not evidence.get(label):
            found.append(f"{label!r} is ours, without a proof after it or evidence in {SOURCE}")
        elif not statement.ours and label not in traced:
            found.append(f"{label!r} is neither traced to a claim in {SOURCE} nor marked as ours")
    found += [f"evidence for {label!r}, which is not ours" for label in evidence if not _is_ours(statements, label)]
    return found


def _is_ours(statements, label):
    return label in statements and statements[label].ours


def _check(app, env):
    source = Path(app.srcdir, SOURCE)
    if source.exists():  # a book without the page makes no claims
        labels = set(env.get_domain("std").labels) | set(env.get_domain("std").anonlabels)
        for complaint in complaints(_read(source), _statements(env), labels):
            logger.warning("%s: %s", SOURCE, complaint)


def _read(source):
    return tomllib.loads(source.read_text(encoding="utf-8"))


# --- collecting statements -----------------------------------------------------------------------------------------


def _statements(env) -> dict[str, Statement]:
    if not hasattr(env, "book_statements"):
        env.book_statements = {}
    return env.book_statements


def _collect(app, doctree):
    """Note the statements of a page, and mark ours in their titles."""
    for node in list(doctree.findall(lambda node: isinstance(node, STATEMENTS))):
        title = node[0].astext().strip().removeprefix("(").removesuffix(")")
        ours = "ours" in node["classes"]
        proved = isinstance(node.next_node(descend=False, siblings=True), proof_node)
        _statements(app.env)[node["label"]] = Statement(app.env.docname, title, ours, proved)
        if ours:
            node[0] += [nodes.Text(" "), nodes.inline("", "ours", classes=["ours-tag"])]


def _purge(app, env, docname):
    env.book_statements = {k: s for k, s in _statements(env).items() if s.docname != docname}


def _merge(app, env, docnames, other):
    _statements(env).update({k: s for k, s in _statements(other).items() if s.docname in docnames})


# --- tables --------------------------------------------------------------------------------------------------------


def _table(widths, header, rows, ids=()):
    """A table of `rows`, with anchors `ids`, whose cells are lists of paragraphs, which are lists of nodes."""
    group = nodes.tgroup("", *(nodes.colspec(colwidth=width) for width in widths), cols=len(widths))
    group += nodes.thead("", _row([[nodes.Text(text)]] for text in header))
    group += nodes.tbody("", *map(_row, rows))
    for row, name in zip(group[-1], ids, strict=False):
        row["ids"] = [name]
    return nodes.table("", group, classes=["claims"])


def _row(cells):
    entries = ([nodes.paragraph("", "", *content) for content in cell] for cell in cells)
    return nodes.row("", *(nodes.entry("", *paragraphs) for paragraphs in entries))


def anchor(item: str) -> str:
    """The anchor of a claim's row, from its name without roles and mathematics: `claim-proposition-1`."""
    plain = re.sub(r"\{[^}]*\}`|\\\w+", " ", item)
    return "claim-" + "-".join(re.findall(r"[a-z0-9]+", plain.lower()))


def _verdict(verdict):
    return nodes.inline("", verdict, classes=["verdict", f"verdict-{verdict.replace(' ', '-')}"])


def _traces(place, labels):
    """Links to `labels`, as the places where something is stated, proved or tested, with commas in between."""
    links = [[nodes.Text(", "), trace(label=label, place=place)] for label in labels]
    return sum(links, [])[1:]


class ClaimsDirective(SphinxDirective):
    """`{claims} KIND`: the entries of claims.toml of that kind."""

    required_arguments = 1

    def run(self):
        source = Path(self.env.srcdir, SOURCE)
        self.env.note_dependency(str(source))
        claims = [claim for claim in _read(source)["claim"] if claim["kind"] == self.arguments[0]]
        if not claims:
            raise self.error(f"No claim in {SOURCE} is of the kind {self.arguments[0]!r}.")
        header = ["Claim", "Verdict", "What it says", "In this book"]
        anchors = [anchor(claim["item"]) for claim in claims]
        return [_table([18, 14, 44, 24], header, map(self._cells, claims), anchors)]

    def _cells(self, claim):
        says = [self._inline(claim[key]) for key in ("says", "remark") if key in claim]
        here = [
            [nodes.Text(f"{place.capitalize()}: "), *_traces(place, claim[place])]
            for place in PLACES
            if claim.get(place)
        ]
        link = permalink(target=anchor(claim["item"]), kind="claim")
        return [[[*self._inline(claim["item"]), link]], [[_verdict(claim["verdict"])]], says, here]

    def _inline(self, text):
        return self.state.inline_text(text.strip(), self.lineno)[0]


class ExceptionsDirective(ClaimsDirective):
    """`{exceptions}`: a list of the claims whose verdict is not "as stated", each a link to its row."""

    required_arguments = 0

    def run(self):
        source = Path(self.env.srcdir, SOURCE)
        self.env.note_dependency(str(source))
        found = nodes.bullet_list(bullet="-")
        for claim in _read(source)["claim"]:
            if claim["verdict"] != "as stated":
                link = nodes.reference("", "", _verdict(claim["verdict"]), refid=anchor(claim["item"]), internal=True)
                said = nodes.paragraph("", "", *self._inline(claim["item"]), nodes.Text(": "), link)
                found += nodes.list_item("", said)
        return [found]


class OursDirective(SphinxDirective):
    """`{ours}`: all statements of the book with the class `ours`."""

    def run(self):
        self.env.note_dependency(str(Path(self.env.srcdir, SOURCE)))
        return [additions()]


class Resolve(SphinxPostTransform):
    """Write links and the table of what is ours, once every page has been read; Sphinx then resolves the links."""

    default_priority = 5  # before Sphinx's own resolver

    def run(self, **kwargs):
        for node in list(self.document.findall(additions)):
            node.replace_self(self._ours())
        for node in list(self.document.findall(trace)):
            node.replace_self(self._link(node["label"], node["place"]))

    def _ours(self):
        evidence = _read(Path(self.app.srcdir, SOURCE)).get("evidence", {})
        order = list(self.env.collect_relations())  # pages as in the table of contents
        ours = [(label, statement) for label, statement in _statements(self.env).items() if statement.ours]
        rows = []
        for label, statement in sorted(ours, key=lambda item: order.index(item[1].docname)):  # stable within a page
            shown = [_traces("proved", [label])] if statement.proved else []
            shown += [_traces("tested", evidence[label])] if label in evidence else []
            title = [*_traces("stated", [label]), nodes.Text(f". {statement.title}")]
            rows.append([[title], [[self._reference("doc", f"/{statement.docname}")]], shown])
        return _table([40, 30, 30], ["Statement", "Chapter", "Shown by"], rows)

    def _link(self, label, place):
        """A link to a statement or to its proof, to a figure, or to a section, which says what it leads to."""
        if statement := _statements(self.env).get(label):
            entry = self.env.proof_list[label]
            numbers = self.env.toc_fignumbers.get(statement.docname, {}).get(entry["countertype"], {}).get(label, ())
            text = f"{entry['realtype'].title()}\N{NO-BREAK SPACE}{'.'.join(map(str, numbers))}".strip()
            target = label
            if place == "proved":
                text, target = f"proof of {text}", f"proof-of-{label}"  # the id that permalinks.py gives
            return make_refnode(self.app.builder, self.env.docname, statement.docname, target, nodes.Text(text))
        docname, identifier = self.env.get_domain("std").anonlabels.get(label, ("", ""))
        figure = identifier in self.env.toc_fignumbers.get(docname, {}).get("figure", {})
        return self._reference("numref" if figure else "ref", label)

    def _reference(self, kind, target):
        kind = {"refdomain": "std", "reftype": kind, "refexplicit": False, "refwarn": True}
        return pending_xref("", nodes.inline("", target), reftarget=target, refdoc=self.env.docname, **kind)


def _rewrite(app, env):
    """The page of claims depends on all pages."""
    return {Path(SOURCE).with_suffix("").as_posix()} & env.found_docs


def setup(app):
    app.add_node(trace)
    app.add_node(additions)
    app.add_directive("claims", ClaimsDirective)
    app.add_directive("exceptions", ExceptionsDirective)
    app.add_directive("ours", OursDirective)
    app.add_post_transform(Resolve)
    app.connect("doctree-read", _collect)
    app.connect("env-purge-doc", _purge)
    app.connect("env-merge-info", _merge)
    app.connect("env-updated", _rewrite)
    app.connect("env-check-consistency", _check)
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
