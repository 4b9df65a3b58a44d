"""`jax.jit` in two ways: for mathematics of a few operations, and for long loops of small ones."""

from functools import cache, partial

import jax

_OPTIONS = {"xla_cpu_use_fusion_emitters": False}  # with it, XLA compiles such loops twice as long, to slower programs


@cache
def _known_options() -> dict:
    """Those that this version of XLA has: it refuses others."""
    try:
        jax.jit(lambda: 0, compiler_options=_OPTIONS).lower().compile()
    except Exception:  # noqa: BLE001 - its type differs between versions
        return {}
    return _OPTIONS


def one_program(function=None, **options):
    """`jax.jit(function, **options)`, or a decorator: a part of the program that calls it, and one by itself elsewhere.

    Otherwise each operation is a program of its own, compiled anew for each shape.
    """
    if function is None:
        return partial(one_program, **options)
    return jax.jit(function, inline=True, **options)


def fast_jit(function=None, **options):
    """`jax.jit(function, **options)`, or a decorator, without XLA's slow way with such loops."""
    if function is None:
        return partial(fast_jit, **options)
    return _Fast(function, options)


class _Fast:
    def __init__(self, function, options):
        self.__wrapped__, self._options, self._jitted = function, options, None

    def __call__(self, *args, **kwargs):
        if self._jitted is None:
            self._jitted = jax.jit(self.__wrapped__, compiler_options=_known_options(), **self._options)
        return self._jitted(*args, **kwargs)

    def programs(self) -> int:
        """How many programs it has compiled."""
        return 0 if self._jitted is None else self._jitted._cache_size()
