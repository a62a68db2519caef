"""Scenarios and studies, read and checked in full."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from evosim.api._arguments import accepting, read_scenario
from evosim.scenario import shipped
from evosim.scenario.notes import notes as scenario_notes
from evosim.scenario.reading import located
from evosim.study import checks
from evosim.study import reading as studies

if TYPE_CHECKING:
    from evosim.errors import Problem
    from evosim.scenario import Scenario, Settings
    from evosim.study.reading import Written

_NOTED = 8  # points of a study whose notes are looked at


@accepting
def check(source: Scenario | str | Path, settings: Settings = ()) -> Scenario:
    """Read a scenario and check all of it, the arms of its experiment included.

    Args:
        source: a scenario, the id of one of the catalogue, or the path of a file.
        settings: changes of it, see :func:`evosim.run`.

    Returns:
        The scenario with the settings applied. Its ``notes`` tell what is allowed, but hardly
        meant.

    Raises:
        ScenarioError: with every problem found.

    Example:
        >>> import evosim
        >>> evosim.check("strawberry", {"evolution.population": 40}).evolution.population
        40
    """
    return read_scenario(source, settings, further=[checks.check])


def notes(source: str | Path | shipped.Text, checked: Scenario) -> list[Problem]:
    """What is to be noted of a scenario file that :func:`check` has read, with its lines."""
    return located(scenario_notes(checked), *shipped.text_of(source))


def notes_of_study(source: str | Path, checked: Written) -> list[Problem]:
    """What is to be noted of the scenario of a study that :func:`check_study` has read, with its
    lines; what a point changes is none of it, as it is noted only where it is so at all points
    that are looked at, some spread out of many."""
    some = checked.points[:: -(-len(checked.points) // _NOTED) or 1]
    at_points = [set(scenario_notes(checked.scenario_at(point))) for point in some]
    found = [note for note in scenario_notes(checked.base) if all(note in at for at in at_points)]
    return located(found, checked.base_text, checked.study.scenario)


def check_study(source: str | Path, settings: Settings = ()) -> Written:
    """Read a study (an id of a shipped one or a path) and check all of it.

    Raises:
        ScenarioError: with every problem found.
    """
    return studies.load(source, settings)
