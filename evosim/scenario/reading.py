"""Reading scenarios: text to tables, settings, every check, and errors with their lines."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from evosim.errors import Problem, ScenarioError
from evosim.scenario import check_scenario, shipped
from evosim.scenario.messages import Fault
from evosim.scenario.partial import Draft
from evosim.scenario.positions import KeyPath, dotted, line_map, line_of
from evosim.scenario.schema import Scenario
from evosim.scenario.settings import Setting, apply

Check: TypeAlias = Callable[[Scenario], Iterable[Problem]]

_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def load(source: str | Path, sets: Sequence[str] = (), checks: Sequence[Check] = ()) -> Scenario:
    """Read a scenario of the catalogue, by id, or of a file, by path.

    Args:
        source: catalogue id or path of a TOML file.
        sets: ``key=value`` settings on top of it, see :mod:`evosim.scenario.settings`.
        checks: further checks of what this package does not know, such as operators. Each takes
            the scenario, whose environments may still be wrong, and gives problems by key.

    Raises:
        ScenarioError: everything wrong with it at once, one line each.
    """
    path = shipped.find(source)
    return loads(shipped.read(path), name=str(path), sets=sets, checks=checks)


def loads(
    text: str,
    name: str = "<string>",
    sets: Sequence[str] = (),
    checks: Sequence[Check] = (),
) -> Scenario:
    """Read a scenario from TOML text.

    Args:
        text: the TOML text.
        name: what errors call the text, usually its file.
        sets: ``key=value`` settings on top of it, see :mod:`evosim.scenario.settings`.
        checks: further checks of what this package does not know, such as operators. Each takes
            the scenario, whose environments may still be wrong, and gives problems by key.

    Raises:
        ScenarioError: everything wrong with it at once, one line each.
    """
    try:
        document = parse(text, name)
        settings = apply(document, sets)
        draft = Draft(document)
        faults = check_scenario.faults(draft)
        if draft.scenario is not None:
            faults += [_fault(p) for check in checks for p in check(draft.scenario)]
        if faults:
            raise ScenarioError(located(faults, text, name, settings))
    except RecursionError:
        problem = Problem(
            file=name, line=None, key="", message="tables or arrays nested too deeply"
        )
        raise ScenarioError([problem]) from None
    assert draft.scenario is not None
    return draft.scenario


def _fault(problem: Problem) -> Fault:
    """A problem of a check that knows keys, but not where they stand."""
    parts = problem.key.split(".") if problem.key else []
    return Fault(tuple(int(p) if p.isdecimal() else p for p in parts), problem.message)


def parse(text: str, name: str) -> dict[str, Any]:
    """The tables of a TOML text.

    Raises:
        ScenarioError: it is none; with the line.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message, line = str(error), text.rstrip().count("\n") + 1
        if found := _AT.search(message):
            message = message[: found.start()]
            if found[1]:
                line = int(found[1])
                message = f"{message} (column {found[2]})"
        message = f"not TOML: {message[:1].lower()}{message[1:]}"
        raise ScenarioError([Problem(file=name, line=line, key="", message=message)]) from None
    except ValueError:  # Python reads no integer of thousands of digits
        message = "a number has too many digits"
        raise ScenarioError([Problem(file=name, line=None, key="", message=message)]) from None


def located(
    faults: Sequence[Fault], text: str, name: str, settings: Sequence[Setting] = ()
) -> list[Problem]:
    """The faults as problems, in the order of lines; those of settings after them."""
    lines = line_map(text)
    in_file: list[Problem] = []
    in_settings: list[Problem] = []
    for fault in faults:
        setting = _setting_at(fault.path, settings)
        problem = Problem(
            file=setting.written if setting else name,
            line=None if setting else line_of(fault.path, lines),
            key=dotted(fault.path),
            message=fault.message,
        )
        (in_settings if setting else in_file).append(problem)
    return sorted(in_file, key=lambda problem: problem.line or 0) + in_settings


def _setting_at(path: KeyPath, settings: Sequence[Setting]) -> Setting | None:
    """The last setting that wrote the value at a path, what holds it, or a part of it."""
    for setting in reversed(settings):
        shared = min(len(path), len(setting.path))
        if shared and path[:shared] == setting.path[:shared]:
            return setting
    return None
