"""What tests of several folders share."""

from __future__ import annotations

import difflib
import gc
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from evosim.registry import Registry

if TYPE_CHECKING:
    from tiny_experiment import Gallery

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE / "gallery")]  # where ``processes`` and others lie

# Tests run side by side, and to start a worker takes longer than most of them. So whatever names
# no number of threads or workers has one; the tests of both name theirs.
os.environ.setdefault("EVOSIM_THREADS", "1")

SHARED = {
    "gallery": "made_gallery",
    "metrics": "runs",
    "scenarios": "made_gallery",
    "study": "whole",
}
"""By folder, the fixture that takes longest to make."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where tests run side by side, those that share such a fixture go to one process."""
    for item in items:
        fixture = SHARED.get(item.path.parent.name)
        if fixture in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group(fixture))


def pytest_runtest_teardown() -> None:
    """What a test has started ends with it."""
    if (processes := sys.modules.get("processes")) is not None:
        processes.end_all()


@pytest.fixture(scope="session")
def made_gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    """The gallery of a tiny experiment, never interrupted; to be read only."""
    from tiny_experiment import make_tiny

    return make_tiny(tmp_path_factory.mktemp("gallery"))


@pytest.fixture
def snapshot(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Asserts that a text is that of a file beside the test: ``snapshot(name, text)``."""

    def compared(name: str, text: str) -> None:
        file = request.path.parent / name
        if os.environ.get("UPDATE_SNAPSHOTS"):
            file.write_text(text, encoding="utf-8")
        wanted = file.read_text(encoding="utf-8") if file.exists() else ""
        changes = [
            line
            for line in difflib.ndiff(wanted.splitlines(), text.splitlines())
            if not line.startswith(" ")
        ]
        assert not changes, (
            f"this is not what {file.name} holds. Where that is meant, tell it in CHANGELOG.md and "
            f"write the file anew: UPDATE_SNAPSHOTS=1 pytest {request.path.name}\n"
            + "\n".join(changes)
        )

    return compared


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
