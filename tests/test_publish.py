"""The branch that Binder and Colab open: what it holds, and that publishing it twice changes nothing."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tools import publish

pytestmark = pytest.mark.book

ROOT = Path(__file__).parents[1]
REPOSITORY = {"BOOK_REPOSITORY": "https://github.com/some-owner/its.book"}


def git(*arguments):
    return subprocess.run(["git", *map(str, arguments)], check=True, capture_output=True, encoding="utf-8").stdout


@pytest.fixture
def environ(tmp_path, monkeypatch):
    """No settings of this machine's git, and no repository but the one that a test names."""
    for name in ("BOOK_REPOSITORY", "BOOK_URL", "GITHUB_REPOSITORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "none"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return monkeypatch


@pytest.fixture
def edition(tmp_path):
    folder = tmp_path / "edition"
    folder.mkdir()
    for name in ("intro", "proofs"):
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(name)]), folder / f"{name}.ipynb")
    return folder


@pytest.fixture
def remote(tmp_path, environ):
    """A bare repository that has a branch already."""
    bare, work = tmp_path / "remote.git", tmp_path / "work"
    git("init", "-q", "--bare", bare)
    git("init", "-q", "-b", "main", work)
    git("-C", work, "-c", "user.name=a", "-c", "user.email=a@b.invalid", "commit", "-q", "--allow-empty", "-m", "first")
    git("-C", work, "push", "-q", bare, "main")
    return bare


def test_the_branch_is_one_commit_that_holds_what_runs(edition, remote, tmp_path):
    main = git("-C", remote, "rev-parse", "main")
    assert publish.publish(str(remote), edition=edition).startswith(f"notebooks of {remote} holds")
    clone = tmp_path / "clone"
    git("clone", "-q", "-b", "notebooks", remote, clone)
    top = {path.name for path in clone.iterdir()} - {".git"}
    assert top == {"intro.ipynb", "proofs.ipynb", "binder", "implreg_core", "requirements", "pyproject.toml",
                   "README.md", "LICENSE", "LICENSE-text.md"}  # fmt: skip
    for folder in ("binder", "implreg_core"):
        tracked = git("-C", ROOT, "ls-files", "-co", "--exclude-standard", folder).split()
        assert {str(path.relative_to(clone)) for path in (clone / folder).rglob("*") if path.is_file()} == set(tracked)
    assert [path.name for path in (clone / "requirements").iterdir()] == ["build.txt"]  # what postBuild names
    lock = clone / "binder" / "requirements.txt"
    assert not lock.is_symlink() and lock.read_bytes() == (ROOT / "requirements.txt").read_bytes()
    assert all((clone / "binder" / name).stat().st_mode & 0o100 for name in ("postBuild", "start"))
    assert (clone / "intro.ipynb").read_bytes() == (edition / "intro.ipynb").read_bytes()
    source = git("-C", ROOT, "rev-parse", "HEAD").strip()
    log = git("-C", clone, "log", "--format=%an|%cn|%s").splitlines()  # one commit
    assert log == [f"The implreg_core authors|The implreg_core authors|Notebooks of {source}"]

    before = git("-C", remote, "rev-parse", "notebooks")
    assert publish.publish(str(remote), edition=edition) == f"notebooks of {remote} is up to date."
    assert git("-C", remote, "rev-parse", "notebooks") == before
    (edition / "proofs.ipynb").unlink()
    publish.publish(str(remote), edition=edition)
    assert "proofs.ipynb" not in git("-C", remote, "ls-tree", "--name-only", "notebooks").split()
    assert git("-C", remote, "rev-list", "--count", "notebooks").strip() == "1"
    assert git("-C", remote, "rev-parse", "main") == main
    assert git("-C", remote, "for-each-ref", "--format=%(refname)").split() == [
        "refs/heads/main", "refs/heads/notebooks"
    ]  # fmt: skip


def test_readme_leads_to_the_book_and_to_what_runs_it(edition, tmp_path):
    publish.tree(edition, tmp_path / "known", "reader", environ=REPOSITORY)
    text = (tmp_path / "known" / "README.md").read_text(encoding="utf-8")
    for link in (
        "https://some-owner.github.io/its.book/",
        "https://mybinder.org/v2/gh/some-owner/its.book/reader?urlpath=lab/tree/intro.ipynb",
        "https://colab.research.google.com/github/some-owner/its.book/blob/reader/intro.ipynb",
    ):
        assert link in text
    publish.tree(edition, tmp_path / "unknown", environ={"GITHUB_SERVER_URL": "x", "GITHUB_REPOSITORY": "y"})
    if publish.find_repository({}, ROOT) is None:
        assert "://" not in (tmp_path / "unknown" / "README.md").read_text(encoding="utf-8")


def test_what_cannot_be_published_is_said(edition, remote, tmp_path, environ, capsys):
    with pytest.raises(SystemExit, match="no edition of the notebooks in .*nothing: run make book"):
        publish.publish(str(remote), edition=tmp_path / "nothing")
    with pytest.raises(SystemExit, match="git cannot read '.*nowhere.git': give the address"):
        publish.publish(str(tmp_path / "nowhere.git"), edition=edition)
    with pytest.raises(SystemExit, match="'a b' cannot be the name of a branch"):
        publish.publish(str(remote), "a b", edition=edition)
    environ.setattr(sys, "argv", ["publish.py"])
    with pytest.raises(SystemExit):
        publish.main()
    assert "required: REMOTE" in capsys.readouterr().err
    environ.setattr(publish, "ROOT", tmp_path)
    environ.setattr(publish, "COPIED", ())
    with pytest.raises(SystemExit, match="is not a git repository"):
        publish.publish(str(remote), edition=edition)
    environ.setenv("PATH", "")
    with pytest.raises(SystemExit, match="git is not installed"):
        publish.publish(str(remote), edition=edition)
