"""The base optimizer: by name, DEAP's operators by name, breeding and its pedigree (model 3)."""

from __future__ import annotations

from evosim.evolution.breed import breed, breed_open, expected_shares
from evosim.evolution.check import check
from evosim.evolution.generation import following, optimizer, start
from evosim.evolution.operators import MATE, MUTATE, OPERATORS, SELECT
from evosim.evolution.optimizer import NOTHING, Asked, Offspring, Optimizer, State
from evosim.evolution.registry import OPTIMIZERS

__all__ = [
    "MATE",
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
    "expected_shares",
    "following",
    "optimizer",
    "start",
]
