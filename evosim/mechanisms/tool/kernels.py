"""Least squares of what was felt on what it looked like, in the same bits on every machine.

The sums are small: as many unknowns as there are looks. They are solved one agent at a time, by
plain float64 arithmetic in a fixed order instead of a linear algebra library.
"""

from __future__ import annotations

import numpy as np

from evosim.core.jit import allocating
from evosim.core.rng import draw, to_unit

NEGLIGIBLE = 1e-10
"""Directions of looks whose share of the sum of squares is less than this of the largest one's
count as never met: criteria have no part along them (least squares of minimum norm)."""


@allocating
def fit(base, individuals, cumulated, looks, felt, encounters, typo, criteria):
    """Least squares of what was felt on looks, of minimum norm, typed in with mistakes.

    Args:
        base: the key of the generation's tools; individuals: [n] their numbers in it.
        cumulated: [R] cumulated weights of the R rules that can be remembered.
        looks: [R, K]; felt: [n, R].
        criteria: [n, K] out.
    """
    n_rules, n_looks = looks.shape
    square = np.empty((n_looks, n_looks))
    axes = np.empty((n_looks, n_looks))
    right = np.empty(n_looks)
    for i in range(individuals.shape[0]):
        key = draw(base, individuals[i])
        square[:] = 0.0
        right[:] = 0.0
        for j in range(encounters):
            u = to_unit(draw(key, np.uint64(2 * n_looks + j))) * cumulated[n_rules - 1]
            # Inverse distribution function, not beyond the last rule whatever is rounded.
            rule = 0
            while rule < n_rules - 1 and u >= cumulated[rule]:
                rule += 1
            # The normal equations, one encounter after the other: square = X'X, right = X'r. They
            # square the condition of X, which is no loss here: looks are a few plain numbers.
            for a in range(n_looks):
                right[a] += looks[rule, a] * felt[i, rule]
                for b in range(n_looks):
                    square[a, b] += looks[rule, a] * looks[rule, b]
        # In the axes of the eigenvectors the equations fall apart into one for each. An axis along
        # which nothing was met is left at 0: of all solutions the one of least norm (model 2, tool,
        # Choice, fit).
        diagonalize(square, axes)
        most = 0.0
        for d in range(n_looks):
            most = max(most, square[d, d])
        for a in range(n_looks):
            criteria[i, a] = 0.0
        for d in range(n_looks):
            if square[d, d] > NEGLIGIBLE * most:
                along = 0.0
                for a in range(n_looks):
                    along += axes[a, d] * right[a]
                for a in range(n_looks):
                    criteria[i, a] += axes[a, d] * (along / square[d, d])
        # A wrong entry is of the size of right ones (model 2, tool, Choice, typing). Draws 2a and
        # 2a + 1 belong to look a, those from 2K on to encounters, so that neither moves the other.
        largest = 0.0
        for a in range(n_looks):
            largest = max(largest, abs(criteria[i, a]))
        for a in range(n_looks):
            whether = to_unit(draw(key, np.uint64(2 * a)))
            what = to_unit(draw(key, np.uint64(2 * a + 1)))
            if whether < typo:
                criteria[i, a] = (2.0 * what - 1.0) * largest


@allocating
def diagonalize(square, axes):
    """Jacobi's method: a symmetric matrix [K, K] becomes diagonal in place.

    Args:
        axes: [K, K] out: its eigenvectors, in columns.
    """
    n = square.shape[0]
    for a in range(n):
        for b in range(n):
            axes[a, b] = 1.0 if a == b else 0.0
    # A sweep turns every pair of axes once. Convergence is quadratic: a handful of sweeps do for
    # any matrix of this size, and 60 are a bound that is never met.
    for _ in range(60):
        turned = False
        for p in range(n):
            for q in range(p + 1, n):
                off = square[p, q]
                if abs(off) <= 1e-17 * (abs(square[p, p]) + abs(square[q, q])):
                    continue
                turned = True
                # The smaller of the two angles that make entry p, q vanish (Golub & Van Loan,
                # Matrix Computations, 8.5): t = tan, from the root that does not cancel.
                slope = (square[q, q] - square[p, p]) / (2.0 * off)
                t = 1.0 / (abs(slope) + np.sqrt(slope * slope + 1.0))
                t = -t if slope < 0.0 else t
                c = 1.0 / np.sqrt(t * t + 1.0)
                s = t * c
                # square <- J' square J, axes <- axes J, with J the turn in the plane of p and q.
                for k in range(n):
                    kp, kq = square[k, p], square[k, q]
                    square[k, p], square[k, q] = c * kp - s * kq, s * kp + c * kq
                for k in range(n):
                    pk, qk = square[p, k], square[q, k]
                    square[p, k], square[q, k] = c * pk - s * qk, s * pk + c * qk
                for k in range(n):
                    kp, kq = axes[k, p], axes[k, q]
                    axes[k, p], axes[k, q] = c * kp - s * kq, s * kp + c * kq
                # Zero by construction; set, because rounding would leave a rest that turns again.
                square[p, q] = 0.0
                square[q, p] = 0.0
        if not turned:
            break
