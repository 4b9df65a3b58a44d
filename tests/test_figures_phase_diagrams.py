import matplotlib
import numpy as np
import pytest

from implreg_core import figures, phase_diagrams
from implreg_core.phase_diagrams import Axis, PhaseDiagram

matplotlib.use("Agg")


@pytest.fixture
def diagram():
    """Four runs a cell: all blow up, half do, none does, none fits."""
    W = np.zeros((2, 2, 4, 2, 2))
    W[0, 0, :, 0, 0], W[0, 1, :2, 0, 0] = 100.0, 100.0
    loss = np.full((2, 2, 4), 1e-3)
    loss[1, 1] = 1.0
    rows, columns = Axis("learning_rate", (0.01, 0.1)), Axis("scale", (1e-4, 1e-2))
    same_sign = np.zeros(loss.shape, bool)
    same_sign[0, 0, 0] = True  # one of the sixteen
    return PhaseDiagram(rows, columns, W, loss, same_sign, unbalancedness=loss, target_loss=1e-3)


def test_fraction_map_writes_each_fraction_in_its_cell(diagram, ax):
    assert figures.phase_diagrams.fraction_map(diagram, ax, title="depth 3", row_limit=0.05) is ax
    written = {tuple(np.round(text.xy, 12)): text.get_text() for text in ax.texts}
    assert written == {(1e-4, 0.01): "100", (1e-2, 0.01): "50", (1e-4, 0.1): "0", (1e-2, 0.1): "0"}
    assert ax.get_xscale() == ax.get_yscale() == "log" and ax.get_title("left") == "depth 3"
    (mesh,) = ax.collections
    assert np.array_equal(mesh.get_array(), diagram.fraction)
    (hatched,) = ax.patches  # the one cell where no run fits
    assert hatched.get_x() == pytest.approx(1e-3) and hatched.get_hatch()
    (limit,) = ax.lines
    assert np.all(np.asarray(limit.get_ydata()) == 0.05)


def test_fraction_map_draws_the_outcome_it_is_asked_for(diagram, ax):
    figures.phase_diagrams.fraction_map(diagram, ax, title="", outcome="keeps_sign")
    assert sorted(text.get_text() for text in ax.texts) == ["0", "0", "0", "25"]
    with pytest.raises(ValueError, match="outcome"):
        figures.phase_diagrams.fraction_map(diagram, ax, title="", outcome="grows")


@pytest.mark.parametrize("outcome", phase_diagrams.OUTCOMES)
def test_numbers_stand_out_from_their_cells(diagram, ax, outcome):
    figures.phase_diagrams.fraction_map(diagram, ax, title="", outcome=outcome)

    def luminance(color):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color[:3]]
        return np.dot([0.2126, 0.7152, 0.0722], linear)

    colormap = ax.collections[0].get_cmap()
    for part in np.linspace(0, 1, 101):
        number = {"white": 1.0, "black": 0.0}[figures.phase_diagrams._black_or_white(colormap(part))]
        light, dark = sorted([number, luminance(colormap(part))], reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_fraction_curves_draw_points_and_errors(ax):
    x, fraction = np.array([1e-3, 1e-2, 1e-1]), np.array([1.0, 0.5, 0.0])
    interval = np.array([[0.9, 0.4, 0.0], [1.0, 0.6, 0.1]])
    curves = {"a": (x, fraction, interval), "b": (x, fraction / 2, interval / 2)}
    assert figures.phase_diagrams.fraction_curves(curves, ax, xlabel="scale", title="t") is ax
    assert [line.get_label() for line in ax.lines if not line.get_label().startswith("_")] == ["a", "b"]
    assert np.array_equal(ax.lines[0].get_ydata(), fraction)
    bars = ax.collections[0].get_segments()
    np.testing.assert_allclose([[low, high] for (_, low), (_, high) in bars], interval.T, atol=1e-12)
    assert ax.get_xscale() == "log" and ax.get_xlabel() == "scale"
    assert ax.lines[0].get_color() == figures.MEANINGS["unseen"]
    figures.phase_diagrams.fraction_curves(curves, ax, xlabel="scale", title="t", outcome="keeps_sign")
    assert ax.lines[2].get_color() == figures.MEANINGS["sign"]
