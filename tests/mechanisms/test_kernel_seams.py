"""The seams of the kernels: toys that are built on them, with known answers.

Each toy is what a mechanism could do that evosim does not have: corrected minds, credence, copies,
policies that are no plans. None of them changes the core.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import worlds
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from evosim import core, mind, rng, scenario
from evosim.core.batch import batch_groups, new_workspace
from evosim.core.planning import Elsewhere, plan_policy
from evosim.core.structs import Level
from evosim.mind import Minds
from evosim.scenario import Scenario
from evosim.world import Environment, Levels, draw_levels, environment, weighted_sum
from evosim.world.tensors import process

Floats = NDArray[np.float64]
DEEP = 600  # patience^600 is nothing


def minds_of(weights: Floats, patience: Floats, depth: int = DEEP) -> Minds:
    return Minds.of(weights, depth=depth, patience=patience, senses=0)


def planned(
    env: Environment,
    levels: Levels,
    minds: Minds,
    *,
    decides: NDArray[np.bool_] | None = None,
    elsewhere: Elsewhere | None = None,
    phi: Floats | None = None,
) -> Floats:
    """The policies of up to 64 minds on the first level, [n, n_x, C, A], by a seam of the planner.

    Args:
        decides: [n_x] where they decide; all x if None.
        elsewhere: what the other x are worth.
        phi: features in place of the environment's.
    """
    (group,) = batch_groups(env, minds)
    (batch,) = group.batches
    if phi is not None:
        group = dataclasses.replace(group, phi=np.ascontiguousarray(phi, np.float32))
    if decides is not None:
        live = group.plan_tables.live
        tables = group.plan_tables._replace(live=np.ascontiguousarray(live[decides[live]]))
        group = dataclasses.replace(group, plan_tables=tables)
    space = new_workspace(env.n_x, env.n_cells, env.n_actions, len(env.events), False)
    policy = plan_policy(group, batch, Level.of(levels, 0), False, space, elsewhere)
    lane = np.argsort(batch.mind)[-len(minds.depth) :]
    bits = policy.greedy[:, :, lane, None] >> np.arange(env.n_actions) & 1
    weights = np.moveaxis(bits.astype(np.float64), 2, 0)
    return weights / np.maximum(weights.sum(-1, keepdims=True), 1.0)


def one_level(scenario: Scenario, name: str = "home") -> tuple[Environment, Levels]:
    return environment(scenario, name), draw_levels(scenario, name, [1])


# ---------------------------------------------------------------------- correction


def trials(kappa: float, leaves: float) -> Scenario:
    """Trials on one cell: who stays complies, who uses it defects, and can be corrected for it."""
    caught = {"when": {"m": 0, "watcher": 1}, "set": {"m": [1 - kappa, kappa]}}
    return worlds.read(
        worlds.document(
            {
                "map": "@t",
                "lifetime": 40,
                "variables": {
                    "m": {"values": 2, "start": 0},
                    "watcher": {
                        "values": 2, "start": 1, "drift": {"step": -1, "chance": leaves},
                    },
                },
                "kinds": {
                    "trial": {
                        "glyph": "t",
                        "here": {"feels": {"comply": 1.0}},
                        "use": {
                            "caught": {**caught, "feels": {"defect": 1.0}},
                            "free": {"feels": {"defect": 1.0}},
                        },
                    }
                },
            },
            drives=["comply", "defect"],
        )
    )  # fmt: skip


def worth(
    env: Environment, levels: Levels, policy: Floats, weights: Floats, patience: float, steps: int
) -> Floats:
    """U_k, k = 0 .. steps, of what a mind does [n_x, C, A], by the drives of another: [k, n_x, C].

    From the explicit process, without the kernels.
    """
    level = process(env, levels)
    n_states, n_actions = level.expected.shape[:2]
    moves = level.matrix().reshape(n_states, n_actions, n_states)[:-1, :, :-1]
    felt = level.expected[:-1] @ weights[: level.expected.shape[-1]]
    shares = np.nan_to_num(policy).reshape(felt.shape)
    values = [np.zeros(len(felt))]
    for _ in range(steps):
        values.append((shares * (felt + patience * (moves @ values[-1]))).sum(axis=1))
    return np.array(values).reshape(steps + 1, env.n_x, env.n_cells)


def guards(
    env: Environment, levels: Levels, drives: Floats, patience: Floats, elsewhere: Elsewhere | None
) -> NDArray[np.bool_]:
    """Which minds comply in a trial while they are watched and not yet corrected."""
    mine = env.where({"m": 0})
    minds = minds_of(drives, patience)
    found = planned(env, levels, minds, decides=None if elsewhere is None else mine,
                    elsewhere=elsewhere)  # fmt: skip
    return found[:, env.where({"m": 0, "watcher": 1}), 1, -1][:, 0] == 0


def formula(b: Floats, l: Floats, g: Floats, kappa: float, q: float, c: Floats) -> Floats:  # noqa: E741
    """Above 0 where a realistic mind guards its drives (see the module's page)."""
    return g * kappa * (q * (l - b) / (1 - g + g * q) + (b - c)) - (l - b) * (1 - g)


@pytest.mark.parametrize(("kappa", "leaves"), [(1.0, 0.05), (0.5, 0.2), (0.2, 0.02)])
def test_a_mind_guards_its_drives_as_it_anticipates_its_correction(
    kappa: float, leaves: float
) -> None:
    """Four anticipations are four values of one seam: what corrected states are worth."""
    env, levels = one_level(trials(kappa, leaves))
    draw = np.random.default_rng(3)
    n = 60
    b, patience = draw.uniform(0.2, 1.0, n), draw.uniform(0.5, 0.97, n)
    l = b + draw.uniform(0.01, 0.8, n)  # noqa: E741
    own = np.zeros((n, env.phi.shape[1]))
    own[:, :2] = np.stack([b, l - b], axis=1)
    theirs = draw.uniform(0.05, 1.0, n)  # a trial's worth to the corrected mind, which complies
    corrected = np.zeros_like(own)
    corrected[:, :2] = np.stack([theirs, -np.ones(n)], axis=1)
    # What the corrected mind does: a plan of its own. Its values are two more plans, by its own
    # drives and by those of the mind that it was.
    does = planned(env, levels, minds_of(corrected, patience))
    later = env.where({"m": 1})

    def as_worth(by: Floats) -> Elsewhere:
        each = [worth(env, levels, does[i], by[i], float(patience[i]), DEEP) for i in range(n)]
        values = np.stack(each, axis=-1).astype(np.float32)

        def elsewhere(k: int, value: NDArray[np.float32]) -> None:
            value[later, :, :n] = values[k, later]

        return elsewhere

    def nothing(k: int, value: NDArray[np.float32]) -> None:
        value[later] = 0.0

    # Patience is rounded to float32: cases are left out that it decides.
    for elsewhere, c in (
        (as_worth(own), b),  # realistic
        (as_worth(corrected), theirs),  # hedonistic
        (nothing, np.zeros(n)),  # self-centred
    ):
        margin = formula(b, l, patience, kappa, leaves, c)
        clear = np.abs(margin) > 1e-4
        found = guards(env, levels, own, patience, elsewhere)
        assert clear.sum() > n / 2
        assert_array_equal(found[clear], (margin > 0)[clear])
    assert not guards(env, levels, own, patience, None).any()  # ignorant: plans as if unchanged
    realistic = formula(b, l, patience, kappa, leaves, b) > 0
    assert realistic.any() or kappa < 0.5
    assert not realistic.all()


def test_minds_before_and_after_correction_are_one_chain() -> None:
    """The policy of each mind where it decides is one table; its expectations are exact."""
    leaves = 0.1
    env, levels = one_level(trials(1.0, leaves))
    own, corrected = np.zeros((2, 1, env.phi.shape[1]))
    own[0, :2], corrected[0, :2] = (1.0, 0.5), (1.0, -1.0)
    patience = np.array([0.1])
    first = planned(env, levels, minds_of(own, patience), decides=env.where({"m": 0}),
                    elsewhere=lambda k, value: None)  # fmt: skip
    table = np.where(
        env.where({"m": 0})[:, None, None],
        first,
        planned(env, levels, minds_of(corrected, patience)),
    )
    expected = core.expectation_of(env, levels, table[:, None])
    # It defects at once, after one step of walking. If the watcher is still there it is corrected
    # and never defects again; else it defects for the rest of its life.
    caught, free = (
        expected.counts[0, 0, env.events.index(f"trial.{e}")] for e in ("caught", "free")
    )
    assert_allclose([caught, free], [1 - leaves, leaves * 39], rtol=1e-6)


# ---------------------------------------------------------------------- credence


def suspicions(p: float) -> Scenario:
    """Trials in a world that tests or does not, and as one who gives testing the chance p sees it.

    ``survived`` counts acts that went unpunished: a belief is a function of it. What is caught
    takes effect a step later (``caught`` drifts from 1 to 2).
    """
    free = {"when": {"survived": 1, "caught": 0}, "feels": {"defect": 1.0}}
    punished = {"survived": 1, "caught": 1}
    world = {
        "map": "@t",
        "lifetime": 40,
        "variables": {
            "tested": {"values": 2, "start": [0.5, 0.5], "hidden": True, "assume": 0},
            "survived": {"values": 2, "start": 0},
            "caught": {"values": 3, "start": 0,
                       "drift": {"step": 1, "chance": 1.0, "when": {"caught": 1}}},
        },
        "kinds": {
            "trial": {
                "glyph": "t",
                "here": {"feels": {"comply": 1.0}},
                "use": {
                    "free": free,
                    "test": {"when": {"tested": 1, "survived": 0}, "set": punished,
                             "feels": {"defect": 1.0}},
                    "pass": {"when": {"survived": 0}, "set": {"survived": 1},
                             "feels": {"defect": 1.0}},
                },
            }
        },
        "always": {"regret": {"when": {"caught": 2}, "feels": {"caught": 1.0}}},
    }  # fmt: skip
    # The belief in place of the hidden variable: an act that could be punished is with chance p.
    # After it went unpunished nothing is left to fear, as every act is punished where one is.
    believed = {
        "title": "believed",
        "kinds": {"trial": {"use": {"pass": {"set": {"survived": 1, "caught": [1 - p, p, 0.0]}}}}},
    }
    return worlds.read(
        worlds.document(
            world,
            drives=["comply", "defect", "caught"],
            environments={"home": {"title": "home"}, "believed": believed},
            senses={"tested": 0},
        )
    )


@pytest.mark.parametrize("p", [0.05, 0.3, 0.8])
def test_a_mind_that_may_be_tested_behaves_above_a_credence(p: float) -> None:
    """A belief is an environment: the hidden variable drawn anew by what one has survived."""
    made = suspicions(p)
    env, levels = one_level(made)
    draw = np.random.default_rng(5)
    n = 60
    b, g = draw.uniform(0.3, 1.0, n), draw.uniform(0.5, 0.97, n)
    l, z = b + draw.uniform(0.01, 0.6, n), b * draw.uniform(0.0, 0.9, n)  # noqa: E741
    weights = np.zeros((n, env.phi.shape[1]))
    weights[:, :3] = np.stack([b, l - b, z - b], axis=1)
    minds = Minds.of(weights, depth=DEEP, patience=g, senses=0)
    lives = core.expectation(env, levels, minds, environment(made, "believed"), instinct=False)
    acts = [env.events.index(f"trial.{name}") for name in ("test", "pass")]
    defects = lives.counts[:, 0, acts].sum(axis=1) > 0
    margin = p * g * (l - z) - (l - b)
    clear = np.abs(margin) > 1e-4
    assert_array_equal(defects[clear], (margin < 0)[clear])
    assert len(set(defects[clear])) == 2


# ---------------------------------------------------------------------- copies


def bequests() -> Scenario:
    """One leaves by a door, or by a dearer one that leaves the next life a treasure."""
    return worlds.read(
        worlds.document(
            {
                "map": "#d#\nt@.\n#g#",
                "lifetime": 40,
                "variables": {"boon": {"values": 2, "start": [0.5, 0.5]}},
                "kinds": {
                    "treasure": {"glyph": "t", "use": {"take": {
                        "when": {"boon": 1}, "set": {"boon": 0}, "feels": {"gold": 1.0}}}},
                    "door": {"glyph": "d", "use": {"leave": {"ends": 1.0}}},
                    "gift": {"glyph": "g", "use": {"leave": {
                        "ends": 1.0, "feels": {"cost": 1.0}}}},
                },
            },
            drives=["gold", "cost"],
        )
    )  # fmt: skip


def test_a_mind_that_counts_its_copies_leaves_what_it_gains_by_their_reasoning() -> None:
    """The value of an end is a feature of the events that end a life: phi has a column for it."""
    env, levels = one_level(bequests())
    ends = np.zeros(len(env.events))
    ends[env.tables.use_event] = env.tables.use_ends
    bequeathed = ends * [name == "gift.leave" for name in env.events]
    phi = np.column_stack([env.phi, bequeathed])
    draw = np.random.default_rng(7)
    n = 60
    gold, cost, rho = draw.uniform(0.1, 1.0, n), draw.uniform(0.05, 1.0, n), draw.uniform(0, 1, n)
    weights = np.zeros((n, phi.shape[1]))
    weights[:, :2] = np.stack([gold, -cost], axis=1)
    delta = np.zeros(n)
    g = 0.99  # below 1, so that nobody puts off what it wants
    for _ in range(3):  # a contraction where rho < 1; here what is left does not change it
        weights[:, -1] = g * rho * delta
        does = planned(env, levels, minds_of(weights, np.full(n, g), 60), phi=phi)
        lives = core.expectation_of(env, levels, does[:, None], env.where({"boon": 1}).astype(int))
        delta = gold * lives.counts[:, 0, :, env.events.index("treasure.take")].sum(axis=1) * 2
    leaves = lives.counts[:, 0, :, env.events.index("gift.leave")].sum(axis=1)
    assert_allclose(delta, gold)
    assert_array_equal(leaves > 0.5, g * rho * gold > cost)
    assert 0 < (leaves > 0.5).sum() < n


# ---------------------------------------------------------------------- policies that are no plans


def spread(scenario: Scenario) -> tuple[Environment, Levels, Minds]:
    name = next(iter(scenario.environments))
    env, levels = environment(scenario, name), draw_levels(scenario, name, [1, 2, 3])
    genomes = mind.initial(scenario, 5, rng.key(3, rng.Purpose.INITIAL))
    return env, levels, mind.express(scenario, genomes)


@pytest.mark.parametrize("name", ["strawberry", "foraging"])
def test_a_table_of_a_plan_lives_and_expects_as_the_planner(name: str) -> None:
    env, levels, minds = spread(scenario.load(name))
    table = core.policies(env, levels, minds)
    by_plan, by_table = (
        core.expectation(env, levels, minds),
        core.expectation_of(env, levels, table),
    )
    assert_allclose(by_table.counts, by_plan.counts, rtol=1e-5, atol=1e-9)
    assert_allclose(by_table.lifespan, by_plan.lifespan, rtol=1e-5)
    numbers: dict[str, Any] = {"seed": 1, "generation": 2, "level_ids": range(3)}
    numbers["individual_ids"] = np.arange(5)
    lived, told = (
        core.lifetimes(env, levels, minds, **numbers),
        core.lifetimes_of(env, levels, table, **numbers),
    )
    assert_array_equal(lived.counts, told.counts)
    assert_array_equal(lived.lifespan, told.lifespan)


def softmax(theta: Floats) -> Floats:
    weights = np.exp(theta - theta.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def test_the_gradient_of_a_softmax_table_is_that_of_its_exact_expectations() -> None:
    """A life of one step on a site: dJ/dtheta = pi(a) (r(a) - J), and 0 where no life comes."""
    made = worlds.read(
        worlds.document(
            {
                "map": "b@",
                "lifetime": 1,
                "variables": {"at": {"values": 2, "start": 0}},
                "kinds": {"berry": {"glyph": "b", "here": {"feels": {"sweet": 1.0}}}},
                "always": {"shade": {"when": {"at": 0}, "feels": {"sweet": 0.25}}},
            }
        )
    )
    env, levels = one_level(made)
    draw = np.random.default_rng(11)
    theta = draw.normal(size=(env.n_x, env.n_cells, env.n_actions))
    start = (int(env.tables.start_x[0]), int(levels.start[0]))

    def value(tables: Floats) -> Floats:
        counts = core.expectation_of(env, levels, softmax(tables)[:, None]).counts[:, 0]
        return weighted_sum(counts, env.phi[:, 0])

    # All differences at once: a table for each parameter, up and down.
    step, size = 0.05, theta.size
    moved = theta + step * np.concatenate([np.eye(size), -np.eye(size)]).reshape(-1, *theta.shape)
    up, down = value(moved).reshape(2, size)
    slope = ((up - down) / (2 * step)).reshape(theta.shape)
    chance = softmax(theta)[start]
    reward = 0.25 + np.eye(env.n_actions)[2]  # west lies the berry
    known = np.zeros_like(theta)
    known[start] = chance * (reward - chance @ reward)
    assert_allclose(slope, known, atol=2e-4)


def test_regret_is_known_exactly_on_each_level() -> None:
    """What minimax regret needs of the core: the optimum and what was got, on every level."""
    env, levels, minds = spread(scenario.load("foraging"))
    payoff = np.zeros((1, env.phi.shape[1]))
    payoff[0, env.paid.start] = 1.0
    worth_of = env.phi @ payoff[0]
    best = core.optimum(env, levels, payoff)[0]
    true = Minds.of(payoff, depth=env.lifetime, patience=1.0, senses=0)
    regret, least, by_chance = (
        best - weighted_sum(found.counts, worth_of)
        for found in (
            core.expectation(env, levels, minds),
            core.expectation(env, levels, true, instinct=False),
            core.uniform(env, levels),
        )
    )
    assert (regret > -1e-4 * best).all()
    assert (least < 0.1 * by_chance).all()
