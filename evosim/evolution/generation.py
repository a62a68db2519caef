"""Generation 0 and the ones after it, whatever the base optimizer (model 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from evosim.evolution.breed import breed_open, checked
from evosim.evolution.optimizer import NOTHING, Asked, Optimizer, State
from evosim.evolution.registry import OPTIMIZERS

if TYPE_CHECKING:
    from evosim.scenario import Scenario


def optimizer(scenario: Scenario) -> Optimizer:
    """The base optimizer of a scenario.

    Raises:
        EvosimError: no such optimizer.
    """
    return OPTIMIZERS[scenario.evolution.optimizer.name]


def start(scenario: Scenario, seed_key: int) -> Asked:
    """Generation 0.

    Args:
        seed_key: of the purpose INITIAL (model 5).
    """
    return optimizer(scenario).start(scenario, seed_key)


def following(
    scenario: Scenario, state: State, genomes: ArrayLike, scores: ArrayLike, seed_key: int
) -> Asked:
    """The generation after one that has lived.

    Args:
        state: that with which the generation was asked for.
        genomes: genes [N, loci], within their bounds.
        scores: score of each individual [N].
        seed_key: of the purpose BREED and the generation (model 5).

    Raises:
        EvosimError: a score that is not finite, or that the selection operator does not take; a
            gene out of bounds; an unknown operator.
        ValueError: shapes that do not fit.
    """
    if scenario.evolution.open is not None:
        return Asked(breed_open(scenario, genomes, scores, seed_key), NOTHING)
    chosen = optimizer(scenario)
    genes, score = checked(scenario, genomes, scores)
    return chosen.ask(scenario, chosen.tell(scenario, state, genes, score), seed_key)
