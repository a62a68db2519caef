"""An open population: its births are real, and it grows, shrinks and can die out (model 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from evosim.engine.evaluation import Arrays
from evosim.engine.mechanism import Mechanism, Record
from evosim.engine.variables import Variable, by_generation, padded
from evosim.errors import EvosimError
from evosim.evolution import SELECT, Asked, Offspring, Reproduction, State
from evosim.evolution.breed import checked, refuse_bad_scores, seeded, vary
from evosim.evolution.optimizer import NOTHING, FloatArray

if TYPE_CHECKING:
    from evosim.mechanisms.open_population.schema import Open
    from evosim.scenario import Scenario

MOST_NEWBORNS = 10**8
"""More than this many newborns of a generation, in expectation, are refused."""


def breed_open(
    scenario: Scenario, genomes: ArrayLike, scores: ArrayLike, seed_key: int
) -> Offspring:
    """The next generation of an open population: as many as are born and find room.

    An individual of score s leaves Poisson(offspring max(s, 0)) newborns. Of more than
    ``capacity`` a random subset survives. In random order, they mate and mutate as in
    :func:`evosim.evolution.breed`, each newborn standing for the parent that left it.

    Args:
        genomes: genes [N, loci], within their bounds; N may be 0.
        scores: score of each individual [N].
        seed_key: of the purpose BREED and the generation (model 5).

    Returns:
        From 0 to ``capacity`` children.

    Raises:
        EvosimError: as :func:`evosim.evolution.breed`; more newborns than a computer can count
            out.
        ValueError: shapes that do not fit.
    """
    genes, score = checked(scenario, genomes, scores)
    written = _open(scenario)
    expected = written.offspring * np.maximum(score, 0.0)
    if not expected.sum() <= MOST_NEWBORNS:
        raise EvosimError(
            f"{expected.sum():.3g} newborns are expected of {len(score)} individuals, which is "
            f"too many to draw (at most {MOST_NEWBORNS:.0g}); lower evolution.open.offspring"
        )
    rng = np.random.Generator(np.random.PCG64(seed_key))
    newborns = rng.poisson(expected)
    if newborns.sum() > written.capacity:
        newborns = rng.multivariate_hypergeometric(newborns, written.capacity, method="marginals")
    chosen = rng.permutation(np.repeat(np.arange(len(score), dtype=np.int32), newborns))
    with seeded(seed_key):
        return vary(scenario, genes, chosen)


class Births(Reproduction):
    """Who leaves how many children is real: no number of them is given."""

    def next_generation(
        self,
        state: State,
        genomes: ArrayLike,
        scores: ArrayLike,
        seed_key: int,
        record: Record = NOTHING,
    ) -> Asked:
        return Asked(breed_open(self.scenario, genomes, scores, seed_key), NOTHING)

    def expected_shares(self, scores: ArrayLike, record: Record = NOTHING) -> FloatArray:
        """The shares of the expected newborns; equal where none is expected."""
        score = np.asarray(scores, np.float64)
        refuse_bad_scores(score)
        return SELECT["selRoulette"].shares(np.maximum(score, 0.0))


class OpenPopulation(Mechanism):
    """Records are padded to the capacity, as the arrays of a run have one size."""

    variables: ClassVar = {
        "population_size": Variable(
            dims=("generation",),
            dtype="i4",
            units="individuals",
            long_name="individuals of the generation, which come first; 0: died out",
        )
    }
    reproduction = Births

    def sizes(self) -> tuple[int, int]:
        return 0, _open(self.scenario).capacity

    def fixed(self) -> Mapping[str, object]:
        return {"evolution.open.capacity": _open(self.scenario).capacity}

    def recorded(self, generation: int, record: Arrays) -> Arrays:
        n, known = len(record["score"]), by_generation(self.scenario)
        whole = {
            name: padded(values, n, _open(self.scenario).capacity)
            if "individual" in known[name].dims
            else values
            for name, values in record.items()
        }
        # There is no "absent" among its codes; parents of -1 say it already.
        whole["crossover"][n:] = 0
        return whole | {"population_size": np.array(n, np.int32)}


MECHANISM = OpenPopulation


def _open(scenario: Scenario) -> Open:
    assert scenario.evolution.open is not None
    return scenario.evolution.open
