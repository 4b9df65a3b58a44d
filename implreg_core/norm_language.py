r"""A small language for (quasi-)norms, so that a reader can type one; `front/norm_language.js` is the same in a page.

    norm    =  term { + term }
    term    =  factor { (* | /) factor }       exactly one factor is a norm, above the line; the others are scales
    factor  =  scale | block | max(norm, norm, ...) | (norm)
    scale   =  number | d | sqrt(scale)        d is the larger of the numbers of rows and columns
    block   =  nuclear | frobenius | spectral | schatten(p) | kyfan(k)
            |  entrywise(p) | max_entry | max_row_sum | max_column_sum

Numbers are positive, exponents at least 0.01, and `inf` is one; capitals do not matter. `kyfan(k)` adds the `k` largest
singular values, all of them if they are fewer. A text is read, never evaluated as Python.

What it stands for is a (quasi-)norm, with a constant $c$ by rule: a block has that of `norms`; a positive multiple
keeps it; a sum and a maximum have the largest among their parts. *Proof.* See `norms.scaled`, `norms.total` and
`norms.greatest`. The rule need not give the least $c$ that would do.
"""

import math
import re
from collections.abc import Callable
from functools import cache, partial

import jax.numpy as jnp

from implreg_core import norms
from implreg_core.norms import Norm
from implreg_core.ranks import singular_values

__all__ = ["NormSyntaxError", "parse", "tree"]

_LENGTH, _DEPTH = 200, 8  # characters, nested brackets: what nobody exceeds by hand
_LEAST, _GREATEST, _POWER = 1e-9, 1e9, 10  # of a scale s d^h: no text that is accepted can overflow
_LEAST_EXPONENT, _MOST_VALUES = 0.01, 1000
_TOKEN = re.compile(r"(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)|[+*/(),]", re.ASCII)
_PLAIN = {
    "nuclear": ["schatten", 1.0],
    "frobenius": ["entrywise", 2.0],
    "spectral": ["schatten", math.inf],
    "max_entry": ["entrywise", math.inf],
    "max_row_sum": ["max_row_sum"],
    "max_column_sum": ["max_column_sum"],
}
_KNOWN = ", ".join([*_PLAIN, "schatten(p)", "entrywise(p)", "kyfan(k)", "max(A, B)"])


class NormSyntaxError(ValueError):
    """A text that names no (quasi-)norm: `text`, `position` (its first odd character, from 1) and `problem`.

    **Example:**

    ```python
    >>> try:
    ...     norm_language.parse("2 * d")
    ... except norm_language.NormSyntaxError as error:
    ...     print(error)
    '2 * d', character 1: a number is no norm; multiply a norm by it, as in 2 * nuclear.

    ```
    """

    def __init__(self, text: str, position: int, problem: str):
        super().__init__(text, position, problem)  # by which it is pickled
        self.text, self.position, self.problem = text, position, problem

    def __str__(self):
        return f"{self.text!r}, character {self.position}: {self.problem}"


@cache  # the same object again for the same text, so that `jit` knows it
def parse(text: str) -> Norm:
    r"""The (quasi-)norm that a text such as `"max(spectral, nuclear / d) + 2 * schatten(1/2)"` stands for.

    Its name is the text. See the module for the language, and for the proof that its constant $c$ will do.

    **Raises:** `NormSyntaxError`, a ValueError, that names the text, the position and what would do.

    **Example:**

    ```python
    >>> norm = norm_language.parse("nuclear / d + 2 * schatten(1/2)")
    >>> norm(jnp.eye(2)).item(), norm.quasi_triangle_constant
    (9.0, 2.0)

    ```
    """
    norm = _norm(tree(text))
    return Norm(text.strip(), norm.quasi_triangle_constant, norm.function)


def tree(text: str) -> list:
    r"""The parts of a text, as nested lists that JSON can hold.

    A node is `["sum", node, ...]`, `["max", node, ...]`, `["scale", f, h, node]` for $f \, d^h$ times a node,
    `["schatten", p]`, `["entrywise", p]`, `["kyfan", k]`, `["max_row_sum"]` or `["max_column_sum"]`.

    **Raises:** `NormSyntaxError`, as `parse` does.

    **Example:**

    ```python
    >>> norm_language.tree("2 * nuclear / sqrt(d)")
    ['scale', 2.0, -0.5, ['schatten', 1.0]]

    ```
    """
    if not isinstance(text, str):
        raise ValueError(f"`text` must be a string such as 'nuclear / d'; got {text!r}.")  # noqa: TRY004
    return _Reader(text).read()


class _Reader:
    """Recursive descent. Methods return nodes; a scale is the node `["number", s, h]` until it meets its norm."""

    def __init__(self, text: str):
        self.text, self.tokens, self.next, self.depth = text, [], 0, 0
        if len(text) > _LENGTH:
            self.fail(_LENGTH, f"a norm has at most {_LENGTH} characters.")
        at = 0
        while at < len(text):
            if text[at] in " \t\r\n":
                at += 1
                continue
            token = _TOKEN.match(text, at)
            if text[at] == "-":
                self.fail(at, "there is no minus here, for a difference need not be a norm; use + and max(A, B).")
            if token is None:
                self.fail(at, f"`{text[at]}` has no meaning here; use names, numbers and + * / ( ) ,.")
            self.tokens.append((token[0].lower(), at))
            at = token.end()
        self.tokens.append(("", len(text)))

    def fail(self, at: int, problem: str):
        raise NormSyntaxError(self.text, at + 1, problem)

    @property
    def word(self) -> str:
        return self.tokens[self.next][0]

    @property
    def at(self) -> int:
        return self.tokens[self.next][1]

    def take(self, *words: str) -> bool:
        """Go past the next token if it is one of `words`."""
        found = self.word in words
        self.next += found
        return found

    def expect(self, word: str, after: str):
        if not self.take(word):
            self.fail(self.at, f"`{word}` is missing after {after}.")

    def read(self) -> list:
        return self.norm(to_the_end=True)

    def norm(self, to_the_end: bool = False) -> list:
        at, node = self.at, self.sum()
        if to_the_end and self.word:
            self.fail(self.at, f"`{self.word}` cannot follow here; join norms with + and scales with * or /.")
        if node[0] == "number":
            self.fail(at, "a number is no norm; multiply a norm by it, as in 2 * nuclear.")
        return node

    def sum(self) -> list:
        places, terms = [self.at], [self.product()]
        while self.take("+"):
            places.append(self.at)
            terms.append(self.product())
        if len(terms) == 1:
            return terms[0]
        for at, term in zip(places, terms):
            if term[0] == "number":
                self.fail(at, "only norms are added; multiply a norm by this number instead, as in 2 * nuclear.")
        return ["sum", *terms]

    def product(self) -> list:
        start, norm, scale, power, sign = self.at, None, 1.0, 0.0, "*"
        while True:
            at, item = self.at, self.factor()
            if item[0] == "number":
                scale = scale * item[1] if sign == "*" else scale / item[1]
                power = power + item[2] if sign == "*" else power - item[2]
                if scale != math.inf:  # which an exponent may be, and no scale
                    self.check_scale(at, scale, power)
            elif sign == "/":
                self.fail(at, "nothing is divided by a norm; divide by numbers, d or sqrt(d).")
            elif norm is not None:
                self.fail(at, "norms are not multiplied; add them, or take max(A, B).")
            else:
                norm = item
            sign = self.word
            if not self.take("*", "/"):
                break
        if norm is None:
            return ["number", scale, power]
        self.check_scale(start, scale, power)
        return norm if (scale, power) == (1, 0) else ["scale", scale, power, norm]

    def check_scale(self, at: int, scale: float, power: float):
        if not (_LEAST <= scale <= _GREATEST and abs(power) <= _POWER):
            self.fail(at, "a scale must stay between 1e-9 and 1e9, and between d^-10 and d^10.")

    def factor(self) -> list:
        word, at = self.word, self.at
        self.next += 1
        if word == "d":
            return ["number", 1.0, 1.0]
        if word == "inf":
            return ["number", math.inf, 0.0]
        if word in _PLAIN:
            return [*_PLAIN[word]]
        if word == "(":
            return self.bracketed(self.sum, "what the bracket holds")
        if word in ("sqrt", "schatten", "entrywise", "kyfan", "max"):
            self.expect("(", f"`{word}`")
            return self.bracketed(getattr(self, word), f"what `{word}` is of")
        if word[:1].isdigit() or word[:1] == ".":
            if not _LEAST <= float(word) <= _GREATEST:
                self.fail(at, "numbers must be positive, from 1e-9 to 1e9.")
            return ["number", float(word), 0.0]
        if not word and self.next == 1:
            self.fail(at, "type a norm here, for example nuclear / d.")
        if not word:
            self.fail(at, "the text ends where a norm or a number should stand.")
        if word in "+*/(),":
            self.fail(at, f"a norm or a number should stand before `{word}`.")
        if word in ("p", "k"):
            self.fail(at, f"`{word}` stands for a number, as in schatten(1/2) and kyfan(2).")
        self.fail(at, f"no norm is called `{word}`; there are {_KNOWN}.")

    def bracketed(self, inside: Callable, after: str) -> list:
        if self.depth == _DEPTH:
            self.fail(self.tokens[self.next - 1][1], f"brackets are nested at most {_DEPTH} deep.")
        self.depth += 1
        node = inside()
        self.depth -= 1
        self.expect(")", after)
        return node

    def sqrt(self) -> list:
        at, node = self.at, self.product()
        if node[0] != "number":
            self.fail(at, "no root is taken of a norm; use numbers and d, as in sqrt(d).")
        return ["number", math.sqrt(node[1]), node[2] / 2]

    def argument(self, rule: Callable[[float], bool], what: str) -> float:
        at, node = self.at, self.product()
        if node[0] != "number" or node[2] != 0 or not rule(node[1]):
            self.fail(at, what)
        return node[1]

    def schatten(self) -> list:
        return ["schatten", self.exponent()]

    def entrywise(self) -> list:
        return ["entrywise", self.exponent()]

    def exponent(self) -> float:
        return self.argument(lambda p: p >= _LEAST_EXPONENT, "an exponent must be a number from 0.01 on, or inf.")

    def kyfan(self) -> list:
        whole = range(1, _MOST_VALUES + 1)
        return ["kyfan", int(self.argument(whole.__contains__, "k must be a whole number from 1 to 1000."))]

    def max(self) -> list:
        parts = [self.norm()]
        while self.take(","):
            parts.append(self.norm())
        return ["max", *parts]


def _norm(node: list) -> Norm:
    match node:
        case ["sum", *parts]:
            return norms.total(*map(_norm, parts))
        case ["max", *parts]:
            return norms.greatest(*map(_norm, parts))
        case ["scale", scale, power, part]:
            return norms.scaled(_norm(part), scale, dimension_power=power)
        case ["schatten", p]:
            return norms.schatten(p)
        case ["entrywise", p]:
            return norms.entrywise(p)
        case ["kyfan", k]:
            return Norm(f"Ky Fan {k}", 1.0, partial(_ky_fan, k=k))
        case [name]:
            return getattr(norms, name)


def _ky_fan(W, *, k):
    """As `norms.ky_fan`, where a matrix may have fewer singular values."""
    return jnp.sum(singular_values(W)[:k])
