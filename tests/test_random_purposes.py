"""The table of random purposes in docs/model.md is complete, and what it says can be recomputed."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np

from evosim import core, mind, rng, scenario, world

PAGE = (Path(__file__).parents[1] / "docs" / "model.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| ([A-Z]+) \| (\d+) \| ", re.MULTILINE)
MASK = 2**64 - 1


def test_every_purpose_has_a_row_with_its_number() -> None:
    assert {name: int(n) for name, n in ROW.findall(PAGE)} == {p.name: p for p in rng.Purpose}


# From here on nothing of evosim draws: what the page says, in plain Python.


def draw(key: int, n: int) -> int:
    z = (key + (n + 1) * 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def key(seed: int, purpose: str, *numbers: int) -> int:
    (number,) = (int(n) for name, n in ROW.findall(PAGE) if name == purpose)
    made = draw(seed, number)
    for n in numbers:
        made = draw(made, n)
    return made


def unit(bits: int) -> float:
    return (bits >> 11) / 2**53


def name(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def test_genes_of_the_first_generation() -> None:
    read = scenario.load("strawberry")
    told = mind.initial(read, 3, rng.key(5, rng.Purpose.INITIAL))
    loci = mind.loci(read)
    for i in range(3):
        for j, locus in enumerate(loci):
            u = unit(draw(draw(key(5, "INITIAL"), i), j))
            span = locus.start_high - locus.start_low
            assert told[i, j] == min(locus.start_low + span * u, locus.start_high)


def test_the_start_cell_of_a_level() -> None:
    read = scenario.load("strawberry")
    seed = key(5, "LEVEL", 2, 1)
    assert seed == rng.key(5, rng.Purpose.LEVEL, 2, 1)
    slot, start = world.draw_level(read, "day", seed)
    here = read.environment("day")
    free = [
        (draw(draw(seed, name("@")), r * here.layout.cols + c), i)
        for i, (r, c) in enumerate(here.layout.free)
        if slot[i] < 0
    ]
    assert min(free)[1] == start


def test_where_the_sites_of_a_level_are() -> None:
    read = scenario.load("strawberry")
    here, seed = read.environment("day"), key(5, "LEVEL", 0, 0)
    slot, _ = world.draw_level(read, "day", seed)
    taken: set[int] = set()
    for kind_name, kind in here.kinds.items():
        for j in range(kind.count):
            liking = [
                (draw(draw(draw(seed, name(kind_name)), j), r * here.layout.cols + c), i)
                for i, (r, c) in enumerate(here.layout.free)
                if i not in taken
            ]
            cell = min(liking)[1]
            taken.add(cell)
            assert here.slots[slot[cell]].kind == kind_name


def test_steps_of_a_lifetime() -> None:
    """A robot whose best actions tie takes the one that slot 0 says."""
    read = scenario.load("strawberry")
    env = world.environment(read, "day")
    levels = world.draw_levels(read, "day", [3])
    minds = mind.Minds.of(np.zeros((1, env.phi.shape[1])), depth=0, patience=0.5, senses=0)
    told = core.trace(env, levels, minds, seed=5, generation=4, level_id=1, individual_id=2)
    life = key(5, "LIFE", 4, 1, 2)
    expected = [
        int(unit(draw(life, 64 * (t + 1))) * env.n_actions) for t in range(len(told.action))
    ]
    # A use that takes effect is one of the ties too: nothing is wanted here.
    assert told.action.tolist() == expected
