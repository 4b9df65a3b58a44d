r"""Greedy low-rank learning: gradient flow from an infinitesimal start as an algorithm that raises the rank one by one.

At a critical point $W_r$ of rank $r$ it adds an infinitesimal multiple of the leading singular pair of
$-\nabla \ell(W_r)$ and follows the flow of depth 2 through hidden layers of $r + 1$ units to the next critical point.
It starts at $W_0 = 0$, and ends where the loss vanishes. `flow` and `descent` integrate the full flow, to compare with.
"""

import equinox as eqx
import numpy as np
from jaxtyping import ArrayLike, Float
from scipy.integrate import solve_ivp

from implreg_core import _check
from implreg_core.problems import Completion

_KICK = 1e-9  # what is added, in units of the leading singular value
_FLAT = 1e-9  # a gradient of the factors that counts as zero, where the largest observation is 1
_TIE = 1e-6  # relative gap below which the leading singular value counts as double
_END = 1e6  # time, in units of one over the leading singular value, to arrive in
_ROWS = 200  # of each path, evenly spaced along it


class Step(eqx.Module):
    r"""One step of greedy low-rank learning: where it ended, how it came there, and what pulls it away.

    **Example:**

    ```python
    >>> steps = greedy.greedy_low_rank(problems.two_by_two(1.0, 0.5))
    >>> steps[1].rank, steps[1].W.round(6), steps[1].sigma.round(6)  # on to rank two, at rate 0.5
    (1, array([[0., 1.],
           [0., 0.]]), array([0.5, 0. ]))
    >>> round(steps[1].curvature, 4)  # but within rank one this is a saddle point too, left at rate 0.2071
    -0.2071

    ```
    """

    rank: int
    W: Float[np.ndarray, "m n"]  # the critical point
    loss: float  # there
    sigma: Float[np.ndarray, " k"]  # singular values of minus the gradient of the loss there
    curvature: float  # least of the loss in balanced factors of this rank; below zero at a saddle point within the rank
    path: Float[np.ndarray, "rows m n"]  # the way to it from the step before
    settled: bool  # whether the flow arrived in time; if not, W is where it had come to


def greedy_low_rank(problem: Completion, *, target_loss: float = 1e-12) -> list[Step]:
    r"""Greedy low-rank learning from $W = 0$, until the loss is `target_loss`, the rank full or a step unsettled.

    $$W_{r+1} = \lim_{t \to \infty} \, \lim_{\varepsilon \to 0} \Phi_t (W_r + \varepsilon \, u v^\top)$$

    with $\Phi$ the balanced flow of depth 2 and $u, v$ the leading singular vectors of $-\nabla \ell(W_r)$. Here
    $\varepsilon$ is $10^{-9}$ times their singular value. A step that has not come to rest after a time of $10^6$ over
    that value is not `settled`, and the last.

    **Returns:** the steps, from rank 0 on.

    **Raises:** ValueError if the leading singular value is double, so that no step is defined, or `target_loss` is not
    positive.

    **Source:** Li, Luo and Lyu (2021), whose abstract names it; the details are ours.

    **Example:**

    ```python
    >>> seen = problems.completion(jnp.diag(jnp.array([3.0, 2.0, 1.0])), jnp.ones((3, 3), bool))
    >>> for step in greedy.greedy_low_rank(seen):  # where all is seen: the largest singular values first
    ...     print(step.rank, round(step.loss, 6), np.diag(step.W).round(3))
    0 7.0 [0. 0. 0.]
    1 2.5 [3. 0. 0.]
    2 0.5 [3. 2. 0.]
    3 0.0 [3. 2. 1.]
    >>> greedy.greedy_low_rank(problems.two_by_two())
    Traceback (most recent call last):
        ...
    ValueError: `problem` has no next step at rank 0: the leading singular values 1 and 1 of minus the gradient...

    ```
    """
    target_loss = float(_check.positive(target_loss, "target_loss"))
    values, observed = np.asarray(problem.values), np.asarray(problem.observed)
    unit = np.max(np.abs(values)) or 1.0
    values, target_loss = values / unit, target_loss / unit**2
    m, n = values.shape
    A, B = np.zeros((m, 0)), np.zeros((0, n))
    steps = [_step(A, B, values, observed, np.zeros((1, m, n)), True)]
    while (last := steps[-1]).settled and last.loss > 2 * target_loss and last.rank < min(m, n):
        u, v = _leading(values, observed, last)
        kick = np.sqrt(_KICK * last.sigma[0])
        A, B = np.hstack([A, kick * u[:, None]]), np.vstack([B, kick * v[None]])
        A, B, path, settled = _follow(A, B, values, observed, _END / last.sigma[0], target_loss)
        steps.append(_step(A, B, values, observed, path, settled))
        A, B = _balanced(steps[-1].W, last.rank + 1)
    return [
        Step(
            rank=step.rank,
            W=unit * step.W,
            loss=float(unit**2 * step.loss),
            sigma=unit * step.sigma,
            curvature=float(unit * step.curvature),
            path=unit * step.path,
            settled=step.settled,
        )
        for step in steps
    ]


def distance(W: Float[ArrayLike, "..."], steps: list[Step]) -> Float[np.ndarray, " k"]:
    r"""The Frobenius distance of each matrix of the stack `W` from the whole path of the `steps`, a chain of segments.

    **Raises:** ValueError if the shapes do not fit, or `steps` is empty.

    **Example:**

    ```python
    >>> steps = greedy.greedy_low_rank(problems.two_by_two(1.0, 0.5))
    >>> near = jnp.array([[[0.0, 0.7], [0.1, 0.0]], [[0.0, 1.0], [0.3, 0.0]]])
    >>> greedy.distance(near, steps).round(6)  # from the way to the first step, and on the way to the second
    array([0.1, 0. ])

    ```
    """
    if not steps:
        raise ValueError("`steps` is empty; pass what `greedy_low_rank` returns.")
    W = np.asarray(_check.finite(W, "W"))
    if W.ndim != 3 or W.shape[1:] != steps[0].W.shape:
        raise ValueError(f"`W` must stack matrices of shape {steps[0].W.shape}; got shape {W.shape}.")
    points = np.concatenate([step.path for step in steps]).reshape(-1, W[0].size)
    start, way = points[:-1], np.diff(points, axis=0)
    square = np.maximum(np.sum(way**2, axis=1), np.finfo(float).tiny)
    least = np.full(len(W), np.inf)
    for row, x in enumerate(W.reshape(len(W), -1)):
        share = np.clip(np.sum((x - start) * way, axis=1) / square, 0, 1)
        least[row] = np.sqrt(np.min(np.sum((x - start - share[:, None] * way) ** 2, axis=1)))
    return least


def _gradient(W, values, observed):
    return np.where(observed, W - values, 0.0)


def _step(A, B, values, observed, path, settled):
    W = A @ B
    G = _gradient(W, values, observed)
    sigma = np.linalg.svd(G, compute_uv=False)
    curvature = _curvature(*_balanced(W, A.shape[1]), G, observed)
    return Step(A.shape[1], W, float(np.sum(G**2) / 2), sigma, curvature, path, settled)


def _leading(values, observed, step):
    """The leading singular vectors of minus the gradient."""
    if len(step.sigma) > 1 and step.sigma[0] - step.sigma[1] < _TIE * step.sigma[0]:
        first, second = step.sigma[:2]
        raise ValueError(
            f"`problem` has no next step at rank {step.rank}: the leading singular values {first:g} and {second:g} of "
            "minus the gradient coincide. Change an observation a little."
        )
    U, _, Vt = np.linalg.svd(-_gradient(step.W, values, observed))
    return U[:, 0], Vt[0]


def _follow(A, B, values, observed, end, target_loss):
    """Flow of depth 2 until the gradient is flat or the loss on target; factors, path, whether it is."""
    (m, r), n = A.shape, B.shape[1]

    def factors(y):
        return y[: m * r].reshape(m, r), y[m * r :].reshape(r, n)

    def velocity(t, y):
        A, B = factors(y)
        G = _gradient(A @ B, values, observed)
        return -np.concatenate([(G @ B.T).ravel(), (A.T @ G).ravel()])

    def excess(t, y):
        A, B = factors(y)
        loss = np.sum(_gradient(A @ B, values, observed) ** 2) / 2
        return min(np.linalg.norm(velocity(t, y)) - _FLAT, loss - target_loss)

    excess.terminal, excess.direction = True, -1
    start = np.concatenate([A.ravel(), B.ravel()])
    options = dict(method="LSODA", rtol=1e-10, atol=1e-13, events=excess, dense_output=True)
    run = solve_ivp(velocity, (0.0, end), start, **options)
    steps = np.arange(len(run.t))
    t = np.interp(np.linspace(0, steps[-1], 10 * _ROWS), steps, run.t)
    products = np.array([np.matmul(*factors(y)) for y in run.sol(t).T])
    way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(products, axis=0), axis=(1, 2)))])
    rows = np.searchsorted(way, np.linspace(0, way[-1], _ROWS - 1))
    return *factors(run.y[:, -1]), np.concatenate([products[:1], products[rows]]), run.status == 1


def _balanced(W, r):
    """Balanced factors of W through r units."""
    U, s, Vt = np.linalg.svd(W)
    root = np.sqrt(s[:r])
    return U[:, :r] * root, root[:, None] * Vt[:r]


def _curvature(A, B, G, observed):
    """The least eigenvalue of the Hessian of the loss in the factors, without the zeros of A -> A X, B -> X^-1 B."""
    (m, r), n = A.shape, B.shape[1]
    if r == 0:
        return np.inf
    by_A = np.einsum("ip,kj->ijpk", np.eye(m), B).reshape(m * n, m * r)
    by_B = np.einsum("ik,jq->ijkq", A, np.eye(n)).reshape(m * n, r * n)
    slope = np.hstack([by_A, by_B])[observed.ravel()]
    cross = np.einsum("ij,kl->iklj", G, np.eye(r)).reshape(m * r, r * n)
    hessian = slope.T @ slope
    hessian[: m * r, m * r :] += cross
    hessian[m * r :, : m * r] += cross.T
    values = np.linalg.eigvalsh(hessian)
    return float(np.delete(values, np.argsort(np.abs(values))[: r * r]).min())
