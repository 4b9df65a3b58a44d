"""Sphinx extension: the search finds a statement by its number and by its title, "Theorem 1" and "Norms up, rank down".

Sphinx's index has the titles of a page, but the numbers of statements come only when the page is written. What readers
call a section in other words than ours is in the configuration: `search_also`, its label -> these words.
"""

import re

from sphinx.util import logging

logger = logging.getLogger(__name__)
TITLE = re.compile(r"\s*\((.*)\).*")  # sphinx-proof's brackets; behind them may stand whose statement it is


def _complete(app):
    """Once every page is in the index, and before that is written."""
    indexer = getattr(app.builder, "indexer", None)
    if indexer is not None:
        _name_statements(app.env, indexer._all_titles, indexer._index_entries)
        for label, words in app.config.search_also.items():
            page, target, title = app.env.get_domain("std").labels.get(label, (None, None, None))
            if page in indexer._index_entries:
                indexer._index_entries[page] += [(each, target, "main") for each in words]
                indexer._all_titles[page].append((title, target))
            else:
                logger.info("search_also: no section is labelled %r.", label)
    return []


def _name_statements(env, titles_of, entries_of):
    for label, statement in getattr(env, "proof_list", {}).items():
        page, kind = statement["docname"], statement["countertype"]
        number = env.toc_fignumbers.get(page, {}).get(kind, {}).get(label, ())
        name = f"{statement['realtype'].title()} {'.'.join(map(str, number))}".strip()
        for k, (title, target) in enumerate(titles_of.get(page, [])):
            if target == label:
                found = TITLE.fullmatch(title)
                titles_of[page][k] = (f"{name} ({found[1]})" if found else name, label)
                names = [name, found[1]] if found else [name]
                entries_of[page] += [(each, label, "main") for each in names]


def setup(app):
    app.add_config_value("search_also", {}, "html")
    app.connect("html-collect-pages", _complete)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
