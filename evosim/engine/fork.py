"""Another future from a past generation: a new run whose history is that of an older one.

A fork is a link to its parent and a generation. What was before that generation is read from the
parent, until run.nc of the fork is written, which holds all of it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evosim import evolution, mechanisms, mind
from evosim.engine import loop
from evosim.engine.checksums import read_toml
from evosim.engine.dataset import UNREADABLE, open_dataset, unreadable
from evosim.engine.evaluation import Arrays
from evosim.engine.loop import Population, initial_population, probe_population, reproduce
from evosim.engine.mechanism import Record, mechanisms_of
from evosim.engine.run_folder import Chunk, ChunkFile, RunFolder, seed_at, seeds_of
from evosim.engine.variables import (
    BY_REPLICATE,
    Variable,
    by_generation,
    by_probe,
    probe_generations,
)
from evosim.errors import Argument, Command, RunError

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario


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


def link_to(parent: RunFolder, path: Path) -> dict[str, str]:
    """What run.json of a fork holds of where its history is.

    Args:
        path: the fork's folder.
    """
    # Both, so that the two may be moved together, or the fork alone.
    return {
        "relative": os.path.relpath(parent.path, path),
        "absolute": str(parent.path.absolute()),
        "identity": parent.identity,
    }


def keep_past_scenarios(parent: RunFolder, child: RunFolder) -> None:
    """Keep the scenarios that the history was run for beside it.

    A fork of a fork: each part of the history belongs to the scenario of its own time.
    """
    for begin, path in parent.past_scenarios():
        if begin < child.history:
            try:
                text = read_toml(path)
            except (OSError, ValueError) as error:
                raise RunError(
                    f"{path}, which generation {begin} was run for, cannot be read: {error}"
                ) from error
            child.keep_past_scenario(begin, text)
    if parent.history < child.history:
        child.keep_past_scenario(parent.history, parent.scenario.to_toml())


class History:
    """Generations 0 .. at-1 of a fork, as its parent holds them.

    Probes are taken over as they were measured then; environments and payoffs that were not there
    then are NaN. What the fork's timeline wants probed and the parent did not is measured.

    Raises:
        RunError: the parent is gone, or another run now.
    """

    def __init__(self, child: RunFolder) -> None:
        self._child = child
        link = child.manifest["history"]
        # Normalized, as a folder that is being made has a name that nobody should be told.
        relative = os.path.normpath(child.path / link["relative"])
        places = (Path(relative), Path(link["absolute"]))
        for place in dict.fromkeys(places):
            with contextlib.suppress(RunError):
                parent = RunFolder(place)
                if parent.identity == link["identity"]:
                    self._parent = parent
                    break
        else:
            parent_path = child.manifest["parent"]["path"]
            raise RunError(
                f"{child.path}: its history (generations 0 to {child.history - 1}) is that of "
                f"{parent_path}, which is gone or is another run now; it cannot be simulated "
                "again in the fork's changed world. Nothing was removed. Put "
                f"{link['absolute']} back, or fork a copy of it again at generation "
                f"{child.history}"
            )
        self._probers: dict[int, loop.Prober] = {}

    @cached_property
    def _data(self) -> xr.Dataset:
        return open_dataset(self._parent)

    def recorded(self, replicate: int, generation: int) -> Record:
        """What is recorded of a generation, but for its probe."""
        here = self._data.isel(replicate=replicate, generation=generation)
        with self._readable():
            return {name: here[name].values for name in by_generation(self._parent.scenario)}

    def chunk(self, file: ChunkFile) -> Chunk:
        """Some generations, without the population after them (:meth:`population`)."""
        child, scenario, old = self._child, self._child.scenario, self._parent.scenario
        data = self._data.isel(replicate=file.replicate)
        here = data.isel(generation=slice(file.first, file.last + 1))
        with self._readable():
            known = by_generation(scenario)
            arrays = {name: _cast(here[name], spec) for name, spec in known.items()}
            # Environments and payoffs go by their place; the child may have others before them.
            payoffs = here["payoff_total"].reindex(payoff=list(scenario.payoffs))
            arrays["payoff_total"] = _cast(payoffs, known["payoff_total"])
            order = [list(scenario.environments).index(name) for name in old.environments]
            arrays["train"] = np.array(order, np.int16)[arrays["train"]]
            # Probes are asked for at the generations of the child's timeline, not of the parent's.
            probed = [g for g in probe_generations(scenario) if file.first <= g <= file.last]
            found = [self._probe(child, data, file.replicate, g) for g in probed]
        probes = (
            {name: np.stack([one[name] for one in found]) for name in found[0]} if found else {}
        )
        return Chunk(file.first, arrays, tuple(probed), probes, None)

    def population(self, replicate: int) -> Population:
        """The population of the first generation that the fork simulates.

        What the base optimizer knew is not recorded, but it follows from what is: it is told all
        scores again. The genomes that it then asks for must be those of the history, to the bit.

        Raises:
            RunError: the optimizer asks for other genomes than those recorded.
        """
        at = self._child.history
        known: Population | None = None
        # A genetic algorithm has no state: nothing is told again for it.
        if evolution.optimizer_of(self._parent.scenario).state:
            seed = seed_at(self._parent, replicate, 0)
            known = initial_population(self._parent.scenario_at(0), seed)
            self._check(replicate, known)
            while known.generation < at:
                known = self._after(replicate, known)
                self._check(replicate, known)
        state = known.state if known else evolution.NOTHING
        # Recorded genomes are taken as they are, so that the history cannot drift from the data.
        if at < self._data.sizes["generation"]:
            return Population.from_record(self.recorded(replicate, at), at, state)
        if known is not None:
            return known
        # The fork begins where the parent ended: the next population was never bred.
        last = Population.from_record(self.recorded(replicate, at - 1), at - 1, state)
        return self._after(replicate, last)

    def _after(self, replicate: int, population: Population) -> Population:
        generation = population.generation
        record = self.recorded(replicate, generation)
        scenario = self._parent.scenario_at(generation)
        return reproduce(scenario, population, record, seed_at(self._parent, replicate, generation))

    def _check(self, replicate: int, population: Population) -> None:
        """Refuse a population that is not the recorded one."""
        generation = population.generation
        if generation >= self._data.sizes["generation"]:
            return
        # To the bit: a state that is off by a rounding would silently give another future.
        recorded = self.recorded(replicate, generation)["genome"]
        if recorded.tobytes() == population.genome.tobytes():
            return
        name = self._parent.scenario.evolution.optimizer.name
        raise RunError(
            f"{self._parent.path}: replicate {replicate} cannot be forked. What {name} knew "
            f"of generation {generation} follows from the scores before it, but here it asks for "
            "other genomes than those recorded. Likely cause: the run was made on a machine with "
            "another LAPACK or other versions (see run.json); fork it there"
        )

    def _probe(self, child: RunFolder, data: xr.Dataset, replicate: int, generation: int) -> Arrays:
        """The parent's probe, or one measured anew where it has none."""
        scenario = child.scenario
        # The parent's own measures are kept even where the fork's world would give others: they
        # are what was true then.
        if generation in data["probe"].values:
            known = by_probe(scenario)
            recorded = [name for name in known if name in data]
            probe = data.sel(probe=generation)[recorded].reindex(
                environment=list(scenario.environments), payoff=list(scenario.payoffs)
            )
            sizes = {**probe.sizes, "environment": len(scenario.environments)}
            # NaN for what an older version did not measure.
            return {
                name: _cast(probe[name].transpose(*spec.dims[1:]), spec)
                if name in probe
                else np.full([sizes[dim] for dim in spec.dims[1:]], np.nan)
                for name, spec in known.items()
            }
        if replicate not in self._probers:
            from evosim.engine.probe import Prober

            self._probers[replicate] = Prober(scenario, seeds_of(child, replicate)[1])
        population = Population.from_record(
            self.recorded(replicate, generation), generation, evolution.NOTHING
        )
        found = probe_population(scenario, population, self._probers[replicate])
        return {name: value for name, value in found.items() if name not in BY_REPLICATE}

    @contextlib.contextmanager
    def _readable(self) -> Iterator[None]:
        """What a damaged parent gives rise to, as words."""
        try:
            yield
        except UNREADABLE as error:
            raise unreadable(self._parent, error) from error


def _cast(values: xr.DataArray, spec: Variable) -> np.ndarray:
    return np.ascontiguousarray(values.values, spec.dtype)


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
        "train": scenario.mixture_at(generation),
        "adversary": None if isinstance(phase.train, str | dict) else phase.train.model_dump(),
        **phase.model_dump(exclude={"generations", "train", "ramp", "objective"}),
        "objective": scenario.objective_at(generation).model_dump(),
    }
