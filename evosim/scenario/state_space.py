"""The state space of a world: slots of sites, variables, movers, and how many states they make."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from evosim.scenario.map import parse_map

if TYPE_CHECKING:
    from evosim.scenario.rules import Ground
    from evosim.scenario.schema import World

# A plan keeps two float32 values of each state for each of 64 lanes.
BYTES_A_STATE = 2 * 4 * 64
_MOST_FACTORS = 19


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


def movers_of(world: World, name: str) -> int:
    """Movers of a name, on the map and drawn."""
    return sum(n == name for _, _, n in world.layout.movers) + world.movers[name].count


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
    """The declared variables, one of 2 values for each site of a kind that regrows, and one for
    each mover: its cell, and one value more where it can vanish, the last one."""
    declared = [StateVariable(name, v.values) for name, v in world.variables.items()]
    sites = [StateVariable(f"{s.kind}[{s.ordinal}]", 2) for s in world.slots if s.ordinal >= 0]
    cells = len(world.layout.free)
    walkers = [
        StateVariable(f"{name}[{i}]", cells + mover.vanishes)
        for name, mover in world.movers.items()
        for i in range(movers_of(world, name))
    ]
    return (*declared, *sites, *walkers)


def strength(world: World, name: str, cell: tuple[int, int]) -> float:
    """How strong a field is on a cell (docs/model.md, 1, fields)."""
    field, layout = world.fields[name], world.layout
    if field.map is not None:
        char = _digits(field.map)[cell[0]][cell[1]]
        return float(char) if char.isdigit() else 0.0
    if field.region is not None:
        rows, cols = field.region.rows, field.region.cols
    else:
        assert field.point is not None
        rows, cols = (field.point[0],) * 2, (field.point[1],) * 2
    torus = world.edges == "torus"

    def far(at: int, span: tuple[int, int], size: int) -> int:
        """Moves along one side to the nearest row or column of a span."""
        if span[0] <= at <= span[1]:
            return 0
        ways = [abs(at - end) for end in span]
        return min([*ways, *(size - way for way in ways)] if torus else ways)

    return _fallen(field, far(cell[0], rows, layout.rows) + far(cell[1], cols, layout.cols))


@lru_cache(maxsize=16)
def _digits(text: str) -> tuple[str, ...]:
    return parse_map(text).cells


def _fallen(field: Ground, moves: int) -> float:
    d = float(moves)
    match field.falls:
        case "none":
            strength = float(d <= field.reach)
        case "linear":
            strength = max(0.0, 1.0 - d / field.reach)
        case "inverse":
            strength = 1.0 / (1.0 + d / field.reach)
        case _:
            strength = math.exp(-d / field.reach)
    # The last bits of exp() are not the same on every machine.
    return round(strength, 6)


def n_states(world: World) -> int:
    """Free cells times the number of joint values of the variables."""
    return len(world.layout.free) * math.prod(v.values for v in world.state_variables)


def factors(world: World) -> str:
    """What multiplies the number of states, and by how much."""
    by = [f"{variable.values} {variable.name}" for variable in world.state_variables]
    by[_MOST_FACTORS:] = ["..."] * (len(by) > _MOST_FACTORS)
    return " x ".join([f"{len(world.layout.free)} cells", *by])


def mebibytes(states: int) -> float:
    """What the values of that many states take in a plan of 64 lanes, in MiB."""
    return states * BYTES_A_STATE / 2**20
