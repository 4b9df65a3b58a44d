"""What happens on a worker: one run is computed, on one thread, and comes back as the bytes that are stored.

An experiment is sent by its name and imported here, so it may live in any module that the worker can import: an
installed one, or one in the sweep file's folder where the worker sees that folder too.
"""

import functools
import importlib.metadata
import os
import platform
import signal
import subprocess
import sys
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path

import implreg_core
from implreg_core.sweeps import _store
from implreg_core.sweeps._file import Run, resolve
from implreg_core.sweeps._sources import differing, sources_of

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


def compute(run: Run, folder: Path, sources: dict[str, str] | None = None) -> tuple[bytes | None, str | None]:
    """The file of one run and None; or, if it raised, None and the traceback.

    `sources` are those of the client, if known, with which this worker's must agree.
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    try:
        function = resolve(run.experiment, folder)
        provenance = _provenance(run.experiment)
        if sources is not None and sources != provenance["sources"]:
            files = ", ".join(differing(sources, provenance["sources"]))
            return None, f"Its worker has loaded another {files} than the client: give it the same, and restart it."
        results = _store.plain(function(**run.settings, seed=run.seed))
        seconds = time.perf_counter() - clock
        provenance = provenance | {"started": started.isoformat(timespec="seconds"), "seconds": round(seconds, 4)}
        return _store.encode(run, _store.Record(results, provenance)), None
    except BaseException:  # what a worker raises itself it takes for its own end; as text, for not all can be sent
        return None, traceback.format_exc()


def dask_setup(worker) -> None:
    """Dask calls this when a worker starts: Ctrl-C in the terminal is for the client, which then stops the workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@functools.cache  # once for each worker, when it loads the code: what the files hold later, it does not run
def _provenance(experiment):
    """What a result may depend on beside its settings."""
    versions = {name: importlib.metadata.version(name) for name in ("jax", "jaxlib", "numpy")}
    limited = all(value in os.environ.get(name, "").split() for name, value in ENVIRONMENT.items())
    file = getattr(sys.modules[experiment.split(":")[0]], "__file__", None)
    return {
        "python": platform.python_version(),
        **versions,
        "implreg_core": implreg_core.__version__,
        "commit": (file and _commit(Path(file))) or "none",
        "sources": sources_of(experiment),
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
