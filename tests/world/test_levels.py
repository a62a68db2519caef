"""Levels: what a seed draws, and what two environments agree on."""

from __future__ import annotations

import numpy as np
import pytest

from evosim import core, scenario
from evosim.core.expectations import distinct
from evosim.scenario import Scenario
from evosim.world import Levels, draw_level, draw_levels, environment, geometry

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


def maze(away: str, side: int = 5, edges: str = "walls") -> Scenario:
    return read(f"""
[world]
rows = {side}
cols = {side}
edges = "{edges}"
lifetime = 10
[world.kinds.berry]
glyph = "b"
count = 3
{EAT}
[environments.home]
maze = 1.0
[environments.away]
{away}
""")


def passages_of(levels: Levels, i: int) -> set[tuple[int, int]]:
    """Each pair of cells that are open to each other, once."""
    moves = {(c, int(to)) for c, row in enumerate(levels.neighbour[i]) for to in row if to != c}
    assert moves == {(to, c) for c, to in moves}  # what is open is open from both sides
    return {(c, to) for c, to in moves if c < to}


@pytest.mark.parametrize("edges", ["walls", "torus"])
def test_a_perfect_maze_has_one_way_between_any_two_cells(edges: str) -> None:
    levels = draw_levels(maze("maze = 0.0", edges=edges), "home", range(20))
    for i in range(20):
        assert len(passages_of(levels, i)) == 24  # a tree over 25 cells
        assert (levels.distance[i] >= 0).all()
    assert len({passages.tobytes() for passages in levels.neighbour}) == 20


@pytest.mark.parametrize(
    ("side", "edges"), [(4, "walls"), (3, "torus"), (2, "torus"), (1, "torus")]
)
def test_distances_in_a_maze_are_shortest_paths(side: int, edges: str) -> None:
    levels = draw_levels(
        read(f"""
[world]
rows = 2
cols = {side}
edges = "{edges}"
maze = 0.5
lifetime = 10
[world.kinds.berry]
glyph = "b"
count = 1
{EAT}
[environments.home]
"""),
        "home",
        range(5),
    )
    n = 2 * side
    for i in range(5):
        far = np.where(np.eye(n, dtype=bool), 0, 10**6)
        for c, row in enumerate(levels.neighbour[i]):
            far[c, row[row != c]] = 1
        for k in range(n):  # Floyd and Warshall
            far = np.minimum(far, far[:, [k]] + far[[k]])
        assert levels.distance[i].tolist() == far.tolist()


def test_a_larger_chance_closes_more_of_the_same_passages_and_moves_no_site() -> None:
    both = maze("maze = 0.4")
    home, away = (draw_levels(both, name, range(30)) for name in ("home", "away"))
    for i in range(30):
        assert passages_of(home, i) < passages_of(away, i)
    assert (home.slot == away.slot).all()
    assert (home.start == away.start).all()
    # 40 passages, of which 24 are never closed.
    closed = [40 - len(passages_of(away, i)) for i in range(30)]
    assert abs(np.mean(closed) - 16 * 0.4) < 4 * np.sqrt(16 * 0.4 * 0.6 / 30)


def test_lives_on_levels_with_mazes_of_their_own_are_told_apart() -> None:
    both = maze("maze = 0.0")
    env, levels = environment(both, "home"), draw_levels(both, "home", range(8))
    one_by_one = [core.uniform(env, draw_levels(both, "home", [i])).counts[0, 0] for i in range(8)]
    assert core.uniform(env, levels).counts[0].tolist() == [c.tolist() for c in one_by_one]
    assert len(distinct(levels)[0].start) == 8
