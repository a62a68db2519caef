"""Another future from a past generation: a new run whose history is that of an older one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from evosim import evolution, mechanisms, mind
from evosim.engine import loop
from evosim.engine.dataset import open_dataset
from evosim.engine.evaluation import Arrays
from evosim.engine.loop import Population, initial_population, probe_population, reproduce
from evosim.engine.mechanism import mechanisms_of
from evosim.engine.run_folder import Chunk, RunFolder, seed_at, seeds_of
from evosim.engine.variables import (
    BY_REPLICATE,
    by_generation,
    by_probe,
    probe_generations,
)
from evosim.errors import Argument, Command, RunError

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario

_PIECE = 2**25  # bytes of genomes in a chunk of the history


def check_fork(parent: RunFolder, scenario: Scenario, at: int, done: int) -> None:
    """Refuse a fork that would contradict the history it takes over.

    Args:
        parent: the run to fork.
        scenario: that of the fork.
        at: the first generation that the fork simulates.
        done: how many generations of the parent there are.

    Raises:
        RunError: with every reason.
    """
    old = parent.scenario
    if at == 0:
        raise RunError(
            Argument("at", 0),
            ": before generation 0 there is no history to keep; a new run is ",
            Command("run", parent.path / "scenario.toml"),
        )
    if not 1 <= at <= done or (at == done < old.generations):
        few = f" ({done} of {old.generations} done so far)" if done < old.generations else ""
        end = "" if few else f", or at {done} with a longer timeline"
        raise RunError(
            Argument("at", at),
            f": {parent.path} can be forked at generations 1 to {done - 1}{end}{few}",
        )
    if at >= scenario.generations:
        last = len(scenario.timeline) - 1
        raise RunError(
            Argument("at", at),
            f": nothing is left to simulate, as the timeline has {scenario.generations} "
            "generations; lengthen it, e.g. ",
            Argument("settings", {f"timeline.{last}.generations": ...}),
        )
    # All reasons at once: each of them takes another change of the settings.
    wrong = []
    if _bounds(scenario) != _bounds(old):
        wrong.append(
            f"the loci were {_bounds(old)} and cannot become {_bounds(scenario)}, as the genomes "
            "of the past would have no place in them"
        )
    # The history stays in the same arrays as the future, so their sizes cannot change.
    for what, then, now in (
        ("evolution.population", old.evolution.population, scenario.evolution.population),
        ("evolution.levels", old.evolution.levels, scenario.evolution.levels),
        ("measure.sample", old.measure.sample, scenario.measure.sample),
        (
            "evolution.optimizer.name",
            old.evolution.optimizer.name,
            scenario.evolution.optimizer.name,
        ),
        *((key, _fixed(old).get(key), _fixed(scenario).get(key)) for key in _fixed(old, scenario)),
    ):
        if then != now:
            wrong.append(f"{what} was {then} in the history and cannot become {now}")
    # Nothing was measured of a time before there was what measures it.
    new = set(mechanisms.used(scenario)) - set(mechanisms.used(old))
    for mechanism in mechanisms_of(scenario):
        if mechanism.name in new and mechanism.variables:
            section = mechanisms.SECTIONS[mechanism.name].split(".")[-1]
            wrong.append(f"the history has no measures of a {section}, which is new")
    if lost := [name for name in old.environments if name not in scenario.environments]:
        wrong.append(f"environments of the history are gone: {', '.join(lost)}")
    # Only the first contradiction: all later ones mostly follow from it.
    for generation in range(at):
        was, will = _conditions(old, generation), _conditions(scenario, generation)
        if was != will:
            changed = (
                f"{name} {was[name]} -> {will[name]}" for name in was if was[name] != will[name]
            )
            wrong.append(
                f"generation {generation} is history, and the timeline would change it: "
                + "; ".join(changed)
            )
            break
    if wrong:
        raise RunError("\n".join([f"cannot fork {parent.path} at {at}:", *wrong]))


def copy_history(parent: RunFolder, child: RunFolder, at: int) -> None:
    """Write generations 0 .. at-1 of the parent into a new run, and the population of ``at``.

    Probes are taken over as they were measured then; environments and payoffs that were not
    there then are NaN. What the child's timeline wants probed and the parent did not is measured.
    The scenarios that the history was run for are kept beside it.
    """
    # A fork of a fork: each part of the history belongs to the scenario of its own time.
    for begin, path in parent.past_scenarios():
        if begin < at:
            child.keep_past_scenario(begin, path.read_text(encoding="utf-8"))
    if parent.history < at:
        child.keep_past_scenario(parent.history, parent.scenario.to_toml())
    with open_dataset(parent) as data:
        for replicate in range(child.replicates):
            one = data.isel(replicate=replicate)
            for chunk in _history_chunks(parent, child, one, replicate, at):
                child.write(replicate, chunk)


def _history_chunks(
    parent: RunFolder, child: RunFolder, data: xr.Dataset, replicate: int, at: int
) -> Iterator[Chunk]:
    # Probes are asked for at the generations of the child's timeline, not of the parent's.
    scenario = child.scenario
    probed = [g for g in probe_generations(scenario) if g < at]
    probe_at = _Probes(child, data, replicate)
    states = _States(parent, data, replicate)
    row = int(np.prod(data["genome"].shape[1:])) * 8
    step = max(1, _PIECE // max(1, row))
    for begin in range(0, at, step):
        end = min(at, begin + step)
        known = by_generation(scenario)
        arrays = {
            name: np.ascontiguousarray(data[name][begin:end].values, spec.dtype)
            for name, spec in known.items()
        }
        # Environments and payoffs go by their place; the child may have others before them.
        arrays["train"] = _renumbered(arrays["train"], parent.scenario, scenario)
        paid = data["payoff_total"][begin:end].reindex(payoff=list(scenario.payoffs))
        arrays["payoff_total"] = np.ascontiguousarray(paid.values, known["payoff_total"].dtype)
        here = tuple(g for g in probed if begin <= g < end)
        found = [probe_at(g) for g in here]
        probes: Arrays = {}
        if found:
            probes = {name: np.stack([probe[name] for probe in found]) for name in found[0]}
        yield Chunk(begin, arrays, here, probes, states.population(end))


def _renumbered(train: np.ndarray, old: Scenario, new: Scenario) -> np.ndarray:
    """Environments by their place in the new scenario."""
    order = list(new.environments)
    return np.array([order.index(name) for name in old.environments], np.int16)[train]


class _States:
    """What the base optimizer knew at each generation of a replicate's history.

    It is not recorded, but it follows from what is: the optimizer is told all scores again. The
    genomes that it then asks for must be those of the history, to the bit.
    """

    def __init__(self, parent: RunFolder, data: xr.Dataset, replicate: int) -> None:
        self._parent = parent
        self._data = data
        self._replicate = replicate
        self._at: Population | None = None

    def population(self, generation: int) -> Population:
        """The population of a generation, as it was, or as it would have been.

        Raises:
            RunError: the optimizer asks for other genomes than those recorded.
        """
        # A genetic algorithm has no state: nothing is simulated again for it.
        state = evolution.NOTHING
        if evolution.optimizer_of(self._parent.scenario).state:
            if self._at is None:
                self._at = self._checked(
                    initial_population(self._parent.scenario_at(0), self._seed(0))
                )
            while self._at.generation < generation:
                self._at = self._checked(self._after(self._at))
            state = self._at.state
        # Recorded genomes are taken as they are, so that the history cannot drift from the data.
        if generation < self._data.sizes["generation"]:
            return Population.from_record(self._data.isel(generation=generation), generation, state)
        if self._at is not None:
            return self._at
        # The fork begins where the parent ended: the next population was never bred.
        here = self._data.isel(generation=generation - 1)
        return self._after(Population.from_record(here, generation - 1, state))

    def _after(self, population: Population) -> Population:
        generation = population.generation
        record = self._data.isel(generation=generation)
        scenario = self._parent.scenario_at(generation)
        return reproduce(scenario, population, record, self._seed(generation))

    def _checked(self, population: Population) -> Population:
        """The population, if it is the recorded one; the optimizer was told the recorded one."""
        generation = population.generation
        if generation >= self._data.sizes["generation"]:
            return population
        # To the bit: a state that is off by a rounding would silently give another future.
        recorded = self._data["genome"].isel(generation=generation).values
        if recorded.tobytes() == population.genome.tobytes():
            return population
        name = self._parent.scenario.evolution.optimizer.name
        raise RunError(
            f"{self._parent.path}: replicate {self._replicate} cannot be forked. What {name} knew "
            f"of generation {generation} follows from the scores before it, but here it asks for "
            "other genomes than those recorded. Likely cause: the run was made on a machine with "
            "another LAPACK or other versions (see run.json); fork it there"
        )

    def _seed(self, generation: int) -> int:
        return seed_at(self._parent, self._replicate, generation)


class _Probes:
    """Probes of the history: those of the parent, and measured anew where it has none."""

    def __init__(self, child: RunFolder, data: xr.Dataset, replicate: int) -> None:
        self._child = child
        self._data = data
        self._replicate = replicate
        self._known = {int(g) for g in data["probe"].values}
        self._prober: loop.Prober | None = None

    def __call__(self, generation: int) -> Arrays:
        scenario = self._child.scenario
        # The parent's own measures are kept even where the fork's world would give others: they
        # are what was true then.
        if generation in self._known:
            known = by_probe(scenario)
            probe = self._data.sel(probe=generation)[list(known)].reindex(
                environment=list(scenario.environments), payoff=list(scenario.payoffs)
            )
            return {
                name: np.ascontiguousarray(probe[name].transpose(*spec.dims[1:]).values, spec.dtype)
                for name, spec in known.items()
            }
        if self._prober is None:
            from evosim.engine.probe import Prober

            self._prober = Prober(scenario, seeds_of(self._child, self._replicate)[1])
        here = self._data.sel(generation=generation)
        population = Population.from_record(here, generation, evolution.NOTHING)
        found = probe_population(scenario, population, self._prober)
        return {name: value for name, value in found.items() if name not in BY_REPLICATE}


def _fixed(*scenarios: Scenario) -> dict[str, object]:
    """What mechanisms cannot have changed by a fork, by key."""
    return {
        key: value
        for scenario in scenarios
        for mechanism in mechanisms_of(scenario)
        for key, value in mechanism.fixed().items()
    }


def _bounds(scenario: Scenario) -> dict[str, tuple[float, float]]:
    return {locus.name: (locus.low, locus.high) for locus in mind.loci(scenario)}


def _conditions(scenario: Scenario, generation: int) -> dict[str, object]:
    """The conditions of a generation; not how long its phase lasts."""
    phase = scenario.phase_at(generation)
    return {
        "train": phase.mixture,
        **phase.model_dump(exclude={"generations", "train", "objective"}),
        "objective": scenario.objective_at(generation).model_dump(),
    }
