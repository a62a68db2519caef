"""Studies whose every point has a known answer, from the tables that ship."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from evosim.study import reading

TABLES = Path(__file__).parents[2] / "docs" / "studies"


def guarding(leaving: float) -> float:
    """The patience from which a realistic mind guards, where k = 1 and c = b.

    g q >= (1 - g)(1 - g + g q) is g^2 q >= (1 - g)^2.
    """
    return 1 / (1 + math.sqrt(leaving))


def behaving(share: float) -> float:
    """The patience from which a mind behaves that gives tests a chance: p > (l - b) / (g l)."""
    return 0.4 / share


Border = Callable[[float], float]
each = pytest.mark.parametrize(
    ("study", "x", "measure", "border"),
    [
        ("goal_guarding", "leaving", "deceptive", guarding),
        ("honeypots", "share", "alignment", behaving),
    ],
)


def rows(study: str) -> list[dict[str, str]]:
    with (TABLES / f"{study}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@each
def test_every_point_is_on_the_side_that_the_formula_says(
    study: str, x: str, measure: str, border: Border
) -> None:
    found = rows(study)
    assert len({(row[x], row["patience"]) for row in found}) == 144
    beyond = [float(row["patience"]) > border(float(row[x])) for row in found]
    assert [float(row[measure]) > 0.5 for row in found] == beyond
    assert 0 < sum(beyond) < len(beyond)


@each
def test_the_line_that_is_drawn_is_that_of_the_formula(
    study: str, x: str, measure: str, border: Border
) -> None:
    line = reading.load(study).study.measures[measure].theory
    assert len(line) == 25
    for at, patience in line:
        assert abs(patience - border(at)) < 2e-4


def test_minds_that_guard_are_never_corrected() -> None:
    for row in rows("goal_guarding"):
        guards = float(row["patience"]) > guarding(float(row["leaving"]))
        assert (float(row["corrected"]) == 0) == guards
