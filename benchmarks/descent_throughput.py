"""Steps per second of gradient descent on the 2x2 problem, beside a plain C loop compiled with -O3.

One run, and 256 runs (ours on all cores, in C one after another), at depths 2, 3 and 4 in double precision, from
identity starts. Both sides look at the loss at every step. Ours is the public function with all that it does, of which
the column `call` has the part that does not grow with the steps; compilation is left out on both sides. The final
products must agree to 1e-9, or the benchmark fails.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from implreg_core import descent, factorizations, problems

LEARNING_RATE, ALPHA, TARGET_LOSS = 3e-3, 0.027, 1e-12  # the target is never reached
RUNS = 256
STEPS = {2: 5_000_000, 3: 5_000_000, 4: 1_000_000}  # at depth 4 the edge of stability, and chaos, lie at 1.7 million
STEPS_OF_MANY = 200_000
STEPS_OF_NOTHING = 10
AGREEMENT = 1e-9
ROW = "{:5} {:5} {:10,} {:11.2e} {:11.2e} {:8.2f} {:8.0f} {:11.1e}"


def compile_c(depth: int, compiler: str, folder: str) -> Path:
    """`descent.c` at one depth, as a program."""
    program, source = Path(folder) / f"descent{depth}", Path(__file__).with_name("descent.c")
    options = ["-std=c11", "-D_POSIX_C_SOURCE=199309L", "-O3", f"-DDEPTH={depth}"]
    subprocess.run([compiler, *options, source, "-o", program, "-lm"], check=True)
    return program


def time_c(program: Path, steps: int, runs: int) -> tuple[float, np.ndarray]:
    """Seconds by the program's own clock, and the products of all runs."""
    arguments = [str(value) for value in (steps, runs, LEARNING_RATE, ALPHA, TARGET_LOSS)]
    output = subprocess.run([program, *arguments], check=True, capture_output=True, text=True).stdout
    seconds, *products = output.split()
    return float(seconds), np.array(products, float).reshape(runs, 2, 2)


def time_ours(depth: int, steps: int, runs: int) -> tuple[float, np.ndarray]:
    """Seconds of one call, and the products of all runs."""
    problem = problems.two_by_two()
    starts = [factorizations.identity(ALPHA * (1 + r / runs), depth) for r in range(runs)]
    options = dict(learning_rate=LEARNING_RATE, max_steps=steps, target_loss=TARGET_LOSS)
    if runs == 1:
        begin = time.perf_counter()
        results = [descent.gradient_descent(problem, starts[0], **options)]
    else:
        batch = tuple(jnp.stack(factors) for factors in zip(*starts))
        begin = time.perf_counter()
        results = descent.gradient_descents(problem, batch, **options)
    return time.perf_counter() - begin, np.array([run.W[-1] for run in results])


def compare(depth: int, program: Path, runs: int, repeats: int) -> bool:
    """Print one row of the table; whether the products agree."""
    steps = STEPS[depth] if runs == 1 else STEPS_OF_MANY
    time_ours(depth, steps, runs)  # compiles
    ours, theirs, calls = [], [], []
    time_ours(depth, STEPS_OF_NOTHING, runs)
    for _ in range(repeats):  # by turns, so that a busy moment hits both
        seconds, W = time_ours(depth, steps, runs)
        ours.append(seconds)
        seconds, W_of_c = time_c(program, steps, runs)
        theirs.append(seconds)
        calls.append(time_ours(depth, STEPS_OF_NOTHING, runs)[0])
    speed, speed_of_c = steps * runs / min(ours), steps * runs / min(theirs)
    difference = np.max(np.abs(W - W_of_c))
    row = (depth, runs, steps, speed, speed_of_c, speed / speed_of_c, 1000 * min(calls), difference)
    print(ROW.format(*row), flush=True)
    return difference <= AGREEMENT


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3, help="timings of each kind, of which the best counts")
    arguments = parser.parse_args()
    if arguments.repeats < 1:
        parser.error(f"--repeats must be at least 1; got {arguments.repeats}")
    compiler = os.environ.get("CC", "cc")
    if shutil.which(compiler) is None:
        sys.exit(f"No C compiler: {compiler!r} is not found. Install one (Debian: apt-get install gcc) or set CC.")

    print("depth  runs      steps   ours, 1/s  C -O3, 1/s   ours/C call, ms  difference")
    with tempfile.TemporaryDirectory() as folder:
        programs = {depth: compile_c(depth, compiler, folder) for depth in STEPS}
        agree = [compare(depth, programs[depth], runs, arguments.repeats) for runs in (1, RUNS) for depth in STEPS]
    if not all(agree):
        sys.exit(f"The final products differ by more than {AGREEMENT:g}.")


if __name__ == "__main__":
    main()
