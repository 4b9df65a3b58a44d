"""Sweep files, the store and the dataset, without a cluster; `test_sweeps_survival.py` is about running."""

import dataclasses
import hashlib
import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
import xarray

from implreg_core import __main__, sweeps
from implreg_core.sweeps import _store, _worker
from implreg_core.sweeps._store import Record, Store, Unusable

FILE = """
experiment = "quick_experiment:experiment"
seeds = 2
[fixed]
text = "a"
[vary]
size = [1, 3]
scale = [1, 0.25, -2.0]
"""

MODULE = """
import numpy as np

def experiment(*, seed, size, scale, text="a", extra=0):
    if scale == 0.125:
        raise RuntimeError("an eighth is too little")
    return {
        "value": -0.0 if seed else scale / 3, "count": size, "large": scale > 0.5,
        "curve": np.array([[scale, np.nan], [size, seed]]), "none": np.zeros(0),
    }

number = 3
"""


@pytest.fixture
def sweep(tmp_path, monkeypatch):
    for name, value in _worker.environment().items():  # as on a worker
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    monkeypatch.delitem(sys.modules, "quick_experiment", raising=False)
    (tmp_path / "quick_experiment.py").write_text(MODULE)
    (tmp_path / "quick.toml").write_text(FILE)
    return sweeps.read(tmp_path / "quick.toml")


def compute(sweep, store, runs=None):
    """Store `runs`, computed here, as workers and client would."""
    for run in runs or sweep.runs():
        claim = store.claim(run)
        data, failure = _worker.compute(run, sweep.path.parent)
        claim.write(data) if data else claim.fail(failure)


def test_axes_in_the_order_of_the_file_and_the_seed_last(sweep):
    assert list(sweep.axes.items()) == [("size", (1, 3)), ("scale", (1.0, 0.25, -2.0)), ("seed", (0, 1))]
    runs = list(sweep.runs())
    assert len(runs) == sweep.size == 12
    assert runs[3].settings == {"text": "a", "size": 1, "scale": 0.25} and runs[3].seed == 1
    assert len({run.identity for run in runs}) == 12


def test_identity_is_stable_and_canonical():
    run = sweeps.Run("module:function", {"a": 1, "b": 1e-3, "c": "å", "d": True}, 7)
    text = r'{"experiment":"module:function","seed":7,"settings":{"a":1,"b":0.001,"c":"\u00e5","d":true}}'
    assert run.identity == hashlib.sha256(text.encode()).hexdigest()[:32]
    assert dataclasses.replace(run, settings=dict(reversed(run.settings.items()))).identity == run.identity
    others = [{"a": 1.0}, {"a": True}, {"b": np.nextafter(1e-3, 1)}, {"c": "a"}]
    changed = [dataclasses.replace(run, settings={**run.settings, **other}) for other in others]
    changed += [dataclasses.replace(run, seed=8), dataclasses.replace(run, experiment="module:other")]
    assert len({run.identity, *(other.identity for other in changed)}) == 7


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seeds", "sedes", "unknown key 'sedes'"),
        ("seeds = 2", "", "`seeds` is missing"),
        ("seeds = 2", "seeds = 0", "`seeds` must be"),
        ("seeds = 2", "seeds = true", "`seeds` must be"),
        ("seeds = 2", "seeds = [3, -1]", "`seeds` must be"),
        ("seeds = 2", "seeds = [3, 3]", "distinct"),
        ("seeds = 2", "seeds = []", "`seeds` must be"),
        ("[fixed]", "[fixd]", "unknown key 'fixd'"),
        ("quick_experiment:", "quick_experiment.", '"module:function"'),
        ("[1, 3]", "[]", "`vary.size` must be a list of one value or more"),
        ("[1, 3]", "3", "`vary.size` must be a list"),
        ("[1, 3]", "[1, 3, 1]", "`vary.size` repeats 1"),
        ("[1, 3]", "[1, true]", "not a mixture"),
        ("[1, 3]", "[1, [3]]", "`vary.size` must be a number"),
        ("[1, 3]", f"[{2**63}]", "64 bits"),
        ("0.25", "1.0", "`vary.scale` repeats 1.0"),
        ("0.25", "nan", "`vary.scale` must be finite"),
        ('"a"', "-inf", "`fixed.text` must be finite"),
        ('"a"', "1979-05-27", "`fixed.text` must be a number"),
        ('text = "a"', "size = 1", "`size` is both fixed and varied"),
        ('text = "a"', "seed = 1", "`fixed.seed` cannot be a setting"),
        ("scale", "the-scale", "`vary.the-scale` cannot be a setting"),
        (FILE[FILE.index("[fixed]") :], "vary = 3", "`vary` must be a table"),
        ("size = [1, 3]", "size = [1, 3", "line 8"),
    ],
)
def test_bad_files_are_refused(sweep, old, new, message):
    sweep.path.write_text(FILE.replace(old, new))
    with pytest.raises(ValueError) as raised:
        sweeps.read(sweep.path)
    assert message in str(raised.value)
    assert str(sweep.path) in str(raised.value)


def test_unreadable_files_are_named(tmp_path):
    with pytest.raises(ValueError, match="nothing.toml cannot be read: No such file"):
        sweeps.read(tmp_path / "nothing.toml")
    (tmp_path / "latin.toml").write_bytes("seeds = 2\n# für\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"latin.toml is not UTF-8 text \(at line 2\)"):
        sweeps.read(tmp_path / "latin.toml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("quick_experiment:", "no_such_module:", "No module named 'no_such_module'"),
        (":experiment", ":experience", "has no attribute 'experience'"),
        (":experiment", ":number", "must name a function"),
        ("quick_experiment:", "json:", "has no attribute 'experiment'"),
        ("text =", "colour =", "unexpected keyword argument 'colour'"),
        ("size = [1, 3]", "", "missing a required argument: 'size'"),
    ],
)
def test_experiments_that_do_not_fit_are_refused(sweep, old, new, message):
    sweep.path.write_text(FILE.replace(old, new))
    changed = sweeps.read(sweep.path)
    with pytest.raises(ValueError, match=message) as raised:
        sweeps.function_of(changed)
    assert str(sweep.path) in str(raised.value)


def test_a_module_of_the_same_name_elsewhere_is_not_taken_for_ours(sweep, tmp_path):
    sweeps.function_of(sweep)
    other = tmp_path / "other"
    other.mkdir()
    (other / "quick_experiment.py").write_text(MODULE)
    (other / "quick.toml").write_text(FILE)
    with pytest.raises(ValueError, match="rename one"):
        sweeps.function_of(sweeps.read(other / "quick.toml"))


def test_stored_results_keep_every_bit(sweep):
    run, store = next(sweep.runs()), Store(sweep.path.with_suffix(".runs"))
    odd_nan = np.array([0x7FF8000000000123, 0xFFF0000000000000, 0x8000000000000000, 1], np.uint64).view(float)
    results = {"a": odd_nan, "b": np.int64(-(2**63)), "c": np.array([[True], [False]]), "d": 0.1, "e": np.zeros((0, 2))}
    claim = store.claim(run)
    claim.write(_store.encode(run, Record(_store.plain(results), {"seconds": 0.5})))
    back, provenance = store.read(run)
    assert back.keys() == results.keys() and provenance == {"seconds": 0.5}
    for name, value in results.items():
        assert back[name].tobytes() == np.asarray(value).tobytes() and back[name].shape == np.shape(value)
    assert [path.name for path in store.folder.iterdir()] == [f"{run.identity}.jsonl"]


@pytest.mark.parametrize("results", [[1.0], {"a": "text"}, {"a": 1j}, {"not a name": 1.0}, {1: 2}])
def test_other_results_are_refused(results, unchecked_types):
    with pytest.raises(ValueError, match="must"):
        _store.plain(results)


def test_a_damaged_file_is_never_read(sweep):
    run, other = itertools.islice(sweep.runs(), 2)
    store = Store(sweep.path.with_suffix(".runs"))
    compute(sweep, store, [run])
    good = store.path(run).read_bytes()
    cuts = [good[:end] for end in range(0, len(good))]
    flips = [good[:i] + bytes([good[i] ^ 1 << i % 8]) + good[i + 1 :] for i in range(len(good))]
    for data in (*cuts, *flips, good + b"\n", good * 2):
        with pytest.raises(Unusable, match="checksum"):
            _store.decode(run, data)

    def sealed(contents):
        return contents + b"\n" + _store._checksum(contents)

    line = good.splitlines()[0]
    with pytest.raises(Unusable, match="another run: .* seed=0"):
        _store.decode(other, good)
    with pytest.raises(Unusable, match="format"):
        _store.decode(run, sealed(line.replace(b"run 1", b"run 0")))
    otherwise = [line.replace(b'"<f8"', b'"O"'), line.replace(b"[2, 2]", b"[2, 3]")]
    for foreign in (b"[]", b"3", b"{}", b"not JSON", *otherwise):
        with pytest.raises(Unusable, match="not those of a run"):
            _store.decode(run, sealed(foreign))


def test_a_claim_is_exclusive_and_ends_with_its_holder(sweep):
    run, other = itertools.islice(sweep.runs(), 2)
    store, again = Store(sweep.path.with_suffix(".runs")), Store(sweep.path.with_suffix(".runs"))
    claim = store.claim(run)
    assert again.claim(run) is None and store.claim(run) is None
    again.claim(other).release()
    claim.release()
    assert list(store.folder.iterdir()) == []
    holder = f"""if True:
        from implreg_core import sweeps
        from implreg_core.sweeps._store import store_of
        sweep = sweeps.read({str(sweep.path)!r})
        claim = store_of(sweep).claim(next(sweep.runs()))
        claim._part.write_bytes(b"half a res")
        print("claimed", flush=True)
        input()
    """
    with subprocess.Popen([sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline().strip() == b"claimed"
        assert store.claim(run) is None
        process.kill()
    assert {path.name for path in store.folder.iterdir()} == {f"{run.identity}.lock", f"{run.identity}.part"}
    compute(sweep, store, [run])  # claims what the dead one left
    assert store.read(run) and [path.name for path in store.folder.iterdir()] == [f"{run.identity}.jsonl"]


def test_the_lock_of_a_process_killed_after_it_stored_its_run_is_removed(sweep):
    run, other = itertools.islice(sweep.runs(), 2)
    store = Store(sweep.path.with_suffix(".runs"))
    compute(sweep, store, [run])
    lock, waiting = (store.folder / f"{each.identity}.lock" for each in (run, other))
    lock.touch()
    waiting.touch()
    held = store.claim(run)
    store.tidy(sweep.runs())
    assert lock.exists() and waiting.exists()  # held by somebody, and not yet stored
    held.release()
    lock.touch()
    store.tidy(sweep.runs())
    assert not lock.exists() and waiting.exists() and store.read(run)


def test_where_an_open_file_can_be_neither_removed_nor_renamed(sweep, monkeypatch):
    """Windows is like that: it raises PermissionError, and has no folders to sync."""
    process = psutil.Process()

    def closed(path):
        if str(Path(path).absolute()) in {file.path for file in process.open_files()}:
            raise PermissionError(13, "The process cannot access the file", str(path))

    for name in ("unlink", "rename", "replace"):

        def checked(path, *arguments, original=getattr(os, name), **options):
            closed(path)
            return original(path, *arguments, **options)

        monkeypatch.setattr(os, name, checked)
    first, second, third = itertools.islice(sweep.runs(), 3)
    store, again = Store(sweep.path.with_suffix(".runs")), Store(sweep.path.with_suffix(".runs"))
    compute(sweep, store, [first])
    claim = store.claim(second)
    assert again.claim(second) is None
    claim.release()
    claim.release()
    claim = store.claim(third)
    with open(store.folder / f"{third.identity}.lock", "rb"):  # another sweep has opened it, to try
        claim.fail("it rained")
    claim = again.claim(third)
    claim.write(b"anew")
    assert {path.name for path in store.folder.iterdir()} == {f"{one.identity}.jsonl" for one in (first, third)}
    assert store.read(first) and store.path(third).read_bytes() == b"anew"


def test_stored_datasets_need_nothing_that_runs_sweeps(sweep):
    code = """if True:
        import sys
        for name in ("dask", "distributed", "fcntl", "filelock"):
            sys.modules[name] = None
        from implreg_core import __main__, sweeps
        assert sweeps.stored("evidence-convex").sizes["seed"] == 3
        print(sweeps.plan(sweeps.status(sweeps.read(sys.argv[1])), workers=1))
        for command in (["sweep", sys.argv[1]], ["worker", "tcp://127.0.0.1:1"]):
            assert __main__.main(command) == 2
    """
    options = {"capture_output": True, "encoding": "utf-8", "cwd": Path(__file__).parents[1]}
    done = subprocess.run([sys.executable, "-c", code, sweep.path], **options)
    assert done.returncode == 0 and "0 of them stored, 12 to do" in done.stdout, done.stderr
    message = "error: Sweeps need the packages dask, distributed, filelock: pip install 'implreg_core[sweeps]'"
    assert [line.startswith(message) for line in done.stderr.splitlines()] == [True, True], done.stderr


def test_a_script_needs_no_guard(tmp_path):
    """A new process would run it once more, and start processes in turn."""
    (tmp_path / "own.toml").write_text(
        'experiment = "implreg_core.own_matrix:experiment"\nseeds = 2\n'
        'fixed = { matrix = "1, ?; ?, 1", learning_rate = 0.1, depth = 1, scale = 0.1 }\n'
    )
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\nfrom implreg_core import sweeps\n\n"
        "folder = Path(__file__).parent\n"
        "found = sweeps.run(sweeps.read(folder / 'own.toml'), workers=1, quiet=True)\n"
        "print(int(found.done.sum()), Path(__file__).name)\n"
    )
    options = {
        "capture_output": True,
        "encoding": "utf-8",
        "env": os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    }
    done = subprocess.run([sys.executable, script], **options)
    assert (done.returncode, done.stdout, done.stderr) == (0, "2 script.py\n", "")


def test_setting_aside_overwrites_nothing(sweep):
    run = next(sweep.runs())
    store = Store(sweep.path.with_suffix(".runs"))
    for i in range(3):
        claim = store.claim(run)
        store.path(run).write_text(f"foreign {i}")
        claim.set_aside()
        claim.release()
    assert sorted(path.read_text() for path in store.set_aside) == ["foreign 0", "foreign 1", "foreign 2"]
    assert store.read(run) is None


def test_dataset_is_labelled_and_survives_the_file(sweep):
    store = Store(sweep.path.with_suffix(".runs"))
    compute(sweep, store)
    dataset = sweeps.collect(sweep)
    assert dataset.curve.dims == ("size", "scale", "seed", "curve_0", "curve_1")
    cell = dataset.sel(size=3, scale=0.25, seed=0)
    assert cell["value"] == 0.25 / 3 and cell["count"] == 3 and not cell.large and bool(cell.done)
    assert np.array_equal(cell.curve, [[0.25, np.nan], [3, 0]], equal_nan=True)
    assert (dataset["count"].dtype, dataset.large.dtype) == (np.int64, bool)
    assert dataset.attrs["sweep_file"] == FILE and dataset.attrs["mixed"] == "nothing"
    assert dataset.attrs["command"] == "python -m implreg_core sweep quick.toml"
    path = sweep.path.with_suffix(".nc")
    sweeps._dataset.write(dataset, path)
    xarray.testing.assert_identical(xarray.load_dataset(path, engine="h5netcdf"), dataset)
    assert not [name for name in path.parent.iterdir() if name.name.startswith(".")]


def test_missing_runs_are_nan_and_not_done(sweep):
    runs = list(sweep.runs())
    with pytest.raises(ValueError, match="holds no run"):
        sweeps.collect(sweep)
    compute(sweep, Store(sweep.path.with_suffix(".runs")), runs[1:])
    dataset = sweeps.collect(sweep)
    assert not dataset.done[0, 0, 0] and int(dataset.done.sum()) == 11
    for name in ("value", "count", "large", "curve"):
        assert np.isnan(dataset[name][0, 0, 0]).all() and dataset[name].dtype == float


def test_runs_that_do_not_fit_together_are_named(sweep):
    store, (first, second, *_) = Store(sweep.path.with_suffix(".runs")), sweep.runs()
    for run, results, versions in ((first, {"a": 1.0}, "1"), (second, {"a": np.zeros(2)}, "2")):
        provenance = {"jax": versions, "started": "now", "seconds": 1.0}
        store.claim(run).write(_store.encode(run, Record(_store.plain(results), provenance)))
    with pytest.raises(ValueError, match=r"different results or shapes \(a\) for .*seed=0 and .*seed=1"):
        sweeps.collect(sweep)
    store.claim(second).write(_store.encode(second, Record(_store.plain({"a": 2.0}), provenance)))
    with pytest.warns(UserWarning, match=r"not all computed alike \(jax: 1, 2\)"):
        dataset = sweeps.collect(sweep)
    assert dataset.attrs["mixed"] == "jax" and dataset.attrs["jax"] == "1, 2"
    for run in (first, second):
        store.claim(run).write(_store.encode(run, Record(_store.plain({"scale": 2.0}), provenance)))
    with pytest.raises(ValueError, match="`scale` of .* needs another name"):
        sweeps.collect(sweep)
    for run in (first, second):
        threads = provenance | {"threads": "not limited"}
        store.claim(run).write(_store.encode(run, Record(_store.plain({"a": 2.0}), threads)))
    with pytest.warns(UserWarning, match="on several threads"):
        sweeps.collect(sweep)


def test_recompute_gives_the_run_of_the_dataset(sweep):
    compute(sweep, Store(sweep.path.with_suffix(".runs")))
    dataset = sweeps.collect(sweep)
    fresh = sweeps.recompute(dataset, size=3, scale=-2, seed=1)
    cell = dataset.sel(size=3, scale=-2.0, seed=1)
    assert fresh.keys() == set(dataset.data_vars) - {"done"}
    for name, value in fresh.items():
        np.testing.assert_array_equal(value, cell[name])
    with pytest.raises(ValueError, match=r"`scale` must be one of \[1.0, 0.25, -2.0\]; got None"):
        sweeps.recompute(dataset, size=3, seed=1)
    with pytest.raises(ValueError, match="`colour` is not an axis"):
        sweeps.recompute(dataset, size=3, scale=-2, seed=1, colour=3)
    with pytest.raises(ValueError, match="no attribute `sweep_file`"):
        sweeps.recompute(xarray.Dataset(), seed=1)


def test_stored_dataset_must_be_what_its_file_says(sweep, monkeypatch):
    folder = sweep.path.parent
    monkeypatch.setattr("importlib.resources.files", lambda _: folder)
    (folder / "stored").mkdir()
    file = folder / "stored/quick.toml"
    file.write_text(FILE)
    with pytest.raises(ValueError, match="no dataset quick.nc"):
        sweeps.stored("quick")
    compute(sweep, Store(sweep.path.with_suffix(".runs")))
    dataset = sweeps.collect(sweep)
    sweeps._dataset.write(dataset, file.with_suffix(".nc"))
    file.write_text(FILE + "# a comment changes nothing\n")
    xarray.testing.assert_identical(sweeps.stored("quick"), dataset)
    changes = {'"a"': '"b"', "seeds = 2": "seeds = 3", "[1, 3]": "[1.0, 3.0]", "0.25": "0.5", ":e": ":f"}
    for old, new in changes.items():
        file.write_text(FILE.replace(old, new))
        with pytest.raises(ValueError, match="is not what quick.toml asks for"):
            sweeps.stored("quick")
    file.write_text(FILE)
    sweeps._dataset.write(dataset.isel(seed=[1, 0]), file.with_suffix(".nc"))
    with pytest.raises(ValueError, match="is not what quick.toml asks for"):
        sweeps.stored("quick")


def test_status_and_dry_run(sweep, capsys):
    sweep.path.write_text(FILE.replace("0.25", "0.125"))
    sweep = sweeps.read(sweep.path)
    assert __main__.main(["sweep", str(sweep.path), "--dry-run"]) == 0
    printed = capsys.readouterr().out
    assert "12 runs (2 size x 3 scale x 2 seed), 0 of them stored, 12 to do" in printed
    assert "cannot be estimated" in printed
    store = Store(sweep.path.with_suffix(".runs"))
    assert not store.folder.exists()
    runs = list(sweep.runs())
    compute(sweep, store, runs[:7])  # of which two raise
    store.path(runs[11]).write_text("foreign")
    claim = store.claim(runs[0])
    claim.set_aside()
    claim.release()
    assert __main__.main(["status", str(sweep.path)]) == 0
    printed = capsys.readouterr().out
    table = [line.split() for line in printed.splitlines()]
    for line in ("all 4 6 2", "size 1 3 1 2", "size 3 1 5 0", "scale 0.125 0 2 2", "scale -2.0 2 2 0", "seed 0 2 3 1"):
        assert line.split() in table
    assert f"{store.path(runs[11]).name} will be set aside: its checksum" in printed
    assert f"set aside: {store.folder / 'set-aside' / store.path(runs[0]).name}" in printed
    assert f"failed: {runs[2]}; see {store.failure(runs[2])}" in printed
    assert "an eighth is too little" in store.failure(runs[2]).read_text()
    assert __main__.main(["sweep", str(sweep.path), "--dry-run", "--verbose", "--workers", "3"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("\n  stored  ") == 4 and printed.count("\n  to do   ") == 8
    assert "with 3 workers" in printed


def test_estimate_takes_the_stored_runs_that_are_most_alike(sweep):
    store = Store(sweep.path.with_suffix(".runs"))
    for run in sweep.runs():
        if run.seed == 0 and run.settings["size"] == 1:
            seconds = {1.0: 100.0, 0.25: 200.0, -2.0: 600.0}[run.settings["scale"]]
            store.claim(run).write(_store.encode(run, Record({}, {"seconds": seconds})))
    # Seed 1 of size 1 costs what seed 0 did; size 3, both seeds, what size 1 did: 3 x 900 s in all, on 3 workers.
    assert "About 15.0 min with 3 workers" in sweeps.plan(sweeps.status(sweep), 3)


def test_command_line_says_what_is_wrong(tmp_path, capsys):
    assert __main__.main(["status", str(tmp_path / "no.toml")]) == 2
    assert "no.toml cannot be read" in capsys.readouterr().err
    (tmp_path / "quick.toml").write_text(FILE)
    both = ["--workers", "2", "--scheduler", "tcp://127.0.0.1:1"]
    assert __main__.main(["sweep", str(tmp_path / "quick.toml"), *both]) == 2
    assert "`workers` are started with the scheduler" in capsys.readouterr().err
    for arguments in ([], ["sweep"], ["sweep", "FILE", "--workers", "0"], ["worker"]):
        with pytest.raises(SystemExit) as stopped:
            __main__.main(arguments)
        assert stopped.value.code == 2


def test_nothing_heavy_is_imported_before_it_is_needed():
    code = """if True:
        import sys
        import implreg_core
        before = set(sys.modules)
        from implreg_core import __main__
        new = {name.split(".")[0] for name in sys.modules.keys() - before}
        assert "tomllib" in new
        assert not {"dask", "distributed", "xarray", "h5netcdf", "h5py", "tqdm", "optax", "equinox"} & new, new
    """
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1])
