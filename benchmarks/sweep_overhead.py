"""What a sweep costs beside the runs themselves: starting, handing out and storing runs, and looking at stored ones.

Runs that only wait, of 50 ms each, on two local workers; then the same command again, with nothing left to do.
"""

import tempfile
import time
from pathlib import Path

from implreg_core import sweeps

RUNS, SECONDS, WORKERS = 400, 0.05, 2


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        waiting = f"import time\n\ndef experiment(*, seed):\n    time.sleep({SECONDS})\n    return {{'seed_seen': seed}}\n"
        (folder / "waiting_experiment.py").write_text(waiting)
        file = folder / "waiting.toml"
        seconds = {}
        for runs in (WORKERS, RUNS, RUNS):  # the first sweep shows the start alone
            file.write_text(f'experiment = "waiting_experiment:experiment"\nseeds = {runs}\n')
            start = time.perf_counter()
            sweeps.run(sweeps.read(file), workers=WORKERS, quiet=True)
            seconds.setdefault(runs, []).append(time.perf_counter() - start)
    (started,), (swept, again) = seconds.values()
    ideal = (RUNS - WORKERS) * SECONDS / WORKERS
    print(f"Start of {WORKERS} workers, and their end       {started:6.2f} s")
    print(f"{RUNS - WORKERS} runs of {SECONDS * 1e3:.0f} ms, beyond their own time  {(swept - started) / ideal - 1:6.0%}")
    print(f"Reading {RUNS} stored runs, and the dataset   {again:6.2f} s")


if __name__ == "__main__":
    main()
