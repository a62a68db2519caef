"""What kernels take, in groups that have names.

Numba unpacks a tuple of arrays that is passed from Python field by field, at 2 to 5 microseconds a
call, but builds one inside a kernel for nothing. So a kernel that Python calls has a flat list of
parameters, its first lines pack them into these tuples, and the functions that are compiled into
it take the tuples. Python splats the same tuples: ``improve(*tables, *level, *lanes, *plan)``.

LANES is the number of agents that plan together, E events, C free cells, A actions, n_x joint
values of the variables; see :class:`evosim.world.Tables` for the rest.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from evosim.world import Levels, Tables

# 64 float32 are four cache lines and a whole number of vector registers on every processor, so
# that loops over lanes have no remainder. What is read once for a cell (its neighbours, its rule)
# then serves 64 agents. Twice as many would push a block [C, LANES] of some hundred cells out of
# the first-level cache; half as many would spend a larger share on indices.
LANES = 64


class PlanTables(NamedTuple):
    """The rules that a planner reads, by which minds believe the world to go; float32."""

    live: NDArray[np.int32]
    drift_ptr: NDArray[np.int32]
    drift_x: NDArray[np.int32]
    drift_p: NDArray[np.float32]
    use_row: NDArray[np.int32]
    use_event: NDArray[np.int32]
    next_ptr: NDArray[np.int32]
    next_x: NDArray[np.int32]
    next_p: NDArray[np.float32]
    outcome_ptr: NDArray[np.int32]
    outcome_x: NDArray[np.int32]
    outcome_p: NDArray[np.float32]
    here_event: NDArray[np.int32]
    always_ptr: NDArray[np.int32]
    always_event: NDArray[np.int32]
    scent_like: NDArray[np.int32]
    slip: np.float32
    stay: bool

    @classmethod
    def of(cls, t: Tables, everywhere: bool = False) -> PlanTables:
        """Those of an environment; ``everywhere``: also where no life can come to."""
        live = np.concatenate([t.live, t.unreached]) if everywhere else t.live
        return cls(
            live, t.drift_ptr, t.drift_x, t.drift_p32, t.use_row, t.use_event, t.next_ptr,
            t.next_x, t.next_p32, t.outcome_ptr, t.outcome_x, t.outcome_p32, t.here_event,
            t.always_ptr, t.always_event, t.scent_like, np.float32(t.slip), t.stay,
        )  # fmt: skip


class WorldTables(NamedTuple):
    """The rules by which lives go; float64."""

    n_actions: int
    stay: bool
    slip: float
    arrivals: bool
    start_x: NDArray[np.int32]
    start_p: NDArray[np.float64]
    use_row: NDArray[np.int32]
    use_event: NDArray[np.int32]
    use_ends: NDArray[np.float64]
    outcome_ptr: NDArray[np.int32]
    outcome_x: NDArray[np.int32]
    outcome_p: NDArray[np.float64]
    here_event: NDArray[np.int32]
    always_ptr: NDArray[np.int32]
    always_event: NDArray[np.int32]
    drift_ptr: NDArray[np.int32]
    drift_x: NDArray[np.int32]
    drift_p: NDArray[np.float64]
    move_chance: NDArray[np.float64]
    move_delta: NDArray[np.int32]
    dead: NDArray[np.uint8]

    @classmethod
    def of(cls, t: Tables) -> WorldTables:
        return cls(*_of_world(t))


_of_world = attrgetter(*WorldTables._fields)


class Level(NamedTuple):
    """One level."""

    neighbour: NDArray[np.int32]  # [C, 4] north, south, west, east; a blocked move: the cell
    slot: NDArray[np.int32]  # [C] slot of the site on the cell, -1 where there is none
    distance: NDArray[np.int32]  # [C, C] shortest path in moves, -1 where there is none
    start: int  # cell at birth

    @classmethod
    def of(cls, levels: Levels, i: int) -> Level:
        return cls(levels.neighbour[i], levels.slot[i], levels.distance[i], int(levels.start[i]))


class LevelLanes(NamedTuple):
    """Levels of one map, one a lane; k sites of all lanes together."""

    neighbour: NDArray[np.int32]  # [C, 4] as of a level, where a move is not blocked
    opened: NDArray[np.uint8]  # [C, LANES] bit a is set where move a is not blocked
    slot: NDArray[np.int32]  # [C, LANES] as of a level
    site_cell: NDArray[np.int32]  # [k] where slot is not -1, in order of cells
    site_lane: NDArray[np.int32]  # [k]
    site_distance: NDArray[np.int32]  # [k, C] shortest path to it; [0, C] where nobody asks


class Lanes(NamedTuple):
    """The minds that plan together, one a lane."""

    weights: NDArray[np.float32]  # [F, LANES] weight of each feature in the reward
    patience: NDArray[np.float32]  # [LANES] discount factor
    depth: NDArray[np.int32]  # [LANES] lookahead depth
    temperature: NDArray[np.float32]  # [LANES] of the softmax; 0: greedy
    share: NDArray[np.float32]  # [LANES] of a second plan in the values of actions


class Plan(NamedTuple):
    """The values of one plan of each lane, and scratch to back them up."""

    value: NDArray[np.float32]  # [2, n_x, C, LANES] V, to and fro between the two
    reward: NDArray[np.float32]  # [E, LANES] reward of each event
    always: NDArray[np.float32]  # [n_x, LANES] reward of ending a step's action at x
    here: NDArray[np.float32]  # [C, LANES] reward of ending it on the cell, `arrival` in it
    afterstate: NDArray[np.float32]  # [C, LANES] value of being there between action and drift
    q: NDArray[np.float32]  # [A, LANES] values of the actions of one state
    arrivals: bool  # whether anything is felt on arriving: are `always` and `here` to be read


class Policy(NamedTuple):
    """What each lane does in each state that it can observe."""

    observed: NDArray[np.int32]  # [n_x] the x that a mind takes x for
    soft: bool  # whether actions are drawn by softmax, from `boltzmann`, or greedily
    greedy: NDArray[np.uint8]  # [n_x, C, LANES] bit a is set where action a is a best one
    boltzmann: NDArray[np.float32]  # [n_x, C, A, LANES] exp((Q - max Q) / temperature)


class Lives(NamedTuple):
    """Whose lives they are on a level, and where what happens in them is written."""

    level_key: int | np.uint64  # key of the level's lives
    individuals: NDArray[np.uint64]  # [n] numbers of the minds in the keys of their lives
    mind: NDArray[np.int32]  # [LANES] the row of the outputs that a lane writes, -1 for none
    window: int  # how many first steps are paid to selection,
    seen: NDArray[np.bool_]  # [n_x] if they begin at such x
    counts: NDArray[np.int32]  # [n, E] out: events of the steps that are not paid
    paid: NDArray[np.int32]  # [n, E] out: events of those that are
    lifespan: NDArray[np.int32]  # [n] out: steps lived
    last: NDArray[np.int32]  # [n] out: x after the last step
    actions: NDArray[np.int32]  # [steps or 0] out: the action of each step


class Afterstates(NamedTuple):
    """Where the actions of one state lead before drift, with what probability."""

    x: NDArray[np.int32]
    cell: NDArray[np.int32]
    p: NDArray[np.float64]
