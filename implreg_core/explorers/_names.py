"""What explorers are called in addresses, in file names and among the programs of a page."""

import hashlib
import re
from collections.abc import Mapping

RESERVED = {"at", "beside", "from", "view"}  # what an address says beside settings: see front/address.js
_pages = {}  # what this process has built, by name: a process builds one page


def slug(question: str) -> str:
    """The question in plain letters; with a short hash of it where that loses some."""
    plain = re.sub(r"[^a-z0-9]+", "-", question.lower()).strip("-")
    lost = "" if plain and question.isascii() else hashlib.sha256(question.encode()).hexdigest()[:8]
    return "-".join(filter(None, ["explore", plain, lost]))


def checked_pages(continues: Mapping[str, str]) -> dict[str, str]:
    """Pages and questions, if each page is named as its file is, without an ending."""
    if odd := [page for page in continues if not re.fullmatch(r"[\w-]+", page)]:
        raise ValueError(
            f"`continues` must name pages of the book as their files are called, without an ending, such as "
            f"'learning-rate'; got {odd}."
        )
    return dict(continues)


def continued(pages: Mapping[str, str]) -> list[dict]:
    """What the front end must know of explorers of other pages, a page and a question each."""
    return [{"page": page, "slug": slug(question), "question": question} for page, question in pages.items()]


def claim(name: str, question: str, figure: str) -> None:
    """Note that a figure stands on the page under a name; the same figure may stand there again.

    **Raises:** ValueError if another figure has the name, whose program would take the place of this one's.
    """
    if _pages.setdefault(name, figure) != figure:
        raise ValueError(
            f"`question` {question!r} names another figure of this page too: both are called {name!r}. "
            "Ask one of them in other words."
        )
