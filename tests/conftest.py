"""What tests of several folders share."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from evosim.registry import Registry

sys.path.insert(0, str(Path(__file__).parent))  # which makes ``processes`` importable

# Tests run side by side, and to start a worker takes longer than most of them. So whatever names
# no number of threads or workers has one; the tests of both name theirs.
os.environ.setdefault("EVOSIM_THREADS", "1")


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
