"""Typeset formulas and code of a page, set apart: nineteen of twenty tags are theirs, and parsing takes as long."""

import html
import re

PIECE = re.compile(r'<span class="katex(?:-display)?"[^>]*>|<pre\b')
ENDS = {"span": re.compile(r"<(/?)span\b[^>]*>"), "pre": re.compile(r"<(/?)pre\b[^>]*>")}
SOURCE = re.compile(r"<annotation[^>]*>(.*?)</annotation>", re.DOTALL)
PLACE = re.compile(r'<span data-apart="(\d+)"></span>')


def set_apart(page: str) -> tuple[str, list[str]]:
    """`page` with an empty `<span data-apart="k">` for its k-th formula or block of code, and these."""
    kept, pieces, end = [], [], 0
    for opening in PIECE.finditer(page):
        if opening.start() < end:  # within the one before
            continue
        kept += page[end : opening.start()], f'<span data-apart="{len(pieces)}"></span>'
        within = 0
        for tag in ENDS[opening[0][1:].split(" ")[0]].finditer(page, opening.start()):
            within += -1 if tag[1] else 1
            if within == 0:
                break
        end = tag.end()
        pieces.append(page[opening.start() : end])
    return "".join([*kept, page[end:]]), pieces


def put_back(text: str, pieces: list[str]) -> str:
    """`text` with the pieces in their places."""
    return PLACE.sub(lambda place: pieces[int(place[1])], text)


def tex(piece: str) -> str | None:
    """The source of a formula; None of code."""
    return None if piece.startswith("<pre") else html.unescape(SOURCE.search(piece)[1])
