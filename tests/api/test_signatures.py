"""What users call stays as it is: the public names and their signatures, in signatures.txt."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import cached_property

import evosim


def lines() -> Iterator[str]:
    for name in sorted(evosim.__all__):
        thing = getattr(evosim, name)
        if isinstance(thing, str):
            continue
        if inspect.ismodule(thing):
            functions = [one for one in thing.__all__ if not inspect.isclass(getattr(thing, one))]
            yield from (f"{name}.{one}{signature(getattr(thing, one))}" for one in functions)
            continue
        if not inspect.isclass(thing):
            yield f"{name}{signature(thing)}"
            continue
        yield f"class {name}({', '.join(base.__name__ for base in bases(thing))})"
        for inner, member in sorted(members(thing).items()):
            if isinstance(member, classmethod | staticmethod):
                member = member.__func__
            if inspect.isfunction(member) and not inner.startswith("_"):
                yield f"{name}.{inner}{signature(member)}"
            elif isinstance(member, property | cached_property) and not inner.startswith("_"):
                yield f"{name}.{inner}"


def is_inner(owner: type) -> bool:
    """Whether a class is evosim's own and not public: what it has, its subclasses have."""
    return owner.__module__.startswith("evosim.api.") and owner.__name__ not in evosim.__all__


def bases(thing: type) -> Iterator[type]:
    """The bases of a class; of one that is not public, its own."""
    for base in thing.__bases__:
        if not is_inner(base):
            yield base
    if all(map(is_inner, thing.__bases__)):
        yield object


def members(thing: type) -> dict[str, object]:
    """The members of a class, with those of bases that are not public."""
    found: dict[str, object] = {}
    for owner in reversed(thing.__mro__):
        if owner is thing or is_inner(owner):
            found |= vars(owner)
    return found


def signature(function: Callable[..., object]) -> str:
    return str(inspect.signature(function)).replace("'", "")


def test_public_signatures_are_as_recorded(snapshot: Callable[[str, str], None]) -> None:
    snapshot("signatures.txt", "".join(f"{line}\n" for line in lines()))
