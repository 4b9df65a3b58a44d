"""Sphinx extension: gives the built pages the explorers' front end, as one classic script and one stylesheet.

Each explorer also gets a page of its own, `embed/`, which other sites can show in a frame. Where it offers to take its
settings to another one, the build warns if that one is not there, or has none of its controls.
"""

import hashlib
import json
import posixpath
import re
from collections import defaultdict
from html import unescape
from pathlib import Path

from sphinx.util import logging

from implreg_core.explorers import _front

EXPLORER = re.compile(r'(<figure class="implreg-explorer" id="([\w-]+)" aria-label="([^"]*)">.*?</figure>)', re.DOTALL)
DATA = re.compile(r'<script type="application/json">(.*?)</script>', re.DOTALL)
logger = logging.getLogger(__name__)


def _write_assets(app):
    if app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    static.mkdir(parents=True, exist_ok=True)
    (static / "implreg-explorer.js").write_text(_front.page_script(), encoding="utf-8")
    (static / "implreg-explorer.css").write_text(_front.stylesheet(), encoding="utf-8")


def _write_embeds(app, exception):
    if exception or app.builder.format != "html":
        return
    folder = Path(app.outdir) / "embed"
    folder.mkdir(exist_ok=True)
    specs = defaultdict(list)
    for docname, title in app.env.titles.items():
        page = app.builder.get_outfilename(docname)
        for figure, slug, question in EXPLORER.findall(Path(page).read_text(encoding="utf-8")):
            source = f"../{app.builder.get_target_uri(docname)}#{slug}", f"{title.astext()}, {app.config.html_title}"
            alone = _front.standalone_page(figure, title=unescape(question), source=source)
            (folder / f"{slug}.html").write_text(alone, encoding="utf-8")
            specs[docname].append(json.loads(DATA.search(figure)[1])["spec"])
    for docname, fault in missing_targets(specs):
        logger.warning(fault, location=docname)


def missing_targets(specs: dict[str, list[dict]]) -> list[tuple[str, str]]:
    """The explorers that others continue in and that are not there, or share no control with them: pages and faults.

    `specs` are those of the explorers of each page, by its name.
    """
    faults = []
    for docname, explorers in specs.items():
        for spec in explorers:
            for target in spec["continues"]:
                page = posixpath.join(posixpath.dirname(docname), target["page"])
                names = [_names(other) for other in specs.get(page, []) if other["slug"] == target["slug"]]
                what = (
                    f"The explorer {spec['question']!r} continues in {target['question']!r} of the page {page}, which "
                )
                if not names:
                    faults.append((docname, f"{what}is not there."))
                elif not _names(spec) & names[0]:
                    faults.append((docname, f"{what}has none of its controls, {sorted(_names(spec))}."))
    return faults


def _names(spec: dict) -> set[str]:
    return {control["name"] for control in spec["controls"]}


def setup(app):
    digest = hashlib.sha256((_front.page_script() + _front.stylesheet()).encode()).hexdigest()
    # A changed value with rebuild="html" makes Sphinx write all pages again, with links to the new checksum.
    app.add_config_value("implreg_front_digest", digest, "html")
    # Ahead of the theme's scripts, which are large: a figure should not wait for them.
    app.add_js_file("implreg-explorer.js", loading_method="async", fetchpriority="high")
    app.add_css_file("implreg-explorer.css")
    app.connect("builder-inited", _write_assets)
    app.connect("build-finished", _write_embeds)
    return {"version": "2", "parallel_read_safe": True, "parallel_write_safe": True}
