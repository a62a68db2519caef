"""What a folder holds, a run, an experiment or a study; going on with any of them."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from evosim.api._arguments import accepting, check_scheduler, checked_seconds, checked_workers
from evosim.api.experiments import Experiment
from evosim.api.running import resume_run
from evosim.api.runs import Run, not_complete
from evosim.api.studies import Study
from evosim.errors import Argument, EvosimError, RunError, whole_number
from evosim.execution.runner import CHECKPOINT
from evosim.process import place
from evosim.study.experiment import ExperimentFolder
from evosim.study.folder import StudyFolder


def open_folder(path: str | PathLike[str]) -> Run | Experiment | Study:
    """A run, an experiment or a study on disk, complete or not.

    Raises:
        RunError: none is there.
    """
    path = place(path)
    if StudyFolder.is_at(path):
        return Study(path)
    return Experiment(path) if ExperimentFolder.is_at(path) else Run(path)


def open_single_run(path: str | Path) -> Run:
    """A run on disk, where one is meant and not many.

    Raises:
        RunError: none is there, or an experiment or a study, with the runs that could be meant.
    """
    found = open_folder(path)
    if isinstance(found, Study):
        runs = found.path / "runs"
        raise RunError(
            f"{path} is a study: name a run of it, {runs}/POINT/REPLICATE, which are kept with ",
            Argument("keep", "runs"),
        )
    if isinstance(found, Experiment):
        arms = ", ".join(str(run.path) for run in found.arms.values())
        raise RunError(f"{path} is an experiment: name the run of one arm: {arms}")
    return found


def complete_run(run: Run | str | Path, replicate: int = 0) -> Run:
    """A run that is complete and has a replicate.

    Raises:
        RunError: it is not complete, or none is there.
        EvosimError: no such replicate.
    """
    replicate = whole_number("replicate", replicate)
    run = run if isinstance(run, Run) else open_single_run(run)
    if not run.complete:
        raise not_complete(run.path, "run")
    n = run.manifest["replicates"]
    if not 0 <= replicate < n:
        raise EvosimError(f"no replicate {replicate}: there are 0 to {n - 1}")
    return run


@accepting
def resume(
    path: str | PathLike[str],
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    progress: bool | None = None,
    checkpoint: float = CHECKPOINT,
    force: bool = False,
) -> Run | Experiment | Study:
    """Go on with a run, an experiment or a study that was stopped or killed, to the same end.

    What is complete stays as it is, and may be in a folder that is read-only.

    Args:
        path: the run, the experiment or the study, or its folder.
        workers, progress, checkpoint, force: see :func:`evosim.run`.
        scheduler: address of a Dask scheduler, for a study or a run with islands.

    Returns:
        What the folder holds, complete.

    Raises:
        RunError: none is there, it is at work elsewhere, its scenario was changed, or it is a
            fork whose history is torn.
        Interrupted: it was stopped again.

    Example:
        >>> import evosim
        >>> evosim.resume("runs/contraception-1")
        <Run 'runs/contraception-1': contraception, seed 1, 2 replicates>
    """
    done = open_folder(path)
    if isinstance(done, Run):
        return resume_run(
            done.path,
            workers=workers,
            scheduler=scheduler,
            progress=progress,
            checkpoint=checkpoint,
            force=force,
        )
    workers, checkpoint = checked_workers(workers), checked_seconds(checkpoint)
    if isinstance(done, Study):
        check_scheduler(scheduler, workers)
        done._refuse(workers, force=force)
        return done._complete(progress, workers=workers, scheduler=scheduler)
    if scheduler is not None:
        raise EvosimError(
            f"{path} is an experiment, which runs in processes of this machine: ",
            Argument("workers"),
        )
    if done.complete and not done._missing_figures(done.summary):
        done._folder.check()
        return done
    done._refuse(workers, force=force)
    return done._complete(progress, workers=workers, checkpoint=checkpoint)
