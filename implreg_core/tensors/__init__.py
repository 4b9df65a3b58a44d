r"""Tensor completion by gradient descent on a CP factorization, $W = \sum_{k=1}^R w_k^1 \otimes \cdots \otimes w_k^N$.

`factors` is always a tuple of $N$ matrices; the $k$-th column of the $n$-th is $w_k^n$. Here are the model, its
training, random ground truths, the linear baseline, and the CP rank of a tensor.
"""

import math
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, ArrayLike, Bool, Float, Int, PRNGKeyArray, Real, Shaped

from implreg_core import _check, _slices
from implreg_core.descent import log_spaced_steps
from implreg_core.tensors._cp_rank import ConvergenceError, cp_rank, cp_rank_lower_bound
from implreg_core.tensors._cp_tensor import CPFactors, checked_factors, checked_shape, cp_tensor, largest_rank
from implreg_core.training import Fit, check_finite, global_rmsprop, train_interruptibly

__all__ = [
    "CPCompletion",
    "CPFactors",
    "ConvergenceError",
    "arithmetic_circuit",
    "complete",
    "complete_many",
    "cp_rank",
    "cp_rank_lower_bound",
    "cp_tensor",
    "gaussian",
    "largest_rank",
    "linear_completion",
    "random_low_rank",
    "random_mask",
    "reconstruction_error",
]


class CPCompletion(Fit):
    """One tensor completed by gradient descent on its CP factors.

    **Example:**

    ```python
    >>> truth, mask = jnp.ones((2, 2, 2)), tensors.random_mask(jr.key(0), (2, 2, 2), 7)
    >>> run = tensors.complete(truth, mask, init_std=0.1, tolerance=1e-3, key=jr.key(1))
    >>> run.converged, run.tensor.shape, [F.shape for F in run.factors]
    (True, (2, 2, 2), [(2, 4), (2, 4), (2, 4)])

    ```
    """

    factors: CPFactors
    recorded_steps: Int[np.ndarray, " n"]  # empty unless `records_per_decade` was given
    recorded_factors: tuple[Float[np.ndarray, "n _ R"], ...]

    @property
    def tensor(self) -> Float[Array, "..."]:
        """The completed tensor."""
        return cp_tensor(self.factors)


def gaussian(key: PRNGKeyArray, shape: Sequence[int], components: int, *, std: Real[ArrayLike, ""]) -> CPFactors:
    r"""Factors with independent entries of law $N(0, \text{std}^2)$.

    **Raises:** ValueError if `shape` is not two or more positive integers, `components` is below 1 or `std` is not
    positive.

    **Example:**

    ```python
    >>> [F.shape for F in tensors.gaussian(jr.key(0), (2, 3, 4), components=5, std=0.1)]
    [(2, 5), (3, 5), (4, 5)]

    ```
    """
    shape, components = checked_shape(shape), _check.integer(components, "components", 1)
    std = _check.positive(std, "std")
    keys = jr.split(_check.key(key, "key"), len(shape))
    return tuple(std * jr.normal(k, (size, components)) for k, size in zip(keys, shape))


def random_low_rank(
    key: PRNGKeyArray, shape: Sequence[int], rank: int, *, frobenius_norm: Real[ArrayLike, ""] = 1.0
) -> Float[Array, "..."]:
    r"""A random tensor of CP rank at most `rank`: Gaussian factors, scaled to the given Frobenius norm.

    **Raises:** ValueError if `shape` is not two or more positive integers, `rank` is outside `1..largest_rank(shape)`
    or `frobenius_norm` is not positive.

    **References:** Razin & Cohen (2020), experiments: rank 1 or 3, Frobenius norm 1.

    **Example:**

    ```python
    >>> T = tensors.random_low_rank(jr.key(0), (4, 4, 4), rank=2)
    >>> tensors.cp_rank_lower_bound(T), jnp.linalg.norm(T)
    (2, Array(1., dtype=float64))

    ```
    """
    rank = _check.integer(rank, "rank", 1, largest_rank(shape))
    frobenius_norm = _check.positive(frobenius_norm, "frobenius_norm")
    W = cp_tensor(gaussian(key, shape, rank, std=1.0))
    return frobenius_norm * W / jnp.linalg.norm(W)


def random_mask(key: PRNGKeyArray, shape: Sequence[int], observed_count: int) -> Bool[Array, "..."]:
    """A uniformly random set of `observed_count` entries, as a Boolean tensor.

    With one key, fewer observations are a subset of more.

    **Raises:** ValueError if `shape` is not two or more positive integers, or `observed_count` is outside
    `1..prod(shape)`.

    **Example:**

    ```python
    >>> few, many = (tensors.random_mask(jr.key(0), (3, 3, 3), count) for count in (5, 20))
    >>> few.sum(), many.sum(), bool(jnp.all(many[few]))
    (Array(5, dtype=int64), Array(20, dtype=int64), True)

    ```
    """
    shape = checked_shape(shape)
    entries = math.prod(shape)
    observed_count = _check.integer(observed_count, "observed_count", 1, entries)
    return (jr.permutation(key, entries) < observed_count).reshape(shape)


def linear_completion(target: Shaped[ArrayLike, "..."], mask: Shaped[ArrayLike, "..."]) -> Float[Array, "..."]:
    """The baseline: observed entries as they are, zeros elsewhere.

    Gradient descent from zero on the tensor itself, without a factorization, ends there.

    **Raises:** ValueError if the shapes differ, `mask` is not Boolean or nowhere true, or an observed value is not
    finite.

    **References:** the baseline "linear" of Razin & Cohen (2020), Figure 2.

    **Example:**

    ```python
    >>> tensors.linear_completion(jnp.array([[1.0, 2.0]]), jnp.array([[True, False]]))
    Array([[1., 0.]], dtype=float64)

    ```
    """
    target, mask = _observations(target, mask)
    return jnp.where(mask, target, 0.0)


def reconstruction_error(W: Float[ArrayLike, "..."], truth: Float[ArrayLike, "..."]) -> Float[Array, ""]:
    r"""The relative error $\|W - W^*\| / \|W^*\|$ in the Frobenius norm, for tensors and matrices.

    **Raises:** ValueError if the shapes differ, an entry is not finite, or `truth` is zero.

    **Example:**

    ```python
    >>> truth = jnp.array([[3.0, 4.0]])
    >>> tensors.reconstruction_error(jnp.zeros((1, 2)), truth), tensors.reconstruction_error(truth, truth)
    (Array(1., dtype=float64), Array(0., dtype=float64))

    ```
    """
    W, truth = _check.finite(W, "W"), _check.finite(truth, "truth")
    _check.same_shape(W, truth.shape, "W")
    size = _check.nonzero(jnp.max(jnp.abs(truth)), "largest entry of truth")  # whose square may leave double precision
    return _norm((W - truth) / size) / jnp.linalg.norm(truth / size)


def complete(
    target: Shaped[ArrayLike, "..."],
    mask: Shaped[ArrayLike, "..."],
    *,
    init_std: Real[ArrayLike, ""],
    learning_rate: Real[ArrayLike, ""] = 1e-2,
    tolerance: Real[ArrayLike, ""] = 1e-6,
    max_steps: int = 1_000_000,
    key: PRNGKeyArray,
    components: int | None = None,
    records_per_decade: int | None = None,
    test_every: int = 100,
    in_a_row: int = 3,
) -> CPCompletion:
    r"""Complete `target` from the entries where `mask` is true, by descent on a CP factorization from near zero.

    Minimizes the mean squared error over the observed entries with `training.global_rmsprop`, from factors of
    `gaussian` with standard deviation `init_std`. `components` is $R$; the default `largest_rank` constrains nothing.
    Entries that are not observed are never read and may be NaN. With `records_per_decade` the factors are kept at
    log-spaced steps.

    The run stops when the error, tested every `test_every` steps, was at most `tolerance` `in_a_row` times. The
    defaults are those of the released code; the steps after the first success matter, as the error falls on far below
    the tolerance. `test_every=1, in_a_row=1` stops at once.

    **Raises:** ValueError if the shapes differ, `mask` is not Boolean or nowhere true, an observed value is not finite,
    or a number is out of range; and if the run diverges.

    **References:** Razin & Cohen (2020), Section 5 and its experiments, whose settings are the defaults.

    **Example:**

    ```python
    >>> truth, mask = jnp.ones((2, 2, 2)), tensors.random_mask(jr.key(0), (2, 2, 2), 7)
    >>> run = tensors.complete(truth, mask, init_std=0.1, tolerance=1e-3, key=jr.key(1))
    >>> run.mse <= 1e-3, run.steps % 100  # the error is tested at every 100th step
    (True, 0)

    ```
    """
    target, mask = _observations(target, mask)
    checked_shape(target.shape, "target.shape")
    _check.same_shape(init_std, (), "init_std")
    (run,) = complete_many(
        target[None],
        mask[None],
        init_std=init_std,
        learning_rate=learning_rate,
        tolerance=tolerance,
        max_steps=max_steps,
        keys=_check.key(key, "key")[None],
        components=components,
        records_per_decade=records_per_decade,
        test_every=test_every,
        in_a_row=in_a_row,
    )
    return run


def complete_many(
    targets: Shaped[ArrayLike, "runs ..."],
    masks: Shaped[ArrayLike, "runs ..."],
    *,
    init_std: Real[ArrayLike, ""] | Real[ArrayLike, " runs"],
    learning_rate: Real[ArrayLike, ""] = 1e-2,
    tolerance: Real[ArrayLike, ""] = 1e-6,
    max_steps: int = 1_000_000,
    keys: Shaped[Array, "..."],
    components: int | None = None,
    records_per_decade: int | None = None,
    test_every: int = 100,
    in_a_row: int = 3,
) -> list[CPCompletion]:
    """Many runs of `complete` by one program, as many at a time as there are cores; each stops by itself.

    Runs on threads use the machine better than `jax.vmap` of the loop would: a batch leaves the cache, and goes on
    until its slowest run stops (benchmarks/tensor_throughput.py).

    **Arguments:** targets, masks and keys have a leading axis over runs; `init_std` is one number or one for each run;
    the rest is as in `complete`, errors included.

    **Returns:** one `CPCompletion` per run, in order.

    **Example:**

    ```python
    >>> truths, masks = jnp.ones((2, 2, 2, 2)), jnp.ones((2, 2, 2, 2), bool)
    >>> runs = tensors.complete_many(truths, masks, init_std=0.1, tolerance=1e-3, keys=jr.split(jr.key(0)))
    >>> [run.converged for run in runs]
    [True, True]

    ```
    """
    targets, masks = _observations(targets, masks)
    shape = checked_shape(targets.shape[1:], "targets.shape[1:]")
    if _check.fails(jnp.any(masks.reshape(len(masks), -1), axis=1)):
        raise ValueError("`mask` is false everywhere in some run; mark at least one entry as observed.")
    init_std = jnp.broadcast_to(_check.positive(init_std, "init_std"), (len(targets),))
    components = largest_rank(shape) if components is None else _check.integer(components, "components", 1)
    if len(keys) != len(targets):
        raise ValueError(f"`keys` must be {len(targets)}, one for each run; got {len(keys)}.")
    starts = jax.vmap(lambda key, std: gaussian(key, shape, components, std=std))(keys, init_std)
    rate, tolerance = _check.positive(learning_rate, "learning_rate"), _check.positive(tolerance, "tolerance")
    max_steps = _check.integer(max_steps, "max_steps", 1)
    record_at = np.array([max_steps]) if records_per_decade is None else log_spaced_steps(max_steps, records_per_decade)
    test_every, in_a_row = _check.integer(test_every, "test_every", 1), _check.integer(in_a_row, "in_a_row", 1)
    rule = {"tolerance": tolerance, "test_every": test_every, "in_a_row": in_a_row, "record_at": record_at}
    if records_per_decade is not None:
        rule["observe"] = _all

    def run(problem, **changed):
        target, mask, start = problem
        optimizer = Partial(global_rmsprop, rate)
        return train_interruptibly(_MeanSquaredError(target, mask), start, optimizer, **(rule | changed))

    problems = list(zip(targets, masks, zip(*starts)))
    ends = [run(problems[0])] if len(problems) == 1 else _side_by_side(run, problems, record_at)
    return [_as_completion(jax.tree.map(np.asarray, end), record_at, float(tolerance)) for end in ends]


def arithmetic_circuit(factors: CPFactors, inputs: tuple[Float[ArrayLike, " _"], ...]) -> Float[Array, ""]:
    r"""Output of the convolutional arithmetic circuit with weights `factors` on the patches `inputs`.

    Each of the $N$ patches $x^n$ meets the $R$ filters of its location, the responses are pooled over locations by
    their product, and the pooled channels are added:

    $$\sum_{k=1}^R \prod_{n=1}^N \langle w_k^n, x^n \rangle = \langle W, x^1 \otimes \cdots \otimes x^N \rangle.$$

    With one-hot patches the output is an entry of $W$: completing a tensor is training this network.

    **Raises:** ValueError if the patches do not match the factors in number or length.

    **References:** Cohen, Sharir & Shashua (2016); Razin & Cohen (2020), Section 5.

    **Example:**

    ```python
    >>> factors = tensors.gaussian(jr.key(0), (2, 3, 4), components=5, std=1.0)
    >>> patches = (jnp.eye(2)[1], jnp.eye(3)[0], jnp.eye(4)[2])  # one-hot
    >>> jnp.allclose(tensors.arithmetic_circuit(factors, patches), tensors.cp_tensor(factors)[1, 0, 2])
    Array(True, dtype=bool)

    ```
    """
    factors, inputs = checked_factors(factors), tuple(_check.real(x, f"inputs[{n}]") for n, x in enumerate(inputs))
    sizes = [len(F) for F in factors]
    if [jnp.shape(x) for x in inputs] != [(size,) for size in sizes]:
        raise ValueError(f"`inputs` must be vectors of lengths {sizes}; got shapes {[jnp.shape(x) for x in inputs]}.")
    responses = jnp.stack([x @ F for x, F in zip(inputs, factors)])
    return jnp.sum(jnp.prod(responses, axis=0))


def _norm(T):
    """Of entries of any size."""
    size = jnp.max(jnp.abs(T))
    return size * jnp.linalg.norm(T / jnp.where(size > 0, size, 1.0))


class _MeanSquaredError(eqx.Module):
    """Over the observed entries."""

    target: Float[Array, "..."]
    mask: Bool[Array, "..."]

    def __call__(self, factors):
        return jnp.mean((cp_tensor(factors) - self.target) ** 2, where=self.mask)


def _all(factors):
    return factors


def _side_by_side(run, problems, record_at):
    """Each of `problems` run, on as many threads as there are cores. Ctrl-C ends all."""
    run(problems[0], record_at=np.zeros_like(record_at))  # no step: compiles, as several threads at once would each do
    stop = threading.Event()
    with ThreadPoolExecutor(min(len(problems), os.cpu_count() or 1)) as pool:
        try:
            ends = pool.map(lambda problem: run(problem, is_cancelled=stop.is_set), problems)
            return list(_slices.runs(ends, len(problems)))
        except BaseException:
            stop.set()
            raise


def _as_completion(end, record_at, tolerance) -> CPCompletion:
    """One run with the records up to its stop."""
    check_finite(end)
    count = 1 + np.sum(record_at[:-1] < end.steps) if end.observed else 0
    return CPCompletion(
        factors=tuple(map(jnp.asarray, end.params)),
        mse=float(end.value),
        steps=int(end.steps),
        tolerance=tolerance,
        recorded_steps=np.minimum(record_at, end.steps)[:count],
        recorded_factors=tuple(F[:count] for F in end.observed),
    )


def _observations(target, mask):
    """The observed values with zeros elsewhere, and the mask."""
    target, mask = _check.real(target, "target"), _check.boolean(mask, "mask")
    _check.same_shape(mask, target.shape, "mask")
    if _check.fails(jnp.any(mask)):
        raise ValueError("`mask` is false everywhere; mark at least one entry as observed.")
    return _check.finite(jnp.where(mask, target, 0.0), "target"), mask
