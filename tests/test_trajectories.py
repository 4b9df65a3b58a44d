"""The measures of a run against the definitions, row by row."""

from types import SimpleNamespace

import numpy as np
import pytest

from implreg_core import bounds, factorizations, problems
from implreg_core.descent import gradient_descent
from implreg_core.trajectories import measures


@pytest.fixture(scope="module")
def run():
    return gradient_descent(problems.two_by_two(), factorizations.identity(0.1, 3), learning_rate=0.05, max_steps=300)


def test_measures_are_those_of_each_product(run):
    columns = measures(run)
    assert all(isinstance(column, np.ndarray) and column.shape == run.step.shape for column in columns.values())
    spectra = np.array([np.linalg.svd(W, compute_uv=False) for W in run.W])
    share = spectra / spectra.sum(axis=1, keepdims=True)
    expected = {
        "time": 1 + 0.05 * run.step,
        "step": 1 + run.step,
        "loss": [0.5 * ((W[0, 1] - 1) ** 2 + (W[1, 0] - 1) ** 2 + W[1, 1] ** 2) for W in run.W],
        "unseen_entry": np.abs([W[0, 0] for W in run.W]),
        "unseen_entry_bound": bounds.unseen_entry_lower_bound(run.loss),
        "nuclear": spectra.sum(axis=1),
        "frobenius": np.sqrt(np.sum(run.W**2, axis=(1, 2))),
        "spectral": spectra[:, 0],
        "effective_rank": np.exp(-np.sum(share * np.log(share), axis=1)),
        "distance": spectra[:, 1],
        "sigma_1": spectra[:, 0],
        "sigma_2": spectra[:, 1],
    }
    assert columns.keys() == expected.keys()
    for name, column in columns.items():
        assert np.allclose(column, expected[name], rtol=1e-12, atol=1e-15), name


def test_a_run_in_continuous_time_has_no_steps(run):
    flow = SimpleNamespace(t=run.t, loss=run.loss, W=run.W)
    columns = measures(flow)
    assert "step" not in columns
    assert all(np.array_equal(column, measures(run)[name]) for name, column in columns.items())


def test_the_columns_of_a_run_from_positive_determinant_obey_the_bound(run):
    columns = measures(run)
    assert columns["loss"][0] > 0.5 > columns["loss"][-1]  # the bound says nothing at first and something in the end
    assert np.all(columns["unseen_entry"] >= columns["unseen_entry_bound"])
    assert columns["unseen_entry_bound"][0] == 0 < columns["unseen_entry_bound"][-1]
