"""What can go wrong through a user's doing, and how it is told: one clear line each."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a public function in the text of an error, which has to name it.

    Its text is Python, ``replicates=0``; the command line shows its own option for it instead,
    ``--replicates 0``. Without a value it ends in an ellipsis: ``out=...``.
    """

    name: str
    value: object = ...

    def __str__(self) -> str:
        return f"{self.name}={_python(self.value)}"


def _python(value: object) -> str:
    """A value as Python is written."""
    if value is ...:
        return "..."
    if isinstance(value, Mapping):
        items = (f"{_python(key)}: {_python(one)}" for key, one in value.items())
        return "{" + ", ".join(items) + "}"
    return (
        json.dumps(str(value), ensure_ascii=False) if isinstance(value, str | Path) else str(value)
    )


class EvosimError(Exception):
    """A user's mistake or a broken surrounding; shown as text, never as a traceback.

    Args:
        parts: the text, or pieces of it that are joined; an :class:`Argument` where the text names
            an argument, so that each surface can name it in its own way.
    """

    def __init__(self, *parts: str | Argument) -> None:
        super().__init__(*parts)

    @property
    def parts(self) -> tuple[str | Argument, ...]:
        """The pieces of the text."""
        return self.args

    def __str__(self) -> str:
        return "".join(map(str, self.args))


class RunError(EvosimError):
    """A run folder that cannot be made, read, resumed or forked."""


SETTING = "setting "
"""What the ``file`` of a problem begins with where the value came from a setting, not a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with a scenario.

    ``line`` is 1 for the first line, or None where the value came from no file (:data:`SETTING`).
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


class Registry(Generic[T]):
    """Things by name. Refuses collisions; an unknown name is answered with the known ones."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._things: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """A decorator that files what it decorates under ``name``.

        Raises:
            ValueError: the name is taken.
        """

        def put(thing: T) -> T:
            if name in self._things:
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            self._things[name] = thing
            return thing

        return put

    def __getitem__(self, name: str) -> T:
        """The thing of that name.

        Raises:
            EvosimError: no such name; the message lists the known ones and the nearest.
        """
        try:
            return self._things[name]
        except KeyError:
            raise EvosimError(
                f"unknown {self.kind} {name!r}: {did_you_mean(name, self._things)}"
            ) from None

    def __contains__(self, name: object) -> bool:
        return name in self._things

    def __iter__(self) -> Iterator[str]:
        return iter(self._things)

    def __len__(self) -> int:
        return len(self._things)
