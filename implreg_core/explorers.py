r"""Explorers: one interactive figure for every chapter, alive in the static page and in Jupyter.

A *run* is a table: columns of equal length, one row per recorded moment. An `Explorer` varies a few named
controls, asks `compute` for the run at each setting, and draws it in linked views with one marker that scrubs
through its rows. What is computed is the chapter's choice; drawing and controls are the front end's,
`front/explorer.js`, which is the same in both places:

- in the static page (`IMPLREG_STATIC=1`) the runs of all settings are computed at build time and stored;
- in Jupyter an anywidget sends each setting to Python, which computes its run once and sends it back.
"""

import html
import itertools
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import anywidget
import numpy as np
import traitlets
from jaxtyping import Float

_FRONT = Path(__file__).parent / "front"
_LEVELS = 65535  # 16-bit levels: far finer than a pixel, and their differences stay short
_LARGEST = 1e300  # beyond it a difference of two values may overflow


def static_build() -> bool:
    """Whether the book is being built (`make book` sets IMPLREG_STATIC=1), rather than a notebook being run."""
    return os.environ.get("IMPLREG_STATIC") == "1"


class NoRun(ValueError):
    """Raised by `compute` where a setting has no run to show; the message is what the reader sees there."""


@dataclass(frozen=True)
class Control:
    """One knob: the keyword argument `name` of `compute`, over listed `values`.

    Numbers make a slider, words a row of buttons. `label` names the knob for the reader, `format` writes its
    values.

    **Raises:** `ValueError` when `values` is empty or repeats itself, or lacks `default`.
    """

    name: str
    label: str
    values: Sequence[int | float | str]
    default: int | float | str
    format: Callable[[int | float | str], str] | None = None

    def __post_init__(self):
        if not self.values or len(set(self.values)) < len(self.values):
            raise ValueError(f"`values` of control {self.name!r} must be distinct, one at least; got {self.values}.")
        if self.default not in self.values:
            raise ValueError(f"`default` of control {self.name!r} must be one of {self.values}; got {self.default!r}.")


@dataclass(frozen=True)
class View:
    """One plot: columns `y` (column name -> legend text) against the column `x`.

    Scales are `"linear"` or `"log"`; the columns named in `dashed` (bounds, references) are drawn apart from
    the rest.

    **Raises:** `ValueError` for an unknown scale, an empty `y`, or a dashed column that is not in `y`.
    """

    title: str
    x: str
    y: Mapping[str, str]
    xlabel: str
    ylabel: str
    xscale: str = "linear"
    yscale: str = "linear"
    dashed: frozenset[str] | set[str] = frozenset()

    def __post_init__(self):
        for name in ("xscale", "yscale"):
            if getattr(self, name) not in ("linear", "log"):
                raise ValueError(f'`{name}` must be "linear" or "log"; got {getattr(self, name)!r}.')
        if not self.y:
            raise ValueError(f"`y` of view {self.title!r} is empty; name one column at least.")
        if unknown := set(self.dashed) - set(self.y):
            raise ValueError(f"`dashed` of view {self.title!r} names {sorted(unknown)}, not among {list(self.y)}.")


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
    if not (usable := np.abs(values) < _LARGEST).all():
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
    """The values that `encode_column` stored, up to its rounding; `front/explorer.js` does the same."""
    low, high, levels = column["low"], column["high"], np.cumsum(column["codes"], dtype=float)
    if column["scale"] == "integer":
        return low + levels
    f, inverse = (np.log, np.exp) if column["scale"] == "log" else (np.asarray, np.asarray)
    part = levels / _LEVELS
    return np.clip(inverse((1 - part) * f(low) + part * f(high)), low, high)


def _differences(levels: Float[np.ndarray, " rows"]) -> list[int]:
    return np.diff(levels, prepend=0).astype(int).tolist()


class Explorer:
    """An interactive figure for a reader's `question`: linked `views` of the run at a setting of `controls`.

    `compute(**setting)` returns a run: a mapping from column names to equally long 1-D arrays of numbers,
    finite, and positive where a view draws them on a logarithmic axis. Columns that no view draws are
    ignored. It is called once per setting. Where it raises `NoRun`, the reader sees the message and the
    former drawing; any other exception stops a static build, and is shown in the figure in Jupyter.

    Evaluated at the end of a cell, an explorer displays itself.

    **Raises:** `ValueError` for an empty `views` or controls that share a name; on display, for a run that
    cannot be drawn, naming setting, column and row.
    """

    def __init__(
        self,
        *,
        question: str,
        controls: Sequence[Control],
        compute: Callable[..., Mapping],
        views: Sequence[View],
        caption: str,
    ):
        names = [control.name for control in controls]
        if len(set(names)) < len(names):
            raise ValueError(f"`controls` must have distinct names; got {names}.")
        if not views:
            raise ValueError("`views` is empty; an explorer needs one view at least.")
        self.question, self.caption = question, caption
        self.controls, self.views = tuple(controls), tuple(views)
        self._compute = compute
        self._outcomes = {}  # choice (one index per control) -> {"run": columns} or {"error": text}

    def __repr__(self) -> str:
        settings = "".join(f", {control.name}={list(control.values)}" for control in self.controls)
        return f"Explorer({self.question!r}{settings})"

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        if static_build():
            return {"text/plain": repr(self), "text/html": self.static_html()}
        view, _ = self.widget()._repr_mimebundle_()
        return {**view, "text/plain": repr(self)}  # the widget's own text holds a memory address

    def static_html(self) -> str:
        """The figure for a page without a kernel: the runs of all settings, for `front/host.js` to mount.

        **Raises:** whatever `compute` raises, `NoRun` apart, with the setting noted.
        """
        choices = itertools.product(*(range(len(control.values)) for control in self.controls))
        outcomes = [self._outcome(choice) for choice in choices]
        data = {"spec": self._spec(), "limits": self._limits(), "outcomes": outcomes}
        question, caption = html.escape(self.question), html.escape(self.caption)
        return (
            f'<figure class="implreg-explorer" aria-label="{question}">'
            f'<h3 class="implreg-question">{question}</h3>'
            "<noscript><p>The controls and drawings of this figure need JavaScript.</p></noscript>"
            f"<figcaption>{caption}</figcaption>"
            f'<script type="application/json">{_json(data)}</script></figure>'
        )

    def widget(self) -> anywidget.AnyWidget:
        """The figure for Jupyter: a new widget at the default setting, which asks this explorer for runs."""
        widget = _Widget(spec=self._spec(), choice=self._default())
        widget.answer = self._answer(self._default())
        widget.observe(lambda change: widget.set_trait("answer", self._answer(change.new)), "choice")
        return widget

    def _default(self) -> list[int]:
        return [list(control.values).index(control.default) for control in self.controls]

    def _spec(self) -> dict:
        """What the front end must know before any run."""
        colors = {column: None for view in self.views for column in view.y}  # a set that keeps the order
        return {
            "question": self.question,
            "caption": self.caption,
            "default": self._default(),
            "controls": [
                {
                    "name": control.name,
                    "label": control.label,
                    "values": list(control.values),
                    "texts": [(control.format or _text)(value) for value in control.values],
                    "words": any(isinstance(value, str) for value in control.values),
                }
                for control in self.controls
            ],
            "views": [
                {
                    "title": view.title,
                    "x": {"column": view.x, "label": view.xlabel, "scale": view.xscale},
                    "y": {"label": view.ylabel, "scale": view.yscale},
                    "series": [
                        {
                            "column": column,
                            "label": label,
                            "dashed": column in view.dashed,
                            "color": list(colors).index(column),  # one colour per column, in all views
                        }
                        for column, label in view.y.items()
                    ],
                }
                for view in self.views
            ],
        }

    def _answer(self, choice: Sequence[int]) -> dict:
        """What the widget sends for a choice. A traceback would go unseen: the figure shows the message."""
        try:
            outcome = self._outcome(tuple(choice))
        except Exception as error:
            outcome = {"error": f"{type(error).__name__}: {error}"}
        return {"choice": list(choice), "limits": self._limits(), **outcome}

    def _outcome(self, choice: tuple[int, ...]) -> dict:
        """The run at a choice, computed once, or the reason why there is none."""
        if choice not in self._outcomes:
            setting = {control.name: control.values[i] for control, i in zip(self.controls, choice)}
            try:
                self._outcomes[choice] = {"run": self._encode(self._compute(**setting))}
            except NoRun as reason:
                self._outcomes[choice] = {"error": str(reason)}
            except Exception as error:
                error.add_note(f"The explorer {self.question!r} was computing the run at {setting}.")
                raise
        return self._outcomes[choice]

    def _encode(self, run: Mapping) -> dict:
        """The drawn columns of a run, each on the scale it is drawn on (logarithmic if drawn on both)."""
        scales = {}
        for view in self.views:
            for column, scale in [(view.x, view.xscale), *((column, view.yscale) for column in view.y)]:
                scales[column] = "log" if "log" in (scale, scales.get(column)) else "linear"
        if missing := set(scales) - set(run):
            raise ValueError(f"`compute` gave no column {sorted(missing)}, which a view draws; it gave {sorted(run)}.")
        columns = {column: np.asarray(run[column], float) for column in scales}
        shapes = {column: values.shape for column, values in columns.items()}
        if len(set(shapes.values())) > 1 or any(len(shape) != 1 for shape in shapes.values()):
            raise ValueError(f"`compute` must give 1-D columns of one length; got shapes {shapes}.")
        encoded = {}
        for column, values in columns.items():
            try:
                encoded[column] = encode_column(values, scale=scales[column])
            except ValueError as error:
                raise ValueError(f"`compute` gave a column {column!r} that cannot be drawn: {error}") from None
        return encoded

    def _limits(self) -> dict:
        """The range of each column over the runs so far: axes that stay put show what a control changes."""
        limits = {}
        for outcome in self._outcomes.values():
            for name, column in outcome.get("run", {}).items():
                low, high = limits.get(name, (column["low"], column["high"]))
                limits[name] = [min(low, column["low"]), max(high, column["high"])]
        return limits


class _Widget(anywidget.AnyWidget):
    """The Jupyter side of `front/explorer.js`: `choice` comes from the reader, `answer` goes back."""

    _esm = _FRONT / "explorer.js"
    _css = _FRONT / "explorer.css"
    spec = traitlets.Dict().tag(sync=True)
    choice = traitlets.List(traitlets.Int()).tag(sync=True)
    answer = traitlets.Dict().tag(sync=True)


def _text(value: int | float | str) -> str:
    """A value as one writes it by hand: 0.001 as 0.001, 1e-05 as 10⁻⁵."""
    if isinstance(value, str):
        return value
    mantissa, _, exponent = f"{value:g}".partition("e")
    if not exponent:
        return mantissa.replace("-", "−")
    power = "10" + str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return power if mantissa == "1" else f"{mantissa.replace('-', '−')} × {power}"


def _json(data: dict) -> str:
    """Compact JSON that is safe inside a script element: no `<`, so nothing in it can close the element."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c")
