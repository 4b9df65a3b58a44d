"""Settings shared by all tests; importing the package switches double precision on."""

import gc

import jax
import jaxtyping
import matplotlib.pyplot as plt
import psutil
import pytest
from hypothesis import settings

from implreg_core import figures

jax.config.update("jax_numpy_dtype_promotion", "strict")

settings.register_profile("deterministic", derandomize=True, deadline=None, max_examples=50)
settings.load_profile("deterministic")


def pytest_collection_finish():
    """The modules and tests in memory stay there: the garbage collector need not go through them again and again."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(autouse=True, scope="module")
def bounded_memory():
    """Lets compiled programs go, which JAX keeps: those of all tests together take more than 15 GB."""
    yield
    if psutil.Process().memory_info().rss > 2e9:
        jax.clear_caches()


@pytest.fixture
def unchecked_types():
    """Lets bad arguments past jaxtyping and beartype, to the package's own checks, as for a reader."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", before)


@pytest.fixture
def book_style():
    """Figures in the style of the book, which are closed, and the style forgotten, at the end."""
    with plt.rc_context():
        figures.apply_style()
        yield
        plt.close("all")


@pytest.fixture
def ax(book_style):
    """Empty axes, whose drawing must not fail at the end."""
    fig, ax = plt.subplots()
    yield ax
    fig.draw_without_rendering()
