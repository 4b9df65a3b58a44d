"""The explorers' front end as one text: `front/*.js` are ES modules, but neither home of theirs can load several.

Jupyter takes a widget's module from a string, and pages opened from disk (file://) may not load modules at all. Here
too is what they are loaded by: a page for one figure.
"""

import json
import re
from html import escape
from pathlib import Path

FRONT = Path(__file__).parent / "front"
_IMPORT = re.compile(r'^import (\{ \w+(?:, \w+)* \}) from "\./(\w+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const) (\w+))", re.MULTILINE)


def widget_module(front: Path = FRONT) -> str:
    """The module of the Jupyter widget (an anywidget), whose default export has `render`."""
    return f"{_bundle(front, 'explorer')}export default explorer;\n"


def page_script(front: Path = FRONT) -> str:
    """The classic script of a static page, which mounts its explorers."""
    return f'(() => {{\n"use strict";\n{_bundle(front, "host")}}})();\n'


def stylesheet(front: Path = FRONT) -> str:
    """The style of both, in a narrow place at the end."""
    return "\n".join((front / f"{name}.css").read_text(encoding="utf-8") for name in ("explorer", "narrow"))


def standalone_page(figure: str, *, title: str, source: tuple[str, str] | None = None) -> str:
    """A page with nothing but a figure: one file, for a folder, a talk, or a frame in another page.

    It is light or dark as the reader's system is. `source` is an address and a text, for a link to where it comes from.
    """
    script, style = page_script(), stylesheet()
    if ending := re.search("<!--|</?script|</style", script + style, re.IGNORECASE):
        raise ValueError(f"the front end holds {ending[0]!r}, which ends or opens an element of the page.")
    link = f'<p>From <a href="{escape(source[0])}" target="_top">{escape(source[1])}</a></p>\n' if source else ""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(title)}</title>\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="robots" content="noindex">\n'
        f"<style>\n{style}{_PAGE_STYLE}</style>\n<script>\n{_PAGE_THEME}{script}</script>\n</head>\n"
        f"<body>\n<main>\n{figure}\n</main>\n{link}</body>\n</html>\n"
    )


_PAGE_STYLE = """
:root { color-scheme: light dark; font-family: system-ui, sans-serif; }
html[data-theme="dark"] { background: #14181e; }
body { margin: 0; }
body > main > .implreg-explorer { margin: 0; border: 0; }
body > p { margin: 0; padding: 0 1.25rem 1rem; color: #6b7684; font-size: 0.875rem; }
body > p > a { color: inherit; }
"""
_PAGE_THEME = """{
const dark = matchMedia("(prefers-color-scheme: dark)");
const show = () => (document.documentElement.dataset.theme = dark.matches ? "dark" : "light");
dark.addEventListener("change", show);
show();
}
"""


def script_json(data) -> str:
    """Compact JSON that is safe inside a script element: no `<`, so nothing in it can close the element."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c")


def _bundle(front: Path, entry: str) -> str:
    """`entry` and the modules it imports, each a function that returns its exports, in an order that works.

    **Raises:** `ValueError` for another form of import or export than `import {...} from "./name.js"` and
    `export const`, `export function`.
    """
    done = {}

    def add(name):
        if name in done:
            return
        source = (front / f"{name}.js").read_text(encoding="utf-8")
        for _, imported in _IMPORT.findall(source):
            add(imported)
        body = _EXPORT.sub("", _IMPORT.sub(r"const \1 = \2;\n", source))
        if odd := re.search(r"^(import|export)\b.*", body, re.MULTILINE):
            raise ValueError(f"{name}.js has a form of import or export that the bundle does not know: {odd[0]}")
        exports = ", ".join(_EXPORT.findall(source))
        done[name] = f"const {name} = (() => {{\n{body}return {{ {exports} }};\n}})();\n\n"

    add(entry)
    return "".join(done.values())
