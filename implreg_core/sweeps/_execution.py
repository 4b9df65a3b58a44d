"""Running what is missing of a sweep on Dask's distributed scheduler: on this machine, or on any cluster.

The client, the process that reads the sweep file, hands out runs and stores each as soon as it comes back, so that
workers need no disk in common with it. There are never more runs under way than the cluster has threads: a worker
that dies costs its own run alone, and a client that dies loses no more than those.
"""

import contextlib
import queue
import sys
import time
import traceback
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from implreg_core.sweeps import _store, _worker
from implreg_core.sweeps._cluster import ClusterLost, check_address, check_installed, cluster, interruptible
from implreg_core.sweeps._file import Run, Sweep
from implreg_core.sweeps._layout import Layout
from implreg_core.sweeps._sources import differing, sources_of
from implreg_core.sweeps._store import Claim, Store, Unusable

if TYPE_CHECKING:
    from distributed import Future


class _Flight(NamedTuple):
    run: Run
    claim: Claim
    future: "Future"
    alone: bool  # nothing else is under way, so that the death of a worker has one cause


def compute_missing(
    sweep: Sweep, store: Store, *, changed: str, scheduler: str | None, workers: int | None, quiet: bool
) -> dict[str, str]:
    """Compute and store every run that has no valid file; return those that failed, by name, and why.

    **Raises:** `ClusterLost` if the scheduler cannot be reached, or goes away; ImportError without what runs sweeps;
    ValueError if `scheduler` is no address, as `check_sources` does, and if a result has a name that is taken.
    """
    with interruptible() as check:
        if scheduler is not None:
            check_address(scheduler)
        check_sources(sweep, store, changed)
        sources, layout = sources_of(sweep.experiment), Layout(sweep)
        waiting, unfit = deque(), []
        for run in sweep.runs():
            record = store.usable(run)
            if record is None:
                waiting.append(run)
            elif changed == "recompute" and record.provenance.get("sources") != sources:
                unfit.append((run, record, None))
            elif reason := layout.misfit(run, record.results):
                unfit.append((run, record, reason))
        if not waiting and not unfit:
            return {}
        check_installed()
        check()  # imports take their time
        store.tidy(sweep.runs())
        waiting.extend(run for run, _, _ in unfit)
        progress = _progress(sweep.size, sweep.size - len(waiting), quiet)
        with cluster(scheduler, workers, len(waiting)) as client, progress as advance:
            for run, record, reason in unfit:
                _set_aside(store, run, record, reason)
            return _Dispatch(sweep, store, client, waiting, advance, check, sources, layout).finish()


def check_sources(sweep: Sweep, store: Store, changed: str) -> None:
    """Refuse to continue what another source has begun, unless `changed` says how.

    **Raises:** ValueError, naming the files that differ, or if `changed` is not "stop", "keep" or "recompute".
    """
    if changed not in ("stop", "keep", "recompute"):
        raise ValueError(f'`changed` must be "stop", "keep" or "recompute"; got {changed!r}.')
    records = [record for run in sweep.runs() if (record := store.usable(run))]
    sources = sources_of(sweep.experiment)
    found = [record.provenance.get("sources") for record in records]
    old = [other for other in found if other != sources]
    if not old or changed != "stop":
        return
    files = sorted({name for other in old if other is not None for name in differing(other, sources)})
    since = f"{', '.join(files)} changed" if files else "the experiment's source was recorded"
    raise ValueError(
        f"{sweep.path}: {len(old)} of its {sweep.size} runs were stored before {since}. Compute them anew "
        '(`changed="recompute"`, --changed recompute), which sets the old ones aside; or let them stand beside new '
        'ones (`changed="keep"`, --changed keep), as the dataset will say.'
    )


class _Dispatch:
    """The runs of one sweep on their way."""

    def __init__(self, sweep, store, client, waiting, advance, check, sources, layout):
        self.sweep, self.store, self.client, self.advance, self.check = sweep, store, client, advance, check
        self.waiting, self.sources, self.layout = waiting, sources, layout
        self.suspects = deque()  # workers died under them, perhaps for another reason: tried again, each alone
        self.flight = {}  # by the key of the future
        self.failed = {}
        self.landed = queue.SimpleQueue()  # futures that are done, put there by Dask's own thread
        self.room, self.room_known, self.told = 0, -1.0, False

    def finish(self):
        """Compute all runs; the failed ones and why."""
        try:
            while self.waiting or self.suspects or self.flight:
                self.check()
                self.launch()
                with contextlib.suppress(queue.Empty):
                    self.land(self.landed.get(timeout=0.2))  # the rest of the loop asks what no event tells
            return self.failed
        finally:
            for flight in self.flight.values():
                flight.claim.release()

    def launch(self):
        """Hand out runs until every thread of the cluster has one."""
        if self.client.status != "running":
            raise ClusterLost("the connection to the scheduler is lost")
        for _ in range(len(self.waiting)):
            if len(self.flight) >= self.threads():
                return
            run = self.waiting.popleft()
            if not self.start(run, alone=False):
                self.waiting.append(run)
        if self.suspects and not self.flight and not self.waiting:
            run = self.suspects.popleft()
            if not self.start(run, alone=True):
                self.suspects.append(run)

    def start(self, run, alone):
        """Start one run, unless it is stored by now; False while another sweep computes it."""
        claim = self.store.claim(run)
        if claim is None:
            return False
        try:
            if self.store.read(run) is not None:  # another sweep's, since we last looked
                claim.release()
                self.advance(len(self.failed))
                return True
        except Unusable as reason:
            claim.set_aside(reason)
        folder = self.sweep.path.parent.absolute()
        future = self.client.submit(_worker.compute, run, folder, self.sources, pure=False)
        self.flight[future.key] = _Flight(run, claim, future, alone)
        future.add_done_callback(self.landed.put)
        return True

    def land(self, future):
        """Store what has come back, or note why nothing did."""
        from distributed import CancelledError, KilledWorker

        flight = self.flight[future.key]
        try:
            data, failure = future.result()
        except CancelledError as error:
            raise ClusterLost("the connection to the scheduler is lost") from error
        except KilledWorker as error:
            data = None
            failure = f"Its worker died, {2 * error.allowed_failures + 2} times; killed, crashed, or out of memory."
            if not flight.alone:
                flight.claim.release()
                self.suspects.append(flight.run)
                del self.flight[future.key]
                return
        except Exception:  # of the cluster, not of the experiment, such as a worker without our package
            data, failure = None, traceback.format_exc()
        if data is not None:
            failure = self.misfit(flight, data)
        if failure is not None:
            flight.claim.fail(failure)
            self.failed[str(flight.run)] = failure
        else:
            flight.claim.write(data)
        del self.flight[future.key]
        self.advance(len(self.failed))

    def misfit(self, flight, data):
        """Why the results that came back do not fit those of the other runs, or None."""
        try:
            reason = self.layout.misfit(flight.run, _store.decode(flight.run, data).results)
        except ValueError as error:  # for all runs alike
            flight.claim.fail(str(error))
            raise
        return reason and f"ValueError: {reason}. All runs of a sweep must return the same names, types and shapes."

    def threads(self):
        """How many runs the cluster takes at a time, asked once a second: workers come and go."""
        if time.monotonic() > self.room_known + 1:
            try:
                self.room = sum(self.client.nthreads().values())
            except OSError as error:
                raise ClusterLost("the scheduler does not answer") from error
            self.room_known = time.monotonic()
            if not self.room and not self.told:
                print("Waiting for workers: python -m implreg_core worker ADDRESS", file=sys.stderr)
            self.told = not self.room
        return self.room


def _set_aside(store, run, record, reason):
    """Move a stored run out of the way, unless another sweep is at it, or has been."""
    claim = store.claim(run)
    if claim is not None:
        found = store.usable(run)
        if found and found.provenance == record.provenance:
            claim.set_aside(reason)
        claim.release()


@contextlib.contextmanager
def _progress(total, done, quiet):
    """A function to call with the number of failed runs, after each run: a bar in a terminal, else some lines."""
    if sys.stderr.isatty() and not quiet:
        from tqdm import tqdm

        with tqdm(total=total, initial=done, unit="run") as bar:

            def advance(failed):
                bar.set_postfix({"failed": failed} if failed else {}, refresh=False)
                bar.update()

            yield advance
        return

    step = max(1, total // 10)

    def advance(failed):
        nonlocal done
        done += 1
        if not quiet and (done % step == 0 or done == total):
            print(f"{done} of {total} runs" + (f", {failed} failed" if failed else ""), file=sys.stderr, flush=True)

    yield advance
