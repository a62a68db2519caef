"""The command evosim."""

from evosim.cli.commands import cli, main

__all__ = ["cli", "main"]
