"""Results kept for as long as the object they were computed from lives."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

A = TypeVar("A")
P = ParamSpec("P")
R = TypeVar("R")


def by_identity(function: Callable[Concatenate[A, P], R]) -> Callable[Concatenate[A, P], R]:
    """Remember ``function(thing, *names)`` by the identity of ``thing``.

    Scenarios and worlds hold dictionaries and so have no hash; they are frozen, so that one
    object always means the same. The other arguments must have a hash.

    >>> class World: pass
    >>> @by_identity
    ... def compiled(world): return [world]
    >>> one = World()
    >>> compiled(one) is compiled(one), compiled(one) is compiled(World())
    (True, False)
    """
    kept: dict[int, dict[object, R]] = {}

    @wraps(function)
    def remembered(thing: A, /, *args: P.args, **kwargs: P.kwargs) -> R:
        owner = id(thing)
        if owner not in kept:
            kept[owner] = {}
            weakref.finalize(thing, kept.pop, owner, None)
        results = kept[owner]
        key = (args, tuple(sorted(kwargs.items())))
        if key not in results:
            results[key] = function(thing, *args, **kwargs)
        return results[key]

    return remembered
