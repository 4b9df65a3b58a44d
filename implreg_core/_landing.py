r"""Where a path ends: the last step is taken anew, as long as it must be to meet the target loss.

So the end is a point of the path, and not of the solver's step sizes.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

_ACCURACY = 1e-10  # of the loss, relative
_MOST_TRIES = 50  # about 8 are enough unless rounding errors of the loss are larger than the accuracy


def land(
    step: Callable,
    loss: Callable,
    target: Float[Array, ""],
    before: Float[Array, " n"],
    after: Float[Array, " n"],
    h: Float[Array, ""],
) -> Float[Array, " n"]:
    r"""`step(before, x)` for the $x \le h$ at which its loss is `target`, or just below.

    `after` is `step(before, h)`; it is returned as it is if the target is not between the two losses. The root in $x$
    is found by regula falsi, which Illinois' rule (Dowell & Jarratt 1971) keeps from approaching it from one side only.
    """

    aim = (1 - 1e-12) * target  # or rounding might leave the end above the target

    def excess(y):
        return jnp.log((loss(y) + aim) / (2 * aim))  # finite also where the loss is zero

    def goes_on(carry):
        _, f0, _, f1, _, tries = carry
        return (f0 * f1 < 0) & ((f1 > 0) | (f1 < -_ACCURACY / 4)) & (tries < _MOST_TRIES)

    def attempt(carry):
        x0, f0, x1, f1, landed, tries = carry
        x = x1 - f1 * (x1 - x0) / (f1 - f0)
        y = step(before, x)
        f = excess(y)
        crossed = (f > 0) != (f1 > 0)
        x0, f0 = jnp.where(crossed, x1, x0), jnp.where(crossed, f1, f0 / 2)
        return x0, f0, x, f, jnp.where(f > 0, landed, y), tries + 1

    start = (jnp.zeros_like(h), excess(before), h, excess(after), after, jnp.zeros((), int))
    return jax.lax.while_loop(goes_on, attempt, start)[4]
