"""That the figures show what they are given: every line, point and arrow, and nothing hidden by a limit."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from drawn import meaning
from matplotlib.quiver import Quiver

from implreg_core.figures import intuition as figures

PATH = np.array([[[1.0, 0.2], [0.2, 0.9]], [[2.0, 0.8], [0.8, 0.5]], [[9.0, 1.0], [1.0, 0.2]]])


@pytest.fixture
def fig():
    fig = plt.figure()
    yield fig
    fig.draw_without_rendering()
    plt.close(fig)


def lines(ax):
    return [line.get_xydata() for line in ax.get_lines()]


def test_slices_put_the_matrix_above_its_parabola(fig):
    axes = figures.slices(PATH[:2], fig.subplots(1, 2))
    for W, ax in zip(PATH, axes):
        parabola, solution, dot = lines(ax)
        assert [meaning(line) for line in ax.lines] == ["reference", None, "unseen"]
        assert np.allclose(parabola[:, 1] * W[0, 0], parabola[:, 0] ** 2)
        assert solution.tolist() == [[1, 0]] and dot.tolist() == [[W[0, 1], W[1, 1]]]
        (low, high), (left, right) = ax.get_ylim(), ax.get_xlim()
        assert low < 0 < W[1, 1] < high and left < W[0, 1] < 1 < right
    with pytest.raises(ValueError):
        figures.slices(PATH, axes)  # one panel each


def test_cone_draws_parabolas_line_and_path_up_to_the_top(fig):
    ax = figures.cone(PATH, 4.0, fig.add_subplot(projection="3d"))
    *rims, solutions, path = [np.array(line.get_data_3d()).T for line in ax.get_lines()]
    assert len(rims) == 4
    for x, r, w in np.concatenate(rims):
        assert np.isclose(w * r, x**2)
    assert solutions.tolist() == [[1, 0, 0], [1, 0, 4]]
    assert path.tolist() == [[0.2, 0.9, 1], [0.8, 0.5, 2]]  # (x, r, w); the third matrix is too high
    assert ax.get_zlim() == (0, 4)


def test_distance_and_entry_shades_what_lies_below_the_wall(fig):
    wall = np.array([0.1, 0.5, 1.0]), np.array([9.9, 1.5, 0.0])
    paths = {"up": (np.array([1.0, 0.2]), np.array([1.0, 5.0])), "across": (np.array([1.0, 0.0]), np.array([1.0, 0.5]))}
    ax = figures.distance_and_entry(paths, wall, fig.subplots())
    drawn = lines(ax)
    assert drawn[0].tolist() == np.transpose(wall).tolist()
    assert drawn[1].tolist() == [[1, 1], [0.2, 5]] and drawn[2].tolist() == [[0.2, 5]]  # and a dot at the end
    assert drawn[4].tolist() == [[0, 0.5]] and ax.get_xlim()[0] < 0  # the edge is seen
    shade = ax.collections[0].get_paths()[0]
    assert shade.contains_point((0.3, 1.0)) and not shade.contains_point((0.6, 1.5))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["up", "across"]
    assert [meaning(line) for line in ax.lines] == ["reference"] + 4 * ["unseen"]


def test_push_draws_the_pull_to_the_line(fig):
    marks = PATH[:2]
    pull = np.array([[[0, 1 - W[0, 1]], [1 - W[0, 1], -W[1, 1]]] for W in marks])
    ax = figures.push(PATH, marks, pull, pull @ marks + marks @ pull, fig.subplots())
    orange, blue = [artist for artist in ax.get_children() if isinstance(artist, Quiver)]
    assert np.allclose(orange.X + orange.U, 1) and np.all(orange.V == 0) and orange.scale == 1
    assert np.allclose(blue.V / blue.U, [2 * W[0, 1] * (1 - W[0, 1]) / (
        (W[0, 0] + W[1, 1]) * (1 - W[0, 1]) - W[0, 1] * W[1, 1]) for W in marks])  # fmt: skip
    assert orange.Y.tolist() == blue.Y.tolist() == [1, 2]


def test_arrow_pairs_fit_the_panel(fig):
    pairs = np.array([[[1.0, 0.0], [0.0, 1.0]], [[3.0, 0.0], [0.4, 0.1]]])
    ax = figures.arrow_pairs(pairs, fig.subplots())
    arrows = [text for text in ax.texts if text.arrow_patch is not None]
    vectors = [np.subtract(arrow.xy, arrow.xyann).tolist() for arrow in arrows]
    assert np.allclose(vectors, pairs.reshape(-1, 2))
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    assert all(left < arrow.xy[0] < right and low < arrow.xy[1] < high for arrow in arrows)
