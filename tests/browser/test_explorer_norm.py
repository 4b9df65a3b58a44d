"""A norm typed in a real browser: the drawing follows, a wrong text is explained, the address keeps it."""

import numpy as np
import pytest
from explorer_page import FIGURE, mounted, show_widget, state, write_page
from test_explorers_norm import LOSSES, compute, explorer

from implreg_core import bounds, norm_language


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return write_page(tmp_path_factory.mktemp("norm"), explorer().static_html())


def assert_draws(page, text, dimension):
    """The columns that the page adds are the norm of the embedded matrices and Theorem 1's bound, as in Python."""
    norm, run = norm_language.parse(text), compute(dimension)
    corners = np.stack([run[f"abs_{place}"] for place in ("11", "12", "21", "22")], axis=1).reshape(-1, 2, 2)
    W = np.zeros((len(LOSSES), dimension, dimension))
    W[:, :2, :2] = corners
    a, b = bounds.norm_constants(norm, 2)
    scale = float(norm(W[0]) / norm(corners[0]))  # by the dimension
    shown = state(page)
    assert shown["settings"] == {"norm": text, "dimension": dimension} and shown["error"] is None
    chosen = [0, 11, 29]
    drawn = {name: np.array(shown["run"][name])[chosen] for name in ("norm", "norm_bound", "norm_share")}
    expected = np.array([float(norm(W[i])) for i in chosen])
    bound = scale * (float(a) / np.sqrt(LOSSES[chosen]) - float(b))
    np.testing.assert_allclose(drawn["norm"], expected, rtol=1e-3)  # columns are stored in 16 bits
    np.testing.assert_allclose(drawn["norm_bound"], bound, rtol=2e-3)
    np.testing.assert_allclose(drawn["norm_share"], np.maximum(bound, 0) / expected, rtol=3e-3)


def test_the_drawing_follows_what_is_typed(open_page, address):
    page = mounted(open_page(address))
    field, note = page.get_by_role("textbox", name="norm"), page.locator(".implreg-note")
    assert_draws(page, "nuclear / d", 2)
    line = page.locator("path.implreg-whole[data-series='norm']")
    before = line.get_attribute("d")
    field.fill("sqrt(d) * max(spectral, schatten(1/2))")
    assert_draws(page, "sqrt(d) * max(spectral, schatten(1/2))", 2)
    assert line.get_attribute("d") != before and "NaN" not in line.get_attribute("d")
    assert note.text_content().startswith("a = 0.500, b = 45.3, c = 2.00. The bound")
    page.get_by_role("slider", name="dimension d").press("ArrowRight")
    assert_draws(page, "sqrt(d) * max(spectral, schatten(1/2))", 100)
    assert note.text_content().startswith("a = 3.54, b = 320, c = 2.00.")
    page.get_by_role("button", name="max(spectral, 2 * frobenius)").click()
    assert_draws(page, "max(spectral, 2 * frobenius)", 100)
    assert field.input_value() == "max(spectral, 2 * frobenius)"
    page.get_by_role("button", name="Reset").click()
    assert_draws(page, "nuclear / d", 2)


def test_a_wrong_text_is_explained_and_changes_nothing(open_page, address):
    page = mounted(open_page(address))
    field, note = page.get_by_role("textbox", name="norm"), page.locator(".implreg-note")
    line = page.locator("path.implreg-whole[data-series='norm']")
    before = line.get_attribute("d")
    field.fill("nuclear + frobenus")
    assert note.text_content().startswith("Character 11: no norm is called `frobenus`; there are nuclear, frobenius")
    assert field.get_attribute("aria-invalid") == "true" and line.get_attribute("d") == before
    assert field.get_attribute("aria-describedby") == note.get_attribute("id")
    field.fill("alert(1)")  # a text is read, never run
    assert note.text_content().startswith("Character 1: no norm is called `alert`")
    field.fill("nuclear + frobenius")
    assert field.get_attribute("aria-invalid") == "false"
    assert_draws(page, "nuclear + frobenius", 2)


def test_a_link_opens_the_norm(open_page, address):
    page = mounted(open_page(f"{address}?norm=max(spectral,+d*frobenius)&dimension=100#explore-what-norm"))
    assert_draws(page, "max(spectral, d*frobenius)", 100)
    assert page.get_by_role("textbox", name="norm").input_value() == "max(spectral, d*frobenius)"


@pytest.mark.parametrize("width", [1280, 390])
def test_the_field_fits(open_page, address, width):
    page = mounted(open_page(address, width))
    page.get_by_role("textbox", name="norm").fill("max(" + "nuclear, " * 20 + "nucleus)")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_as_a_widget_what_is_being_typed_stays(open_page, tmp_path):
    """The module as Jupyter loads it; Python's answers come after what is typed next."""
    widget = explorer().widget()
    page = open_page(write_page(tmp_path, ""))
    show_widget(page, widget)
    field = page.get_by_role("textbox", name="norm")
    field.fill("")
    field.press_sequentially("2 * spectral + ")
    page.wait_for_function(f"document.querySelector('{FIGURE}').implreg.choice[0] === '2 * spectral '")
    assert field.input_value() == "2 * spectral + "
    field.press_sequentially("nuclear")
    page.wait_for_function(f"document.querySelector('{FIGURE}').implreg.choice[0] === '2 * spectral + nuclear'")
    assert_draws(page, "2 * spectral + nuclear", 2)
    assert widget.choice == ["2 * spectral + nuclear", 0]
