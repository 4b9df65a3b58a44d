"""Sphinx extension: light and dark for readers without scripts, who get neither, since a script sets the theme.

Until it does, <html> says data-theme="auto", to which no rule of the stylesheets answers. Here every rule for a theme
is written once more, for "auto", under the reader's own preference. Only browsers without scripts apply it.
"""

import re
from pathlib import Path

THEMED = re.compile(r"""(?<![^{}])[^{}]*\[data-theme=["']?(?:light|dark)["']?\][^{}]*\{[^{}]*\}""")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


def for_preference(css: str, theme: str) -> str:
    """The rules of `css` for `theme` ("light" or "dark"), for data-theme="auto" and readers who prefer that theme."""
    named = re.compile(rf"""\[data-theme=["']?{theme}["']?\]""")
    rules = (rule for rule in THEMED.findall(COMMENT.sub("", css)) if named.search(rule))
    chosen = "\n".join(named.sub("[data-theme=auto]", rule).strip() for rule in rules)
    return f"@media (prefers-color-scheme: {theme}) {{\n{chosen}\n}}\n"


def _write(app, exception):
    if exception or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    sheets = [static / "styles" / "pydata-sphinx-theme.css", static / "styles" / "sphinx-book-theme.css"]
    sheets += sorted(path for path in static.glob("*.css") if path.name != "without-scripts.css")
    css = "\n".join(path.read_text(encoding="utf-8") for path in sheets)
    text = "".join(for_preference(css, theme) for theme in ("light", "dark"))
    (static / "without-scripts.css").write_text(text, encoding="utf-8")


def setup(app):
    app.add_css_file("without-scripts.css", media="(scripting: none)", priority=900)
    app.connect("build-finished", _write, priority=900)  # behind the theme, which then writes pygments.css
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
