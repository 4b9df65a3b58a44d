"""That the figures show what they are given: every point and label, and nothing hidden by a limit."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

from implreg_core import figures
from implreg_core.figures import families as families


@pytest.fixture
def axes():
    with plt.rc_context():
        figures.apply_style()
        fig, axes = plt.subplots(1, 2, sharey=True)
        yield axes
        fig.draw_without_rendering()
        plt.close(fig)


def points(ax, marker):
    return [line.get_xydata().tolist() for line in ax.get_lines() if line.get_marker() == marker]


def test_table_has_a_row_for_each_family(axes):
    values = {
        "least nuclear norm": np.array([[1.0, 2, 9], [3, 3, 3]]),
        "depth 3": np.array([[0.1, 0.2, 0.3], [4, 5, 6]]),
    }
    families.table_of_families(["a", "b"], {"error": values, "rank": values}, axes)
    for ax in axes:
        ((first, second),) = points(ax, "s")
        assert (first[0], second[0]) == (2, 3) and first[1] < 0 < second[1] < 1  # medians, in their family's row
        lines = [segment[:, 0].tolist() for lines in ax.collections for segment in lines.get_segments()]
        assert [1, 9] in lines and [4, 6] in lines
    assert [text.get_text() for text in axes[0].get_yticklabels()] == ["a", "b"]
    assert axes[0].get_ylim() == (1.5, -0.5)  # the first family on top
    (legend,) = axes[0].figure.legends
    assert [text.get_text() for text in legend.get_texts()] == list(values)


def test_share_keeps_what_lies_below(axes):
    ratio = np.array([0.5, 4.0])
    found = {"depth 2": np.array([[1.0, 0.9, -5.0], [0.3, 0.2, 0.1]])}
    families.written_share(ratio, np.array([1.0, 0.25]), found, axes[0], title="t", low=-0.5)
    ((below,),) = points(axes[0], "v")
    assert below[1] == -0.5 and abs(np.log(below[0] / 0.5)) < 0.1
    (dots,) = points(axes[0], "o")
    assert sorted(y for _, y in dots) == [0.1, 0.2, 0.3, 0.9, 1.0]
    drawn = {line.get_label(): list(line.get_ydata()) for line in axes[0].get_lines()}
    assert drawn["depth 2"] == [0.9, 0.2] and drawn["least nuclear norm"] == [1, 0.25]


def test_angles_are_drawn_against_their_cosines(axes):
    families.against_angle(np.array([-0.5, 1.0]), {"depth 4": np.array([-1.0, 1.0])}, axes[0], title="t")
    assert points(axes[0], "D") == [[[-0.5, -1], [1, 1]]]
    assert axes[0].get_xlim()[0] < -1 and axes[0].get_xlim()[1] > 1


def test_entries_are_sorted(axes):
    families.sorted_entries({"depth 3": np.array([1.0, -1.0, 0.5])}, axes[0], title="t")
    assert points(axes[0], "^") == [[[1, -1], [2, 0.5], [3, 1]]]


def test_verdicts_stack_to_all_runs(axes):
    counts = {name: np.array([k, 1]) for k, name in enumerate(families.VERDICTS)}
    families.verdicts(["a", "b"], {"depth 2": counts, "depth 3": counts}, axes)
    for ax in axes:
        bars = [[(bar.get_x(), bar.get_width()) for bar in group] for group in ax.containers]
        assert [first for first, _ in bars] == [(0, 0), (0, 1), (1, 2), (3, 3), (6, 4)]
        assert [second for _, second in bars] == [(k, 1) for k in range(5)] and ax.get_xlim() == (0, 10)
    assert axes[0].get_ylim() == (1.5, -0.5)


def test_verdicts_have_the_colours_of_rank_and_norm_and_a_hatch_each(axes):
    counts = dict.fromkeys(families.VERDICTS, np.array([1]))
    families.verdicts(["a"], dict.fromkeys(["depth 2", "depth 3"], counts), axes)
    drawn = {group.get_label(): group[0] for group in axes[0].containers}
    assert to_hex(drawn["rank only"].get_facecolor()) == figures.MEANINGS["rank"]
    assert to_hex(drawn["norm only"].get_facecolor()) == figures.MEANINGS["norm"]
    assert to_hex(drawn["both"].get_edgecolor()) == figures.MEANINGS["norm"]
    assert len({bar.get_hatch() for bar in drawn.values()}) == len(families.VERDICTS)
