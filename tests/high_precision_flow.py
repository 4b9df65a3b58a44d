"""A slow, obvious oracle for the sign-preserving flow: the same equation in 40-digit decimal arithmetic.

Its states are the four entries of W and q = ln |det W|, without charts, springs or caps: with 40 digits a
difference may lose twenty of them. Radau IIA collocation with full Newton iterations follows the stiff flow
in few, long steps. It shares with the package the formula for the velocity only, and writes it out in
another way.
"""

from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext

import mpmath
import numpy as np

DIGITS = 40


def exact(x):
    return np.vectorize(Decimal, otypes=[object])(x)


def velocity(W, q, target, det_sign, depth):
    """dW/dt and dq/dt for W and target as (w, a, b, d), from W = s1 P + s2 C with C the cofactors of P."""
    w, a, b, d = W
    G = W - target
    G[0] = Decimal(0)
    det, square = q.exp(), sum(W**2)
    s1 = ((square + 2 * det).sqrt() + abs(square - 2 * det).sqrt()) / 2
    s2 = det_sign * det / s1
    x1, x2 = (2 * s1.ln() / depth).exp(), (2 * (q - s1.ln()) / depth).exp()
    K11, K22 = depth * x1 ** (depth - 1), depth * x2 ** (depth - 1)
    cofactors = np.array([d, -b, -a, w])
    gap = s1**2 - s2**2
    if gap < s1**2 * Decimal("1e-30"):  # W is a multiple of an orthogonal matrix, as at the start alpha I
        return -K11 * G, -K11 * sum(G * cofactors) / (det_sign * det)
    P, C = (s1 * W - s2 * cofactors) / gap, (s1 * cofactors - s2 * W) / gap
    K12 = sum(x1**m * x2 ** (depth - 1 - m) for m in range(depth))
    G1, G2 = sum(G * P), sum(G * C)
    dW = -(K12 * G + (K11 - K12) * G1 * P + (K22 - K12) * G2 * C)
    return dW, -(K11 * G1 / s1 + K22 * G2 / s2)


def radau(stages):
    """Nodes, with 1 the last, and the matrix of Radau IIA, the collocation at the right Radau points."""
    with mpmath.workdps(DIGITS + 10):
        guesses = np.polynomial.Legendre([*[0] * (stages - 1), -1, 1], domain=[0, 1]).roots().real
        nodes = [
            mpmath.findroot(lambda c: mpmath.legendre(stages, 2 * c - 1) - mpmath.legendre(stages - 1, 2 * c - 1), c)
            for c in guesses
        ]
        powers = mpmath.matrix([[c**k for k in range(stages)] for c in nodes])
        integrals = mpmath.matrix([[c ** (k + 1) / (k + 1) for k in range(stages)] for c in nodes])
        matrix = (integrals * powers**-1).tolist()
        digits = np.vectorize(lambda x: mpmath.nstr(x, DIGITS), otypes=[object])
        return exact(digits(nodes)), exact(digits(matrix))


def solve(M, b):
    """Gaussian elimination with row pivoting."""
    M = np.column_stack([M, b])
    n = len(M)
    for i in range(n):
        pivot = i + np.argmax(np.abs(M[i:, i]))
        M[[i, pivot]] = M[[pivot, i]]
        M[i, i:] = M[i, i:] / M[i, i]
        M[i + 1 :, i:] -= np.outer(M[i + 1 :, i], M[i, i:])
    x = M[:, n]
    for i in reversed(range(n)):
        x[:i] -= M[:i, i] * x[i]
    return x


class Oracle:
    """The flow from (w, a, b, d) and ln |det|; time runs so that asinh w grows evenly."""

    def __init__(self, W0, log_abs_det, target, det_sign, depth, stages=7):
        self.y = np.append(exact(W0), Decimal(log_abs_det))
        self.target, self.det_sign, self.depth = exact(target), det_sign, depth
        self.nodes, self.matrix = radau(stages)

    def rate(self, y):
        h = 1 + y[0] ** 2
        dt = (h.ln() * (1 + Decimal(1) / self.depth)).exp() / self.depth
        dW, dq = velocity(y[:4], y[4], self.target, self.det_sign, self.depth)
        return dt * np.append(dW, dq)

    def jacobian(self, y):
        rate, columns = self.rate(y), []
        for i in range(5):
            step = Decimal("1e-20") * max(abs(y[i]), Decimal("1e-10"))
            nudged = y.copy()
            nudged[i] += step
            columns.append((self.rate(nudged) - rate) / step)
        return rate, np.stack(columns, axis=1)

    def collocate(self, y, step, Y):
        """Values at the nodes of a step from y, improved from the guess Y; None if Newton's method fails."""
        n, identity = len(self.nodes), exact(np.eye(5 * len(self.nodes), dtype=int))
        for _ in range(12):
            rates, jacobians = zip(*[self.jacobian(v) for v in Y], strict=True)
            error = Y - y - step * self.matrix @ np.stack(rates)
            M = np.block([[-step * self.matrix[i, j] * jacobians[j] for j in range(n)] for i in range(n)])
            change = solve(M + identity, error.ravel()).reshape(n, 5)
            Y = Y - change
            size = np.max(np.abs(change) / (np.abs(Y) + Decimal("1e-6")))
            if size < Decimal("1e-16"):
                return Y
            if size > 1000:
                return None
        return None

    def interpolate(self, y, Y, theta):
        """At fractions theta of a step, the polynomial through its start and its nodes."""
        points, values = np.append(Decimal(0), self.nodes), np.vstack([y, Y])
        others = [np.delete(points, i) for i in range(len(points))]
        basis = [[np.prod((x - o) / (p - o)) for p, o in zip(points, others, strict=True)] for x in theta]
        return np.array(basis) @ values

    def loss(self, y):
        return sum((y[1:4] - self.target[1:]) ** 2) / 2

    def unseen_entry_at(self, losses, accuracy=1e-4):
        """W11 where the loss takes the given values, largest first.

        The polynomial of a step, extended, predicts the next one; steps are such that it misses by
        `accuracy`. The collocation itself is more accurate by many orders of magnitude.
        """
        with localcontext(Context(prec=DIGITS, Emin=MIN_EMIN, Emax=MAX_EMAX)):
            y, step, found = self.y, Decimal("0.02"), []
            previous = None
            while len(found) < len(losses):
                guess = np.stack([y] * len(self.nodes))
                if previous is not None:
                    guess = self.interpolate(*previous[:2], 1 + self.nodes * step / previous[2])
                Y = self.collocate(y, step, guess)
                if Y is None:
                    step /= 3
                    continue
                residuals = Y[-1][1:4] - self.target[1:]
                size = 1 + np.abs(Y[-1])
                size[1:4] = sum(np.abs(residuals))
                miss = (guess[-1] - Y[-1]) / size
                growth = 0.9 * (accuracy / (float(max(np.abs(miss))) + 1e-30)) ** (1 / (len(self.nodes) + 1))
                if previous is not None and growth < 0.5:
                    step *= Decimal(max(growth, 0.2))
                    continue
                while len(found) < len(losses) and self.loss(Y[-1]) <= losses[len(found)]:
                    found.append(float(self.land(y, step, Y, losses[len(found)])[0]))
                previous, y, step = (y, Y, step), Y[-1], step * Decimal(min(growth, 3))
            return np.array(found)

    def land(self, y, step, Y, loss):
        """The state where the loss is `loss`, by the Illinois variant of the secant method in the step."""
        low, high = Decimal(0), Decimal(1)
        f_low, f_high = (self.loss(y) / loss).ln(), (self.loss(Y[-1]) / loss).ln()
        for _ in range(40):
            part = low - f_low * (high - low) / (f_high - f_low)
            landed = self.collocate(y, part * step, self.interpolate(y, Y, part * self.nodes))[-1]
            f = (self.loss(landed) / loss).ln()
            if abs(f) < Decimal("1e-12"):
                return landed
            low, f_low, high, f_high = (part, f, high, f_high / 2) if f > 0 else (low, f_low / 2, part, f)
        raise RuntimeError("the oracle did not find the loss asked for")
