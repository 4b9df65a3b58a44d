"""What the two solvers of the flow have in common: when a step counts, and how long the next one is."""

from typing import NamedTuple

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float

FIRST_STEP = 1e-3  # in a chart's own time
_FALL = 1.2  # of ln loss in a step, half a decade, or twice that at most: or splines between rows are poor
_RUNGS = 4  # step sizes in an octave
_ACCURACY = 1e-10  # of the loss at the end, relative
_MOST_SHORTENED = 12  # about 4 are enough unless rounding errors of the loss are larger than the accuracy


class Verdict(NamedTuple):
    """On a step that was tried."""

    accepted: Bool[Array, ""]
    beyond: Bool[Array, ""]  # whether it led beyond the target loss, and is to be taken anew, shorter
    fall: Float[Array, ""]  # of ln loss
    h: Float[Array, ""]  # the length of the next one


def judge(
    h: Float[Array, ""],
    size: Float[Array, ""],
    before: Float[Array, ""],
    after: Float[Array, ""],
    *,
    target_loss: ArrayLike,
    shortened: ArrayLike,
    longest: ArrayLike = jnp.inf,
) -> Verdict:
    """Of a step of length `h` with an error of `size` times what is allowed, from the loss `before` to that `after` it.

    The last step is as long as it must be to end at the target loss, or below by what `_ACCURACY` allows: so the end is
    a point of the path, and not of the steps. `shortened` counts the attempts at that.
    """
    beyond = (after < (1 - _ACCURACY) * target_loss) & (size <= 1) & (shortened < _MOST_SHORTENED)
    aim = (1 - _ACCURACY / 2) * target_loss
    fall = jnp.log(before / jnp.maximum(after, 1e-30 * aim))  # finite also where the loss is zero
    accepted = (size <= 1) & ~beyond & ~(fall > 2 * _FALL)

    # Step sizes come from a ladder, or rounding errors in `size` would shift every later row.
    rungs = jnp.floor(_RUNGS * jnp.log2(0.9 * jnp.where(jnp.isfinite(size), size, jnp.inf) ** -0.2))
    following = jnp.minimum(h * 2 ** (jnp.clip(rungs, -2 * _RUNGS, 2 * _RUNGS) / _RUNGS), longest)
    # The loss falls nearly exponentially.
    following = jnp.where(fall > 0, jnp.minimum(following, h * _FALL / fall), following)
    following = jnp.where(beyond, h * jnp.log(before / aim) / fall, following)
    return Verdict(accepted, beyond, fall, following)
