"""The base optimizer: by name, DEAP's operators by name, breeding and its pedigree (model 3)."""

from __future__ import annotations

from evosim.evolution import genetic
from evosim.evolution.breed import breed, check_genes, expected_shares
from evosim.evolution.check import check
from evosim.evolution.generation import Reproduction, next_generation, optimizer_of, start
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
    "Reproduction",
    "State",
    "breed",
    "check",
    "check_genes",
    "expected_shares",
    "genetic",
    "middle",
    "next_generation",
    "optimizer_of",
    "sampled",
    "start",
]
