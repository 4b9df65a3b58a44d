"""A Dask cluster to run on: that of a scheduler at an address, or one of our own on this machine."""

import contextlib
import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from implreg_core.sweeps import _worker

if TYPE_CHECKING:
    from distributed import Client

_PATIENCE = 30  # seconds after which a second Ctrl-C does not wait for anything


class ClusterLost(ConnectionError):
    """There is no scheduler, or none any more.

    **Example:**

    ```python
    >>> issubclass(sweeps.ClusterLost, OSError)
    True

    ```
    """


def check_installed() -> None:
    """Refuse to start without the packages that run sweeps; stored datasets are read without them.

    **Raises:** ImportError, which says how to install them.
    """
    missing = []
    for name in ("dask", "distributed", "filelock"):
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            missing.append(name)
    if missing:
        raise ImportError(
            f"Sweeps need the packages {', '.join(missing)}: pip install 'implreg_core[sweeps]', or in a clone "
            "pip install '.[sweeps]'."
        )


def check_address(address: str) -> None:
    """Refuse what cannot be the address of a scheduler.

    **Raises:** ValueError if it has no known protocol, no host or no port; ImportError without what runs sweeps.
    """
    check_installed()
    from distributed.comm import get_address_host_port, parse_address
    from distributed.comm.registry import get_backend

    try:
        protocol, _ = parse_address(address)
        if protocol in ("tcp", "tls", "ws", "wss"):
            host, port = get_address_host_port(address)
            if not (host and 0 < port < 2**16):
                raise ValueError("it needs a host, and a port from 1 to 65535")
        get_backend(protocol)
    except ValueError as error:
        raise ValueError(
            f"`scheduler` must be an address such as tcp://host:8786; got {address!r} ({error})."
        ) from None


@contextlib.contextmanager
def cluster(scheduler: str | None, workers: int | None, runs: int) -> "Iterator[Client]":
    """A client of the scheduler at an address, or else of a cluster of our own, which ends with us.

    **Raises:** `ClusterLost` if no scheduler answers at the address.
    """
    from distributed import Client

    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=10, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ClusterLost(f"no scheduler answers at {scheduler} ({error})") from error
        with client:
            yield client
        return
    before = os.environ.copy()
    os.environ.update(_worker.environment())  # or Dask would prefer what we have of it to its own setting
    try:
        with _without_script(), _own(workers, runs) as own, Client(own, set_as_default=False) as client:
            yield client
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


@contextlib.contextmanager
def _without_script():
    """Keeps new processes from running our script once more, as they do for what it defines: experiments have modules.

    A script would need `if __name__ == "__main__":` otherwise.
    """
    main = sys.modules["__main__"]
    spec, file = main.__spec__, main.__dict__.pop("__file__", None)
    main.__spec__ = None
    try:
        yield
    finally:
        main.__spec__ = spec
        if file is not None:
            main.__file__ = file


def _own(workers, runs):
    """A new cluster of processes on this machine, which know nothing of Ctrl-C in the terminal: that is for us."""
    import dask
    from distributed import LocalCluster

    settings = {
        "distributed.nanny.pre-spawn-environ": _worker.environment(),  # changes our own too, which is put back later
        "distributed.scheduler.allowed-failures": 1,
        "distributed.scheduler.worker-ttl": None,  # a long computation may keep a worker from answering
    }
    masks = hasattr(signal, "pthread_sigmask")  # not on Windows, where `_worker.dask_setup` alone must do
    if masks:
        from multiprocessing import resource_tracker

        resource_tracker.ensure_running()  # which would lift the mask
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # for Dask's threads, and what they start
    try:
        with dask.config.set(settings):
            return LocalCluster(
                n_workers=min(workers or dask.system.CPU_COUNT, runs),
                threads_per_worker=1,
                processes=True,
                dashboard_address="127.0.0.1:0",  # any port
                preload=[_worker.__name__],
                silence_logs="CRITICAL",  # what goes wrong with a run, we report
            )
    finally:
        if masks:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def interruptible() -> Iterator[Callable[[], None]]:
    """A function that raises KeyboardInterrupt if Ctrl-C was pressed since.

    Python itself would raise it anywhere: while a file is written, in a destructor, where it is swallowed, or while
    Dask starts or stops, which then complains at length.
    """
    pressed = []

    def note(*_):
        pressed.append(time.monotonic())
        if pressed[-1] > pressed[0] + _PATIENCE:
            raise KeyboardInterrupt

    def check():
        if pressed:
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield check  # signals are the main thread's
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)
