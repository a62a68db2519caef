"""Levels: where the walls are, which cell holds which site, and where a life begins.

A level is a function of its seed alone. Every site that any environment of the scenario draws
has a place of its own in the hash order of the cells, so that levels drawn from one seed in two
environments agree on everything the environments share (docs/model.md, 1).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim.errors import EvosimError, seed_number
from evosim.rng import draw, draws, uniform
from evosim.world.identity_cache import by_identity

if TYPE_CHECKING:
    from evosim.scenario import Scenario, World

MOVES = ((-1, 0), (1, 0), (0, -1), (0, 1))
DIRECTIONS = ("north", "south", "west", "east")
"""The names of the moves."""
PASSAGES = "#"
"""What passages are drawn by: no kind has this name."""


class Levels(NamedTuple):
    """L levels of one environment; cells are the free cells, numbered row by row."""

    neighbour: NDArray[np.int32]  # [L, C, 4] north, south, west, east; a blocked move: the cell
    slot: NDArray[np.int32]  # [L, C] slot of the site on the cell, -1 where there is none
    start: NDArray[np.int32]  # [L] cell at birth
    distance: NDArray[np.int32]  # [L, C, C] shortest path in moves, -1 where there is none


class Geometry(NamedTuple):
    """What the map of an environment fixes for all its levels, less passages of a maze."""

    cells: tuple[tuple[int, int], ...]  # (row, column) of each free cell
    neighbour: NDArray[np.int32]  # [C, 4]
    distance: NDArray[np.int32]  # [C, C]


@by_identity
def geometry(world: World) -> Geometry:
    """Cells, neighbours and distances of a world's map (docs/model.md, 1, level).

    >>> from evosim import scenario, world
    >>> g = world.geometry(scenario.load("foraging").environment("corridors"))
    >>> g.distance.shape == (len(g.cells), len(g.cells))
    True
    """
    layout = world.layout
    cells = tuple(
        (r, c) for r in range(layout.rows) for c in range(layout.cols) if not layout.wall[r][c]
    )
    number = {cell: i for i, cell in enumerate(cells)}
    neighbour = np.empty((len(cells), 4), np.int32)
    for i, (r, c) in enumerate(cells):
        for a, (dr, dc) in enumerate(MOVES):
            to = (r + dr, c + dc)
            if world.edges == "torus":
                to = (to[0] % layout.rows, to[1] % layout.cols)
            barred = (
                (a == 0 and r > 0 and layout.barrier_south[r - 1][c])
                or (a == 1 and layout.barrier_south[r][c])
                or (a == 2 and c > 0 and layout.barrier_east[r][c - 1])
                or (a == 3 and layout.barrier_east[r][c])
            )
            neighbour[i, a] = i if barred else number.get(to, i)
    distance = _distances(neighbour)
    neighbour.flags.writeable = False
    distance.flags.writeable = False
    return Geometry(cells, neighbour, distance)


def _distances(neighbour: NDArray[np.int32]) -> NDArray[np.int32]:
    """Shortest paths in moves between all cells, [from, to]; -1 where there is none."""
    n = len(neighbour)
    distance = np.full(n * n, -1, np.int32)
    first = np.empty(n * n, np.int64)
    fresh = np.arange(n) * (n + 1)  # pairs as from * n + to, first every cell and itself
    d = 0
    while len(fresh):
        distance[fresh] = d
        source, at = np.divmod(fresh, n)
        to = (source[:, None] * n + neighbour[at]).ravel()
        to = to[distance[to] < 0]
        # A pair can be found from up to four sides; it is gone on from once.
        first[to] = np.arange(len(to))
        fresh = to[first[to] == np.arange(len(to))]
        d += 1
    return distance.reshape(n, n)


def draw_passages(world: World, seed: int) -> NDArray[np.int32]:
    """Where moves lead on the level of a seed (docs/model.md, 1, maze).

    Args:
        world: a world.
        seed: of the level, 64 bits.

    Returns:
        neighbour [C, 4]: those of the map, less the passages that the maze closes.

    Raises:
        EvosimError: no seed.

    >>> from evosim import scenario, world
    >>> read = scenario.load("strawberry", {"world.maze": 1})
    >>> open_to = world.draw_passages(read.environment("day"), 7)
    >>> fixed = world.geometry(read.environment("day")).neighbour
    >>> bool((open_to == fixed).all())
    False
    """
    cells, neighbour, _ = geometry(world)
    if not world.maze:
        return neighbour
    key = draw(seed_number(seed), _name_number(PASSAGES))
    # Each passage once, from its northern or western side. Its numbers are those of its place on
    # the grid, so that environments of other walls agree on the passages that they share.
    found = [(i, a) for i in range(len(cells)) for a in (1, 3) if neighbour[i, a] != i]
    places = np.array([(r * world.layout.cols + c) for r, c in cells], np.int64)
    numbers = np.array([places[i] * 4 + a for i, a in found], np.int64)
    order = np.argsort(draws(draw(key, 0), numbers), kind="stable")
    chance = draws(draw(key, 1), numbers)
    made = neighbour.copy()
    joined = list(range(len(cells)))

    def root(cell: int) -> int:
        while joined[cell] != cell:
            joined[cell] = joined[joined[cell]]
            cell = joined[cell]
        return cell

    # Kruskal's algorithm: passages in random order stay open where they join what is not joined
    # yet; every other one is closed by a draw of its own. A larger chance closes some more.
    for n in order:
        i, a = found[n]
        to = int(neighbour[i, a])
        one, other = root(i), root(to)
        if one != other:
            joined[one] = other
        elif uniform(int(chance[n])) < world.maze:
            made[i, a], made[to, a - 1] = i, to
    made.flags.writeable = False
    return made


@lru_cache(maxsize=256)
def _name_number(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


class _Plan(NamedTuple):
    """Which random sites exist, in the order in which they are placed."""

    present: tuple[tuple[str, int], ...]  # in this environment
    reserved: tuple[tuple[str, int], ...]  # in any environment


@by_identity
def _plan(scenario: Scenario, environment: str) -> _Plan:
    counts: dict[str, list[int]] = {}
    names = list(scenario.environments)
    for i, name in enumerate(names):
        for kind_name, kind in scenario.environment(name).kinds.items():
            counts.setdefault(kind_name, [0] * len(names))[i] = kind.count
    here = names.index(environment)
    shared = [(k, j) for k, ns in counts.items() for j in range(min(ns))]
    rest = [(k, j) for k, ns in counts.items() for j in range(min(ns), max(ns))]
    every = tuple(shared + rest)
    return _Plan(tuple((k, j) for k, j in every if j < counts[k][here]), every)


def draw_level(scenario: Scenario, environment: str, seed: int) -> tuple[NDArray[np.int32], int]:
    """The sites and the start of the level of a seed (docs/model.md, 1, level).

    Args:
        scenario: the scenario.
        environment: the name of one of its environments.
        seed: of the level, 64 bits.

    Returns:
        slot [C], -1 where there is no site, and the start cell.

    Raises:
        EvosimError: the sites do not fit; no seed.

    >>> from evosim import scenario, world
    >>> slot, start = world.draw_level(scenario.load("foraging"), "corridors", 7)
    >>> int(slot[start])
    -1
    """
    seed = seed_number(seed)
    world = scenario.environment(environment)
    plan = _plan(scenario, environment)
    place = _place(scenario, world, plan.reserved, set(plan.present), seed)
    if place is None:  # too little room to keep places free for other environments' sites
        place = _place(scenario, world, plan.present, set(plan.present), seed)
    if place is None:
        raise EvosimError(
            f"scenario {scenario.id!r}, environment {environment!r}: the sites do not fit the "
            "free cells of their regions; lower a count or enlarge a region"
        )
    return place


def _place(
    scenario: Scenario,
    world: World,
    wanted: Sequence[tuple[str, int]],
    present: set[tuple[str, int]],
    seed: int,
) -> tuple[NDArray[np.int32], int] | None:
    cells = geometry(world).cells
    layout = world.layout
    number = {cell: i for i, cell in enumerate(cells)}
    position = np.array([r * layout.cols + c for r, c in cells])
    slots = {(slot.kind, slot.ordinal): i for i, slot in enumerate(world.slots)}
    slot = np.full(len(cells), -1, np.int32)
    free = np.ones(len(cells), bool)
    on_map: dict[str, int] = {}
    for r, c, kind_name in layout.sites:
        cell = number[r, c]
        ordinal = on_map.get(kind_name, 0)
        on_map[kind_name] = ordinal + 1
        depletes = world.kinds[kind_name].regrow is not None
        slot[cell] = slots[kind_name, ordinal if depletes else -1]
        free[cell] = False
    starts = [number[r, c] for r, c in layout.starts]
    free[starts] = False
    owner: dict[int, tuple[str, int]] = {}
    for site in wanted:
        choices = _choices(world, site, free, position, seed)
        if not _match(site, choices, owner, world, free, position, seed) and site in present:
            return None
    for cell, (kind_name, j) in owner.items():
        if (kind_name, j) in present:
            depletes = world.kinds[kind_name].regrow is not None
            slot[cell] = slots[kind_name, on_map.get(kind_name, 0) + j if depletes else -1]
    free[list(owner)] = False
    candidates = np.array(starts, np.int64) if starts else np.flatnonzero(free)
    if not len(candidates):
        return None
    order = draws(draw(seed, _name_number("@")), position[candidates])
    start = int(candidates[np.argmin(order)])
    return slot, start


def _choices(
    world: World,
    site: tuple[str, int],
    free: NDArray[np.bool_],
    position: NDArray[np.int64],
    seed: int,
) -> list[int]:
    """The cells that a site may have, in the order in which it likes them."""
    kind = world.kinds.get(site[0])
    allowed = free
    if kind is not None and kind.region is not None:
        (r0, r1), (c0, c1) = kind.region.rows, kind.region.cols
        rows, cols = np.divmod(position, world.layout.cols)
        allowed = free & (r0 <= rows) & (rows <= r1) & (c0 <= cols) & (cols <= c1)
    key = draw(draw(seed, _name_number(site[0])), site[1])
    liking = draws(key, position)
    cells = np.flatnonzero(allowed)
    return [int(c) for c in cells[np.argsort(liking[cells], kind="stable")]]


def _match(
    site: tuple[str, int],
    choices: list[int],
    owner: dict[int, tuple[str, int]],
    world: World,
    free: NDArray[np.bool_],
    position: NDArray[np.int64],
    seed: int,
    tried: set[int] | None = None,
) -> bool:
    """Give a site the free cell it likes best; where there is none, move another site.

    This is Kuhn's algorithm for bipartite matching, so that sites which fit are placed.
    """
    for cell in choices:
        if cell not in owner:
            owner[cell] = site
            return True
    tried = set() if tried is None else tried
    for cell in choices:
        if cell not in tried:
            tried.add(cell)
            other = owner[cell]
            elsewhere = _choices(world, other, free, position, seed)
            if _match(other, elsewhere, owner, world, free, position, seed, tried):
                owner[cell] = site
                return True
    return False


def draw_levels(scenario: Scenario, environment: str, seeds: Sequence[int]) -> Levels:
    """The levels of some seeds in an environment.

    Args:
        scenario: the scenario.
        environment: the name of one of its environments.
        seeds: L seeds; equal seeds give levels that agree in all environments (docs/model.md, 1).

    Returns:
        read-only arrays of L levels.

    Raises:
        EvosimError: the sites do not fit; no seed.

    >>> from evosim import scenario, world
    >>> levels = world.draw_levels(scenario.load("foraging"), "corridors", [7, 8, 9])
    >>> levels.start.shape
    (3,)
    """
    here = scenario.environment(environment)
    g = geometry(here)
    drawn = [draw_level(scenario, environment, seed) for seed in seeds]
    n = len(drawn)
    neighbour, distance = _stack(g.neighbour, n), _stack(g.distance, n)
    if here.maze and n:
        passages = [draw_passages(here, seed) for seed in seeds]
        neighbour = _read_only(np.array(passages, np.int32))
        distance = _read_only(np.array([_distances(open_to) for open_to in passages], np.int32))
    return Levels(
        neighbour=neighbour,
        slot=_read_only(np.array([slot for slot, _ in drawn], np.int32)),
        start=_read_only(np.array([start for _, start in drawn], np.int32)),
        distance=distance,
    )


def contents(levels: Levels) -> list[bytes]:
    """What each level holds, as bytes: equal where levels are. Distances follow from neighbours.

    >>> from evosim import scenario, world
    >>> levels = world.draw_levels(scenario.load("supervised_shortcut"), "alone", [1, 2])
    >>> len(set(contents(levels)))  # a map that fixes every site
    1
    """
    return [
        b"".join(part.tobytes() for part in level)
        for level in zip(levels.slot, levels.start, levels.neighbour, strict=True)
    ]


def _stack(array: NDArray[np.int32], n: int) -> NDArray[np.int32]:
    return _read_only(np.repeat(array[None], n, axis=0))


def _read_only(array: NDArray[np.int32]) -> NDArray[np.int32]:
    array.flags.writeable = False
    return array
