"""A reader's own matrix: its text, the splitting against the convex solver, the run against `descent`, the program."""

import json
import re
import subprocess

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from in_node import find_node, run
from test_front import in_module

from implreg_core import convex, descent, factorizations, norms, own_matrix, problems, ranks
from implreg_core.explorers import _front
from implreg_core.javascript import compile_to_javascript
from implreg_core.own_matrix import _jacobi

ROOM = 60 * 1024  # bytes of bytecode up to which V8 compiles a function well; of Chromium's source, not of a standard

TEXTS = [
    "?, 1; 1, 0",
    "1 2 3\n4 5 6",
    "1\t2\t\n\t5\t6\r\n",
    " .5, -1e-3 ;−2,+7. \n\n",
    "5,,NA;nan,NaN,1",
    "7",
    ";".join([",".join("123456")] * 6),
    "1e9, -1000000000",
]
WRONG = {
    "": "There is no entry yet.",
    " ;\n": "There is no entry yet.",
    "1, 2; 3": "Row 2 has 1 entry, row 1 has 2.",
    "1; 2, 3, 4": "Row 2 has 3 entries, row 1 has 1.",
    "1 2 3 4 5 6 7": "The table is 1 x 7. The largest that fits is 6 x 6.",
    "1;2;3;4;5;6;7": "The table is 7 x 1. The largest that fits is 6 x 6.",
    "?, ?; NA,": "Every entry is hidden. Show one at least.",
    "1, x": "“x” in row 1, column 2 is no number. Write ? for an entry that is not seen.",
    "1; 0x10": "“0x10” in row 2, column 1 is no number.",
    "Infinity": "“Infinity” in row 1, column 1 is no number.",
    "1e10": "1e10 in row 1, column 1 is too large: at most 1000000000 fits.",
    "٣": "“٣” in row 1, column 1 is no number.",
}


def random_grid(rng):
    m, n = rng.integers(1, 7, 2)
    values = rng.normal(size=(m, min(m, n))) @ rng.normal(size=(min(m, n), n)) * 10.0 ** rng.integers(-3, 4)
    observed = rng.random((m, n)) < rng.choice([0.4, 0.7, 1.0])
    observed[rng.integers(m), rng.integers(n)] = True
    return own_matrix.grid(own_matrix.text(problems.completion(values, observed)))


@pytest.fixture(scope="module")
def grids():
    rng = np.random.default_rng(0)
    return [random_grid(rng) for _ in range(12)]


@pytest.fixture(scope="module")
def columns():
    return jax.jit(own_matrix.columns)


def test_a_text_is_the_matrix_that_it_shows():
    values, observed, m, n = own_matrix.grid("1, ?; , -2.5; 3e2,0")
    assert (m, n) == (3, 2)
    assert values[:3, :2].tolist() == [[1, 0], [0, -2.5], [300, 0]] and not values[3:].any() and not values[:, 2:].any()
    assert observed[:3, :2].tolist() == [[True, False], [False, True], [True, True]] and observed.sum() == 4


def test_a_problem_comes_back_from_its_text(grids):
    for matrix in grids:
        task = own_matrix.problem(matrix)
        again = own_matrix.problem(own_matrix.grid(own_matrix.text(task)))
        assert np.array_equal(again.values, task.values) and np.array_equal(again.observed, task.observed)
    with pytest.raises(ValueError, match="The largest that fits"):
        own_matrix.text(problems.random_low_rank(jax.random.key(0), (7, 2), 1, 9)[0])


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_matrix_is_said_in_words(text):
    with pytest.raises(ValueError, match="^" + re.escape(WRONG[text])):
        own_matrix.grid(text)
    with pytest.raises(ValueError, match="^" + re.escape(WRONG[text])):
        own_matrix.written(text)


def test_the_page_reads_texts_as_python_does():
    texts = [*TEXTS, *WRONG]
    code = f"""
      import {{ gridArguments, parseGrid, writeGrid }} from "{(_front.FRONT / "grid_text.js").as_uri()}";
      const read = (text) => {{
        try {{
          const [values, observed, m, n] = gridArguments(text);
          return [writeGrid(parseGrid(text)), [...values], [...observed], m, n];
        }} catch (error) {{ return error.message; }}
      }};
      process.stdout.write(JSON.stringify(data.map(read)));
    """
    for text, found in zip(texts, json.loads(in_module(code, texts)), strict=True):
        if text in WRONG:
            with pytest.raises(ValueError) as error:
                own_matrix.grid(text)
            assert found == str(error.value)
            continue
        values, observed, m, n = own_matrix.grid(text)
        assert found == [own_matrix.written(text), values.ravel().tolist(), observed.ravel().tolist(), m, n]


def test_singular_values_and_vectors_are_those_of_a_library():
    rng = np.random.default_rng(1)
    rotated, singular_values = jax.jit(_jacobi.rotated, static_argnums=(1, 2)), jax.jit(_jacobi.singular_values)
    for rank in (1, 2, 6, 6, 0):
        A = rng.normal(size=(6, rank)) @ rng.normal(size=(rank, 6)) * 10.0 ** rng.uniform(-8, 8)
        sigma = np.linalg.svd(A, compute_uv=False)
        assert np.allclose(singular_values(jnp.asarray(A)), sigma, rtol=1e-12, atol=1e-14 * sigma[0])
        M = np.asarray(rotated(jnp.concatenate([jnp.asarray(A.T), jnp.eye(6)]), 6, 2))
        assert np.allclose(M[6:] @ M[6:].T, np.eye(6), atol=1e-13)
        assert np.allclose(M[:6].T @ M[6:], A, rtol=0, atol=1e-13 * sigma[0])
    assert singular_values(jnp.zeros((6, 6)).at[1, 4].set(-3.0)).tolist() == [3, 0, 0, 0, 0, 0]


def test_the_splitting_finds_the_least_nuclear_norm(grids):
    solve = jax.jit(own_matrix.least_nuclear_norm)
    for matrix in grids:
        task = own_matrix.problem(matrix)
        W, bound = map(np.asarray, own_matrix.least_nuclear_norm(task.values, task.observed))
        least = convex.certified_minimum_nuclear_norm(task)
        norm, expected = float(norms.nuclear(W)), float(norms.nuclear(least.W))
        assert np.array_equal(W[task.observed], task.values[task.observed])
        assert bound <= expected * (1 + 1e-6) and norm - bound <= 1e-8 * norm
        assert norm == pytest.approx(expected, rel=1e-6)
        padded, same_bound = solve(*matrix[:2])
        assert np.allclose(padded[: matrix.rows, : matrix.columns], W, rtol=0, atol=1e-8 * norm)
        assert not np.any(padded[matrix.rows :]) and not np.any(padded[:, matrix.columns :])
        assert float(same_bound) == pytest.approx(float(bound))


def test_the_least_nuclear_norm_of_nothing_is_nothing():
    W, bound = own_matrix.least_nuclear_norm(jnp.zeros((2, 2)), jnp.eye(2, dtype=bool))
    assert not W.any() and bound == 0


def test_unit_is_the_spectral_norm_of_what_is_seen(grids):
    for matrix in grids:
        assert float(own_matrix.unit(matrix)) == pytest.approx(np.linalg.norm(matrix.values, 2))
    assert own_matrix.unit(own_matrix.grid("0, ?")) == 1


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("text", ["?, 1; 1, 0", "3, ?, 1, 2, 5; ?, 2, 2, ?, 1; 4, 1, ?, 0, 1", "1; 2; ?; -4"])
def test_columns_are_the_run_of_descent(columns, text, depth):
    matrix, number, scale, rate = own_matrix.grid(text), 1 + depth, 0.02, 0.02
    factors = own_matrix.start(matrix, number, depth=depth, scale=scale)
    assert len(factors) == depth and float(factorizations.unbalancedness(factors)) < 1e-12
    size, task = float(own_matrix.unit(matrix)), own_matrix.problem(matrix)
    scaled = problems.completion(task.values / size, task.observed)
    expected = descent.gradient_descent(
        scaled, factors, learning_rate=rate, max_steps=10_000, target_loss=1e-12, records_per_decade=30
    )
    found = {name: np.asarray(x) for name, x in columns(matrix, float(depth), scale, rate, float(number)).items()}
    rows = len(np.unique(found["step"]))
    assert found["step"][rows - 1] - 1 == pytest.approx(expected.step[-1], abs=1)  # it may stop one rounding later
    same = slice(0, rows - 1)
    W = size * expected.W[same]
    m, n = matrix.rows, matrix.columns
    assert np.array_equal(found["step"][same], 1 + expected.step[same])
    assert np.allclose(found["loss"][same], size**2 * expected.loss[same], rtol=1e-6)
    spectra = np.linalg.svd(W, compute_uv=False)
    for i in range(6):
        known = spectra[:, i] if i < min(m, n) else 0
        assert np.allclose(found[f"sigma_{i + 1}"][same], known, rtol=1e-6, atol=1e-9)
        for j in range(6):
            known = W[:, i, j] if i < m and j < n else 0  # beyond the matrix exactly
            entry = found[f"entry_{i + 1}{j + 1}"][same]
            assert np.allclose(entry, known, rtol=1e-6, atol=1e-9) and (i < m and j < n or not entry.any())
    assert np.allclose(found["nuclear"][same], spectra.sum(axis=1))
    assert np.allclose(found["effective_rank"][same], [float(ranks.effective_rank(x)) for x in W], rtol=1e-6)
    least = np.asarray(own_matrix.least_nuclear_norm(task.values, task.observed)[0])
    unseen = ~np.asarray(task.observed)
    apart = np.sqrt(np.mean((W - least)[:, unseen] ** 2, axis=1))
    assert np.allclose(found["distance"][same], apart, atol=1e-6)
    assert found["least_nuclear"][0] == pytest.approx(float(norms.nuclear(least)))


def test_starts_are_of_the_scale_that_was_asked_for_and_differ():
    matrix = own_matrix.grid(";".join([",".join("123456")] * 6))
    products = [
        np.asarray(factorizations.product_matrix(own_matrix.start(matrix, k, depth=3, scale=1e-3)))
        for k in range(1, own_matrix.STARTS + 1)
    ]
    assert np.std(products) == pytest.approx(1e-3 / 6**0.5, rel=0.1)
    assert len({product.tobytes() for product in products}) == own_matrix.STARTS
    deep = factorizations.product_matrix(own_matrix.start(matrix, 2, depth=4, scale=1e-3))
    assert np.allclose(deep, products[1])  # the product does not depend on the depth
    signs = {
        int(factorizations.slogdet(own_matrix.start(own_matrix.grid("?,1;1,0"), k, depth=2, scale=1.0))[0])
        for k in range(1, own_matrix.STARTS + 1)
    }
    assert signs == {1, -1}


@pytest.mark.parametrize(
    ("changed", "named"),
    [({"number": 0}, "number"), ({"number": 9}, "number"), ({"depth": 5}, "depth"), ({"scale": 0.0}, "scale")],
)
def test_a_start_that_is_none_is_refused(changed, named):
    chosen = {"number": 1, "depth": 2, "scale": 0.1} | changed
    with pytest.raises(ValueError, match=f"`{named}`"):
        own_matrix.start(own_matrix.grid("?, 1; 1, 0"), chosen.pop("number"), **chosen)


def test_ends_that_are_none(columns):
    diverged = columns(own_matrix.grid("1, 2; 3, ?"), 4.0, 1.0, 5.0, 1.0)
    assert np.isinf(diverged["loss"][-1])
    seen = columns(own_matrix.grid("1, 2; 3, 4"), 2.0, 0.1, 0.1, 1.0)
    assert not np.any(seen["distance"]) and seen["loss"][-1] < 1e-9
    nothing = columns(own_matrix.grid("0, ?"), 2.0, 0.1, 0.1, 1.0)
    assert nothing["least_nuclear"][0] == 0 == nothing["least_effective_rank"][0]
    assert all(np.isfinite(x).all() for x in nothing.values())


@pytest.fixture(scope="module")
def program():
    example = own_matrix.grid("1")
    return compile_to_javascript(own_matrix.columns, example, 2.0, 0.1, 0.1, 1.0, name="f")


def test_the_page_computes_what_the_package_computes(columns, program, grids):
    names = sorted(jax.eval_shape(own_matrix.columns, grids[0], 2.0, 0.1, 0.1, 1.0))
    chosen = [own_matrix.grid("?, 1; 1, 0"), grids[0], grids[3]]
    for depth, matrix in zip((2.0, 3.0, 4.0), chosen):
        arguments = (matrix, depth, 0.01, 0.05, 2.0)
        expected = columns(*arguments)
        values, observed, m, n = matrix
        for name, found in zip(names, run(program, values, observed, m, n, *arguments[1:]), strict=True):
            scale = max(1e-9, float(np.abs(expected[name]).max()))
            assert np.allclose(found, expected[name], rtol=1e-6, atol=1e-7 * scale), name


def test_the_program_is_short_enough_to_be_compiled_well(program, tmp_path):
    (tmp_path / "f.js").write_text(
        f"{program}\nf(new Float64Array(36).fill(1), new Uint8Array(36).fill(1), 6, 6, 2, 0.1, 0.1, 1);"
    )
    command = [find_node(), "--print-bytecode", "--print-bytecode-filter=f", str(tmp_path / "f.js")]
    printed = subprocess.run(command, check=True, capture_output=True, encoding="utf-8", timeout=60).stdout
    assert int(re.search(r"Bytecode [Ll]ength: (\d+)", printed)[1]) < ROOM
    assert len(program) < 80_000


def test_experiment_is_the_last_row(columns):
    end = own_matrix.experiment("1, 2; 2, ?", depth=3, scale=1e-2, learning_rate=0.1, seed=2)
    last = columns(own_matrix.grid("1, 2; 2, ?"), 3.0, 1e-2, 0.1, 3.0)
    assert end["steps"] == last["step"][-1] - 1
    assert end["effective_rank"] == pytest.approx(float(last["effective_rank"][-1]))
    with pytest.raises(ValueError, match="`seed`"):
        own_matrix.experiment("1", depth=2, scale=0.1, learning_rate=0.1, seed=8)
