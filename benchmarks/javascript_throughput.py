"""Gradient descent in JavaScript, compiled from our own source, beside JAX on the CPU and a plain C loop with -O3.

The function is `descent.recorded_descent`, the loop behind `descent.gradient_descent`, with its record and its look at
the loss in each step, run by Node. First steps per second in one long run, as in `descent_throughput.py`; the final
products must agree to 1e-9, or the benchmark fails. Then what a slider needs: the time of 100,000 steps in the very
first call of a process and in later ones.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zlib

import jax.numpy as jnp
import numpy as np
from descent_throughput import AGREEMENT, ALPHA, LEARNING_RATE, STEPS, TARGET_LOSS, compile_c, time_c, time_ours

from implreg_core import descent, factorizations, problems
from implreg_core.javascript import compile_to_javascript

FRAME, FRAMES = 100_000, 40
RUN = """
const record = ({}).map((steps) => Float64Array.from(steps));
const start = ({}).map((factor) => Float64Array.from(factor));
const timed = (steps) => {{
  const before = performance.now();
  const [, , W] = descend(...start, {}, {}, steps);
  return [performance.now() - before, Array.from(W.slice(-4))];
}};
const frames = Array.from({{ length: {} }}, () => timed(record[0])[0]);
const [milliseconds, W] = timed(record[1]);
console.log(JSON.stringify({{ frames, milliseconds, W }}));
"""


def compiled(depth: int) -> str:
    """The descent of one run, from factors, learning rate, target loss and steps to record."""

    def descend(factors, learning_rate, target_loss, record_at):
        options = dict(learning_rate=learning_rate, target_loss=target_loss, record_at=record_at)
        return descent.recorded_descent(problems.two_by_two(), factors, **options)[:3]

    scalar = jnp.asarray(1.0)
    start = factorizations.identity(ALPHA, depth)
    return compile_to_javascript(descend, start, scalar, scalar, steps_to_record(FRAME), name="descend")


def steps_to_record(max_steps: int) -> np.ndarray:
    """As `gradient_descent` records, in one length for all."""
    steps = descent.log_spaced_steps(max_steps)
    return np.pad(steps, (0, 400 - len(steps)), mode="edge")


def run_in_node(node: str, source: str, depth: int) -> dict:
    """What `RUN` prints."""
    records = [steps_to_record(steps).tolist() for steps in (FRAME, STEPS[depth])]
    start = [W.ravel().tolist() for W in factorizations.identity(ALPHA, depth)]
    program = source + RUN.format(records, start, LEARNING_RATE, TARGET_LOSS, FRAMES)
    output = subprocess.run([node, "-"], input=program, check=True, capture_output=True, text=True).stdout
    return json.loads(output)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3, help="timings of each kind, of which the best counts")
    repeats = parser.parse_args().repeats
    if repeats < 1:
        parser.error(f"--repeats must be at least 1; got {repeats}")
    compiler, node = os.environ.get("CC", "cc"), os.environ.get("NODE", "node")
    for program, variable in [(compiler, "CC"), (node, "NODE")]:
        if shutil.which(program) is None:
            sys.exit(f"{program!r} is not found: install it, or set {variable} to where it is.")

    print("steps per second of one run; milliseconds of 100,000 steps; bytes of source, and compressed")
    print("depth      steps  JavaScript    JAX, CPU      C -O3    difference   first  median     max   bytes  zipped")
    agree = True
    with tempfile.TemporaryDirectory() as folder:
        for depth, steps in STEPS.items():
            source, program = compiled(depth), compile_c(depth, compiler, folder)
            time_ours(depth, steps, 1)  # compiles
            runs = []
            for _ in range(repeats):  # by turns, so that a busy moment hits all
                in_jax, _ = time_ours(depth, steps, 1)
                in_c, W_of_c = time_c(program, steps, 1)
                runs.append((run_in_node(node, source, depth), in_jax, in_c))
            best = min(found["milliseconds"] for found, *_ in runs) / 1e3
            speeds = [steps / best, *(steps / min(times) for times in list(zip(*runs))[1:])]
            difference = np.max(np.abs(np.array(runs[0][0]["W"]).reshape(2, 2) - W_of_c[0]))
            frames = np.array([found["frames"] for found, *_ in runs])  # every process compiles anew
            first, later = np.median(frames[:, 0]), frames[:, 5:]
            sizes = len(source), len(zlib.compress(source.encode(), 9))
            print(
                f"{depth:5} {steps:10,}" + "".join(f" {speed:11.2e}" for speed in speeds) + f" {difference:12.1e}"
                f" {first:7.1f} {np.median(later):7.1f} {later.max():7.1f} {sizes[0]:7,} {sizes[1]:7,}",
                flush=True,
            )
            agree &= bool(difference <= AGREEMENT)
    if not agree:
        sys.exit(f"The final products differ by more than {AGREEMENT:g}.")


if __name__ == "__main__":
    main()
