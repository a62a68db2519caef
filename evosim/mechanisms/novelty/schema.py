"""Novelty has no section: it is there where it is among the drives."""

NOVELTY = "novelty"
FELT = "it is felt on arrival at a cell"
