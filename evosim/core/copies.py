"""Minds that count their copies, and lives that begin as copies left them (model 2, copies).

What a life leaves is worth to such a mind what a life gains that begins with it: the boon's worth
is a fixed point of its plan. Lives of one genome are a chain, of which two starts say all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from evosim.core.batch import BatchGroup, FloatArray
from evosim.core.structs import LANES, Lanes, Level, WorldTables
from evosim.world import Environment, weighted_sum

ACCURACY = 4e-6
"""Of a boon's worth, in units of the values that it is the difference of; these are float32."""
LARGEST = 4096.0
"""The most that a boon counts, in units of what it is worth within one life."""
MOST_PLANS = 60


def fixed_point(births: Callable[[FloatArray], FloatArray]) -> FloatArray:
    """The worth Delta [n] of a boon at which V_start(1) - V_start(0) = Delta (model 2, copies).

    The gap V_start(1) - V_start(0) - Delta never rises with Delta, as what is left counts at most
    once in each of the two. So a root is bracketed by 0 and the gap at 0, however far on; it is
    looked for by secants within the bracket, which find it at once where the same is done on both
    sides, and else by halving.

    Args:
        births: gives [2, n], the values of a life that begins without the boon and with it, where
            a boon is worth Delta. The last call is with the result.

    >>> fixed_point(lambda delta: np.stack([0.25 * delta, 1.0 + 0.75 * delta])).tolist()
    [2.0]
    """
    (without, having) = births(np.zeros(1))
    delta = np.zeros(without.shape)
    gap = having - without
    far = LARGEST * gap
    low, high = np.minimum(far, 0.0), np.maximum(far, 0.0)
    scale = np.abs(having) + np.abs(without)
    settled = np.abs(gap) <= ACCURACY * scale
    before, gap_before = delta, gap
    for n in range(MOST_PLANS):
        if settled.all():
            break
        if n == 0:
            guess = delta + gap
        else:
            low, high = np.where(gap > 0, delta, low), np.where(gap < 0, delta, high)
            rise = np.where(delta == before, -1.0, gap - gap_before)
            slope = np.minimum(rise / np.where(delta == before, 1.0, delta - before), -1e-9)
            guess = np.clip(delta - gap / slope, low, high)
            # A guess at an end that was tried, and every fourth one, halves the bracket instead.
            tried = (guess == delta) | (guess == before) | (n % 4 == 3)
            guess = np.where(tried, (low + high) / 2, guess)
        before, gap_before = delta, gap
        delta = np.where(settled, delta, guess)
        without, having = births(delta)
        gap = having - without - delta
        scale = np.abs(having) + np.abs(without) + np.abs(delta)
        settled |= np.abs(gap) <= ACCURACY * scale
        settled |= np.where(gap > 0, delta >= high, delta <= low)  # it is worth more than counts
        settled |= high - low <= ACCURACY * scale
    return delta


def counting_copies(group: BatchGroup, lanes: Lanes) -> tuple[BatchGroup, Lanes]:
    """Minds for which what is left weighs, 0 to begin with: one feature, and one weight, more."""
    bequest = group.tables.bequest
    assert bequest is not None
    phi = np.column_stack([group.phi, bequest.left]).astype(np.float32)
    weights = np.concatenate([lanes.weights, np.zeros((1, LANES), np.float32)])
    return dataclasses.replace(group, phi=phi), lanes._replace(weights=weights)


def births_of(group: BatchGroup, level: Level, value: NDArray[np.float32]) -> FloatArray:
    """The value [2, LANES] of a life that begins without a boon, and with one, on a level."""
    t = group.tables
    assert t.bequest is not None
    found = []
    for boon in (0, 1):
        x, p = t.bequest.born(t.start_x, t.start_p, boon)
        found.append(weighted_sum(value[t.observed[x], level.start].T.astype(np.float64), p))
    return np.stack(found)


# ---------------------------------------------------------------------- chains of lives


def starts(env: Environment) -> list[WorldTables]:
    """The rules by which lives go; with copies those that begin without the boon, and with it."""
    world, bequest = WorldTables.of(env.tables), env.tables.bequest
    if bequest is None:
        return [world]
    born = (bequest.born(world.start_x, world.start_p, boon) for boon in (0, 1))
    return [world._replace(start_x=x, start_p=p) for x, p in born]


def shares_of_births(env: Environment, counts: NDArray[np.number]) -> FloatArray:
    """The share of the lives of each of n minds that begin without the boon, and with it, [2, n].

    The next life of a chain is on a level of its own, drawn among L.

    Args:
        counts: [2, L, n, E] of lives that began without it, and with it.
    """
    t = env.tables
    assert t.bequest is not None
    left = weighted_sum(counts.astype(np.float64), t.bequest.left).mean(axis=1)
    share = t.bequest.shares(left, t.bequest.drawn(t.start_x, t.start_p))
    return np.stack([1.0 - share, share])


def mixed(share: FloatArray, both: NDArray[np.number]) -> FloatArray:
    """The mean of what lives came to [2, L, n, ...] by the share [2, n] of each start."""
    weights = share[:, None, :].reshape(2, 1, share.shape[1], *[1] * (both.ndim - 3))
    mean: FloatArray = weights[0] * both[0] + weights[1] * both[1]
    return mean
