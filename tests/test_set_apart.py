"""What is set apart of a page, and put back."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "_ext"))
import formulas  # noqa: E402
from set_apart import put_back, set_apart, tex  # noqa: E402

CODE = '<pre id="a"><span class="n">x</span>\n</pre>'


@pytest.mark.book
def test_formulas_and_code_leave_their_places_and_come_back():
    inline, displayed = formulas.typeset(r"a < \frac{1}{2}", False, {}), formulas.typeset(r"W^\top", True, {})
    page = f"<p>If <span class='math'>{inline}</span>, <span>so</span></p>{displayed}{CODE}<pre>y</pre><p>end</p>"
    light, pieces = set_apart(page)
    assert len(pieces) == 4 and pieces[2:] == [CODE, "<pre>y</pre>"]
    assert "katex" not in light and "<pre" not in light and light.startswith("<p>If <span class='math'><span data-")
    assert [tex(piece) for piece in pieces] == [r"a < \frac{1}{2}", r"W^\top", None, None]
    assert put_back(light, pieces) == page


def test_a_page_without_them_stays_as_it_is():
    page = '<p class="katex-like">1 <span>2</span></p>'
    assert set_apart(page) == (page, [])
