"""Levels: what a seed draws, and what two environments agree on."""

from __future__ import annotations

import numpy as np
import pytest

from evosim import scenario
from evosim.scenario import Scenario
from evosim.world import draw_level, draw_levels, environment, geometry

HEAD = """
id = "place"
title = "Placement"
question = "Where do sites go?"
[objective]
intended = "children"
selected = "children"
[agent]
drives = ["sweetness"]
depth = 0
patience = 0.9
[evolution]
population = 4
levels = 2
select = { operator = "selTournament", tournsize = 2 }
mate = { operator = "cxUniform", indpb = 0.5, chance = 1.0 }
mutate = { operator = "mutGaussian", mu = 0.0, sigma = 0.1, indpb = 0.3, chance = 1.0 }
[measure]
levels = 2
sample = 4
[[timeline]]
generations = 2
train = "home"
"""

EAT = "use.eat = { feels = { sweetness = 1.0 }, yields = { children = 1.0 } }"


def read(world: str) -> Scenario:
    return scenario.loads(HEAD + world)


def two_environments(away: str) -> Scenario:
    return read(f"""
[world]
rows = 5
cols = 5
edges = "walls"
lifetime = 10
[world.kinds.berry]
glyph = "b"
count = 3
{EAT}
[world.kinds.rock]
glyph = "r"
count = 2
use.lick = {{ feels = {{ sweetness = -1.0 }} }}
[environments.home]
[environments.away]
{away}
""")


def cells_of(read_: Scenario, name: str, kind: str, seed: int) -> set[int]:
    env = environment(read_, name)
    wanted = [i for i, slot in enumerate(env.world.slots) if slot.kind == kind]
    slot, _ = draw_level(read_, name, seed)
    return set(np.flatnonzero(np.isin(slot, wanted)).tolist())


@pytest.mark.parametrize("seed", range(20))
def test_a_kind_that_one_environment_adds_takes_no_cell_of_what_both_have(seed: int) -> None:
    both = two_environments('kinds.flag = { glyph = "f", count = 4, ' + EAT + " }")
    for kind in ("berry", "rock"):
        assert cells_of(both, "home", kind, seed) == cells_of(both, "away", kind, seed)
    assert draw_level(both, "home", seed)[1] == draw_level(both, "away", seed)[1]
    assert len(cells_of(both, "away", "flag", seed)) == 4


@pytest.mark.parametrize("seed", range(20))
def test_more_sites_of_a_kind_leave_the_first_ones_where_they_were(seed: int) -> None:
    both = two_environments("kinds.berry.count = 6")
    assert cells_of(both, "home", "berry", seed) < cells_of(both, "away", "berry", seed)
    assert cells_of(both, "home", "rock", seed) == cells_of(both, "away", "rock", seed)


def test_different_seeds_draw_different_levels() -> None:
    both = two_environments("kinds.berry.count = 6")
    assert len({draw_level(both, "home", seed)[0].tobytes() for seed in range(30)}) > 25


def test_sites_are_spread_evenly_over_the_free_cells() -> None:
    both = two_environments("kinds.berry.count = 6")
    times = sum(draw_level(both, "home", seed)[0] == 0 for seed in range(2000))
    expected = 2000 * 3 / 25
    z = (times - expected) / np.sqrt(expected * (1 - 3 / 25))
    assert np.abs(z).max() < 4


@pytest.mark.parametrize("seed", range(10))
def test_regions_that_overlap_are_filled_wherever_the_sites_fit(seed: int) -> None:
    tight = read(f"""
[world]
rows = 1
cols = 5
edges = "walls"
lifetime = 10
[world.kinds.anywhere]
glyph = "a"
count = 2
{EAT}
[world.kinds.west]
glyph = "w"
count = 2
region = {{ rows = [0, 0], cols = [0, 1] }}
use.eat = {{ feels = {{ sweetness = 0.5 }} }}
[environments.home]
""")
    assert cells_of(tight, "home", "west", seed) == {0, 1}
    assert len(cells_of(tight, "home", "anywhere", seed)) == 2


def test_a_level_is_a_function_of_its_seed_alone() -> None:
    both = two_environments("kinds.berry.count = 6")
    together = draw_levels(both, "home", [3, 4, 5])
    alone = draw_levels(both, "home", [4])
    assert (together.slot[1] == alone.slot[0]).all()
    assert together.start[1] == alone.start[0]


def test_a_torus_joins_its_edges_and_walls_do_not() -> None:
    walls = two_environments("kinds.berry.count = 6")
    torus = two_environments('edges = "torus"')
    assert geometry(walls.environment("home")).neighbour[0].tolist() == [0, 5, 0, 1]
    assert geometry(torus.environment("away")).neighbour[0].tolist() == [20, 5, 4, 1]
    assert geometry(torus.environment("away")).distance[0, 24] == 2
    assert geometry(walls.environment("home")).distance[0, 24] == 8
