"""A tiny scenario with an experiment, and experiments of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from processes import call
from sweeps import write_sweep

from evosim.testing import TINY

Command = Callable[..., subprocess.CompletedProcess[str]]

CLAIM = 'claim = "It does."\n'
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
    path.write_text(CLAIM + TINY + EXPERIMENT)
    return path


@pytest.fixture
def command(tmp_path: Path, tiny: Path) -> Command:
    """Runs evosim in a process of its own, in a folder that holds tiny.toml."""
    return partial(call, tmp_path)


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An experiment with what was tuned and its figures, never interrupted; to be read only."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "tiny.toml").write_text(CLAIM + TINY + EXPERIMENT)
    done = call(
        folder, "run", "tiny.toml", "--arms", "--tuned", "--seed", 1, "--out", "out",
        "--workers", 1, "--checkpoint", 0,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "out"


@pytest.fixture
def world() -> str:
    """The scenario without its experiment."""
    return TINY


@pytest.fixture
def written() -> str:
    """The scenario with its experiment."""
    return CLAIM + TINY + EXPERIMENT


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """The file of a study of four points and eight runs that takes no time."""
    return write_sweep(tmp_path, TINY)
