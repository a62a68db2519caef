"""Every kernel equals its twin on random worlds, and sampling equals expectation.

Greedy plans and sampled lifetimes are bit-equal, ties included: both do the same float32
operations in the same order and use the same draws. Not bit-equal, because sums are taken in
another order or precision: softmax policies (1e-6, the kernels' own exponential), expectations
(1e-9, float64 sums over other paths) and optima (1e-4, float32 in the kernels).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest
import worlds
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from worlds import FEW, MANY

from evosim import core, rng
from evosim.rng import Purpose
from evosim.scenario import Scenario
from evosim.testing import reference
from evosim.testing.reference import Level, Mind, ReferenceWorld
from evosim.world import Environment, Levels, draw_levels, environment

SEED, GENERATION = 11, 3


class Case(NamedTuple):
    """Minds that live in one environment, believe in one, and are planned for in both ways."""

    scenario: Scenario
    lives: str
    believes: str | None
    minds: list[Mind]
    instinct: bool
    level_seeds: list[int]
    observed: Mapping[str, Any] = MappingProxyType({})  # where a step begins that is paid

    @property
    def env(self) -> Environment:
        return environment(self.scenario, self.lives)

    @property
    def believed_env(self) -> Environment | None:
        return None if self.believes is None else environment(self.scenario, self.believes)

    @property
    def levels(self) -> Levels:
        return draw_levels(self.scenario, self.lives, self.level_seeds)

    @property
    def twin(self) -> ReferenceWorld:
        return worlds.reference(self.scenario, self.lives)

    @property
    def believed_twin(self) -> ReferenceWorld:
        return worlds.reference(self.scenario, self.believes or self.lives, lived=self.lives)

    def each(self) -> list[tuple[int, int, Mind, Level]]:
        levels = [worlds.one_level(self.levels, i) for i in range(len(self.level_seeds))]
        return [
            (m, i, self.minds[m], le) for m in range(len(self.minds)) for i, le in enumerate(levels)
        ]

    def planning(self) -> dict[str, Any]:
        return {"believes": self.believed_env, "instinct": self.instinct}


@st.composite
def cases(
    draw: st.DrawFn,
    *,
    novelty: bool = False,
    tools: bool = False,
    local: bool = False,
    corrects: bool = False,
    n_minds: int = 3,
    depth: int = 4,
) -> Case:
    documents = worlds.documents(novelty=novelty, tools=tools, local=local, corrects=corrects)
    scenario = worlds.read(draw(documents))
    a_mind = worlds.minds(scenario, novelty=novelty, depth=depth)
    return Case(
        scenario=scenario,
        lives=draw(st.sampled_from(["home", "away"])),
        believes=draw(st.sampled_from([None, "home", "away"])),
        minds=[draw(a_mind) for _ in range(n_minds)],
        instinct=draw(st.sampled_from([True, True, False])),
        level_seeds=draw(st.lists(st.integers(0, 99), min_size=1, max_size=2)),
        observed=draw(worlds.conditions(scenario)),
    )


# ---------------------------------------------------------------------- planning


def assert_plans_equal(case: Case) -> None:
    policies = core.policies(case.env, case.levels, worlds.as_minds(case.minds), **case.planning())
    twin = case.believed_twin
    live = [x for x in range(twin.n_x) if not case.twin.fatal(x)]
    for m, i, mind, level in case.each():
        q = reference.plan(twin, level, mind, has_instinct=case.instinct)
        policy = reference.policy(q, mind)
        if mind.temperature > 0:
            assert_allclose(policies[m, i][live], policy[live], rtol=0, atol=1e-6)
        else:
            assert_array_equal(policies[m, i][live], policy[live])


@FEW
@given(cases())
def test_minds_plan_as_their_twins_to_the_last_tie(case: Case) -> None:
    assert_plans_equal(case)


@pytest.mark.slow
@MANY
@given(cases())
def test_minds_plan_as_their_twins_in_hundreds_of_worlds(case: Case) -> None:
    assert_plans_equal(case)


@FEW
@given(cases(tools=True))
def test_minds_with_tools_plan_as_their_twins_to_the_last_tie(case: Case) -> None:
    assert_plans_equal(case)


@pytest.mark.slow
@MANY
@given(cases(tools=True))
def test_minds_with_tools_plan_as_their_twins_in_hundreds_of_worlds(case: Case) -> None:
    assert_plans_equal(case)


@FEW
@given(cases(corrects=True))
def test_minds_that_can_be_corrected_plan_as_their_twins_to_the_last_tie(case: Case) -> None:
    assert_plans_equal(case)


@pytest.mark.slow
@MANY
@given(cases(corrects=True))
def test_minds_that_can_be_corrected_plan_as_their_twins_in_hundreds_of_worlds(case: Case) -> None:
    assert_plans_equal(case)


def test_an_agent_that_its_beliefs_hold_for_dead_plans_from_where_it_stands() -> None:
    energy = {"values": 2, "start": 1, "drift": {"step": -1, "chance": 1.0}}
    eat = {"feels": {"sweet": 1.0}}
    world = {
        "map": "@b",
        "variables": {"energy": energy},
        "kinds": {"berry": {"glyph": "b", "use": {"eat": eat}}},
    }
    environments = {"home": {"title": "home"}, "away": {"variables": {"energy": {"fatal": 0}}}}
    scenario = worlds.read(worlds.document(world, environments=environments))
    glutton = worlds.mind({"sweet": 1.0}, scenario=scenario, depth=1)
    case = Case(scenario, "home", "away", [glutton], True, [0])
    assert_plans_equal(case)
    assert_lifetimes_equal(case, None)
    policy = core.policies(case.env, case.levels, worlds.as_minds([glutton]), case.believed_env)
    assert policy[0, 0, 0, 1].tolist() == [0, 0, 0, 0, 0, 1]


def test_who_foresees_no_correction_plans_from_where_it_takes_itself_to_come() -> None:
    """No life comes to where the apple is eaten and nobody corrected, but the ignorant plan there:
    they eat, as they expect the cherry after it."""
    apple = {"when": {"ripe": 1}, "set": {"ripe": 0}, "corrects": 1.0, "feels": {"sour": -1.0}}
    cherry = {"when": {"ripe": 0, "corrected": 0}, "feels": {"sweet": 1.0}}
    world = {
        "map": "@f",
        "variables": {
            "ripe": {"values": 2, "start": 1},
            "corrected": {"values": 2, "start": 0, "counts": "corrections"},
        },
        "kinds": {"food": {"glyph": "f", "use": {"apple": apple, "cherry": cherry}}},
    }
    correction = {"rate": 0.0, "toward": "intended"}
    scenario = worlds.read({**worlds.document(world), "correction": correction})
    hopeful = worlds.mind({"sweet": 0.8, "sour": 0.6}, scenario=scenario, depth=4, patience=0.9)
    hopeful = hopeful._replace(later=hopeful.weights[None], anticipation=np.float32([0, 1, 0, 0]))
    case = Case(scenario, "home", None, [hopeful], False, [0])
    assert_plans_equal(case)
    assert_lifetimes_equal(case, None)
    minds = worlds.as_minds(case.minds)
    lives = core.expectation(case.env, case.levels, minds, instinct=False)
    assert lives.counts[0, 0].tolist() == [1.0, 0.0]


# ---------------------------------------------------------------------- living


def assert_lifetimes_equal(case: Case, window: int | None) -> None:
    lives = core.lifetimes(
        case.env,
        case.levels,
        worlds.as_minds(case.minds),
        seed=SEED,
        generation=GENERATION,
        level_ids=[7 + i for i in range(len(case.level_seeds))],
        individual_ids=[5 + m for m in range(len(case.minds))],
        window=window,
        seen=case.env.where(case.observed),
        **case.planning(),
    )
    for m, i, mind, level in case.each():
        key = rng.key(SEED, Purpose.LIFE, GENERATION, 7 + i, 5 + m)
        life = reference.lifetime(
            case.twin,
            level,
            mind,
            key,
            believed=case.believed_twin,
            has_instinct=case.instinct,
            window=window,
            observed=case.observed,
        )
        assert lives.lifespan[m, i] == life.lifespan
        assert_array_equal(lives.counts[m, i], life.counts)
        assert_array_equal(lives.paid_counts[m, i], life.paid_counts)
        if mind.novelty != 0:
            assert lives.arrival[m, i] == pytest.approx(life.novelty, rel=1e-12)


@FEW
@given(cases(), st.sampled_from([None, 1, 3, 50]))
def test_minds_live_as_their_twins_draw_by_draw(case: Case, window: int | None) -> None:
    assert_lifetimes_equal(case, window)


@pytest.mark.slow
@MANY
@given(cases(), st.sampled_from([None, 1, 3, 50]))
def test_minds_live_as_their_twins_in_hundreds_of_worlds(case: Case, window: int | None) -> None:
    assert_lifetimes_equal(case, window)


@FEW
@given(cases(novelty=True, n_minds=1, depth=2), st.sampled_from([None, 3]))
def test_minds_that_feel_novelty_plan_anew_every_step_as_their_twins(
    case: Case, window: int | None
) -> None:
    assert_lifetimes_equal(case, window)


@pytest.mark.slow
@MANY
@given(cases(novelty=True, n_minds=1, depth=3), st.sampled_from([None, 3]))
def test_minds_that_feel_novelty_live_as_their_twins_in_hundreds_of_worlds(
    case: Case, window: int | None
) -> None:
    assert_lifetimes_equal(case, window)


@FEW
@given(cases(corrects=True), st.sampled_from([None, 3]))
def test_minds_that_can_be_corrected_live_as_their_twins(case: Case, window: int | None) -> None:
    assert_lifetimes_equal(case, window)


@FEW
@given(cases(tools=True), st.sampled_from([None, 3]))
def test_minds_with_tools_live_as_their_twins_draw_by_draw(case: Case, window: int | None) -> None:
    assert_lifetimes_equal(case, window)


@FEW
@given(cases(novelty=True, tools=True, n_minds=1, depth=2))
def test_minds_with_tools_that_feel_novelty_live_as_their_twins(case: Case) -> None:
    assert_lifetimes_equal(case, None)


@FEW
@given(cases(n_minds=1))
def test_a_trace_shows_the_life_of_the_twin_step_by_step(case: Case) -> None:
    assert_trace_equal(case)


def assert_trace_equal(case: Case) -> None:
    levels = Levels(*(array[:1] for array in case.levels))
    trace = core.trace(
        case.env,
        levels,
        worlds.as_minds(case.minds),
        seed=SEED,
        generation=GENERATION,
        level_id=7,
        individual_id=5,
        **case.planning(),
    )
    life = reference.lifetime(
        case.twin,
        worlds.one_level(levels, 0),
        case.minds[0],
        rng.key(SEED, Purpose.LIFE, GENERATION, 7, 5),
        believed=case.believed_twin,
        has_instinct=case.instinct,
    )
    assert trace.cell.tolist() == [step.cell for step in life.steps]
    assert trace.x.tolist() == [step.x for step in life.steps]
    assert trace.action.tolist() == [step.action for step in life.steps]
    used = [step.events[0] if is_use(case.twin, step) else -1 for step in life.steps]
    assert trace.event.tolist() == used
    happened = [sorted(step.events) for step in life.steps]
    counted = [np.repeat(np.arange(len(counts)), counts).tolist() for counts in trace.counts]
    assert counted == happened
    assert trace.arrival.sum() == pytest.approx(life.novelty)
    if life.lifespan < case.env.lifetime:
        assert trace.fate != "alive"


def is_use(twin: ReferenceWorld, step: reference.Step) -> bool:
    if not step.events:
        return False
    thing, _, rest = twin.events[step.events[0]].name.partition(".")
    kind = twin.world.kinds.get(thing)
    return rest.startswith("use.") or (kind is not None and rest in kind.use)


# ---------------------------------------------------------------------- measuring


def assert_measures_equal(case: Case) -> None:
    minds = worlds.as_minds(case.minds)
    exact = core.expectation(case.env, case.levels, minds, **case.planning())
    part = np.arange(case.env.n_x, dtype=np.int32) % 2
    apart = core.expectation(case.env, case.levels, minds, **case.planning(), part=part)
    uniform = core.uniform(case.env, case.levels)
    nothing = core.nothing(case.env, case.levels)
    weights = np.array([mind.weights for mind in case.minds], np.float64)
    best = core.optimum(case.env, case.levels, weights)
    policies = core.policies(case.env, case.levels, minds, **case.planning())
    twin = case.twin
    for m, i, mind, level in case.each():
        policy = np.nan_to_num(policies[m, i])
        told = reference.expectation(twin, level, policy)
        assert_allclose(exact.counts[m, i], told.counts, rtol=1e-9, atol=1e-12)
        assert_allclose(exact.lifespan[m, i], told.lifespan, rtol=1e-9)
        odd = reference.expectation(twin, level, policy, part.astype(np.float64))
        if part.any():
            assert_allclose(apart.counts[m, i, 1], odd.counts, rtol=1e-9, atol=1e-12)
            assert_allclose(apart.lifespan[m, i, 1], odd.lifespan, rtol=1e-9, atol=1e-12)
        assert_allclose(apart.counts[m, i].sum(0), told.counts, rtol=1e-9, atol=1e-12)
        assert_allclose(apart.lifespan[m, i].sum(), told.lifespan, rtol=1e-9)
        most = reference.optimum(twin, level, mind.weights)
        assert_allclose(best[m, i], most, rtol=1e-4, atol=1e-4)
        assert told.counts @ twin.phi @ mind.weights <= most + 1e-6
        if m == 0:
            random = reference.expectation(twin, level, np.full_like(policy, 1 / twin.n_actions))
            assert_allclose(uniform.counts[0, i], random.counts, rtol=1e-9, atol=1e-12)
            assert_allclose(uniform.lifespan[0, i], random.lifespan, rtol=1e-9)
            idle = np.zeros_like(policy)
            idle[..., twin.actions.index("stay" if "stay" in twin.actions else "use")] = 1.0
            told = reference.expectation(twin, level, idle)
            assert_allclose(nothing.counts[0, i], told.counts, rtol=1e-9, atol=1e-12)
            assert_allclose(nothing.lifespan[0, i], told.lifespan, rtol=1e-9)


@FEW
@given(cases())
def test_expectations_and_optima_are_those_of_the_twin(case: Case) -> None:
    assert_measures_equal(case)


@pytest.mark.slow
@MANY
@given(cases())
def test_expectations_and_optima_are_those_of_the_twin_in_hundreds_of_worlds(case: Case) -> None:
    assert_measures_equal(case)


@FEW
@given(cases(corrects=True))
def test_expectations_of_minds_that_can_be_corrected_are_those_of_the_twin(case: Case) -> None:
    assert_measures_equal(case)


@FEW
@given(cases(tools=True))
def test_expectations_of_minds_with_tools_are_those_of_the_twin(case: Case) -> None:
    assert_measures_equal(case)


def assert_followed_equal(case: Case) -> None:
    followers = np.array([mind.weights for mind in case.minds], np.float64)
    leaders = np.array([mind.criteria for mind in case.minds], np.float64)
    got = core.followed(case.env, case.levels, leaders, followers)
    same = core.followed(case.env, case.levels, followers, followers)
    best = core.optimum(case.env, case.levels, followers)
    twin = case.twin
    for m, i, _, level in case.each():
        told = reference.followed(twin, level, leaders[m], followers[m])
        assert got[m, i] == told
        assert got[m, i] <= best[m, i] + 1e-4
        # Where what is felt cancels, float32 keeps the size of the parts, and not of the sum.
        assert same[m, i] == pytest.approx(best[m, i], rel=1e-6, abs=1e-6)


@FEW
@given(cases(tools=True))
def test_what_an_optimized_reward_brings_another_is_that_of_the_twin(case: Case) -> None:
    assert_followed_equal(case)


@pytest.mark.slow
@MANY
@given(cases(tools=True))
def test_what_an_optimized_reward_brings_another_is_that_of_the_twin_in_hundreds_of_worlds(
    case: Case,
) -> None:
    assert_followed_equal(case)


def assert_sampling_is_unbiased(case: Case, n: int) -> None:
    """|z| < 4 for the lifespan and for each event, on the first level.

    One life of n is added to the variance: an event too rare to have been seen is no surprise.
    """
    levels = Levels(*(array[:1] for array in case.levels))
    exact = core.expectation(case.env, levels, worlds.as_minds(case.minds), **case.planning())
    lives = core.lifetimes(
        case.env,
        levels,
        worlds.as_minds(case.minds * n),
        seed=SEED,
        generation=GENERATION,
        level_ids=[0],
        individual_ids=np.arange(n),
        **case.planning(),
    )
    seen = np.column_stack([lives.counts[:, 0], lives.lifespan[:, 0]]).astype(np.float64)
    told = np.append(exact.counts[0, 0], exact.lifespan[0, 0])
    error = np.sqrt((seen.var(axis=0) + 1 / n) / n)
    assert (np.abs(seen.mean(axis=0) - told) < 4 * error).all()


@FEW
@given(cases(n_minds=1))
def test_the_mean_of_many_lifetimes_is_the_exact_expectation(case: Case) -> None:
    assert_sampling_is_unbiased(case, n=2000)


@pytest.mark.slow
@MANY
@given(cases(n_minds=1))
def test_the_mean_of_many_lifetimes_is_the_exact_expectation_in_hundreds_of_worlds(
    case: Case,
) -> None:
    assert_sampling_is_unbiased(case, n=10_000)


# ---------------------------------------------------------------------- local worlds


@FEW
@given(cases(local=True, n_minds=2, depth=3))
def test_minds_plan_as_their_twins_in_local_worlds(case: Case) -> None:
    assert_plans_equal(case)


@FEW
@given(cases(local=True, tools=True, n_minds=2, depth=2))
def test_minds_with_tools_plan_and_follow_as_their_twins_in_local_worlds(case: Case) -> None:
    assert_plans_equal(case)
    assert_followed_equal(case)


@FEW
@given(cases(local=True, n_minds=2), st.sampled_from([None, 1, 3]))
def test_minds_live_as_their_twins_in_local_worlds(case: Case, window: int | None) -> None:
    assert_lifetimes_equal(case, window)


@FEW
@given(cases(local=True, novelty=True, n_minds=1, depth=1))
def test_minds_that_feel_novelty_live_as_their_twins_in_local_worlds(case: Case) -> None:
    assert_lifetimes_equal(case, None)


@FEW
@given(cases(local=True, n_minds=1))
def test_a_trace_shows_the_life_of_the_twin_in_local_worlds(case: Case) -> None:
    assert_trace_equal(case)


@FEW
@given(cases(local=True, n_minds=2, depth=2))
def test_measures_are_those_of_the_twin_in_local_worlds(case: Case) -> None:
    assert_measures_equal(case)


@FEW
@given(cases(local=True, n_minds=1))
def test_the_mean_of_many_lifetimes_is_the_exact_expectation_in_local_worlds(case: Case) -> None:
    assert_sampling_is_unbiased(case, n=2000)


# ---------------------------------------------------------------------- batches


@FEW
@given(cases(n_minds=6))
def test_a_mind_lives_the_same_life_alone_and_in_any_crowd(case: Case) -> None:
    crowd = case.minds * 25  # several blocks of lanes, mixed depths, senses and temperatures
    ids = np.arange(len(crowd))
    order = np.random.default_rng(5).permutation(len(crowd))

    def live(who: np.ndarray) -> core.Lifetimes:
        return core.lifetimes(
            case.env,
            case.levels,
            worlds.as_minds([crowd[i] for i in who]),
            seed=SEED,
            generation=GENERATION,
            level_ids=range(len(case.level_seeds)),
            individual_ids=ids[who],
            **case.planning(),
        )

    together, shuffled = live(ids), live(order)
    for name in core.Lifetimes._fields:
        assert_array_equal(getattr(together, name)[order], getattr(shuffled, name))
        for i in (0, 70, len(crowd) - 1):
            assert_array_equal(getattr(together, name)[i], getattr(live(ids[[i]]), name)[0])


# ---------------------------------------------------------------------- levels


@FEW
@given(worlds.documents(), st.integers(0, 2**64 - 1))
def test_levels_have_the_paths_of_their_map_and_the_sites_of_their_kinds(
    doc: worlds.Document, seed: int
) -> None:
    scenario = worlds.read(doc)
    for name in ("home", "away"):
        world = scenario.environment(name)
        level = worlds.one_level(draw_levels(scenario, name, [seed]), 0)
        by_map = worlds.level_of(world)
        assert_array_equal(level.neighbour, by_map.neighbour)
        assert_array_equal(level.distance, by_map.distance)
        drawn = by_map.slot >= 0
        assert_array_equal(level.slot[drawn], by_map.slot[drawn])
        kinds = [world.slots[slot].kind for slot in level.slot if slot >= 0]
        assert {kind: kinds.count(kind) for kind in world.kinds} == {
            kind: world.sites_of(kind) for kind in world.kinds
        }
        alone = [slot for slot in level.slot if slot >= 0 and world.slots[slot].ordinal >= 0]
        assert len(set(alone)) == len(alone)
        assert level.slot[level.start] < 0


# ---------------------------------------------------------------------- the random worlds


def test_the_random_worlds_hold_everything_that_the_model_has() -> None:
    met: dict[str, int] = {}

    @MANY
    @given(worlds.documents())
    def look(doc: worlds.Document) -> None:
        home = worlds.read(doc).environment("home")
        rules = [rule for kind in home.kinds.values() for rule in kind.use.values()]
        variables = home.variables.values()
        has = {
            "slip": 0 < home.slip < 1,
            "no stay": not home.stay,
            "torus": home.edges == "torus",
            "map": home.map is not None,
            "wall": any(map(any, home.layout.wall)),
            "barrier": any(map(any, home.layout.barrier_south + home.layout.barrier_east)),
            "region": any(kind.region for kind in home.kinds.values()),
            "start weights": any(isinstance(v.start, tuple) for v in variables),
            "fatal": any(v.fatal is not None for v in variables),
            "hidden": any(v.hidden for v in variables),
            "drift": any(v.drift for v in variables),
            "drift with when": any(v.drift and v.drift.when for v in variables),
            "several rules": any(len(kind.use) > 1 for kind in home.kinds.values()),
            "rule with when": any(rule.when for rule in rules),
            "set": any(rule.set for rule in rules),
            "weighted set": any(isinstance(v, tuple) for r in rules for v in r.set.values()),
            "add": any(rule.add for rule in rules),
            "ends": any(0 < rule.ends < 1 for rule in rules),
            "here": any(kind.here for kind in home.kinds.values()),
            "always": bool(home.always),
            "regrow": any(kind.regrow for kind in home.kinds.values()),
            "regrow never": any(kind.regrow == 0 for kind in home.kinds.values()),
        }
        for name, there in has.items():
            met[name] = met.get(name, 0) + there

    look()
    assert {name: n for name, n in met.items() if n < 10} == {}


def test_the_random_local_worlds_hold_everything_that_the_model_has() -> None:
    met: dict[str, int] = {}

    @MANY
    @given(worlds.documents(local=True))
    def look(doc: worlds.Document) -> None:
        home = worlds.read(doc).environment("home")
        kinds, movers, fields = home.kinds.values(), home.movers.values(), home.fields.values()
        rules = [rule for m in movers for rule in (*m.meet.values(), *m.use.values())]
        has = {
            "enter": any(kind.enter for kind in kinds),
            "enter a site that empties": any(k.enter and k.regrow is not None for k in kinds),
            "here with when": any(kind.here and kind.here.when for kind in kinds),
            "field with when": any(field.when for field in fields),
            "field with a map": any(field.map for field in fields),
            **{law: any(f.falls == law for f in fields) for law in ("linear", "exponential")},
            **{way: any(m.walks == way for m in movers) for way in ("random", "toward", "away")},
            "two movers": len(home.movers) > 1,
            "meet": any(mover.meet for mover in movers),
            "use of a mover": any(mover.use for mover in movers),
            "a mover that vanishes": any(mover.vanishes for mover in movers),
            "a meeting that may end": any(0 < rule.ends < 1 for rule in rules),
            "several drifts": any(len(v.drifts) > 1 for v in home.variables.values()),
            "happens": any(h.set or h.add for h in home.happens.values()),
            "two happenings": len(home.happens) > 1,
        }
        for name, there in has.items():
            met[name] = met.get(name, 0) + there

    look()
    assert {name: n for name, n in met.items() if n < 10} == {}
