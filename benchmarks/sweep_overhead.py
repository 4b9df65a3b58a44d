"""What a sweep costs beside the runs themselves: starting, handing out and storing runs, and looking at stored ones.

Runs that only wait, of 50 ms each, on two local workers; then the same command again, with nothing left to do.
"""

import tempfile
import time
from pathlib import Path

from implreg_core import sweeps

RUNS, SECONDS, WORKERS = 400, 0.05, 2
EXPERIMENT = f"""
import time

def experiment(*, seed):
    time.sleep({SECONDS})
    return {{"same_seed": seed}}
"""


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "waiting_experiment.py").write_text(EXPERIMENT)
        file = folder / "waiting.toml"
        seconds = {}
        for runs in (WORKERS, RUNS, RUNS):  # the first sweep shows the start alone
            file.write_text(f'experiment = "waiting_experiment:experiment"\nseeds = {runs}\n')
            start = time.perf_counter()
            sweeps.run(sweeps.read(file), workers=WORKERS, quiet=True)
            seconds.setdefault(runs, []).append(time.perf_counter() - start)
    (started,), (swept, again) = seconds.values()
    ideal = (RUNS - WORKERS) * SECONDS / WORKERS
    print(f"{started:7.2f} s    start and end of {WORKERS} workers")
    each = (swept - started - ideal) / (RUNS - WORKERS) * WORKERS
    print(f"{each * 1e3:7.2f} ms   for each run on a worker, beside its own time")
    print(f"{again:7.2f} s    the same command with all {RUNS} runs stored")


if __name__ == "__main__":
    main()
