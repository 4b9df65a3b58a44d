"""Checks shared by the public entry points: a ValueError names the argument, the value and the remedy.

Shapes can always be checked. Values are checked only while they are concrete: under `jit`, `vmap` or `grad`
an argument is a tracer without a value, and the check passes silently.
"""

import math
import operator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import psutil
from jaxtyping import Array, Bool, Float


def fails(condition) -> bool:
    """Whether some entry of `condition` is known to be false; of a traced condition nothing is known."""
    return not isinstance(condition, jax.core.Tracer) and not np.all(condition)


def violates(x, holds) -> bool:
    """Whether some entry of `x` is known not to satisfy `holds`. By NumPy, so that a check compiles nothing."""
    return not isinstance(x, jax.core.Tracer) and not np.all(holds(np.asarray(x)))


def real(x, name: str) -> Float[Array, "..."]:
    """`x` as an array of double precision; complex numbers and other things that would lose something are refused."""
    try:
        given = jnp.asarray(x)
        is_real = jnp.issubdtype(given.dtype, jnp.number) and not jnp.issubdtype(given.dtype, jnp.complexfloating)
        is_real |= given.dtype == bool
    except TypeError:
        is_real = False
    if not is_real:
        raise ValueError(f"`{name}` must be real numbers; got {x!r}. Pass an array of them, without imaginary parts.")
    x = given.astype(float)
    if x.dtype != jnp.float64:
        raise ValueError(
            f"`{name}` became {x.dtype}: double precision was switched off after implreg_core had switched it on. "
            'Switch it on again: jax.config.update("jax_enable_x64", True).'
        )
    return x


def finite(x, name: str) -> Float[Array, "..."]:
    """`x` as a float array without NaN or infinity."""
    x = real(x, name)
    if violates(x, np.isfinite):
        raise ValueError(f"`{name}` must be finite; got {x}. Remove the NaN or infinite entries.")
    return x


def positive(x, name: str) -> Float[Array, "..."]:
    """`x` as a finite float array with every entry above zero."""
    x = finite(x, name)
    if violates(x, lambda x: x > 0):
        raise ValueError(f"`{name}` must be positive; got {x}. Pass a value above 0.")
    return x


def nonnegative(x, name: str) -> Float[Array, "..."]:
    """`x` as a finite float array without negative entries."""
    x = finite(x, name)
    if violates(x, lambda x: x >= 0):
        raise ValueError(f"`{name}` must not be negative; got {x}. Pass a value of at least 0.")
    return x


def nonzero(x, name: str) -> Float[Array, "..."]:
    """`x` as a finite float array without zeros."""
    x = finite(x, name)
    if violates(x, lambda x: x != 0):
        raise ValueError(f"`{name}` must not be zero; got {x}. Pass a nonzero value.")
    return x


def matrix(x, name: str) -> Float[Array, "m n"]:
    """`x` as a finite, nonempty float matrix."""
    x = real(x, name)
    if x.ndim != 2 or 0 in x.shape:
        raise ValueError(f"`{name}` must be a nonempty matrix; got shape {x.shape}. For batches, `jax.vmap`.")
    return finite(x, name)


def same_shape(x, shape: tuple[int, ...], name: str) -> None:
    """Refuse anything but `shape`, so that nothing is broadcast unnoticed."""
    if np.shape(x) != shape:
        raise ValueError(f"`{name}` must have shape {shape}; got {np.shape(x)}. Use `jax.vmap` for batches.")


def integer(x, name: str, low: int, high: int | None = None) -> int:
    """`x` as a Python integer from `low` to `high`, both included (`None`: no upper end)."""
    span = f"at least {low}" if high is None else f"from {low} to {high}"
    try:
        number = operator.index(x)
    except TypeError:
        raise ValueError(f"`{name}` must be an integer {span}; got {x!r}.") from None
    if number < low or (high is not None and number > high):
        raise ValueError(f"`{name}` must be an integer {span}; got {number}.")
    return number


def matrix_shape(shape, name: str = "shape") -> tuple[int, int]:
    """`shape` as two positive integers: rows and columns."""
    if not isinstance(shape, tuple | list) or len(shape) != 2:
        raise ValueError(f"`{name}` must be (rows, columns); got {shape}.")
    return integer(shape[0], f"{name}[0]", 1), integer(shape[1], f"{name}[1]", 1)


def boolean(x, name: str) -> Bool[Array, "..."]:
    """`x` as a Boolean array; other types are refused, since 0.3 or NaN would silently count as true."""
    x = jnp.asarray(x)
    if x.dtype != bool:
        raise ValueError(f"`{name}` must be Boolean; got {x.dtype}. Compare first, as in `{name} != 0`.")
    return x


def key(x, name: str):
    """`x` as one random key of JAX, typed or, as in old programs, two or four unsigned integers."""
    typed = isinstance(x, jax.Array) and jnp.issubdtype(x.dtype, jax.dtypes.prng_key) and x.ndim == 0
    if not (typed or (isinstance(x, jax.Array) and x.dtype == jnp.uint32 and x.ndim == 1)):
        raise ValueError(
            f"`{name}` must be one random key; got {x!r}. Make one by `jax.random.key(0)`; split it for more."
        )
    return x


def memory(shapes, what: str, remedy: str) -> None:
    """Refuse to make arrays of these shapes (a pytree of `jax.ShapeDtypeStruct`) where memory would not hold them."""
    needed = sum(math.prod(x.shape) * x.dtype.itemsize for x in jax.tree.leaves(shapes))
    if needed > (free := _free_memory()):
        raise ValueError(
            f"{what} would take {needed / 1e9:.3g} GB of memory, and {free / 1e9:.3g} GB are free. {remedy}"
        )


def _free_memory(group: Path = Path("/sys/fs/cgroup")) -> int:
    """Bytes that this process can still have; within a container, whose limit the system's own figure leaves out."""
    free = psutil.virtual_memory().available
    try:
        limit, used = (int((group / f"memory.{name}").read_text()) for name in ("max", "current"))
        counts = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        cached = sum(int(counts[f"{kind}_file"]) for kind in ("active", "inactive"))  # given up when it is needed
    except (OSError, ValueError, KeyError):  # no such container, or no limit ("max")
        return free
    return min(free, limit - used + cached)
