"""``evosim bench``: how fast evosim is on this machine, against its goals and its limits."""

from evosim.benchmarks.command import main

__all__ = ["main"]
