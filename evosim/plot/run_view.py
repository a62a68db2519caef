"""What a figure is drawn from: a run's data and its scenario, with what several figures need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim.engine.mechanism import sizes
from evosim.engine.run_arrays import RunArrays
from evosim.errors import EvosimError
from evosim.plot._timeline import Timeline
from evosim.plot.colors import TINTS
from evosim.rng import Purpose, key
from evosim.scenario.timeline import stretches

if TYPE_CHECKING:
    import xarray as xr

    from evosim.plot.episode import Episode
    from evosim.scenario import Scenario
    from evosim.scenario.timeline import Flip, Stretch
    from evosim.stats.intervals import Bootstrap

FloatArray = NDArray[np.float64]
_FEWEST_TRAJECTORIES = 20  # of neutral genes, for each replicate


class PhaseSpan(NamedTuple):
    """A stretch of the timeline under one mixture of environments, or in one ramp."""

    start: float
    """First generation of it."""
    end: float
    """First generation of the next one, or the last generation of the run."""
    mixture: Mapping[str, float]
    label: str
    gradual: bool
    """Whether it is a ramp: its mixture, halfway here, is another one in each generation."""


class Band(NamedTuple):
    """What chance alone does to a quantity: low and high, each [generation]."""

    low: FloatArray
    high: FloatArray


@dataclass(frozen=True, kw_only=True)
class RunView:
    """A run as the figures see it.

    Attributes:
        data: the dataset of a run (docs/architecture.md): a leading dimension ``replicate``; for
            built-in figures :class:`~evosim.engine.run_arrays.RunArrays`, which answer alike.
        scenario: the scenario that was run.
        neutral: by drive, the band in which the population's median would drift if nothing
            were selected; None leaves it out.
        episode: the lifetime for the figure ``level``, or those on both sides of a flip; None
            lives them when it is asked for.
        summary: summary.json (:func:`evosim.metrics.summary.summarize`); None computes it if asked.
    """

    data: xr.Dataset
    scenario: Scenario
    neutral: Mapping[str, Band] | None = None
    episode: Episode | Sequence[Episode] | None = None
    summary: Mapping[str, Any] | None = None

    @cached_property
    def with_xarray(self) -> RunView:
        """The same, with its data as xarray has them."""
        data: object = self.data
        return replace(self, data=data.whole()) if isinstance(data, RunArrays) else self

    def values(self, name: str, *dims: str) -> FloatArray:
        """A variable as float64, its dimensions in the order given.

        Raises:
            EvosimError: the data has no such variable, or with other dimensions.
        """
        if name not in self.data:
            raise EvosimError(
                f"the data of this run has no variable {name!r}, which the figure needs"
            )
        array = self.data[name]
        if set(array.dims) != set(dims):
            raise EvosimError(
                f"variable {name!r} has the dimensions {tuple(array.dims)}, expected {dims}"
            )
        return np.asarray(array.transpose(*dims).values, dtype=np.float64)

    def individuals_of(self, name: str, *more: str) -> FloatArray:
        """A variable of every individual, [replicate, generation, individual, ...]."""
        return self.values(name, "replicate", "generation", "individual", *more)

    def names(self, coordinate: str) -> list[str]:
        """The names along a dimension, as plain strings."""
        if coordinate not in self.data.coords:
            return []
        return [str(name) for name in self.data[coordinate].values]

    @cached_property
    def generations(self) -> FloatArray:
        """Numbers of the generations [generation]."""
        return np.asarray(self.data["generation"].values, dtype=np.float64)

    @property
    def replicates(self) -> int:
        """Number of replicates."""
        return int(self.data.sizes["replicate"])

    @property
    def individuals(self) -> int:
        """Number of individuals in a generation."""
        return int(self.data.sizes["individual"])

    @cached_property
    def sizes(self) -> NDArray[np.int64] | None:
        """Size of a population [replicate, generation]; None: always the same."""
        least, most = sizes(self.scenario)
        if least == most:
            return None
        lifespan = self.values("lifespan", "replicate", "generation", "individual")
        return np.isfinite(lifespan).sum(axis=2)

    @property
    def size_note(self) -> str:
        """How many individuals a generation has, in words."""
        return f"{self.individuals}" if self.sizes is None else f"up to {self.sizes.max()}"

    @cached_property
    def generation_limits(self) -> tuple[float, float]:
        """Limits of an axis of generations; never empty."""
        first, last = float(self.generations[0]), float(self.generations[-1])
        return (first - 0.5, last + 0.5) if first == last else (first, last)

    @property
    def timeline(self) -> Timeline:
        """The axis of generations, with its flips and the stretches without selection."""
        flips = [float(flip.generation) for flip in self.flips]
        return Timeline(self.generation_limits, flips, self.without_selection)

    def axis_fraction(self, generation: float) -> float:
        """Where a generation stands along the axis of generations: 0 left, 1 right."""
        first, last = self.generation_limits
        return min(max((generation - first) / (last - first), 0.0), 1.0)

    # --- the timeline -----------------------------------------------------------------------

    @cached_property
    def flips(self) -> tuple[Flip, ...]:
        """The flips that lie within the data."""
        first, last = self.generations[0], self.generations[-1]
        return tuple(f for f in self.scenario.flips if first < f.generation <= last)

    @cached_property
    def phase_spans(self) -> tuple[PhaseSpan, ...]:
        """The timeline by mixtures of environments, cut to the data."""
        found: list[PhaseSpan] = []
        for start, end, stretch in self._stretches():
            label = stretch.label(self.label)
            span = PhaseSpan(start, end, stretch.mixture, label, stretch.old is not None)
            if found and found[-1][2:] == span[2:]:
                found[-1] = found[-1]._replace(end=end)
            else:
                found.append(span)
        return tuple(found)

    @cached_property
    def without_selection(self) -> tuple[tuple[float, float], ...]:
        """Stretches of the timeline without selection, (start, end)."""
        found: list[tuple[float, float]] = []
        for start, end, stretch in self._stretches():
            if stretch.phase.select:
                continue
            if found and found[-1][1] == start:
                found[-1] = (found[-1][0], end)
            else:
                found.append((start, end))
        return tuple(found)

    def _stretches(self) -> list[tuple[float, float, Stretch]]:
        first, last = self.generation_limits
        found = []
        for stretch in stretches(self.scenario):
            low, high = max(float(stretch.begin), first), min(float(stretch.end), last)
            if stretch.begin == 0:
                low = first
            if high > low:
                found.append((low, high, stretch))
        return found

    def label(self, mixture: Mapping[str, float]) -> str:
        """What a mixture of environments is called: its titles, with shares where several."""
        present = {name: share for name, share in mixture.items() if share > 0}
        if len(present) == 1:
            return self.title(next(iter(present)))
        return " + ".join(f"{100 * s:.3g} % {self.title(n)}" for n, s in present.items())

    def title(self, environment: str) -> str:
        """An environment's title, or its name where it has none."""
        known = self.scenario.environments
        return (known[environment].title if environment in known else "") or environment

    @cached_property
    def phase_colors(self) -> dict[str, str]:
        """A light colour for every label of the timeline, in order of appearance."""
        labels = dict.fromkeys(phase.label for phase in self.phase_spans)
        return {label: TINTS[n % len(TINTS)] for n, label in enumerate(labels)}

    def by_environment(self, name: str) -> FloatArray:
        """A variable (replicate, environment) as the timeline mixes it, [generation].

        The median over replicates; each generation under the mixture that trains it.
        """
        per_environment = np.median(self.values(name, "replicate", "environment"), axis=0)
        environments = self.names("environment")
        trajectory = np.full(len(self.generations), np.nan)
        for n, generation in enumerate(self.generations):
            trajectory[n] = sum(
                share * per_environment[environments.index(e)]
                for e, share in self.scenario.mixture_at(int(generation)).items()
                if share > 0
            )
        return trajectory

    @cached_property
    def bootstrap(self) -> Bootstrap:
        """How intervals over replicates are made: as those of summary.json are."""
        from evosim.stats.intervals import Bootstrap

        verdict = self.scenario.verdict
        return Bootstrap.of(
            int(self.data.attrs["seed"]),
            confidence=verdict.confidence,
            resamples=verdict.resamples,
        )

    @cached_property
    def flip_summaries(self) -> list[Mapping[str, Any]]:
        """The summary of each of the flips within the data, in order."""
        summary = self.summary
        if summary is None:
            from evosim.metrics.summary import summarize

            summary = summarize(self.data, self.scenario).to_dict()
        at = {flip.generation for flip in self.flips}
        return [flip for flip in summary["flips"] if flip["generation"] in at]

    # --- phenotypes -------------------------------------------------------------------------

    @cached_property
    def phenotype(self) -> dict[str, NDArray[Any]]:
        """What the genes express, by name, each [replicate, generation, individual]; NaN for
        individuals that an open population lacks."""
        from evosim.mind import phenotype

        genome = self.values("genome", "replicate", "generation", "individual", "locus")
        shape = genome.shape[:3]
        flat = genome.reshape(int(np.prod(shape)), genome.shape[3])
        if self.sizes is None:
            expressed = phenotype(self.scenario, flat)
            return {name: value.reshape(shape) for name, value in expressed.items()}
        alive = (np.arange(shape[2]) < self.sizes[..., None]).ravel()
        result = {}
        for name, value in phenotype(self.scenario, flat[alive]).items():
            padded = np.full(len(flat), np.nan)
            padded[alive] = value
            result[name] = padded.reshape(shape)
        return result

    @cached_property
    def drives(self) -> tuple[str, ...]:
        """Names of the drives, in the scenario's order."""
        return tuple(self.scenario.agent.drives)

    def drive(self, name: str) -> NDArray[Any]:
        """A drive's share of the unit vector, [replicate, generation, individual]."""
        return self.phenotype[f"drive.{name}"]

    @cached_property
    def loci(self) -> tuple[str, ...]:
        """Names of the loci that evolve."""
        return tuple(self.names("locus"))

    @cached_property
    def locus_bounds(self) -> dict[str, tuple[float, float]]:
        """The bounds of every locus that evolves, by name."""
        from evosim.mind import loci

        return {locus.name: (locus.low, locus.high) for locus in loci(self.scenario)}

    @property
    def selection_differs(self) -> bool:
        """Whether selection was ever paid on another payoff than the intended one."""
        scenario = self.scenario
        selected = {p.objective.selected for p in scenario.timeline if p.objective is not None}
        return bool({scenario.objective.selected, *selected} - {None, scenario.objective.intended})

    # --- words ------------------------------------------------------------------------------

    def figure_title(self, what: str) -> str:
        """A figure's title: the scenario's and the figure's own."""
        return f"{self.scenario.title}: {what}"

    @property
    def basis_note(self) -> str:
        """How capability and alignment were measured, where it was not exactly (model 4)."""
        if not self.scenario.built_in:
            return ""
        drive = self.scenario.built_in[0]
        return f" One drive is {drive}: estimated from sampled lifetimes, not exact."

    def sampled_note(self, spread: str) -> str:
        """Of which minds of one replicate a measure of probes is.

        Args:
            spread: how the figure shows that they differ.
        """
        n = min(self.data.sizes["sample"], self.individuals)  # of an agent there is one
        if n == 1:
            return f"Of one {'individual' if self.scenario.agent.has_drives else 'mind'}."
        return f"Means of {n} sampled individuals; {spread}."

    def spread_note(self, what: str) -> str:
        """What lines and bands show, for a quantity of individuals."""
        if self.individuals == 1 and self.sizes is None:  # an agent, of which there is one
            if self.replicates == 1:
                return f"{what}."
            return f"{what}. Thin lines: each of {self.replicates} replicates; thick: their median."
        if self.replicates > 1:
            return (
                f"{what}. Thin lines: the population's median in each of {self.replicates} "
                "replicates; thick: their median; bands: the middle 50 % and 90 % of a population, "
                "the median over replicates."
            )
        return (
            f"{what}. Line: the median of {self.size_note} individuals; bands: the middle 50 % and "
            "90 %."
        )


def neutral_bands(data: xr.Dataset, scenario: Scenario) -> dict[str, Band] | None:
    """By drive, where the median of a population would be 95 % of the time by chance alone; None
    where genomes were sampled and have no parents."""
    from evosim.metrics.popgen import price

    if not price.has_pedigree(scenario):
        return None
    seed, parents = int(data.attrs["seed"]), data["parents"].values
    trajectories = [
        price.neutral_drives(
            scenario,
            one,
            key(key(seed, Purpose.REPLICATE, replicate), Purpose.NEUTRAL),
            n=max(_FEWEST_TRAJECTORIES, price.NEUTRAL_LOCI // len(parents)),
        )
        for replicate, one in enumerate(parents)
    ]
    pooled = {
        drive: np.concatenate([one[drive] for one in trajectories], axis=1)
        for drive in trajectories[0]
    }
    return {drive: Band(*price.bands(values, (0.025, 0.975)).T) for drive, values in pooled.items()}
