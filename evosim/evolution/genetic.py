"""The genetic algorithm: parents selected, mated and mutated by DEAP operators (model 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evosim import mind
from evosim.evolution.breed import breed
from evosim.evolution.optimizer import (
    NOTHING,
    Asked,
    FloatArray,
    Offspring,
    Optimizer,
    State,
    optimizer,
)

if TYPE_CHECKING:
    from evosim.scenario import Scenario


@optimizer("genetic", "parents selected, mated and mutated by DEAP operators")
class Genetic(Optimizer):
    """Select, mate and mutate, as the scenario's operators say.

    Its population is all it knows: it keeps no state, and those told are those it breeds from.
    Generation 0 is uniform within where each locus starts.
    """

    pedigree = True
    least = (1, 0)

    def start(self, scenario: Scenario, seed_key: int) -> Asked:
        n = scenario.evolution.population
        genomes = mind.initial(scenario, n, seed_key)
        none = np.zeros(genomes.shape, np.int8)
        return Asked(Offspring(genomes, np.full((n, 2), -1, np.int32), none), NOTHING)

    def tell(
        self, scenario: Scenario, state: State, genomes: FloatArray, scores: FloatArray
    ) -> State:
        return {"genomes": genomes, "scores": scores}

    def ask(self, scenario: Scenario, state: State, seed_key: int) -> Asked:
        return Asked(breed(scenario, state["genomes"], state["scores"], seed_key), NOTHING)
