import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from implreg_core import problems

NAN = jnp.nan


def example():
    """A 2 x 3 problem with distinct values; NaN marks what is not observed."""
    values = jnp.array([[1.0, NAN, -2.0], [NAN, 0.5, 4.0]])
    return problems.completion(values, ~jnp.isnan(values))


def test_loss_sums_half_the_squared_misfit_over_the_observed_entries():
    problem, W = example(), jnp.array([[3.0, 7.0, -1.0], [9.0, 1.0, 4.0]])
    assert problem.shape == (2, 3)
    assert jnp.array_equal(problem.residual(W), jnp.array([[2.0, 0.0, 1.0], [0.0, 0.5, 0.0]]))
    assert problem.loss(W) == (4 + 1 + 0.25) / 2


def test_residual_is_the_gradient_of_the_loss():
    problem, W = example(), jr.normal(jr.key(0), (2, 3))
    assert jnp.array_equal(jax.grad(problem.loss)(W), problem.residual(W))


def test_unobserved_values_are_never_read():
    problem = example()
    assert bool(jnp.all(jnp.isfinite(problem.values)))
    assert bool(jnp.all(problem.values[~problem.observed] == 0))


def test_losses_map_over_matrices_and_problems():
    Ws = jr.normal(jr.key(1), (5, 2, 2))
    losses = jax.vmap(problems.two_by_two().loss)(Ws)
    assert jnp.allclose(losses, jnp.array([problems.two_by_two().loss(W) for W in Ws]), rtol=1e-15)

    eps = jnp.array([0.0, 0.1, -0.3])
    losses = jax.vmap(lambda e: problems.two_by_two(-2.0, 0.5, e).loss(Ws[0]))(eps)
    expected = jnp.array([problems.two_by_two(-2.0, 0.5, e).loss(Ws[0]) for e in eps])
    assert jnp.allclose(losses, expected, rtol=1e-15)


@pytest.mark.parametrize("name", ["loss", "residual"])
def test_methods_compile_by_plain_jit(name):
    problem, W = problems.two_by_two(eps=0.5), jnp.array([[1.0, 2.0], [3.0, 4.0]])
    method = getattr(problem, name)
    np.testing.assert_array_equal(jax.jit(method)(W), method(W))


def test_two_by_two_leaves_only_the_first_entry_free():
    problem = problems.two_by_two(-2.0, 0.5, 0.1)
    assert jnp.array_equal(problem.observed, jnp.array([[False, True], [True, True]]))
    for w in (-7.0, 0.0, 1e6):
        solution = problems.two_by_two_solution(w, -2.0, 0.5, 0.1)
        assert problem.loss(solution) == 0
        assert jnp.array_equal(solution, jnp.array([[w, -2.0], [0.5, 0.1]]))


def test_every_solution_of_the_counterexample_has_determinant_minus_one():
    ws = jnp.linspace(-50.0, 50.0, 101)
    determinants = jnp.linalg.det(jax.vmap(problems.two_by_two_solution)(ws))
    assert jnp.allclose(determinants, -1, rtol=1e-15, atol=0)  # JAX 0.11 eliminates, and rounds once


@pytest.mark.parametrize("norm", [None, 7.5])
def test_random_problem_has_the_stated_rank_norm_and_count(norm):
    problem, truth = problems.random_low_rank(jr.key(2), (9, 6), 2, 31, frobenius_norm=norm)
    spectrum = np.linalg.svd(truth, compute_uv=False)
    assert np.all(spectrum[2:] < 1e-14 * spectrum[0]) and spectrum[1] > 1e-3 * spectrum[0]
    assert np.isclose(np.linalg.norm(truth), np.sqrt(54) if norm is None else norm, rtol=1e-14)
    assert int(problem.observed.sum()) == 31
    assert problem.loss(truth) == 0
    assert problem.loss(jnp.zeros((9, 6))) > 0


def test_random_problem_observes_each_entry_equally_often():
    trials, count, size = 4000, 5, 12
    draws = jax.vmap(lambda key: problems.random_low_rank(key, (3, 4), 1, count)[0].observed)
    frequency = jnp.mean(draws(jr.split(jr.key(3), trials)).astype(float), axis=0)
    p = count / size
    assert jnp.all(jnp.abs(frequency - p) < 5 * jnp.sqrt(p * (1 - p) / trials))  # five standard deviations


ONES = jnp.ones((2, 2))


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: problems.completion(jnp.ones(3), jnp.ones(3, bool)), "`values` must be a matrix; got shape"),
        (lambda: problems.completion(ONES, jnp.ones((2, 3), bool)), "`observed` must have shape .2, 2.; got"),
        (lambda: problems.completion(ONES, ONES), "`observed` must be Boolean; got float64"),
        (lambda: problems.completion(ONES, ONES == 0), "`observed` is false everywhere"),
        (lambda: problems.completion(ONES * NAN, ONES == 1), "`values` must be finite; got"),
        (lambda: problems.two_by_two(z=0.0), "`z` must not be zero; got 0"),
        (lambda: problems.two_by_two(z_prime=0.0), "`z_prime` must not be zero; got 0"),
        (lambda: problems.two_by_two(eps=NAN), "`eps` must be finite; got nan"),
        (lambda: problems.two_by_two_solution(jnp.inf), "`w` must be finite; got inf"),
        (lambda: problems.two_by_two().loss(jnp.ones((2, 1))), "`W` must have shape .2, 2.; got .2, 1."),
        (lambda: problems.two_by_two().residual(1.0), "`W` must have shape .2, 2.; got .."),
        (
            lambda: problems.random_low_rank(jr.key(0), (4, 0), 1, 2),
            "`shape.1.` must be an integer at least 1",
        ),
        (lambda: problems.random_low_rank(jr.key(0), 4, 1, 2), "`shape` must be .rows, columns.; got 4"),
        (lambda: problems.random_low_rank(jr.key(0), (4, 3), 4, 2), "`rank` must be .* from 1 to 3; got 4"),
        (lambda: problems.random_low_rank(jr.key(0), (4, 3), 1.0, 2), "`rank` must be an integer"),
        (lambda: problems.random_low_rank(jr.key(0), (4, 3), 1, 13), "`observed_count` .* to 12; got 13"),
        (
            lambda: problems.random_low_rank(jr.key(0), (4, 3), 1, 2, frobenius_norm=-1.0),
            "`frobenius_norm` must be positive; got -1",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_triples_are_the_entries_that_they_name():
    rng = np.random.default_rng(0)
    observed = rng.random((5, 7)) < 0.5
    observed[4, 6] = True
    values = rng.normal(size=(5, 7))
    rows, columns = (places[order] for order in [rng.permutation(observed.sum())] for places in np.nonzero(observed))
    problem = problems.from_triples(rows, columns, values[rows, columns])
    assert problem.shape == (5, 7) and np.array_equal(problem.observed, observed)
    assert np.array_equal(problem.values, np.where(observed, values, 0))
    larger = problems.from_triples(rows, columns, values[rows, columns], shape=(6, 9))
    assert (
        larger.shape == (6, 9)
        and np.array_equal(larger.observed[:5, :7], observed)
        and larger.observed.sum() == len(rows)
    )


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"columns": [1, 0, 1]}, r"name \[\(0, 1\)\] more than once"),
        ({"rows": [0, 1]}, "must be equally long lists"),
        ({"rows": [], "columns": [], "values": []}, "must be equally long lists"),
        ({"rows": [0, -1, 0]}, "`rows` must be whole numbers from 0 on"),
        ({"columns": np.array([0.0, 1.0, 2.0])}, "`columns` must be whole numbers from 0 on"),
        ({"values": [1.0, np.nan, 2.0]}, "`values` must be finite"),
        ({"shape": (1, 3)}, "`shape` .* must hold all places"),
        ({"shape": (2, 2)}, "`shape` .* must hold all places"),
        ({"shape": (2, 0)}, r"`shape\[1\]`"),
    ],
)
def test_triples_that_are_no_problem_are_refused(changed, said):
    triples = {"rows": [0, 1, 0], "columns": [1, 0, 2], "values": [1.0, 2.0, 3.0]}
    with pytest.raises(ValueError, match=said):
        problems.from_triples(**triples | changed)
