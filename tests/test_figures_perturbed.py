"""That the figures show what they are given: every line, point and label, and nothing hidden by a limit."""

from types import SimpleNamespace

import numpy as np
from drawn import meaning

from implreg_core.figures import perturbed as figures


def run(loss, w):
    W = np.zeros((len(w), 2, 2))
    W[:, 0, 0] = w
    return SimpleNamespace(loss=np.asarray(loss), W=W)


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def lines(ax):
    return [line.get_xydata().tolist() for line in ax.get_lines()]


def test_norm_over_solutions_marks_its_points(ax):
    w = np.array([-1.0, 0.0, 2.0])
    figures.norm_over_solutions(w, {"a": w**2}, {"a": (0.0, 0.0)}, {"a": (2.0, 4.0)}, ax)
    assert lines(ax) == [[[-1, 1], [0, 0], [2, 4]], [[0, 0]], [[2, 4]]] and labels(ax) == ["a"]


def test_unseen_entries_draw_runs_to_the_least_loss(ax):
    groups = {"a": [run([1, 1e-2, 1e-9], [-1, -2, -3]), run([1, 1e-3], [1, 5])], "b": [run([1, 0.1], [1, 2])]}
    bounds = {"a": (np.array([1e-2, 1e-1]), np.array([3.0, 4.0]))}
    figures.unseen_entries(groups, ax, title="t", bounds=bounds, least_loss=1e-4, top=50.0)
    drawn = lines(ax)
    assert drawn[0] == [[1e-2, 3], [1e-1, 4]]
    assert drawn[1:3] == [[[1, 1], [1e-2, 2]], [[1e-2, 2]]]  # cut at the least loss, and a dot at the end
    ax.legend()
    assert len(drawn) == 7 and labels(ax) == ["a", "b"]
    assert ax.get_xlim()[0] > ax.get_xlim()[1]  # the loss falls from left to right


def test_fit_or_trap_shows_the_floor(ax):
    figures.fit_or_trap({"fit": run([1, 1e-4], [-1, -9]), "trap": run([1, 1e-2], [1, 99])}, 5e-3, ax)
    assert lines(ax)[:2] == [[[1, 1], [9, 1e-4]], [[1, 1], [99, 1e-2]]]
    assert list(ax.get_lines()[2].get_ydata()) == [5e-3, 5e-3] and labels(ax) == ["fit", "trap"]


def test_shares_keep_their_order(ax):
    scale = np.array([1e-1, 1e-3])
    figures.share_over_scale(scale, {"a": np.array([0.5, 0.2]), "b": np.array([0.1, 0.0])}, ax)
    assert lines(ax) == [[[1e-1, 0.5], [1e-3, 0.2]], [[1e-1, 0.1], [1e-3, 0.0]]] and labels(ax) == ["a", "b"]


def test_powers_pass_through_the_last_point(ax):
    scale = np.array([1e-1, 1e-2])
    curves = {"a": np.array([3e-1, 1e-2]), "b": np.array([1.0, 1.0])}
    figures.powers_of_scale(scale, curves, {"a": 2.0}, ax, meaning="rank", ylabel="y", title="t")
    assert np.allclose(lines(ax)[1], [[1e-1, 1.0], [1e-2, 1e-2]]) and len(lines(ax)) == 3
    assert [meaning(line) for line in ax.lines] == ["rank", "reference", "rank"]
