"""Relations between calls of `training` and `deep_completion`."""

from functools import partial

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
import pytest
from hypothesis import strategies as st
from jax.tree_util import Partial
from properties import SEEDS, about, gaussians, near, orthogonal, permutations

from implreg_core import deep_completion, factorizations, problems, training


@about(
    "training.global_rmsprop",
    "training.GlobalRMSPropState",
    gradients=gaussians(4, 6),
    Q=orthogonal(6),
    c=st.floats(0.01, 100),
    decay=st.sampled_from([0.0, 0.9, 0.99]),
    examples=6,
)
def test_the_global_step_turns_with_the_gradient_and_knows_no_units(gradients, Q, c, decay):
    def path(gradients, rate=0.1, eps=1e-6, split=lambda g: g):
        optimizer = training.global_rmsprop(rate, decay=decay, eps=eps)
        state, steps = optimizer.init(None), []
        for gradient in gradients:
            step, state = optimizer.update(split(jnp.asarray(gradient)), state)
            steps.append(jnp.concatenate(jax.tree.leaves(step)))
        return np.stack(steps), state

    steps, state = path(gradients)
    assert near(path(gradients @ Q)[0], steps @ Q) and near(path(c * gradients, eps=c * 1e-6)[0], steps)
    assert near(path(gradients, split=lambda g: (g[:2], {"rest": g[2:]}))[0], steps, 1e-14)
    assert near(path(gradients, rate=0.1 * c)[0], c * steps, 1e-14)
    weights = (1 - decay) * decay ** np.arange(4)[::-1]
    assert near(state.second_moment, np.sum(weights * np.sum(gradients**2, axis=1))) and near(
        state.start_weight, decay**4
    )


def half_square(center, x):
    return 0.5 * jnp.sum((x - center) ** 2)


@partial(jax.jit, static_argnames="test_every")
def quadratic(start, center, record_at, tolerance, test_every=1):
    """Descent on half the squared distance from `center`."""
    return training.train(
        partial(half_square, center),
        start,
        optax.sgd(0.1),
        tolerance=tolerance,
        record_at=record_at,
        observe=lambda x: x - center,
        test_every=test_every,
    )


quadratics = jax.jit(jax.vmap(quadratic, (0, 0, None, None)))


@about(
    "training.train",
    "training.train_interruptibly",
    "training.Training",
    "training.check_finite",
    starts=gaussians(3, 4),
    centers=gaussians(3, 4),
    tolerance=st.floats(1e-6, 1),
    shift=gaussians(4),
    examples=6,
)
def test_training_moves_with_its_objective_and_a_smaller_tolerance_takes_longer(starts, centers, tolerance, shift):
    record_at = np.array([0, 3, 7, 40])
    together = quadratics(starts, centers, record_at, tolerance)
    for r in range(3):
        end = quadratic(starts[r], centers[r], record_at, tolerance)
        assert end.steps == together.steps[r] and near(together.params[r], end.params, 1e-15 * 4)
        sliced = training.train_interruptibly(
            Partial(half_square, centers[r]),
            jnp.asarray(starts[r]),
            Partial(optax.sgd, 0.1),
            tolerance=tolerance,
            record_at=record_at,
        )
        assert sliced.steps == end.steps and near(sliced.params, end.params, 1e-15 * 4)
        moved = quadratic(starts[r] + shift, centers[r] + shift, record_at, tolerance)
        assert near(moved.observed, end.observed, 1e-13, size=10) and abs(moved.steps - end.steps) <= 1  # rounding
        steps = np.minimum(record_at, end.steps)
        assert near(end.observed, 0.9 ** steps[:, None] * (starts[r] - centers[r]), 1e-13, size=10)
        assert end.steps <= quadratic(starts[r], centers[r], record_at, tolerance / 2).steps
        every = quadratic(starts[r], centers[r], record_at, tolerance, test_every=5)
        assert every.steps >= end.steps and every.steps % 5 == 0
        training.check_finite(end)
        with pytest.raises(ValueError, match="diverged"):
            training.check_finite(end._replace(value=jnp.array(jnp.inf)))


@about(
    "training.Fit",
    "training.Fit.converged",
    "training.Fit.status",
    mse=st.floats(1e-9, 1),
    tolerance=st.floats(1e-9, 1),
)
def test_a_fit_is_one_at_every_looser_tolerance(mse, tolerance):
    fit, looser = (training.Fit(mse=mse, steps=7, tolerance=factor * tolerance) for factor in (1, 2))
    assert looser.converged or not fit.converged
    assert (fit.status == looser.status) == (fit.converged == looser.converged)


@about(
    "deep_completion.complete",
    "deep_completion.DeepCompletion",
    "deep_completion.DeepCompletion.W",
    values=gaussians(3, 3),
    rows=permutations(3),
    seed=SEEDS,
    examples=4,
)
def test_a_completed_matrix_is_that_of_training_and_of_the_problem_in_another_order(values, rows, seed):
    settings = {"depth": 2, "scale": 0.1, "learning_rate": 0.05, "tolerance": 1e-3, "key": jr.key(seed)}
    observed = ~np.eye(3, dtype=bool)
    problem, turned = (problems.completion(values[i], observed[i]) for i in (range(3), rows))
    run = deep_completion.complete(problem, max_steps=60, **settings)
    assert near(run.W, factorizations.product_matrix(run.factors)) and run.steps <= 60
    assert near(run.mse, np.mean((np.asarray(run.W) - values)[observed] ** 2))
    shorter = deep_completion.complete(problem, max_steps=30, **settings)
    assert shorter.steps <= run.steps and (run.converged or not shorter.converged)
    std = factorizations.factor_std(0.1, 2, 3)
    W_1, W_2 = factorizations.gaussian(jr.key(seed), 2, (3, 3), std=std)
    end = deep(turned, (W_1, W_2[rows]))
    assert end.steps == run.steps and near(factorizations.product_matrix(end.params), run.W[rows], 1e-9)


@jax.jit
def deep(problem, start):
    def mse(factors):
        return 2 * problem.loss(factorizations.product_matrix(factors)) / jnp.sum(problem.observed, dtype=float)

    return training.train(mse, start, training.global_rmsprop(0.05), tolerance=1e-3, record_at=jnp.array([60]))
