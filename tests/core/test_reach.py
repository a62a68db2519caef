"""What notes take to be out of reach, no life of the readable twin ever comes to."""

from __future__ import annotations

from typing import Any

import numpy as np
import worlds
from hypothesis import given
from hypothesis import strategies as st
from worlds import FEW

from evosim.scenario.reach import Reach
from evosim.testing.reference import Fired, Level, ReferenceWorld
from evosim.world import draw_levels


def lived(twin: ReferenceWorld, kinds: frozenset[str]) -> tuple[set[int], set[int], set[str]]:
    """Every x before an action, every x after one, and what fires, on sites of some kinds."""
    slots = [i for i, slot in enumerate(twin.slots) if slot.kind in kinds]
    # A level of one cell for each slot, then one of each place of a mover: all that can be met.
    cells = np.arange(len(slots) + twin.n_cells)
    level = Level(cells[:, None], np.array([*slots, *[-1] * twin.n_cells]), 0, cells[:, None])
    before, middle, fired = {x for _, x in twin.start()}, set[int](), set[str]()
    todo = list(before)
    while todo:
        x = todo.pop()
        mids = {x}
        walkers = dict(zip(twin.names, twin.values(x), strict=True))
        places = [walkers[name] for name, _ in twin.walkers]
        acts = [
            act(level, x, cell) for act in (twin.used, twin.entered) for cell in range(len(slots))
        ]
        bare = level._replace(slot=np.full(len(cells), -1))
        acts += [twin.used(bare, x, place) for place in places]
        mids |= results(twin, x, acts, fired)
        for i in range(len(twin.walkers)):
            for mid in list(mids):
                place = dict(zip(twin.names, twin.values(mid), strict=True))[twin.walkers[i][0]]
                mids |= results(twin, mid, [twin.met(mid, place, i)], fired)
        for mid in mids - middle:
            felt = [
                *twin.always(mid),
                *(e for c in range(twin.n_cells) for e in twin.ground(mid, c)),
            ]
            felt += [e for c in range(len(slots)) if (e := twin.here(level, c, mid)) is not None]
            fired |= {twin.events[event].name for event in felt}
            ends = {x for _, x in twin.drift(mid) if not twin.fatal(x)}
            todo += ends - before
            before |= ends
        middle |= mids
    return before, middle, fired


def results(twin: ReferenceWorld, x: int, acts: list[Fired | None], fired: set[str]) -> set[int]:
    """Where rules lead that fire at x, if the life goes on; adds their events to ``fired``."""
    found = set[int]()
    for act in acts:
        if act is not None:
            fired.add(twin.events[act.event].name)
            if act.rule.ends < 1:
                found |= {mid for _, mid in twin.results(act.rule, act.sets, x)}
    return found


@given(st.data(), st.booleans())
@FEW
def test_nothing_that_the_twin_lives_is_said_to_be_out_of_reach(data: Any, local: bool) -> None:
    scenario = worlds.read(data.draw(worlds.documents(local=local)))
    for name in scenario.environments:
        reach, twin = Reach(scenario.environment(name)), worlds.reference(scenario, name)
        before, middle, fired = lived(twin, reach.touched)
        for i, variable in enumerate(reach.world.variables):
            assert {twin.values(x)[i] for x in before} <= set(reach.lived[variable])
            assert {twin.values(x)[i] for x in middle} <= set(reach.during[variable])
        assert {name.partition("@")[0] for name in fired} <= {named(p) for p, _ in reach.effects}


def named(path: tuple[str, ...]) -> str:
    """The event of an effect, or what those of a field begin with."""
    sort, *rest = path
    if sort in ("kinds", "movers"):
        return ".".join(rest[:1] + rest[2:] if path[2] == "use" and sort == "kinds" else rest)
    return ".".join([sort.removesuffix("s") if sort == "fields" else sort, *rest])


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
