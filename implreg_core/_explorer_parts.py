"""What an explorer is made of: its controls and its views, each checked on its own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from implreg_core import bounds, norm_language

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
        if self.default not in self.values:
            raise ValueError(f"`default` of control {self.name!r} must be one of {self.values}; got {self.default!r}.")

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
        return (self.format or _text)(self.default)

    def spec(self) -> dict:
        """What the front end must know of it.

        **Example:**

        ```python
        >>> control = explorers.Control("start", "start", ["small", "large"], default="small")
        >>> control.spec()["kind"]  # words make buttons
        'words'

        ```
        """
        words = any(isinstance(value, str) for value in self.values)
        texts = [(self.format or _text)(value) for value in self.values]
        kind = "words" if words else "list"
        return {"kind": kind, "name": self.name, "label": self.label, "values": list(self.values), "texts": texts}


@dataclass(frozen=True)
class Slider:
    """A continuous knob: the keyword argument `name` of `compute`, a number from `low` to `high`.

    Its places, up to 200 of them, are evenly spaced on `scale`, `"linear"` or `"log"`, and their values rounded to
    three digits; or, on a linear scale, they are `step` apart.

    **Raises:** `ValueError` for an empty interval, a default outside it, or a scale or step that do not go with it.

    **Example:**

    ```python
    >>> explorers.Slider("rate", "learning rate", 1e-3, 1.0, default=0.1, scale="log").range
    '0.001..1'

    ```
    """

    name: str
    label: str
    low: Number
    high: Number
    default: Number
    scale: str = "linear"
    step: Number | None = None

    def __post_init__(self):
        if not (np.isfinite([self.low, self.high]).all() and self.low < self.high):
            raise ValueError(f"slider {self.name!r} needs finite `low` < `high`; got {self.low} and {self.high}.")
        if not self.low <= self.default <= self.high:
            raise ValueError(
                f"`default` of slider {self.name!r} must be from {self.low} to {self.high}; got {self.default}."
            )
        if self.scale not in ("linear", "log") or (self.scale == "log" and (self.low <= 0 or self.step is not None)):
            raise ValueError(
                f'`scale` of slider {self.name!r} must be "linear", or "log" with a positive `low` and no `step`; '
                f"got {self.scale!r}, low={self.low}, step={self.step}."
            )
        if self.step is not None and not 0 < self.step <= self.high - self.low:
            raise ValueError(f"`step` of slider {self.name!r} must be positive and fit its interval; got {self.step}.")

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
        return _text(self.default)

    @property
    def example(self) -> jax.Array:
        """A value of the type that `compute` gets."""
        return jnp.asarray(self.entry)

    def spec(self) -> dict:
        """What the front end must know of it.

        **Example:**

        ```python
        >>> explorers.Slider("rate", "learning rate", 1e-3, 1.0, default=0.1, scale="log").spec()["scale"]
        'log'

        ```
        """
        names = ("name", "label", "low", "high", "scale", "step")
        return {"kind": "range"} | {name: getattr(self, name) for name in names}


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
            matrix = np.asarray(matrix, float)
            if matrix.shape != (2, 2) or not (np.abs(matrix) <= self.extent).all():
                raise ValueError(
                    f"{what!r} of matrix pad {self.name!r} must be 2 x 2 with entries from {-self.extent} to "
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
        """The default, as a reader writes it: row by row."""
        return f"({'; '.join(', '.join(map(_text, row)) for row in np.asarray(self.default).tolist())})"

    @property
    def example(self) -> jax.Array:
        """A value of the type that `compute` gets."""
        return jnp.asarray(self.default, float)

    def spec(self) -> dict:
        """What the front end must know of it.

        **Example:**

        ```python
        >>> explorers.MatrixPad("W0", "start", default=np.eye(2)).spec()["high"]
        1.5

        ```
        """
        presets = [{"text": text, "entries": np.asarray(M, float).ravel().tolist()} for text, M in self.presets.items()]
        fixed = {"kind": "matrix", "low": -self.extent, "high": self.extent, "presets": presets}
        return fixed | {name: getattr(self, name) for name in ("name", "label", "symbol")}


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
            norm_language.tree(text)

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

    def columns(self, run: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The columns `ADDS` of a run for the default norm, as the front end adds them.

        **Example:** the nuclear norm along multiples of the identity, whose loss is given:

        ```python
        >>> control = explorers.TypedNorm("norm", "norm", default="nuclear")
        >>> ones = np.ones(2)
        >>> run = {"sigma_1": ones, "sigma_2": ones, "abs_11": ones, "abs_12": 0 * ones, "abs_21": 0 * ones}
        >>> control.columns(run | {"abs_22": ones, "loss": 1e-4 * ones, "dimension": 2 * ones})["norm"]
        array([2., 2.])

        ```
        """
        norm, d = norm_language.parse(self.default), int(run["dimension"][0])
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

    def spec(self) -> dict:
        """What the front end must know of it.

        **Example:**

        ```python
        >>> explorers.TypedNorm("norm", "norm", default="nuclear", examples=["spectral"]).spec()["examples"]
        ['spectral']

        ```
        """
        return {"kind": "norm", "name": self.name, "label": self.label, "examples": list(self.examples)}


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
    `curves`, and fixed `points` (label -> place), show what the lines move among.

    **Raises:** `ValueError` for an unknown scale, limits or points that do not fit it, an empty `y`, or a dashed column
    that is not in `y`.

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
        if unknown := set(self.dashed) - set(self.y):
            raise ValueError(f"`dashed` of view {self.title!r} names {sorted(unknown)}, not among {list(self.y)}.")


def _text(value: Number | str) -> str:
    """A value as one writes it by hand: 0.001 as 0.001, 1e-05 as 10⁻⁵."""
    if isinstance(value, str):
        return value
    mantissa, _, exponent = f"{value:g}".partition("e")
    if not exponent:
        return mantissa.replace("-", "−")
    power = "10" + str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return power if mantissa == "1" else f"{mantissa.replace('-', '−')} × {power}"
