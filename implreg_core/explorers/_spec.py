"""What the front end must know of an explorer before any run: the contract between Python and `front/`.

A choice has an *entry* for each control, in the order of `controls`: the index of a listed value, a number, the text of
a norm or of a matrix with holes, or the four entries of a matrix, row by row. A program takes the entries of the
continuous controls, in that order, a matrix with holes as the parts of an `own_matrix.Grid`, and returns the `columns`,
in theirs.
"""

from collections.abc import Sequence
from functools import singledispatch

import numpy as np

from implreg_core import own_matrix
from implreg_core.explorers._controls import (
    AnyControl,
    Control,
    Guess,
    MatrixGrid,
    MatrixPad,
    Slider,
    TypedNorm,
    as_text,
)
from implreg_core.explorers._endings import Ending
from implreg_core.explorers._grid import GraphView, GridView
from implreg_core.explorers._space import AZIMUTH, TILT, SpaceView
from implreg_core.explorers._views import AnyView, MatrixView, View, column_colors


@singledispatch
def control_spec(control: AnyControl) -> dict:
    """What the front end must know of a control, besides its default."""
    raise TypeError(f"`controls` must be Control, Slider, MatrixPad, MatrixGrid, TypedNorm or Guess; got {control!r}.")


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
def _(grid: MatrixGrid) -> dict:
    presets = [{"text": text, "entry": own_matrix.written(matrix)} for text, matrix in grid.presets.items()]
    return _named(grid, "grid") | {"presets": presets}


@control_spec.register
def _(norm: TypedNorm) -> dict:
    return _named(norm, "norm") | {"examples": list(norm.examples)}


@control_spec.register
def _(guess: Guess) -> dict:
    places = {"low": guess.low, "high": guess.high, "scale": "linear", "step": None}
    return _named(guess, "guess") | places


def _named(control: AnyControl, kind: str) -> dict:
    return {"kind": kind, "name": control.name, "label": control.label}


def ending_spec(ending: Ending) -> dict:
    """What the front end must know of an ending."""
    limits = {"most": ending.at_most, "least": ending.at_least}
    return {"text": ending.text, "column": ending.column} | limits


def view_specs(views: Sequence[AnyView]) -> list[dict]:
    """What the front end must know of the views; a column has one colour in all of them."""
    colors = column_colors(views)
    return [_view_spec(view, colors) for view in views]


@singledispatch
def _view_spec(view: AnyView, colors: dict[str, int]) -> dict:
    raise TypeError(f"`views` must be View, MatrixView, GridView, GraphView or SpaceView; got {view!r}.")


@_view_spec.register
def _(view: MatrixView, colors: dict[str, int]) -> dict:
    given = [None if x is None else as_text(x) for row in view.given for x in row]
    entries = zip(view.columns, view.labels, given, strict=True)
    return {
        "kind": "matrix",
        "title": view.title,
        "columns": len(view.entries[0]),
        "series": [
            {"column": column, "label": label, "given": text, "color": colors.get(column, 0), "where": None}
            for column, label, text in entries
        ],
    }


@_view_spec.register
def _(view: GridView, colors: dict[str, int]) -> dict:
    ((entries, entries_label),), ((beside, beside_label),) = view.entries.items(), view.beside.items()
    return {
        "kind": "grid",
        "title": view.title,
        "form": view.form,
        "grid": view.grid,
        "entries": {"prefix": entries, "label": entries_label},
        "beside": {"prefix": beside, "label": beside_label},
        "series": [],  # of lines, which it has not
    }


@_view_spec.register
def _(view: GraphView, colors: dict[str, int]) -> dict:
    return {"kind": "graph", "title": view.title, "grid": view.grid, "series": []}


@_view_spec.register
def _(view: SpaceView, colors: dict[str, int]) -> dict:
    (x, y), paint = view.solutions, {"color": colors.get(view.path[2], 0), "dashed": False, "where": None}
    return {
        "kind": "space",
        "title": view.title,
        "window": view.window,
        "solutions": [float(x), float(y)],
        "from": {"azimuth": AZIMUTH, "tilt": TILT},
        "series": [{"column": column, "label": name, **paint} for column, name in zip(view.path, "xyw")],
    }


@_view_spec.register
def _(view: View, colors: dict[str, int]) -> dict:
    series = [
        {
            "column": column,
            "label": label,
            "dashed": column in view.dashed,
            "color": colors[column],
            "where": view.where.get(column),
        }
        for column, label in view.y.items()
    ]
    curves = [
        {"label": curve.label, "coefficients": list(curve.coefficients), "shaded": curve.shaded}
        for curve in view.curves
    ]
    return {
        "kind": "plot",
        "title": view.title,
        "x": {"column": view.x, "label": view.xlabel, "scale": view.xscale, "limits": view.xlim},
        "y": {"label": view.ylabel, "scale": view.yscale, "limits": view.ylim},
        "series": series,
        "curves": curves,
        "points": [{"label": label, "x": x, "y": y} for label, (x, y) in view.points.items()],
    }
