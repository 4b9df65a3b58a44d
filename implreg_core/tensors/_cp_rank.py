"""The CP rank of a tensor: proved from below, found by alternating least squares from above."""

import itertools
import math

import numpy as np
from jaxtyping import ArrayLike, Float, Real

from implreg_core import _check
from implreg_core.tensors._als import als_reaches
from implreg_core.tensors._cp_tensor import checked_shape, largest_rank


def cp_rank(
    T: Float[ArrayLike, "..."], *, tolerance: Real[ArrayLike, ""] = 1e-6, restarts: int = 3, max_iterations: int = 1000
) -> int:
    r"""CP rank of `T` up to a tolerance: the least $k$ for which ALS finds $k$ components within a mean squared error.

    The search is binary, upwards from `cp_rank_lower_bound`. Where that many components suffice, the result is proved.
    A $k$ above it is an upper bound, as alternating least squares (ALS) may miss an approximation that exists; each
    $k$ is tried from singular vectors, where there are as many, and then from `restarts` fixed random starts. Zero for
    a tensor within the tolerance of zero.

    **Raises:** ValueError if `T` has fewer than two axes or an entry that is not finite, or `tolerance` is not
    positive; `ConvergenceError` if ALS reaches the tolerance at no $k$ up to `largest_rank`.

    **References:** Razin & Cohen (2020), experiments; Kolda & Bader (2009), Section 3.4, for ALS.

    **Example:**

    ```python
    >>> T = jnp.zeros((2, 2, 2)).at[0, 0, 0].set(1.0).at[1, 1, 1].set(1.0)
    >>> tensors.cp_rank(T)
    2

    ```
    """
    T, tolerance = _tensor(T), float(_check.positive(tolerance, "tolerance"))
    restarts = _check.integer(restarts, "restarts", 1)
    max_iterations = _check.integer(max_iterations, "max_iterations", 1)
    low, high = cp_rank_lower_bound(T, tolerance=tolerance), largest_rank(T.shape)
    if low == 0:
        return 0

    failed, r, step = low - 1, low, 1
    while not als_reaches(T, r, tolerance, restarts, max_iterations):
        if r == high:
            raise ConvergenceError(
                f"`T` of shape {T.shape}: ALS reached no mean squared error below {tolerance:g}, not even with {high} "
                "components. Raise `max_iterations` or `restarts`."
            )
        failed, r, step = r, min(r + step, high), 2 * step
    while r - failed > 1:
        middle = (failed + r) // 2
        if als_reaches(T, middle, tolerance, restarts, max_iterations):
            r = middle
        else:
            failed = middle
    return r


def cp_rank_lower_bound(T: Float[ArrayLike, "..."], *, tolerance: Real[ArrayLike, ""] = 1e-6) -> int:
    r"""A proved lower bound of the number of components within mean squared error `tolerance` of `T`.

    A tensor of CP rank $k$ has unfoldings of rank at most $k$. By Eckart and Young the distance of `T` to it is then
    at least $\sqrt{\sum_{i > k} \sigma_i^2}$, with the singular values of any unfolding of `T`.

    **Raises:** ValueError if `T` has fewer than two axes or an entry that is not finite, or `tolerance` is not
    positive.

    **Example:**

    ```python
    >>> T = jnp.zeros((2, 2, 2)).at[0, 0, 0].set(1.0).at[1, 1, 1].set(1e-4)
    >>> tensors.cp_rank_lower_bound(T), tensors.cp_rank_lower_bound(T, tolerance=1e-10)
    (1, 2)

    ```
    """
    T, tolerance = _tensor(T), float(_check.positive(tolerance, "tolerance"))

    def least(unfolding):
        sigma = np.linalg.svd(unfolding, compute_uv=False)
        tails = np.append(np.cumsum(sigma[::-1] ** 2)[::-1], 0.0)  # sum of squares from the r-th on
        return int(np.argmax(tails <= tolerance * T.size))

    half = T.ndim // 2
    splits = [modes for k in range(1, half + 1) for modes in itertools.combinations(range(T.ndim), k)]
    return max(least(_unfold(T, modes)) for modes in splits)


class ConvergenceError(RuntimeError):
    """An iterative method ended without an answer.

    **Example:**

    ```python
    >>> T = tensors.random_low_rank(jr.key(0), (3, 3, 3), rank=3)
    >>> try:
    ...     tensors.cp_rank(T, tolerance=1e-30, max_iterations=1)
    ... except tensors.ConvergenceError:
    ...     "no rank found"
    'no rank found'

    ```
    """


def _unfold(T, modes):
    """`T` as a matrix whose rows are the given modes."""
    others = [n for n in range(T.ndim) if n not in modes]
    return T.transpose(*modes, *others).reshape(math.prod(T.shape[n] for n in modes), -1)


def _tensor(T) -> np.ndarray:
    T = np.asarray(_check.finite(T, "T"))
    checked_shape(T.shape, "T.shape")
    return T
