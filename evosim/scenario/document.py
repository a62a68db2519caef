"""Scenarios as plain documents: models made plain again, overrides merged in, TOML text."""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import tomli_w
from pydantic import BaseModel

from evosim.errors import printable
from evosim.scenario.values import Locus

Path = tuple[str, ...]
"""The keys that lead to a value."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_DRIVES = "drives in their order"
# An array of numbers or bare words as tomli_w writes it, one item a line.
_ARRAY = re.compile(r"\[\n((?: +[-+\w.]+,\n)+) *\]")


def plain(value: Any) -> Any:
    """A model, or a value that holds some, as new tables, lists and scalars.

    Left out are tables that are empty by default, and keys without a value (None). Keys become
    text, arrays and scalars of numpy plain ones.
    """
    if isinstance(value, BaseModel):
        table = {}
        for name, field in type(value).model_fields.items():
            part = getattr(value, name)
            if part is None or (part == {} == field.default):
                continue
            table[name] = plain(part)
        return table | copy.deepcopy(value.model_extra or {})
    if isinstance(value, Locus):
        return value.plain()
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items() if part is not None}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if hasattr(value, "tolist"):
        return value.tolist()
    return value


def merged(base: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """A new document: tables merge key by key, anything else is replaced."""
    result = {}
    for key, value in {**base, **overrides}.items():
        old = base.get(key)
        if key in overrides and isinstance(old, dict) and isinstance(value, Mapping):
            result[key] = merged(old, value)
        else:
            result[key] = copy.deepcopy(value)
    return result


def leaves(table: Mapping[str, Any], above: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Everything in a table that is no table, by path.

    Example:
        >>> dict(leaves({"a": {"b": 1}, "c": 2}))
        {('a', 'b'): 1, ('c',): 2}
    """
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from leaves(value, (*above, name))
        else:
            yield (*above, name), value


def nested(leaves: Mapping[Path, Any]) -> dict[str, Any]:
    """The document that has these leaves, by path.

    Example:
        >>> nested({("a", "b"): 1, ("c",): 2})
        {'a': {'b': 1}, 'c': 2}
    """
    found: dict[str, Any] = {}
    for path, value in leaves.items():
        table = found
        for name in path[:-1]:
            table = table.setdefault(name, {})
        table[path[-1]] = value
    return found


def changed(written: Mapping[str, Any], numbers: Mapping[Path, float]) -> dict[str, Any]:
    """The overrides of an environment with some numbers in place of its own.

    Example:
        >>> changed({"slip": 0.5, "title": "ice"}, {("slip",): 0.0, ("lifetime",): 9.0})
        {'slip': 0, 'title': 'ice', 'lifetime': 9}
    """
    whole = {path: int(v) if float(v).is_integer() else v for path, v in numbers.items()}
    return merged(written, nested(whole))


def to_toml(document: Mapping[str, Any]) -> str:
    """TOML text of a document, maps as blocks and short arrays on a line where that is exact."""
    text = tomli_w.dumps(document)
    readable = _with_drives_in_order(document)
    on_a_line = _ARRAY.sub(
        lambda match: "[" + ", ".join(s.strip() for s in match[1].rstrip()[:-1].split(",")) + "]",
        readable,
    )
    for candidate in (on_a_line, readable):
        if tomllib.loads(candidate) == document:
            return candidate
    return text


def _with_drives_in_order(document: Mapping[str, Any]) -> str:
    """TOML text in which drives have their order, by which loci are numbered.

    Within a table tomli_w puts tables last: pinned drives would come before those that evolve.
    """
    agent = document.get("agent", {})
    drives = agent.get("drives", {})
    tables = [isinstance(drive, Mapping) for drive in drives.values()]
    if tables == sorted(tables):
        return tomli_w.dumps(document, multiline_strings=True)
    marked = {**document, "agent": {**agent, "drives": _DRIVES}}
    text = tomli_w.dumps(marked, multiline_strings=True)
    return text.replace(f'"{_DRIVES}"', inline(drives), 1)


def inline(value: Any) -> str:
    """A value as TOML, on one line."""
    if isinstance(value, str):
        return printable(json.dumps(value, ensure_ascii=False))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        inner = ", ".join(f"{_key(key)} = {inline(part)}" for key, part in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(inline(part) for part in value)}]"
    return str(value)


def canonical(value: Any) -> str:
    """A text that equal values share: the order of a table's keys does not count, nor whether a
    whole number is written as 1 or as 1.0; but true is not 1.

    Example:
        >>> canonical({"b": 1.0, "a": True}) == canonical({"a": True, "b": 1})
        True
    """

    def alike(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {str(key): alike(part) for key, part in value.items()}
        if isinstance(value, list | tuple):
            return [alike(part) for part in value]
        return int(value) if isinstance(value, float) and value.is_integer() else value

    return json.dumps(alike(value), sort_keys=True, ensure_ascii=False, default=str)


def _key(key: Any) -> str:
    return str(key) if _BARE_KEY.fullmatch(str(key)) else inline(str(key))
