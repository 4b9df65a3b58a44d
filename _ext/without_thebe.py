"""Sphinx extension: drops sphinx-thebe's inline script, which Jupyter Book loads whether or not pages use Thebe.

Sphinx emits inline scripts of extensions twice, and this one declares a constant: a SyntaxError on every page.
"""


def _drop(app, pagename, templatename, context, doctree):
    scripts = context.get("script_files", [])
    scripts[:] = [s for s in scripts if "THEBE_JS_URL" not in (getattr(s, "attributes", {}).get("body") or "")]


def setup(app):
    app.connect("html-page-context", _drop, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
