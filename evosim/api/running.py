"""Running a scenario in a folder: run, resume_run, fork."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from evosim import evolution
from evosim import scenario as scenarios
from evosim.api._arguments import (
    accepting,
    check_scheduler,
    checked_figures,
    checked_seconds,
    checked_workers,
    free_path,
    new_folder,
    read_scenario,
    seed_of,
)
from evosim.api._costs import out_of_memory, tell
from evosim.api.runs import Run, missing_figures
from evosim.engine import provenance
from evosim.engine.files import WriteError, exists, is_folder
from evosim.engine.run_folder import RunFolder
from evosim.errors import Command, RunError, whole_number
from evosim.execution.cost import of_run as cost_of_run
from evosim.execution.cost import refuse
from evosim.execution.progress import Progress
from evosim.execution.progress import progress as make_progress
from evosim.execution.runner import CHECKPOINT, complete_runs
from evosim.execution.stop import Interrupted, Stop
from evosim.metrics.leakage import check_disjoint
from evosim.plot.figure_process import FigureProcess
from evosim.process import place
from evosim.scenario.settings import as_texts

if TYPE_CHECKING:
    from evosim.engine.in_memory import OnGeneration
    from evosim.scenario import Scenario, Settings

_log = logging.getLogger(__name__)

LEAD = 20.0  # seconds before the end of a run in which a process makes ready for drawing
WAIT = 30.0  # seconds for which a worker of a killed run may still hold its folder


@accepting
def run(
    scenario: Scenario | str | Path,
    *,
    seed: int | None = None,
    replicates: int = 1,
    settings: Settings = (),
    out: str | Path | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    figures: bool | Sequence[str] = True,
    progress: bool | None = None,
    checkpoint: float = CHECKPOINT,
    command: str | None = None,
    on_generation: OnGeneration | None = None,
    force: bool = False,
) -> Run:
    """Run a scenario from its first generation to its verdict and figures.

    Args:
        scenario: a scenario, the id of one of the catalogue, or the path of a file.
        seed: 0 .. 2**64 - 1; drawn by the operating system, and recorded, if None.
        replicates: independent populations.
        settings: changes of the scenario: a mapping, ``{"evolution.population": 100}``, or texts,
            ``["evolution.population=100"]``.
        out: the run's folder; runs/<id>-<seed> if None.
        workers: processes to share the replicates among, or with islands the demes of each; as
            many as are useful if None. The data do not depend on it.
        scheduler: address of a Dask scheduler, whose workers evaluate the demes of a population
            with islands instead.
        figures: whether to draw the figures in the end; or the names of those to draw.
        progress: show progress on stderr; None: where it is a terminal.
        checkpoint: seconds between writes, which is what a kill can cost.
        command: what to record as the command.
        on_generation: called with the replicate, the generation and its mean score after each
            generation, always in this process. Where it returns True the run stops as at Ctrl-C,
            but without an exception: worker processes end the generations that they are at.
        force: begin it even if the machine has not enough memory or disk for it.

    Returns:
        The complete run; where ``on_generation`` stopped it, one that :func:`resume` goes on with
        (``run.complete`` is False).

    Raises:
        EvosimError: a mistake in the scenario or the arguments, a folder that cannot be written.
        Interrupted: it was stopped (Ctrl-C) and can be resumed.

    Example:
        >>> import evosim
        >>> small = {
        ...     "evolution.population": 16, "measure.sample": 4, "measure.levels": 1,
        ...     "timeline.0.generations": 3, "timeline.1.generations": 2,
        ... }
        >>> run = evosim.run(
        ...     "contraception", seed=1, replicates=2, settings=small, out="runs/small", workers=1,
        ...     figures=False,
        ... )
        >>> run.data["genome"].sizes["generation"]
        5
        >>> print(run.verdict.splitlines()[0])
        Flip at generation 3: ancestral -> modern
    """
    read = read_scenario(scenario, settings)
    replicates = whole_number("replicates", replicates, 1)
    workers, checkpoint = checked_workers(workers), checked_seconds(checkpoint)
    check_scheduler(scheduler, workers, read)
    seed = seed_of(seed)
    path = new_folder(out) if out is not None else free_path(read.id, seed)
    manifest = provenance.manifest(
        read,
        seed=seed,
        probe_seed=seed,
        seeds=[{"from": 0, "seed": seed}],
        replicates=replicates,
        figures=checked_figures(figures, "run"),
        command=command or f"evosim.run({read.id!r}, ...)",
    )
    cost = cost_of_run(read, replicates, workers, figures=bool(figures))
    refuse(cost, path, force=force)
    check_disjoint(read, manifest)
    with make_progress(show=progress) as reporter:
        with RunFolder.create(path, read, manifest):
            pass
        reporter.note(f"{read.id}, seed {seed}: {path}")
        tell(cost, reporter)
        return _complete(
            path,
            reporter,
            workers=workers,
            scheduler=scheduler,
            checkpoint=checkpoint,
            on_generation=on_generation,
        )


@accepting
def resume_run(
    path: str | Path,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    progress: bool | None = None,
    checkpoint: float = CHECKPOINT,
    force: bool = False,
) -> Run:
    """Go on with a run that was stopped or killed, to the same end it would have had.

    A run that is complete stays as it is, and may be in a folder that is read-only.

    Args:
        path: the run's folder.
        workers, scheduler, progress, checkpoint, force: see :func:`run`.

    Raises:
        RunError: no run is there, it is at work elsewhere, its scenario was changed, or it is a
            fork whose parent is gone.
        Interrupted: it was stopped again.
    """
    workers, checkpoint = checked_workers(workers), checked_seconds(checkpoint)
    with make_progress(show=progress) as reporter:
        folder = RunFolder(place(path))
        check_scheduler(scheduler, workers, folder.scenario)
        if not exists(folder.data_path):
            if problems := evolution.check(folder.scenario):  # an operator or optimizer is lacking
                found = "; ".join(f"{problem.key}: {problem.message}" for problem in problems)
                lacking = provenance.lacking_plugins(folder.manifest)
                made = f". The run was made with {lacking}, not found here: install it"
                raise RunError(f"{folder.path}: {found}{made if lacking else ''}")
            if warning := provenance.other_versions(folder.manifest, "run"):
                reporter.warn(warning)
            n = folder.replicates
            done = min(folder.generations_done(replicate) for replicate in range(n))
            cost = cost_of_run(
                folder.scenario, n, workers, done, figures=bool(folder.manifest["figures"])
            )
            refuse(cost, folder.path, force=force)
            tell(cost, reporter)
        return _complete(
            folder.path,
            reporter,
            workers=workers,
            scheduler=scheduler,
            checkpoint=checkpoint,
            again=True,
        )


@accepting
def fork(
    path: str | PathLike[str],
    at: int,
    *,
    settings: Settings = (),
    seed: int | None = None,
    out: str | Path | None = None,
    workers: int | None = None,
    figures: bool | Sequence[str] = True,
    progress: bool | None = None,
    checkpoint: float = CHECKPOINT,
    command: str | None = None,
    force: bool = False,
) -> Run:
    """Another future from a past generation of a run, in a run of its own.

    The new run holds the history 0 .. at-1 as it was, and goes on from the same population of
    generation ``at``. Until it is complete, it reads the history from its parent. Probes of the
    history stay as measured then (NaN for environments and payoffs that are new); levels and
    samples of probes are those of the first ancestor, so that they can be compared. Without
    ``settings`` and ``seed`` the data end as the parent's do.

    Args:
        path: the run to fork, or its folder.
        at: the first generation to simulate again.
        settings: changes of the run's scenario, see :func:`run`, that leave the history as it was.
        seed: for what is simulated again; the parent's if None.
        out: the new run's folder; runs/<id>-<seed>-at-<at> if None.
        workers, figures, progress, checkpoint, command, force: see :func:`run`.

    Returns:
        The new run, complete.

    Raises:
        RunError: there is no such generation, or the changes contradict the history.
        Interrupted: it was stopped and can be resumed.

    Example:
        >>> import evosim
        >>> other = evosim.fork(
        ...     "runs/contraception-1", 3, settings={"timeline.1.train": "ancestral"},
        ...     out="runs/no-flip", figures=False,
        ... )
        >>> other.summary["flips"]
        []
    """
    from evosim.engine.fork import check_fork, keep_past_scenarios, link_to

    at = whole_number("at", at)
    workers, checkpoint = checked_workers(workers), checked_seconds(checkpoint)
    parent = RunFolder(place(path))
    source = parent.path / "scenario.toml"
    read = scenarios.from_dict(
        parent.scenario.to_dict(), name=str(source), settings=settings, checks=[evolution.check]
    )
    done = parent.scenario.generations
    if not exists(parent.data_path):
        done = min(parent.generations_done(replicate) for replicate in range(parent.replicates))
    check_fork(parent, read, at, done)
    seed = parent.seed if seed is None else seed_of(seed)
    new = new_folder(out) if out is not None else free_path(read.id, seed, f"-at-{at}")
    manifest = provenance.manifest(
        read,
        seed=seed,
        probe_seed=parent.probe_seed,
        seeds=[s for s in parent.manifest["seeds"] if s["from"] < at]
        + [{"from": at, "seed": seed}],
        replicates=parent.replicates,
        figures=checked_figures(figures, "run"),
        command=command or f"evosim.fork({os.fspath(path)!r}, {at}, ...)",
    )
    manifest["parent"] = {
        "path": str(parent.path), "at": at, "seed": parent.seed, "sets": as_texts(settings),
    }  # fmt: skip
    manifest["history"] = link_to(parent, new)
    cost = cost_of_run(read, parent.replicates, workers, at, figures=bool(figures))
    refuse(cost, new, force=force)
    check_disjoint(read, manifest)
    with make_progress(show=progress) as reporter:
        if warning := provenance.other_versions(parent.manifest, "run to fork"):
            reporter.warn(warning)
        with RunFolder.create(new, read, manifest) as child:
            keep_past_scenarios(parent, child)
            for replicate in range(child.replicates):  # refuses what could not be gone on with
                child.population_after(child.chunk_files(replicate)[-1])
        reporter.note(f"{read.id}, seed {seed}, from generation {at} of {parent.path}: {new}")
        tell(cost, reporter)
        return _complete(new, reporter, workers=workers, checkpoint=checkpoint)


def _complete(
    path: Path,
    reporter: Progress,
    *,
    workers: int | None,
    checkpoint: float,
    scheduler: str | None = None,
    again: bool = False,
    on_generation: OnGeneration | None = None,
) -> Run:
    """Do whatever a run still lacks, under its lock."""
    enough = False
    done = Run(path)
    folder = done._folder
    wanted = bool(folder.manifest["figures"])
    began, generations, left = 0.0, 0, folder.replicates * folder.scenario.generations

    def call(replicate: int, generation: int, score: float) -> bool:
        nonlocal enough, began, generations, left
        now = time.monotonic()
        began = began or now
        left -= 1
        # Not for as long as a long run takes: a process that waits holds some 100 MB.
        if wanted and generations:
            seconds = (now - began) / generations * left
            if seconds < LEAD:
                process.start()
            elif seconds > 3 * LEAD:
                process.stop()
        generations += 1
        if on_generation is not None and on_generation(replicate, generation, score):
            enough = True
        return enough

    try:
        if again and done.complete and not (wanted and missing_figures(done)):
            _ = done.data, done.summary  # a damaged one is refused, or made again
            return done
        with (
            folder.lock(wait=WAIT, announce=reporter.note, warn=reporter.warn) as lock,
            Stop() as stop,
            FigureProcess([lock]) as process,
        ):
            if not exists(folder.data_path):
                for replicate in range(folder.replicates):
                    folder.check_history(replicate)
            if again and not (done.complete and not (wanted and missing_figures(done))):
                folder.note_resumed(provenance.versions(), provenance.now())
            if wanted:  # while this process has much to import, too
                process.start()
            complete_runs(
                {"": folder}, locks=[lock], stop=stop, progress=reporter,
                title=folder.scenario.title, resume=path, workers=workers, scheduler=scheduler,
                checkpoint=checkpoint, on_generation=call,
            )  # fmt: skip
            if wanted and (not is_folder(folder.figures_path) or missing_figures(done)):
                _draw_in_the_end(done, process, stop, reporter)
    except Interrupted:
        if enough:
            return done
        raise
    except MemoryError as error:
        raise out_of_memory(path, again=again) from error
    except KeyboardInterrupt:
        raise Interrupted(
            path,
            "stopped at once. What was written is kept. Continue with: ",
            Command("resume", path),
        ) from None
    return done


def _draw_in_the_end(
    done: Run, process: FigureProcess, stop: Callable[[], bool], reporter: Progress
) -> None:
    """Draw what is missing: the process from the first figure on, this one from the last."""
    later = ("Figures are drawn by: ", Command("resume", done.path))
    if stop():
        raise Interrupted(done.path, "stopped: the data and the summary are complete. ", *later)
    drawn = set()

    def draw(name: str) -> None:
        drawn.add(name)
        _log.info("figure %s is drawn", name)
        done.plot._draw((name,), failed=lambda error: reporter.warn(str(error)))

    try:
        asked = done.manifest["figures"]
        process.draw(done.path, None if asked is True else asked)
        for name in reversed(missing_figures(done)):
            if process.take(name):
                draw(name)
        process.wait()
        for name in missing_figures(done):
            if name not in drawn:
                draw(name)
    except WriteError as error:
        raise RunError(*error.parts, "\nThe data and the summary are complete. ", *later) from error
