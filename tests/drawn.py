"""What tests of figures draw, and what they read from an axis."""

from types import SimpleNamespace

import numpy as np
from matplotlib.colors import to_rgb

from implreg_core.figures import MEANINGS


def some_run(seed, rows=6, least_loss=1e-4):
    """Numbers in the shape of a run, with distinct rows."""
    rng = np.random.default_rng(seed)
    W = np.array([[1.0, 0.5], [0.4, 1.0]]) + 0.1 * rng.random((rows, 2, 2))
    W[:, 0, 0] = -np.geomspace(1, 30, rows)
    t, loss = np.arange(rows) * 0.5, np.geomspace(0.9, least_loss, rows)
    return SimpleNamespace(t=t, loss=loss, W=W, log_abs_det=-1 - t)


def lines(ax):
    """Data of the lines that the legend would name, by label."""
    return {line.get_label(): line.get_xydata() for line in ax.lines if not line.get_label().startswith("_")}


def labelled(ax):
    """`lines`, as lists."""
    return {label: line.tolist() for label, line in lines(ax).items()}


def names(ax):
    """The names beside the axes, from above, as `figures.name_lines` writes them."""
    return [text.get_text() for text in sorted(ax.texts, key=lambda text: -text.xy[1])]


def contrast(one, other):
    """Of two colours, as WCAG 2 has it."""
    rgb = np.array([to_rgb(one), to_rgb(other)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    low, high = sorted(linear @ [0.2126, 0.7152, 0.0722])
    return (high + 0.05) / (low + 0.05)


def meaning(artist):
    """What the hue of a line says, or None: a shade is the hue and black."""
    color = np.array(to_rgb(artist.get_color()))
    hues = {name: np.array(to_rgb(hue)) for name, hue in MEANINGS.items()}
    alike = {name: np.linalg.norm(color / color.max(initial=1e-9) - hue / hue.max()) for name, hue in hues.items()}
    nearest = min(alike, key=alike.get)
    return nearest if alike[nearest] < 0.03 else None  # colours have 8 bits


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def same(line, x, y):
    return np.array_equal(line, np.stack([x, y], axis=1))


def falls(ax, least_loss):
    """The axis shows a loss that falls from left to right and has room for the least one."""
    left, right = ax.get_xlim()
    return ax.get_xscale() == "log" and left > 1 and right < least_loss and "falls" in ax.get_xlabel()
