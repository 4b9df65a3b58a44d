"""The source of everything in the API reference, as pages of their own beside the book: `_modules/NAME.html`."""

import importlib
import inspect
from pathlib import Path

from api_names import Entry, entries, modules
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

FOLDER = "_modules"
LIGHT, DARK = "a11y-high-contrast-light", "a11y-high-contrast-dark"  # as the book's pages have them
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Source of {name}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 1rem auto; max-width: 62rem; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; }}
h1 {{ overflow-wrap: anywhere; }}
pre {{ font-size: 0.8125rem; line-height: 1.5; overflow-x: auto; }}
.linenos {{ padding-right: 1.2em; text-decoration: none; user-select: none; opacity: 0.7; }}
pre > span:target {{ outline: 0.15rem solid; scroll-margin-top: 20vh; }}
{style}
</style>
</head>
<body>
<main>
<h1>{name}</h1>
{body}
</main>
</body>
</html>
"""


def address(entry: Entry, docname: str) -> str:
    """The address of an entry's source, as a page of the book links it."""
    return f"{'../' * docname.count('/')}{FOLDER}/{entry.home}.html#L-{entry.line}"


def page(name: str) -> str:
    """The source of a module as a page, with an anchor for each line."""
    source = inspect.getsource(importlib.import_module(name))
    light, dark = (HtmlFormatter(style=style, linespans="L", linenos="inline") for style in (LIGHT, DARK))
    by_day, by_night = (style.get_style_defs(".highlight") for style in (light, dark))
    style = f"{by_day}\n@media (prefers-color-scheme: dark) {{\n{by_night}\n}}"
    return PAGE.format(name=name, style=style, body=highlight(source, PythonLexer(stripnl=False), light))


def _write(app, exception):
    if exception or app.builder.format != "html":
        return
    folder = Path(app.outdir) / FOLDER
    folder.mkdir(exist_ok=True)
    for name in {entry.home for module in modules().values() for entry in entries(module)}:
        (folder / f"{name}.html").write_text(page(name), encoding="utf-8")


def setup(app):
    app.connect("build-finished", _write)
