"""What a mechanism can do in a run: hooks that do nothing unless it overrides them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evosim import mechanisms, mind
from evosim.evolution.generation import Record as Record
from evosim.evolution.generation import Reproduction

if TYPE_CHECKING:
    from evosim.core import Lifetimes
    from evosim.engine.evaluation import Evaluate, Evaluation
    from evosim.engine.loop import GenerationRecord, Population, Prober
    from evosim.engine.probe import Expected, ProbedEnvironment
    from evosim.engine.variables import Coordinate, Variable
    from evosim.mind import Minds
    from evosim.scenario import Scenario
    from evosim.world import Environment, Levels

FloatArray = NDArray[np.float64]
Arrays = dict[str, NDArray[np.generic]]
Map = Callable[[Callable[..., Arrays], Sequence[tuple[Any, ...]]], list[Arrays]]
"""Calls a function with each of some arguments, in any order; the results in the order given.

The function is one of a module, the arguments are arrays and plain values.
"""


class PastGeneration(NamedTuple):
    """An earlier generation: what it takes to evaluate it again."""

    scenario: Scenario
    seed: int  # the replicate's
    genome: FloatArray  # [N, loci]
    record: Record  # all that is recorded of it


Recall = Callable[[int], PastGeneration]
"""Gives an earlier generation of the replicate itself."""


class Mechanism:
    """The part of a run that belongs to an optional section of its scenario.

    A mechanism has no memory of its own. What it must know from one generation to the next goes
    into :meth:`evaluated` and comes out of it, and :meth:`remember` makes it again.

    Args:
        scenario: what is run; it has the section.
        seed: of the replicate.
    """

    variables: ClassVar[Mapping[str, Variable]] = {}
    """What it records in run.nc beside the variables of every run."""
    reproduction: ClassVar[type[Reproduction] | None] = None
    """How a generation makes the next one, in place of the base optimizer."""
    controls: tuple[str, ...] = ()
    """Control minds beside those of every run, by name; they go to the end of ``mind``."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario = scenario
        self.seed = seed

    @property
    def name(self) -> str:
        """That of its folder."""
        return type(self).__module__.split(".")[-2]

    # The form of the data

    def coordinates(self) -> Mapping[str, Coordinate]:
        """Coordinates of run.nc beside those of every run, by name."""
        return {}

    def sizes(self) -> tuple[int, int] | None:
        """The fewest and the most individuals of a generation; None: as the scenario says."""
        return None

    def fixed(self) -> Mapping[str, object]:
        """What a fork cannot change, by its key in the scenario."""
        return {}

    # A generation

    def propose(self, generation: int, memory: Any) -> tuple[Scenario, Sequence[str]] | None:
        """The environment of each level, where it makes them; None: as the timeline has it.

        Args:
            memory: what :meth:`evaluated` returned of the generation before.

        Returns:
            The scenario with these environments beside its own, and the name of each level's.
        """
        return None

    def observe(
        self,
        environment: str,
        lifetimes: Lifetimes,
        felt: FloatArray,
    ) -> FloatArray | None:
        """What it keeps of lifetimes until all of the generation are lived, [n, L, ...].

        Args:
            environment: of the lifetimes.
            felt: [n, L, stimuli] in them.
        """
        return None

    def evaluated(
        self,
        generation: int,
        evaluation: Evaluation,
        record: Arrays,
        cost: FloatArray,
        memory: Any,
    ) -> tuple[Arrays, Any]:
        """What it records of individuals that were evaluated, and what it must know of them later.

        Args:
            evaluation: of the n individuals; ``observed`` holds what :meth:`observe` kept.
            record: what is recorded so far, ``score`` among it; who returns one replaces it. A
                score of NaN for all: nothing is known, and nobody reproduces.
            cost: of thinking [n].
            memory: what it returned of the generation before; None where it returned nothing.
        """
        return {}, memory

    def remember(self, generation: int, evaluate: Evaluate, recall: Recall | None) -> Any:
        """The memory with which a generation is evaluated, where a run goes on from there."""
        return None

    def recorded(self, generation: int, record: Arrays) -> Arrays:
        """What is recorded of a whole population, its scores known: more, or in another form."""
        return record

    def inherited(self, genome: FloatArray, record: Record) -> FloatArray:
        """The genomes that children are made of: as they were born with, or as life changed them.

        Args:
            genome: [n, loci] of a generation.
            record: of it, as far as it is recorded by individual.
        """
        return genome

    # Work

    @property
    def parts(self) -> int:
        """Into how many parts a replicate can be divided, to be simulated side by side."""
        return 1

    def generations(
        self, population: Population, *, prober: Prober, share: Map
    ) -> Iterator[GenerationRecord]:
        """As :func:`evosim.engine.loop.generations`, its ``parts`` shared out by a map."""
        raise NotImplementedError

    # Minds

    def develop(self, minds: Minds, generation: int, individuals: NDArray[np.integer]) -> Minds:
        """The minds of individuals of a generation, with what they acquire beside their genome."""
        return minds

    def warm_up(self, env: Environment, levels: Levels) -> None:
        """Call the kernels that are its own, so that they are compiled before work is shared."""

    # Probes

    def part(self, env: Environment) -> NDArray[np.int32] | None:
        """[n_x] To which part of a life a step belongs that begins at x, counted from 0.

        Expectations then tell the parts apart (``Expected.by_part``). None: they need not.
        """
        return None

    def control(self, name: str, minds: Minds) -> Minds:
        """The control mind of that name, of each of the evolved ones."""
        raise NotImplementedError

    def measure_mind(self, place: ProbedEnvironment, mind: Expected) -> dict[str, FloatArray]:
        """What is measured of every mind in an environment: probe variables, [n] or [1] each."""
        return {}

    def measure(
        self, place: ProbedEnvironment, evolved: Minds, optimum: FloatArray
    ) -> dict[str, FloatArray]:
        """What is measured of the evolved minds alone: probe variables, [n] each.

        Args:
            optimum: [n] J_I*, the optimum of their drives.
        """
        return {}

    def expect(
        self,
        place: ProbedEnvironment,
        minds: Minds,
        believed: Environment | None,
        generation: int,
    ) -> tuple[NDArray[np.integer], Expected] | None:
        """What minds can expect for which there is no exact expectation, and their rows.

        None: there is one for all of them.
        """
        return None


def mechanisms_of(scenario: Scenario, seed: int = 0) -> list[Mechanism]:
    """The mechanisms that a scenario uses, for a replicate of a seed."""
    used = mechanisms.modules("state", mechanisms.used(scenario))
    return [module.MECHANISM(scenario, seed) for module in used]


def minds_of(
    scenario: Scenario,
    genomes: ArrayLike,
    *,
    seed: int,
    generation: int,
    individuals: NDArray[np.integer],
) -> Minds:
    """The minds of individuals of a generation: expressed, and with what they acquire.

    Args:
        genomes: [n, loci].
        seed: of the replicate.
        individuals: [n] their numbers in the generation.

    >>> import numpy as np
    >>> from evosim import mind, rng, scenario
    >>> read = scenario.load("spreadsheet")
    >>> genomes = mind.initial(read, 2, rng.key(1, rng.Purpose.INITIAL))
    >>> minds = minds_of(read, genomes, seed=1, generation=0, individuals=np.arange(2))
    >>> bool(minds.second_weights.any())
    True
    """
    return developed(scenario, mind.express(scenario, genomes), seed, generation, individuals)


def developed(
    scenario: Scenario,
    minds: Minds,
    seed: int,
    generation: int,
    individuals: NDArray[np.integer],
) -> Minds:
    """Minds with what individuals acquire in that generation; controls acquire it likewise."""
    for mechanism in mechanisms_of(scenario, seed):
        minds = mechanism.develop(minds, generation, individuals)
    return minds


def heritable(scenario: Scenario, genome: FloatArray, record: Record) -> FloatArray:
    """The genomes [n, loci] of which a generation's children are made."""
    for mechanism in mechanisms_of(scenario):
        genome = mechanism.inherited(genome, record)
    return genome


def reproduction_of(scenario: Scenario) -> Reproduction:
    """How a generation makes the next one: as a mechanism has it, or the base optimizer."""
    made = (m.reproduction for m in mechanisms_of(scenario) if m.reproduction is not None)
    return next(made, Reproduction)(scenario)


def sizes(scenario: Scenario) -> tuple[int, int]:
    """The fewest and the most individuals that a generation can have."""
    n = scenario.evolution.population
    given = (mechanism.sizes() for mechanism in mechanisms_of(scenario))
    return next((found for found in given if found is not None), (n, n))


def parts(scenario: Scenario) -> int:
    """Into how many parts a replicate can be divided, to be simulated side by side."""
    return max((mechanism.parts for mechanism in mechanisms_of(scenario)), default=1)
