"""The experiments that sweeps repeat: functions from a seed and plain settings to named numbers.

Each is deterministic, takes keywords only, and returns the same keys and shapes for all settings of one sweep.
"""

from functools import cache

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from implreg_core import convex, descent, factorizations, nonlinear, norms, problems, ranks, task_families, tensors
from implreg_core import deep_completion as deep
from implreg_core.tensors import reconstruction_error
from implreg_core.tensors._measures import linear_measures, low_rank_tensor, tensor_measures

Measures = dict[str, float | int | bool | np.ndarray]


def deep_completion(
    *,
    seed: int,
    size: int,
    rank: int,
    observed: int,
    depth: int,
    scale: float,
    learning_rate: float,
    tolerance: float,
    max_steps: int,
) -> Measures:
    """A random square matrix of low rank, completed by descent on a deep factorization: `deep_completion.complete`.

    One `seed` is one matrix, and for one count one set of observed entries, at every depth and scale.

    **Source:** Razin & Cohen (2020), Section 2, after Arora, Cohen, Hu & Luo (2019).

    **Example:**

    ```python
    >>> measures = experiments.deep_completion(
    ...     seed=0,
    ...     size=3,
    ...     rank=1,
    ...     observed=8,
    ...     depth=3,
    ...     scale=0.001,
    ...     learning_rate=0.02,
    ...     tolerance=1e-6,
    ...     max_steps=10_000,
    ... )
    >>> measures["converged"], round(measures["effective_rank"], 1)
    (True, 1.0)

    ```
    """
    problem, truth, start_key = _square_low_rank(seed, size, rank, observed)
    run = deep.complete(
        problem,
        depth=depth,
        scale=scale,
        learning_rate=learning_rate,
        tolerance=tolerance,
        max_steps=max_steps,
        key=start_key,
    )
    return _matrix_measures(run.W, truth) | {"mse": run.mse, "steps": run.steps, "converged": run.converged}


def convex_completion(*, seed: int, size: int, rank: int, observed: int) -> Measures:
    """The matrix of `deep_completion`, completed by least nuclear norm: `convex.certified_minimum_nuclear_norm`.

    **Example:**

    ```python
    >>> measures = experiments.convex_completion(seed=0, size=3, rank=1, observed=8)
    >>> bool(measures["relative_nuclear_norm"] <= 1 + 1e-6)
    True

    ```
    """
    problem, truth, _ = _square_low_rank(seed, size, rank, observed)
    least = convex.certified_minimum_nuclear_norm(problem)
    return _matrix_measures(least.W, truth) | {"relative_gap": float(least.relative_gap)}


def _square_low_rank(seed, size, rank, observed):
    """Problem and truth of a seed, with entries of mean square 1, and a key for the start of training."""
    problem_key, start_key = jr.split(jr.key(seed))
    return *problems.random_low_rank(problem_key, (size, size), rank, observed), start_key


def _matrix_measures(W, truth) -> Measures:
    """How near `W` is to the truth, its nuclear norm relative to the truth's, and its spectrum."""
    return {
        "reconstruction_error": float(reconstruction_error(W, truth)),
        "relative_nuclear_norm": float(norms.nuclear(W) / norms.nuclear(truth)),
        "effective_rank": float(ranks.effective_rank(W)),
        "singular_values": np.asarray(ranks.singular_values(W)[:10]),
    }


def matrix_family(
    *,
    seed: int,
    family: str,
    depth: int,
    scale: float,
    start: int,
    learning_rate: float,
    target_loss: float,
    max_steps: int,
) -> Measures:
    r"""Gradient descent on a task of a family (`task_families.FAMILIES`), beside its convex solution and its truth.

    `seed` draws the task, `seed` and `start` the Gaussian factors, whose product has singular values of order `scale`.
    Hidden widths are the smaller side of the matrix.

    **Returns:** `converged`, whether descent reached `target_loss`, `loss` and `steps`; for the matrix that it found,
    and with the prefixes `convex_` and `truth_` for the other two, `nuclear_norm`, `effective_rank` and `rank`, which
    counts singular values above a hundredth of the largest; and for the first two also `reconstruction_error`.

    **Example:**

    ```python
    >>> measures = experiments.matrix_family(
    ...     seed=0,
    ...     family="2 x 2, large entry hidden",
    ...     depth=3,
    ...     scale=1e-4,
    ...     start=0,
    ...     learning_rate=0.1,
    ...     target_loss=1e-7,
    ...     max_steps=100_000,
    ... )
    >>> measures["converged"], measures["rank"], measures["convex_rank"], measures["truth_rank"]
    (True, 1, 2, 1)

    ```
    """
    task, least = _family_task(family, seed)
    shape = task.problem.shape
    std = factorizations.factor_std(scale, depth, max(shape))
    run = descent.gradient_descent(
        task.problem,
        factorizations.gaussian(jr.fold_in(jr.key(seed), 1 + start), depth, shape, std=std),
        learning_rate=learning_rate,
        max_steps=max_steps,
        target_loss=target_loss,
        records_per_decade=20,
    )
    found = jnp.asarray(run.W[-1])
    return {
        "converged": run.converged,
        "loss": float(run.loss[-1]),
        "steps": int(run.step[-1]),
        "reconstruction_error": float(reconstruction_error(found, task.truth)),
        "convex_reconstruction_error": float(reconstruction_error(least, task.truth)),
        **_size_and_rank(found),
        **_size_and_rank(least, "convex_"),
        **_size_and_rank(task.truth, "truth_"),
    }


@cache  # one convex solution serves all depths, scales and starts
def _family_task(family, seed):
    """The task of a seed, and its completion of least nuclear norm."""
    task = task_families.task(family, jr.fold_in(jr.key(seed), 0))
    return task, convex.minimum_nuclear_norm(task.problem)


def _size_and_rank(W, prefix=""):
    values = ranks.singular_values(W)
    return {
        f"{prefix}nuclear_norm": float(jnp.sum(values)),
        f"{prefix}effective_rank": float(ranks.effective_rank(W)),
        f"{prefix}rank": int(jnp.sum(values > 0.01 * values[0])),
    }


def nonlinear_completion(
    *,
    seed: int,
    task: str,
    activation: str,
    knob: float,
    depth: int,
    hidden: int,
    scale: float,
    starts: int,
    learning_rate: float,
    target_loss: float,
    max_steps: int,
) -> Measures:
    r"""Descent on a network with activations between its factors (`nonlinear`), from `starts` Gaussian starts at once.

    `task` is the 2x2 example, "2 x 2"; or "8 x 8", a random matrix of rank 1 and spectral norm 1, with half of its
    entries observed; or "8 x 8, positive", the same with the absolute values of all entries, also of rank 1.
    `activation` is "leaky ReLU" or "tanh", `knob` its slope or its input scale. The factors' linear product starts
    with entries of standard deviation `scale`.

    **Returns:** one entry for each start: `loss` and `effective_rank` (NaN for the zero matrix) of the completed matrix
    where descent stopped. For the example also its unseen entry `w`, and `starts_positive`, whether its determinant was
    positive at the start; for the others `reconstruction_error`.

    **Example:**

    ```python
    >>> measures = experiments.nonlinear_completion(
    ...     seed=0,
    ...     task="2 x 2",
    ...     activation="leaky ReLU",
    ...     knob=0.5,
    ...     depth=2,
    ...     hidden=4,
    ...     scale=0.01,
    ...     starts=3,
    ...     learning_rate=0.05,
    ...     target_loss=0.1,
    ...     max_steps=5000,
    ... )
    >>> bool((measures["loss"] <= 0.1).all())
    True

    ```
    """
    task_key, start_key = jr.split(jr.key(seed))
    problem, truth = _nonlinear_task(task_key, task)
    std = scale ** (1 / depth) * hidden ** (-(depth - 1) / (2 * depth))
    runs = nonlinear.gradient_descents(
        problem,
        jax.vmap(lambda key: factorizations.gaussian(key, depth, problem.shape, std=std, hidden=hidden))(
            jr.split(start_key, starts)
        ),
        {"leaky ReLU": nonlinear.LeakyReLU, "tanh": nonlinear.Tanh}[activation](knob),
        learning_rate=learning_rate,
        max_steps=max_steps,
        target_loss=target_loss,
        records_per_decade=10,
    )
    first, last = (jnp.stack([run.W[i] for run in runs]) for i in (0, -1))
    measures = {"loss": [run.loss[-1] for run in runs], "effective_rank": jax.vmap(ranks.effective_rank)(last)}
    if truth is None:
        measures |= {"w": last[:, 0, 0], "starts_positive": jnp.linalg.det(first) > 0}
    else:
        measures["reconstruction_error"] = jax.vmap(reconstruction_error, (0, None))(last, truth)
    return {name: np.asarray(values, np.float32) for name, values in measures.items()}  # digits enough, half the file


def _nonlinear_task(key, task):
    """A problem, and the matrix that it shows a part of; the example shows a part of none."""
    if task == "2 x 2":
        return problems.two_by_two(), None
    problem, truth = problems.random_low_rank(key, (8, 8), 1, 32, frobenius_norm=1.0)
    truth = {"8 x 8": truth, "8 x 8, positive": jnp.abs(truth)}[task]
    return problems.completion(truth, problem.observed), truth


def tensor_completion(
    *,
    seed: int,
    order: int,
    size: int,
    rank: int,
    observed: int,
    init_std: float,
    learning_rate: float,
    tolerance: float,
    max_steps: int,
    rank_restarts: int,
) -> Measures:
    """A random tensor of low CP rank, completed by descent on a CP factorization: `tensors.complete`.

    One `seed` is one tensor of each order and rank, and one order in which its entries are shown. The prefix `linear_`
    marks the baseline that completes with zeros. `cp_rank` is NaN where alternating least squares, from
    `rank_restarts` random starts, did not find it; `cp_rank_lower_bound` is proved.

    **Source:** Razin & Cohen (2020), Figure 2.

    **Example:**

    ```python
    >>> measures = experiments.tensor_completion(
    ...     seed=0,
    ...     order=3,
    ...     size=2,
    ...     rank=1,
    ...     observed=7,
    ...     init_std=0.1,
    ...     learning_rate=0.01,
    ...     tolerance=1e-4,
    ...     max_steps=1000,
    ...     rank_restarts=1,
    ... )
    >>> measures["converged"], measures["cp_rank"]
    (True, 1.0)

    ```
    """
    truth, mask, start_key = low_rank_tensor(seed, order, size, rank, observed)
    run = tensors.complete(
        truth,
        mask,
        init_std=init_std,
        learning_rate=learning_rate,
        tolerance=tolerance,
        max_steps=max_steps,
        key=start_key,
    )
    return {
        "mse": run.mse,
        "steps": run.steps,
        "converged": run.converged,
        **tensor_measures(run.tensor, truth, tolerance, rank_restarts),
        **linear_measures(seed, order, size, rank, observed, tolerance, rank_restarts),
    }


def tensor_completion_path(
    *,
    seed: int,
    order: int,
    size: int,
    rank: int,
    observed: int,
    init_std: float,
    learning_rate: float,
    tolerance: float,
    max_steps: int,
    records_per_decade: int,
    shown: int,
) -> Measures:
    r"""The way of a run of `tensor_completion`, at log-spaced steps; NaN after its end.

    Besides step, mean squared error and reconstruction error, the norms $\prod_n \|w_k^n\|$ of the `shown` components
    that are largest at the end.

    **Example:**

    ```python
    >>> path = experiments.tensor_completion_path(
    ...     seed=0,
    ...     order=3,
    ...     size=2,
    ...     rank=1,
    ...     observed=7,
    ...     init_std=0.1,
    ...     learning_rate=0.01,
    ...     tolerance=1e-4,
    ...     max_steps=1000,
    ...     records_per_decade=2,
    ...     shown=1,
    ... )
    >>> {name: values.shape for name, values in path.items()}
    {'step': (9,), 'mse': (9,), 'reconstruction_error': (9,), 'component_norms': (9, 1)}

    ```
    """
    truth, mask, start_key = low_rank_tensor(seed, order, size, rank, observed)
    run = tensors.complete(
        truth,
        mask,
        init_std=init_std,
        learning_rate=learning_rate,
        tolerance=tolerance,
        max_steps=max_steps,
        key=start_key,
        records_per_decade=records_per_decade,
    )
    W = jax.lax.map(tensors.cp_tensor, run.recorded_factors)
    norms_of_components = np.prod([np.linalg.norm(F, axis=1) for F in run.recorded_factors], axis=0)
    largest = np.argsort(-norms_of_components[-1])[:shown]
    path = {
        "step": run.recorded_steps.astype(float),
        "mse": np.mean((W - truth) ** 2, axis=tuple(range(1, W.ndim)), where=np.asarray(mask)),
        "reconstruction_error": np.asarray(jax.vmap(reconstruction_error, (0, None))(W, truth)),
        "component_norms": norms_of_components[:, largest],
    }
    length = len(descent.log_spaced_steps(max_steps, records_per_decade))
    return {name: _padded(np.asarray(values), length) for name, values in path.items()}


def _padded(values, length):
    """`values` with rows of NaN up to `length`."""
    return np.concatenate([values, np.full((length - len(values), *values.shape[1:]), np.nan)])
