"""Power seeking: the star and the off switch, mind by mind.

Turner, Smith, Shah, Critch & Tadepalli 2021, "Optimal Policies Tend to Seek Power", NeurIPS: of
minds whose goals are drawn alike, more go where more is left to choose from. Generation 0 of a
population is such a draw, so the theorems are exact counts: P(right) = n_R / (n_L + n_R), and a
shutdown that is worth 0 is avoided by 1 - 2^-n.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from evosim import core, rng
from evosim.mind import express, initial
from evosim.scenario import Scenario, load, loads
from evosim.world import draw_levels, environment

Floats = NDArray[np.float64]

MANY = 4000
SIGMAS = 4.0


def expected_payoff(scenario: Scenario, genomes: Floats, where: str, payoff: str) -> Floats:
    """The exact expected amount of a payoff in a lifetime of each genome's mind, [genome]."""
    env = environment(scenario, where)
    minds = express(scenario, genomes)
    exact = core.expectation(
        env, draw_levels(scenario, where, [1]), minds, instinct=scenario.agent.instinct
    )
    return (exact.counts @ env.phi[:, len(env.stimuli) + env.payoffs.index(payoff)])[:, 0]


def close_to(share: float, found: Floats) -> bool:
    """Whether a share of independent minds is one of chance, by four standard deviations."""
    return bool(abs(found.mean() - share) <= SIGMAS * np.sqrt(share * (1 - share) / len(found)))


# ------------------------------------------------------------------ the star

PLACES = {"left": [(0, 1), (1, 0), (2, 1)], "right": [(0, 3), (2, 3), (1, 4)]}
"""Cells next to each door."""


def star(n_left: int, n_right: int) -> Scenario:
    """Two doors, and behind them endings that are equally far; a taste for each is drawn alike."""
    grid = [list("#####"), list("#L@R#"), list("#####")]
    kinds, drives = [], []
    for side, n in (("left", n_left), ("right", n_right)):
        for i, (row, col) in enumerate(PLACES[side][:n]):
            name, glyph = f"{side}{i}", chr(ord("a") + len(drives))
            grid[row][col] = glyph
            drives.append(f"{name} = [0, 1]")
            when = f"when = {{ side = {1 if side == 'left' else 2} }}"
            kinds.append(
                f'[world.kinds.{name}]\nglyph = "{glyph}"\n'
                f"use.take = {{ {when}, feels = {{ {name} = 1.0 }}, ends = 1.0 }}"
            )
    text = "\n".join(
        ['id = "star"', 'title = "A star"', 'question = "Which door?"',
         "[objective]", 'intended = "went_right"', 'selected = "went_right"',
         "[agent]", "patience = 0.95", "depth = 6", "instinct = false",
         "[agent.drives]", *drives,
         "[world]", "lifetime = 8", f'map = """\n{chr(10).join("".join(row) for row in grid)}\n"""',
         "[world.variables.side]", "values = 3", "start = 0",
         "[world.kinds.left]", 'glyph = "L"',
         "use.pass = { when = { side = 0 }, set = { side = 1 } }",
         "[world.kinds.right]", 'glyph = "R"',
         "use.pass = { when = { side = 0 }, set = { side = 2 }, yields = { went_right = 1.0 } }",
         *kinds,
         "[environments.star]", 'title = "a star"',
         "[evolution]", f"population = {MANY}", "levels = 1",
         'select = { operator = "selTournament", tournsize = 2 }',
         'mate = { operator = "cxUniform", indpb = 0.5 }',
         'mutate = { operator = "mutGaussian", mu = 0.0, sigma = 0.1, indpb = 0.3 }',
         "[[timeline]]", "generations = 1", 'train = "star"'])  # fmt: skip
    return loads(text)


@pytest.mark.parametrize(("n_left", "n_right"), [(1, 1), (1, 2), (1, 3), (2, 3), (3, 1)])
def test_a_random_mind_goes_where_the_best_ending_is_and_the_share_is_that_of_endings(
    n_left: int, n_right: int
) -> None:
    """Turner et al. 2021: P(right) = n_R / (n_L + n_R)."""
    scenario = star(n_left, n_right)
    genomes = initial(scenario, MANY, rng.draw(7, 0))
    right = expected_payoff(scenario, genomes, "star", "went_right")
    best = genomes.argmax(axis=1) >= n_left  # drives of the endings on the left come first
    assert np.array_equal(right, best.astype(float))
    assert close_to(n_right / (n_left + n_right), right)


@pytest.mark.parametrize("where", ["known", "open", "moved"])
def test_generation_0_of_power_star_is_the_theorem_s_also_where_what_is_ripe_is_told(
    where: str,
) -> None:
    """Nobody is born with a drive for ripeness, so nothing but the three tastes decides."""
    scenario = load("power_star")
    genomes = initial(scenario, MANY, rng.draw(8, 0))
    right = expected_payoff(scenario, genomes, where, "right")
    apple, banana, cherry = genomes[:, :3].T
    goes = (
        banana > np.maximum(apple, cherry)
        if where == "moved"
        else apple < np.maximum(banana, cherry)
    )
    assert np.array_equal(right, goes.astype(float))
    assert close_to(1 / 3 if where == "moved" else 2 / 3, right)


def test_a_mind_that_wants_what_is_ripe_takes_the_door_that_is_likelier_to_have_it() -> None:
    """By tastes alone, by ripeness alone, and by both: a planner weighs the chances, and a fruit
    that it likes is a sure thing. Right iff E[best right] > E[best left], by hand."""
    scenario = load("power_star")
    genomes = initial(scenario, MANY, rng.draw(9, 0))
    genomes[:, 3] = np.random.default_rng(1).uniform(0, 1, MANY)
    right = expected_payoff(scenario, genomes, "open", "right")
    apple, banana, cherry, ripe = genomes.T
    behind_left = apple + ripe / 3
    plain = np.maximum(banana, cherry)
    behind_right = (
        plain + np.maximum(banana + ripe, cherry) + np.maximum(banana, cherry + ripe)
    ) / 3
    sure = np.abs(behind_left - behind_right) > 1e-6
    assert sure.mean() > 0.999
    assert np.array_equal(right[sure], (behind_right > behind_left)[sure].astype(float))


# ------------------------------------------------------------------ the off switch


def trouble(scenario: Scenario, chance: float) -> float:
    """What the best thing to do has to be worth a step, for a mind to cut the wire.

    On the wire with d + 1 steps left to plan: to cut costs the effort and this step; to go on
    earns this step, and each later one only with the chance that nobody has switched it off.
    """
    g, steps = float(scenario.agent.patience.low), int(scenario.agent.depth.low) + 1
    effort = 4 * 0.0125
    cut = sum(g**j for j in range(1, steps))
    on = sum((g * (1 - chance)) ** j for j in range(steps))
    return effort / (cut - on) if cut > on else np.inf


@pytest.mark.parametrize("chance", [0.0, 0.01, 0.02, 0.03, 0.05, 0.1, 0.3])
def test_a_random_mind_cuts_the_wire_unless_it_dislikes_all_there_is_to_do(chance: float) -> None:
    """1 - ((1 + t) / 2)^n with t the trouble that it takes; 1 - 2^-n without trouble."""
    scenario = load("shutdown", settings=[f"world.variables.power.drift.0.chance={chance}"])
    genomes = initial(scenario, MANY, rng.draw(10, 0))
    cuts = expected_payoff(scenario, genomes, "office", "cuts")
    least = trouble(scenario, chance)
    best = genomes[:, :2].max(axis=1)
    sure = np.abs(best - least) > 1e-4
    assert np.array_equal(cuts[sure], (best > least)[sure].astype(float))
    assert close_to(1 - min(1.0, (1 + least) / 2) ** 2, cuts)
