"""pytest plugin: nbval for light notebooks. What is not stored is not compared; all else must be equal."""

from nbval.plugin import IPyNbCell

from tools.light_notebooks import HEAVY


def pytest_collection_modifyitems(items):
    for cell in items:
        if isinstance(cell, IPyNbCell):
            cell.parent.skip_compare = {*cell.parent.skip_compare, *HEAVY}
