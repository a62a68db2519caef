"""The figure of the analysis ``heredity``, drawn from its summary alone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "evolution"))

from breeding import with_genes
from descending import dataset

from evosim.execution.runner import finite
from evosim.metrics.analyses import ANALYSES
from evosim.metrics.analyses.registry import Request
from evosim.plot import analyses
from evosim.plot.style import write

PARTS = ("selection", "drift", "transmission")
PHASES = [
    {"generations": 8, "train": "wild"},
    {"generations": 4, "train": "wild", "select": False},
    {"generations": 6, "train": "wild"},
]


def summary(n_loci: int = 4) -> dict[str, Any]:
    made = with_genes(n_loci, timeline=PHASES)
    found = ANALYSES["heredity"].analyse(dataset(made), made, Request(seed=1))
    return {"title": "Bred", **finite(found), "flips": [8]}


def lines_of(panel: Any) -> dict[str, Any]:
    return {line.get_label(): line for line in panel.get_lines()}


@pytest.mark.parametrize("n_loci", [1, 2, 3, 4, 7])
def test_each_gene_has_a_panel_whose_parts_sum_to_its_change(n_loci: int, tmp_path: Path) -> None:
    drawn = analyses.figure("heredity", summary(n_loci))
    *genes, sizes, founders = drawn.axes
    assert [panel.get_title(loc="left") for panel in genes] == [
        f"drive.gene{k}" for k in range(n_loci)
    ]
    told = summary(n_loci)
    for panel, gene in zip(genes, told["genes"], strict=True):
        bars = [(b.get_label(), b.patches[0]) for b in panel.containers]
        for n, phase in enumerate(told["phases"]):
            own = {
                part: bar.get_height()
                for part, bar in bars
                if round(bar.get_x() + bar.get_width() / 2) == n
            }
            parts = {part: phase["price"][gene][part]["value"] for part in PARTS}
            assert own == pytest.approx(parts)
        change = [line.get_ydata()[0] for line in panel.lines if line.get_label() == "change"]
        assert change == [
            pytest.approx(sum(phase["price"][gene][part]["value"] for part in PARTS))
            for phase in told["phases"]
        ]
    assert {"effective size", "individuals"} <= set(lines_of(sizes))
    assert lines_of(founders)["founders with descendants"].get_ydata()[0] == 20
    write(drawn, tmp_path / "x.png")


def test_the_harmonic_mean_stands_over_its_phase() -> None:
    told = summary()
    sizes = analyses.figure("heredity", told).axes[-2]
    bars = [line for line in sizes.get_lines() if "harmonic" in str(line.get_label())]
    for n, (phase, bar) in enumerate(zip(told["phases"], bars, strict=True)):
        value = phase["effective_size"]["coalescence"]["value"]
        assert told["effective_size"]["phases"][n] == value
        assert list(bar.get_xdata()) == [phase["from"], phase["to"]]
        drawn = float(bar.get_ydata()[0])
        assert np.isnan(drawn) if value is None else np.isclose(drawn, value)


def test_a_population_that_died_out_and_a_blended_one_are_drawn() -> None:
    told = summary()
    for part in told["phases"][-1]["price"]["drive.gene0"].values():
        part["value"] = part["interval"] = None
    told["founders"]["left"][11:] = [None] * 7
    told["founders"]["effective"][11:] = [None] * 7
    told["effective_size"]["coalescence"][10:] = [None] * 7
    told["sizes"][11:] = [0] * 7
    panel = analyses.figure("heredity", told).axes[0]
    assert len([bars for bars in panel.containers if bars.get_label() == "selection"]) == 2
