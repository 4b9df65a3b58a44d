"""The convex baseline: among all matrices that fit the observed entries, the one of least nuclear norm."""

import warnings

import cvxpy as cp
import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from implreg_core import norms
from implreg_core.problems import Completion

_INTERIOR_POINT_UP_TO = 40  # rows and columns together; beyond it the first-order method wins
_LARGEST = 1000  # rows and columns together; beyond it a solution takes hours
_LARGEST_GAP = 1e-5  # relative, of what is returned


class CertifiedMinimum(eqx.Module):
    r"""A completion of small nuclear norm, and a dual matrix $Y$ that proves how far from least it can be.

    $Y$ is zero outside of $\Omega$ and has spectral norm at most 1. Every $X$ that fits the observed entries $b$ has
    therefore $\lVert X \rVert_* \ge \langle Y, X \rangle = \langle Y, b \rangle$.

    **Example:**

    ```python
    >>> problem = problems.completion(jnp.array([[2.0, 1.0], [1.0, 0.0]]), jnp.array([[True, True], [True, False]]))
    >>> minimum = convex.certified_minimum_nuclear_norm(problem)
    >>> minimum.W.round(4), bool(minimum.relative_gap < 1e-6)
    (Array([[2. , 1. ],
           [1. , 0.5]], dtype=float64), True)

    ```
    """

    W: Float[Array, "m n"]
    Y: Float[Array, "m n"]
    lower_bound: Float[Array, ""]  # of the nuclear norm of all completions

    @property
    def relative_gap(self) -> Float[Array, ""]:
        r"""$(\lVert W \rVert_* - \langle Y, b \rangle) / \lVert W \rVert_*$, and 0 for $W = 0$."""
        norm = norms.nuclear(self.W)
        return jnp.where(norm > 0, (norm - self.lower_bound) / norm, 0.0)


def minimum_nuclear_norm(problem: Completion) -> Float[Array, "m n"]:
    r"""Solve $\min \lVert W \rVert_*$ subject to $W_{ij} = b_{ij}$ for every observed $(i, j)$.

    **Returns:** the `W` of `certified_minimum_nuclear_norm`.

    **Raises:** `ValueError` if `problem` is too large, or the solver fails.

    **References:** Candès and Recht (2009), problem (1.5).

    **Example:**

    ```python
    >>> jnp.abs(convex.minimum_nuclear_norm(problems.two_by_two())).round(3)  # the unseen entry is 0
    Array([[0., 1.],
           [1., 0.]], dtype=float64)

    ```
    """
    return certified_minimum_nuclear_norm(problem).W


def certified_minimum_nuclear_norm(problem: Completion) -> CertifiedMinimum:
    r"""Solve $\min \lVert W \rVert_*$ subject to $W_{ij} = b_{ij}$ on $\Omega$, and prove that it is solved.

    A semidefinite program of size $m + n$. Up to $m + n = 40$ Clarabel's interior-point method solves it to about eight
    digits of the largest observed value; it takes a second at 20 x 20, and would take minutes at 100 x 100. Beyond, the
    first-order method of SCS reaches a gap of about $10^{-6}$. At 100 x 100 and rank 5 it takes seconds, or a minute
    where recovery is about to begin (3000 entries). Time grows with the cube of $m + n$, so that larger problems than
    $m + n = 1000$ are refused.

    **Returns:** the minimizer (where it is not unique, one of them), observed entries exact, with the dual matrix.

    **Raises:** `ValueError` if `problem` is too large, or with the solver's status if the relative gap is above
    $10^{-5}$.

    **References:** Candès and Recht (2009), problem (1.5) and its dual.

    **Example:**

    ```python
    >>> minimum = convex.certified_minimum_nuclear_norm(problems.two_by_two(eps=0.5))
    >>> norms.nuclear(minimum.W).round(4), minimum.lower_bound.round(4)  # no completion has a smaller one
    (Array(2., dtype=float64), Array(2., dtype=float64))

    ```
    """
    if (size := sum(problem.shape)) > _LARGEST:
        raise ValueError(
            f"`problem` of shape {problem.shape} is a semidefinite program of size {size}: each of some thousand "
            "iterations would take all eigenvalues of a matrix of that size. Take a part of at most "
            f"{_LARGEST} rows and columns together."
        )
    small = size <= _INTERIOR_POINT_UP_TO
    options = {"solver": cp.CLARABEL} if small else {"solver": cp.SCS, "eps_abs": 1e-6, "eps_rel": 1e-6}
    W = cp.Variable(problem.shape)
    fit, scale = _fit(W, problem)
    with warnings.catch_warnings():  # a result that the solver finds inaccurate may still have a small gap
        warnings.filterwarnings("ignore", "Solution may be inaccurate")
        status = _solve(cp.Problem(cp.Minimize(cp.normNuc(W)), [fit]), **options)
    if W.value is not None:
        minimum = _certified(problem, scale * W.value, fit.dual_value)
        if minimum.relative_gap <= _LARGEST_GAP:
            return minimum
    raise ValueError(
        f"`problem` of shape {problem.shape} with {int(jnp.sum(problem.observed))} observed entries was not solved: "
        f"{options['solver']} says {status!r}. Check that the observed values are not of very different sizes."
    )


def minimum_trace_psd(problem: Completion) -> Float[Array, "n n"]:
    r"""Solve $\min \operatorname{tr} W$ subject to $W \succeq 0$ and $W_{ij} = b_{ij}$ for every observed $(i, j)$.

    For positive semidefinite $W$ the trace is the nuclear norm. Clarabel solves it to about eight digits of the largest
    observed value.

    **Returns:** the minimizer; where it is not unique, one of them.

    **Raises:** `ValueError` if the problem is not square, no positive semidefinite matrix fits, or the solver fails.

    **References:** the right-hand side of the conjecture of Gunasekar et al. (2017).

    **Example:**

    ```python
    >>> problem = problems.completion(jnp.array([[0.0, 1.0], [1.0, 2.0]]), jnp.array([[False, True], [True, True]]))
    >>> convex.minimum_trace_psd(problem).round(4)  # the least entry that is still positive semidefinite
    Array([[0.5, 1. ],
           [1. , 2. ]], dtype=float64)

    ```
    """
    size, columns = problem.shape
    if size != columns:
        raise ValueError(f"`problem` must be square, as symmetric matrices are; got shape {problem.shape}.")
    W = cp.Variable((size, size), PSD=True)
    fit, scale = _fit(W, problem)
    status = _solve(cp.Problem(cp.Minimize(cp.trace(W)), [fit]), solver=cp.CLARABEL)
    if status != cp.OPTIMAL:
        raise ValueError(
            f"`problem` has no positive semidefinite fit that Clarabel could find ({status}). Check that the observed "
            "entries agree across the diagonal and that every observed 2 x 2 block allows a nonnegative determinant."
        )
    return jnp.asarray(scale * W.value)


def _certified(problem: Completion, W: np.ndarray, dual: np.ndarray) -> CertifiedMinimum:
    r"""`W` made to fit the observed entries exactly, and `dual` made a dual matrix.

    Of the Lagrangian $\lVert W \rVert_* + \langle \text{dual}, W - b \rangle$ the least has $-\text{dual}$ for a
    subgradient of the nuclear norm.
    """
    observed, values = np.asarray(problem.observed), np.asarray(problem.values)
    Y = np.zeros(problem.shape)
    Y[observed] = -dual
    Y /= max(1.0, np.linalg.norm(Y, 2))
    W = np.where(observed, values, W)
    return CertifiedMinimum(jnp.asarray(W), jnp.asarray(Y), jnp.asarray(np.sum(Y * values)))


def _fit(W: cp.Variable, problem: Completion) -> tuple[cp.Constraint, float]:
    """That `W` fits the observed entries divided by the largest, which is returned too.

    The tolerances of the solvers are absolute, so that values far from 1 would be fitted too well or not at all.
    """
    observed, values = np.asarray(problem.observed), np.asarray(problem.values)
    scale = np.max(np.abs(values)) or 1.0
    return W[observed] == values[observed] / scale, scale


def _solve(program: cp.Problem, **options) -> str:
    """The status of `program` after a try to solve it."""
    try:
        program.solve(**options)
        return program.status
    except cp.error.SolverError:  # also where a fit is approached, at infinity, but never reached
        return "no solution found"
