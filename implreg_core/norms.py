r"""Norms and quasi-norms of a matrix, each with the constants by which Theorem 1 knows it.

A quasi-norm satisfies $\|A + B\| \le c \, (\|A\| + \|B\|)$ with some $c \ge 1$; it is a norm if $c = 1$ will do. The
norms of a spectrum go through `ranks.singular_values`; batches are `jax.vmap`'s work.

Where a norm has no gradient, `jax.grad` returns a subgradient. A quasi-norm with $p < 1$ has none at zeros among its
entries or singular values: what comes out there is infinite or NaN.
"""

import math
from collections.abc import Callable
from functools import cache, partial
from numbers import Real

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from implreg_core import _check
from implreg_core._compile import one_program
from implreg_core.ranks import singular_values

_LEAST_EXPONENT = 2e-3  # below it the square of c = 2^(1/p - 1) leaves double precision


class Norm(eqx.Module):
    """A (quasi-)norm: call it on a matrix. Build one with the functions of this module, or `custom`.

    **Example:**

    ```python
    >>> norms.nuclear.name, norms.nuclear.quasi_triangle_constant
    ('nuclear', 1.0)
    >>> W = jnp.diag(jnp.array([3.0, 4.0]))
    >>> norms.nuclear(W), norms.frobenius(W), norms.spectral(W)
    (Array(7., dtype=float64), Array(5., dtype=float64), Array(4., dtype=float64))

    ```
    """

    name: str = eqx.field(static=True)
    quasi_triangle_constant: float = eqx.field(static=True)
    function: Callable = eqx.field(static=True)

    def __call__(self, W: Float[ArrayLike, "m n"]) -> Float[Array, ""]:
        """The norm of `W`; zero for the zero matrix.

        **Raises:** ValueError if `W` is not one finite matrix, or if the function behind the norm returns
        anything but one finite, nonnegative number.

        **Example:**

        ```python
        >>> norms.max_entry(jnp.array([[1.0, -7.0]]))
        Array(7., dtype=float64)

        ```
        """
        value = _check.real(self.function(_check.matrix(W, "W")), f"function(W) of {self.name}")
        _check.same_shape(value, (), f"function(W) of {self.name}")
        return _check.nonnegative(value, f"function(W) of {self.name}")

    def unit_matrix_norm(self, i: int, j: int, shape: tuple[int, int] = (2, 2)) -> Float[Array, ""]:
        r"""The norm of $e_i e_j^\top$, the matrix of given `shape` with a single 1 in row `i` and column `j`.

        Rows and columns count from 0. The value is 1 for all norms of this module, but a norm of the
        reader's own may weigh the entries.

        **Raises:** ValueError if `shape` is not two positive integers, or `i` or `j` lies outside it.

        **Example:**

        ```python
        >>> weights = jnp.array([[1.0, 2.0], [3.0, 4.0]])
        >>> weighted = norms.custom(lambda W: jnp.sum(weights * jnp.abs(W)))
        >>> norms.nuclear.unit_matrix_norm(0, 1), weighted.unit_matrix_norm(0, 1)
        (Array(1., dtype=float64), Array(2., dtype=float64))

        ```
        """
        m, n = _check.matrix_shape(shape)
        i, j = _check.integer(i, "i", 0, m - 1), _check.integer(j, "j", 0, n - 1)
        return self(jnp.zeros((m, n)).at[i, j].set(1.0))


@cache  # the same object again for the same exponent, so that `jit` knows it
def schatten(p: Real) -> Norm:
    r"""Schatten-$p$: $(\sum_i \sigma_i^p)^{1/p}$, and $\sigma_1$ for $p = \infty$; $c = \max(1, 2^{1/p-1})$.

    Nuclear for $p = 1$, Frobenius for $p = 2$, spectral for $p = \infty$; a quasi-norm for $p < 1$, whose
    $c$ is attained by two rank-one matrices of equal norm with orthogonal rows and columns.

    **Raises:** ValueError if `p` is below 0.002, where the constants of Theorem 1 would overflow.

    **Example:**

    ```python
    >>> norm = norms.schatten(0.5)
    >>> norm(jnp.diag(jnp.array([1.0, 0.0]))), norm(jnp.eye(2)), norm.quasi_triangle_constant  # 4 = c (1 + 1)
    (Array(1., dtype=float64), Array(4., dtype=float64), 2.0)

    ```
    """
    p = _exponent(p)
    return Norm(f"Schatten-{p:g}", _power_sum_constant(p), partial(_schatten, p=p))


@cache
def entrywise(p: Real) -> Norm:
    r"""Entrywise $\ell_p$: $(\sum_{ij} |W_{ij}|^p)^{1/p}$, and $\max_{ij} |W_{ij}|$ for $p = \infty$.

    Its $c$ is that of Schatten-$p$, $\max(1, 2^{1/p-1})$.

    **Raises:** ValueError if `p` is below 0.002, where the constants of Theorem 1 would overflow.

    **Example:**

    ```python
    >>> norms.entrywise(1)(jnp.array([[1.0, -2.0], [3.0, 0.0]]))
    Array(6., dtype=float64)

    ```
    """
    p = _exponent(p)
    return Norm(f"entrywise {p:g}", _power_sum_constant(p), partial(_entrywise, p=p))


@cache
def ky_fan(k: int) -> Norm:
    r"""Ky Fan $k$: $\sum_{i \le k} \sigma_i$, a norm ($c = 1$).

    Spectral for $k = 1$, nuclear for $k = \min(m, n)$.

    **Raises:** ValueError if `k` is not a positive integer, and, when called, if the matrix has fewer than
    `k` singular values.

    **Example:**

    ```python
    >>> norms.ky_fan(2)(jnp.diag(jnp.array([3.0, 2.0, 1.0])))
    Array(5., dtype=float64)

    ```
    """
    k = _check.integer(k, "k", 1)
    return Norm(f"Ky Fan {k}", 1.0, partial(_ky_fan, k=k))


def scaled(norm: Norm, factor: Real = 1.0, *, dimension_power: Real = 0.0) -> Norm:
    r"""A multiple of a (quasi-)norm, $f \, d^h \, \|W\|$; $d$ is the larger of the numbers of rows and columns.

    `factor` is $f$ and `dimension_power` is $h$; $c$ stays what it is, since both sides of the quasi-triangle
    inequality have one shape.

    **Raises:** ValueError if `factor` is not positive and finite, or `dimension_power` is not finite.

    **Example:**

    ```python
    >>> norms.scaled(norms.nuclear, dimension_power=-1)(jnp.eye(5)).item()  # the mean singular value
    1.0

    ```
    """
    factor = float(_check.positive(factor, "factor"))
    power = float(_check.finite(dimension_power, "dimension_power"))
    scale = f"{factor:g}" + (f" d^{power:g}" if power else "")
    function = partial(_scaled, norm=norm, factor=factor, power=power)
    return Norm(f"{scale} {norm.name}", norm.quasi_triangle_constant, function)


def total(*norms: Norm) -> Norm:
    r"""The sum of (quasi-)norms. Its $c$ is the largest of theirs.

    *Proof.* Each term of the sum at $A + B$ is at most its own $c$, so at most the largest, times the sum of
    that term at $A$ and at $B$. Add up.

    **Raises:** ValueError without a norm.

    **Example:**

    ```python
    >>> norms.total(norms.nuclear, norms.frobenius)(jnp.diag(jnp.array([3.0, 4.0]))).item()
    12.0

    ```
    """
    return _combined(norms, " + ", jnp.sum)


def greatest(*norms: Norm) -> Norm:
    r"""The largest of (quasi-)norms at each matrix. Its $c$ is the largest of theirs.

    *Proof.* The one that is largest at $A + B$ is there at most the largest $c$ times the sum of its values at
    $A$ and at $B$, and each of these is at most the maximum there.

    **Raises:** ValueError without a norm.

    **Example:**

    ```python
    >>> norms.greatest(norms.spectral, norms.scaled(norms.nuclear, 0.6))(jnp.eye(2)).item()
    1.2

    ```
    """
    return _combined(norms, ", ", jnp.max)


def _combined(norms: tuple[Norm, ...], sign: str, reduce: Callable) -> Norm:
    if not norms:
        raise ValueError("`norms` is empty; pass one (quasi-)norm at least.")
    name = ("({})" if reduce is jnp.sum else "max({})").format(sign.join(norm.name for norm in norms))
    c = max(norm.quasi_triangle_constant for norm in norms)
    return Norm(name, c, partial(_reduced, norms=norms, reduce=reduce))


def custom(function: Callable, *, quasi_triangle_constant: Real = 1.0, name: str = "custom") -> Norm:
    r"""A reader's own (quasi-)norm: `function` takes a matrix to a scalar.

    That the function is absolutely homogeneous and satisfies the quasi-triangle inequality with the stated
    constant $c$ is taken on trust.

    **Raises:** ValueError if `function` is not callable, or `quasi_triangle_constant` is not finite or
    below 1.

    **Example:**

    ```python
    >>> longest_column = norms.custom(lambda W: jnp.max(jnp.linalg.norm(W, axis=0)), name="longest column")
    >>> longest_column(jnp.array([[3.0, 1.0], [4.0, 0.0]]))
    Array(5., dtype=float64)

    ```
    """
    if not callable(function):
        raise ValueError(f"`function` must be callable; got {function!r}.")  # noqa: TRY004
    c = float(quasi_triangle_constant)
    if not (math.isfinite(c) and c >= 1):
        raise ValueError(f"`quasi_triangle_constant` must be finite and at least 1; got {c}. Norms have 1.")
    return Norm(name, c, function)


# What is behind the norms, by name and not as lambdas, so that norms can be pickled and sent to other processes.


def _schatten(W, *, p):
    return _power_sum(singular_values(W), p)


def _entrywise(W, *, p):
    return _power_sum(jnp.abs(W).ravel(), p)


def _ky_fan(W, *, k):
    return jnp.sum(singular_values(W)[: _check.integer(k, "k", 1, min(W.shape))])


def _scaled(W, *, norm, factor, power):
    return factor * float(max(W.shape)) ** power * norm.function(W)


def _reduced(W, *, norms, reduce):
    return reduce(jnp.stack([norm.function(W) for norm in norms]))


def _largest_sum(W, *, axis):
    return jnp.max(jnp.sum(jnp.abs(W), axis=axis))


def _exponent(p: Real) -> float:
    p = float(p)
    if not p >= _LEAST_EXPONENT:  # so that NaN is refused too
        raise ValueError(f"`p` must be at least {_LEAST_EXPONENT}; got {p}. `math.inf` is allowed.")
    return p


def _power_sum_constant(p: float) -> float:
    return max(1.0, 2.0 ** (1 / p - 1))


@one_program(static_argnums=1)
def _power_sum(x: Float[Array, " n"], p: float) -> Float[Array, ""]:
    r"""$(\sum_i x_i^p)^{1/p}$ for $x \ge 0$, relative to the largest so that no power underflows."""
    largest = jnp.max(x)
    if p == math.inf:
        return largest
    # The value does not depend on what powers are relative to. The gradient of the zero matrix is zero.
    is_zero = largest == 0
    safe = jax.lax.stop_gradient(jnp.where(is_zero, 1.0, largest))
    total = jnp.sum((x / safe) ** p)
    return jnp.where(is_zero, 0.0, safe * jnp.where(is_zero, 1.0, total) ** (1 / p))


def _renamed(norm: Norm, name: str) -> Norm:
    return Norm(name, norm.quasi_triangle_constant, norm.function)


nuclear = _renamed(schatten(1), "nuclear")
frobenius = _renamed(entrywise(2), "Frobenius")  # no decomposition needed
spectral = _renamed(schatten(math.inf), "spectral")
max_entry = _renamed(entrywise(math.inf), "max entry")
# induced by the entrywise 1-norm and the largest entry of vectors
max_column_sum = Norm("max column sum", 1.0, partial(_largest_sum, axis=0))
max_row_sum = Norm("max row sum", 1.0, partial(_largest_sum, axis=1))
