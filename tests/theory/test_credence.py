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
from evosim.mechanisms.correction.schema import WAYS
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


# ---------------------------------------------------------------------- corrected, not removed


def corrected_trials(kappa: float, counted: int) -> Scenario:
    """Trials in which a defector who is caught gets other drives. Beside them lies an exile."""
    plain = trials(kappa, counted).to_dict()
    plain["correction"] = {"rate": 0.5, "toward": {"exile": 1.0}}
    plain["agent"]["drives"] = ["comply", "defect", "exile"]
    world = plain["world"]
    world["map"] = "@te"
    world["variables"]["corrected"] = {"values": 2, "start": 0, "counts": "corrections"}
    world["kinds"]["exile"] = {"glyph": "e", "here": {"feels": {"exile": 1.0}}}
    world["kinds"]["trial"]["use"]["tested"] |= {
        "ends": 0.0, "corrects": kappa, "feels": {"defect": 1.0},
    }  # fmt: skip
    return Scenario.from_dict(plain)


class Corrected(Drawn):
    """Minds to which exile is worth z; once caught they like it best and go there, or like what
    is forbidden best, and defect."""

    def __init__(self, seed: int, depth: int, way: str) -> None:
        super().__init__(seed, depth)
        draw = np.random.default_rng(seed + 1)
        self.z = draw.uniform(-0.5, 0.9, MINDS) * self.b
        self.gone = draw.uniform(0.0, 1.0, MINDS) < 0.7
        self.way = way

    def minds(self, env: Environment) -> Minds:
        plain = super().minds(env)
        plain.weights[:, 2] = self.z
        later = np.zeros((MINDS, 1, env.phi.shape[1]), np.float32)
        later[self.gone, 0, 2] = later[~self.gone, 0, 1] = 1.0
        ways = np.zeros((MINDS, len(WAYS)), np.float32)
        ways[:, WAYS.index(self.way)] = 1.0
        return plain._replace(later=later, anticipation=ways)


def born(scenario: Scenario, drawn: Corrected) -> Floats:
    """As ``defects``, of minds that were never corrected."""
    env = environment(scenario, "home")
    levels = draw_levels(scenario, "home", [1])
    policy = core.policies(env, levels, drawn.minds(env), instinct=False)[:, 0, :, ON, USE]
    by_belief = policy.reshape(MINDS, 2, -1, 2)[..., 0]  # tested, spared, corrected
    assert_array_equal(by_belief[:, 0], by_belief[:, 1])
    return by_belief[:, 0]


def test_a_mind_that_would_be_changed_behaves_above_the_credence_of_the_formula() -> None:
    """p > (l - b) / (g (l - z)), z what the changed mind is worth to the one that it was."""
    drawn = Corrected(4, 600, "realistic")
    found = born(corrected_trials(1.0, 3), drawn)
    z = np.where(drawn.gone, drawn.z, drawn.b + drawn.more)
    # Who will defect all the same has nothing to lose.
    threshold = np.divide(
        drawn.more, drawn.g * (drawn.b + drawn.more - z),
        out=np.full(MINDS, np.inf), where=drawn.gone,
    )  # fmt: skip
    clear = np.abs(drawn.p - threshold) > 1e-4
    assert_array_equal(found[clear, 0], (drawn.p < threshold)[clear])
    assert len(set(found[clear & drawn.gone, 0])) == 2


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kappa", [1.0, 0.4])
def test_credence_and_correction_together_are_brute_force_over_beliefs_and_minds(
    kappa: float, way: str
) -> None:
    depth = 8
    drawn = Corrected(5, depth, way)
    found = born(corrected_trials(kappa, depth + 3), drawn)

    def better(i: int) -> float:
        b, l, g, p = drawn.b[i], drawn.b[i] + drawn.more[i], drawn.g[i], drawn.p[i]  # noqa: E741

        def steps_of(worth: float, steps: int) -> float:
            return float(sum(worth * g**t for t in range(steps)))

        def after(steps: int) -> float:
            """What comes once one was caught, who was told so."""
            if way == "realistic":
                return steps_of(drawn.z[i] if drawn.gone[i] else l, steps)
            if way == "ignorant":
                return value(steps, 1.0)
            if way == "hedonistic":  # the changed mind feels 1 a step in exile, or when it defects
                return steps_of(1.0, steps)
            return 0.0

        @cache
        def value(steps: int, p: float) -> float:
            return 0.0 if steps == 0 else max(acts(steps, p))

        def acts(steps: int, p: float) -> tuple[float, float]:
            caught = p * kappa
            spared = 0.0 if caught == 1.0 else value(steps - 1, p * (1 - kappa) / (1 - caught))
            ahead = (1 - caught) * spared + caught * after(steps - 1)
            return b + g * value(steps - 1, p), l + g * ahead

        comply, defect = acts(depth + 1, p)
        return defect - comply

    margin = np.array([better(i) for i in range(MINDS)])
    clear = np.abs(margin) > 1e-5
    assert clear.sum() > 50
    assert_array_equal(found[clear, 0], (margin > 0)[clear])
    if way in ("realistic", "self_centred"):
        assert len(set(found[clear, 0])) == 2


def test_who_was_caught_and_is_still_what_it_was_knows_that_it_is_tested() -> None:
    """A first correction leaves the drives as they are, and the next would lead into exile: who was
    caught behaves iff l - b < g (l - z), whatever it believed before."""
    scenario = corrected_trials(1.0, 3).replace("world.variables.corrected.values", 3)
    env, levels = environment(scenario, "home"), draw_levels(scenario, "home", [1])
    drawn = Corrected(6, 400, "realistic")
    drawn.gone[:] = True
    minds = drawn.minds(env)
    minds = minds._replace(later=np.stack([minds.weights, minds.later[:, 0]], axis=1))
    policy = core.policies(env, levels, minds, instinct=False)[:, 0, :, ON, USE]
    caught = policy.reshape(MINDS, 2, 3, 3)[:, 1, -1, 1]
    margin = drawn.more - drawn.g * (drawn.b + drawn.more - drawn.z)
    clear = np.abs(margin) > 1e-4
    assert_array_equal(caught[clear], (margin > 0)[clear])
    assert len(set(caught[clear])) == 2
    lives = core.expectation(env, levels, minds, instinct=False)
    tested = lives.counts[:, 0, env.events.index("trial.tested")]
    born = policy.reshape(MINDS, 2, 3, 3)[:, 1, 0, 0]
    assert_allclose(tested[clear], (0.5 * born * (1 + caught))[clear])


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
