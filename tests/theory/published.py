"""What the tests of published experiments share: columns of a record, and small live runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

import evosim
from evosim.gallery import record
from evosim.metrics import METRICS, Query
from evosim.scenario import load
from evosim.study import design

Floats = NDArray[np.float64]

GALLERY = Path(__file__).resolve().parents[2] / "docs" / "gallery"
FEWEST_REPLICATES = 30
SHORT = ("evolution.population=50", "measure.every=100", "measure.sample=8")
"""Settings of a run that is to be short."""


def recorded(name: str, measure: str, arm: str, **where: str | None) -> list[Floats]:
    """The columns, [replicate] each, of a measure of an arm in the record of a scenario.

    Args:
        where: other keys that the term must have, as ``of``, ``mind`` or ``at``.
    """
    for finding in record.read(GALLERY / f"{name}.json")["findings"]:
        for term in finding["terms"]:
            wanted = {"arm": arm, "mind": "evolved", **where}
            if finding["measure"] == measure and all(term[k] == v for k, v in wanted.items()):
                columns = [np.array(column, np.float64) for column in term["columns"]]
                assert all(len(column) >= FEWEST_REPLICATES for column in columns)
                return columns
    raise AssertionError(f"{name}: no finding looks at {measure} of arm {arm!r}, {where}")


def mean_of(name: str, measure: str, arm: str, **where: str | None) -> Floats:
    """The only column of a measure, [replicate]."""
    (column,) = recorded(name, measure, arm, **where)
    return column


def surely_above(threshold: float, numbers: Floats) -> bool:
    """Whether the mean lies above a threshold by four standard errors."""
    return bool(numbers.mean() - 4 * stats.sem(numbers) > threshold)


def short_run(
    name: str, arm: str, folder: Path, *sets: str, replicates: int = 3, seed: int = 5
) -> evosim.Run:
    """A short run of an arm of a scenario, with settings of its own."""
    written = design.experiment_of(load(name)).arms[arm].set
    scenario = load(name, settings=[*written, *SHORT, *sets])
    return evosim.run(
        scenario, seed=seed, replicates=replicates, out=folder / f"{name}-{arm}", workers=1,
        figures=False, progress=False,
    )  # fmt: skip


def measured(run: evosim.Run, measure: str, *, of: str = "", **term: str | int | None) -> Floats:
    """A measure of a run, mean over replicates of each column."""
    looks = Query(measure=measure, of=of, **term)  # type: ignore[arg-type]
    return np.array([c.mean() for c in METRICS[measure].columns(run.data, run.scenario, looks)])
