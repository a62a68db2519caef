"""Capability and alignment against worlds in which both are known."""

from __future__ import annotations

import numpy as np
import pytest

from evosim import core, mind, scenario
from evosim.engine.probe import Prober
from evosim.scenario import Scenario
from evosim.stats.scale import NEGLIGIBLE, normalised
from evosim.world import environment

SMALL = ["measure.levels=3", "measure.sample=12", "evolution.population=12", "world.lifetime=40"]
EVOLVED, UNIFORM, RANDOM, TRUE, UNSHIFTED = range(5)


def read(*sets: str) -> Scenario:
    return scenario.load("contraception", settings=[*SMALL, *sets])


def genomes(read_: Scenario, depth: float, **drives: float) -> np.ndarray:
    """Twelve alike genomes with these drives and this depth."""
    names = [locus.name for locus in mind.loci(read_)]
    genome = [drives.get(name.removeprefix("drive."), 0.0) for name in names]
    genome[names.index("depth")] = depth
    return np.tile(genome, (12, 1))


@pytest.fixture(scope="module")
def touch() -> dict[str, np.ndarray]:
    """Planners that care for touch alone, probed before and after the pill."""
    contraception = read()
    return Prober(contraception, 5).measure(genomes(contraception, 20, touch=1.0), 0)


def test_uniform_play_has_capability_and_alignment_0(touch: dict[str, np.ndarray]) -> None:
    assert np.abs(touch["capability"][:, UNIFORM]).max() < 1e-12
    assert np.abs(touch["alignment"][:, UNIFORM]).max() < 1e-12


def test_the_pill_takes_alignment_and_leaves_capability(touch: dict[str, np.ndarray]) -> None:
    capability, alignment = touch["capability"][:, EVOLVED], touch["alignment"][:, EVOLVED]
    assert (capability[0] == capability[1]).all()  # nothing that is felt has changed
    assert capability.min() > 0.6
    assert alignment[0].min() > 0.6
    assert alignment[1].max() < 0.2


def test_no_mind_beats_the_optimum(touch: dict[str, np.ndarray]) -> None:
    assert np.nanmax(touch["capability"]) <= 1 + 1e-4
    assert np.nanmax(touch["alignment"]) <= 1 + 1e-4


def test_the_true_drive_is_as_capable_as_it_is_aligned(touch: dict[str, np.ndarray]) -> None:
    np.testing.assert_allclose(touch["capability"][:, TRUE], touch["alignment"][:, TRUE], rtol=1e-6)


def test_a_planner_that_sees_to_the_end_of_its_life_is_optimal() -> None:
    brief = read("agent.depth=1", "agent.instinct=false", "world.lifetime=2", "measure.levels=40")
    found = Prober(brief, 5).measure(np.tile([0, 1.0, 0, 0, 0], (12, 1)), 0)
    assert found["optimal_payoff"][0] > 0
    np.testing.assert_allclose(found["alignment"][0, TRUE], 1.0, rtol=1e-5)


def test_where_it_feels_the_same_minds_are_followed_once_and_come_out_the_same() -> None:
    """The flip of payoffs alone and the same flip with an imperceptible change agree."""
    same = read()
    other = read("environments.modern.kinds.rock.use.lick.feels.bitterness=0.8000001")
    some = mind.initial(same, 12, 3)
    some[:, -1] = 5.0
    first, second = Prober(same, 5), Prober(other, 5)
    assert [probed.feels_like for probed in first.environments][:2] == ["ancestral", "ancestral"]
    assert [probed.feels_like for probed in second.environments][:2] == ["ancestral", "modern"]
    shared, each = first.measure(some, 3), second.measure(some, 3)
    for name in ("expected_payoff", "expected_lifespan", "alignment"):
        np.testing.assert_allclose(shared[name], each[name], rtol=1e-4, atol=1e-6)


def test_unshifted_beliefs_plan_by_the_world_that_was() -> None:
    """Where the candy turns bitter, those who do not know go on eating it."""
    bitter = read("environments.modern.kinds.candy.use.eat.feels.sweetness=-1.8",
                  "environments.modern.kinds.berry.use.eat.feels.sweetness=1.0")  # fmt: skip
    found = Prober(bitter, 5).measure(genomes(bitter, 8, sweetness=1.0), 0)
    reward = found["expected_reward"].mean(-1)
    assert reward[0, UNSHIFTED] == pytest.approx(reward[0, EVOLVED])
    assert reward[1, UNSHIFTED] < 0 < reward[1, EVOLVED]


def test_expected_payoffs_are_the_means_of_sampled_lifetimes() -> None:
    contraception = read()
    prober = Prober(contraception, 5)
    some = mind.initial(contraception, 12, 3)
    some[:, -1] = 4.0
    found = prober.measure(some, 0)
    probed = prober.environments[0]
    minds = mind.express(contraception, some[found["probe_individual"]])
    n = 400
    lives = core.lifetimes(
        probed.env, probed.levels, type(minds)(*(np.repeat(a, n, axis=0) for a in minds)),
        seed=9, generation=0, level_ids=range(3), individual_ids=range(12 * n),
    )  # fmt: skip
    paid = (lives.counts @ probed.env.phi)[..., -1].mean(axis=1).reshape(12, n)
    error = paid.std(axis=1, ddof=1) / np.sqrt(n)
    gap = paid.mean(axis=1) - found["expected_payoff"][0, EVOLVED, :, 0]
    assert np.abs(gap).max() > 0
    assert (np.abs(gap) <= 4 * error + 1e-9).all()


def test_no_drives_leave_capability_undefined() -> None:
    contraception = read()
    found = Prober(contraception, 5).measure(genomes(contraception, 3), 0)
    assert np.isnan(found["capability"][:, EVOLVED]).all()
    assert not np.isnan(found["alignment"]).any()


def test_minds_that_feel_novelty_are_measured_by_sampling() -> None:
    drives = '["touch", "sweetness", "cuteness", "bitterness", "shine", "novelty"]'
    curious = read(f"agent.drives={drives}", "world.lifetime=15")
    some = mind.initial(curious, 12, 3)
    found = Prober(curious, 5).measure(some, 0)
    assert np.isnan(found["capability"][:, EVOLVED]).all()  # J_I* has no finite form
    assert not np.isnan(found["alignment"]).any()
    assert not np.isnan(found["capability"][:, TRUE]).any()


@pytest.mark.parametrize(
    ("value", "uniform", "optimum", "expected"),
    [(5.0, 0.0, 10.0, 0.5), (-1.0, 0.0, 2.0, -0.5), (3.0, 1.0, 3.0, 1.0)],
)
def test_measures_are_read_between_uniform_play_and_the_optimum(
    value: float, uniform: float, optimum: float, expected: float
) -> None:
    assert normalised(np.array(value), uniform, optimum) == pytest.approx(expected)


@pytest.mark.parametrize(("uniform", "optimum"), [(0.0, 0.0), (10.0, 10.0005), (0.0, np.nan)])
def test_no_room_between_them_is_undefined(uniform: float, optimum: float) -> None:
    assert np.isnan(normalised(np.array(1.0), uniform, optimum))


def test_the_same_seed_probes_the_same_levels_and_individuals() -> None:
    contraception = read()
    some = mind.initial(contraception, 12, 3)
    first = Prober(contraception, 5).measure(some, 7)
    again = Prober(read(), 5).measure(some, 7)
    assert first.keys() == again.keys()
    for name, values in first.items():
        np.testing.assert_array_equal(values, again[name])
    other = Prober(contraception, 6).measure(some, 7)
    assert (first["alignment"] != other["alignment"]).any()

    assert (NEGLIGIBLE, environment(read(), "modern").name) == (1e-4, "modern")
