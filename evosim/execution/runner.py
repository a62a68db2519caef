"""From run folders to run.nc and summary.json, however far they got before.

The unit of work is a replicate, or where there are more workers than replicates, an epoch of a
deme; an executor spreads them. A replicate depends on its seed alone, so none makes a difference
to the data.
"""

from __future__ import annotations

import json
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from evosim import core, evolution
from evosim.engine import loop
from evosim.engine.evaluation import Evaluate, evaluate
from evosim.engine.files import WriteError, write_text
from evosim.engine.loop import GenerationRecord, Population, generations, initial_population
from evosim.engine.mechanism import Map, PastGeneration, minds_of, parts
from evosim.engine.run_folder import RunFolder, chunk_of, seed_at, seeds_of
from evosim.engine.variables import BY_REPLICATE, by_probe
from evosim.errors import Command, EvosimError, RunError, WorkError
from evosim.execution.executor import Died, Executor, InProcess, Tell, executor
from evosim.execution.progress import Progress
from evosim.execution.stop import Interrupted

if TYPE_CHECKING:
    import xarray as xr

    from evosim.engine.in_memory import OnGeneration
    from evosim.scenario import Scenario

CHECKPOINT = 2.0
"""Seconds of work that a kill can cost."""
_PATIENCE = 10.0  # seconds for which who is to stop waits for the epoch that is under way


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
    enough = False

    def report(item: tuple[RunFolder, int, float], generation: int, score: float) -> None:
        nonlocal enough
        folder, replicate, _ = item
        progress.generation(_label(folders, folder, replicate), generation, score)
        if on_generation is not None and on_generation(replicate, generation, score):
            enough = True

    def stopping() -> bool:
        return enough or stop()

    try:
        for folder in folders.values():
            folder.sweep()
        items, done, wanted = _unfinished(folders, checkpoint)
        if items:
            # Demes are shared out where that is asked for: of one process the threads share all
            # lifetimes.
            workers = workers or min(core.threads(), len(items))
            demes = _demes(folder.scenario for folder, *_ in items) if workers > len(items) else 1
            workers = min(workers, len(items) if demes == 1 else demes)
            warm_up(items[0][0].scenario, progress.note)
            progress.begin(title, size=_size(folders), total=wanted, done=done)
            with executor(
                workers=workers, scheduler=scheduler, locks=locks, note=progress.note
            ) as by:
                work: Callable[..., bool | None] = advance
                if demes > 1 or scheduler is not None:
                    work = partial(advance, share=_sharing(by, stopping))
                    by = InProcess()
                left = Counter(folder.path for folder, *_ in items)
                for (folder, replicate, _), result in by.map(
                    work, items, stop=stopping, report=report
                ):
                    if isinstance(result, Died):
                        raise WorkError(f"{_label(folders, folder, replicate)}: {result}")
                    left[folder.path] -= 1
                    # The data of many runs are put together side by side, each as soon as it can.
                    if left[folder.path] == 0 and len(folders) > 1:
                        items.appendleft((folder, None, checkpoint))
            if any(number > 0 for number in left.values()):
                raise Interrupted(
                    resume, "stopped: ", f"{kept(folders)}. Continue with: ",
                    Command("resume", resume),
                )  # fmt: skip
        for folder in folders.values():
            finish(folder)
    except (WriteError, WorkError) as error:
        remedy = "Once it can be written, continue" if isinstance(error, WriteError) else "Continue"
        raise RunError(
            *error.parts, f"\n{kept(folders)}. {remedy} with: ", Command("resume", resume)
        ) from error


def _unfinished(
    folders: Mapping[str, RunFolder], checkpoint: float
) -> tuple[deque[tuple[RunFolder, int | None, float]], int, int]:
    """The replicates that are not at their end, as arguments of :func:`advance`; generations that
    are done, and that there are."""
    items: deque[tuple[RunFolder, int | None, float]] = deque()
    wanted = done = 0
    for folder in folders.values():
        if folder.data_path.exists():
            continue
        generations = folder.scenario.generations
        for replicate in range(folder.replicates):
            n = folder.generations_done(replicate)
            done, wanted = done + n, wanted + generations
            if n < generations:
                items.append((folder, replicate, checkpoint))
    return items, done, wanted


def _demes(scenarios: Iterable[Scenario]) -> int:
    """The most parts of a run; 1 where one of them has none, which then are not divided."""
    sizes = [parts(scenario) for scenario in scenarios]
    return 1 if min(sizes) == 1 else max(sizes)


def _sharing(by: Executor, stop: Callable[[], bool]) -> Map:
    """Maps over demes, in their order, by an executor."""

    def share(function: Callable[..., Any], calls: Sequence[tuple[Any, ...]]) -> list[Any]:
        asked: float | None = None

        def give_up() -> bool:
            nonlocal asked
            if not stop():
                return False
            # An epoch takes about a second, which is better waited for than done again.
            asked = asked or time.monotonic()
            return time.monotonic() - asked > _PATIENCE

        items = [(function, *call) for call in calls]
        found = {id(item): result for item, result in by.map(untold, items, stop=give_up)}
        if len(found) < len(items):
            raise KeyboardInterrupt
        results = [found[id(item)] for item in items]
        for deme, result in enumerate(results):
            if isinstance(result, Died):
                raise WorkError(f"deme {deme}: {result}")
        return results

    return share


def untold(function: Callable[..., Any], *arguments: Any, tell: Tell) -> Any:
    """Call a function that is over too soon to tell anything."""
    return function(*arguments)


def _label(folders: Mapping[str, RunFolder], folder: RunFolder, replicate: int | None) -> str:
    """What to call a replicate of a run: nothing where it is the only one."""
    words = [name for name, other in folders.items() if name and other.path == folder.path]
    if folder.replicates > 1 and replicate is not None:
        words.append(f"replicate {replicate}")
    return ", ".join(words)


def _size(folders: Mapping[str, RunFolder]) -> str:
    """What is to be simulated, in words."""
    first = next(iter(folders.values()))
    size = f"{first.scenario.generations} generations"
    if first.replicates > 1:
        size += f", {first.replicates} replicates"
    return f"{size}, {len(folders)} arms" if len(folders) > 1 else size


def kept(folders: Mapping[str, RunFolder]) -> str:
    """How many generations are on disk, in words."""
    done = wanted = 0
    for folder in folders.values():
        each = folder.scenario.generations
        wanted += each * folder.replicates
        for replicate in range(folder.replicates):
            done += each if folder.data_path.exists() else folder.generations_done(replicate)
    return f"{done} of {wanted} generations are done and kept"


def advance(
    folder: RunFolder,
    replicate: int | None,
    checkpoint: float,
    *,
    tell: Tell,
    share: Map | None = None,
) -> bool | None:
    """A unit of work of a run: a replicate, or of None the end of a run that was simulated.

    Returns:
        True, or None where it was stopped before its end.
    """
    if replicate is None:
        finish(folder)
        return True
    return run_replicate(folder, replicate, tell=tell, checkpoint=checkpoint, share=share) or None


def finish(folder: RunFolder) -> None:
    """Write run.nc and summary.json of a run that was simulated; remove its chunks."""
    if folder.data_path.exists() and folder.summary_path.exists():
        folder.clear_chunks()
        return
    from evosim.engine.dataset import assemble, open_arrays

    if not folder.data_path.exists():
        assemble(folder)
    else:
        with open_arrays(folder):  # before the chunks go that it could be written from
            pass
    folder.clear_chunks()
    if not folder.summary_path.exists():
        write_text(folder.summary_path, _json(summary_of(folder)))


def run_replicate(
    folder: RunFolder,
    replicate: int,
    *,
    tell: Tell,
    checkpoint: float = CHECKPOINT,
    evaluate: Evaluate = evaluate,
    prober: loop.Prober | None = None,
    share: Map | None = None,
) -> bool:
    """Simulate one replicate on from where its chunks end; False where it was stopped before.

    Args:
        tell: told each generation and its mean score; whether to stop after it.
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
            stopping = tell(record.generation, record.mean_score)
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
    from evosim.engine.dataset import UNREADABLE, open_arrays, unreadable
    from evosim.metrics import summary

    with open_arrays(folder) as arrays:
        try:
            probed = (*by_probe(folder.scenario), *BY_REPLICATE)
            for name in ("payoff_total", *probed):
                _ = arrays[name].values
        except UNREADABLE as error:
            raise unreadable(folder, error) from error
        findings = summary.summarize(cast("xr.Dataset", arrays), folder.scenario).to_dict()
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
