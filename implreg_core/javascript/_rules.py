"""How the meanings of JAX's primitives are registered, what they share, and what becomes of parameters.

A parameter of an equation is read by the rule, which then names it as a keyword, or makes no difference to the values,
or is not set. An equation with any other is refused, so that nothing that JAX is told is left out in silence, whatever
later versions of it add.
"""

import inspect
import textwrap
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np

from implreg_core.javascript import _arrays
from implreg_core.javascript._operations import Unsupported

KINDS = {
    np.dtype(np.float64): "float",
    np.dtype(np.int64): "int64",
    np.dtype(np.int32): "int32",
    np.dtype(np.uint32): "uint32",
    np.dtype(bool): "bool",
}

# Parameters that make no difference to the values, whatever they are set to.
_IRRELEVANT = frozenset(
    [
        *("sharding", "out_sharding", "memory_space"),  # where an array lies
        *("devices", "srcs", "copy_semantics"),  # and where `device_put` puts it, as JAX 0.6 does each constant array
        "accuracy",  # of `exp` and the like: which error is allowed; their last bits are JavaScript's own
        "weak_type",  # which types JAX has promoted already
        *("indices_are_sorted", "unique_indices"),  # promises: a program that breaks them means nothing in JAX either
        "update_consts",  # of `scatter-add` and its kin: `update_jaxpr` has none
        *("linear", "unroll", "_split_transpose", "ft_out"),  # of `scan`: how it is compiled and differentiated
        *("in_shardings", "out_shardings", "in_layouts", "out_layouts", "donated_invars", "ctx_mesh", "resource_env"),
        *("name", "keep_unused", "inline", "compiler_options_kvs"),  # of `jit`, like the last ones
        *("prevent_cse", "differentiated", "policy"),  # of `checkpoint`: what is computed twice
        *("jvp_jaxpr_fun", "fwd_jaxpr_thunk", "bwd", "out_trees"),  # of `custom_jvp` and `custom_vjp`: derivatives,
        *("symbolic_zeros", "num_consts"),  # which are in the jaxpr already where they are asked for
    ]
)


class Equation(NamedTuple):
    """What every rule may know of an equation of a jaxpr; its parameters are handed over one by one."""

    name: str
    inputs: list  # shapes and types
    outputs: list


class Rules(dict):
    """From the name of a primitive to its rule, `(program, equation, *arrays, **parameters) -> array or arrays`."""

    def of(self, *names: str):
        """Decorates the rule of these primitives."""

        def register(rule):
            self.update(dict.fromkeys(names, rule))
            return rule

        return register


def parameters_for(rule: Callable, name: str, parameters: dict) -> dict:
    """The parameters that the rule reads; no other one may make a difference."""
    read = _keywords(rule)
    for key, value in parameters.items():
        if value is not None and key not in read and key not in _IRRELEVANT:
            raise unsupported(name, key, value)
    return {key: value for key, value in parameters.items() if key in read}


@cache
def _keywords(rule: Callable) -> frozenset[str]:
    signature = inspect.signature(rule)
    return frozenset(name for name, p in signature.parameters.items() if p.kind is inspect.Parameter.KEYWORD_ONLY)


def unsupported(name: str, key: str, value) -> Unsupported:
    """A primitive with a parameter that is not covered."""
    return Unsupported(f"`{name}` with `{key}={textwrap.shorten(str(value), 60, placeholder=' ...')}`")


def kind(aval) -> str:
    """The kind of an array's entries, in the sense of `_operations`."""
    if aval.dtype not in KINDS:
        raise Unsupported(f"entries of type {aval.dtype}; use float64, int32, int64, uint32 or bool")
    return KINDS[aval.dtype]


def mapped(function, *arrays: np.ndarray) -> np.ndarray:
    """The function of corresponding entries; a single scalar stands for a constant array."""
    arrays = np.broadcast_arrays(*arrays)
    return _arrays.as_array([function(*entries) for entries in zip(*(array.flat for array in arrays))], arrays[0].shape)
