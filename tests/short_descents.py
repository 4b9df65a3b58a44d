"""Short runs of descent for the property tests, all by one program, and how one compares them."""

import jax.numpy as jnp
import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from properties import gaussians, matrices, near

from implreg_core import descent, problems

RUNS, STEPS = 3, 30
OPTIONS = {"learning_rate": 0.02, "max_steps": STEPS, "records_per_decade": 5}
STARTS = st.tuples(gaussians(RUNS, 3, 2), gaussians(RUNS, 3, 3), gaussians(RUNS, 2, 3))  # products of 2 x 2
MASKS = hnp.arrays(bool, (2, 2), elements=st.booleans()).filter(np.any)
SHOWN = st.tuples(matrices(2, 2), MASKS)
ROUNDING = 1e-10  # 30 stable steps, each of which rounds to 1e-16 and may enlarge errors by a third
RECORD_AT = descent.log_spaced_steps(STEPS, OPTIONS["records_per_decade"])


def changed(problem, rows=np.eye(2), columns=np.eye(2), scale=1.0):
    """The problem of `rows @ W @ columns`, of signed permutations, times a scale."""
    observed = np.abs(rows) @ np.asarray(problem.observed) @ np.abs(columns) > 0
    return problems.completion(scale * rows @ np.asarray(problem.values) @ columns, observed)


def transposed(problem):
    return problems.completion(problem.values.T, problem.observed.T)


def alike(runs, others, change=lambda W: W, scale=1.0, rounding=ROUNDING):
    """Whether runs are the others, of which the products are changed; where they diverge, both do.

    At which step a loss is exactly zero hangs on rounding: the run that ends so may have fewer steps than the other.
    """

    def same(run, other):
        rows = sum(a == b for a, b in zip(run.step, other.step))
        rest = np.concatenate([one.loss[rows:] / one.loss[0] for one in (run, other)])
        return (
            (len(rest) == 0 or 0 in rest and np.all(rest <= 1e-20))
            and near(run.loss[:rows] / scale**2, other.loss[:rows], rounding)
            and near(run.W[:rows] / scale, change(other.W[:rows]), rounding)
        )

    return len(runs) == len(others) and all(map(same, runs, others))


def arrays(factors):
    return tuple(map(jnp.asarray, factors))


def descend(problem, starts, **options):
    return descent.gradient_descents(problem, arrays(starts), **OPTIONS | options)
