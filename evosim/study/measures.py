"""What is measured of a run: the measures of a study, what findings of an experiment look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from evosim.errors import EvosimError
from evosim.metrics import METRICS, hypotheses, turns
from evosim.metrics.hypotheses import WeightedTerm
from evosim.scenario.settings import as_texts
from evosim.study.design import Condition, experiment_of, reference
from evosim.study.schema import Measured, Study

if TYPE_CHECKING:
    import xarray as xr

    from evosim.metrics import Query
    from evosim.scenario import Scenario


def terms_of(measured: Measured, scenario: Scenario) -> tuple[WeightedTerm, ...]:
    """The terms of what is measured at a point: one, or two where something is subtracted.

    Raises:
        EvosimError: no such measure, or one that the scenario does not have.
    """
    flips = turns(scenario)
    terms = [WeightedTerm(1.0, "", hypotheses.query_of(measured, flips))]
    if measured.against is not None:
        changes = measured.against.model_dump(exclude_none=True)
        other = measured.model_copy(update=changes)
        terms.append(WeightedTerm(-1.0, "", hypotheses.query_of(other, flips)))
    for term in terms:
        METRICS[term.query.measure].check_in(scenario, term.query)
        where = term.query.where
        if where is not None and where not in scenario.environments:
            known = ", ".join(scenario.environments)
            raise EvosimError(
                f"measure {measured.measure!r}: unknown environment {where!r} (known: {known})"
            )
    return tuple(terms)


def measured(study: Study, scenario: Scenario, data: xr.Dataset) -> dict[str, tuple[float, ...]]:
    """What a study measures of one run, by name: the columns of all terms of a measure.

    Raises:
        EvosimError: the run lacks what a measure reads.
    """
    found = {}
    for name, written in study.measures.items():
        groups = [
            METRICS[term.query.measure].columns(data, scenario, term.query)
            for term in terms_of(written, scenario)
        ]
        found[name] = tuple(float(column[0]) for group in groups for column in group)
    return found


def queries(scenario: Scenario) -> dict[str, Query]:
    """What the findings of an experiment look at, each once, by a name for it."""
    experiment, flips = experiment_of(scenario), turns(reference(scenario))
    found: dict[str, Query] = {}
    for finding in experiment.findings:
        for _, _, query in hypotheses.terms_of(finding, experiment, flips):
            words = [query.measure, query.of, query.where]
            words += [query.at] * (query.at != "end") + [query.mind] * (query.mind != "evolved")
            words += [f"{query.level:g}"] if query.level is not None else []
            words += [f"{query.span[0]} to {query.span[1]}"] if query.span is not None else []
            which = f"flip {query.turn}" if query.last is None else "all flips"
            words += [which] * (len(flips) > 1)
            name = "_".join(word for word in words if word)
            found[name.replace(".", "_").replace(" ", "_")] = query
    return found


def answers(
    scenario: Scenario, arm: Scenario, data: xr.Dataset
) -> dict[str, list[tuple[float, ...]]]:
    """What the findings of an experiment look at, in one arm: by name numbers of each replicate.

    Args:
        scenario: with the experiment.
        arm: the scenario of the arm.
        data: of the arm's run.
    """
    found = {}
    for name, query in queries(scenario).items():
        try:
            columns = METRICS[query.measure].columns(data, arm, query)
        except EvosimError:
            continue  # no finding looks at this in this arm
        found[name] = [tuple(map(float, numbers)) for numbers in zip(*columns, strict=True)]
    return found


def _which(query: Query, flips: Sequence[int]) -> int | str:
    """Which flip a query looks at, as it is written."""
    if query.last is not None:
        return "all"
    return 0 if query.turn is None else flips.index(query.turn)


def as_study(scenario: Scenario, points: Sequence[Condition]) -> Study:
    """The experiment of a scenario as a study: arms are points, and findings say what is measured.

    Args:
        points: of :func:`evosim.study.design.conditions`.
    """
    experiment = experiment_of(scenario)
    levels = [{"title": n, "set": a.set, "at": a.at} for n, a in experiment.arms.items()]
    parameters: dict[str, Any] = {"arm": {"label": "arm", "levels": levels}}
    if "tuned" in points[-1].values and experiment.tuned:
        tuned = experiment.tuned
        parameters["tuned"] = tuned.model_dump(include={"label", "key", "keys", "set", "values"})
    if "world" in points[-1].values:
        drawn = {point.values["world"]: as_texts(point.changes) for point in points}
        each = [{"title": world, "set": texts} for world, texts in drawn.items()]
        parameters["world"] = {"label": "world", "levels": each}
    flips = turns(reference(scenario))
    measures: dict[str, Any] = {}
    for name, query in queries(scenario).items():
        metric = METRICS[query.measure]
        measures[name] = {
            "label": metric.called(query.of, query.level),
            "unit": metric.unit_at(query.at),
            "measure": query.measure,
            "of": query.of or None,
            "where": query.where,
            "at": query.at,
            "span": query.span,
            "mind": query.mind,
            "flip": _which(query, flips),
            "level": query.level,
        }
    return Study.model_validate({
        "id": scenario.id,
        "title": scenario.title,
        "question": scenario.question,
        "scenario": scenario.id,
        "design": "points",
        "points": [dict(point.values) for point in points],
        "replicates": points[0].replicates,
        "confidence": scenario.verdict.confidence,
        "parameters": parameters,
        "measures": measures,
    })  # fmt: skip
