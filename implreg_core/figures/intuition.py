"""The figures of the chapter on why the unseen entry grows; see `figures` for the rules.

They show symmetric matrices $(w, x; x, y)$ as points of a space, with `w` as the height. What moves has the hue of the
unseen entry, solutions are black.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from mpl_toolkits.mplot3d import Axes3D

from implreg_core.figures._kit import Panels
from implreg_core.figures._palette import BLUE, GREY, ORANGE, told_apart

Path = Float[np.ndarray, "n 2 2"]
Marks = Float[np.ndarray, "m 2 2"]


def slices(moments: Marks, axes: Panels) -> Panels:
    r"""The $(x, y)$-planes at the heights of some matrices, one panel each: the matrix (dot), the solution (diamond).

    The singular matrices of a plane lie on the parabola $y = x^2 / w$; below it, shaded, the determinant is negative.

    **Example:**

    ```python
    >>> W = np.array([[[2.0, 0.9], [0.9, 0.5]]])
    >>> figures.intuition.slices(W, plt.subplots(1, 1, squeeze=False)[1][0])[0].get_title()
    '$w = 2.0$'

    ```
    """
    x = np.linspace(-0.2, 1.5, 200)
    for W, ax in zip(moments, axes, strict=True):
        w = W[0, 0]
        ax.fill_between(x, -1, x**2 / w, color=GREY, alpha=0.18, lw=0)
        ax.plot(x, x**2 / w, color=GREY)
        ax.plot(1, 0, "D", color="black", ms=6)
        ax.plot(W[0, 1], W[1, 1], "o", color=BLUE, ms=7)
        ax.set(xlabel="$x$", title=f"$w = {w:.1f}$", xlim=(x[0], x[-1]), ylim=(-0.25, 1.1))
    beside = {"textcoords": "offset points", "ha": "center"}
    axes[0].annotate("$W(t)$", moments[0][[0, 1], [1, 1]], (0, 8), color=BLUE, **beside)
    axes[0].annotate("solution", (1, 0), (0, 8), **beside)
    axes[0].annotate(r"$\det W < 0$", (0.98, 0.3), (0, 0), color=GREY, **beside)
    axes[0].set_ylabel("$y$")
    return axes


def cone(path: Path, top: float, ax: Axes3D) -> Axes3D:
    r"""The half $x \ge 0$ of the cone $w y = x^2$, the line of solutions, and a path, up to the height `top`.

    **Example:**

    ```python
    >>> figures.intuition.cone(np.eye(2)[None], 4.0, plt.figure().add_subplot(projection="3d")).get_zlabel()
    '$w$'

    ```
    """
    w, part = np.meshgrid(np.linspace(0, top, 60), np.linspace(0, 1, 30), indexing="ij")
    x = part * np.minimum(1.3, np.sqrt(w))  # within the box x <= 1.3, r <= 1
    r = np.divide(x**2, w, out=np.zeros_like(x), where=w > 0)
    ax.plot_surface(x, r, w, color=GREY, alpha=0.28, lw=0, rcount=60, ccount=30, rasterized=True)
    for height in np.arange(1, top + 0.5):
        rim = np.linspace(0, min(1.3, np.sqrt(height)), 40)
        ax.plot(rim, rim**2 / height, height, color=GREY, lw=0.9)
    shown = path[path[:, 0, 0] <= top]
    ax.plot([1, 1], [0, 0], [0, top], color="black", lw=2.4)
    ax.plot(shown[:, 0, 1], shown[:, 1, 1], shown[:, 0, 0], color=BLUE, lw=2.4)
    ax.text(1.0, 0.0, 1.05 * top, "solutions", ha="center")
    ax.text(*path[0][[0, 1, 0], [1, 1, 0]] + [0, 0, 0.25], "$W(0)$", color=BLUE, ha="center")
    ax.set(xlabel="$x$", ylabel="$y$", zlabel="$w$", xlim=(0, 1.3), ylim=(0, 1), zlim=(0, top))
    ax.set(xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
    ax.set_box_aspect((1, 1, 1.3), zoom=0.95)
    ax.view_init(elev=20, azim=-24)
    return ax


def distance_and_entry(
    paths: Mapping[str, tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]],
    wall: tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]],
    ax: Axes,
) -> Axes:
    """Heights over distances from the line of solutions: labelled paths, and what a positive determinant cannot enter.

    **Example:**

    ```python
    >>> delta = np.array([0.1, 0.5])
    >>> line = (delta, 1 / delta)
    >>> figures.intuition.distance_and_entry({"flow": line}, line, plt.subplots()[1]).get_ylabel()
    '$w$'

    ```
    """
    distance, height = wall
    ax.fill_between(np.append(0, distance), 0, np.append(height[0], height), color=GREY, alpha=0.18, lw=0)
    ax.plot(distance, height, color=GREY)
    for label, (x, y), style in told_apart(paths, "unseen"):
        ax.plot(x, y, label=label, **style)
        ax.plot(x[-1], y[-1], "o", color=style["color"], ms=4.5)
    ax.set(xlabel=r"distance from the line, $\sqrt{2 \ell}$", ylabel="$w$", title="The wall leans on the line")
    ax.set(xlim=(-0.03, 1.8), ylim=(0, 8))
    ax.legend(loc="upper right")
    return ax


def push(path: Path, marks: Marks, pull: Marks, velocity: Marks, ax: Axes) -> Axes:
    r"""A path in the $(x, w)$-plane; at the `marks` on it the `pull` $-\nabla\ell$ and the `velocity` $\dot W$.

    The pull is drawn at its length, which takes it to the solutions; of the velocity only the direction.

    **Example:**

    ```python
    >>> W = np.array([[[1.0, 0.5], [0.5, 1.0]]])
    >>> figures.intuition.push(W, W, W, W, plt.subplots()[1]).get_xlabel()
    '$x$'

    ```
    """
    ax.axvline(1, color="black", lw=2, label="solutions")
    ax.plot(path[:, 0, 1], path[:, 0, 0], color=BLUE, lw=1.2)
    size = np.hypot(velocity[:, 0, 1] / 1.25, velocity[:, 0, 0] / 5)  # all look alike: the panel is 1.25 by 5
    arrows = {"angles": "xy", "scale_units": "xy", "width": 0.009, "zorder": 3, "headlength": 4, "headaxislength": 4}
    foot = marks[:, 0, 1], marks[:, 0, 0]
    ax.quiver(*foot, pull[:, 0, 1], pull[:, 0, 0], scale=1, color=ORANGE, label="pull of the error", **arrows)
    dx, dw = velocity[:, 0, 1] / size, velocity[:, 0, 0] / size
    ax.quiver(*foot, dx, dw, scale=7, color=BLUE, label="way of the flow", **arrows)
    ax.set(xlabel="$x$", ylabel="$w$", title="The error pulls sideways", xlim=(0, 1.25), ylim=(0, 5))
    ax.legend(loc="upper left", fontsize=9)
    return ax


def arrow_pairs(pairs: Marks, ax: Axes) -> Axes:
    r"""The rows $u_1$ and $u_2$ of some matrices as arrows from a common foot, one pair below the other.

    The squared length of $u_1$ is the unseen entry, that of $u_2$ an observed one.

    **Example:**

    ```python
    >>> len(figures.intuition.arrow_pairs(np.eye(2)[None], plt.subplots()[1]).texts)  # two arrows and their two names
    4

    ```
    """
    foot = 0.0
    for pair in pairs:
        foot -= 0.5 + pair[1, 1]
        for u, color, name, shift in zip(pair, (BLUE, GREY), ("$u_1$", "$u_2$"), ((10, 0), (0, 9))):
            tip = (u[0], foot + u[1])
            arrow = {"arrowstyle": "-|>", "color": color, "lw": 2, "shrinkA": 0, "shrinkB": 0}
            ax.annotate("", tip, (0, foot), arrowprops=arrow)
            ax.annotate(name, tip, shift, textcoords="offset points", color=color, va="center", ha="center")
    ax.set(title="Two arrows", xlim=(-0.1, 1.2 * np.max(pairs)), ylim=(foot - 0.2, 0), aspect="equal")
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    return ax
