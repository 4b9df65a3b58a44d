"""pytest plugin: nbval for light notebooks. What is not stored is not compared; numbers agree to six digits.

Six, because the last digits of a float64 result depend on the processor's vector units.
"""

import re

from nbval.plugin import IPyNbCell

from tools.light_notebooks import HEAVY

_NUMBER = re.compile(r"\d+\.\d*(?:e[+-]?\d+)?|\d+e[+-]?\d+")


def _six_digits(value):
    return _NUMBER.sub(lambda number: f"{float(number[0]):.6g}", value) if isinstance(value, str) else value


def pytest_collection_modifyitems(items):
    for cell in items:
        if isinstance(cell, IPyNbCell):
            cell.sanitize = _six_digits
            cell.parent.skip_compare = {*cell.parent.skip_compare, *HEAVY}
