"""Sphinx extension: gives the built pages the explorers' front end, as one classic script and one stylesheet.

The script is `implreg_core/front/explorer.js`, the module that Jupyter loads, with `host.js` behind it. It is
classic because pages opened from disk (file://) may not load modules.
"""

import hashlib
from pathlib import Path

FRONT = Path(__file__).parent.parent / "implreg_core" / "front"


def bundle(front: Path = FRONT) -> str:
    """`explorer.js` and `host.js` as one classic script: the default export becomes a plain constant.

    **Raises:** `ValueError` when explorer.js imports anything or exports anything else.
    """
    module = (front / "explorer.js").read_text(encoding="utf-8")
    script = module.replace("\nexport default {", "\nconst explorer = {")
    if script == module or "\nexport " in script or "\nimport " in script:
        raise ValueError("explorer.js must have `export default {...}` as its only export, and no imports.")
    host = (front / "host.js").read_text(encoding="utf-8")
    return f'(() => {{\n"use strict";\n{script}\n{host}}})();\n'


def _write_assets(app):
    if app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    static.mkdir(parents=True, exist_ok=True)
    (static / "implreg-explorer.js").write_text(bundle(), encoding="utf-8")
    (static / "implreg-explorer.css").write_bytes((FRONT / "explorer.css").read_bytes())


def setup(app):
    front = b"".join(path.read_bytes() for path in sorted(FRONT.iterdir()))
    # A changed value with rebuild="html" makes Sphinx write all pages again, with links to the new checksum.
    app.add_config_value("implreg_front_digest", hashlib.sha256(front).hexdigest(), "html")
    app.add_js_file("implreg-explorer.js", loading_method="async")
    app.add_css_file("implreg-explorer.css")
    app.connect("builder-inited", _write_assets)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
