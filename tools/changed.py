"""What `make check` runs: the tests about the files that differ from a commit, and the examples in these files.

Those are the changed test files, the ones that import a changed module by its name, and for chapters the tests of their
form. Who uses a changed module only through others is left to `make test`.
"""

import argparse
import ast
import subprocess
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]
OF_CHAPTERS = "chapters claims exercises light_notebooks notation quantifiers questions quiet_code".split()


def changed(base: str) -> list[str]:
    """The files that differ from the commit `base`, and those that git does not know yet."""
    differing = ("git", "diff", "--name-only", "--diff-filter=d", base)
    unknown = ("git", "ls-files", "--others", "--exclude-standard")
    said = [subprocess.run(each, cwd=ROOT, capture_output=True, text=True, check=True) for each in (differing, unknown)]
    return sorted({name for each in said for name in each.stdout.split("\n") if name})


def imported(text: str) -> set[str]:
    """All names of modules that a file may import, full ones and of attributes that could be modules."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def modules(files: Iterable[str]) -> set[str]:
    """The names by which changed files are imported; of a private module, and of data, that of its package."""
    names = set()
    for path in map(Path, files):
        if path.suffix == ".py" and path.parts[0] in ("_ext", "tests"):
            names.add(path.stem)
        elif path.parts[0] in ("implreg_core", "tools"):
            parts = path.with_suffix("").parts if path.suffix == ".py" else path.parts[:2]
            names.add(".".join(parts))
            names.add(".".join(part for part in parts if part[0] != "_"))
    return names - {"implreg_core"}


def tests_about(files: list[str], sources: dict[str, str]) -> list[str]:
    """Of `sources`, tests by their paths, those to run where `files` have changed; and the files with examples."""
    names = modules(files)
    about = {path for path, text in sources.items() if path in files or imported(text) & names}
    if any(file.startswith("chapters/") for file in files):
        about |= {path for path in sources if Path(path).stem.removeprefix("test_") in OF_CHAPTERS}
    examples = {file for file in files if file.startswith("implreg_core/") and file.endswith(".py")}
    return sorted(about | examples)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", nargs="?", default="HEAD", help="a commit (default: the last)")
    files = changed(parser.parse_args().base)
    sources = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in ROOT.glob("tests/test_*.py")}
    print(*tests_about(files, sources))


if __name__ == "__main__":
    main()
