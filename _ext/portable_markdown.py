"""A finished page's HTML as Markdown that every notebook reader shows alike: CommonMark, tables, TeX between dollars.

JupyterLab, GitHub, Colab (MathJax) and VS Code (KaTeX) agree on less than each of them knows. So formulas have no
spaces beside their dollars, no macros and no `<`; inside lists and quotations they stand on one line; statements are
quotations, and what the page folds is folded by `<details>`. A formula of the page comes as the TeX that it was set
from.
"""

import re
from collections.abc import Callable, Mapping

from bs4 import Tag
from markdownify import MarkdownConverter

QUOTED = ("proof", "exercise", "admonition")  # classes of blocks
SPECIAL = re.compile(r"([\\`*_<>$~])")  # no brackets: Colab takes \[ for a formula, and no text of ours needs them
LIST_MARK = re.compile(r"^(\d*)([.)+#-])(?=\s)", re.MULTILINE)  # what would begin a list or a heading


class Converter(MarkdownConverter):
    """`macros`: TeX name -> replacement or (replacement, number of arguments), as in `formula_macros`.

    `link` gives the address for an `href` of the page, or None where only the words should stay.
    """

    class Options(MarkdownConverter.DefaultOptions):
        heading_style = "atx"
        bullets = "-"

    def __init__(self, macros: Mapping, link: Callable[[str], str | None]):
        super().__init__()
        self.macros, self.link = macros, link

    def escape(self, text, parent_tags):
        text = SPECIAL.sub(r"\\\1", text)
        return text.replace("|", r"\|") if {"td", "th"} & set(parent_tags) else text

    # --- formulas ---------------------------------------------------------------------------------------------------

    def convert_span(self, el, text, parent_tags):
        if "math" in el.get("class", []):
            return f"${self.tex(el)}$"
        return f"*{text}*" if "ours-tag" in el.get("class", []) else text

    def tex(self, el: Tag) -> str:
        """The formula of an element, on one line if it stands in a line."""
        number = el.select_one(".eqno")
        tag = f" \\tag{{{number.find(string=True).strip().strip('()')}}}" if number else ""
        source = "".join(part for part in el.find_all(string=True) if not number or number not in part.parents)
        source = expand(source.strip(), self.macros)
        source = source.replace("<", r"\lt ").replace(">", r"\gt ")
        if el.find_parent(["td", "th"]):
            source = source.replace(r"\|", r"\Vert ").replace("|", r"\vert ")
        return " ".join(f"{source}{tag}".split()) if el.name == "span" or nested(el) else f"{source}{tag}"

    def convert_em(self, el, text, parent_tags):
        return text if "em" in parent_tags else super().convert_em(el, text, parent_tags)

    # --- blocks -----------------------------------------------------------------------------------------------------

    def convert_div(self, el, text, parent_tags):
        classes = el.get("class", [])
        if "math" in classes:
            tex = self.tex(el)
            return f"\n\n$${tex}$$\n\n" if nested(el) else f"\n\n$$\n{tex}\n$$\n\n"
        if "dropdown" in classes:
            title, _, body = text.strip().partition("\n\n")
            summary = el.find(class_="admonition-title").get_text(" ", strip=True)
            return f"\n\n<details>\n<summary>{summary}</summary>\n\n{body.strip()}\n\n</details>\n\n"
        if "admonition" in classes and not is_proof(el):
            return self.convert_blockquote(el, text, parent_tags)
        return f"\n\n{text.strip()}\n\n" if text.strip() else ""

    def convert_p(self, el, text, parent_tags):
        if "admonition-title" in el.get("class", []):
            text = f"**{' '.join(text.split())}**"
        elif is_proof(el.parent) and not el.find_previous_sibling("p"):
            text = re.sub(r"\AProof\.", "*Proof.*", text)
        text = LIST_MARK.sub(r"\1\\\2", text)
        return super().convert_p(el, text, parent_tags)

    # --- links ------------------------------------------------------------------------------------------------------

    def convert_a(self, el, text, parent_tags):
        address = self.link(el.get("href", ""))
        return f"[{text}]({address})" if address and text.strip() else text


def is_proof(el: Tag) -> bool:
    """Whether a block is a proof, which the page does not set apart, rather than a statement."""
    return "proof" in el.get("class", []) and el.get("id", "").startswith("proof")


def nested(el: Tag) -> bool:
    """Whether Markdown's marks for a quotation or list would stand before each line of an element."""
    return bool(el.find_parent(["li", "blockquote", "dd", "td", "th"]) or el.find_parent(class_=QUOTED))


def expand(tex: str, macros: Mapping) -> str:
    r"""`tex` without our macros: `{"norm": [r"\left\lVert #1 \right\rVert", 1]}` turns `\norm{W}` into what it means.

    **Raises:** `ValueError` where an argument is missing.
    """
    for name, meaning in macros.items():
        replacement, count = (meaning, 0) if isinstance(meaning, str) else meaning
        while found := re.search(rf"\\{name}(?![A-Za-z])", tex):
            arguments, end = [], found.end()
            for _ in range(count):
                argument, end = _argument(tex, end)
                arguments.append(argument)
            body = re.sub(r"#(\d)", lambda place: arguments[int(place[1]) - 1], replacement)
            if re.search(r"\\[A-Za-z]+$", body) and tex[end : end + 1].isalpha():
                body += " "  # or the command would swallow what follows
            tex = tex[: found.start()] + body + tex[end:]
    return tex


def _argument(tex: str, start: int) -> tuple[str, int]:
    """The argument from `start` on, a group in braces, a command or a character, and where it ends."""
    start += len(tex[start:]) - len(tex[start:].lstrip())
    if tex[start : start + 1] != "{":
        if not (token := re.compile(r"\\[A-Za-z]+|\\?\S").match(tex, start)):
            raise ValueError(f"a macro lacks its argument at the end of {tex!r}.")
        return token[0], token.end()
    depth = 0
    for end in range(start, len(tex)):
        depth += {"{": 1, "}": -1}.get(tex[end], 0) * (tex[end - 1] != "\\")
        if depth == 0:
            return tex[start + 1 : end].strip(), end + 1
    raise ValueError(f"a brace is not closed in {tex!r}.")
