"""Where finished runs are kept: a folder with one small file for every run, written whole or not at all.

A file is two lines of JSON: the run with its results, and the SHA-256 of the first line. Text, because it says what
it is, needs no library that could change, runs no code when it is read (as pickle does) and opens thirty times
faster than HDF5; arrays are the base64 of their bytes, so that not a bit changes.

**Who may write.** A run's claim is a lock on `IDENTITY.lock`: a sweep takes it before it computes the run, writes the
result to `IDENTITY.part`, and renames that. The lock dies with its process, whatever kills that. So of all the sweeps
on one machine, or on one file system with locks, one at a time computes a run, sets its bad file aside or writes its
good one; and the leftovers of a killed writer are simply the next one's to use. Two files, because Windows renames
none that is open.
"""

import base64
import contextlib
import hashlib
import json
import os
import warnings
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np

from implreg_core.sweeps._file import Run, Sweep

FORMAT = "implreg_core run 1"
_DTYPES = {"b": "|b1", "i": "<i8", "u": "<i8", "f": "<f8"}  # by the kind of array


class Unusable(Exception):
    """A stored file that is not what its name says, and why."""


class Record(NamedTuple):
    """What is known of a finished run."""

    results: dict[str, np.ndarray]
    provenance: dict[str, str | int | float | dict[str, str]]


class Store:
    """The stored runs in `folder`, which need not exist yet."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)

    def path(self, run: Run) -> Path:
        """The file of a finished run."""
        return self.folder / f"{run.identity}.jsonl"

    def failure(self, run: Run) -> Path:
        """The file that says how a run failed when it was last tried."""
        return self.folder / f"{run.identity}.failed"

    def read(self, run: Run) -> Record | None:
        """The record of a finished run; None if there is none.

        **Raises:** `Unusable` if there is a file, but not one that holds this run.
        """
        try:
            data = self.path(run).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unusable(f"it cannot be read ({error.strerror})") from None
        return decode(run, data)

    def usable(self, run: Run) -> Record | None:
        """As `read`, and None too if there is a file that is unusable."""
        try:
            return self.read(run)
        except Unusable:
            return None

    def claim(self, run: Run) -> "Claim | None":
        """The right to compute `run` and to write its file; None while another sweep has it."""
        from filelock import lock_descriptor

        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._lock(run)
        try:
            lock = open(path, "ab")
        except PermissionError:
            if os.name != "nt":
                raise
            return None  # Windows says so of a file that another sweep removes just now
        try:
            if lock_descriptor(lock.fileno(), blocking=False):
                if os.path.samestat(os.stat(path), os.fstat(lock.fileno())):
                    return Claim(self, run, path, lock)
        except FileNotFoundError:
            pass  # removed by another sweep just now
        lock.close()
        return None

    def tidy(self, runs: Iterable[Run]) -> None:
        """Remove the locks of stored runs whose processes were killed between the renaming and the unlocking."""
        for run in runs:
            left = self._lock(run).exists() and self.path(run).exists()
            if left and (claim := self.claim(run)):
                claim.release()

    def _lock(self, run: Run) -> Path:
        return self.folder / f"{run.identity}.lock"

    @property
    def set_aside(self) -> list[Path]:
        """The files that were not what their names said."""
        return sorted((self.folder / "set-aside").glob("*"))


def store_of(sweep: Sweep, folder: str | Path | None = None) -> Store:
    """The store in `folder`; if that is not given, in NAME.runs beside the sweep file.

    **Raises:** ValueError if there is something else than a folder.
    """
    store = Store(folder or sweep.path.with_suffix(".runs"))
    if store.folder.exists() and not store.folder.is_dir():
        raise ValueError(f"`store` must be a folder; {store.folder} is a file. Name another, or move it away.")
    return store


class Claim:
    """The one right to compute a run and to change its files, until it is released."""

    def __init__(self, store, run, path, lock):
        self._store, self._run, self._path, self._lock = store, run, path, lock
        self._part = path.with_suffix(".part")

    def write(self, data: bytes) -> None:
        """Store the run: wholly, or not at all if the machine stops in the middle."""
        self._write(data, self._store.path(self._run))
        self._store.failure(self._run).unlink(missing_ok=True)
        self.release()

    def fail(self, reason: str) -> None:
        """Note how the run failed."""
        text = f"{self._run.experiment} with {self._run}\n\n{reason}\n"
        self._write(text.encode(), self._store.failure(self._run))
        self.release()

    def set_aside(self, reason: object = None) -> Path:
        """Move the run's file out of the way, under a name that nothing there has yet; warn if a reason is given."""
        bad = self._store.path(self._run)
        folder = self._store.folder / "set-aside"
        folder.mkdir(exist_ok=True)
        names = (folder / f"{bad.stem}{'' if i == 0 else f'.{i}'}.jsonl" for i in range(len(os.listdir(folder)) + 1))
        aside = next(name for name in names if not os.path.lexists(name))
        bad.rename(aside)
        if reason:
            warnings.warn(f"{bad} is not used: {reason}. It is moved to {aside}; the run is computed anew.")
        return aside

    def release(self) -> None:
        """Give the run back; nothing happens if that is done already."""
        if self._lock.closed:
            return
        self._part.unlink(missing_ok=True)
        try:
            self._path.unlink(missing_ok=True)  # before the lock goes: whoever comes next must not lock a dead file
        except PermissionError:  # Windows removes no open file, so whoever comes next keeps it alive
            self._lock.close()
            with contextlib.suppress(PermissionError):
                self._path.unlink(missing_ok=True)
        self._lock.close()

    def _write(self, data, path):
        with open(self._part, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        self._part.replace(path)
        if os.name != "nt":  # where a folder cannot be opened, nor needs to be
            folder = os.open(self._store.folder, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)


def plain(results: dict) -> dict[str, np.ndarray]:
    """What an experiment returned, as arrays of float64, int64 and bool.

    **Raises:** ValueError if it is not a dict from names to numbers, Booleans or arrays of them.
    """
    if not isinstance(results, dict) or not all(isinstance(name, str) and name.isidentifier() for name in results):
        raise ValueError(f"An experiment must return a dict whose keys are Python names; got {results!r}.")
    arrays = {name: np.asarray(value) for name, value in results.items()}
    for name, array in arrays.items():
        if array.dtype.kind not in _DTYPES:
            raise ValueError(f"The result `{name}` must be numbers or Booleans; got {array.dtype}.")
    return {name: array.astype(_DTYPES[array.dtype.kind]) for name, array in arrays.items()}


def encode(run: Run, record: Record) -> bytes:
    """The file of a finished run."""
    results = {
        name: {
            "dtype": array.dtype.str,
            "shape": array.shape,
            "base64": base64.b64encode(array.tobytes()).decode(),
        }
        for name, array in record.results.items()
    }
    contents = {"format": FORMAT, **asdict(run), "results": results, "provenance": record.provenance}
    line = json.dumps(contents).encode()
    return line + b"\n" + _checksum(line)


def decode(run: Run, data: bytes) -> Record:
    """What the file of `run` holds.

    **Raises:** `Unusable` if it is damaged, of another format or another run's.
    """
    line, _, checksum = data.partition(b"\n")
    if checksum != _checksum(line):
        raise Unusable("its checksum does not agree with its contents: it is damaged, or of another kind")
    try:
        contents = json.loads(line)
        if contents["format"] != FORMAT:
            raise Unusable(f"its format is {contents['format']!r}, not {FORMAT!r}")
        found = Run(contents["experiment"], contents["settings"], contents["seed"])
        if found.identity != run.identity:
            raise Unusable(f"it holds another run: {found.experiment} with {found}")
        results = {
            name: np.frombuffer(base64.b64decode(a["base64"]), a["dtype"]).reshape(a["shape"])
            for name, a in contents["results"].items()
        }
        contents["provenance"]["seconds"] + 0.0  # a number, for those who add them up
        return Record(results, contents["provenance"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unusable(f"its contents are not those of a run ({type(error).__name__}: {error})") from None


def _checksum(line):
    return json.dumps({"sha256": hashlib.sha256(line).hexdigest()}).encode() + b"\n"
