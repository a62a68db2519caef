"""The base optimizer: DEAP operators by name, breeding and its pedigree (model 3)."""

from __future__ import annotations

from evosim.evolution.breed import Offspring, breed, expected_shares
from evosim.evolution.check import check
from evosim.evolution.operators import MATE, MUTATE, OPERATORS, SELECT

__all__ = [
    "MATE",
    "MUTATE",
    "OPERATORS",
    "SELECT",
    "Offspring",
    "breed",
    "check",
    "expected_shares",
]
