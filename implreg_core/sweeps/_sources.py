"""By which source an experiment computes: its module, and all that this imports from beside it, each with a hash.

The files are read, not imported: so the answer depends neither on what a process has imported before nor on what an
experiment imports only when it is called.
"""

import ast
import hashlib
import sys
import threading
from collections.abc import Iterator
from importlib.util import resolve_name
from pathlib import Path

_INSTALLED = ("site-packages", "dist-packages")
_parsing = threading.Lock()  # Python 3.11 may raise SystemError where two threads parse, as two workers here do


def sources_of(experiment: str) -> dict[str, str]:
    """`{file: hash}` for an experiment whose module is imported; files are named from the folder where imports start.

    What lies in that folder is the experiment's own. Among installed packages, where nothing belongs together, only its
    own package is.
    """
    module = experiment.split(":")[0]
    file = getattr(sys.modules[module], "__file__", None)
    if file is None:  # built in
        return {}
    root = Path(file).absolute().parents[module.count(".") + (Path(file).name == "__init__.py")]
    found, waiting = {}, [module]
    while waiting:
        name = waiting.pop()
        if root.name in _INSTALLED and name.split(".")[0] != module.split(".")[0]:
            continue
        for part, path in _files(root, name):
            key = path.relative_to(root).as_posix()
            if key not in found:
                text = path.read_bytes().replace(b"\r\n", b"\n")
                found[key] = hashlib.sha256(text).hexdigest()[:12]
                waiting += _imports(text, part if path.name == "__init__.py" else part.rpartition(".")[0])
    return dict(sorted(found.items()))


def differing(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """The files that are not the same in both."""
    return sorted({name for name, _ in one.items() ^ other.items()})


def _files(root: Path, name: str) -> Iterator[tuple[str, Path]]:
    """The files of a module and of the packages that it lies in, as far as they are below `root`."""
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        path = root.joinpath(*parts[:end])
        for file in (path / "__init__.py", path.with_name(f"{path.name}.py")):
            if file.is_file():
                yield ".".join(parts[:end]), file
                break


def _imports(text: bytes, package: str) -> Iterator[str]:
    """The modules that one of `package` may import; of `from a import b`, both a and a.b, which need not be one."""
    try:
        with _parsing:
            tree = ast.parse(text)
    except (SyntaxError, ValueError):  # of a module that cannot be imported, then
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            try:
                base = resolve_name("." * node.level + (node.module or ""), package)
            except ImportError:  # beyond the top-level package
                continue
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
