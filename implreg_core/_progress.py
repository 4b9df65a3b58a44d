"""A bar for what takes long: on a terminal or in a notebook, and never in the book.

It is tqdm's, which the environment variable `TQDM_DISABLE=1` switches off.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

from implreg_core._static import static_build

_DELAY = 2.0  # seconds before a bar shows


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
