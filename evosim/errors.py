"""What can go wrong through a user's doing, and how it is told: one clear line each."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


class EvosimError(Exception):
    """A user's mistake or a broken surrounding; shown as text, never as a traceback."""


class RunError(EvosimError):
    """A run folder that cannot be made, read, resumed or forked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with a scenario.

    ``line`` is 1 for the first line, or None where the value came from no file (``--set``).
    """

    file: str
    line: int | None
    key: str
    message: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.key}: {self.message}" if self.key else f"{where}: {self.message}"


class ScenarioError(EvosimError):
    """Everything wrong with a scenario, at once: ``problems``, one line each in ``str()``."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(str(p) for p in self.problems))


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that ``name`` most likely means, or None where none is near."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of an error about an unknown name: the nearest known one, then all of them."""
    names = sorted(known)
    guess = nearest(name, names)
    hint = f"did you mean {guess!r}? " if guess else ""
    return f"{hint}known: {', '.join(names) if names else 'none'}"
