"""Where the book is published: found from the environment and from git, refused where it cannot be meant."""

import subprocess
import sys
from pathlib import Path

import pytest
from sphinx.errors import ConfigError

sys.path.append(str(Path(__file__).parents[1] / "_ext"))
import published  # noqa: E402

pytestmark = pytest.mark.book

REPOSITORY = "https://github.com/some-owner/its.book"
ACTIONS = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "some-owner/its.book"}


@pytest.fixture
def clone(tmp_path):
    """Makes a git repository whose `origin` is the given address."""

    def make(origin):
        subprocess.run(["git", "init", "-q", tmp_path], check=True)
        subprocess.run(["git", "-C", tmp_path, "remote", "add", "origin", origin], check=True)
        return tmp_path

    return make


@pytest.mark.parametrize("origin", [
    REPOSITORY,
    REPOSITORY + ".git",
    REPOSITORY + "/",
    "https://x-access-token:secret@github.com/some-owner/its.book",
    "git@github.com:some-owner/its.book.git",
    "ssh://git@github.com/some-owner/its.book.git",
])  # fmt: skip
def test_repository_from_origin(clone, origin):
    assert published.find_repository({}, clone(origin)) == REPOSITORY


@pytest.mark.parametrize("origin", ["https://example.org/some-owner/its.book", "/srv/github.com/a/b", "../book"])
def test_elsewhere_is_unknown(clone, origin):
    assert published.find_repository({}, clone(origin)) is None


def test_a_surrounding_repository_is_not_the_books(clone):
    copy = clone(REPOSITORY) / "copy"
    copy.mkdir()
    assert published.find_repository({}, copy) is None


def test_what_is_said_outright_comes_first(clone):
    root = clone("https://github.com/a/origin")
    assert published.find_repository(ACTIONS, root) == REPOSITORY
    named = {"BOOK_REPOSITORY": "https://github.com/b/named"}
    assert published.find_repository(ACTIONS | named, root) == "https://github.com/b/named"
    assert published.find_repository({"BOOK_REPOSITORY": ""}, root) == "https://github.com/a/origin"
    forge = {"GITHUB_SERVER_URL": "https://forge.example", "GITHUB_REPOSITORY": "some-owner/its.book"}
    assert published.find_repository(forge, root) == "https://github.com/a/origin"


@pytest.mark.parametrize("environ, repository, address", [
    ({}, None, ""),
    ({}, REPOSITORY, "https://some-owner.github.io/its.book/"),
    ({}, "https://github.com/Owner/Owner.github.io", "https://owner.github.io/"),
    ({"BOOK_URL": "https://example.org/a/book"}, REPOSITORY, "https://example.org/a/book/"),
    ({"BOOK_URL": "http://localhost:8000/"}, None, "http://localhost:8000/"),
])  # fmt: skip
def test_address(environ, repository, address):
    assert published.find_address(environ, repository) == address


def test_branch():
    assert published.find_branch({}) == "notebooks"
    assert published.find_branch({"BOOK_BRANCH": "v1.0"}) == "v1.0"


@pytest.mark.parametrize("name, value", [
    ("BOOK_REPOSITORY", "owner/name"),
    ("BOOK_REPOSITORY", "https://github.com/owner"),
    ("BOOK_REPOSITORY", "https://github.com/owner/name/tree/main"),
    ("BOOK_REPOSITORY", "https://example.org/owner/name"),
    ("BOOK_URL", "example.org/book"),
    ("BOOK_URL", "https:///book"),
    ("BOOK_URL", "https://example.org/?book"),
    ("BOOK_BRANCH", "-x"),
    ("BOOK_BRANCH", "two words"),
    ("BOOK_BRANCH", "v1#x"),
])  # fmt: skip
def test_malformed_values_are_named(tmp_path, name, value):
    finders = {
        "BOOK_REPOSITORY": lambda environ: published.find_repository(environ, tmp_path),
        "BOOK_URL": lambda environ: published.find_address(environ, None),
        "BOOK_BRANCH": published.find_branch,
    }
    with pytest.raises(ConfigError, match=f"{name}='.*': write .* unset it"):
        finders[name]({name: value})
