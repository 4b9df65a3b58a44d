"""Sphinx extension: markup that a screen reader understands, where the theme and docutils write something else.

What stands outside an article is mended in _templates, colours and motion in _assets/book.css.
"""

# What is written -> what should be, each for the reason beside it.
MENDS = {
    # A list holds list items; the role that docutils gives them is deprecated.
    'role="doc-biblioentry"': 'role="listitem"',
    # Names all of them alike, and hides what the summary itself says: that code or output follows.
    '<summary aria-label="Toggle hidden content">': "<summary>",
}


def mend(body: str) -> str:
    """The HTML of an article with `MENDS` applied."""
    for written, meant in MENDS.items():
        body = body.replace(written, meant)
    return body


def _mend(app, pagename, templatename, context, doctree):
    if "body" in context:
        context["body"] = mend(context["body"])


def setup(app):
    app.add_js_file("scrollers.js", loading_method="defer")
    app.add_css_file("scrollers.css")
    app.connect("html-page-context", _mend)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
