"""Runs side by side: what differs between their scenarios, and what between their measures.

The first run is the one that the others are compared with. Runs of one seed with equally many
replicates are paired, replicate by replicate; all others are independent samples.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from evosim import rng
from evosim.errors import EvosimError
from evosim.measure import statistics
from evosim.measure.quantities import MEASURES, Floats, Term, across
from evosim.measure.statistics import Bootstrap, Estimate

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario

PERMUTATIONS = 9999
"""Permutations behind a p-value, at most; all there are where they are fewer."""
NOT_COMPARED = ("experiment", "id", "title", "question", "claim", "source", "control", "expected")
"""Keys of a scenario that change nothing in a run."""


class Sample(NamedTuple):
    """A run to be compared.

    Attributes:
        name: what to call it.
        data: its dataset, complete.
        scenario: what it lived by.
        seeds: what its replicates were drawn from; equal ones make pairs.
    """

    name: str
    data: xr.Dataset
    scenario: Scenario
    seeds: Any


def compare(samples: Sequence[Sample]) -> dict[str, Any]:
    """Set runs side by side.

    Returns:
        runs (name, scenario, replicates of each), confidence, differs (key and value in each run,
        None where it has none) and measures: each with name, values (of each run value, interval,
        columns and undefined replicates; None where it has no such number) and differences (to
        the first run; None for itself and where there is none): value, interval, p (two-sided, of a
        permutation test; None without an interval), paired.

    Raises:
        EvosimError: fewer than two runs, or nothing that is measured in the first and another.
    """
    if len(samples) < 2:
        raise EvosimError(f"to compare takes two runs or more (got {len(samples)})")
    first = samples[0].scenario
    bootstrap = Bootstrap.of(
        int(samples[0].data.attrs["seed"]),
        confidence=first.verdict.confidence,
        resamples=first.verdict.resamples,
    )
    measured = [dict(_measured(sample)) for sample in samples]
    rows = []
    for name in dict.fromkeys(name for one in measured for name in one):
        columns = [one.get(name) for one in measured]
        if columns[0] is not None and any(c is not None for c in columns[1:]):
            rows.append(_row(name, columns, samples, bootstrap))
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
        "differs": differences([sample.scenario for sample in samples]),
        "measures": rows,
    }


def differences(scenarios: Sequence[Scenario]) -> list[dict[str, Any]]:
    """The keys in which scenarios differ, with the value in each, None where it has none."""
    flat = []
    for scenario in scenarios:
        document = scenario.document
        for key in NOT_COMPARED:
            document.pop(key, None)
        flat.append(dict(_flat(document)))
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


def _measured(sample: Sample) -> Iterator[tuple[str, Floats]]:
    """Each measure of a run that is defined, [replicate]."""
    data, scenario, _ = sample[1:]
    for n, flip in enumerate(scenario.flips):
        where = "the flip" if len(scenario.flips) == 1 else f"flip {n}"
        sides = {
            measure: across(
                data, scenario, Term(measure=measure, at="flip", turn=flip.generation), measure
            )
            for measure in ("capability", "alignment")
        }
        for measure, (before, after) in sides.items():
            yield from _defined(f"{measure} before {where}", before)
            yield from _defined(f"{measure} after {where}", after)
        before, after = sides["alignment"]
        yield from _defined(f"collapse at {where}", before - after)
    intended = scenario.objective.intended
    yield from _asked(f"expected {intended} at the end", sample, "payoff", intended)
    yield from _asked("capability at the end", sample, "capability")
    yield from _asked("alignment at the end", sample, "alignment")
    yield from _asked("mean depth at the end", sample, "gene", "depth")
    if scenario.evolution.islands is not None:
        yield from _asked("differentiation between demes at the end", sample, "differentiation")
    if scenario.evolution.open is not None:
        yield from _asked("share of populations that died out", sample, "extinct")
        yield from _asked("population size at the end", sample, "size")


def _asked(name: str, sample: Sample, measure: str, of: str = "") -> Iterator[tuple[str, Floats]]:
    term = Term(measure=measure, of=of)
    (column,) = MEASURES[measure].of(sample.data, sample.scenario, term)
    yield from _defined(name, column)


def _defined(name: str, column: Floats) -> Iterator[tuple[str, Floats]]:
    if np.isfinite(column).any():
        yield name, column


# Values and differences


def _row(
    name: str, columns: Sequence[Floats | None], samples: Sequence[Sample], bootstrap: Bootstrap
) -> dict[str, Any]:
    first = columns[0]
    assert first is not None
    values = [
        None if column is None else _value(column, replace(bootstrap, key=_key(sample)))
        for sample, column in zip(samples, columns, strict=True)
    ]
    changes: list[dict[str, Any] | None] = [None]
    for sample, column in zip(samples[1:], columns[1:], strict=True):
        paired = sample.seeds == samples[0].seeds
        changes.append(None if column is None else difference(column, first, paired, bootstrap))
    return {"name": name, "values": values, "differences": changes}


def _key(sample: Sample) -> int:
    """The key of a run's own bootstrap, so that its intervals are those of its summary."""
    return rng.key(int(sample.data.attrs["seed"]), rng.Purpose.BOOTSTRAP)


def _value(column: Floats, bootstrap: Bootstrap) -> dict[str, Any]:
    estimate = statistics.mean(column, bootstrap)
    return {
        **_plain(estimate),
        "columns": [[float(v) if np.isfinite(v) else None for v in column]],
        "undefined": estimate.n_undefined,
    }


def difference(column: Floats, first: Floats, paired: bool, bootstrap: Bootstrap) -> dict[str, Any]:
    """The mean of a run less that of another, with a BCa interval and a permutation test.

    Args:
        column, first: [replicate] each; NaN is left out, of pairs with its partner.
        paired: whether replicates belong together.
    """
    if paired:
        a, b = column, first
        defined = np.isfinite(a) & np.isfinite(b)
        a, b = a[defined], b[defined]
        estimate = statistics.difference(a, b, bootstrap)
    else:
        a, b = column[np.isfinite(column)], first[np.isfinite(first)]
        estimate = statistics.difference_of_independent(a, b, bootstrap)
    p = None if estimate.interval is None else _p(a, b, paired, bootstrap)
    return {**_plain(estimate), "p": p, "paired": paired}


def _p(a: Floats, b: Floats, paired: bool, bootstrap: Bootstrap) -> float:
    """Two-sided p-value of a permutation test that nothing but chance tells the runs apart."""
    from scipy import stats

    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        warnings.simplefilter("ignore")
        found = stats.permutation_test(
            (a, b),
            _difference_of_means,
            permutation_type="samples" if paired else "independent",
            vectorized=True,
            n_resamples=PERMUTATIONS,
            rng=np.random.default_rng(bootstrap.key),
        )
    return float(found.pvalue)


def _difference_of_means(a: Floats, b: Floats, axis: int = -1) -> Any:
    return np.mean(a, axis=axis) - np.mean(b, axis=axis)


def _plain(estimate: Estimate) -> dict[str, Any]:
    ends = estimate.interval
    interval = None if ends is None else [v if np.isfinite(v) else None for v in ends]
    value = estimate.value if np.isfinite(estimate.value) else None
    return {"value": value, "interval": interval}


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
        lines += ["", row["name"]]
        for name, value, change in zip(names, row["values"], row["differences"], strict=True):
            if value is None:
                lines.append(f"  {name:<{width}}  undefined")
                continue
            text = f"  {name:<{width}}  {statistics.shown(value):<24}"
            lines.append((text + _change(change)).rstrip())
    return "\n".join([*lines, "", *_foot(comparison)])


def _change(change: Mapping[str, Any] | None) -> str:
    if change is None:
        return ""
    p = "" if change["p"] is None else f"  p = {change['p']:.2g}"
    return f"  difference {statistics.shown(change)}{p}"


def _foot(comparison: Mapping[str, Any]) -> Iterator[str]:
    runs = comparison["runs"]
    counts = ", ".join(str(run["replicates"]) for run in runs)
    yield f"Replicates: {counts}. Differences are to {runs[0]['name']}."
    changes = [c for row in comparison["measures"] for c in row["differences"] if c is not None]
    if any(change["interval"] is not None for change in changes):
        percent = f"{100 * comparison['confidence']:g} %"
        ways = {change["paired"] for change in changes}
        how = {
            frozenset({True}): "paired by their seeds",
            frozenset({False}): "independent samples, as seeds or numbers of replicates differ",
        }.get(frozenset(ways), "paired where seeds and numbers of replicates agree")
        yield f"[low, high]: BCa intervals of {percent}; replicates are {how};"
        yield "p: two-sided permutation test of the means."
    else:
        yield "One replicate has no interval: more of them tell what is chance."


def _written(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_written, value)) + "]"
    if isinstance(value, str) and "\n" in value:
        return "(a text of several lines)"
    return f"{value:g}" if isinstance(value, float) else str(value)
