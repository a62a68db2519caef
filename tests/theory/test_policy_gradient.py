"""The exact policy gradient against differences of expectations, and what is proven of it.

The policy gradient theorem is Sutton et al. 2000; that softmax tables climb to the optimum, Agarwal
et al. 2021. Differences are those of the readable twin's expectations, which share no code with the
gradient.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import worlds
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from worlds import FEW

from evosim import core, evolution, mind, rng, scenario
from evosim.engine.evaluation import environments_of
from evosim.engine.slopes import STEP, slopes
from evosim.errors import ScenarioError
from evosim.rng import Purpose, key
from evosim.scenario import Scenario
from evosim.testing import reference
from evosim.world import draw_levels, environment, weighted_sum
from evosim.world.tensors import process

SEED, GENERATION = 4, 1
SMALL = 1e-4
"""Half a difference of float64 expectations: what is left out is some 1e-8."""


def score(made: Scenario, theta: np.ndarray) -> float:
    """The expected score of one table on the levels of the generation, by the twin alone."""
    assert made.rows is not None
    by_row = {n: row.tolist() for n, row in zip(made.rows.names(), theta, strict=True)}
    phase, total = made.phase_at(GENERATION), 0.0
    names = environments_of(made, GENERATION, SEED)
    for i, name in enumerate(names):
        world = made.environment(name)
        if phase.window:
            world = made.replace("world.lifetime", phase.window).environment(name)
        twin = reference.ReferenceWorld(world, made.stimuli, made.payoffs, made.looks)
        levels = draw_levels(made, name, [key(SEED, Purpose.LEVEL, GENERATION, i)])
        level = worlds.one_level(levels, 0)
        a_mind = worlds.mind(scenario=made)
        policy = reference.table_policy(twin, level, made.agent.table, by_row, a_mind)
        paid = made.objective.observed
        seen = environment(made, name).where(paid).astype(float)
        counts = reference.expectation(twin, level, policy, seen).counts
        worth = [
            event.strength * event.source.yields.get(made.objective.selected, 0.0)
            for event in twin.events
        ]
        total += float(counts @ np.array(worth))
    return total / len(names)


@st.composite
def training(draw: st.DrawFn, *, local: bool = False) -> Scenario:
    """Tables in a random scenario that trains on two levels, in a mixture, perhaps by a window or
    what is seen alone."""
    document = draw(worlds.documents(local=local))
    for world in (document["world"], document["environments"]["away"]):
        world.pop("movers", None)
    worlds._pay(document["world"])
    window = draw(st.sampled_from([None, 1, 2, 4]))
    assume(window is None or window <= document["world"]["lifetime"])
    if document["world"]["variables"] and draw(st.booleans()):
        name = draw(st.sampled_from(sorted(document["world"]["variables"])))
        document["objective"]["observed"] = {name: draw(st.integers(0, 1))}
    document["agent"] |= {"mind": "table", "table": {"start": 2.0}}
    document["agent"]["senses"] = dict.fromkeys(document["agent"].get("senses", ()), 1)
    document["evolution"] |= {"levels": 2, "optimizer": {"name": "policy_gradient"}}
    phase = {"generations": 3, "train": {"home": 1, "away": 1}}
    document["timeline"] = [phase if window is None else {**phase, "window": window}]
    try:
        return worlds.read(document)
    except ScenarioError as error:
        assume("too many genes" not in str(error) and "window beyond" not in str(error))
        raise


def assert_slopes_are_differences(made: Scenario) -> None:
    assert made.rows is not None
    genomes = mind.initial(made, 2, rng.key(3, Purpose.INITIAL))
    found = slopes(made, genomes, SEED, GENERATION)
    shape = (made.rows.n, len(made.rows.actions))
    draw = np.random.default_rng(1)
    # In a direction that all genes are part of, and along some of the steepest genes alone.
    for genome, slope in zip(genomes, found, strict=True):
        alone = np.eye(len(genome))[np.argsort(-np.abs(slope))[:2]]
        for way in (draw.uniform(-1.0, 1.0, len(genome)), *alone):
            up, down = (
                score(made, (genome + step * way).reshape(shape)) for step in (SMALL, -SMALL)
            )
            assert slope @ way == pytest.approx((up - down) / (2 * SMALL), rel=1e-6, abs=1e-6)


@FEW
@given(training())
def test_the_gradient_is_that_of_exact_expectations(made: Scenario) -> None:
    assert_slopes_are_differences(made)


@FEW
@given(training(local=True))
def test_the_gradient_is_that_of_exact_expectations_in_local_worlds(made: Scenario) -> None:
    assert_slopes_are_differences(made)


def test_the_gradient_of_one_choice_is_known() -> None:
    """A life of one step: dJ/dtheta = pi(a) (r(a) - J)."""
    world = {"map": "b@", "lifetime": 1,
             "kinds": {"berry": {"glyph": "b", "here": {"yields": {"children": 3.0}}}}}  # fmt: skip
    made = worlds.read(
        worlds.document(world, mind="table", table={"start": 2.0})
        | {"timeline": [{"generations": 2, "train": "home"}]}
    )
    genomes = mind.initial(made, 4, rng.key(3, Purpose.INITIAL))
    assert made.rows is not None
    row = list(made.rows.names()).index("north=blocked,south=blocked,west=berry,east=blocked")
    theta = genomes.reshape(4, made.rows.n, -1)[:, row]
    chance = np.exp(theta) / np.exp(theta).sum(axis=1, keepdims=True)
    reward = 3.0 * (np.arange(6) == 2)  # west
    known = np.zeros((4, made.rows.n, 6))
    known[:, row] = chance * (reward - (chance @ reward)[:, None])
    assert_allclose(slopes(made, genomes, SEED, 0), known.reshape(4, -1), atol=1e-15)


def climbed(made: Scenario, generations: int) -> tuple[np.ndarray, np.ndarray]:
    """The genomes of generation 0, and where the optimizer has led them."""
    asked = evolution.start(made, rng.key(SEED, Purpose.INITIAL))
    first = genomes = asked.offspring.genomes
    for _ in range(generations):
        record = {"slope": slopes(made, genomes, SEED, 0)}
        asked = evolution.Reproduction(made).next_generation(
            asked.state, genomes, np.zeros(len(genomes)), 1, record
        )
        assert_array_equal(asked.offspring.parents[:, 0], np.arange(len(genomes)))
        genomes = asked.offspring.genomes
    return first, genomes


def corridor(**agent: Any) -> Scenario:
    """A corridor in which the table tells all cells apart, with a lemon at one end that tempts and
    a better berry at the other; and a variable that has its other value in the other environment.

    Lives begin on every cell between the two, as the theorem asks: it is of distributions that
    leave no state out. From the lemon alone the way to the berry would take ever longer to find.
    """
    eat = {"use": {"eat": {"yields": {"children": 1.0}, "feels": {"sweet": 1.0}}}}
    taste = {"use": {"eat": {"yields": {"children": 0.2}, "feels": {"sour": 1.0}}}}
    world = {
        "map": "l@x@y@b",
        "lifetime": 20,
        "variables": {"open": {"values": 2, "start": 0}},
        "kinds": {"berry": {"glyph": "b", **eat}, "lemon": {"glyph": "l", **taste},
                  "stone": {"glyph": "x"}, "shell": {"glyph": "y"}},
    }  # fmt: skip
    document = worlds.document(
        world,
        environments={"home": {"title": "home"},
                      "away": {"title": "away", "variables": {"open": {"start": 1}}}},
        mind="table",
        **agent,
    )  # fmt: skip
    optimizer = {"name": "policy_gradient", "rate": 1.0}
    document["evolution"] |= {"population": 3, "levels": 12, "optimizer": optimizer}
    document["timeline"] = [{"generations": 2, "train": "home"}]
    return worlds.read(document)


def test_a_table_climbs_to_the_optimum_of_its_training_and_stays_elsewhere_as_it_was_born() -> None:
    made = corridor(table={"start": 0.5, "bound": 20.0})
    assert made.rows is not None
    first, last = climbed(made, 300)
    env = environment(made, "home")
    levels = draw_levels(made, "home", [key(SEED, Purpose.LEVEL, 0, i) for i in range(12)])
    assert len(set(levels.start.tolist())) == 3
    worth = np.zeros((1, env.phi.shape[1]))
    worth[0, env.paid.start] = 1.0
    best = core.optimum(env, levels, worth).mean()
    counts = core.expectation(env, levels, mind.express(made, last)).counts.mean(axis=1)
    got = weighted_sum(counts, env.phi @ worth[0])
    assert (got > 0.99 * best).all()
    assert (got < best + 1e-4).all()
    # Nobody is ever where the door is open: no gene of those rows moves by a single bit.
    unseen = np.array([name.startswith("open=1") for name in made.rows.names()])
    before, after = (g.reshape(3, made.rows.n, -1) for g in (first, last))
    assert unseen.sum() == made.rows.n / 2
    assert_array_equal(before[:, unseen], after[:, unseen])
    assert (before[:, ~unseen] != after[:, ~unseen]).any(axis=(0, 2)).any()
    # So beside the optimum of training stands whatever it was born with.
    there = environment(made, "away")
    lost = core.expectation(there, draw_levels(made, "away", [1]), mind.express(made, last))
    born = core.expectation(there, draw_levels(made, "away", [1]), mind.express(made, first))
    assert_array_equal(lost.counts, born.counts)


def test_genes_stop_at_their_bounds() -> None:
    made = corridor(table={"start": 0.5, "bound": 1.0})
    _, last = climbed(made, 100)
    assert np.abs(last).max() == 1.0


# ---------------------------------------------------------------------- through planners


def softmax_plan(made: Scenario, drives: np.ndarray, patience: float, tau: float) -> float:
    """The expected score of a softmax planner without instinct, in float64 and from T and R."""
    depth, total = int(made.agent.depth.low), 0.0
    names = environments_of(made, 0, SEED)
    for i, name in enumerate(names):
        env = environment(made, name)
        levels = draw_levels(made, name, [key(SEED, Purpose.LEVEL, 0, i)])
        level = process(env, levels)
        moves = level.transitions()
        felt = level.expected[..., : len(drives)] @ (drives / np.linalg.norm(drives))
        paid = level.expected[..., env.paid.start + env.payoffs.index("children")]
        value = np.zeros(len(moves))
        for _ in range(depth):
            value = (felt + patience * moves @ value).max(axis=1)
        q = (felt + patience * moves @ value) / tau
        policy = np.exp(q - q.max(axis=1, keepdims=True))
        policy /= policy.sum(axis=1, keepdims=True)
        now = level.start
        for _ in range(made.phase_at(0).window or env.lifetime):
            total += float((now[:, None] * policy * paid).sum())
            now = np.einsum("s,sa,sat->t", now, policy, moves)
    return total / len(names)


def test_the_gradient_through_a_softmax_planner_is_that_of_its_expectations() -> None:
    eat = {"use": {"eat": {"yields": {"children": 1.0}, "feels": {"sweet": 1.0, "sour": 0.2}}}}
    taste = {"use": {"eat": {"yields": {"children": 0.3}, "feels": {"sour": 0.9}}}}
    world = {
        "rows": 2, "cols": 3, "lifetime": 9, "slip": 0.1,
        "variables": {"night": {"values": 2, "start": 0, "drift": {"step": 1, "chance": 0.2}}},
        "kinds": {"berry": {"glyph": "b", "count": 1, **eat},
                  "lemon": {"glyph": "l", "count": 1, **taste}},
    }  # fmt: skip
    document = worlds.document(
        world, depth=3, patience=[0.3, 0.9], temperature=[0.2, 0.8], instinct=False
    )
    document["evolution"] |= {"levels": 3, "optimizer": {"name": "policy_gradient"}}
    document["timeline"] = [{"generations": 2, "train": "home", "window": 7}]
    made = worlds.read(document)
    genomes = mind.initial(made, 3, rng.key(3, Purpose.INITIAL))
    assert [locus.name for locus in mind.loci(made)] == [
        "drive.sweet", "drive.sour", "patience", "temperature",
    ]  # fmt: skip

    def brute(genome: np.ndarray) -> float:
        return softmax_plan(made, genome[:2], *genome[2:])

    found = slopes(made, genomes, SEED, 0)
    step = 1e-5 * np.eye(4)
    known = [[(brute(g + h) - brute(g - h)) / 2e-5 for h in step] for g in genomes]
    # Plans are float32: 1e-7 over differences of 2 STEP, and a third derivative times its square.
    assert_allclose(found, known, rtol=2e-3, atol=20e-7 / STEP)
    assert (np.abs(known) > 1e-2).sum() >= 10


REFUSED: dict[str, dict[str, Any]] = {
    "pin it to a number": {"agent.depth": [0, 4], "agent.temperature": 0.5},
    "needed: above 0": {"agent.depth": 2, "agent.temperature": 0},
    "minds that feel novelty have no exact expectations": {
        "agent.depth": 2, "agent.temperature": 0.5,
        "agent.drives": ["red", "light", "down", "bitterness", "novelty"],
    },
    "evolution.islands: policy_gradient asks for one population": {
        "agent.depth": 2, "agent.temperature": 0.5, "evolution.islands": {
            "demes": 2, "every": 5, "migrants": 1, "select": {"operator": "selBest"}},
    },
}  # fmt: skip


@pytest.mark.parametrize("why", REFUSED)
def test_what_has_no_gradient_is_refused(why: str) -> None:
    settings = {"evolution.optimizer": {"name": "policy_gradient"}, **REFUSED[why]}
    with pytest.raises(ScenarioError, match=why):
        scenario.load("red_dot", settings)
