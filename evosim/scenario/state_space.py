"""The state space of a world: slots of sites, variables, and how many states they make."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from evosim.scenario.schema import World

# A plan keeps two float32 values of each state for each of 64 lanes.
BYTES_A_STATE = 2 * 4 * 64


class Slot(NamedTuple):
    """What a site can be: a kind (ordinal -1), or one site of a kind that regrows (from 0)."""

    kind: str
    ordinal: int


class StateVariable(NamedTuple):
    """A factor of the state space with values 0 .. values - 1."""

    name: str
    values: int


def sites_of(world: World, kind: str) -> int:
    """Sites of a kind in every level, on the map and drawn."""
    on_map = sum(name == kind for _, _, name in world.layout.sites)
    return on_map + world.kinds[kind].count


def slots(world: World) -> tuple[Slot, ...]:
    """One slot a kind, or one a site where the kind regrows; sites of the map come first."""
    found: list[Slot] = []
    for name, kind in world.kinds.items():
        if kind.regrow is None:
            found.append(Slot(name, -1))
        else:
            found.extend(Slot(name, i) for i in range(sites_of(world, name)))
    return tuple(found)


def state_variables(world: World) -> tuple[StateVariable, ...]:
    """The declared variables, then one of 2 values for each site of a kind that regrows."""
    declared = [StateVariable(name, v.values) for name, v in world.variables.items()]
    sites = [StateVariable(f"{s.kind}[{s.ordinal}]", 2) for s in world.slots if s.ordinal >= 0]
    return (*declared, *sites)


def n_states(world: World) -> int:
    """Free cells times the number of joint values of the variables."""
    return len(world.layout.free) * math.prod(v.values for v in world.state_variables)


def mebibytes(states: int) -> float:
    """What the values of that many states take in a plan of 64 lanes, in MiB."""
    return states * BYTES_A_STATE / 2**20
