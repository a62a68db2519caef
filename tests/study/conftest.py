"""A tiny scenario with an experiment, and experiments of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from studying import call
from sweeps import write_sweep

Command = Callable[..., subprocess.CompletedProcess[str]]

WORLD = """
id       = "tiny"
title    = "Tiny"
question = "Does it run?"
claim    = "It does."

[objective]
intended = "food"
selected = "food"

[agent]
drives   = ["sweet", "sour"]
depth    = [0, 3]
patience = 0.9

[world]
rows = 3
cols = 3
lifetime = 20

[world.kinds.fruit]
glyph = "f"
count = 1
use.eat = { feels = { sweet = 1.0 }, yields = { food = 1.0 } }

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
population = 12
levels     = 1
select     = { operator = "selTournament", tournsize = 3 }
mate       = { operator = "cxUniform", indpb = 0.5, chance = 1.0 }
mutate     = { operator = "mutGaussian", mu = 0.0, sigma = 0.1, indpb = 0.3, chance = 1.0 }

[[timeline]]
generations = 3
train = "before"

[[timeline]]
generations = 2
train = "after"

[measure]
every  = 2
levels = 2
sample = 4

[verdict]
resamples = 50
"""

EXPERIMENT = """
[experiment]
axis       = "fruit"
replicates = 3
set        = ["agent.patience=0.8"]

[experiment.arms.effect]
title = "fruit stops to feed"
at    = 1

[experiment.arms.control]
title = "fruit goes on feeding"
set   = ["timeline.1.train=before"]

[experiment.arms.two]
title = "two fruits"
set   = ["world.kinds.fruit.count=2"]
at    = 2

[experiment.arms.three]
title = "three fruits"
set   = ["world.kinds.fruit.count=3"]
at    = 3

[[experiment.findings]]
says    = "payoff falls at the flip"
measure = "payoff"
of      = "food"
against = { arm = "control" }
below   = 0.0

[[experiment.findings]]
says     = "sweetness is liked wherever"
measure  = "gene"
of       = "drive.sweet"
contrast = { effect = 0.5, two = 0.5, three = -1.0 }
above    = -3.0

[[experiment.findings]]
says    = "alignment is not much changed"
measure = "alignment"
at      = "flip"
against = { mind = "uniform" }
above   = -5.0

[experiment.tuned]
label  = "food of a fruit after the flip"
key    = "environments.after.kinds.fruit.use.eat.yields.food"
values = [0.0, 0.1, 1.0]
replicates = 2
says   = "It has to be less than before."
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """The file of a scenario with an experiment that takes no time."""
    path = tmp_path / "tiny.toml"
    path.write_text(WORLD + EXPERIMENT)
    return path


@pytest.fixture
def command(tmp_path: Path, tiny: Path) -> Command:
    """Runs evosim in a process of its own, in a folder that holds tiny.toml."""
    return partial(call, tmp_path)


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An experiment with what was tuned and its figures, never interrupted; to be read only."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "tiny.toml").write_text(WORLD + EXPERIMENT)
    done = call(
        folder, "run", "tiny.toml", "--arms", "--tuned", "--seed", 1, "--out", "out",
        "--workers", 1, "--checkpoint", 0,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "out"


@pytest.fixture
def world() -> str:
    """The scenario without its experiment."""
    return WORLD


@pytest.fixture
def written() -> str:
    """The scenario with its experiment."""
    return WORLD + EXPERIMENT


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """The file of a study of four points and eight runs that takes no time."""
    return write_sweep(tmp_path, WORLD)
