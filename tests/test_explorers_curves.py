"""Views in which a point moves among curves and fixed points: what is stored, what is refused."""

import json
import re

import numpy as np
import pytest

from implreg_core.explorers import Control, Curve, Explorer, View


def run(rate):
    k = np.arange(5.0)
    return {"t": k, "x": np.exp(-rate * k), "y": k**2, "height": 1 / (1 + k), "unused": k}


def plane(**changes):
    arguments = {"title": "Plane", "x": "x", "y": {"y": "W(t)"}, "xlabel": "x", "ylabel": "y"}
    among = {"curves": [Curve("wall", (0, 0, "height"), shaded=True)], "points": {"goal": (1, 0)}}
    return View(**{**arguments, **among, **changes})


def test_a_page_holds_the_columns_that_curves_move_with():
    explorer = Explorer(
        question="Where?",
        controls=[Control("rate", label="rate", values=[1, 2], default=1)],
        compute=run,
        views=[View("Time", "t", {"y": "y"}, "t", "y"), plane()],
        caption="There.",
    )
    text = re.search(r'<script type="application/json">(.*?)</script>', explorer.static_html(), re.S)[1]
    data = json.loads(text)
    assert data["spec"]["columns"] == ["height", "t", "x", "y"]
    assert set(data["outcomes"][0]["stored"]) == {"height", "t", "x", "y"}
    time, place = data["spec"]["views"]
    assert time["curves"] == time["points"] == []
    assert place["curves"] == [{"label": "wall", "coefficients": [0, 0, "height"], "shaded": True}]
    assert place["points"] == [{"label": "goal", "x": 1, "y": 0}]


def test_a_curve_without_its_column_is_refused():
    explorer = Explorer(
        question="Where?", controls=[], compute=lambda: run(1), caption="There.",
        views=[plane(curves=[Curve("wall", (0, "slope"))])],
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"no column \['slope'\]"):
        explorer.static_html()


@pytest.mark.parametrize(
    "build, message",
    [
        (lambda: Curve("wall", ()), "`coefficients` of curve 'wall'.*one at least"),
        (lambda: Curve("wall", (0, np.inf)), "`coefficients` of curve 'wall' must be finite"),
        (lambda: plane(points={"goal": (np.nan, 0)}), "`points` must be finite and fit a linear x axis"),
        (lambda: plane(yscale="log"), "`points` must be finite and fit a log y axis"),
    ],
)
def test_bad_curves_and_points_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
