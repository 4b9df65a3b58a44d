"""How the observed entries of a grid hang together, as columns beside those of a run."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from implreg_core import observation_graph
from implreg_core.own_matrix import _jacobi
from implreg_core.own_matrix._grid import SIZE, Grid


def graph_columns(matrix: Grid, run: Mapping[str, Float[Array, " t"]]) -> dict[str, Float[Array, " t"]]:
    """The components of the observed entries, and the nuclear norm of each row of `columns` within them.

    **Returns:** columns as long as those of `run`, which has `entry_11` to `entry_66`:

    - `row_1` to `row_6` and `column_1` to `column_6`, the components as `observation_graph.components` numbers them
      on the whole grid, the same in all rows;
    - `within_nuclear`, the nuclear norm of the product with zeros between different components.

    **Example:**

    ```python
    >>> matrix = own_matrix.grid("2, ?; ?, 1")
    >>> run = jax.jit(own_matrix.columns)(matrix, 2.0, 0.01, 0.1)
    >>> added = own_matrix.graph_columns(matrix, run)
    >>> added["row_1"][0] == added["column_1"][0], added["row_1"][0] == added["row_2"][0]
    (Array(True, dtype=bool), Array(False, dtype=bool))
    >>> added["within_nuclear"][-1].round(4)
    Array(3., dtype=float64)

    ```
    """
    parts = observation_graph.components(jnp.asarray(matrix.observed))

    entries = {(i, j): run[f"entry_{i + 1}{j + 1}"] for i in range(SIZE) for j in range(SIZE)}

    def nuclear(entries):
        W = jnp.stack([jnp.stack([entries[i, j] for j in range(SIZE)]) for i in range(SIZE)])
        return jnp.sum(_jacobi.singular_values(jnp.where(parts.linked, W, 0.0)))

    within = jax.lax.map(nuclear, entries)
    still = {f"row_{k + 1}": parts.rows[k] for k in range(SIZE)}
    still |= {f"column_{k + 1}": parts.columns[k] for k in range(SIZE)}
    return {"within_nuclear": within} | {name: jnp.full(len(within), label, float) for name, label in still.items()}
