"""Relations between what `deciding` says of a statement, of the same statement in other words, and of its parts."""

import pytest
import sympy as sp
from hypothesis import strategies as st
from properties import about

from implreg_core import deciding

x = sp.Symbol("x", real=True)
NUMBERS = st.fractions(-3, 3, max_denominator=8).map(lambda q: sp.Rational(q.numerator, q.denominator))


@about("deciding.decide", b=NUMBERS, c=NUMBERS, shift=NUMBERS)
def test_a_quadratic_is_positive_exactly_by_its_discriminant_wherever_it_stands(b, c, shift):
    for variable in (x, x + shift, -x):
        claim = variable**2 + b * variable + c > 0
        if b**2 < 4 * c:
            deciding.decide([], claim)
            continue
        with pytest.raises(deciding.Refuted) as refuted:
            deciding.decide([], claim)
        value = sp.sympify(refuted.value.counterexample["x"])
        assert claim.lhs.subs(x, value).evalf() <= 1e-12


@about("deciding.enclose", "deciding.decide", b=NUMBERS, c=NUMBERS)
def test_balls_and_the_solver_agree_on_a_box_and_on_its_halves(b, c):
    value = x**2 + b * x + c
    claim, least = value > 0, min(value.subs(x, point) for point in (-2, 2, min(max(-b / 2, -2), 2)))
    if least > 0:
        deciding.decide([x >= -2, x <= 2], claim)
        whole = deciding.enclose(claim, {x: (-2, 2)})
        halves = [deciding.enclose(claim, {x: ends}) for ends in ((-2, 0), (0, 2))]
        assert whole <= 1 + sum(halves)
    elif least < 0:
        with pytest.raises(deciding.Refuted):
            deciding.decide([x >= -2, x <= 2], claim)
        with pytest.raises((deciding.Refuted, deciding.Undecided)):
            deciding.enclose(claim, {x: (-2, 2)}, boxes=1000)
