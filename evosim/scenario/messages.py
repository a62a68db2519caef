"""Mistakes: what is wrong where, in the words of a scenario file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from evosim.errors import did_you_mean
from evosim.scenario import document
from evosim.scenario._paths import model_at
from evosim.scenario.positions import KeyPath

_LONGEST = 60
# What the files of a run cannot hold: NUL, and surrogates, which UTF-8 has no bytes for.
_UNWRITABLE = re.compile("[\0\ud800-\udfff]")


class Mistake(NamedTuple):
    """One thing wrong: its key path, and a message without the path."""

    path: KeyPath
    message: str

    def below(self, *prefix: str | int) -> Mistake:
        """The same mistake seen from further up."""
        return Mistake((*prefix, *self.path), self.message)


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


def unwritable_texts(value: Any, path: KeyPath = ()) -> Iterator[Mistake]:
    """The texts within a plain value that the files of a run could not hold."""
    if isinstance(value, str) and (found := _UNWRITABLE.search(value)):
        what = "a NUL character" if found[0] == "\0" else "half of a surrogate pair"
        where = f"{what} at position {found.start()}"
        yield Mistake(path, f"{bad_value(where, value, 'text that files can hold')}; remove it")
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from unwritable_texts(part, (*path, key))
    elif isinstance(value, list):
        for i, part in enumerate(value):
            yield from unwritable_texts(part, (*path, i))


def mistakes_of(error: ValidationError, root: type[BaseModel]) -> list[Mistake]:
    """What pydantic found, in the words of a scenario file.

    Args:
        error: as raised by ``root.model_validate``.
        root: the model whose keys the paths begin with.
    """
    return [_mistake(details, root) for details in error.errors(include_url=False)]


def _mistake(details: Any, root: type[BaseModel]) -> Mistake:
    path: KeyPath = tuple(details["loc"])
    if path and path[-1] == "[key]":
        path = path[:-1]
    message = _MESSAGES.get(details["type"], _as_it_is)
    return Mistake(path, message(path, details, root))


def _scenario(path: KeyPath, details: Any, root: type[BaseModel]) -> str:
    return bad_value(details["ctx"]["what"], details["input"], details["ctx"]["allowed"])


def _missing(path: KeyPath, details: Any, root: type[BaseModel]) -> str:
    model = model_at(root, path[:-1])
    field = model.model_fields.get(str(path[-1])) if model else None
    return f"missing (got nothing, needed: {field.description if field else 'a value'})"


def _extra(path: KeyPath, details: Any, root: type[BaseModel]) -> str:
    model = model_at(root, path[:-1])
    return unknown("key", str(path[-1]), model.model_fields if model else ())


def _literal(path: KeyPath, details: Any, root: type[BaseModel]) -> str:
    expected = details["ctx"]["expected"].replace("'", '"')
    return bad_value("not one of the choices", details["input"], expected)


def _table(path: KeyPath, details: Any, root: type[BaseModel]) -> str:
    model = model_at(root, path)
    keys = f" of {', '.join(model.model_fields)}" if model and model.model_fields else ""
    return bad_value("not a table", details["input"], f"a table{keys}")


def _array(path: KeyPath, details: Any, root: type[BaseModel]) -> str:
    return bad_value("not an array", details["input"], f"an array of tables, [[{path[-1]}]]")


def _as_it_is(path: KeyPath, details: Any, root: type[BaseModel]) -> str:
    return f"{details['msg']} (got {show(details['input'])})"


_MESSAGES: dict[str, Callable[[KeyPath, Any, type[BaseModel]], str]] = {
    "scenario": _scenario,
    "missing": _missing,
    "extra_forbidden": _extra,
    "literal_error": _literal,
    "model_type": _table,
    "dict_type": _table,
    "tuple_type": _array,
}
