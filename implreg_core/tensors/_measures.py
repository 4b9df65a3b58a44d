"""Random tensors of low rank, and what the experiments on them measure."""

from functools import cache

import jax.random as jr
import numpy as np

from implreg_core import tensors
from implreg_core.tensors import reconstruction_error


def low_rank_tensor(seed, order, size, rank, observed):
    """Truth and mask of a seed, and a key for the start of training."""
    truth_key, mask_key, start_key = jr.split(jr.key(seed), 3)
    shape = (size,) * order
    return (
        tensors.random_low_rank(truth_key, shape, rank),
        tensors.random_mask(mask_key, shape, observed),
        start_key,
    )


def tensor_measures(W, truth, tolerance, restarts):
    """How near `W` is to the truth, and its CP rank up to a mean squared error of `tolerance`."""
    try:
        cp_rank = float(tensors.cp_rank(W, tolerance=tolerance, restarts=restarts))
    except tensors.ConvergenceError:
        cp_rank = np.nan
    return {
        "reconstruction_error": float(reconstruction_error(W, truth)),
        "cp_rank": cp_rank,
        "cp_rank_lower_bound": tensors.cp_rank_lower_bound(W, tolerance=tolerance),
    }


@cache  # one baseline serves all scales
def linear_measures(seed, order, size, rank, observed, tolerance, rank_restarts):
    """`tensor_measures` of the completion with zeros, each with the prefix `linear_`."""
    truth, mask, _ = low_rank_tensor(seed, order, size, rank, observed)
    measures = tensor_measures(tensors.linear_completion(truth, mask), truth, tolerance, rank_restarts)
    return {f"linear_{name}": value for name, value in measures.items()}
