"""What happens on a worker: one run is computed, on one thread, and comes back as the bytes that are stored.

An experiment is sent by its name and imported here, so it may live in any module that the worker can import: an
installed one, or one in the sweep file's folder where the worker sees that folder too.
"""

import functools
import importlib.metadata
import inspect
import os
import platform
import signal
import subprocess
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path

import implreg_core
from implreg_core.sweeps import _store
from implreg_core.sweeps._file import Run, resolve

# One thread for each worker, so that the last bits of a result depend neither on how many processors there are nor
# on what else they do. XLA reads NPROC and XLA_FLAGS when JAX starts its CPU device, OpenBLAS (behind NumPy and behind
# jax.numpy.linalg) its variable when it is loaded: both before a worker could set them itself.
ENVIRONMENT = {
    "NPROC": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


def environment() -> dict[str, str]:
    """The environment in which to start a worker: our variables, on top of the caller's own XLA flags."""
    flags = os.environ.get("XLA_FLAGS", "").replace(ENVIRONMENT["XLA_FLAGS"], "")
    return {**ENVIRONMENT, "XLA_FLAGS": f"{flags} {ENVIRONMENT['XLA_FLAGS']}".strip()}


def compute(run: Run, folder: Path) -> tuple[bytes | None, str | None]:
    """The file of one run and None; or, if it raised, None and the traceback."""
    started, clock = datetime.now(UTC), time.perf_counter()
    try:
        function = resolve(run.experiment, folder)
        results = _store.plain(function(**run.settings, seed=run.seed))
        seconds = time.perf_counter() - clock
        provenance = {
            **_provenance(inspect.getfile(inspect.unwrap(function))),
            "started": started.isoformat(timespec="seconds"),
            "seconds": round(seconds, 4),
        }
        return _store.encode(run, _store.Record(results, provenance)), None
    except (Exception, SystemExit):  # sent as text: not every exception survives being sent
        return None, traceback.format_exc()


def dask_setup(worker) -> None:
    """Dask calls this when a worker starts: Ctrl-C in the terminal is for the client, which then stops the workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@functools.cache
def _provenance(file):
    """What a result may depend on beside its settings; found once for each worker, when it loads the code."""
    versions = {name: importlib.metadata.version(name) for name in ("jax", "jaxlib", "numpy")}
    limited = all(value in os.environ.get(name, "").split() for name, value in ENVIRONMENT.items())
    commit = _commit(Path(file)) or _commit(Path(implreg_core.__file__))
    return {
        "python": platform.python_version(),
        **versions,
        "implreg_core": implreg_core.__version__,
        "commit": commit or "none",
        "cpus": os.cpu_count(),
        "threads": "1" if limited else "not limited",
    }


def _commit(file):
    """The commit of the repository that tracks `file`, and whether its Python files have changed since."""

    def git(*arguments):
        command = ["git", "--no-optional-locks", "-C", str(file.parent), *arguments]
        return subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace")

    try:
        if git("ls-files", "--error-unmatch", file.name).returncode:
            return None
        changed = git("status", "--porcelain", "--", ":(top)*.py").stdout
        return git("rev-parse", "HEAD").stdout.strip() + ("-dirty" if changed else "")
    except FileNotFoundError:  # no git
        return None
