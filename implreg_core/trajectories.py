"""What a run of descent or flow looks like: the measures of its product matrix, row by row."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from implreg_core import bounds, norms, ranks


def measures(run) -> dict[str, Float[np.ndarray, " n"]]:
    r"""Columns along a run (a `Descent` or a flow) of the 2x2 problem `problems.two_by_two()`.

    **Returns:** columns of equal length: `loss`; `unseen_entry` $|W_{11}|$; its lower bound `unseen_entry_bound` for
    $\det W > 0$; `nuclear`, `frobenius`, `spectral`; `effective_rank`; `distance` from rank one; `sigma_1`, `sigma_2`;
    `time`, and for descent `step`, both plus one so that they suit a logarithmic axis.
    """
    rows = len(run.W)
    padded = np.pad(run.W, ((0, -rows % 100), (0, 0), (0, 0)), mode="edge")  # few lengths, hence few compilations
    columns = {
        "time": 1 + run.t,
        "loss": run.loss,
        "unseen_entry": np.abs(run.W[:, 0, 0]),
        "unseen_entry_bound": bounds.unseen_entry_lower_bound(run.loss),
        **{name: values[:rows] for name, values in _spectrum(jnp.asarray(padded)).items()},
    }
    if hasattr(run, "step"):
        columns["step"] = 1.0 + run.step
    return {name: np.asarray(values) for name, values in columns.items()}


@jax.jit
def _spectrum(W: Float[Array, "n 2 2"]) -> dict[str, Float[Array, " n"]]:
    sigma = jax.vmap(ranks.singular_values)(W)
    return {
        "nuclear": jax.vmap(norms.nuclear)(W),
        "frobenius": jax.vmap(norms.frobenius)(W),
        "spectral": jax.vmap(norms.spectral)(W),
        "effective_rank": jax.vmap(ranks.effective_rank)(W),
        "distance": jax.vmap(partial(ranks.distance_to_rank, k=1))(W),
        "sigma_1": sigma[:, 0],
        "sigma_2": sigma[:, 1],
    }
