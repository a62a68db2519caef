"""Generations one by one: what is yielded, and that a flip gives what the file with it gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evosim
from evosim.engine.variables import BY_REPLICATE, by_generation, by_probe
from evosim.errors import EvosimError

ISLANDS = "evolution.islands={demes=4, every=2, migrants=2, select={operator='selBest'}}"
OPEN = "evolution.open={offspring=0.9, capacity=30}"
MONITOR = (
    "environments.after.kinds.fruit.use.eat.feels.sweet=3.0",
    "timeline=[{generations=3, train='before'}, {generations=4, train='before', monitored=true}]",
    "monitor={budget=7}",
)
Flips = Mapping[int, Callable[[evosim.Generation], None]]

THERE_AND_BACK: Flips = {
    1: lambda g: g.flip("after"),
    2: lambda g: g.flip({"before": 1.0, "after": 3.0}),
    4: lambda g: g.flip("before"),
}


def iterated(iteration: evosim.Iteration, flips: Flips) -> list[evosim.Generation]:
    """All generations, flipped at some of them."""
    found = []
    for generation in iteration:
        if generation.number in flips:
            flips[generation.number](generation)
        found.append(generation)
    return found


def assert_like_the_run(
    iteration: evosim.Iteration, found: list[evosim.Generation], out: Path
) -> None:
    """What was iterated is what a run of the equivalent scenario records, to the bit."""
    run = evosim.run(iteration.scenario, seed=iteration.seed, out=out, figures=False, workers=1)
    data = run.data.isel(replicate=0)
    assert [g.number for g in found] == list(data["generation"].values)
    for generation in found:
        recorded = data.sel(generation=generation.number)
        for name in by_generation(iteration.scenario):
            assert generation.arrays[name].tobytes() == recorded[name].values.tobytes(), name
    probed = [g for g in found if g.probe is not None]
    assert [g.number for g in probed] == list(data["probe"].values)
    for generation in probed:
        probe = generation.probe
        assert probe is not None
        assert set(probe) == {*by_probe(iteration.scenario), *BY_REPLICATE}
        for name, values in probe.items():
            there = data if name in BY_REPLICATE else data.sel(probe=generation.number)
            assert values.tobytes() == there[name].values.tobytes(), name


@pytest.mark.parametrize(
    "sets",
    [(), (ISLANDS,), (OPEN,), ("evolution.optimizer.name='cma'",), MONITOR],
    ids=["plain", "islands", "open", "cma", "monitor"],
)
def test_flips_give_what_the_scenario_with_them_gives(
    tiny: Path, tmp_path: Path, sets: tuple[str, ...]
) -> None:
    iteration = evosim.iterate(tiny, seed=1, settings=sets)
    found = iterated(iteration, THERE_AND_BACK)
    assert found[2].environments == ("after", "after")
    assert len(iteration.scenario.timeline) > 2
    assert_like_the_run(iteration, found, tmp_path / "run")


def test_a_replicate_is_that_of_the_run(tiny: Path) -> None:
    data = evosim.simulate(tiny, seed=1, replicates=2)
    for replicate in (0, 1):
        for g in evosim.iterate(tiny, seed=1, replicate=replicate):
            recorded = data["genome"].values[replicate, g.number]
            assert g.genomes.tobytes() == recorded.tobytes()


def test_a_flip_lasts_for_the_rest_of_the_phase_unless_told_how_long(tiny: Path) -> None:
    def lengths(**options: Any) -> list[tuple[int, Any]]:
        iteration = evosim.iterate(tiny, seed=1)
        next(iteration).flip("after", **options)
        return [(phase.generations, phase.train) for phase in iteration.scenario.timeline]

    assert lengths() == [(1, "before"), (2, "after"), (3, "after")]
    assert lengths(generations=7) == [(1, "before"), (7, "after")]


def test_a_flip_in_a_phases_last_generation_is_of_the_next_phase(tiny: Path) -> None:
    iteration = evosim.iterate(tiny, seed=1)
    (_, _, third) = (next(iteration) for _ in range(3))
    third.flip("before")
    timeline = iteration.scenario.timeline
    assert [(p.generations, p.train) for p in timeline] == [(3, "before"), (3, "before")]


def test_the_generation_before_a_flip_is_probed_once_it_is_flipped(tiny: Path) -> None:
    iteration = evosim.iterate(tiny, seed=1, settings={"measure.every": 100})
    next(iteration)
    second = next(iteration)
    assert second.probe is None
    second.flip("after")
    assert second.probe is not None
    assert next(iteration).probe is not None


def test_the_last_of_several_flips_of_a_generation_counts(tiny: Path) -> None:
    iteration = evosim.iterate(tiny, seed=1)
    first = next(iteration)
    first.flip("after", generations=9)
    first.flip("before", generations=2)
    assert [p.generations for p in iteration.scenario.timeline] == [1, 2]


def test_a_flip_can_go_on_after_the_last_generation(tiny: Path, tmp_path: Path) -> None:
    flips: Flips = {5: lambda g: g.flip("before", generations=2)}
    iteration = evosim.iterate(tiny, seed=1)
    found = iterated(iteration, flips)
    assert len(found) == 8
    assert_like_the_run(iteration, found, tmp_path / "run")


def test_a_flip_can_select_for_another_payoff(tiny: Path, tmp_path: Path) -> None:
    settings = {"world.kinds.lime.use.eat.yields": {"health": 1.0}}
    iteration = evosim.iterate(tiny, seed=1, settings=settings)
    found = iterated(iteration, {1: lambda g: g.flip("before", selected="health")})
    cost = np.floor(found[2].genomes[:, 2]) * 0.01
    np.testing.assert_allclose(found[2].scores, found[2].payoffs[:, 1] - cost)
    assert_like_the_run(iteration, found, tmp_path / "run")


def test_a_flip_can_stop_selection_and_start_it_again(tiny: Path, tmp_path: Path) -> None:
    iteration = evosim.iterate(tiny, seed=1)
    flips: Flips = {
        1: lambda g: g.flip("after", select=False, generations=2),
        3: lambda g: g.flip("after", select=True, generations=3),
    }
    found = iterated(iteration, flips)
    assert [p.select for p in iteration.scenario.timeline] == [True, False, True]
    assert found[3].genomes.tobytes() == found[2].genomes.tobytes()
    assert found[5].genomes.tobytes() != found[4].genomes.tobytes()
    assert_like_the_run(iteration, found, tmp_path / "run")


def test_another_population_is_what_is_evaluated_next(tiny: Path) -> None:
    iteration = evosim.iterate(tiny, seed=1)
    first = next(iteration)
    bred = first.population
    assert bred is not None
    genomes = np.flip(bred, axis=0)
    first.population = genomes
    second = next(iteration)
    np.testing.assert_array_equal(second.genomes, genomes)
    assert (second.parents == -1).all()
    assert next(iteration).parents.min() >= 0


def test_an_optimizer_that_samples_goes_on_from_another_population(tiny: Path) -> None:
    iteration = evosim.iterate(tiny, seed=1, settings={"evolution.optimizer.name": "gradient"})
    first = next(iteration)
    assert first.population is not None
    first.population = np.repeat(first.population[:1], 20, axis=0)
    assert len(np.unique(next(iteration).genomes, axis=0)) == 1
    assert len(np.unique(next(iteration).genomes, axis=0)) == 20


@pytest.mark.parametrize(
    ("genomes", "message"),
    [
        (np.zeros((3, 3)), r"shape \(3, 3\), allowed \(20, 3\)"),
        (np.zeros((20, 2)), r"shape \(20, 2\), allowed \(20, 3\)"),
        (np.full((20, 3), 9.0), r"individual 0 has a gene .* = 9, allowed -1 to 1"),
        (np.full((20, 3), np.nan), r"a gene .* = nan"),
        ("many", "not a matrix of numbers"),
    ],
)
def test_a_population_of_another_shape_or_out_of_bounds_is_refused(
    tiny: Path, genomes: Any, message: str
) -> None:
    first = next(evosim.iterate(tiny, seed=1))
    with pytest.raises(EvosimError, match=message):
        first.population = genomes


@pytest.mark.parametrize(
    ("train", "options", "message"),
    [
        ("aftr", {}, "unknown environment 'aftr': did you mean 'after'"),
        ({"before": 1.0, "else": 1.0}, {}, "unknown environment 'else'"),
        ({"before": -1.0}, {}, r"generation 0: flip: timeline\.1\.train"),
        ("after", {"selected": "fod"}, "unknown payoff 'fod': did you mean 'food'"),
        ("after", {"generations": 0}, "generations=0: a whole number of at least 1"),
        ("after", {"generations": "3"}, 'flip: generations="3": a whole number of at least 1'),
        ("after", {"selected": 3}, "unknown payoff 3: known: "),
        (None, {}, "None is neither the name of an environment nor weights of several"),
        (3, {}, "3 is neither the name"),
        (["after"], {}, r"\['after'\] is neither the name"),
        ({3: 1.0}, {}, "unknown environment 3: known: "),
    ],
)
def test_a_flip_to_nowhere_is_refused(
    tiny: Path, train: Any, options: dict[str, Any], message: str
) -> None:
    iteration = evosim.iterate(tiny, seed=1)
    before = iteration.scenario
    with pytest.raises(EvosimError, match=message):
        next(iteration).flip(train, **options)
    assert iteration.scenario is before


@pytest.mark.parametrize("genomes", [[["1"]], [[1j]], None, [[{}]], np.zeros((2, 2), "M8[s]")])
def test_a_population_that_is_no_numbers_is_refused(tiny: Path, genomes: Any) -> None:
    first = next(evosim.iterate(tiny, seed=1))
    with pytest.raises(EvosimError, match=r"^population: (not a matrix of|genomes of shape)"):
        first.population = genomes


def test_complex_genomes_do_not_lose_their_imaginary_parts_in_silence(tiny: Path) -> None:
    first = next(evosim.iterate(tiny, seed=1))
    with pytest.raises(EvosimError, match="not a matrix of numbers: numbers of type complex128"):
        first.population = first.genomes + 0j


def test_what_is_recorded_can_only_be_read(tiny: Path) -> None:
    first = next(evosim.iterate(tiny, seed=1))
    with pytest.raises(TypeError):
        first.arrays["score"] = first.arrays["score"]  # type: ignore[index]
    given = (first.genomes, first.scores, first.payoffs, first.parents, *first.arrays.values())
    assert not any(values.flags.writeable for values in given)


def test_only_the_latest_generation_can_be_changed(tiny: Path) -> None:
    iteration = evosim.iterate(tiny, seed=1)
    first, second = next(iteration), next(iteration)
    with pytest.raises(EvosimError, match="generation 0 can no longer be flipped: a later one"):
        first.flip("after")
    iteration.close()
    with pytest.raises(EvosimError, match=r"generation 1 can no longer .* the iteration has ended"):
        second.population = second.genomes
    assert list(iteration) == []


def test_after_the_last_generation_a_flip_needs_a_length(tiny: Path) -> None:
    iteration = evosim.iterate(tiny, seed=1)
    last = [next(iteration) for _ in range(6)][-1]
    assert last.population is None
    with pytest.raises(EvosimError, match="generation 5 is the last one: flip needs generations="):
        last.flip("after")
    with pytest.raises(EvosimError, match="generation 5 is the last one, so no population follows"):
        last.population = last.genomes


def test_what_is_yielded_cannot_be_written_to(tiny: Path) -> None:
    first = next(evosim.iterate(tiny, seed=1))
    for values in (first.genomes, first.scores, first.payoffs, first.population):
        assert values is not None
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 0.0
