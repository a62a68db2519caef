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
from evosim.benchmarks import history
from evosim.benchmarks import studies as of_studies
from evosim.benchmarks.rows import Row, heading, notes, table
from evosim.core.structs import LANES
from evosim.engine import provenance
from evosim.execution.output import console

if TYPE_CHECKING:
    from evosim.plot.throughput import Curve


def main(
    *,
    json: bool = False,
    plot: Path | None = None,
    quick: bool = False,
    studies: bool = False,
    record: bool = False,
    check: bool = False,
) -> None:
    """Measure and print the table.

    Args:
        json: print JSON and no table.
        plot: draw cost against population, levels, states, depth and replicates to this file:
            svg, png or pdf by its suffix, both svg and png where it has none. Takes a minute;
            with ``quick``, smaller sizes and seconds.
        quick: fewer repetitions; no whole runs and no compilation.
        studies: measure studies on several workers instead; takes minutes.
        record: keep what was measured in benchmarks/history.
        check: compare ratios with the last record of this machine.

    Raises:
        EvosimError: a format that figures are not written in, a file that cannot be written; with
            ``check``, a ratio that has fallen, or no record of this machine.
    """
    if plot is not None and plot.suffix:
        from evosim.plot.style import check_format

        check_format(plot.suffix.lstrip("."))
    load = list(os.getloadavg())
    rows: list[Row] = []
    curves: list[Curve] = []
    with console(stderr=True).status("measuring") as status:
        for what, measure in of_studies.parts(quick) if studies else of_core.parts(quick):
            status.update(f"measuring: {what}")
            rows += measure()
        if plot is not None:
            from evosim.benchmarks import scaling

            status.update("measuring: cost against sizes")
            curves = list(scaling.curves(quick=quick))
    facts = {
        **provenance.machine(),
        "versions": provenance.versions(),
        "threads": core.threads(),
        "threading_layer": of_core.LAYER,
        "load": [round(value, 2) for value in load],
        "quick": quick,
    }
    files = _draw(curves, plot, facts) if plot is not None else []
    now = history.record_of(facts, rows)
    shown = console(stderr=json)
    if json:
        print(json_format.dumps(_as_json(facts, rows, curves), indent=2, ensure_ascii=False))
    else:
        shown.print(heading(facts))
        shown.print(table(rows))
        shown.print(notes(rows))
    for file in files:
        shown.print(str(file))
    if check:
        shown.print(history.check(now, rows))
    if record:
        shown.print(str(history.write(now)))


def _as_json(
    facts: Mapping[str, Any], rows: Sequence[Row], curves: Sequence[Curve]
) -> dict[str, Any]:
    found: dict[str, Any] = {**facts, "rows": [{**asdict(row), "met": row.met} for row in rows]}
    if curves:
        from evosim.plot.throughput import fit

        found["cost"] = [{**c._asdict(), "exponent": fit(c).exponent} for c in curves]
    return found


def _draw(curves: Sequence[Curve], path: Path, facts: Mapping[str, Any]) -> list[Path]:
    from evosim.plot.style import write
    from evosim.plot.throughput import figure

    note = (
        f"Processor time of the lifetimes of a generation (plans, steps) and, at the right below, "
        f"of whole runs in memory, on one core of {facts['processor']}; the best of several. "
        f"Agents share {LANES} lanes, so that fewer cost as much as {LANES}: the exponent of the "
        "population is fitted from there on, that of depth from 4."
    )
    title = "Cost against size"
    drawn = figure(curves, title=title, note=note)
    files = [path] if path.suffix else [path.with_suffix(suffix) for suffix in (".svg", ".png")]
    for file in files:
        write(drawn, file, title=title)
    return files
