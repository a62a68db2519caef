"""Novelty: a built-in drive, for cells that one has not been to for long."""
