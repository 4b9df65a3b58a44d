"""The files around the package say the same thing, and the locks hold what they are for."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = {path.stem: path for path in (ROOT / "requirements.txt", *sorted(ROOT.glob("requirements/*.txt")))}


def _pins(path):
    """`{name: version}` of a lock."""
    return dict(re.findall(r"^([\w.-]+)==(\S+)", path.read_text(), re.MULTILINE))


def _names(specifiers):
    return {re.match(r"[\w.-]+", specifier)[0].replace("_", "-").lower() for specifier in specifiers}


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_is_hashed_and_a_wheel(name):
    text = LOCKS[name].read_text()
    entries = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
    assert entries and all("--hash=sha256:" in entry for entry in entries)
    assert "--only-binary :all:" in text
    assert "://" not in text  # where packages come from is pip's own configuration


def test_runtime_lock_is_complete_and_nothing_more():
    pins = _pins(LOCKS["requirements"])
    assert _names(PROJECT["project"]["dependencies"]) <= pins.keys()
    extras = PROJECT["project"]["optional-dependencies"]
    tools = _names(extras["book"] + extras["test"]) | {"sphinx", "myst-nb", "jupyterlab", "nbclient"}
    assert not tools & pins.keys()


def test_locks_agree():
    everything = _pins(LOCKS["test"])
    for name in ("requirements", "book", "jupyter"):
        assert _pins(LOCKS[name]).items() <= everything.items(), name
    assert int(everything["jupyter-book"].split(".")[0]) < 2


def test_the_locked_build_backend_is_the_declared_one():
    assert PROJECT["dependency-groups"]["build"] == PROJECT["build-system"]["requires"]


def test_binder_installs_the_runtime_lock():
    assert (ROOT / "binder/requirements.txt").resolve() == LOCKS["requirements"]
    minor = int(re.fullmatch(r"python-3\.(\d+)\n", (ROOT / "binder/runtime.txt").read_text())[1])
    least = int(re.fullmatch(r">=3\.(\d+)", PROJECT["project"]["requires-python"])[1])
    assert minor >= least


def test_citation_has_what_the_format_requires():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation.keys() >= {"cff-version", "message", "title", "authors"}
    assert citation["cff-version"] == "1.2.0"
    assert str(citation["version"]) == PROJECT["project"]["version"]
    assert citation["license"] == PROJECT["project"]["license"]
    paper = citation["preferred-citation"]
    assert paper.keys() >= {"type", "title", "authors", "year"}
    assert [author["family-names"] for author in paper["authors"]] == ["Razin", "Cohen"]
    assert paper["title"] in (ROOT / "README.md").read_text().replace("\n", " ")


def test_readme_example_runs(capsys):
    examples = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    assert len(examples) == 2
    for example in examples:
        exec(compile(example, "README.md", "exec"), {})
    lines = re.findall(r"^(\S+) is at (least|most) (\S+)$", capsys.readouterr().out, re.MULTILINE)
    assert len(lines) == 3
    for value, word, bound in lines:
        assert float(value) >= float(bound) if word == "least" else float(value) <= float(bound)
