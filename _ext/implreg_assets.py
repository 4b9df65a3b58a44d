"""Sphinx extension: gives the built pages the explorers' front end, as one classic script and one stylesheet."""

import hashlib
from pathlib import Path

from implreg_core import _front


def _write_assets(app):
    if app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    static.mkdir(parents=True, exist_ok=True)
    (static / "implreg-explorer.js").write_text(_front.page_script(), encoding="utf-8")
    (static / "implreg-explorer.css").write_text(_front.stylesheet(), encoding="utf-8")


def setup(app):
    digest = hashlib.sha256((_front.page_script() + _front.stylesheet()).encode()).hexdigest()
    # A changed value with rebuild="html" makes Sphinx write all pages again, with links to the new checksum.
    app.add_config_value("implreg_front_digest", digest, "html")
    # Ahead of the theme's scripts, which are large: a figure should not wait for them.
    app.add_js_file("implreg-explorer.js", loading_method="async", fetchpriority="high")
    app.add_css_file("implreg-explorer.css")
    app.connect("builder-inited", _write_assets)
    return {"version": "2", "parallel_read_safe": True, "parallel_write_safe": True}
