"""The tree of models: which model, table or array belongs at a key path of a scenario."""

from __future__ import annotations

import types
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from evosim.scenario.positions import KeyPath


def at(root: type[BaseModel], path: KeyPath) -> Any:
    """The type expected at ``path`` below ``root``, or None where nothing is."""
    expected: Any = root
    for part in path:
        if is_model(expected):
            field = expected.model_fields.get(str(part))
            expected = _bare(field.annotation) if field else None
        elif get_origin(expected) is dict:
            expected = _bare(get_args(expected)[1])
        elif get_origin(expected) is tuple:
            expected = _bare(get_args(expected)[0])
        elif options := _options(expected):
            # One, or an array of such: the path tells which.
            one = next((option for option in options if is_model(option)), None)
            expected = one if isinstance(part, int) else at(one, (part,)) if one else None
        else:
            return None
    options = [option for option in _options(expected) if is_model(option)]
    return options[0] if options else expected


def model_at(root: type[BaseModel], path: KeyPath) -> type[BaseModel] | None:
    """The model expected at ``path`` below ``root``, if it is one."""
    expected = at(root, path)
    return expected if is_model(expected) else None


def places(root: type[BaseModel], key: str) -> list[str]:
    """Where a key belongs below ``root``, as headers of tables; names that are free are capitals.

    Each model counts once, where it comes first. The top of the file is an empty header.
    """
    found: list[str] = []
    seen: set[Any] = set()
    todo: list[tuple[str, Any]] = [("", root)]
    for header, expected in todo:  # which grows as it goes: breadth first
        if get_origin(expected) is dict:
            todo.append((f"{header}.NAME", _bare(get_args(expected)[1])))
        elif get_origin(expected) is tuple:
            todo.append((f"[{header}]", _bare(get_args(expected)[0])))
        elif options := [option for option in _options(expected) if is_model(option)]:
            todo.append((header, options[0]))
        elif is_model(expected) and expected not in seen:
            seen.add(expected)
            if key in expected.model_fields:
                found.append(header)
            for name, field in expected.model_fields.items():
                below = f"{header.strip('[]')}.{name}".lstrip(".")
                todo.append((below, _bare(field.annotation)))
    return found


def is_model(expected: Any) -> bool:
    """Whether a type is a model."""
    return isinstance(expected, type) and issubclass(expected, BaseModel)


def is_table_of_models(expected: Any) -> bool:
    """Whether a type is a table of named models, such as kinds or rules."""
    return get_origin(expected) is dict and is_model(_bare(get_args(expected)[1]))


def is_array_of_tables(root: type[BaseModel], path: KeyPath) -> bool:
    """Whether tables are listed at ``path`` below ``root``, not plain values."""
    return model_at(root, (*path, 0)) is not None


def _options(expected: Any) -> list[Any]:
    """What is allowed in one place, where it is more than one thing."""
    if get_origin(expected) in (Union, types.UnionType):
        return [_bare(option) for option in get_args(expected)]
    return []


def _bare(annotation: Any) -> Any:
    """The annotation without metadata and without ``| None``."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        options = [option for option in get_args(annotation) if option is not type(None)]
        return _bare(options[0]) if len(options) == 1 else annotation
    return annotation
