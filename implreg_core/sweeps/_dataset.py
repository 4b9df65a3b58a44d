"""The results of a sweep as one labelled dataset: collected from the store, written, read back, and checked anew."""

import itertools
import json
import os
import warnings
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from implreg_core.sweeps import _store
from implreg_core.sweeps._file import Sweep, parse, read, resolve
from implreg_core.sweeps._layout import check_names
from implreg_core.sweeps._store import Unusable, store_of

if TYPE_CHECKING:
    import xarray


def collect(sweep: Sweep, store: str | Path | None = None) -> "xarray.Dataset":
    """What is stored of a sweep in the folder `store` (if not given, `NAME.runs` beside the sweep file).

    A variable for every result, over the varied settings and the seed; an array among the results adds dimensions of
    its own, `NAME_0`, `NAME_1`... The Boolean variable `done` says which runs there are. The others are NaN; whole
    numbers and Booleans are floats then. Attributes hold the sweep file, the command that computes it, and the runs'
    provenance, such as `sources`, the experiment's files with hashes, and `commit`, that of their repository; where
    runs differ in that, the attribute `mixed` says in what, and there is a warning.

    **Raises:** ValueError if there is no run yet, if runs have different results or array shapes, or if a result is
    called as an axis is, or `done`. A file that is not what it should be counts as missing, with a warning.

    **Example:**

    ```python
    >>> from importlib.resources import files
    >>> sweep = sweeps.read(files("implreg_core") / "stored" / "evidence-convex.toml")
    >>> sweeps.collect(sweep, store="no-such-folder")
    Traceback (most recent call last):
        ...
    ValueError: no-such-folder holds no run of ...evidence-convex.toml yet; start the sweep.

    ```
    """
    import xarray

    store = store_of(sweep, store)
    records = [_valid(store, run) for run in sweep.runs()]
    if not any(records):
        raise ValueError(f"{store.folder} holds no run of {sweep.path} yet; start the sweep.")
    shapes = _shapes(sweep, records)
    sizes = tuple(map(len, sweep.axes.values()))
    done = np.array([record is not None for record in records]).reshape(sizes)
    variables = {"done": (tuple(sweep.axes), done)}
    for name, shape in shapes.items():
        missing = np.full(shape, np.nan)
        values = [record.results[name] if record else missing for record in records]
        dims = (*sweep.axes, *(f"{name}_{i}" for i in range(len(shape))))
        variables[name] = (dims, np.stack(values).reshape(*sizes, *shape))
    attributes = _attributes(sweep, [record.provenance for record in records if record])
    return xarray.Dataset(variables, {name: list(values) for name, values in sweep.axes.items()}, attributes)


def checked_path(output: str | Path) -> Path:
    """The path of a dataset to write.

    **Raises:** ValueError if it is a folder, or its folder does not exist or may not be written to.
    """
    path = Path(output)
    if path.is_dir():
        raise ValueError(f"`output` must be a file to write; {path} is a folder. Name a file in it.")
    if not path.parent.is_dir():
        raise ValueError(f"`output` {path} cannot be written: there is no folder {path.parent}. Create it.")
    if not os.access(path.parent, os.W_OK):
        raise ValueError(f"`output` {path} cannot be written: {path.parent} is read-only. Name another folder.")
    return path


def write(dataset: "xarray.Dataset", path: Path) -> None:
    """Write a dataset as compressed netCDF: wholly, or not at all."""
    encoding = {name: {"zlib": True, "shuffle": True} for name in dataset.data_vars}
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        dataset.to_netcdf(temporary, engine="h5netcdf", encoding=encoding)
        with open(temporary, "r+b") as file:  # Windows syncs only what may be written
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def stored(name: str) -> "xarray.Dataset":
    """The dataset `name` that comes with the package, checked to be what its sweep file asks for.

    **Raises:** ValueError if there is none, or if it was made by another experiment or with other settings or seeds.

    **Example:**

    ```python
    >>> dataset = sweeps.stored("evidence-convex")
    >>> dataset.relative_gap.dims, bool(dataset.relative_gap.max() < 1e-5)  # every solution is certified
    (('observed', 'seed'), True)

    ```
    """
    import xarray

    folder = resources.files("implreg_core") / "stored"
    with resources.as_file(folder / f"{name}.toml") as file, resources.as_file(folder / f"{name}.nc") as path:
        sweep = read(file)
        if not path.exists():
            raise ValueError(f"There is no dataset {path.name} yet; run `python -m implreg_core sweep {file}`.")
        dataset = xarray.load_dataset(path, engine="h5netcdf")
    made_by = sweep_of(dataset)
    same_axes = {axis: tuple(dataset[axis].values.tolist()) for axis in sweep.axes if axis in dataset} == sweep.axes
    if not (sweep.same_runs(made_by) and same_axes):
        raise ValueError(f"{name}.nc is not what {name}.toml asks for; run `python -m implreg_core sweep {file}`.")
    return dataset


def recompute(dataset: "xarray.Dataset", **choice: bool | int | float | str) -> dict[str, np.ndarray]:
    """One run of a dataset, computed anew, here: `recompute(dataset, rank=1, init_std=1e-3, seed=0)`.

    `choice` names one value for the seed and every varied setting; those with one value may be left out. The last
    digits may differ from the stored ones, which come from another processor, or another number of threads.

    **Raises:** ValueError if the dataset is not a sweep's, or has no such run.

    **Example:**

    ```python
    >>> dataset = sweeps.stored("families")
    >>> choice = {"family": "2 x 2, large entry hidden", "depth": 2, "scale": 1e-2, "start": 0, "seed": 0}
    >>> run = sweeps.recompute(dataset, **choice)
    >>> bool(np.isclose(run["effective_rank"], dataset.effective_rank.sel(choice)))
    True

    ```
    """
    sweep = sweep_of(dataset)
    for name in choice.keys() - sweep.axes.keys():
        raise ValueError(f"`{name}` is not an axis of the dataset; choose from {list(sweep.axes)}.")
    chosen = dict(sweep.fixed)
    for name, values in sweep.axes.items():
        value = choice.get(name, values[0] if len(values) == 1 else None)
        if value not in values:
            raise ValueError(f"`{name}` must be one of {list(values)}; got {value!r}.")
        chosen[name] = values[values.index(value)]  # as the file has it: 1 is not 1.0 to every experiment
    return _store.plain(resolve(sweep.experiment, sweep.path.parent)(**chosen))


def sweep_of(dataset: "xarray.Dataset") -> Sweep:
    """The sweep that a dataset is the result of.

    **Raises:** ValueError if it does not say.
    """
    if "sweep_file" not in dataset.attrs:
        raise ValueError("The dataset has no attribute `sweep_file`; pass one that a sweep has written.")
    return parse(dataset.attrs["sweep_file"], Path(dataset.attrs["sweep_file_name"]))


def _valid(store, run):
    try:
        return store.read(run)
    except Unusable as reason:
        warnings.warn(f"{store.path(run)} is not used: {reason}.")
        return None


def _shapes(sweep, records):
    """The shape of each result, which all runs share."""
    found = {}
    for run, record in zip(sweep.runs(), records):
        if record:
            shapes = tuple((name, value.shape) for name, value in sorted(record.results.items()))
            found.setdefault(shapes, run)
    if len(found) > 1:
        (a, first), (b, second), *_ = found.items()
        differ = ", ".join(sorted({name for name, _ in set(a) ^ set(b)}))
        raise ValueError(
            f"{sweep.experiment} gives different results or shapes ({differ}) for {first} and {second}. To run the "
            "sweep again sets aside what does not fit."
        )
    shapes = dict(*found)
    check_names(sweep, shapes)
    return shapes


def _text(value):
    """An entry of a provenance, as an attribute has it."""
    return " ".join(f"{name}:{digest}" for name, digest in value.items()) if isinstance(value, dict) else str(value)


def _attributes(sweep, provenances):
    """Where the dataset comes from."""
    keys = dict.fromkeys(itertools.chain.from_iterable(provenances))
    values = {key: sorted({_text(p.get(key, "unrecorded")) for p in provenances}) for key in keys}
    started, _ = values.pop("started"), values.pop("seconds")
    mixed = [key for key, found in values.items() if len(found) > 1]
    if mixed:
        parts = [set(text.split()) for text in values.get("sources", [""])]
        files = sorted(set.union(*parts) - set.intersection(*parts))
        differences = "; ".join(f"{key}: {', '.join(files if key == 'sources' else values[key])}" for key in mixed)
        warnings.warn(f"The runs of {sweep.path} were not all computed alike ({differences}).")
    if values.get("threads", ["1"]) != ["1"]:
        warnings.warn(
            f"Runs of {sweep.path} were computed on several threads: their last bits may depend on the machine and its "
            "load. Start workers by `python -m implreg_core worker ADDRESS`."
        )
    return {
        "experiment": sweep.experiment,
        "fixed": json.dumps(sweep.fixed),
        "sweep_file": sweep.text,
        "sweep_file_name": sweep.path.name,
        "command": f"python -m implreg_core sweep {sweep.path.name}",
        **{key: ", ".join(found) for key, found in values.items()},
        "mixed": ", ".join(mixed) or "nothing",
        "first_run_started": started[0],
        "last_run_started": started[-1],
        "seconds": round(sum(p["seconds"] for p in provenances), 1),
    }
