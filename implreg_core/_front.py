"""The explorers' front end as one text: `front/*.js` are ES modules, but neither home of theirs can load several.

Jupyter takes a widget's module from a string, and pages opened from disk (file://) may not load modules at all.
"""

import re
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
    """The style of both."""
    return (front / "explorer.css").read_text(encoding="utf-8")


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
