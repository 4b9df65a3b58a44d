r"""A reader's own matrix, up to 6 x 6: as a text, completed by descent and by the least nuclear norm.

What is computed here also runs in a page without a kernel: plain functions of arrays that
`javascript.compile_to_javascript` covers, one program for all sizes, depths and starts. A smaller matrix lies in the
upper left corner of a `Grid`. Rows and columns beyond it are zero at the start, and descent leaves them so, exactly.
"""

from functools import cache

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Real

from implreg_core import _check, descent
from implreg_core._compile import fast_jit
from implreg_core.factorizations import Factors
from implreg_core.own_matrix import _jacobi
from implreg_core.own_matrix._graph import graph_columns
from implreg_core.own_matrix._grid import SIZE, Grid, Square, grid, problem, text, written
from implreg_core.own_matrix._least import completed, least_nuclear_norm

__all__ = [
    "SIZE",
    "STARTS",
    "Grid",
    "columns",
    "experiment",
    "graph_columns",
    "grid",
    "least_nuclear_norm",
    "problem",
    "start",
    "text",
    "unit",
    "written",
]

DEPTHS, STARTS = 4, 8  # the largest depth; how many starts there are
_BACK = DEPTHS + 1  # place of the residual times the transposed factors above, beside the products of the first k
_TARGET = 1e-12  # loss at which a run ends, for observations of spectral norm 1
_EXPLOSION = 1e8  # the loss from which on a run counts as exploded

Number = Real[ArrayLike, ""]


def unit(matrix: Grid) -> Float[Array, ""]:
    """The spectral norm of the observed entries among zeros, in which all that is computed here is measured.

    One if all of them are zero.

    **Example:**

    ```python
    >>> own_matrix.unit(own_matrix.grid("?, 10; 10, 0")).round(9)
    Array(10., dtype=float64)

    ```
    """
    largest = _jacobi.singular_values(jnp.where(matrix.observed, matrix.values, 0.0))[0]
    return jnp.where(largest > 0, largest, 1.0)


def start(matrix: Grid, number: int, *, depth: int, scale: Number) -> Factors:
    r"""The factors of the matrix's own shape from which run `number` of `columns` starts, in the page's unit.

    They are balanced, with hidden widths $\min(m, n)$. Their product is Gaussian with standard deviation `scale`
    over $\sqrt{\min(m, n)}$, in few digits: its singular values are about `scale`.

    **Raises:** ValueError if `number` is outside `1..8`, `depth` is outside `1..4`, or `scale` is not positive.

    **Example:** the run of the page, by `descent.gradient_descent`:

    ```python
    >>> matrix = own_matrix.grid("?, 2; 2, 0")
    >>> unit = own_matrix.unit(matrix)
    >>> scaled = problems.completion(matrix.values[:2, :2] / unit, matrix.observed[:2, :2])
    >>> start = own_matrix.start(matrix, 1, depth=2, scale=0.01)
    >>> run = descent.gradient_descent(scaled, start, learning_rate=0.1, max_steps=10_000, target_loss=1e-12)
    >>> bool(jnp.isclose(unit * run.W[-1, 0, 0], own_matrix.columns(matrix, 2, 0.01, 0.1, 1)["entry_11"][-1]))
    True

    ```
    """
    number = _check.integer(number, "number", 1, STARTS)
    depth = _check.integer(depth, "depth", 1, DEPTHS)
    m, n = int(matrix.rows), int(matrix.columns)
    hidden = min(m, n)
    stack = _start(matrix, number, depth, _check.positive(scale, "scale")).reshape(DEPTHS, SIZE, SIZE)
    widths = [n, *[hidden] * (depth - 1), m]
    factors = [stack[k, : widths[k + 1], : widths[k]] for k in range(depth)]
    if depth > 1:  # hidden units in the order of the singular values, of which zeros come last
        order = jnp.argsort(-jnp.sum(stack[0] ** 2, axis=1))[:hidden]
        factors = [
            stack[k][order if k < depth - 1 else slice(m)][:, order if k > 0 else slice(n)] for k in range(depth)
        ]
    return tuple(factors)


@cache
def _directions() -> np.ndarray:
    """A Gaussian matrix for each start. Few digits, since a page carries them."""
    with jax.ensure_compile_time_eval():
        drawn = jr.normal(jr.key(0), (STARTS * SIZE, SIZE))
    return np.round(np.asarray(drawn), 2)


def _start(matrix: Grid, number, depth, scale) -> Float[Array, "24 6"]:
    """All factors below each other, the first on top: `factorizations.balanced` of a Gaussian matrix.

    Zeros are what belongs to no row or column, and hidden units whose singular value is zero.
    """
    directions, axis = jnp.asarray(_directions()), jnp.arange(SIZE)
    rows, columns = jnp.asarray(matrix.rows), jnp.asarray(matrix.columns)
    scale = scale / jnp.sqrt(jnp.minimum(rows, columns).astype(float))

    def column(p, M):  # of the product; the place below has the unit vector
        drawn = directions.reshape(STARTS, SIZE, SIZE)[number - 1, :, p]
        M = _jacobi.put(M, p, jnp.where((axis < rows) & (p < columns), scale * drawn, 0.0))
        return _jacobi.put(M, SIZE + p, jnp.where(axis == p, 1.0, 0.0))

    product = jax.lax.fori_loop(0, SIZE, column, jnp.zeros((2 * SIZE, SIZE)))
    M = _jacobi.rotated(product, SIZE, 2)
    sigma = _jacobi.lengths(M[:SIZE])
    root = jax.lax.map(lambda x: x ** (1 / jnp.asarray(depth, float)), sigma)

    def row(k, _):
        layer, i = k // SIZE, k % SIZE
        first = _jacobi.at(root, i) * _jacobi.at(M, SIZE + i)
        middle = jnp.where(axis == i, _jacobi.at(root, i), 0.0)
        last = jnp.where(sigma > 0, M[:SIZE, i] * root / jnp.where(sigma > 0, sigma, 1.0), 0.0)
        only = product[:SIZE, i]
        inner = jnp.where(layer == 0, first, jnp.where(layer == depth - 1, last, middle))
        return k + 1, jnp.where(depth == 1, only, inner)

    return jax.lax.scan(row, jnp.zeros((), int), None, DEPTHS * SIZE)[1]


def columns(
    matrix: Grid,
    depth: Number,
    scale: Number,
    learning_rate: Number,
    number: Number = 1,
    *,
    max_steps: int = 10_000,
    per_decade: int = 30,
) -> dict[str, Float[Array, " n"]]:
    r"""Gradient descent on a factorization of a reader's matrix, beside the completion of least nuclear norm.

    The observed entries are divided by `unit(matrix)`, the run is that of `descent.gradient_descent` from
    `start(matrix, number, ...)`, and the matrix is multiplied by the unit again. It ends at a loss of
    $10^{-12}$ in that unit, or after `max_steps`. Depth 1 is descent on the matrix itself. Numbers may be traced, and
    no value is checked.

    **Returns:** columns of one length; rows after the end repeat the last one, and a diverged one has an infinite loss.

    - `step`, counted from 1; `loss`; `effective_rank`; `nuclear`; `sigma_1` to `sigma_6`;
    - `entry_11` to `entry_66`, the entries of the product, and `least_11` to `least_66`, those of the completion of
      least nuclear norm, the same in all rows; zero beyond the matrix;
    - `least_nuclear` and `least_effective_rank` of that, and `least_bound`, which no completion falls below;
    - `distance`, the root mean square of the difference of the two over the unseen entries, zero where all are seen.

    **Example:**

    ```python
    >>> columns = jax.jit(own_matrix.columns)(own_matrix.grid("?, 1; 1, 0"), 2.0, 0.01, 0.1)
    >>> columns["least_11"][-1].round(6), bool(columns["nuclear"][-1] > columns["least_nuclear"][-1])
    (Array(0., dtype=float64), True)

    ```
    """
    depth, number = (jnp.asarray(x, float).astype(int) for x in (depth, number))
    observed = jnp.asarray(matrix.observed)
    b = jax.lax.map(lambda row: jnp.where(row[1], row[0], 0.0), (matrix.values, observed))
    least, least_sigma, bound, own_unit = completed(b, observed)
    unseen_count = jnp.maximum(1, matrix.rows * matrix.columns - jnp.sum(observed)).astype(float)

    def advance(state):
        step, factors, below, _ = state
        rate = jnp.where(step < 0, 0.0, learning_rate)  # step -1 stands still: it only multiplies

        def move(i, carry):
            factors, below = carry
            k = depth - 1 - i
            W, back, right = (
                _jacobi.block(factors, k, SIZE),
                _jacobi.block(below, _BACK, SIZE),
                _jacobi.block(below, k, SIZE),
            )
            factors = _each_row(factors, k, lambda i, row: row - rate * (right @ _jacobi.at(back, i)))
            return factors, _each_row(below, _BACK, lambda i, row: W[:, i] @ back)

        def multiply(k, below):
            right = _jacobi.block(below, k, SIZE)
            return _each_row(below, k + 1, lambda i, row: _jacobi.at(factors, SIZE * k + i) @ right)

        def compare(i, carry):
            below, loss = carry
            W, b_row = _jacobi.at(below, SIZE * depth + i), _jacobi.at(b, i) / own_unit
            residual = jnp.where(_jacobi.at(observed, i), W - b_row, 0.0)
            return _jacobi.put(below, SIZE * _BACK + i, residual), loss + 0.5 * jnp.sum(residual**2)

        factors, below = jax.lax.fori_loop(0, depth, move, (factors, below))
        below = jax.lax.fori_loop(0, depth, multiply, below)
        return step + 1, factors, *jax.lax.fori_loop(0, SIZE, compare, (below, jnp.zeros(())))

    def segment(state, until):
        def goes_on(state):
            step, _, _, loss = state
            return (step < until) & (loss > _TARGET) & (loss < _EXPLOSION)

        state = jax.lax.while_loop(goes_on, advance, state)
        step, _, below, loss = state
        W = own_unit * _jacobi.block(below, depth, SIZE)
        sigma = _jacobi.singular_values(W)

        def differ(i, total):
            apart = _jacobi.at(W, i) - _jacobi.at(least, i)
            return total + jnp.sum(jnp.where(_jacobi.at(observed, i), 0.0, apart) ** 2)

        return state, {
            "step": 1.0 + step.astype(float),
            "loss": jnp.where(loss < _EXPLOSION, own_unit**2 * loss, jnp.inf),
            "effective_rank": _effective_rank(sigma),
            "nuclear": jnp.sum(sigma),
            "distance": jnp.sqrt(jax.lax.fori_loop(0, SIZE, differ, jnp.zeros(())) / unseen_count),
            **{f"sigma_{k + 1}": sigma[k] for k in range(SIZE)},
            **_entries_of(W, "entry"),
        }

    state = (
        -jnp.ones((), int),
        _start(matrix, number, depth, jnp.asarray(scale, float)),
        jnp.zeros(((DEPTHS + 2) * SIZE, SIZE)).at[:SIZE].set(jnp.eye(SIZE)),
        jnp.ones(()),
    )
    record_at = descent.log_spaced_steps(max_steps, per_decade)
    _, rows = jax.lax.scan(segment, state, jnp.asarray(record_at))
    still = {
        **_entries_of(least, "least"),
        "least_nuclear": jnp.sum(least_sigma),
        "least_bound": bound,
        "least_effective_rank": _effective_rank(least_sigma),
    }
    return rows | {name: jnp.full(len(record_at), value) for name, value in still.items()}


def experiment(
    matrix: str, *, depth: int, scale: Number, learning_rate: Number, seed: int, max_steps: int = 10_000
) -> dict[str, float]:
    """The last row of `columns`, for `sweeps`: start `seed` + 1 of eight. A run that diverged has an infinite loss.

    **Returns:** `loss`, `steps`, `effective_rank`, `nuclear`, `least_nuclear` and `distance`, as there.

    **Raises:** ValueError as `grid`, or if `seed` is outside `0..7`.

    **Example:**

    ```python
    >>> end = own_matrix.experiment("1, 2; 2, ?", depth=3, scale=1e-3, learning_rate=0.1, seed=0)
    >>> round(end["effective_rank"], 2), round(end["nuclear"] / end["least_nuclear"], 2)
    (1.0, 1.25)

    ```
    """
    number = 1 + _check.integer(seed, "seed", 0, STARTS - 1)
    run = _compiled(max_steps)(grid(matrix), float(depth), float(scale), float(learning_rate), float(number))
    end = {name: float(values[-1]) for name, values in run.items()}
    return {"steps": end["step"] - 1} | {
        name: end[name] for name in ("loss", "effective_rank", "nuclear", "least_nuclear", "distance")
    }


@cache
def _compiled(max_steps):
    return fast_jit(lambda *arguments: columns(*arguments, max_steps=max_steps))


def _each_row(stack, k, change):
    """The stack with each row of block `k` changed to `change(i, row)`."""

    def at_row(i, stack):
        return _jacobi.put(stack, SIZE * k + i, change(i, _jacobi.at(stack, SIZE * k + i)))

    return jax.lax.fori_loop(0, SIZE, at_row, stack)


def _entries_of(W: Square, name: str) -> dict[str, Float[Array, ""]]:
    return {f"{name}_{i + 1}{j + 1}": W[i, j] for i in range(SIZE) for j in range(SIZE)}


def _effective_rank(sigma: Float[Array, " k"]) -> Float[Array, ""]:
    """`ranks.effective_rank` of a matrix with these singular values; 0 for the zero matrix, which has none."""
    total = jnp.sum(sigma)
    share = sigma / jnp.where(total > 0, total, 1.0)
    logs = jnp.log(jnp.where(share > 0, share, 1.0))
    return jnp.where(total > 0, jnp.exp(-jnp.sum(share * logs)), 0.0)
