"""Checks every link of a built book: pages, files and anchors within it; addresses outside it only for their form.

Run as a script, it prints what is broken and lists the addresses outside: python tools/links.py [FOLDER]
"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

BOOK = Path(__file__).parents[1] / "_build" / "html"
HOST = re.compile(r"([a-z0-9-]+\.)+[a-z]{2,}", re.IGNORECASE)  # so neither localhost nor a number
ODD = re.compile(r"[\s<>{}|\\^`\"]")


class Links(NamedTuple):
    broken: list[str]  # as sentences
    outside: dict[str, list[str]]  # addresses, and the pages that name them
    inside: int  # how many links were followed


class _Page(HTMLParser):
    """The anchors of a page and all that its elements refer to."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links = set(), set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "id" or (name, tag) == ("name", "a"):
                self.anchors.add(value)
            elif name in ("href", "src", "poster") and value:
                self.links.add(value)

    handle_startendtag = handle_starttag


def check(book: Path) -> Links:
    """The links of the book in the folder `book`, the same link of a page counted once.

    The page for missing addresses is left out: its links start at the root of a site, wherever that will be.
    """
    paths = [path for path in sorted(book.rglob("*.html")) if path.relative_to(book).as_posix() != "404.html"]
    pages = {path.resolve(): _Page(path) for path in paths if "_static" not in path.relative_to(book).parts}
    broken, outside, inside = [], {}, 0
    for path, page in pages.items():
        name = path.relative_to(book.resolve()).as_posix()
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme in ("http", "https") or parts.netloc:
                outside.setdefault(link, []).append(name)
                if not parts.scheme or not HOST.fullmatch(parts.hostname or "") or ODD.search(link):
                    broken.append(f"{name}: {link} is not an address on the web")
            elif parts.scheme not in ("mailto", "data"):
                inside += 1
                if fault := _fault(parts, path, pages):
                    broken.append(f"{name}: {link} {fault}")
    return Links(broken, outside, inside)


def _fault(parts, path, pages):
    """What is wrong with a link from the page at `path` to a place within the book; None if nothing is."""
    if parts.scheme or parts.path.startswith("/"):
        return "is neither relative nor an address on the web"
    there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not there.is_file():
        return "leads to no file"
    fragment = unquote(parts.fragment)
    if fragment and there in pages and fragment not in pages[there].anchors:
        return "leads to no anchor of that page"


def main():
    book = Path(sys.argv[1]) if len(sys.argv) > 1 else BOOK
    links = check(book)
    for address, names in sorted(links.outside.items()):
        print(f"{address}  ({', '.join(names)})")
    print(f"{len(links.outside)} addresses outside the book, not fetched; {links.inside} links within it")
    sys.exit("\n".join(["Broken:", *links.broken]) if links.broken else 0)


if __name__ == "__main__":
    main()
