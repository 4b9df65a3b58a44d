"""The workflows ask for little and pin what they run; they name no repository, so a fork needs no edit."""

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import yaml

import implreg_core

pytestmark = pytest.mark.book

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
WORKFLOWS = {path.stem: yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader) for path in FILES}


def test_zizmor_finds_nothing_to_misuse():
    program = Path(sysconfig.get_path("scripts"), "zizmor")
    command = [program, "--offline", "--no-progress", ROOT / ".github"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_actions_are_pinned_by_commit_and_nothing_is_secret(path):
    text = path.read_text(encoding="utf-8")
    for action in re.findall(r"uses: (?!\./)(.*)", text):
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action
    assert "secrets." not in text
    assert "github.com/" not in text


def test_permissions_are_the_least():
    assert WORKFLOWS.keys() == {"tests", "publish", "release"}
    granted = {}
    for name, workflow in WORKFLOWS.items():
        assert workflow["permissions"] == {} and workflow["concurrency"]["group"].endswith("${{ github.ref }}")
        for job, settings in workflow["jobs"].items():
            for permission, level in settings["permissions"].items():
                if level == "write":
                    granted.setdefault(permission, set()).add(f"{name}.{job}")
    assert granted == {
        "contents": {"publish.notebooks"}, "pages": {"publish.pages"}, "id-token": {"publish.pages", "release.pypi"}
    }  # fmt: skip
    for name in ("publish", "release"):
        for job, settings in WORKFLOWS[name]["jobs"].items():
            assert job == "tests" or {settings["needs"]} & {"tests", "build"}


def test_make_knows_every_target_that_a_workflow_runs():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {target for path in FILES for target in re.findall(r"\bmake (\S+)$", path.read_text(), re.MULTILINE)}
    assert targets == {"test", "pdf", "lowest", "dist", ".venv/book.stamp"}
    for target in targets:
        assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), target


def test_pythons_are_those_that_the_package_says_it_supports():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    declared = set(re.findall(r'"Programming Language :: Python :: (3\.\d+)"', project))
    jobs = WORKFLOWS["tests"]["jobs"]
    tested = {one["python"] for one in jobs["package"]["strategy"]["matrix"]["include"]}
    steps = [step.get("with", {}) for step in jobs["everything"]["steps"]]
    tested |= {settings["python-version"] for settings in steps if "python-version" in settings}
    assert tested == declared
    runtime = (ROOT / "binder" / "runtime.txt").read_text().strip().removeprefix("python-")
    assert runtime in declared


def test_the_release_refuses_a_tag_that_is_not_the_version(monkeypatch):
    (step,) = (step for step in WORKFLOWS["release"]["jobs"]["build"]["steps"] if "tag" in step.get("name", ""))
    command = step["run"].replace(".venv/bin/python", sys.executable)
    for tag, status in ((f"v{implreg_core.__version__}", 0), ("v99", 1)):
        monkeypatch.setenv("GITHUB_REF_NAME", tag)
        assert subprocess.run(command, shell=True, cwd=ROOT).returncode == status
