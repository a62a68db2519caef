"""Whether random sites fit is decided as trying all placements would."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from evosim.scenario import World
from evosim.scenario.check_placement import mistakes


@st.composite
def crowded(draw: st.DrawFn) -> World:
    """A small world with up to three kinds in regions of it."""
    rows, cols = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    kinds = {}
    for name in "abc"[: draw(st.integers(1, 3))]:
        kind: dict[str, object] = {"glyph": name, "count": draw(st.integers(0, 3))}
        if draw(st.booleans()):
            top, left = draw(st.integers(0, rows - 1)), draw(st.integers(0, cols - 1))
            kind["region"] = {
                "rows": [top, draw(st.integers(top, rows - 1))],
                "cols": [left, draw(st.integers(left, cols - 1))],
            }
        kinds[name] = kind
    cells = draw(st.lists(st.sampled_from("..#@a"), min_size=rows * cols, max_size=rows * cols))
    text = "\n".join("".join(cells[r * cols : (r + 1) * cols]) for r in range(rows))
    return World.model_validate({"lifetime": 1, "map": text, "kinds": kinds})


def fits(world: World) -> bool:
    """Try every placement of every site."""
    layout = world.layout
    sites = [kind for kind in world.kinds.values() for _ in range(kind.count)]
    spare = 0 if layout.starts else 1
    if len(sites) + spare > len(layout.open):
        return False
    for places in itertools.permutations(layout.open, len(sites)):
        inside = True
        for kind, (r, c) in zip(sites, places, strict=True):
            if kind.region is not None:
                (top, bottom), (left, right) = kind.region.rows, kind.region.cols
                inside = inside and top <= r <= bottom and left <= c <= right
        if inside:
            return True
    return False


@given(world=crowded())
@settings(deadline=None, max_examples=150)
def test_sites_are_refused_exactly_when_no_placement_exists(world: World) -> None:
    assert (list(mistakes(world)) == []) == fits(world)


def test_a_long_chain_of_regions_is_solved_by_moving_sites_aside() -> None:
    cols = 30
    kinds = {
        f"k{i}": {
            "glyph": chr(0x400 + i),
            "count": 1,
            "region": {"rows": [0, 0], "cols": [i, i + 1]},
        }
        for i in range(cols - 1)
    }
    kinds["last"] = {"glyph": "z", "count": 1, "region": {"rows": [0, 0], "cols": [0, 0]}}
    raw = {"lifetime": 1, "rows": 2, "cols": cols, "kinds": kinds}
    assert list(mistakes(World.model_validate(raw))) == []
    kinds["too-many"] = {"glyph": "y", "count": 1, "region": {"rows": [0, 0], "cols": [5, 9]}}
    (mistake,) = mistakes(World.model_validate(raw))
    assert mistake.message.startswith("regions overlap too much: 1 of 31 sites")
