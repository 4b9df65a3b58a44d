"""The language of norms: what it means, what it refuses, and that the page's JavaScript reads it as Python does."""

import json
import math
import random

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from test_front import in_module

from implreg_core import bounds, norm_language, norms
from implreg_core.explorers import _front
from implreg_core.norm_language import NormSyntaxError, parse, tree

W = np.array([[3.0, -1.0], [0.5, 2.0]])
σ = np.linalg.svd(W, compute_uv=False)

MEANINGS = {  # text: value at W, constant c, norm of a unit matrix in dimension 2
    "nuclear": (σ.sum(), 1, 1),
    " Frobenius ": (np.sqrt((W**2).sum()), 1, 1),
    "spectral": (σ[0], 1, 1),
    "max_entry": (3, 1, 1),
    "max_row_sum": (4, 1, 1),
    "max_column_sum": (3.5, 1, 1),
    "schatten(1/2)": ((σ**0.5).sum() ** 2, 2, 1),
    "schatten(inf)": (σ[0], 1, 1),
    "entrywise(.5)": ((abs(W) ** 0.5).sum() ** 2, 2, 1),
    "kyfan(1)": (σ[0], 1, 1),
    "kyfan(7)": (σ.sum(), 1, 1),
    "3 * nuclear / d + sqrt(d) * spectral": (1.5 * σ.sum() + 2**0.5 * σ[0], 1, 1.5 + 2**0.5),
    "max(schatten(1/2) / 4, 2 * (spectral + max_entry))": (2 * (σ[0] + 3), 2, 4),
    "nuclear/d/d*sqrt(d*d)*1e1": (5 * σ.sum(), 1, 5),
    "(1/2) * entrywise(1)": (3.25, 1, 0.5),
    "max(nuclear)": (σ.sum(), 1, 1),
}

FAULTS = {  # text: position, part of the problem
    "": (1, "type a norm here"),
    "schatten(p)": (10, "`p` stands for a number"),
    "nuclear +": (10, "the text ends"),
    "nuclear + frobenus": (11, "no norm is called `frobenus`; there are nuclear, frobenius"),
    "nuclear - spectral": (9, "there is no minus"),
    "-1 * nuclear": (1, "there is no minus"),
    "2 + nuclear": (1, "only norms are added"),
    "2 nuclear": (3, "`nuclear` cannot follow"),
    "sqrt(d)": (1, "a number is no norm"),
    "nuclear * spectral": (11, "norms are not multiplied"),
    "1 / nuclear": (5, "nothing is divided by a norm"),
    "0 * nuclear": (1, "numbers must be positive"),
    "1e8 * 1e8 * nuclear": (7, "a scale must stay"),
    "inf * nuclear": (1, "a scale must stay"),
    "inf / inf * nuclear": (7, "a scale must stay"),
    "schatten(0.001)": (10, "an exponent must be"),
    "schatten(d)": (10, "an exponent must be"),
    "schatten": (9, "`(` is missing after `schatten`"),
    "schatten(1": (11, "`)` is missing"),
    "kyfan(1.5)": (7, "a whole number from 1 to 1000"),
    "max(nuclear, 2)": (14, "a number is no norm"),
    "max()": (5, "should stand before `)`"),
    "sqrt(nuclear)": (6, "no root is taken"),
    "nuclear # comment": (9, "`#` has no meaning"),
    "__import__('os')": (12, "`'` has no meaning"),
    "((((((((( nuclear )))))))))": (9, "nested at most 8"),
    "nuclear + " * 21: (201, "at most 200 characters"),
    "Σ": (1, "`Σ` has no meaning"),
    "nuclear\N{NO-BREAK SPACE}": (8, "has no meaning"),
    "constructor": (1, "no norm is called"),
}


@pytest.mark.parametrize("text", MEANINGS)
def test_a_text_means_its_norm(text):
    value, c, unit = MEANINGS[text]
    norm = parse(text)
    assert norm.name == text.strip() and norm.quasi_triangle_constant == pytest.approx(c)
    assert norm(W) == pytest.approx(value, rel=1e-12)
    assert norm.unit_matrix_norm(0, 0) == pytest.approx(unit)
    assert parse(text) is norm


@pytest.mark.parametrize("text", FAULTS)
def test_a_fault_is_named_and_placed(text):
    position, problem = FAULTS[text]
    with pytest.raises(NormSyntaxError) as caught:
        parse(text)
    assert caught.value.position == position and problem in caught.value.problem
    assert caught.value.problem in str(caught.value) and f"character {position}" in str(caught.value)


@pytest.mark.usefixtures("unchecked_types")
def test_only_a_text_is_read():
    with pytest.raises(ValueError, match="`text` must be a string"):
        parse(3)


def test_the_dimension_scales():
    wide = jnp.ones((2, 9))
    assert parse("max_entry / d")(wide) == pytest.approx(1 / 9)
    assert parse("sqrt(d) * max_entry")(wide.T) == pytest.approx(3)
    norm = norms.scaled(norms.nuclear, 3.0, dimension_power=-1)
    assert norm(jnp.eye(4)) == pytest.approx(3) and norm.quasi_triangle_constant == 1


@pytest.mark.parametrize("text", ["schatten(0.3) + 5 * spectral", "max(entrywise(1/2), 2 * schatten(0.7))"])
def test_the_constant_by_rule_suffices(text):
    norm = parse(text)
    A, B = jr.normal(jr.key(0), (2, 300, 2, 2)) * 10.0 ** jr.uniform(jr.key(1), (2, 300, 2, 2), minval=-3, maxval=3)
    values = [np.array([norm.function(M) for M in stack]) for stack in (A[:40], B[:40], A[:40] + B[:40])]
    assert np.all(values[2] <= norm.quasi_triangle_constant * (values[0] + values[1]) * (1 + 1e-12))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: norms.scaled(norms.nuclear, 0.0), "`factor` must be positive"),
        (lambda: norms.scaled(norms.nuclear, dimension_power=math.inf), "`dimension_power` must be finite"),
        (lambda: norms.total(), "`norms` is empty"),
    ],
)
def test_combinations_refuse_what_is_no_norm(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def babble(chance: random.Random) -> str:
    """A text of the language's own words, most often wrong."""
    words = "nuclear spectral d sqrt( schatten( kyfan( max( ( ) ) ) , + * / 2 0.5 1e-3 inf max_row_sum entrywise( foo -"
    return " ".join(chance.choice(words.split()) for _ in range(chance.randint(1, 9)))


def sentence(chance: random.Random, depth: int = 2) -> str:
    """A text that names a norm."""
    if depth == 0 or chance.random() < 0.2:
        p = chance.choice(["0.1", "1/2", "1", "2.5", "inf"])
        plain = ["nuclear", "frobenius", "max_entry", "max_row_sum", "max_column_sum", "kyfan(2)"]
        return chance.choice([*plain, f"schatten({p})", f"entrywise({p})"])
    parts = [sentence(chance, depth - 1) for _ in range(chance.randint(1, 2))]
    scale = chance.choice(["", "3*", "sqrt(d) * ", "1/d*", "2.5e-1 * sqrt(2*d) * d / 3 *"])
    return chance.choice([f"{scale}({' + '.join(parts)})", f"{scale}max({', '.join(parts)})"])


def test_the_page_reads_evaluates_and_refuses_like_the_package():
    chance = random.Random(0)
    sentences = [sentence(chance) for _ in range(40)]
    texts = [*MEANINGS, *FAULTS, *(babble(chance) for _ in range(400)), *sentences]
    expected = []
    for text in texts:
        try:
            expected.append(tree(text))
        except NormSyntaxError as error:
            expected.append({"position": error.position, "problem": error.problem})
    code = f"""
      import {{ constants, evaluate, parse }} from "{(_front.FRONT / "norm_language.js").as_uri()}";
      const {{ texts, sentences, matrices }} = data;
      const read = (text) => {{
        try {{ return parse(text); }} catch ({{ position, problem }}) {{ return {{ position, problem }}; }}
      }};
      const measure = (text) => {{
        const {{ a, b, c }} = constants(parse(text), 2);
        return [a, b, c, ...matrices.map((matrix) => evaluate(parse(text), {{ ...matrix, d: 2 }}))];
      }};
      const infinite = (_, value) => (value === Infinity ? "inf" : value);
      const found = {{ trees: texts.map(read), measures: sentences.map(measure) }};
      process.stdout.write(JSON.stringify(found, infinite));
    """
    Ws = [W, np.diag([1e9, 1e-7]), np.zeros((2, 2)), np.ones((2, 2))]
    σs = [np.linalg.svd(M, compute_uv=False) for M in Ws[:-1]] + [np.array([2.0, 0.0])]
    matrices = [{"sigma": s.tolist(), "entries": abs(M).ravel().tolist()} for s, M in zip(σs, Ws)]
    found = json.loads(in_module(code, {"texts": texts, "sentences": sentences, "matrices": matrices}))
    finite = json.loads(json.dumps(expected).replace("Infinity", '"inf"'))
    for text, here, there in zip(texts, finite, found["trees"], strict=True):
        assert there == here, text
    assert sum(isinstance(item, list) for item in expected) > 60 and len({str(item) for item in expected}) > 150
    for text, measures in zip(sentences[:12], found["measures"]):
        norm = norm_language.parse(text)
        a, b = bounds.norm_constants(norm)
        here = [a, b, norm.quasi_triangle_constant, *(norm.function(jnp.asarray(M)) for M in Ws)]
        np.testing.assert_allclose(measures, np.array(here, float), rtol=1e-9, err_msg=text)
