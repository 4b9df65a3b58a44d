"""Every public function of the numerical modules is in a property, or is named here with the reason why not."""

import importlib
import sys
from pathlib import Path

import pytest
from properties import TESTS

TESTS_FOLDER = Path(__file__).parent
sys.path.append(str(TESTS_FOLDER.parent / "_ext"))
import api_names  # noqa: E402

pytestmark = pytest.mark.book

NOT_NUMERICAL = ("figures", "explorers", "notebook", "sweeps")
EXEMPT = {
    "deep_completion.estimated_seconds": "a time of this machine",
    "deciding.Refuted": "only raised: it relates no calls",
    "deciding.Undecided": "only raised: it relates no calls",
    "tensors.ConvergenceError": "only raised: it relates no calls",
}


def test_every_public_function_is_in_a_property():
    for file in TESTS_FOLDER.glob("test_properties_*.py"):
        importlib.import_module(file.stem)
    public = {
        f"{name.removeprefix('implreg_core.')}.{entry.name}"
        for name, module in api_names.modules().items()
        if not name.split(".")[1].startswith(NOT_NUMERICAL)
        for entry in api_names.entries(module)
    }
    assert public - TESTS.keys() == EXEMPT.keys()  # a new one needs a property, or a reason
    assert TESTS.keys() <= public  # a property names what there is
