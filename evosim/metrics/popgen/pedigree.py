"""What a run recorded of descent, replicate by replicate, and the phases that it went through."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim import mind
from evosim.metrics.popgen.price import Step, has_pedigree, sources, steps
from evosim.metrics.query import Query, generation_of, no_peak

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]


class Pedigree(NamedTuple):
    """Who came from whom in a replicate. The first generation are the founders.

    Rows beyond a generation's size are padding. The parents of the founders are not looked at.
    """

    parents: IntArray  # [G, N, 2] rows of the generation before
    crossover: IntArray  # [G, N, loci] 0: from the first parent, 1: the second, 2: half from each
    sizes: IntArray  # [G] individuals

    @classmethod
    def of(cls, genome: FloatArray, parents: IntArray, crossover: IntArray) -> Pedigree:
        """The pedigree of what a run records, in which individuals that there are not are NaN.

        Args:
            genome: [G, N, loci], parents: [G, N, 2], crossover: [G, N, loci].
        """
        return cls(parents, crossover, np.isfinite(genome).all(axis=2).sum(axis=1))

    def inherited(self, g: int) -> tuple[IntArray, IntArray]:
        """The rows of generation g - 1 that each gene of g is from [N, loci]; the same in both
        where it is from one."""
        n = self.sizes[g]
        return sources(self.parents[g, :n], self.crossover[g, :n])

    @property
    def blends(self) -> NDArray[np.bool_]:
        """Whether genes of each locus were ever blended [loci]."""
        return np.asarray((self.crossover[1:] == 2).any(axis=(0, 1)))


class Descent(NamedTuple):
    """Genes, scores and parents of a replicate, as they were recorded from ``first`` on."""

    genome: FloatArray  # [G, N, loci] with the padding of an open population
    score: FloatArray  # [G, N]
    parents: NDArray[np.integer]  # [G, N, 2]
    crossover: NDArray[np.integer]  # [G, N, loci]
    first: int  # the generation that the arrays begin with
    source: NDArray[np.integer] | None = None  # [G, N] where individuals migrate

    def steps(
        self, scenario: Scenario, begin: int = 0, end: int | None = None
    ) -> Iterator[Step | None]:
        """Steps from one generation to the next, :func:`evosim.metrics.popgen.price.steps`.

        Args:
            begin, end: of the steps, counted from ``first``; step g leads from g to g + 1.
        """
        here = slice(begin, len(self.genome) if end is None else end + 1)
        return steps(
            scenario,
            self.genome[here],
            self.score[here],
            self.parents[here],
            self.crossover[here],
            None if self.source is None else self.source[here],
            first=self.first + begin,
        )

    @property
    def pedigree(self) -> Pedigree:
        """Who came from whom; the first generation recorded are the founders."""
        return Pedigree.of(self.genome, self.parents, self.crossover)


class Phase(NamedTuple):
    """The steps of a phase, from generation g to g + 1 for ``begin`` <= g < ``end``."""

    begin: int
    end: int
    number: int
    """Its place in the timeline."""


def descents(data: xr.Dataset) -> Iterator[Descent]:
    """What was recorded of every replicate, read one after the other."""
    for replicate in range(data.sizes["replicate"]):
        yield descent(data, replicate)


def descent(data: xr.Dataset, replicate: int) -> Descent:
    """What was recorded of one replicate."""
    one = data.isel(replicate=replicate)

    def array(name: str, *last: str) -> NDArray[Any]:
        return np.asarray(one[name].transpose("generation", "individual", *last).values)

    return Descent(
        array("genome", "locus"),
        array("score"),
        array("parents", "parent"),
        array("crossover", "locus"),
        int(data["generation"].values[0]),
        array("source") if "source" in data else None,
    )


def phases(scenario: Scenario, data: xr.Dataset) -> tuple[Phase, ...]:
    """The steps of every phase of the timeline that the data reach, in generations of the run.

    The step out of a phase's last generation is the phase's: its scores decided who bred. The
    last generation of the run bred nobody.
    """
    first, last = (int(data["generation"].values[i]) for i in (0, -1))
    found, begin = [], 0
    for number, phase in enumerate(scenario.timeline):
        end = begin + phase.generations
        if end > first and begin <= last:
            found.append(Phase(max(begin, first), min(end, last), number))
        begin = end
    return tuple(found)


def without_parents(scenario: Scenario) -> str:
    """Why runs of a scenario tell nothing of descent; empty where genomes have parents."""
    if has_pedigree(scenario):
        return ""
    name = scenario.evolution.optimizer.name
    return (
        f"the genomes of {name} have no parents that were selected, so nothing is known of "
        "descent; only the optimizer 'genetic' and open populations breed"
    )


def expressed(scenario: Scenario, names: tuple[str, ...], genomes: FloatArray) -> FloatArray:
    """Phenotypes as a matrix [n, names]; of a sense 1 where it is there, else 0."""
    found = mind.phenotype(scenario, genomes)
    columns = [np.asarray(found[name], np.float64) for name in names]
    return np.stack(columns, axis=1) if columns else np.zeros((len(genomes), 0))


# Where a metric of descent looks


def phase_of(data: xr.Dataset, scenario: Scenario, query: Query) -> Phase:
    """The steps from one generation to the next that a query looks at, those its scores decided.

    At the start those of the first phase, before a flip those of the phase that ends there, at a
    flip those of the phase that begins there, in the end those of the last phase.

    Raises:
        EvosimError: the query asks for a peak, or for a flip where there is none.
    """
    if query.generation is not None:
        last = int(data["generation"].values[-1])
        return Phase(query.generation, min(query.generation + 1, last), 0)
    if query.at == "peak":
        raise no_peak(query)
    every = phases(scenario, data)
    if query.at == "start":
        return every[0]
    if query.at == "end":
        return every[-1]
    looked = query.flip - (query.at == "before")
    return next(phase for phase in reversed(every) if phase.begin <= looked)


def by_replicate(
    data: xr.Dataset, scenario: Scenario, query: Query, number: Callable[[Descent], float]
) -> FloatArray:
    """A number of every replicate, of the generations of the query's phase; NaN without a step."""
    phase = phase_of(data, scenario, query)
    if phase.begin >= phase.end:
        return np.full(data.sizes["replicate"], np.nan)
    within = data.sel(generation=slice(phase.begin, phase.end))
    return np.array([number(descent) for descent in descents(within)])


def last_generation(data: xr.Dataset, query: Query) -> int:
    """The generation that a query about ancestors looks back from.

    Raises:
        EvosimError: the query asks for a peak.
    """
    if query.at == "peak":
        raise no_peak(query)
    return generation_of(data, query)
