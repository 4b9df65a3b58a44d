"""Relations between calls of `norms`, `norm_language` and `ranks`."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from properties import ENTRIES, SCALES, about, gaussians, matrices, near, orthogonal, signed_permutations

from implreg_core import norm_language, norms, ranks

SHAPES = [(2, 2), (3, 2)]  # in closed form, and by the library
ANY = st.one_of(*(matrices(*shape) for shape in SHAPES))


def with_changes(changes):
    """A matrix, with a change of its rows and one of its columns."""
    return st.one_of(*(st.tuples(matrices(m, n), changes(m), changes(n)) for m, n in SHAPES))


BY_EXPONENT = [norms.schatten(0.5), norms.nuclear, norms.schatten(1.5), norms.schatten(3), norms.spectral]
SPECTRAL = [
    *BY_EXPONENT,
    norms.frobenius,
    norms.ky_fan(1),
    norms.ky_fan(2),
    norms.scaled(norms.nuclear, 3.0, dimension_power=-1),
    norms.total(norms.nuclear, norms.spectral),
    norms.greatest(norms.spectral, norms.scaled(norms.nuclear, 0.6)),
]
# A singular value that should be zero is a rounding, about 1e-16 of the largest; of which a root is taken for p = 1/2.
ROUNDING = np.array([1e-6, *[1e-12] * (len(SPECTRAL) - 1)])
ENTRYWISE = [
    norms.entrywise(0.5),
    norms.entrywise(1),
    norms.entrywise(1.5),
    norms.frobenius,
    norms.entrywise(3),
    norms.max_entry,
    norms.max_row_sum,
    norms.max_column_sum,
]


def together(measures):
    """All of them in one program."""
    return jax.jit(lambda W: jnp.stack([measure(W) for measure in measures]))


spectral_norms, entrywise_norms = together(SPECTRAL), together(ENTRYWISE)
spectrum, effective_rank = jax.jit(ranks.singular_values), jax.jit(ranks.effective_rank)
distances = together([lambda W, k=k: ranks.distance_to_rank(W, k) for k in range(3)])


@about(
    "norms.Norm",
    "norms.Norm.__call__",
    "norms.schatten",
    "norms.ky_fan",
    "norms.scaled",
    "norms.total",
    "norms.greatest",
    drawn=with_changes(orthogonal),
    scale=SCALES,
)
def test_spectral_norms_do_not_change_by_rotation(drawn, scale):
    W, left, right = drawn
    value = spectral_norms(scale * W)
    assert near(spectral_norms(scale * left @ W @ right), value, ROUNDING, size=np.asarray(value))


@about("norms.entrywise", "norms.schatten", drawn=with_changes(signed_permutations), scale=SCALES)
def test_no_norm_changes_by_permutation_and_sign(drawn, scale):
    W, left, right = drawn
    for measured, rounding in [(spectral_norms, ROUNDING), (entrywise_norms, 1e-13)]:
        value = measured(scale * W)
        assert near(measured(scale * left @ W @ right), value, rounding, size=np.asarray(value))


@about("norms.Norm.__call__", W=ANY, scale=SCALES)
def test_transposition_only_exchanges_sums_of_rows_and_columns(W, scale):
    value = np.asarray(spectral_norms(W * scale))
    assert near(spectral_norms(W.T * scale), value, ROUNDING, size=value)
    value = np.asarray(entrywise_norms(W * scale))
    assert near(entrywise_norms(W.T * scale), value[[*range(6), 7, 6]], 1e-13)


@about("norms.Norm.__call__", W=ANY, scale=st.sampled_from([1e-100, 1e-8, -1.0, 7.0, 1e100]))
def test_norms_are_homogeneous_over_two_hundred_decades(W, scale):
    for measured, rounding in [(spectral_norms, ROUNDING), (entrywise_norms, 1e-13)]:
        value = abs(scale) * np.asarray(measured(W))
        assert near(measured(scale * W), value, rounding, size=value)


@about("norms.schatten", "norms.entrywise", "norms.ky_fan", W=ANY)
def test_norms_fall_with_the_exponent_and_rise_with_the_number_of_singular_values(W):
    spectral, entrywise = np.asarray(spectral_norms(W)), np.asarray(entrywise_norms(W))
    more = 1 + 1e-13  # roundings
    for falling in (spectral[:5], entrywise[:6]):
        assert np.all(falling[1:] <= more * falling[:-1])
    frobenius, first, both = spectral[5:8]
    assert spectral[4] <= more * frobenius and frobenius <= more * spectral[1]
    assert first <= both and near([first, both], [spectral[4], spectral[1]], 1e-15)
    assert entrywise[5] <= more * spectral[4] <= more**2 * np.sqrt(entrywise[6] * entrywise[7])


@about("norms.scaled", "norms.total", "norms.greatest", examples=5, W=ANY, factor=st.floats(1e-3, 1e3))
def test_norms_combine_as_numbers_do(W, factor):
    nuclear, frobenius = norms.nuclear, norms.frobenius
    twice = norms.scaled(norms.scaled(nuclear, factor, dimension_power=2), 2.0, dimension_power=-1)
    once = norms.scaled(nuclear, 2 * factor, dimension_power=1)
    pairs = [
        (twice, once(W)),
        (norms.total(nuclear, frobenius), nuclear(W) + frobenius(W)),
        (norms.total(frobenius, nuclear), nuclear(W) + frobenius(W)),
        (norms.greatest(nuclear, once), max(nuclear(W), once(W))),
        (norms.greatest(once, nuclear), max(nuclear(W), once(W))),
        (norms.total(nuclear, nuclear), 2 * nuclear(W)),
    ]
    for norm, value in pairs:
        assert near(norm(W), value, 1e-14)


@about(
    "norms.Norm.unit_matrix_norm",
    "norms.custom",
    examples=5,
    weights=gaussians(3, 2).map(lambda G: 0.1 + np.abs(G)),
    i=st.integers(0, 2),
    j=st.integers(0, 1),
)
def test_unit_matrices_weigh_what_the_norm_gives_their_entry(weights, i, j):
    weighted = norms.custom(lambda W: jnp.sum(weights * jnp.abs(W)))
    plain = norms.custom(norms.nuclear.function, name="the nuclear norm again")
    assert weighted.unit_matrix_norm(i, j, (3, 2)) == weights[i, j]
    assert norms.scaled(weighted, 3.0).unit_matrix_norm(i, j, (3, 2)) == 3 * weights[i, j]
    assert plain.unit_matrix_norm(i, j, (3, 2)) == norms.nuclear.unit_matrix_norm(i, j, (3, 2))


@about("norms.Norm.__call__", "ranks.singular_values", "ranks.effective_rank", "ranks.distance_to_rank", W=ANY)
def test_batches_and_single_precision_give_what_double_precision_gives(W):
    single = W.astype(np.float32)
    for measure in (spectrum, distances, entrywise_norms):
        assert np.array_equal(measure(single), measure(single.astype(float)))
    # The compiler may round a batch in another order than one matrix.
    assert near(many(np.stack([W, 2 * W, -W]))[0], ranks.singular_values(W), 1e-14)


many = jax.jit(jax.vmap(ranks.singular_values))


# ---- the language


LEAVES = {
    "nuclear": norms.nuclear,
    "Frobenius": norms.frobenius,
    "SCHATTEN( 1/2 )": norms.schatten(0.5),
    "entrywise(3)": norms.entrywise(3),
    "kyfan(2)": norms.ky_fan(2),
    "max_row_sum": norms.max_row_sum,
}
RULES = {  # a text of texts, and the norm of norms that it means
    "{}+ {}": norms.total,
    "max({} ,{})": norms.greatest,
    "3*({1})\n/ sqrt(d) + {0}": lambda A, B: norms.total(norms.scaled(B, 3.0, dimension_power=-0.5), A),
    "( {} +\t({}))": norms.total,
}
TREES = st.recursive(
    st.sampled_from(list(LEAVES)), lambda parts: st.tuples(st.sampled_from(list(RULES)), parts, parts), max_leaves=5
)


def told(tree):
    """The text of a tree, and its norm made by the functions of `norms`."""
    if isinstance(tree, str):
        return tree, LEAVES[tree]
    (a, A), (b, B) = map(told, tree[1:])
    return tree[0].format(a, b), RULES[tree[0]](A, B)


@about("norm_language.parse", "norm_language.tree", tree=TREES, W=matrices(3, 2))
def test_a_text_is_read_as_its_parts_are_put_together(tree, W):
    text, norm = told(tree)
    read = norm_language.parse(text)
    assert near(read(W), norm(W), 1e-14) and read.quasi_triangle_constant == norm.quasi_triangle_constant
    spaced = text.replace("(", " ( ").replace("*", " * ")
    assert norm_language.tree(spaced.upper()) == norm_language.tree(f"({text})") == norm_language.tree(text)


WORDS = ["nuclear", "max", "schatten", "kyfan", "sqrt", "d", "2", "1/2", "inf", "(", ")", ",", "+", "*", "/", "-", "ü"]


@about("norm_language.NormSyntaxError", "norm_language.tree", examples=100, words=st.lists(st.sampled_from(WORDS)))
def test_a_text_is_read_or_refused_at_a_place_in_it(words):
    text = " ".join(words)
    try:
        norm = norm_language.parse(text)
    except norm_language.NormSyntaxError as error:
        assert error.text == text and 1 <= error.position <= len(text) + 1 and error.problem in str(error)
    else:
        assert norm.name == text and norm(np.eye(2)) > 0


# ---- measures of rank


@about("ranks.singular_values", "ranks.distance_to_rank", drawn=with_changes(orthogonal), scale=SCALES)
def test_rotation_transposition_and_scale_leave_the_spectrum(drawn, scale):
    W, left, right = drawn
    expected = scale * np.asarray(spectrum(W)), scale * np.asarray(distances(W))
    for same in (scale * left @ W @ right, scale * W.T, -scale * W[::-1]):
        for found, value in zip((spectrum(same), distances(same)), expected, strict=True):
            assert near(found, value, 1e-14, size=scale * np.linalg.norm(W))


@about("ranks.effective_rank", drawn=with_changes(orthogonal), scale=SCALES)
def test_rotation_transposition_and_scale_leave_the_effective_rank(drawn, scale):
    W, left, right = drawn
    assume(np.any(W))
    value = effective_rank(W)
    assert 1 <= value <= min(W.shape) * (1 + 1e-15)
    for same in (scale * left @ W @ right, scale * W.T, -scale * W[::-1]):
        assert near(effective_rank(same), value, 1e-13)  # 1e-16 ln 1e16, for a singular value that is a rounding


@about("ranks.effective_rank", "ranks.singular_values", A=matrices(2, 2), B=matrices(3, 2))
def test_products_of_spectra_multiply_effective_ranks(A, B):
    """The singular values of a Kronecker product are all products of theirs, and entropies add."""
    assume(np.any(A) and np.any(B))
    AB = np.kron(A, B)
    assert near(effective_rank(AB), effective_rank(A) * effective_rank(B), 1e-12)
    products = np.sort(np.outer(spectrum(A), spectrum(B)).ravel())[::-1]
    assert near(spectrum(AB), products, 1e-14 * 6)


@about("ranks.singular_values", W=matrices(3, 2), k=st.integers(0, 2))
def test_singular_values_interlace_when_a_row_is_left_out(W, k):
    whole, part = np.asarray(spectrum(W)), np.asarray(spectrum(np.delete(W, k, axis=0)))
    rounding = 1e-14 * whole[0]
    assert np.all(part <= whole + rounding) and part[0] >= whole[1] - rounding


@about("ranks.distance_to_rank", A=matrices(3, 2), B=matrices(3, 2))
def test_distances_from_low_rank_fall_with_the_rank_and_are_distances(A, B):
    at_A, at_B, frobenius = np.asarray(distances(A)), np.asarray(distances(B)), np.linalg.norm(A)
    assert np.all(np.diff(at_A) <= 0) and at_A[-1] == 0 and near(at_A[0], frobenius, 1e-14)
    assert near(at_A[0] ** 2, at_A[1] ** 2 + spectrum(A)[0] ** 2, 1e-14)
    assert np.all(np.abs(at_A - at_B) <= np.linalg.norm(A - B) + 1e-14 * (frobenius + np.linalg.norm(B)))


@about("ranks.infimal_rank", z=ENTRIES, z_prime=ENTRIES, eps=ENTRIES, scale=SCALES)
def test_the_infimal_rank_knows_no_units_no_signs_and_no_order(z, z_prime, eps, scale):
    rank = ranks.infimal_rank(z, z_prime, eps)
    assert rank == (0 if z == z_prime == eps == 0 else 1)
    assert rank == ranks.infimal_rank(z_prime, z, -eps) == ranks.infimal_rank(scale * z, -scale * z_prime, scale * eps)
