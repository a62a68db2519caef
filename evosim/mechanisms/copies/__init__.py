"""Copies: what a life leaves to the next life of the same genome."""
