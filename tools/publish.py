"""Publishes what Binder and Colab open: `python tools/publish.py REMOTE [--branch notebooks]`.

The branch holds the reader's edition of the notebooks, which the book's build writes, at the top; the package that they
import; and what Binder installs. It is one commit without a history, made anew each time from the built book, so that
readers download little, and the history of the sources knows nothing of generated files.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "_ext"))

from published import BINDER, COLAB, find_address, find_repository  # noqa: E402

EDITION = ROOT / "_build" / "html" / "notebooks"
COPIED = ("binder", "implreg_core", "requirements/build.txt", "pyproject.toml", "LICENSE", "LICENSE-text.md")
AUTHOR = {"NAME": "The implreg_core authors", "EMAIL": "authors@implreg-core.invalid"}


def tree(edition: Path, target: Path, branch: str = "notebooks", environ=os.environ) -> None:
    """Write what the branch holds into the folder `target`, which is new or empty.

    `edition` is the folder of the built notebooks.
    """
    notebooks = sorted(edition.glob("*.ipynb"))
    if not notebooks:
        raise SystemExit(f"There is no edition of the notebooks in {edition}: run make book.")
    target.mkdir(parents=True, exist_ok=True)
    for notebook in notebooks:
        shutil.copy(notebook, target)
    for name in COPIED:
        here, there = ROOT / name, target / name
        there.parent.mkdir(exist_ok=True)
        if here.is_dir():  # links become files: binder/requirements.txt points out of its folder
            shutil.copytree(here, there, ignore=shutil.ignore_patterns("__pycache__", "*.runs"))
        else:
            shutil.copy(here, there)
    (target / "README.md").write_text(_readme(notebooks, branch, environ), encoding="utf-8")


def _readme(notebooks, branch, environ):
    """What this branch is, for whoever meets it."""
    repository = find_repository(environ, ROOT)
    address = find_address(environ, repository)
    first = "intro.ipynb" if any(path.name == "intro.ipynb" for path in notebooks) else notebooks[0].name
    sources = f"[the sources]({repository})" if repository else "the sources"
    lines = [
        "# The notebooks of the book",
        "",
        f"This branch is made by the build of the book, from {sources}: change nothing here, it will be replaced.",
        "",
        f"- Read: the book is at <{address}>." if address else "- Read: `make book` in the sources builds the book.",
    ]
    if repository:
        path = repository.removeprefix("https://github.com/")
        lines += [
            f"- Run in the browser: [Binder]({BINDER}/v2/gh/{path}/{branch}?urlpath=lab/tree/{first}).",
            f"- Or in [Colab]({COLAB}/github/{path}/blob/{branch}/{first}): its first code cell installs the package.",
        ]
    lines += [f"- Run here, with Python 3.11 or newer: `pip install . jupyterlab`, then `jupyter lab {first}`.", ""]
    return "\n".join(lines)


def publish(remote: str, branch: str = "notebooks", edition: Path = EDITION, environ=os.environ) -> str:
    """Push the branch to `remote`, unless it holds the same already; return a sentence that says which."""
    if shutil.which("git") is None:
        raise SystemExit("git is not installed, and publishing pushes with it: install git.")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "tree")
        tree(edition, folder, branch, environ)
        git = _Git(folder, Path(scratch, "index"), environ)
        git("check-ref-format", f"refs/heads/{branch}", otherwise=f"{branch!r} cannot be the name of a branch.")
        git("add", "--all", "--force", ".")
        contents = git("write-tree")
        unreachable = f"git cannot read {remote!r}: give the address of a repository, or the name of a remote."
        found = git("ls-remote", remote, f"refs/heads/{branch}", otherwise=unreachable)
        if found:
            git("fetch", "--quiet", "--depth=1", "--no-write-fetch-head", remote, f"refs/heads/{branch}")
            if git("rev-parse", f"{found.split()[0]}^{{tree}}") == contents:
                return f"{branch} of {remote} is up to date."
        commit = git("commit-tree", contents, "-m", f"Notebooks of {git.source}")
        refused = f"git cannot push to {remote!r}: see that you may write there."
        git("push", "--quiet", "--force", remote, f"{commit}:refs/heads/{branch}", otherwise=refused)
        return f"{branch} of {remote} holds the notebooks of {git.source}."


class _Git:
    """git with the checkout's repository, and so with its remotes and credentials, but a work tree of its own."""

    def __init__(self, folder, index, environ):
        self.environ = {**environ, "GIT_TERMINAL_PROMPT": "0"}
        nowhere = f"{ROOT} is not a git repository, so what it publishes has no source: work in a clone."
        where = self("-C", str(ROOT), "rev-parse", "--absolute-git-dir", otherwise=nowhere)
        self.source, date = self("-C", str(ROOT), "log", "-1", "--format=%H %cI", otherwise=nowhere).split()
        self.environ |= {"GIT_DIR": where, "GIT_WORK_TREE": str(folder), "GIT_INDEX_FILE": str(index)}
        for role in ("AUTHOR", "COMMITTER"):  # with the source's date: the same source and book are the same commit
            self.environ |= {f"GIT_{role}_{key}": value for key, value in AUTHOR.items()}
            self.environ[f"GIT_{role}_DATE"] = date

    def __call__(self, *arguments, otherwise="git failed."):
        command = ["git", "-c", "core.autocrlf=false", *arguments]
        done = subprocess.run(command, env=self.environ, capture_output=True, encoding="utf-8", errors="replace")
        if done.returncode:
            raise SystemExit(f"{otherwise}\n{done.stderr.strip()}".strip())
        return done.stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description="Publish the built notebooks, for Binder and Colab, as a branch.")
    parser.add_argument("remote", metavar="REMOTE", help="address of a git repository, or the name of a remote")
    parser.add_argument("--branch", default="notebooks", help="the branch to replace (default: notebooks)")
    chosen = parser.parse_args()
    print(publish(chosen.remote, chosen.branch))


if __name__ == "__main__":
    main()
