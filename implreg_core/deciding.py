"""Statements about *all* real numbers, none left out: decided by a solver, or enclosed by intervals.

`decide` hands the hypotheses and the negation of the conclusion to Z3's complete procedure for polynomials over the
reals. If it finds no solution there is none, and the statement holds. `enclose` evaluates a function on whole boxes,
with Arb's balls, and halves a box where that does not settle the sign. Neither rounds: numbers are integers, fractions
and roots, or intervals that contain the value. One trusts the program behind it and the translation here.

Both need the extra `implreg_core[proofs]`; without it they raise an `ImportError` that says so.
"""

from collections.abc import Iterable, Mapping
from contextlib import contextmanager

import sympy as sp
from sympy.core.relational import Relational, StrictGreaterThan, StrictLessThan

__all__ = ["Refuted", "Undecided", "decide", "enclose"]


class Refuted(AssertionError):
    """A statement is false at `counterexample`, a dict from names to numbers.

    **Example:**

    ```python
    >>> deciding.Refuted("x > 0", {"x": -1}).counterexample
    {'x': -1}

    ```
    """

    def __init__(self, statement: str, counterexample: dict):
        where = ", ".join(f"{name} = {value}" for name, value in counterexample.items())
        super().__init__(f"{statement} is false, for example at {where}")
        self.statement, self.counterexample = statement, counterexample

    def __reduce__(self):  # so that it survives the way back from another process
        return type(self), (self.statement, self.counterexample)


class Undecided(AssertionError):
    """A statement is neither proved nor refuted within the limit.

    **Example:**

    ```python
    >>> import sympy as sp
    >>> x, y, z = sp.symbols("x y z", real=True)
    >>> deciding.decide(x**5 + y**7 > 3, x**9 * y + z**8 > x * z, timeout=0.001)
    Traceback (most recent call last):
    implreg_core.deciding.Undecided: not decided within 0.001 seconds...

    ```
    """


@contextmanager
def _extra():
    """Around imports: says how to install what is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ImportError(
            f"`deciding` needs the package {error.name}: pip install 'implreg_core[proofs]', or in a clone "
            "pip install '.[proofs]'."
        ) from error


# --- polynomials, by Z3 ---------------------------------------------------------------------------------------


class _Translator:
    """Writes SymPy's expressions for a solver.

    A quotient or a root becomes a new number with its equation. That one exists is not taken for granted: it must
    follow from what the solver has been told before.
    """

    def __init__(self, timeout: float):
        with _extra():
            import z3

        self.z3, self.timeout, self.told, self.names, self.new = z3, timeout, [], {}, {}
        self.context = z3.Context()  # its own, so that no statement depends on what was decided before

    def check(self, *claims) -> dict | None:
        """Numbers that fulfil all that the solver was told, and the claims; None if there are none."""
        # A new solver for each question: one that has answered before works incrementally, and is far slower.
        solver = self.z3.SolverFor("QF_NRA", ctx=self.context)
        solver.set("timeout", max(1, round(1000 * self.timeout)))
        solver.add(*self.told, *claims)
        answer = solver.check()
        if answer == self.z3.unknown:
            raise Undecided(
                f"not decided within {self.timeout} seconds ({solver.reason_unknown()}): split the step, or pass a "
                "longer `timeout`"
            )
        if answer == self.z3.unsat:
            return None
        model = solver.model()
        return {str(symbol): _number(model.eval(name, model_completion=True)) for symbol, name in self.names.items()}

    def must(self, claim, statement) -> None:
        """Raise unless the claim follows from what the solver was told."""
        if (counterexample := self.check(self.z3.Not(claim))) is not None:
            raise Refuted(str(statement), counterexample)

    def number(self, x):
        """A term of the solver for an expression."""
        if isinstance(x, sp.Symbol):
            return self.symbol(x)
        if isinstance(x, sp.Rational):
            return self.z3.Q(int(x.p), int(x.q), self.context)
        if isinstance(x, sp.Pow) and isinstance(x.exp, sp.Rational):
            return self.power(x)
        terms = [self.number(argument) for argument in x.args]
        if isinstance(x, sp.Add):
            return self.z3.Sum(terms)
        if isinstance(x, sp.Mul):
            return self.z3.Product(terms)
        if isinstance(x, sp.Abs):
            return self.z3.If(terms[0] >= 0, terms[0], -terms[0])
        if isinstance(x, sp.Max | sp.Min):
            best, *others = terms
            for term in others:
                better = term >= best if isinstance(x, sp.Max) else term <= best
                best = self.z3.If(better, term, best)
            return best
        raise ValueError(f"`{x}` is not polynomial: use sums, products, rational powers, Abs, Max, Min, or `enclose`.")

    def symbol(self, x):
        if x not in self.names:
            if not x.is_real:
                raise ValueError(f"the symbol `{x}` may not be real: declare it by sp.symbols(..., real=True).")
            if str(x) in map(str, self.names):
                raise ValueError(f"two symbols are called `{x}`, with different assumptions: rename one of them.")
            self.names[x] = name = self.z3.Real(f"{x}", self.context)
            if x.is_positive:  # SymPy simplifies by what it assumes, so it is a hypothesis
                self.told.append(name > 0)
            elif x.is_nonnegative:
                self.told.append(name >= 0)
            elif x.is_negative:
                self.told.append(name < 0)
        return self.names[x]

    def power(self, x):
        base, (p, q) = self.number(x.base), x.exp.as_numer_denom()
        if q > 1 and (x.base, q) not in self.new:
            self.must(base >= 0, x.base >= 0 if x.base.is_Number else f"{x.base} >= 0")
            self.new[x.base, q] = root = self.z3.FreshReal("root", self.context)
            self.told += [root >= 0, self.z3.Product([root] * int(q)) == base]
        base = self.new.get((x.base, q), base)
        if p < 0 and (x.base, q, -1) not in self.new:
            self.must(base != 0, f"{x.base} != 0")
            self.new[x.base, q, -1] = inverse = self.z3.FreshReal("inverse", self.context)
            self.told.append(inverse * base == 1)
        base = self.new[x.base, q, -1] if p < 0 else base
        return self.z3.Product([base] * abs(int(p)))

    def claim(self, x):
        """A formula of the solver for a relation, or for relations joined by And, Or, Not, Implies."""
        z3 = self.z3
        if x in (True, False):
            return z3.BoolVal(bool(x), self.context)
        if isinstance(x, sp.And | sp.Or | sp.Not | sp.Implies):
            join = {"And": z3.And, "Or": z3.Or, "Not": z3.Not, "Implies": z3.Implies}[type(x).__name__]
            return join(*[self.claim(argument) for argument in x.args])
        if not isinstance(x, Relational):
            raise ValueError(f"`{x}` is not a relation: use sp.Eq, sp.Ne, <, <=, >, >=, joined by sp.And, sp.Or.")
        left, right = self.number(x.lhs), self.number(x.rhs)
        return {
            "==": left == right,
            "!=": left != right,
            ">": left > right,
            ">=": left >= right,
            "<": left < right,
            "<=": left <= right,
        }[x.rel_op]


def _number(value):
    """A number of the solver as SymPy's: a fraction, or 20 digits of an algebraic number."""
    if hasattr(value, "as_fraction"):
        return sp.Rational(value.as_fraction())
    return sp.Float(value.as_decimal(20).rstrip("?"), 20)


def _all(claims) -> list:
    return list(claims) if isinstance(claims, Iterable) and not isinstance(claims, sp.Basic) else [claims]


def decide(hypotheses, conclusion, *, timeout: float = 60.0) -> None:
    """Prove that the conclusion holds for all real numbers that satisfy the hypotheses.

    Both are a SymPy relation, or several: polynomial, with quotients, roots, `Abs`, `Max` and `Min`. What SymPy assumes
    of a symbol, such as `positive=True`, is a hypothesis. A quotient or a root in one of them must exist by those
    before it. Hypotheses that no numbers satisfy are refused, since everything follows from them.

    **Arguments:**

    - `hypotheses`, `conclusion`: one relation, or a list of them.
    - `timeout`: seconds for each question to the solver.

    **Raises:** `Refuted`, with numbers for which the statement is false; `Undecided` after `timeout` seconds;
    `ValueError` for what is not polynomial, for a symbol that may not be real, and for contradictory hypotheses.

    **Source:** the negation is refuted by the procedure of Jovanović and de Moura (2012), a cylindrical algebraic
    decomposition by need, in Z3.

    **Example:**

    ```python
    >>> import sympy as sp
    >>> x, y = sp.symbols("x y", real=True)
    >>> deciding.decide([x > 0, y > 0], (x + y) / 2 >= sp.sqrt(x * y))
    >>> deciding.decide(x > 0, x**2 >= x)
    Traceback (most recent call last):
    implreg_core.deciding.Refuted: x**2 >= x is false, for example at x = 1/2

    ```
    """
    translator = _Translator(timeout)
    for hypothesis in _all(hypotheses):
        translator.told.append(translator.claim(hypothesis))
    if translator.check() is None:
        raise ValueError(f"`hypotheses` must not contradict each other; got {hypotheses}. Correct one of them.")
    for claim in _all(conclusion):
        translator.must(translator.claim(claim), claim)


# --- other functions, by Arb ----------------------------------------------------------------------------------


def _ball(x, box: Mapping):
    """A ball that contains all values of the expression on the box, or none (NaN) where it may not exist."""
    from flint import arb, fmpq

    if x in box:
        return box[x]
    if isinstance(x, sp.Rational):
        return arb(fmpq(int(x.p), int(x.q)))
    balls = [_ball(argument, box) for argument in x.args]
    if isinstance(x, sp.Add):
        return sum(balls, arb(0))
    if isinstance(x, sp.Mul):
        product = arb(1)
        for ball in balls:
            product *= ball
        return product
    if isinstance(x, sp.Pow):
        if x.exp.is_Integer:
            return balls[0] ** int(x.exp)
        if (2 * x.exp).is_Integer:
            return balls[0].sqrt() ** int(2 * x.exp)
    if isinstance(x, sp.exp | sp.log | sp.sinh | sp.cosh | sp.tanh | sp.acosh):
        return getattr(balls[0], type(x).__name__)()
    raise ValueError(f"`{x}` cannot be enclosed: use sums, products, powers, sqrt, exp, log, sinh, cosh, tanh, acosh.")


def enclose(claim, box: Mapping, *, boxes: int = 100_000, digits: int = 50) -> int:
    """Prove an inequality at all points of a box, and count the parts of the box that this took.

    **Arguments:**

    - `claim`: a SymPy relation, `>` or `<`, between expressions of the box's symbols. The difference of its sides must
      stay away from zero; near an equality another argument is needed.
    - `box`: for each symbol its least and its largest value, integers or fractions.
    - `boxes`: give up after so many parts.
    - `digits`: of the balls.

    **Raises:** `Refuted`, with a point where the difference has the other sign or is zero; `Undecided` after `boxes`
    parts; `ValueError` for other relations, functions and ends.

    **Source:** balls by Johansson (2017), the Arb library.

    **Example:**

    ```python
    >>> import sympy as sp
    >>> x = sp.Symbol("x", real=True)
    >>> deciding.enclose(sp.exp(x) > 1 + x, {x: (sp.Rational(1, 10), 10)}) > 1
    True
    >>> deciding.enclose(sp.exp(x) > 1 + 2 * x, {x: (sp.Rational(1, 10), 10)})
    Traceback (most recent call last):
    implreg_core.deciding.Refuted: exp(x) > 2*x + 1 is false, for example at x = ...

    ```
    """
    with _extra():
        from flint import arb, ctx, fmpq

    if not isinstance(claim, StrictGreaterThan | StrictLessThan):
        raise ValueError(f"`claim` must be a strict inequality of SymPy; got {claim}. Use > or <.")
    difference = claim.gts - claim.lts
    ends = {}
    for symbol, (low, high) in box.items():
        low, high = sp.sympify(low), sp.sympify(high)
        if not (isinstance(low, sp.Rational) and isinstance(high, sp.Rational) and low < high):
            raise ValueError(f"`box` must have two increasing fractions for `{symbol}`; got {low}, {high}.")
        ends[symbol] = fmpq(int(low.p), int(low.q)), fmpq(int(high.p), int(high.q))
    if free := difference.free_symbols - ends.keys():
        raise ValueError(f"`box` must bound every symbol of the claim; {free} is missing.")
    before, ctx.dps = ctx.dps, digits
    try:
        waiting, count = [ends], 0
        while waiting:
            part, count = waiting.pop(), count + 1
            if _ball(difference, {x: arb(low).union(arb(high)) for x, (low, high) in part.items()}) > 0:
                continue
            middle = {x: (low + high) / 2 for x, (low, high) in part.items()}
            if _ball(difference, {x: arb(value) for x, value in middle.items()}) <= 0:
                raise Refuted(str(claim), {str(x): sp.Rational(int(q.p), int(q.q)) for x, q in middle.items()})
            if count >= boxes or not part:
                raise Undecided(f"{claim} was not settled by {boxes} parts: it may be close to an equality")
            widest = max(part, key=lambda x: (part[x][1] - part[x][0]) / (ends[x][1] - ends[x][0]))
            low, high = part[widest]
            waiting += [part | {widest: (low, middle[widest])}, part | {widest: (middle[widest], high)}]
        return count
    finally:
        ctx.dps = before
