"""The base optimizer: by name, DEAP's operators by name, breeding and its pedigree (model 3)."""

from __future__ import annotations

from evosim.evolution import genetic, islands
from evosim.evolution.breed import breed, breed_open, check_genes
from evosim.evolution.check import check
from evosim.evolution.generation import expected_shares, next_generation, optimizer_of, start
from evosim.evolution.optimizer import (
    NOTHING,
    OPTIMIZERS,
    Asked,
    Bounds,
    Offspring,
    Optimizer,
    Option,
    State,
    middle,
    sampled,
)
from evosim.evolution.registry import MATE, MIGRATE, MUTATE, OPERATORS, SELECT

__all__ = [
    "MATE",
    "MIGRATE",
    "MUTATE",
    "NOTHING",
    "OPERATORS",
    "OPTIMIZERS",
    "SELECT",
    "Asked",
    "Bounds",
    "Offspring",
    "Optimizer",
    "Option",
    "State",
    "breed",
    "breed_open",
    "check",
    "check_genes",
    "expected_shares",
    "genetic",
    "islands",
    "middle",
    "next_generation",
    "optimizer_of",
    "sampled",
    "start",
]
