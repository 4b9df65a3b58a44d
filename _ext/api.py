"""Sphinx extension: the API reference, from the docstrings, which are Markdown.

In a page, `{api-modules} norms ranks` documents these modules of `implreg_core`, a section for each public name, and
`figures*` all modules of such names; `{api-index}` lists everything. Names in backticks become links, each entry leads
to its source and to the chapters that use it. It is written here because autodoc reads reStructuredText alone, and
sphinx-autodoc2 takes the shapes in `Float[Array, "m n"]` for names of classes.
"""

import inspect
import re
from fnmatch import fnmatchcase
from functools import cache
from types import ModuleType

import api_source
from api_names import entries, modules, values
from api_uses import uses
from docutils import nodes
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective


def selected(patterns: str) -> list[str]:
    """The full names of the modules that `patterns` stand for, in their order."""
    found = [[name for name in modules() if fnmatchcase(name, f"implreg_core.{each}")] for each in patterns.split()]
    if not all(found):
        raise ValueError(f"implreg_core has no public module for one of: {patterns}")
    return [name for names in found for name in names]


@cache
def addresses() -> frozenset[str]:
    """Everything that has a section."""
    return frozenset(modules()) | {entry.address for module in modules().values() for entry in entries(module)}


def summary(module: ModuleType) -> str:
    """The first sentence of a module's docstring, in Markdown."""
    paragraph = " ".join(inspect.getdoc(module).split("\n\n")[0].split())
    return re.split(r"(?<=[.]) (?=[A-Z`*])", paragraph)[0].replace("; see `figures` for the rules.", ".")


def _link(address: str, text: str, docname: str) -> addnodes.pending_xref:
    """A link that fails a strict build if no page documents `address`."""
    target = {"refdomain": "py", "reftype": "obj", "reftarget": address, "refdoc": docname}
    return addnodes.pending_xref("", nodes.literal("", text), refexplicit=True, **target)


class Modules(SphinxDirective):
    required_arguments = 1
    final_argument_whitespace = True

    def run(self):
        try:
            return [self.module(name, modules()[name]) for name in selected(self.arguments[0])]
        except ValueError as error:
            raise self.error(str(error)) from error

    def module(self, name, module):
        section = parent = self.section(name, "module", name)
        self.text(section, inspect.getdoc(module), {name, f"{name}."})
        for entry in entries(module):
            part = self.section(entry.address, entry.kind, entry.name)
            part += nodes.literal_block(entry.declaration, entry.declaration, language="python")
            parameters = re.findall(r"(\w+):", entry.declaration)
            self.text(part, entry.docstring, {entry.address, *(f"{name}.{each}" for each in parameters)})
            part += self.ways_on(entry)
            if entry.kind in ("method", "property"):
                parent += part
            else:
                section += part
                parent = part
        if lines := "\n".join(values(module)):
            section += nodes.rubric("", "Constants and types")
            section += nodes.literal_block(lines, lines, language="python")
        return section

    def section(self, address, kind, title):
        """An empty section at an anchor, known to the search and to {py:obj}."""
        section = nodes.section("", nodes.title("", title), ids=[address])
        self.state.document.note_explicit_target(section)
        domain = self.env.get_domain("py")
        domain.note_object(address, kind, address, location=section)
        if kind == "module":
            domain.note_module(address, address, synopsis="", platform="", deprecated=False)
        return section

    def ways_on(self, entry):
        """Where an entry is used, and its source."""
        line = nodes.paragraph("", classes=["api-ways"])
        chapters = uses(self.env.srcdir).get(entry.address, [])
        for number, chapter in enumerate(chapters):
            target = {"refdomain": "std", "reftype": "doc", "reftarget": f"/{chapter}", "refdoc": self.env.docname}
            line += nodes.Text(", " if number else "Used in ")
            line += addnodes.pending_xref("", nodes.inline("", chapter), refexplicit=False, **target)
        line += nodes.Text(". " if chapters else "")
        line += nodes.reference("", "Source", refuri=api_source.address(entry, self.env.docname))
        return line

    def text(self, section, docstring, unlinked):
        """Add a docstring, without the empty line that doctest needs before the end of a block."""
        shown = re.sub(r"\n\n```$", "\n```", docstring, flags=re.MULTILINE)
        self.state.nested_parse(StringList(shown.splitlines(), source=section["ids"][0]), 0, section)
        module = max((name for name in modules() if f"{section['ids'][0]}.".startswith(f"{name}.")), key=len)
        for literal in list(section.findall(nodes.literal)):
            text = literal.astext()
            for address in (f"implreg_core.{text}", f"{module}.{text}"):
                if address in addresses() and not unlinked & {address, f"{module}.{text}"}:
                    literal.replace_self(_link(address, text, self.env.docname))
                    break


class Index(SphinxDirective):
    """All modules, with the first sentence of what they say of themselves and their public names."""

    def run(self):
        items = nodes.definition_list()
        for name, module in modules().items():
            names = nodes.paragraph()
            for entry in entries(module):
                if "." not in entry.name:
                    names += [_link(entry.address, entry.name, self.env.docname), nodes.Text(" ")]
            term = nodes.term("", "", _link(name, name.removeprefix("implreg_core."), self.env.docname))
            shown = nodes.definition()
            self.state.nested_parse(StringList([summary(module)], source=name), 0, shown)
            shown += names
            items += nodes.definition_list_item("", term, shown)
        return [items]


def setup(app):
    app.add_directive("api-modules", Modules)
    app.add_directive("api-index", Index)
    api_source.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
