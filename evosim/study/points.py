"""Points of a study: which values the parameters take, and what that sets in the scenario.

A point is known by its values alone, so that a grid which grows keeps the points that it had.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evosim.errors import EvosimError, ScenarioError, did_you_mean
from evosim.rng import Purpose, key
from evosim.scenario.document import inline
from evosim.scenario.settings import as_mapping

if TYPE_CHECKING:
    from evosim.scenario import Settings
    from evosim.study.schema import Parameter, Study


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One combination of values.

    Attributes:
        key: sixteen hexadecimal digits that follow from the values; names its folder.
        values: by parameter; of a parameter with levels the title.
        settings: what it changes in the scenario: values by dotted key.
    """

    key: str
    values: Mapping[str, Any]
    settings: Mapping[str, Any]

    def seed(self, study_seed: int, replicate: int) -> int:
        """The seed of a run at this point, as :func:`evosim.run` takes it (model 5)."""
        return key(study_seed, Purpose.STUDY, int(self.key, 16), replicate)

    @property
    def shown(self) -> str:
        """The values, for people."""
        return ", ".join(f"{name} = {_shown(value)}" for name, value in self.values.items())


def points(study: Study) -> tuple[Point, ...]:
    """All points of a study, each once, the last parameter the fastest.

    Raises:
        EvosimError: a listed point lacks a parameter or names another, or a parameter has no
            values for the design.
    """
    found: dict[str, Point] = {}
    for values in _combinations(study):
        point = _point(study, values)
        found.setdefault(point.key, point)
    return tuple(found.values())


def levels_of(study: Study, name: str) -> tuple[Any, ...]:
    """The values of a parameter in the order of its axis; none where they are drawn.

    Raises:
        EvosimError: it has a range and no steps.
    """
    parameter = study.parameters[name]
    if study.design in ("latin", "random"):
        return ()
    if study.design == "points":
        return tuple(dict.fromkeys(point[name] for point in study.points if name in point))
    return _axis(name, parameter)


def _axis(name: str, parameter: Parameter) -> tuple[Any, ...]:
    """All values of a parameter, for a grid."""
    if parameter.levels:
        return tuple(level.title for level in parameter.levels)
    if parameter.values:
        return parameter.values
    assert parameter.range is not None
    if parameter.steps is None or parameter.steps < 2:
        raise EvosimError(f"parameters.{name}: a grid needs steps = number, at least 2")
    shares = [i / (parameter.steps - 1) for i in range(parameter.steps)]
    return tuple(dict.fromkeys(_within(parameter, share) for share in shares))


def _within(parameter: Parameter, share: float) -> float | int | Any:
    """The value at a share, 0 to 1, of a parameter's range, or of its values in their order."""
    if parameter.range is None:
        choices = parameter.values or tuple(level.title for level in parameter.levels)
        return choices[min(int(share * len(choices)), len(choices) - 1)]
    low, high = (float(end) for end in parameter.range)
    if parameter.scale == "log":
        value = math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
    else:
        value = low + share * (high - low)
    value = float(f"{value:.6g}")  # 0.30000000000000004 is nobody's value
    return round(value) if parameter.whole else min(max(value, low), high)


def _combinations(study: Study) -> Iterator[Mapping[str, Any]]:
    names = tuple(study.parameters)
    if study.design == "grid":
        for row in itertools.product(*(_axis(n, p) for n, p in study.parameters.items())):
            yield dict(zip(names, row, strict=True))
    elif study.design == "points":
        for i, written in enumerate(study.points):
            for name in written:
                if name not in names:
                    raise EvosimError(
                        f"points.{i}: unknown parameter {name!r}: {did_you_mean(name, names)}"
                    )
            if lacking := [name for name in names if name not in written]:
                raise EvosimError(f"points.{i}: a value of {lacking[0]!r} is missing")
            yield {name: written[name] for name in names}
    else:
        for shares in _drawn(study):
            yield {
                name: _within(parameter, share)
                for (name, parameter), share in zip(study.parameters.items(), shares, strict=True)
            }


def _drawn(study: Study) -> Sequence[Sequence[float]]:
    """Draws from the unit cube [samples, parameters]."""
    import numpy as np
    from scipy.stats import qmc

    assert study.samples is not None
    generator = np.random.Generator(np.random.PCG64(key(study.seed, Purpose.STUDY)))
    n = len(study.parameters)
    if study.design == "random":
        return list(generator.random((study.samples, n)))
    return list(qmc.LatinHypercube(d=n, rng=generator).random(study.samples))


def _point(study: Study, values: Mapping[str, Any]) -> Point:
    settings = [settings_of(study, name, value) for name, value in values.items()]
    return Point(key=key_of(values), values=dict(values), settings=as_mapping(*settings))


def key_of(values: Mapping[str, Any]) -> str:
    """The key of the point with these values: sixteen hexadecimal digits."""
    text = json.dumps(values, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def settings_of(study: Study, name: str, value: Any) -> dict[str, Any]:
    """What a value of a parameter changes in the scenario: values by dotted key.

    Raises:
        EvosimError: it has no such level, or a setting of it cannot be read.
    """
    try:
        return as_mapping(_settings(name, study.parameters[name], value))
    except ScenarioError as error:
        raise EvosimError(f"parameters.{name}: {error.problems[0]}") from None


def _settings(name: str, parameter: Parameter, value: Any) -> Settings:
    if parameter.levels:
        for level in parameter.levels:
            if level.title == value:
                return level.set
        known = [level.title for level in parameter.levels]
        raise EvosimError(
            f"parameters.{name}: unknown level {value!r}: {did_you_mean(str(value), known)}"
        )
    if parameter.set:
        return [written.replace("{value}", inline(value)) for written in parameter.set]
    keys = (parameter.key,) if parameter.key is not None else parameter.keys
    return dict.fromkeys(keys, value)


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
