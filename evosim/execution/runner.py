"""From run folders to run.nc and summary.json, however far they got before.

One replicate at a time in this process, several side by side in worker processes, or the demes of
one. A replicate depends on its seed alone, so none makes a difference to the data.
"""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from evosim import core, evolution
from evosim.engine import loop
from evosim.engine.evaluation import Evaluate, evaluate
from evosim.engine.files import WriteError, write_text
from evosim.engine.loop import GenerationRecord, Population, generations, initial_population
from evosim.engine.mechanism import Map, PastGeneration, minds_of, parts
from evosim.engine.run_folder import RunFolder, chunk_of, seed_at, seeds_of
from evosim.engine.variables import BY_REPLICATE, by_probe
from evosim.errors import Command, EvosimError, Part, RunError, WorkError
from evosim.execution.progress import Progress
from evosim.execution.stop import Interrupted

if TYPE_CHECKING:
    from evosim.engine.in_memory import OnGeneration
    from evosim.scenario import Scenario

CHECKPOINT = 2.0
"""Seconds of work that a kill can cost."""


class Task(NamedTuple):
    """A replicate of a run, and what to call it."""

    folder: RunFolder
    replicate: int
    label: str


def complete_runs(
    folders: Mapping[str, RunFolder],
    *,
    locks: Sequence[int],
    stop: Callable[[], bool],
    progress: Progress,
    title: str,
    resume: Path,
    workers: int | None = None,
    scheduler: str | None = None,
    checkpoint: float = CHECKPOINT,
    on_generation: OnGeneration | None = None,
) -> None:
    """Bring runs to their end: simulate what is left, write run.nc and summary.json of each.

    Args:
        folders: the runs by what to call them; one run alone by the empty text.
        locks: the descriptors of the folders' locks, which the caller holds.
        stop: whether to stop after the generation.
        title: what it is all about, for the progress.
        resume: the folder that goes on with all of it.
        workers: processes to share the replicates among, or where there are more of them than
            replicates, the demes of each; as many as are useful if None.
        scheduler: address of a Dask scheduler, whose workers simulate the demes instead.
        checkpoint: seconds between writes of what was simulated.
        on_generation: called after each generation, in this process; it may ask for a stop.

    Raises:
        RunError: the runs cannot go on; what was simulated is kept.
        Interrupted: they were stopped.
    """
    try:
        for folder in folders.values():
            folder.sweep()
        run_replicates(
            folders, locks=locks, stop=stop, progress=progress, title=title, resume=resume,
            workers=workers, scheduler=scheduler, checkpoint=checkpoint,
            on_generation=on_generation,
        )  # fmt: skip
        for folder in folders.values():
            finish(folder)
    except WriteError as error:
        raise RunError(
            *error.parts,
            f"\n{kept(folders)}. Once it can be written, continue with: ",
            Command("resume", resume),
        ) from error
    except WorkError as error:
        raise RunError(
            *error.parts,
            f"\n{kept(folders)}. Continue with: ",
            Command("resume", resume),
        ) from error


def finish(folder: RunFolder) -> None:
    """Write run.nc and summary.json of a run that was simulated; remove its chunks."""
    if folder.data_path.exists() and folder.summary_path.exists():
        folder.clear_chunks()
        return
    from evosim.engine.dataset import assemble, open_dataset

    if not folder.data_path.exists():
        assemble(folder)
    else:
        open_dataset(folder).close()  # before the chunks go that it could be written from
    folder.clear_chunks()
    if not folder.summary_path.exists():
        write_text(folder.summary_path, _json(summary_of(folder)))


def kept(folders: Mapping[str, RunFolder]) -> str:
    """How many generations are on disk, in words."""
    done = wanted = 0
    for folder in folders.values():
        each = folder.scenario.generations
        wanted += each * folder.replicates
        for replicate in range(folder.replicates):
            done += each if folder.data_path.exists() else folder.generations_done(replicate)
    return f"{done} of {wanted} generations are done and kept"


def run_replicates(
    folders: Mapping[str, RunFolder],
    *,
    locks: Sequence[int],
    stop: Callable[[], bool],
    progress: Progress,
    title: str,
    resume: Path,
    workers: int | None = None,
    scheduler: str | None = None,
    checkpoint: float = CHECKPOINT,
    on_generation: OnGeneration | None = None,
) -> None:
    """Simulate every replicate of every run to the end of its timeline."""
    tasks, done, wanted = _unfinished(folders)
    if not tasks:
        return
    left = Counter(task.folder.path for task in tasks)
    # Demes are shared out where that is asked for: of one process the threads share all lifetimes.
    workers = workers or min(core.threads(), len(tasks))
    demes = _demes(task.folder.scenario for task in tasks) if workers > len(tasks) else 1
    workers = min(workers, len(tasks) if demes == 1 else demes)
    warm_up(tasks[0].folder.scenario, progress.note)
    progress.begin(title, size=_size(folders), total=wanted, done=done)

    def complete(task: Task) -> bool:
        left[task.folder.path] -= 1
        return len(folders) > 1 and not left[task.folder.path]

    def resumed() -> tuple[Part, ...]:
        return (f"{kept(folders)}. Continue with: ", Command("resume", resume))

    enough = False

    def report(task: Task, generation: int, score: float) -> None:
        nonlocal enough
        progress.generation(task.label, generation, score)
        if on_generation is not None and on_generation(task.replicate, generation, score):
            enough = True

    def stopping() -> bool:
        return enough or stop()

    def run_each(share: Map | None = None) -> bool:
        return all(
            run_replicate(
                task.folder, task.replicate, stop=stopping,
                report=partial(report, task), checkpoint=checkpoint, share=share,
            )
            for task in tasks
        )  # fmt: skip

    # Each way of sharing work is imported where it is taken: a run in one process needs none.
    if scheduler is not None:
        from evosim.execution import dask_cluster

        with dask_cluster.demes(scheduler, progress.note, stopping) as shared:
            whole = run_each(shared.map)
    elif demes > 1:
        from evosim.execution.process_pool import Pool

        with Pool(workers=workers, locks=locks, resume=resumed, each="deme") as pool:
            whole = run_each(pool.map)
    elif workers > 1:
        from evosim.execution.replicate_workers import ReplicateWorkers

        replicate_workers = ReplicateWorkers(
            workers=workers, locks=locks, checkpoint=checkpoint, resume=resumed()
        )
        whole = replicate_workers.run(tasks, stop=stopping, report=report, then=complete)
    else:
        whole = run_each()
    if not whole:
        raise Interrupted(resume, "stopped: ", *resumed())


def _unfinished(folders: Mapping[str, RunFolder]) -> tuple[list[Task], int, int]:
    """The replicates that are not at their end; generations that are done, and that there are."""
    tasks: list[Task] = []
    wanted = done = 0
    for name, folder in folders.items():
        if folder.data_path.exists():
            continue
        generations = folder.scenario.generations
        for replicate in range(folder.replicates):
            n = folder.generations_done(replicate)
            done, wanted = done + n, wanted + generations
            if n < generations:
                tasks.append(Task(folder, replicate, _label(name, replicate, folder.replicates)))
    return tasks, done, wanted


def _demes(scenarios: Iterable[Scenario]) -> int:
    """The most parts of a run; 1 where one of them has none, which then are not divided."""
    sizes = [parts(scenario) for scenario in scenarios]
    return 1 if min(sizes) == 1 else max(sizes)


def _label(name: str, replicate: int, replicates: int) -> str:
    """What to call a replicate of a run: nothing where it is the only one."""
    words = [name] if name else []
    if replicates > 1:
        words.append(f"replicate {replicate}")
    return ", ".join(words)


def _size(folders: Mapping[str, RunFolder]) -> str:
    """What is to be simulated, in words."""
    first = next(iter(folders.values()))
    size = f"{first.scenario.generations} generations"
    if first.replicates > 1:
        size += f", {first.replicates} replicates"
    return f"{size}, {len(folders)} arms" if len(folders) > 1 else size


def run_replicate(
    folder: RunFolder,
    replicate: int,
    *,
    stop: Callable[[], bool],
    report: Callable[[int, float], None],
    checkpoint: float = CHECKPOINT,
    evaluate: Evaluate = evaluate,
    prober: loop.Prober | None = None,
    share: Map | None = None,
) -> bool:
    """Simulate one replicate on from where its chunks end; False where it was stopped before.

    Args:
        share: with islands, what simulates the demes side by side.

    Raises:
        RunError: a score is not finite or not one that selection takes, a chunk cannot be
            written, or the history of a fork is not whole. Whatever goes wrong, all generations
            simulated before are kept where the disk takes them.
    """
    scenario = folder.scenario
    seed, probe_seed = seeds_of(folder, replicate)
    row = folder.tidy(replicate)
    population = folder.read(row[-1]).next_population if row else initial_population(scenario, seed)
    if population is None:
        return True
    if prober is None:
        from evosim.engine.probe import Prober

        prober = Prober(scenario, probe_seed)
    unwritten: list[GenerationRecord] = []
    written = time.monotonic()
    record = None
    records = generations(
        scenario,
        population,
        seed=seed,
        prober=prober,
        evaluate=evaluate,
        recall=lambda generation: recall(folder, replicate, generation),
        share=share,
    )
    try:
        for record in records:
            unwritten.append(record)
            report(record.generation, record.mean_score)
            stopping = stop()
            if stopping or time.monotonic() - written >= checkpoint:
                done, unwritten = unwritten, []
                folder.write(replicate, chunk_of(done))
                written = time.monotonic()
            if stopping:
                break
    except WriteError:
        raise
    except EvosimError as error:
        raise RunError(f"replicate {replicate}, ", *error.parts) from error
    finally:
        if unwritten:
            folder.write(replicate, chunk_of(unwritten))
    return record is not None and record.next_population is None


def recall(folder: RunFolder, replicate: int, generation: int) -> PastGeneration:
    """An earlier generation, from the chunks of its replicate.

    Raises:
        RunError: no sound chunk holds it.
    """
    for file in folder.chunk_files(replicate):
        if file.first <= generation <= file.last:
            arrays = folder.read(file).arrays
            here = {name: values[generation - file.first] for name, values in arrays.items()}
            genome = Population.from_record(here, generation, evolution.NOTHING).genome
            seed = seed_at(folder, replicate, generation)
            return PastGeneration(folder.scenario_at(generation), seed, genome)
    raise RunError(f"{folder.path}: generation {generation} of replicate {replicate} is missing")


def warm_up(scenario: Scenario, announce: Callable[[str], None]) -> None:
    """Load the compiled core, or compile it: once, before workers each would do it."""
    from evosim import mind, world
    from evosim.core import jit

    minds = minds_of(
        scenario,
        mind.initial(scenario, 1, 0),
        seed=0,
        generation=0,
        individuals=np.zeros(1, np.int64),
    )
    exact = minds._replace(arrival=np.zeros(1, np.float32))
    name = next(iter(scenario.environments))

    def call() -> None:
        env = world.environment(scenario, name)
        levels = world.draw_levels(scenario, name, [0])
        core.lifetimes(env, levels, minds, seed=0, generation=0, level_ids=[0], individual_ids=[0])
        core.expectation(env, levels, exact)
        nothing = np.zeros((1, env.phi.shape[1]))
        core.optimum(env, levels, nothing)
        if scenario.agent.tool is not None:
            core.followed(env, levels, nothing, nothing)

    jit.warm_up(call, announce)


def summary_of(folder: RunFolder) -> dict[str, Any]:
    """What summary.json holds: the findings, and where the run comes from."""
    from evosim.engine.dataset import UNREADABLE, open_dataset, unreadable
    from evosim.metrics import summary

    with open_dataset(folder) as dataset:
        try:
            probed = (*by_probe(folder.scenario), *BY_REPLICATE)
            for name in ("payoff_total", *probed):  # once, not piece by piece
                dataset[name].load()
        except UNREADABLE as error:
            raise unreadable(folder, error) from error
        findings = summary.summarize(dataset, folder.scenario).to_dict()
    return {
        **findings,
        "versions": folder.manifest["versions"],
        "parent": folder.manifest.get("parent"),
    }


def _json(summary: dict[str, Any]) -> str:
    return json.dumps(finite(summary), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def finite(value: Any) -> Any:
    """The value as plain JSON knows it: numbers that are not finite become null."""
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if hasattr(value, "tolist"):
        return finite(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
