"""What genes are and what they express (model 2)."""

from __future__ import annotations

from evosim.mind.genome import (
    MANY,
    Locus,
    Minds,
    PolicyOf,
    cost,
    express,
    initial,
    loci,
    phenotype,
    unit_length,
)

__all__ = [
    "MANY",
    "Locus",
    "Minds",
    "PolicyOf",
    "cost",
    "express",
    "initial",
    "loci",
    "phenotype",
    "unit_length",
]
