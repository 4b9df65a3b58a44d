"""That the figures on what the data decide show what they are given."""

import numpy as np
from drawn import labelled, meaning, names
from matplotlib.colors import to_hex

from implreg_core import figures, observation_graph


def test_a_graph_has_a_line_for_each_entry_and_a_dash_for_each_component(ax):
    observed = np.array([[True, False, False], [False, True, False], [True, False, False]])
    figures.data.observation_graph(observed, *observation_graph.components(observed), ax)
    edges = [line for line in ax.lines if len(line.get_xdata()) == 2]
    nodes = [line for line in ax.lines if len(line.get_xdata()) == 1]
    assert len(edges) == 3 and len(nodes) == 6
    for look in (lambda line: to_hex(line.get_color()), lambda line: line._unscaled_dash_pattern):
        assert look(edges[0]) == look(edges[2]) != look(edges[1])
    assert {meaning(line) for line in ax.lines} == {"reference"}  # as what is observed
    hollow = [line for line in nodes if line.get_markerfacecolor() == "none"]
    assert [float(line.get_xdata()[0]) for line in hollow] == [1.0]  # column 3, which nobody sees
    first, last = edges[0].get_ydata()[0], edges[2].get_ydata()[0]
    assert first < last  # row 1 above row 3
    assert ax.get_ylim() == (1, 0)


def test_a_measure_falls_to_the_right_as_the_scale_does(ax):
    rows = {"a": np.array([[1.0, 3.0, 2.0], [0.1, 0.3, 0.2]])}
    figures.data.against_scale([1e-2, 1e-6], rows, ax, meaning="rank")
    assert labelled(ax) == {"a": [[1e-2, 2.0], [1e-6, 0.2]]} and meaning(ax.lines[0]) == "rank"
    assert ax.get_xlim()[0] > ax.get_xlim()[1] and ax.get_xscale() == ax.get_yscale() == "log"


def test_couplings_are_medians_of_sizes(ax):
    ends = {(2, 1e-6): np.array([[-0.1, 0.3, 0.2]]), (3, 1e-2): np.array([[-0.5, 0.7, -0.9]])}
    figures.data.coupling(np.array([1e-3]), ends, ax)
    assert labelled(ax) == {"depth 2, scale $10^{-6}$": [[1e-3, 0.2]], "depth 3, scale $10^{-2}$": [[1e-3, 0.7]]}
    assert ax.lines[0].get_color() != ax.lines[1].get_color() and ax.lines[0].get_marker() != ax.lines[1].get_marker()


def test_late_entries_are_thin_and_their_median_thick(ax):
    figures.data.late_entry(np.array([1, 10]), {2: np.array([[1.0, 0.8, 0.9], [0.1, -0.3, 0.2]])}, ax)
    *thin, thick = ax.lines
    assert names(ax) == ["depth 2"] and {meaning(line) for line in ax.lines} == {"unseen"}
    assert [line.get_ydata().tolist() for line in thin] == [[1.0, 0.1], [0.8, -0.3], [0.9, 0.2]]
    assert thick.get_ydata().tolist() == [0.9, 0.1] and thick.get_linewidth() > thin[0].get_linewidth()
