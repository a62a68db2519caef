"""One run of a study: lived, measured, written. What workers do.

A run is a function of its study's folder, point and replicate, so it does not matter who lives
it, when, or whether it was begun before.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from evosim.errors import EvosimError
from evosim.measure.quantities import MEASURES
from evosim.run.memory import live_in_memory
from evosim.run.storage import WriteError
from evosim.study.folder import Record, StudyFolder, opened
from evosim.study.reading import terms_of

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario

Stop = Callable[[], bool]


def live(
    path: str, identity: str, key: str, replicate: int, stop: Stop = lambda: False
) -> Record | None:
    """Live a run and write its file, unless it is there already.

    Args:
        path: the study's folder, as this process sees it.
        identity: of the study.
        stop: whether to give up.

    Returns:
        What was measured, or why it could not be: then nothing but ``error`` is in it. None
        where it was stopped.

    Raises:
        WriteError: the file cannot be written; another run could not either.
        RunError: the folder is not the study's.
    """
    folder = opened(path, identity)
    if (done := folder.read(key, replicate)) is not None:
        return done
    record = _lived(folder, key, replicate, stop)
    if record is not None:
        folder.write(record)
    return record


def _lived(folder: StudyFolder, key: str, replicate: int, stop: Stop) -> Record | None:
    began = time.perf_counter()
    seed = folder.by_key[key].seed(folder.seed, replicate)
    columns: dict[str, tuple[float, ...]] = {}
    error = ""
    try:
        scenario = _scenario(str(folder.path), folder.facts["identity"], key)
        data = live_in_memory(scenario, seed, stop=stop)
        if data is None:
            return None
        columns = measured(folder, scenario, data)
    except WriteError:
        raise
    except EvosimError as problem:
        error = str(problem)
    return Record(
        point=key,
        replicate=replicate,
        seed=seed,
        columns=columns,
        seconds=time.perf_counter() - began,
        error=error,
    )


def measured(
    folder: StudyFolder, scenario: Scenario, data: xr.Dataset
) -> dict[str, tuple[float, ...]]:
    """What the study measures of one run, by name: the columns of all terms of a measure.

    Raises:
        EvosimError: the run lacks what a measure reads.
    """
    found = {}
    for name, written in folder.study.measures.items():
        groups = [
            MEASURES[part.term.measure].of(data, scenario, part.term)
            for part in terms_of(written, scenario)
        ]
        found[name] = tuple(float(column[0]) for group in groups for column in group)
    return found


@lru_cache(maxsize=256)
def _scenario(path: str, identity: str, key: str) -> Scenario:
    """The scenario of a point, read once by a process that lives many of its replicates."""
    return opened(path, identity).scenario_at(key)
