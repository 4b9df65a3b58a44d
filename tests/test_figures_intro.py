import pytest
from drawn import falls, legend, lines, names, same, some_run

from implreg_core import figures, problems, trajectories


@pytest.mark.usefixtures("book_style")
def test_norms_and_ranks_against_loss():
    problem, run = problems.two_by_two(), some_run(0)
    run.loss[0] = problem.loss(run.W[0])
    measures = trajectories.measures(problem, run)
    _, (norms, ranks) = figures.panels(2)
    figures.intro.norms_against_loss(measures, norms)
    figures.intro.ranks_against_loss(measures, ranks)
    assert sorted(names(norms)) == ["Frobenius", "nuclear", "spectral"]
    assert legend(ranks) == ["effective rank − 1", "distance from rank 1"]
    for label, line in lines(norms).items():
        assert same(line, measures["loss"], measures[label.lower()])
    for line, values in zip(lines(ranks).values(), (measures["effective_rank"] - 1, measures["distance"]), strict=True):
        assert same(line, measures["loss"], values)
    for ax in (norms, ranks):
        assert falls(ax, 1e-4) and ax.get_yscale() == "log"
        assert len({line.get_color() for line in ax.lines}) == len(ax.lines)
