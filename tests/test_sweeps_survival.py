"""Sweeps on real clusters that are killed in the middle: nothing is lost, nothing changes, nothing is done twice.

No test depends on how long something takes: kills wait for a number of finished runs, and the experiment writes down
every time that it is called. Processes are few, since each takes seconds to start: the tests share a cluster.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import xarray

from implreg_core import sweeps
from implreg_core.sweeps._store import store_of

MODULE = """
import os
import signal
import time
from pathlib import Path

import jax
import jax.numpy as jnp

FOLDER = Path(__file__).parent

@jax.jit
def spectrum(key, scale):
    A = scale * jax.random.normal(key, (40, 40))
    return jnp.linalg.svd(A @ A.T, compute_uv=False)

def experiment(*, seed, scale, rank, mood="good"):
    with open(FOLDER / "calls.log", "a") as log:
        log.write(f"{os.getpid()} {scale} {rank} {seed}\\n")
    if mood == "raises" and seed == 1 and (FOLDER / "unlucky").exists():
        raise RuntimeError("seed 1 is unlucky")
    if mood == "kills" and seed == 1 and (FOLDER / "unlucky").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    σ = spectrum(jax.random.key(seed), scale)
    time.sleep(0.02)
    return {"singular_values": σ[:5], "tail": σ[rank:].sum(), "large": σ[0] > 1, "twice": 2 * rank}
"""

FILE = """
experiment = "surviving_experiment:experiment"
seeds = 18
[vary]
scale = [0.001, 0.1, 1, 2.5]
rank = [1, 2, 5]
"""
RUNS = 216
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills groups of processes, which Windows has not")
PATIENCE = 300  # seconds after which a test fails instead of waiting for ever


class Cluster(NamedTuple):
    """A scheduler with two workers, all processes of their own, and a folder with our experiment."""

    folder: Path
    address: str
    scheduler: subprocess.Popen

    def file(self, name, text=FILE):
        """A new sweep file in the folder, and a new log of calls."""
        (self.folder / "calls.log").unlink(missing_ok=True)
        (self.folder / name).write_text(text)
        return self.folder / name


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweeps")
    (folder / "surviving_experiment.py").write_text(MODULE)
    log = folder / "cluster.txt"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    environment = os.environ | {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
    with open(log, "w") as errors:
        scheduler = subprocess.Popen([*command, "--dashboard-address", ":0"], stderr=errors, env=environment)
        until(lambda: "Scheduler at:" in log.read_text(), scheduler)
        address = log.read_text().split("Scheduler at:")[1].split()[0]
        workers = start("worker", address, "--workers", "2", stderr=errors)
    yield Cluster(folder, address, scheduler)
    for process in (workers, scheduler):
        process.terminate()
        process.wait(PATIENCE)


@pytest.fixture(scope="module")
def undisturbed(cluster):
    """The dataset of a sweep to which nothing happened, against a scheduler that was reached by its address."""
    file = cluster.file("undisturbed.toml")
    status, errors = finish(start("sweep", file, "--scheduler", cluster.address))
    assert status == 0, errors
    assert sorted(calls(file)) == sorted(set(calls(file))) and len(calls(file)) == RUNS
    dataset = xarray.load_dataset(file.with_suffix(".nc"), engine="h5netcdf")
    assert dataset.done.all() and dataset.attrs["threads"] == "1"
    return dataset


def start(*arguments, stderr=subprocess.PIPE):
    """A command of ours, in a process group of its own."""
    command = [sys.executable, "-m", "implreg_core", *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    return subprocess.Popen(command, start_new_session=True, stderr=stderr, text=True, env=environment)


def until(condition, process):
    """Wait for `condition()` while `process` lives."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.005)


def finish(process):
    """Exit status and stderr."""
    _, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, errors


def stored(file):
    """The names of the finished runs' files."""
    return {path.name for path in file.with_suffix(".runs").glob("*.jsonl")}


def calls(file):
    """For each call of the experiment, in order, the name that the run's file gets."""
    names = {(*run.settings.values(), run.seed): f"{run.identity}.jsonl" for run in sweeps.read(file).runs()}
    lines = [line.split() for line in file.with_name("calls.log").read_text().splitlines()]
    return [names[float(scale), int(rank), int(seed)] for _, scale, rank, seed in lines]


def last_worker(file):
    """The process that computes, or has just computed."""
    return int(file.with_name("calls.log").read_text().splitlines()[-1].split()[0])


def test_ctrl_c_while_processes_start_is_one_line(tmp_path):
    (tmp_path / "surviving_experiment.py").write_text(MODULE)
    (tmp_path / "early.toml").write_text(FILE)
    code = """if __name__ == "__main__":
        import os, signal, sys, threading, time
        import distributed, psutil
        from implreg_core import __main__
        def press():
            while not any("spawn_main" in " ".join(child.cmdline()) for child in psutil.Process().children()):
                time.sleep(0.001)
            for _ in range(3):  # as one does
                os.killpg(0, signal.SIGINT)
                time.sleep(0.1)
        class Pressed(distributed.LocalCluster):
            def __init__(self, **options):
                threading.Thread(target=press).start()
                super().__init__(**options)
        distributed.LocalCluster = Pressed
        sys.exit(__main__.main(["sweep", "early.toml", "--workers", "1"]))
    """
    (tmp_path / "early.py").write_text(code)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    options = {"start_new_session": True, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    process = subprocess.Popen([sys.executable, "early.py"], cwd=tmp_path, env=environment, **options)
    printed, _ = process.communicate(timeout=PATIENCE)
    assert printed == "error: stopped. Finished runs are stored; the same command continues.\n"
    assert process.returncode == 130
    assert not list((tmp_path / "early.runs").glob("*")) and not (tmp_path / "calls.log").exists()


def test_failing_runs_cost_only_themselves(cluster):
    text = FILE.replace("18", "3").replace("[0.001, 0.1, 1, 2.5]", "[1.0]").replace("[1, 2, 5]", "[1]")
    file = cluster.file("failing.toml", text + 'mood = ["good", "raises", "kills"]\n')
    (cluster.folder / "unlucky").touch()
    with pytest.raises(sweeps.RunsFailed) as raised:
        sweeps.run(sweeps.read(file), scheduler=cluster.address, quiet=True)
    failures = raised.value.failures
    assert len(failures) == 2
    assert "RuntimeError: seed 1 is unlucky" in failures["scale=1.0, rank=1, mood='raises', seed=1"]
    assert "worker died, 2 times" in failures["scale=1.0, rank=1, mood='kills', seed=1"]
    dataset = xarray.load_dataset(file.with_suffix(".nc"), engine="h5netcdf").squeeze()
    assert dataset.done.values.tolist() == [[True] * 3, [True, False, True], [True, False, True]]
    assert np.array_equal(np.isnan(dataset["tail"]), ~dataset.done)
    found = sweeps.status(sweeps.read(file))
    assert {str(run) for run in found.failed} == failures.keys() and len(found.done) == 7

    (cluster.folder / "unlucky").unlink()
    before = os.environ.copy()
    dataset = sweeps.run(sweeps.read(file), workers=1, quiet=True)
    assert dataset.done.all() and not list(file.with_suffix(".runs").glob("*.failed"))
    assert os.environ == before  # which a local cluster changes while it starts


def test_two_sweeps_at_once_on_one_store(cluster):
    seeds = {"one.toml": "6", "two.toml": "[4, 5, 6]"}
    files = [cluster.file(name, FILE.replace("18", text)) for name, text in seeds.items()]
    damaged = store_of(sweeps.read(files[0])).path(list(sweeps.read(files[0]).runs())[4])
    store = damaged.parent
    store.mkdir()
    damaged.write_text("half a res")
    clusters = (["--scheduler", cluster.address], ["--workers", "1"])
    both = [start("sweep", file, "--store", store, *where) for file, where in zip(files, clusters)]
    results = [finish(process) for process in both]
    assert [status for status, _ in results] == [0, 0], results
    warnings = [line for _, errors in results for line in errors.splitlines() if "is not used" in line]
    assert len(warnings) == 1 and warnings[0].startswith(f"warning: {damaged} is not used: its checksum")
    assert [path.read_text() for path in (store / "set-aside").iterdir()] == ["half a res"]
    assert {path.suffix for path in store.iterdir() if path.is_file()} == {".jsonl"}
    everything = cluster.folder / "everything.toml"
    everything.write_text(FILE.replace("18", "7"))
    assert sweeps.collect(sweeps.read(everything), store).done.all()
    assert len(calls(everything)) == len(set(calls(everything))) == 12 * 7


def test_killed_three_times_and_interrupted(cluster, undisturbed):
    file = cluster.file("killed.toml")
    kept = []  # before each kill: what was stored by then, and how many calls there had been

    def when_stored(runs, process):
        until(lambda: len(stored(file)) >= runs, process)
        kept.append((stored(file), len(calls(file))))

    sweep = start("sweep", file, "--scheduler", cluster.address)
    when_stored(20, sweep)
    os.killpg(sweep.pid, signal.SIGINT)
    status, errors = finish(sweep)
    assert status == 130 and "stopped. Finished runs are stored" in errors

    sweep = start("sweep", file, "--scheduler", cluster.address)
    when_stored(60, sweep)
    cluster.scheduler.kill()  # which makes this the last test of the cluster
    status, errors = finish(sweep)
    assert status == 1 and "scheduler is lost. Finished runs are stored" in errors

    sweep = start("sweep", file, "--workers", "2")
    when_stored(100, sweep)
    os.kill(last_worker(file), signal.SIGKILL)
    when_stored(150, sweep)
    os.killpg(sweep.pid, signal.SIGKILL)
    finish(sweep)

    status, errors = finish(start("sweep", file, "--workers", "2"))
    assert status == 0, errors
    assert f"{RUNS} of {RUNS} runs" in errors
    assert {path.name for path in file.with_suffix(".runs").iterdir()} == stored(file) == set(calls(file))
    assert len(stored(file)) == RUNS
    assert len(calls(file)) <= RUNS + 2 * len(kept)  # a kill interrupts the two runs under way, at most
    for finished, count in kept:
        assert not finished & set(calls(file)[count:])
    dataset = xarray.load_dataset(file.with_suffix(".nc"), engine="h5netcdf")
    assert dataset.sizes == undisturbed.sizes and dataset.variables.keys() == undisturbed.variables.keys()
    for name, values in undisturbed.variables.items():
        assert dataset[name].dtype == values.dtype and dataset[name].values.tobytes() == values.values.tobytes(), name
