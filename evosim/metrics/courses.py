"""Measures over generations, one number a replicate: every course of a run, as rows.

A course is what a metric measures when it is asked at every probe, or at every generation where it
needs no probe.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from evosim.errors import EvosimError
from evosim.metrics.flips import NotRecordedError
from evosim.metrics.query import Query
from evosim.metrics.registry import ARGUMENTS, METRICS, Metric, course

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario


class Point(NamedTuple):
    """One number of one replicate.

    Attributes:
        environment: where it is measured; empty for what belongs to no environment.
        variable: name of the metric, and after a dot what it is of.
        value: NaN where it is undefined.
    """

    replicate: int
    generation: int
    environment: str
    variable: str
    value: float


def courses(
    data: xr.Dataset, scenario: Scenario, measures: Sequence[str] | None = None
) -> Iterator[Point]:
    """The courses of a run: measure by measure, in each environment, replicate by replicate.

    Args:
        data: of the run.
        measures: names of metrics; None: all that have a course in this run.

    Raises:
        EvosimError: a name that is no metric, or one without a course in this run.
    """
    chosen = tuple(METRICS) if measures is None else measures
    for name in chosen:
        metric = METRICS[name]
        try:
            queries = list(_queries(metric, scenario, last=int(data["generation"].values[-1])))
        except EvosimError:
            if measures is not None:
                raise
            continue
        for query in queries:
            try:
                values, generations = course(metric, data, scenario, query)
            except NotRecordedError:  # of a run of an older version: what it has is written
                if measures is not None:
                    raise
                break
            variable = f"{name}.{query.of}" if query.of else name
            for replicate, row in zip(data["replicate"].values, values, strict=True):
                for generation, value in zip(generations, row, strict=True):
                    yield Point(
                        int(replicate), int(generation), query.where or "", variable, float(value)
                    )


def _queries(metric: Metric, scenario: Scenario, last: int) -> Iterator[Query]:
    """What to ask: each payoff or locus that the metric may be of, in each environment.

    Raises:
        EvosimError: the metric has no course in the scenario.
    """
    of: Sequence[str] = ("",)
    if metric.argument:
        if metric.argument not in ARGUMENTS:
            raise EvosimError(f"measure {metric.name!r}: unknown what {metric.argument} can be")
        of = ARGUMENTS[metric.argument](scenario)[1]
    where = tuple(scenario.environments) if "where" in metric.uses else (None,)
    for argument in of:
        for environment in where:
            query = Query(
                measure=metric.name, of=argument, where=environment, at="trough", span=(0, last)
            )
            metric.check_in(scenario, query)
            yield query
