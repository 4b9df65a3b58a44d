"""Sphinx extension: the search finds a statement by its number and by its title, "Theorem 1" and "Norms up, rank down".

Sphinx's index has the titles of a page, but the numbers of statements come only when the page is written.
"""

import re

TITLE = re.compile(r"\s*\((.*)\).*")  # sphinx-proof's brackets; behind them may stand whose statement it is


def _name_statements(app):
    """Once every page is in the index, and before that is written."""
    if app.builder.format != "html" or app.builder.indexer is None:
        return []
    titles_of, entries_of = app.builder.indexer._all_titles, app.builder.indexer._index_entries
    for label, statement in getattr(app.env, "proof_list", {}).items():
        page, kind = statement["docname"], statement["countertype"]
        number = app.env.toc_fignumbers.get(page, {}).get(kind, {}).get(label, ())
        name = f"{statement['realtype'].title()} {'.'.join(map(str, number))}".strip()
        for k, (title, target) in enumerate(titles_of.get(page, [])):
            if target == label:
                found = TITLE.fullmatch(title)
                titles_of[page][k] = (f"{name} ({found[1]})" if found else name, label)
                names = [name, found[1]] if found else [name]
                entries_of[page] = [*entries_of.get(page, []), *((each, label, "main") for each in names)]
    return []


def setup(app):
    app.connect("html-collect-pages", _name_statements)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
