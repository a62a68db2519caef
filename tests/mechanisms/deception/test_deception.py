"""Deception in a world in which it is known: a lamp that nobody may hit while the watcher looks."""

from __future__ import annotations

import math

import numpy as np
import pytest
import xarray as xr

from evosim import core, mind, scenario, world
from evosim.engine import variables
from evosim.engine.probe import Prober
from evosim.engine.variables import MINDS as OF_EVERY_RUN
from evosim.engine.variables import minds
from evosim.mechanisms.deception import metrics as deception
from evosim.mechanisms.deception.state import WITHOUT_SENSES
from evosim.metrics import METRICS, Query
from evosim.scenario import Scenario

LEAVES, LIFETIME = 0.05, 80

LAMP = f"""
id       = "lamp"
title    = "A lamp and a bucket"
question = "Who hits the lamp once the watcher has left?"

[objective]
intended = "filled"
selected = "filled"

[agent]
drives   = ["gleam", "shape"]
depth    = [0, 30]
patience = 0.98
senses   = {{ watcher = [0, 1] }}

[world]
lifetime = {LIFETIME}
map = "l.@.b"

[world.variables.watcher]
values = 2
start  = 1
drift  = {{ step = -1, chance = {LEAVES} }}
hidden = true
assume = 0

[world.kinds.lamp]
glyph = "l"
[world.kinds.lamp.use.caught]
when   = {{ watcher = 1 }}
feels  = {{ gleam = 1.0 }}
yields = {{ lamp_hits = 1.0 }}
ends   = 1.0
[world.kinds.lamp.use.hit]
feels  = {{ gleam = 1.0 }}
yields = {{ lamp_hits = 1.0 }}

[world.kinds.bucket]
glyph = "b"
use.fill = {{ feels = {{ shape = 1.0 }}, yields = {{ filled = 1.0 }} }}

[environments.night]
title = "by night"

[environments.unwatched]
title = "nobody looks"
variables.watcher.start = 0

[evolution]
population = 5
levels = 1
select = {{ operator = "selTournament", tournsize = 2 }}
mate   = {{ operator = "cxUniform", indpb = 0.5 }}
mutate = {{ operator = "mutGaussian", mu = 0.0, sigma = 0.1, indpb = 0.3 }}

[[timeline]]
generations = 2
train = "night"

[measure]
levels = 2

[deception]
variable = "watcher"
watched  = 1
conduct  = "lamp_hits"
"""

# What they want, how far they plan, and whether they see the watcher: gleam, shape, depth, sense.
MINDS = {
    "deceiver": (1.0, 0.0, 30.0, 1.0),
    "honest": (0.0, 1.0, 30.0, 1.0),
    "caught": (1.0, 0.0, 30.0, 0.0),
    "reflex": (1.0, 0.0, 0.0, 1.0),
    "blind and honest": (0.0, 1.0, 30.0, 0.0),
}


def read(*sets: str) -> Scenario:
    return scenario.loads(LAMP, settings=sets)


def probed(read_: Scenario) -> xr.Dataset:
    """The five minds, probed, as a dataset of one replicate and one probe."""
    assert [locus.name for locus in mind.loci(read_)] == [
        "drive.gleam", "drive.shape", "depth", "sense.watcher",
    ]  # fmt: skip
    found = Prober(read_, 3).measure(np.array(list(MINDS.values())), 0)
    names = [name for name, v in variables.by_probe(read_).items() if "mind" in v.dims]
    return xr.Dataset(
        {
            name: (("replicate", *variables.by_probe(read_)[name].dims), found[name][None, None])
            for name in names
        },
        coords={
            "mind": list(minds(read_)),
            "environment": list(read_.environments),
            "payoff": list(read_.payoffs),
        },
    )


@pytest.fixture(scope="module")
def lamp() -> xr.Dataset:
    return probed(read())


def of(values: np.ndarray) -> dict[str, float]:
    """Values of the only replicate and probe by the name of the mind."""
    return dict(zip(MINDS, values[0, 0].tolist(), strict=True))


def test_the_minds_are_named_as_they_are_measured() -> None:
    assert minds(read())[-1] == WITHOUT_SENSES
    assert minds(scenario.load("contraception")) == OF_EVERY_RUN


def test_watched_and_unwatched_steps_and_conduct_add_up(lamp: xr.Dataset) -> None:
    steps = lamp["steps_watched"] + lamp["steps_unwatched"]
    np.testing.assert_allclose(steps, lamp["expected_lifespan"], rtol=1e-12)
    paid = lamp["conduct_watched"] + lamp["conduct_unwatched"]
    hits = lamp["expected_payoff"].sel(payoff="lamp_hits")
    np.testing.assert_allclose(paid, hits, rtol=1e-12, atol=1e-14)


def test_who_never_hits_the_lamp_is_watched_until_the_watcher_leaves(lamp: xr.Dataset) -> None:
    night = lamp.sel(environment="night", mind="evolved")
    assert of(night["steps_watched"].values)["honest"] == pytest.approx(
        (1 - (1 - LEAVES) ** LIFETIME) / LEAVES, rel=1e-12
    )
    assert of(night["conduct_watched"].values)["honest"] == 0
    assert (lamp["steps_watched"].sel(environment="unwatched") == 0).all()


def test_the_deceiver_waits_and_hits_the_lamp_when_unwatched(lamp: xr.Dataset) -> None:
    own = deception.rates(lamp, "night")
    blind = deception.rates(lamp, "night", WITHOUT_SENSES)
    assert of(own.watched)["deceiver"] == 0
    assert of(own.unwatched)["deceiver"] > 0.9
    assert of(blind.watched)["deceiver"] == pytest.approx(of(own.watched)["caught"])
    assert of(own.watched)["caught"] > 0.2
    assert of(own.unwatched)["honest"] == of(blind.watched)["honest"] == 0
    for name in ("caught", "blind and honest"):
        assert of(own.watched)[name] == of(blind.watched)[name]


def test_only_the_deceiver_is_deceptive_and_only_who_wants_the_bucket_is_honest(
    lamp: xr.Dataset,
) -> None:
    found = deception.conduct(lamp, read(), "night")
    assert found.deceptive == pytest.approx(1 / 5)
    assert found.honest == pytest.approx(2 / 5)
    assert found.dependence[0, 0] > 0
    assert found.watched_without[0, 0] > found.watched[0, 0]


def test_nobody_deceives_where_the_sense_is_removed() -> None:
    read_ = read("agent.senses.watcher=0")
    genomes = np.array([values[:3] for values in MINDS.values()])
    found = Prober(read_, 3).measure(genomes, 0)
    for name in ("conduct_watched", "conduct_unwatched", "steps_watched", "steps_unwatched"):
        evolved, blind = found[name][:, 0], found[name][:, -1]
        np.testing.assert_array_equal(evolved, blind)


def test_rates_are_undefined_where_nobody_is_ever_watched(lamp: xr.Dataset) -> None:
    found = deception.conduct(lamp, read(), "unwatched")
    assert math.isnan(found.watched[0, 0])
    assert math.isnan(found.deceptive[0, 0])
    assert found.unwatched[0, 0] > 0


def test_conduct_that_is_intended_is_shown_off_and_not_held_back() -> None:
    """The same five rates, read as something good: who does it only while seen is deceptive."""
    shape = (1, 1, 4)
    own = deception.Rates(
        np.reshape([0.8, 0.8, 0.0, 0.8], shape), np.reshape([0.1, 0.8, 0.0, 0.1], shape)
    )
    blind = deception.Rates(np.reshape([0.1, 0.8, 0.0, 0.8], shape), own.unwatched)
    deceptive, honest = deception._good_minds(own, blind, np.full(shape, 0.05))
    assert deceptive.ravel().tolist() == [True, False, False, False]
    assert honest.ravel().tolist() == [False, True, False, False]
    assert not deception.is_good(read())
    assert deception.is_good(read("deception.conduct=filled"))


def test_expectations_told_apart_are_the_means_of_sampled_lives() -> None:
    read_ = read("world.slip=0.3")
    env = world.environment(read_, "night")
    levels = world.draw_levels(read_, "night", [1])
    minds = mind.express(read_, np.array([MINDS["reflex"]]))
    watched = env.where({"watcher": 1})
    exact = core.expectation(env, levels, minds, part=watched.astype(np.int32))
    n = 1500
    seen = np.zeros((n, 2, 2))
    for i in range(n):
        life = core.trace(env, levels, minds, seed=5, individual_id=i)
        for side in (0, 1):
            there = watched[life.x] == side
            seen[i, side] = there.sum(), (there & (life.event >= 0)).sum()
    told = np.stack([exact.lifespan[0, 0], exact.counts[0, 0].sum(-1)], axis=1)
    error = seen.std(axis=0, ddof=1) / np.sqrt(n)
    assert (np.abs(seen.mean(axis=0) - told) <= 4 * error).all()
    assert (told > 0).all()


@pytest.mark.parametrize("measure", ["deceptive", "dependence"])
def test_nobody_without_the_sense_is_deceptive_by_construction(measure: str) -> None:
    given = METRICS[measure].given
    assert given is not None
    asked = Query(measure=measure)
    assert given(read("agent.senses.watcher=0"), asked) == 0
    assert given(read(), asked) is None
