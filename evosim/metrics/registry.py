"""The metrics by name: what each one is, how it is computed, how it is called and counted.

This registry is the only place that knows a metric's label, unit and bounds; findings, studies,
comparisons, summaries, figures and pages ask it. A metric is a function of a run's data, its
scenario and a :class:`Query`, which says where and when to look::

    @metric("mean_score", description="mean score of a generation", unit="payoff per lifetime",
            uses=frozenset({"at"}))
    def _mean_score(data, scenario, query):
        scores = data["score"].sel(generation=generation_of(data, query))
        return (scores.mean("individual").values,)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from evosim import mechanisms, mind
from evosim.engine.variables import BY_GENERATION, BY_PROBE, BY_REPLICATE, minds, probe_generations
from evosim.errors import Argument, EvosimError
from evosim.metrics.query import (
    OVER,
    Floats,
    Query,
    environment_of,
    largest,
    no_peak,
    require_known,
    span_of,
)
from evosim.registry import Registry, calling, check_call, check_name
from evosim.stats import intervals
from evosim.stats.intervals import Bootstrap, Estimate

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario

Columns = tuple[Floats, ...]


Compute = Callable[["xr.Dataset", "Scenario", Query], Columns]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A metric: what it is, how it reads a run, how replicates make one number.

    Attributes:
        name: what findings, studies and records call it.
        compute: reads a run; one column or a few, [replicate] each, NaN where undefined.
        description: what it is, in a few words.
        label: what figures and pages call it; ``{of}`` and ``{level}`` stand for those of a query.
        unit: what it is counted in; "1": a number without unit.
        bounds: its smallest and largest value, infinite where there is none; None: nothing known.
        normalized: 0 is the zero of the verdict, by default uniform random play, and 1 the
            optimum, so that figures draw both.
        exact: whether it is exact in a scenario, and no mean of lifetimes that were sampled.
        argument: what ``of`` names; empty where it takes none.
        statistic: of the columns, over ``axis``; the mean of the only one if None.
        trajectory: the metric that shows it over generations, often itself; None: none does.
        at_flip: it is seen in ``trajectory`` in both worlds of the flip.
        needs_flip: looks at a flip, whatever ``at`` says.
        per_generation: it is defined in every generation, and not only in those probed.
        uses: which of ``where``, ``at``, ``mind`` and ``level`` it looks at.
        has_peak: ``at`` may be peak without a span.
        section: of the scenario, that it takes, dotted; empty for any scenario.
        undefined: in which case it has no number, in words; empty: it always has one.
        unsupported: what a scenario has that it cannot be measured with, in words; empty: nothing.
        amounts: the metrics that are shown beside it, as it lies between a zero and an optimum:
            what is paid, and what it falls short of the optimum.
        given: the number that it has in a scenario whatever evolves there; None: it has none.
        figure: of a run, or the analysis, that shows it; empty: only those of experiments and
            studies do.
    """

    name: str
    compute: Compute
    description: str
    label: str
    unit: str
    bounds: tuple[float, float] | None = None
    normalized: bool = False
    exact: Callable[[Scenario], bool]
    argument: str = ""
    statistic: Callable[..., Any] | None = None
    trajectory: str | None = None
    at_flip: bool = False
    needs_flip: bool = False
    per_generation: bool = False
    uses: frozenset[str] = frozenset()
    has_peak: bool = False
    section: str = ""
    undefined: str = ""
    unsupported: Callable[[Scenario], str] | None = None
    amounts: tuple[str, ...] = ()
    given: Callable[[Scenario, Query], float | None] | None = None
    figure: str = ""

    def called(self, of: str = "", level: float | None = None) -> str:
        """The metric in words, of a payoff, a locus or a level."""
        bare = self.argument == DRIVE
        name = of.removeprefix("drive.") if bare else of.replace("drive.", "drive for ")
        return self.label.format(of=name, level=float("nan") if level is None else level)

    def looks_at_a_flip(self, at: str, span: tuple[int, int] | None = None) -> bool:
        """Whether it takes a flip to measure it at that time."""
        return (
            self.at_flip
            or self.needs_flip
            or at in ("before", "flip", "deficit")
            or (at in OVER and span is None)
        )

    @property
    def sentence(self) -> str:
        """What it is, as a sentence."""
        return f"{self.description[:1].upper()}{self.description[1:]}."

    @property
    def range(self) -> str:
        """Which values it can have, in words.

        >>> METRICS["alignment"].range, METRICS["share"].range, METRICS["lifespan"].range
        ('at most 1', '0 to 1', '0 or more')
        """
        low, high = self.bounds or (0.0 if self.unit in _COUNTED else -np.inf, np.inf)
        if np.isfinite(low) and np.isfinite(high):
            return f"{low:g} to {high:g}"
        if np.isfinite(high):
            return f"at most {high:g}"
        return f"{low:g} or more" if np.isfinite(low) else "any number"

    def unit_at(self, at: str) -> str:
        """What it is counted in at a time of a query: areas are over generations.

        >>> METRICS["alignment"].unit_at("area"), METRICS["payoff"].unit_at("area")
        ('generations', 'payoff per lifetime x generations')
        """
        if at not in ("area", "deficit"):
            return self.unit
        return "generations" if self.unit == "1" else f"{self.unit} x generations"

    @property
    def has_course(self) -> bool:
        """Whether it is one number of each replicate at every probe or generation."""
        return "at" in self.uses and self.trajectory == self.name and self.statistic is None

    def columns(self, data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
        """The columns, [replicate] each.

        Raises:
            EvosimError: the query names what this run does not have; the function returns
                something else than columns.
        """
        self.check(query.of, query.measure)
        self.check_section(scenario, query)
        query = query.in_scenario(scenario)
        if query.generation is None and (query.at in OVER or query.span is not None):
            return (_over(self, data, scenario, query),)
        what = f"measure {query.measure!r}"
        with calling(what, self.compute):
            found = self.compute(data, scenario, query)
        return self._checked(what, found, data.sizes["replicate"])

    def _checked(self, what: str, found: Any, replicates: int) -> Columns:
        """What the function returned, as columns that the statistic takes."""
        needed = f"needed: a tuple of columns, each of {replicates} real numbers [replicate]"
        if not isinstance(found, tuple | list):
            raise EvosimError(f"{what}: its function returned {found!r}, {needed}")
        columns = [np.asarray(column) for column in found]
        if any(c.shape != (replicates,) or c.dtype.kind not in "biuf" for c in columns):
            got = ", ".join(f"shape {c.shape} of {c.dtype}" for c in columns)
            raise EvosimError(f"{what}: its function returned values of {got}; {needed}")
        if self.statistic is None and len(columns) != 1:
            raise EvosimError(
                f"{what}: its function returned {len(columns)} columns, needed: one, or "
                "statistic=..., a function of the columns and axis"
            )
        if self.statistic is not None:
            names = [f"column {n}" for n in range(1, len(columns) + 1)]
            check_call(f"{what}: statistic", self.statistic, *names, axis=-1)
        return tuple(column.astype(np.float64, copy=False) for column in columns)

    def check(self, of: str, name: str) -> None:
        """Refuse an ``of`` that the metric does not take, and its want where it takes one."""
        if bool(of) != bool(self.argument):
            need = f"of = ... ({self.argument})" if self.argument else "no `of`"
            raise EvosimError(f"measure {name!r} needs {need} (got of = {of!r})")

    def check_section(self, scenario: Scenario, query: Query) -> None:
        """Refuse a scenario without the section that the metric is about, or with what it cannot
        be measured with."""
        if self.section and mechanisms.section(scenario, self.section) is None:
            names = [name for name, key in mechanisms.SECTIONS.items() if key == self.section]
            words = list(mechanisms.defined("schema", "NEEDED", names).values())
            section = f"[{self.section}]"
            needed = f"{words[0]}: {section}" if words else f"a scenario with {section}"
            raise EvosimError(f"measure {query.measure!r} needs {needed}")
        if self.unsupported is not None and (why := self.unsupported(scenario)):
            raise EvosimError(f"measure {query.measure!r}: {why}")

    def check_in(self, scenario: Scenario, query: Query) -> None:
        """Refuse a query that a run of this scenario could not answer, before it is run.

        Raises:
            EvosimError: it names what the scenario does not have, or what the metric ignores.
        """
        self.check(query.of, query.measure)
        self.check_section(scenario, query)
        for key, value, default in (
            ("where", query.where, None),
            ("at", query.at, "end"),
            ("mind", query.mind, "evolved"),
            ("level", query.level, None),
        ):
            if value != default and key not in self.uses:
                raise EvosimError(f"measure {query.measure!r} takes no {key} (got {value!r})")
        if query.at == "peak" and not self.has_peak and query.span is None:
            raise no_peak(query)
        if (query.at in OVER or query.span is not None) and not self.has_course:
            raise no_peak(query)
        if query.span is not None:
            self._check_span(scenario, query, query.span)
        if "level" in self.uses and query.level is None:
            raise EvosimError(
                f"measure {query.measure!r} needs level = number, what is to be reached"
            )
        if query.mind != "evolved":
            require_known(query.mind, minds(scenario), "mind", query)
        if self.argument in ARGUMENTS:
            what, names = ARGUMENTS[self.argument](scenario)
            require_known(query.of, names, what, query)

    def _check_span(self, scenario: Scenario, query: Query, span: tuple[int, int]) -> None:
        """Refuse a span that a run of this scenario has no numbers for."""
        if query.at not in (*OVER, "peak"):
            raise EvosimError(
                f"measure {query.measure!r} takes no span with at = {query.at!r} "
                f"(got {list(span)}, needed: at = {', '.join(OVER)} or peak)"
            )
        last = scenario.generations - 1
        if span[1] > last:
            raise EvosimError(
                f"measure {query.measure!r}: span ends after the run "
                f"(got {list(span)}, allowed generations 0 to {last})"
            )
        known = range(last + 1) if self.per_generation else probe_generations(scenario)
        wanted = range(span[0], span[1] + 1) if query.at == "sum" else span
        if query.at not in ("trough", "peak"):
            _require_probed(query, [g for g in wanted if g not in known])

    def number(self, *columns: Floats, axis: int = -1) -> Any:
        """The columns' statistic, over an axis of replicates."""
        if self.statistic is None:
            (only,) = columns
            return np.mean(only, axis=axis)
        with calling(f"measure {self.name!r}: statistic", self.statistic):
            return self.statistic(*columns, axis=axis)

    def estimate(self, data: xr.Dataset, scenario: Scenario, bootstrap: Bootstrap) -> Estimate:
        """The metric of a whole run, estimated over replicates."""
        columns = self.columns(data, scenario, Query(measure=self.name))
        return intervals.estimate(self.number, bootstrap, *columns)

    def by_replicate(self, *columns: ArrayLike) -> Floats:
        """The number of each replicate alone, [replicate].

        NaN where it is undefined, and everywhere where only several replicates make a number.
        """
        alone = [np.asarray(column, np.float64)[:, None] for column in columns]
        return np.asarray(self.number(*alone, axis=-1), np.float64)


_COUNTED = ("steps", "generations", "individuals", "lifetimes")
"""Units of what is never less than 0."""
METRICS: Registry[Metric] = Registry("measure")


def why_undefined(name: str) -> str:
    """In which case a metric has no number, in words for the texts that say undefined.

    >>> why_undefined("alignment")
    'no behaviour earns more of the intended payoff than the zero, by default random play; ...'
    """
    known = METRICS[name].undefined if name in METRICS else ""
    return known or "its function gave no number"


@METRICS.built_in
def _metrics() -> Sequence[str]:
    """The modules that register a metric."""
    ours = (
        "probed", "flips", "readings", "genes", "rewards", "best_of_n", "popgen.coalescent",
        "popgen.effective_size", "popgen.heritability", "analyses.goals",
    )  # fmt: skip
    return (*(f"evosim.metrics.{name}" for name in ours), *mechanisms.paths("metrics"))


def metric(
    name: str,
    *,
    description: str = "",
    label: str = "",
    unit: str = "",
    variable: str = "",
    bounds: tuple[float, float] | None = None,
    normalized: bool = False,
    exact: bool | Callable[[Scenario], bool] = True,
    argument: str = "",
    uses: frozenset[str] = frozenset(),
    statistic: Callable[..., Any] | None = None,
    trajectory: str | None = None,
    at_flip: bool = False,
    needs_flip: bool = False,
    per_generation: bool = False,
    has_peak: bool = False,
    section: str = "",
    undefined: str = "",
    unsupported: Callable[[Scenario], str] | None = None,
    amounts: tuple[str, ...] = (),
    given: Callable[[Scenario, Query], float | None] | None = None,
    figure: str = "",
) -> Callable[[Compute], Compute]:
    """A decorator that makes a function a metric of that name.

    Args:
        name: what findings and studies write as ``measure = "name"``.
        description: what it is, in a few words; left out: that of ``variable``.
        label: what figures and pages call it, with ``{of}`` and ``{level}`` where it has such;
            left out: the name, and what it is of.
        unit: what it is counted in; left out: the unit of ``variable``, else "1".
        variable: of run.nc that it is read from, where the two are one number.
        exact: False where it is read off lifetimes that were sampled; or a function that says
            whether it is exact in a scenario.

    The other arguments are fields of :class:`Metric`. The function takes the run's dataset, its
    scenario and a :class:`Query`, and returns a tuple of columns, [replicate] each.

    Raises:
        EvosimError: the name is taken; both places are named. Or the function cannot be called so.

    Example:
        >>> import evosim
        >>> @evosim.metric("best_score", description="best score of the last generation")
        ... def best_score(data, scenario, query):
        ...     return (data["score"].isel(generation=-1).max("individual").values,)
    """
    check_name(METRICS.kind, name)
    if isinstance(uses, str):
        raise EvosimError(f"measure {name!r}: uses={uses!r} is a text, needed: {{{uses!r}}}")
    known = {**BY_GENERATION, **BY_PROBE, **BY_REPLICATE}.get(variable)

    def put(function: Compute) -> Compute:
        check_call(f"measure {name!r}", function, "data", "scenario", "query")
        METRICS.add(
            name,
            Metric(
                name=name,
                compute=function,
                description=description or (known.long_name if known else name.replace("_", " ")),
                label=label or name.replace("_", " ") + " of {of}" * bool(argument),
                unit=unit or (known.units if known else "1"),
                bounds=bounds,
                normalized=normalized,
                exact=exact if callable(exact) else lambda scenario: bool(exact),
                argument=argument,
                statistic=statistic,
                trajectory=trajectory,
                at_flip=at_flip,
                needs_flip=needs_flip,
                per_generation=per_generation,
                uses=uses,
                has_peak=has_peak,
                section=section,
                undefined=undefined,
                unsupported=unsupported,
                amounts=amounts,
                given=given,
                figure=figure,
            ),
            function,
        )
        return function

    return put


def expectations_are_exact(scenario: Scenario) -> bool:
    """Whether expectations are exact: a mind with a built-in drive has no state of finite form, and
    its expectations are means of sampled lifetimes (docs/measures, expectations)."""
    return not scenario.built_in


def course(
    metric: Metric, data: xr.Dataset, scenario: Scenario, query: Query
) -> tuple[Floats, Floats]:
    """A metric over the generations that a query looks at, as far as they were probed.

    Returns:
        [replicate, generation], and the numbers of these generations.

    Raises:
        EvosimError: none of them was probed, or the metric has no course.
    """
    if not metric.has_course:
        raise no_peak(query)
    known = np.asarray(data["generation" if metric.per_generation else "probe"].values)
    first, last = span_of(data, query)
    there = known[(known >= first) & (known <= last)]
    if not len(there):
        _require_probed(query, [first, last])
    where = environment_of(data, scenario, query) if "where" in metric.uses else query.where
    asked = replace(query, where=where, at="end", span=None)
    columns = [metric.columns(data, scenario, replace(asked, generation=int(g)))[0] for g in there]
    return np.stack(columns, axis=1), there.astype(np.float64)


def _over(metric: Metric, data: xr.Dataset, scenario: Scenario, query: Query) -> Floats:
    """What becomes of a metric over several generations, [replicate] (docs/measures)."""
    values, at = course(metric, data, scenario, query)
    if query.at == "peak":
        return largest(values.T)
    if query.at == "trough":
        return -largest(-values.T)
    if query.span is not None:
        _require_probed(query, [g for g in query.span if g not in at])
    if query.at == "sum":
        _require_probed(query, [g for g in range(int(at[0]), int(at[-1]) + 1) if g not in at])
        return np.asarray(values.sum(axis=1))
    area = np.trapezoid(values, at, axis=1)
    width = at[-1] - at[0]
    if query.at == "mean":
        return np.asarray(area / width if width else values[:, 0])
    if query.at == "area":
        return np.asarray(area)
    (before,) = metric.columns(data, scenario, replace(query, at="before", span=None))
    return np.asarray(before * width - area)


def _require_probed(query: Query, missing: Sequence[int]) -> None:
    if missing:
        few = ", ".join(map(str, missing[:5])) + ", ..." * (len(missing) > 5)
        sums = query.at == "sum"
        raise EvosimError(
            f"measure {query.measure!r}, at = {query.at!r}: not probed in generation {few}; "
            + ("a sum takes every generation, a mean or an area does not; " if sums else "")
            + "add it with ",
            Argument("settings", {"measure.every": 1} if sums else {"measure.also": [*missing]}),
        )


DIED_OUT = "the population has died out"
"""Why what is measured of individuals may be undefined."""
PAYOFF, LOCUS, DRIVE = "a payoff", "a locus", "a drive"


def locus_names(scenario: Scenario) -> tuple[str, ...]:
    """Every locus by name, pinned ones included."""
    return tuple(mind.phenotype(scenario, mind.initial(scenario, 1, 0)))


ARGUMENTS: dict[str, Callable[[Scenario], tuple[str, tuple[str, ...]]]] = {
    PAYOFF: lambda scenario: ("payoff", scenario.payoffs),
    LOCUS: lambda scenario: ("locus", locus_names(scenario)),
    DRIVE: lambda scenario: (
        "drive",
        tuple(name for name in locus_names(scenario) if name.startswith("drive.")),
    ),
}
"""What ``of`` can name, by the argument of a metric: what it is, and its names in a scenario.
Mechanisms add theirs."""
PROBED = frozenset({"where", "at", "mind"})
