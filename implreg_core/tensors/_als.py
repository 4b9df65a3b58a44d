"""Alternating least squares for CP decompositions, by tensorly, asked one question: is this approximation possible?"""

import numpy as np
from jaxtyping import Float
from tensorly import cp_to_tensor
from tensorly.decomposition import parafac

_STAGNATION = 1e-7  # of the relative error, from one iteration to the next


def als_reaches(T: Float[np.ndarray, "..."], r: int, tolerance: float, restarts: int, max_iterations: int) -> bool:
    """Whether ALS finds `r` components with a mean squared error of at most `tolerance`, from one of its starts.

    The starts are singular vectors of the unfoldings, where there are `r` of them, and then `restarts` random ones.
    """

    largest_error = np.sqrt(tolerance * T.size) / np.linalg.norm(T)  # relative, as tensorly measures it

    starts = [("random", seed) for seed in range(restarts)]
    if r <= min(T.shape):
        starts.insert(0, ("svd", 0))
    for init, seed in starts:
        try:
            cp = parafac(
                T,
                r,
                init=init,
                random_state=seed,
                n_iter_max=max_iterations,
                tol=_STAGNATION,
                callback=lambda _, error: bool(error <= largest_error),
            )
        except np.linalg.LinAlgError:  # singular normal equations: this start leads nowhere
            continue
        if np.mean((T - cp_to_tensor(cp)) ** 2) <= tolerance:
            return True
    return False
