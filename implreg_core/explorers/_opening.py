"""Where the marker of an explorer stands when it opens."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from implreg_core.explorers._controls import Number

Opening = str | Sequence[str | Number]


def checked(opens: Opening, drawn: Collection[str]) -> Opening:
    """`opens`, if it is one of the words, or names one of the `drawn` columns and a number."""
    if opens in ("start", "end"):
        return opens
    column, least = opens if not isinstance(opens, str) and len(opens) == 2 else (None, None)
    if column not in drawn or isinstance(least, str) or not np.isfinite(least):
        raise ValueError(
            f'`opens` must be "start" or "end", or a drawn column ({", ".join(sorted(drawn))}) and a finite number; '
            f"got {opens!r}."
        )
    return column, float(least)


def opening_spec(opens: Opening) -> str | dict:
    """What the front end must know of it."""
    return opens if isinstance(opens, str) else {"column": opens[0], "least": opens[1]}


def marked_row(opens: Opening, run: Mapping[str, np.ndarray]) -> int:
    """The row of the marker in a picture of a run: the first in which the column is as large, else the last."""
    last = len(next(iter(run.values()))) - 1
    if isinstance(opens, str):  # one that opens at its start is drawn as after its first play
        return last
    return int(np.append(run[opens[0]][:last] >= opens[1], True).argmax())
