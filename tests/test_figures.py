"""Each figure draws what it was given: these numbers, under these labels, on these axes."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from implreg_core import bounds, figures, problems, ranks, trajectories


@pytest.fixture(autouse=True)
def clean_slate():
    """Figures are closed, and the style is forgotten."""
    with plt.rc_context():
        figures.apply_style()
        yield
    plt.close("all")


@pytest.fixture
def ax():
    _, ax = figures.panels()
    return ax


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


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def same(line, x, y):
    return np.array_equal(line, np.stack([x, y], axis=1))


def falls(ax, least_loss):
    """The axis shows a loss that falls from left to right and has room for the least one."""
    left, right = ax.get_xlim()
    return ax.get_xscale() == "log" and left > 1 and right < least_loss and "falls" in ax.get_xlabel()


@pytest.mark.parametrize("color", figures.COLORS)
def test_colors_stand_out_against_white(color):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
    luminance = np.dot([0.2126, 0.7152, 0.0722], linear)  # WCAG 2: relative luminance, then contrast
    assert 1.05 / (luminance + 0.05) >= 4.5


def test_lines_differ_in_color_and_in_dash():
    assert len(set(figures.COLORS)) == len(set(figures.DASHES)) == len(figures.COLORS) == len(figures.DASHES)


def test_style_and_panels():
    assert plt.rcParams["axes.prop_cycle"].by_key()["color"] == list(figures.COLORS)
    figure, axes = figures.panels(3, height=2.5, sharey=True)
    assert len(axes) == 3 and tuple(figure.get_size_inches()) == (7.2, 2.5)
    assert axes[0].get_shared_y_axes().joined(axes[0], axes[2])
    narrow, single = figures.panels()
    assert single in narrow.axes and narrow.get_size_inches()[0] < 7.2


def test_norms_over_solutions(ax):
    w = np.linspace(-2, 2, 5)
    values = {0.5: w**2 + 3, 2: w**2 + 2, np.inf: w**2 + 1}
    assert figures.norms_over_solutions(w, values, ax) is ax
    drawn = lines(ax)
    assert legend(ax) == list(drawn) == ["$p = 0.5$", "$p = 2$", r"$p = \infty$"]
    assert all(same(line, w, y) for line, y in zip(drawn.values(), values.values(), strict=True))
    assert ax.get_ylim()[0] == 0 and "w" in ax.get_xlabel() and ax.get_ylabel()


def test_ranks_over_solutions(ax):
    w = np.linspace(-2, 2, 5)
    figures.ranks_over_solutions(w, w + 3, w + 4, ax)
    drawn = lines(ax)
    assert same(drawn["effective rank"], w, w + 3) and same(drawn["distance from rank 1"], w, w + 4)
    colors = {line.get_label(): line.get_color() for line in ax.lines}
    assert {text.get_text(): text.get_color() for text in ax.texts} == colors  # labels in the colours of the lines


def test_unseen_entry(ax):
    runs = {"depth 2": some_run(0), "depth 3": some_run(1, least_loss=1e-6)}
    assert figures.unseen_entry(runs, ax) is ax
    drawn = lines(ax)
    assert legend(ax) == list(drawn) == ["lower bound", "depth 2", "depth 3"]
    for label, run in runs.items():
        assert same(drawn[label], run.loss, np.abs(run.W[:, 0, 0]))
    loss, bound = drawn["lower bound"].T
    assert np.allclose(bound, bounds.unseen_entry_lower_bound(loss), rtol=1e-14) and loss.min() <= 1e-6 * 1.001
    assert falls(ax, 1e-6) and ax.get_yscale() == "log" and ax.get_ylabel() == figures.UNSEEN


def test_unseen_entry_of_groups(ax):
    groups = {"small": [some_run(0), some_run(1)], "large": [some_run(2, least_loss=1e-5)]}
    figures.unseen_entry_of_groups(groups, ax, title="All runs")
    assert list(lines(ax)) == ["lower bound", "small (2)", "large (1)"]
    data = [line.get_xydata() for line in ax.lines]
    for run in (run for runs in groups.values() for run in runs):
        path = np.stack([run.loss, np.abs(run.W[:, 0, 0])], axis=1)
        assert any(np.array_equal(line, path) for line in data)
        assert any(np.array_equal(line, path[-1:]) for line in data)  # the dot at its end
    assert len(ax.lines) == 1 + 2 * 3
    assert len({line.get_color() for line in ax.lines}) == 3  # the bound and two groups
    assert falls(ax, 1e-5) and ax.get_title(loc="left") == "All runs"


def test_rank_excess(ax):
    runs = {"depth 2": some_run(0), "depth 3": some_run(1, least_loss=1e-6)}
    figures.rank_excess(runs, ax)
    assert legend(ax) == list(runs)
    for label, run in runs.items():
        assert same(lines(ax)[label], run.loss, trajectories.along(ranks.effective_rank, run.W) - 1)
    assert falls(ax, 1e-6) and ax.get_yscale() == "log"


def test_norms_and_ranks_against_loss():
    problem, run = problems.two_by_two(), some_run(0)
    run.loss[0] = problem.loss(run.W[0])
    measures = trajectories.measures(problem, run)
    _, (norms, ranks) = figures.panels(2)
    figures.norms_against_loss(measures, norms)
    figures.ranks_against_loss(measures, ranks)
    assert legend(norms) == ["nuclear", "Frobenius", "spectral"]
    assert legend(ranks) == ["effective rank − 1", "distance from rank 1"]
    for label, line in lines(norms).items():
        assert same(line, measures["loss"], measures[label.lower()])
    for line, values in zip(lines(ranks).values(), (measures["effective_rank"] - 1, measures["distance"]), strict=True):
        assert same(line, measures["loss"], values)
    for ax in (norms, ranks):
        assert falls(ax, 1e-4) and ax.get_yscale() == "log"
        assert len({line.get_color() for line in ax.lines}) == len(ax.lines)


METHODS = ["least nuclear norm", "depth 2", "depth 3", "depth 4"]


def some_table(tasks=3):
    rng = np.random.default_rng(0)
    row = lambda: dict(zip(("nuclear", "effective_rank", "error"), 0.1 + rng.random(3)))  # noqa: E731
    return {(method, task): row() for method in METHODS for task in range(tasks)}


def test_rank_against_norm(ax):
    table = some_table()
    figures.rank_against_norm(table, ax)
    drawn = lines(ax)
    assert legend(ax) == list(drawn) == METHODS
    for method in METHODS:
        points = [[row["nuclear"], row["effective_rank"]] for (name, _), row in table.items() if name == method]
        assert np.array_equal(drawn[method], points)
    joined = [line.get_xydata() for line in ax.lines if line.get_label() not in METHODS]
    for task in range(3):
        path = [[table[method, task]["nuclear"], table[method, task]["effective_rank"]] for method in METHODS]
        assert any(np.array_equal(line, path) for line in joined)
    assert len(joined) == 3
    assert "nuclear norm" in ax.get_xlabel() and ax.get_ylabel() == "effective rank"
    assert len({line.get_marker() for line in ax.lines if line.get_label() in METHODS}) == 4


def test_error_by_method(ax):
    table = some_table()
    figures.error_by_method(table, ax)
    for k, (line, method) in enumerate(zip(ax.lines, METHODS, strict=True)):
        x, y = line.get_xydata().T
        assert np.all(np.abs(x - k) < 0.5)
        assert y.tolist() == [row["error"] for (name, _), row in table.items() if name == method]
    assert [text.get_text().replace("\n", " ") for text in ax.get_xticklabels()] == METHODS
    assert ax.get_yscale() == "log"


def test_singular_values(ax):
    step = np.array([0, 1, 10, 100])
    spectrum = np.random.default_rng(0).random((4, 5))
    figures.singular_values(step, spectrum, ax, reference=[2.0, 0.5], leading=2, title="Depth 3")
    levels, values = ax.lines[:2], ax.lines[2:]
    assert [line.get_ydata()[0] for line in levels] == [2.0, 0.5]
    for line, column in zip(values, spectrum.T, strict=True):
        assert same(line.get_xydata(), step[1:], column[1:])  # the axis is logarithmic and has no step 0
    assert [line.get_color() == figures.GREY for line in values] == [False, False, True, True, True]
    assert ax.get_xscale() == "log" and ax.get_ylim()[1] > 2 and ax.get_title(loc="left") == "Depth 3"


def test_norms_with_bounds():
    loss = np.geomspace(1, 1e-12, 7)
    names = [f"norm {k}" for k in range(9)]
    values = {name: loss**-0.5 * (k + 2) for k, name in enumerate(names)}
    lower = {name: loss**-0.5 - 10 - k for k, name in enumerate(names)}
    axes = figures.norms_with_bounds(loss, values, lower)
    assert axes.shape == (3, 3) and [ax.get_title() + ax.get_title(loc="left") for ax in axes.flat] == names
    for ax, name in zip(axes.flat, names, strict=True):
        drawn, says = lines(ax), lower[name] > 0
        assert same(drawn["norm"], loss, values[name])
        assert 0 < says.sum() < 7 and same(drawn["lower bound"], loss[says], lower[name][says])
        assert ax.get_xscale() == ax.get_yscale() == "log"
        assert ax.get_xlim()[0] > ax.get_xlim()[1] and ax.get_xlim()[1] < loss[-1]
    assert legend(axes[0, 0]) == ["norm", "lower bound"]
    assert "falls" in axes[0, 0].figure.get_supxlabel()


def test_rank_with_bounds(ax):
    rng = np.random.default_rng(0)
    cloud, path = rng.random((2, 30)), (np.geomspace(1, 1e-11, 9), np.geomspace(1, 1e-5, 9))
    upper = {"theorem": lambda loss: 5 * loss, "sharp": np.sqrt}
    figures.rank_with_bounds(cloud, path, upper, ax, ylabel="distance from rank 1")
    assert legend(ax)[1:] == list(upper)
    drawn = lines(ax)
    assert same(ax.lines[0].get_xydata(), *cloud) and ax.lines[0].get_linestyle() == "None"
    assert same(drawn.pop(legend(ax)[0]), *path)
    for label, bound in upper.items():
        loss, values = drawn[label].T
        assert np.allclose(values, bound(loss), rtol=1e-14)
    assert falls(ax, 1e-11) and ax.get_yscale() == "log" and ax.get_ylabel() == "distance from rank 1"


def test_identity_rates():
    runs = {"0.1": some_run(0, rows=40), "1": some_run(1, rows=30)}
    for run in runs.values():
        run.W[:, 0, 0] *= -1
    _, axes = figures.panels(3)
    figures.identity_rates(runs, axes)
    columns = (lambda run: run.W[:, 0, 0], lambda run: run.loss, lambda run: -run.log_abs_det)
    for ax, column in zip(axes, columns, strict=True):
        drawn = lines(ax)
        assert list(drawn) == ["0.1", "1", "predicted"]
        for label, run in runs.items():
            assert same(drawn[label], run.t[1:], column(run)[1:])  # time 0 has no logarithm
        assert ax.get_xscale() == ax.get_yscale() == "log" and "time" in ax.get_xlabel()
    time, w = lines(axes[0])["predicted"].T
    assert np.allclose(w, (6 * time) ** (1 / 3), rtol=1e-14)  # at depth 2, w^3 / 6 = t
    assert np.allclose(lines(axes[1])["predicted"][:, 1], 1 / (2 * w**2), rtol=1e-13)  # loss of the bound
    assert np.allclose(lines(axes[2])["predicted"][:, 1], w**2 / 2, rtol=1e-13)
    assert legend(axes[0]) == ["0.1", "1", "predicted"]


def test_tightness(ax):
    runs = {"depth 2": some_run(0), "depth 3": some_run(1, least_loss=1e-6)}
    figures.tightness(runs, ax)
    assert legend(ax) == list(runs)
    for label, run in runs.items():
        assert same(lines(ax)[label], run.loss, np.abs(run.W[:, 0, 0]) * np.sqrt(2 * run.loss))
    assert falls(ax, 1e-6) and ax.get_yscale() == "linear"
    assert any(set(line.get_ydata()) == {1} for line in ax.lines)


def test_loss_over_time(ax):
    runs = {"depth 2": some_run(0), "depth 3": some_run(1, least_loss=1e-6)}
    figures.loss_over_time(runs, ax)
    assert legend(ax) == list(runs)
    for label, run in runs.items():
        assert same(lines(ax)[label], run.t[1:], run.loss[1:])  # time 0 has no logarithm
    assert ax.get_xscale() == ax.get_yscale() == "log" and "time" in ax.get_xlabel() and ax.get_ylabel() == figures.LOSS


def test_careless_solver(ax):
    exact, careless = some_run(0), some_run(1)
    careless.W[:4, 0, 0] *= -1  # the determinant is positive for four rows, then negative
    assert np.array_equal(np.linalg.det(careless.W) > 0, np.arange(6) < 4)
    figures.careless_solver(exact, {1e-6: (careless.loss, careless.W)}, ax)
    drawn, w = lines(ax), np.abs(careless.W[:, 0, 0])
    assert legend(ax) == list(drawn) == ["lower bound", "exact flow", "tolerance 1e-06"]
    assert same(drawn["exact flow"], exact.loss, np.abs(exact.W[:, 0, 0]))
    assert same(drawn["tolerance 1e-06"], careless.loss, w)
    (dot,) = [line for line in ax.lines if line.get_label() not in drawn]
    assert same(dot.get_xydata(), careless.loss[4:5], w[4:5])
    assert falls(ax, 1e-4) and ax.get_yscale() == "log"
