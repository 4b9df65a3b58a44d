"""Our own source as JavaScript, in a page (Chromium) and in Node, beside JAX on the CPU and plain C with -O3.

The first table is of `descent.recorded_descent`, the loop behind `descent.gradient_descent`, with its record and its
look at the loss in each step: steps per second in one long run, as in `descent_throughput.py`, the best of three in a
row, since JavaScript compiles what it runs. The final products must agree to 1e-9, or the benchmark fails.

The second is of the experiments of `live`, with a few columns as explorers ask for them, at settings as a slider gives
them: the size of a program, and the milliseconds of its first call in a fresh page, of the calls after the fifth, and
of JAX, once compiled. The descents make 100,000 steps, the flow goes to loss 1e-20.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from descent_throughput import AGREEMENT, ALPHA, LEARNING_RATE, STEPS, TARGET_LOSS, compile_c, time_c, time_ours

from implreg_core import descent, factorizations, live, problems
from implreg_core.javascript import compile_to_javascript

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # for `tools`

from tools.browser import chromium  # noqa: E402

CALLS, WARM = 40, 5
COLUMNS = ("loss", "unseen_entry", "unseen_entry_bound", "effective_rank", "nuclear")
RUN = """
const calls = {}.map((call) => call.map((x) => (Array.isArray(x) ? Float64Array.from(x) : x)));
const results = calls.map((call) => {{
  const before = performance.now();
  const leaves = run(...call);
  return {{ milliseconds: performance.now() - before, last: Array.from(leaves.at(-1).slice(-4)) }};
}});
"""


def in_node(node: str, source: str, calls: list) -> list[dict]:
    """Milliseconds of calls of `run`, and the last four numbers that it returns, in a new process."""
    program = source + RUN.format(json.dumps(calls)) + "console.log(JSON.stringify(results));"
    return json.loads(subprocess.run([node, "-"], input=program, check=True, capture_output=True, text=True).stdout)


def in_page(browser, source: str, calls: list) -> list[dict]:
    """The same in a new page."""
    page = browser.new_page()
    results = page.evaluate(f"() => {{\n{source}{RUN.format(json.dumps(calls))}return results;\n}}")
    page.close()
    return results


def as_numbers(arguments) -> list:
    """The arguments of a compiled program: numbers, and lists for arrays."""
    return [np.ravel(leaf).tolist() if np.ndim(leaf) else float(leaf) for leaf in jax.tree.leaves(arguments)]


# ---- one long run


def long_run(depth: int) -> tuple[str, list]:
    """The program of a descent with a record as `gradient_descent` makes it, and the arguments of its one call."""
    arguments = (
        factorizations.identity(ALPHA, depth),
        jnp.asarray(LEARNING_RATE),
        jnp.asarray(TARGET_LOSS),
        descent.log_spaced_steps(STEPS[depth]),
    )

    def descend(factors, learning_rate, target_loss, record_at):
        options = dict(learning_rate=learning_rate, target_loss=target_loss, record_at=record_at)
        return descent.recorded_descent(problems.two_by_two(), factors, **options)[:3]

    return compile_to_javascript(descend, *arguments, name="run"), [as_numbers(arguments)]


def compare_speeds(browser, node: str, compiler: str, repeats: int) -> bool:
    """Print the first table; whether the products agree."""
    print("steps per second of one run; the largest difference of its last product from that of C")
    print("depth      steps    Chromium        Node    JAX, CPU      C -O3  difference")
    agree = True
    with tempfile.TemporaryDirectory() as folder:
        for depth, steps in STEPS.items():
            (source, calls), program = long_run(depth), compile_c(depth, compiler, folder)
            time_ours(depth, steps, 1)  # compiles
            seconds = []
            for _ in range(repeats):  # by turns, so that a busy moment hits all
                of_page, of_node = in_page(browser, source, 3 * calls), in_node(node, source, 3 * calls)
                of_jax, _ = time_ours(depth, steps, 1)
                of_c, W_of_c = time_c(program, steps, 1)
                best = [min(call["milliseconds"] for call in results) / 1e3 for results in (of_page, of_node)]
                seconds.append([*best, of_jax, of_c])
            speeds = "".join(f" {steps / best:11.2e}" for best in np.min(seconds, axis=0))
            difference = np.max(np.abs(np.array([of_page[0]["last"], of_node[0]["last"]]) - W_of_c.ravel()))
            print(f"{depth:5} {steps:10,}{speeds} {difference:11.1e}", flush=True)
            agree &= bool(difference <= AGREEMENT)
    return agree


# ---- the experiments of a page


def experiments():
    """Name, function and the arguments of `CALLS` calls of each."""
    M, rates = jnp.array([[1.0, 0.3], [0.2, 0.8]]), np.linspace(2e-3, 4e-3, CALLS)
    for depth in STEPS:
        yield (
            f"descent, depth {depth}",
            lambda W0, rate, depth=depth: live.descent_columns(W0, rate, depth=depth, target_loss=0.0),
            [(M / 100, rate) for rate in rates],
        )
    for depth in STEPS:
        directions = factorizations.gaussian(jr.key(0), depth, (2, 2), std=1.0)
        yield (
            f"leaky descent, depth {depth}",
            lambda slope, rate, directions=directions: live.leaky_columns(
                0.1, slope, rate, directions=directions, target_loss=0.0
            ),
            list(zip(np.linspace(0.0, 1.0, CALLS), rates)),
        )
    yield (
        "flow, any depth",
        lambda W0, depth: live.flow_columns(W0, depth=depth),
        [(scale * M, depth) for scale, depth in zip(np.geomspace(1e-6, 1.0, CALLS), np.linspace(2.0, 10.0, CALLS))],
    )


def time_jax(function, calls: list) -> float:
    """Median milliseconds of a call, once compiled."""
    compiled, milliseconds = jax.jit(function), []
    for arguments in calls:
        begin = time.perf_counter()
        jax.block_until_ready(compiled(*arguments))
        milliseconds.append(1e3 * (time.perf_counter() - begin))
    return float(np.median(milliseconds))


def time_experiments(browser, repeats: int):
    """Print the second table."""
    print("\nmilliseconds of one experiment in Chromium, and in JAX; bytes of its program, and compressed")
    print("experiment                 first  median     max    JAX    bytes  zipped")
    for name, experiment, arguments in experiments():

        def drawn(*arguments, experiment=experiment):
            columns = experiment(*arguments)
            return [columns[name] for name in (*COLUMNS, "time")]

        calls = [tuple(jnp.asarray(x, float) for x in call) for call in arguments]
        source = compile_to_javascript(drawn, *calls[0], name="run")
        runs = [in_page(browser, source, [as_numbers(call) for call in calls]) for _ in range(repeats)]
        times = np.array([[call["milliseconds"] for call in run] for run in runs])
        first, later, sizes = (
            np.median(times[:, 0]),
            times[:, WARM:],
            (len(source), len(zlib.compress(source.encode(), 9))),
        )
        print(
            f"{name:24} {first:7.1f} {np.median(later):7.1f} {later.max():7.1f} {time_jax(drawn, calls):6.1f}"
            f" {sizes[0]:8,} {sizes[1]:7,}",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3, help="timings of each kind (default: 3)")
    repeats = parser.parse_args().repeats
    if repeats < 1:
        parser.error(f"--repeats must be at least 1; got {repeats}")
    compiler, node = os.environ.get("CC", "cc"), os.environ.get("NODE", "node")
    for program, variable in [(compiler, "CC"), (node, "NODE")]:
        if shutil.which(program) is None:
            sys.exit(f"{program!r} is not found: install it, or set {variable} to where it is.")
    with chromium() as browser:
        version = subprocess.run([node, "--version"], check=True, capture_output=True, text=True).stdout.strip()
        print(f"Chromium {browser.version}, Node {version}, jax {jax.__version__}")
        agree = compare_speeds(browser, node, compiler, repeats)
        time_experiments(browser, repeats)
    if not agree:
        sys.exit(f"The final products differ by more than {AGREEMENT:g}.")


if __name__ == "__main__":
    main()
