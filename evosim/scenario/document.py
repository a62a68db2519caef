"""Scenarios as plain tables: models made plain again, overrides merged in, TOML text."""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Mapping
from typing import Any

import tomli_w
from pydantic import BaseModel

from evosim.scenario.values import Locus

# An array of numbers or bare words as tomli_w writes it, one item a line.
_ARRAY = re.compile(r"\[\n((?: +[-+\w.]+,\n)+) *\]")


def plain(value: Any) -> Any:
    """A model as tables, lists and scalars; empty tables that are a default are left out."""
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
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return value


def merged(base: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """A new document: tables merge key by key, anything else is replaced."""
    result = dict(copy.deepcopy(dict(base)))
    for key, value in overrides.items():
        old = result.get(key)
        if isinstance(old, dict) and isinstance(value, Mapping):
            result[key] = merged(old, value)
        else:
            result[key] = copy.deepcopy(value)
    return result


def to_toml(document: Mapping[str, Any]) -> str:
    """TOML text of a document, maps as blocks and short arrays on a line where that is exact."""
    text = tomli_w.dumps(document)
    readable = tomli_w.dumps(document, multiline_strings=True)
    for candidate in (_ARRAY.sub(_one_line, readable), readable):
        if tomllib.loads(candidate) == document:
            return candidate
    return text


def _one_line(match: re.Match[str]) -> str:
    return f"[{', '.join(item.strip() for item in match[1].rstrip()[:-1].split(','))}]"
