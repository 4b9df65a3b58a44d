"""Sphinx extension: a page loads what it uses, in the order in which a reader needs it.

Scripts wait until the page is read. What the theme loads and does on every page for parts that this page has not is
left out.
"""

import re
from pathlib import Path

# Asset -> what a page that needs it has in its text.
NEEDED = {"sphinx-thebe.": None, "design-tabs.js": 'class="sd-', "sphinx-design.min.css": 'class="sd-'}
AT_ONCE = "documentation_options.js"  # a script within the page goes on from it
# At the end of the theme's script: measures all code of the page, one box after the other, as the page loads and after
# each change of an explorer. scrollers.js watches the boxes instead.
TAB_STOPS = re.compile(r',"complete"===document\.readyState\?(\w+)\(\):window\.addEventListener\("load",\1\)')


def is_needed(asset: str, body: str) -> bool:
    """Whether a page with this `body` uses the script or stylesheet `asset`."""
    marks = [mark for name, mark in NEEDED.items() if name in asset]
    return all(mark is not None and mark in body for mark in marks)


def without_tab_stops(script: str) -> str:
    """The theme's script without what scrollers.js does.

    **Raises:** `ValueError` if it is not there.
    """
    shorter, found = TAB_STOPS.subn("", script)
    if found != 1:
        raise ValueError(f"the theme's script must set tab stops in one place, to be left out; it does in {found}")
    return shorter


def _when_read(script):
    """A script, told to wait until the page is read, unless it is within the page or asks for something else."""
    if not script.filename or script.filename.endswith(AT_ONCE) or {"async", "defer"} & script.attributes.keys():
        return script
    return type(script)(script.filename, priority=script.priority, defer="defer", **script.attributes)


def _order(app, pagename, templatename, context, doctree):
    body = context.get("body", "")
    for kind in ("script_files", "css_files"):
        kept = [asset for asset in context.get(kind, []) if is_needed(str(asset.filename), body)]
        context[kind][:] = kept
    if pagename != "search":  # the scripts of that page go on from these
        context["script_files"][:] = [_when_read(script) for script in context.get("script_files", [])]


def _shorten(app, exception):
    if exception or app.builder.format != "html":
        return
    path = Path(app.outdir, "_static", "scripts", "pydata-sphinx-theme.js")
    path.write_text(without_tab_stops(path.read_text(encoding="utf-8")), encoding="utf-8")


def setup(app):
    app.connect("html-page-context", _order, priority=950)
    app.connect("build-finished", _shorten)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
