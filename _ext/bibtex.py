"""Sphinx extension: the directive `{bibtex} key` shows an entry of references.bib, to be copied.

Without a key it shows the book's own, made from CITATION.cff, so that each fact is written in one place. And the
bibliography has the style `author_year`, whose labels are what the text says when it cites.
"""

from collections import Counter, defaultdict
from itertools import count
from pathlib import Path
from string import ascii_lowercase

import yaml
from docutils import nodes
from pybtex.database import BibliographyData, Entry, Person, parse_file
from pybtex.plugin import register_plugin
from pybtex.style.formatting.alpha import Style as Alpha
from pybtex.style.labels import BaseLabelStyle
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).parent.parent


class AuthorYearLabels(BaseLabelStyle):
    """Such as "Bai et al., 2024", with a letter behind the year where another work has the same."""

    def format_labels(self, sorted_entries):
        labels = [self._label(entry) for entry in sorted_entries]
        works, places = Counter(labels), defaultdict(count)
        for label in labels:
            yield label + (ascii_lowercase[next(places[label])] if works[label] > 1 else "")

    def _label(self, entry):
        names = [
            " ".join(map(str, person.rich_prelast_names + person.rich_last_names)) for person in entry.persons["author"]
        ]
        authors = f"{names[0]} et al." if len(names) > 2 else " and ".join(names)
        return f"{authors}, {entry.fields.get('year', 'n.d.')}"


class AuthorYearStyle(Alpha):
    """Entries as pybtex's `alpha` has them, under other labels."""

    default_label_style = AuthorYearLabels


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
    register_plugin("pybtex.style.formatting", "author_year", AuthorYearStyle, force=True)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
