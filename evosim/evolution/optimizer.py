"""What every base optimizer is: it asks for genomes, and is told how they scored (model 3).

An optimizer has no memory of its own. What it must know from one generation to the next is its
*state*, a few plain arrays that go into ``tell`` and ``ask`` and come out of them; a run keeps
them beside the population, so that it resumes to the bit. Every optimizer asks for exactly
``evolution.population`` genomes a generation, so that equal generations are equal numbers of
lifetimes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from evosim.errors import EvosimError
from evosim.evolution.operators import reflect
from evosim.mind import Locus, loci
from evosim.registry import Registry, check_call

if TYPE_CHECKING:
    from evosim.scenario import Scenario

C = TypeVar("C")
FloatArray = NDArray[np.float64]
State = Mapping[str, NDArray[Any]]
"""Arrays by name."""

NOTHING: State = MappingProxyType({})


class Offspring(NamedTuple):
    """A new generation of N, and where each gene comes from.

    Bred children are born in pairs, rows 2i and 2i + 1, which have the same two parents the other
    way round, or one parent each (both columns the same) where the pair did not mate. Genomes
    that were sampled have no parents: -1.
    """

    genomes: FloatArray  # [N, loci]
    parents: NDArray[np.int32]  # [N, 2] rows of the parents' generation
    crossover: NDArray[np.int8]  # [N, loci] 0: from parents[:, 0], 1: parents[:, 1], 2: blended


class Asked(NamedTuple):
    """A generation that an optimizer asks for, and its state until it is told the scores."""

    offspring: Offspring
    state: State


class Option(NamedTuple):
    """An option of an optimizer: its value where none is written, and what is allowed."""

    default: float
    allows: Callable[[Any], bool]
    allowed: str


class Optimizer(ABC):
    """A base optimizer.

    Attributes:
        options: what may stand beside ``name`` in ``evolution.optimizer``.
        state: names of the arrays that it keeps from one generation to the next.
        pedigree: whether its genomes have parents; else they are sampled.
        least: individuals and loci that it needs at least.
        trains: whether it is an agent that learns: the state that it is told scores with then has
            the number of the ``generation`` too.
        slopes: whether it goes by the gradient of the expected score: the state that it is told
            scores with then has a ``slope`` too, [N, loci], for each gene of each individual.
        description: how it works, in a few words.
    """

    options: ClassVar[Mapping[str, Option]] = MappingProxyType({})
    state: ClassVar[tuple[str, ...]] = ()
    pedigree: ClassVar[bool] = False
    least: ClassVar[tuple[int, int]] = (2, 1)
    slopes: ClassVar[bool] = False
    trains: ClassVar[bool] = False
    description: str = ""

    @abstractmethod
    def start(self, scenario: Scenario, seed_key: int) -> Asked:
        """Ask for generation 0.

        Args:
            seed_key: of the purpose INITIAL (model 5).
        """

    @abstractmethod
    def tell(
        self, scenario: Scenario, state: State, genomes: FloatArray, scores: FloatArray
    ) -> State:
        """The state that knows how the genomes scored.

        Args:
            state: that with which the genomes were asked for.
            genomes: as they were evaluated [N, loci], within their bounds.
            scores: [N], finite.
        """

    @abstractmethod
    def ask(self, scenario: Scenario, state: State, seed_key: int) -> Asked:
        """Ask for the next generation.

        Args:
            state: that which :meth:`tell` returned.
            seed_key: of the purpose BREED and the generation (model 5).
        """

    def size(self, scenario: Scenario) -> int:
        """How many genomes it asks for."""
        return scenario.evolution.population

    def refuses(self, scenario: Scenario) -> Iterator[str]:
        """Why a scenario cannot have this optimizer: nothing, unless overridden."""
        yield from ()

    def option(self, scenario: Scenario, name: str) -> float:
        """An option as the scenario has it, or its default."""
        return float(scenario.evolution.optimizer.options.get(name, self.options[name].default))


OPTIMIZERS: Registry[Optimizer] = Registry("base optimizer")


@OPTIMIZERS.built_in
def _optimizers() -> Sequence[str]:
    """The modules that register a base optimizer."""
    return [
        f"evosim.evolution.{name}"
        for name in ("genetic", "cma", "gradient", "policy_gradient", "learner")
    ]


def optimizer(name: str, description: str = "") -> Callable[[C], C]:
    """A decorator that registers a class as a base optimizer.

    Args:
        name: as a scenario writes it in ``evolution.optimizer``.
        description: how it works, in a few words.

    Raises:
        EvosimError: a name that is taken, or no class that is derived from :class:`Optimizer`, has
            its three methods and is made without arguments.

    Example:
        >>> import evosim
        >>> from evosim.evolution.genetic import Genetic
        >>> @evosim.optimizer("genetic_again", "the genetic optimizer, by another name")
        ... class Again(Genetic):
        ...     pass
    """

    def put(made: C) -> C:
        what = f"{OPTIMIZERS.kind} {name!r}"
        if not isinstance(made, type) or not issubclass(made, Optimizer):
            raise EvosimError(f"{what}: not derived from evosim.evolution.Optimizer (got {made!r})")
        for method, arguments in _METHODS.items():
            if getattr(made, method) is getattr(Optimizer, method):
                raise EvosimError(f"{what}: {made.__qualname__} has no method {method}")
            check_call(f"{what}: {method}", getattr(made, method), "self", *arguments)
        check_call(what, made)
        one = made()
        for key, option in one.options.items():
            if not isinstance(option, Option):
                raise EvosimError(f"{what}: option {key!r} is no Option (got {option!r})")
        one.description = description
        OPTIMIZERS.add(name, one, made)
        return made

    return put


_METHODS = {
    "start": ("scenario", "seed_key"),
    "tell": ("scenario", "state", "genomes", "scores"),
    "ask": ("scenario", "state", "seed_key"),
}


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of all loci, and genes in units of them: 0 at the lower, 1 at the upper."""

    low: FloatArray  # [loci]
    high: FloatArray  # [loci]

    @classmethod
    def of(cls, evolving: tuple[Locus, ...]) -> Bounds:
        """The bounds of loci."""
        return cls(
            np.array([locus.low for locus in evolving]),
            np.array([locus.high for locus in evolving]),
        )

    def scaled(self, genes: FloatArray) -> FloatArray:
        """Genes in units of their locus."""
        return (genes - self.low) / (self.high - self.low)

    def reflected(self, unit: FloatArray) -> FloatArray:
        """Genes again, reflected into the bounds from either side."""
        genes = self.low + (self.high - self.low) * reflect(unit)
        return np.clip(genes, self.low, self.high)


def middle(scenario: Scenario) -> FloatArray:
    """The middle of where each locus starts, in units of the locus [loci]."""
    evolving = loci(scenario)
    start = np.array([(locus.start_low + locus.start_high) / 2.0 for locus in evolving])
    return Bounds.of(evolving).scaled(start)


def sampled(scenario: Scenario, unit: FloatArray) -> Offspring:
    """Offspring that were sampled, in units of each locus [N, loci], reflected into its bounds."""
    genomes = Bounds.of(loci(scenario)).reflected(unit)
    n = len(genomes)
    return Offspring(genomes, np.full((n, 2), -1, np.int32), np.zeros(genomes.shape, np.int8))
