"""The views of an explorer: what is drawn of a run, each checked on its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from implreg_core.explorers._controls import Number
from implreg_core.explorers._grid import GraphView, GridView
from implreg_core.explorers._space import SpaceView
from implreg_core.figures import MEANINGS

_LARGEST = 6  # rows or columns of a matrix that is shown in numbers


@dataclass(frozen=True)
class Curve:
    r"""A curve of a view, beside its lines: the polynomial $y = c_0 + c_1 x + c_2 x^2 + \dots$ in the abscissa.

    Each of its `coefficients` is a number or the name of a column. Then its value at the marker counts, and the curve
    moves as the marker does. Where it is `shaded`, what lies under the curve is tinted.

    **Raises:** `ValueError` without a coefficient, or for one that is neither a finite number nor a name.

    **Example:** the parabola $y = x^2 / w$, where the column `inverse_w` holds $1 / w$:

    ```python
    >>> explorers.Curve("singular", (0, 0, "inverse_w")).columns
    ('inverse_w',)

    ```
    """

    label: str
    coefficients: Sequence[Number | str]
    shaded: bool = False

    def __post_init__(self):
        numbers = [c for c in self.coefficients if not isinstance(c, str)]
        if not self.coefficients or not np.isfinite(numbers).all():
            raise ValueError(
                f"`coefficients` of curve {self.label!r} must be finite numbers or names of columns, one at least; "
                f"got {self.coefficients}."
            )

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it moves with."""
        return tuple(c for c in self.coefficients if isinstance(c, str))


@dataclass(frozen=True)
class View:
    """One plot: columns `y` (column name -> legend text) against the column `x`.

    Scales are `"linear"` or `"log"`; the columns named in `dashed` (bounds, references) are drawn apart from
    the rest. Axes span the runs of all settings, or, where it is given, `xlim` or `ylim`: lines end there.
    `curves`, and fixed `points` (label -> place), show what the lines move among. `where` (column of `y` -> another
    column) says where a line has its say, such as a bound that needs a condition: in rows in which the other is
    positive. Elsewhere it is not drawn, and the legend says "none". `meanings` (column of `y` -> name in
    `figures.MEANINGS`) gives what is measured the colour that it has in the whole book; other columns get hues that no
    meaning of the explorer has, and dashed ones that of references.

    **Raises:** `ValueError` for an unknown scale, limits or points that do not fit it, an empty `y`, an unknown
    meaning, or a column that is dashed, or has a `where` or a meaning, and is not in `y`.

    **Example:**

    ```python
    >>> view = explorers.View("Loss", x="t", y={"loss": "the loss"}, xlabel="time", ylabel="loss", yscale="log")
    >>> view.xscale, view.dashed
    ('linear', frozenset())

    ```
    """

    title: str
    x: str
    y: Mapping[str, str]
    xlabel: str
    ylabel: str
    xscale: str = "linear"
    yscale: str = "linear"
    dashed: frozenset[str] | set[str] = frozenset()
    xlim: tuple[Number, Number] | None = None
    ylim: tuple[Number, Number] | None = None
    curves: Sequence[Curve] = ()
    points: Mapping[str, tuple[Number, Number]] = field(default_factory=dict)
    where: Mapping[str, str] = field(default_factory=dict)
    meanings: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self):
        for k, axis in enumerate("xy"):
            scale, limits = getattr(self, f"{axis}scale"), getattr(self, f"{axis}lim")
            if scale not in ("linear", "log"):
                raise ValueError(f'`{axis}scale` must be "linear" or "log"; got {scale!r}.')
            least = 0 if scale == "log" else -np.inf
            if limits is not None and not least < limits[0] < limits[1] < np.inf:
                raise ValueError(f"`{axis}lim` must be two growing numbers that fit a {scale} axis; got {limits}.")
            if any(not least < point[k] < np.inf for point in self.points.values()):
                raise ValueError(f"`points` must be finite and fit a {scale} {axis} axis; got {dict(self.points)}.")
        if not self.y:
            raise ValueError(f"`y` of view {self.title!r} is empty; name one column at least.")
        if unknown := set(self.meanings.values()) - set(MEANINGS):
            raise ValueError(f"`meanings` must be among {', '.join(MEANINGS)}; got {sorted(unknown)}.")
        for name in ("dashed", "where", "meanings"):
            if unknown := set(getattr(self, name)) - set(self.y):
                raise ValueError(f"`{name}` of view {self.title!r} names {sorted(unknown)}, not among {list(self.y)}.")


@dataclass(frozen=True)
class MatrixView:
    """A matrix at the marker's row: what is given of its entries, and what the run has there.

    `entries` are the columns of a run that hold them, row by row, at most 6 by 6; `given` the numbers that they should
    become, None where nothing is given. A reader sees "?" there, in the colour that the entry's line has in the plots.
    `symbol` names the matrix in words.

    **Raises:** `ValueError` for rows of unequal length, none, too many, or a `given` of another shape.

    **Example:**

    ```python
    >>> view = explorers.MatrixView("W", entries=[["w", "w12"], ["w21", "w22"]], given=[[None, 1], [1, 0]])
    >>> view.labels
    ['W₁₁', 'W₁₂', 'W₂₁', 'W₂₂']

    ```
    """

    title: str
    entries: Sequence[Sequence[str]]
    given: Sequence[Sequence[Number | None]]
    symbol: str = "W"

    def __post_init__(self):
        widths = [len(row) for row in self.entries]
        if not widths or len(set(widths)) > 1 or not 1 <= widths[0] <= _LARGEST or len(widths) > _LARGEST:
            raise ValueError(
                f"`entries` of matrix view {self.title!r} must be rows of one length, 1 to {_LARGEST} by 1 to "
                f"{_LARGEST}; got rows of lengths {widths}."
            )
        if [len(row) for row in self.given] != widths:
            raise ValueError(
                f"`given` of matrix view {self.title!r} must have the shape of `entries`; got {self.given}."
            )

    @property
    def columns(self) -> list[str]:
        """The columns of a run that it shows, row by row."""
        return [column for row in self.entries for column in row]

    @property
    def labels(self) -> list[str]:
        """What its entries are called, row by row."""
        rows, columns = len(self.entries), len(self.entries[0])
        return [f"{self.symbol}{'₁₂₃₄₅₆'[i]}{'₁₂₃₄₅₆'[j]}" for i in range(rows) for j in range(columns)]


AnyView = View | MatrixView | GridView | GraphView | SpaceView


def plots(views: Sequence[AnyView]) -> list[View]:
    """The views that are plots."""
    return [view for view in views if isinstance(view, View)]


def column_colors(views: Sequence[AnyView]) -> dict[str, int]:
    """The place among `figures.COLORS` of each column that has a colour, the same in all views: see `View`.

    An unseen entry of a matrix that no plot shows has the colour of that meaning.
    """
    places, shown = list(MEANINGS), plots(views)
    colors = {column: places.index("reference") for view in shown for column in view.dashed}
    for matrix in (view for view in views if isinstance(view, MatrixView)):
        given = [x for row in matrix.given for x in row]
        colors |= {column: places.index("unseen") for column, x in zip(matrix.columns, given) if x is None}
    colors |= {column: places.index(meaning) for view in shown for column, meaning in view.meanings.items()}
    free = [k for k in range(len(places)) if k not in colors.values()] or list(range(len(places)))
    others = dict.fromkeys(column for view in shown for column in view.y if column not in colors)
    return colors | {column: free[k % len(free)] for k, column in enumerate(others)}
