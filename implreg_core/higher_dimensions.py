r"""Beyond two by two: larger tasks whose solutions all have a determinant of one sign, the engine of the 2x2 example.

Three kinds: the $d \times d$ family of the paper, the example inside a rectangular matrix of zeros, and random tasks.
What is proved about them is the business of the functions below; how factors are trained, that of `flow` and `descent`.
"""

import itertools
from fractions import Fraction

import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray, Real
from sympy import QQ
from sympy.polys.matrices import DomainMatrix
from sympy.polys.rings import ring

from implreg_core import _check, factorizations, problems, ranks, trajectories
from implreg_core._compile import one_program
from implreg_core.factorizations import Factors
from implreg_core.problems import Completion

_EXAMPLE = [[0.0, 1.0], [1.0, 0.0]]  # what `problems.two_by_two()` shows, and 0 where it is hidden

# ---- tasks


def square_family(size: int) -> Completion:
    r"""The $d \times d$ member of the paper's family: $W_{12} = W_{21} = 1$, $W_{22} = 0$, $W_{ii} = 1$ for $i \ge 3$.

    All other entries are observed as 0, except $W_{11}$, which is free. A solution with $W_{11} = w$ has the singular
    values $e^s$, 1 (so $d - 2$ times) and $e^{-s}$ with $|w| = 2 \sinh s$. So each has determinant $-1$, and the
    infimal rank of all is $d - 1$. For $d = 2$ this is `problems.two_by_two()`.

    **Raises:** ValueError if `size` is below 2.

    **References:** Razin & Cohen (2020), the extension to higher dimensions.

    **Example:**

    ```python
    >>> higher_dimensions.square_family(3).values.tolist()
    [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    >>> int(higher_dimensions.square_family(3).observed.sum())
    8

    ```
    """
    size = _check.integer(size, "size", 2)
    values = np.eye(size)
    values[:2, :2] = _EXAMPLE
    return problems.completion(values, _hidden_block((size, size), (1, 1)))


def embedded_example(shape: tuple[int, int]) -> Completion:
    r"""The 2x2 example in the corner of an $m \times n$ matrix whose other entries are all observed as 0.

    Its solutions have rank 2, so that a determinant, if there is one at all, is 0 for `shape` beyond (2, 2).

    **Raises:** ValueError if `shape` is not two integers of at least 2.

    **References:** Razin & Cohen (2020), the extension to higher dimensions.

    **Example:**

    ```python
    >>> higher_dimensions.embedded_example((2, 3)).values.tolist()
    [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]

    ```
    """
    m, n = _block_shape(shape)
    values = np.zeros((m, n))
    values[:2, :2] = _EXAMPLE
    return problems.completion(values, _hidden_block((m, n), (1, 1)))


def random_task(key: PRNGKeyArray, size: int, hidden: tuple[int, int]) -> Completion:
    r"""A random task of which all solutions have the same determinant, and not 0: a $p \times q$ block is hidden.

    Where $W$, up to the order of its rows and columns, is

    $$W = \begin{pmatrix} X & B \\ C & D \end{pmatrix}, \qquad \operatorname{rank} D = d - p - q,$$

    and $X$ with `hidden` $= (p, q)$ is the hidden block, the determinant does not depend on $X$. *Proof.* Row
    operations on $(C, D)$ and column operations on $(B, D)$ turn $D$, of $d - p$ rows and $d - q$ columns, into
    $I \oplus 0$, with a zero block of $q$ rows and $p$ columns. These $q$ rows are left with a square block of $C$,
    and these $p$ columns with a square block of $B$; the determinant is a constant times those of the two.

    $B$, $C$ and the factors of $D$ hold random integers from -2 to 2; rows and columns are shuffled, and all is divided
    by a power of two so that the spectral norm of what is seen is at most 1. No entry is rounded, so
    `shared_determinant` proves the claim for every task that is drawn; draws with determinant 0 are drawn again.

    **Raises:** ValueError if `hidden` is not two positive integers with sum at most `size`.

    **Example:**

    ```python
    >>> higher_dimensions.shared_determinant(higher_dimensions.random_task(jr.key(0), 4, (2, 2))) != 0
    True

    ```
    """
    size = _check.integer(size, "size", 2)
    p, q = _check.matrix_shape(hidden, "hidden")
    if p + q > size:
        raise ValueError(f"`hidden` must sum to at most size={size}, or all solutions are singular; got {hidden}.")
    for draw in itertools.count():
        entries_key, order_key = jr.split(jr.fold_in(key, draw))
        left, right = np.asarray(jr.randint(entries_key, (2, size, size), -2, 3), float)  # D's factors, then C and B
        rank = size - p - q
        D = left[p:, :rank] @ right[q:, :rank].T
        C, B = left[p:, rank : rank + q], right[q:, rank : rank + p].T
        W = np.block([[np.zeros((p, q)), B], [C, D]])
        W = W / 2.0 ** np.ceil(np.log2(max(np.linalg.norm(W, 2), 1.0)))
        order = np.ix_(*np.argsort(jr.uniform(order_key, (2, size))))  # of rows and of columns
        problem = problems.completion(W[order], _hidden_block((size, size), (p, q))[order])
        if shared_determinant(problem):
            return problem


def shared_determinant(problem: Completion) -> Fraction | None:
    r"""The determinant that all solutions of a square task share, exactly; None if they do not share one.

    Over the solutions the determinant is a polynomial in the free entries, here computed in rational arithmetic, in
    which every floating-point number is exact. If it is constant, this is the determinant of all solutions. If it is
    not, it takes every real value, for it is of degree one in each free entry: so solutions share a *sign* of the
    determinant exactly if they share a nonzero determinant.

    **Raises:** ValueError if the task is not square.

    **Example:**

    ```python
    >>> higher_dimensions.shared_determinant(higher_dimensions.square_family(5))
    Fraction(-1, 1)
    >>> higher_dimensions.shared_determinant(problems.two_by_two(eps=0.5)) is None
    True

    ```
    """
    size = _square(problem)
    hidden = np.argwhere(~np.asarray(problem.observed)).tolist()
    polynomials, *free = ring([f"x{i}" for i in range(len(hidden))], QQ)
    rows = [[polynomials(QQ(*x.as_integer_ratio())) for x in row] for row in np.asarray(problem.values).tolist()]
    for (i, j), x in zip(hidden, free, strict=True):
        rows[i][j] = x
    det = DomainMatrix(rows, (size, size), polynomials.to_domain()).det()
    constant = det.coeff(1)
    return Fraction(int(constant.numerator), int(constant.denominator)) if det.is_ground else None


# ---- starts


def balanced_start(key: PRNGKeyArray, depth: int, size: int, *, std: Real[ArrayLike, ""], sign: int) -> Factors:
    r"""Balanced square factors of a product with entries of law $N(0, \text{std}^2)$ whose determinant has a `sign`.

    Where the draw has the other sign, the first row of $W_L$ is negated. That leaves the factors balanced, since
    $W_L^\top W_L$ stays as it is, and the law of the product, which is symmetric. So the two signs of one key give two
    starts that are mirror images.

    **Raises:** ValueError if `sign` is neither 1 nor -1, `depth` is below 2, `size` below 1 or `std` not positive.

    **Example:**

    ```python
    >>> factors = higher_dimensions.balanced_start(jr.key(0), 3, 4, std=0.1, sign=-1)
    >>> float(factorizations.slogdet(factors)[0]), bool(factorizations.unbalancedness(factors) < 1e-12)
    (-1.0, True)

    ```
    """
    factors = factorizations.balanced_gaussian(key, depth, (size, size), std=std)
    return factorizations.turned_to_sign(factors, sign, row=True)


def inside_block(factors: Factors, shape: tuple[int, int]) -> Factors:
    r"""Factors of a 2x2 product, padded with zeros to factors of a product of the given `shape`.

    Hidden layers get the width $\min(m, n)$. On `embedded_example(shape)` neither gradient flow nor descent changes the
    zeros, and the corner moves as on `problems.two_by_two()`.

    **Raises:** ValueError if a factor is not 2x2, or `shape` is not two integers of at least 2.

    **Example:**

    ```python
    >>> [W.shape for W in higher_dimensions.inside_block(factorizations.identity(0.1, 2), (3, 4))]
    [(3, 4), (3, 3)]

    ```
    """
    m, n = _block_shape(shape)
    for j, W in enumerate(factors):
        _check.same_shape(W, (2, 2), f"factors[{j}]")
    widths = [n, *[min(m, n)] * (len(factors) - 1), m]
    return tuple(
        jnp.pad(W, ((0, after - 2), (0, before - 2)))
        for W, before, after in zip(factors, widths[:-1], widths[1:], strict=True)
    )


# ---- what a wrong sign forces


def nearest_solution(problem: Completion, W: Float[ArrayLike, "m n"]) -> Float[Array, "m n"]:
    r"""The solution nearest to `W`: its observed entries corrected, the free ones kept. It is $\sqrt{2 \ell(W)}$ away.

    **Raises:** ValueError if `W` has another shape than the problem.

    **Example:**

    ```python
    >>> W = jnp.array([[7.0, 2.0], [3.0, 4.0]])
    >>> higher_dimensions.nearest_solution(higher_dimensions.square_family(2), W).tolist()
    [[7.0, 1.0], [1.0, 0.0]]

    ```
    """
    W = _check.real(W, "W")
    _check.same_shape(W, problem.shape, "W")
    return jnp.where(problem.observed, problem.values, W)


def distances_from_singular(
    problem: Completion, W: Float[ArrayLike, "d d"]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    r"""How far `W` and its `nearest_solution` $W^*$ are from singular: $\sigma_d(W)$ and $\sigma_d(W^*)$.

    If all solutions of a square task have one determinant sign and $W$ has not, then
    $\sigma_d(W) + \sigma_d(W^*) \le \sqrt{2 \ell(W)}$; the right-hand side is `bounds.sharp_distance_upper_bound`.
    *Proof.* The segment from $W$ to $W^*$ has the Frobenius length $\sqrt{2 \ell(W)}$. The determinant is continuous on
    it and changes its sign, so some matrix $S$ on it is singular, and it is $\|W - S\| + \|S - W^*\|$ long. By Eckart
    and Young, no singular matrix is nearer to a matrix than its $\sigma_d = D(\cdot, \mathcal{M}_{d-1})$.

    **Raises:** ValueError if the task is not square or `W` has another shape.

    **Example:**

    ```python
    >>> task, W = higher_dimensions.square_family(3), jnp.diag(jnp.array([9.0, 0.1, 1.0]))
    >>> sum(higher_dimensions.distances_from_singular(task, W)) <= jnp.sqrt(2 * task.loss(W))
    Array(True, dtype=bool)

    ```
    """
    size = _square(problem)
    solution = nearest_solution(problem, W)
    return ranks.distance_to_rank(W, size - 1), ranks.distance_to_rank(solution, size - 1)


def measures(problem: Completion, run) -> dict[str, Float[np.ndarray, " n"]]:
    r"""Columns along a run (a `Descent` or a `Flow`) of a square task.

    **Returns:** columns of equal length: `loss`; `error` $\sqrt{2 \ell}$; `hidden`, the largest free entry in absolute
    value; `distance` $\sigma_d(W)$ and `solution_distance` $\sigma_d(W^*)$, as in `distances_from_singular`; and
    `effective_rank`.

    **Raises:** ValueError if the task is not square or has no free entry.

    **Example:**

    ```python
    >>> start = higher_dimensions.balanced_start(jr.key(0), 2, 2, std=0.1, sign=1)
    >>> run = descent.gradient_descent(higher_dimensions.square_family(2), start, learning_rate=0.1, max_steps=50)
    >>> columns = higher_dimensions.measures(higher_dimensions.square_family(2), run)
    >>> bool(np.all(columns["distance"] + columns["solution_distance"] <= columns["error"]))
    True

    ```
    """
    _square(problem)
    observed = np.asarray(problem.observed)
    if observed.all():
        raise ValueError("`problem` has no free entry; hide one at least.")
    solutions = np.where(observed, problem.values, run.W)
    return {
        "loss": run.loss,
        "error": np.sqrt(2 * run.loss),
        "hidden": np.abs(run.W[:, ~observed]).max(axis=1),
        "distance": trajectories.along(ranks.singular_values, run.W)[:, -1],
        "solution_distance": trajectories.along(ranks.singular_values, solutions)[:, -1],
        "effective_rank": trajectories.along(ranks.effective_rank, run.W),
    }


def frobenius_lower_bound(
    loss: Real[ArrayLike, "*shape"], determinant: Real[ArrayLike, ""], size: int
) -> Float[Array, "*shape"]:
    r"""Least $\|W\|_F$ if all solutions have one `determinant` $\Delta \ne 0$ and $\det W$ has not its sign.

    $$\|W\|_F \ge \sqrt{d - 1} \, (|\Delta| / r)^{1/(d-1)} - r, \qquad r = \sqrt{2 \ell(W)},$$

    or 0 where that is negative. So no sequence of such $W$ can fit better and better and stay bounded. *Proof.* The
    nearest solution has $\sigma_d \le r$, and its other singular values have the product $|\Delta| / \sigma_d$; the
    arithmetic mean of their squares is at least the geometric one. It is $r$ away from $W$.

    **Raises:** ValueError if a loss is negative or not finite, `determinant` is zero or `size` below 2.

    **Example:**

    ```python
    >>> [round(float(higher_dimensions.frobenius_lower_bound(5e-9, -1.0, d)), 1) for d in (2, 3, 5)]
    [10000.0, 141.4, 20.0]

    ```
    """
    loss, others = _check.nonnegative(loss, "loss"), _check.integer(size, "size", 2) - 1
    return _frobenius_lower_bound(loss, _check.nonzero(determinant, "determinant"), others)


@one_program(static_argnums=2)
def _frobenius_lower_bound(loss, determinant, others):
    r = jnp.sqrt(2 * loss)
    return jnp.maximum(jnp.sqrt(float(others)) * (jnp.abs(determinant) / r) ** (1 / others) - r, 0.0)


def hidden_block_lower_bound(problem: Completion, loss: Real[ArrayLike, "*shape"]) -> Float[Array, "*shape"]:
    r"""Least spectral norm of the hidden block of $W$ if all solutions have one determinant and $\det W$ not its sign.

    Let what is hidden be a block $X$, in the rows $I$ and the columns $J$, and $A$ the inverse of the solution with
    $X = 0$. With $r = \sqrt{2 \ell(W)}$ and spectral norms

    $$\|X\| \ge \frac{1/r - \|A\|}{\|A_{\cdot I}\| \, \|A_{J \cdot}\|},$$

    or 0 where that is negative. *Proof.* The solution with $X$ has the determinant
    $\Delta \det(I + A_{JI} X)$, which is $\Delta$ for every $X$, so $A_{JI} = 0$ (try multiples of $A_{JI}^\top$).
    Hence its inverse is $A - A_{\cdot I} X A_{J \cdot}$. The nearest solution has the hidden block of $W$ and
    $\sigma_d \le r$ by `distances_from_singular`, so an inverse of norm at least $1/r$.

    **Raises:** ValueError if a loss is negative or not finite, the task is not square, what it hides is no block, or
    its solutions do not share a determinant other than zero.

    **Example:**

    ```python
    >>> higher_dimensions.hidden_block_lower_bound(higher_dimensions.square_family(5), jnp.array([5e-3, 5e-5]))
    Array([ 9., 99.], dtype=float64)

    ```
    """
    loss = _check.nonnegative(loss, "loss")
    _square(problem)
    observed = np.asarray(problem.observed)
    rows, columns = map(np.unique, np.nonzero(~observed))
    if observed.all() or np.sum(~observed) != len(rows) * len(columns):
        raise ValueError("`problem` must hide a block, all places that some rows share with some columns.")
    if not shared_determinant(problem):
        raise ValueError("`problem` must have solutions that share a determinant other than zero.")
    A = np.linalg.inv(np.where(observed, problem.values, 0.0))
    size, left, right = (np.linalg.norm(part, 2) for part in (A, A[:, rows], A[columns]))
    return _hidden_block_lower_bound(loss, size, left * right)


@one_program
def _hidden_block_lower_bound(loss, size, share):
    return jnp.maximum((1 / jnp.sqrt(2 * loss) - size) / share, 0.0)


def _hidden_block(shape, block):
    """All entries observed but those of a block in the first rows and columns."""
    i, j = np.indices(shape)
    return (i >= block[0]) | (j >= block[1])


def _block_shape(shape):
    m, n = _check.matrix_shape(shape)
    return _check.integer(m, "shape[0]", 2), _check.integer(n, "shape[1]", 2)


def _square(problem: Completion) -> int:
    """The size of a square problem, without which there is no determinant."""
    m, n = problem.shape
    if m != n:
        raise ValueError(f"`problem` must be square to have a determinant; got shape {problem.shape}.")
    return m
