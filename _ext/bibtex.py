"""Sphinx extension: the directive `{bibtex} key` shows an entry of references.bib, to be copied.

Without a key it shows the book's own, made from CITATION.cff, so that each fact is written in one place.
"""

from pathlib import Path

import yaml
from docutils import nodes
from pybtex.database import BibliographyData, Entry, Person, parse_file
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).parent.parent


def entry_from_cff(citation: dict) -> Entry:
    """A citation file's own entry, not that of its preferred citation: authors, title, version, year, URL."""
    persons = [
        Person(first=author.get("given-names", ""), last=author["family-names"])
        if "family-names" in author
        else Person(last=f"{{{author['name']}}}")  # in braces: a name that is no person's stays whole
        for author in citation["authors"]
    ]
    fields = {
        "title": citation["title"],
        "version": str(citation["version"]),
        "year": str(citation.get("date-released", ""))[:4],
        "url": citation.get("url") or citation.get("repository-code", ""),
    }
    return Entry("software", fields={name: text for name, text in fields.items() if text}, persons={"author": persons})


class BibtexDirective(SphinxDirective):
    optional_arguments = 1

    def run(self):
        source = ROOT / ("references.bib" if self.arguments else "CITATION.cff")
        self.env.note_dependency(str(source))
        if self.arguments:
            key, entries = self.arguments[0], parse_file(source).entries
            if key not in entries:
                raise self.error(f"`{key}` is not in references.bib, which has {', '.join(sorted(entries))}.")
            entry = entries[key]
        else:
            key, entry = "implreg_core", entry_from_cff(yaml.safe_load(source.read_text(encoding="utf-8")))
        text = BibliographyData({key: entry}).to_string("bibtex").strip()
        return [nodes.literal_block(text, text, language="bibtex")]


def setup(app):
    app.add_directive("bibtex", BibtexDirective)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
