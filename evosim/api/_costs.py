"""What is begun is counted before: said in a line, and refused where the machine has too little."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from evosim.errors import OUT_OF_MEMORY, Command, RunError
from evosim.execution.cost import LONG, Cost, of_runs

if TYPE_CHECKING:
    from evosim.execution.progress import Progress
    from evosim.scenario import Scenario
    from evosim.study.design import Condition
    from evosim.study.reading import Written

_COUNTED = 16  # conditions that are counted one by one; of more, so many spread out


def of_conditions(
    points: Sequence[Condition],
    scenario_at: Callable[[Condition], Scenario],
    workers: int | None = None,
    kept: float = 1.0,
) -> Cost:
    """What the runs at some conditions take.

    Args:
        scenario_at: what is run at one.
        workers: as for :func:`evosim.run`.
        kept: the share that stays on disk.
    """
    some = points[:: -(-len(points) // _COUNTED)]
    return of_runs(
        [(scenario_at(point), point.replicates) for point in some],
        workers,
        times=sum(point.replicates for point in points) / sum(one.replicates for one in some),
        kept=kept,
    )


def of_experiment(
    scenario: Scenario,
    replicates: int,
    tuned: bool = False,
    workers: int | None = None,
    *,
    worlds: int = 0,
    seed: int = 0,
) -> Cost:
    """What the arms of a scenario take."""
    from evosim.study import design  # a run has none

    points = design.conditions(
        scenario, replicates=replicates, tuned=tuned, worlds=worlds, seed=seed
    )
    return of_conditions(points, lambda arm: arm.scenario(scenario), workers)


def of_study(
    written: Written,
    replicates: int | None = None,
    keep: str | None = None,
    workers: int | None = None,
) -> Cost:
    """What the runs of a study take; as many and as much as it says of what is None."""
    points = written.points
    if replicates is not None:
        points = tuple(replace(point, replicates=replicates) for point in points)
    kept = 1.0 if (keep or written.study.keep) == "runs" else 0.0
    return of_conditions(points, written.scenario_at, workers, kept)


def tell(cost: Cost, reporter: Progress) -> None:
    """Say what is begun takes: in any case where it takes long."""
    if cost.duration > LONG:
        reporter.warn(f"this takes long: {cost}")
    else:
        reporter.note(str(cost))


def out_of_memory(path: Path, *, again: bool) -> RunError:
    """The error about something that could get no more memory.

    Args:
        path: its folder; where nothing is in it that was simulated, it is removed.
        again: whether it was there before.
    """
    kept = any(any(path.rglob(name)) for name in ("*.npz", "*.nc", "runs/*/*.json"))
    if not again and not kept:
        shutil.rmtree(path, ignore_errors=True)
        return RunError(f"{OUT_OF_MEMORY}. Nothing was simulated; nothing is kept")
    return RunError(
        f"{OUT_OF_MEMORY}. What was written is kept. With more memory, continue with: ",
        Command("resume", path),
    )
