"""Observations: what is seen of each state, against the readable twin and by hand."""

from __future__ import annotations

import numpy as np
import pytest
import worlds
from hypothesis import given
from hypothesis import strategies as st

from evosim import scenario, world
from evosim.errors import EvosimError
from evosim.scenario import Scenario
from evosim.testing.reference import Level, ReferenceWorld
from evosim.world.observations import Observer, available

ANY = worlds.documents() | worlds.documents(local=True)


def of(read: Scenario, name: str, obs: str, seed: int = 3, **more: object) -> np.ndarray:
    levels = world.draw_levels(read, name, [seed])
    return Observer(read, obs, **more).table(name, levels)[0]


def felt_there(twin: ReferenceWorld, level: Level, x: int, cell: int) -> np.ndarray:
    """What being on a cell and using it feels like, of all things on it, by the twin."""
    fired = [twin.fires(int(level.slot[cell]), x)]
    entered = twin.entered(level, x, cell)
    events = [entered.event] if entered else []
    state = dict(zip(twin.names, twin.values(x), strict=True))
    for i, (walker, name) in enumerate(twin.walkers):
        if state[walker] == cell:
            met, used = twin.met(x, cell, i), twin._of_mover(walker, name, "use", state)
            events += [one.event for one in (met, used) if one]
    events += [one[0] for one in fired if one] + twin.ground(x, cell)
    here = twin.here(level, cell, x)
    events += [here] if here is not None else []
    return twin.phi[events].sum(axis=0)[: len(worlds.STIMULI)]


@given(doc=ANY, seed=st.integers(0, 99), name=st.sampled_from(["home", "away"]))
@worlds.FEW
def test_a_map_shows_on_each_cell_what_the_twin_feels_there(
    doc: worlds.Document, seed: int, name: str
) -> None:
    read = worlds.read(doc)
    there = read.environment(name)
    hidden = [n for n, v in there.variables.items() if v.hidden]
    seen = Observer(read, "felt", senses=hidden)
    levels = world.draw_levels(read, name, [seed])
    found = seen.table(name, levels)[0]
    twin, level = worlds.reference(read, name), worlds.one_level(levels, 0)
    rows, cols = found.shape[-2:]
    layout = there.layout
    place = {cell: i for i, cell in enumerate(layout.free)}
    channels = seen.channels["felt"]
    for x in range(0, twin.n_x, 1 + twin.n_x // 7):
        for cell, (r, c) in enumerate(layout.free):
            for i in range(rows):
                for j in range(cols):
                    at = r + i - rows // 2, c + j - cols // 2
                    if there.edges == "torus":
                        at = at[0] % layout.rows, at[1] % layout.cols
                    shown = found[x, cell, :, i, j]
                    if at in place:
                        told = felt_there(twin, level, x, place[at])
                        np.testing.assert_allclose(shown[:2], told, rtol=1e-5, atol=1e-5)
                    else:
                        assert (shown[:2] == 0).all()
                    if "wall" in channels:
                        assert shown[channels.index("wall")] == (at not in place)
                    if "closed north" in channels and at in place:
                        shut = level.neighbour[place[at]] == place[at]
                        np.testing.assert_array_equal(shown[-4:], shut)


def test_the_agent_is_in_the_middle_of_a_torus_that_is_rolled() -> None:
    read = scenario.load("true_drive")
    levels = world.draw_levels(read, "ancestral", [3])
    seen = Observer(read, "kinds")
    maps = seen.table("ancestral", levels)[0, 0]
    own, there = seen.channels["kinds"], read.environment("ancestral")
    grid = np.zeros((len(own), 6, 6))
    for cell in np.flatnonzero(levels.slot[0] >= 0):
        kind = there.slots[levels.slot[0, cell]].kind
        grid[own.index(kind), cell // 6, cell % 6] = 1.0
    assert "wall" not in seen.channels["kinds"]
    for cell in range(36):
        r, c = divmod(cell, 6)
        np.testing.assert_array_equal(maps[cell], np.roll(grid, (3 - r, 3 - c), (1, 2)))


def test_a_state_is_told_by_its_number_and_not_by_its_level() -> None:
    read = scenario.load("strawberry")
    levels = world.draw_levels(read, "day", [1, 2])
    table = Observer(read, "state").table("day", levels)
    assert table.dtype == np.int64
    np.testing.assert_array_equal(table.reshape(2, -1), np.tile(np.arange(98), (2, 1)))


def test_what_nobody_senses_stands_where_it_is_assumed() -> None:
    read = scenario.load("myopic_base")
    blind, sees = (of(read, "day", "variables", senses=s) for s in ((), ("watcher",)))
    # Variables: carrying, watcher; x is carrying * 2 + watcher.
    assumed = read.environment("day").variables["watcher"].assume
    assert (blind[:, 0, 1] == assumed).all()
    np.testing.assert_array_equal(sees[:, 0, 1], [0, 1, 0, 1])
    np.testing.assert_array_equal(sees[:, 0, 0], [0, 0, 1, 1])
    states = of(read, "day", "state")
    np.testing.assert_array_equal(states[0], states[1])


def test_a_scent_is_that_of_the_strongest_thing_and_fades() -> None:
    read = worlds.read(
        worlds.document(
            {
                "map": "@a..b",
                "kinds": {
                    "a": {"glyph": "a", "use": {"eat": {"feels": {"sweet": 0.5}}}},
                    "b": {"glyph": "b", "use": {"eat": {"feels": {"sweet": 1.0, "sour": -1.0}}}},
                },
            }
        )
    )
    found = of(read, "home", "scent")[0]
    sweet, sour = Observer(read, "scent").channels["scent"].index("sweet"), 1
    here, north, _, west, east = found[2, sweet]
    assert here == pytest.approx(max(0.5 * 0.9, 0.9**2)) == north  # a blocked way smells as here
    assert west == pytest.approx(0.9**3)
    assert east == pytest.approx(0.9)
    assert (found[:, sour] == 0).all()  # the scent ignores what is bad


def test_what_is_used_up_is_not_seen() -> None:
    read = scenario.load("power")
    full, empty = of(read, "garden", "kinds")[[7, 0]]
    own = Observer(read, "kinds").channels["kinds"].index("strawberry")
    assert full[0, own].sum() == 3
    assert empty[0, own].sum() == 0


def test_looks_are_those_of_the_kinds() -> None:
    read = scenario.load("spreadsheet")
    seen = Observer(read, "looks")
    levels = world.draw_levels(read, "shop", [3])
    found, there = seen.table("shop", levels)[0], read.environment("shop")
    for cell in range(there.n_states // len(found)):
        slot = int(levels.slot[0, cell])
        looks = there.kinds[there.slots[slot].kind].looks if slot >= 0 else {}
        told = [looks.get(name, 0.0) for name in read.looks]
        middle = found[0, cell, : len(read.looks), found.shape[-2] // 2, found.shape[-1] // 2]
        np.testing.assert_allclose(middle, told, rtol=1e-6)


def test_what_a_flip_changes_is_felt_and_not_seen_in_kinds() -> None:
    read = scenario.load("strawberry")
    kinds = [of(read, name, "kinds") for name in ("day", "evening")]
    felt = [of(read, name, "felt") for name in ("day", "evening")]
    np.testing.assert_array_equal(*kinds)
    assert (felt[0] != felt[1]).any()


@pytest.mark.parametrize("name", scenario.catalogue())
def test_all_environments_of_a_scenario_have_the_same_shapes(name: str) -> None:
    read = scenario.load(name)
    seen = Observer(read, available(read))
    for environment in read.environments:
        levels = world.draw_levels(read, environment, [5])
        n_states = read.environment(environment).n_states
        for part, table in seen.table(environment, levels).items():
            n_x, n_cells = table.shape[1:3]
            assert n_x * n_cells == n_states
            assert table.shape[3:] == seen.shapes[part]
            assert np.isfinite(table).all()


def test_one_state_is_looked_up_as_the_table_has_it() -> None:
    read = scenario.load("keys_and_chests")
    levels = world.draw_levels(read, "many_keys", [5, 6])
    for part in available(read):
        seen = Observer(read, part)
        table = seen.table("many_keys", levels)
        level, x, cell = np.array([0, 1, 1]), np.array([0, 30, 7]), np.array([24, 3, 11])
        some = seen.seen("many_keys", levels)[part].at(level, x, cell)
        np.testing.assert_array_equal(some.reshape(3, *seen.shapes[part]), table[level, x, cell])


@pytest.mark.parametrize(
    ("obs", "senses", "told"),
    [
        ("feels", (), "no such observation; did you mean 'felt'?"),
        ("looks", (), "has none (it has: state, felt, kinds, scent, variables)"),
        (5, (), "a name, several, or a mapping"),
        ("felt", ("watcher",), "no hidden variable of that name"),
    ],
)
def test_what_cannot_be_seen_is_refused(obs: object, senses: tuple[str, ...], told: str) -> None:
    with pytest.raises(EvosimError) as error:
        Observer(scenario.load("strawberry"), obs, senses)
    assert told in str(error.value)
