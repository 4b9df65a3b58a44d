"""What stands for folded code on a page."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "_ext"))
import quiet_code  # noqa: E402

pytestmark = pytest.mark.book


@pytest.mark.parametrize("code, line", [
    ("# Checks: the loss falls.\nassert x", "Checked: the loss falls"),
    ("# Answer, executed: the limit is 2.\nprint(2)", "Checked: the limit is 2"),
    ("# Figure: the loss.\nplot()", "Code of the figure"),
    ("# Explorer: What now?\nx", "Code of the explorer"),
    ("# Imports, and the look of figures.\nimport x", "Code: Imports, and the look of figures"),
    ("x = 1  # Checks: no\n", "Code"),
])  # fmt: skip
def test_the_line_is_made_from_the_comment(code, line):
    assert quiet_code.line(code) == line
