"""What findings are about: measures of a run by name, one number (or a few) a replicate.

A measure is a function of a run's data, its scenario and a :class:`Term`, which says where and
when to look. It returns columns, [replicate] each; a statistic turns columns into one number, for
most measures the mean of the only one. A new measure is a function here and a line that files it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evosim import mind
from evosim.errors import EvosimError, Registry, did_you_mean
from evosim.measure import deception, monitor
from evosim.measure import open as open_population
from evosim.measure.minds import minds
from evosim.measure.statistics import mean_of_defined

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario

Floats = NDArray[np.float64]
Columns = tuple[Floats, ...]

RECENT = 5
"""Generations over which a payoff as lived is averaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """What one term of a finding looks at.

    Attributes:
        measure: name of the measure.
        of: payoff or locus; empty where the measure takes none.
        where: environment; None for the main one of the phase in question.
        at: start, before, flip, end or peak.
        mind: evolved, or a control mind.
        turn: the generation of the flip, the first of its phase; None where there is none.
        level: of a locus that is to be reached; None where the measure takes none.
        generation: looks at this generation in place of ``at``, for courses.
    """

    measure: str
    of: str = ""
    where: str | None = None
    at: str = "end"
    mind: str = "evolved"
    turn: int | None = None
    level: float | None = None
    generation: int | None = None

    @property
    def flip(self) -> int:
        """The generation of the flip.

        Raises:
            EvosimError: the timeline has one phase only.
        """
        if self.turn is None:
            raise no_flip(self.measure)
        return self.turn


def no_flip(measure: str) -> EvosimError:
    """The answer to a measure of a flip where there is none."""
    return EvosimError(f"measure {measure!r} looks at a flip, and the timeline has one phase only")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A measure: what it takes, how it reads a run, how replicates make one number.

    Attributes:
        columns: reads a run, [replicate] each.
        says: what it is, in a few words.
        takes: what ``of`` names; empty where it takes none.
        statistic: of the columns, over ``axis``; the mean of the only one if None.
        course: the measure whose course over generations shows it, often itself; None: none does.
        across: its course is that of ``course`` in both worlds of the flip.
        flips: looks at a flip, whatever ``at`` says.
        each: its course has every generation, and not only those that were probed.
        heeds: which of ``where``, ``at``, ``mind`` and ``level`` it looks at.
        peaks: ``at`` may be peak.
        needs: the section of the scenario that it takes, dotted; empty for any scenario.
    """

    columns: Callable[[xr.Dataset, Scenario, Term], Columns]
    says: str
    takes: str = ""
    statistic: Callable[..., Any] | None = None
    course: str | None = None
    across: bool = False
    flips: bool = False
    each: bool = False
    heeds: frozenset[str] = frozenset()
    peaks: bool = False
    needs: str = ""

    def looks_at_a_flip(self, at: str) -> bool:
        """Whether it takes a flip to measure it at that time."""
        return self.across or self.flips or at in ("before", "flip")

    def of(self, data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
        """The columns, [replicate] each.

        Raises:
            EvosimError: the term names what this run does not have.
        """
        self.check(term.of, term.measure)
        self.check_section(scenario, term)
        return tuple(np.asarray(c, np.float64) for c in self.columns(data, scenario, term))

    def check(self, of: str, name: str) -> None:
        """Refuse an ``of`` that the measure does not take, and its want where it takes one."""
        if bool(of) != bool(self.takes):
            need = f"of = ... ({self.takes})" if self.takes else "no `of`"
            raise EvosimError(f"measure {name!r} needs {need} (got of = {of!r})")

    def check_section(self, scenario: Scenario, term: Term) -> None:
        """Refuse a scenario without the section that the measure is about."""
        if self.needs and _walk(scenario, self.needs) is None:
            raise _lacking(term, self.needs)

    def check_in(self, scenario: Scenario, term: Term) -> None:
        """Refuse a term that a run of this scenario could not measure, before it is lived.

        Raises:
            EvosimError: it names what the scenario does not have, or what the measure ignores.
        """
        self.check(term.of, term.measure)
        self.check_section(scenario, term)
        for key, value, default in (
            ("where", term.where, None),
            ("at", term.at, "end"),
            ("mind", term.mind, "evolved"),
            ("level", term.level, None),
        ):
            if value != default and key not in self.heeds:
                raise EvosimError(f"measure {term.measure!r} takes no {key} (got {value!r})")
        if term.at == "peak" and not self.peaks:
            raise _no_peak(term)
        if "level" in self.heeds and term.level is None:
            raise EvosimError(
                f"measure {term.measure!r} needs level = number, what is to be reached"
            )
        if term.mind != "evolved":
            _known(term.mind, minds(scenario), "mind", term)
        if self.takes:
            what, names = _NAMES[self.takes](scenario)
            _known(term.of, names, what, term)

    def number(self, *columns: Floats, axis: int = -1) -> Any:
        """The columns' statistic, over an axis of replicates."""
        if self.statistic is None:
            (only,) = columns
            return np.mean(only, axis=axis)
        return self.statistic(*columns, axis=axis)


MEASURES: Registry[Measure] = Registry("measure")


def turns(scenario: Scenario) -> tuple[int, ...]:
    """The first generation of every phase but the first."""
    begins = np.cumsum([phase.generations for phase in scenario.timeline])
    return tuple(int(g) for g in begins[:-1])


def main_environment(scenario: Scenario, generation: int) -> str:
    """The environment of the largest weight in a generation, the first among equals."""
    mixture = scenario.phase_at(generation).mixture
    return max(mixture, key=lambda name: mixture[name])


LINKS = ("drives", "criteria", "chain")
"""What a tool's fidelity is measured of: base objective to drives, drives to criteria, and both."""

PAYOFF, LOCUS, DRIVE = "a payoff", "a locus", "a drive"
LINK = "a link of the tool: drives, criteria or chain"


def _loci(scenario: Scenario) -> tuple[str, ...]:
    """Every locus by name, pinned ones included."""
    return tuple(mind.phenotype(scenario, mind.initial(scenario, 1, 0)))


_NAMES: dict[str, Callable[[Scenario], tuple[str, tuple[str, ...]]]] = {
    PAYOFF: lambda scenario: ("payoff", scenario.payoffs),
    LOCUS: lambda scenario: ("locus", _loci(scenario)),
    DRIVE: lambda scenario: (
        "drive",
        tuple(name for name in _loci(scenario) if name.startswith("drive.")),
    ),
    LINK: lambda scenario: ("link", LINKS),
}
"""What ``of`` can name, by what a measure takes: what it is, and its names in a scenario."""
PROBED = frozenset({"where", "at", "mind"})
_NEEDED = {
    "deception": "a scenario with [deception]",
    "monitor": "a scenario with [monitor]",
    "agent.tool": "agents with a tool: [agent.tool]",
    "evolution.open": "an open population: [evolution.open]",
}


def _walk(scenario: Scenario, section: str) -> Any:
    found: Any = scenario
    for name in section.split("."):
        found = getattr(found, name)
    return found


def _lacking(term: Term, section: str) -> EvosimError:
    return EvosimError(f"measure {term.measure!r} needs {_NEEDED[section]}")


def _no_peak(term: Term) -> EvosimError:
    return EvosimError(f"measure {term.measure!r} has no peak: at = start, before, flip or end")


# Where and when


def _known(name: str, known: Any, what: str, term: Term) -> str:
    names = [str(n) for n in known]
    if name not in names:
        raise EvosimError(
            f"measure {term.measure!r}: unknown {what} {name!r}: {did_you_mean(name, names)}"
        )
    return name


def _generation(data: xr.Dataset, term: Term, at: str | None = None) -> int:
    """The generation that a term looks at; of a flip both sides are its own generation."""
    if term.generation is not None:
        return term.generation
    at = at or term.at
    if at in ("before", "flip"):
        return term.flip
    return int(data["generation"].values[0 if at == "start" else -1])


def environment_of(data: xr.Dataset, scenario: Scenario, term: Term) -> str:
    """The environment that a term looks at.

    Raises:
        EvosimError: no such environment, or no such flip.
    """
    if term.where is not None:
        return _known(term.where, data["environment"].values, "environment", term)
    if term.at == "before":
        return main_environment(scenario, term.flip - 1)
    generation = 0 if term.at == "start" else _generation(data, term)
    return main_environment(scenario, generation)


def _largest(values: Floats) -> Floats:
    """The largest over the first axis of what is not NaN; NaN where nothing is."""
    highest = np.where(np.isnan(values), -np.inf, values).max(axis=0)
    return np.where(np.isinf(highest), np.nan, highest)


def at_probe(data: xr.Dataset, term: Term, values: Floats) -> Floats:
    """Of values by replicate and probe [R, P], those at the term's time, [R].

    Raises:
        EvosimError: the generation was not probed.
    """
    if term.at == "peak" and term.generation is None:
        return _largest(values.T)
    generation = _generation(data, term)
    found = np.flatnonzero(data["probe"].values == generation)
    if not len(found):
        raise EvosimError(
            f"measure {term.measure!r}: generation {generation} was not probed; "
            f"add it with --set measure.also=[{generation}]"
        )
    return np.asarray(values[:, found[0]], np.float64)


def _each_probe(data: xr.Dataset, scenario: Scenario, term: Term, values: xr.DataArray) -> Floats:
    """Sampled individuals' mean of a probe variable in the term's place, [R, P]."""
    here = values.sel(
        environment=environment_of(data, scenario, term),
        mind=_known(term.mind, data["mind"].values, "mind", term),
    )
    return mean_of_defined(here.transpose("replicate", "probe", "sample").values)


def _probed(data: xr.Dataset, scenario: Scenario, term: Term, values: xr.DataArray) -> Floats:
    """Sampled individuals' mean of a probe variable in the term's place and time, [R]."""
    return at_probe(data, term, _each_probe(data, scenario, term, values))


def _generations(data: xr.Dataset, term: Term) -> slice:
    """The generations whose lives stand for the term's time."""
    last = data.sizes["generation"]
    if term.generation is not None:
        return slice(term.generation, term.generation + 1)
    if term.at == "peak":
        raise _no_peak(term)
    if term.at == "before":
        return slice(max(0, term.flip - RECENT), term.flip)
    if term.at == "flip":
        return slice(term.flip, term.flip + 1)
    return slice(0, 1) if term.at == "start" else slice(max(0, last - RECENT), last)


# Measures


def _file(name: str, says: str, takes: str = "", **more: Any) -> Callable[..., Any]:
    def put(function: Callable[[xr.Dataset, Scenario, Term], Columns]) -> Any:
        MEASURES.register(name)(Measure(columns=function, says=says, takes=takes, **more))
        return function

    return put


@_file(
    "capability",
    "own reward between random play (0) and the optimum (1)",
    course="capability",
    heeds=PROBED,
    peaks=True,
)
def _capability(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    return (_probed(data, scenario, term, data["capability"]),)


@_file(
    "alignment",
    "intended payoff between random play (0) and the optimum (1)",
    course="alignment",
    heeds=PROBED,
    peaks=True,
)
def _alignment(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    return (_probed(data, scenario, term, data["alignment"]),)


@_file(
    "fidelity",
    "what the upper objective of a link gets where the lower one is optimized",
    course="fidelity",
    takes=LINK,
    heeds=PROBED - {"mind"},
    peaks=True,
    needs="agent.tool",
)
def _fidelity(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    if term.mind != "evolved":
        raise EvosimError(f"measure 'fidelity' is of evolved minds (got mind = {term.mind!r})")
    link = _known(term.of, LINKS, "link", term)
    here = data[f"fidelity_{link}"].sel(environment=environment_of(data, scenario, term))
    each = here.transpose("replicate", "probe", "sample").values
    return (at_probe(data, term, mean_of_defined(each)),)


@_file("reward", "expected internal reward a lifetime", course="reward", heeds=PROBED, peaks=True)
def _reward(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    return (_probed(data, scenario, term, data["expected_reward"]),)


@_file("lifespan", "expected steps of a lifetime", course="lifespan", heeds=PROBED, peaks=True)
def _lifespan(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    return (_probed(data, scenario, term, data["expected_lifespan"]),)


@_file(
    "payoff", "expected payoff a lifetime", takes=PAYOFF, course="payoff", heeds=PROBED, peaks=True
)
def _payoff(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    of = _known(term.of, data["payoff"].values, "payoff", term)
    return (_probed(data, scenario, term, data["expected_payoff"].sel(payoff=of)),)


@_file(
    "lived",
    "payoff a lifetime as lived, mean of five generations",
    takes=PAYOFF,
    course="lived",
    each=True,
    heeds=frozenset({"at"}),
)
def _lived(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    of = _known(term.of, data["payoff"].values, "payoff", term)
    lives = data["payoff_total"].sel(payoff=of).isel(generation=_generations(data, term))
    each = lives.transpose("replicate", "generation", "individual").values
    return (mean_of_defined(mean_of_defined(each)),)


def across(data: xr.Dataset, scenario: Scenario, term: Term, name: str) -> tuple[Floats, Floats]:
    """A probe variable before and after the flip, on the flip's population, [R] each.

    The worlds are the mixtures that train on either side; one that stays the same is no flip.
    """
    sides = []
    for generation in (term.flip - 1, term.flip):
        mixture = scenario.phase_at(generation).mixture
        sides.append(
            sum(
                weight
                * _probed(data, scenario, replace(term, at="flip", where=environment), data[name])
                for environment, weight in mixture.items()
            )
        )
    return np.asarray(sides[0]), np.asarray(sides[1])


@_file(
    "collapse",
    "alignment before less alignment after the flip",
    course="alignment",
    across=True,
    heeds=frozenset({"mind"}),
)
def _collapse(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    before, after = across(data, scenario, term, "alignment")
    return (before - after,)


@_file(
    "capability_lost",
    "capability before less capability after the flip",
    course="capability",
    across=True,
    heeds=frozenset({"mind"}),
)
def _capability_lost(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    before, after = across(data, scenario, term, "capability")
    return (before - after,)


def _ratio_of_means(above: Floats, below: Floats, axis: int = -1) -> Any:
    top, bottom = np.mean(above, axis=axis), np.mean(below, axis=axis)
    positive = bottom > 0
    return np.where(positive, top / np.where(positive, bottom, 1.0), np.nan)


@_file(
    "alignment_retained",
    "alignment after over before the flip",
    statistic=_ratio_of_means,
    course="alignment",
    across=True,
    heeds=frozenset({"mind"}),
)
def _alignment_retained(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    return across(data, scenario, term, "alignment")[::-1]


@_file(
    "capability_retained",
    "capability after over before the flip",
    statistic=_ratio_of_means,
    course="capability",
    across=True,
    heeds=frozenset({"mind"}),
)
def _capability_retained(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    return across(data, scenario, term, "capability")[::-1]


def _expressed(
    data: xr.Dataset, scenario: Scenario, generation: int
) -> list[dict[str, NDArray[Any]]]:
    """The phenotypes of a whole generation, one table a replicate; padding is left out."""
    lived = data["genome"].sel(generation=generation)
    genomes = lived.transpose("replicate", "individual", "locus").values
    return [
        mind.phenotype(scenario, one[~np.isnan(one).any(axis=1)] if one.size else one)
        for one in genomes
    ]


def _mean_phenotype(data: xr.Dataset, scenario: Scenario, term: Term, generation: int) -> Floats:
    expressed = _expressed(data, scenario, generation)
    of = _known(term.of, expressed[0], "locus", term)
    return np.array([np.mean(one[of]) if len(one[of]) else np.nan for one in expressed])


@_file(
    "gene",
    "mean phenotype of the population; of a sense the share that has it",
    LOCUS,
    course="gene",
    each=True,
    heeds=frozenset({"at"}),
    peaks=True,
)
def _gene(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    if term.at == "peak" and term.generation is None:
        every = [_mean_phenotype(data, scenario, term, int(g)) for g in data["generation"].values]
        return (_largest(np.array(every)),)
    generation = _generation(data, term)
    return (_mean_phenotype(data, scenario, term, generation),)


@_file(
    "share",
    "share of a drive in the unit vector of drives, its square",
    DRIVE,
    course="share",
    each=True,
    heeds=frozenset({"at"}),
)
def _share(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    expressed = _expressed(data, scenario, _generation(data, term))
    of = _known(term.of, expressed[0], "locus", term)
    return (np.array([np.mean(one[of] ** 2) if len(one[of]) else np.nan for one in expressed]),)


@_file(
    "takeoff",
    "first generation whose mean phenotype reaches a level",
    LOCUS,
    course="gene",
    heeds=frozenset({"level"}),
)
def _takeoff(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    if term.level is None:
        raise EvosimError("measure 'takeoff' needs level = number, what is to be reached")
    every = np.array(
        [_mean_phenotype(data, scenario, term, int(g)) for g in data["generation"].values]
    )
    reached = every >= term.level
    return (np.where(reached.any(axis=0), reached.argmax(axis=0), len(every)).astype(float),)


@_file(
    "recovery",
    "generations from the flip until half of the lost payoff is regained",
    course="lived",
    flips=True,
)
def _recovery(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    """Payoffs are counted from random play. Who never gets there counts all generations until the
    next flip or the end; for who had gained nothing before the flip it is undefined."""
    intended = scenario.objective.intended
    lives = data["payoff_total"].sel(payoff=intended)
    paid = mean_of_defined(lives.transpose("replicate", "generation", "individual").values)
    old, new = (
        sum(
            weight * data["uniform_payoff"].sel(environment=name).values
            for name, weight in scenario.phase_at(g).mixture.items()
        )
        for g in (term.flip - 1, term.flip)
    )
    gained = paid[:, max(0, term.flip - RECENT) : term.flip].mean(axis=1) - old
    later = [flip.generation for flip in scenario.flips if flip.generation > term.flip]
    after = paid[:, term.flip : min(later, default=scenario.generations)]
    back = after - np.asarray(new)[:, None] >= gained[:, None] / 2
    n = after.shape[1]
    generations = np.where(back.any(axis=1), back.argmax(axis=1), n).astype(float)
    return (np.where(gained > 0, generations, np.nan),)


@_file(
    "regained",
    "generations from the flip until alignment reaches a level",
    course="alignment",
    flips=True,
    heeds=frozenset({"where", "mind", "level"}),
)
def _regained(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    """Exact, at the resolution of probes; who never gets there counts all that were left."""
    if term.level is None:
        raise EvosimError("measure 'regained' needs level = number, the alignment to be reached")
    alignment = _each_probe(data, scenario, term, data["alignment"])
    since = data["probe"].values - term.flip
    back = (alignment >= term.level) & (since >= 0)
    left = int(data["generation"].values[-1]) + 1 - term.flip
    return (np.where(back.any(axis=1), since[back.argmax(axis=1)], left).astype(float),)


def _share_between(*columns: Floats, axis: int = -1) -> Any:
    """Variance of replicate means over it plus the mean variance within replicates."""
    *means, within = columns
    if within.shape[axis] < 2:
        return np.mean(np.full_like(within, np.nan), axis=axis)  # of one there is no variance
    between = sum(np.var(column, axis=axis, ddof=1) for column in means)
    whole = between + np.mean(within, axis=axis)
    return np.divide(between, whole, out=np.full_like(whole, np.nan), where=whole > 0)


@_file(
    "between",
    "share of the variance of drives that lies between replicates, not within them",
    statistic=_share_between,
    course="between",
    each=True,
    heeds=frozenset({"at"}),
)
def _between(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    expressed = _expressed(data, scenario, _generation(data, term))
    drives = [name for name in expressed[0] if name.startswith("drive.")]
    means = tuple(np.array([_mean(one[name]) for one in expressed]) for name in drives)
    within = np.array(
        [
            sum(np.var(one[name]) for name in drives) if len(one[drives[0]]) else np.nan
            for one in expressed
        ]
    )
    return (*means, within)


def _mean(values: NDArray[Any]) -> float:
    """The mean; NaN of nobody."""
    return float(np.mean(values)) if len(values) else np.nan


def _of_conduct(data: xr.Dataset, scenario: Scenario, term: Term, name: str) -> Columns:
    """A field of :class:`evosim.measure.deception.Conduct` in the term's place and time."""
    found = deception.conduct(data, scenario, environment_of(data, scenario, term))
    return (at_probe(data, term, getattr(found, name)),)


@_file(
    "deceptive",
    "share of minds whose conduct while watched depends on seeing the watcher",
    course="deceptive",
    heeds=PROBED - {"mind"},
    peaks=True,
    needs="deception",
)
def _deceptive(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    return _of_conduct(data, scenario, term, "deceptive")


@_file(
    "honest",
    "share of minds that behave, watched or not",
    course="honest",
    heeds=PROBED - {"mind"},
    peaks=True,
    needs="deception",
)
def _honest(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    return _of_conduct(data, scenario, term, "honest")


@_file(
    "dependence",
    "rate of conduct while watched without the sense less with it",
    course="dependence",
    heeds=PROBED - {"mind"},
    peaks=True,
    needs="deception",
)
def _dependence(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    return _of_conduct(data, scenario, term, "dependence")


def _rate(data: xr.Dataset, scenario: Scenario, term: Term, side: str) -> Columns:
    mind_ = _known(term.mind, data["mind"].values, "mind", term)
    found = deception.rates(data, environment_of(data, scenario, term), mind_)
    return (at_probe(data, term, mean_of_defined(getattr(found, side))),)


@_file(
    "watched",
    "conduct a step while watched",
    course="watched",
    heeds=PROBED,
    peaks=True,
    needs="deception",
)
def _watched(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    return _rate(data, scenario, term, "watched")


@_file(
    "unwatched",
    "conduct a step while unwatched",
    course="unwatched",
    heeds=PROBED,
    peaks=True,
    needs="deception",
)
def _unwatched(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    return _rate(data, scenario, term, "unwatched")


@_file(
    "roc_area",
    "area under the ROC by which the monitor detects the first monitored lifetimes",
    needs="monitor",
)
def _roc_area(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    return (monitor.roc_area(data, scenario),)


@_file(
    "flagged",
    "share of the first monitored generation's lifetimes that is flagged",
    needs="monitor",
)
def _flagged(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    return (monitor.flagged(data, scenario),)


@_file("labels", "labels used in the whole run", needs="monitor")
def _labels(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    return (monitor.labels(data),)


@_file(
    "size",
    "individuals of an open population",
    needs="evolution.open",
    heeds=frozenset({"at"}),
    course="size",
    each=True,
    peaks=True,
)
def _size(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    sizes = data["population_size"].transpose("replicate", "generation")
    if term.at == "peak" and term.generation is None:
        return (sizes.values.max(axis=1),)
    return (sizes.sel(generation=_generation(data, term)).values,)


@_file(
    "extinct",
    "1 where an open population died out by the end, else 0",
    needs="evolution.open",
    course="size",
)
def _extinct(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    return (open_population.extinct(data, scenario),)


@_file(
    "smallest",
    "least size of an open population from the flip on",
    course="size",
    needs="evolution.open",
    flips=True,
)
def _smallest(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    return (open_population.smallest(data, scenario, term.flip),)


@_file(
    "regrown",
    "generations from the flip until an open population is back at its size",
    course="size",
    needs="evolution.open",
    flips=True,
)
def _regrown(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    return (open_population.regrown(data, scenario, term.flip),)
