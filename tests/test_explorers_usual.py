"""The usual views: each column that `live` makes and a chapter draws has one name."""

import jax
import jax.numpy as jnp
import pytest

from implreg_core import explorers, live
from implreg_core.explorers._usual import _ABSCISSAS, _COLUMNS


def columns():
    W0 = jnp.array([[0.4, 0.9], [-0.8, 0.6]])
    descent = jax.eval_shape(lambda W0: live.descent_columns(W0, 0.1, depth=2, max_steps=10), W0)
    flow = jax.eval_shape(lambda W0: live.flow_columns(W0, depth=2.0), W0)
    return {**descent, **flow}


def test_usual_columns_are_columns_of_live():
    of_a_matrix = {f"sigma_{k}" for k in (1, 2, 3, 4)} | {"within_nuclear"}  # of `own_matrix`
    assert set(_COLUMNS) | set(_ABSCISSAS) == set(columns()) & (set(_COLUMNS) | set(_ABSCISSAS)) | of_a_matrix


def test_a_usual_view_draws_what_it_is_asked_for():
    view = explorers.usual_view("nuclear", "spectral", x="t", xlim=(1, 10))
    assert list(view.y) == ["nuclear", "spectral"] and view.dashed == set()
    assert (view.x, view.xlabel, view.xscale, view.xlim) == ("t", "time t", "log", (1, 10))
    assert (view.title, view.ylabel, view.yscale, view.ylim) == ("Norms", "norm of W", "log", None)


def test_what_is_given_replaces_what_is_usual():
    view = explorers.usual_view("loss", x="decades", title="Misfit", yscale="linear", ylim=(-1, 1), xscale="log")
    assert (view.title, view.yscale, view.ylim, view.xscale, view.ylabel) == (
        "Misfit",
        "linear",
        (-1, 1),
        "log",
        "loss ℓ(W)",
    )


def test_bounds_and_laws_are_dashed():
    view = explorers.usual_view("unseen_entry", "unseen_entry_bound", "entry_law", x="step")
    assert view.dashed == {"unseen_entry_bound", "entry_law"}


def test_what_is_measured_has_its_meaning():
    view = explorers.usual_view("unseen_entry", "unseen_entry_bound", x="step")
    assert view.meanings == {"unseen_entry": "unseen"}
    view = explorers.usual_view("w", x="t", y={"entry": "w", "wall": "least"}, dashed={"wall"})
    assert view.meanings == {"entry": "unseen"}  # of the column whose place it takes


def test_the_bound_is_drawn_where_it_applies():
    view = explorers.usual_view("unseen_entry", "unseen_entry_bound", x="step")
    assert view.where == {"unseen_entry_bound": "det_sign"}
    assert explorers.usual_view("loss", x="t").where == {}


@pytest.mark.parametrize("names", [("mystery",), ("loss", "mystery")])
def test_an_unknown_column_is_named(names):
    with pytest.raises(ValueError, match=r"`columns` must have usual names .*\['mystery'\]"):
        explorers.usual_view(*names, x="step")


def test_an_unknown_abscissa_is_named():
    with pytest.raises(ValueError, match=r"`x` must have usual names \(step, .*\['loss'\]"):
        explorers.usual_view("loss", x="loss")


@pytest.mark.parametrize("names", [(), ("entry_law", "unseen_entry")])
def test_a_view_begins_with_what_is_measured(names):
    with pytest.raises(ValueError, match="must begin with what is measured"):
        explorers.usual_view(*names, x="step")
