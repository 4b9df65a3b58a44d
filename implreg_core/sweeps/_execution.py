"""Running what is missing of a sweep on Dask's distributed scheduler: on this machine, or on any cluster.

The client, the process that reads the sweep file, hands out runs and stores each as soon as it comes back, so that
workers need no disk in common with it. There are never more runs under way than the cluster has threads: a worker
that dies costs its own run alone, and a client that dies loses no more than those.
"""

import contextlib
import importlib
import os
import queue
import signal
import sys
import threading
import time
import traceback
import warnings
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from implreg_core.sweeps import _worker
from implreg_core.sweeps._file import Run, Sweep
from implreg_core.sweeps._store import Claim, Store, Unusable

if TYPE_CHECKING:
    from distributed import Future


class ClusterLost(ConnectionError):
    """There is no scheduler, or none any more.

    **Example:**

    ```python
    >>> from importlib.resources import files
    >>> sweep = sweeps.read(files("implreg_core") / "stored" / "evidence-convex.toml")
    >>> sweeps.run(sweep, store="no-such-folder", scheduler="nowhere")
    Traceback (most recent call last):
        ...
    implreg_core.sweeps._execution.ClusterLost: no scheduler answers at nowhere (...

    ```
    """


class _Flight(NamedTuple):
    run: Run
    claim: Claim
    future: "Future"
    alone: bool  # nothing else is under way, so that the death of a worker has one cause


def compute_missing(
    sweep: Sweep, store: Store, *, scheduler: str | None, workers: int | None, quiet: bool
) -> dict[str, str]:
    """Compute and store every run that has no valid file; return those that failed, by name, and why.

    **Raises:** `ClusterLost` if the scheduler cannot be reached, or goes away; ImportError without what runs sweeps.
    """
    waiting = deque(run for run in sweep.runs() if not is_stored(store, run))
    if not waiting:
        return {}
    check_installed()
    progress = _progress(sweep.size, sweep.size - len(waiting), quiet)
    with _cluster(scheduler, workers, len(waiting)) as client, progress as advance:
        return _Dispatch(sweep, store, client, waiting, advance).finish()


def check_installed() -> None:
    """Refuse to start without the packages that run sweeps; stored datasets are read without them.

    **Raises:** ImportError, which says how to install them.
    """
    missing = []
    for name in ("dask", "distributed", "filelock", "tqdm"):
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            missing.append(name)
    if missing:
        raise ImportError(
            f"Sweeps need the packages {', '.join(missing)}: pip install 'implreg_core[sweeps]', or in a clone "
            "pip install '.[sweeps]'."
        )


def is_stored(store: Store, run: Run) -> bool:
    """Whether `run` has a valid file."""
    try:
        return store.read(run) is not None
    except Unusable:
        return False


class _Dispatch:
    """The runs of one sweep on their way."""

    def __init__(self, sweep, store, client, waiting, advance):
        self.sweep, self.store, self.client, self.advance = sweep, store, client, advance
        self.waiting = waiting
        self.suspects = deque()  # workers died under them, perhaps for another reason: tried again, each alone
        self.flight = {}  # by the key of the future
        self.failed = {}
        self.landed = queue.SimpleQueue()  # futures that are done, put there by Dask's own thread
        self.room, self.room_known, self.told = 0, -1.0, False

    def finish(self):
        """Compute all runs; the failed ones and why."""
        try:
            with _interruptible() as check:
                while self.waiting or self.suspects or self.flight:
                    check()
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
            bad, aside = self.store.path(run), claim.set_aside()
            warnings.warn(f"{bad} is not used: {reason}. It is moved to {aside}; the run is computed anew.")
        folder = self.sweep.path.parent.absolute()
        future = self.client.submit(_worker.compute, run, folder, pure=False)
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
        if data is None:
            flight.claim.fail(failure)
            self.failed[str(flight.run)] = failure
        else:
            flight.claim.write(data)
        del self.flight[future.key]
        self.advance(len(self.failed))

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


@contextlib.contextmanager
def _cluster(scheduler, workers, runs):
    """A client of the scheduler at an address, or else of a cluster of our own, which ends with us."""
    import dask
    from distributed import Client, LocalCluster

    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=10, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ClusterLost(f"no scheduler answers at {scheduler} ({error})") from error
        with client:
            yield client
        return
    before = os.environ.copy()
    settings = {
        "distributed.nanny.pre-spawn-environ": _worker.environment(),  # changes our own too, which is put back below
        "distributed.scheduler.allowed-failures": 1,
        "distributed.scheduler.worker-ttl": None,  # a long computation may keep a worker from answering
    }
    try:
        with dask.config.set(settings):
            cluster = LocalCluster(
                n_workers=min(workers or dask.system.CPU_COUNT, runs),
                threads_per_worker=1,
                processes=True,
                dashboard_address="127.0.0.1:0",  # any port
                preload=[_worker.__name__],
                silence_logs="CRITICAL",  # what goes wrong with a run, we report
            )
        with cluster, Client(cluster, set_as_default=False) as client:
            yield client
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


@contextlib.contextmanager
def _interruptible():
    """A function that raises KeyboardInterrupt if Ctrl-C was pressed since.

    Python itself would raise it anywhere: while a file is written, or in a destructor, where it is swallowed.
    """
    pressed = threading.Event()

    def note(*_):
        if pressed.is_set():  # whoever presses twice does not want to wait
            raise KeyboardInterrupt
        pressed.set()

    def check():
        if pressed.is_set():
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield check  # signals are the main thread's
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)


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
