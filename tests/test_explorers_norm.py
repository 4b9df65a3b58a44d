"""Explorers with a norm to type: what the page and the widget are told. The front end's part is in tests/browser."""

import json
import re

import numpy as np
import pytest

from implreg_core import bounds, norm_language
from implreg_core.explorers import Control, Explorer, Slider, TypedNorm, View
from implreg_core.norm_language import NormSyntaxError

LOSSES = np.geomspace(1, 1e-8, 30)


def compute(dimension):
    """Matrices [[1 / r, 1], [1, r]] with r the root of twice the loss: singular, but for a floor."""
    r = np.sqrt(2 * LOSSES)
    return {"decades": -np.log10(LOSSES), "loss": LOSSES, "sigma_1": r + 1 / r, "sigma_2": np.full(30, 1e-300),
            "abs_11": 1 / r, "abs_12": np.ones(30), "abs_21": np.ones(30), "abs_22": r,
            "dimension": np.full(30, dimension)}  # fmt: skip


def explorer(*controls, compute=compute):
    controls = controls or (TypedNorm("norm", "norm", "nuclear / d", ["max(spectral, 2 * frobenius)"]),)
    views = [
        View("Norm", "decades", {"norm": "norm of W", "norm_bound": "bound"}, "decades", "norm", yscale="log"),
        View("Share", "decades", {"norm_share": "bound / norm"}, "decades", "share", ylim=(0, 1.05)),
    ]
    dimensions = Control("dimension", "dimension d", [2, 100], 2)
    return Explorer(
        question="What norm?", controls=[*controls, dimensions], compute=compute, views=views, caption="A corner."
    )


def test_the_page_holds_what_a_norm_is_computed_from():
    text = re.search(r'<script type="application/json">(.*)</script>', explorer().static_html())[1]
    data = json.loads(text)
    assert data["spec"]["default"] == ["nuclear / d", 0]
    assert data["spec"]["controls"][0]["examples"] == ["max(spectral, 2 * frobenius)"]
    assert len(data["outcomes"]) == 2  # one for each dimension, whatever the norm
    assert set(data["outcomes"][1]["stored"]) == {"decades", *TypedNorm.READS}


def test_a_widget_answers_whatever_norm_is_typed():
    widget = explorer().widget()
    before = widget.answer["stored"]
    widget.choice = ["spectral +", 0]  # which a page never sends: only the front end reads it
    assert widget.answer["choice"] == ["spectral +", 0] and widget.answer["stored"] == before
    widget.choice = ["spectral", 1]
    assert widget.answer["stored"]["dimension"]["low"] == 100


def test_what_cannot_be_is_refused():
    with pytest.raises(NormSyntaxError, match="character 9: there is no minus"):
        TypedNorm("norm", "norm", default="nuclear - spectral")
    with pytest.raises(NormSyntaxError, match="no norm is called `nuke`"):
        TypedNorm("norm", "norm", default="nuclear", examples=["nuke"])
    with pytest.raises(ValueError, match="one TypedNorm at most"):
        explorer(TypedNorm("norm", "norm", "nuclear"), TypedNorm("other", "other", "spectral"))
    with pytest.raises(ValueError, match=r"`compute` gave no column \['sigma_2'\]"):
        lacking = {name: column for name, column in compute(2).items() if name != "sigma_2"}
        explorer(compute=lambda dimension: lacking).static_html()


def test_a_norm_may_be_typed_beside_continuous_controls():
    live = explorer(TypedNorm("norm", "norm", "nuclear"), Slider("scale", "scale", 1.0, 2.0, default=1.0),
                    compute=lambda dimension, scale: compute(dimension) | {"abs_11": scale * np.ones(30)})  # fmt: skip
    widget = live.widget()
    widget.choice = ["spectral", 2.0, 0]
    assert widget.answer["computed"]["abs_11"] == [2.0] * 30
    assert "function run(scale)" in live.static_html()


@pytest.mark.parametrize("text", ["nuclear / d", "schatten(1/2)", "max_row_sum + max_entry"])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_picture_has_the_columns_of_the_typed_norm(text, sign):
    """Whatever the signs of the entries, which the columns do not tell: |det W| does."""
    keys = np.random.default_rng(1).normal(size=(4, 2, 2))
    W = np.array([[[a, b], [sign * c, d]] for (a, b), (c, d) in np.abs(keys)])
    sigma = np.linalg.svd(W, compute_uv=False)
    entries = {f"abs_{i + 1}{j + 1}": np.abs(W[:, i, j]) for i in range(2) for j in range(2)}
    run = {"loss": np.full(4, 1e-6), "sigma_1": sigma[:, 0], "sigma_2": sigma[:, 1], "dimension": np.full(4, 3)}
    columns = TypedNorm.columns(text, run | entries)
    norm = norm_language.parse(text)
    expected = [norm(np.pad(matrix, (0, 1))) for matrix in W]
    np.testing.assert_allclose(columns["norm"], expected, rtol=1e-9)
    a, b = bounds.norm_constants(norm, 3)
    np.testing.assert_allclose(columns["norm_bound"], a / 1e-3 - b)
    np.testing.assert_allclose(columns["norm_share"], columns["norm_bound"] / columns["norm"])
