"""Reading studies: of the shipped ones by id, or of a file; every mistake with its line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from evosim import evolution
from evosim import scenario as scenarios
from evosim.engine.variables import probe_generations
from evosim.errors import SETTING, EvosimError, Problem, ScenarioError
from evosim.metrics import MEASURES, hypotheses, turns
from evosim.metrics.hypotheses import Part
from evosim.scenario import document, shipped
from evosim.scenario.messages import Fault, faults_of
from evosim.scenario.reading import located, parse
from evosim.study.points import Point, points
from evosim.study.schema import Measured, Study

if TYPE_CHECKING:
    from evosim.scenario import Scenario

FOLDER = Path(__file__).parents[1] / "studies"
MOST_CHECKED = 200
"""Points whose scenario is checked before anything is lived: all of them, or so many spread out."""
_WHEN = ("timeline", "measure")  # what says when phases begin and when is probed


@dataclass(frozen=True)
class Written:
    """A study, the text it was read from, and the scenario it is about.

    Attributes:
        study: as written.
        text: the TOML text.
        base: its scenario, without experiment, with the settings for all points.
        base_text: the TOML text that the scenario was read from.
    """

    study: Study
    text: str
    base: Scenario
    base_text: str = ""

    @property
    def sources(self) -> tuple[str, str]:
        """What its ``frozen`` is a hash of."""
        return self.text, self.base_text

    @cached_property
    def points(self) -> tuple[Point, ...]:
        return points(self.study)

    def settings_at(self, point: Point) -> tuple[str, ...]:
        """What a point changes in the scenario; it is probed wherever a phase begins.

        Raises:
            ScenarioError: a setting of the point is wrong.
        """
        settings = point.settings
        if any(text.strip().startswith(_WHEN) for text in settings):
            return (*settings, *_unprobed(_set(self.base, settings)))
        return (*settings, *self._unprobed)

    @cached_property
    def _unprobed(self) -> tuple[str, ...]:
        """What has to be set for the phases of the base, as of all points that keep them."""
        return _unprobed(self.base)

    def scenario_at(self, point: Point) -> Scenario:
        """What is lived at a point.

        Raises:
            ScenarioError: a setting of the point is wrong.
        """
        return _set(self.base, self.settings_at(point))


def _unprobed(scenario: Scenario) -> tuple[str, ...]:
    """The setting by which a scenario is probed wherever a phase begins; none where it is."""
    unprobed = set(turns(scenario)) - set(probe_generations(scenario))
    if not unprobed:
        return ()
    return (f"measure.also={sorted({*scenario.measure.also, *unprobed})}",)


def _set(base: Scenario, settings: Sequence[str]) -> Scenario:
    return scenarios.loads(base.to_toml(), name=base.id, sets=settings, checks=[evolution.check])


def terms_of(measured: Measured, scenario: Scenario) -> tuple[Part, ...]:
    """The terms of what is measured at a point: one, or two where something is subtracted.

    Raises:
        EvosimError: no such measure, or one that the scenario does not have.
    """
    flips = turns(scenario)
    parts = [Part(1.0, "", hypotheses.term_of(measured, flips))]
    if measured.against is not None:
        changes = measured.against.model_dump(exclude_none=True)
        other = measured.model_copy(update=changes)
        parts.append(Part(-1.0, "", hypotheses.term_of(other, flips)))
    for part in parts:
        MEASURES[part.term.measure].check_in(scenario, part.term)
        where = part.term.where
        if where is not None and where not in scenario.environments:
            known = ", ".join(scenario.environments)
            raise EvosimError(
                f"measure {measured.measure!r}: unknown environment {where!r} (known: {known})"
            )
    return tuple(parts)


def catalogue() -> dict[str, Path]:
    """The shipped studies: the file of each id, ids in alphabetical order."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.toml"))}


def load(source: str | Path, sets: Sequence[str] = ()) -> Written:
    """Read a shipped study, by id, or of a file, by path.

    Args:
        sets: changes of the scenario at all points, "key=value" each, after the study's own.

    Raises:
        ScenarioError: everything wrong with it at once, one line each.
    """
    if source in scenarios.catalogue() and source not in catalogue():
        message = (
            f"is a scenario: evosim run {source} lives it, and evosim study new FILE begins a study"
        )
        raise ScenarioError([Problem(file=str(source), line=None, key="", message=message)])
    path = shipped.find(source, catalogue(), "study")
    return loads(shipped.read(path), name=str(path), beside=path.parent, sets=sets)


def loads(
    text: str, *, name: str = "<string>", beside: Path = Path(), sets: Sequence[str] = ()
) -> Written:
    """Read a study from TOML text.

    Args:
        text: the TOML text.
        name: what errors call the text, usually its file.
        beside: the folder that the path of a scenario is looked up from.
        sets: changes of the scenario at all points, "key=value" each, after the study's own.

    Raises:
        ScenarioError: everything wrong with it at once, one line each.
    """
    raw = parse(text, name)
    try:
        study = Study.model_validate(raw)
    except ValidationError as error:
        raise ScenarioError(located(faults_of(error, Study), text, name)) from None
    source = study.scenario
    if source not in scenarios.catalogue() and (beside / source).exists():
        source = str(beside / source)
    base = _base(study, text, name, source)
    if sets:
        base = _set(base, sets)
    written = Written(study, text, base, shipped.read(shipped.find(source)))
    if faults := list(_faults(written)):
        raise ScenarioError(located(faults, text, name))
    return written


def _base(study: Study, text: str, name: str, source: str) -> Scenario:
    """The scenario of a study, with the settings for all points and without its experiment."""
    try:
        read = scenarios.load(source, checks=[evolution.check])
    except ScenarioError as error:
        told = [Fault(("scenario",), str(problem)) for problem in error.problems]
        raise ScenarioError(located(told, text, name)) from None
    table = read.document
    table.pop("experiment", None)
    try:
        return scenarios.loads(
            document.to_toml(table), name=read.id, sets=study.set, checks=[evolution.check]
        )
    except ScenarioError as error:
        told = [Fault(("set",), f"{p.file}: {p.message}") for p in error.problems]
        raise ScenarioError(located(told, text, name)) from None


def _faults(written: Written) -> Iterator[Fault]:
    """What is wrong with parameters, points and measures."""
    study = written.study
    try:
        every = written.points
    except EvosimError as error:
        where, _, message = str(error).partition(": ")
        yield Fault(_path(where), message)
        return
    checked = every[:: -(-len(every) // MOST_CHECKED)]
    told: set[str] = set()
    for point in checked:
        try:
            scenario = written.scenario_at(point)
        except ScenarioError as error:
            for problem in error.problems:
                if problem.message not in told:
                    told.add(problem.message)
                    yield _of_setting(study, point, problem)
            continue
        for label, measured in study.measures.items():
            try:
                terms_of(measured, scenario)
            except EvosimError as error:
                if str(error) not in told:
                    told.add(str(error))
                    yield Fault(("measures", label), f"at {point.shown}: {error}")


def _of_setting(study: Study, point: Point, problem: Problem) -> Fault:
    """A problem of a point's scenario, told of the parameter that sets it."""
    for name, parameter in study.parameters.items():
        for text in (*_places(parameter.key, parameter.keys, parameter.set),):
            if problem.file.startswith(f"{SETTING}{text.partition('=')[0]}="):
                return Fault(("parameters", name), f"at {point.shown}: {_told(problem)}")
        for level in parameter.levels:
            if any(problem.file == f"{SETTING}{text}" for text in level.set):
                return Fault(("parameters", name), f"at {point.shown}: {_told(problem)}")
    return Fault(("parameters",), f"at {point.shown}: {_told(problem)}")


def _places(key: str | None, keys: tuple[str, ...], sets: tuple[str, ...]) -> tuple[str, ...]:
    return (*([key] if key else []), *keys, *sets)


def _told(problem: Problem) -> str:
    return f"{problem.file}: {problem.message}"


def _path(dotted: str) -> tuple[str | int, ...]:
    return tuple(int(part) if part.isdecimal() else part for part in dotted.split("."))
