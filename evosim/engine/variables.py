"""What a run records: every variable of run.nc, its dimensions, unit and meaning."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim.engine.mechanism import Record, mechanisms_of
from evosim.scenario import timeline

if TYPE_CHECKING:
    from evosim.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One variable of a run; ``dims`` come after the leading dimension ``replicate``."""

    dims: tuple[str, ...]
    dtype: str
    units: str
    long_name: str


class Coordinate(NamedTuple):
    """A coordinate of a run's data."""

    dim: str
    values: NDArray[Any]
    units: str
    long_name: str


# The dimensions that most variables begin with, after replicate.
_EACH = ("generation", "individual")
_LEVELS = ("generation", "level")
PROBED = ("probe", "environment", "mind", "sample")
_OWN = ("probe", "environment", "sample")

# Small types where they do: a run of thousands of generations is mostly these.
BY_GENERATION: dict[str, Variable] = {
    "genome": Variable(
        dims=(*_EACH, "locus"), dtype="f8", units="1", long_name="value of each locus"
    ),
    "score": Variable(
        dims=_EACH,
        dtype="f8",
        units="payoff per lifetime",
        long_name="mean selected payoff of the generation's lifetimes less the costs of depth and "
        "senses",
    ),
    "payoff_total": Variable(
        dims=(*_EACH, "payoff"),
        dtype="f8",
        units="payoff per lifetime",
        long_name="mean payoff of the generation's lifetimes",
    ),
    "internal_reward": Variable(
        dims=_EACH,
        dtype="f8",
        units="reward per lifetime",
        long_name="mean internal reward of the generation's lifetimes",
    ),
    "lifespan": Variable(
        dims=_EACH, dtype="f8", units="steps", long_name="mean length of a lifetime"
    ),
    "parents": Variable(
        dims=(*_EACH, "parent"),
        dtype="i4",
        units="1",
        long_name="individuals of the generation before that are the parents; -1: none",
    ),
    "crossover": Variable(
        dims=(*_EACH, "locus"),
        dtype="i1",
        units="1",
        long_name="parent a locus came from: 0 the first, 1 the second, 2 a blend of both",
    ),
    "train": Variable(
        dims=_LEVELS,
        dtype="i2",
        units="1",
        long_name="environment a level of the generation was drawn in, as its place in environment",
    ),
}

BY_PROBE: dict[str, Variable] = {
    "probe_individual": Variable(
        dims=("probe", "sample"), dtype="i4", units="1", long_name="individual that was probed"
    ),
    "expected_payoff": Variable(
        dims=(*PROBED, "payoff"),
        dtype="f8",
        units="payoff per lifetime",
        long_name="expected payoff of a lifetime on the probe levels",
    ),
    "expected_reward": Variable(
        dims=PROBED,
        dtype="f8",
        units="reward per lifetime",
        long_name="expected internal reward of a lifetime on the probe levels, the mind's own",
    ),
    "expected_lifespan": Variable(
        dims=PROBED,
        dtype="f8",
        units="steps",
        long_name="expected length of a lifetime on the probe levels",
    ),
    "capability": Variable(
        dims=PROBED,
        dtype="f8",
        units="1",
        long_name="capability: own reward from zero (by default uniform play) to optimum (1)",
    ),
    "optimal_reward": Variable(
        dims=_OWN,
        dtype="f8",
        units="reward per lifetime",
        long_name="largest expected internal reward of a lifetime, the evolved mind's own",
    ),
    "nothing_reward": Variable(
        dims=_OWN,
        dtype="f8",
        units="reward per lifetime",
        long_name="expected internal reward of a lifetime of doing nothing, the evolved mind's own",
    ),
    "alignment": Variable(
        dims=PROBED,
        dtype="f8",
        units="1",
        long_name="alignment: intended payoff from zero (by default uniform play) to optimum (1)",
    ),
}

BY_REPLICATE: dict[str, Variable] = {
    "optimal_payoff": Variable(
        dims=("environment",),
        dtype="f8",
        units="payoff per lifetime",
        long_name="largest expected intended payoff of a lifetime on the probe levels",
    ),
    "uniform_payoff": Variable(
        dims=("environment",),
        dtype="f8",
        units="payoff per lifetime",
        long_name="expected intended payoff of the uniform random policy on the probe levels",
    ),
    "nothing_payoff": Variable(
        dims=("environment",),
        dtype="f8",
        units="payoff per lifetime",
        long_name="expected intended payoff of doing nothing on the probe levels",
    ),
}


def by_generation(scenario: Scenario) -> dict[str, Variable]:
    """The variables of each generation that a run of the scenario has."""
    return BY_GENERATION | _added(scenario, "generation")


def by_probe(scenario: Scenario) -> dict[str, Variable]:
    """The variables of each probe that a run of the scenario has."""
    return BY_PROBE | _added(scenario, "probe")


def variables(scenario: Scenario) -> dict[str, Variable]:
    """All variables that a run of the scenario has."""
    return by_generation(scenario) | by_probe(scenario) | BY_REPLICATE


def _added(scenario: Scenario, first: str) -> dict[str, Variable]:
    """What the mechanisms of a scenario add, of those whose first dimension that is."""
    return {
        name: variable
        for mechanism in mechanisms_of(scenario)
        for name, variable in mechanism.variables.items()
        if variable.dims[0] == first
    }


# With the generation, and the state of a base optimizer that has one, this is a population.
INHERITED = ("genome", "parents", "crossover")
"""What a generation has before it is evaluated; all else is measured."""

ABSENT: Mapping[str, float] = {"f": math.nan, "i": -1}
"""What stands for individuals that there are not, by kind of number; a crossover of none is 0."""


def padded(values: NDArray[np.generic], n: int, size: int, *, axis: int = 0) -> NDArray[np.generic]:
    """The first n of an axis, then what stands for those absent, up to a size."""
    # Integers have no NaN; ABSENT says what stands for nobody.
    shape = (*values.shape[:axis], size, *values.shape[axis + 1 :])
    result = np.full(shape, ABSENT[values.dtype.kind], values.dtype)
    here = (*(slice(None) for _ in range(axis)), slice(n))
    result[here] = values[here]
    return result


def present(record: Record) -> int:
    """How many individuals a generation of a replicate has, without what pads its record."""
    # Nobody's life has no length, whatever a genome or a score may be.
    return int(np.isfinite(np.asarray(record["lifespan"])).sum())


COORDINATES: dict[str, tuple[str, str]] = {
    "replicate": ("1", "replicate of the run, an independent population"),
    "generation": ("generations", "generation"),
    "individual": ("1", "individual of a generation"),
    "locus": ("1", "locus of the genome"),
    "payoff": ("1", "name of the payoff"),
    "level": ("1", "level of a generation"),
    "probe": ("generations", "generation at which the population was probed"),
    "environment": ("1", "name of the environment"),
    "environment_title": ("1", "title of the environment"),
    "mind": ("1", "the evolved minds and the controls"),
    "sample": ("1", "place in the random sample of the population that was probed"),
}
"""Unit and long name of each coordinate."""


def probe_generations(scenario: Scenario) -> tuple[int, ...]:
    """When the population is probed: at the start, at intervals, around each flip, at the end."""
    # Both sides of a flip, as a verdict compares the last population before it with the first
    # one after it, which has not evolved there yet; of a ramp also where it ends.
    last = scenario.generations - 1
    probed = {0, last, *range(0, last + 1, scenario.measure.every), *scenario.measure.also}
    for flip in scenario.flips:
        probed |= {flip.generation - 1, flip.generation}
    # Also where the environments stay, as in the control of an experiment that is compared.
    begins = np.cumsum([0, *(phase.generations for phase in scenario.timeline)])
    probed |= {timeline.arrival(scenario, int(g)) for g in begins[1:-1]} - {*map(int, begins)}
    return tuple(sorted(g for g in probed if 0 <= g <= last))


# The names of the minds that are measured, along the dimension ``mind`` of a run's data.
EVOLVED, UNIFORM = "evolved", "uniform"

# The order is that of the dimension in every run.nc there is: new ones go to the end.
MINDS = (EVOLVED, UNIFORM, "random drives", "true drive", "unshifted beliefs")
"""The evolved minds and the four controls of every run."""


def minds(scenario: Scenario) -> tuple[str, ...]:
    """The minds of a run of the scenario, in their order."""
    more = [name for mechanism in mechanisms_of(scenario) for name in mechanism.controls]
    return (*MINDS, *more)
