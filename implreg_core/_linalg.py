"""Matrix products that XLA can fuse."""

from functools import reduce
from operator import add

from jaxtyping import Array, Float

_FUSE_UP_TO = 4  # inner dimension; beyond it the library's matrix product wins


def matmul(A: Float[Array, "m k"], B: Float[Array, "k n"]) -> Float[Array, "m n"]:
    """`A @ B`, written as a sum of outer products when the inner dimension is tiny.

    A library call costs far more than the dozen multiplications of a 2 x 2 product, and it splits the loop body
    into many kernels. The sum of outer products is elementwise, so a whole gradient step becomes one kernel.
    """
    if A.shape[1] > _FUSE_UP_TO:
        return A @ B
    return reduce(add, (A[:, k, None] * B[None, k, :] for k in range(A.shape[1])))
