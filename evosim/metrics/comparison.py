"""Runs side by side: what differs between their scenarios, and what between their measures.

The first run is the one that the others are compared with. Runs that began with one seed, a run and
its forks among them, and have equally many replicates are paired, replicate by replicate; all
others are independent samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from evosim import mechanisms, rng
from evosim.errors import EvosimError
from evosim.metrics import METRICS, Floats, Query, environment_of, why_undefined
from evosim.metrics.flips import JUDGED, across
from evosim.metrics.query import WHEN
from evosim.scenario.words import WORDS
from evosim.stats import intervals, tests
from evosim.stats.intervals import Bootstrap
from evosim.stats.report_tables import filled
from evosim.stats.tests import CORRECTIONS

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario

NOT_COMPARED = ("experiment", "family", "id", *WORDS)
"""Keys of a scenario that change nothing in a run."""


class Sample(NamedTuple):
    """A run to be compared.

    Attributes:
        name: what to call it.
        data: its dataset, complete.
        scenario: that it is a run of.
        seeds: what its replicates began with; equal ones make pairs.
    """

    name: str
    data: xr.Dataset
    scenario: Scenario
    seeds: Any


def compare(samples: Sequence[Sample], *, correction: str = "holm") -> dict[str, Any]:
    """Set runs side by side.

    Args:
        samples: the runs.
        correction: of p-values for their number, of
            :data:`evosim.stats.tests.CORRECTIONS`.

    Returns:
        runs (name, scenario, replicates of each), confidence, correction, comparisons (the
        p-values that are corrected together), permutations (at most, behind a p-value), differs
        (key and value in each run, None where it has none) and measures: each with name, measure,
        values (of each run value, interval, columns and undefined replicates; None where it has
        none) and differences (to the first run; None for itself and where there is none): value,
        interval, effect_size (Hedges' g), effect_interval, superiority, p (two-sided, of a
        permutation test; None without an interval), p_corrected, permutations, exact, n (replicates
        of both that are defined), paired; undefined: what could not be compared, name, measure, and
        the runs without such a number.

    Raises:
        EvosimError: fewer than two runs, nothing that is measured in the first and another, or no
            such correction.
    """
    if len(samples) < 2:
        raise EvosimError(f"to compare takes two runs or more (got {len(samples)})")
    first = samples[0].scenario
    bootstrap = Bootstrap.of(
        int(samples[0].data.attrs["seed"]),
        confidence=first.verdict.confidence,
        resamples=first.verdict.resamples,
    )
    worlds = _end_worlds(samples)
    measured = [dict(_measured(sample, worlds)) for sample in samples]
    rows: list[dict[str, Any]] = []
    lacking: list[dict[str, Any]] = []
    for row in dict.fromkeys(row for one in measured for row in one):
        columns = [one.get(row) for one in measured]
        if columns[0] is not None and any(c is not None for c in columns[1:]):
            rows.append(_row(row, columns, samples, bootstrap))
        else:
            without = [s.name for s, column in zip(samples, columns, strict=True) if column is None]
            lacking.append({**row._asdict(), "runs": without})
    if not rows:
        names = ", ".join(sample.name for sample in samples)
        raise EvosimError(
            f"{names}: nothing that is measured in the first run is defined in another one too"
        )
    return {
        "runs": [
            {
                "name": sample.name,
                "scenario": sample.scenario.id,
                "replicates": int(sample.data.sizes["replicate"]),
            }
            for sample in samples
        ],
        "confidence": bootstrap.confidence,
        "correction": correction,
        "comparisons": _correct(rows, correction),
        "permutations": tests.PERMUTATIONS,
        "differs": differences([sample.scenario for sample in samples]),
        "measures": rows,
        "undefined": lacking,
    }


def differences(scenarios: Sequence[Scenario]) -> list[dict[str, Any]]:
    """The keys in which scenarios differ, with the value in each, None where it has none."""
    documents = [scenario.to_dict() for scenario in scenarios]
    return differing(
        [{k: v for k, v in document.items() if k not in NOT_COMPARED} for document in documents]
    )


def differing(documents: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The dotted keys in which nested tables differ, with the value in each, None where it has
    none."""
    flat = [dict(_flat(document)) for document in documents]
    keys = dict.fromkeys(key for one in flat for key in one)
    return [
        {"key": key, "values": [one.get(key) for one in flat]}
        for key in keys
        if any(one.get(key) != flat[0].get(key) for one in flat)
    ]


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of a document, with their dotted keys."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _flat(item, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        for n, item in enumerate(value):
            yield from _flat(item, f"{path}.{n}")
    else:
        yield path, value


# What is measured


class Row(NamedTuple):
    """What is compared: its name in words, and the metric that it is."""

    name: str
    measure: str


def _end_worlds(samples: Sequence[Sample]) -> str:
    """In which world the end of a run is measured, in words: that which trains last."""
    titles = {}
    for name, data, scenario, _ in samples:
        world = environment_of(data, scenario, Query(measure="alignment"))
        titles[name] = scenario.environments[world].title or world
    if len({*titles.values()}) == 1:
        return f"in “{next(iter(titles.values()))}”"
    return f"in the world that trains last ({'; '.join(f'{n}: {t}' for n, t in titles.items())})"


def _measured(sample: Sample, worlds: str) -> Iterator[tuple[Row, Floats]]:
    """Each metric of a run that is defined, [replicate]; what is lost at flips first.

    Args:
        worlds: where the end is.
    """
    data, scenario, _ = sample[1:]
    called = ["the flip" if len(scenario.flips) == 1 else f"flip {n}" for n in
              range(len(scenario.flips))]  # fmt: skip
    for where, flip in zip(called, scenario.flips, strict=True):
        lost = Query(measure="collapse", turn=flip.generation)
        yield from _asked(sample, lost, f"at {where}")
    for where, flip in zip(called, scenario.flips, strict=True):
        for name in JUDGED:
            query = Query(measure=name, at="flip", turn=flip.generation)
            for side, column in across(data, scenario, query, name)._asdict().items():
                row = Row(f"{METRICS[name].called()} {side} {where}", name)
                yield from _defined(row, column)
    end = f"{WHEN['end']}, {worlds}"
    yield from _asked(sample, Query(measure="payoff", of=scenario.objective.intended), end)
    yield from _asked(sample, Query(measure="capability"), end)
    yield from _asked(sample, Query(measure="alignment"), end)
    yield from _asked(sample, Query(measure="gene", of="depth"))
    used = mechanisms.used(scenario)
    for compared in mechanisms.defined("metrics", "COMPARED", used).values():
        for query, when in compared:
            yield from _asked(sample, query, when)


def _asked(sample: Sample, query: Query, when: str = WHEN["end"]) -> Iterator[tuple[Row, Floats]]:
    metric = METRICS[query.measure]
    (column,) = metric.columns(sample.data, sample.scenario, query)
    row = Row(f"{metric.called(query.of)} {when}".rstrip(), query.measure)
    yield from _defined(row, column)


def _defined(row: Row, column: Floats) -> Iterator[tuple[Row, Floats]]:
    if np.isfinite(column).any():
        yield row, column


# Values and differences


def _row(
    row: Row, columns: Sequence[Floats | None], samples: Sequence[Sample], bootstrap: Bootstrap
) -> dict[str, Any]:
    first = columns[0]
    assert first is not None
    values: list[dict[str, Any] | None] = []
    for sample, column in zip(samples, columns, strict=True):
        # The key of the run's own bootstrap, so that its intervals are those of its summary.
        key = rng.key(int(sample.data.attrs["seed"]), rng.Purpose.BOOTSTRAP)
        values.append(None if column is None else _value(column, replace(bootstrap, key=key)))
    changes: list[dict[str, Any] | None] = [None]
    key = rng.key(int(samples[0].data.attrs["seed"]), rng.Purpose.PERMUTATION)
    for sample, column in zip(samples[1:], columns[1:], strict=True):
        if column is None:
            changes.append(None)
            continue
        paired = sample.seeds == samples[0].seeds
        change = asdict(
            tests.compare_samples(column, first, paired=paired, key=key, bootstrap=bootstrap)
        )
        for number in ("value", "effect_size", "superiority"):
            change[number] = intervals.finite(change[number])
        for ends in ("interval", "effect_interval"):
            change[ends] = change[ends] and [intervals.finite(end) for end in change[ends]]
        # p_corrected comes once all of them are known.
        changes.append({**change, "n": list(change["n"]), "p_corrected": None})
    return {**row._asdict(), "values": values, "differences": changes}


def _value(column: Floats, bootstrap: Bootstrap) -> dict[str, Any]:
    estimate = intervals.mean(column, bootstrap)
    return {
        **estimate.to_dict(),
        "columns": [[intervals.finite(v) for v in column]],
        "undefined": estimate.n_undefined,
    }


def _correct(rows: Sequence[Mapping[str, Any]], correction: str) -> int:
    """Correct the p-values of all comparisons together; how many they are."""
    changes = [change for row in rows for change in row["differences"] if change is not None]
    together = tests.corrected([change["p"] for change in changes], correction)
    for change, p in zip(changes, together, strict=True):
        change["p_corrected"] = p
    return sum(p is not None for p in together)


# In words


def describe(comparison: Mapping[str, Any]) -> str:
    """A comparison for people: what differs, then a block a measure.

    Args:
        comparison: what :func:`compare` returned.
    """
    names = [run["name"] for run in comparison["runs"]]
    width = max(map(len, names))
    lines = ["What differs between the scenarios"]
    for change in comparison["differs"]:
        lines.append(f"  {change['key']}: {' | '.join(map(_written, change['values']))}")
    if not comparison["differs"]:
        lines.append("  nothing")
    for row in comparison["measures"]:
        lines += ["", *filled(row["name"], indent="    ")]
        for name, value, change in zip(names, row["values"], row["differences"], strict=True):
            if value is None:
                why = f"  {name:<{width}}  undefined: {why_undefined(row['measure'])}"
                lines += filled(why, indent=" " * (width + 4))
                continue
            n = len(value["columns"][0]) - value["undefined"]
            shown = f"  {name:<{width}}  {intervals.shown(value)}  n = {n}"
            if value["undefined"]:
                shown += f"; {value['undefined']} undefined: {why_undefined(row['measure'])}"
            lines += filled(shown, indent=" " * (width + 4))
            if change is None:
                continue
            words = [f"difference {intervals.shown(change)}"]
            if change["effect_size"] is not None:
                size = {"value": change["effect_size"], "interval": change["effect_interval"]}
                words.append(f"g {intervals.shown(size, '.2g')}")
            if change["p"] is not None:
                words.append(f"A {change['superiority']:.2f}")
                words.append(f"p {change['p']:.2g}")
                correction = CORRECTIONS[comparison["correction"]]
                words.append(f"{correction} {change['p_corrected']:.2g}")
            lines.append(f"    {'  '.join(words)}")
    if comparison["undefined"]:
        lines += ["", "Not compared"]
    for row in comparison["undefined"]:
        why = (
            f"  {row['name']}, {', '.join(row['runs'])}: undefined: {why_undefined(row['measure'])}"
        )
        lines += filled(why, indent="    ")
    return "\n".join([*lines, "", *_foot(comparison)])


def _foot(comparison: Mapping[str, Any]) -> Iterator[str]:
    runs = comparison["runs"]
    counts = ", ".join(str(run["replicates"]) for run in runs)
    yield f"Replicates: {counts}. Differences are to {runs[0]['name']}."
    changes = [c for row in comparison["measures"] for c in row["differences"] if c is not None]
    percent = f"{100 * comparison['confidence']:g} %"
    if not any(change["interval"] is not None for change in changes):
        yield "One replicate has no interval and no test; more replicates show what is chance."
        return
    ways = {change["paired"] for change in changes}
    how = {
        frozenset({True}): "paired by their seeds",
        frozenset({False}): "independent samples, because seeds or numbers of replicates differ",
    }.get(frozenset(ways), "paired if seeds and numbers of replicates agree")
    yield f"[low, high]: BCa intervals of {percent}; replicates are {how}."
    yield f"g: Hedges' g, in standard deviations, with an interval of {percent} (noncentral t)."
    yield "A: chance that a replicate is above one of the first run, or its partner; 0.5: equal."
    yield (
        f"p: two-sided permutation test of the means, {comparison['permutations']} permutations "
        "or all possible ones;"
    )
    correction = CORRECTIONS[comparison["correction"]]
    yield f"then corrected for {comparison['comparisons']} comparisons ({correction})."
    if any(change["interval"] is None for change in changes):
        yield "One replicate has no interval and no test."


def _written(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_written, value)) + "]"
    if isinstance(value, str) and "\n" in value:
        return "(a text of several lines)"
    return f"{value:g}" if isinstance(value, float) else str(value)
