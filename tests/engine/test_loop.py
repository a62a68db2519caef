"""One replicate's generations: what is lived, scored, probed and bred."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from evosim import scenario as scenarios
from evosim.engine import loop
from evosim.engine.evaluation import Live, Lives, environments_of
from evosim.engine.evaluation import live as live_by_core
from evosim.engine.loop import Record, generations
from evosim.engine.variables import probe_generations
from evosim.errors import RunError
from evosim.mind import Minds
from evosim.scenario import Scenario

SEED = 7


class NoProbe:
    """Measures nothing, and remembers when it was asked to."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def measure(self, genomes: Any, generation: int) -> dict[str, Any]:
        self.asked.append(generation)
        return {}


def paid_by_depth(
    scenario: Scenario,
    minds: Minds,
    *,
    seed: int,
    generation: int,
    environments: Sequence[str],
    individuals: NDArray[np.integer],
) -> Lives:
    """Every level pays an individual its depth, and the level's number."""
    n = len(minds.depth)
    paid = minds.depth[:, None] + np.arange(len(environments), dtype=float)
    return Lives(paid[..., None], paid, -paid, np.full((n, len(environments)), 5.0))


def live_all(
    scenario: Scenario, live: Live = paid_by_depth, prober: loop.Prober | None = None
) -> list[Record]:
    population = loop.first(scenario, SEED)
    found = generations(scenario, population, seed=SEED, prober=prober or NoProbe(), live=live)
    return list(found)


def test_the_timeline_is_lived_from_its_first_to_its_last_generation(tiny: Path) -> None:
    records = live_all(scenarios.load(tiny))
    assert [record.generation for record in records] == list(range(6))
    assert records[-1].heirs is None
    assert (records[0].arrays["parents"] == -1).all()
    for record, following in pairwise(records):
        assert record.heirs is not None
        assert (record.heirs.genome == following.arrays["genome"]).all()
        assert (record.heirs.parents == following.arrays["parents"]).all()
        assert (record.heirs.parents >= 0).all()


def test_thinking_costs_and_levels_are_averaged(tiny: Path) -> None:
    read = scenarios.load(tiny, settings=["agent.depth=2"])
    (record, *_) = live_all(read)
    assert record.arrays["score"] == pytest.approx(2 + 0.5 - 0.01 * 2)
    assert record.arrays["payoff_total"][:, 0] == pytest.approx(2.5)
    assert record.arrays["internal_reward"] == pytest.approx(-2.5)
    assert record.arrays["lifespan"] == pytest.approx(5)


def test_any_generation_is_enough_to_go_on_from(tiny: Path) -> None:
    read = scenarios.load(tiny)
    whole = live_all(read)
    heirs = whole[2].heirs
    assert heirs is not None
    rest = list(generations(read, heirs, seed=SEED, prober=NoProbe(), live=paid_by_depth))
    assert len(rest) == 3
    for one, other in zip(rest, whole[3:], strict=True):
        for name, values in one.arrays.items():
            np.testing.assert_array_equal(values, other.arrays[name])


def test_the_population_is_probed_at_intervals_around_each_flip_and_at_the_end(tiny: Path) -> None:
    read = scenarios.load(
        tiny, settings=["timeline.0.generations=10", "timeline.1.generations=7", "measure.every=4"]
    )
    assert probe_generations(read) == (0, 4, 8, 9, 10, 12, 16)
    prober = NoProbe()
    records = live_all(read, prober=prober)
    assert prober.asked == [0, 4, 8, 9, 10, 12, 16]
    assert [record.probe is not None for record in records].count(True) == 7


def test_levels_are_drawn_from_the_mixture_of_the_phase(tiny: Path) -> None:
    read = scenarios.load(
        tiny,
        settings=[
            "evolution.levels=50",
            "timeline.0.generations=40",
            "timeline.0.train={before=3.0, after=1.0}",
        ],
    )
    drawn = [environments_of(read, g, SEED) for g in range(40)]
    share = np.mean([name == "after" for names in drawn for name in names])
    assert abs(share - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 2000)
    assert len(set(drawn)) == 40
    assert set(environments_of(read, 41, SEED)) == {"after"}
    assert drawn[3] == environments_of(read, 3, SEED)
    assert drawn[3] != environments_of(read, 3, SEED + 1)


def test_a_frozen_phase_passes_its_genomes_on_unchanged(tiny: Path) -> None:
    read = scenarios.load(tiny, settings=["timeline.1.select=false"])
    records = live_all(read)
    itself = np.stack([np.arange(20)] * 2, axis=1)
    for before, after in pairwise(records[3:]):
        np.testing.assert_array_equal(after.arrays["genome"], before.arrays["genome"])
        np.testing.assert_array_equal(after.arrays["parents"], itself)
        assert not after.arrays["crossover"].any()
    # The population that meets the new world was still bred under the old one.
    assert (records[3].arrays["genome"] != records[2].arrays["genome"]).any()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_score_that_is_not_finite_is_refused_with_its_individual_and_level(
    tiny: Path, bad: float
) -> None:
    def spoilt(scenario: Scenario, minds: Minds, **given: Any) -> Lives:
        lives = paid_by_depth(scenario, minds, **given)
        if given["generation"] == 2:
            lives.paid[13, 1] = bad
        return lives

    with pytest.raises(RunError, match=r"generation 2: individual 13 .* on level 1"):
        live_all(scenarios.load(tiny), live=spoilt)


def lived(read: Scenario, generation: int = 0) -> tuple[Lives, Minds]:
    from evosim import mind

    genome = loop.first(read, SEED).genome
    minds = mind.express(read, genome)
    names = environments_of(read, generation, SEED)
    lives = live_by_core(
        read, minds, seed=SEED, generation=generation, environments=names,
        individuals=np.arange(len(genome)),
    )  # fmt: skip
    return lives, minds


def test_lives_are_lived_by_the_core_and_paid_in_payoffs_and_rewards(tiny: Path) -> None:
    lives, minds = lived(scenarios.load(tiny))
    assert lives.payoff.shape == (20, 2, 1)
    np.testing.assert_array_equal(lives.paid, lives.payoff[..., 0])
    assert lives.paid.max() > 0
    assert ((lives.lifespan >= 1) & (lives.lifespan <= 20)).all()
    # Fruit pays 1 and feels sweet 1; lime only feels sour: whoever ate k fruit and no lime felt
    # k times its sweetness, so reward - sweetness * paid is a whole number of sournesses.
    sweet, sour = minds.weights[:, :2].T.astype(float)
    limes = (lives.reward - sweet[:, None] * lives.paid) / sour[:, None]
    np.testing.assert_allclose(limes, np.round(limes), atol=1e-6)


TOOL = ["agent.tool.depth=4", "agent.tool.reliance=[0, 1]", "world.kinds.lime.looks.green=1.0"]


def test_each_generation_builds_tools_and_lives_by_them(tiny: Path) -> None:
    read = scenarios.load(tiny, settings=[*TOOL, "agent.tool.encounters=2"])
    seen: list[Minds] = []

    def live(scenario: Scenario, minds: Minds, **rest: Any) -> Lives:
        seen.append(minds)
        return live_by_core(scenario, minds, **rest)

    records = live_all(read, live)
    assert all(record.arrays["genome"].shape[1] == 4 for record in records)
    criteria = [minds.criteria[:, -1] for minds in seen]
    assert all((each != 0).any() for each in criteria)
    assert all((minds.tool_depth == 4).all() for minds in seen)
    half = records[2].heirs
    assert half is not None
    rest = list(generations(read, half, seed=SEED, prober=NoProbe(), live=live))
    for before, after in zip(seen[3:6], seen[6:], strict=True):
        assert (before.criteria == after.criteria).all()
    assert (rest[-1].arrays["score"] == records[-1].arrays["score"]).all()


def test_who_relies_on_no_tool_lives_as_if_there_were_none(tiny: Path) -> None:
    with_tool = scenarios.load(tiny, settings=[TOOL[0], "agent.tool.reliance=0", TOOL[2]])
    found, alone = live_all(with_tool, live_by_core), live_all(scenarios.load(tiny), live_by_core)
    for record, other in zip(found, alone, strict=True):
        for name, values in record.arrays.items():
            assert (values == other.arrays[name]).all(), name


def test_only_the_window_counts_for_selection(tiny: Path) -> None:
    whole, _ = lived(scenarios.load(tiny))
    short, _ = lived(scenarios.load(tiny, settings=["timeline.0.window=5"]))
    np.testing.assert_array_equal(short.payoff, whole.payoff)
    assert (short.paid <= whole.paid).all()
    assert short.paid.sum() < whole.paid.sum()


def test_a_level_pays_by_the_environment_that_it_was_drawn_in(tiny: Path) -> None:
    before, _ = lived(scenarios.load(tiny))
    after, _ = lived(scenarios.load(tiny, settings=["timeline.0.train=after"]))
    np.testing.assert_allclose(after.paid, 0.1 * before.paid)
    np.testing.assert_array_equal(after.reward, before.reward)


def test_a_score_that_selection_does_not_take_is_refused_with_generation_and_individual(
    tiny: Path,
) -> None:
    def indebted(scenario: Scenario, minds: Minds, *, generation: int, **options: Any) -> Lives:
        lives = paid_by_depth(scenario, minds, generation=generation, **options)
        if generation == 2:
            lives.paid[13] = -5.0
        return lives

    read = scenarios.load(tiny, settings=['evolution.select={operator="selRoulette"}'])
    with pytest.raises(RunError, match=r"generation 2: individual 13 has a score of -5"):
        live_all(read, indebted)


def test_a_mean_that_is_not_finite_is_refused_even_in_the_last_generation(tiny: Path) -> None:
    def rich(scenario: Scenario, minds: Minds, *, generation: int, **options: Any) -> Lives:
        lives = paid_by_depth(scenario, minds, generation=generation, **options)
        if generation == 5:
            lives.paid[7] = 1e308
        return lives

    with (
        np.errstate(over="ignore"),
        pytest.raises(RunError, match="generation 5: individual 7 has a score of inf"),
    ):
        live_all(scenarios.load(tiny), rich)
