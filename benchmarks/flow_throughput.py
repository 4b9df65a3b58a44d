"""How deep, how exact and how fast `sign_preserving_flow` is: `python benchmarks/flow_throughput.py`.

The first has one line for each depth and start, for both signs of the determinant: final loss, how far |w|
sqrt(2 loss) is from its limit 1 where det W > 0, solver steps, seconds once compiled. The second counts
solves per second for 256 Gaussian starts at once.
"""

import time
from functools import partial, reduce

import jax.numpy as jnp
import jax.random as jr
import numpy as np

from implreg_core import problems
from implreg_core.flow._sign_preserving import sign_preserving_flow, sign_preserving_flows

DEPTHS = (2, 3, 4, 10)
STDS = (1e-1, 1e-3, 1e-6)  # of the entries of each factor
BATCH = 256
PROBLEM = problems.two_by_two()


def gaussian_products(key, count, depth, std, det_sign):
    """Products of Gaussian factors whose determinant has the sign `det_sign`, and their slogdet."""
    factors = std * jr.normal(key, (count, depth, 2, 2))
    signs, logs = jnp.linalg.slogdet(factors)
    wrong = jnp.prod(signs, axis=1) != det_sign
    factors = factors.at[wrong, 0].set(factors[wrong, 0, ::-1])  # swapping two rows
    products = reduce(lambda product, W: W @ product, jnp.moveaxis(factors, 1, 0))
    return products, (jnp.full(count, float(det_sign)), jnp.sum(logs, axis=1))


def timed(solve):
    """The result of a second call, once compiled, and its seconds."""
    solve()
    start = time.perf_counter()
    result = solve()
    return result, time.perf_counter() - start


def starts(depth):
    """Name, product and slogdet of each start in the table."""
    for alpha in (1.0, 1e-2, 1e-4):
        yield f"{alpha:g} I", alpha * jnp.eye(2), None
        yield f"{alpha:g} diag(1, -1)", alpha * jnp.diag(jnp.array([1.0, -1.0])), None
    for std in STDS:
        for det_sign in (1, -1):
            W0, (signs, logs) = gaussian_products(jr.key(0), 1, depth, std, det_sign)
            yield f"Gaussian {std:g}", W0[0], (signs[0], logs[0])


def main():
    begin = time.perf_counter()
    sign_preserving_flow(PROBLEM, jnp.eye(2), depth=3)
    print(f"first call, with compilation: {time.perf_counter() - begin:.1f} s\n")

    print("depth             start det      loss     |W11|  |W11| sqrt(2 loss) - 1 steps  s")
    for depth in DEPTHS:
        for name, W0, slogdet in starts(depth):
            path, seconds = timed(partial(sign_preserving_flow, PROBLEM, W0, depth=depth, slogdet=slogdet))
            w, loss = abs(path.W[-1, 0, 0]), path.loss[-1]
            ratio = f"{w * np.sqrt(2 * loss) - 1:.1e}" if path.det_sign > 0 else "-"
            sign = "+" if path.det_sign > 0 else "-"
            row = f"{depth:5} {name:>17} {sign:>3} {loss:9.1e} {w:9.2e} {ratio:>23} {path.steps:5}"
            row = f"{row} {seconds:.3f}"
            print(row if path.converged else f"{row}  {path.status}")

    print(f"\n{BATCH} starts at once: converged, mean steps, solves per second")
    for depth in DEPTHS:
        for std in STDS:
            for det_sign in (1, -1):
                W0, slogdet = gaussian_products(jr.key(1), BATCH, depth, std, det_sign)
                solve = partial(sign_preserving_flows, PROBLEM, W0, depth=depth, slogdet=slogdet)
                paths, seconds = timed(solve)
                converged, steps = sum(p.converged for p in paths), np.mean([p.steps for p in paths])
                sign = "+" if det_sign > 0 else "-"
                name, rate = f"Gaussian {std:g}", BATCH / seconds
                print(f"{depth:5} {name:>17} {sign:>3} {converged:5} {steps:6.0f} {rate:6.0f}")


if __name__ == "__main__":
    main()
