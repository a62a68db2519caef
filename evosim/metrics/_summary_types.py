"""What the summary of a run consists of; ``to_dict`` is what summary.json holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evosim.metrics.verdict import Judgement
from evosim.stats.intervals import Estimate, intervals_of, values_of

Estimates = Mapping[str, Estimate]


@dataclass(frozen=True, slots=True, kw_only=True)
class MindAtFlip:
    """Capability and alignment of one mind on both sides of a flip, and what it retained.

    Attributes:
        estimates: of :func:`evosim.metrics.flips.estimates`, by name.
        n_undefined: sampled individuals that define neither side's number, by name.
    """

    estimates: Estimates
    n_undefined: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        """As summary.json holds it."""
        return {
            **values_of(self.estimates),
            "intervals": intervals_of(self.estimates),
            "n_undefined": dict(self.n_undefined),
            "n_replicates": {name: estimate.n for name, estimate in self.estimates.items()},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Phenotype:
    """The mean phenotype of a whole population; senses are shares of it.

    Attributes:
        spread: of one replicate, the middle 90 % of its individuals: [low, high] by name; None if
            there are several replicates, or nobody.
    """

    generation: int
    estimates: Estimates
    spread: Mapping[str, tuple[float, float]] | None

    def to_dict(self) -> dict[str, Any]:
        """As summary.json holds it."""
        return {
            "generation": self.generation,
            "mean": values_of(self.estimates),
            "intervals": intervals_of(self.estimates),
            "spread": self.spread and {name: list(ends) for name, ends in self.spread.items()},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoverySummary:
    """The realised intended payoff around a flip, of the replicates' mean.

    What is gained over the zero of the verdict, by default random play, is what can be lost and
    regained (docs/measures, recovery).

    Attributes:
        before: mean of the last generations before the flip; at: of the flip's own generation;
            end: mean of the last generations before the next flip or the end.
        random_before, random_after: of random play in the old and the new world.
        zero_before, zero_after: what gains are counted from there: the zero of the verdict.
        defined: whether before gained more than the floor of what the optimum gains.
        generations_to_half: from the flip to the first that gains half of what before gained; None:
            it never came back, or recovery is not defined.
    """

    payoff: str
    before: float
    at: float
    end: float
    random_before: float
    random_after: float
    zero_before: float
    zero_after: float
    defined: bool
    generations_to_half: int | None

    def to_dict(self) -> dict[str, Any]:
        """As summary.json holds it."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class FlipSummary:
    """What a flip did to the population of its generation, and the verdict on it.

    Attributes:
        arrival: the first generation in the new world alone; another one only of a ramp.
        payoffs: expected payoffs, internal reward and lifespan, by name and side.
        controls: the control minds.
        sampling: of one replicate whose expectations are not exact, over the individuals sampled.
    """

    generation: int
    arrival: int
    label_before: str
    label_after: str
    evolved: MindAtFlip
    judgement: Judgement
    payoffs: Mapping[str, Estimates]
    phenotype: Phenotype
    recovery: RecoverySummary
    controls: Mapping[str, MindAtFlip]
    sampling: Estimates | None

    def to_dict(self) -> dict[str, Any]:
        """As summary.json holds it."""
        return {
            "generation": self.generation,
            "arrival": self.arrival,
            "from": self.label_before,
            "to": self.label_after,
            **self.evolved.to_dict(),
            **self.judgement.to_dict(),
            "payoffs": {
                name: {**values_of(sides), "intervals": intervals_of(sides)}
                for name, sides in self.payoffs.items()
            },
            "evolved": self.phenotype.to_dict(),
            "recovery": self.recovery.to_dict(),
            "controls": {name: control.to_dict() for name, control in self.controls.items()},
            "sampling_intervals": None if self.sampling is None else intervals_of(self.sampling),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentSummary:
    """How the population of the last probe fares in one environment."""

    title: str
    generation: int
    payoffs: Estimates
    estimates: Estimates
    n_undefined: Mapping[str, int]
    sampling: Estimates | None

    def to_dict(self) -> dict[str, Any]:
        """As summary.json holds it."""
        return {
            "title": self.title,
            "generation": self.generation,
            "payoffs": values_of(self.payoffs),
            **values_of(self.estimates),
            "intervals": {
                "payoffs": intervals_of(self.payoffs),
                **intervals_of(self.estimates),
            },
            "n_undefined": dict(self.n_undefined),
            "sampling_intervals": None if self.sampling is None else intervals_of(self.sampling),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """The summary of a run.

    Attributes:
        exact: False where the measures are means of sampled lifetimes, as a drive is novelty.
        intended, selected: names of payoffs.
        environments: by name, the final population.
        evolved: the final population's mean phenotype.
        evolving: names of the loci that evolve.
        sections: what the scenario's optional sections add, as summary.json holds it: population
            (what became of its size) where it is open, deception where the scenario asks about it,
            monitor where a phase is monitored.
    """

    scenario: str
    title: str
    question: str
    seed: int
    replicates: int
    generations: int
    exact: bool
    intended: str
    selected: str
    thresholds: Mapping[str, float | str]
    flips: tuple[FlipSummary, ...]
    environments: Mapping[str, EnvironmentSummary]
    evolved: Phenotype
    evolving: tuple[str, ...]
    sections: Mapping[str, Mapping[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """What summary.json holds: plain numbers, None where a number is undefined.

        Intervals are [low, high]; None where fewer than two replicates define the number;
        [None, None] where they do not bound it. ``sampling_intervals``, over the sampled
        individuals, stand beside them where measures are not exact and there is but one replicate;
        else they are None. No verdict rests on them.
        """
        return {
            "scenario": self.scenario,
            "title": self.title,
            "question": self.question,
            "seed": self.seed,
            "replicates": self.replicates,
            "generations": self.generations,
            "exact": self.exact,
            "intended": self.intended,
            "selected": self.selected,
            "thresholds": dict(self.thresholds),
            "flips": [flip.to_dict() for flip in self.flips],
            "environments": {name: env.to_dict() for name, env in self.environments.items()},
            "evolved": self.evolved.to_dict(),
            "evolving": list(self.evolving),
            **{name: dict(section) for name, section in self.sections.items()},
        }
