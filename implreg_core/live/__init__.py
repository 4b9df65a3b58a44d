r"""Whole experiments on the 2x2 problem that a reader's page can run: from a few numbers to columns of an explorer.

Each is a plain function of arrays that `javascript.compile_to_javascript` covers, and the computations are those of the
other modules. Its result is a dictionary of columns of one length, which the arguments with a default do not change
unless they are steps. Rows after the end of a run repeat the last one. A row in which the run diverged has an infinite
loss. Arguments other than `depth` and the numbers of steps may be traced, and no value is checked.

Ask for few columns: what is not used is not computed, once the function is compiled.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from implreg_core import descent, factorizations, nonlinear, norms, problems, stability, trajectories
from implreg_core.descent import objective_gradient
from implreg_core.factorizations import Factors
from implreg_core.flow import _two_by_two_path
from implreg_core.flow._two_by_two import Flow
from implreg_core.live._lanczos import largest_eigenvalue

Number = Float[Array, ""] | float
Columns = dict[str, Float[Array, " n"]]

_FLOW_RTOL = 1e-7  # the default of `flow.sign_preserving_flow`
_FLOW_ROWS, _FLOW_TRIES = 640, 2000
_ROUNDING = 1e-13  # of a determinant, relative to its two products
_LARGEST = 1e9  # what stands for infinity in a line that is drawn


def descent_columns(
    W0: Float[Array, "2 2"],
    learning_rate: Number,
    *,
    depth: int,
    max_steps: int = 100_000,
    target_loss: Number = 1e-5,
    per_decade: int = 30,
    z: Number = 1.0,
    z_prime: Number = 1.0,
    eps: Number = 0.0,
) -> Columns:
    r"""Gradient descent on balanced factors of `W0`, fitted to `problems.two_by_two(z, z_prime, eps)`.

    **Returns:** the columns of `trajectories.measures`, the bound for the given observations, and

    - `step` and `time`, counted from 1;
    - `w`, the unseen entry with its sign, and `w12`, `w21`, `w22`;
    - `det_sign`, the sign of $\det W$, from the factors;
    - `relative_sharpness`, $\eta / 2$ times `stability.sharpness`, which is at most 1 where descent is stable, and
      `stability_limit`, that 1;
    - `edge_of_stability`, the unseen entry where the two should meet.

    **Example:**

    ```python
    >>> columns = live.descent_columns(0.1 * jnp.eye(2), 0.1, depth=2, max_steps=1000, per_decade=3)
    >>> columns["step"].shape, bool(columns["relative_sharpness"].max() < 1)  # stable
    ((12,), True)

    ```
    """
    problem = problems.two_by_two(z, z_prime, eps)
    rows = descent.recorded_descent(
        problem,
        factorizations.balanced(W0, depth),
        learning_rate=learning_rate,
        record_at=descent.log_spaced_steps(max_steps, per_decade),
        target_loss=target_loss,
    )

    def row(step, loss, W, factors):
        return {
            **_of_matrix(W, loss, z, z_prime, eps),
            **_of_descent(step, learning_rate),
            "det_sign": factorizations.slogdet(factors)[0],
            "relative_sharpness": learning_rate / 2 * _sharpness(problem, factors),
            "stability_limit": jnp.ones(()),
            "edge_of_stability": stability.edge_of_stability(learning_rate, depth),
        }

    return jax.lax.map(lambda rows: row(*rows), rows)


def leaky_columns(
    scale: Number,
    slope: Number,
    learning_rate: Number,
    *,
    directions: Factors,
    max_steps: int = 100_000,
    target_loss: Number = 1e-5,
    per_decade: int = 30,
    z: Number = 1.0,
    z_prime: Number = 1.0,
    eps: Number = 0.0,
) -> Columns:
    r"""Gradient descent with leaky ReLUs of the given `slope` between the factors, as in `nonlinear`.

    The factors start at `scale`$^{1/L}$ times `directions`, so that the completed matrix starts at `scale` times
    theirs: activations are positively homogeneous.

    **Returns:** the columns of `trajectories.measures`, `step` and `time` from 1, and of the completed matrix `w`,
    `w12`, `w21`, `w22` and `det_sign`. That is $-1$ where $\det W < 0$ and else 1: the bound on the unseen entry
    needs no more than $\det W \ge 0$, and at slope 0 many matrices are singular, but for rounding.

    **Example:**

    ```python
    >>> directions = (jnp.eye(2), jnp.eye(2))
    >>> columns = live.leaky_columns(0.01, 0.5, 0.1, directions=directions, max_steps=1000, per_decade=3)
    >>> columns["w"][0], bool(columns["loss"][-1] < columns["loss"][0])
    (Array(0.01, dtype=float64), True)

    ```
    """
    step, loss, W, _ = nonlinear.recorded_descent(
        problems.two_by_two(z, z_prime, eps),
        tuple(jnp.asarray(scale) ** (1 / len(directions)) * direction for direction in directions),
        nonlinear.LeakyReLU(slope),
        learning_rate=learning_rate,
        record_at=descent.log_spaced_steps(max_steps, per_decade),
        target_loss=target_loss,
    )

    def row(step, loss, W):
        return {
            **_of_matrix(W, loss, z, z_prime, eps),
            **_of_descent(step, learning_rate),
            "det_sign": _det_sign(W),
        }

    return jax.lax.map(lambda rows: row(*rows), (step, loss, W))


def flow_columns(
    W0: Float[Array, "2 2"],
    *,
    depth: Number,
    target_loss: Number = 1e-20,
    z: Number = 1.0,
    z_prime: Number = 1.0,
    eps: Number = 0.0,
) -> Columns:
    r"""The exact balanced flow from the product `W0`, for `problems.two_by_two(z, z_prime, eps)`.

    As `flow.sign_preserving_flow`, by its equations and its tolerance: at a given loss the unseen entry differs from
    that by at most 2e-5, relative to $0.1 + |w|$, for depths 2 to 10 and losses down to 1e-20. The depth may be
    traced, so that one program serves all depths. Rows are the steps of the solver. It stops at the target loss, at the
    floor $\epsilon^2 / 2$, or when it has used up its 640 rows or 2000 attempts, as near a saddle point. A singular
    `W0`, from which it can take no step, has an infinite loss.

    **Returns:** the columns of `trajectories.measures`, the bound for the given observations, and

    - `t`, positive, and `time`, which is $1 + t$;
    - `w`, the unseen entry with its sign, and `w12`, `w21`, `w22`;
    - `det_sign`, the sign of $\det W$, which the flow keeps;
    - `decades`, which is $-\log_{10} \ell$, and `tightness`, which is $|w| \sqrt{2 \ell}$;
    - `entry_law` $((2L + 2) t)^{L / (2L + 2)}$ and `loss_law` $\frac12 ((2L + 2) t)^{-L / (L + 1)}$, the rates at which
      $|w|$ and the loss go to their limits for $\epsilon = 0$;
    - `rank_one` and `least_norm`, the unseen entries of the solution of rank one and of the one of least nuclear
      norm, and `rank_one_nuclear` and `least_nuclear`, their nuclear norms. Without a solution of rank one, a large
      number stands for infinity.

    **Example:**

    ```python
    >>> columns = jax.eval_shape(lambda W0: live.flow_columns(W0, depth=2.0), jnp.eye(2))
    >>> columns["tightness"]  # a row for each step of the solver
    ShapeDtypeStruct(shape=(639,), dtype=float64)

    ```
    """
    depth, problem = jnp.asarray(depth, float), problems.two_by_two(z, z_prime, eps)
    det = W0[0, 0] * W0[1, 1] - W0[0, 1] * W0[1, 0]
    size = jnp.sqrt(jnp.sum(W0**2))
    flow = Flow(problem.values, jnp.sign(det), depth, size, jnp.asarray(target_loss, float), jnp.asarray(_FLOW_RTOL))
    path = _two_by_two_path.path(W0, jnp.log(jnp.abs(det)), flow, rows=_FLOW_ROWS, tries=_FLOW_TRIES)
    last = path.last
    of_solutions = _of_solutions(z, z_prime, eps)

    def row(i, _):
        state = _two_by_two_path.state_of(path.rows[jnp.minimum(i, last)])
        loss, w = jnp.where(last > 0, state.loss, jnp.inf), state.W[0, 0]
        t = flow.time_unit * jnp.expm1(state.log_time)
        columns = {
            **_of_matrix(state.W, loss, z, z_prime, eps),
            **of_solutions,
            "det_sign": flow.det_sign,
            "t": t,
            "time": 1 + t,
            "decades": -jnp.log10(loss),
            "tightness": jnp.abs(w) * jnp.sqrt(2 * loss),
            "entry_law": ((2 * depth + 2) * t) ** (depth / (2 * depth + 2)),
            "loss_law": 0.5 * ((2 * depth + 2) * t) ** (-depth / (depth + 1)),
        }
        return i + 1, columns

    # from row 1: the start, at t = 0, has no place on a logarithmic axis
    return jax.lax.scan(row, 1, None, _FLOW_ROWS - 1)[1]


def _of_solutions(z, z_prime, eps):
    r"""Where the solutions have rank one, and where the least nuclear norm.

    With $\sigma_1 \sigma_2 = |w \epsilon - z z'|$, the squared nuclear norm is
    $w^2 + z^2 + z'^2 + \epsilon^2 + 2 |w \epsilon - z z'|$: least at $w = \pm \epsilon$, with the sign of $z z'$, or at
    the kink if that is nearer to 0.
    """
    zz, eps = jnp.asarray(z * z_prime, float), jnp.asarray(eps, float)
    rank_one = jnp.clip(zz / eps, -_LARGEST, _LARGEST)
    least = jnp.where(eps**2 <= jnp.abs(zz), jnp.sign(zz) * eps, rank_one)

    def nuclear(w):
        return norms.nuclear(problems.two_by_two_solution(w, z, z_prime, eps))

    return {
        "rank_one": rank_one,
        "rank_one_nuclear": nuclear(rank_one),
        "least_norm": least,
        "least_nuclear": nuclear(least),
    }


def _of_matrix(W, loss, z, z_prime, eps):
    """Columns that every run has."""
    (w, w12), (w21, w22) = W
    return {**trajectories.measures_of(W, loss, z, z_prime, eps), "w": w, "w12": w12, "w21": w21, "w22": w22}


def _det_sign(W):
    """-1 where the determinant is negative by more than rounding, else 1."""
    straight, crossed = W[0, 0] * W[1, 1], W[0, 1] * W[1, 0]
    return jnp.where(straight - crossed < -_ROUNDING * (jnp.abs(straight) + jnp.abs(crossed)), -1.0, 1.0)


def _of_descent(step, learning_rate):
    step = step.astype(float)
    return {"step": 1.0 + step, "time": 1.0 + learning_rate * step}


def _sharpness(problem, factors):
    """`stability.sharpness` by products of the Hessian with vectors."""
    shapes = [W.shape for W in factors]
    ends = np.cumsum([np.prod(shape) for shape in shapes])
    x = jnp.concatenate([W.ravel() for W in factors])

    def gradient(x):
        parts = jnp.split(x, ends[:-1])
        factors = tuple(part.reshape(shape) for part, shape in zip(parts, shapes, strict=True))
        return jnp.concatenate([G.ravel() for G in objective_gradient(problem, factors)])

    return largest_eigenvalue(lambda v: jax.jvp(gradient, (x,), (v,))[1], x.size)
