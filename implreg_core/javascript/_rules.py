"""How the meanings of JAX's primitives are registered, and what they share."""

import numpy as np

from implreg_core.javascript import _arrays
from implreg_core.javascript._operations import Unsupported

KINDS = {
    np.dtype(np.float64): "float",
    np.dtype(np.int64): "int64",
    np.dtype(np.int32): "int32",
    np.dtype(bool): "bool",
}


class Rules(dict):
    """From the name of a primitive to its rule, `(program, equation, *arrays) -> array or list of arrays`."""

    def of(self, *names: str):
        """Decorates the rule of these primitives."""

        def register(rule):
            self.update(dict.fromkeys(names, rule))
            return rule

        return register


def kind(aval) -> str:
    """The kind of an array's entries, in the sense of `_operations`."""
    if aval.dtype not in KINDS:
        raise Unsupported(f"entries of type {aval.dtype}; use float64, int32, int64 or bool")
    return KINDS[aval.dtype]


def mapped(function, *arrays: np.ndarray) -> np.ndarray:
    """The function of corresponding entries; a single scalar stands for a constant array."""
    arrays = np.broadcast_arrays(*arrays)
    return _arrays.as_array([function(*entries) for entries in zip(*(array.flat for array in arrays))], arrays[0].shape)
