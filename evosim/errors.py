"""What can go wrong through a user's doing, and how it is told: one clear line each."""

from __future__ import annotations

import difflib
import json
import os
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf, isfinite
from numbers import Integral, Real
from pathlib import Path
from typing import TypeAlias

# Control characters, ends of lines of any kind, what turns the order of what is read round
# (U+061C and the marks U+200E and U+200F do not), halves of surrogate pairs, and what XML excludes.
UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
"""Characters that a text on one line does not hold."""

DISTRIBUTION = "evosim-sandbox"
"""What package managers call evosim: on their index, the name ``evosim`` is of another package."""


def install(extra: str) -> str:
    """The command that installs an optional part of evosim.

    Args:
        extra: its name in setup.cfg.

    Example:
        >>> install("trees")
        "pip install 'evosim-sandbox[trees]'"
    """
    return f"pip install '{DISTRIBUTION}[{extra}]'"


def printable(text: str, keep: str = "\n\t") -> str:
    """A text that can be printed anywhere: other characters as their escapes, ``\\u001b``.

    So no name of a file can move the cursor of a terminal or pass for another one. Within a string
    of JSON or TOML the escapes stand for the characters.

    Args:
        keep: characters that stay as they are.

    Example:
        >>> printable("red \\x1b[31m\\udcff")
        'red \\\\u001b[31m\\\\udcff'
    """
    return UNPRINTABLE.sub(
        lambda found: found[0] if found[0] in keep else f"\\u{ord(found[0]):04x}", text
    )


def from_here(text: str) -> str:
    """A text with paths below the working folder as they are named from there.

    Example:
        >>> from_here(f"{Path.cwd() / 'runs' / 'a'}: it is complete")
        'runs/a: it is complete'
    """
    try:
        here = os.getcwd()
    except OSError:  # it was removed
        return text
    if here == os.sep:
        return text
    return re.sub(rf"(?<![\w/.~-]){re.escape(here)}{re.escape(os.sep)}(?=[^/\s])", "", text)


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a public function in the text of an error, which has to name it.

    Its text is Python, ``replicates=0``, or ``out=...`` without a value; the command line shows the
    option of that name instead.
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


@dataclass(frozen=True, slots=True)
class Command:
    """What to do next, in the text of an error: a function of evosim, or the command for it.

    Its text is Python, ``evosim.resume("runs/a")``, or ``evosim.resume`` without a subject; the
    command line shows :attr:`line` instead.

    Attributes:
        name: of the command, ``resume`` or ``study run``.
        subject: what it is about.
    """

    name: str
    subject: str | Path | None = None

    @property
    def line(self) -> str:
        """The command as it is typed into a shell."""
        subject = "" if self.subject is None else f" {shlex.quote(str(self.subject))}"
        return f"evosim {self.name}{subject}"

    def __str__(self) -> str:
        function = f"evosim.{_FUNCTIONS.get(self.name, self.name)}"
        return function if self.subject is None else f"{function}({_python(self.subject)})"


_FUNCTIONS = {"study run": "run_study", "study resume": "resume"}
"""The functions of commands that have another name."""

Part: TypeAlias = str | Argument | Command
"""A piece of the text of an error."""


class EvosimError(Exception):
    """A user's mistake or a broken surrounding; shown as text, never as a traceback.

    Args:
        parts: the text, or pieces of it that are joined; an :class:`Argument` or a
            :class:`Command` where the text names one, so that Python and the command line each
            name it in their own way.

    Example:
        >>> import evosim
        >>> try:
        ...     evosim.run("contraception", replicates=0)
        ... except evosim.EvosimError as error:
        ...     print(error)
        replicates=0: a whole number of at least 1 is needed
    """

    def __init__(self, *parts: Part) -> None:
        super().__init__(*parts)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The pieces of the text."""
        return self.args

    def __str__(self) -> str:
        return printable(from_here("".join(map(str, self.args))))


def whole_number(name: str, value: object, least: int = 0) -> int:
    """An argument that has to be a whole number, as a plain int; of numpy or of Python.

    Args:
        name: of the argument.
        value: what was given.
        least: the smallest that is allowed.

    Raises:
        EvosimError: it is none, or a smaller one.
    """
    # A numpy integer neither goes into JSON nor has as many bits as random numbers are made of.
    if not isinstance(value, bool) and isinstance(value, Integral) and int(value) >= least:
        if int(value) < 2**63:
            return int(value)
        raise EvosimError(Argument(name, value), ": too large (allowed up to 2^63 - 1)")
    raise EvosimError(Argument(name, value), f": a whole number of at least {least} is needed")


def real_number(name: str, value: object, least: float = -inf, most: float = inf) -> float:
    """An argument that has to be a finite number, as a plain float; of numpy or of Python.

    Args:
        name: of the argument.
        value: what was given.
        least, most: the smallest and the largest that are allowed.

    Raises:
        EvosimError: it is none, or beyond them.

    Example:
        >>> real_number("rate", 1, least=0.0)
        1.0
    """
    if not isinstance(value, bool) and isinstance(value, Real):
        number = float(value)
        if isfinite(number) and least <= number <= most:
            return number
    ends = "" if least == -inf else f" of at least {least:g}"
    ends += "" if most == inf else f"{' and' if ends else ' of'} at most {most:g}"
    raise EvosimError(Argument(name, value), f": a finite number{ends} is needed")


def seed_number(seed: object, name: str = "seed") -> int:
    """A seed, as a plain int: of all that random numbers are drawn from.

    Args:
        seed: what was given.
        name: of the argument.

    Raises:
        EvosimError: not a whole number of 64 bits. It would be cut down to one without a word.

    Example:
        >>> seed_number(2**64 - 1)
        18446744073709551615
    """
    # A numpy integer is a seed too, but would neither fit beside 2^64 nor go into JSON.
    if not isinstance(seed, bool) and isinstance(seed, Integral) and 0 <= int(seed) < 2**64:
        return int(seed)
    raise EvosimError(
        Argument(name, seed), ": not a seed (allowed a whole number from 0 to 2^64 - 1)"
    )


class RunError(EvosimError):
    """A run folder that cannot be made, read, resumed or forked.

    Example:
        >>> import evosim
        >>> try:
        ...     evosim.open_run("nowhere")
        ... except evosim.RunError as error:
        ...     print(error)
        nowhere: there is no such run folder
    """


OUT_OF_MEMORY = "out of memory: the operating system gives this process no more"


class WorkError(RunError):
    """Whoever is to do the work cannot: no scheduler, or a worker that is no use."""


SETTING = "setting "
"""What the ``file`` of a problem begins with where the value came from a setting, not a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with a scenario, or to note of it.

    ``line`` is 1 for the first line, or None where the value came from no file (:data:`SETTING`).
    """

    file: str
    line: int | None
    key: str
    message: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        text = f"{where}: {self.key}: {self.message}" if self.key else f"{where}: {self.message}"
        return printable(text, keep="")


class ScenarioError(EvosimError):
    """Everything wrong with a scenario, at once: ``problems``, one line each in ``str()``.

    Example:
        >>> import evosim
        >>> try:
        ...     evosim.check("contraception", {"world.rows": 0, "agent.depth": -1})
        ... except evosim.ScenarioError as error:
        ...     [problem.key for problem in error.problems]
        ['agent.depth', 'world.rows']
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(str(p) for p in self.problems))

    def __reduce__(self) -> tuple[type[ScenarioError], tuple[list[Problem]]]:
        return ScenarioError, (self.problems,)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that ``name`` most likely means, or None where none is near."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


def misspelt(name: str, known: Iterable[str]) -> str | None:
    """The known name that ``name`` is one slip of the pen away from, or None.

    A slip is one letter more, less or other, or two that changed places, after the first; two in
    a long name; or a difference of capitals, ``-`` and ``_``. Names that differ in a number or in
    a part of one letter (``tile1`` and ``tile2``, ``gold_a`` and ``gold_b``) are told apart.

    Example:
        >>> misspelt("chidlren", ["children"]), misspelt("in_road", ["in_pond"])
        ('children', None)
    """
    return next((other for other in known if _is_slip(name, other)), None)


def _is_slip(name: str, other: str) -> bool:
    parts, others = re.findall(r"[^\W\d_]+|\d+", name), re.findall(r"[^\W\d_]+|\d+", other)
    if len(parts) == len(others):
        differ = [pair for pair in zip(parts, others, strict=True) if pair[0] != pair[1]]
        if any(a.isdigit() or b.isdigit() or len(a) == len(b) == 1 for a, b in differ):
            return False
    a, b = ("".join(words).casefold() for words in (parts, others))
    return a == b or (a[:1] == b[:1] and _edits(a, b) <= (2 if min(len(a), len(b)) > 7 else 1))


def _edits(a: str, b: str) -> int:
    """Letters put in, left out, replaced or swapped with the next: optimal string alignment."""
    rows = [list(range(len(b) + 1))]
    for i, letter in enumerate(a, 1):
        row = [i]
        for j, other in enumerate(b, 1):
            best = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (letter != other))
            if i > 1 and j > 1 and a[i - 2 : i] == b[j - 2 : j][::-1]:
                best = min(best, rows[-2][j - 2] + 1)
            row.append(best)
        rows.append(row)
    return rows[-1][-1]


_MOST_TOLD = 100
"""Known names that are told."""


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """The end of an error about an unknown name: the nearest known one, then all of them.

    What is no text is near to none.
    """
    names = sorted(known)
    told = [
        *names[:_MOST_TOLD],
        *[f"and {len(names) - _MOST_TOLD:,} more"] * (len(names) > _MOST_TOLD),
    ]
    guess = nearest(name, names) if isinstance(name, str) else None
    hint = f"did you mean {guess!r}? " if guess else ""
    return f"{hint}known: {', '.join(told) if told else 'none'}"
