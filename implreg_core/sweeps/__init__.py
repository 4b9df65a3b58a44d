"""Sweeps: one experiment for every combination of settings and seeds, computed in parallel, kept through every kill.

A sweep is described by a file (`read`), computed by `run`, or `python -m implreg_core sweep FILE`, and becomes one
labelled dataset. Every finished run is stored at once; the same call continues after whatever stopped it, unless the
experiment's source has changed: then it asks what becomes of the runs of the old one. Chapters read the datasets that
come with the package by `stored`, and check slices of them by `recompute`.

An experiment is a function of keyword arguments, `seed` among them, that returns a dict of numbers, Booleans and
arrays, with the same names and shapes for all settings of a sweep. It must depend on its arguments alone.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from implreg_core.sweeps import _dataset
from implreg_core.sweeps._cluster import ClusterLost
from implreg_core.sweeps._dataset import collect, recompute, stored
from implreg_core.sweeps._execution import compute_missing
from implreg_core.sweeps._file import Run, Sweep, function_of, read
from implreg_core.sweeps._report import Status, plan, status
from implreg_core.sweeps._store import store_of

if TYPE_CHECKING:
    import xarray

__all__ = ["ClusterLost", "Run", "RunsFailed", "Status", "Sweep"]
__all__ += ["collect", "function_of", "plan", "read", "recompute", "run", "status", "stored"]


class RunsFailed(RuntimeError):
    """Some runs of a sweep failed; `failures` says which and why. The others are stored, and in the dataset.

    **Example:**

    ```python
    >>> print(sweeps.RunsFailed({"x=0, seed=0": "ZeroDivisionError"}))
    1 runs failed, among them: x=0, seed=0

    ```
    """

    def __init__(self, failures: dict[str, str]):
        super().__init__(failures)  # by which it is pickled
        self.failures = failures

    def __str__(self):
        return f"{len(self.failures)} runs failed, among them: {next(iter(self.failures))}"


def run(
    sweep: Sweep,
    *,
    store: str | Path | None = None,
    output: str | Path | None = None,
    scheduler: str | None = None,
    workers: int | None = None,
    changed: str = "stop",
    quiet: bool = False,
) -> "xarray.Dataset":
    r"""The dataset of a sweep: what is missing is computed and stored, and the whole written to a file.

    `store` is a folder, `NAME.runs` beside the sweep file if not given; `output` the dataset's file, `NAME.nc`.
    Runs go to the Dask scheduler at the address `scheduler`, or else to `workers` processes on this machine, as many as
    it has processors if not given.

    Every run is stored with hashes of the source that computed it: the experiment's module, and what that imports from
    beside it. Where runs are stored that another source has computed, `changed` says what to do: "stop", with an error
    that names the files that differ; "recompute" the runs, and set the old ones aside in the store; or "keep" them, as
    the dataset's attributes `mixed` and `sources` then say. A run whose results have other names, types or shapes than
    those before fails.

    **Raises:** ValueError if the experiment does not take the settings, if its source has changed, if a result is
    called as an axis is, if `output` cannot be written, or if `scheduler` is no address, or is given beside `workers`;
    ImportError if the package's extra `sweeps` is not installed; `RunsFailed`, once all others are stored and written,
    if runs failed; `ClusterLost` if the scheduler is lost.

    **Example:**

    ```python
    >>> import pathlib, tempfile
    >>> from distributed import LocalCluster
    >>> folder = tempfile.TemporaryDirectory()
    >>> file = pathlib.Path(folder.name) / "small.toml"
    >>> lines = ["experiment = 'implreg_core.experiments:convex_completion'", "seeds = 2"]
    >>> lines += ["fixed = {size = 3, rank = 1}", "vary = {observed = [5, 8]}"]
    >>> _ = file.write_text("\n".join(lines))
    >>> with LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster:
    ...     dataset = sweeps.run(sweeps.read(file), scheduler=cluster.scheduler_address, quiet=True)
    ...
    >>> dataset.relative_nuclear_norm.dims, dataset.done.values
    (('observed', 'seed'), array([[ True,  True],
           [ True,  True]]))
    >>> sweeps.collect(sweeps.read(file)).equals(dataset)
    True

    ```
    """
    if scheduler is not None and workers is not None:
        raise ValueError(f"`workers` are started with the scheduler at {scheduler}; got {workers}. Leave it out.")
    output = _dataset.checked_path(output or sweep.path.with_suffix(".nc"))
    function_of(sweep)
    options = {"changed": changed, "scheduler": scheduler, "workers": workers, "quiet": quiet}
    failures = compute_missing(sweep, store_of(sweep, store), **options)
    if failures and len(failures) == sweep.size:
        raise RunsFailed(failures)
    dataset = collect(sweep, store)
    _dataset.write(dataset, output)
    if failures:
        raise RunsFailed(failures)
    return dataset
