"""What is proved is true, what is false comes with numbers for which it is, and what is neither is an error."""

import subprocess
import sys

import pytest
import sympy as sp

from implreg_core import deciding

x, y, z = sp.symbols("x y z", real=True)
s = sp.Symbol("s", positive=True)

TRUE = [
    ([], x**2 + y**2 >= 2 * x * y),
    ([x > 0, y > 0], 2 / (1 / x + 1 / y) <= sp.sqrt(x * y)),
    ([], sp.Abs(x + y) <= sp.Abs(x) + sp.Abs(y)),
    ([], sp.Or(sp.Eq(sp.Max(x, y), x), sp.Eq(sp.Max(x, y), y))),
    ([], sp.Eq(sp.Max(x, y, z) + sp.Min(-x, -y, -z), 0)),
    (s < 1, s ** sp.Rational(1, 3) > s ** sp.Rational(2, 3)),
    ([], s + 1 / s >= 2),  # by what SymPy assumes of s
    (sp.Eq(x**2, 2), sp.Or(sp.Eq(x, sp.sqrt(2)), sp.Eq(x, -sp.sqrt(2)))),
    ([sp.Implies(x > 0, y > 0), sp.Not(y > 0)], x <= 0),
    ([x > 1, 1 / (x - 1) > 1], x < 2),  # the quotient exists by the hypothesis before it
]

FALSE = [
    (x > 0, x**2 >= x),
    ([], x + 1 / (x**2 + 1) > 1),
    ([x * y > 1, x > 0], x + y > sp.Rational(201, 100)),
    ([], s + 1 / s > 2),
    (sp.Eq(x**2 * y, 2), sp.Abs(x) >= y),
    ([], sp.sqrt(x**2 + 1) < sp.Abs(x) + sp.Rational(9, 10)),
]


@pytest.mark.parametrize(("hypotheses", "conclusion"), TRUE)
def test_what_holds_for_all_numbers_is_decided(hypotheses, conclusion):
    deciding.decide(hypotheses, conclusion)


@pytest.mark.parametrize(("hypotheses", "conclusion"), FALSE)
def test_what_is_false_comes_with_numbers_for_which_it_is(hypotheses, conclusion):
    with pytest.raises(deciding.Refuted, match="for example at") as error:
        deciding.decide(hypotheses, conclusion)
    at = {symbol: error.value.counterexample[symbol.name] for symbol in conclusion.free_symbols}
    for hypothesis in hypotheses if isinstance(hypotheses, list) else [hypotheses]:
        gap = (hypothesis.lhs - hypothesis.rhs).subs(at)
        assert abs(gap) < 1e-15 if isinstance(hypothesis, sp.Eq) else hypothesis.subs(at) == sp.true
    assert conclusion.subs(at) == sp.false


def test_each_of_several_conclusions_counts():
    deciding.decide(x > 1, [x > 0, x**2 > 1])
    with pytest.raises(deciding.Refuted, match="x > 2 is false"):
        deciding.decide(x > 1, [x > 0, x > 2, x**2 > 1])


@pytest.mark.parametrize(
    ("hypotheses", "conclusion", "missing"),
    [
        ([], x / y * y <= 1 + x / y, "y != 0"),
        (x > 1, sp.sqrt(x - 2) >= 0, "x - 2 >= 0"),
        ([1 / x > 1, x > 0], x < 1, "x != 0"),  # known too late
    ],
)
def test_a_quotient_or_a_root_that_may_not_exist_is_refuted(hypotheses, conclusion, missing):
    with pytest.raises(deciding.Refuted, match=f"^{missing} is false"):
        deciding.decide(hypotheses, conclusion)


def test_hypotheses_that_no_numbers_satisfy_prove_nothing():
    with pytest.raises(ValueError, match="must not contradict each other"):
        deciding.decide([x > 1, x**2 < 1], y > 0)


@pytest.mark.parametrize(
    ("conclusion", "message"),
    [
        (sp.exp(x) > 1, "is not polynomial"),
        (x * sp.pi > x, "is not polynomial"),
        (sp.Symbol("c") ** 2 >= 0, "may not be real"),
        (sp.Symbol("s", real=True) < s, "two symbols are called `s`"),
        (x + 1, "is not a relation"),
    ],
)
def test_what_cannot_be_translated_is_refused(conclusion, message):
    with pytest.raises(ValueError, match=message):
        deciding.decide([], conclusion)


def test_what_is_not_decided_in_time_is_an_error():
    with pytest.raises(deciding.Undecided, match="not decided within 0.01 seconds"):
        deciding.decide([x**5 + y**7 > 3, x * y * z < 2], x**9 * y + z**8 * y**3 > x * z, timeout=0.01)


def test_an_inequality_is_enclosed_on_every_part_of_a_box():
    assert deciding.enclose(s > 1, {s: (2, 3)}) == 1
    bell = sp.exp(-(s**2)) + sp.tanh(s) + sp.sinh(s) / sp.cosh(2 * s) - sp.log(1 + s) / sp.sqrt(1 + s)
    assert deciding.enclose(bell > sp.Rational(1, 4), {s: (0, 5)}) > 1
    assert deciding.enclose(x * y < sp.acosh(2 + x**2) * (1 + y) ** sp.Rational(3, 2), {x: (0, 1), y: (0, 1)}) >= 1


def test_what_fails_on_a_box_comes_with_a_point():
    with pytest.raises(deciding.Refuted) as error:
        deciding.enclose(sp.cosh(x) < 1 + x**2 * sp.Rational(6, 10), {x: (-1, 2)})
    point = error.value.counterexample["x"]
    assert -1 <= point <= 2 and sp.cosh(point) >= 1 + point**2 * sp.Rational(6, 10)


def test_a_thin_exception_is_not_overlooked():
    """Between 1 and 1 + 1e-8, which no sample of thousands would meet."""
    width = sp.Rational(1, 10**8)
    with pytest.raises(deciding.Refuted):
        deciding.enclose((x - 1) * (x - 1 - width) > -(width**2) / 5, {x: (0, sp.Rational(7, 3))})


def test_an_equality_is_never_settled():
    with pytest.raises(deciding.Undecided, match="not settled by 1000 parts"):
        deciding.enclose(sp.exp(x) > 1 + x, {x: (0, sp.Rational(3, 7))}, boxes=1000)


@pytest.mark.parametrize(
    ("claim", "box", "message"),
    [
        (x >= 0, {x: (0, 1)}, "`claim` must be a strict inequality"),
        (x > y, {x: (0, 1)}, "`box` must bound every symbol"),
        (x > -1, {x: (1, 0)}, "`box` must have two increasing fractions"),
        (x > -1, {x: (0, sp.sqrt(2))}, "`box` must have two increasing fractions"),
        (sp.sin(x) > -2, {x: (0, 1)}, "cannot be enclosed"),
    ],
)
def test_a_bad_box_is_refused(claim, box, message):
    with pytest.raises(ValueError, match=message):
        deciding.enclose(claim, box)


def test_the_precision_of_others_is_left_alone():
    from flint import ctx

    before = ctx.prec
    deciding.enclose(s > 1, {s: (2, 3)})
    assert ctx.prec == before


def test_nothing_else_needs_the_solvers():
    """The module itself can be imported without them."""
    hide = "import sys; sys.modules.update(z3=None, flint=None); from implreg_core import bounds, deciding"
    subprocess.run([sys.executable, "-c", hide], check=True)


@pytest.mark.parametrize("package", ["z3", "flint"])
def test_without_the_extra_it_says_how_to_install_it(package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"needs the package {package}: pip install 'implreg_core\[proofs\]'"):
        deciding.decide([], x**2 >= 0) if package == "z3" else deciding.enclose(sp.exp(x) > x, {x: (0, 1)})
