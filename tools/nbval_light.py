"""pytest plugin: nbval for light notebooks. What is not stored is not compared; all else must be equal.

With `--book-cache DIR`, notebooks that ran to their end are kept with their new outputs, pictures included, in the
cache from which the book is built: what was just checked need not be executed again to be shown.
"""

import nbformat
import pytest
from jupyter_cache import get_cache
from jupyter_cache.cache.main import CacheBundleIn
from nbval.plugin import IPyNbCell

from tools.light_notebooks import HEAVY

_GIVEN = pytest.StashKey[list]()  # of a notebook: the outputs of its cells, in order


def pytest_addoption(parser):
    parser.addoption("--book-cache", metavar="DIR", help="keep executed notebooks in this cache of Jupyter Book's")


def pytest_collection_modifyitems(items):
    for cell in items:
        if isinstance(cell, IPyNbCell):
            cell.parent.skip_compare = {*cell.parent.skip_compare, *HEAVY}


def pytest_runtest_teardown(item, nextitem):
    """After the last cell of a notebook, keep what its cells gave."""
    folder = item.config.getoption("--book-cache")
    if not folder or not isinstance(item, IPyNbCell):
        return
    given = item.parent.stash.setdefault(_GIVEN, [])
    given.append(getattr(item, "test_outputs", None))
    if nextitem is None or nextitem.parent is not item.parent:
        notebook = nbformat.read(item.path, as_version=4)
        if executed(notebook, given):
            get_cache(folder).cache_notebook_bundle(CacheBundleIn(notebook, str(item.path)), overwrite=True)


def executed(notebook, given):
    """Put the outputs `given` by the code cells into `notebook`; false if a cell did not run to its end."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if len(given) < len(cells) or any(outputs is None or _failed(outputs) for outputs in given):
        return False
    for number, (cell, outputs) in enumerate(zip(cells, given, strict=True), start=1):
        cell.execution_count, cell.outputs = number, outputs
    return True


def _failed(outputs):
    return any(output.output_type == "error" for output in outputs)
