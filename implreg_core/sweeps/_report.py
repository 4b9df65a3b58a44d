"""What is done of a sweep, what is missing, and how long that may take: nothing here computes or changes anything."""

import math
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

from implreg_core.sweeps._file import Run, Sweep
from implreg_core.sweeps._store import Store, Unusable, store_of


class Status(NamedTuple):
    """Where a sweep stands; printed, a table with a line for every value of every axis.

    **Example:**

    ```python
    >>> from importlib.resources import files
    >>> sweep = sweeps.read(files("implreg_core") / "stored" / "evidence-convex.toml")
    >>> found = sweeps.status(sweep, store="no-such-folder")
    >>> len(found.done), len(found.missing)
    (0, 6)

    ```
    """

    sweep: Sweep
    store: Store
    done: list[tuple[Run, float]]  # with the seconds that each took
    failed: list[Run]  # not done, and raised or killed its workers when last tried
    missing: list[Run]  # not done otherwise
    unusable: dict[str, str]  # files that will be set aside, and why; their runs count as missing

    def __str__(self):
        counts = defaultdict(Counter)
        finished = [run for run, _ in self.done]
        for label, runs in {"done": finished, "failed": self.failed, "missing": self.missing}.items():
            for run in runs:
                counts["all", ""][label] += 1
                for name in self.sweep.vary:
                    counts[name, str(run.settings[name])][label] += 1
                counts["seed", str(run.seed)][label] += 1
        keys = [("all", ""), *((name, str(value)) for name, values in self.sweep.axes.items() for value in values)]
        width = max(len(f"{name} {value}") for name, value in keys)
        lines = [f"{'':{width}} {'done':>7} {'missing':>7} {'failed':>7}"]
        for key in keys:
            done, missing, failed = (counts[key][label] for label in ("done", "missing", "failed"))
            lines.append(f"{' '.join(key):{width}} {done:7} {missing:7} {failed:7}")
        seconds = sum((seconds for _, seconds in self.done), 0.0)
        lines.append(f"{duration(seconds)} of computing are stored in {self.store.folder}.")
        lines += [f"{name} will be set aside: {reason}." for name, reason in self.unusable.items()]
        aside = self.store.set_aside
        lines += [f"set aside: {path}" for path in aside[:5]]
        if len(aside) > 5:
            lines.append(f"... and {len(aside) - 5} more")
        lines += [f"failed: {run}; see {self.store.failure(run)}" for run in self.failed[:5]]
        if len(self.failed) > 5:
            lines.append(f"... and {len(self.failed) - 5} more")
        return "\n".join(lines)


def status(sweep: Sweep, store: str | Path | None = None) -> Status:
    """Where a sweep stands: which runs are done, failed or missing in the folder `store`, and what is set aside.

    **Example:**

    ```python
    >>> from importlib.resources import files
    >>> sweep = sweeps.read(files("implreg_core") / "stored" / "evidence-convex.toml")
    >>> print(sweeps.status(sweep, store="no-such-folder"))
                     done missing  failed
    all                 0       6       0
    observed 2000       0       3       0
    observed 5000       0       3       0
    seed 0              0       2       0
    seed 1              0       2       0
    seed 2              0       2       0
    0 s of computing are stored in no-such-folder.

    ```
    """
    store = store_of(sweep, store)
    found = Status(sweep, store, [], [], [], {})
    for run in sweep.runs():
        try:
            record = store.read(run)
        except Unusable as reason:
            found.unusable[store.path(run).name] = str(reason)
            record = None
        if record:
            found.done.append((run, record.provenance["seconds"]))
        else:
            (found.failed if store.failure(run).exists() else found.missing).append(run)
    return found


def plan(found: Status, workers: int, *, verbose: bool = False) -> str:
    """What a sweep would do now: how many runs, which, and how long they may take together.

    **Example:**

    ```python
    >>> from importlib.resources import files
    >>> sweep = sweeps.read(files("implreg_core") / "stored" / "evidence-convex.toml")
    >>> print(sweeps.plan(sweeps.status(sweep, store="no-such-folder"), workers=2))
    implreg_core.experiments:convex_completion: 6 runs (2 observed x 3 seed), 0 of them stored, 6 to do.
      to do   size=100, rank=5, observed=2000, seed=0
      to do   size=100, rank=5, observed=2000, seed=1
      to do   size=100, rank=5, observed=2000, seed=2
      to do   size=100, rank=5, observed=5000, seed=0
      to do   size=100, rank=5, observed=5000, seed=1
      ... (--verbose lists all 6)
    The time cannot be estimated before one run is stored: start the sweep, and stop it with Ctrl-C.

    ```
    """
    sweep, todo = found.sweep, found.missing + found.failed
    axes = " x ".join(f"{len(values)} {name}" for name, values in sweep.axes.items())
    lines = [f"{sweep.experiment}: {sweep.size} runs ({axes}), {len(found.done)} of them stored, {len(todo)} to do."]
    stored = {run.identity for run, _ in found.done}
    shown = list(sweep.runs()) if verbose else [run for run, _ in zip(sweep.runs(), range(5))]
    lines += [f"  {'stored' if run.identity in stored else 'to do '}  {run}" for run in shown]
    if len(shown) < sweep.size:
        lines.append(f"  ... (--verbose lists all {sweep.size})")
    if todo and found.done:
        seconds = sum(_estimates(sweep, found.done, todo))
        lines.append(
            f"About {duration(seconds / min(workers, len(todo)))} with {workers} workers, judging by the stored runs "
            "with the most alike settings."
        )
    elif todo:
        lines.append("The time cannot be estimated before one run is stored: start the sweep, and stop it with Ctrl-C.")
    return "\n".join(lines)


def duration(seconds: float) -> str:
    """A length of time in words."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.3g} s"


def _estimates(sweep, done, todo):
    """Seconds for each run of `todo`: the mean of the stored runs that share the most settings with it."""

    def by_settings(runs):
        groups = defaultdict(list)
        for run, seconds in runs:
            groups[tuple(run.settings[name] for name in sweep.vary)].append(seconds)
        return groups

    known = {settings: sum(times) / len(times) for settings, times in by_settings(done).items()}
    for settings, runs in by_settings((run, math.nan) for run in todo).items():
        alike = {other: sum(a == b for a, b in zip(settings, other)) for other in known}
        nearest = [known[other] for other, shared in alike.items() if shared == max(alike.values())]
        yield len(runs) * sum(nearest) / len(nearest)
