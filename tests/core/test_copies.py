"""Minds that count their copies equal their twins on random worlds, and so do chains of lives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import worlds
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from test_twins import GENERATION, SEED, Case
from worlds import FEW

from evosim import core, rng
from evosim.core import copies, planning, rollout
from evosim.rng import Purpose
from evosim.scenario import Scenario
from evosim.testing import reference
from evosim.testing.reference import Legacy

RELATEDNESS, DRAWN = 0.75, 0.25


@st.composite
def cases(draw: st.DrawFn, *, n_minds: int = 3, depth: int = 4) -> Case:
    """Random worlds with a boon, which a rule may read and set, and something that leaves one."""
    doc = draw(worlds.documents())
    world = doc["world"]
    assume(all("boon" not in env.get("variables", {}) for env in doc["environments"].values()))
    world["variables"]["boon"] = {"values": 2, "start": [1 - DRAWN, DRAWN]}
    rules = [rule for kind in world["kinds"].values() for rule in kind["use"].values()]
    for rule in rules:
        if draw(st.booleans()):
            rule.setdefault("when", {})["boon"] = draw(st.sampled_from([0, 1]))
        if draw(st.booleans()):
            rule.setdefault("set", {})["boon"] = draw(st.sampled_from([0, 1, [0.5, 0.5]]))
            rule.get("add", {}).pop("boon", None)
    asked = draw(st.sampled_from([{}, {"boon": 1}, {"boon": 0}]))
    doc["copies"] = {"variable": "boon", "when": asked, "relatedness": RELATEDNESS}
    doc["agent"]["rho"] = [0, 1]
    scenario = worlds.read(doc)
    a_mind = worlds.minds(scenario, depth=depth)
    minds = [draw(a_mind) for _ in range(n_minds)]
    rhos = draw(st.lists(st.sampled_from([0.0, 0.3, 1.0]), min_size=n_minds, max_size=n_minds))
    return Case(
        scenario=scenario,
        lives="home",
        believes=draw(st.sampled_from([None, None, "away"])),
        minds=[m._replace(rho=np.float32(rho)) for m, rho in zip(minds, rhos, strict=True)],
        instinct=draw(st.booleans()),
        level_seeds=draw(st.lists(st.integers(0, 99), min_size=1, max_size=2)),
    )


def legacy(scenario: Scenario) -> Legacy:
    assert scenario.copies is not None
    return Legacy(scenario.copies.variable, scenario.copies.when)


class Found:
    """The worth of a boon to each mind on each level, as the planner found it."""

    def __init__(self, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
        self.policies: Any = None
        self.delta: dict[tuple[int, int], float] = {}
        for m, mind in enumerate(case.minds):
            for i in range(len(case.level_seeds)):
                self.delta[m, i] = 0.0
                if mind.rho > 0:
                    levels = type(case.levels)(*(field[[i]] for field in case.levels))
                    told: list[float] = []

                    def noted(births: Any, told: list[float] = told) -> Any:
                        told.append(copies.fixed_point(births)[0])

                    monkeypatch.setattr(planning, "fixed_point", noted)
                    core.policies(case.env, levels, worlds.as_minds([mind]), **case.planning())
                    self.delta[m, i] = told[0]
        monkeypatch.undo()

    def weighed(self, case: Case, m: int, i: int) -> Legacy:
        mind = case.minds[m]
        weight = float(mind.patience) * float(mind.rho) * self.delta[m, i]
        return legacy(case.scenario)._replace(weight=np.float32(weight))


def start_value(case: Case, m: int, i: int, given: Legacy, boon: int) -> float:
    """V_d of a life that begins with the boon, or without."""
    mind, level = case.minds[m], case.each()[m * len(case.level_seeds) + i][3]
    twin = case.twin
    if mind.depth == 0:
        value = reference.instinct(twin, level, mind, given) if case.instinct else None
    else:
        less = mind._replace(depth=mind.depth - 1)
        q = reference.plan(twin, level, less, has_instinct=case.instinct, legacy=given)
        value = q.max(axis=2)
    seen = twin.blind_to(mind)
    births = given.births(twin, boon)
    if value is None:
        return 0.0
    return sum(p * float(value[twin.view(x, seen), level.start]) for p, x in births)


@FEW
@given(cases())
def test_minds_that_count_their_copies_plan_as_their_twins(case: Case) -> None:
    """At the boon's worth policies are equal to the last tie, and the worth is a fixed point."""
    with pytest.MonkeyPatch.context() as patch:
        found = Found(case, patch)
    policies = core.policies(case.env, case.levels, worlds.as_minds(case.minds), **case.planning())
    live = [x for x in range(case.twin.n_x) if not case.twin.fatal(x)]
    for m, i, mind, level in case.each():
        given_ = found.weighed(case, m, i)
        q = reference.plan(
            case.believed_twin, level, mind, has_instinct=case.instinct, legacy=given_
        )
        policy = reference.policy(q, mind)
        if mind.temperature > 0:
            assert_allclose(policies[m, i][live], policy[live], rtol=0, atol=1e-6)
        else:
            assert_array_equal(policies[m, i][live], policy[live])
        if mind.rho > 0 and case.believes is None:
            without, having = (start_value(case, m, i, given_, boon) for boon in (0, 1))
            delta = found.delta[m, i]
            size = abs(without) + abs(having) + abs(delta)
            bound = copies.LARGEST * abs(having - without)
            assert abs(having - without - delta) <= 1e-5 * size or abs(delta) >= 0.1 * bound > 0


@FEW
@given(cases(n_minds=2))
def test_a_chain_of_lives_is_expected_as_by_the_twin(case: Case) -> None:
    minds, env = worlds.as_minds(case.minds), case.env
    exact = core.expectation(env, case.levels, minds, **case.planning())
    part = np.arange(env.n_x, dtype=np.int32) % 2
    apart = core.expectation(env, case.levels, minds, **case.planning(), part=part)
    policies = np.nan_to_num(core.policies(env, case.levels, minds, **case.planning()))
    own, twin = legacy(case.scenario), case.twin
    for m in range(len(case.minds)):
        levels = [(i, level) for n, i, _, level in case.each() if n == m]
        left = [
            np.mean([reference.bequest(twin, lv, policies[m, i], own, boon) for i, lv in levels])
            for boon in (0, 1)
        ]
        share = reference.share_of_boons((left[0], left[1]), RELATEDNESS, DRAWN)
        for i, level in levels:
            lived = [
                reference.expectation(twin, level, policies[m, i], births=own.births(twin, boon))
                for boon in (0, 1)
            ]
            counts = (1 - share) * lived[0].counts + share * lived[1].counts
            steps = (1 - share) * lived[0].lifespan + share * lived[1].lifespan
            assert_allclose(world_events(case, exact.counts[m, i]), counts, rtol=1e-9, atol=1e-12)
            assert_allclose(exact.lifespan[m, i], steps, rtol=1e-9)
            assert_allclose(apart.counts[m, i].sum(0), exact.counts[m, i], rtol=1e-9, atol=1e-12)
        chances = exact.counts[m] @ env.tables.bequest.left
        kept = (1 - share) * left[0] + share * left[1]
        assert_allclose(chances.mean(), kept, rtol=1e-9, atol=1e-12)


def world_events(case: Case, counts: Any) -> Any:
    """Counts of events [E] of the world, those that are told apart put together."""
    like, n = case.env.tables.bequest.like, len(case.twin.events)
    told = counts[:n].copy()
    for event, amount in zip(like, counts[n:], strict=True):
        if event >= 0:
            told[event] += amount
    return told


@FEW
@given(cases(n_minds=2), st.sampled_from([None, 2]))
def test_a_mind_lives_once_with_each_start_and_what_it_leaves_is_how_often_each_counts(
    case: Case, window: int | None
) -> None:
    lived: list[Any] = []

    def noted(env: Any, counts: Any) -> Any:
        lived.append(counts)
        return copies.shares_of_births(env, counts)

    with pytest.MonkeyPatch.context() as patch:
        found = Found(case, patch)
        patch.setattr(rollout, "shares_of_births", noted)
        lives = core.lifetimes(
            case.env, case.levels, worlds.as_minds(case.minds), seed=SEED, generation=GENERATION,
            level_ids=[7 + i for i in range(len(case.level_seeds))],
            individual_ids=[5 + m for m in range(len(case.minds))], window=window,
            **case.planning(),
        )  # fmt: skip
    (counts,) = lived
    own, twin, left = legacy(case.scenario), case.twin, case.env.tables.bequest.left
    for m in range(len(case.minds)):
        chance = [min(float((counts[boon, :, m] @ left).mean()), 1.0) for boon in (0, 1)]
        share = reference.share_of_boons((chance[0], chance[1]), RELATEDNESS, DRAWN)
        for n, i, mind, level in case.each():
            if n != m:
                continue
            without, having = (
                reference.lifetime(
                    twin, level, mind, rng.key(SEED, Purpose.LIFE, GENERATION, 7 + i, 5 + m),
                    believed=case.believed_twin, has_instinct=case.instinct, window=window,
                    births=own.births(twin, boon), legacy=found.weighed(case, m, i),
                )
                for boon in (0, 1)
            )  # fmt: skip
            for boon, life in enumerate((without, having)):
                assert_array_equal(world_events(case, counts[boon, i, m]), life.counts)
            early = (1 - share) * without.paid_counts + share * having.paid_counts
            steps = (1 - share) * without.lifespan + share * having.lifespan
            assert_allclose(world_events(case, lives.paid_counts[m, i]), early, rtol=1e-12)
            assert_allclose(lives.lifespan[m, i], steps, rtol=1e-12)


@FEW
@given(cases(n_minds=6))
def test_a_mind_that_counts_its_copies_does_the_same_alone_and_in_any_crowd(case: Case) -> None:
    crowd = case.minds * 25
    together = core.policies(case.env, case.levels, worlds.as_minds(crowd), **case.planning())
    for i in (0, 70, len(crowd) - 1):
        alone = core.policies(case.env, case.levels, worlds.as_minds([crowd[i]]), **case.planning())
        assert_array_equal(together[i], alone[0])


@FEW
@given(cases())
def test_at_rho_0_minds_plan_as_where_there_are_no_copies(case: Case) -> None:
    """To the bit, alone and beside others that count theirs."""
    plain = case.scenario.to_dict()
    del plain["copies"], plain["agent"]["rho"]
    without = case._replace(scenario=worlds.read(plain))
    causal = [m._replace(rho=np.float32(0)) for m in case.minds]
    counting = [m._replace(rho=np.float32(1)) for m in case.minds]
    known = core.policies(
        without.env, without.levels, worlds.as_minds(causal), **without.planning()
    )
    alone = core.policies(case.env, case.levels, worlds.as_minds(causal), **case.planning())
    both = worlds.as_minds([*causal, *counting])
    beside = core.policies(case.env, case.levels, both, **case.planning())
    assert_array_equal(alone, known)
    assert_array_equal(beside[: len(causal)], known)
