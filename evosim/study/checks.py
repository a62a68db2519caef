"""What is wrong with experiments and studies, found before anything is run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from evosim.errors import EvosimError, Problem, ScenarioError
from evosim.metrics import hypotheses, turns
from evosim.scenario.messages import Mistake, bad_value, unwritable
from evosim.scenario.settings import is_within
from evosim.scenario.values import SEEDS
from evosim.study import families
from evosim.study.design import (
    DESIGNS,
    SEED,
    Condition,
    arms,
    arms_of,
    changed,
    settings_of,
)
from evosim.study.measures import terms_of

if TYPE_CHECKING:
    from evosim.scenario import Experiment, Scenario
    from evosim.scenario.experiment import Tuned
    from evosim.study.reading import Written
    from evosim.study.schema import Study

MOST_CHECKED = 200
"""Points whose scenario is checked before anything is run: all of them, or so many spread out."""


def check(scenario: Scenario) -> Iterator[Problem]:
    """What is wrong with the arms and findings of a scenario, by key."""
    try:
        changed(scenario)
    except ScenarioError:
        return  # reported of the scenario itself, and not of every arm and draw again
    yield from _check_family(scenario)
    experiment = scenario.experiment
    if experiment is None or not experiment.arms:
        return
    settings = {"experiment.set": experiment.set} | {
        f"experiment.arms.{name}.set": (*experiment.set, *arm.set)
        for name, arm in experiment.arms.items()
    }
    sound: list[Scenario] = []
    for where, texts in settings.items():
        try:
            sound.append(changed(scenario, texts))
        except ScenarioError as error:
            for problem in error.problems:
                yield _problem(scenario, where, _text(problem))
            if where == "experiment.set":
                return
    if len(sound) < len(settings):
        return
    loaded = dict(zip(experiment.arms, sound[1:], strict=True))
    flips = turns(next(iter(loaded.values())))
    wrong = False
    for i, finding in enumerate(experiment.findings):
        try:
            for term in hypotheses.terms_of(finding, experiment, flips):
                if term.arm in loaded:  # else reported where the finding names it
                    hypotheses.check_term(term, loaded[term.arm])
        except EvosimError as error:
            wrong = True
            yield _problem(scenario, f"experiment.findings.{i}", str(error))
    if not wrong:
        for message in _check_tuned(scenario, experiment, flips):
            yield _problem(scenario, f"experiment.tuned.{_place(experiment.tuned)}", message)


def _check_family(scenario: Scenario) -> Iterator[Problem]:
    """What is wrong with the worlds at either end of each draw, with some worlds, with the pull."""
    family, wrong = scenario.family, False
    if family is None:
        return
    for i, draw in enumerate(family.draw):
        for share in (0.0, LAST):
            value = draw.value(share)
            try:
                changed(scenario, dict.fromkeys(draw.keys, value))
            except ScenarioError as error:
                wrong = True
                yield _problem(scenario, f"family.draw.{i}", _text(error.problems[0]))
                break
    for number in () if wrong else range(TRIED):  # what fits alone may not fit together
        try:
            changed(scenario, family.settings(FIRST, number))
        except ScenarioError as error:
            wrong = True
            told = f"world {number} of seed {FIRST}: {_text(error.problems[0])}"
            yield _problem(scenario, "family.draw", told)
            break
    if not wrong:
        try:
            families.pull(changed(scenario), scenario)
        except EvosimError as error:
            yield _problem(scenario, "family.pull", str(error).removeprefix("family.pull: "))


LAST = 1.0 - 1e-9
"""The share at which a draw has its last value."""
FIRST, TRIED = 1, 5
"""Of which seed the first worlds are tried together, and how many."""


def _place(tuned: Tuned | None) -> str:
    """The key under which it is written where what is tuned stands."""
    return next((name for name in ("keys", "set") if getattr(tuned, name, None)), "key")


def _problem(scenario: Scenario, key: str, message: str) -> Problem:
    return Problem(file=scenario.id, line=None, key=key, message=message)


def _text(problem: Problem) -> str:
    return f"{problem.key}: {problem.message}" if problem.key else problem.message


def _check_tuned(scenario: Scenario, experiment: Experiment, flips: Sequence[int]) -> Iterator[str]:
    """What is wrong with the number that is moved, in words."""
    tuned = experiment.tuned
    if tuned is None or not experiment.findings:
        return
    if any(unwritable(list(tuned.values))):
        return  # reported where the value stands
    if not set(arms_of(experiment.findings[0], experiment)) <= set(experiment.arms):
        return  # reported where the finding names them
    try:
        moved = list(DESIGNS["sensitivity"](scenario, 1))
        run = {condition.key: condition.scenario(scenario) for condition in moved}
    except ScenarioError as error:
        yield from dict.fromkeys(map(_text, error.problems))
        return
    if taken := [arm for arm in experiment.arms if arm.casefold() in map(str.casefold, run)]:
        yield f"arm {taken[0]!r}: the runs of what is tuned have such names; call it otherwise"
    terms = hypotheses.terms_of(experiment.findings[0], experiment, flips)
    try:
        for condition in moved:
            for term in terms:
                if term.arm == condition.values["arm"]:
                    hypotheses.check_term(term, run[condition.key])
    except EvosimError as error:  # the first says it
        yield str(error)
    still = arms(scenario)
    if moved and all(run[c.key] == still[c.values["arm"]] for c in moved):
        yield (
            f"{', '.join(tuned.places)}: none of the values changes an arm of the first finding, "
            "as the arms set it themselves; move what they leave as it is written"
        )


def mistakes(written: Written) -> Iterator[Mistake]:
    """What is wrong with parameters, points and measures."""
    study = written.study
    try:
        every = written.points
    except EvosimError as error:
        where, _, message = str(error).partition(": ")
        path = tuple(int(part) if part.isdecimal() else part for part in where.split("."))
        yield Mistake(path, message)
        return
    known: set[str] = set()
    for point in every[:: -(-len(every) // MOST_CHECKED)]:
        if (seed := point.settings.get(SEED)) is not None and seed not in SEEDS:
            message = bad_value("not a seed", seed, str(SEEDS))
            yield Mistake(("parameters", *_moved(study, point, SEED)), message)
            return
        try:
            scenario = written.scenario_at(point)
        except ScenarioError as error:
            for problem in error.problems:
                if problem.message not in known:
                    known.add(problem.message)
                    message = f"at {point.shown}: {problem.file}: {problem.message}"
                    yield Mistake(("parameters", *_moved(study, point, problem.key)), message)
            continue
        for label, measured in study.measures.items():
            try:
                terms_of(measured, scenario)
            except EvosimError as error:
                if str(error) not in known:
                    known.add(str(error))
                    yield Mistake(("measures", label), f"at {point.shown}: {error}")


def _moved(study: Study, point: Condition, key: str) -> tuple[str, ...]:
    """The last parameter that sets what stands at a key; none where none does."""
    moved = [
        name
        for name, value in point.values.items()
        if any(is_within(key, k) or is_within(k, key) for k in settings_of(study, name, value))
    ]
    return tuple(moved[-1:])
