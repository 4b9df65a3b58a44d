"""The files around the package say the same thing, and the locks hold what they are for."""

import ast
import json
import re
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml

import implreg_core

pytestmark = pytest.mark.book

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
    extras = PROJECT["project"]["optional-dependencies"]
    assert _names(PROJECT["project"]["dependencies"]) <= pins.keys()
    others = _names(extras["book"] + extras["proofs"] + extras["sweeps"] + extras["test"])
    assert not (others | {"sphinx", "myst-nb", "jupyterlab", "nbclient"}) & pins.keys()


# What is imported by another name than it is installed by.
DISTRIBUTIONS = {"cvxpy": "cvxpy-base", "flint": "python-flint", "mpl_toolkits": "matplotlib", "z3": "z3-solver"}


def _imported():
    """`{package: files that import it}`, as its distribution is called; not what is only for type checkers."""
    found = {}
    for path in (ROOT / "implreg_core").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                node.body.clear()
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, path
                names = [node.module]
            for top in {name.split(".")[0] for name in names} - sys.stdlib_module_names - {"implreg_core"}:
                found.setdefault(DISTRIBUTIONS.get(top, top).lower(), set()).add(path.relative_to(ROOT).as_posix())
    return found


def test_every_import_is_declared_and_every_dependency_is_imported():
    imported = _imported()
    always = _names(PROJECT["project"]["dependencies"])
    sweeps, proofs = (_names(PROJECT["project"]["optional-dependencies"][extra]) for extra in ("sweeps", "proofs"))
    by_name = {"clarabel", "scs", "h5netcdf", "h5py", "ipywidgets"}  # loaded by cvxpy, xarray and anywidget
    assert imported.keys() | by_name == always | sweeps | proofs
    assert not always & (sweeps | proofs)
    for names, home in ((sweeps, "sweeps"), (proofs, "deciding.py")):
        for name in names:
            assert {path.split("/")[1] for path in imported[name]} == {home}


def test_locks_agree():
    everything = _pins(LOCKS["test"])
    for name in ("requirements", "book", "jupyter"):
        assert _pins(LOCKS[name]).items() <= everything.items(), name
    assert int(everything["jupyter-book"].split(".")[0]) < 2


def test_katex_is_pinned_with_its_hash():
    folder = ROOT / "requirements" / "katex"
    wanted, lock = (json.loads((folder / name).read_text()) for name in ("package.json", "package-lock.json"))
    assert lock["packages"].pop("")["dependencies"] == wanted["dependencies"]
    assert lock["packages"]["node_modules/katex"]["version"] == wanted["dependencies"]["katex"]
    for package in lock["packages"].values():
        assert package["integrity"].startswith("sha512-")
        assert "resolved" not in package  # where packages come from is npm's own configuration


def test_the_locked_build_backend_is_the_declared_one():
    assert PROJECT["dependency-groups"]["build"] == PROJECT["build-system"]["requires"]


def test_binder_installs_the_runtime_lock():
    assert (ROOT / "binder/requirements.txt").resolve() == LOCKS["requirements"]
    minor = int(re.fullmatch(r"python-3\.(\d+)\n", (ROOT / "binder/runtime.txt").read_text())[1])
    least = int(re.fullmatch(r">=3\.(\d+)", PROJECT["project"]["requires-python"])[1])
    assert minor >= least


def test_the_chapter_that_decides_installs_what_the_runtime_lock_leaves_out():
    pins, names = _pins(LOCKS["book"]), _names(PROJECT["project"]["optional-dependencies"]["proofs"])
    cells = nbformat.read(ROOT / "chapters/proofs.ipynb", as_version=4).cells
    first = next(cell.source for cell in cells if cell.cell_type == "code")
    assert set(re.findall(r"[\w-]+==[\w.]+", first)) == {f"{name}=={pins[name]}" for name in names}


def test_citation_has_what_the_format_requires():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation.keys() >= {"cff-version", "message", "title", "authors"}
    assert citation["cff-version"] == "1.2.0"
    assert str(citation["version"]) == implreg_core.__version__  # also the package's, by flit
    assert "version" in PROJECT["project"]["dynamic"]
    assert citation["license"] == PROJECT["project"]["license"]
    paper = citation["preferred-citation"]
    assert paper.keys() >= {"type", "title", "authors", "year"}
    assert [author["family-names"] for author in paper["authors"]] == ["Razin", "Cohen"]
    assert paper["title"] in (ROOT / "README.md").read_text().replace("\n", " ")


def test_zenodo_reads_the_citation():
    """It would read `.zenodo.json` instead, and nothing else of the citation, if there were one."""
    assert not (ROOT / ".zenodo.json").exists()
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation.keys() >= {"abstract", "keywords", "type"}
    assert set(citation["keywords"]) == set(PROJECT["project"]["keywords"])
    assert citation["authors"] == PROJECT["project"]["authors"]


def test_changelog_knows_this_version():
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert implreg_core.__version__ in headings and len(headings) == len(set(headings))
    assert headings[0] == "Unreleased"


def test_the_twenty_lines_of_the_readme_are_those_of_the_chapter():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(import tempfile.*?)^```", readme, re.DOTALL | re.MULTILINE)
    notebook = json.loads((ROOT / "chapters" / "your-own-matrix.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    lines = block[block.index("rows = ") :].rstrip("\n")
    begin = next(i for i, cell in enumerate(cells) if cell.startswith("rows = "))
    end = next(i for i, cell in enumerate(cells) if cell.startswith("SWEEP = "))
    assert lines == "\n".join(cells[begin : end + 1])


def test_readme_example_runs(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    assert len(examples) == 3
    names = [{} for _ in examples]
    for example, own in zip(examples, names):
        exec(compile(example, "README.md", "exec"), own)
    own = names[1]
    assert {"own.html", "own.toml", "own.nc"} <= {path.name for path in own["folder"].iterdir()}
    assert dict(own["ends"].sizes) == {"depth": 3, "scale": 2, "seed": 4} and own["ends"].done.all()
    uranus = [abs(float(W[5, 1]) - 4.43) for W in (own["run"].W, own["path"].W[-1], own["least"])]
    assert max(uranus[:2]) < 0.05 < 1 < uranus[2]
    assert [path.name for path in tmp_path.iterdir()] == ["orbit.html"]
    lines = re.findall(r"^(\S+) is at (least|most) (\S+)$", capsys.readouterr().out, re.MULTILINE)
    assert len(lines) == 3
    for value, word, bound in lines:
        assert float(value) >= float(bound) if word == "least" else float(value) <= float(bound)
