"""How many small changes of the mathematics do its tests notice? `make mutants [MODULES="bounds ranks"] [SAMPLE=100]`

Each mutant, a module with one number, operator or condition changed as mutmut does it, is tried with the test files
about that module alone, until the first test fails. One that hangs counts as killed. Those that survive are printed:
each calls for a test, for simpler code, or for a reason why it computes the same. `--again` tries only these.

What is changed is a copy. Each mutant has a process of its own, forked when what tests import is there already; what
XLA compiled for the unchanged module is read from `_build/mutants`.
"""

import argparse
import compileall
import importlib
import json
import os
import py_compile
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import libcst as cst
import pytest
from libcst.metadata import MetadataWrapper, ParentNodeProvider, PositionProvider
from mutmut.mutation import mutators

ROOT = Path(__file__).parents[1]
STORE = ROOT / "_build" / "mutants"

# The files of each module, and the tests about it.
FLOW = ["sign_preserving"]
MODULES = {
    "bounds": ("bounds.py", ["bounds", "norm_constants"]),
    "ranks": ("ranks.py", ["ranks", "gradients"]),
    "norms": ("norms.py", ["norms", "norm_language"]),
    "factorizations": ("factorizations.py", ["factorizations"]),
    "rosenbrock": ("flow/_rosenbrock.py", ["rosenbrock"]),
    "two_by_two_flow": ("flow/_two_by_two.py", FLOW),
    "two_by_two_path": ("flow/_two_by_two_path.py", FLOW),
    "stepping": ("flow/_stepping.py", FLOW),
    "sign_preserving": ("flow/_sign_preserving.py", FLOW),
    "javascript": ("javascript/*.py", ["javascript", "javascript_parameters", "javascript_programs"]),
}

# Imported once, before the forks: none of it starts XLA, whose threads a fork would lose.
HEAVY = (
    *("beartype", "diffrax", "hypothesis.extra.numpy", "jax.scipy.special", "jaxtyping", "matplotlib.pyplot", "mpmath"),
    *("optax", "scipy.stats", "xarray"),
)

# Not its changes of text, and not those that put None for what is computed: any test notices.
CHANGES = {
    mutators.operator_number,
    mutators.operator_name,
    mutators.operator_augmented_assignment,
    mutators.operator_remove_unary_ops,
    mutators.operator_keywords,
    mutators.operator_swap_op,
    mutators.operator_if_exp,
}
NOT_COMPUTED = (cst.Annotation, cst.Decorator, cst.Raise, cst.ImportFrom)


class Mutant(NamedTuple):
    file: str
    line: int
    text: str  # of the whole file, unchanged
    make: Callable[[], str]  # the changed text

    def __str__(self):
        pairs = zip(self.text.splitlines(), self.make().splitlines())
        old, new = next(pair for pair in pairs if pair[0] != pair[1])
        return f"{self.file}:{self.line}\n  - {old.strip()}\n  + {new.strip()}"


def mutants(file):
    """One for each change of a file that means something."""
    text = (ROOT / file).read_text()
    wrapper = MetadataWrapper(cst.parse_module(text))
    parents, places = map(wrapper.resolve, (ParentNodeProvider, PositionProvider))

    def changed(node, new):
        return wrapper.module.deep_replace(node, new).code

    def is_computed(node):
        return node is wrapper.module or not isinstance(node, NOT_COMPUTED) and is_computed(parents[node])

    for node in filter(is_computed, parents):
        for kind, change in mutators.mutation_operators:
            if isinstance(node, kind) and change in CHANGES:
                for new in change(node):
                    yield Mutant(file, places[node].start.line, text, partial(changed, node, new))


class Shortest:
    """Runs the tests of each file by the time that they took before, so that most mutants die soon."""

    def __init__(self, seconds):
        self.seconds = dict(seconds)
        self.measured = {}

    def pytest_collection_modifyitems(self, items):
        files = list(dict.fromkeys(item.path for item in items))
        items.sort(key=lambda item: (files.index(item.path), self.seconds.get(item.nodeid, 0)))

    def pytest_runtest_logreport(self, report):
        self.measured[report.nodeid] = self.measured.get(report.nodeid, 0) + report.duration


def start(tree, tests, seconds, limit):
    """Runs tests in a forked process, which no more than `limit` seconds are given to; its id."""
    if pid := os.fork():
        return pid
    os.setpgid(0, 0)
    signal.alarm(limit)  # ends the process, also inside XLA
    import jax

    with open(tree / "log", "w") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    os.chdir(tree)
    sys.path.insert(0, str(tree))
    jax.config.update("jax_compilation_cache_dir", str(STORE / "compiled"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 1e9 if seconds else 0)  # nothing of mutants
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    plugin = Shortest(seconds)
    files = [f"tests/test_{name}.py" for name in tests]
    status = pytest.main(["-xq", "-n0", "-pno:cacheprovider", "-pno:nbval", "--tb=line", *files], [plugin])
    if not seconds:
        (tree / "seconds.json").write_text(json.dumps(plugin.measured))
    os._exit(status)


def end(pid):
    """Ends a forked process and what it began, such as a Node in an endless loop."""
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def new_tree(folder):
    for name in ("implreg_core", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    # A changed module is compiled anew even if neither its size nor the second of its change differs.
    compileall.compile_dir(folder, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)
    return folder


def survivors(name, chosen, trees):
    """Those of the mutants that pass the tests of the module called `name`."""
    tests, began = MODULES[name][1], time.time()
    _, status = os.waitpid(start(trees[0], tests, {}, 3600), 0)
    if status:
        sys.exit((trees[0] / "log").read_text() + f"The tests of {name} fail already without a mutant.")
    seconds = json.loads((trees[0] / "seconds.json").read_text())
    limit = round(60 + 3 * (time.time() - began))
    waiting, running, free, left = list(chosen), {}, list(trees), []
    try:
        while waiting or running:
            while waiting and free:
                tree, mutant = free.pop(), waiting.pop(0)
                (tree / mutant.file).write_text(mutant.make())
                running[start(tree, tests, seconds, limit)] = tree, mutant
            pid, status = os.wait()
            end(pid)
            tree, mutant = running.pop(pid)
            (tree / mutant.file).write_text(mutant.text)
            free.append(tree)
            print(".", end="", file=sys.stderr, flush=True)
            if status == 0:
                left.append(mutant)
                print(f"\n{mutant}", flush=True)
    finally:
        for pid in running:
            end(pid)
    return left


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", default=list(MODULES), metavar="MODULE", help=", ".join(MODULES))
    parser.add_argument("--sample", type=int, default=100, help="try so many mutants of a module, drawn at random")
    parser.add_argument("--seed", type=int, default=0, help="which")
    parser.add_argument("--again", action="store_true", help="try those that survived the last time")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    if unknown := set(options.modules) - MODULES.keys():
        parser.error(f"there is no module {', '.join(sorted(unknown))}; choose from {', '.join(MODULES)}")
    STORE.mkdir(parents=True, exist_ok=True)
    sys.dont_write_bytecode = True
    for name in HEAVY:
        importlib.import_module(name)
    totals = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        trees = [new_tree(Path(folder, str(job))) for job in range(options.jobs)]
        for name in options.modules:
            files = sorted(path.relative_to(ROOT) for path in (ROOT / "implreg_core").glob(MODULES[name][0]))
            every = [mutant for file in files for mutant in mutants(str(file))]
            record, numbers = STORE / f"{name}.json", range(len(every))
            if options.again:
                numbers = json.loads(record.read_text())
            elif len(every) > options.sample:
                numbers = random.Random(options.seed).sample(numbers, options.sample)
            chosen = [every[n] for n in numbers]
            left = survivors(name, chosen, trees)
            record.write_text(json.dumps([every.index(mutant) for mutant in left]))
            totals.append(f"{name}: {len(chosen) - len(left)} of {len(chosen)} mutants killed, of {len(every)} in all")
            print("\n" + totals[-1], flush=True)
    print("", *totals, sep="\n")


if __name__ == "__main__":
    main()
