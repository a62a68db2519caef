"""Whether the random sites of a world fit its cells, and in how many ways."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from evosim.scenario.messages import Mistake, bad_value

if TYPE_CHECKING:
    from evosim.scenario.rules import Mover
    from evosim.scenario.schema import Kind, World

Cell = tuple[int, int]


def mistakes(world: World) -> Iterator[Mistake]:
    """What keeps the random sites off the cells: regions off the grid, too many sites.

    Sites need distinct cells that are no wall, no ``@`` and no site of the map; one such cell
    must be left to start on where the map has no ``@``.
    """
    outside = False
    size = {"rows": world.layout.rows, "cols": world.layout.cols}
    for name, kind in world.kinds.items():
        for side, length in size.items():
            if kind.region is not None and (span := getattr(kind.region, side))[1] >= length:
                outside = True
                allowed = f"{side} 0 to {length - 1}"
                yield Mistake(
                    ("kinds", name, "region", side), bad_value("region off the grid", span, allowed)
                )
    if outside:
        return
    cells = world.layout.open
    kinds = {name: kind for name, kind in world.kinds.items() if kind.count}
    wanted = sum(kind.count for kind in kinds.values())
    kept = 0 if world.layout.starts else 1
    if wanted + kept > len(cells):
        shares = ", ".join(f"{name} {kind.count}" for name, kind in kinds.items())
        start = " and one cell to start on" if kept else ""
        yield Mistake(
            ("kinds",),
            f"more sites than free cells (got {wanted} sites{start}{': ' if shares else ''}"
            f"{shares}, allowed {len(cells)} cells that are no wall, no @ and no site of the map)",
        )
        return
    crowded = False
    for name, kind in kinds.items():
        room = sum(may_hold(kind, cell) for cell in cells)
        if kind.count > room:
            crowded = True
            yield Mistake(
                ("kinds", name, "count"),
                bad_value(
                    "more sites than free cells in the region", kind.count, f"{room} at most"
                ),
            )
    short = 0 if crowded else wanted - _placed(kinds, cells)
    if short:
        regions = ", ".join(name for name, kind in kinds.items() if kind.region)
        yield Mistake(
            ("kinds",),
            f"regions overlap too much: {short} of {wanted} sites find no free cell "
            f"(allowed: lower counts or larger regions of {regions})",
        )


def count_layouts(world: World) -> int:
    """How many different levels a world can have: at most, where kinds have regions.

    Sites of a kind are alike, and where the map has no ``@`` any cell left may be the start. In a
    maze any passages may be closed.
    """
    cells = world.layout.open
    found, left = 1, len(cells)
    for kind in sorted(world.kinds.values(), key=lambda kind: kind.region is None):
        room = sum(may_hold(kind, cell) for cell in cells) if kind.region else left
        found *= math.comb(room, kind.count)
        left -= kind.count
    mazes = 2 ** world.layout.passages(world.edges == "torus") if world.maze else 1
    return found * (len(world.layout.starts) or left) * mazes


def begins(world: World, mover: str) -> tuple[int, ...]:
    """The numbers of the free cells on which random movers of a name can begin."""
    what = world.movers[mover]
    return tuple(i for i, cell in enumerate(world.layout.free) if may_hold(what, cell))


def may_hold(kind: Kind | Mover, cell: Cell) -> bool:
    """Whether the region of a kind or mover, if it has one, lets random ones be on a cell."""
    if kind.region is None:
        return True
    (top, bottom), (left, right) = kind.region.rows, kind.region.cols
    return top <= cell[0] <= bottom and left <= cell[1] <= right


def _placed(kinds: dict[str, Kind], cells: tuple[Cell, ...]) -> int:
    """How many sites can have a cell at once: a maximum flow from kinds to like cells."""
    room: dict[frozenset[str], int] = {}  # cells that the same kinds may use
    for cell in cells:
        group = frozenset(name for name, kind in kinds.items() if may_hold(kind, cell))
        room[group] = room.get(group, 0) + 1
    used = {(name, group): 0 for group in room for name in group}
    left = {name: kind.count for name, kind in kinds.items()}
    for name in kinds:
        while left[name] and (moved := _augment(name, left[name], used, room)):
            left[name] -= moved
    return sum(kind.count for kind in kinds.values()) - sum(left.values())


def _augment(
    name: str,
    amount: int,
    used: dict[tuple[str, frozenset[str]], int],
    room: dict[frozenset[str], int],
) -> int:
    """Place up to ``amount`` more sites of a kind, moving others aside; how many were placed."""
    paths: list[tuple[str, list[tuple[str, frozenset[str]]]]] = [(name, [])]
    seen = {name}
    for kind, path in paths:  # breadth first
        for group in room:
            if kind not in group:
                continue
            here = [*path, (kind, group)]
            free = room[group] - sum(used[k, group] for k in group)
            if free:
                return _shift(here, min(amount, free), used)
            for other in sorted(group - seen):
                if used[other, group]:
                    seen.add(other)
                    paths.append((other, here))
    return 0


def _shift(
    path: list[tuple[str, frozenset[str]]],
    amount: int,
    used: dict[tuple[str, frozenset[str]], int],
) -> int:
    """Let each kind of the path take the place of the next one, which moves on."""
    for (_, group), (after, _) in pairwise(path):
        amount = min(amount, used[after, group])
    for (kind, group), (after, _) in zip(path, [*path[1:], ("", frozenset())], strict=True):
        used[kind, group] += amount
        if after:
            used[after, group] -= amount
    return amount
