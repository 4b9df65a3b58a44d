"""The convex baseline: among all matrices that fit the observed entries, the one of least nuclear norm."""

import cvxpy as cp
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from implreg_core.problems import Completion


def minimum_nuclear_norm(problem: Completion) -> Float[Array, "m n"]:
    r"""Solve $\min \lVert W \rVert_*$ subject to $W_{ij} = b_{ij}$ for every observed $(i, j)$.

    A semidefinite program, solved by Clarabel's interior-point method to about eight digits. Its cost grows quickly:
    a second at 20 x 20, minutes at 100 x 100.

    **Returns:** the minimizer; where it is not unique, one of them.

    **Raises:** `ValueError` if the solver fails, with its status.

    **References:** Candès and Recht (2009), problem (1.5).
    """
    W = cp.Variable(problem.shape)
    rows, columns = np.nonzero(np.asarray(problem.observed))
    program = cp.Problem(
        cp.Minimize(cp.normNuc(W)), [W[rows, columns] == np.asarray(problem.values)[rows, columns]]
    )
    program.solve(solver=cp.CLARABEL)
    if program.status != cp.OPTIMAL:
        raise ValueError(
            f"`problem` of shape {problem.shape} with {len(rows)} observed entries was not solved: Clarabel says "
            f"{program.status!r}. Rescale the observed values to order 1."
        )
    return jnp.asarray(W.value)
