"""A point among curves, in a real browser: the curves move with the marker, and the point can be grabbed."""

import re

import numpy as np
from explorer_page import mounted, state, write_page

from implreg_core.explorers import Curve, Explorer, View

ROWS = 41


def climb():
    """A point that goes right, then down, while the curve y = height x² flattens."""
    k = np.arange(ROWS)
    return {"t": k, "x": np.minimum(k / 20, 1), "y": np.minimum(2 - k / 20, 1), "height": 1 / (1 + k)}


EXPLORER = Explorer(
    question="Where to?",
    controls=[],
    compute=climb,
    views=[
        View("Height", "t", {"height": "height"}, "t", "height"),
        View("Plane", "x", {"y": "W(t)"}, "x", "y", xlim=(-1, 2), ylim=(-1, 2), points={"goal": (1, 0)},
             curves=[Curve("wall", (0, 0, "height"), shaded=True), Curve("level", (1,))]),
    ],
    caption="There.",
)  # fmt: skip


def numbers(text):
    return np.array(re.findall(r"-?[\d.]+", text), float)


def test_a_curve_moves_with_the_marker(open_page, tmp_path):
    page = mounted(open_page(write_page(tmp_path, EXPLORER.static_html())))
    plane = page.locator(".implreg-view").nth(1)
    assert plane.locator(".implreg-whole").count() == 0  # what is to come would lie among curves that are elsewhere
    wall, level = (plane.locator(".implreg-plot .implreg-curve").nth(i) for i in range(2))
    goal = numbers(plane.locator(".implreg-plot .implreg-point").get_attribute("transform"))

    def drawn(row):
        """In pixels: the curves where x is 1, and the dot."""
        page.locator(".implreg-timeline input").fill(str(row))
        dot = plane.locator("circle")
        curves = [numbers(curve.get_attribute("d")).reshape(-1, 2) for curve in (wall, level)]
        heights = [np.interp(goal[0], *curve.T) for curve in curves]
        return *heights, [float(dot.get_attribute(name)) for name in ("cx", "cy")]

    wall_first, level_first, _ = drawn(0)
    wall_last, level_last, dot = drawn(ROWS - 1)
    unit = goal[1] - level_first  # pixels
    np.testing.assert_allclose([wall_first, level_last], level_first, atol=0.2)  # the wall begins at height 1
    np.testing.assert_allclose(goal[1] - wall_last, unit / ROWS, atol=0.2)
    np.testing.assert_allclose(dot, goal, atol=0.2)

    box = plane.locator(".implreg-plot").bounding_box()  # halfway down, where many rows share one x
    page.mouse.click(box["x"] + goal[0] + 3, box["y"] + goal[1] - unit / 2)
    assert state(page)["row"] == 30
