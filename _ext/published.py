"""Sphinx extension: where the book is published, and what follows: launch buttons, canonical addresses, a 404 page.

No file of the book knows where its repository is, so that a copy of it is right as it stands. The build finds out:

- the repository: BOOK_REPOSITORY, else the one whose GitHub Actions run this is, else git's `origin`;
- the branch or tag that readers launch, with the reader's edition of the chapters: BOOK_BRANCH, else notebooks;
- the book's own address: BOOK_URL, else the repository's GitHub Pages.

Without a repository there are no launch buttons; without an address nothing in the pages refers to one.
"""

import os
import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from sphinx.errors import ConfigError

BINDER = "https://mybinder.org"
COLAB = "https://colab.research.google.com"

_GITHUB = re.compile(r"(?:https://(?:[^/@]+@)?|ssh://git@|git@)github\.com[/:]([\w-]+)/([\w.-]+?)(?:\.git)?/?", re.A)


def find_repository(environ, root: Path) -> str | None:
    """`https://github.com/OWNER/NAME` for the repository that holds the book; None when it is not known.

    Whatever is not on github.com counts as unknown: Binder's and Colab's short links do not lead there.

    **Raises:** `ConfigError` when BOOK_REPOSITORY is set to anything else.
    """
    if named := environ.get("BOOK_REPOSITORY"):
        if not (match := _GITHUB.fullmatch(named)):
            raise ConfigError(f"BOOK_REPOSITORY={named!r}: write https://github.com/OWNER/NAME, or unset it.")
    else:
        running = f"{environ.get('GITHUB_SERVER_URL', '')}/{environ.get('GITHUB_REPOSITORY', '')}"
        match = _GITHUB.fullmatch(running) or _GITHUB.fullmatch(_origin(root))
    return f"https://github.com/{match[1]}/{match[2]}" if match else None


def _origin(root):
    """The address of git's `origin`, or nothing."""
    if not (root / ".git").exists():  # git would answer for whatever repository surrounds a bare copy
        return ""
    try:
        command = ["git", "-C", str(root), "remote", "get-url", "origin"]
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    except FileNotFoundError:  # no git on this machine
        return ""


def find_branch(environ) -> str:
    """The branch or tag that readers launch, which holds the reader's edition of the notebooks (`tools/publish.py`).

    **Raises:** `ConfigError` when BOOK_BRANCH cannot stand in an address.
    """
    branch = environ.get("BOOK_BRANCH") or "notebooks"
    if not re.fullmatch(r"\w[\w./-]*", branch):
        raise ConfigError(f"BOOK_BRANCH={branch!r}: write the name of a branch or tag, or unset it.")
    return branch


def find_address(environ, repository: str | None) -> str:
    """The address under which the book is published, with a trailing slash; empty when it is not known.

    **Raises:** `ConfigError` when BOOK_URL is not the address of a folder on the web.
    """
    if named := environ.get("BOOK_URL"):
        parts = urlsplit(named)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ConfigError(f"BOOK_URL={named!r}: write an address such as https://example.org/book/, or unset it.")
        return named.rstrip("/") + "/"
    if not repository:
        return ""
    owner, name = repository.split("/")[-2:]
    host = f"{owner.lower()}.github.io"
    return f"https://{host}/" if name.lower() == host else f"https://{host}/{name}/"


def _publish(app, config):
    repository = find_repository(os.environ, Path(app.srcdir))
    address = find_address(os.environ, repository)
    config.book_repository, config.book_branch = repository, find_branch(os.environ)
    if repository:
        config.html_theme_options |= {
            "repository_url": repository,
            "repository_branch": config.book_branch,
            "launch_buttons": {"notebook_interface": "jupyterlab", "binderhub_url": BINDER, "colab_url": COLAB},
        }
    config.html_baseurl = address
    # A missing page may lie at any depth, so the 404 page alone names everything from the top of its host.
    top = urlsplit(address).path or "/"
    config.notfound_urls_prefix = top
    config.notfound_context = {
        "title": "Page not found",
        "body": f'<h1>Page not found</h1>\n<p>There is nothing at this address. <a href="{top}index.html">Start at the '
        f'first page</a>, or <a href="{top}search.html">search the book</a>.</p>',
    }


def _show_how_to_run(app, pagename, templatename, context, doctree):
    """Say at the end of a notebook page how to run it."""
    if "ipynb" not in context.get("page_source_suffix", ""):
        return
    groups = (group["buttons"] for group in context["header_buttons"] if group.get("label") == "launch-buttons")
    context["body"] += app.builder.templates.render("run.html", {
        "what": "it" if pagename == app.config.root_doc else "this chapter",
        "repository": app.config.book_repository,
        "launch": {button["text"]: button["url"] for buttons in groups for button in buttons},
    })  # fmt: skip


def setup(app):
    app.setup_extension("notfound.extension")
    app.setup_extension("sphinx.ext.githubpages")  # GitHub would drop folders whose names start with _
    app.add_config_value("book_repository", None, "html")  # found; the theme has a default of its own
    app.add_config_value("book_branch", None, "html")
    app.connect("config-inited", _publish, priority=100)
    app.connect("html-page-context", _show_how_to_run, priority=600)  # after the theme's buttons
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
