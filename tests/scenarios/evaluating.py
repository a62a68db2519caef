"""Evaluating the findings of a scenario from the columns that its record holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import evosim
from evosim.gallery.record import Record
from evosim.gallery.record import columns_of as recorded
from evosim.metrics import Query, hypotheses, turns
from evosim.metrics.hypotheses import Conditions, WeightedTerm
from evosim.scenario import Scenario
from evosim.stats.intervals import Bootstrap
from evosim.study import design

Columns = list[NDArray[np.float64]]

ROUNDED = 2e-5
"""What rounding to six significant digits can do, relative to the largest number that goes in."""

TIES = 0.05
"""What rounding can do to an interval, relative to its width: among shares many resamples have
the very mean of the sample, and rounding puts them on one side of it."""


def terms_of(scenario: Scenario) -> list[tuple[WeightedTerm, ...]]:
    """The terms of each finding."""
    assert scenario.experiment is not None
    flips = turns(design.reference(scenario))
    findings = scenario.experiment.findings
    return [hypotheses.terms_of(finding, scenario.experiment, flips) for finding in findings]


def evaluated(
    record: Record, scenario: Scenario, columns: Sequence[Sequence[Columns]]
) -> list[dict[str, Any]]:
    """The findings of a scenario, settled from columns by finding and term."""
    assert scenario.experiment is not None
    bootstrap = Bootstrap.of(
        record["seed"],
        confidence=scenario.verdict.confidence,
        resamples=scenario.verdict.resamples,
    )
    scenarios = design.arms(scenario)
    return [
        hypotheses.evaluate(finding, terms, of_terms, bootstrap, scenarios)
        for finding, terms, of_terms in zip(
            scenario.experiment.findings, terms_of(scenario), columns, strict=True
        )
    ]


def without_effect(record: Record, scenario: Scenario) -> list[list[Columns]]:
    """Columns by finding and term, with the control's in place of the effect's.

    The control of a finding is what it subtracts; half of its replicates then stand for the
    effect and the other half, other populations under the same conditions, for themselves. Of a
    finding that subtracts nothing the control is another arm in which the same thing was measured
    for another finding; where there is none, the finding keeps its own columns.
    """
    assert scenario.experiment is not None
    first = next(iter(scenario.experiment.arms))
    columns = [recorded(finding) for finding in record["findings"]]
    findings = terms_of(scenario)
    known: dict[Query, dict[str, Columns]] = {}
    for terms, of_terms in zip(findings, columns, strict=True):
        for term, own in zip(terms, of_terms, strict=True):
            known.setdefault(term.query, {})[term.arm] = own
    found = []
    for terms, of_terms in zip(findings, columns, strict=True):
        control = _control(terms, of_terms, known, first)
        half = len(control[0]) // 2 if len(terms) > 1 else None
        effect, rest = [c[:half] for c in control], [c[-half:] if half else c for c in control]
        found.append([effect if term.weight > 0 else rest for term in terms])
    return found


def _control(
    terms: Sequence[WeightedTerm],
    columns: Sequence[Columns],
    known: Mapping[Query, Mapping[str, Columns]],
    first: str,
) -> Columns:
    subtracted = [c for term, c in zip(terms, columns, strict=True) if term.weight < 0]
    if subtracted:
        return subtracted[0]
    own = columns[0]
    others = [c for arm, c in known[terms[0].query].items() if arm != terms[0].arm]
    return others[0] if terms[0].arm == first and others else own


def assert_same(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Assert that a finding has the numbers, the interval and the verdict of another."""
    sizes = [abs(v) for c in (c for t in recorded(wanted) for c in t) for v in c if v == v]
    near = ROUNDED * max(sizes, default=1.0)
    assert found["verdict"] == wanted["verdict"]
    for key in ("threshold", "secondary", "constant"):
        assert found[key] == wanted[key], key
    assert [t["given"] for t in found["terms"]] == [t["given"] for t in wanted["terms"]]
    assert (found["p"] is None) == (wanted["p"] is None)
    assert (found["p"] or 0.0) == pytest.approx(wanted["p"] or 0.0, rel=0.2, abs=2e-5)
    assert (found["replicates"], found["undefined"]) == (wanted["replicates"], wanted["undefined"])
    assert found["value"] == pytest.approx(wanted["value"], rel=ROUNDED, abs=near)
    assert found["interval"] == pytest.approx(
        wanted["interval"], rel=ROUNDED, abs=near + TIES * _width(wanted)
    )


def _width(finding: Mapping[str, Any]) -> float:
    ends = finding["interval"]
    return 0.0 if ends is None or None in ends else ends[1] - ends[0]


def assert_reproduced(
    record: Record, scenario: Scenario, folder: Path, *, arms: int | None = None
) -> None:
    """Run the first replicate of every arm again; assert that it measures what is recorded.

    Args:
        arms: of the first arms alone, where not of all.
    """
    conditions = {}
    for name, arm in list(design.arms(scenario).items())[:arms]:
        run = evosim.run(
            arm, seed=record["seed"], replicates=1, out=folder / name, workers=1, figures=False
        )
        conditions[name] = Conditions(run.data, run.scenario)
    for terms, finding in zip(terms_of(scenario), record["findings"], strict=True):
        for term, columns in zip(terms, recorded(finding), strict=True):
            if term.arm not in conditions:
                continue
            again = hypotheses.columns_of(term, conditions)
            np.testing.assert_allclose(
                [column[0] for column in again],
                [column[0] for column in columns],
                rtol=1e-5,
                atol=1e-12,
                err_msg=f"{finding['says']}, arm {term.arm}",
            )
