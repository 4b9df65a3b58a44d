"""What a page says of itself to search engines and messengers."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "_ext"))
import page_metadata  # noqa: E402

pytestmark = pytest.mark.book


@pytest.mark.parametrize("tex, text", [
    ("w = W_{11}", "w = W₁₁"),
    ("10^{-4}", "10⁻⁴"),
    (r"q^\top W q \ge 0", "qᵀ W q ≥ 0"),
    (r"\det W(0) > 0", "det W(0) > 0"),
    ("d \\times d'", "d times d'"),
    ("W_2 W_1", "W₂ W₁"),
])  # fmt: skip
def test_a_card_has_formulas_without_tex(tex, text):
    assert page_metadata.plain(tex) == text
