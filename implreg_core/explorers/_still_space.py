"""The still picture of a view in space, drawn by matplotlib."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from implreg_core import figures
from implreg_core.explorers._space import AZIMUTH, TILT, SpaceView


def draw_space(
    view: SpaceView,
    run: Mapping[str, np.ndarray],
    row: int,
    kept: Mapping[str, np.ndarray] | None,
    color: str,
    ax: Axes,
) -> None:
    """A run with its marker at a row, and a kept run, in the place of an axis, which goes."""
    place = ax.get_subplotspec()
    ax.remove()
    space = place.get_gridspec().figure.add_subplot(place, projection="3d")
    (x0, x1), (_, y1), (_, top) = view.window

    w, part = np.meshgrid(np.linspace(0, top, 40), np.linspace(-1, 1, 41), indexing="ij")
    x = part * np.minimum(np.where(part < 0, -x0, x1), np.sqrt(w * y1))  # within the window
    y = np.divide(x**2, w, out=np.zeros_like(x), where=w > 0)
    space.plot_surface(x, y, w, color=figures.GREY, alpha=0.25, linewidth=0, label="det W = 0")
    space.plot(*[[p, p] for p in view.solutions], [0, top], color="black", linewidth=1.8, label="solutions")

    for one, style in ((kept, {"linewidth": 0.9, "linestyle": (0, (2, 1))}), (run, {"label": "W(t)"})):
        if one is not None:
            space.plot(*_within(view, one), color=color, **style)
    marker = _within(view, run)[:, row]
    if np.isfinite(marker).all():
        space.plot(*marker[:, None], "o", color=color, markersize=5)
        space.plot(*np.stack([marker, [*view.solutions, marker[2]]], axis=1), color="black", linewidth=0.8)
    space.set_title(view.title, loc="left")
    space.set(xlabel="x", ylabel="y", zlabel="w", xlim=view.xlim, ylim=view.ylim, zlim=(0, top))
    space.locator_params(nbins=4)
    space.set_box_aspect((1, 1, 1.2), zoom=0.95)
    space.view_init(elev=TILT, azim=AZIMUTH)
    space.legend(fontsize=8, loc="upper left", bbox_to_anchor=(0.72, 1.02))


def _within(view: SpaceView, run: Mapping[str, np.ndarray]) -> np.ndarray:
    """The run's x, y and w as rows, NaN outside the window."""
    points = np.stack([run[column] for column in view.path])
    low, high = np.transpose(view.window)[:, :, None]
    return np.where(np.all((low <= points) & (points <= high), axis=0), points, np.nan)
