"""Seconds and peak memory of each chapter, executed alone on one core; fails above the limits.

The kernel is started on one core and stays there. It reports its own peak memory in a cell that is added to the
notebook in memory only. Seconds include the start of the kernel and all compilations.
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
PEAK = "import resource, sys; sys.stdout.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))"


def measure(path: Path) -> tuple[float, float]:
    """Wall seconds, and peak resident bytes of the kernel."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(PEAK))
    client = NotebookClient(notebook, kernel_name="python3", timeout=600, resources={"metadata": {"path": path.parent}})
    begin = time.perf_counter()
    client.execute()
    seconds = time.perf_counter() - begin
    (output,) = notebook.cells[-1].outputs
    return seconds, int(output.text) * (1 if sys.platform == "darwin" else 1024)  # Linux counts in KiB


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

    over = []
    print(f"{'chapter':24} {'seconds':>8} {'peak MB':>8}   (limits: {LIMIT_SECONDS} s, {LIMIT_BYTES / 1e6:.0f} MB)")
    for path in notebooks:
        try:
            seconds, peak = measure(path)
        except CellExecutionError as error:
            over.append(path.stem)
            print(f"{path.stem:24} failed\n{error}", flush=True)
            continue
        too_much = seconds > LIMIT_SECONDS or peak > LIMIT_BYTES
        over += [path.stem] * too_much
        print(f"{path.stem:24} {seconds:8.1f} {peak / 1e6:8.0f}{'   over the limit' * too_much}", flush=True)
    sys.exit(f"Over the limit or failed: {', '.join(over)}" if over else None)


if __name__ == "__main__":
    main()
