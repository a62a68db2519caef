"""What it costs to drive a study: overhead, the gain of a second worker, memory.

Overhead is measured by runs of about a second, memory by many of some milliseconds. Every study
has a process of its own, and a worker one thread.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from evosim.api.checks import check_study
from evosim.benchmarks.core import in_new_process, peak_megabytes
from evosim.benchmarks.rows import Row
from evosim.execution.progress import Progress
from evosim.study import driver
from evosim.study.folder import StudyFolder

STUDY = """
id = "bench"
title = "Benchmark"
scenario = "contraception"
set = [{sets}]
replicates = {replicates}

[parameters.patience]
label = "discount factor"
key = "agent.patience"
values = [0.9, 0.95]

[measures.alignment]
label = "alignment"
measure = "alignment"
"""
A_SECOND = ("evolution.population=40", "measure.sample=8", "measure.levels=4")
"""Settings by which a run takes about a second on one core."""
AN_INSTANT = (
    "evolution.population=2", "evolution.levels=1", "measure.sample=1", "measure.levels=1",
    "measure.every=1000", "timeline.0.generations=1", "timeline.1.generations=1",
    "world.rows=3", "world.cols=3", "world.lifetime=5",
)  # fmt: skip
"""Settings by which it takes about ten milliseconds."""
SINGLE = {"EVOSIM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


def parts(quick: bool) -> Iterator[tuple[str, Callable[[], list[Row]]]]:
    """What is measured, in order, each with its name."""
    yield "studies of runs of a second", partial(_seconds, 8 if quick else 60)
    yield "the memory of a driver", partial(_memory, (100, 200) if quick else (500, 5000))


def _seconds(n: int) -> list[Row]:
    """Overhead over the runs' own time, and what two workers are worth."""
    alone, two = (
        in_new_process(
            "from evosim.benchmarks import studies; studies.time_study(*map(int, sys.argv[1:]))",
            str(n), str(workers), **SINGLE,
        )
        for workers in (1, 2)
    )  # fmt: skip
    each = f"{n} runs of {alone['own'] / n:.2f} s each"
    return [
        Row(name="a study over its runs' own time", unit="%", goal=5.0,
            best=100 * (alone["wall"] / alone["own"] - 1), note=f"{each}, in one process"),
        Row(name="the same with 2 workers", unit="%", goal=5.0,
            best=100 * (2 * two["between"] / two["own_between"] - 1),
            note="while both are at work; their start is the last row"),
        Row(name="2 workers over 1", unit="x", goal=1.85, at_least=True,
            best=alone["between"] / two["between"],
            note="time from the end of the first runs to the end of the last"),
        Row(name="start of 2 workers", unit="s", best=two["first"] - alone["first"]),
    ]  # fmt: skip


def _memory(sizes: tuple[int, int]) -> list[Row]:
    """What a driver needs where runs are many."""
    few, many = (
        in_new_process(
            "from evosim.benchmarks import studies; studies.time_driver(int(sys.argv[1]))",
            str(n),
            **SINGLE,
        )
        for n in sizes
    )
    return [
        Row(name=f"driver's memory, {sizes[0]} runs", unit="MB", best=few["megabytes"]),
        Row(name=f"driver's memory, {sizes[1]} runs", unit="MB", best=many["megabytes"]),
        Row(name="many runs over few", unit="x", goal=1.1,
            best=many["megabytes"] / few["megabytes"],
            note="scheduler included, 2 workers, runs of some milliseconds"),
        Row(name="driving a run", unit="ms",
            best=1000 * (many["wall"] - few["wall"] - (many["own"] - few["own"]) / 2)
            / (sizes[1] - sizes[0]),
            note="beyond half of its own time, as 2 workers share them"),
    ]  # fmt: skip


class _Clock(Progress):
    """Notes when runs are done."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def run(self, failed: int) -> None:
        self.times.append(time.perf_counter())


def time_study(n: int, workers: int) -> None:
    """Drive a study of real runs and print what it took, as JSON; for a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        study = _made(Path(folder), n, A_SECOND)
        began = time.perf_counter()
        clock = _Clock()
        driver.complete_runs(study, stop=lambda: False, progress=clock, workers=workers)
        wall = time.perf_counter() - began
        own = [record.seconds for record in study.found()]
    # The first of each worker loads the compiled core, and is left out with its time.
    warm = len(own) - workers
    print(json.dumps({
        "wall": wall, "own": sum(own), "first": clock.times[0] - began,
        "between": (clock.times[-1] - clock.times[workers - 1]) * (n - 2) / warm,
        "own_between": sum(sorted(own)[:warm]) * (n - 2) / warm,
    }))  # fmt: skip


def time_driver(n: int) -> None:
    """Drive a study of many short runs and print what it took, as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        study = _made(Path(folder), n, AN_INSTANT)
        began = time.perf_counter()
        driver.complete_runs(study, stop=lambda: False, progress=Progress(), workers=2)
        wall = time.perf_counter() - began
        megabytes = peak_megabytes()
        own = sum(record.seconds for record in study.found())
    print(json.dumps({"wall": wall, "own": own, "megabytes": megabytes}))


def _made(folder: Path, n: int, settings: Sequence[str]) -> StudyFolder:
    """The folder of a study of so many runs."""
    from evosim.engine import provenance

    path = folder / "bench.toml"
    sets = ", ".join(json.dumps(text) for text in settings)
    path.write_text(STUDY.format(sets=sets, replicates=n // 2))
    written = check_study(path)
    manifest = provenance.manifest(written.base, seed=1, replicates=n // 2, keep="measures")
    return StudyFolder.create(folder / "out", written, manifest)
