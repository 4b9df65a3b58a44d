r"""Phase diagrams: of many runs on the 2x2 problem, which fraction drives the unseen entry up, over two settings.

Here are the starts that the diagrams vary, the grid of runs, its counts with their error, and the law for how
balanced a start must be. Gradient descent itself is `descent`'s, the pictures are `figures.phase_diagrams`'s.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int, PRNGKeyArray, Real

from implreg_core import _check, descent, factorizations, problems, ranks
from implreg_core.factorizations import Factors

OUTCOMES = "fits", "blows_up", "keeps_sign"  # what may become of a run, each a property of `PhaseDiagram`


class Axis(NamedTuple):
    """One setting of a diagram, by name, and its values.

    **Example:**

    ```python
    >>> phase_diagrams.Axis("scale", (1e-3, 1e-2)).values
    (0.001, 0.01)

    ```
    """

    name: str
    values: Sequence[int | float]


class PhaseDiagram(eqx.Module):
    r"""Where each run of a grid stopped, and what that amounts to: `runs` runs for every pair of settings.

    A run *fits* if it reached `target_loss`. It *blows up* if there $|W_{11}|$ is at least `blow_up_entry`: about as
    large as a positive determinant would force it to be. It *settles* if it fits with
    less. The rest did neither before the time limit, or diverged.

    To blow up is not to *keep the sign*: a run that fits with the determinant's sign of its start. From a positive
    determinant, keeping the sign implies blow-up; many runs blow up without.

    **Example:**

    ```python
    >>> W = np.zeros((1, 1, 2, 2, 2))
    >>> W[0, 0, :, 0, 0] = [100.0, 1.0]  # two runs, of which only one has a large unseen entry
    >>> loss, lost, Axis = np.full((1, 1, 2), 1e-4), np.zeros((1, 1, 2), bool), phase_diagrams.Axis
    >>> axes = Axis("depth", [3]), Axis("scale", [0.1])
    >>> diagram = phase_diagrams.PhaseDiagram(*axes, W, loss, lost, loss, target_loss=1e-4)
    >>> diagram.blows_up, diagram.fraction, diagram.fraction_of("keeps_sign")
    (array([[[ True, False]]]), array([[0.5]]), array([[0.]]))

    ```
    """

    rows: Axis
    columns: Axis
    W: Float[np.ndarray, "rows columns runs 2 2"]  # the product where the run stopped
    loss: Float[np.ndarray, "rows columns runs"]
    same_sign: Bool[np.ndarray, "rows columns runs"]  # whether the determinant had its starting sign there
    unbalancedness: Float[np.ndarray, "rows columns runs"]  # of the start
    target_loss: float

    @property
    def unseen_entry(self) -> Float[np.ndarray, "rows columns runs"]:
        r"""$|W_{11}|$ where the run stopped."""
        return np.abs(self.W[..., 0, 0])

    @property
    def effective_rank(self) -> Float[np.ndarray, "rows columns runs"]:
        """Effective rank of the product where the run stopped."""
        return np.asarray(_effective_ranks(self.W.reshape(-1, 2, 2))).reshape(self.loss.shape)

    @property
    def fits(self) -> Bool[np.ndarray, "rows columns runs"]:
        """Whether the run reached the target loss."""
        return self.loss <= self.target_loss

    @property
    def blows_up(self) -> Bool[np.ndarray, "rows columns runs"]:
        """Whether it did so with an unseen entry of at least `blow_up_entry`."""
        return self.fits & (self.unseen_entry >= np.asarray(blow_up_entry(self.loss)))

    @property
    def keeps_sign(self) -> Bool[np.ndarray, "rows columns runs"]:
        """Whether it did so with the determinant's sign of its start."""
        return self.fits & self.same_sign

    @property
    def fraction(self) -> Float[np.ndarray, "rows columns"]:
        """Fraction of all runs that blow up."""
        return self.fraction_of("blows_up")

    @property
    def interval(self) -> Float[np.ndarray, "2 rows columns"]:
        """Wilson's 95 % interval of `fraction`: lower and upper ends."""
        return self.interval_of("blows_up")

    def fraction_of(self, outcome: str) -> Float[np.ndarray, "rows columns"]:
        """Fraction of all runs with an `outcome`: `"fits"`, `"blows_up"` or `"keeps_sign"`.

        **Raises:** ValueError for another name.

        **Example:**

        ```python
        >>> Axis, loss = phase_diagrams.Axis, np.full((1, 1, 4), 0.01)  # four runs that fit, three with their sign
        >>> W, same_sign = np.zeros((1, 1, 4, 2, 2)), np.arange(4).reshape(1, 1, 4) > 0
        >>> axes = Axis("depth", [3]), Axis("scale", [0.1])
        >>> diagram = phase_diagrams.PhaseDiagram(*axes, W, loss, same_sign, loss, target_loss=0.1)
        >>> diagram.fraction_of("keeps_sign"), diagram.fraction_of("blows_up")
        (array([[0.75]]), array([[0.]]))

        ```
        """
        return self._outcome(outcome).mean(-1)

    def interval_of(self, outcome: str) -> Float[np.ndarray, "2 rows columns"]:
        """Wilson's 95 % interval of `fraction_of(outcome)`: lower and upper ends.

        **Raises:** ValueError for another name.

        **Example:**

        ```python
        >>> Axis, loss = phase_diagrams.Axis, np.full((1, 1, 4), 0.01)  # four runs that fit, three with their sign
        >>> W, same_sign = np.zeros((1, 1, 4, 2, 2)), np.arange(4).reshape(1, 1, 4) > 0
        >>> axes = Axis("depth", [3]), Axis("scale", [0.1])
        >>> diagram = phase_diagrams.PhaseDiagram(*axes, W, loss, same_sign, loss, target_loss=0.1)
        >>> diagram.interval_of("keeps_sign").round(2).ravel()
        array([0.3 , 0.95])

        ```
        """
        return wilson_interval(self._outcome(outcome).sum(-1), self.loss.shape[-1])

    def _outcome(self, outcome):
        if outcome not in OUTCOMES:
            raise ValueError(f"`outcome` must be one of {', '.join(OUTCOMES)}; got {outcome!r}.")
        return getattr(self, outcome)


def blow_up_entry(loss: Real[ArrayLike, "*shape"]) -> Float[Array, "*shape"]:
    r"""The unseen entry from which a run counts as blown up: $(1 - r)^2 / r$ with $r = \sqrt{2 \ell(W)}$.

    What multiplying out $W_{11} W_{22} \ge W_{12} W_{21}$ gives; a positive determinant forces a little more,
    `bounds.unseen_entry_lower_bound`. So a run with less has certainly lost the sign, and one with more may have.

    **Raises:** ValueError if a loss is negative or not finite.

    **Example:**

    ```python
    >>> phase_diagrams.blow_up_entry(0.003), bounds.unseen_entry_lower_bound(0.003)
    (Array(10.98740415, dtype=float64), Array(12.83248482, dtype=float64))

    ```
    """
    r = jnp.sqrt(2 * _check.nonnegative(loss, "loss"))
    return jnp.maximum(1 - r, 0.0) ** 2 / r


def phase_diagram(
    key: PRNGKeyArray,
    start: Callable[..., Factors],
    rows: Axis,
    columns: Axis,
    *,
    runs: int,
    target_loss: float,
    max_time: float,
    learning_rate: float | None = None,
) -> PhaseDiagram:
    r"""Gradient descent on `problems.two_by_two()` from `runs` random starts for each pair of settings.

    `start(key, **setting)` draws the factors; `setting` holds one value of each axis. The axis `learning_rate`, if
    there is one, goes to descent instead; otherwise pass `learning_rate`. A run ends at `target_loss`, or after
    `max_time` units of $t = \eta n$.

    A cell is one compiled call, which lasts as long as its slowest run; cells of equal shapes share its program.
    Rows draw from the same keys, so that where only the learning rate differs the starts are the same; columns are
    independent.

    **Raises:** ValueError if an axis is empty, repeats a value or has one that is not finite; if both axes have one
    name; if the learning rate is given twice or not at all; if `runs` is below 1; if the target loss, the time or
    a learning rate is not positive.

    **Example:**

    ```python
    >>> from functools import partial
    >>> rows, columns = phase_diagrams.Axis("sign", [1, -1]), phase_diagrams.Axis("scale", [0.1])
    >>> start, settings = partial(phase_diagrams.balanced_start, depth=3), {"learning_rate": 0.1, "max_time": 100.0}
    >>> diagram = phase_diagrams.phase_diagram(jr.key(0), start, rows, columns, runs=2, target_loss=0.02, **settings)
    >>> diagram.fraction  # the sign of the determinant decides
    array([[1.],
           [0.]])

    ```
    """
    rows, columns = _axis(rows, "rows"), _axis(columns, "columns")
    axes = {rows.name: rows.values, columns.name: columns.values}
    if len(axes) < 2:
        raise ValueError(f"`columns` must be another setting than the rows; got {rows.name!r} twice.")
    if ("learning_rate" in axes) == (learning_rate is not None):
        raise ValueError(
            f"`learning_rate` must be an axis or a number, not both or neither; got {learning_rate} with axes "
            f"{list(axes)}."
        )
    _check.positive(axes.get("learning_rate", learning_rate), "learning_rate")
    target_loss = float(_check.positive(target_loss, "target_loss"))
    max_time = float(_check.positive(max_time, "max_time"))
    keys = jr.split(_check.key(key, "key"), (len(columns.values), _check.integer(runs, "runs", 1)))

    def stopped(row, column, keys):
        setting = {rows.name: row, columns.name: column}
        rate = setting.pop("learning_rate", learning_rate)
        factors = jax.vmap(lambda key: start(key, **setting))(keys)  # uncompiled: cheaper than many programs
        ends = descent.gradient_descents(
            problems.two_by_two(),
            factors,
            learning_rate=rate,
            max_steps=int(np.ceil(max_time / rate)),
            target_loss=target_loss,
            records_per_decade=10,
        )
        last = jax.tree.map(lambda *W: jnp.stack(W), *(run.factors for run in ends))
        same_sign = _signs(last) == _signs(factors)  # from factors: the product's entries may no longer tell
        unbalancedness = jax.vmap(factorizations.unbalancedness)(factors)
        return [run.W[-1] for run in ends], [run.loss[-1] for run in ends], same_sign, unbalancedness

    cells = [stopped(row, *column) for row in rows.values for column in zip(columns.values, keys)]
    W, loss, same_sign, unbalancedness = (np.asarray(part) for part in zip(*cells))
    grid = (len(rows.values), *keys.shape)
    return PhaseDiagram(
        rows,
        columns,
        W=W.reshape(*grid, 2, 2),
        loss=loss.reshape(grid),
        same_sign=same_sign.reshape(grid),
        unbalancedness=unbalancedness.reshape(grid),
        target_loss=target_loss,
    )


def gaussian_start(
    key: PRNGKeyArray, *, depth: int, scale: Real[ArrayLike, ""], hidden: int = 2, sign: int = 1
) -> Factors:
    r"""Gaussian factors of a 2x2 product with entries of standard deviation `scale` and `sign` its determinant.

    Independent factor entries of standard deviation $\text{scale}^{1/L} \, n^{-(L-1)/(2L)}$ for hidden width $n$.

    **Raises:** ValueError if `scale` is not positive, `depth` or `hidden` is below 2, or `sign` is not 1 or -1.

    **Example:**

    ```python
    >>> factors = phase_diagrams.gaussian_start(jr.key(0), depth=3, scale=0.01, hidden=5, sign=-1)
    >>> [W.shape for W in factors], factorizations.slogdet(factors)[0]
    ([(5, 2), (5, 5), (2, 5)], Array(-1., dtype=float64))

    ```
    """
    depth, hidden = _check.integer(depth, "depth", 2), _check.integer(hidden, "hidden", 2)
    std = _check.positive(scale, "scale") ** (1 / depth) * float(hidden) ** (-(depth - 1) / (2 * depth))
    return factorizations.turned_to_sign(factorizations.gaussian(key, depth, (2, 2), std=std, hidden=hidden), sign)


def balanced_start(
    key: PRNGKeyArray,
    *,
    depth: int,
    scale: Real[ArrayLike, ""],
    imbalance: Real[ArrayLike, ""] = 0.0,
    sign: int = 1,
) -> Factors:
    r"""Balanced factors of a Gaussian 2x2 product with entries of standard deviation `scale`, then unbalanced.

    `imbalance` $\kappa$ changes the factors, not their product: $W_j \to G_j W_j G_{j-1}^{-1}$ with $G_0 = G_L = I$.
    Each hidden layer's $G_j$ stretches its plane along two random axes, by $e^{\kappa g}$ with $g \sim N(0, 1)$
    along each. At $\kappa = 0$ the factors are balanced.

    **Raises:** ValueError if `scale` is not positive, `imbalance` is negative, `depth` is below 2, or `sign` is
    neither 1 nor -1.

    **Example:**

    ```python
    >>> balanced = phase_diagrams.balanced_start(jr.key(0), depth=2, scale=0.1)
    >>> unbalanced = phase_diagrams.balanced_start(jr.key(0), depth=2, scale=0.1, imbalance=1.0)
    >>> jnp.allclose(factorizations.product_matrix(balanced), factorizations.product_matrix(unbalanced))
    Array(True, dtype=bool)
    >>> bool(factorizations.unbalancedness(balanced) < 1e-12 < factorizations.unbalancedness(unbalanced))
    True

    ```
    """
    imbalance = _check.nonnegative(imbalance, "imbalance")
    product_key, *layer_keys = jr.split(_check.key(key, "key"), _check.integer(depth, "depth", 2))
    factors = list(factorizations.balanced_gaussian(product_key, depth, (2, 2), std=scale))
    for j, layer_key in enumerate(layer_keys):
        axes_key, stretch_key = jr.split(layer_key)
        angle = jr.uniform(axes_key, maxval=2 * jnp.pi)
        Q = jnp.array([[jnp.cos(angle), -jnp.sin(angle)], [jnp.sin(angle), jnp.cos(angle)]])
        stretch = jnp.exp(imbalance * jr.normal(stretch_key, 2))
        factors[j] = (Q * stretch) @ Q.T @ factors[j]
        factors[j + 1] = factors[j + 1] @ (Q / stretch) @ Q.T
    return factorizations.turned_to_sign(tuple(factors), sign)


def critical_unbalancedness(loss: Real[ArrayLike, "*shape"], depth: int) -> Float[Array, "*shape"]:
    r"""The unbalancedness at which, by order of magnitude, starts cease to blow up to `loss`.

    $\nu_* = \sigma_2^{2/L}$, the square of a factor's smaller singular value where the balanced flow has that
    loss: on its slow manifold $w = 1 / \sqrt{2 \ell}$ and $d \sigma_2 / d w = - \sigma_2^{2 - 2/L} w^{2/L}$, so

    $$\nu_* = \Bigl(\frac{L + 2}{L - 2}\Bigr)^{\frac{2}{L - 2}} w^{- \frac{2 (L + 2)}{L (L - 2)}} \quad (L \ge 3),
    \qquad \nu_* = e^{- w^2 / 2} \quad (L = 2).$$

    Holds for small losses and starts whose own $\sigma_2$ is not yet smaller. It is no threshold for keeping
    $\det W > 0$: most of the Gaussian starts that blow up lose the sign, many of them with less unbalancedness.

    **Raises:** ValueError if `loss` is not positive or `depth` is below 2.

    **References:** ours; a heuristic, tested in the chapter on phase diagrams.

    **Example:**

    ```python
    >>> loss = jnp.array([0.1, 0.01])
    >>> phase_diagrams.critical_unbalancedness(loss, depth=2), phase_diagrams.critical_unbalancedness(loss, depth=3)
    (Array([8.20849986e-02, 1.38879439e-11], dtype=float64), Array([1.70997595, 0.03684031], dtype=float64))

    ```
    """
    L, w_squared = _check.integer(depth, "depth", 2), 1 / (2 * _check.positive(loss, "loss"))
    if L == 2:
        return jnp.exp(-w_squared / 2)
    return ((L + 2) / (L - 2)) ** (2 / (L - 2)) * w_squared ** (-(L + 2) / (L * (L - 2)))


def wilson_interval(
    count: Int[np.ndarray, "..."], total: int, confidence: float = 0.95
) -> Float[np.ndarray, "two ..."]:
    """Wilson's interval for a probability after `count` successes in `total` independent trials.

    **Returns:** lower and upper ends. They stay within [0, 1] and differ even where `count` is 0 or `total`.

    **Raises:** ValueError if `total` is below 1, a count is outside `0..total`, or `confidence` outside (0, 1).

    **Example:**

    ```python
    >>> phase_diagrams.wilson_interval(np.array([0, 50, 100]), total=100).round(3)
    array([[0.   , 0.404, 0.963],
           [0.037, 0.596, 1.   ]])

    ```
    """
    from scipy.stats import binomtest  # takes as long to import as all else that figures need

    total = _check.integer(total, "total", 1)
    if np.any((count < 0) | (count > total)):
        raise ValueError(f"`count` must lie between 0 and `total` = {total}; got {count}.")
    if not 0 < confidence < 1:
        raise ValueError(f"`confidence` must lie between 0 and 1; got {confidence}.")
    ends = [binomtest(int(k), total).proportion_ci(confidence, "wilson") for k in count.ravel()]
    return np.moveaxis(np.reshape(ends, (*count.shape, 2)), -1, 0)


def _axis(axis, argument):
    """`axis` with its values as Python numbers, checked."""
    values = tuple(np.asarray(axis.values).tolist())
    if not values or len(set(values)) < len(values) or not np.all(np.isfinite(values)):
        raise ValueError(f"`{argument}` must hold distinct finite values, one at least; got {values}.")
    return Axis(axis.name, values)


_signs = jax.jit(jax.vmap(lambda factors: factorizations.slogdet(factors)[0]))
_effective_ranks = jax.jit(jax.vmap(ranks.effective_rank))
