"""Driving a study to its end: whatever is missing is handed out, whatever comes back is counted.

The files of the runs are the truth. Workers write them, the driver only reads what is there when
it begins and keeps the index (:mod:`evosim.study.index`), so it can be killed at any moment.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from evosim.engine.files import WriteError, sweep
from evosim.engine.lock import hold
from evosim.errors import Command, Part, RunError, WorkError
from evosim.execution.executor import Died, executor
from evosim.execution.progress import Progress
from evosim.execution.runner import CHECKPOINT, warm_up
from evosim.execution.runner import complete_runs as complete_run_folders
from evosim.execution.stop import Interrupted
from evosim.process import cores
from evosim.study import index as indices
from evosim.study.design import Condition, run_inputs
from evosim.study.evaluation import complete_run
from evosim.study.experiment import ExperimentFolder
from evosim.study.folder import Record, StudyFolder
from evosim.study.index import Counts, Index

_log = logging.getLogger(__name__)


def complete_runs(
    folder: StudyFolder,
    *,
    stop: Callable[[], bool],
    progress: Progress,
    workers: int | None = None,
    scheduler: str | None = None,
    wait: float = 0.0,
) -> Counts:
    """Complete every run that is not done yet, or failed.

    Args:
        stop: whether to give up what is under way.
        workers: processes on this machine; one is this process itself. As many as it has cores
            if None.
        scheduler: address of a Dask scheduler, whose workers do the runs instead.
        wait: seconds for which another driver may still be at work.

    Returns:
        How far the study is: what is not done failed, and is in the index.

    Raises:
        RunError: it cannot go on; all runs that are done are kept.
        Interrupted: it was stopped.
    """
    title = folder.study.title  # refuses a study that was changed
    try:
        with (
            hold(
                folder.path, "study", wait=wait, announce=progress.note, warn=progress.warn
            ) as lock,
            indices.writing(folder) as index,
        ):
            counts = index.counts
            if counts.done < counts.runs:
                points, n = len(folder.points), folder.replicates
                size = f"{points} point{'s' * (points != 1)}, {n} replicate{'s' * (n != 1)}"
                warm_up(folder.scenario_at(folder.points[0].key), progress.note)
                progress.begin(title, size=size, total=counts.runs, done=counts.done)
                _run_all(folder, index, lock, stop, progress, workers, scheduler)
                counts = index.counts
            if counts.left or (stop() and counts.done < counts.runs):
                raise Interrupted(folder.path, "stopped: ", *_progress_parts(folder))
            for point in folder.points:  # what killed workers left half written
                sweep(folder.path / "runs" / point.key)
            return counts
    except (WriteError, WorkError) as error:
        raise RunError(*error.parts, "\n", *_progress_parts(folder)) from error


def complete_arms(
    folder: ExperimentFolder,
    *,
    stop: Callable[[], bool],
    progress: Progress,
    wait: float,
    workers: int | None = None,
    checkpoint: float = CHECKPOINT,
) -> None:
    """Complete what is left of all arms of an experiment, side by side.

    Args:
        stop, progress, wait, workers: see :func:`complete_runs`.
        checkpoint: seconds between writes of what was simulated.

    Raises:
        RunError: it cannot go on, or the scenario was changed; what is done is kept.
        Interrupted: it was stopped.
    """
    runs = {condition.key: folder.run(condition.key) for condition in folder.points}
    for key, run in runs.items():
        if run_inputs(run.scenario) != run_inputs(folder.scenario_at(key)):
            raise RunError(
                f"{folder.path / 'scenario.toml'} was changed after the experiment began: arm "
                f"{key!r} ran with another one. Restore it, or start again"
            )
    with ExitStack() as held:
        locks: list[int] = []
        for run in runs.values():
            warn = (lambda text: None) if locks else progress.warn  # not of each arm
            holding = run.lock(wait=wait, announce=progress.note, warn=warn)
            locks.append(held.enter_context(holding))
        complete_run_folders(
            runs, locks=locks, stop=stop, progress=progress, title=folder.base.title,
            runs=_in_words(folder.points), resume=folder.path, workers=workers,
            checkpoint=checkpoint,
        )  # fmt: skip


def _in_words(points: Sequence[Condition]) -> str:
    """How many runs there are: the arms, and arms in which a tuned value is moved.

    >>> from dataclasses import replace
    >>> one = Condition(key="a", values={}, settings={}, replicates=1)
    >>> _in_words([one, replace(one, values={"tuned": 1}), replace(one, values={"tuned": 2})])
    '1 arm, and 2 with another tuned value'
    """
    moved = sum(one.values.get("tuned") is not None for one in points)
    n = len(points) - moved
    return f"{n} arm{'s' * (n != 1)}" + (f", and {moved} with another tuned value" * (moved > 0))


def _run_all(
    folder: StudyFolder,
    index: Index,
    lock: int,
    stop: Callable[[], bool],
    progress: Progress,
    workers: int | None,
    scheduler: str | None,
) -> None:
    workers = min(workers or cores(), folder.size)
    study = (str(folder.path), folder.identity)
    failed = 0
    with executor(workers=workers, scheduler=scheduler, locks=[lock], note=progress.note) as by:
        items = ((*study, *run) for run in index.left())
        for (_, _, key, replicate), record in by.map(complete_run, items, stop=stop):
            if isinstance(record, Died):
                record = Record(
                    point=key, replicate=replicate, columns={}, seconds=0.0,
                    seed=folder.seed_of(key, replicate), error=str(record),
                )  # fmt: skip
                folder.write(record)
            index.add(record)
            _log.info(
                "point %s, replicate %d: %s in %.1f s",
                key, replicate, record.error or "done", record.seconds,
            )  # fmt: skip
            failed += bool(record.error)
            progress.run(failed)
    index.flush()


def _progress_parts(folder: StudyFolder) -> tuple[Part, ...]:
    """What is on disk, in words, and how to go on."""
    done = sum(1 for _ in (folder.path / "runs").glob("*/[0-9]*.json"))
    return (
        f"{done} of {folder.size} runs are done and kept. Continue with: ",
        Command("study resume", folder.path),
    )
