import numpy as np
import pytest
from drawn import legend, lines, same, some_run

from implreg_core import figures


@pytest.mark.usefixtures("book_style")
def test_identity_rates():
    runs = {"0.1": some_run(0, rows=40), "1": some_run(1, rows=30)}
    for run in runs.values():
        run.W[:, 0, 0] *= -1
    _, axes = figures.panels(3)
    figures.identity.identity_rates(runs, axes)
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
