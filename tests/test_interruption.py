"""Long loops run in slices: Ctrl-C is answered, a bar shows, and neither changes a digit."""

import os
import subprocess
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
import pytest

from implreg_core import (
    _check,
    _slices,
    deep_completion,
    descent,
    factorizations,
    flow,
    nonlinear,
    norms,
    problems,
    stability,
    tensors,
)
from implreg_core.descent import _recording
from implreg_core.flow import _sign_preserving

PROBLEM = problems.two_by_two()
START = factorizations.identity(0.1, depth=3)
STARTS = tuple(jnp.stack([W, 2 * W, 40 * W]) for W in START)  # the last diverges
ENDLESS = 10**12
MOMENTUM = partial(optax.sgd, momentum=0.9)


def completed(max_steps, tolerance):
    truths, masks = jnp.ones((2, 2, 2, 2)), jnp.ones((2, 2, 2, 2), bool)
    return tensors.complete_many(
        truths, masks, init_std=0.1, tolerance=tolerance, max_steps=max_steps, keys=jr.split(jr.key(0))
    )


LONG = {
    "descent": partial(descent.gradient_descent, PROBLEM, START, learning_rate=1e-6),
    "descents": partial(descent.gradient_descents, PROBLEM, STARTS, learning_rate=1e-6),
    "nonlinear": partial(nonlinear.gradient_descent, PROBLEM, START, nonlinear.Tanh(1.0), learning_rate=1e-6),
    "optimizers": partial(stability.optimizer_descents, PROBLEM, STARTS, MOMENTUM, learning_rate=1e-9),
    "flow": partial(flow.gradient_flow, PROBLEM, START, target_loss=1e-300),
    "deep completion": partial(
        deep_completion.complete, PROBLEM, depth=2, scale=1.0, learning_rate=1e-9, tolerance=1e-300, key=jr.key(0)
    ),
}


@pytest.mark.parametrize("name", LONG)
def test_ctrl_c_between_two_slices_ends_a_run(monkeypatch, name):
    interrupt_at(monkeypatch, call=5)
    with pytest.raises(KeyboardInterrupt):
        LONG[name](max_steps=ENDLESS)


def interrupt_at(monkeypatch, call):
    @contextmanager
    def steps(total, off=False):
        calls = iter(range(call))

        def show(done, loss):
            if next(calls, None) is None:
                raise KeyboardInterrupt

        yield show

    monkeypatch.setattr(_slices, "steps", steps)


def test_ctrl_c_ends_runs_on_all_threads(monkeypatch):
    def interrupted(results, total):
        raise KeyboardInterrupt

    monkeypatch.setattr(_slices, "runs", interrupted)
    with pytest.raises(KeyboardInterrupt):  # and not before the threads have ended
        completed(max_steps=ENDLESS, tolerance=1e-300)


def test_a_signal_from_outside_is_answered():
    code = """if True:
        import os, signal, threading
        from implreg_core import descent, factorizations, problems
        signal.signal(signal.SIGINT, signal.default_int_handler)  # what started the tests may have had it ignored
        start = factorizations.identity(0.1, depth=2)
        threading.Timer(5, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            descent.gradient_descent(problems.two_by_two(), start, learning_rate=1e-9, max_steps=10**15)
        except KeyboardInterrupt:
            print("interrupted")
    """
    options = {"capture_output": True, "encoding": "utf-8", "timeout": 120, "cwd": Path(__file__).parents[1]}
    assert subprocess.run([sys.executable, "-c", code], **options).stdout == "interrupted\n"


def test_all_slices_of_a_run_are_one_program():
    before = _recording._continue.programs()
    starts = tuple(jnp.stack([W] * 5) for W in factorizations.identity(0.1, depth=5))
    run = descent.gradient_descents(PROBLEM, starts, learning_rate=0.1, max_steps=2000)[0]
    assert run.step[-1] > 100 and _recording._continue.programs() == before + 1


@pytest.mark.parametrize("slices", ["of one step", "as large as can be"])
def test_slices_change_no_digit(monkeypatch, slices):
    runs = {
        "one": lambda: descent.gradient_descent(PROBLEM, START, learning_rate=0.1, max_steps=300, target_loss=0.02),
        "many": lambda: descent.gradient_descents(PROBLEM, STARTS, learning_rate=0.1, max_steps=300, target_loss=0.02),
        "optimizer": lambda: stability.optimizer_descents(PROBLEM, STARTS, MOMENTUM, learning_rate=0.1, max_steps=100),
        "training": lambda: completed(max_steps=1000, tolerance=1e-3),
    }
    plain = {name: run() for name, run in runs.items()}
    monkeypatch.setattr(_slices, "_SLICE", 0.0 if slices == "of one step" else 1e9)
    monkeypatch.setattr(_slices, "_GROWTH", 1e9)
    for name, run in runs.items():
        jax.tree.map(np.testing.assert_array_equal, run(), plain[name])
    assert plain["one"].converged and [run.diverged_at is None for run in plain["many"]] == [True, True, False]


def test_slices_are_as_long_as_patience_and_recover_from_a_slow_one(monkeypatch):
    now, seconds_of = 0.0, lambda step: 10.0 if 1000 < step < 3000 else 1e-4
    monkeypatch.setattr(_slices.time, "perf_counter", lambda: now)
    before, slices = 0, []
    for limit in _slices.limits(1_000_000):
        slices.append(limit - before)
        now += sum(map(seconds_of, range(before, limit)))
        before = limit
    assert sum(slices) == before == 1_000_000
    assert slices[:4] == [1, 1, 8, 64] and min(slices) == 1
    assert np.allclose(slices[-20:-1], 1500, rtol=0.01)  # 0.15 s at 1e-4 s a step


def test_slices_change_no_digit_of_an_exact_path(monkeypatch):
    def path():
        return flow.sign_preserving_flow(PROBLEM, 0.1 * np.eye(2), depth=3, target_loss=1e-8)

    plain = path()
    monkeypatch.setattr(_sign_preserving, "_SLICE", 7)
    jax.tree.map(np.testing.assert_array_equal, path(), plain)


def test_what_is_observed_takes_the_place_of_the_matrices():
    options = {"learning_rate": 0.1, "max_steps": 500}
    plain = descent.gradient_descents(PROBLEM, STARTS, **options)
    seen = descent.gradient_descents(
        PROBLEM, STARTS, observe=lambda W: {"nuclear": norms.nuclear(W), "entry": W[0, 0]}, **options
    )
    for run, other in zip(plain, seen, strict=True):
        assert run.observed is None and other.W is None
        np.testing.assert_array_equal(run.step, other.step)
        np.testing.assert_array_equal(run.W[:, 0, 0], other.observed["entry"])
        np.testing.assert_allclose(jax.vmap(norms.nuclear)(run.W), other.observed["nuclear"], rtol=1e-12)


def test_records_that_memory_does_not_hold_are_refused_before_they_are_made(monkeypatch):
    problem = problems.completion(np.ones((943, 1682)), np.eye(943, 1682, dtype=bool))
    start = (jnp.full((5, 1682), 0.1), jnp.full((943, 5), 0.1))
    monkeypatch.setattr(_check, "_free_memory", lambda: 2e8)
    run = partial(descent.gradient_descent, problem, start, learning_rate=1e-3, max_steps=20)
    with pytest.raises(
        ValueError, match=r"21 records would take 0.266 GB of memory, and 0.2 GB are free. Record fewer"
    ):
        run()
    assert run(observe=lambda W: W[:2, :2]).observed.shape == (21, 2, 2)


def test_a_container_s_limit_counts_and_its_cache_does_not(tmp_path):
    contents = {"max": "3000\n", "current": "2900\n", "stat": "anon 400\nactive_file 1000\ninactive_file 1500\n"}
    for name, text in contents.items():
        (tmp_path / f"memory.{name}").write_text(text)
    assert _check._free_memory(tmp_path) == 2600
    (tmp_path / "memory.max").write_text("max\n")
    assert _check._free_memory(tmp_path) > 1e6  # that of the whole machine


@pytest.mark.parametrize(("variable", "shows"), [(None, True), ("IMPLREG_STATIC", False), ("TQDM_DISABLE", False)])
def test_a_bar_shows_step_loss_and_speed(variable, shows):
    code = """if True:
        import sys
        sys.stderr.isatty = lambda: True
        from implreg_core import _slices, descent, factorizations, problems
        _slices._DELAY = 0
        start = factorizations.identity(0.1, depth=2)
        descent.gradient_descent(problems.two_by_two(), start, learning_rate=1e-9, max_steps=60_000_000)
    """
    environment = os.environ | ({variable: "1"} if variable else {})
    options = {"capture_output": True, "encoding": "utf-8", "env": environment, "cwd": Path(__file__).parents[1]}
    shown = subprocess.run([sys.executable, "-c", code], **options).stderr
    assert all(text in shown for text in ("/60.0M", "steps/s", "loss 0.")) == shows, shown
    assert shows or shown == ""
