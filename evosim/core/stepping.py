"""One step of many lives whose actions come from outside, each on its own level (model 1, 5)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim.core.jit import inlined, kernel
from evosim.core.live import ALIVE, step
from evosim.core.local_live import step_local
from evosim.core.structs import Level

# What is summed of a step; the first is what the agent is paid, the others what can be said of it.
PAID, INTENDED, SELECTED, INTERNAL = range(4)


class Walks(NamedTuple):
    """Where movers walk on some levels: levels with equal passages share a row."""

    row: NDArray[np.int32]  # [L]
    n: NDArray[np.int32]  # [rows, M, C, C]
    to: NDArray[np.int32]  # [rows, M, C, C, 5]
    p: NDArray[np.float64]


class Walked(NamedTuple):
    """What a step of a local world reads of one level (:class:`evosim.world.local.LocalLevel`)."""

    neighbour: NDArray[np.int32]
    slot: NDArray[np.int32]
    walk_n: NDArray[np.int32]
    walk_to: NDArray[np.int32]
    walk_p: NDArray[np.float64]


class Going(NamedTuple):
    """n lives that go on, one a row."""

    goes: NDArray[np.bool_]  # [n] whether it takes this step; the others stay as they are
    life: NDArray[np.uint64]  # [n] keys of their draws
    level: NDArray[np.int32]  # [n] the level it is on
    x: NDArray[np.int64]  # [n] in and out: the state
    cell: NDArray[np.int64]  # [n]
    age: NDArray[np.int64]  # [n] in and out: steps lived
    counts: NDArray[np.int32]  # [n, E] out: the events of the step
    sums: NDArray[np.float64]  # [n, 4] out: what they add up to, by weights
    dies: NDArray[np.bool_]  # [n] out: whether the step ends the life


class Worth(NamedTuple):
    """What events are worth."""

    weights: NDArray[np.float64]  # [E, 4]
    seen: NDArray[np.bool_]  # [n_x] whether selection pays for a step that begins there,
    window: int  # if it is one of so many first ones
    by_selection: bool  # whether the agent is paid as selection pays


@inlined
def add_up(going, worth, i, paid):
    """Write what the events of a step are worth; selection pays for it only where ``paid``."""
    going.sums[i] = 0.0
    for event in range(worth.weights.shape[0]):
        n = going.counts[i, event]
        if n > 0:
            for k in range(4):
                going.sums[i, k] += n * worth.weights[event, k]
    if not paid:
        going.sums[i, SELECTED] = 0.0
    if worth.by_selection:
        going.sums[i, PAID] = going.sums[i, SELECTED]


@kernel
def step_lives(world, levels, going, worth, actions):
    """One step of each life that goes on, by its action.

    Args:
        world: :class:`evosim.core.structs.WorldTables`.
        levels: the arrays of a Level, each with an axis of levels before its own.
        going: :class:`Going`.
        worth: :class:`Worth`.
        actions: [n].
    """
    for i in range(going.life.shape[0]):
        if not going.goes[i]:
            continue
        at = going.level[i]
        level = Level(levels.neighbour[at], levels.slot[at], levels.distance[at], levels.start[at])
        x, cell, age = going.x[i], going.cell[i], going.age[i]
        going.counts[i] = 0
        after, cell, _, fate = step(
            world, level, going.life[i], age, x, cell, np.int64(actions[i]), going.counts, i
        )
        going.x[i], going.cell[i], going.age[i] = after, cell, age + 1
        going.dies[i] = fate != ALIVE
        add_up(going, worth, i, worth.seen[x] and age < worth.window)


@kernel
def step_local_lives(local, levels, walks, going, worth, actions):
    """As :func:`step_lives`, in a local world."""
    for i in range(going.life.shape[0]):
        if not going.goes[i]:
            continue
        at = going.level[i]
        row = walks.row[at]
        level = Walked(
            levels.neighbour[at], levels.slot[at], walks.n[row], walks.to[row], walks.p[row]
        )
        x, cell, age = going.x[i], going.cell[i], going.age[i]
        going.counts[i] = 0
        after, cell, _, fate = step_local(
            local, level, going.life[i], age, x, cell, np.int64(actions[i]), going.counts, i
        )
        going.x[i], going.cell[i], going.age[i] = after, cell, age + 1
        going.dies[i] = fate != ALIVE
        add_up(going, worth, i, worth.seen[x] and age < worth.window)


@kernel
def look(values, window, which, level, x, cell, out):
    """Write the observations of lives (:class:`evosim.world.observations.Seen`).

    Args:
        values: [L or 1, n_x, K, G].
        window: [L or 1, C, J].
        which: [n] whether a row is written.
        level, x, cell: [n].
        out: [n, K, J].
    """
    many, several = values.shape[0] > 1, window.shape[0] > 1
    for i in range(out.shape[0]):
        if not which[i]:
            continue
        there = values[level[i] if many else 0, x[i]]
        through = window[level[i] if several else 0, cell[i]]
        for k in range(there.shape[0]):
            for j in range(through.shape[0]):
                # What is looked up is never counted from the end.
                out[i, k, j] = there[k, np.uint32(through[j])]
