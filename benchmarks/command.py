"""The command: what is measured is printed as a table or as JSON, and drawn."""

from __future__ import annotations

import json as json_format
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evosim import core
from evosim.benchmarks import core as of_core
from evosim.benchmarks import studies as of_studies
from evosim.benchmarks.rows import Row, heading, notes, table
from evosim.core.structs import LANES
from evosim.engine import provenance

if TYPE_CHECKING:
    from evosim.plot.throughput import Curve


def main(
    *, json: bool = False, plot: Path | None = None, quick: bool = False, studies: bool = False
) -> None:
    """Measure and print the table.

    Args:
        json: print JSON and no table.
        plot: draw throughput against population, states and depth to this file: svg, png or
            pdf by its suffix, both svg and png where it has none.
        quick: fewer repetitions; no whole runs and no compilation.
        studies: measure studies on several workers instead; takes minutes.

    Raises:
        EvosimError: a format that figures are not written in, a file that cannot be written.
    """
    from rich.console import Console

    if plot is not None and plot.suffix:
        from evosim.plot.style import check_format

        check_format(plot.suffix.lstrip("."))
    load = list(os.getloadavg())
    rows: list[Row] = []
    curves: list[Curve] = []
    with Console(stderr=True).status("measuring") as status:
        for what, measure in of_studies.parts(quick) if studies else of_core.parts(quick):
            status.update(f"measuring: {what}")
            rows += measure()
        if plot is not None:
            status.update("measuring: throughput")
            curves = of_core.throughput(quick=quick)
    facts = {
        **provenance.machine(),
        "versions": provenance.versions(),
        "threads": core.threads(),
        "threading_layer": of_core.LAYER,
        "load": [round(value, 2) for value in load],
        "quick": quick,
    }
    files = _draw(curves, plot, facts) if plot is not None else []
    if json:
        print(json_format.dumps(_as_json(facts, rows, curves), indent=2, ensure_ascii=False))
        return
    console = Console(highlight=False, markup=False)
    console.print(heading(facts))
    console.print(table(rows))
    console.print(notes(rows))
    for file in files:
        console.print(str(file))


def _as_json(
    facts: Mapping[str, Any], rows: Sequence[Row], curves: Sequence[Curve]
) -> dict[str, Any]:
    found: dict[str, Any] = {**facts, "rows": [{**asdict(row), "met": row.met} for row in rows]}
    if curves:
        from evosim.plot.throughput import fit

        found["throughput"] = [{**c._asdict(), "exponent": fit(c).exponent} for c in curves]
    return found


def _draw(curves: Sequence[Curve], path: Path, facts: Mapping[str, Any]) -> list[Path]:
    from evosim.plot.style import write
    from evosim.plot.throughput import figure

    note = (
        f"Whole plans (instinct, backups, policy) on one core of {facts['processor']}; the best of "
        f"several repetitions. Agents share {LANES} lanes, so that fewer cost as much as {LANES}: "
        "the exponent of the population is fitted from there on, that of depth from 4."
    )
    drawn = figure(curves, title="Throughput of the planner", note=note)
    files = [path] if path.suffix else [path.with_suffix(suffix) for suffix in (".svg", ".png")]
    for file in files:
        write(drawn, file, title="Throughput of the planner")
    return files
