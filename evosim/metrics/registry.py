"""Measures by name: what a term of a finding looks at, and what it takes to look there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evosim import mind
from evosim.engine.controls import minds
from evosim.errors import Argument, EvosimError, Registry, did_you_mean
from evosim.stats.intervals import mean_of_defined

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
        refuses: what a scenario has that it cannot be measured with, in words; empty: nothing.
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
    refuses: Callable[[Scenario], str] | None = None

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
        """Refuse a scenario without the section that the measure is about, or with what it cannot
        be measured with."""
        if self.needs and _walk(scenario, self.needs) is None:
            raise _lacking(term, self.needs)
        if self.refuses is not None and (why := self.refuses(scenario)):
            raise EvosimError(f"measure {term.measure!r}: {why}")

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
            raise no_peak(term)
        if "level" in self.heeds and term.level is None:
            raise EvosimError(
                f"measure {term.measure!r} needs level = number, what is to be reached"
            )
        if term.mind != "evolved":
            known(term.mind, minds(scenario), "mind", term)
        if self.takes:
            what, names = _NAMES[self.takes](scenario)
            known(term.of, names, what, term)

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
    "evolution.islands": "a population with demes: [evolution.islands]",
    "evolution.open": "an open population: [evolution.open]",
}


def _walk(scenario: Scenario, section: str) -> Any:
    found: Any = scenario
    for name in section.split("."):
        found = getattr(found, name)
    return found


def _lacking(term: Term, section: str) -> EvosimError:
    return EvosimError(f"measure {term.measure!r} needs {_NEEDED[section]}")


def no_peak(term: Term) -> EvosimError:
    return EvosimError(f"measure {term.measure!r} has no peak: at = start, before, flip or end")


# Where and when


def known(name: str, known: Any, what: str, term: Term) -> str:
    names = [str(n) for n in known]
    if name not in names:
        raise EvosimError(
            f"measure {term.measure!r}: unknown {what} {name!r}: {did_you_mean(name, names)}"
        )
    return name


def generation_of(data: xr.Dataset, term: Term, at: str | None = None) -> int:
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
        return known(term.where, data["environment"].values, "environment", term)
    if term.at == "before":
        return main_environment(scenario, term.flip - 1)
    generation = 0 if term.at == "start" else generation_of(data, term)
    return main_environment(scenario, generation)


def largest(values: Floats) -> Floats:
    """The largest over the first axis of what is not NaN; NaN where nothing is."""
    highest = np.where(np.isnan(values), -np.inf, values).max(axis=0)
    return np.where(np.isinf(highest), np.nan, highest)


def at_probe(data: xr.Dataset, term: Term, values: Floats) -> Floats:
    """Of values by replicate and probe [R, P], those at the term's time, [R].

    Raises:
        EvosimError: the generation was not probed.
    """
    if term.at == "peak" and term.generation is None:
        return largest(values.T)
    generation = generation_of(data, term)
    found = np.flatnonzero(data["probe"].values == generation)
    if not len(found):
        raise EvosimError(
            f"measure {term.measure!r}: generation {generation} was not probed; add it with ",
            Argument("settings", {"measure.also": [generation]}),
        )
    return np.asarray(values[:, found[0]], np.float64)


def each_probe(data: xr.Dataset, scenario: Scenario, term: Term, values: xr.DataArray) -> Floats:
    """Sampled individuals' mean of a probe variable in the term's place, [R, P]."""
    here = values.sel(
        environment=environment_of(data, scenario, term),
        mind=known(term.mind, data["mind"].values, "mind", term),
    )
    return mean_of_defined(here.transpose("replicate", "probe", "sample").values)


def probed(data: xr.Dataset, scenario: Scenario, term: Term, values: xr.DataArray) -> Floats:
    """Sampled individuals' mean of a probe variable in the term's place and time, [R]."""
    return at_probe(data, term, each_probe(data, scenario, term, values))


def lived_generations(data: xr.Dataset, term: Term) -> slice:
    """The generations whose lives stand for the term's time."""
    last = data.sizes["generation"]
    if term.generation is not None:
        return slice(term.generation, term.generation + 1)
    if term.at == "peak":
        raise no_peak(term)
    if term.at == "before":
        return slice(max(0, term.flip - RECENT), term.flip)
    if term.at == "flip":
        return slice(term.flip, term.flip + 1)
    return slice(0, 1) if term.at == "start" else slice(max(0, last - RECENT), last)


def measure(name: str, says: str, takes: str = "", **more: Any) -> Callable[..., Any]:
    """A decorator that files a function as a measure; ``more`` are fields of :class:`Measure`."""

    def put(function: Callable[[xr.Dataset, Scenario, Term], Columns]) -> Any:
        MEASURES.register(name)(Measure(columns=function, says=says, takes=takes, **more))
        return function

    return put
