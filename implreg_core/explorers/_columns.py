"""Columns of numbers as short texts: what the page of an explorer stores of a precomputed run."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

_LEVELS = 65535  # 16-bit levels: far finer than a pixel, and their differences stay short
LARGEST = 1e300  # beyond it a difference of two values may overflow


def encode_column(values: Float[np.ndarray, " rows"], *, scale: str) -> dict:
    r"""A column as JSON: differences of successive levels in $\{0, \dots, 65535\}$, evenly spaced on `scale`.

    With $f$ the identity (`scale="linear"`) or the logarithm (`"log"`), a value is stored as the nearest
    level, so it comes back within half a level: $|f(\hat x) - f(x)| \le (f(\max) - f(\min)) / 131070$, which
    on an axis of 300 pixels is 1/400 of a pixel. Order is kept (though not strictly), and so are constants
    and, to rounding, the two extremes. A column of whole numbers below $2^{53}$, such as a step count, is
    stored exactly whatever its scale.

    **Returns:** `{"scale", "low", "high", "codes"}`; `codes` starts with a level and goes on with
    differences.

    **Raises:** `ValueError` for an unknown scale, no rows, values that are not finite (or beyond 1e300), and
    values that are not positive where the scale is logarithmic.
    """
    if scale not in ("linear", "log"):
        raise ValueError(f'`scale` must be "linear" or "log"; got {scale!r}.')
    if not values.size:
        raise ValueError("`values` is empty; a run needs one row at least.")
    if not (usable := np.abs(values) < LARGEST).all():
        row = int(np.argmin(usable))
        raise ValueError(f"`values` must be finite; got {values[row]} in row {row}. End the run before it diverges.")
    if scale == "log" and values.min() <= 0:
        row = int(np.argmin(values))
        raise ValueError(
            f"`values` on a log axis must be positive; got {values[row]} in row {row}. "
            "Leave out such rows or use a linear axis."
        )
    low, high = float(values.min()), float(values.max())
    if (values == np.rint(values)).all() and max(-low, high) < 2**53:
        return {"scale": "integer", "low": int(low), "high": int(high), "codes": _differences(values - low)}
    f = np.log if scale == "log" else np.asarray
    span = f(high) - f(low)
    levels = np.rint((f(values) - f(low)) / span * _LEVELS) if span > 0 else np.zeros_like(values)
    return {"scale": scale, "low": low, "high": high, "codes": _differences(levels)}


def decode_column(column: Mapping) -> Float[np.ndarray, " rows"]:
    """The values that `encode_column` stored, up to its rounding; `front/columns.js` does the same."""
    low, high, levels = column["low"], column["high"], np.cumsum(column["codes"], dtype=float)
    if column["scale"] == "integer":
        return low + levels
    f, inverse = (np.log, np.exp) if column["scale"] == "log" else (np.asarray, np.asarray)
    part = levels / _LEVELS
    return np.clip(inverse((1 - part) * f(low) + part * f(high)), low, high)


def _differences(levels: Float[np.ndarray, " rows"]) -> list[int]:
    return np.diff(levels, prepend=0).astype(int).tolist()
