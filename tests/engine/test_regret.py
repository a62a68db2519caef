"""Regret as the score: known answers of two dishes, and what is refused with it."""

from __future__ import annotations

import numpy as np
import pytest

import evosim
from evosim.engine import regret
from evosim.engine.mechanism import minds_of
from evosim.errors import ScenarioError
from evosim.rng import Purpose, key
from evosim.scenario import Scenario, loads

LIFE = 40
DISHES = f"""
id       = "dishes"
title    = "Dishes"
question = "Which dish?"

[objective]
intended = "meals"
selected = "meals"

[agent]
drives   = ["sweet", "warm"]
depth    = 30
patience = 0.95

[world]
map = \"\"\"
@gl
\"\"\"
lifetime = {LIFE}

[world.kinds.good]
glyph = "g"
use.eat.feels  = {{ sweet = 1.0, warm = 1.0 }}
use.eat.yields = {{ meals = 1.0 }}

[world.kinds.lure]
glyph = "l"
use.lick.feels = {{ sweet = 0.5, warm = 0.5 }}

[environments.usual]
title = "the good dish is the sweetest and the warmest"

[environments.rare]
title = "the lure is sweeter"
kinds.lure.use.lick.feels.sweet = 3.0

[evolution]
population = 40
levels     = 6
score      = "regret"
select     = {{ operator = "selTournament", tournsize = 3 }}
mate       = {{ operator = "cxUniform", indpb = 0.5, chance = 1.0 }}
mutate     = {{ operator = "mutGaussian", mu = 0.0, sigma = 0.1, indpb = 0.3, chance = 1.0 }}

[[timeline]]
generations = 25
train = {{ usual = 0.999, rare = 0.001 }}

[measure]
every  = 25
levels = 1
sample = 20
"""
MINDS = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])  # sweet, warm, neither


def read(*settings: str) -> Scenario:
    return evosim.check(loads(DISHES), settings)


def scored(scenario: Scenario) -> np.ndarray:
    minds = minds_of(scenario, MINDS, seed=1, generation=0, individuals=np.arange(3))
    return regret.scores(scenario, minds, 0, 1)


def test_the_largest_regret_counts_however_rare_the_level_is() -> None:
    """One step to the good dish, then a meal a step: 39 at best; the lure yields nothing."""
    best = LIFE - 1
    np.testing.assert_allclose(scored(read()), [-best, 0.0, -best], atol=1e-4)
    # The sixth part of the pool is rare: the mean of all regrets is what the mean payoff would see.
    np.testing.assert_allclose(
        scored(read("evolution.hardest=6")), [-best / 6, 0.0, -best], atol=1e-4
    )
    np.testing.assert_allclose(
        scored(read("evolution.pool=12", "evolution.hardest=12")), [-best / 12, 0, -best], atol=1e-4
    )


def test_a_pool_has_every_environment_and_the_levels_that_are_lived_on() -> None:
    scenario = read("evolution.pool=9", "timeline.0.train={usual=0.5, rare=0.5}")
    found = regret.pool(scenario, 3, 1)
    assert len(found) == 9
    assert found[:2] == ("usual", "rare")
    from evosim.engine.evaluation import environments_of

    assert found[2:6] == environments_of(scenario, 3, 1)[2:]


def test_selection_by_regret_finds_the_drive_that_holds_and_selection_by_payoff_does_not() -> None:
    """By payoff neither drive is favoured: both are right in 999 of 1,000 levels."""
    aligned = {}
    for score in ("regret", "payoff"):
        data = evosim.simulate(read(f"evolution.score={score}"), seed=3, replicates=2)
        last = data.isel(probe=-1).sel(environment="rare", mind="evolved")
        aligned[score] = float(last["alignment"].mean())
    assert aligned["regret"] > 0.9
    assert aligned["payoff"] < 0.8


def test_costs_are_taken_off_and_scores_are_recorded() -> None:
    scenario = read("agent.depth=[5,30]", "agent.thinking_cost=0.5", "timeline.0.generations=1")
    data = evosim.simulate(scenario, seed=1, probes=False)
    genome, score = data["genome"].values[0, 0], data["score"].values[0, 0]
    minds = minds_of(
        scenario, genome, seed=key(1, Purpose.REPLICATE, 0), generation=0,
        individuals=np.arange(40),
    )  # fmt: skip
    expected = regret.scores(scenario, minds, 0, key(1, Purpose.REPLICATE, 0)) - 0.5 * minds.depth
    np.testing.assert_allclose(score, expected)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["evolution.score=payoff", "evolution.hardest=2"], "only regret has it"),
        (["evolution.hardest=7"], "more than the pool holds"),
        (["evolution.pool=1"], "a pool holds every environment that trains"),
        (["timeline.0.window=5"], "a regret is of whole lives"),
        (['agent.drives=["sweet", "novelty"]'], "nothing of minds with novelty is exact"),
        (["evolution.open={offspring=0.1, capacity=90}"], "a regret is none"),
    ],
)
def test_what_regret_is_not_defined_for_is_refused(settings: list[str], message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        read(*settings)
