r"""A reader's own matrix, up to 6 x 6: as a text, completed by descent and by the least nuclear norm.

What is computed here also runs in a page without a kernel: plain functions of arrays that
`javascript.compile_to_javascript` covers, one program for all sizes, depths and starts. A smaller matrix lies in the
upper left corner of a `Grid`. Rows and columns beyond it are zero at the start, and descent leaves them so, exactly.
"""

import re
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Real

from implreg_core import _check, _jacobi, descent, problems
from implreg_core._compile import fast_jit
from implreg_core.factorizations import Factors

SIZE, DEPTHS, STARTS = 6, 4, 8  # rows and columns of a grid; the largest depth; how many starts there are
LARGEST = 1e9  # entry of a grid
_BACK = DEPTHS + 1  # place of the residual times the transposed factors above, beside the products of the first k
_TARGET = 1e-12  # loss at which a run ends, for observations of spectral norm 1
_EXPLOSION = 1e8  # the loss from which on a run counts as exploded
_THRESHOLD, _RELAXATION = 0.5, 1.6  # of the splitting, for observations of spectral norm 1
_GAP, _BLOCK, _BLOCKS = 1e-9, 10, 500  # where it ends: relative gap, steps between two looks at it, looks

Number = Real[ArrayLike, ""]
Square = Float[ArrayLike, "6 6"]


class Grid(NamedTuple):
    """A matrix with holes in the upper left corner of a 6 x 6 grid, the rest of which is absent.

    **Example:**

    ```python
    >>> grid = own_matrix.grid("?, 1; 1, 0")
    >>> grid.rows, grid.columns, int(grid.observed.sum()), grid.values[0, :3]
    (2, 2, 3, array([0., 1., 0.]))

    ```
    """

    values: Square  # zero where none is observed
    observed: Bool[ArrayLike, "6 6"]
    rows: Any
    columns: Any


def grid(text: str) -> Grid:
    """The grid that a text stands for: rows end with a semicolon or a line, entries with a comma, a tab or a space.

    An entry that nobody observes is `?`, or left out between two commas or tabs.

    **Raises:** ValueError, in words for a reader, if an entry is no number of at most a thousand millions, rows differ
    in length, there are more than six rows or columns, or no entry is observed.

    **Example:**

    ```python
    >>> own_matrix.grid("1, 2; 3")
    Traceback (most recent call last):
        ...
    ValueError: Row 2 has 1 entry, row 1 has 2. All rows must have as many.

    ```
    """
    rows = [_entries(line) for line in _lines(text)]
    if not rows:
        raise ValueError("There is no entry yet.")
    columns = len(rows[0])
    for i, row in enumerate(rows):
        if len(row) != columns:
            entries = "entry" if len(row) == 1 else "entries"
            raise ValueError(f"Row {i + 1} has {len(row)} {entries}, row 1 has {columns}. All rows must have as many.")
    if max(len(rows), columns) > SIZE:
        raise ValueError(f"The table is {len(rows)} x {columns}. The largest that fits is {SIZE} x {SIZE}.")
    values, observed = np.zeros((SIZE, SIZE)), np.zeros((SIZE, SIZE), bool)
    for i, row in enumerate(rows):
        for j, entry in enumerate(row):
            if entry not in _UNSEEN:
                values[i, j], observed[i, j] = _number(entry, i, j), True
    if not observed.any():
        raise ValueError("Every entry is hidden. Show one at least.")
    return Grid(values, observed, len(rows), columns)


def written(text: str) -> str:
    """The text of a matrix in short, as an address holds it: commas, semicolons, `?`, and no spaces.

    **Raises:** ValueError as `grid`.

    **Example:**

    ```python
    >>> own_matrix.written("NA 1.50\\n1 0")
    '?,1.50;1,0'

    ```
    """
    grid(text)
    rows = [_entries(line) for line in _lines(text)]
    return ";".join(",".join("?" if entry in _UNSEEN else _plain(entry) for entry in row) for row in rows)


_UNSEEN = ("", "?", "nan", "NaN", "NA")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def _lines(text: str) -> list[str]:
    return [line for line in re.split(r"[;\r\n]+", text) if line.strip(" \t")]


def _plain(entry: str) -> str:
    return entry.replace("\N{MINUS SIGN}", "-")


def _entries(line: str) -> list[str]:
    line = line.strip(" ")
    separated = re.split(r"[,\t]", line) if re.search(r"[,\t]", line) else re.split(" +", line)
    return [entry.strip(" ") for entry in separated]


def _number(entry: str, i: int, j: int) -> float:
    plain, place = _plain(entry), f"in row {i + 1}, column {j + 1}"
    if not _NUMBER.fullmatch(plain):
        raise ValueError(f"“{entry}” {place} is no number. Write ? for an entry that is not seen.")
    if abs(float(plain)) > LARGEST:
        raise ValueError(f"{entry} {place} is too large: at most 1000000000 fits.")
    return float(plain)


def problem(matrix: Grid) -> problems.Completion:
    """The completion problem of a grid, of the matrix's own shape.

    **Example:**

    ```python
    >>> own_matrix.problem(own_matrix.grid("?, 1, 2; 3, 4, ?")).shape
    (2, 3)

    ```
    """
    m, n = matrix.rows, matrix.columns
    return problems.completion(matrix.values[:m, :n], matrix.observed[:m, :n])


def text(task: problems.Completion) -> str:
    """The text of a completion problem of at most 6 x 6, as `grid` reads it.

    **Raises:** ValueError if it is larger, or a value is.

    **Example:**

    ```python
    >>> own_matrix.text(problems.two_by_two(eps=0.5))
    '?,1.0;1.0,0.5'

    ```
    """
    values, observed = np.asarray(task.values).tolist(), np.asarray(task.observed).tolist()
    rows = [["?" if not seen else repr(x) for x, seen in zip(*row, strict=True)] for row in zip(values, observed)]
    return written(";".join(",".join(row) for row in rows))


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


def least_nuclear_norm(
    values: Float[ArrayLike, "m n"], observed: Bool[ArrayLike, "m n"]
) -> tuple[Float[Array, "m n"], Float[Array, ""]]:
    r"""The matrix of least nuclear norm with the given `values` where they are `observed`, and what proves it.

    By Douglas-Rachford splitting, whose two steps shrink singular values and restore the observed entries. For small
    matrices, and for a page; `convex.certified_minimum_nuclear_norm` is for larger ones. Where the minimizer is not
    unique, it is one of them.

    **Returns:** the matrix, with exact observed entries, and a lower bound of the nuclear norm of all completions: the
    dual value of a matrix of spectral norm at most 1 that is zero where nothing is observed. No value is checked; the
    relative gap was below 1e-8 after some ten to some hundred steps in all that was tried.

    **References:** Lions and Mercier (1979); Cai, Candès and Shen (2010) for the shrinkage.

    **Example:**

    ```python
    >>> values, observed = jnp.array([[2.0, 1.0], [1.0, 0.0]]), jnp.array([[True, True], [True, False]])
    >>> W, bound = own_matrix.least_nuclear_norm(values, observed)
    >>> W.round(6), bound.round(6)
    (Array([[2. , 1. ],
           [1. , 0.5]], dtype=float64), Array(2.5, dtype=float64))

    ```
    """
    observed = jnp.asarray(observed)
    (m, n), size = observed.shape, max(observed.shape)
    around = ((0, size - m), (0, size - n))
    b = jnp.pad(jnp.where(observed, jnp.asarray(values, float), 0.0), around)
    W, _, bound, _ = _least(b, jnp.pad(observed, around))
    return W[:m, :n], bound


def _least(b: Float[Array, "n n"], observed: Bool[Array, "n n"]):
    """The matrix of least nuclear norm, its singular values, the bound, and the spectral norm of `b`, or 1 if `b` = 0.

    Three matrices lie below each other, all `b` at first: the variable of the splitting, Z; the matrix that fits; and Z
    without the shrunk Z, where observed, which is a multiple of a dual matrix. A first look at them gives the unit.
    """
    n = len(b)

    def step(_, carry):
        ZYD, M, threshold = carry
        Z = ZYD[:n]
        M = jax.lax.fori_loop(0, n, lambda p, M: _jacobi.put(M, p, Z @ _jacobi.at(M, n + p)), M)
        M = _jacobi.rotated(M, n, 2)
        kept = jax.lax.map(lambda length: jnp.maximum(0.0, 1 - threshold / length), _jacobi.lengths(M[:n]))

        def row(i, ZYD):
            def add(p, x):
                return x + _jacobi.at(kept, p) * M[p, i] * _jacobi.at(M, n + p)

            x, z, seen = jax.lax.fori_loop(0, n, add, jnp.zeros(n)), _jacobi.at(ZYD, i), _jacobi.at(observed, i)
            y = jnp.where(seen, _jacobi.at(b, i), 2 * x - z)
            ZYD = _jacobi.put(ZYD, i, z + _RELAXATION * (y - x))
            ZYD = _jacobi.put(ZYD, n + i, y)
            return _jacobi.put(ZYD, 2 * n + i, jnp.where(seen, z - x, 0.0))

        return jax.lax.fori_loop(0, n, row, ZYD), M, threshold

    def block(carry):
        blocks, ZYD, M, size, _, _ = carry
        ZYD, M, _ = jax.lax.fori_loop(0, jnp.where(blocks == 0, 0, _BLOCK), step, (ZYD, M, _THRESHOLD * size))
        of_Y, of_D = jax.lax.map(lambda k: _jacobi.singular_values(_part(ZYD, k, n)), jnp.arange(1, 3))
        size = jnp.where((blocks == 0) & (of_Y[0] > 0), of_Y[0], size)

        def product(i, total):
            return total + jnp.sum(_jacobi.at(ZYD, 2 * n + i) * _jacobi.at(b, i))

        dual = jax.lax.fori_loop(0, n, product, jnp.zeros(()))
        return blocks + 1, ZYD, M, size, of_Y, dual / jnp.maximum(_THRESHOLD * size, of_D[0])

    def goes_on(carry):
        blocks, _, _, _, sigma, bound = carry
        return (blocks < _BLOCKS) & (jnp.sum(sigma) - bound > _GAP * jnp.sum(sigma))

    ZYD = jax.lax.fori_loop(0, 3 * n, lambda i, ZYD: _jacobi.put(ZYD, i, _jacobi.at(b, i % n)), jnp.zeros((3 * n, n)))
    M = jnp.zeros((2 * n, n)).at[n:].set(jnp.eye(n))
    first = (jnp.zeros((), int), ZYD, M, jnp.ones(()), jnp.ones(n), jnp.zeros(()))
    _, ZYD, _, size, sigma, bound = jax.lax.while_loop(goes_on, block, first)
    return ZYD[n : 2 * n], sigma, bound, size


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
    least, least_sigma, bound, own_unit = _least(b, observed)
    unseen_count = jnp.maximum(1, matrix.rows * matrix.columns - jnp.sum(observed)).astype(float)

    def advance(state):
        step, factors, below, _ = state
        rate = jnp.where(step < 0, 0.0, learning_rate)  # step -1 stands still: it only multiplies

        def move(i, carry):
            factors, below = carry
            k = depth - 1 - i
            W, back, right = _part(factors, k), _part(below, _BACK), _part(below, k)
            factors = _each_row(factors, k, lambda i, row: row - rate * (right @ _jacobi.at(back, i)))
            return factors, _each_row(below, _BACK, lambda i, row: W[:, i] @ back)

        def multiply(k, below):
            right = _part(below, k)
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
        W = own_unit * _part(below, depth)
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


def _part(stack, k, size=SIZE):
    """Block `k` of the square blocks below each other."""
    return jax.lax.dynamic_slice_in_dim(stack, size * k, size)


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
