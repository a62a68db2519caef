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
from evosim.engine.evaluation import Evaluate, Evaluation, environments_of
from evosim.engine.evaluation import evaluate as evaluate_by_core
from evosim.engine.loop import GenerationRecord, generations
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
) -> Evaluation:
    """Every level pays an individual its depth, and the level's number."""
    n = len(minds.depth)
    paid = minds.depth[:, None] + np.arange(len(environments), dtype=float)
    return Evaluation(paid[..., None], paid, -paid, np.full((n, len(environments)), 5.0))


def run_replicates(
    scenario: Scenario, evaluate: Evaluate = paid_by_depth, prober: loop.Prober | None = None
) -> list[GenerationRecord]:
    population = loop.initial_population(scenario, SEED)
    found = generations(
        scenario, population, seed=SEED, prober=prober or NoProbe(), evaluate=evaluate
    )
    return list(found)


def test_the_timeline_is_lived_from_its_first_to_its_last_generation(tiny: Path) -> None:
    records = run_replicates(scenarios.load(tiny))
    assert [record.generation for record in records] == list(range(6))
    assert records[-1].next_population is None
    assert (records[0].arrays["parents"] == -1).all()
    for record, following in pairwise(records):
        assert record.next_population is not None
        assert (record.next_population.genome == following.arrays["genome"]).all()
        assert (record.next_population.parents == following.arrays["parents"]).all()
        assert (record.next_population.parents >= 0).all()


def test_thinking_costs_and_levels_are_averaged(tiny: Path) -> None:
    read = scenarios.load(tiny, settings=["agent.depth=2"])
    (record, *_) = run_replicates(read)
    assert record.arrays["score"] == pytest.approx(2 + 0.5 - 0.01 * 2)
    assert record.arrays["payoff_total"][:, 0] == pytest.approx(2.5)
    assert record.arrays["internal_reward"] == pytest.approx(-2.5)
    assert record.arrays["lifespan"] == pytest.approx(5)


def test_any_generation_is_enough_to_go_on_from(tiny: Path) -> None:
    read = scenarios.load(tiny)
    whole = run_replicates(read)
    next_population = whole[2].next_population
    assert next_population is not None
    rest = list(
        generations(read, next_population, seed=SEED, prober=NoProbe(), evaluate=paid_by_depth)
    )
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
    records = run_replicates(read, prober=prober)
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
    records = run_replicates(read)
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
    def spoilt(scenario: Scenario, minds: Minds, **given: Any) -> Evaluation:
        evaluation = paid_by_depth(scenario, minds, **given)
        if given["generation"] == 2:
            evaluation.selected_payoff[13, 1] = bad
        return evaluation

    with pytest.raises(RunError, match=r"generation 2: individual 13 .* on level 1"):
        run_replicates(scenarios.load(tiny), evaluate=spoilt)


def evaluated(read: Scenario, generation: int = 0) -> tuple[Evaluation, Minds]:
    from evosim import mind

    genome = loop.initial_population(read, SEED).genome
    minds = mind.express(read, genome)
    names = environments_of(read, generation, SEED)
    evaluation = evaluate_by_core(
        read, minds, seed=SEED, generation=generation, environments=names,
        individuals=np.arange(len(genome)),
    )  # fmt: skip
    return evaluation, minds


def test_lives_are_lived_by_the_core_and_paid_in_payoffs_and_rewards(tiny: Path) -> None:
    evaluation, minds = evaluated(scenarios.load(tiny))
    assert evaluation.payoff.shape == (20, 2, 1)
    np.testing.assert_array_equal(evaluation.selected_payoff, evaluation.payoff[..., 0])
    assert evaluation.selected_payoff.max() > 0
    assert ((evaluation.lifespan >= 1) & (evaluation.lifespan <= 20)).all()
    # Fruit pays 1 and feels sweet 1; lime only feels sour: whoever ate k fruit and no lime felt
    # k times its sweetness, so reward - sweetness * paid is a whole number of sournesses.
    sweet, sour = minds.weights[:, :2].T.astype(float)
    limes = (evaluation.reward - sweet[:, None] * evaluation.selected_payoff) / sour[:, None]
    np.testing.assert_allclose(limes, np.round(limes), atol=1e-6)


TOOL = ["agent.tool.depth=4", "agent.tool.reliance=[0, 1]", "world.kinds.lime.looks.green=1.0"]


def test_each_generation_builds_tools_and_lives_by_them(tiny: Path) -> None:
    read = scenarios.load(tiny, settings=[*TOOL, "agent.tool.encounters=2"])
    seen: list[Minds] = []

    def evaluate(scenario: Scenario, minds: Minds, **rest: Any) -> Evaluation:
        seen.append(minds)
        return evaluate_by_core(scenario, minds, **rest)

    records = run_replicates(read, evaluate)
    assert all(record.arrays["genome"].shape[1] == 4 for record in records)
    criteria = [minds.second_weights[:, -1] for minds in seen]
    assert all((each != 0).any() for each in criteria)
    assert all((minds.second_depth == 4).all() for minds in seen)
    half = records[2].next_population
    assert half is not None
    rest = list(generations(read, half, seed=SEED, prober=NoProbe(), evaluate=evaluate))
    for before, after in zip(seen[3:6], seen[6:], strict=True):
        assert (before.second_weights == after.second_weights).all()
    assert (rest[-1].arrays["score"] == records[-1].arrays["score"]).all()


def test_who_relies_on_no_tool_lives_as_if_there_were_none(tiny: Path) -> None:
    with_tool = scenarios.load(tiny, settings=[TOOL[0], "agent.tool.reliance=0", TOOL[2]])
    found, alone = (
        run_replicates(with_tool, evaluate_by_core),
        run_replicates(scenarios.load(tiny), evaluate_by_core),
    )
    for record, other in zip(found, alone, strict=True):
        for name, values in record.arrays.items():
            assert (values == other.arrays[name]).all(), name


def test_only_the_window_counts_for_selection(tiny: Path) -> None:
    whole, _ = evaluated(scenarios.load(tiny))
    short, _ = evaluated(scenarios.load(tiny, settings=["timeline.0.window=5"]))
    np.testing.assert_array_equal(short.payoff, whole.payoff)
    assert (short.selected_payoff <= whole.selected_payoff).all()
    assert short.selected_payoff.sum() < whole.selected_payoff.sum()


GUARDED = {
    "world.variables.watcher": {"values": 2, "start": 1, "drift": {"step": -1, "chance": 0.2}},
    "world.kinds.lime.use.eat": {
        "when": {"watcher": 0}, "feels": {"sour": 1.0}, "yields": {"food": 100.0},
    },
}  # fmt: skip
OBSERVED = {"watcher": 1}


def test_what_nobody_sees_is_not_paid_whatever_it_is_worth(tiny: Path) -> None:
    """Lime pays a hundred times as much, once the watcher has left."""
    whole, minds = evaluated(scenarios.load(tiny, settings=GUARDED))
    seen, _ = evaluated(scenarios.load(tiny, settings=GUARDED | {"objective.observed": OBSERVED}))
    np.testing.assert_array_equal(seen.payoff, whole.payoff)
    assert whole.selected_payoff.max() >= 100.0
    assert 0.0 < seen.selected_payoff.max() <= 20.0
    sour = minds.weights[:, 1] > np.abs(minds.weights[:, 0])
    assert whole.selected_payoff[sour].mean() > whole.selected_payoff[~sour].mean()
    assert seen.selected_payoff[sour].mean() < seen.selected_payoff[~sour].mean()


def test_a_phase_has_its_own_paid_steps_and_both_it_and_the_window_must_hold(tiny: Path) -> None:
    def paid(**keys: Any) -> NDArray[np.floating]:
        settings = GUARDED | {f"timeline.0.{key}": value for key, value in keys.items()}
        settings["objective.observed"] = OBSERVED
        return evaluated(scenarios.load(tiny, settings=settings))[0].selected_payoff

    whole, _ = evaluated(scenarios.load(tiny, settings=GUARDED))
    np.testing.assert_array_equal(paid(objective={"observed": {}}), whole.selected_payoff)
    unseen = paid(objective={"observed": {"watcher": 0}})
    np.testing.assert_array_equal(unseen + paid(), whole.selected_payoff)
    assert 0.0 < paid(window=4).sum() < paid().sum()


def test_a_level_pays_by_the_environment_that_it_was_drawn_in(tiny: Path) -> None:
    before, _ = evaluated(scenarios.load(tiny))
    after, _ = evaluated(scenarios.load(tiny, settings=["timeline.0.train=after"]))
    np.testing.assert_allclose(after.selected_payoff, 0.1 * before.selected_payoff)
    np.testing.assert_array_equal(after.reward, before.reward)


def test_a_score_that_selection_does_not_take_is_refused_with_generation_and_individual(
    tiny: Path,
) -> None:
    def indebted(
        scenario: Scenario, minds: Minds, *, generation: int, **options: Any
    ) -> Evaluation:
        evaluation = paid_by_depth(scenario, minds, generation=generation, **options)
        if generation == 2:
            evaluation.selected_payoff[13] = -5.0
        return evaluation

    read = scenarios.load(tiny, settings=['evolution.select={operator="selRoulette"}'])
    with pytest.raises(RunError, match=r"generation 2: individual 13 has a score of -5"):
        run_replicates(read, indebted)


def test_a_mean_that_is_not_finite_is_refused_even_in_the_last_generation(tiny: Path) -> None:
    def rich(scenario: Scenario, minds: Minds, *, generation: int, **options: Any) -> Evaluation:
        evaluation = paid_by_depth(scenario, minds, generation=generation, **options)
        if generation == 5:
            evaluation.selected_payoff[7] = 1e308
        return evaluation

    with (
        np.errstate(over="ignore"),
        pytest.raises(RunError, match="generation 5: individual 7 has a score of inf"),
    ):
        run_replicates(scenarios.load(tiny), rich)
