"""Relations between calls of `sign_keeping`."""

import jax.numpy as jnp
import numpy as np
from hypothesis import strategies as st
from properties import about, gaussians, near, orthogonal

from implreg_core import factorizations, problems, sign_keeping


@about(
    "sign_keeping.sign_budget",
    rho=st.floats(0.01, 10),
    nu=st.floats(1e-9, 1.0),
    depth=st.integers(2, 5),
    c=st.sampled_from([1e-10, 0.3, 1e10]),
)
def test_a_budget_is_homogeneous_and_falls_with_less_balance(rho, nu, depth, c):
    value = float(sign_keeping.sign_budget(rho, nu, depth))
    size = (2 * nu) ** (1 - depth / 2)  # of what is subtracted
    assert near(sign_keeping.sign_budget(c * rho, c**2 * nu, depth), value * c ** (2 - depth), 1e-12, size=None)
    assert sign_keeping.sign_budget(1.1 * rho, nu, depth) > value - 1e-12 * size
    if value > 0:
        assert sign_keeping.sign_budget(rho, 1.1 * nu, depth) < value


@about(
    "sign_keeping.guarantee",
    "sign_keeping.Guarantee",
    "sign_keeping.safe_learning_rate",
    W=gaussians(2, 2),
    Q=orthogonal(2),
    examples=4,
)
def test_a_guarantee_knows_no_basis_of_a_hidden_layer(W, Q):
    problem = problems.two_by_two()
    W_1, W_2, W_3 = factorizations.balanced(jnp.asarray(W + 2 * np.eye(2)), 3)
    turned = (Q @ W_1, W_2 @ Q.T, W_3)
    plain, other = (
        sign_keeping.guarantee(problem, factors, learning_rate=1e-3, max_steps=20)
        for factors in ((W_1, W_2, W_3), turned)
    )
    assert plain.steps == other.steps and near(other.W, plain.W, 1e-10)
    assert near([other.spent, other.budget, other.nu], [plain.spent, plain.budget, plain.nu], 1e-9)
    rates = [sign_keeping.safe_learning_rate(problem, factors, time=0.1) for factors in ((W_1, W_2, W_3), turned)]
    assert near(rates[0], rates[1], 1e-9)
