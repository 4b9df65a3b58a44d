"""Relations between calls of `experiments`, and between texts of `javascript`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies as st
from properties import ENTRIES, SEEDS, about, near

from implreg_core import experiments, javascript

MATRIX = {"size": 3, "rank": 1, "observed": 8}
TENSOR = {"order": 3, "size": 2, "rank": 1, "observed": 7, "init_std": 0.1, "learning_rate": 0.01}


@about("experiments.deep_completion", "experiments.convex_completion", seed=SEEDS, examples=2)
def test_a_smaller_tolerance_takes_longer_on_the_same_matrix(seed):
    settings = MATRIX | {"seed": seed, "depth": 2, "scale": 0.01, "learning_rate": 0.02, "max_steps": 5000}
    coarse, fine = (experiments.deep_completion(tolerance=tolerance, **settings) for tolerance in (1e-2, 1e-4))
    assert coarse["converged"] and coarse["steps"] <= fine["steps"] and fine["mse"] <= coarse["mse"]
    least = experiments.convex_completion(seed=seed, **MATRIX)
    assert least["relative_nuclear_norm"] <= 1 + 1e-5  # the truth fits too, and so, nearly, does what descent found
    assert least["relative_nuclear_norm"] <= fine["relative_nuclear_norm"] + 0.1


@about("experiments.matrix_family", seed=SEEDS, examples=2)
def test_a_smaller_target_takes_longer_on_the_same_task(seed):
    settings = {"seed": seed, "family": "2 x 2, large entry hidden", "depth": 2, "scale": 1e-2, "start": 0}
    settings |= {"learning_rate": 0.1, "max_steps": 5000}
    coarse, fine = (experiments.matrix_family(target_loss=target, **settings) for target in (1e-2, 1e-4))
    assert coarse["steps"] <= fine["steps"] and fine["loss"] <= coarse["loss"]
    for name, value in coarse.items():
        if name.startswith(("convex", "truth")):  # which descent does not move
            assert fine[name] == value, name
    assert fine["convex_nuclear_norm"] <= fine["truth_nuclear_norm"] * (1 + 1e-5)


@about("experiments.nonlinear_completion", seed=SEEDS, examples=2)
def test_starts_of_networks_do_not_depend_on_the_target(seed):
    settings = {"seed": seed, "task": "2 x 2", "activation": "leaky ReLU", "knob": 0.5, "depth": 2, "hidden": 4}
    settings |= {"scale": 0.01, "starts": 3, "learning_rate": 0.05, "max_steps": 200}
    coarse, fine = (experiments.nonlinear_completion(target_loss=target, **settings) for target in (0.9, 0.5))
    assert np.all(fine["loss"] <= coarse["loss"]) and np.any(fine["loss"] < coarse["loss"])
    assert np.array_equal(fine["starts_positive"], coarse["starts_positive"])


@about("experiments.tensor_completion", "experiments.tensor_completion_path", seed=SEEDS, examples=2)
def test_a_path_ends_where_its_run_does(seed):
    settings = TENSOR | {"seed": seed, "tolerance": 1e-4, "max_steps": 1000}
    run = experiments.tensor_completion(rank_restarts=1, **settings)
    path = experiments.tensor_completion_path(records_per_decade=2, shown=2, **settings)
    last = int(np.sum(np.isfinite(path["step"]))) - 1
    assert path["step"][last] == run["steps"] and near(path["mse"][last], run["mse"], 1e-9)
    assert near(path["reconstruction_error"][last], run["reconstruction_error"], 1e-9)
    largest = path["component_norms"][last]
    assert largest[0] >= largest[1]


@about(
    "javascript.compile_to_javascript",
    "javascript.UnsupportedProgram",
    coefficients=st.lists(ENTRIES, min_size=2, max_size=4),
    x=ENTRIES,
    examples=10,
)
def test_the_text_is_of_the_program_and_not_of_its_example(coefficients, x):
    def polynomial(x):
        return sum(c * x**k for k, c in enumerate(coefficients))

    def text(function, example=0.5, name="f"):
        return javascript.compile_to_javascript(function, example, name=name)

    plain = text(polynomial)
    assert plain == text(polynomial, x) == text(lambda x: jax.jit(polynomial)(x))
    assert text(polynomial, name="g") == plain.replace("f:", "g:").replace("f(", "g(")
    assert text(lambda x: jax.vmap(polynomial)(x[None])[0]) == plain
    for wrapped in (lambda x: jnp.sort(polynomial(x)[None])[0], lambda x: jax.jit(jnp.round)(polynomial(x))):
        with pytest.raises(javascript.UnsupportedProgram, match="function"):
            text(wrapped)
