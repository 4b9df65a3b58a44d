"""Builds the package for PyPI into `dist/`: `python tools/dist.py [--check]`.

What is built is a copy, with what is not in the repository because a fork needs no edit: the addresses of the project,
found as the book finds its own, and a README whose picture and links work on PyPI too.

`--check` installs the wheel, with the locked runtime and what runs sweeps, into a new environment outside the checkout,
and uses it there.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "_ext"))

from published import find_address, find_repository  # noqa: E402

FILES = ("pyproject.toml", "README.md", "LICENSE")

USE = r"""
import pathlib, re, subprocess, sys
import implreg_core
from implreg_core import sweeps

readme = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
assert pathlib.Path(implreg_core.__file__).is_relative_to(sys.prefix), implreg_core.__file__
names = {}
for example in re.findall(r"^```python\n(.*?)^```", readme, re.DOTALL | re.MULTILINE):
    exec(compile(example, "README.md", "exec"), names)
assert names["ends"].done.all() and (names["folder"] / "own.html").exists()
print(sweeps.stored("evidence-convex").sizes)
subprocess.run([sys.executable, "-m", "implreg_core", "--help"], check=True)
"""


def source(folder: Path, environ=os.environ) -> None:
    """Write what the package is built from into the empty `folder`."""
    shutil.copytree(ROOT / "implreg_core", folder / "implreg_core", ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, folder)
    repository = find_repository(environ, ROOT)
    if not repository:
        return
    urls = {"Repository": repository, "Changelog": f"{repository}/blob/HEAD/CHANGELOG.md"}
    urls["Documentation"] = find_address(environ, repository)
    with open(folder / "pyproject.toml", "a", encoding="utf-8") as file:
        file.writelines(["\n[project.urls]\n", *(f'{name} = "{url}"\n' for name, url in urls.items())])
    readme = folder / "README.md"
    text = readme.read_text(encoding="utf-8")
    text = re.sub(r"(!\[[^]]*\])\((?!\w+:)", rf"\1({repository}/raw/HEAD/", text)
    readme.write_text(re.sub(r"(?<!!)(\[[^]]*\])\((?!\w+:)", rf"\1({repository}/blob/HEAD/", text), encoding="utf-8")


def build(folder: Path, environ=os.environ) -> tuple[Path, Path]:
    """Build into `folder`; return the source distribution, and the wheel that is built from it."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch, "copy")
        copy.mkdir()
        source(copy, environ)
        sdist = _backend("build_sdist", copy, folder, environ)
        with tarfile.open(sdist) as archive:
            archive.extractall(scratch, filter="data")
        unpacked = Path(scratch, sdist.name.removesuffix(".tar.gz"))
        return sdist, _backend("build_wheel", unpacked, folder, environ)


def _backend(hook, source, folder, environ):
    """What pip does, without a package index: the backend is installed, pinned, with the book."""
    code = f"from flit_core import buildapi; print(buildapi.{hook}({str(folder.absolute())!r}))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=source, env=dict(environ), capture_output=True, encoding="utf-8")
    if done.returncode:
        raise SystemExit(f"{hook} failed:\n{done.stderr}")
    return folder / done.stdout.split()[-1]


def check(wheel: Path) -> None:
    """Install a wheel in a new environment and use it as a reader of the README would."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch, "venv")
        venv.create(home, with_pip=True)
        python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        install = [python, "-m", "pip", "install", "-q"]
        pinned = re.findall(r"^[\w.-]+==[^\s\\]+", (ROOT / "requirements/book.txt").read_text("utf-8"), re.MULTILINE)
        constraints = Path(scratch, "constraints.txt")
        constraints.write_text("\n".join(pinned), encoding="utf-8")
        for command in (
            [*install, "--require-hashes", "-r", ROOT / "requirements.txt"],
            [*install, "--no-deps", wheel.absolute()],
            [*install, "-c", constraints, f"{wheel.absolute()}[sweeps]"],
            [python, "-m", "pip", "check"],
            [python, "-c", USE, ROOT / "README.md"],
        ):
            subprocess.run(command, check=True, cwd=scratch, env=environ)


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the source distribution and the wheel.")
    parser.add_argument("--check", action="store_true", help="use the wheel in a new environment")
    chosen = parser.parse_args()
    shutil.rmtree(ROOT / "dist", ignore_errors=True)
    sdist, wheel = build(ROOT / "dist")
    if chosen.check:
        check(wheel)
    print(sdist, wheel, sep="\n")


if __name__ == "__main__":
    main()
