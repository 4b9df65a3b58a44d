import numpy as np
from drawn import falls, lines, meaning, names, same, some_run

from implreg_core import figures, ranks, trajectories


def test_norms_over_solutions(ax):
    w = np.linspace(-2, 2, 5)
    values = {0.5: w**2 + 3, 2: w**2 + 2, np.inf: w**2 + 1}
    assert figures.counterexample.norms_over_solutions(w, values, ax) is ax
    drawn = lines(ax)
    assert names(ax) == list(drawn) == ["$p = 0.5$", "$p = 2$", r"$p = \infty$"]  # from above
    assert {meaning(line) for line in ax.lines} == {"norm"}
    assert all(same(line, w, y) for line, y in zip(drawn.values(), values.values(), strict=True))
    assert ax.get_ylim()[0] == 0 and "w" in ax.get_xlabel() and ax.get_ylabel()


def test_ranks_over_solutions(ax):
    w = np.linspace(-2, 2, 5)
    figures.counterexample.ranks_over_solutions(w, w + 3, w + 4, ax)
    drawn = lines(ax)
    assert same(drawn["effective rank"], w, w + 3) and same(drawn["distance from rank 1"], w, w + 4)
    colors = {line.get_label(): line.get_color() for line in ax.lines}
    assert {text.get_text(): text.get_color() for text in ax.texts} == colors  # labels in the colours of the lines


def test_unseen_entry_of_groups(ax):
    groups = {"small": [some_run(0), some_run(1)], "large": [some_run(2, least_loss=1e-5)]}
    figures.counterexample.unseen_entry_of_groups(groups, ax, title="All runs")
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
    figures.counterexample.rank_excess(runs, ax)
    assert sorted(names(ax)) == sorted(runs)
    for label, run in runs.items():
        assert same(lines(ax)[label], run.loss, trajectories.along(ranks.effective_rank, run.W) - 1)
    assert falls(ax, 1e-6) and ax.get_yscale() == "log"
