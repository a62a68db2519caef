"""Credence: minds that are uncertain of what they do not see (docs/mechanisms/credence.md)."""
