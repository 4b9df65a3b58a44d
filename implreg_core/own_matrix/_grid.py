"""A matrix with holes as a text, and as a corner of a 6 x 6 grid."""

import re
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import ArrayLike, Bool, Float

from implreg_core import problems

SIZE = 6  # rows and columns of a grid
LARGEST = 1e9  # entry of a grid

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
