"""The experiments of the stored sweeps, on small settings; each agrees with the call that it stands for."""

import jax.random as jr
import numpy as np
import pytest

from implreg_core import experiments, tensors

TENSOR = dict(order=3, size=4, rank=1, observed=40, learning_rate=1e-2, tolerance=1e-6, max_steps=2000)


def tensor_run(seed, init_std):
    truth_key, mask_key, start_key = jr.split(jr.key(seed), 3)
    truth = tensors.random_low_rank(truth_key, (4, 4, 4), 1)
    mask = tensors.random_mask(mask_key, (4, 4, 4), 40)
    return truth, mask, tensors.complete(truth, mask, init_std=init_std, key=start_key, max_steps=2000)


def test_tensor_completion_measures_its_run_and_the_baseline():
    truth, mask, run = tensor_run(2, 1e-3)
    found = experiments.tensor_completion(seed=2, init_std=1e-3, rank_restarts=1, **TENSOR)
    assert found["steps"] == run.steps and found["converged"] and found["mse"] == run.mse
    assert found["reconstruction_error"] == float(tensors.reconstruction_error(run.tensor, truth)) < 0.01
    assert found["cp_rank"] == found["cp_rank_lower_bound"] == 1
    linear = tensors.linear_completion(truth, mask)
    assert found["linear_reconstruction_error"] == float(tensors.reconstruction_error(linear, truth))
    assert found["linear_cp_rank"] == tensors.cp_rank(linear, restarts=1) > 1


def test_a_rank_that_was_not_found_is_no_number(monkeypatch):
    def nothing(*_, **__):
        raise tensors.ConvergenceError("none")

    monkeypatch.setattr(tensors, "cp_rank", nothing)
    found = experiments.tensor_completion(seed=3, init_std=1e-3, rank_restarts=1, **TENSOR)
    assert np.isnan(found["cp_rank"]) and found["cp_rank_lower_bound"] == 1


@pytest.mark.parametrize("init_std", [1e-3, 1e-1])
def test_tensor_path_leads_to_the_end_of_its_run(init_std):
    truth, mask, run = tensor_run(2, init_std)
    path = experiments.tensor_completion_path(seed=2, init_std=init_std, records_per_decade=5, shown=3, **TENSOR)
    ran = np.isfinite(path["step"])
    assert path["step"][0] == 0 and path["step"][ran][-1] == run.steps
    np.testing.assert_allclose(path["mse"][ran][-1], run.mse, rtol=1e-6)
    seen = np.asarray(truth)[np.asarray(mask)]
    np.testing.assert_allclose(path["mse"][0], np.mean(seen**2), rtol=0.05)  # a start near zero
    norms = np.sort(np.prod([np.linalg.norm(F, axis=0) for F in run.factors], axis=0))[::-1]
    np.testing.assert_allclose(path["component_norms"][ran][-1], norms[:3], rtol=1e-6)
    assert {values.shape[0] for values in path.values()} == {len(ran)} and np.isnan(path["mse"][~ran]).all()


@pytest.mark.parametrize("task", ["2 x 2", "8 x 8", "8 x 8, positive"])
def test_nonlinear_completion_measures_its_runs(task):
    options = dict(seed=1, task=task, knob=0.5, depth=2, hidden=8, scale=1e-2, learning_rate=0.1, target_loss=1e-2)
    found = experiments.nonlinear_completion(activation="leaky ReLU", starts=3, max_steps=3000, **options)
    assert all(values.shape == (3,) for values in found.values()) and np.all(found["loss"] < 0.0101)
    assert np.all((found["effective_rank"] >= 1) & (found["effective_rank"] <= (2 if task == "2 x 2" else 8)))
    if task == "2 x 2":
        assert set(found["starts_positive"]) <= {0, 1} and np.all(np.isfinite(found["w"]))
    else:
        seen_error = np.sqrt(2 * found["loss"])  # of the observed half alone
        assert np.all(found["reconstruction_error"] >= 0.99 * seen_error)
