"""A view in space: symmetric matrices as points, among the singular ones and the solutions of a task."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from implreg_core.explorers._controls import Number

AZIMUTH, TILT = 28, 18  # degrees, from where it is seen when it opens: around the axis of w from that of x, and up


@dataclass(frozen=True)
class SpaceView:
    r"""Symmetric matrices $(w, x; x, y)$ as points of space, with $w$ upwards, for the reader to turn.

    Drawn are the way of a run, up to the marker and, faintly, beyond; the cone $w y = x^2$ of singular matrices, the
    half with $w \ge 0$; and the vertical line of `solutions` at a place $(x, y)$. `path` names the columns that hold
    $x$, $y$ and $w$. The window goes over `xlim` and `ylim`, and from $w = 0$ up to `top`; of a run that leaves it, the
    part within is drawn.

    **Raises:** `ValueError` for limits that do not hold 0 between them, a `top` that is not positive, a line outside
    the window, or a `path` that is not three columns.

    **Example:**

    ```python
    >>> explorers.SpaceView("Line and cone").columns
    ('w12', 'w22', 'w')

    ```
    """

    title: str
    path: Sequence[str] = ("w12", "w22", "w")
    solutions: tuple[Number, Number] = (1, 0)
    xlim: tuple[Number, Number] = (-1, 1.5)
    ylim: tuple[Number, Number] = (-0.7, 1.1)
    top: Number = 6

    def __post_init__(self):
        if len(self.path) != 3 or isinstance(self.path, str):
            raise ValueError(f"`path` of view {self.title!r} must name columns for x, y and w; got {self.path!r}.")
        for name, place in zip(("xlim", "ylim"), self.solutions, strict=True):
            low, high = getattr(self, name)
            if not (-np.inf < low < 0 < high < np.inf and low <= place <= high):
                raise ValueError(
                    f"`{name}` of view {self.title!r} must be finite and hold 0 and the solutions, {place}, between "
                    f"its ends; got {low, high}."
                )
        if not 0 < self.top < np.inf:
            raise ValueError(f"`top` of view {self.title!r} must be positive and finite; got {self.top}.")

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it reads."""
        return tuple(self.path)

    @property
    def window(self) -> list[list[float]]:
        """From where to where it goes along x, y and w."""
        return [list(map(float, self.xlim)), list(map(float, self.ylim)), [0.0, float(self.top)]]
