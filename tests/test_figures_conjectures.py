import numpy as np
import pytest
import xarray
from drawn import legend, lines, same

from implreg_core import figures

METHODS = ["least nuclear norm", "depth 2", "depth 3", "depth 4"]
COUNTS, SCALES = [20, 50], [1e-3, 1e-4, 1e-6]
VALUES = np.array([[[3.0, 5.0, 4.0], [2.0, 2.5, 2.25], [1.0, 1.0, 1.0]], [[9.0, 8.0, 7.0]] * 3])
FOUND = xarray.DataArray(VALUES, {"depth": [2, 4], "scale": SCALES, "seed": [0, 1, 2]})
LEAST = xarray.DataArray([6.0, 6.5, 6.25], {"seed": [0, 1, 2]})
MEASURES = ("reconstruction_error", "relative_nuclear_norm", "effective_rank")


def some_table(tasks=3):
    rng = np.random.default_rng(0)
    row = lambda: dict(zip(("nuclear", "effective_rank", "error"), 0.1 + rng.random(3)))  # noqa: E731
    return {(method, task): row() for method in METHODS for task in range(tasks)}


def test_rank_against_norm(ax):
    table = some_table()
    figures.conjectures.rank_against_norm(table, ax, most=1.2)
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


def test_rank_against_norm_draws_what_is_beyond_at_the_edge(ax):
    table = some_table()
    table["depth 4", 1]["nuclear"] = 7.5
    figures.conjectures.rank_against_norm(table, ax, most=1.2)
    assert lines(ax)["depth 4"][1].tolist() == [1.2, table["depth 4", 1]["effective_rank"]]
    assert [text.get_text() for text in ax.texts] == ["at 7.50 →"]


def test_error_by_method(ax):
    table = some_table()
    figures.conjectures.error_by_method(table, ax)
    for k, (line, method) in enumerate(zip(ax.lines, METHODS, strict=True)):
        x, y = line.get_xydata().T
        assert np.all(np.abs(x - k) < 0.5)
        assert y.tolist() == [row["error"] for (name, _), row in table.items() if name == method]
    assert [text.get_text().replace("\n", " ") for text in ax.get_xticklabels()] == METHODS
    assert ax.get_yscale() == "log"


def test_singular_values(ax):
    step = np.array([0, 1, 10, 100])
    spectrum = np.random.default_rng(0).random((4, 5))
    figures.conjectures.singular_values(step, spectrum, ax, reference=[2.0, 0.5], leading=2, title="Depth 3")
    levels, values = ax.lines[:2], ax.lines[2:]
    assert [line.get_ydata()[0] for line in levels] == [2.0, 0.5]
    for line, column in zip(values, spectrum.T, strict=True):
        assert same(line.get_xydata(), step[1:], column[1:])  # the axis is logarithmic and has no step 0
    assert [line.get_color() == figures.GREY for line in values] == [False, False, True, True, True]
    assert ax.get_xscale() == "log" and ax.get_ylim()[1] > 2 and ax.get_title(loc="left") == "Depth 3"


@pytest.mark.parametrize("order", [("depth", "scale", "seed"), ("seed", "scale", "depth")])
def test_lines_are_medians_and_bars_reach_the_extremes(ax, order):
    assert figures.conjectures.over_scales(FOUND.transpose(*order), ax, convex=LEAST, truth=LEAST - 5) is ax
    least, truth, *lines = ax.get_lines()
    assert list(least.get_ydata()) == [6.25, 6.25] and list(truth.get_ydata()) == [1.25, 1.25]
    np.testing.assert_array_equal([line.get_ydata() for line in lines], [[4.0, 2.25, 1.0], [8.0, 8.0, 8.0]])
    for line in lines:  # each beside its scale, and nearer to it than to the next
        np.testing.assert_array_less(np.abs(np.log10(line.get_xdata() / SCALES)), 0.1)
    bars = [np.array([bar[:, 1] for bar in container[2][0].get_segments()]) for container in ax.containers]
    np.testing.assert_array_equal(bars, [[[3, 5], [2, 2.5], [1, 1]], [[7, 9]] * 3])
    assert ax.get_legend_handles_labels()[1] == ["least nuclear norm", "truth", "depth 2", "depth 4"]
    right, left = ax.get_xlim()
    assert left < 1e-6 < 1e-3 < right  # falls to the right


@pytest.mark.usefixtures("book_style")
def test_evidence_has_a_row_for_each_measure_and_a_column_for_each_count():
    deep = {name: FOUND.expand_dims(observed=COUNTS) * k for k, name in enumerate(MEASURES, 1)}
    convex = {name: xarray.concat([LEAST * k, LEAST * 1e-9], "observed") for k, name in enumerate(MEASURES, 1)}
    convex = xarray.Dataset(convex).assign_coords(observed=COUNTS)
    axes = figures.conjectures.evidence(xarray.Dataset(deep), convex, truth=convex.sel(observed=20))
    assert axes.shape == (3, 2)
    assert [ax.get_ylabel() for ax in axes[:, 0]] == [
        "reconstruction error",
        "nuclear norm / true",
        "effective rank",
    ]
    assert all(ax.get_title() + ax.get_title(loc="left") == f"{n} observed" for ax, n in zip(axes[0], COUNTS))
    for k, row in enumerate(axes, 1):
        assert list(row[0].get_lines()[0].get_ydata()) == [6.25 * k] * 2
        np.testing.assert_array_equal(row[1].get_lines()[-1].get_ydata(), [8.0 * k] * 3)
    assert [len(ax.get_lines()) for ax in axes[:, 0]] == [3, 4, 4]  # the truth has no error
    low, high = axes[0, 1].get_ylim()
    assert 0 < low < 1 < 9 < high and axes[0, 1].get_yscale() == "log"
    assert [len(ax.texts) for ax in axes[0]] == [0, 1] and "6 \\cdot 10^{-9}" in axes[0, 1].texts[0].get_text()
