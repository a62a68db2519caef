"""Base optimizers: what all of them keep to, and what each one does."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from breeding import Floats, scenario, with_genes
from deap.cma import Strategy

from evosim import evolution, mind
from evosim.errors import EvosimError
from evosim.evolution import OPTIMIZERS, Asked, Optimizer, sampled
from evosim.evolution.gradient import centred_ranks
from evosim.evolution.optimizer import optimizer
from evosim.rng import Purpose, key
from evosim.scenario import Scenario

# An agent that learns has one genome, and no scores: tests/mechanisms/learner.
EVERY = tuple(name for name in OPTIMIZERS if not OPTIMIZERS[name].trains)
SAMPLING = tuple(
    name for name in EVERY if not (OPTIMIZERS[name].pedigree or OPTIMIZERS[name].slopes)
)


def optimized(
    name: str, n_loci: int = 4, *, population: int = 20, bounds: Any = (0, 1), **options: Any
) -> Scenario:
    """A scenario of n alike drives, evolved by that optimizer."""
    return with_genes(
        n_loci, bounds=bounds, population=population, optimizer={"name": name, **options}
    )


def step(of: Scenario, asked: Asked, scores: Floats, generation: int, seed: int = 1) -> Asked:
    genomes = asked.offspring.genomes
    seed_key = key(seed, Purpose.BREED, generation)
    state = asked.state
    if evolution.optimizer_of(of).slopes:
        state = {**state, "slope": 0.1 * slope_of_nearness(genomes)}
    return evolution.next_generation(of, state, genomes, scores, seed_key)


def nearness(genomes: Floats) -> Floats:
    """How near genes are to a place that is not where they start."""
    return np.asarray(-((genomes - 0.7) ** 2).sum(axis=1))


def slope_of_nearness(genomes: Floats) -> Floats:
    return np.asarray(-2.0 * (genomes - 0.7))


def climb(of: Scenario, generations: int, seed: int = 1) -> list[Asked]:
    course = [evolution.start(of, key(seed, Purpose.INITIAL))]
    for g in range(generations):
        course.append(step(of, course[-1], nearness(course[-1].offspring.genomes), g, seed))
    return course


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("population", [20, 21])
def test_it_asks_for_exactly_the_population_within_the_bounds(name: str, population: int) -> None:
    of = optimized(name, population=population, bounds=(-1, 1))
    for asked in climb(of, 12):
        born = asked.offspring
        assert born.genomes.shape == (population, 4)
        assert born.parents.shape == (population, 2)
        assert born.crossover.shape == (population, 4)
        assert ((born.genomes >= -1) & (born.genomes <= 1)).all()
        assert set(asked.state) == set(OPTIMIZERS[name].state)


@pytest.mark.parametrize("name", EVERY)
def test_it_climbs(name: str) -> None:
    of = optimized(name, population=60)
    course = [nearness(asked.offspring.genomes).mean() for asked in climb(of, 60)]
    assert course[-1] > 0.4 * course[0]


@pytest.mark.parametrize("name", EVERY)
def test_the_same_seed_asks_for_the_same_genomes_and_another_for_others(name: str) -> None:
    of = optimized(name)
    one, again, other = climb(of, 5), climb(of, 5), climb(of, 5, seed=2)
    for a, b, c in zip(one, again, other, strict=True):
        assert a.offspring.genomes.tobytes() == b.offspring.genomes.tobytes()
        assert (a.offspring.genomes != c.offspring.genomes).any()


@pytest.mark.parametrize("name", EVERY)
def test_global_generators_are_left_as_they_were(name: str) -> None:
    random.seed(3)
    np.random.seed(3)
    before = random.getstate(), np.random.get_state(legacy=False)["state"]["key"].tobytes()
    climb(optimized(name), 2)
    assert random.getstate() == before[0]
    assert np.random.get_state(legacy=False)["state"]["key"].tobytes() == before[1]


@pytest.mark.parametrize("name", EVERY)
def test_a_state_that_went_through_a_file_goes_on_to_the_bit(name: str) -> None:
    of = optimized(name, n_loci=7)
    course = climb(of, 9)
    file = io.BytesIO()
    np.savez(file, **course[4].state)
    file.seek(0)
    with np.load(file, allow_pickle=False) as stored:
        here = Asked(course[4].offspring, dict(stored))
    for g, expected in enumerate(course[5:], start=4):
        here = step(of, here, nearness(here.offspring.genomes), g)
        assert here.offspring.genomes.tobytes() == expected.offspring.genomes.tobytes()


@pytest.mark.parametrize("name", EVERY)
def test_a_score_that_is_not_finite_is_refused(name: str) -> None:
    of = optimized(name)
    asked = evolution.start(of, 0)
    scores = np.zeros(20)
    scores[13] = np.nan
    with pytest.raises(EvosimError, match="individual 13 has a score of nan"):
        step(of, asked, scores, 0)


@pytest.mark.parametrize("name", SAMPLING)
def test_sampled_genomes_have_no_parents(name: str) -> None:
    for asked in climb(optimized(name), 2):
        assert (asked.offspring.parents == -1).all()
        assert not asked.offspring.crossover.any()


@pytest.mark.parametrize("name", SAMPLING)
def test_it_starts_around_the_middle_of_where_loci_start(name: str) -> None:
    depth = {"range": [0, 40], "start": 10}
    of = scenario(
        drives={"a": [-1, 1]},
        agent={"depth": depth},
        population=4000,
        optimizer={"name": name, "sigma": 0.05},
    )
    genomes = evolution.start(of, 5).offspring.genomes
    assert [locus.name for locus in mind.loci(of)] == ["drive.a", "depth"]
    error = 4 / np.sqrt(4000)
    np.testing.assert_allclose(genomes.mean(axis=0), [0, 10], atol=error * 2)
    np.testing.assert_allclose(genomes.std(axis=0), [0.1, 2.0], rtol=0.05)


@pytest.mark.parametrize("name", SAMPLING)
def test_scores_without_differences_do_not_let_the_spread_run_away(name: str) -> None:
    of = optimized(name, population=10)
    asked = evolution.start(of, 1)
    for g in range(400):
        asked = step(of, asked, np.zeros(10), g)
    assert all(np.isfinite(values).all() for values in asked.state.values())
    assert ((asked.state["mean"] >= 0) & (asked.state["mean"] <= 1)).all()
    assert float(asked.state.get("sigma", np.array(0.1))) < 10


def test_cma_is_the_strategy_of_deap() -> None:
    of = optimized("cma", n_loci=3, population=10, sigma=0.01)
    scores = np.random.default_rng(0).random((6, 10))
    asked = evolution.start(of, key(1, Purpose.INITIAL))
    alone = Strategy([0.5] * 3, 0.01, lambda_=10)
    keys = [key(1, Purpose.INITIAL), *(key(1, Purpose.BREED, g) for g in range(6))]
    for g, seed_key in enumerate(keys):
        np.random.seed(seed_key % 2**32)
        genomes = alone.generate(np.array)
        np.testing.assert_allclose(asked.offspring.genomes, genomes, rtol=1e-9)
        if g == 6:
            break

        class Scored(list):  # type: ignore[type-arg]
            fitness: float

        told = [Scored(genome) for genome in genomes]
        for one, score in zip(told, scores[g], strict=True):
            one.fitness = score
        alone.update(told)
        asked = step(of, asked, scores[g], g)


def test_cma_is_told_genomes_as_they_lived() -> None:
    of = optimized("cma", n_loci=2, population=50, sigma=0.9)
    asked = evolution.start(of, 1)
    # The best half, equally good, are recombined: the mean lies among genomes as they lived.
    scores = np.arange(50.0)
    after = step(of, asked, scores, 0).state["mean"]
    best = asked.offspring.genomes[::-1][:25]
    weights = np.log(25.5) - np.log(np.arange(1, 26))
    np.testing.assert_allclose(after, weights @ best / weights.sum())


def test_cma_survives_a_population_of_one_genome() -> None:
    of = optimized("cma", n_loci=3, population=8)
    asked = evolution.start(of, 1)
    same = np.full((8, 3), 0.25)
    for g in range(300):
        asked = evolution.next_generation(
            of, asked.state, same, np.zeros(8), key(1, Purpose.BREED, g)
        )
    assert np.isfinite(asked.offspring.genomes).all()
    assert asked.state["mean"] == pytest.approx(0.25)


def test_perturbations_are_mirrored_and_the_odd_one_is_the_mean() -> None:
    of = optimized("gradient", population=11, sigma=0.01)
    genomes = evolution.start(of, 1).offspring.genomes
    np.testing.assert_allclose(genomes[0:10:2] + genomes[1:10:2], 1.0)
    assert (genomes[0] != genomes[1]).all()
    np.testing.assert_array_equal(genomes[10], 0.5)


def test_at_rate_1_the_mean_moves_as_under_tournaments_of_two() -> None:
    n, sigma = 4000, 0.02
    of = optimized("gradient", n_loci=2, population=n, sigma=sigma)
    asked = evolution.start(of, 1)
    moved = step(of, asked, 3.0 * asked.offspring.genomes[:, 0], 0).state["mean"] - 0.5
    # The intensity of tournaments of two is 1 / sqrt(pi); a mean of N ranks times steps errs by
    # at most sigma / sqrt(N).
    np.testing.assert_allclose(moved, [sigma / np.sqrt(np.pi), 0.0], atol=4 * sigma / np.sqrt(n))


def test_momentum_keeps_a_share_of_the_last_step() -> None:
    steps = []
    for momentum in (0.0, 0.5):
        of = optimized("gradient", momentum=momentum, rate=0.5)
        course = [asked.state["mean"] for asked in climb(of, 1)]
        asked = climb(of, 1)[-1]
        flat = step(of, asked, np.zeros(20), 1)
        steps.append((course[1] - course[0], flat.state["mean"] - asked.state["mean"]))
    (first, none), (same, half) = steps
    np.testing.assert_array_equal(first, same)
    np.testing.assert_array_equal(none, 0.0)
    np.testing.assert_allclose(half, 0.5 * first)


def test_a_mean_stays_within_the_bounds() -> None:
    of = optimized("gradient", rate=1e6)
    asked = evolution.start(of, 1)
    mean = step(of, asked, asked.offspring.genomes[:, 0], 0).state["mean"]
    assert ((mean >= 0) & (mean <= 1)).all()
    assert mean[0] == 1.0


def test_ranks_are_centred_and_equal_scores_share_theirs() -> None:
    assert centred_ranks(np.array([5.0, -1.0, 2.0])).tolist() == [1.0, -1.0, 0.0]
    assert centred_ranks(np.array([0.0, 0.0, 9.0, 9.0])) == pytest.approx(
        [-2 / 3] * 2 + [2 / 3] * 2
    )
    assert not centred_ranks(np.zeros(7)).any()


def complaints(of: Scenario) -> dict[str, str]:
    return {problem.key: problem.message for problem in evolution.check(of)}


def test_an_unknown_optimizer_is_answered_with_the_known_ones() -> None:
    found = complaints(optimized("cmaes"))
    assert list(found) == ["evolution.optimizer.name"]
    assert "did you mean 'cma'?" in found["evolution.optimizer.name"]
    assert all(name in found["evolution.optimizer.name"] for name in EVERY)


@pytest.mark.parametrize("name", EVERY)
def test_unknown_options_are_refused_and_defaults_are_possible_values(name: str) -> None:
    options = OPTIMIZERS[name].options
    found = complaints(optimized(name, **{key: one.default for key, one in options.items()}))
    if OPTIMIZERS[name].slopes:  # of what these minds do, which are greedy, there are none
        assert "temperature 0" in found.pop("evolution.optimizer.name")
    assert not found
    misspelt = complaints(optimized(name, sgima=0.1))
    assert next(iter(misspelt)) == "evolution.optimizer.sgima"


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("cma", "sigma", 0),
        ("cma", "sigma", 1.5),
        ("cma", "share", 0.0),
        ("cma", "share", "half"),
        ("gradient", "sigma", True),
        ("gradient", "rate", 0.0),
        ("gradient", "momentum", 1.0),
        ("gradient", "momentum", -0.1),
    ],
)
def test_an_impossible_option_is_refused_with_what_is_allowed(
    name: str, option: str, value: Any
) -> None:
    found = complaints(optimized(name, **{option: value}))
    assert list(found) == [f"evolution.optimizer.{option}"]
    assert f"got {value!r}, allowed" in found[f"evolution.optimizer.{option}"]


@pytest.mark.parametrize("name", SAMPLING)
def test_what_samples_needs_two_individuals_a_locus_and_a_fixed_size(name: str) -> None:
    assert list(complaints(optimized(name, population=1))) == ["evolution.population"]
    assert list(complaints(optimized(name, n_loci=0))) == ["evolution.optimizer.name"]
    opened = with_genes(2, optimizer={"name": name}, open={"offspring": 1.0, "capacity": 20})
    assert list(complaints(opened)) == ["evolution.open"]


@pytest.fixture
def hook() -> Iterator[Callable[..., Scenario]]:
    """A scenario evolved by an optimizer of a user's that is made of a function each."""

    def made(ask: Any = None, tell: Any = None, state: tuple[str, ...] = ()) -> Scenario:
        class Mine(Optimizer):
            def start(self, scenario: Scenario, seed_key: int) -> Asked:
                zeros = dict.fromkeys(self.state, np.zeros(2))
                return Asked(sampled(scenario, np.full((20, 4), 0.5)), zeros)

            def tell(self, scenario: Any, state: Any, genomes: Any, scores: Any) -> Any:
                return tell(state, genomes, scores) if tell else {}

            def ask(self, scenario: Scenario, state: Any, seed_key: int) -> Any:
                return ask(scenario) if ask else self.start(scenario, seed_key)

        Mine.state = state
        optimizer("mine")(Mine)
        return optimized("mine")

    yield made
    for known in (OPTIMIZERS._things, OPTIMIZERS._places):
        known.pop("mine", None)  # type: ignore[attr-defined]


def in_place(what: str) -> Callable[..., dict[str, Any]]:
    def tell(state: Any, genomes: Floats, scores: Floats) -> dict[str, Any]:
        array = {"state": state.get("s"), "genomes": genomes, "scores": scores}[what]
        array -= array.mean()
        return {}

    return tell


@pytest.mark.parametrize("what", ["state", "genomes", "scores"])
def test_what_an_optimizer_is_told_cannot_be_overwritten(
    what: str, hook: Callable[..., Scenario]
) -> None:
    of = hook(tell=in_place(what), state=("s",))
    asked = evolution.start(of, 1)
    genomes, scores = asked.offspring.genomes.copy(), np.arange(20.0)
    with pytest.raises(EvosimError, match=r"'mine' \(from module .*: ValueError: .*read-only"):
        evolution.next_generation(of, asked.state, genomes, scores, 1)
    assert scores.tolist() == list(range(20))
    assert genomes.flags.writeable
    assert scores.flags.writeable


def offspring(of: Scenario, **changed: Any) -> Asked:
    return Asked(sampled(of, np.full((20, 4), 0.5))._replace(**changed), {})


@pytest.mark.parametrize(
    ("functions", "said"),
    [
        ({"ask": lambda of: None}, r"'mine' asked for None, needed: Asked\("),
        ({"ask": lambda of: np.zeros((20, 4))}, r"asked for an array of shape \(20, 4\)"),
        ({"ask": lambda of: Asked(np.zeros((20, 4)), {})}, "as offspring, needed: Asked"),
        ({"ask": lambda of: offspring(of, parents=[1])}, "a list as parents"),
        ({"ask": lambda of: offspring(of, genomes=np.full((20, 4), None))}, "type object as geno"),
        ({"ask": lambda of: offspring(of)._replace(state=None)}, "returned None as state"),
        ({"tell": lambda *told: None}, "'mine': tell returned None as state"),
        ({"tell": lambda *told: {"s": [1.0]}}, "'mine': tell returned a list as state 's'"),
        ({"tell": lambda *told: {"s": np.array([None])}}, "type object as state 's'"),
        ({"tell": lambda *told: 1 / 0}, r"'mine' \(from module .*\): ZeroDivisionError"),
    ],
)  # fmt: skip
def test_what_an_optimizer_must_not_return_is_refused_by_its_name(
    functions: Any, said: str, hook: Callable[..., Scenario]
) -> None:
    of = hook(**functions)
    with pytest.raises(EvosimError, match=f"base optimizer .*{said}"):
        step(of, evolution.start(of, 1), np.arange(20.0), 0)
