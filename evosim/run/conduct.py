"""From a run folder to run.nc and summary.json, however far it got before.

One replicate at a time in this process, or several side by side in worker processes. What a
replicate lives depends on its seed alone, so neither makes a difference to the data.
"""

from __future__ import annotations

import json
import math
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from evosim import core
from evosim.errors import EvosimError, RunError
from evosim.run import loop
from evosim.run.folder import RunFolder, seeds_of, stretch_of
from evosim.run.layout import by_probe, by_replicate
from evosim.run.loop import Live, Record, first, generations, live
from evosim.run.progress import Progress
from evosim.run.stop import Interrupted
from evosim.run.storage import WriteError, write_text

CHECKPOINT = 2.0
"""Seconds of work that a kill can cost."""

Report = Callable[[int, int, float], None]


def conduct(
    folder: RunFolder,
    *,
    lock: int,
    stop: Callable[[], bool],
    progress: Progress,
    workers: int | None = None,
    checkpoint: float = CHECKPOINT,
) -> None:
    """Live what is left to live, write run.nc and summary.json, remove the segments.

    Args:
        lock: the descriptor of the folder's lock, which the caller holds.
        stop: whether to stop after the generation.
        workers: processes to share the replicates among; as many as are useful if None.
        checkpoint: seconds between writes of what was lived.

    Raises:
        RunError: the run cannot go on; what was lived is kept.
        Interrupted: it was stopped.
    """
    try:
        folder.sweep()
        if not folder.data_path.exists():
            live_all(
                folder, lock=lock, stop=stop, progress=progress, workers=workers,
                checkpoint=checkpoint,
            )  # fmt: skip
            from evosim.run.dataset import assemble

            assemble(folder)
        else:
            from evosim.run.dataset import open_dataset

            open_dataset(folder).close()  # before the segments go that it could be written from
        folder.clear_segments()
        if not folder.summary_path.exists():
            write_text(folder.summary_path, _json(summary_of(folder)))
    except WriteError as error:
        raise RunError(
            f"{error}\n{kept(folder)}. Once it can be written, go on with: "
            f"evosim resume {folder.path}"
        ) from error


def kept(folder: RunFolder) -> str:
    """How many generations are on disk, in words."""
    wanted = folder.scenario.generations * folder.replicates
    total = wanted
    if not folder.data_path.exists():
        total = sum(folder.lived(replicate) for replicate in range(folder.replicates))
    return f"{total} of {wanted} generations are lived and kept"


def live_all(
    folder: RunFolder,
    *,
    lock: int,
    stop: Callable[[], bool],
    progress: Progress,
    workers: int | None = None,
    checkpoint: float = CHECKPOINT,
) -> None:
    """Live every replicate to the end of the timeline."""
    wanted = folder.scenario.generations
    lived = {r: folder.lived(r) for r in range(folder.replicates)}
    waiting = [r for r in lived if lived[r] < wanted]
    if not waiting:
        return
    workers = min(workers or core.threads(), len(waiting))
    warm_up(folder, progress.note)
    progress.begin(
        folder.scenario.title,
        replicates=folder.replicates,
        generations=wanted,
        lived=sum(lived.values()),
    )
    if workers > 1:
        crew = Crew(folder, workers=workers, lock=lock, checkpoint=checkpoint)
        complete = crew.live(waiting, stop=stop, report=progress.generation)
    else:
        complete = all(
            live_replicate(folder, r, stop=stop, report=progress.generation, checkpoint=checkpoint)
            for r in waiting
        )
    if not complete:
        raise Interrupted(
            folder.path, f"stopped: {kept(folder)}. Go on with: evosim resume {folder.path}"
        )


def live_replicate(
    folder: RunFolder,
    replicate: int,
    *,
    stop: Callable[[], bool],
    report: Report,
    checkpoint: float = CHECKPOINT,
    live: Live = live,
    prober: loop.Prober | None = None,
) -> bool:
    """Live one replicate on from where its segments end; False where it was stopped before.

    Raises:
        RunError: a score is not finite or not one that selection takes, a segment cannot be
            written, or the history of a fork is not whole. Whatever goes wrong, all generations
            lived before are kept where the disk takes them.
    """
    scenario = folder.scenario
    seed, probe_seed = seeds_of(folder, replicate)
    row = folder.tidy(replicate)
    population = folder.read(row[-1]).heirs if row else first(scenario, seed)
    if population is None:
        return True
    if prober is None:
        from evosim.measure.probe import Prober

        prober = Prober(scenario, probe_seed)
    unwritten: list[Record] = []
    written = time.monotonic()
    record = None
    try:
        for record in generations(scenario, population, seed=seed, prober=prober, live=live):
            unwritten.append(record)
            report(replicate, record.generation, float(record.arrays["score"].mean()))
            stopping = stop()
            if stopping or time.monotonic() - written >= checkpoint:
                records, unwritten = unwritten, []
                folder.write(replicate, stretch_of(records))
                written = time.monotonic()
            if stopping:
                break
    except WriteError:
        raise
    except EvosimError as error:
        raise RunError(f"replicate {replicate}, {error}") from error
    finally:
        if unwritten:
            folder.write(replicate, stretch_of(unwritten))
    return record is not None and record.heirs is None


def warm_up(folder: RunFolder, announce: Callable[[str], None]) -> None:
    """Load the compiled core, or compile it: once, before workers each would do it."""
    import numpy as np

    from evosim import mind, world
    from evosim.core import jit

    scenario = folder.scenario
    minds = core.with_tools(
        scenario,
        mind.express(scenario, mind.initial(scenario, 1, 0)),
        seed=0,
        generation=0,
        individuals=np.zeros(1, np.int64),
    )
    still = minds._replace(novelty=np.zeros(1, np.float32))
    name = next(iter(scenario.environments))

    def call() -> None:
        env = world.environment(scenario, name)
        levels = world.draw_levels(scenario, name, [0])
        core.lifetimes(env, levels, minds, seed=0, generation=0, level_ids=[0], individual_ids=[0])
        core.expectation(env, levels, still)
        nothing = np.zeros((1, env.phi.shape[1]))
        core.optimum(env, levels, nothing)
        if scenario.agent.tool is not None:
            core.followed(env, levels, nothing, nothing)

    jit.warm_up(call, announce)


def summary_of(folder: RunFolder) -> dict[str, Any]:
    """What summary.json holds: the findings, and the facts of the run."""
    from evosim.measure import verdict
    from evosim.run.dataset import UNREADABLE, open_dataset, unreadable

    with open_dataset(folder) as dataset:
        try:
            measured = (*by_probe(folder.scenario), *by_replicate(folder.scenario))
            for name in ("payoff_total", *measured):  # once, not piece by piece
                dataset[name].load()
        except UNREADABLE as error:
            raise unreadable(folder, error) from error
        findings = verdict.summarize(dataset, folder.scenario)
    return {
        **findings,
        "versions": folder.facts["versions"],
        "parent": folder.facts.get("parent"),
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


class Crew:
    """Worker processes that share the replicates of a run.

    Each is a fresh interpreter (evosim.run.worker) with its share of the cores. A worker stops
    after its generation when its standard input ends: when it is told to, and when this process
    dies. It inherits the lock of the folder, so that nobody else touches the run until then.
    """

    def __init__(self, folder: RunFolder, *, workers: int, lock: int, checkpoint: float) -> None:
        self._folder = folder
        self._told: queue.Queue[tuple[_Worker, dict[str, Any] | None]] = queue.Queue()
        threads = max(1, core.threads() // workers)
        self._workers = [
            _Worker(folder, self._told, lock=lock, threads=threads, checkpoint=checkpoint)
            for _ in range(workers)
        ]

    def live(self, replicates: list[int], *, stop: Callable[[], bool], report: Report) -> bool:
        """Have the replicates lived; False where they were stopped before the end.

        Raises:
            RunError: a worker failed; the others were stopped.
        """
        waiting = deque(replicates)
        complete: set[int] = set()
        failure: RunError | None = None
        at_work = set(self._workers)
        try:
            while at_work:
                if stop() or failure:
                    waiting.clear()
                    for worker in at_work:
                        worker.dismiss()
                try:
                    worker, message = self._told.get(timeout=0.1)
                except queue.Empty:
                    continue
                match message:
                    case {"lived": [replicate, generation, score]}:
                        report(replicate, generation, score)
                    case {"ready": replicate}:
                        if replicate is not None:
                            complete.add(replicate)
                        if waiting:
                            worker.assign(waiting.popleft())
                        else:
                            worker.dismiss()
                    case {"error": text, "unwritten": unwritten}:
                        failure = failure or (WriteError if unwritten else RunError)(text)
                    case None:
                        at_work.discard(worker)
                        failure = failure or worker.failure()
        finally:
            for worker in self._workers:
                worker.end()
        if failure:
            raise failure
        return complete == set(replicates)


class _Worker:
    """One worker process, as its crew sees it."""

    def __init__(
        self,
        folder: RunFolder,
        told: queue.Queue[tuple[_Worker, dict[str, Any] | None]],
        *,
        lock: int,
        threads: int,
        checkpoint: float,
    ) -> None:
        self._folder = folder
        self._told = told
        self._at: int | None = None
        code = (
            "import json, sys; sys.path[:] = json.loads(sys.argv.pop(1)); "
            "from evosim.run.worker import main; main()"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", code, json.dumps(sys.path), str(folder.path),
             str(checkpoint)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(lock,),
            process_group=0,  # a Ctrl-C in the terminal is for the parent, which tells the workers
            env=os.environ
            | {"EVOSIM_THREADS": str(threads), "NUMBA_NUM_THREADS": str(threads)},
        )  # fmt: skip
        threading.Thread(target=self._listen, daemon=True).start()

    def assign(self, replicate: int) -> None:
        """Have it live a replicate."""
        self._at = replicate
        self._send(f"{replicate}\n")

    def dismiss(self) -> None:
        """Have it stop after the generation it is at."""
        stdin = self._process.stdin
        if stdin is not None and not stdin.closed:
            with suppress(BrokenPipeError):
                stdin.close()

    def failure(self) -> RunError | None:
        """What became of a worker that ended otherwise than well."""
        code = self._process.wait()
        if code == 0:
            return None
        where = f" at replicate {self._at}" if self._at is not None else ""
        how = f"exit code {code}"
        if code < 0:
            how = f"killed by {signal.Signals(-code).name}"
            if -code == signal.SIGKILL:
                how += ", perhaps for want of memory: fewer --workers need less"
        return RunError(
            f"a worker process died{where} ({how}). {kept(self._folder)}. "
            f"Go on with: evosim resume {self._folder.path}"
        )

    def end(self) -> None:
        """Make sure that it is gone."""
        self.dismiss()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def _send(self, text: str) -> None:
        stdin = self._process.stdin
        if stdin is not None and not stdin.closed:
            with suppress(BrokenPipeError):  # it died: its exit code tells the rest
                stdin.write(text.encode())
                stdin.flush()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._told.put((self, json.loads(line)))
        self._told.put((self, None))
