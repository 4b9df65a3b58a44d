"""Sweeps whose experiment changes, misbehaves or does not fit, and what is refused before anything is computed.

On one worker that is a thread of this process; `new_worker` makes it forget what it has loaded, as a new process would.
"""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from distributed import LocalCluster

from implreg_core import __main__, experiments, sweeps  # noqa: F401
from implreg_core.sweeps import _worker
from implreg_core.sweeps._sources import sources_of
from implreg_core.sweeps._store import Store, store_of

MODULE = """
from pathlib import Path

import helper

def experiment(*, seed, size):
    with open(Path(__file__).with_name("calls.log"), "a") as log:
        log.write(f"{size} {seed}\\n")
    return {"value": helper.value(seed, size)}
"""
HELPER = """
def value(seed, size):
    return 1.0
"""
FILE = """
experiment = "changing_experiment:experiment"
seeds = 2
[vary]
size = [1, 2]
"""


@pytest.fixture(scope="module")
def address():
    with LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a sweep file, its experiment and a helper; the worker has loaded none of them."""
    monkeypatch.setattr(sys, "path", sys.path.copy())
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # which is as old as the source, to the second
    for name, value in _worker.environment().items():
        monkeypatch.setenv(name, value)
    (tmp_path / "changing_experiment.py").write_text(MODULE)
    (tmp_path / "helper.py").write_text(HELPER)
    (tmp_path / "changing.toml").write_text(FILE)
    new_worker()
    yield tmp_path
    new_worker()


def new_worker():
    for name in ("changing_experiment", "helper"):
        sys.modules.pop(name, None)
    _worker._provenance.cache_clear()


def run(folder, address, **options):
    return sweeps.run(sweeps.read(folder / "changing.toml"), scheduler=address, quiet=True, **options)


def calls(folder):
    log = folder / "calls.log"
    return log.read_text().splitlines() if log.exists() else []


def change(folder, helper):
    """Edit the helper, as between two sweeps."""
    (folder / "helper.py").write_text(helper)
    new_worker()


def more_seeds(folder):
    (folder / "changing.toml").write_text(FILE.replace("2", "3", 1))


def test_a_changed_source_stops_the_sweep(folder, address, capsys):
    assert run(folder, address).value.values.tolist() == [[1, 1], [1, 1]]
    more_seeds(folder)
    change(folder, HELPER.replace("1.0", "2.0"))
    command = ["sweep", str(folder / "changing.toml"), "--scheduler", address]
    for arguments in (command, [*command, "--dry-run"]):
        assert __main__.main(arguments) == 2
        assert "4 of its 6 runs were stored before helper.py changed" in capsys.readouterr().err
    with pytest.raises(ValueError, match="4 of its 6 runs .* helper.py changed.*--changed recompute.*--changed keep"):
        run(folder, address)
    assert len(calls(folder)) == 4


def test_the_runs_of_an_old_source_are_kept_and_said_to_be(folder, address):
    run(folder, address)
    more_seeds(folder)
    change(folder, HELPER.replace("1.0", "2.0"))
    with pytest.warns(UserWarning, match=r"not all computed alike \(sources: helper.py:\w+, helper.py:\w+\)"):
        dataset = run(folder, address, changed="keep")
    assert dataset.value.values.tolist() == [[1, 1, 2], [1, 1, 2]]
    assert dataset.attrs["mixed"] == "sources" and dataset.attrs["sources"].count("helper.py") == 2
    with pytest.raises(ValueError, match="4 of its 6 runs"):  # what was chosen once is not chosen for ever
        run(folder, address)


def test_the_runs_of_an_old_source_are_computed_anew(folder, address):
    run(folder, address)
    more_seeds(folder)
    change(folder, HELPER.replace("1.0", "2.0"))
    command = ["sweep", str(folder / "changing.toml"), "--scheduler", address, "--quiet", "--changed", "recompute"]
    assert __main__.main(command) == 0
    dataset = run(folder, address)  # nothing is left to choose
    assert dataset.value.values.tolist() == [[2, 2, 2], [2, 2, 2]] and dataset.attrs["mixed"] == "nothing"
    assert len(calls(folder)) == 10
    found = sweeps.status(sweeps.read(folder / "changing.toml"))
    assert len(found.store.set_aside) == 4 and len(found.done) == 6 and not found.unusable


def test_what_the_experiment_does_not_import_may_change(folder, address):
    (folder / "other.py").write_text("number = 1")
    run(folder, address)
    (folder / "other.py").write_text("number = 2")
    (folder / "helper.py").write_bytes(HELPER.replace("\n", "\r\n").encode())  # as Git writes it on Windows
    more_seeds(folder)
    assert run(folder, address).attrs["mixed"] == "nothing" and len(calls(folder)) == 6


def test_runs_from_before_sources_were_recorded_are_asked_about(folder, address, monkeypatch):
    sweep = sweeps.read(folder / "changing.toml")
    sweeps.function_of(sweep)
    old = {name: value for name, value in _worker._provenance(sweep.experiment).items() if name != "sources"}
    with monkeypatch.context() as patch:
        patch.setattr(_worker, "_provenance", lambda _: old)
        compute(sweep, sweep.runs())
    more_seeds(folder)
    with pytest.raises(ValueError, match="4 of its 6 runs were stored before the experiment's source was recorded"):
        run(folder, address)
    with pytest.raises(ValueError, match='`changed` must be "stop", "keep" or "recompute"; got \'yes\''):
        run(folder, address, changed="yes")
    with pytest.warns(UserWarning, match=r"alike \(sources: changing_experiment.py:\w+, helper.py:\w+, unrecorded\)"):
        assert run(folder, address, changed="keep").attrs["mixed"] == "sources"


def test_a_worker_with_another_source_computes_nothing(folder, address):
    run(folder, address)
    more_seeds(folder)
    (folder / "helper.py").write_text(HELPER.replace("1.0", "2.0"))  # the worker lives on
    with pytest.raises(sweeps.RunsFailed) as raised:
        run(folder, address, changed="keep")
    assert set(raised.value.failures.values()) == {
        "Its worker has loaded another helper.py than the client: give it the same, and restart it."
    }
    assert len(calls(folder)) == 4


def compute(sweep, runs):
    """Store `runs`, computed here, as workers and client would."""
    for one in runs:
        claim = store_of(sweep).claim(one)
        data, failure = _worker.compute(one, sweep.path.parent)
        claim.write(data) if data else claim.fail(failure)


def test_sources_are_the_module_and_what_it_imports_from_beside_it(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    files = {
        "swept_package/__init__.py": "",
        "swept_package/run.py": "import json, swept_beside\nfrom . import near\nfrom .deep.inner import f",
        "swept_package/near.py": "def late():\n    from swept_package import lazy",
        "swept_package/lazy.py": "from .... import beyond",
        "swept_package/unused.py": "",
        "swept_package/deep/inner.py": "f = 1",  # in a folder without __init__.py
        "swept_beside.py": "try:\n    import swept_broken\nexcept SyntaxError:\n    pass",
        "swept_broken.py": "def",
        "swept_unused.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    __import__("swept_package.run")
    found = sources_of("swept_package.run:f")
    assert list(found) == sorted(name for name in files if "unused" not in name)
    (tmp_path / "swept_package/lazy.py").write_text("")
    assert {name for name, _ in found.items() ^ sources_of("swept_package.run:f").items()} == {"swept_package/lazy.py"}
    assert sources_of("sys:exit") == {}
    ours = sources_of("implreg_core.sweeps:run")
    assert "implreg_core/__init__.py" in ours and all(name.startswith("implreg_core/") for name in ours)


def test_sources_are_read_by_several_threads_at_once():
    expected = sources_of("implreg_core.experiments:tensor_completion")
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(sources_of, ["implreg_core.experiments:tensor_completion"] * 8)) == [expected] * 8


def test_the_commit_is_that_of_the_experiment(folder):
    sweep = sweeps.read(folder / "changing.toml")
    compute(sweep, [one for one in sweep.runs() if one.seed == 0])
    assert sweeps.collect(sweep).attrs["commit"] == "none"  # not that of implreg_core
    git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "changing_experiment.py", "helper.py"], ["commit", "-qm", "first"]):
        subprocess.run([*git, *command], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    new_worker()
    compute(sweep, sweep.runs())
    assert sweeps.collect(sweep).attrs["commit"] == head


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "SystemExit(3)", "GeneratorExit", "Rain"])
def test_whatever_an_experiment_raises_costs_its_run_alone(folder, address, error):
    lines = f"\n    if seed == 1 and size == 1:\n        raise {error}\n"
    change(folder, f"class Rain(BaseException):\n    pass\n\n{HELPER.replace(':', ':' + lines, 1)}")
    with pytest.raises(sweeps.RunsFailed) as raised:
        run(folder, address)
    ((name, reason),) = raised.value.failures.items()
    assert name == "size=1, seed=1" and error.removesuffix("(3)") in reason.splitlines()[-1]
    dataset = sweeps.collect(sweeps.read(folder / "changing.toml"))
    assert dataset.done.values.tolist() == [[True, False], [True, True]]


def test_a_module_that_exits_is_refused(folder):
    (folder / "helper.py").write_text("raise SystemExit(3)")
    with pytest.raises(ValueError, match="cannot be imported: SystemExit: 3"):
        sweeps.function_of(sweeps.read(folder / "changing.toml"))


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ('{"size": 1.0}', "`size` .* needs another name; this one is taken"),
        ('{"seed": 1.0}', "`seed` .* needs another name"),
        ('{"done": True}', "`done` .* needs another name"),
        ('{"a": [1.0, 2.0], "a_0": 1.0}', "`a_0` .* needs another name"),
    ],
)
def test_a_name_that_is_taken_stops_the_sweep_at_its_first_run(folder, address, results, message):
    change(folder, "")
    (folder / "changing_experiment.py").write_text(MODULE.replace('{"value": helper.value(seed, size)}', results))
    with pytest.raises(ValueError, match=message):
        run(folder, address)
    assert len(calls(folder)) == 1
    found = sweeps.status(sweeps.read(folder / "changing.toml"))
    assert [str(one) for one in found.failed] == ["size=1, seed=0"]
    assert "needs another name" in found.store.failure(found.failed[0]).read_text()
    assert not list(found.store.folder.glob("*.jsonl"))


def test_an_axis_called_as_a_dimension_is_refused(folder, address):
    change(folder, HELPER.replace("1.0", "[1.0, 2.0]").replace("size", "value_0"))
    (folder / "changing_experiment.py").write_text(MODULE.replace("size", "value_0"))
    (folder / "changing.toml").write_text(FILE.replace("size", "value_0"))
    with pytest.raises(ValueError, match="`value` .* needs another name; its dimension `value_0` is taken"):
        run(folder, address)


@pytest.mark.parametrize(
    ("odd", "message"),
    [
        ("[1.0, 2.0]", "`value` is float64 of shape (2,) here, and `value` is float64 of shape () there"),
        ("1", "`value` is int64 of shape () here, and `value` is float64 of shape () there"),
    ],
)
def test_a_run_that_does_not_fit_fails_alone(folder, address, odd, message):
    change(folder, HELPER.replace("1.0", f"{odd} if (seed, size) == (1, 1) else 1.0"))
    with pytest.raises(sweeps.RunsFailed) as raised:
        run(folder, address)
    assert raised.value.failures == {
        "size=1, seed=1": "ValueError: its results do not fit together with those of size=1, seed=0: "
        f"{message}. All runs of a sweep must return the same names, types and shapes."
    }
    dataset = sweeps.collect(sweeps.read(folder / "changing.toml"))
    assert dataset.done.values.tolist() == [[True, False], [True, True]] and len(calls(folder)) == 4
    change(folder, HELPER)
    assert run(folder, address, changed="recompute").done.all()


def test_stored_runs_that_do_not_fit_are_no_dead_end(folder, address):
    sweep = sweeps.read(folder / "changing.toml")
    change(folder, HELPER.replace("1.0", "[1.0] if seed else 1.0"))
    compute(sweep, sweep.runs())
    with pytest.raises(ValueError, match="different results or shapes .* sets aside what does not fit"):
        sweeps.collect(sweep)
    with pytest.warns(UserWarning, match="is not used: its results do not fit.* It is moved to"):
        with pytest.raises(sweeps.RunsFailed):
            run(folder, address)
    assert sweeps.collect(sweep).done.values.tolist() == [[True, False], [True, False]]
    assert len(Store(folder / "changing.runs").set_aside) == 2


ADDRESSES = ["nowhere", "", "tcp://", "tcp://host", "host:port", "http://host:80", "tcp://:8786", "tcp://host:99999"]


@pytest.mark.parametrize("wrong", ADDRESSES)
def test_what_is_no_address_is_refused_at_once(folder, wrong, capsys):
    assert __main__.main(["sweep", str(folder / "changing.toml"), "--scheduler", wrong]) == 2
    message = capsys.readouterr().err
    assert message.startswith(f"error: `scheduler` must be an address such as tcp://host:8786; got {wrong!r} (")
    assert len(message.splitlines()) == 1 and not (folder / "changing.runs").exists()


def test_where_nothing_can_be_written_nothing_is_computed(folder, address, capsys):
    command = ["sweep", str(folder / "changing.toml"), "--scheduler", address]
    for option, path, message in (
        ("--output", folder / "none" / "a.nc", f"there is no folder {folder / 'none'}. Create it."),
        ("--output", folder, f"{folder} is a folder. Name a file in it."),
        ("--store", folder / "helper.py", f"`store` must be a folder; {folder / 'helper.py'} is a file."),
    ):
        assert __main__.main([*command, option, str(path)]) == 2
        assert message in capsys.readouterr().err
    assert not calls(folder) and not (folder / "changing.runs").exists()


def test_a_damaged_or_foreign_file_is_named_wherever_it_is_read(folder, address):
    run(folder, address)
    sweep = sweeps.read(folder / "changing.toml")
    damaged, foreign, *_ = (store_of(sweep).path(one) for one in sweep.runs())
    damaged.write_bytes(damaged.read_bytes()[:-40])
    foreign.unlink()
    foreign.mkdir()
    with pytest.warns(UserWarning) as warned:
        assert sweeps.collect(sweep).done.values.tolist() == [[False, False], [True, True]]
    assert [str(one.message).split(" is not used: ")[0] for one in warned] == [str(damaged), str(foreign)]
    found = sweeps.status(sweep)
    assert found.unusable.keys() == {damaged.name, foreign.name}
    with pytest.warns(UserWarning, match="It is moved to .*set-aside.*; the run is computed anew") as warned:
        assert run(folder, address).done.all()
    assert len(warned) == 2
    assert {Path(one).name for one in found.store.set_aside} == found.unusable.keys()
