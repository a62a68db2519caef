"""A tiny scenario, and ways to live it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from processes import call

from evosim.testing import TINY

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """The file of a scenario of six generations that takes no time."""
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


@pytest.fixture
def command(tmp_path: Path, tiny: Path) -> Command:
    """Runs evosim in a process of its own, in a folder that holds tiny.toml."""
    return partial(call, tmp_path)


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the tiny scenario that was never interrupted; to be read only."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "tiny.toml").write_text(TINY)
    words = ["run", "tiny.toml", "--seed", 1, "--out", "run", "--checkpoint", 0, "--no-figures"]
    done = call(folder, *words)
    assert done.returncode == 0, done.stderr
    return folder / "run"
