r"""Rodas5P, a linearly implicit method of order 5 for stiff autonomous systems, one step at a time.

A Rosenbrock method solves linear systems only, so it cannot be misled by a Newton iteration that fails to converge, and
a loop over its steps can be vmapped without waste. diffrax offers none so far. The systems are solved without LAPACK,
so that a page can do it too.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import lu_factor, lu_solve
from jaxtyping import Array, Float

_SMALL = 8  # states, up to which elimination is written out, without LAPACK


def _lower_triangular(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array([[*row, *[0.0] * (len(rows) - len(row))] for row in rows])


# Steinebach (2023), in the form without products by the Jacobian (Hairer & Wanner 1996, equation IV.7.25).
_GAMMA = 0.21193756319429014
_SIXTH = (
    *(-7.502846399306121, 2.561846144803919, -11.627539656261098),
    *(-0.18268767659942256, 0.030198172008377946),
)
_A = _lower_triangular(
    (),
    (3.0,),
    (2.849394379747939, 0.45842242204463923),
    (-6.954028509809101, 2.489845061869568, -10.358996098473584),
    (2.8029986275628964, 0.5072464736228206, -0.3988312541770524, -0.04721187230404641),
    _SIXTH,
    (*_SIXTH, 1.0),
    (*_SIXTH, 1.0, 1.0),
)
_C = _lower_triangular(
    (),
    (-14.155112264123755,),
    (-17.97296035885952, -2.859693295451294),
    (147.12150275711716, -1.41221402718213, 71.68940251302358),
    (165.43517024871676, -0.4592823456491126, 42.90938336958603, -5.961986721573306),
    (24.854864614690072, -3.0009227002832186, 47.4931110020768, 5.5814197821558125, -0.6610691825249471),
    (
        *(30.91273214028599, -3.1208243349937974, 77.79954646070892),
        *(34.28646028294783, -19.097331116725623, -28.087943162872662),
    ),
    (
        *(37.80277123390563, -3.2571969029072276, 112.26918849496327, 66.9347231244047),
        *(-40.06618937091002, -54.66780262877968, -9.48861652309627),
    ),
)


def step(f: Callable, y: Float[Array, " n"], h: Float[Array, ""]) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    r"""The solution of $\dot y = f(y)$ after a time `h`, and its error.

    Eight stages $U_i$, all with the one matrix $M = I / (\gamma h) - f'(y)$:

    $$M U_i = f\Bigl(y + \sum_{j<i} a_{ij} U_j\Bigr) + \frac1h \sum_{j<i} c_{ij} U_j$$

    The result is the argument of the last stage plus $U_8$, and $U_8$ is also the error estimate. L-stable and stiffly
    accurate.

    **References:** Steinebach (2023), Construction of Rosenbrock-Wanner method Rodas5P, BIT 63.
    """
    n = y.size
    if small := n <= _SMALL:
        columns = jax.lax.map(lambda e: jax.jvp(f, (y,), (e,))[1], jnp.eye(n))
        LU = _eliminated(jnp.eye(n) / (_GAMMA * h) - columns.T)
    else:
        M = jnp.eye(n) / (_GAMMA * h) - jax.jacfwd(f)(y)
        rows = jnp.max(jnp.abs(M), axis=1)  # whose scales matter where rows are exchanged
        LU = lu_factor(M / rows[:, None])

    def stage(U, row):
        i, a, c = row
        point = y + a @ U
        b = f(point) + c @ U / h
        U_i = _solved(LU, b) if small else lu_solve(LU, b / rows)
        return U.at[i].set(U_i), point + U_i

    stages = (jnp.arange(len(_A)), jnp.asarray(_A), jnp.asarray(_C))
    U, ys = jax.lax.scan(stage, jnp.zeros((len(_A), n)), stages)
    return ys[-1], U[-1]


def _eliminated(M: Float[Array, "n n"]) -> Float[Array, "n n"]:
    """Both triangles of Gauss' elimination, in one matrix. Rows are not exchanged, so their scales do not matter."""
    for j in range(len(M) - 1):
        multipliers = M[j + 1 :, j] / M[j, j]
        M = M.at[j + 1 :, j + 1 :].add(-multipliers[:, None] * M[j, j + 1 :]).at[j + 1 :, j].set(multipliers)
    return M


def _solved(LU: Float[Array, "n n"], b: Float[Array, " n"]) -> Float[Array, " n"]:
    x = list(b)
    for i in range(len(x)):
        x[i] = x[i] - sum(LU[i, j] * x[j] for j in range(i))
    for i in reversed(range(len(x))):
        x[i] = (x[i] - sum(LU[i, j] * x[j] for j in range(i + 1, len(x)))) / LU[i, i]
    return jnp.stack(x)
