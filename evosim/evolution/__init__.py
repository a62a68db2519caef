"""The base optimizer: by name, DEAP's operators by name, breeding and its pedigree (model 3)."""

from __future__ import annotations

from evosim.evolution import islands
from evosim.evolution.breed import breed, breed_open, check_genes
from evosim.evolution.check import check
from evosim.evolution.generation import expected_shares, next_generation, optimizer, start
from evosim.evolution.operators import MATE, MIGRATE, MUTATE, OPERATORS, SELECT
from evosim.evolution.optimizer import NOTHING, Asked, Offspring, Optimizer, State
from evosim.evolution.registry import OPTIMIZERS

__all__ = [
    "MATE",
    "MIGRATE",
    "MUTATE",
    "NOTHING",
    "OPERATORS",
    "OPTIMIZERS",
    "SELECT",
    "Asked",
    "Offspring",
    "Optimizer",
    "State",
    "breed",
    "breed_open",
    "check",
    "check_genes",
    "expected_shares",
    "islands",
    "next_generation",
    "optimizer",
    "start",
]
