"""A tiny scenario, and ways to live it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from evosim.testing import TINY

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """The file of a scenario of six generations that takes no time."""
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


def call(folder: Path, *words: object, code: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run evosim, or the code, in a process of its own with that working folder."""
    start = ["-m", "evosim"] if code is None else ["-c", code]
    return subprocess.run(
        [sys.executable, *start, *map(str, words)],
        cwd=folder,
        env=os.environ | {"SOURCE_DATE_EPOCH": "0"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


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
