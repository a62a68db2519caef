"""A study whose runs take no time, and real processes that run it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from evosim.study.folder import StudyFolder

HERE = Path(__file__).parent
PATIENCE = 180.0
"""Seconds after which something is held never to happen."""

SWEEP = """
id         = "tiny_sweep"
title      = "Tiny sweep"
scenario   = "tiny.toml"
replicates = {replicates}
seed       = 3
set = [
    "evolution.population=6", "timeline.0.generations={generations}", "timeline.1.generations=1",
    "measure.every=9", "measure.levels=1", "measure.sample=2",
]

[parameters.patience]
label = "discount factor"
key   = "agent.patience"
range = [0.5, 0.9]
steps = {steps}

[parameters.fruit]
label  = "fruit"
key    = "world.kinds.fruit.count"
values = [1, 2]

[measures.alignment]
label   = "alignment"
measure = "alignment"

[measures.sweet]
label   = "sweetness"
measure = "gene"
of      = "drive.sweet"
"""

ROULETTE = """
[parameters.food]
label  = "food of a fruit"
key    = "world.kinds.fruit.use.eat.yields.food"
values = [1.0, -1.0]
"""
"""A parameter one of whose values cannot be run by proportional selection."""


def write_sweep(
    folder: Path, world: str, *, replicates: int = 2, steps: int = 2, generations: int = 1
) -> Path:
    """The file of a study of ``2 steps`` points, beside its scenario."""
    (folder / "tiny.toml").write_text(world)
    path = folder / "sweep.toml"
    path.write_text(SWEEP.format(replicates=replicates, steps=steps, generations=generations))
    return path


def failing(sweep: Path) -> Path:
    """The same study, half of whose points fail."""
    text = sweep.read_text().replace(
        "set = [", "set = [\"evolution.select={operator = 'selRoulette'}\","
    )
    sweep.write_text(text + ROULETTE)
    return sweep


def wait_until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.02)


def count_done(folder: Path) -> int:
    """How many runs of a study are done."""
    return len(list(folder.glob("runs/*/[0-9]*.json")))


def files(folder: Path) -> dict[Path, tuple[int, int]]:
    """The files of the runs that are done, and what changes where one is written again."""
    found = {}
    for path in folder.glob("runs/*/[0-9]*.json"):
        stat = path.stat()
        found[path] = (stat.st_ino, stat.st_mtime_ns)
    return found


def columns(folder: Path) -> dict[tuple[str, int], object]:
    """What was measured of every run."""
    return {(r.point, r.replicate): dict(r.columns) for r in StudyFolder(folder).found()}


def start(folder: Path, *words: object) -> subprocess.Popen[str]:
    """Run ``evosim study`` beside the test, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "evosim", "study", *map(str, words)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"EVOSIM_THREADS": "1"},
    )


def ended(process: subprocess.Popen[str]) -> tuple[str, str]:
    """What a process printed until its end."""
    return process.communicate(timeout=PATIENCE)


@contextlib.contextmanager
def started(folder: Path, *words: object) -> Iterator[subprocess.Popen[str]]:
    """A study at work, which is gone with all that it started when the block ends."""
    process = start(folder, *words)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def workers_of(pid: int) -> list[int]:
    """The worker processes that a driver has started."""
    found = []
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{pid}/task").glob("*/children"):
            for one in child.read_text().split():
                with contextlib.suppress(OSError):
                    if b"execution.processes" in Path(f"/proc/{one}/cmdline").read_bytes():
                        found.append(int(one))
    return found


def is_alive(pid: int) -> bool:
    """Whether a process is there and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class Cluster:
    """A Dask scheduler and workers, started as a user would."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "scheduler.json"
        self._processes: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._start("dask_scheduler", "--port", "0", "--no-dashboard")
        wait_until(self._answers)
        self.address = json.loads(self._file.read_text())["address"]

    def _answers(self) -> bool:
        with contextlib.suppress(OSError, ValueError):
            return bool(json.loads(self._file.read_text())["address"])
        return False

    def add_worker(self) -> subprocess.Popen[bytes]:
        return self._start("dask_worker", "--nthreads", "1", "--no-nanny", "--no-dashboard")

    def close(self) -> None:
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()

    def _start(self, which: str, *words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.{which}"]
        process = subprocess.Popen(
            [*command, "--scheduler-file", str(self._file), *words],
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._processes.append(process)
        return process
