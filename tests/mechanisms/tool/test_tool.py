"""Criteria: remembered encounters, least squares, mistyped entries."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import worlds
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from worlds import FEW

from evosim import core, mind, rng
from evosim.engine.mechanism import developed
from evosim.mechanisms.tool import kernels as fit
from evosim.mind import Minds
from evosim.rng import Purpose
from evosim.scenario import Scenario
from evosim.testing import reference
from evosim.testing.reference import Mind
from evosim.world import draw_levels, environment

SEED, GENERATION = 7, 3


def gallery(
    looks: dict[str, dict[str, float]], counts: tuple[int, int] = (1, 1), **tool: Any
) -> Scenario:
    """Two kinds, one sweet and one sour, that look as said."""
    kinds = {
        name: {
            "glyph": name[0],
            "count": count,
            "looks": looks[name],
            "use": {"eat": {"feels": {taste: 1.0}, "yields": {"children": 1.0}}},
        }
        for name, taste, count in (("apple", "sweet", counts[0]), ("bush", "sour", counts[1]))
    }
    table = {"depth": 3, "reliance": 0.5, "encounters": 40, **tool}
    return worlds.read(worlds.document({"rows": 4, "cols": 4, "kinds": kinds}, tool=table))


def some_minds(scenario: Scenario, n: int) -> Minds:
    return mind.express(scenario, mind.initial(scenario, n, 5))


def with_tools(scenario: Scenario, minds: Minds, **other: Any) -> Minds:
    given_ = {"seed": SEED, "generation": GENERATION, "individuals": np.arange(len(minds.depth))}
    return developed(scenario, minds, **{**given_, **other})


def entries(minds: Minds, scenario: Scenario) -> np.ndarray:
    """[n, K]"""
    return minds.second_weights[:, -len(scenario.looks) :].astype(np.float64)


@FEW
@given(worlds.documents(tools=True), st.integers(0, 2**64 - 1))
def test_criteria_are_those_of_the_twin(doc: worlds.Document, seed: int) -> None:
    scenario = worlds.read(doc)
    tool = scenario.agent.tool
    assert tool is not None
    minds = with_tools(scenario, some_minds(scenario, 6), seed=seed)
    for i in range(6):
        told = reference.criteria(
            scenario.environment(tool.remembers or "home"),
            dict(zip(scenario.stimuli, minds.weights[i].tolist(), strict=False)),
            scenario.looks,
            rng.key(seed, Purpose.TOOL, GENERATION, i),
            tool.encounters,
            tool.typo,
        )
        assert_allclose(entries(minds, scenario)[i], told, rtol=1e-5, atol=1e-6)
    assert (minds.second_weights[:, : -len(scenario.looks)] == 0).all()


def test_whoever_has_met_everything_that_looks_alone_knows_its_drives() -> None:
    scenario = gallery({"apple": {"red": 2.0}, "bush": {"round": 0.5}})
    minds = with_tools(scenario, some_minds(scenario, 50))
    assert_allclose(entries(minds, scenario), minds.weights[:, :2] * [0.5, 2.0], rtol=1e-6)


def test_looks_that_always_come_together_share_what_they_are_worth() -> None:
    scenario = gallery({"apple": {"red": 1.0, "round": 1.0}, "bush": {"small": 1.0}})
    minds = with_tools(scenario, some_minds(scenario, 50))
    red, round_, small = entries(minds, scenario).T
    assert_allclose(red, minds.weights[:, 0] / 2, rtol=1e-6)
    assert_allclose(round_, minds.weights[:, 0] / 2, rtol=1e-6)
    assert_allclose(small, minds.weights[:, 1], rtol=1e-6)


def test_looks_that_were_never_met_are_worth_nothing() -> None:
    scenario = gallery({"apple": {"red": 1.0}, "bush": {"round": 1.0}}, counts=(2, 0))
    minds = with_tools(scenario, some_minds(scenario, 50))
    assert (entries(minds, scenario)[:, 0] != 0).all()
    assert (entries(minds, scenario)[:, 1] == 0).all()


def test_kinds_are_remembered_in_proportion_to_their_sites() -> None:
    n = 4000
    scenario = gallery({"apple": {"red": 1.0}, "bush": {"round": 1.0}}, (3, 1), encounters=1)
    minds = with_tools(scenario, some_minds(scenario, n))
    met = (entries(minds, scenario) != 0).mean(axis=0)
    assert abs(met[0] - 0.75) < 4 * np.sqrt(0.75 * 0.25 / n)
    assert met.sum() == 1


def test_the_rules_of_a_kind_are_remembered_alike() -> None:
    world = {
        "map": "@ab",
        "kinds": {
            "apple": {
                "glyph": "a",
                "looks": {"red": 1.0},
                "use": {
                    "eat": {"feels": {"sweet": 1.0}},
                    "lick": {"feels": {"sweet": 3.0}},
                },
            },
            "bush": {"glyph": "b", "use": {"eat": {"feels": {"sour": 1.0}}}},
        },
    }
    tool = {"depth": 1, "reliance": 1, "encounters": 1}
    scenario = worlds.read(worlds.document(world, tool=tool))
    n = 4000
    minds = with_tools(scenario, some_minds(scenario, n))
    ratio = entries(minds, scenario)[:, 0] / minds.weights[:, 0]
    for worth, share in ((0.0, 0.5), (1.0, 0.25), (3.0, 0.25)):
        hit = np.isclose(ratio, worth, rtol=1e-6).mean()
        assert abs(hit - share) < 4 * np.sqrt(share * (1 - share) / n)


def test_entries_are_mistyped_as_often_as_said_within_the_largest_one() -> None:
    looks = {"apple": {"red": 1.0}, "bush": {"round": 1.0}}
    scenario, careful = gallery(looks, typo=0.2), gallery(looks)
    n = 4000
    typed = entries(with_tools(scenario, some_minds(scenario, n)), scenario)
    meant = entries(with_tools(careful, some_minds(careful, n)), careful)
    wrong = typed != meant
    assert abs(wrong.mean() - 0.2) < 4 * np.sqrt(0.2 * 0.8 / (2 * n))
    span = np.abs(meant).max(axis=1, keepdims=True)
    where = (typed / span)[wrong]
    assert np.abs(where).max() <= 1
    assert abs(where.mean()) < 4 * np.sqrt(1 / 3 / len(where))
    assert abs((where**2).mean() - 1 / 3) < 4 * np.sqrt(4 / 45 / len(where))


@FEW
@given(worlds.documents(tools=True))
def test_a_tool_is_the_same_in_any_crowd_and_another_one_in_another_generation(
    doc: worlds.Document,
) -> None:
    scenario = worlds.read(doc)
    minds = some_minds(scenario, 9)
    together = with_tools(scenario, minds)
    order = np.array([4, 0, 7])
    apart = with_tools(scenario, Minds(*(a[order] for a in minds)), individuals=order)
    assert_array_equal(together.second_weights[order], apart.second_weights)


def test_memories_depend_on_individual_generation_and_seed() -> None:
    looks = {"apple": {"red": 1.0}, "bush": {"red": 0.5, "round": 1.0}}
    scenario = gallery(looks, encounters=1)
    minds = some_minds(scenario, 40)
    first = with_tools(scenario, minds).second_weights
    for other in ({"generation": 4}, {"seed": 8}, {"individuals": 40 + np.arange(40)}):
        assert (first != with_tools(scenario, minds, **other).second_weights).any(), other


def test_without_a_tool_minds_stay_as_they_are() -> None:
    scenario = worlds.read(
        worlds.document({"map": "@b", "kinds": {"berry": {"glyph": "b", "use": {"eat": {}}}}})
    )
    minds = some_minds(scenario, 3)
    assert with_tools(scenario, minds) is minds


def test_memories_are_of_the_environment_that_is_remembered() -> None:
    looks = {"apple": {"red": 1.0}, "bush": {"round": 1.0}}
    doc = gallery(looks).to_dict()
    doc["environments"]["dyed"] = {"title": "dyed", "kinds": {"apple": {"looks": {"red": 0.25}}}}
    for remembers, worth in ((None, 1.0), ("home", 1.0), ("dyed", 4.0)):
        doc["agent"]["tool"]["remembers"] = remembers or "home"
        scenario = worlds.read(doc)
        minds = with_tools(scenario, some_minds(scenario, 5))
        assert_allclose(entries(minds, scenario)[:, 0], worth * minds.weights[:, 0], rtol=1e-6)


# ---------------------------------------------------------------------- following a tool


def a_pair() -> tuple[Scenario, Mind]:
    scenario = gallery({"apple": {"red": 1.0}, "bush": {"round": 1.0}})
    return scenario, worlds.mind({"sweet": 0.8, "sour": -0.6}, scenario=scenario, depth=3)


def policies(scenario: Scenario, minds: list[Mind]) -> np.ndarray:
    env, levels = environment(scenario, "home"), draw_levels(scenario, "home", [1, 2])
    return core.policies(env, levels, worlds.as_minds(minds))


@pytest.mark.parametrize("reliance", [0.25, 0.5, 1.0])
def test_a_tool_that_is_like_its_maker_changes_nothing(reliance: float) -> None:
    scenario, agent = a_pair()
    same = {"red": 0.8, "round": -0.6}
    copied = worlds.mind(same, scenario=scenario).weights
    like = agent._replace(criteria=copied, tool_depth=3, reliance=np.float32(reliance))
    alone, relying = policies(scenario, [agent, like])
    assert_array_equal(alone, relying)


def test_whoever_relies_wholly_on_a_tool_does_what_the_tool_would() -> None:
    scenario, agent = a_pair()
    criteria = worlds.mind({"red": -1.0, "round": 0.5}, scenario=scenario).weights
    relying = agent._replace(criteria=criteria, tool_depth=2, reliance=np.float32(1))
    tool = agent._replace(weights=criteria, depth=2)
    found = policies(scenario, [relying, tool, agent])
    assert_array_equal(found[0], found[1])
    assert (found[0] != found[2]).any()


@pytest.mark.parametrize("n", [1, 2, 5])
def test_symmetric_matrices_are_diagonalized(n: int) -> None:
    rows = np.random.default_rng(n).normal(size=(3, n))  # singular where n > 3
    square = rows.T @ rows
    values, axes = square.copy(), np.empty((n, n))
    fit.diagonalize(values, axes)
    assert_allclose(axes @ np.diag(np.diag(values)) @ axes.T, square, atol=1e-12)
    assert_allclose(axes.T @ axes, np.eye(n), atol=1e-12)
    assert_allclose(np.sort(np.diag(values)), np.linalg.eigvalsh(square), atol=1e-12)
