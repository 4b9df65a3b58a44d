"""Steps per second of tensor completion at 8^3 (64 components) and 8^4 (512), beside a straightforward PyTorch loop.

One step is one gradient and one update of one run. Ours in three ways: one run, RUNS runs by `tensors.complete_many`,
and RUNS runs under `jax.vmap`, each with the test whether to stop. PyTorch's loop is what one would write after the
code released with the paper: one einsum, autograd, the optimizer in Python, the loss read at every step; the best of
single and double precision, with one thread and with all. Ours is in double precision.

The last column but one is the share of what this machine can multiply that the many runs use: the three matrix products
of each of their steps, beside those of large matrices in double precision. It bounds what any program could gain.

PyTorch is no dependency of the book. Name a Python that has it: TORCH_PYTHON=/path/to/python. From one start both
sides must come to one tensor (in double precision, to 1e-9 of its norm), or the benchmark fails.
"""

import argparse
import inspect
import json
import os
import subprocess
import sys
import time

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from implreg_core import tensors
from implreg_core.training import global_rmsprop, train

OBSERVED = {3: (200, 500), 4: (200, 1000)}  # of 512, and of 4096 entries
STEPS = {3: 20_000, 4: 600}
RUNS = 10
INIT_STD, LEARNING_RATE = 1e-2, 1e-2
NEVER = 1e-300  # a tolerance that no run reaches
AGREEMENT_STEPS, AGREEMENT = 100, 1e-9
ROW = "{:>5} {:>8} {:>10} {:<18} {:>9}{:>6} {:>9}{:>6} {:>9}{:>6} {:>8} {:>11}"


def pytorch_loop():
    """The whole program of the other side, alone in its process: a problem on stdin, speeds and a tensor on stdout."""
    import json
    import string
    import sys
    import time

    import torch

    class GlobalRMSProp(torch.optim.Optimizer):
        def __init__(self, params, lr, beta=0.99, eps=1e-6):
            super().__init__(params, {"lr": lr, "beta": beta, "eps": eps})
            self.square_avg, self.steps = 0.0, 0

        @torch.no_grad()
        def step(self):
            (group,) = self.param_groups
            self.steps += 1
            self.square_avg = group["beta"] * self.square_avg
            for p in group["params"]:
                self.square_avg += (1 - group["beta"]) * p.grad.pow(2).sum()
            mean = self.square_avg / (1 - group["beta"] ** self.steps)
            lr = group["lr"] / (mean.sqrt() + group["eps"])
            for p in group["params"]:
                p.add_(-lr * p.grad)

    problem = json.load(sys.stdin)
    letters = string.ascii_lowercase[: len(problem["factors"])]
    equation = ",".join(x + "z" for x in letters) + "->" + letters

    def train(dtype, steps, seconds=0.0):
        """The last tensor, and the steps per second of the fastest round of `steps` steps."""
        factors = [torch.nn.Parameter(torch.tensor(F, dtype=dtype)) for F in problem["factors"]]
        seen = torch.tensor(problem["mask"]).nonzero(as_tuple=True)
        target = torch.tensor(problem["target"], dtype=dtype)[seen]
        optimizer, loss_function = GlobalRMSProp(factors, problem["learning_rate"]), torch.nn.MSELoss()
        best, end = 0.0, time.perf_counter() + seconds
        while True:
            begin = time.perf_counter()
            for _ in range(steps):
                optimizer.zero_grad()
                loss = loss_function(torch.einsum(equation, *factors)[seen], target)
                loss.backward()
                optimizer.step()
                if loss.item() <= problem["tolerance"]:
                    break
            now = time.perf_counter()
            best = max(best, steps / (now - begin))
            if now >= end:
                return torch.einsum(equation, *factors), best

    threads = torch.get_num_threads()
    W, _ = train(torch.float64, problem["agreement_steps"])
    speeds = {}
    for name in ("float32", "float64"):
        for count in sorted({1, threads}):
            torch.set_num_threads(count)
            speeds[f"{name}, {count} thread{'s' * (count > 1)}"] = train(
                getattr(torch, name), problem["steps"], problem["seconds"]
            )[1]
    json.dump({"speeds": speeds, "tensor": W.tolist()}, sys.stdout)


def run_pytorch(python: str, problem: dict) -> tuple[dict[str, float], np.ndarray]:
    """Speeds by precision and threads, and the tensor after `AGREEMENT_STEPS` steps."""
    program = inspect.getsource(pytorch_loop) + "\npytorch_loop()\n"
    command, text = [python, "-c", program], json.dumps(problem)
    answer = json.loads(subprocess.run(command, input=text, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return answer["speeds"], np.array(answer["tensor"])


def has_torch(python: str) -> bool:
    """Whether this Python can be run and imports torch."""
    try:
        return subprocess.run([python, "-c", "import torch"], capture_output=True).returncode == 0
    except OSError:
        return False


def vmapped(steps: int):
    """The last errors of runs in one batched loop, as a compiled function of targets, masks and starts."""

    def run(target, mask, start):
        def mse(factors):
            return jnp.mean((tensors.cp_tensor(factors) - target) ** 2, where=mask)

        return train(mse, start, global_rmsprop(LEARNING_RATE), tolerance=NEVER, record_at=jnp.array([steps])).value

    return jax.jit(jax.vmap(run))


def seconds(function) -> float:
    """The time of one call."""
    begin = time.perf_counter()
    jax.block_until_ready(function())
    return time.perf_counter() - begin


def products_per_second(size: int = 2048) -> float:
    """Multiplications and additions in a second, of two large matrices, on all cores."""
    A = jr.normal(jr.key(0), (size, size), float)
    square = jax.jit(lambda A: A @ A)
    jax.block_until_ready(square(A))
    return 2 * size**3 / min(seconds(lambda: square(A)) for _ in range(5))


def compare(order: int, observed: int, python: str | None, repeats: int, most: float) -> bool:
    """Print one row of the table; whether both sides agree."""
    shape, steps = (8,) * order, STEPS[order]
    truth_key, *keys = jr.split(jr.key(0), RUNS + 1)
    keys, components = jnp.stack(keys), tensors.largest_rank(shape)
    target = tensors.random_low_rank(truth_key, shape, 1)
    targets = jnp.broadcast_to(target, (RUNS, *shape))
    masks = jnp.stack([tensors.random_mask(key, shape, observed) for key in keys])
    starts = jax.vmap(lambda key: tensors.gaussian(key, shape, components, std=INIT_STD))(keys)
    settings = {"init_std": INIT_STD, "learning_rate": LEARNING_RATE, "tolerance": NEVER}

    def one(max_steps=steps):
        return tensors.complete(target, masks[0], key=keys[0], max_steps=max_steps, **settings)

    def many():
        return [end.factors for end in tensors.complete_many(targets, masks, keys=keys, max_steps=steps, **settings)]

    batch = vmapped(steps // RUNS)
    ways = {  # each with its number of steps
        lambda: one().factors: steps,
        many: steps * RUNS,
        lambda: batch(targets, masks, starts): steps // RUNS * RUNS,
    }
    problem = {
        "factors": [F.tolist() for F in tensors.gaussian(keys[0], shape, components, std=INIT_STD)],
        "target": target.tolist(),
        "mask": masks[0].tolist(),
        "learning_rate": LEARNING_RATE,
        "tolerance": NEVER,
        "agreement_steps": AGREEMENT_STEPS,
        "steps": max(steps // 100, 20),
        "seconds": 0.5,
    }
    W = one(AGREEMENT_STEPS).tensor
    for way in ways:
        jax.block_until_ready(way())  # compiles; awaited, or it would still run beside the first timing
    times, speeds, difference = {way: [] for way in ways}, {}, None
    for _ in range(repeats):  # by turns, so that a busy moment hits both
        for way in ways:
            times[way].append(seconds(way))
        if python is not None:
            new, W_of_pytorch = run_pytorch(python, problem)
            speeds = {name: max(speed, speeds.get(name, 0.0)) for name, speed in new.items()}
            difference = float(jnp.linalg.norm(W - W_of_pytorch) / jnp.linalg.norm(W))

    best = max(speeds, key=speeds.get, default=None)
    cells = []
    for way, count in ways.items():
        speed = count / min(times[way])
        cells += [f"{speed:,.0f}", "" if best is None else f"{speed / speeds[best]:.0f}x"]
    share = 6 * target.size * components * ways[many] / min(times[many]) / most
    pytorch = ["-", ""] if best is None else [f"{speeds[best]:,.0f}", best]
    agreement = "-" if best is None else f"{difference:.1e}"
    print(ROW.format(order, observed, *pytorch, *cells, f"{share:.0%}", agreement), flush=True)
    return difference is None or difference <= AGREEMENT


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3, help="timings of each kind, of which the best counts")
    arguments = parser.parse_args()
    if arguments.repeats < 1:
        parser.error(f"--repeats must be at least 1; got {arguments.repeats}")
    python = os.environ.get("TORCH_PYTHON", sys.executable)
    if not has_torch(python):
        print(f"No PyTorch: {python!r} cannot import torch, so only our speeds follow. Install it in an environment of")
        print("its own (pip install torch --index-url https://download.pytorch.org/whl/cpu), and set TORCH_PYTHON.")
        python = None

    header = ["order", "observed", "PyTorch", "its best", "one run", "", f"{RUNS} runs", "", f"{RUNS} vmap", ""]
    print("Steps per second of all runs together, and how many times PyTorch's.")
    print(ROW.format(*header, "of peak", "difference"))
    most = products_per_second()
    agree = [compare(order, n, python, arguments.repeats, most) for order, counts in OBSERVED.items() for n in counts]
    if not all(agree):
        sys.exit(f"The tensors differ by more than {AGREEMENT:g} of their norm.")


if __name__ == "__main__":
    main()
