"""A view in space and where a figure opens: what page and widget are told, what the picture shows, what is refused."""

import json
import re

import numpy as np
import pytest

from implreg_core.explorers import Explorer, SpaceView, View

ROWS = 31


def climb():
    """A path that goes to the line x = 1, y = 0 and then up, out of the window."""
    k = np.linspace(0, 1, ROWS)
    return {"t": np.arange(ROWS), "w12": np.minimum(2 * k, 1), "w22": np.maximum(1 - 2 * k, 0), "w": 1 + 9 * k**2}


def explorer(views=None, **changes):
    time = View("Loss", "t", {"t": "t"}, "t", "t")
    arguments = {"question": "Where?", "controls": [], "compute": climb, "caption": "There."}
    return Explorer(**arguments | {"views": views or [SpaceView("Space"), time]} | changes)


def data(page):
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', page, re.S)[1])


def test_a_page_holds_the_path_and_the_window():
    page = data(explorer().static_html())
    assert page["spec"]["columns"] == ["t", "w", "w12", "w22"]
    space, _ = page["spec"]["views"]
    assert [(series["label"], series["column"]) for series in space["series"]] == [
        ("x", "w12"), ("y", "w22"), ("w", "w"),
    ]  # fmt: skip
    assert space["kind"] == "space" and space["solutions"] == [1.0, 0.0]
    assert space["window"] == [[-1.0, 1.5], [-0.7, 1.1], [0.0, 6.0]]
    assert set(space["from"]) == {"azimuth", "tilt"}


def test_the_path_has_the_colour_of_its_height_in_plots():
    views = [View("W", "t", {"w12": "x", "w": "w"}, "t", "w"), SpaceView("Space")]
    _, space = explorer(views).widget().spec["views"]
    assert {series["color"] for series in space["series"]} == {1}  # the second hue, as no column has a meaning


def test_the_picture_shows_the_path_within_the_window():
    figure = explorer(opens=("w", 3)).picture()
    (space,) = [ax for ax in figure.axes if ax.name == "3d"]
    assert [space.get_xlabel(), space.get_ylabel(), space.get_zlabel()] == ["x", "y", "w"]
    assert space.get_title(loc="left") == "Space"
    lines = {line.get_label(): np.array(line.get_data_3d()) for line in space.lines}
    run = climb()
    inside = run["w"] <= 6
    path = lines["W(t)"]
    assert np.array_equal(path[:, inside], np.stack([run["w12"], run["w22"], run["w"]])[:, inside])
    assert np.isnan(path[:, ~inside]).all()
    assert np.array_equal(lines["solutions"], [[1, 1], [0, 0], [0, 6]])
    (marker,) = [line for line in space.lines if line.get_marker() == "o"]
    assert marker.get_data_3d()[2] == run["w"][np.argmax(run["w"] >= 3)]


def test_the_picture_of_a_run_that_ends_outside_has_no_marker_in_space():
    figure = explorer().picture()
    (space,) = [ax for ax in figure.axes if ax.name == "3d"]
    assert not [line for line in space.lines if line.get_marker() == "o"]


def test_a_kept_run_is_in_the_picture_too():
    figure = explorer(beside={}).picture()
    (space,) = [ax for ax in figure.axes if ax.name == "3d"]
    assert len([line for line in space.lines if len(line.get_data_3d()[0]) == ROWS]) == 2


@pytest.mark.parametrize("least, row", [(-1, 0), (3, 15), (99, ROWS - 1)])
def test_a_figure_opens_where_a_column_is_first_as_large_as_a_number(least, row):
    figure = explorer(opens=("w", least))
    assert figure.widget().spec["opens"] == {"column": "w", "least": least}
    (time,) = [ax for ax in figure.picture().axes if ax.name != "3d"]
    _, marker = time.lines
    assert marker.get_xdata() == [row]


@pytest.mark.parametrize("opens", ["middle", ("w", np.inf), ("w", "3"), ("loss", 1), ("w", 1, 2), ("w",)])
def test_a_figure_cannot_open_elsewhere(opens):
    with pytest.raises(ValueError, match=r"`opens` must be \"start\" or \"end\", or a drawn column \(t, w, w12, w22\)"):
        explorer(opens=opens)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"path": ("w12", "w")}, "`path` of view 'V' must name columns for x, y and w"),
        ({"xlim": (0.1, 2)}, r"`xlim` of view 'V' must be finite and hold 0 and the solutions, 1.*got \(0.1, 2\)"),
        ({"ylim": (-1, np.inf)}, "`ylim` of view 'V'"),
        ({"solutions": (1, 2)}, "`ylim` of view 'V' must be finite and hold 0 and the solutions, 2"),
        ({"top": 0}, "`top` of view 'V' must be positive and finite; got 0"),
    ],
)
def test_what_cannot_be_drawn_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        SpaceView("V", **change)
