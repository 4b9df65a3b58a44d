"""The measures of a run against the definitions, row by row."""

from types import SimpleNamespace

import jax.random as jr
import numpy as np
import pytest

from implreg_core import bounds, factorizations, norms, problems
from implreg_core.descent import gradient_descent
from implreg_core.flow import sign_preserving_flow
from implreg_core.trajectories import measures

PROBLEM = problems.two_by_two()


@pytest.fixture(scope="module")
def run():
    return gradient_descent(PROBLEM, factorizations.identity(0.1, 3), learning_rate=0.05, max_steps=300)


def test_measures_are_those_of_each_product(run):
    columns = measures(PROBLEM, run)
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
    columns = measures(PROBLEM, flow)
    assert "step" not in columns
    assert all(np.array_equal(column, measures(PROBLEM, run)[name]) for name, column in columns.items())


def test_the_columns_of_a_run_from_positive_determinant_obey_the_bound(run):
    columns = measures(PROBLEM, run)
    assert columns["loss"][0] > 0.5 > columns["loss"][-1]  # the bound says nothing at first and something in the end
    assert np.all(columns["unseen_entry"] >= columns["unseen_entry_bound"])
    assert columns["unseen_entry_bound"][0] == 0 < columns["unseen_entry_bound"][-1]


def test_the_bound_is_that_of_the_problem():
    """From z = 2, z' = -1, eps = 0.05 the bound for the plain example would be 1e14 beside an entry of 40."""
    problem = problems.two_by_two(2.0, -1.0, 0.05)
    run = sign_preserving_flow(problem, np.diag([-0.1, 0.1]), depth=2)
    columns = measures(problem, run)
    assert run.converged and run.det_sign == -1 and columns["unseen_entry_bound"][-1] == pytest.approx(40)
    assert np.all(columns["unseen_entry"] >= columns["unseen_entry_bound"] * (1 - 1e-6))


def test_other_problems_and_runs_are_refused(run):
    with pytest.raises(ValueError, match="`run` has matrices of shape"):
        measures(problems.completion(np.ones((6, 5)), np.ones((6, 5), bool)), run)
    with pytest.raises(ValueError, match="pass its own problem"):
        measures(problems.two_by_two(eps=0.5), run)
    start = factorizations.identity(0.1, 2)
    observed = gradient_descent(problems.two_by_two(), start, learning_rate=0.1, max_steps=9, observe=norms.nuclear)
    with pytest.raises(ValueError, match="recorded what `observe` returned"):
        measures(problems.two_by_two(), observed)


@pytest.mark.parametrize("shape", [(4, 3), (3, 5), (1, 4)])
def test_measures_of_any_matrix(shape):
    problem, truth = problems.random_low_rank(jr.key(0), shape, rank=1, observed_count=3)
    start = factorizations.gaussian(jr.key(1), 2, shape, std=0.3)
    run = gradient_descent(problem, start, learning_rate=0.05, max_steps=200)
    columns = measures(problem, run, truth=truth)
    spectra = np.array([np.linalg.svd(W, compute_uv=False) for W in run.W])
    share = spectra / spectra.sum(axis=1, keepdims=True)
    unseen = ~np.asarray(problem.observed)
    expected = {
        "time": 1 + 0.05 * run.step,
        "step": 1 + run.step,
        "loss": run.loss,
        "nuclear": spectra.sum(axis=1),
        "frobenius": np.sqrt(np.sum(run.W**2, axis=(1, 2))),
        "spectral": spectra[:, 0],
        "effective_rank": np.exp(-np.sum(share * np.log(np.maximum(share, 1e-300)), axis=1)),
        "distance": np.sqrt(np.sum(spectra[:, 1:] ** 2, axis=1)),
        "unseen_error": np.sqrt([np.mean((W - truth)[unseen] ** 2) for W in run.W]),
        **{f"sigma_{k + 1}": spectra[:, k] for k in range(min(shape))},
    }
    assert columns.keys() == expected.keys()
    for name, values in columns.items():
        assert np.allclose(values, expected[name], rtol=1e-8, atol=1e-12), name


def test_a_truth_that_is_none_is_refused(run):
    with pytest.raises(ValueError, match="`truth` must have shape"):
        measures(PROBLEM, run, truth=np.ones((3, 2)))
    seen = problems.completion(np.eye(2), np.ones((2, 2), bool))
    descent = gradient_descent(seen, factorizations.identity(0.1, 2), learning_rate=0.1, max_steps=9)
    with pytest.raises(ValueError, match="`truth` has nothing to tell"):
        measures(seen, descent, truth=np.eye(2))
