r"""Symmetric factorizations $W = U U^\top$, as depth-2 factorizations whose factors are each other's transposes.

On a symmetric problem $G = \nabla \ell(U U^\top)$ is symmetric. The factors $W_1 = U^\top$ and $W_2 = U$ then have
the gradients $U^\top G$ and $G U$, again transposes of each other, so the pair stays a transposed pair, balanced at
all times. As $G U$ is also the gradient of $\psi(U) = \frac12 \ell(U U^\top)$, descent on the pair is descent on
$\psi$ at the same learning rate $\eta$ (and descent on $\ell(U U^\top)$ at $\eta / 2$); the flows share their time.
So nothing is integrated here: `descent` and `flow` do it, and only their starts are special.

This is exact arithmetic. Up to size 4 and 4 columns rounding respects it; in larger products the sums run in another
order, the pair drifts apart by rounding, and the determinant's sign is then lost as from any start of depth 2.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from implreg_core import _check
from implreg_core.descent import Descent
from implreg_core.descent import gradient_descents as _descend
from implreg_core.factorizations import Factors
from implreg_core.flow import SignPreservingFlow, sign_preserving_flows
from implreg_core.problems import Completion, completion


def objective(problem: Completion, U: Float[ArrayLike, "n k"]) -> Float[Array, ""]:
    r"""What a symmetric factorization descends: $\psi(U) = \frac12 \ell(U U^\top)$.

    Its gradient is $\nabla \ell(U U^\top) \, U$.

    **Raises:** ValueError if `U` is not one finite matrix, or `problem` is not symmetric and as large as $U U^\top$.

    **Example:**

    ```python
    >>> symmetric.objective(problems.two_by_two(), 2 * jnp.eye(2))  # half of the loss 9 of W = 4 I
    Array(4.5, dtype=float64)

    ```
    """
    U = _check.matrix(U, "U")
    _check_problem(problem, U.shape[0])
    return 0.5 * problem.loss(U @ U.T)


def gradient_descents(problem: Completion, U: Float[ArrayLike, "runs n k"], **options) -> list[Descent]:
    r"""Gradient descent $U \leftarrow U - \eta \, \nabla \psi(U)$ from each `U`, in one program.

    `options` are those of `descent.gradient_descents`: `learning_rate` $\eta$, `max_steps` and so on.

    **Returns:** one `Descent` per run, whose `factors` are $(U^\top, U)$ after the last step.

    **Raises:** ValueError as `objective` does, if `U` has no axis over runs, or for a bad option.

    **Example:**

    ```python
    >>> U = 0.1 * jnp.eye(2)[None]
    >>> (run,) = symmetric.gradient_descents(problems.two_by_two(), U, learning_rate=0.1, max_steps=100)
    >>> jnp.allclose(run.factors[0], run.factors[1].T)  # they stay transposes of each other
    Array(True, dtype=bool)

    ```
    """
    U = _starts(problem, U)
    return _descend(problem, (jnp.swapaxes(U, 1, 2), U), **options)


def gradient_flows(
    problem: Completion, U: Float[ArrayLike, "batch 2 k"], *, target_loss: Float[ArrayLike, ""] = 1e-28
) -> list[SignPreservingFlow]:
    r"""The exact flow of $W = U U^\top$ from each `U` of rank 2, on `problems.two_by_two(z, z, eps)`.

    It is the balanced flow of depth 2, so it depends on `U` only through $W(0)$: columns beyond two add nothing.
    For a single column, whose $W$ has no determinant to carry, use `flow.gradient_flow` with $(U^\top, U)$.

    **Raises:** ValueError as `objective` does, if `U` has no axis over starts, or one of them has rank below 2.

    **Example:**

    ```python
    >>> symmetric.gradient_flows(problems.two_by_two(), jnp.ones((1, 2, 1)))  # one column: det U U^T = 0
    Traceback (most recent call last):
        ...
    ValueError: `U` must have rank 2 in every start; got [[[1.]
      [1.]]]. For one column use `flow.gradient_flow`.

    ```
    """
    U = _starts(problem, U)
    sigma = jnp.linalg.svd(U, compute_uv=False)
    if sigma.shape[1] < 2 or _check.fails(sigma[:, -1] > 1e-12 * sigma[:, 0]):
        raise ValueError(f"`U` must have rank 2 in every start; got {U}. For one column use `flow.gradient_flow`.")
    slogdet = jnp.ones(len(U)), 2 * jnp.sum(jnp.log(sigma), axis=1)
    return sign_preserving_flows(problem, U @ jnp.swapaxes(U, 1, 2), depth=2, target_loss=target_loss, slogdet=slogdet)


def lift(problem: Completion) -> Completion:
    r"""The symmetric problem of which `problem`, of any shape $m \times n$, is the off-diagonal block.

    $$X = \begin{pmatrix} A & W \\ W^\top & C \end{pmatrix} \succeq 0, \qquad
      \tfrac12 \ell_{\text{lifted}}(X) = \ell(W)$$

    $A$ and $C$ are unseen. The least trace of $X$ over all that fit is twice the least nuclear norm of $W$. A
    symmetric factorization of $X$ is a depth-2 factorization of $W$, with the same gradients: see
    `unlifted_factors`.

    **References:** Gunasekar et al. (2017) treat matrices without symmetry this way.

    **Example:**

    ```python
    >>> symmetric.lift(problems.completion(jnp.array([[5.0]]), jnp.array([[True]]))).values
    Array([[0., 5.],
           [5., 0.]], dtype=float64)

    ```
    """
    m, n = problem.shape
    blocks = np.zeros((m, m)), np.zeros((n, n))
    values = np.block([[blocks[0], np.asarray(problem.values)], [np.asarray(problem.values).T, blocks[1]]])
    seen = np.asarray(problem.observed)
    return completion(values, np.block([[blocks[0] > 0, seen], [seen.T, blocks[1] > 0]]))


def unlifted_factors(U: Float[ArrayLike, "size k"], rows: int) -> Factors:
    r"""The depth-2 factors of the block $W$, `rows` high, of $X = U U^\top$: $W_2$ is on top in `U`, $W_1^\top$ below.

    **Raises:** ValueError if `U` is not one finite matrix or `rows` does not leave two blocks.

    **Example:**

    ```python
    >>> U = jnp.array([[1.0], [2.0], [3.0]])
    >>> W_1, W_2 = symmetric.unlifted_factors(U, rows=2)
    >>> W_2 @ W_1, (U @ U.T)[:2, 2:]  # the same block
    (Array([[3.],
           [6.]], dtype=float64), Array([[3.],
           [6.]], dtype=float64))

    ```
    """
    U = _check.matrix(U, "U")
    rows = _check.integer(rows, "rows", 1, U.shape[0] - 1)
    return U[rows:].T, U[:rows]


def _starts(problem, U):
    """`U` as finite starts, one or more, that fit the problem."""
    U = _check.finite(U, "U")
    if U.ndim != 3 or 0 in U.shape:
        raise ValueError(f"`U` must hold matrices, in shape (runs, n, k); got {U.shape}. For one, pass `U[None]`.")
    _check_problem(problem, U.shape[1])
    return U


def _check_problem(problem, size):
    _check.same_shape(problem.values, (size, size), "problem.values")
    values, seen = np.asarray(problem.values), np.asarray(problem.observed)
    if not (np.array_equal(values, values.T) and np.array_equal(seen, seen.T)):
        raise ValueError(
            f"`problem` must be symmetric, since U U^T is; got the values {values.tolist()} observed at "
            f"{seen.tolist()}. Make it so, or use `lift`."
        )
