"""What the property tests share: the functions that each is about, and the inputs that they draw.

Few shapes, so that JAX compiles each function once; many degenerate inputs: zeros, ties, low rank, decades of scale.
"""

from collections import defaultdict

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

TESTS = defaultdict(list)  # of each public function, such as "ranks.effective_rank"

ENTRIES = st.sampled_from([0.0, 1.0, -1.0, 0.5, 2.0]) | st.floats(-3, 3).map(lambda x: round(x, 4))
NONZERO = ENTRIES.filter(lambda x: abs(x) > 0.01)
PHASES = [Phase.generate, Phase.shrink]  # without the slow one that explains
SEEDS = st.integers(0, 2**31 - 1)
SCALES = st.sampled_from([1.0, 1e-100, 1e-8, 1e8, 1e100])


def about(*functions: str, examples: int = 20, **inputs):
    """Makes a test a property of the named public functions, for a fixed random sample of `inputs`."""

    def decorate(test):
        for name in functions:
            TESTS[name].append(test.__name__)
        fixed = settings(max_examples=examples, derandomize=True, deadline=None, database=None, phases=PHASES)
        return fixed(given(**inputs)(test))

    return decorate


def gaussians(*shape: int):
    """Of standard normal entries: nothing about them is special."""
    return SEEDS.map(lambda seed: np.random.default_rng(seed).standard_normal(shape))


def matrices(*shape: int):
    """Of plain, often equal entries; Gaussian; of rank one."""
    plain = hnp.arrays(float, shape, elements=ENTRIES)
    rank_one = st.tuples(gaussians(shape[0], 1), gaussians(1, shape[1])).map(lambda uv: uv[0] @ uv[1])
    return plain | gaussians(*shape) | rank_one


def orthogonal(size: int):
    return gaussians(size, size).map(lambda G: np.linalg.qr(G)[0])


def signed_permutations(size: int):
    """As matrices, which permute exactly."""
    parts = st.tuples(st.permutations(range(size)), hnp.arrays(float, size, elements=st.sampled_from([1.0, -1.0])))
    return parts.map(lambda drawn: np.eye(size)[list(drawn[0])] * drawn[1])


def permutations(size: int):
    return st.permutations(range(size)).map(np.array)


def near(left, right, rounding: float = 1e-12, size=None) -> bool:
    """Whether the arrays agree up to `rounding`, relative to `size`, or else to the largest entry of `right`."""
    left, right = np.asarray(left, float), np.asarray(right, float)
    size = np.max(np.abs(right), initial=0.0) if size is None else size
    with np.errstate(invalid="ignore"):  # equal infinities
        agree = (left == right) | (np.abs(left - right) <= rounding * size)
    return left.shape == right.shape and bool(np.all(agree))
