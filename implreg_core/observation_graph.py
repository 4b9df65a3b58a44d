r"""The observed entries of a matrix as a graph between its rows and its columns.

Rows and columns are the nodes, and an observed entry $(i, j)$ joins row $i$ to column $j$. The rows and columns that
hang together by such edges are a component.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from implreg_core import _check, factorizations, norms
from implreg_core._compile import one_program
from implreg_core.factorizations import Factors


class Components(NamedTuple):
    """The component of each row and of each column: the number of its first row, or `m` plus that of its only column.

    **Example:**

    ```python
    >>> parts = observation_graph.components(task_families.block_diagonal(3, first=1))
    >>> parts.rows.tolist(), parts.columns.tolist(), int(parts.count)
    ([0, 1, 1], [0, 1, 1], 2)

    ```
    """

    rows: Int[Array, " m"]
    columns: Int[Array, " n"]

    @property
    @one_program
    def linked(self) -> Bool[Array, "m n"]:
        """Whether a row and a column are in one component."""
        return self.rows[:, None] == self.columns[None, :]

    @property
    @one_program
    def count(self) -> Int[Array, ""]:
        """How many components there are; a row or column without an observation is one by itself."""
        m, n = len(self.rows), len(self.columns)
        return jnp.sum(self.rows == jnp.arange(m)) + jnp.sum(self.columns == m + jnp.arange(n))


def components(observed: Bool[ArrayLike, "m n"]) -> Components:
    """The components of the graph of the observed entries. `observed` may be traced.

    **Raises:** ValueError if `observed` is not a matrix of truth values.

    **Example:** one more entry joins what was apart:

    ```python
    >>> observed = jnp.eye(2, dtype=bool)
    >>> observation_graph.components(observed).count, observation_graph.components(observed.at[0, 1].set(True)).count
    (Array(2, dtype=int64), Array(1, dtype=int64))

    ```
    """
    return Components(*_labels(_mask(observed)))


@jax.jit
def _labels(observed):
    m, n = observed.shape

    def relax(_, parts):  # the least number in reach wins
        rows, columns = parts
        rows = jnp.minimum(rows, jnp.min(jnp.where(observed, columns[None, :], m + n), axis=1))
        return rows, jnp.minimum(columns, jnp.min(jnp.where(observed, rows[:, None], m + n), axis=0))

    steps = min(m, n) + 1  # along the longest path
    return jax.lax.fori_loop(0, steps, relax, (jnp.arange(m), m + jnp.arange(n)))


def are_complete(observed: Bool[ArrayLike, "m n"]) -> bool:
    """Whether every component is complete: all entries in its rows and columns are observed.

    **Raises:** ValueError as `components`.

    **Example:**

    ```python
    >>> observation_graph.are_complete(task_families.block_diagonal(4, 2))
    True
    >>> observation_graph.are_complete(task_families.hidden_diagonal(4))
    False

    ```
    """
    return bool(jnp.all(components(observed).linked == _mask(observed)))


def within_components(W: Float[ArrayLike, "m n"], observed: Bool[ArrayLike, "m n"]) -> Float[Array, "m n"]:
    """`W` with zeros where row and column are in different components.

    **Raises:** ValueError if `W` is not a finite matrix, or `observed` does not have its shape.

    **Example:**

    ```python
    >>> observation_graph.within_components(jnp.ones((2, 2)), jnp.eye(2, dtype=bool))
    Array([[1., 0.],
           [0., 1.]], dtype=float64)

    ```
    """
    W = _check.matrix(W, "W")
    return jnp.where(components(_mask(observed, W.shape)).linked, W, 0.0)


def nuclear_norm_excess(factors: Factors, observed: Bool[ArrayLike, "m n"]) -> Float[Array, ""]:
    r"""What bounds the nuclear norm of $W = W_2 W_1$ beyond that of its components, at depth 2.

    With $D_c = (W_2)_{I_c}^\top (W_2)_{I_c} - (W_1)_{J_c} (W_1)_{J_c}^\top$ for the rows $I_c$ and columns $J_c$ of
    component $c$, and $B$ the matrix of `within_components`,

    $$\lVert B \rVert_* \le \lVert W \rVert_* \le \lVert B \rVert_* + \frac12 \sum_c \lVert D_c \rVert_* .$$

    This returns $\frac12 \sum_c \lVert D_c \rVert_*$, which gradient flow keeps as it is at the start.

    **Raises:** ValueError unless there are two factors and `observed` has the shape of their product.

    **Example:**

    ```python
    >>> factors = factorizations.gaussian(jr.key(0), 2, (3, 3), std=0.1)
    >>> observed = task_families.block_diagonal(3, 1)
    >>> W = factorizations.product_matrix(factors)
    >>> B = observation_graph.within_components(W, observed)
    >>> excess = observation_graph.nuclear_norm_excess(factors, observed)
    >>> bool(norms.nuclear(B) <= norms.nuclear(W) <= norms.nuclear(B) + excess)
    True

    ```

    **References:** Powers and Størmer (1970), Lemma 4.1, gives the second inequality.
    """
    if len(factors) != 2:
        raise ValueError(f"`factors` must be two, of a factorization of depth 2; got {len(factors)}.")
    observed = _mask(observed, factorizations.product_matrix(factors).shape)
    W1, W2 = map(jnp.asarray, factors)
    parts = components(observed)

    def one(label):
        left = jnp.where((parts.rows == label)[:, None], W2, 0.0)
        right = jnp.where((parts.columns == label)[None, :], W1, 0.0)
        return norms.nuclear(left.T @ left - right @ right.T)

    return sum(map(one, range(sum(observed.shape)))) / 2


def _mask(observed, shape: tuple[int, int] | None = None) -> Bool[Array, "m n"]:
    observed = _check.boolean(observed, "observed")
    if shape is not None:
        _check.same_shape(observed, shape, "observed")
    elif observed.ndim != 2:
        raise ValueError(f"`observed` must be a matrix; got shape {observed.shape}. Pass two dimensions.")
    return observed
