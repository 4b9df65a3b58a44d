"""Sphinx extension: names of `implreg_core` in the code of chapters lead to their entries in the API reference."""

import re
from functools import cache
from pathlib import Path

from api_uses import code_of, imported

# What Pygments makes of `module.name`, or of `package.module.name`.
DOTTED = re.compile(r'<span class="n">\w+</span>(?:<span class="o">\.</span><span class="n">\w+</span>){1,2}')
TAG = re.compile(r"<[^>]*>")


@cache
def _imports(path: Path) -> dict[str, str]:
    return imported(code_of(path))


def linked(body: str, names: dict[str, str], addresses: dict[str, str]) -> str:
    """`body` with links: `names` says what a first name stands for, `addresses` where a full name is documented."""

    def link(match):
        first, _, rest = TAG.sub("", match[0]).partition(".")
        target = addresses.get(f"{names.get(first)}.{rest}")
        return f'<a class="code-link" href="{target}">{match[0]}</a>' if target else match[0]

    return DOTTED.sub(link, body)


def _link(app, pagename, templatename, context, doctree):
    path = Path(app.srcdir) / f"{pagename}.ipynb"
    if app.builder.format != "html" or not path.exists() or "body" not in context:
        return
    objects = app.env.get_domain("py").objects
    addresses = {
        name: f"{app.builder.get_relative_uri(pagename, each.docname)}#{each.node_id}" for name, each in objects.items()
    }
    context["body"] = linked(context["body"], _imports(path), addresses)


def setup(app):
    app.connect("html-page-context", _link)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
