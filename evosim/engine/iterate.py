"""Generations of one replicate, one at a time: to look at, to stop, to give other genomes, to flip.

A flip cuts the timeline where it is made. What follows is therefore what a scenario file with
that timeline gives (``Iteration.scenario``), to the bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evosim import evolution
from evosim.engine.evaluation import Arrays, FloatArray
from evosim.engine.loop import (
    NO_MEMORY,
    Population,
    Prober,
    evaluate_population,
    initial_population,
    probe_population,
    replicate_seed,
    reproduce,
)
from evosim.engine.mechanism import sizes
from evosim.engine.variables import probe_generations
from evosim.errors import EvosimError, ScenarioError, did_you_mean, seed_number, whole_number
from evosim.scenario import document

if TYPE_CHECKING:
    from evosim.scenario import Scenario


class Iteration(Iterator["Generation"]):
    """The generations of one replicate of a run, from the first to the last of the timeline.

    Each is simulated when it is asked for; nothing is written to disk, and only the latest is
    kept. :meth:`close` ends it early, and so does leaving the loop.

    Args:
        scenario: what to simulate, checked.
        seed: of the run, as :func:`evosim.run` takes it.
        replicate: which replicate of that run.

    Attributes:
        seed: of the run.
        replicate: which replicate.
        scenario: the scenario with the flips made so far in its timeline. A run of it with the
            same seed gives the same numbers, unless a population was replaced.

    Example:
        >>> import evosim
        >>> generations = evosim.iterate("contraception", seed=1)
        >>> next(generations).number, next(generations).number
        (0, 1)
    """

    def __init__(self, scenario: Scenario, seed: int, replicate: int = 0) -> None:
        self.seed = seed = seed_number(seed)
        self.replicate = replicate
        self.scenario = scenario
        self._seed = replicate_seed(seed, replicate)
        # Optima of every environment are computed for it: not unless somebody asks for a probe.
        self._prober: Prober | None = None
        self._memory = NO_MEMORY
        self._latest: Generation | None = None
        self._closed = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Generation:
        if self._closed:
            raise StopIteration
        # Only now is the next generation fixed: until here it could be flipped or replaced.
        if self._latest is None:
            population: Population | None = initial_population(self.scenario, self._seed)
        else:
            population = self._latest._next_population()
        if population is None:
            self.close()
            raise StopIteration
        arrays, self._memory = evaluate_population(
            self.scenario, population, self._seed, memory=self._memory
        )
        self._latest = Generation(self, population, arrays)
        return self._latest

    def close(self) -> None:
        """End the iteration: no further generation follows.

        Example:
            >>> import evosim
            >>> generations = evosim.iterate("contraception", seed=1)
            >>> generations.close()
            >>> list(generations)
            []
        """
        self._closed = True

    def _probe(self, population: Population) -> Arrays:
        if self._prober is None:
            from evosim.engine.probe import Prober

            # A flip changes nothing that is measured, so one prober serves them all.
            self._prober = Prober(self.scenario, self._seed)
        return probe_population(self.scenario, population, self._prober)


class Generation:
    """One evaluated generation of N individuals on L levels; arrays are to be read only.

    Attributes:
        number: of the generation, from 0.
        environments: the environment of each level, L names.
        genomes: [N, loci].
        scores: [N] what selection acts on, payoff per lifetime less the costs of depth and senses.
        payoffs: [N, payoffs] mean of the lifetimes, payoff per lifetime.
        parents: [N, 2] individuals of the generation before; -1: none.
        arrays: all that is recorded of a generation, by the names of run.nc
            (docs/architecture.md), without the dimension ``generation``; padded where the size of
            a population is not fixed.

    Example:
        >>> import evosim
        >>> first = next(evosim.iterate("contraception", seed=1))
        >>> first.genomes.shape, first.scores.shape
        ((400, 6), (400,))
        >>> first.environments
        ('ancestral', 'ancestral', 'ancestral', 'ancestral')
    """

    def __init__(self, iteration: Iteration, population: Population, arrays: Arrays) -> None:
        self._iteration = iteration
        self._population = population
        self._next: Population | None = None
        self._probe: Arrays | None = None
        # A flip replaces what comes after this generation; a second one replaces the first.
        self._before_flip = iteration.scenario
        n = len(population.genome)
        self.arrays: Mapping[str, NDArray[np.generic]] = _read_only(arrays)
        self.number = population.generation
        names = list(iteration.scenario.environments)
        self.environments = tuple(names[int(i)] for i in self.arrays["train"])
        self.genomes: FloatArray = np.asarray(self.arrays["genome"][:n], np.float64)
        self.scores: FloatArray = np.asarray(self.arrays["score"][:n], np.float64)
        self.payoffs: FloatArray = np.asarray(self.arrays["payoff_total"][:n], np.float64)
        self.parents: NDArray[np.int32] = np.asarray(self.arrays["parents"][:n], np.int32)

    @property
    def probe(self) -> Mapping[str, NDArray[np.generic]] | None:
        """The exact measures of a sample of the population, by the names of run.nc.

        None where the scenario does not probe this generation: it probes at intervals
        (``measure.every``), around each flip and at the end. Measured when it is first asked for;
        after :meth:`flip` the generation is one before a flip, and so is probed.
        """
        # Asked of the timeline as it is now: a flip makes this generation one that is probed.
        if self.number not in probe_generations(self._iteration.scenario):
            return None
        if self._probe is None:
            self._probe = self._iteration._probe(self._population)
        return _read_only(self._probe)

    @property
    def population(self) -> FloatArray | None:
        """The genomes of the next generation [N, loci]; None after the last.

        Set it to go on with other genomes. They have no parents. The base optimizer is told the
        scores of this generation all the same.

        Raises:
            EvosimError: the generation is not the latest, or nothing follows it; another shape
                than [N, loci]; a gene out of its bounds.
        """
        following = self._next_population()
        if following is None:
            return None
        genomes = following.genome.view()
        genomes.flags.writeable = False
        return genomes

    @population.setter
    def population(self, genomes: ArrayLike) -> None:
        self._refuse_past("be given another population")
        following = self._next_population()
        if following is None:
            raise EvosimError(
                f"generation {self.number} is the last one, so no population follows it; "
                "flip(..., generations=...) makes the timeline longer"
            )
        genes = _checked_genomes(self._iteration.scenario, genomes)
        # The state of the optimizer stays that which knows the scores of this generation.
        self._next = following._replace(
            genome=genes,
            parents=np.full((len(genes), 2), -1, np.int32),
            crossover=np.zeros(genes.shape, np.int8),
        )

    def flip(
        self,
        train: str | Mapping[str, Any],
        *,
        selected: str | None = None,
        select: bool | None = None,
        generations: int | None = None,
    ) -> None:
        """Go on in another environment, from the next generation on.

        The rest of the phase that the next generation belongs to is spent there, without a ramp;
        all else that the phase says (window, monitoring) stays. Later phases come as they are
        written, unless ``generations`` is given. Of several calls in one generation the last one
        counts.

        Args:
            train: the name of an environment, weights of several, or an adversary that proposes
                some, as a phase has it.
            selected: the payoff that is selected for there; that of the phase if None.
            select: whether selection acts there (False: deployment); as in the phase if None.
            generations: how many more there are, in place of the rest of the phase and of all
                later phases. After the last generation it has to be given.

        Raises:
            EvosimError: the generation is not the latest; there is no such environment or payoff;
                the scenario would not be valid, as in the midst of a ramp.

        Example:
            >>> import evosim
            >>> small = {"evolution.population": 10, "measure.sample": 4,
            ...          "timeline.0.generations": 3, "timeline.1.generations": 9}
            >>> generations = evosim.iterate("contraception", seed=1, settings=small)
            >>> first = next(generations)
            >>> first.flip("modern")
            >>> [(phase.generations, phase.train) for phase in generations.scenario.timeline]
            [(1, 'ancestral'), (2, 'modern'), (9, 'modern')]
            >>> first.flip("modern", generations=5)
            >>> [(phase.generations, phase.train) for phase in generations.scenario.timeline]
            [(1, 'ancestral'), (5, 'modern')]
        """
        self._refuse_past("be flipped")
        scenario = self._before_flip
        wrong = _wrong_flip(scenario, train, selected)
        if wrong:
            raise EvosimError(f"generation {self.number}: flip: {wrong}")
        if generations is not None:
            try:
                generations = whole_number("generations", generations, 1)
            except EvosimError as error:
                raise EvosimError(f"generation {self.number}: flip: ", *error.parts) from None
        written: dict[str, Any] = {"train": document.plain(train)}
        if select is not None:
            written["select"] = select
        phases = flipped(scenario, self.number + 1, written, selected, generations)
        if phases is None:
            raise EvosimError(
                f"generation {self.number} is the last one: flip needs generations=..., how many "
                "more there are to be"
            )
        try:
            self._iteration.scenario = scenario.replace("timeline", phases)
        except ScenarioError as error:
            reasons = "; ".join(f"{p.key}: {p.message}" for p in error.problems)
            raise EvosimError(f"generation {self.number}: flip: {reasons}") from None

    def _next_population(self) -> Population | None:
        """The next population; bred when it is first asked for, as it may never be."""
        scenario = self._iteration.scenario
        if self.number + 1 >= scenario.generations:
            return None
        # Scores and parents are fixed by now, so a flip of what follows cannot change the children.
        if self._next is None:
            self._next = reproduce(scenario, self._population, self.arrays, self._iteration._seed)
        return self._next

    def _refuse_past(self, what: str) -> None:
        latest = self._iteration._latest
        if latest is not self or self._iteration._closed:
            now = "the iteration has ended" if latest is self else "a later one is simulated"
            raise EvosimError(f"generation {self.number} can no longer {what}: {now}")

    def __repr__(self) -> str:
        return f"Generation({self.number}, {len(self.genomes)} individuals)"


def _read_only(arrays: Mapping[str, NDArray[np.generic]]) -> Mapping[str, NDArray[np.generic]]:
    """Views that cannot be written to: the simulation goes on from these very arrays."""
    views = {name: values.view() for name, values in arrays.items()}
    for view in views.values():
        view.flags.writeable = False
    return MappingProxyType(views)


def _checked_genomes(scenario: Scenario, genomes: ArrayLike) -> FloatArray:
    """Genomes of a whole population [N, loci], copied.

    Raises:
        EvosimError: not so many, or a gene out of its bounds.
    """
    from evosim.mind import loci

    columns = len(loci(scenario))
    try:
        given = np.asarray(genomes)
        if given.dtype.kind not in "biufO":  # a cast would drop imaginary parts, and read texts
            raise TypeError(f"numbers of type {given.dtype}")
        genes = np.array(given, np.float64)
    except (TypeError, ValueError) as error:
        raise EvosimError(f"population: not a matrix of numbers: {error}") from None
    least, most = sizes(scenario)
    if genes.ndim != 2 or genes.shape[1] != columns or not least <= len(genes) <= most:
        rows = f"{least}" if least == most else f"{least} to {most}"
        raise EvosimError(
            f"population: genomes of shape {genes.shape}, allowed ({rows}, {columns}): a row for "
            "each individual, a column for each locus"
        )
    evolution.check_genes(scenario, genes)
    return genes


def _wrong_flip(
    scenario: Scenario,
    train: str | Mapping[str, Any],
    selected: str | None,
) -> str:
    """What is wrong with the arguments of a flip, in words; empty where nothing is."""
    if not isinstance(train, str | Mapping):
        return (
            f"{train!r} is neither the name of an environment nor weights of several, "
            '{"name": weight}'
        )
    proposed = not isinstance(train, str) and isinstance(train.get("adversary"), Mapping)
    for name in [train] if isinstance(train, str) else train:
        if not proposed and name not in scenario.environments:
            known = did_you_mean(name, scenario.environments)
            return f"unknown environment {name!r}: {known}"
    if selected is not None and str(selected) not in scenario.payoffs:  # whatever it is
        return f"unknown payoff {selected!r}: {did_you_mean(selected, scenario.payoffs)}"
    return ""


def flipped(
    scenario: Scenario,
    begin: int,
    written: Mapping[str, Any],
    selected: str | None,
    generations: int | None,
) -> list[dict[str, Any]] | None:
    """The phases with other keys from a generation on; None where nothing is left."""
    rest: list[dict[str, Any]] = scenario.to_dict()["timeline"]
    # In generation 0 the environment is that of the file: begin is 1 or more.
    phases = []
    while rest and begin >= rest[0]["generations"]:
        phases.append(rest.pop(0))
        begin -= phases[-1]["generations"]
    if not rest and generations is None:
        return None
    # Beyond the end there is no phase to go by; the last one's settings go on.
    there = rest.pop(0) if rest else phases[-1]
    # What is left of begin is how much of the phase has been.
    if begin:
        phases.append({**there, "generations": begin})
    flipped = {
        **{key: value for key, value in there.items() if key != "ramp"},
        "generations": there["generations"] - begin if generations is None else generations,
        **written,
    }
    if selected is not None:
        flipped["objective"] = {**there.get("objective", {}), "selected": selected}
    return [*phases, flipped, *(rest if generations is None else ())]
