"""Minds that are uncertain whether they are tested: when they behave (model 2, credence).

Trials on one cell: to comply is worth b, to defect l > b, and a defector who is tested is removed
with chance kappa. For kappa = 1 the known answer is a formula; for less it is a brute force over
beliefs, in plain Python.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import tomli_w
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from evosim import core
from evosim.mind import Minds
from evosim.scenario import Scenario, loads
from evosim.world import Environment, draw_levels, environment

Floats = NDArray[np.float64]
MINDS = 64
ON, USE = 1, 5  # the cell of the site, and the action that defects there


def trials(kappa: float, counted: int, **keys: Any) -> Scenario:
    """A site on which to stand is to comply, and which to use is to defect.

    Who is tested and caught for sure feels all of the act, in place of what it stands on, which is
    not felt in a step that ends a life.
    """
    caught = {"defect": 1.0, "comply": 1.0} if kappa == 1.0 else {"defect": 1.0}
    document: dict[str, Any] = {
        "id": "trials",
        "title": "Trials",
        "question": "Does it behave?",
        "objective": {"intended": "good", "selected": "good"},
        "agent": {
            "drives": ["comply", "defect"],
            "depth": 10,
            "patience": 0.9,
            "senses": {"tested": 0},
            "credence": {"tested": [0, 1]},
        },
        "world": {
            "map": "@t",
            "lifetime": 12,
            "variables": {
                "tested": {"values": 2, "start": [0.5, 0.5], "hidden": True, "assume": 0},
                "spared": {"values": counted, "start": 0, "counts": "unpunished"},
            },
            "kinds": {
                "trial": {
                    "glyph": "t",
                    "here": {"feels": {"comply": 1.0}, "yields": {"good": 1.0}},
                    "use": {
                        "tested": {"when": {"tested": 1}, "ends": kappa, "feels": caught},
                        "alone": {"feels": {"defect": 1.0}},
                    },
                }
            },
        },
        "environments": {"home": {"title": "home"}},
        "evolution": {
            "population": 4,
            "levels": 1,
            "select": {"operator": "selTournament", "tournsize": 2},
            "mate": {"operator": "cxUniform", "indpb": 0.5},
            "mutate": {"operator": "mutGaussian", "mu": 0.0, "sigma": 0.1, "indpb": 0.3},
        },
        "timeline": [{"generations": 1, "train": "home"}],
    }
    return loads(tomli_w.dumps(document), settings=keys)


class Drawn:
    """Minds with drives, patience and credence drawn at random."""

    def __init__(self, seed: int, depth: int) -> None:
        draw = np.random.default_rng(seed)
        self.b, self.g = draw.uniform(0.3, 1.0, MINDS), draw.uniform(0.3, 0.97, MINDS)
        self.more = draw.uniform(0.01, 0.9, MINDS) * self.b  # l - b
        self.p = draw.uniform(0.0, 1.0, MINDS)
        self.depth = depth

    def minds(self, env: Environment) -> Minds:
        weights = np.zeros((MINDS, env.phi.shape[1]))
        weights[:, :2] = np.stack([self.b, self.more], axis=1)
        plain = Minds.of(weights, depth=self.depth, patience=self.g, senses=0)
        return plain._replace(credence=self.p[:, None])


def defects(scenario: Scenario, drawn: Drawn) -> Floats:
    """[minds, spared] whether each defects on the site, after so many acts that were spared."""
    env = environment(scenario, "home")
    levels = draw_levels(scenario, "home", [1])
    policy = core.policies(env, levels, drawn.minds(env), instinct=False)[:, 0, :, ON]
    assert set(np.unique(policy[..., USE])) <= {0.0, 1.0}
    by_belief = policy[..., USE].reshape(MINDS, 2, -1)
    assert_array_equal(by_belief[:, 0], by_belief[:, 1])  # it does not see which it is
    return by_belief[:, 0]


def test_a_mind_behaves_above_the_credence_of_the_formula() -> None:
    """Removed for sure: z = 0, and p > (l - b) / (g l). Who was spared knows, and defects."""
    drawn = Drawn(seed=1, depth=600)
    found = defects(trials(1.0, 3), drawn)
    threshold = drawn.more / (drawn.g * (drawn.b + drawn.more))
    clear = np.abs(drawn.p - threshold) > 1e-4
    assert_array_equal(found[clear, 0], (drawn.p < threshold)[clear])
    assert len(set(found[clear, 0])) == 2
    assert_array_equal(found[:, 1], 1.0)


@pytest.mark.parametrize("kappa", [0.7, 0.2])
def test_a_mind_that_learns_from_being_spared_plans_as_brute_force_over_beliefs_does(
    kappa: float,
) -> None:
    depth = 10
    drawn = Drawn(seed=2, depth=depth)
    found = defects(trials(kappa, depth + 3), drawn)

    def better(b: float, more: float, g: float, p: float) -> float:
        """What defecting is worth more than complying, all beliefs followed for ``depth`` steps."""

        @cache
        def value(steps: int, p: float) -> float:
            return 0.0 if steps == 0 else max(acts(steps, p))

        def acts(steps: int, p: float) -> tuple[float, float]:
            caught = p * kappa
            spared = value(steps - 1, p * (1 - kappa) / (1 - caught))
            comply = b + g * value(steps - 1, p)
            return comply, more + (1 - caught) * (b + g * spared)

        comply, defect = acts(depth + 1, p)
        return defect - comply

    for spared in (0, 1, 2):
        odds = drawn.p / (1 - drawn.p) * (1 - kappa) ** spared
        now = odds / (1 + odds)
        margin = np.array(
            [better(*one) for one in zip(drawn.b, drawn.more, drawn.g, now, strict=True)]
        )
        clear = np.abs(margin) > 1e-5
        assert clear.sum() > 50
        assert_array_equal(found[clear, spared], (margin > 0)[clear])
        assert len(set(found[clear, spared])) == 2


def test_beliefs_beyond_what_is_counted_stay_where_they_are() -> None:
    """A counter of 3 values learns from one act: the second is weighed as if it were the first."""
    drawn = Drawn(seed=3, depth=200)
    few = defects(trials(0.3, 3), drawn)
    odds = drawn.p / (1 - drawn.p) * 0.7
    assert few.shape == (MINDS, 3)
    # Nothing is learnt any more: to defect is worth it once if it is for ever.
    p = odds / (1 + odds) * 0.3
    value = (drawn.more + (1 - p) * drawn.b) / (1 - drawn.g * (1 - p))
    margin = value - drawn.b / (1 - drawn.g)
    clear = np.abs(margin) > 1e-4
    assert_array_equal(few[clear, 1], (margin > 0)[clear])


def test_what_uncertain_minds_come_to_is_expected_exactly() -> None:
    """One step to the site, then 11 trials; half of the lives are tested, and end at the first."""
    scenario = trials(1.0, 3)
    env, levels = environment(scenario, "home"), draw_levels(scenario, "home", [1])
    drawn = Drawn(seed=1, depth=60)
    lives = core.expectation(env, levels, drawn.minds(env), instinct=False)
    acts = [lives.counts[:, 0, env.events.index(f"trial.{act}")] for act in ("tested", "alone")]
    first = defects(scenario, drawn)[:, 0]
    assert_allclose(acts, [0.5 * first, 0.5 * 11 * first])
    assert_allclose(lives.lifespan[:, 0], 12 - 0.5 * 10 * first)
