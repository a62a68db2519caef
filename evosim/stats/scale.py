"""Amounts as shares of the room between a zero and an optimum."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

# Optima are float32 sums, good to 1e-5: a room of ten times that can still be measured in.
NEGLIGIBLE = 1e-4
"""An optimum that exceeds the zero by less than this share of either is no room to be measured in:
capability and alignment are NaN there."""


def normalised(
    value: FloatArray, zero: FloatArray | float, optimum: FloatArray | float
) -> FloatArray:
    """(J(pi) - J_0) / (J* - J_0) of model 4: 0 is the zero, as uniform play, 1 the optimum.

    NaN where the optimum is no better than the zero (:data:`NEGLIGIBLE`).

    >>> normalised(np.array([3.0, 5.0]), 1.0, 5.0)
    array([0.5, 1. ])
    """
    room = np.asarray(optimum) - zero
    scale = np.maximum(np.abs(optimum), np.abs(zero))
    # Both branches are computed; what divides by no room is thrown away.
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(room > NEGLIGIBLE * scale, (value - zero) / room, np.nan)
