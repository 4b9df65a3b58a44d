"""Runs the examples in docstrings with the names that `chapters/api.md` says they assume, and no others."""

import doctest
import importlib
import inspect
import pkgutil

import jax
import jax.numpy as jnp
import jax.random as jr
import matplotlib.pyplot as plt
import numpy as np
import optax
import pytest


@pytest.fixture(autouse=True)
def names_of_examples(request, doctest_namespace):
    if not isinstance(request.node, pytest.DoctestItem):
        yield
        return
    import implreg_core  # not before jaxtyping has hooked its imports

    for module in pkgutil.iter_modules(implreg_core.__path__):
        if not module.name.startswith("_"):
            doctest_namespace[module.name] = importlib.import_module(f"implreg_core.{module.name}")
    doctest_namespace.update(jax=jax, jnp=jnp, jr=jr, np=np, optax=optax, plt=plt)
    request.node.dtest.globs.clear()  # else an example could use whatever its module imports
    *_, module, owner, _ = ["", "", *request.node.dtest.name.split(".")]
    owner = getattr(doctest_namespace.get(module), owner, None)
    if inspect.isclass(owner):  # an example of a method may use what that of its class has made
        names = dict(doctest_namespace)
        for example in doctest.DocTestParser().get_examples(inspect.getdoc(owner)):
            exec(example.source, names)  # noqa: S102
        request.node.dtest.globs.update(names)
    with plt.rc_context():
        yield
    plt.close("all")
