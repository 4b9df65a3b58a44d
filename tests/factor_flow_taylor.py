"""The balanced flow in its factors, by Taylor series in 50 digits: slow, and as good as exact."""

import flint
import numpy as np


class Reference:
    r"""Factors $W_1 = S^{1/L} V^\top$, $W_j = S^{1/L}$, $W_L = U S^{1/L}$, for roots of singular values that are given.

    $U$ and $V$ are Cayley transforms of skew matrices, so that the start is balanced to all digits.
    """

    def __init__(self, values, observed, skews, roots, depth, *, digits=50, order=24):
        flint.ctx.dps = digits
        self.values, self.observed, self.order = values, observed, order
        U, V = (_cayley(skew) for skew in skews)
        root = _matrix(np.diag(roots))
        self.factors = [root * V.transpose(), *[root] * (depth - 2), U * root]
        self.t = flint.arb(0)

    def W(self):
        product = self.factors[0]
        for factor in self.factors[1:]:
            product = factor * product
        return _rounded(product)

    def product(self):
        return np.array([[float(x) for x in row] for row in self.W().tolist()])

    def residual(self):
        return self._masked(self.W(), with_values=True)

    def loss(self):
        return float(sum((x * x for row in self.residual().tolist() for x in row), flint.arb(0)) / 2)

    def _masked(self, A, *, with_values):
        entries = [
            [
                (x - (self.values[i][j] if with_values else 0)) if self.observed[i][j] else flint.arb(0)
                for j, x in enumerate(row)
            ]
            for i, row in enumerate(A.tolist())
        ]
        return flint.arb_mat(entries)

    def series(self):
        """Taylor coefficients of the factors."""
        L = len(self.factors)
        W = [[factor] for factor in self.factors]
        below, above, G = (
            [[] for _ in range(L + 1)],
            [[] for _ in range(L + 1)],
            [],
        )  # products of first and last factors
        one = _matrix(np.eye(self.factors[0].nrows()))
        for k in range(self.order):
            below[0].append(one if k == 0 else one - one)
            above[L].append(one if k == 0 else one - one)
            for j in range(L):
                below[j + 1].append(_coefficient(W[j], below[j], k))
            for j in reversed(range(L)):
                above[j].append(_coefficient(above[j + 1], W[j], k))
            G.append(self._masked(below[L][k], with_values=k == 0))
            for j in range(L):
                transposed = [A.transpose() for A in above[j + 1]], [B.transpose() for B in below[j]]
                inner = [_coefficient(transposed[0], G, m) for m in range(k + 1)]
                W[j].append(_rounded(_coefficient(inner, transposed[1], k) * (flint.arb(-1) / (k + 1))))
        return W

    def step(self, tolerance=1e-25):
        """One step, as long as the last coefficients allow."""
        W = self.series()
        size = max(float(abs(x).upper()) for w in W for row in w[-1].tolist() for x in row)
        h = flint.arb((tolerance / size) ** (1 / self.order))
        for j, coefficients in enumerate(W):
            total = coefficients[-1]
            for c in reversed(coefficients[:-1]):
                total = total * h + c
            self.factors[j] = _rounded(total)
        self.t += h


def _coefficient(A, B, k):
    total = A[0] * B[k]
    for m in range(1, k + 1):
        total = total + A[m] * B[k - m]
    return _rounded(total)


def _rounded(A):
    """Without error bounds, which would grow."""
    return A.mid()


def _matrix(A):
    return flint.arb_mat([[flint.arb(float(x)) for x in row] for row in A])


def _cayley(skew):
    d = len(skew)
    K, one = _matrix(skew), _matrix(np.eye(d))
    return _rounded((one - K).solve(one + K))
