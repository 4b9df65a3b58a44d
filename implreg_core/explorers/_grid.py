"""A reader's own matrix in an explorer: the control that holds it, and two views of how it is completed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from implreg_core import own_matrix


@dataclass(frozen=True)
class MatrixGrid:
    """A matrix with holes, up to 6 x 6, to type, to paste and to click: the argument `name` of `compute`.

    It is written as `own_matrix.grid` reads it, and `compute` gets that `own_matrix.Grid`. Each of `presets`, label to
    text, becomes a button.

    **Raises:** `ValueError` for a default or preset that is no such text.

    **Example:**

    ```python
    >>> explorers.MatrixGrid("matrix", "your matrix", default="?, 1; 1, 0").entry
    '?,1;1,0'

    ```
    """

    name: str
    label: str
    default: str
    presets: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self):
        for what, text in {"default": self.default, **self.presets}.items():
            self._check(repr(what), text)

    def _check(self, what: str, value: str) -> None:
        try:
            own_matrix.grid(value)
        except ValueError as error:
            raise ValueError(f"{what} of matrix grid {self.name!r} is no matrix: {error}") from None

    @property
    def range(self) -> str:
        """Its settings, in short."""
        return "a matrix"

    @property
    def entry(self) -> str:
        """The default, as a choice holds it: a text without spaces."""
        return own_matrix.written(self.default)

    @property
    def text(self) -> str:
        """The default, as a reader writes it: row by row."""
        return f"({self.entry.replace(',', ', ').replace(';', '; ')})"

    @property
    def example(self) -> own_matrix.Grid:
        """A value of the type that `compute` gets."""
        return own_matrix.grid(self.default)


@dataclass(frozen=True)
class GridView:
    """A reader's matrix at the marker, whose unseen entries stand beside those of another completion of it.

    `grid` names the `MatrixGrid`, `entries` and `beside` label, by prefix, the columns of the two completions,
    `{prefix}_11` to `{prefix}_66`, which `own_matrix.columns` calls `entry` and `least`. As a `"table"` the matrix is
    written out, with the other value below; as a `"scatter"` each unseen entry is a point, its value over the other's.

    **Raises:** `ValueError` for another form, or prefixes that are not one each.

    **Example:**

    ```python
    >>> view = explorers.GridView("Matrix", "matrix", {"entry": "descent"}, {"least": "least nuclear norm"})
    >>> view.form, view.columns[:2]
    ('table', ('entry_11', 'entry_12'))

    ```
    """

    title: str
    grid: str
    entries: Mapping[str, str]
    beside: Mapping[str, str]
    form: str = "table"

    def __post_init__(self):
        if self.form not in ("table", "scatter"):
            raise ValueError(f'`form` of view {self.title!r} must be "table" or "scatter"; got {self.form!r}.')
        if len(self.entries) != 1 or len(self.beside) != 1:
            raise ValueError(
                f"`entries` and `beside` of view {self.title!r} must have one prefix each; got {self.entries} and "
                f"{self.beside}."
            )

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it reads."""
        places = [f"{i + 1}{j + 1}" for i in range(own_matrix.SIZE) for j in range(own_matrix.SIZE)]
        return tuple(f"{prefix}_{place}" for prefix in (*self.entries, *self.beside) for place in places)

    def _at(self, run: Mapping, text: str, row: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The matrix at a row of a run, the other one, and where the matrix `text` is observed."""
        matrix = own_matrix.grid(text)
        parts = np.reshape([run[column][row] for column in self.columns], (2, own_matrix.SIZE, own_matrix.SIZE))
        return *parts[:, : matrix.rows, : matrix.columns], matrix.observed[: matrix.rows, : matrix.columns]


@dataclass(frozen=True)
class GraphView:
    """The observed entries of a reader's matrix as a graph: rows on the left, columns on the right.

    `grid` names the `MatrixGrid`. It reads the columns `row_1` to `row_6` and `column_1` to `column_6`, the components
    as `own_matrix.graph_columns` numbers them, and gives each a shade and a dash.

    **Example:**

    ```python
    >>> explorers.GraphView("What is seen", "matrix").columns[:2]
    ('row_1', 'row_2')

    ```
    """

    title: str
    grid: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it reads."""
        return tuple(f"{side}_{k + 1}" for side in ("row", "column") for k in range(own_matrix.SIZE))

    def _at(self, run: Mapping, text: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What is observed of the matrix `text`, and the component of each row and column."""
        matrix = own_matrix.grid(text)
        parts = np.reshape([run[column][0] for column in self.columns], (2, own_matrix.SIZE))
        observed = np.asarray(matrix.observed)[: matrix.rows, : matrix.columns]
        return observed, parts[0, : matrix.rows], parts[1, : matrix.columns]
