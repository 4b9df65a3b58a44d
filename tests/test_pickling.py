"""What goes to another process and back, as into a pool, comes back as it was."""

import importlib
import inspect
import math
import pickle
import pkgutil

import jax.numpy as jnp
import pytest

import implreg_core
from implreg_core import norm_language, norms

SAMPLES = {str: "a text", int: 3, dict: {"x=0, seed=0": "it rained", "x=1, seed=0": "it snowed"}}


def _exceptions():
    """Every exception class that the package defines."""
    found = {}
    for module in pkgutil.walk_packages(implreg_core.__path__, "implreg_core."):
        if not module.name.endswith("__main__"):
            found |= vars(importlib.import_module(module.name))
    classes = {value for value in found.values() if isinstance(value, type) and issubclass(value, BaseException)}
    return sorted((one for one in classes if one.__module__.startswith("implreg_core")), key=lambda one: one.__name__)


def _sample(exception):
    """An instance, by the annotations of its `__init__`."""
    if "__init__" not in vars(exception):
        return exception("a message")
    types = [parameter.annotation for parameter in inspect.signature(exception).parameters.values()]
    return exception(*(SAMPLES[getattr(one, "__origin__", one)] for one in types))


def test_every_exception_survives():
    classes = _exceptions()
    assert {"ClusterLost", "NoRun", "NormSyntaxError", "RunsFailed"} <= {one.__name__ for one in classes}
    for exception in classes:
        raised = _sample(exception)
        back = pickle.loads(pickle.dumps(raised))
        assert type(back) is exception and str(back) == str(raised) and vars(back) == vars(raised), exception


def longest_row(W):
    return jnp.max(jnp.linalg.norm(W, axis=1))


NORMS = {
    "plain": norms.nuclear,
    "entrywise": norms.entrywise(3),
    "Schatten": norms.schatten(0.5),
    "infinite": norms.schatten(math.inf),
    "Ky Fan": norms.ky_fan(2),
    "column sum": norms.max_column_sum,
    "row sum": norms.max_row_sum,
    "scaled": norms.scaled(norms.spectral, 3.0, dimension_power=-0.5),
    "total": norms.total(norms.nuclear, norms.schatten(0.5)),
    "greatest": norms.greatest(norms.spectral, norms.max_entry),
    "typed": norm_language.parse("max(spectral, nuclear / d) + 2 * schatten(1/2) + kyfan(5) / sqrt(d)"),
    "own": norms.custom(longest_row),
}


@pytest.mark.parametrize("name", NORMS)
def test_a_norm_survives(name):
    norm, W = NORMS[name], jnp.array([[1.0, -2.0, 0.5], [3.0, 0.25, -1.0]])
    back = pickle.loads(pickle.dumps(norm))
    assert (back.name, back.quasi_triangle_constant) == (norm.name, norm.quasi_triangle_constant)
    assert back(W) == norm(W)


def test_a_nameless_function_is_refused_by_pickle_itself():
    with pytest.raises((AttributeError, pickle.PicklingError), match="lambda"):
        pickle.dumps(norms.custom(lambda W: jnp.sum(jnp.abs(W))))
