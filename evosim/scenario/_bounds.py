"""How much a file may hold: far more than anybody writes, and little enough to be read at once.

What is beyond is refused before anything is made of it. So a file that a program filled, or a
number with some zeros too many, takes neither memory nor time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from evosim.errors import Problem, ScenarioError
from evosim.scenario.messages import OF_LINES, Mistake, bad_value
from evosim.scenario.positions import KeyPath
from evosim.scenario.shipped import MOST_BYTES, TOO_LARGE
from evosim.scenario.values import MOST_DRIFTS, MOST_MOVERS, MOST_POINTS

MOST_PARTS = 100_000
"""Values of a file, tables and lists among them."""
MOST_PARTS_OF_WORLDS = 50_000
"""Values of the worlds of all environments, which each hold what they do not override."""
DEEPEST_NESTING = 24
"""Tables and lists within each other; eight or nine have a meaning."""
MOST_KEYS = 1_000
"""Entries of a table."""
LONGEST_NAME, LONGEST_LINE, LONGEST_TEXT, LONGEST_MAP = 100, 1_000, 100_000, 400_000
"""Characters of keys, of texts of one line, of other texts, and of maps."""
LARGEST_NUMBER = 2**64
MOST_PHASES = 2_000
MOST_ENTRIES = {
    "drives": 100, "environments": 100, "variables": 64, "kinds": 400, "use": 100, "always": 100,
    "enter": 100, "meet": 100, "fields": 64, "movers": MOST_MOVERS, "happens": 40,
    "drift": MOST_DRIFTS,
    "looks": 100, "timeline": MOST_PHASES, "arms": 64, "findings": 500, "parameters": 32,
    "measures": 100, "points": MOST_POINTS, "levels": 1_000, "set": 100, "keys": 100,
    "values": 1_000,
}  # fmt: skip
"""Entries of tables and lists that have a cost each."""

_KEY = r"(?:[\w-]++|\"[^\"\n]*+\"|'[^'\n]*+')[ \t]*+"
# The standard library takes the square of the number of parts to read a dotted key.
_MANY_DOTS = re.compile(rf"(?<![\w.\"'-])(?:{_KEY}\.[ \t]*+){{{2 * DEEPEST_NESTING},}}+{_KEY}[=\]]")


def check_text(text: str, name: str) -> None:
    """Refuse a TOML text that would take too long to read.

    Raises:
        ScenarioError: with the line.
    """
    if len(text) > MOST_BYTES:
        raise _refused(name, TOO_LARGE)
    if found := _MANY_DOTS.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise _refused(name, f"a key of too many parts (allowed {DEEPEST_NESTING})", line)


def excess(document: Mapping[str, Any]) -> list[Mistake]:
    """What of a plain document is too much; the first such things."""
    found: list[Mistake] = []
    for mistake in _excess(document):
        found.append(mistake)
        if len(found) == 10:
            break
    return found


def _excess(document: Mapping[str, Any]) -> Iterator[Mistake]:
    parts, sound = 0, True
    left: list[tuple[KeyPath, Any]] = [((), document)]
    while left:
        path, value = left.pop()
        parts += 1
        if parts > MOST_PARTS:
            yield Mistake(path[:1], f"too many values in the file (allowed {MOST_PARTS:,})")
            return
        key = str(path[-1]) if path else ""
        if isinstance(value, str):
            longest = LONGEST_TEXT if OF_LINES & {str(p) for p in path[-2:]} else LONGEST_LINE
            longest = LONGEST_MAP if key == "map" else longest
            if len(value) > longest:
                allowed = f"{longest:,} characters"
                yield Mistake(path, bad_value(f"a text of {len(value):,}", value, allowed))
        elif isinstance(value, int):
            # Python does not even print a number of thousands of digits.
            if abs(value) > LARGEST_NUMBER:
                allowed = f"-{LARGEST_NUMBER:,} to {LARGEST_NUMBER:,}"
                yield Mistake(path, f"a number of too many digits (allowed {allowed})")
        elif isinstance(value, dict | list):
            most = MOST_ENTRIES.get(key, MOST_KEYS if isinstance(value, dict) else MOST_PARTS)
            if len(value) > most:
                yield Mistake(path, f"too many entries (got {len(value):,}, allowed {most:,})")
                continue
            if len(path) >= DEEPEST_NESTING:
                sound = False
                yield Mistake(
                    path, f"nested too deeply (allowed {DEEPEST_NESTING} tables and lists)"
                )
                continue
            items = list(value.items() if isinstance(value, dict) else enumerate(value))
            for name, _ in items:
                if isinstance(name, str) and len(name) > LONGEST_NAME:
                    allowed = f"{LONGEST_NAME} characters"
                    message = bad_value(f"a key of {len(name):,}", name, allowed)
                    yield Mistake(path, message)
            left += [((*path, name), part) for name, part in reversed(items)]
    environments, world = document.get("environments"), document.get("world")
    if sound and isinstance(environments, dict):
        total = len(environments) * size(world) + size(environments)
        if total > MOST_PARTS_OF_WORLDS:
            yield Mistake(
                ("environments",),
                f"too many values in the worlds of all environments (got {total:,}, allowed "
                f"{MOST_PARTS_OF_WORLDS:,}); lower the number of environments, or of kinds",
            )


def size(value: Any) -> int:
    """How many values a plain value holds, itself among them."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(size, parts))


def _refused(file: str | Path, message: str, line: int | None = None) -> ScenarioError:
    return ScenarioError([Problem(file=str(file), line=line, key="", message=message)])
