"""Reading scenarios: text to tables, settings, every check, and errors with their lines."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from reprlib import repr as shorten
from typing import Any, TypeAlias

from evosim.errors import EvosimError, Problem, ScenarioError
from evosim.scenario import _bounds, check_scenario, repeats, shipped
from evosim.scenario._partial import PartialDocument
from evosim.scenario.document import plain
from evosim.scenario.messages import Mistake
from evosim.scenario.positions import KeyPath, dotted, line_map, line_of, place_of
from evosim.scenario.schema import Scenario
from evosim.scenario.settings import Setting, Settings, apply

Check: TypeAlias = Callable[[Scenario], Iterable[Problem]]

MOST_TOLD = 50
"""Mistakes of a text that are told."""

_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def load(source: str | Path, settings: Settings = (), checks: Sequence[Check] = ()) -> Scenario:
    """Read a scenario of the catalogue, by id, or of a file, by path.

    Args:
        source: catalogue id or path of a TOML file.
        settings: changes of it: ``{"world.slip": 0.1}``, or texts ``["world.slip=0.1"]``.
        checks: further checks, beside that of operators and base optimizer. Each takes the
            scenario, whose environments may still be wrong, and gives problems by key.

    Raises:
        ScenarioError: everything wrong with it at once, one line each.

    Example:
        >>> load("contraception", {"world.lifetime": 20}).world.lifetime
        20
    """
    read = shipped.text_of(source)
    given: object = checks  # whatever it is
    if not isinstance(given, Sequence) or not all(map(callable, given)):
        raise EvosimError(f"checks={shorten(given)}: a list of functions is needed")
    return _read(*read, settings, (_operators, *checks))


def loads(
    text: str,
    name: str = "<string>",
    settings: Settings = (),
    checks: Sequence[Check] = (),
) -> Scenario:
    """Read a scenario from TOML text, without a check of operators and base optimizer.

    So the folder of a run can be read where the plugin that has its operators is not installed.

    Args:
        text: the TOML text.
        name: what errors call the text, usually its file.
        settings: changes of it, see :func:`load`.
        checks: further checks, as of :func:`load`.

    Raises:
        ScenarioError: everything wrong with it at once, one line each.

    Example:
        >>> scenario = load("strawberry")
        >>> loads(scenario.to_toml()) == scenario
        True
    """
    return _read(text, name, settings, checks)


def from_dict(
    document: Mapping[str, Any],
    name: str = "scenario",
    settings: Settings = (),
    checks: Sequence[Check] = (),
) -> Scenario:
    """A scenario from its plain document: nested tables with the keys of a file.

    Args:
        document: the tables; it is not changed. A key whose value is None counts as left out.
        name: what errors call the document.
        settings: changes of it, see :func:`load`.
        checks: further checks, see :func:`load`.

    Raises:
        ScenarioError: everything wrong with it at once, by key.

    Example:
        >>> document = load("strawberry").to_dict()
        >>> document["world"]["slip"] = 0.1
        >>> from_dict(document).world.slip
        0.1
    """
    if not isinstance(document, Mapping | Scenario):
        message = (
            f"not a table (got {shorten(document)}, allowed nested tables with the keys of a file, "
            "as to_dict gives them); load reads a file, or a scenario of the catalogue by its id"
        )
        raise ScenarioError([Problem(file=name, line=None, key="", message=message)])
    return _read(document, name, settings, (_operators, *checks))


def _operators(scenario: Scenario) -> Iterable[Problem]:
    """What is wrong with operators and base optimizer.

    They stand on a higher stair than scenarios, whose form does not depend on them; but whoever
    changes a scenario wants to hear of a misspelt one at once.
    """
    found: Iterable[Problem] = import_module("evosim.evolution").check(scenario)
    return found


def _read(
    source: str | Mapping[str, Any], name: str, settings: Settings, checks: Sequence[Check]
) -> Scenario:
    """A text or plain document with settings applied, all of it checked."""
    text = source if isinstance(source, str) else None
    try:
        document = parse(source, name) if isinstance(source, str) else plain(source)
        there = check_scenario.drawn(document)
        applied, places = apply(document, settings)
        # What a setting takes away can no longer be drawn, and need not be.
        check_scenario.forget_draws(document, there)
        refuse_excess(document, text, name, applied, places)
        partial = PartialDocument(document)
        mistakes = _with_groups(check_scenario.mistakes(partial), repeats.mistakes(document))
        if partial.scenario is not None:
            mistakes += [_mistake(p) for check in checks for p in check(partial.scenario)]
        if mistakes:
            found = list(dict.fromkeys(mistakes))
            raise ScenarioError(located(found, text, name, applied, places))
    except RecursionError:
        raise too_deep(name) from None
    assert partial.scenario is not None
    return partial.scenario


def too_deep(name: str) -> ScenarioError:
    """The error about a text so nested that Python gives up."""
    message = "tables or arrays nested too deeply"
    return ScenarioError([Problem(file=name, line=None, key="", message=message)])


def _with_groups(mistakes: list[Mistake], groups: Mapping[int, list[Mistake]]) -> list[Mistake]:
    """Mistakes, with what is wrong with groups of phases in place of that they are no phases."""
    rest = [
        mistake
        for mistake in mistakes
        if not (mistake.path[:1] == ("timeline",) and {*mistake.path[1:2]} & groups.keys())
    ]
    return [*rest, *(mistake for found in groups.values() for mistake in found)]


def _mistake(problem: Problem) -> Mistake:
    """A problem of a check that knows keys, but not where they stand."""
    parts = problem.key.split(".") if problem.key else []
    return Mistake(tuple(int(p) if p.isdecimal() else p for p in parts), problem.message)


def parse(text: str, name: str) -> dict[str, Any]:
    """The tables of a TOML text.

    Raises:
        ScenarioError: it is none, or holds too much; with the line.
    """
    _bounds.check_text(text, name)
    document = _parsed(text, name)
    refuse_excess(document, text, name)
    return document


def _parsed(text: str, name: str) -> dict[str, Any]:
    """The tables of a TOML text, however much it holds."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        from evosim.scenario import syntax  # few texts are none

        message, line, column = str(error), text.rstrip().count("\n") + 1, None
        if found := _AT.search(message):
            message = message[: found.start()]
            if found[1]:
                line, column = int(found[1]), int(found[2])
        if known := syntax.cause(text, line, column, message):
            line, message = known
        else:
            message = f"{message[:1].lower()}{message[1:]}"
            message += "" if column is None else f" (column {column})"
        message = f"not TOML: {message}"
        raise ScenarioError([Problem(file=name, line=line, key="", message=message)]) from None
    except ValueError:  # Python reads no integer of thousands of digits
        message = "a number has too many digits"
        raise ScenarioError([Problem(file=name, line=None, key="", message=message)]) from None


def refuse_excess(
    document: Mapping[str, Any],
    text: str | None,
    name: str,
    settings: Sequence[Setting] = (),
    places: Sequence[KeyPath] = (),
) -> None:
    """Refuse a plain document that holds too much to be looked at.

    Raises:
        ScenarioError: with what is too much, see :func:`located`.
    """
    if found := _bounds.excess(document):
        raise ScenarioError(located(found, text, name, settings, places))


def located(
    mistakes: Sequence[Mistake],
    text: str | None,
    name: str,
    settings: Sequence[Setting] = (),
    places: Sequence[KeyPath] | None = None,
) -> list[Problem]:
    """The mistakes as problems, in the order of lines; those of settings after them.

    Args:
        text: whose lines they stand on; None where they stand in no text.
        places: where each phase is written; None: as the text has them.
    """
    lines = None if text is None else line_map(text)
    if places is None:
        places = [] if text is None else repeats.spell_out(_parsed(text, name))
    in_file: list[Problem] = []
    in_settings: list[Problem] = []
    for mistake in mistakes:
        setting = None
        for one in settings:  # the last that wrote the value, what holds it, or a part of it
            shared = min(len(mistake.path), len(one.path))
            if shared and mistake.path[:shared] == one.path[:shared]:
                setting = one
        if setting is None:
            mistake = mistake._replace(path=repeats.written(mistake.path, places))
        line, message = None, mistake.message
        if text is not None and lines is not None and not setting:
            line = line_of(mistake.path, lines)
            if mistake.character and (place := place_of(text, mistake.path, mistake.character)):
                line, message = place[0], f"{message} (column {place[1]})"
        problem = Problem(
            file=setting.written if setting else name,
            line=line,
            key=dotted(mistake.path),
            message=message,
        )
        (in_settings if setting else in_file).append(problem)
    in_file.sort(key=lambda problem: problem.line or 0)
    found = list(dict.fromkeys([*in_file, *in_settings]))  # phases that repeat are wrong once
    if more := found[MOST_TOLD:]:
        message = f"and {len(more):,} more mistakes"
        found[MOST_TOLD:] = [Problem(file=name, line=None, key="", message=message)]
    return found
