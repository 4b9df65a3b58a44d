r"""Rodas5P, a linearly implicit method of order 5 for stiff autonomous systems, as a diffrax solver.

A Rosenbrock method solves linear systems only, so it cannot be misled by a Newton iteration that fails to
converge, and its one loop over steps can be vmapped without waste. diffrax itself offers none so far.
"""

from collections.abc import Callable
from typing import ClassVar

import diffrax
import jax
import jax.numpy as jnp
import numpy as np


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


class Rodas5P(diffrax.AbstractAdaptiveSolver):
    r"""Eight stages $U_i$, all with the one matrix $M = I / (\gamma h) - f'(y_0)$:

    $$M U_i = f\Bigl(y_0 + \sum_{j<i} a_{ij} U_j\Bigr) + \frac1h \sum_{j<i} c_{ij} U_j$$

    The result is the argument of the last stage plus $U_8$, and $U_8$ is also the error estimate, handed to
    the step size controller divided by `error_scale(y, args)`: a scale may depend on the whole state.
    L-stable and stiffly accurate. Made for autonomous vector fields on vectors; one that depends on time
    loses the order.

    **References:** Steinebach (2023), Construction of Rosenbrock-Wanner method Rodas5P, BIT 63.
    """

    error_scale: Callable

    term_structure: ClassVar = diffrax.ODETerm
    interpolation_cls: ClassVar = diffrax.LocalLinearInterpolation

    def order(self, terms):
        return 5

    def error_order(self, terms):
        return 5

    def init(self, terms, t0, t1, y0, args):
        return None

    def func(self, terms, t0, y0, args):
        return terms.vf(t0, y0, args)

    def step(self, terms, t0, t1, y0, args, solver_state, made_jump):
        h = t1 - t0

        def f(y):
            return terms.vf(t0, y, args)

        M = jnp.eye(y0.size) / (_GAMMA * h) - jax.jacfwd(f)(y0)
        row_scale = 1 / jnp.max(jnp.abs(M), axis=1)  # rows may differ by many orders of magnitude
        inverse = jnp.linalg.inv(M * row_scale[:, None])  # eight LU solves would cost far more in a batch

        def stage(U, row):
            i, a, c = row
            y = y0 + a @ U
            U_i = inverse @ (row_scale * (f(y) + c @ U / h))
            return U.at[i].set(U_i), y + U_i

        stages = (jnp.arange(len(_A)), jnp.asarray(_A), jnp.asarray(_C))
        U, y = jax.lax.scan(stage, jnp.zeros((len(_A), y0.size)), stages)
        y1 = y[-1]
        return y1, U[-1] / self.error_scale(y1, args), {"y0": y0, "y1": y1}, None, diffrax.RESULTS.successful
