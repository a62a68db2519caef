"""One run of a study: run, measured, written. What workers do.

A run is a function of its study's folder, point and replicate, so it does not matter who runs
it, when, or whether it was begun before.
"""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from evosim.engine import provenance
from evosim.engine.dataset import open_dataset
from evosim.engine.files import WriteError, exists
from evosim.engine.in_memory import simulate
from evosim.engine.run_folder import RunFolder
from evosim.errors import OUT_OF_MEMORY, EvosimError, WorkError
from evosim.execution.executor import Tell
from evosim.execution.runner import finish, run_replicate
from evosim.metrics.leakage import check_disjoint
from evosim.study.folder import Record, StudyFolder, opened
from evosim.study.measures import measured

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario

_WAIT = 30.0  # seconds for which a worker that was given up may still be at a run


def complete_run(
    path: str, identity: str, key: str, replicate: int, *, tell: Tell = lambda *_: False
) -> Record | None:
    """Do a run and write its file, unless it is there already.

    Args:
        path: the study's folder, as this process sees it.
        identity: of the study.
        tell: whether to give up.

    Returns:
        What was measured, or why it could not be: then nothing but ``error`` is in it. None
        where it was stopped.

    Raises:
        WriteError: the file cannot be written; another run could not either.
        WorkError: the folder is not the study's.
    """
    try:
        folder = opened(path, identity)
    except EvosimError as error:
        raise WorkError(
            f"does not see the study's folder: {error}. Workers read and write the same files "
            "under the same path: share the folder, or make the study in one that is shared"
        ) from error
    if (done := folder.read(key, replicate)) is not None:
        return done
    record = _evaluate(folder, key, replicate, tell)
    if record is not None:
        folder.write(record)
    return record


def _evaluate(folder: StudyFolder, key: str, replicate: int, tell: Tell) -> Record | None:
    began = time.perf_counter()
    columns: dict[str, tuple[float, ...]] = {}
    error = ""
    try:
        scenario = _scenario(str(folder.path), folder.identity, key)
        with _data(folder, scenario, key, replicate, tell) as data:
            if data is None:
                return None
            columns = measured(folder.study, scenario, data)
    except WriteError:
        raise
    except EvosimError as problem:
        error = str(problem)
    except MemoryError:
        error = OUT_OF_MEMORY
    except Exception:  # a defect: it is recorded with the run, and the others go on
        error = traceback.format_exc().rstrip()
    seconds = round(time.perf_counter() - began, 4)
    seed = folder.seed_of(key, replicate)
    return Record(
        point=key, replicate=replicate, seed=seed, columns=columns, seconds=seconds, error=error
    )


@contextlib.contextmanager
def _data(
    folder: StudyFolder, scenario: Scenario, key: str, replicate: int, tell: Tell
) -> Iterator[xr.Dataset | None]:
    """What a run gives, of a folder that is kept or not; None where it was stopped."""
    if folder.keep == "measures":
        stopped = False

        def ask(*_: object) -> bool:
            nonlocal stopped
            stopped = tell()
            return stopped

        data = simulate(scenario, folder.seed_of(key, replicate), on_generation=ask)
        yield None if stopped else data
        return
    run = _run_folder(folder, scenario, key, replicate)
    with run.lock(wait=_WAIT):
        run.sweep()
        try:
            whole = exists(run.data_path) or run_replicate(run, 0, tell=lambda *_: tell())
            if whole:
                finish(run)
        finally:
            run.write_held()
    if not whole:
        yield None
        return
    with open_dataset(run) as data:
        yield data


def _run_folder(folder: StudyFolder, scenario: Scenario, key: str, replicate: int) -> RunFolder:
    """The folder of a run that is kept, made unless it is there."""
    path, seed = folder.run_path(key, replicate), folder.seed_of(key, replicate)
    if not exists(path):
        manifest = provenance.manifest(
            scenario, seed=seed, probe_seed=seed, seeds=[{"from": 0, "seed": seed}], replicates=1,
            figures=False, command=folder.command(key, replicate),
        )  # fmt: skip
        check_disjoint(scenario, manifest)
        with RunFolder.create(path, scenario, manifest):
            pass
    return RunFolder(path)


@lru_cache(maxsize=256)
def _scenario(path: str, identity: str, key: str) -> Scenario:
    """The scenario of a point, read once by a process that runs many of its replicates."""
    return opened(path, identity).scenario_at(key)
