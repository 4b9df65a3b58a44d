"""The convex baseline: among all matrices that fit the observed entries, the one of least nuclear norm."""

import cvxpy as cp
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from implreg_core.problems import Completion


def minimum_nuclear_norm(problem: Completion) -> Float[Array, "m n"]:
    r"""Solve $\min \lVert W \rVert_*$ subject to $W_{ij} = b_{ij}$ for every observed $(i, j)$.

    A semidefinite program, solved by Clarabel's interior-point method to about eight digits of the largest
    observed value. Its cost grows quickly: a second at 20 x 20, minutes at 100 x 100.

    **Returns:** the minimizer; where it is not unique, one of them.

    **Raises:** `ValueError` if the solver fails, with its status.

    **References:** Candès and Recht (2009), problem (1.5).
    """
    W = cp.Variable(problem.shape)
    observed, values = np.asarray(problem.observed), np.asarray(problem.values)
    scale = np.max(np.abs(values)) or 1.0  # the solver's tolerances are absolute
    program = cp.Problem(cp.Minimize(cp.normNuc(W)), [W[observed] == values[observed] / scale])
    try:
        program.solve(solver=cp.CLARABEL)
        status = program.status
    except cp.error.SolverError:
        status = "no solution found"
    if status != cp.OPTIMAL:
        raise ValueError(
            f"`problem` of shape {problem.shape} with {observed.sum()} observed entries was not solved: Clarabel says "
            f"{status!r}. Check that the observed values are not of very different sizes."
        )
    return jnp.asarray(scale * W.value)


def minimum_trace_psd(problem: Completion) -> Float[Array, "n n"]:
    r"""Solve $\min \operatorname{tr} W$ subject to $W \succeq 0$ and $W_{ij} = b_{ij}$ for every observed $(i, j)$.

    For positive semidefinite $W$ the trace is the nuclear norm. Solved as `minimum_nuclear_norm` is.

    **Returns:** the minimizer; where it is not unique, one of them.

    **Raises:** `ValueError` if the problem is not square, no positive semidefinite matrix fits, or the solver fails.

    **References:** the right-hand side of the conjecture of Gunasekar et al. (2017).
    """
    size, columns = problem.shape
    if size != columns:
        raise ValueError(f"`problem` must be square, as symmetric matrices are; got shape {problem.shape}.")
    W = cp.Variable((size, size), PSD=True)
    rows, columns = np.nonzero(np.asarray(problem.observed))
    program = cp.Problem(cp.Minimize(cp.trace(W)), [W[rows, columns] == np.asarray(problem.values)[rows, columns]])
    try:
        program.solve(solver=cp.CLARABEL)
        status = program.status
    except cp.error.SolverError:  # also where a fit is approached, at infinity, but never reached
        status = "no solution found"
    if status != cp.OPTIMAL:
        raise ValueError(
            f"`problem` has no positive semidefinite fit that Clarabel could find ({status}). Check that the observed "
            "entries agree across the diagonal and that every observed 2 x 2 block allows a nonnegative determinant."
        )
    return jnp.asarray(W.value)
