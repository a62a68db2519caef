"""ASCII maps, compact and spaced, and what they fix about levels."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from texts import changed, complaints

from evosim.scenario import load, loads
from evosim.scenario.map import MapError, parse_map


def with_map(text: str, *changes: tuple[str, str]) -> str:
    return changed(("rows = 4\ncols = 5", f'map = """\n{text}"""'), *changes)


def test_a_compact_map_gives_walls_starts_and_sites_row_by_row() -> None:
    drawn = "count = 2\nregion = { rows = [0, 1], cols = [0, 4] }"
    world = loads(with_map("#.b\n@.r\n...\n", (drawn, ""))).environment("home")
    layout = world.layout
    assert (layout.rows, layout.cols) == (3, 3)
    assert layout.wall == ((True, False, False), (False,) * 3, (False,) * 3)
    assert layout.starts == ((1, 0),)
    assert layout.sites == ((0, 2, "berry"), (1, 2, "rock"))
    assert layout.free == ((0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2))
    assert layout.open == ((0, 1), (1, 1), (2, 0), (2, 1), (2, 2))
    assert not any(map(any, layout.barrier_south))
    assert not any(map(any, layout.barrier_east))
    assert world.sites_of("rock") == 2  # one on the map, one by count
    assert world.sites_of("berry") == 1
    assert [slot.ordinal for slot in world.slots] == [0, -1]


def test_a_spaced_map_puts_barriers_below_and_right_of_cells() -> None:
    grid = parse_map(". .|b\n  - -\n.|. .\n")
    assert grid.cells == ("..b", "...")
    assert grid.south == ((False, True, True), (False, False, False))
    assert grid.east == ((False, True, False), (True, False, False))


@pytest.mark.parametrize(
    "text",
    ["..\n..", "\n\n..\n..\n\n", "  ..\n  ..\n", "..  \n..\t\n"],
)
def test_empty_lines_around_a_map_and_a_common_indent_do_not_matter(text: str) -> None:
    assert parse_map(text).cells == ("..", "..")


def test_an_empty_line_between_rows_makes_a_map_spaced() -> None:
    grid = parse_map(".\n\n.\n")
    assert grid.cells == (".", ".")
    assert grid.south == ((False,), (False,))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the map is empty"),
        ("...\n..\n", "line 2 of the map has 2 cells, line 1 has 3"),
        (". .\n. .\n", "a spaced map has 2 x rows - 1 lines of 2 x cols - 1 characters, "
         "this one 2 of 3"),
        (". .\n   \n.\n", "line 3 of the map is 1 wide, line 1 is 3"),
        (". .\n    -\n. .\n", "line 2 of the map is 5 wide, line 1 is 3"),
        (". .\n|  \n. .\n", "line 2, column 1 of the map lies between cells and must be "
         "' ' or '-', not '|'"),
        (".-.\n   \n. .\n", "line 1, column 2 of the map lies between cells and must be "
         "' ' or '|', not '-'"),
        (". .\n  .\n. .\n", "line 2, column 3 of the map lies between cells and must be "
         "' ' or '-', not '.'"),
        ("..\n| \n", "a spaced map has 2 x rows - 1 lines of 2 x cols - 1 characters, "
         "this one 2 of 2"),
        (". | .\n     \n. . .\n", "line 1, column 3 of the map must be a cell, not '|'"),
    ],
)  # fmt: skip
def test_a_map_that_does_not_fit_together_is_refused(text: str, said: str) -> None:
    with pytest.raises(MapError) as caught:
        parse_map(text)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("text", "changes", "said"),
    [
        (
            "..x\n...\n...\n",
            (),
            "15: world.map: no kind has the glyph 'x' at row 0, column 2 of the map; "
            "known: '#' wall, '.' floor, '@' start, 'b' berry, 'r' rock",
        ),
        (
            "...\n...\n...\n",
            (("lifetime = 30", "lifetime = 30\nrows = 4"),),
            "15: world.map: the map has 3 rows, but rows = 4",
        ),
        ("###\n###\n", (), "15: world.map: no free cell: every cell is a wall"),
    ],
)
def test_a_map_that_does_not_fit_the_world_is_refused(
    text: str, changes: tuple[tuple[str, str], ...], said: str
) -> None:
    assert complaints(with_map(text, *changes)) == [f"small.toml:{said}"]


def test_an_environment_may_have_a_map_of_another_size_if_it_says_so() -> None:
    map_ = 'map = """\n@.\n..\n..\n"""\nkinds.berry.region.cols = [0, 1]'
    (found,) = complaints(changed(("slip = 0.2", map_)))
    assert found == "small.toml:55: environments.away.map: the map has 3 rows, but rows = 4"
    scenario = loads(changed(("slip = 0.2", f"rows = 3\ncols = 2\n{map_}")))
    assert scenario.environment("home").layout.cols == 5
    assert scenario.environment("away").layout.starts == ((0, 0),)


@given(data=st.data(), rows=st.integers(1, 4), cols=st.integers(1, 4))
@settings(deadline=None)
def test_what_is_drawn_is_what_is_read(data: st.DataObject, rows: int, cols: int) -> None:
    booleans = st.lists(st.booleans(), min_size=cols, max_size=cols)
    grids = st.lists(booleans, min_size=rows, max_size=rows)
    wall, south, east = data.draw(grids), data.draw(grids), data.draw(grids)
    for c in range(cols):
        south[-1][c] = False
    for r in range(rows):
        east[r][-1] = False
    lines = []
    for r in range(rows):
        cells = ["#" if blocked else "." for blocked in wall[r]]
        bars = ["|" if bar else " " for bar in east[r]]
        lines.append("".join(a + b for a, b in zip(cells, bars, strict=True))[:-1])
        lines.append(" ".join("-" if bar else " " for bar in south[r]))
    grid = parse_map("\n".join(lines[:-1]))
    assert [[cell == "#" for cell in line] for line in grid.cells] == wall
    assert [list(line) for line in grid.south] == south
    assert [list(line) for line in grid.east] == east


def test_the_foraging_map_joins_its_corridors_by_the_left_column_only() -> None:
    layout = load("foraging").environment("corridors").layout
    assert layout.barrier_south == ((False, True, True), (False, True, True), (False,) * 3)
    assert not any(map(any, layout.barrier_east))
