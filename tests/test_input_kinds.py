"""What is no real number in double precision is refused, not changed in silence, at every kind of entry."""

import subprocess
import sys

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from implreg_core import (
    bounds,
    descent,
    factorizations,
    flow,
    higher_dimensions,
    norms,
    problems,
    ranks,
    stability,
    symmetric,
    task_families,
    tensors,
)

PROBLEM = problems.two_by_two()
MASK = np.ones((2, 2), bool)
ENTRIES = {
    "completion": lambda x: problems.completion(x, MASK),
    "loss": PROBLEM.loss,
    "residual": PROBLEM.residual,
    "two_by_two": lambda x: problems.two_by_two(x[0, 0]),
    "two_by_two_solution": lambda x: problems.two_by_two_solution(x[0, 0]),
    "product_matrix": lambda x: factorizations.product_matrix((x, x)),
    "unbalancedness": lambda x: factorizations.unbalancedness((x, x)),
    "slogdet": lambda x: factorizations.slogdet((x, x)),
    "balanced": lambda x: factorizations.balanced(x, 2),
    "identity": lambda x: factorizations.identity(x[0, 0], 2),
    "gaussian": lambda x: factorizations.gaussian(jr.key(0), 2, (2, 2), std=x[0, 0]),
    "objective_gradient": lambda x: descent.objective_gradient(PROBLEM, (x, x)),
    "descent": lambda x: descent.gradient_descent(PROBLEM, (x, x), learning_rate=0.1, max_steps=1),
    "descents": lambda x: descent.gradient_descents(PROBLEM, (x[None], x[None]), learning_rate=0.1, max_steps=1),
    "learning_rate": lambda x: descent.gradient_descent(
        PROBLEM, factorizations.identity(0.1, 2), learning_rate=x[0, 0], max_steps=1
    ),
    "flow": lambda x: flow.gradient_flow(PROBLEM, (x, x)),
    "sign_preserving_flow": lambda x: flow.sign_preserving_flow(PROBLEM, x, depth=2),
    "singular_values": ranks.singular_values,
    "effective_rank": ranks.effective_rank,
    "distance_to_rank": lambda x: ranks.distance_to_rank(x, 1),
    "norm": norms.nuclear,
    "bound": bounds.distance_upper_bound,
    "entry bound": lambda x: bounds.unseen_entry_lower_bound(0.1, x[0, 0]),
    "edge_of_stability": lambda x: stability.edge_of_stability(x, 2),
    "sharpness": lambda x: stability.sharpness(PROBLEM, (x, x)),
    "symmetric": lambda x: symmetric.objective(PROBLEM, x[None]),
    "nearest_solution": lambda x: higher_dimensions.nearest_solution(higher_dimensions.square_family(2), x),
    "tensor": lambda x: tensors.cp_rank(x[None]),
    "cp_tensor": lambda x: tensors.cp_tensor((x, x)),
    "arithmetic_circuit": lambda x: tensors.arithmetic_circuit((x, x), (x[0], x[1])),
    "reconstruction_error": lambda x: tensors.reconstruction_error(x, MASK),
    "linear_completion": lambda x: tensors.linear_completion(x[None], MASK[None]),
}
every_entry = pytest.mark.parametrize("entry", ENTRIES)


@every_entry
def test_complex_numbers_are_refused(entry, unchecked_types):
    with pytest.raises(ValueError, match="real numbers"):
        ENTRIES[entry](np.array([[2 + 1j, 0.5], [0.25, 1.0]]))


@every_entry
def test_words_are_refused(entry, unchecked_types):
    with pytest.raises((ValueError, TypeError), match=r"real numbers|shape|string|str"):
        ENTRIES[entry](np.array([["2", "x"], ["y", "1"]]))


def test_small_integers_do_not_wrap(unchecked_types):
    W = np.full((2, 2), 200, np.uint8)
    assert factorizations.product_matrix((W, W))[0, 0] == 80_000
    assert factorizations.unbalancedness((W, 2 * W.astype(np.uint8))) > 0
    assert tensors.cp_tensor((W, W))[0, 0] == 80_000
    assert tensors.arithmetic_circuit((W, W), (W[0], W[0])) == 2 * 80_000**2
    assert PROBLEM.loss(W) == 0.5 * (199**2 * 2 + 200**2)
    gradient = descent.objective_gradient(PROBLEM, (W, W))[0]
    assert gradient.dtype == jnp.float64 and gradient[0, 0] == 200 * (80_000 - 1)


def test_single_precision_is_taken_as_the_number_that_it_is(unchecked_types):
    W = np.float32([[0.1, 0.2], [0.3, 0.4]])
    assert ranks.singular_values(W).dtype == jnp.float64
    assert np.array_equal(ranks.singular_values(W), ranks.singular_values(W.astype(float)))


def test_double_precision_that_was_switched_off_is_missed():
    code = """
import jax
from implreg_core import bounds, norms, problems, tensors
jax.config.update("jax_enable_x64", False)
for call in (lambda: bounds.distance_upper_bound(0.1), lambda: problems.two_by_two(), lambda: norms.nuclear([[1.0]])):
    try:
        call()
    except ValueError as error:
        assert "jax_enable_x64" in str(error), error
    else:
        raise SystemExit("taken in silence")
"""
    subprocess.run([sys.executable, "-c", code], check=True)


RANDOM = {
    "gaussian": lambda key: factorizations.gaussian(key, 2, (2, 2), std=0.1),
    "balanced_gaussian": lambda key: factorizations.balanced_gaussian(key, 2, (2, 2), std=0.1),
    "with_determinant_sign": lambda key: factorizations.with_determinant_sign(key, lambda _: (jnp.eye(2),), 1),
    "balanced_starts": lambda key: factorizations.balanced_starts(key, 3, 2, std=0.1),
    "random_low_rank": lambda key: problems.random_low_rank(key, (3, 3), 1, 4),
    "tensors.gaussian": lambda key: tensors.gaussian(key, (2, 2), 1, std=0.1),
    "complete": lambda key: tensors.complete(np.ones((2, 2)), MASK, init_std=0.1, max_steps=1, tolerance=9.0, key=key),
    "task": lambda key: task_families.task("12 x 12, diagonal hidden", key),
}


@pytest.mark.parametrize("name", RANDOM)
def test_a_number_is_no_random_key(name, unchecked_types):
    with pytest.raises(ValueError, match="`key` must be one random key; got 0"):
        RANDOM[name](0)
    with pytest.raises(ValueError, match="`key` must be one random key"):
        RANDOM[name](jr.split(jr.key(0)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tensors.cp_rank(np.ones(3)), "`T.shape` must be two or more"),
        (
            lambda: tensors.complete(np.ones((2, 2)), MASK[0], init_std=0.1, key=jr.key(0)),
            r"`mask` must have shape \(2, 2\)",
        ),
        (
            lambda: tensors.complete(np.ones((2, 2)), MASK, init_std=[0.1, 0.2], key=jr.key(0)),
            "`init_std` must have shape",
        ),
        (lambda: bounds.norm_lower_bound("nuclear", 0.1), "`norm` must be a norm of"),
        (lambda: bounds.square_norm_constants(np.linalg.norm, 3), "`norm` must be a norm of"),
        (
            lambda: descent.gradient_descent(
                PROBLEM, factorizations.identity(0.1, 2), learning_rate=lambda step: 0.1, max_steps=3
            ),
            "`learning_rate` must be real numbers",
        ),
        (
            lambda: flow.gradient_flow(problems.two_by_two(eps=1e300), factorizations.identity(0.1, 2)),
            "`problem` must have values whose squares are finite",
        ),
    ],
)
def test_messages_name_the_argument_that_is_wrong(call, message, unchecked_types):
    with pytest.raises(ValueError, match=message):
        call()


def test_lists_are_matrices_too(unchecked_types):
    assert factorizations.product_matrix(([[1, 2], [3, 4]], [[0, 1], [1, 0]])).tolist() == [[3, 4], [1, 2]]
