"""Evaluating a claim again from complete runs: other findings, other measures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from evosim.engine.files import explain, write_text
from evosim.errors import EvosimError, RunError
from evosim.study.design import conditions
from evosim.study.experiment import ExperimentFolder

if TYPE_CHECKING:
    from evosim.scenario import Scenario


def is_of_other_runs(path: Path, scenario: Scenario, *, tuned: bool) -> bool:
    """Whether an experiment consists of other runs than a scenario's would, words apart.

    Args:
        path: the folder of the experiment.
        scenario: as it is now.
        tuned: whether the values of what was tuned are to be run as well.
    """
    try:
        there = [c.identity for c in ExperimentFolder(path).conditions]
    except EvosimError:
        return True  # nobody knows what they were
    return there != [c.identity for c in conditions(scenario, tuned=tuned)]


def invalidate(path: Path, scenario: Scenario) -> None:
    """Take the verdict of an experiment away, so that it is evaluated when the experiment goes on.

    Args:
        path: the folder of the experiment.
        scenario: the same runs, with the findings, titles and words as they are now.

    Raises:
        RunError: the runs are others, or the folder cannot be written.
    """
    folder = ExperimentFolder(path)
    manifest = folder.manifest
    now = conditions(scenario, replicates=manifest["replicates"], tuned=manifest["tuned"])
    if [c.identity for c in now] != [c.identity for c in folder.conditions]:
        raise RunError(f"{path}: the arms of {scenario.id!r} are others than were run here")
    try:
        folder.verdict_path.unlink(missing_ok=True)
        for figure in folder.figures_path.glob("*"):
            figure.unlink()
    except OSError as error:
        raise RunError(explain(error, path, "change")) from error
    write_text(path / "scenario.toml", scenario.to_toml())
