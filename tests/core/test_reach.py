"""What notes take to be out of reach, no life of the readable twin ever comes to."""

from __future__ import annotations

from typing import Any

import worlds
from hypothesis import given
from hypothesis import strategies as st
from worlds import FEW

from evosim.scenario.reach import Reach
from evosim.testing.reference import ReferenceWorld
from evosim.world import draw_levels


def lived(twin: ReferenceWorld, kinds: frozenset[str]) -> tuple[set[int], set[int], set[str]]:
    """Every x before an action, every x after one, and what fires, on sites of some kinds."""
    slots = [i for i, slot in enumerate(twin.slots) if slot.kind in kinds]
    before, middle, fired = {x for _, x in twin.start()}, set[int](), set[str]()
    todo = list(before)
    while todo:
        x = todo.pop()
        mids = {x}
        for slot in slots:
            if found := twin.fires(slot, x):
                event, rule = found
                fired.add(twin.events[event].name)
                mids |= {mid for _, mid in twin.outcomes(slot, x)} if rule.ends < 1 else set()
        for mid in mids - middle:
            fired |= {twin.events[event].name for event in twin.always(mid)}
            ends = {x for _, x in twin.drift(mid) if not twin.fatal(x)}
            todo += ends - before
            before |= ends
        middle |= mids
    return before, middle, fired


@given(st.data())
@FEW
def test_nothing_that_the_twin_lives_is_said_to_be_out_of_reach(data: Any) -> None:
    scenario = worlds.read(data.draw(worlds.documents()))
    for name in scenario.environments:
        reach, twin = Reach(scenario.environment(name)), worlds.reference(scenario, name)
        before, middle, fired = lived(twin, reach.touched)
        for i, variable in enumerate(reach.world.variables):
            assert {twin.values(x)[i] for x in before} <= set(reach.lived[variable])
            assert {twin.values(x)[i] for x in middle} <= set(reach.during[variable])
        can = {".".join(part for part in path if part not in ("kinds", "use"))
               for path, _ in reach.effects}  # fmt: skip
        assert fired <= can


@given(st.data())
@FEW
def test_a_site_out_of_reach_is_on_no_way_from_a_start(data: Any) -> None:
    scenario = worlds.read(data.draw(worlds.documents()))
    for name in scenario.environments:
        reach = Reach(scenario.environment(name))
        levels = draw_levels(scenario, name, range(3))
        cells = reach.world.layout.free
        for distance, start in zip(levels.distance, levels.start, strict=True):
            near = {cells[i] for i, d in enumerate(distance[start]) if d >= 0}
            assert near <= reach.cells
            if reach.world.layout.starts and len(reach.world.layout.starts) == 1:
                assert near == reach.cells
