"""The study of goal guarding against its closed form, from the table that ships."""

from __future__ import annotations

import csv
import math
from pathlib import Path

from evosim.study import reading

TABLE = Path(__file__).parents[2] / "docs" / "studies" / "goal_guarding.csv"


def border(leaving: float) -> float:
    """The patience from which a realistic mind guards, with k = 1 and c = b.

    g q >= (1 - g)(1 - g + g q) is g^2 q >= (1 - g)^2.
    """
    return 1 / (1 + math.sqrt(leaving))


def test_every_point_is_on_the_side_that_the_formula_says() -> None:
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(line for line in file if line[0] != "#")]
    assert len({(row["leaving"], row["patience"]) for row in rows}) == 144
    for row in rows:
        guards = float(row["patience"]) > border(float(row["leaving"]))
        assert float(row["deceptive"]) == guards
        assert (float(row["corrected"]) == 0) == guards


def test_the_line_that_is_drawn_is_that_of_the_formula() -> None:
    line = reading.load("goal_guarding").study.measures["deceptive"].theory
    assert len(line) == 25
    for leaving, patience in line:
        assert abs(patience - border(leaving)) < 2e-4
