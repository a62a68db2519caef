"""What tests of several folders share."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from evosim.registry import Registry


@pytest.fixture
def registries_restored() -> Iterator[None]:
    """What is registered in a test is known to no other test."""
    before = {
        id(one): (dict(one._things), dict(one._places))
        for one in gc.get_objects()
        if isinstance(one, Registry) and len(one)
    }
    yield
    for one in gc.get_objects():
        if isinstance(one, Registry) and id(one) in before:
            one._things, one._places = before[id(one)]
