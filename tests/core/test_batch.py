"""Batches: the same bits for any number of threads; random numbers as published."""

from __future__ import annotations

import numpy as np
import pytest

from evosim import core, mind, rng, scenario
from evosim.core import rng as compiled
from evosim.core.batch import batch_groups
from evosim.core.structs import LANES
from evosim.world import draw_levels, environment

# The first outputs of splitmix64 seeded with 1234567, as published with the reference
# implementation of Vigna (https://prng.di.unimi.it/splitmix64.c) and on Rosetta Code.
PUBLISHED = [
    6457827717110365317,
    3203168211198807973,
    9817491932198370423,
    4593380528125082431,
    16408922859458223821,
]


def test_random_numbers_are_those_published_for_splitmix64() -> None:
    assert [rng.draw(1234567, n) for n in range(5)] == PUBLISHED
    drawn = [compiled.draw(np.uint64(1234567), np.uint64(n)) for n in range(5)]
    assert [int(n) for n in drawn] == PUBLISHED
    assert rng.draws(1234567, np.arange(5)).tolist() == PUBLISHED


@pytest.mark.parametrize("threads", ["2", "5"])
def test_results_have_the_same_bits_for_any_number_of_threads(
    threads: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = scenario.load("contraception")
    env = environment(read, "modern")
    levels = draw_levels(read, "modern", [1, 2, 3])
    genomes = mind.initial(read, 150, 7)
    genomes[:, -1] = np.arange(150) % 6
    minds = mind.express(read, genomes)

    def everything() -> list[bytes]:
        lives = core.lifetimes(
            env, levels, minds, seed=1, generation=2, level_ids=[0, 1, 2],
            individual_ids=range(150),
        )  # fmt: skip
        few = type(minds)(*(a[:70] for a in minds))
        expected = core.expectation(env, levels, few)
        best = core.optimum(env, levels, few.weights.astype(np.float64))
        return [np.ascontiguousarray(a).tobytes() for a in (*lives, *expected, best)]

    monkeypatch.setenv("EVOSIM_THREADS", "1")
    alone = everything()
    monkeypatch.setenv("EVOSIM_THREADS", threads)
    assert everything() == alone


def test_every_mind_has_one_lane_among_its_like() -> None:
    read = scenario.load("contraception")
    env = environment(read, "modern")
    genomes = mind.initial(read, 200, 7)
    genomes[:, -1] = np.arange(200)[::-1] % 20
    minds = mind.express(read, genomes)
    batches = [batch for group in batch_groups(env, minds) for batch in group.batches]
    members = np.concatenate([batch.mind[batch.mind >= 0] for batch in batches])
    assert sorted(members) == list(range(200))
    assert len(batches) == -(-200 // LANES)
    depths = np.concatenate([minds.depth[batch.mind[batch.mind >= 0]] for batch in batches])
    assert (np.diff(depths) >= 0).all()


def test_a_trace_of_several_minds_is_refused() -> None:
    read = scenario.load("contraception")
    env = environment(read, "modern")
    minds = mind.express(read, mind.initial(read, 2, 7))
    with pytest.raises(ValueError, match="one mind on one level, not 2 on 1"):
        core.trace(env, draw_levels(read, "modern", [1]), minds, seed=1)


def test_expectations_of_minds_that_feel_novelty_are_refused() -> None:
    read = scenario.load("contraception")
    env = environment(read, "modern")
    minds = mind.express(read, mind.initial(read, 2, 7))
    curious = minds._replace(arrival=np.ones(2, np.float32))
    with pytest.raises(ValueError, match="life so far"):
        core.expectation(env, draw_levels(read, "modern", [1]), curious)


def test_minds_that_do_the_same_share_a_chain_and_get_what_each_gets_alone() -> None:
    """Of six minds some want the same a little more or less, so that their policies are equal."""
    read = scenario.load("strawberry")
    name = next(iter(read.environments))
    env = environment(read, name)
    levels = draw_levels(read, name, [1, 2])
    genomes = np.repeat(mind.initial(read, 3, rng.key(5, rng.Purpose.INITIAL)), 2, axis=0)
    minds = mind.express(read, genomes)
    minds = minds._replace(weights=minds.weights * np.float32([1, 2] * 3)[:, None])
    together = core.expectation(env, levels, minds)
    for row in range(6):
        alone = core.expectation(env, levels, mind.Minds(*(field[[row]] for field in minds)))
        assert (alone.counts[0] == together.counts[row]).all()
        assert (alone.lifespan[0] == together.lifespan[row]).all()
    assert (together.lifespan[0] == together.lifespan[1]).all()


def test_a_level_that_comes_twice_is_computed_once_and_counts_twice() -> None:
    read = scenario.load("strawberry")
    name = next(iter(read.environments))
    env = environment(read, name)
    minds = mind.express(read, mind.initial(read, 3, rng.key(5, rng.Purpose.INITIAL)))
    seeds = [4, 9, 4, 4, 2]
    weights = minds.weights.astype(np.float64)
    together = draw_levels(read, name, seeds)
    expected, best = core.expectation(env, together, minds), core.optimum(env, together, weights)
    for i, seed in enumerate(seeds):
        alone = draw_levels(read, name, [seed])
        found = core.expectation(env, alone, minds)
        assert (expected.counts[:, i] == found.counts[:, 0]).all()
        assert (expected.lifespan[:, i] == found.lifespan[:, 0]).all()
        assert (best[:, i] == core.optimum(env, alone, weights)[:, 0]).all()
    assert (expected.counts[:, 0] != expected.counts[:, 1]).any()
