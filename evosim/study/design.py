"""Designs: the conditions under which a scenario is run, each with its replicates.

A condition is the scenario with some settings changed: a point of a study, an arm of an
experiment, or an arm with a tuned number moved. ``DESIGNS`` has every way to choose them.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from evosim import scenario as scenarios
from evosim.errors import SETTING, EvosimError, Problem, ScenarioError, did_you_mean
from evosim.metrics import hypotheses, turns
from evosim.rng import Purpose, key
from evosim.scenario.document import canonical, inline
from evosim.scenario.experiment import PART
from evosim.scenario.settings import as_mapping, is_within
from evosim.scenario.values import MOST_POINTS
from evosim.scenario.words import WORDS

if TYPE_CHECKING:
    from evosim.metrics.hypotheses import WeightedTerm
    from evosim.scenario import Experiment, Family, Finding, Scenario, Settings
    from evosim.scenario.experiment import Moved
    from evosim.study.schema import Parameter, Study

Values = Mapping[str, Any]
SEED = "seed"
"""A key that a study can vary beside those of the scenario: the seed of the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One combination of values, and what it changes in the scenario.

    Attributes:
        key: names its folder: of an arm its name, of a point of a study sixteen hexadecimal digits
            that follow from the values alone, so that a grid which grows keeps the points it had.
        values: by parameter; of a parameter with levels the title. Of an arm its name, by "arm",
            and the value of what is tuned, by "tuned": None where it is as written.
        settings: what it changes: values by dotted key, of the scenario or :data:`SEED`.
        replicates: how many runs.
        paired: whether its replicates have the seeds of those of all other conditions.
        world: of a family, by number; its arms have the seeds of each other.
    """

    key: str
    values: Values
    settings: Mapping[str, Any]
    replicates: int
    paired: bool = False
    world: int | None = None

    def seed(self, seed: int, replicate: int) -> int:
        """The seed of a run, as :func:`evosim.run` takes it (model 5).

        Args:
            seed: of the study or experiment.
        """
        if self.world is not None:
            return key(seed, Purpose.WORLD, self.world)
        if self.paired:
            return seed
        if (own := self.settings.get(SEED)) is not None:
            return key(own, Purpose.STUDY, 0, replicate) if replicate else int(own)
        return key(seed, Purpose.STUDY, int(self.key, 16), replicate)

    def scenario(self, base: Scenario) -> Scenario:
        """What is run: a scenario without its experiment, changed by the settings.

        Raises:
            ScenarioError: a setting is wrong.
        """
        return changed(base, self.changes)

    @property
    def changes(self) -> dict[str, Any]:
        """What it changes in the scenario."""
        return {k: value for k, value in self.settings.items() if self.paired or k != SEED}

    @property
    def shown(self) -> str:
        """The values, for people."""
        return ", ".join(f"{name} = {_shown(value)}" for name, value in self.values.items())


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else inline(value)


def changed(scenario: Scenario, settings: Settings = ()) -> Scenario:
    """A scenario without its experiment and its family, changed by settings.

    Raises:
        ScenarioError: a setting is wrong.
    """
    document = scenario.to_dict()
    for section in ("experiment", "family"):
        document.pop(section, None)
    return scenarios.from_dict(document, name=scenario.id, settings=settings)


def run_inputs(scenario: Scenario) -> dict[str, Any]:
    """What runs depend on: all but the words of a scenario, which change nothing."""
    return {key: value for key, value in scenario.to_dict().items() if key not in WORDS}


def conditions(
    source: Study | Scenario,
    *,
    replicates: int | None = None,
    tuned: bool = False,
    worlds: int = 0,
    seed: int = 0,
) -> tuple[Condition, ...]:
    """The conditions of a study, or of the experiment of a scenario, each once.

    Args:
        source: a study, or a scenario with an experiment, whose arms come first.
        replicates: of each; as the source says if None. Of tuned values at most as many.
        tuned: whether the values of what was tuned are run as well.
        worlds: of the scenario's family, in place of the scenario as it is; 0: none.
        seed: by which worlds are drawn.

    Raises:
        EvosimError: a scenario has no experiment, or no family; a listed point lacks a parameter
            or names another; a parameter has no values for the design.
        ScenarioError: a setting of an arm is wrong.
    """
    if worlds:
        assert isinstance(source, scenarios.Scenario)
        return tuple(_in_worlds(source, replicates, worlds, seed))
    if isinstance(source, scenarios.Scenario):
        n = replicates or experiment_of(source).replicates
        designs = ("arms", "sensitivity") if tuned else ("arms",)
    else:
        n, designs = replicates or source.replicates, (source.design,)
    found: dict[str, Condition] = {}
    for name in designs:
        for condition in DESIGNS[name](source, n):
            found.setdefault(condition.key, condition)
    names = dict.fromkeys(name for condition in found.values() for name in condition.values)
    return tuple(
        replace(one, values={name: one.values.get(name) for name in names})
        for one in found.values()
    )


# Points of a study


def _of_points(values_of: Callable[[Study], Iterable[Values]]) -> Design:
    """The design of a study with points at these values."""

    def points(study: Study, replicates: int) -> Iterator[Condition]:
        for values in values_of(study):
            settings = [settings_of(study, name, value) for name, value in values.items()]
            yield Condition(
                key=key_of(values), values=values, settings=as_mapping(*settings),
                replicates=replicates,
            )  # fmt: skip

    return points


def _grid(study: Study) -> Iterator[Values]:
    """All combinations, the last parameter the fastest.

    Raises:
        EvosimError: there are too many; counted before any is made.
    """
    axes = [levels_of(study, name) for name in study.parameters]
    if (n := math.prod(map(len, axes))) > MOST_POINTS:
        sizes = " x ".join(
            f"{len(axis)} {name}" for name, axis in zip(study.parameters, axes, strict=True)
        )
        raise EvosimError(
            f"parameters: too many points (got {n:,}: {sizes}; allowed {MOST_POINTS:,}); lower "
            'steps or the number of values, or draw points: design = "latin"'
        )
    for row in itertools.product(*axes):
        yield dict(zip(study.parameters, row, strict=True))


def _listed(study: Study) -> Iterator[Values]:
    """The combinations that are written."""
    names = tuple(study.parameters)
    for i, written in enumerate(study.points):
        for name in written:
            if name not in names:
                raise EvosimError(
                    f"points.{i}: unknown parameter {name!r}: {did_you_mean(name, names)}"
                )
        if lacking := [name for name in names if name not in written]:
            raise EvosimError(f"points.{i}: a value of {lacking[0]!r} is missing")
        yield {name: written[name] for name in names}


def _drawn(study: Study) -> Iterator[Values]:
    """Draws from the unit cube: independent, or spread out (a Latin hypercube)."""
    import numpy as np
    from scipy.stats import qmc

    assert study.samples is not None
    generator = np.random.Generator(np.random.PCG64(key(study.seed, Purpose.STUDY)))
    n = len(study.parameters)
    if study.design == "random":
        draws = generator.random((study.samples, n))
    else:
        draws = qmc.LatinHypercube(d=n, rng=generator).random(study.samples)
    for shares in draws:
        yield {
            name: _within(parameter, share)
            for (name, parameter), share in zip(study.parameters.items(), shares, strict=True)
        }


def levels_of(study: Study, name: str) -> tuple[Any, ...]:
    """The values of a parameter in the order of its axis; none where they are drawn.

    Raises:
        EvosimError: it has a range and no steps.
    """
    parameter = study.parameters[name]
    if study.design in ("latin", "random"):
        return ()
    if study.design == "points":
        listed: dict[str, Any] = {}
        for value in (point[name] for point in study.points if name in point):
            listed.setdefault(canonical(value), value)
        return tuple(listed.values())
    if parameter.range is None:
        return _choices(parameter)
    if parameter.steps is None or parameter.steps < 2:
        raise EvosimError(f"parameters.{name}: a grid needs steps = number, at least 2")
    shares = [i / (parameter.steps - 1) for i in range(parameter.steps)]
    return tuple(dict.fromkeys(_within(parameter, share) for share in shares))


def _choices(parameter: Parameter) -> tuple[Any, ...]:
    """The values of a parameter that has no range, or the titles of its levels."""
    return parameter.values or tuple(level.title for level in parameter.levels)


def _within(parameter: Parameter, share: float) -> float | int | Any:
    """The value at a share, 0 to 1, of a parameter's range, or of its values in their order."""
    if parameter.range is None:
        choices = _choices(parameter)
        return choices[min(int(share * len(choices)), len(choices) - 1)]
    low, high = (float(end) for end in parameter.range)
    if parameter.scale == "log":
        value = math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
    else:
        value = low + share * (high - low)
    value = float(f"{value:.6g}")  # 0.30000000000000004 is nobody's value
    return round(value) if parameter.whole else min(max(value, low), high)


def key_of(values: Values) -> str:
    """The key of the point with these values: sixteen hexadecimal digits."""
    text = json.dumps(values, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def settings_of(study: Study, name: str, value: Any) -> dict[str, Any]:
    """What a value of a parameter changes in the scenario: values by dotted key.

    Raises:
        EvosimError: it has no such level, or a setting of it cannot be read.
    """
    parameter = study.parameters[name]
    levels = {level.title: level.set for level in parameter.levels}
    if levels and (not isinstance(value, str) or value not in levels):
        raise EvosimError(
            f"parameters.{name}: unknown level {value!r}: {did_you_mean(str(value), levels)}"
        )
    try:
        return as_mapping(levels[value]) if levels else moved(parameter, value)
    except ScenarioError as error:
        raise EvosimError(f"parameters.{name}: {error.problems[0]}") from None


def moved(what: Moved, value: Any) -> dict[str, Any]:
    """What a value changes in the scenario: values by dotted key.

    Raises:
        ScenarioError: a setting cannot be read, or names a part that the value lacks.
    """
    if what.set is None:
        return as_mapping(dict.fromkeys(what.places, value))
    return as_mapping([PART.sub(lambda found: _part(found, value), text) for text in what.set])


def _part(found: re.Match[str], value: Any) -> str:
    """The value, or the part of it that a setting names, as it is written there."""
    part = value
    for name in found[1].split(".")[1:]:
        known: Mapping[str, Any] = {}
        if isinstance(part, Mapping):
            known = part
        elif isinstance(part, list | tuple):
            known = {str(n): one for n, one in enumerate(part)}
        if name not in known:
            message = f"{inline(value)} has no such part: {did_you_mean(name, known)}"
            raise ScenarioError(
                [Problem(file=f"{SETTING}{found.string}", line=None, key=found[0], message=message)]
            )
        part = known[name]
    return inline(part)


# Arms of an experiment


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


def _arms(scenario: Scenario, replicates: int) -> Iterator[Condition]:
    """The arms."""
    probed = _probed(scenario)
    for name in experiment_of(scenario).arms:
        yield _arm(scenario, name, name, replicates, {}, probed)


def _sensitivity(scenario: Scenario, replicates: int) -> Iterator[Condition]:
    """The arms of the first finding, with what was tuned moved through its values."""
    experiment = experiment_of(scenario)
    if (tuned := experiment.tuned) is None:
        return
    probed = _probed(scenario)
    for i, value in enumerate(tuned.values):
        for name in arms_of(experiment.findings[0], experiment):
            n = min(replicates, tuned.replicates)
            key = tuned_key(i, name)
            yield _arm(scenario, name, key, n, moved(tuned, value), probed, tuned=value)


def family_of(scenario: Scenario) -> Family:
    """The family of a scenario.

    Raises:
        EvosimError: it has none.
    """
    if scenario.family is None:
        raise EvosimError(
            f"scenario {scenario.id!r} has no [family]: nothing to draw worlds from; "
            "docs/families.md shows how to add one"
        )
    return scenario.family


def world_key(world: int, arm: str) -> str:
    """The key of an arm in a world of a family."""
    return f"world-{world:03d}-{arm}"


def _in_worlds(
    scenario: Scenario, replicates: int | None, worlds: int, seed: int
) -> Iterator[Condition]:
    """The arms of the claim in each world of a family."""
    family, arms = family_of(scenario), claimed_arms(scenario)
    n = replicates or family.replicates
    for world in range(worlds):
        drawn = family.settings(seed, world)
        probed = _probed(scenario, drawn)
        for name in arms:
            made = _arm(scenario, name, world_key(world, name), n, drawn, probed, world=str(world))
            yield replace(made, world=world)


def claimed_arms(scenario: Scenario) -> tuple[str, ...]:
    """The arms that the claim rests on, in order: not those of secondary findings alone."""
    experiment = experiment_of(scenario)
    used = {
        arm
        for finding in experiment.findings
        if not finding.secondary
        for arm in arms_of(finding, experiment)
    }
    return tuple(arm for arm in experiment.arms if arm in used)


def _probed(scenario: Scenario, changes: Values | None = None) -> Values:
    """The setting by which every arm is probed also where the first one flips."""
    flips = turns(reference(scenario, changes))
    return {"measure.also": sorted({*scenario.measure.also, *flips})}


def _arm(
    scenario: Scenario,
    name: str,
    key: str,
    replicates: int,
    changes: Values,
    probed: Values,
    **values: Any,
) -> Condition:
    """An arm, probed also where the first one flips.

    Args:
        changes: changes of the scenario as it is written; what an arm sets itself stays its own.
        probed: see :func:`_probed`.
    """
    experiment = experiment_of(scenario)
    return Condition(
        key=key,
        values={"arm": name, **values},
        settings=as_mapping(changes, experiment.set, experiment.arms[name].set, probed),
        replicates=replicates,
        paired=True,
    )


def tuned_key(value: int, arm: str) -> str:
    """The key of an arm with what was tuned at one of its values, by number."""
    return f"tuned-{value}-{arm}"


def arms(scenario: Scenario) -> dict[str, Scenario]:
    """The scenario of each arm of an experiment, by name.

    Raises:
        ScenarioError: a setting of an arm is wrong.
    """
    return {arm.key: arm.scenario(scenario) for arm in conditions(scenario)}


def reference(scenario: Scenario, changes: Values | None = None) -> Scenario:
    """The first arm's scenario, whose phases say when the flips of all arms are.

    Args:
        changes: of the scenario as it is written, such as what is drawn for a world.
    """
    experiment = experiment_of(scenario)
    first = next(iter(experiment.arms.values()))
    return changed(scenario, as_mapping(changes or {}, experiment.set, first.set))


def claimed(
    scenario: Scenario, changes: Values | None = None
) -> list[tuple[Finding, tuple[WeightedTerm, ...]]]:
    """The findings of the claim, each with its terms.

    Args:
        changes: see :func:`reference`.
    """
    experiment, flips = experiment_of(scenario), turns(reference(scenario, changes))
    return [(one, hypotheses.terms_of(one, experiment, flips)) for one in experiment.findings]


def arms_of(finding: Finding, experiment: Experiment) -> tuple[str, ...]:
    """The arms that a finding looks at, each once."""
    first = next(iter(experiment.arms))
    own = finding.arm or first
    other = finding.against.arm if finding.against else None
    return tuple(dict.fromkeys(finding.contrast or (own, other or own)))


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


Design = Callable[[Any, int], Iterator[Condition]]
"""Called with a study, or a scenario with an experiment, and the number of replicates."""
DESIGNS: Mapping[str, Design] = {
    "grid": _of_points(_grid),
    "points": _of_points(_listed),
    "latin": _of_points(_drawn),
    "random": _of_points(_drawn),
    "arms": _arms,
    "sensitivity": _sensitivity,
}
"""The designs: the first four are of studies, the others of experiments."""


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
