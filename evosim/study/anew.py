"""Settling a claim again from runs that were lived: other findings, other measures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evosim.errors import RunError
from evosim.run.storage import explain, write_text
from evosim.study.arms import Condition, conditions
from evosim.study.experiment import ExperimentFolder

if TYPE_CHECKING:
    from evosim.scenario import Scenario


def unsettle(path: Path, scenario: Scenario) -> None:
    """Take the verdict of an experiment away, so that it is settled when the experiment goes on.

    Args:
        path: the folder of the experiment.
        scenario: the same runs, with the findings, titles and words as they are now.

    Raises:
        RunError: the runs are others, or the folder cannot be written.
    """
    folder = ExperimentFolder(path)
    facts = folder.facts
    now = conditions(scenario, replicates=facts["replicates"], tuned=facts["tuned"])
    if _lived(now) != _lived(folder.conditions):
        raise RunError(f"{path}: the arms of {scenario.id!r} are others than were run here")
    try:
        folder.verdict_path.unlink(missing_ok=True)
        for figure in folder.figures_path.glob("*"):
            figure.unlink()
    except OSError as error:
        raise RunError(explain(error, path, "change")) from error
    write_text(path / "scenario.toml", scenario.to_toml())


def _lived(found: Sequence[Condition]) -> list[tuple[str, str, int]]:
    return [(c.name, c.scenario.to_toml(), c.replicates) for c in found]
