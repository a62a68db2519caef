"""ASCII maps, and the ground plan that a world's map or its rows and columns describe."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

WALL, FLOOR, START = "#", ".", "@"
BETWEEN = " -|"
MOST_CELLS = 40_000
"""Every level has the distances between all of its cells: 6 GiB with so many."""
RESERVED = frozenset(WALL + FLOOR + START + BETWEEN)


class MapError(ValueError):
    """What is wrong with a map, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What is fixed about the levels of a world; plain tuples, row 0 at the top.

    ``wall``, ``barrier_south`` and ``barrier_east`` are [rows][cols] of bool; a barrier stands
    between a cell and its southern or eastern neighbour. ``starts`` are the cells marked ``@``
    (empty: any cell without a site), ``sites`` the ones drawn on the map, with their kind;
    ``movers`` the cells on which the movers drawn on the map begin, with their name; all in
    row-major order.
    """

    rows: int
    cols: int
    wall: tuple[tuple[bool, ...], ...]
    barrier_south: tuple[tuple[bool, ...], ...]
    barrier_east: tuple[tuple[bool, ...], ...]
    starts: tuple[tuple[int, int], ...]
    sites: tuple[tuple[int, int, str], ...]
    movers: tuple[tuple[int, int, str], ...] = ()

    @property
    def free(self) -> tuple[tuple[int, int], ...]:
        """The cells that are no walls, row-major: cell number i is the i-th of them."""
        return tuple(
            (r, c) for r in range(self.rows) for c in range(self.cols) if not self.wall[r][c]
        )

    def passages(self, torus: bool) -> int:
        """How many pairs of neighbouring cells are open to each other."""
        free = set(self.free)
        return sum(
            to != (r, c) and to in free and not barrier[r][c]
            for r, c in free
            for to, barrier in (
                (((r + 1) % self.rows if torus else r + 1, c), self.barrier_south),
                ((r, (c + 1) % self.cols if torus else c + 1), self.barrier_east),
            )
        )

    @property
    def open(self) -> tuple[tuple[int, int], ...]:
        """The cells on which random sites are put: no wall, no ``@`` and no site of the map."""
        taken = set(self.starts) | {(r, c) for r, c, _ in self.sites}
        return tuple(cell for cell in self.free if cell not in taken)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The characters of a map: ``cells`` [rows][cols], and the barriers between them."""

    cells: tuple[str, ...]
    south: tuple[tuple[bool, ...], ...]
    east: tuple[tuple[bool, ...], ...]

    @property
    def rows(self) -> int:
        """Number of rows of cells."""
        return len(self.cells)

    @property
    def cols(self) -> int:
        """Number of columns of cells."""
        return len(self.cells[0])


def parse_map(text: str) -> Grid:
    """Read a map, compact or spaced.

    A compact map has one character a cell. A map with a blank, ``-`` or ``|`` in it is spaced:
    2 * rows - 1 lines of 2 * cols - 1 characters, where ``-`` below a cell and ``|`` right of a
    cell are thin barriers. Empty lines around the map, a common indent and blanks at the ends
    of lines are ignored.

    Raises:
        MapError: the lines do not fit together; names the line of the map, from 1.
    """
    lines = [line.rstrip() for line in textwrap.dedent(text.expandtabs(1)).split("\n")]
    while lines and not lines[0]:
        lines.pop(0)
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise MapError("the map is empty")
    if "" not in lines and not any(ch in BETWEEN for line in lines for ch in line):
        cols = len(lines[0])
        for number, line in enumerate(lines, 1):
            if len(line) != cols:
                raise MapError(f"line {number} of the map has {len(line)} cells, line 1 has {cols}")
        none = tuple((False,) * cols for _ in lines)
        return Grid(cells=tuple(lines), south=none, east=none)
    return _spaced(lines)


def _spaced(lines: list[str]) -> Grid:
    width = len(lines[0])
    if len(lines) % 2 == 0 or width % 2 == 0:
        raise MapError(
            f"a spaced map has 2 x rows - 1 lines of 2 x cols - 1 characters, "
            f"this one {len(lines)} of {width}"
        )
    for number, line in enumerate(lines, 1):
        if len(line) > width or (number % 2 and len(line) != width):
            raise MapError(f"line {number} of the map is {len(line)} wide, line 1 is {width}")
        for column, char in enumerate(line.ljust(width), 1):
            where = f"line {number}, column {column} of the map"
            if number % 2 and column % 2:
                if char in BETWEEN:
                    raise MapError(f"{where} must be a cell, not {char!r}")
                continue
            allowed = {(True, False): " |", (False, True): " -", (False, False): BETWEEN}
            fitting = allowed[bool(number % 2), bool(column % 2)]
            if char not in fitting:
                options = " or ".join(repr(option) for option in fitting)
                raise MapError(f"{where} lies between cells and must be {options}, not {char!r}")
    padded = [line.ljust(width) for line in lines]
    closed = " " * width
    return Grid(
        cells=tuple(line[::2] for line in padded[::2]),
        south=tuple(
            tuple(char == "-" for char in line[::2]) for line in [*padded[1::2], closed]
        ),
        east=tuple(
            tuple(char == "|" for char in line[1::2] + " ") for line in padded[::2]
        ),
    )  # fmt: skip


def build_layout(
    *,
    text: str | None,
    rows: int | None,
    cols: int | None,
    kinds: Mapping[str, str],
    movers: Mapping[str, str],
) -> Layout:
    """The ground plan of a world.

    Args:
        text: the map, or None for a bare floor of ``rows`` x ``cols``.
        rows: as the scenario says; may be left out where there is a map.
        cols: as the scenario says; may be left out where there is a map.
        kinds: the kind of each glyph.
        movers: the mover of each glyph.

    Raises:
        MapError: neither map nor size, a map of another size, or an unknown glyph.
    """
    if text is None:
        if rows and cols and rows * cols > MOST_CELLS:
            raise MapError(f"{rows * cols:,} cells: a grid has at most {MOST_CELLS:,}")
        if rows is None or cols is None:
            missing = " and ".join(n for n, v in (("rows", rows), ("cols", cols)) if v is None)
            raise MapError(f"{missing} missing: a world needs rows and cols, or a map")
        floor = tuple((False,) * cols for _ in range(rows))
        return Layout(
            rows=rows, cols=cols, wall=floor, barrier_south=floor, barrier_east=floor,
            starts=(), sites=(),
        )  # fmt: skip
    grid = parse_map(text)
    if grid.rows * grid.cols > MOST_CELLS:
        raise MapError(f"{grid.rows * grid.cols:,} cells: a grid has at most {MOST_CELLS:,}")
    for name, given, drawn in (("rows", rows, grid.rows), ("cols", cols, grid.cols)):
        if given is not None and given != drawn:
            raise MapError(f"the map has {drawn} {name}, but {name} = {given}")
    return _layout_of(grid, kinds, movers)


def _layout_of(grid: Grid, kinds: Mapping[str, str], movers: Mapping[str, str]) -> Layout:
    starts: list[tuple[int, int]] = []
    sites: list[tuple[int, int, str]] = []
    walkers: list[tuple[int, int, str]] = []
    for r, line in enumerate(grid.cells):
        for c, char in enumerate(line):
            if char == START:
                starts.append((r, c))
            elif char in kinds:
                sites.append((r, c, kinds[char]))
            elif char in movers:
                walkers.append((r, c, movers[char]))
            elif char not in (WALL, FLOOR):
                named = {**kinds, **movers}
                known = ", ".join(f"{glyph!r} {name}" for glyph, name in named.items())
                what = "no kind or mover" if movers else "no kind"
                raise MapError(
                    f"{what} has the glyph {char!r} at row {r}, column {c} of the map; "
                    f"known: '#' wall, '.' floor, '@' start{', ' if known else ''}{known}"
                )
    return Layout(
        rows=grid.rows,
        cols=grid.cols,
        wall=tuple(tuple(char == WALL for char in line) for line in grid.cells),
        barrier_south=grid.south,
        barrier_east=grid.east,
        starts=tuple(starts),
        sites=tuple(sites),
        movers=tuple(walkers),
    )
