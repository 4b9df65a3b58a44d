"""The controls of an explorer: what a reader may set, each checked on its own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from implreg_core import bounds, norm_language
from implreg_core.explorers._grid import MatrixGrid

Number = int | float
Matrix = Sequence[Sequence[Number]] | np.ndarray


@dataclass(frozen=True)
class Control:
    """One knob: the keyword argument `name` of `compute`, over listed `values`.

    Numbers make a slider, words a row of buttons. `label` names the knob for the reader, `format` writes its
    values.

    **Raises:** `ValueError` when `values` is empty or repeats itself, or lacks `default`.

    **Example:**

    ```python
    >>> explorers.Control("depth", "depth L", [2, 3, 4], default=3).entry  # its place in the list
    1

    ```
    """

    name: str
    label: str
    values: Sequence[Number | str]
    default: Number | str
    format: Callable[[Number | str], str] | None = None

    def __post_init__(self):
        if not self.values or len(set(self.values)) < len(self.values):
            raise ValueError(f"`values` of control {self.name!r} must be distinct, one at least; got {self.values}.")
        self._check("`default`", self.default)

    def _check(self, what: str, value: Number | str) -> None:
        if value not in self.values:
            raise ValueError(f"{what} of control {self.name!r} must be one of {self.values}; got {value!r}.")

    @property
    def range(self) -> str:
        """Its settings, in short."""
        return str(list(self.values))

    @property
    def entry(self) -> int:
        """The default, as a choice holds it: an index."""
        return list(self.values).index(self.default)

    @property
    def text(self) -> str:
        """The default, as a reader writes it."""
        return (self.format or as_text)(self.default)


@dataclass(frozen=True)
class _Interval:
    """A number from `low` to `high`: what a slider and a guess have in common."""

    name: str
    label: str
    low: Number
    high: Number
    default: Number

    def __post_init__(self):
        if not (np.isfinite([self.low, self.high]).all() and self.low < self.high):
            raise ValueError(f"{self._kind} needs finite `low` < `high`; got {self.low} and {self.high}.")
        self._check("`default`", self.default)

    @property
    def _kind(self) -> str:
        return f"{type(self).__name__.lower()} {self.name!r}"

    def _check(self, what: str, value: Number) -> None:
        if not self.low <= value <= self.high:
            raise ValueError(f"{what} of {self._kind} must be from {self.low} to {self.high}; got {value}.")

    @property
    def range(self) -> str:
        """Its settings, in short."""
        return f"{self.low:g}..{self.high:g}"

    @property
    def entry(self) -> float:
        """The default, as a choice holds it: itself."""
        return float(self.default)

    @property
    def text(self) -> str:
        """The default, as a reader writes it."""
        return as_text(self.default)


@dataclass(frozen=True)
class Slider(_Interval):
    """A continuous knob: the keyword argument `name` of `compute`, a number from `low` to `high`.

    Its places, up to 200 of them, are evenly spaced on `scale`, `"linear"` or `"log"`, and stand for numbers of three
    digits at most, as short as their distance allows; or, on a linear scale, they are `step` apart.

    **Raises:** `ValueError` for an empty interval, a default outside it, or a scale or step that do not go with it.

    **Example:**

    ```python
    >>> explorers.Slider("rate", "learning rate", 1e-3, 1.0, default=0.1, scale="log").range
    '0.001..1'

    ```
    """

    scale: str = "linear"
    step: Number | None = None

    def __post_init__(self):
        super().__post_init__()
        if self.scale not in ("linear", "log") or (self.scale == "log" and (self.low <= 0 or self.step is not None)):
            raise ValueError(
                f'`scale` of slider {self.name!r} must be "linear", or "log" with a positive `low` and no `step`; '
                f"got {self.scale!r}, low={self.low}, step={self.step}."
            )
        if self.step is not None and not 0 < self.step <= self.high - self.low:
            raise ValueError(f"`step` of slider {self.name!r} must be positive and fit its interval; got {self.step}.")

    @property
    def example(self) -> jax.Array:
        """A value of the type that `compute` gets."""
        return jnp.asarray(self.entry)


@dataclass(frozen=True)
class MatrixPad:
    """A 2 x 2 matrix to drag: the keyword argument `name` of `compute`, entries from `-extent` to `extent`.

    Its columns are drawn as two arrows, its determinant as the area between them. `symbol` stands for the matrix, and
    each of `presets`, label to matrix, becomes a button.

    **Raises:** `ValueError` for a default or preset that is no 2 x 2 matrix of finite numbers in that range.

    **Example:**

    ```python
    >>> explorers.MatrixPad("W0", "start", default=np.eye(2), presets={"zero": np.zeros((2, 2))}).entry
    [1.0, 0.0, 0.0, 1.0]

    ```
    """

    name: str
    label: str
    default: Matrix
    symbol: str = "M"
    extent: Number = 1.5
    presets: Mapping[str, Matrix] = field(default_factory=dict)

    def __post_init__(self):
        for what, matrix in {"default": self.default, **self.presets}.items():
            self._check(repr(what), matrix)

    def _check(self, what: str, value: Matrix) -> None:
        matrix = np.asarray(value, float)
        if matrix.shape != (2, 2) or not (np.abs(matrix) <= self.extent).all():
            raise ValueError(
                f"{what} of matrix pad {self.name!r} must be 2 x 2 with entries from {-self.extent} to "
                f"{self.extent}; got {matrix.tolist()}."
            )

    @property
    def range(self) -> str:
        """Its settings, in short."""
        return f"entries in -{self.extent:g}..{self.extent:g}"

    @property
    def entry(self) -> list[float]:
        """The default, as a choice holds it: four numbers, row by row."""
        return np.asarray(self.default, float).ravel().tolist()

    @property
    def text(self) -> str:
        """The default, as a reader writes it: the name of a preset, or row by row; and the sign of the determinant."""
        (a, b), (c, d) = rows = np.asarray(self.default, float).tolist()
        named = [text for text, preset in self.presets.items() if np.array_equal(preset, rows)]
        written = named[0] if named else f"({'; '.join(', '.join(map(as_text, row)) for row in rows)})"
        return f"{written}, det {self.symbol} {'<=>'[int(np.sign(a * d - b * c)) + 1]} 0"

    @property
    def example(self) -> jax.Array:
        """A value of the type that `compute` gets."""
        return jnp.asarray(self.default, float)


@dataclass(frozen=True)
class TypedNorm:
    r"""A (quasi-)norm that the reader types, in the language of `norm_language`; the front end reads and evaluates it.

    `compute` knows nothing of it. From the columns `READS` of a run, all positive (the absolute values of the entries
    of a 2 x 2 matrix $W$, its singular values, its loss, and the dimension $d$ of the zero matrix whose corner it is),
    the front end adds the columns `ADDS` to it: the norm of $W$; the bound $a / \sqrt{\ell} - b$ of Theorem 1; and
    `norm_share`, the bound as a part of the norm. $a$, $b$ and $c$ stand below the field; `examples` are buttons.

    **Raises:** `NormSyntaxError`, a `ValueError`, for a default or an example that is no norm.

    **Example:**

    ```python
    >>> explorers.TypedNorm("norm", "norm", default="nuclear / d", examples=["max(spectral, 2 * max_entry)"]).entry
    'nuclear / d'

    ```
    """

    READS: ClassVar = ("loss", "sigma_1", "sigma_2", "abs_11", "abs_12", "abs_21", "abs_22", "dimension")
    ADDS: ClassVar = ("norm", "norm_bound", "norm_share")

    name: str
    label: str
    default: str
    examples: Sequence[str] = ()

    def __post_init__(self):
        for text in (self.default, *self.examples):
            self._check("a text", text)

    def _check(self, what: str, value: str) -> None:
        norm_language.tree(value)

    @property
    def range(self) -> str:
        """Its settings, in short."""
        return "a norm"

    @property
    def entry(self) -> str:
        """The default, as a choice holds it: itself."""
        return self.default

    @property
    def text(self) -> str:
        """The default, as a reader writes it: itself."""
        return self.default

    @classmethod
    def columns(cls, text: str, run: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The columns `ADDS` of a run for the norm `text`, as the front end adds them.

        **Example:** the nuclear norm of identities, at a given loss:

        ```python
        >>> ones = np.ones(2)
        >>> run = {"sigma_1": ones, "sigma_2": ones, "abs_11": ones, "abs_12": 0 * ones, "abs_21": 0 * ones}
        >>> run |= {"abs_22": ones, "loss": 1e-4 * ones, "dimension": 2 * ones}
        >>> explorers.TypedNorm.columns("nuclear", run)["norm"]
        array([2., 2.])

        ```
        """
        norm, d = norm_language.parse(text), int(run["dimension"][0])
        entries = [run[f"abs_{place}"] for place in ("11", "12", "21", "22")]
        # All that singular values know of the signs is whether |det W| is the sum or the difference of two products.
        straight, crossed = entries[0] * entries[3], entries[1] * entries[2]
        det = run["sigma_1"] * run["sigma_2"]
        differ = np.abs(np.abs(straight - crossed) - det) <= np.abs(straight + crossed - det)
        W = np.zeros((len(det), d, d))
        W[:, :2, :2] = np.stack(entries, axis=-1).reshape(-1, 2, 2)
        W[:, 1, 0] *= np.where(differ, 1, -1)
        values = np.asarray(jax.vmap(norm)(jnp.asarray(W)))
        a, b = map(float, bounds.norm_constants(norm, d))
        bound = a / np.sqrt(run["loss"]) - b
        return {"norm": values, "norm_bound": bound, "norm_share": np.maximum(0, bound) / values}


@dataclass(frozen=True)
class Guess(_Interval):
    """A number to guess, typed or dragged, from `low` to `high`: no run depends on it, `compute` knows nothing of it.

    The front end adds it to a run as the column `name`, so that a view can draw it as a line.

    **Raises:** `ValueError` for an empty interval, or a default outside it.

    **Example:**

    ```python
    >>> explorers.Guess("guess", "your guess", -10, 50, default=0).entry
    0.0

    ```
    """


AnyControl = Control | Slider | MatrixPad | MatrixGrid | TypedNorm | Guess


def added_columns(controls: Sequence[AnyControl]) -> set[str]:
    """The columns that the front end adds to a run."""
    added = {control.name for control in controls if isinstance(control, Guess)}
    return added | {name for control in controls if isinstance(control, TypedNorm) for name in TypedNorm.ADDS}


def extended(controls: Sequence[AnyControl], run: Mapping[str, np.ndarray], setting: Mapping) -> dict[str, np.ndarray]:
    """A run with the columns that the front end adds to it at a complete setting."""
    run = dict(run)
    for control in controls:
        if isinstance(control, TypedNorm):
            run |= TypedNorm.columns(setting[control.name], run)
        elif isinstance(control, Guess):
            run[control.name] = np.full(len(next(iter(run.values()))), float(setting[control.name]))
    return run


def in_words(controls: Sequence[AnyControl], setting: Mapping, other: Mapping | None = None) -> str:
    """A complete setting in words, matrices by their symbols, or what differs in it from another.

    A guess belongs to no run.
    """
    kept = [control for control in controls if not isinstance(control, Guess)]
    if other is not None:
        kept = [control for control in kept if not np.array_equal(setting[control.name], other[control.name])]
    name = {c.name: c.symbol if isinstance(c, MatrixPad) else c.label for c in kept}
    return "; ".join(f"{name[c.name]}: {replace(c, default=setting[c.name]).text}" for c in kept)


def setting_of(controls: Sequence[AnyControl], choice: Sequence) -> dict:
    """What `compute` gets for a choice: a value for each control but norms and guesses, which it does not know."""
    setting = {}
    for control, entry in zip(controls, choice, strict=True):
        if isinstance(control, Control):
            setting[control.name] = control.values[entry]
        elif isinstance(control, MatrixPad):
            setting[control.name] = np.reshape(entry, (2, 2))
        elif isinstance(control, Slider | MatrixGrid):
            setting[control.name] = entry
    return setting


def choice_of(controls: Sequence[AnyControl], setting: Mapping) -> list:
    """The choice that a complete setting is: an entry for each control."""
    return [replace(control, default=setting[control.name]).entry for control in controls]


def complete_setting(controls: Sequence[AnyControl], setting: Mapping) -> dict:
    """A value for each control, in order: that of `setting`, or the default.

    **Raises:** `ValueError` for a name or a value that no control has.
    """
    known = {control.name: control for control in controls}
    if unknown := sorted(set(setting) - set(known)):
        raise ValueError(f"no control is called {unknown}; the controls are {list(known)}.")
    for name, value in setting.items():
        known[name]._check("the value", value)
    return {name: setting.get(name, control.default) for name, control in known.items()}


def as_text(value: Number | str) -> str:
    """A value as one writes it by hand, as numbers.js does: 0.001 as 0.001, 0.0001 as 10⁻⁴."""
    if isinstance(value, str):
        return value
    small = 0 < abs(value) < 1e-3
    mantissa, _, exponent = (np.format_float_scientific(value, 5, trim="-") if small else f"{value:g}").partition("e")
    if not exponent:
        return mantissa.replace("-", "−")
    power = "10" + str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return power if mantissa == "1" else f"{mantissa.replace('-', '−')} × {power}"
