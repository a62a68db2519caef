"""Runs, arms, demes and studies whose processes are killed at random moments, and resumed."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from processes import Process
from tasks import workers_of

import evosim
from evosim.testing import TINY

LONG = ["timeline.0.generations=60", "timeline.1.generations=60", "measure.every=30"]
ISLANDS = "evolution.islands={demes=4, every=2, migrants=2, select={operator='selBest'}}"
ARMS = """
[experiment]
replicates = 2

[experiment.arms.effect]
title = "fruit stops to feed"

[experiment.arms.control]
title = "fruit goes on feeding"
set   = ["timeline.1.train=before"]

[[experiment.findings]]
says    = "payoff falls at the flip"
measure = "payoff"
of      = "food"
against = { arm = "control" }
below   = 0.0
"""
STUDY = """
id         = "sweep"
title      = "Sweep"
scenario   = "tiny.toml"
replicates = 8

[parameters.patience]
label  = "discount factor"
key    = "agent.patience"
values = [0.5, 0.9]

[measures.alignment]
label   = "alignment"
measure = "alignment"
"""
KINDS = {
    "run": ["run", "tiny.toml", "--replicates", 3],
    "arms": ["run", "tiny.toml", "--arms"],
    "islands": ["run", "tiny.toml", "--set", ISLANDS],
    "study": ["study", "run", "sweep.toml"],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the scenario and the study."""
    claim = TINY.replace(
        'question = "Does it run?"', 'question = "Does it run?"\nclaim = "It does."'
    )
    (tmp_path / "tiny.toml").write_text(claim + ARMS)
    (tmp_path / "sweep.toml").write_text(STUDY)
    return tmp_path


@pytest.fixture
def started(folder: Path) -> Iterator[Callable[..., Process]]:
    """Starts evosim, which is gone when the test ends."""
    processes = []

    def start(*words: object) -> Process:
        processes.append(Process(folder, *words, "--quiet"))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()


def numbers(path: Path) -> Any:
    """All numbers of whatever is there, as bytes."""
    if (path / "study.json").exists():
        return evosim.open_study(path).digest
    files = sorted(path.rglob("run.nc"))
    assert files
    found = {}
    for file in files:
        data = evosim.open_run(file.parent).data
        for name in data.variables:
            found[str(file.relative_to(path)), name] = data[name].values.tobytes()
    return found


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds worker processes in /proc")
@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_who_is_killed_at_random_moments_makes_no_difference(
    folder: Path, started: Callable[..., Process], kind: str
) -> None:
    settings = [word for text in LONG for word in ("--set", text)]
    begin = [*KINDS[kind], *settings, "--seed", 1, "--no-figures"]
    end_of(started(*begin, "--workers", 1, "--out", "undisturbed"), 0)
    draw = random.Random(kind)
    marker = {"study": "study.json", "arms": "experiment.json"}.get(kind, "run.json")
    words: list[object] = [*begin, "--workers", 2, "--out", "run"]
    for victims in (["worker", "driver"], ["worker"], []):
        going = started(*words)
        while not (folder / "run" / marker).exists() and going.returncode is None:
            time.sleep(0.01)
        workers: list[int] = []
        for victim in victims:
            time.sleep(draw.uniform(0.2, 1.5))
            workers = workers_of(going.pid)
            pid = going.pid if victim == "driver" else draw.choice(workers) if workers else None
            if pid is not None and going.returncode is None:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        end = end_of(going, 0, -signal.SIGKILL)
        while any(Path(f"/proc/{worker}").exists() for worker in workers):
            time.sleep(0.05)  # they stop by themselves; on a busy machine that takes a while
        words = ["resume", "run", "--workers", 2]
    assert end == 0
    assert numbers(folder / "run") == numbers(folder / "undisturbed")


def end_of(process: Process, *expected: int) -> int:
    _, err = process.communicate(timeout=300)
    assert process.returncode in expected, err
    return process.returncode
