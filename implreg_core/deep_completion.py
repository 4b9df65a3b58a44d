r"""Matrix completion as the first conjecture was argued: a deep factorization, trained by one global RMSprop step.

The objective is that of `descent` up to a factor, and so is the path; only the speed along it differs, which is what
brings 100 x 100 from a start of scale $10^{-6}$ within reach.
"""

import equinox as eqx
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray, Real

from implreg_core import _check, factorizations
from implreg_core.factorizations import Factors
from implreg_core.problems import Completion
from implreg_core.training import Fit, check_finite, global_rmsprop, train_interruptibly


class DeepCompletion(Fit):
    """One matrix completed by descent on its factors.

    **Example:**

    ```python
    >>> problem, truth = problems.random_low_rank(jr.key(0), (3, 3), rank=1, observed_count=8)
    >>> run = deep_completion.complete(problem, depth=2, scale=0.01, learning_rate=0.02, tolerance=1e-4, key=jr.key(1))
    >>> run.converged, run.W.shape
    (True, (3, 3))

    ```
    """

    factors: Factors

    @property
    def W(self) -> Float[Array, "m n"]:
        """The completed matrix."""
        return factorizations.product_matrix(self.factors)


def complete(
    problem: Completion,
    *,
    depth: int,
    scale: Real[ArrayLike, ""],
    learning_rate: Real[ArrayLike, ""] = 1e-3,
    tolerance: Real[ArrayLike, ""] = 1e-6,
    max_steps: int = 1_000_000,
    key: PRNGKeyArray,
) -> DeepCompletion:
    r"""Complete a matrix by descent on a factorization of given depth, from a product of singular values near `scale`.

    Minimizes the mean squared error $2 \ell(W_{L:1}) / |\Omega|$ with `training.global_rmsprop`, from Gaussian factors
    of standard deviation `factorizations.factor_std`, until the error is at most `tolerance`. The hidden widths are
    $\min(m, n)$, so that the rank of the product is free.

    **Raises:** ValueError if `depth` is below 2, another number is not positive, or the run diverges.

    **References:** Arora, Cohen, Hu & Luo (2019) and its code, whose settings are the defaults except for
    $\varepsilon$, there $10^{-4}$; Razin & Cohen (2020), Section 2.

    **Example:**

    ```python
    >>> problem, truth = problems.random_low_rank(jr.key(0), (3, 3), rank=1, observed_count=8)
    >>> run = deep_completion.complete(problem, depth=2, scale=0.01, learning_rate=0.02, tolerance=1e-4, key=jr.key(1))
    >>> bool(tensors.reconstruction_error(run.W, truth) < 0.1), run.mse <= 1e-4
    (True, True)

    ```
    """
    std = factorizations.factor_std(scale, depth, min(problem.shape))
    start = factorizations.gaussian(key, depth, problem.shape, std=std)
    rate, tolerance = _check.positive(learning_rate, "learning_rate"), _check.positive(tolerance, "tolerance")
    end = train_interruptibly(
        _MeanSquaredError(problem),
        start,
        Partial(global_rmsprop, rate),
        tolerance=tolerance,
        record_at=jnp.array([_check.integer(max_steps, "max_steps", 1)]),
    )
    check_finite(end)
    return DeepCompletion(float(end.value), int(end.steps), float(tolerance), end.params)


class _MeanSquaredError(eqx.Module):
    problem: Completion

    def __call__(self, factors):
        loss = self.problem.loss(factorizations.product_matrix(factors))
        return 2 * loss / jnp.sum(self.problem.observed, dtype=float)
