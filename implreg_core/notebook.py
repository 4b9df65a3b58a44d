"""What a chapter needs of its notebook: the look of figures, and numbers for the prose."""

import ctypes
import functools
import gc
import re
from collections.abc import Iterable, Sequence

import jax
import numpy as np
import psutil
from IPython import get_ipython
from IPython.display import display
from jaxtyping import ArrayLike
from matplotlib.figure import Figure
from tabulate import tabulate

from implreg_core import figures
from implreg_core.explorers import static_build
from implreg_core.figures import _stacked

# Binder gives 2 GB to JupyterLab and all open kernels. What XLA has compiled takes most of ours, and is never freed by
# itself; above these bytes it is dropped after a cell or a widget's answer, and compiles anew when it is used again.
MEMORY_LIMIT = 700_000_000


def setup() -> None:
    """Apply the book's style, and keep the kernel within Binder's memory; to be called again does no harm.

    Pictures are SVG in the book, for screens wide and narrow, and sharp PNG elsewhere.

    **Example:**

    ```python
    >>> notebook.setup()
    >>> plt.rcParams["axes.grid"], plt.rcParams["figure.figsize"]
    (True, [7.2, 3.2])

    ```
    """
    figures.apply_style()
    _return_memory_after_compilations()
    shell = get_ipython()
    if shell is None:
        return
    shell.events.register("post_execute", _memory_keeper())
    shell.run_line_magic("config", f"InlineBackend.figure_formats = [{'svg' if static_build() else 'retina'!r}]")
    if static_build():
        shell.run_line_magic("matplotlib", "inline")  # else it would set itself up during the first figure
        shell.events.register("pre_run_cell", _figures_for_the_book)  # of later cells: its own setting comes after this


def _figures_for_the_book(info):
    """SVG that holds the stacked figure too, without a date: the same picture is the same file."""
    svg = functools.partial(_stacked.svg, bbox_inches="tight", metadata={"Date": None})
    get_ipython().display_formatter.formatters["image/svg+xml"].for_type(Figure, svg)


def glue(form: str | None = None, /, **values: str | ArrayLike) -> None:
    """Make short texts available to the prose as ``{glue:text}`name` ``: those given, or numbers in one `form`.

    The caller chooses the form, such as `".2f"` or `".0%"`: the page, and nbval, see only the digits that matter.

    **Raises:** `ValueError` if a value is not a text, or with a `form` not one finite number.

    **Example:**

    ```python
    >>> notebook.glue(".1f", final_entry=22.361)
    {'application/papermill.record/text/plain': "'22.4'"}

    ```
    """
    for name, value in values.items():
        text = value if form is None else _formatted(name, value, form)
        if not isinstance(text, str):
            raise ValueError(f"`{name}` must be a text without a form such as glue('.3g', {name}=...); got {text!r}.")
        record = {"scrapbook": {"name": name, "mime_prefix": "application/papermill.record/"}}
        display({"application/papermill.record/text/plain": repr(text)}, raw=True, metadata=record)


def _formatted(name, value, form):
    number = np.asarray(value)
    if number.shape or number.dtype.kind not in "iuf" or not np.isfinite(number):
        raise ValueError(f"`{name}` must be one finite number, to be written as {form!r}; got {value!r}.")
    return _with_minus(format(number[()], form))


def _with_minus(number):
    """A minus sign, where Python writes a hyphen."""
    return number.replace("-", "−", 1) if number.startswith("-") else number


def scientific(x: float, decimals: int = 0) -> str:
    """`x` as the prose writes it, such as 2 × 10⁻⁵, with `decimals` digits after the point; 10⁻⁵ for a power of ten.

    **Example:**

    ```python
    >>> notebook.scientific(2.04e-5), notebook.scientific(2.04e-5, 1), notebook.scientific(1e-9)
    ('2 × 10⁻⁵', '2.0 × 10⁻⁵', '10⁻⁹')

    ```
    """
    mantissa, exponent = f"{x:.{decimals}e}".split("e")
    factor = {"1": "", "-1": _with_minus("-")}.get(mantissa, f"{_with_minus(mantissa)} × ")
    return f"{factor}10{_raised(exponent)}"


class Table:
    r"""Results in rows, as a chapter shows them: a table on the page and in a notebook, aligned text elsewhere.

    `rows` hold texts, one for each of `heads`, which may contain formulas between dollars. The caller formats each
    number, so that nbval compares only the digits that matter.

    **Raises:** `ValueError` if a row has another length than `heads`, or an entry is not a text.

    **Example:**

    ```python
    >>> notebook.Table(["norm", "$c$"], [["nuclear", f"{1:.0f}"], ["Schatten-1/2", f"{2:.0f}"]])
    norm            $c$
    ------------  -----
    nuclear           1
    Schatten-1/2      2

    ```
    """

    def __init__(self, heads: Sequence[str], rows: Iterable[Sequence[str]]):
        self.heads, self.rows = list(heads), [list(row) for row in rows]
        for number, row in enumerate(self.rows):
            if len(row) != len(self.heads):
                raise ValueError(f"row {number} of `rows` has {len(row)} entries; `heads` are {len(self.heads)}.")
            if unlike := [entry for entry in row if not isinstance(entry, str)]:
                raise ValueError(f"`rows` must hold formatted texts such as f'{{x:.3g}}'; got {unlike[0]!r}.")

    def __repr__(self) -> str:
        return self._in("simple", self.heads, self.rows)

    def _repr_markdown_(self) -> str:
        return self._in("pipe", map(_in_a_cell, self.heads), [map(_in_a_cell, row) for row in self.rows])

    def _in(self, style, heads, rows):
        """Columns mostly of numbers are flush right."""
        columns = [list(map(_is_number, column)) for column in zip(*self.rows)]
        sides = ["right" if 2 * sum(numbers) > len(numbers) else "left" for numbers in columns]
        return tabulate(rows, heads, style, disable_numparse=True, colalign=sides or None)


def _is_number(text):
    """Whether it begins as a number does, whatever its unit, or stands for one that is missing; 2 x 2 is a name."""
    return re.match(r"(?!\d+ x \d)[<>≥≤±~]?\s*[-−+]?[\d.,]*\d|[-–]?$", text.strip()) is not None


def _in_a_cell(text):
    """`text` as Markdown: its numbers as the prose has them, and without what would end a cell."""
    if _is_number(text):
        text = re.sub(r"(?<=\d)e([-+]\d+)", lambda power: _times_power(power[1]), text)
        text = re.sub(r"(?<![\w⁻])-(?=[\d.])", "−", text)
        text = re.sub(r"(?<=^[<>≥≤±~]) ", "\N{NO-BREAK SPACE}", text)
    formulas = re.sub(r"\$[^$]*\$", lambda formula: formula.group().replace("|", r"\vert "), text)
    return formulas.replace("|", r"\|")


def _times_power(exponent: str) -> str:
    """Such as × 10⁻³, which no line may break; nothing for 10⁰."""
    return f"\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}10{_raised(exponent)}" if int(exponent) else ""


def _raised(exponent: str) -> str:
    return str(int(exponent)).translate(_RAISED)


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@functools.cache
def _memory_keeper():
    """The function to call after every execution; always the same, which IPython registers once.

    A kernel that is large without its programs would lose them after every cell: it may grow by a quarter first.
    """
    limit = MEMORY_LIMIT

    def after_execution():
        nonlocal limit
        if _resident() > limit:
            jax.clear_caches()
            gc.collect()
            if (trim := _malloc_trim()) is not None:
                trim(0)
            limit = max(MEMORY_LIMIT, 1.25 * _resident())

    return after_execution


def _resident():
    """Bytes of memory that this process has."""
    return psutil.Process().memory_info().rss


@functools.cache
def _malloc_trim():
    """The C library's function that gives freed memory back to the system; None where there is none (not glibc)."""
    try:
        return getattr(ctypes.CDLL(None), "malloc_trim", None)
    except (OSError, TypeError):  # Windows has no library of that kind
        return None


@functools.cache  # one listener, however often `setup` runs
def _return_memory_after_compilations() -> None:
    """Have the C library give back what a compilation has freed: hundreds of megabytes that it would keep."""
    if (trim := _malloc_trim()) is None:
        return

    def after(event, seconds, **_):
        if event.endswith("backend_compile_duration") and seconds > 0.2:
            trim(0)

    jax.monitoring.register_event_duration_secs_listener(after)
