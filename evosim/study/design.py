"""The conditions of an experiment: scenarios made from a scenario by settings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evosim import scenario as scenarios
from evosim.errors import EvosimError, Problem, ScenarioError
from evosim.metrics import hypotheses, turns
from evosim.scenario.settings import as_mapping, is_within
from evosim.scenario.words import WORDS

if TYPE_CHECKING:
    from evosim.scenario import Experiment, Finding, Scenario, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One run of an experiment.

    Attributes:
        name: of its folder, and what to call it.
        arm: whose scenario it runs.
        value: place of the tuned value it has among all; None where nothing is moved.
        scenario: what is run; it has no experiment of its own.
        replicates: how many.
    """

    name: str
    arm: str
    value: int | None
    scenario: Scenario
    replicates: int

    @property
    def identity(self) -> tuple[str, int, str]:
        """What its runs depend on: all but the words of the scenario, which change nothing."""
        from evosim.scenario import document

        table = {key: v for key, v in self.scenario.to_dict().items() if key not in WORDS}
        return self.name, self.replicates, document.to_toml(table)


def experiment_of(scenario: Scenario) -> Experiment:
    """The experiment of a scenario.

    Raises:
        EvosimError: it has none.
    """
    if scenario.experiment is None:
        raise EvosimError(
            f"scenario {scenario.id!r} has no [experiment]: no arms to run and no findings to "
            "settle; docs/writing-scenarios.md shows how to add one"
        )
    return scenario.experiment


def conditions(
    scenario: Scenario, *, replicates: int | None = None, tuned: bool = False
) -> tuple[Condition, ...]:
    """The runs that an experiment consists of, arms first.

    Args:
        replicates: of each arm; as the scenario says if None. Of tuned values at most as many.
        tuned: whether the values of what was tuned are run as well.

    Raises:
        ScenarioError: a setting of an arm is wrong.
    """
    experiment = experiment_of(scenario)
    n = replicates or experiment.replicates
    found = [
        Condition(name=name, arm=name, value=None, scenario=arm, replicates=n)
        for name, arm in arms(scenario).items()
    ]
    if not tuned or experiment.tuned is None:
        return tuple(found)
    headline = arms_of(experiment.findings[0], experiment)
    for i, value in enumerate(experiment.tuned.values):
        setting = {experiment.tuned.key: value}
        for name in headline:
            found.append(
                Condition(
                    name=f"tuned-{i}-{name}",
                    arm=name,
                    value=i,
                    scenario=_arm(scenario, name, setting),
                    replicates=min(n, experiment.tuned.replicates),
                )
            )
    return tuple(found)


def arms(scenario: Scenario) -> dict[str, Scenario]:
    """The scenario of each arm of an experiment, by name.

    Raises:
        ScenarioError: a setting of an arm is wrong.
    """
    return {name: _arm(scenario, name) for name in experiment_of(scenario).arms}


def settings_not_overridden(experiment: Experiment, settings: Settings) -> list[str]:
    """The settings for all arms that others, which are to win, do not touch.

    Those touch one whose key is theirs, holds it or is held by it.
    """
    others = as_mapping(settings)
    keys = {text: text.partition("=")[0].strip() for text in experiment.set}
    return [
        text
        for text, key in keys.items()
        if not any(is_within(key, other) or is_within(other, key) for other in others)
    ]


def reference(scenario: Scenario) -> Scenario:
    """The first arm's scenario, whose phases say when the flips of all arms are."""
    return _arm(scenario, next(iter(experiment_of(scenario).arms)), probed=False)


def arms_of(finding: Finding, experiment: Experiment) -> tuple[str, ...]:
    """The arms that a finding looks at, each once."""
    first = next(iter(experiment.arms))
    own = finding.arm or first
    other = finding.against.arm if finding.against else None
    return tuple(dict.fromkeys(finding.contrast or (own, other or own)))


def check(scenario: Scenario) -> Iterator[Problem]:
    """What is wrong with the arms and findings of a scenario, by key."""
    if scenario.experiment is None or not scenario.experiment.arms:
        return
    try:
        _changed(scenario)
    except ScenarioError:
        return  # reported of the scenario itself, and not of every arm again
    try:
        _changed(scenario, scenario.experiment.set)
    except ScenarioError as error:
        for problem in error.problems:
            yield Problem(file=scenario.id, line=None, key="experiment.set", message=_text(problem))
        return
    loaded: dict[str, Scenario] = {}
    for name in scenario.experiment.arms:
        try:
            loaded[name] = _arm(scenario, name, probed=False)
        except ScenarioError as error:
            key = f"experiment.arms.{name}.set"
            for problem in error.problems:
                yield Problem(file=scenario.id, line=None, key=key, message=_text(problem))
    if len(loaded) < len(scenario.experiment.arms):
        return
    flips = turns(next(iter(loaded.values())))
    sound = True
    for i, finding in enumerate(scenario.experiment.findings):
        try:
            for term in hypotheses.terms_of(finding, scenario.experiment, flips):
                if term.arm in loaded:  # else reported where the finding names it
                    hypotheses.check_term(term, loaded[term.arm])
        except EvosimError as error:
            sound = False
            key = f"experiment.findings.{i}"
            yield Problem(file=scenario.id, line=None, key=key, message=str(error))
    if not sound:
        return
    for message in _check_tuned(scenario, scenario.experiment):
        yield Problem(file=scenario.id, line=None, key="experiment.tuned.key", message=message)


def _check_tuned(scenario: Scenario, experiment: Experiment) -> Iterator[str]:
    """What is wrong with the number that is moved, in words."""
    tuned = experiment.tuned
    if tuned is None or not experiment.findings:
        return
    if not set(arms_of(experiment.findings[0], experiment)) <= set(experiment.arms):
        return  # reported where the finding names them
    try:
        tuned_runs = [c for c in conditions(scenario, tuned=True) if c.value is not None]
    except ScenarioError as error:
        yield from dict.fromkeys(map(_text, error.problems))
        return
    if taken := {c.name for c in tuned_runs} & set(experiment.arms):
        yield f"arm {min(taken)!r}: the runs of what is tuned have such names; call it otherwise"
    yield from _not_measured(tuned_runs, experiment, turns(reference(scenario)))
    still = arms(scenario)
    if tuned_runs and all(c.scenario == still[c.arm] for c in tuned_runs):
        yield (
            f"{tuned.key}: none of the values changes an arm of the first finding, as the arms set "
            "it themselves; move what they leave as it is written"
        )


def _not_measured(
    tuned_runs: Sequence[Condition], experiment: Experiment, flips: Sequence[int]
) -> Iterator[str]:
    """Why the headline finding cannot be measured where the number is moved, in words."""
    terms = hypotheses.terms_of(experiment.findings[0], experiment, flips)
    for condition in tuned_runs:
        for term in terms:
            if term.arm == condition.arm:
                try:
                    hypotheses.check_term(term, condition.scenario)
                except EvosimError as error:
                    yield str(error)
                    return


def _text(problem: Problem) -> str:
    return f"{problem.key}: {problem.message}" if problem.key else problem.message


def _arm(
    scenario: Scenario, name: str, settings: Settings = (), *, probed: bool = True
) -> Scenario:
    """An arm's scenario, probed (unless ``probed`` is False) at the flips of the first arm.

    Args:
        settings: changes of the scenario as it is written; what an arm sets itself stays its own.
    """
    experiment = experiment_of(scenario)
    also = {"measure.also": _also(scenario)} if probed else {}
    own = experiment.arms[name].set
    return _changed(scenario, as_mapping(settings, experiment.set, own, also))


def _changed(scenario: Scenario, settings: Settings = ()) -> Scenario:
    """A scenario without its experiment, changed by settings."""
    document = scenario.to_dict()
    del document["experiment"]
    return scenarios.from_dict(document, name=scenario.id, settings=settings)


def _also(scenario: Scenario) -> list[int]:
    return sorted({*scenario.measure.also, *turns(reference(scenario))})


def value_at(scenario: Scenario, key: str) -> Any:
    """The value at a dotted key; of an environment that does not override it, the world's.

    Returns:
        A number, text, list or table; None where there is nothing.
    """
    parts = key.split(".")
    found = _walk(scenario.to_dict(), parts)
    if found is None and parts[0] == "environments":
        return _walk(scenario.to_dict(), ["world", *parts[2:]])
    return found


def _walk(holder: Any, parts: Sequence[str]) -> Any:
    for part in parts:
        if isinstance(holder, list) and part.isdecimal() and int(part) < len(holder):
            holder = holder[int(part)]
        elif isinstance(holder, dict):
            holder = holder.get(part)
        else:
            return None
    return holder
