"""Credence: what a scenario can say of it, who goes by it, and what is refused with its reason."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evosim import core, mind, rng, world
from evosim.errors import ScenarioError
from evosim.scenario import Scenario, loads

TILL = """
id       = "till"
title    = "A till"
question = "Who robs it?"

[objective]
intended = "good"
selected = "good"
observed = { tested = 1 }

[agent]
drives   = ["work", "loot"]
depth    = 12
patience = 0.9
senses   = { tested = [0, 1] }
credence = { tested = [0, 1] }

[world]
map      = "@.t"
lifetime = 30

[world.variables.tested]
values = 2
start  = [0.7, 0.3]
hidden = true
assume = 0

[world.variables.mood]
values = 3
start  = 0

[world.variables.spared]
values = 4
start  = 0
counts = "unpunished"

[world.kinds.till]
glyph = "t"
here  = { feels = { work = 1.0 }, yields = { good = 1.0 } }
[world.kinds.till.use.test]
when   = { tested = 1 }
feels  = { loot = 1.0 }
yields = { good = -3.0 }
ends   = 0.5
[world.kinds.till.use.free]
feels  = { loot = 1.0 }

[environments.life]
title = "tests and deployment"
[environments.deployment]
title = "deployment"
variables.tested.start = 0

[evolution]
population = 10
levels     = 1
select     = { operator = "selTournament", tournsize = 2 }
mate       = { operator = "cxUniform", indpb = 0.5 }
mutate     = { operator = "mutGaussian", mu = 0.0, sigma = 0.1, indpb = 0.3 }

[[timeline]]
generations = 1
train = "life"
"""
USE = "world.kinds.till.use"


def till(settings: dict[str, Any] | None = None) -> Scenario:
    return loads(TILL, "till.toml", settings or {})


def test_a_credence_is_a_locus_that_evolves_beside_the_sense() -> None:
    read = till()
    assert [locus.name for locus in mind.loci(read)][-2:] == ["sense.tested", "credence.tested"]
    genomes = mind.initial(read, 50, rng.key(1, rng.Purpose.INITIAL))
    minds = mind.express(read, genomes)
    np.testing.assert_array_equal(minds.credence[:, 0], genomes[:, -1])
    np.testing.assert_array_equal(mind.phenotype(read, genomes)["credence.tested"], genomes[:, -1])
    pinned = till({"agent.credence.tested": 0.25})
    assert "credence.tested" not in [locus.name for locus in mind.loci(pinned)]
    assert (mind.express(pinned, genomes[:, :-1]).credence == 0.25).all()
    assert loads(read.to_toml()) == read


def test_who_sees_the_variable_has_no_use_for_a_credence() -> None:
    read = till()
    env, levels = world.environment(read, "life"), world.draw_levels(read, "life", [1])
    genomes = mind.initial(read, 40, rng.key(1, rng.Purpose.INITIAL))
    robbers = np.array([0.9, 0.3])
    genomes[:, :2] = robbers / np.linalg.norm(robbers)

    def policies(sense: float, credence: float) -> Any:
        genomes[:, -2], genomes[:, -1] = sense, credence
        return core.policies(env, levels, mind.express(read, genomes[:1]))

    np.testing.assert_array_equal(policies(1, 0.0), policies(1, 1.0))
    assert (policies(0, 0.0) != policies(0, 1.0)).any()


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "another name": (
        {"agent.credence": {"mood": 0.5}},
        'agent.credence.mood: unknown hidden variable "mood": known: tested',
    ),
    "two hidden variables": (
        {"world.variables.mood.hidden": True, "world.variables.mood.assume": 0},
        'agent.credence: not one hidden variable (got ["tested", "mood"], allowed the one hidden',
    ),
    "no number": (
        {"agent.credence.tested": 1.5},
        "agent.credence.tested: out of range (got 1.5, allowed a number from 0 to 1",
    ),
    "three values": (
        {"world.variables.tested.values": 3, "world.variables.tested.start": 0},
        "world.variables.tested.values: a credence is the chance of 1 against 0 (got 3, allowed 2)",
    ),
    "a fatal value": (
        {"world.variables.tested.fatal": 1, "world.variables.tested.start": 0},
        "world.variables.tested.fatal: minds would learn of tested by staying alive",
    ),
    "no counter": (
        {"world.variables.spared": {"values": 4, "start": 0}},
        "agent.credence: nothing counts what one survives (needed: a variable of the world with "
        'counts = "unpunished", start = 0 and values = at least 3',
    ),
    "a counter that cannot count": (
        {"world.variables.spared.values": 2},
        "world.variables.spared.values: too few values to count what one survives (got 2, allowed "
        "at least 3",
    ),
    "a rule that counts by itself": (
        {f"{USE}.free.add": {"spared": 1}},
        f"{USE}.free.add.spared: spared counts unpunished, and nothing else changes it",
    ),
    "another feeling": (
        {f"{USE}.test.feels.loot": 0.5},
        f"{USE}.test: minds would learn of tested by feels: where that is 0, free fires "
        "(got { loot = 0.5 }, allowed { loot = 1.0 } as there; payoffs may differ)",
    ),
    "another outcome": (
        {f"{USE}.test.set": {"mood": 2}},
        f"{USE}.test: minds would learn of tested by set",
    ),
    "a punishment at 0 too": (
        {f"{USE}.free.ends": 0.1},
        f"{USE}.test: where tested is 0 it is punished too, by free",
    ),
    "an act that is none at 0": (
        {f"{USE}.free.when": {"tested": 1}},
        f"{USE}.test: it needs a rule that fires in its place where tested is 0",
    ),
    "an act only at some moods": (
        {f"{USE}.free.when": {"mood": [1, 2]}},
        f"{USE}.test: it needs a rule that fires in its place where tested is 0",
    ),
    "another chance": (
        {"world.kinds.safe": {"glyph": "s", "count": 1, "use": {
            "test": {"when": {"tested": 1}, "ends": 0.25}, "free": {}}}},
        "world.kinds.safe.use.test: acts are punished with different chances (got 0.25, allowed "
        "0.5 as of till.test: else no count tells what to believe)",
    ),
    "a drift that tells": (
        {"world.variables.mood.drift": {"step": 1, "chance": 0.5, "when": {"tested": 1}}},
        "world.variables.mood.drift.when.tested: minds would learn of tested by seeing mood move",
    ),
    "a feeling that tells": (
        {"world.always.watch": {"when": {"tested": 1}, "feels": {"work": 1.0}}},
        "world.always.watch.when.tested: minds would learn of tested by what they feel",
    ),
    "a site that tells by staying full": (
        {"world.kinds.bush": {"glyph": "b", "count": 1, "regrow": 0.5, "use": {
            "pick": {"when": {"tested": 1}, "yields": {"good": 1.0}}}}},
        "world.kinds.bush.use.pick: minds would learn of tested by whether it empties the site",
    ),
    "a local world": (
        {"world.fields.cold": {"point": [0, 0], "feels": {"work": 1.0}}},
        "world.fields.cold: minds with a credence plan in worlds without movers, fields",
    ),
    "in an environment": (
        {"environments.deployment.kinds.till.use.test.feels.loot": 0.5},
        "environments.deployment.kinds.till.use.test: minds would learn of tested by feels",
    ),
    "corrections that change nobody": (
        {"world.variables.caught": {"values": 2, "start": 0, "counts": "corrections"}},
        'world.variables.caught.counts: nobody is corrected (needed: the section [correction]',
    ),
    "novelty": (
        {"agent.drives": ["work", "loot", "novelty"]},
        "agent.drives.novelty: minds with a credence plan once a life",
    ),
    "a tool": (
        {"agent.tool": {"depth": 1, "reliance": 1}, "world.kinds.till.looks": {"red": 1.0}},
        "agent.tool: minds with a credence have one plan: leave the tool out",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_tell_more_than_being_spared_is_refused_with_its_reason(name: str) -> None:
    settings, said = REFUSED[name]
    with pytest.raises(ScenarioError) as refused:
        till(settings)
    assert said in str(refused.value)


def test_a_counter_without_a_credence_is_refused() -> None:
    text = TILL.replace("credence = { tested = [0, 1] }\n", "")
    with pytest.raises(ScenarioError, match=r"spared.counts: nobody is uncertain"):
        loads(text)


def test_who_is_caught_for_sure_may_feel_anything_and_payoffs_may_always_differ() -> None:
    till({f"{USE}.test.ends": 1.0, f"{USE}.test.feels": {"work": -1.0}})
    till({f"{USE}.test.yields": {"good": 7.0}, "world.always.tax": {
        "when": {"tested": 1}, "yields": {"good": -1.0}}})  # fmt: skip


def test_acts_that_are_as_risky_either_way_tell_nothing_and_are_not_counted() -> None:
    read = till({f"{USE}.test.ends": 0.5, f"{USE}.free.ends": 0.5})
    env, levels = world.environment(read, "life"), world.draw_levels(read, "life", [1])
    east, use = 3, 5
    lived = core.retrace(env, levels, [east, east, use, use, use], life=3)
    counted = np.unravel_index([*lived.x, lived.last[0]], [2, 3, 4])[2]
    assert lived.counts[2:, :2].sum() > 0
    assert (counted == 0).all()
