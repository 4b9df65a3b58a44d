import numpy as np
from drawn import falls, lines, meaning, names, same, some_run

from implreg_core import figures


def test_tightness(ax):
    runs = {"depth 2": some_run(0), "depth 3": some_run(1, least_loss=1e-6)}
    figures.zero_loss.tightness(runs, ax)
    assert sorted(names(ax)) == sorted(runs)
    for label, run in runs.items():
        assert same(lines(ax)[label], run.loss, np.abs(run.W[:, 0, 0]) * np.sqrt(2 * run.loss))
    assert falls(ax, 1e-6) and ax.get_yscale() == "linear"
    assert any(set(line.get_ydata()) == {1} for line in ax.lines)


def test_careless_solver(ax):
    exact, careless = some_run(0), some_run(1)
    careless.W[:4, 0, 0] *= -1  # the determinant is positive for four rows, then negative
    assert np.array_equal(np.linalg.det(careless.W) > 0, np.arange(6) < 4)
    figures.zero_loss.careless_solver(exact, {1e-6: (careless.loss, careless.W)}, ax)
    drawn, w = lines(ax), np.abs(careless.W[:, 0, 0])
    hues = {"lower bound": "reference", "exact flow": "unseen", "tolerance $10^{-6}$": "unseen"}
    assert {label: meaning(line) for label in drawn for line in ax.lines if line.get_label() == label} == hues
    assert sorted(names(ax)) == sorted(hues)
    assert same(drawn["exact flow"], exact.loss, np.abs(exact.W[:, 0, 0]))
    assert same(drawn["tolerance $10^{-6}$"], careless.loss, w)
    (dot,) = [line for line in ax.lines if line.get_label() not in drawn]
    assert same(dot.get_xydata(), careless.loss[4:5], w[4:5]) and meaning(dot) == "sign"
    assert falls(ax, 1e-4) and ax.get_yscale() == "log"
