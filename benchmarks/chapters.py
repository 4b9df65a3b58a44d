"""Seconds and peak memory of each chapter, executed alone on one core; fails above the limits.

The kernel is started on one core and stays there. It reports what it used in a cell that is added to the notebook in
memory only. Seconds include the start of the kernel and all compilations; on a busy machine, those of the processor
tell more. Explorers compute all their settings, as in `make book`; IMPLREG_STATIC=0 measures what a reader runs in
Jupyter.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

CHAPTERS = Path(__file__).resolve().parent.parent / "chapters"
LIMIT_SECONDS, LIMIT_BYTES = 60, 1e9
USAGE = "import resource; u = resource.getrusage(resource.RUSAGE_SELF); print(u.ru_utime + u.ru_stime, u.ru_maxrss)"


def measure(path: Path) -> tuple[float, float, float]:
    """Wall seconds, processor seconds of the kernel, and its peak resident bytes."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(USAGE))
    here = {"metadata": {"path": str(path.parent)}}
    begin = time.perf_counter()
    NotebookClient(notebook, kernel_name="python3", timeout=600, resources=here).execute()
    wall = time.perf_counter() - begin
    (output,) = notebook.cells[-1].outputs
    processor, peak = map(float, output.text.split())
    return wall, processor, 1024 * peak  # Linux counts in KiB


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: every notebook in chapters/")
    parser.add_argument("--core", type=int, help="the core to run on (default: the first that is allowed)")
    arguments = parser.parse_args()
    notebooks = [path.resolve() for path in arguments.notebooks] or sorted(CHAPTERS.glob("*.ipynb"))
    if not notebooks:
        sys.exit(f"There is no notebook in {CHAPTERS}.")
    if not hasattr(os, "sched_setaffinity"):
        sys.exit("This system cannot pin a process to one core; run the benchmark on Linux.")
    allowed = os.sched_getaffinity(0)
    core = min(allowed) if arguments.core is None else arguments.core
    if core not in allowed:
        parser.error(f"--core must be one of {sorted(allowed)}; got {core}")
    os.sched_setaffinity(0, {core})  # kernels inherit it
    os.environ.setdefault("IMPLREG_STATIC", "1")

    over = []
    print(f"Limits: {LIMIT_SECONDS} s, {LIMIT_BYTES / 1e6:.0f} MB")
    print(f"{'chapter':24} {'seconds':>8} {'of CPU':>8} {'peak MB':>8}")
    for path in notebooks:
        try:
            wall, processor, peak = measure(path)
        except CellExecutionError as error:
            over.append(path.stem)
            print(f"{path.stem:24} failed\n{error}", flush=True)
            continue
        too_much = wall > LIMIT_SECONDS or peak > LIMIT_BYTES
        over += [path.stem] * too_much
        print(
            f"{path.stem:24} {wall:8.1f} {processor:8.1f} {peak / 1e6:8.0f}{'   over the limit' * too_much}", flush=True
        )
    sys.exit(f"Over the limit or failed: {', '.join(over)}" if over else None)


if __name__ == "__main__":
    main()
