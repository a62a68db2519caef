"""Minds with a credence equal their twins on random worlds, as in ``test_twins``."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import worlds
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from test_twins import (
    Case,
    assert_lifetimes_equal,
    assert_measures_equal,
    assert_plans_equal,
    assert_sampling_is_unbiased,
)
from worlds import FEW, MANY

from evosim import core

punishments = st.sampled_from([1.0, 1.0, 0.5, 0.2])


@st.composite
def documents(draw: st.DrawFn) -> worlds.Document:
    """A world in which some acts are punished where one is tested; elsewhere with another chance,
    and another slip. A punishment is an end, a correction, or both."""
    corrects = draw(st.booleans())
    world = draw(worlds.worlds(worlds.LARGEST // (16 if corrects else 8)))
    for variable in world["variables"].values():
        variable.pop("hidden", None)
        variable.pop("assume", None)
    weights = st.sampled_from([[1.0, 1.0], [0.0, 1.0], [0.3, 2.0]])
    tested: worlds.Document = {"values": 2, "start": draw(weights), "hidden": True}
    tested["assume"] = draw(st.integers(0, 1))
    if draw(st.booleans()):
        tested["drift"] = {"step": draw(st.sampled_from([-1, 1])), "chance": 0.3}
    counted = draw(st.integers(3, 4))
    world["variables"] |= {"tested": tested, "spared": {"values": counted, "start": 0}}
    world["variables"]["spared"]["counts"] = "unpunished"
    if corrects:
        world["variables"]["corrected"] = {"values": 2, "start": 0, "counts": "corrections"}
    chance, elsewhere = draw(punishments), draw(punishments)
    share = draw(st.sampled_from([0.0, 0.3, 1.0]))  # of the chance that is a correction's
    away = copy.deepcopy(world)
    away["slip"] = draw(worlds.chances)
    more = draw(st.booleans())  # whether who is caught for sure feels something else
    for kind in world["kinds"]:
        before = world["kinds"][kind]["use"]
        for here in (world, away):
            here["kinds"][kind]["use"] = {}
        for name, rule in before.items():
            punished = draw(st.booleans())
            for here, kappa in ((world, chance), (away, elsewhere)):
                rules = here["kinds"][kind]["use"]
                if punished:
                    caught = copy.deepcopy(rule) | {"ends": kappa, "yields": {"gold": 1.0}}
                    if corrects:
                        ends = kappa * (1 - share)
                        caught |= {"ends": ends, "corrects": (kappa - ends) / (1 - ends or 1)}
                    caught["when"] = {**rule["when"], "tested": 1}
                    if more and chance == elsewhere == 1.0:
                        caught |= {"feels": {"sour": 1.0}, "set": {}, "add": {}}
                    rules[f"{name}_tested"] = caught
                rules[name] = copy.deepcopy(rule) | ({"ends": 0.0} if punished else {})
                if draw(st.integers(0, 3)) == 0:
                    rules[name]["yields"] = {"gold": 2.0}
    document = worlds.document(
        world,
        environments={"home": {"title": "home"}, "away": worlds._differences(world, away)},
        senses={"tested": 0.5},
        credence={"tested": 0.5},
    )
    if corrects:
        document["correction"] = {"rate": 0.5, "toward": "intended"}
    return document


@st.composite
def cases(draw: st.DrawFn, n_minds: int = 3) -> Case:
    scenario = worlds.read(draw(documents()))
    a_mind = worlds.minds(scenario)
    credences = st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]) | st.integers(1, 98).map(
        lambda n: n / 99
    )
    minds = [
        draw(a_mind)._replace(credence=draw(credences), senses=draw(st.sampled_from([0, 0, 1])))
        for _ in range(n_minds)
    ]
    return Case(
        scenario=scenario,
        lives=draw(st.sampled_from(["home", "away"])),
        believes=draw(st.sampled_from([None, "home", "away"])),
        minds=minds,
        instinct=draw(st.sampled_from([True, True, False])),
        level_seeds=draw(st.lists(st.integers(0, 99), min_size=1, max_size=2)),
        observed=draw(worlds.conditions(scenario)),
    )


@FEW
@given(cases())
def test_uncertain_minds_plan_as_their_twins_to_the_last_tie(case: Case) -> None:
    assert_plans_equal(case)


@pytest.mark.slow
@MANY
@given(cases())
def test_uncertain_minds_plan_as_their_twins_in_hundreds_of_worlds(case: Case) -> None:
    assert_plans_equal(case)


@FEW
@given(cases(n_minds=2))
def test_uncertain_minds_live_as_their_twins_and_are_measured_so(case: Case) -> None:
    assert_lifetimes_equal(case, None)
    assert_measures_equal(case)


@FEW
@given(cases(n_minds=1))
def test_the_mean_of_many_uncertain_lives_is_the_exact_expectation(case: Case) -> None:
    assert_sampling_is_unbiased(case, n=2000)


@FEW
@given(cases())
def test_who_is_certain_plans_as_one_who_assumes_it_to_the_last_bit(case: Case) -> None:
    """Whatever it survives, and even where it is caught: what it holds for impossible teaches it
    nothing."""
    for value in (0, 1):
        settings: dict[str, Any] = {"world.variables.tested.assume": value}
        scenario = case.scenario.replace(settings)
        here = case._replace(scenario=scenario)
        certain = worlds.as_minds(
            [mind._replace(credence=float(value), senses=0) for mind in case.minds]
        )
        assumes = certain._replace(credence=np.zeros((len(case.minds), 0)))
        policies = [
            core.policies(here.env, here.levels, minds, **here.planning())
            for minds in (certain, assumes)
        ]
        assert_array_equal(*policies)


def test_a_reflex_smells_the_same_beside_minds_that_plan() -> None:
    """Where the variable is 1 the fruit is worth less, and two x of one belief have two scents; of
    minds that plan together the less deep keep both."""
    fruit = {
        "tested": {"when": {"tested": 1}, "ends": 1.0, "feels": {"sweet": 0.5}},
        "alone": {"feels": {"sweet": 1.0}},
    }
    world = {
        "map": "@..f",
        "variables": {
            "tested": {"values": 2, "start": [1.0, 1.0], "hidden": True, "assume": 0},
            "spared": {"values": 3, "start": 0, "counts": "unpunished"},
        },
        "kinds": {"fruit": {"glyph": "f", "use": fruit}},
    }
    scenario = worlds.read(worlds.document(world, senses={"tested": 0.5}, credence={"tested": 0.5}))
    reflex = worlds.mind({"sweet": 1.0}, scenario=scenario, senses=0, temperature=0.1)
    reflex = reflex._replace(credence=0.4)
    assert_plans_equal(Case(scenario, "home", None, [reflex, reflex._replace(depth=3)], True, [0]))
