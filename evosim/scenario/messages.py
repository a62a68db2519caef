"""Mistakes: what is wrong where, in the words of a scenario file."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from datetime import date, time
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from evosim.errors import UNPRINTABLE, did_you_mean, nearest
from evosim.scenario import document
from evosim.scenario._paths import at, is_array_of_tables, is_table_of_models, model_at, places
from evosim.scenario.positions import KeyPath
from evosim.scenario.rules import ONE, SEVERAL

_LONGEST = 60
# A key that so many tables have (title, set) is told without them.
_MANY_PLACES = 3
_PLAIN = "a number, a text, true, false, a list or a table"
OF_LINES = {
    "question", "claim", "source", "control", "expected", "found", "finding", "pilots", "says",
    "set", "map", "choice",
}  # fmt: skip
"""Keys whose texts may have several lines, and tabs; all others stand in one line of something."""


NAMELESS = "a table without a name"


class Mistake(NamedTuple):
    """One thing wrong: its key path, a message without the path, and the character, if it is one,
    whose line and column are to be told."""

    path: KeyPath
    message: str
    character: str = ""

    def below(self, *prefix: str | int) -> Mistake:
        """The same mistake seen from further up."""
        return self._replace(path=(*prefix, *self.path))


def show(value: Any) -> str:
    """A value as TOML would write it, cut short where it is long."""
    text = document.inline(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def bad_value(what: str, got: Any, allowed: str) -> str:
    """The usual message: what is wrong, what was found, what may stand there."""
    return f"{what} (got {show(got)}, allowed {allowed})"


def unknown(what: str, name: str, known: Any) -> str:
    """The usual message about an unknown name."""
    return f"unknown {what} {show(name)}: {did_you_mean(name, known)}"


def unknown_key(key: str, known: Collection[str], root: type[BaseModel]) -> str:
    """The message about a key that a table does not have: where else it belongs, or what is near.

    Args:
        known: the keys that the table has.
        root: the model of the whole file.
    """
    message = unknown("key", key, known)
    headers = places(root, key)
    if not headers or len(headers) > _MANY_PLACES:
        return message
    tables = " or ".join(f"[{header}]" for header in headers if header)
    told = ["at the top of the file, before every [table]"] * (headers[0] == "")
    told += [f"under {tables}"] * bool(tables)
    what, _, rest = message.partition(": ")
    return f"{what}: it belongs {', or '.join(told)}; {rest}"


def unwritable(value: Any, path: KeyPath = ()) -> Iterator[Mistake]:
    """What is within a plain value that a run could not use or write: texts that cannot be printed,
    drawn and written as they stand, dates and times, numbers that are not finite."""
    if isinstance(value, date | time):
        what = "a time" if isinstance(value, time) else "a date"
        yield Mistake(path, f"{bad_value(what, value, _PLAIN)}; in quotes it is a text")
    elif isinstance(value, float) and not math.isfinite(value):
        yield Mistake(path, bad_value("not a finite number", value, _PLAIN))
    elif isinstance(value, str):
        kept = "\n\t" if OF_LINES & {str(part) for part in path[-2:]} else ""
        for found in UNPRINTABLE.finditer(value):
            if found[0] not in kept:
                what, allowed = _unprintable(found[0])
                where = f"{what} at position {found.start()}"
                yield Mistake(path, f"{bad_value(where, value, allowed)}; remove it", found[0])
                break
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from unwritable(part, (*path, key))
    elif isinstance(value, list):
        for i, part in enumerate(value):
            yield from unwritable(part, (*path, i))


def _unprintable(character: str) -> tuple[str, str]:
    """What an unprintable character is, and what is allowed instead, in words."""
    code = f"U+{ord(character):04X}"
    if character == "\0":
        return "a NUL character", "text that files can hold"
    if "\ud800" <= character <= "\udfff":
        return "half of a surrogate pair", "text that files can hold"
    if character in "\n\r\x0b\x0c\x85\u2028\u2029":
        return f"an end of line ({code})", "a text on one line"
    if character == "\t":
        return "a tab", "spaces"
    if character in "\ufffe\uffff":
        return f"{code}, which is no character", "text that files can hold"
    if character >= "\u202a":
        return f"{code}, which turns round what is read", "text in its own direction"
    return f"the control character {code}", "text without control characters"


def mistakes_of(error: ValidationError, root: type[BaseModel]) -> list[Mistake]:
    """What pydantic found, in the words of a scenario file.

    Args:
        error: as raised by ``root.model_validate``.
        root: the model whose keys the paths begin with.
    """
    found = [_mistake(details, root) for details in error.errors(include_url=False)]
    nameless = {one.path: one for one in reversed(found) if one.message.startswith(NAMELESS)}
    return [
        one
        for one in found
        if nameless.get(one.path, one) is one
        and not any(one.path[: len(path)] == path for path in nameless if path != one.path)
    ]


def _whole(root: type[BaseModel]) -> type[BaseModel]:
    """The model of the file that a model is read from: environments are read as worlds."""
    from evosim.scenario.schema import Scenario, World  # whose mechanisms need messages

    return Scenario if root is World else root


def _nameless(root: type[BaseModel], path: KeyPath) -> Mistake | None:
    """The mistake of one thing where named ones belong, such as ``enter = { feels = ... }``: what
    stands where a name does is a key of the thing itself."""
    for end in range(1, len(path)):
        model = model_at(root, path[: end + 1])
        if is_table_of_models(at(root, path[:end])) and model and path[end] in model.model_fields:
            if path[end + 1 :] and nearest(str(path[-1]), model.model_fields):
                return None  # a misspelled key of something that is named like a key
            key = path[end - 1]
            message = f"{NAMELESS} (got {key}.{path[end]}, needed: {key}.NAME, a NAME of your own"
            return Mistake(path[:end], f"{message} with the keys in it)")
    return None


def _mistake(details: Any, root: type[BaseModel]) -> Mistake:
    path: KeyPath = tuple(part for part in details["loc"] if part not in (ONE, SEVERAL))
    if path and path[-1] == "[key]":
        path = path[:-1]
    given, context = details["input"], details.get("ctx", {})
    match details["type"]:
        case "scenario":
            message = bad_value(context["what"], given, context["allowed"])
        case "missing":
            model = model_at(root, path[:-1])
            field = model.model_fields.get(str(path[-1])) if model else None
            needed = field.description if field else "a value"
            message = f"missing (got nothing, needed: {needed})"
        case "extra_forbidden":
            model = model_at(root, path[:-1])
            known = model.model_fields if model else ()
            message = unknown_key(str(path[-1]), known, _whole(root))
            if nameless := _nameless(root, path):
                return nameless
        case "literal_error":
            expected = context["expected"].replace("'", '"')
            message = bad_value("not one of the choices", given, expected)
        case "model_type" | "dict_type":
            model = model_at(root, path)
            keys = f" of {', '.join(model.model_fields)}" if model and model.model_fields else ""
            if nameless := _nameless(root, path):
                return nameless
            message = bad_value("not a table", given, f"a table{keys}")
        case "tuple_type":
            listed = is_array_of_tables(root, path)
            allowed = f"an array of tables, [[{path[-1]}]]" if listed else "a list, [..., ...]"
            message = bad_value("not an array", given, allowed)
        case _:
            message = f"{details['msg']} (got {show(given)})"
    return Mistake(path, message)
