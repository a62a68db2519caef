"""Reading studies: of the shipped ones by id, or of a file; every mistake with its line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from evosim import scenario as scenarios
from evosim.engine.files import exists
from evosim.engine.variables import probe_generations
from evosim.errors import Problem, ScenarioError
from evosim.metrics import turns
from evosim.registry import plugins
from evosim.scenario import shipped
from evosim.scenario.messages import Mistake, mistakes_of, unwritable
from evosim.scenario.reading import located, parse, too_deep
from evosim.scenario.settings import as_mapping
from evosim.study.checks import mistakes
from evosim.study.design import Condition, changed, conditions
from evosim.study.schema import Study

if TYPE_CHECKING:
    from evosim.scenario import Scenario, Settings

FOLDER = Path(__file__).parents[1] / "_studies"
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
    def points(self) -> tuple[Condition, ...]:
        return conditions(self.study)

    def settings_at(self, point: Condition) -> dict[str, Any]:
        """What a point changes in the scenario; it is probed wherever a phase begins.

        Raises:
            ScenarioError: a setting of the point is wrong.
        """
        if any(key.startswith(_WHEN) for key in point.settings):
            return as_mapping(point.settings, _unprobed(changed(self.base, point.changes)))
        return as_mapping(point.settings, self._unprobed)

    @cached_property
    def _unprobed(self) -> dict[str, Any]:
        """What has to be set for the phases of the base, as of all points that keep them."""
        return _unprobed(self.base)

    def scenario_at(self, point: Condition) -> Scenario:
        """What is run at a point.

        Raises:
            ScenarioError: a setting of the point is wrong.
        """
        return replace(point, settings=self.settings_at(point)).scenario(self.base)


def _unprobed(scenario: Scenario) -> dict[str, Any]:
    """The setting by which a scenario is probed wherever a phase begins; none where it is."""
    unprobed = set(turns(scenario)) - set(probe_generations(scenario))
    return {"measure.also": sorted({*scenario.measure.also, *unprobed})} if unprobed else {}


def catalogue() -> dict[str, Path]:
    """The shipped studies: the file of each id, ids in alphabetical order."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.toml"))}


def load(source: str | Path, settings: Settings = ()) -> Written:
    """Read a shipped study, by id, or of a file, by path.

    Args:
        source: id of a shipped study, or path of a TOML file.
        settings: changes of the scenario at all points, after the study's own: values by dotted
            key, or texts "key=value".

    Raises:
        ScenarioError: everything wrong with it at once, one line each.
    """
    if isinstance(source, str) and source in scenarios.catalogue() and source not in catalogue():
        message = (
            f"is a scenario: run it with evosim run {source}, "
            "or start a study with evosim study new FILE"
        )
        raise ScenarioError([Problem(file=str(source), line=None, key="", message=message)])
    path = shipped.find(source, catalogue(), "study")
    return loads(shipped.read(path), name=str(path), beside=path.parent, settings=settings)


def loads(
    text: str, *, name: str = "<string>", beside: Path = Path(), settings: Settings = ()
) -> Written:
    """Read a study from TOML text.

    Args:
        text: the TOML text.
        name: what errors call the text, usually its file.
        beside: the folder that the path of a scenario is looked up from.
        settings: changes of the scenario at all points, see :func:`load`.

    Raises:
        ScenarioError: everything wrong with it at once, one line each.
    """
    plugins()  # a broken one is no mistake of the study's
    try:
        raw = parse(text, name)
    except RecursionError:
        raise too_deep(name) from None
    if found := list(unwritable(raw)):
        raise ScenarioError(located(found, text, name))
    try:
        study = Study.model_validate(raw)
    except ValidationError as error:
        raise ScenarioError(located(mistakes_of(error, Study), text, name)) from None
    source = study.scenario
    if source not in scenarios.catalogue() and exists(beside / source):
        source = str(beside / source)
    base = _base(study, text, name, source)
    if settings:
        base = changed(base, settings)
    written = Written(study, text, base, shipped.read(shipped.find(source)))
    if found := list(mistakes(written)):
        raise ScenarioError(located(found, text, name))
    return written


def _base(study: Study, text: str, name: str, source: str) -> Scenario:
    """The scenario of a study, with the settings for all points and without its experiment."""
    try:
        read = scenarios.load(source)
    except ScenarioError as error:
        found = [Mistake(("scenario",), str(problem)) for problem in error.problems]
        raise ScenarioError(located(found, text, name)) from None
    try:
        return changed(read, study.set)
    except ScenarioError as error:
        found = [Mistake(("set",), f"{p.file}: {p.message}") for p in error.problems]
        raise ScenarioError(located(found, text, name)) from None
