import math

import jax
import jax.numpy as jnp
import jax.random as jr
import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from implreg_core import bounds, norms, problems

ALL = [
    norms.nuclear,
    norms.frobenius,
    norms.spectral,
    norms.max_entry,
    norms.ky_fan(1),
    norms.ky_fan(2),
    norms.schatten(0.1),
    norms.schatten(0.5),
    norms.schatten(3),
    norms.entrywise(0.3),
    norms.entrywise(1),
    norms.entrywise(4.5),
]
every_norm = pytest.mark.parametrize("norm", ALL, ids=lambda norm: norm.name)

SHAPES = st.sampled_from([(2, 2), (3, 2), (2, 4)])  # few, because each compiles anew
ENTRIES = st.one_of(st.just(0.0), st.floats(1e-6, 1e6), st.floats(-1e6, -1e-6))
MATRICES = SHAPES.flatmap(lambda shape: hnp.arrays(float, shape, elements=ENTRIES))
PAIRS = SHAPES.flatmap(lambda shape: st.tuples(*[hnp.arrays(float, shape, elements=ENTRIES)] * 2))


@pytest.mark.parametrize("shape", [(2, 2), (3, 5), (6, 4)])
def test_values_agree_with_plain_formulas(shape):
    W = np.asarray(jr.normal(jr.key(0), shape))
    σ = np.linalg.svd(W, compute_uv=False)
    expected = [
        (norms.nuclear, σ.sum()),
        (norms.frobenius, np.sqrt((W**2).sum())),
        (norms.spectral, σ[0]),
        (norms.max_entry, abs(W).max()),
        (norms.ky_fan(1), σ[0]),
        (norms.ky_fan(2), σ[0] + σ[1]),
        (norms.ky_fan(min(shape)), σ.sum()),
        (norms.schatten(0.1), (σ**0.1).sum() ** 10),
        (norms.schatten(1), σ.sum()),
        (norms.schatten(2), np.sqrt((W**2).sum())),
        (norms.schatten(3), (σ**3).sum() ** (1 / 3)),
        (norms.schatten(math.inf), σ[0]),
        (norms.entrywise(0.3), (abs(W) ** 0.3).sum() ** (1 / 0.3)),
        (norms.entrywise(1), abs(W).sum()),
        (norms.entrywise(math.inf), abs(W).max()),
        (norms.max_column_sum, abs(W).sum(axis=0).max()),
        (norms.max_row_sum, abs(W).sum(axis=1).max()),
    ]
    for norm, value in expected:
        assert norm(W) == pytest.approx(value, rel=1e-12), norm.name


@pytest.mark.parametrize(
    ("norm", "constant"),
    [(norms.schatten(0.1), 512), (norms.schatten(0.5), 2), (norms.entrywise(0.25), 8)]
    + [(norms.max_column_sum, 1), (norms.max_row_sum, 1)]
    + [(norm, 1) for norm in ALL if norm.name not in ("Schatten-0.1", "Schatten-0.5", "entrywise 0.3")],
    ids=lambda x: getattr(x, "name", x),
)
def test_quasi_triangle_constants(norm, constant):
    assert norm.quasi_triangle_constant == pytest.approx(constant, rel=1e-14)


@every_norm
@given(MATRICES, st.integers(-30, 30), st.sampled_from([1.0, -1.0]))
def test_norms_are_absolutely_homogeneous(norm, W, exponent, sign):
    # powers of 2 are exact; otherwise a rounding error in a singular value counts, as 1e-16^0.1 = 0.03
    factor = 2.0**exponent
    assert norm(sign * factor * W) == pytest.approx(factor * float(norm(W)), rel=1e-9)


@every_norm
@given(PAIRS)
def test_quasi_triangle_inequality_holds_with_the_stated_constant(norm, pair):
    A, B = pair
    assert norm(A + B) <= norm.quasi_triangle_constant * (norm(A) + norm(B)) * (1 + 1e-9)


@pytest.mark.parametrize("p", [0.01, 0.1, 0.5, 0.9, 1])
@pytest.mark.parametrize("family", [norms.schatten, norms.entrywise])
@pytest.mark.parametrize("shape", [(2, 2), (3, 4)])
def test_quasi_triangle_constant_is_attained(family, p, shape):
    norm = family(p)
    A, B = jnp.zeros(shape).at[0, 0].set(3.0), jnp.zeros(shape).at[1, 1].set(3.0)
    assert norm(A + B) == pytest.approx(norm.quasi_triangle_constant * float(norm(A) + norm(B)), rel=1e-12)


@every_norm
def test_norms_vanish_exactly_at_zero(norm):
    assert norm(jnp.zeros((2, 2))) == 0 and norm(jnp.zeros((3, 4))) == 0
    assert norm(jnp.array([[0.0, 0.0], [1e-12, 0.0]])) > 0


@every_norm
@pytest.mark.parametrize("shape", [(2, 2), (3, 4)])
def test_unit_matrices_have_norm_one(norm, shape):
    for i in range(shape[0]):
        for j in range(shape[1]):
            assert norm.unit_matrix_norm(i, j, shape) == pytest.approx(1, rel=1e-14)


@pytest.mark.parametrize("p", [0.1, 0.5, 7.0])
@pytest.mark.parametrize("scale", [1e-250, 1e-12, 1.0, 1e250])
def test_small_exponents_neither_underflow_nor_overflow(p, scale):
    σ = [3.0 * scale, 2.0 * scale, 1e-12 * scale]
    with mpmath.workdps(50):
        expected = float(mpmath.fsum(mpmath.mpf(s) ** p for s in σ) ** (1 / mpmath.mpf(p)))
    diagonal = jnp.zeros((4, 3)).at[jnp.arange(3), jnp.arange(3)].set(jnp.array(σ))
    assert norms.schatten(p)(diagonal) == pytest.approx(expected, rel=1e-12, abs=0)
    assert norms.entrywise(p)(diagonal) == pytest.approx(expected, rel=1e-12, abs=0)


@every_norm
def test_norms_can_be_mapped_and_compiled(norm):
    Ws = jr.normal(jr.key(1), (5, 3, 2))
    assert jnp.allclose(jax.jit(jax.vmap(norm))(Ws), jnp.array([norm(W) for W in Ws]), rtol=1e-12)


def test_one_exponent_gives_one_object_so_that_jit_compiles_once():
    traces = []

    @jax.jit
    def value(norm, W):
        traces.append((norm.name, norm.quasi_triangle_constant))  # what it knows is known while compiling
        return norm(W)

    for _ in range(3):
        value(norms.schatten(0.7), jnp.eye(2))
    assert traces == [("Schatten-0.7", norms.schatten(0.7).quasi_triangle_constant)]


def test_readers_own_norm_may_weigh_entries():
    weights = jnp.array([[2.0, 1.0, 5.0], [0.5, 3.0, 0.25]])
    norm = norms.custom(lambda W: jnp.sum(weights * jnp.abs(W)), name="weighted")
    assert norm.name == "weighted" and norm.quasi_triangle_constant == 1
    assert norm(jnp.ones((2, 3))) == 11.75
    measured = [[float(norm.unit_matrix_norm(i, j, (2, 3))) for j in range(3)] for i in range(2)]
    assert measured == weights.tolist()


def test_scaled_norms_are_multiples_by_a_power_of_the_larger_side():
    W = jr.normal(jr.key(2), (3, 5))
    value = float(norms.nuclear(W))
    assert norms.scaled(norms.nuclear, 3.0)(W) == pytest.approx(3 * value, rel=1e-15)
    assert norms.scaled(norms.nuclear, dimension_power=-2)(W) == pytest.approx(value / 25, rel=1e-15)


def test_combined_norms_are_named_by_what_they_combine():
    parts = norms.nuclear, norms.scaled(norms.spectral, 0.5), norms.scaled(norms.max_entry, 2.0, dimension_power=-1)
    assert norms.total(*parts).name == "(nuclear + 0.5 spectral + 2 d^-1 max entry)"
    assert norms.greatest(*parts).name == "max(nuclear, 0.5 spectral, 2 d^-1 max entry)"


@pytest.mark.parametrize("family", [norms.schatten, norms.entrywise])
def test_the_least_exponent_has_finite_constants(family):
    assert all(map(math.isfinite, bounds.norm_constants(family(0.002))))


@pytest.mark.parametrize("p", [0.1, 0.5, 1, 2, 3, math.inf])
def test_proposition_1_schatten_norms_of_solutions_grow_with_the_free_entry(p):
    w = jnp.concatenate([jnp.zeros(1), jnp.logspace(-3, 6, 300)])
    value = jax.vmap(lambda w: norms.schatten(p)(problems.two_by_two_solution(w)))
    values = value(w)
    assert jnp.all(jnp.diff(values) > 0)
    assert jnp.allclose(value(-w), values, rtol=1e-14)
    least = 1.0 if p == math.inf else 2 ** (1 / p)  # both singular values are 1 at w = 0
    assert values[0] == pytest.approx(least, rel=1e-13)


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: norms.nuclear(jnp.ones(3)), "`W` must be a nonempty matrix; got shape .3,."),
        (lambda: norms.max_entry(jnp.full((2, 2), jnp.nan)), "`W` must be finite; got"),
        (lambda: norms.schatten(0.0), "`p` must be at least 0.002; got 0.0"),
        (lambda: norms.schatten(-1), "`p` must be at least 0.002; got -1.0"),
        (lambda: norms.schatten(1e-3), "`p` must be at least 0.002; got 0.001"),
        (lambda: norms.entrywise(math.nan), "`p` must be at least 0.002; got nan"),
        (lambda: norms.ky_fan(0), "`k` must be an integer at least 1; got 0"),
        (lambda: norms.ky_fan(1.5), "`k` must be an integer at least 1; got 1.5"),
        (lambda: norms.ky_fan(3)(jnp.eye(2)), "`k` must be an integer from 1 to 2; got 3"),
        (lambda: norms.custom(3), "`function` must be callable; got 3"),
        (
            lambda: norms.custom(jnp.sum, quasi_triangle_constant=0.5),
            "`quasi_triangle_constant` must be .* 0.5",
        ),
        (
            lambda: norms.custom(jnp.sum, quasi_triangle_constant=math.inf),
            "`quasi_triangle_constant` .* got inf",
        ),
        (
            lambda: norms.custom(jnp.sum)(-jnp.eye(2)),
            r"`function\(W\) of custom` must not be negative; got -2",
        ),
        (lambda: norms.custom(jnp.abs)(jnp.eye(2)), r"`function\(W\) of custom` must have shape \(\); got"),
        (lambda: norms.nuclear.unit_matrix_norm(2, 0), "`i` must be an integer from 0 to 1; got 2"),
        (lambda: norms.nuclear.unit_matrix_norm(0, -1), "`j` must be an integer from 0 to 1; got -1"),
        (lambda: norms.nuclear.unit_matrix_norm(0, 0, (2,)), "`shape` must be .rows, columns.; got"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
