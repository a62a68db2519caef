"""A tiny scenario, and ways to live it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

TINY = """
id       = "tiny"
title    = "Tiny"
question = "Does it run?"

[objective]
intended = "food"
selected = "food"

[agent]
drives        = ["sweet", "sour"]
depth         = [0, 3]
patience      = 0.9
thinking_cost = 0.01

[world]
rows = 3
cols = 3
lifetime = 20

[world.variables.energy]
values = 3
start  = 2
drift  = { step = -1, chance = 0.2 }
fatal  = 0

[world.kinds.fruit]
glyph = "f"
count = 1
use.eat = { add = { energy = 1 }, feels = { sweet = 1.0 }, yields = { food = 1.0 } }

[world.kinds.lime]
glyph = "l"
count = 1
use.eat = { feels = { sour = 1.0 } }

[environments.before]
title = "fruit feeds"

[environments.after]
title = "fruit feeds no longer"
kinds.fruit.use.eat.yields.food = 0.1

[evolution]
population = 20
levels     = 2
select     = { operator = "selTournament", tournsize = 3 }
mate       = { operator = "cxUniform", indpb = 0.5, chance = 1.0 }
mutate     = { operator = "mutGaussian", mu = 0.0, sigma = 0.1, indpb = 0.3, chance = 1.0 }

[[timeline]]
generations = 3
train = "before"

[[timeline]]
generations = 3
train = "after"

[measure]
every  = 2
levels = 2
sample = 4

[verdict]
resamples = 50
"""


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
