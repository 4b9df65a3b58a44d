"""Long work in slices, between which Ctrl-C is answered, and a bar that shows how far it has come.

The bar is tqdm's, on a terminal or in a notebook, and never in the book; the environment variable `TQDM_DISABLE=1`
switches it off.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

from implreg_core._static import static_build

_SLICE = 0.15  # seconds: of the patience of who presses Ctrl-C, and many times what a call costs
_GROWTH = 8  # of one slice over that before, at most
_DELAY = 2.0  # seconds before a bar shows


def limits(last: int, largest: float | int = float("inf")) -> Iterator[int]:
    """Growing numbers of steps up to `last`. What is done at each, up to that step, should take `_SLICE` seconds."""
    size, limit = 1, min(1, last)
    while True:
        begin = time.perf_counter()
        yield limit
        if limit >= last:
            return
        if limit > 1:  # the first step also compiles: its time says little
            growth = min(_GROWTH, _SLICE / (time.perf_counter() - begin))
            size = max(1, int(min(growth * size, largest)))
        limit = min(last, limit + size)


@contextmanager
def steps(total: int, *, off: bool = False) -> Iterator[Callable[[int, Callable[[], float]], None]]:
    """A function to call with the number of steps done, and with one that computes the loss to show beside them."""
    with tqdm(total=total, unit=" steps", unit_scale=True, **_looks(off)) as bar:

        def show(done, loss):
            if not bar.disable:
                bar.set_postfix_str(f"loss {loss():.3g}", refresh=False)
                bar.update(done - bar.n)

        yield show


def runs(results: Iterable, total: int) -> Iterable:
    """`results`, counted as they come."""
    return tqdm(results, total=total, unit=" runs", **_looks())


def _looks(off=False):
    seen = sys.stderr.isatty() or "ipykernel" in sys.modules  # a notebook
    hidden = {"disable": True} if off or static_build() or not seen else {}
    return {"delay": _DELAY, "leave": False, **hidden}
