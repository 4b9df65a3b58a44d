"""Sphinx extension: the few icons of the pages, in place of Font Awesome's script, fonts and two thousand names.

Each icon that a page uses becomes a mask in one small stylesheet, drawn as in the theme's copy of Font Awesome, which
is then left out of the book. They are there at first sight, and without scripts.
"""

import re
import shutil
from pathlib import Path
from urllib.parse import quote

from sphinx.util import logging

logger = logging.getLogger(__name__)
LICENSE = "/* Icons: Font Awesome Free 6, fontawesome.com, CC BY 4.0. */\n"
USED = re.compile(r'class="[^"]*\bfa(?:s|-solid) fa-([a-z0-9-]+)')
# In the theme's stylesheet: fonts, and a rule for the name of each icon.
UNUSED = re.compile(
    r'@font-face\{[^}]*font-family:Font Awesome[^}]*\}|\.fa-[\w-]+:before(?:,\.fa-[\w-]+:before)*\{content:"[^"]*"\}'
)


def drawing(script: str, name: str) -> tuple[int, int, str]:
    """Width, height and path of the solid icon `name`, from Font Awesome's `script`.

    **Raises:** `KeyError` if it has none.
    """
    solid = script[script.index('"fas"') :] if '"fas"' in script else script
    found = re.search(rf'[{{,]"?{re.escape(name)}"?:\[(\d+),(\d+),\[[^\]]*\],"[0-9a-f]+","([^"]+)"\]', solid)
    if not found:
        raise KeyError(name)
    return int(found[1]), int(found[2]), found[3]


def rule(name: str, width: int, height: int, path: str) -> str:
    """The style that draws an icon, one em high."""
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"><path d="{path}"/></svg>'
    return f".fa-{name} {{ --icon: url('data:image/svg+xml,{quote(svg)}'); --icon-width: {width / height:g}em; }}\n"


def _draw(app, exception):
    if exception or app.builder.format != "html":
        return
    out, static = Path(app.outdir), Path(app.outdir, "_static")
    script = static / "scripts" / "fontawesome.js"
    text = script.read_text(encoding="utf-8")
    used = sorted({name for page in out.rglob("*.html") for name in USED.findall(page.read_text(encoding="utf-8"))})
    rules = [LICENSE]
    for name in used:
        try:
            rules.append(rule(name, *drawing(text, name)))
        except KeyError:
            logger.warning("the theme has no icon named %s", name)
    (static / "icons-used.css").write_text("".join(rules), encoding="utf-8")
    style = static / "styles" / "pydata-sphinx-theme.css"
    style.write_text(UNUSED.sub("", style.read_text(encoding="utf-8")), encoding="utf-8")
    for left_out in script.parent.glob("fontawesome.js*"):
        left_out.unlink()
    shutil.rmtree(static / "vendor" / "fontawesome")


def setup(app):
    app.add_css_file("icons.css")
    app.add_css_file("icons-used.css")
    app.connect("build-finished", _draw, priority=900)  # when all pages are written
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
