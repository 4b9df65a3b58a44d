"""The whole book as one PDF: outline, links within it, page numbers; each page of the site offers it for download.

Chromium prints every page of the contents; pypdf puts them together. A link to another page of the book becomes one to
its place in the PDF.
"""

import argparse
import io
import re
import sys
from collections import defaultdict
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin

import yaml
from bs4 import BeautifulSoup
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, FloatObject, NameObject, NullObject
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `tools`, also where this is run as a script

from tools.browser import chromium, reader, serve  # noqa: E402

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "_build" / "html"
NAME = "when-every-norm-grows.pdf"
WIDTH = 680  # pixels: A4 between its margins
PAPER = {"format": "A4", "margin": {side: "15mm" for side in ("top", "bottom", "left", "right")}}
MENU = '<button onclick="window.print()"'  # in the theme's menu of downloads, before which the book's item comes
MENTIONED = re.compile(r'<span class="whole-book">(.*?)</span>')
TINY = 2  # points; what is smaller is a link of `ANCHORS`, not one of the text

# Chromium gives a place a name where something visible leads to it.
ANCHORS = """(names) => {
  const links = document.createElement("div");
  links.style = "font-size: 1px; line-height: 1px";
  for (const name of names) {
    const link = document.createElement("a");
    link.href = "#" + name;
    link.textContent = ".";
    link.style = "color: transparent; text-decoration: none";
    links.append(link, " ");
  }
  document.querySelector("article").append(links);
}"""
DRAWN = """() => [...document.querySelectorAll("figure.implreg-explorer")].every((e) =>
  e.querySelector("path[d^=M]"))"""
SCROLL_THROUGH = """async () => {
  for (let y = 0; y < document.body.scrollHeight; y += innerHeight) {
    scrollTo(0, y);
    await new Promise((done) => setTimeout(done, 20));
  }
}"""


def contents(toc: dict) -> list[str]:
    """The documents of a table of contents, in order."""

    def below(item):
        if "file" in item:
            yield item["file"]
        for key in ("parts", "chapters", "sections"):
            for child in item.get(key, []):
                yield from below(child)

    return [toc["root"], *below(toc)]


def wanted(pages: dict[str, BeautifulSoup]) -> dict[str, set[str]]:
    """The anchors of each page that some page leads to."""
    names = defaultdict(set)
    for name, page in pages.items():
        for link in page.select("article a[href]"):
            target, anchor = urldefrag(urljoin(name, link["href"]))
            if anchor and target in pages:
                names[target].add(unquote(anchor))
    return {name: {a for a in names[name] if pages[name].find(id=a)} for name in pages}


def printed(site: str, browser, anchors: dict[str, set[str]]) -> dict[str, PdfReader]:
    """Every page of `anchors` on paper."""
    context, found = reader(browser, WIDTH, "light"), {}
    for name, names in tqdm(anchors.items(), desc="printing", unit="page"):
        page = context.new_page()
        page.goto(f"{site}/{name}", wait_until="load")
        page.evaluate(SCROLL_THROUGH)  # explorers start when they come into view
        page.wait_for_function(DRAWN)
        page.evaluate(ANCHORS, sorted(names))
        found[name] = PdfReader(io.BytesIO(page.pdf(outline=True, tagged=True, print_background=True, **PAPER)))
        page.close()
    return found


def numbers(browser, count: int) -> PdfReader:
    """`count` empty sheets with their numbers."""
    page = browser.new_page()
    page.set_content("<div style='break-after: page'>&nbsp;</div>" * (count - 1) + "&nbsp;")
    foot = "<div style='font: 9px sans-serif; width: 100%; text-align: center'><span class=pageNumber></span></div>"
    sheets = page.pdf(display_header_footer=True, header_template=" ", footer_template=foot, **PAPER)
    return PdfReader(io.BytesIO(sheets))


def place(writer, first: int, destination) -> ArrayObject:
    """A destination in a part that begins on page `first`, as one in the whole."""
    number = first + destination["/Page"]
    top = destination["/Top"]
    return ArrayObject([writer.pages[number].indirect_reference, NameObject("/XYZ"), NullObject(), top, NullObject()])


def bound(site: str, parts: dict[str, PdfReader], titles: dict[str, str], sheets: PdfReader) -> PdfWriter:
    """One document of all parts."""
    writer, first, places = PdfWriter(), {}, {}
    for name, part in parts.items():
        first[name] = len(writer.pages)
        for page in part.pages:
            writer.add_page(page)
    for name, part in parts.items():
        numbers_of = {page.indirect_reference.idnum: k for k, page in enumerate(part.pages)}
        for anchor, destination in part.named_destinations.items():
            at = {"/Page": numbers_of[destination.page.idnum], "/Top": FloatObject(destination.top or 0)}
            places[name, unquote(anchor.removeprefix("/"))] = place(writer, first[name], at)
        start = {"/Page": 0, "/Top": FloatObject(part.pages[0].mediabox.top)}
        places[name, ""] = place(writer, first[name], start)
    for name, part in parts.items():
        for k in range(len(part.pages)):
            page = writer.pages[first[name] + k]
            page.merge_page(sheets.pages[first[name] + k])
            page.compress_content_streams()
            redirect(page, site, name, places)
    for name, part in parts.items():
        chapter = writer.add_outline_item(title=titles[name], page_number=first[name])
        for item in part.outline:  # the title, and what stands below it
            if isinstance(item, list):
                outline(writer, part, item, chapter, first[name])
    return writer


def redirect(page, site, name, places):
    """Leads the links of `page` to their places in the book; drops those that only named a place."""
    kept = ArrayObject()
    for reference in page.get("/Annots", []):
        link = reference.get_object()
        left, low, right, high = map(float, link["/Rect"])
        if high - low < TINY:
            continue
        action = link.get("/A", {})
        if "/URI" in action:
            target, anchor = urldefrag(str(action["/URI"]).removeprefix(f"{site}/"))
            target = (target, unquote(anchor))
        else:
            target = (name, unquote(str(link.get("/Dest", action.get("/D", ""))).removeprefix("/")))
        there = places.get(target) or (places.get((target[0], "")) if "/URI" in action else None)
        if there:
            link.pop("/A", None)
            link[NameObject("/Dest")] = there
        kept.append(reference)
    page[NameObject("/Annots")] = kept


def outline(writer, part, items, parent, first):
    """Headings of a part, which begins on page `first`."""
    last = parent
    for item in items:
        if isinstance(item, list):
            outline(writer, part, item, last, first)
        else:
            number = first + part.get_destination_page_number(item)
            last = writer.add_outline_item(title=item.title, page_number=number, parent=parent)


def offer(page: Path, address: str):
    """Puts the PDF into the page's menu of downloads, and behind words that speak of it, once."""
    text = page.read_text(encoding="utf-8")
    if NAME in text or MENU not in text:
        return
    item = f'<a href="{address}" class="btn btn-sm dropdown-item">The whole book (.pdf)</a>\n</li>\n<li>\n'
    text = MENTIONED.sub(rf'<a href="{address}">\1</a>', text.replace(MENU, item + MENU, 1))
    page.write_text(text, encoding="utf-8")


def bind(browser, book: Path, names: list[str], title: str, author: str) -> PdfWriter:
    """The pages `names` of the site in the folder `book`, as one document."""
    pages = {name: BeautifulSoup((book / name).read_text("utf-8"), "html.parser") for name in names}
    titles = {name: page.select_one("article h1").find(string=True).strip() for name, page in pages.items()}
    with serve(book) as site:
        parts = printed(site, browser, wanted(pages))
        sheets = numbers(browser, sum(len(part.pages) for part in parts.values()))
    writer = bound(site, parts, titles, sheets)
    writer.add_metadata({"/Title": title, "/Author": author})
    writer.compress_identical_objects()
    return writer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    names = [f"{document}.html" for document in contents(yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8")))]
    if missing := [name for name in names if not (BOOK / name).is_file()]:
        sys.exit(f"The book in {BOOK} lacks {missing[0]}: run make book.")
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    with chromium() as browser:
        writer = bind(browser, BOOK, names, config["title"], config["author"])
    writer.write(BOOK / NAME)
    for page in BOOK.glob("**/*.html"):
        depth = len(page.relative_to(BOOK).parts) - 1
        offer(page, "../" * depth + NAME)
    size = (BOOK / NAME).stat().st_size / 1e6
    print(f"{BOOK / NAME}: {len(writer.pages)} pages, {size:.1f} MB")


if __name__ == "__main__":
    main()
