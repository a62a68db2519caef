"""From run folders to run.nc and summary.json, however far they got before.

The unit of work is a replicate, or where there are more workers than replicates, an epoch of a
deme; an executor spreads them. A replicate depends on its seed alone, so none makes a difference
to the data.
"""

from __future__ import annotations

import logging
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from evosim import core, evolution
from evosim.engine.checksums import read_json, sealed
from evosim.engine.evaluation import evaluate
from evosim.engine.files import WriteError, as_json, exists, explain, write_text
from evosim.engine.loop import GenerationRecord, Population, generations, initial_population
from evosim.engine.mechanism import Map, PastGeneration, mechanisms_of, minds_of, parts
from evosim.engine.run_folder import Chunk, RunFolder, chunk_of, seed_at, seeds_of
from evosim.engine.variables import BY_REPLICATE, by_probe
from evosim.errors import Command, EvosimError, RunError, WorkError
from evosim.execution.executor import Died, Executor, InProcess, Tell, executor
from evosim.execution.progress import Progress
from evosim.execution.stop import Interrupted

if TYPE_CHECKING:
    import xarray as xr

    from evosim.engine.in_memory import OnGeneration
    from evosim.scenario import Scenario

CHECKPOINT = 8.0
"""Seconds of work that a kill can cost, but for the generation at hand: ten at most, mostly."""
_log = logging.getLogger(__name__)
_PATIENCE = 10.0  # seconds for which who is to stop waits for the epoch that is under way


def complete_runs(
    folders: Mapping[str, RunFolder],
    *,
    locks: Sequence[int],
    stop: Callable[[], bool],
    progress: Progress,
    title: str,
    resume: Path,
    runs: str = "",
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
        runs: how many there are, in words; empty of one run.
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
    work = _Work(folders, stop, progress, on_generation, checkpoint)
    try:
        try:
            for folder in folders.values():
                folder.sweep()
            if items := work.items():
                # Demes are shared out where that is asked for: of one process the threads share
                # all lifetimes.
                workers = workers or min(core.threads(), len(items))
                demes = _demes(item[0].scenario for item in items) if workers > len(items) else 1
                workers = min(workers, len(items) if demes == 1 else demes)
                warm_up(items[0][0].scenario, progress.note)
                work.begin(title, runs)
                _log.info(
                    "%d replicates to simulate, %d demes each; %d processes, %d threads; %s",
                    len(items), demes, workers, core.threads(), scheduler or "on this machine",
                )  # fmt: skip
                with executor(
                    workers=workers, scheduler=scheduler, locks=locks, note=progress.note
                ) as by:
                    if demes > 1 or scheduler is not None:
                        share = _sharing(by, work.stop)
                        work.do(items, InProcess(), partial(advance, share=share))
                    else:
                        work.do(items, by, advance)
            if not work.is_simulated:
                raise Interrupted(resume, f"stopped: {kept(folders)}. Continue with: ",
                                  Command("resume", resume))  # fmt: skip
            for folder in folders.values():
                finish(folder)
        finally:
            for folder in folders.values():
                folder.write_held()
    except (WriteError, WorkError) as error:
        remedy = "Once it can be written, continue" if isinstance(error, WriteError) else "Continue"
        raise RunError(
            *error.parts, f"\n{kept(folders)}. {remedy} with: ", Command("resume", resume)
        ) from error


class _Work:
    """Runs on the way to their end: what is left of them, what is told and held of them."""

    def __init__(
        self,
        folders: Mapping[str, RunFolder],
        stop: Callable[[], bool],
        progress: Progress,
        on_generation: OnGeneration | None,
        checkpoint: float,
    ) -> None:
        self._folders = folders
        self._stop = stop
        self._progress = progress
        self._on_generation = on_generation
        self._checkpoint = checkpoint
        self._enough = False  # on_generation asked for a stop
        self._left: Counter[Path] = Counter()  # replicates of a run that are not at their end
        self._done = self._wanted = 0  # generations
        self._since = math.inf  # when the oldest generation was simulated that is only held

    def items(self) -> deque[tuple[Any, ...]]:
        """The replicates that are not at their end, as arguments of :func:`advance`."""
        items: deque[tuple[Any, ...]] = deque()
        for folder in self._folders.values():
            if exists(folder.data_path):
                continue
            for replicate in range(folder.replicates):
                done, wanted = folder.generations_done(replicate), folder.scenario.generations
                self._done, self._wanted = self._done + done, self._wanted + wanted
                if done < wanted:
                    items.append((folder, replicate, self._checkpoint))
                    self._left[folder.path] += 1
        return items

    @property
    def is_simulated(self) -> bool:
        """Whether all replicates are at their end."""
        return not self._left.total()

    def begin(self, title: str, runs: str) -> None:
        """Tell what is to be simulated; ``runs`` is how many, in words."""
        first = next(iter(self._folders.values()))
        size = f"{first.scenario.generations} generations"
        if first.replicates > 1:
            size += f", {first.replicates} replicates"
        if runs:
            size += f", {runs}"
        self._progress.begin(title, size=size, total=self._wanted, done=self._done)

    def do(self, items: deque[tuple[Any, ...]], by: Executor, function: Callable[..., Any]) -> None:
        """Have all replicates simulated, and where there are many runs, each of them finished."""
        for item, result in by.map(function, items, stop=self.stop, report=self._report):
            folder, replicate, *_ = item
            if isinstance(result, Died):
                raise WorkError(f"{self._label(folder, replicate)}: {result}")
            since, held = result
            if replicate is None:
                folder.held.clear()
                continue
            folder.held.update(held)
            self._since = min(self._since, since)
            self._left[folder.path] -= 1
            _log.info("%s: replicate %d is simulated", folder.path, replicate)
            # Whoever is free puts the data together, so that many runs are finished side by side.
            if self._left[folder.path] == 0 and len(self._folders) > 1:
                items.appendleft((folder, None, self._checkpoint, dict(folder.held)))

    def stop(self) -> bool:
        """Whether to stop; asked all the time."""
        # What is complete waits in memory for run.nc, but no longer than a kill may cost. A run
        # that is being finished does not wait.
        if time.monotonic() - self._since >= self._checkpoint:
            self._since = math.inf
            for folder in self._folders.values():
                if self._left[folder.path]:
                    folder.write_held()
        return self._enough or self._stop()

    def _report(self, item: tuple[Any, ...], generation: int, score: float) -> None:
        folder, replicate, *_ = item
        self._progress.generation(self._label(folder, replicate), generation, score)
        if self._on_generation is not None and self._on_generation(replicate, generation, score):
            self._enough = True

    def _label(self, folder: RunFolder, replicate: int | None) -> str:
        """What to call a replicate of a run: nothing where it is the only one."""
        words = [name for name, other in self._folders.items() if name and other is folder]
        if folder.replicates > 1 and replicate is not None:
            words.append(f"replicate {replicate}")
        return ", ".join(words)


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


def kept(folders: Mapping[str, RunFolder]) -> str:
    """How many generations are on disk, in words."""
    done = wanted = 0
    for folder in folders.values():
        each = folder.scenario.generations
        wanted += each * folder.replicates
        for replicate in range(folder.replicates):
            done += each if exists(folder.data_path) else folder.generations_done(replicate)
    return f"{done} of {wanted} generations are done and kept"


def advance(
    folder: RunFolder,
    replicate: int | None,
    checkpoint: float,
    held: Mapping[Path, Chunk] = MappingProxyType({}),
    *,
    tell: Tell,
    share: Map | None = None,
) -> tuple[float, Mapping[Path, Chunk]] | None:
    """A unit of work of a run: a replicate, or of None the end of a run that was simulated.

    Args:
        held: of the end of a run, what is not written of it.

    Returns:
        What is not written of the replicate, and since when; None where it was stopped before its
        end, and all of it is written.
    """
    began = time.monotonic()
    if replicate is None:
        folder.held.update(held)
        finish(folder)
        return began, {}
    if not run_replicate(folder, replicate, tell=tell, checkpoint=checkpoint, share=share):
        return None
    return began, folder.release(replicate)


def finish(folder: RunFolder) -> None:
    """Write run.nc and summary.json of a run that was simulated; remove its chunks."""
    from evosim.engine.dataset import assemble, open_arrays

    if not exists(folder.data_path):
        assemble(folder)
        _log.info("%s is written", folder.data_path)
    else:
        with open_arrays(folder):  # before the chunks go that it could be written from
            pass
    folder.clear_chunks()
    if read_summary(folder) is None:
        write_summary(folder)


def read_summary(folder: RunFolder) -> dict[str, Any] | None:
    """What summary.json of a run holds; None where there is none, or it is damaged, which is said.

    Raises:
        RunError: it may not be read.
    """
    try:
        return read_json(folder.summary_path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RunError(explain(error, folder.summary_path, "read")) from error
    except ValueError as error:
        Progress().warn(f"{folder.summary_path} is damaged ({error}); made again from the data")
        return None


def write_summary(folder: RunFolder) -> dict[str, Any]:
    """Make the summary of a run that has its run.nc, and write summary.json.

    Raises:
        RunError: the data cannot be read.
        WriteError: the operating system refused.
    """
    found = dict(finite(summary_of(folder)))
    write_text(folder.summary_path, as_json(sealed(found), indent=2) + "\n")
    _log.info("%s is written", folder.summary_path)
    return found


def run_replicate(
    folder: RunFolder,
    replicate: int,
    *,
    tell: Tell,
    checkpoint: float = CHECKPOINT,
    share: Map | None = None,
) -> bool:
    """Simulate one replicate on from where its chunks end; False where it was stopped before.

    The last generations are held in memory, for run.nc to be written from.

    Args:
        tell: told each generation and its mean score; whether to stop after it.
        share: with islands, what simulates the demes side by side.

    Raises:
        RunError: a score is not finite or not one that selection takes, a chunk cannot be
            written, or the history of a fork is not whole. Whatever goes wrong, all generations
            simulated before are kept where the disk takes them.
    """
    from evosim.engine.probe import Prober

    scenario = folder.scenario
    seed, probe_seed = seeds_of(folder, replicate)
    row = folder.tidy(replicate)
    population = folder.population_after(row[-1]) if row else initial_population(scenario, seed)
    if population is None:
        return True
    unwritten: list[GenerationRecord] = []
    written = time.monotonic()
    record = None
    records = generations(
        scenario,
        population,
        seed=seed,
        prober=Prober(scenario, probe_seed),
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
    except BaseException as error:
        if unwritten:
            folder.write(replicate, chunk_of(unwritten))
        if isinstance(error, EvosimError) and not isinstance(error, WriteError):
            raise RunError(f"replicate {replicate}, ", *error.parts) from error
        raise
    if unwritten:
        folder.hold(replicate, chunk_of(unwritten))
    return record is not None and record.next_population is None


def recall(folder: RunFolder, replicate: int, generation: int) -> PastGeneration:
    """An earlier generation of a replicate, as it was recorded.

    Raises:
        RunError: no sound chunk holds it.
    """
    here = folder.recorded(replicate, generation)
    genome = Population.from_record(here, generation, evolution.NOTHING).genome
    seed = seed_at(folder, replicate, generation)
    return PastGeneration(folder.scenario_at(generation), seed, genome, here)


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
        for mechanism in mechanisms_of(scenario):
            mechanism.warm_up(env, levels)

    jit.warm_up(call, announce)


def summary_of(folder: RunFolder) -> dict[str, Any]:
    """What summary.json holds: the findings, and where the run comes from."""
    from evosim.engine.dataset import UNREADABLE, open_arrays, unreadable
    from evosim.metrics import summary
    from evosim.metrics.flips import recorded

    with open_arrays(folder) as arrays:
        try:
            probed = (*by_probe(folder.scenario), *BY_REPLICATE)
            for name in ("payoff_total", *probed):
                _ = recorded(cast("xr.Dataset", arrays), name).values
        except UNREADABLE as error:
            raise unreadable(folder, error) from error
        findings = summary.summarize(cast("xr.Dataset", arrays), folder.scenario).to_dict()
    return {
        **findings,
        "versions": folder.manifest["versions"],
        "parent": folder.manifest.get("parent"),
    }


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
