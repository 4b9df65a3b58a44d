"""What the front end must know of an explorer before any run: the contract between Python and `front/`.

A choice has an *entry* for each control, in the order of `controls`: the index of a listed value, a number, the text of
a norm, or the four entries of a matrix, row by row. A program takes the entries of the continuous controls, in that
order, and returns the `columns`, in theirs.
"""

from collections.abc import Sequence
from functools import singledispatch

import numpy as np

from implreg_core._explorer_controls import AnyControl, Control, MatrixPad, Slider, TypedNorm, as_text
from implreg_core._explorer_views import View


@singledispatch
def control_spec(control: AnyControl) -> dict:
    """What the front end must know of a control, besides its default."""
    raise TypeError(f"`controls` must be Control, Slider, MatrixPad or TypedNorm; got {control!r}.")


@control_spec.register
def _(control: Control) -> dict:
    words = any(isinstance(value, str) for value in control.values)
    texts = [(control.format or as_text)(value) for value in control.values]
    return _named(control, "words" if words else "list") | {"values": list(control.values), "texts": texts}


@control_spec.register
def _(slider: Slider) -> dict:
    return _named(slider, "range") | {name: getattr(slider, name) for name in ("low", "high", "scale", "step")}


@control_spec.register
def _(pad: MatrixPad) -> dict:
    presets = [{"text": text, "entries": np.asarray(M, float).ravel().tolist()} for text, M in pad.presets.items()]
    limits = {"low": -pad.extent, "high": pad.extent}
    return _named(pad, "matrix") | limits | {"symbol": pad.symbol, "presets": presets}


@control_spec.register
def _(norm: TypedNorm) -> dict:
    return _named(norm, "norm") | {"examples": list(norm.examples)}


def _named(control: AnyControl, kind: str) -> dict:
    return {"kind": kind, "name": control.name, "label": control.label}


def view_specs(views: Sequence[View]) -> list[dict]:
    """What the front end must know of the views; a column has one colour in all of them."""
    columns = list(dict.fromkeys(column for view in views for column in view.y))
    return [_view_spec(view, {column: i for i, column in enumerate(columns)}) for view in views]


def _view_spec(view: View, colors: dict[str, int]) -> dict:
    series = [
        {"column": column, "label": label, "dashed": column in view.dashed, "color": colors[column]}
        for column, label in view.y.items()
    ]
    curves = [
        {"label": curve.label, "coefficients": list(curve.coefficients), "shaded": curve.shaded}
        for curve in view.curves
    ]
    return {
        "title": view.title,
        "x": {"column": view.x, "label": view.xlabel, "scale": view.xscale, "limits": view.xlim},
        "y": {"label": view.ylabel, "scale": view.yscale, "limits": view.ylim},
        "series": series,
        "curves": curves,
        "points": [{"label": label, "x": x, "y": y} for label, (x, y) in view.points.items()],
    }
