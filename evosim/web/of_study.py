"""The page of a study: what it asks, the phase diagram, every point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evosim.engine.files import exists
from evosim.plot.experiment import number, p_value, shown
from evosim.study import table as tables
from evosim.study.report import describe
from evosim.web import of_experiment, of_run, parts
from evosim.web import page as pages

if TYPE_CHECKING:
    from evosim.api.studies import Study
    from evosim.plot.drawing import Failed

MOST_ROWS = 6000


def page_of(study: Study, *, failed: Failed | None = None) -> str:
    """The page of a study, of as many runs as are done.

    Args:
        failed: called with the error of each figure that cannot be drawn; raised if None.
    """
    summary = study.summary
    folder = study._folder
    columns = [column.name for column in tables.columns_of(folder)]
    rows = [[_plain(value) for value in row] for row in tables.rows(folder)]
    title = "Every run, a row each"
    if len(rows) > MOST_ROWS:
        rows = rows[:MOST_ROWS]
        title = f"The first {MOST_ROWS} runs, a row each; evosim study export has all"
    sources = [
        (called, parts.toml(path.read_text(encoding="utf-8")))
        for called in ("Study", "Scenario")
        if exists(path := folder.path / f"{called.lower()}.toml")
    ]
    return render(
        summary,
        manifest=study.manifest,
        figures=of_experiment.figures("study", summary, failed=failed),
        data=[parts.table(f"{summary['study']}.csv", title, columns, rows)],
        sources=sources,
    )


def render(
    summary: Mapping[str, Any],
    *,
    manifest: Mapping[str, Any] | None = None,
    figures: Sequence[parts.Drawn] = (),
    data: Sequence[Mapping[str, Any]] = (),
    sources: Sequence[tuple[str, Any]] = (),
) -> str:
    """The page of a study from what is there: its summary is enough.

    Args:
        summary: summary.json.
        manifest: study.json.
        data: tables of :func:`evosim.web.parts.table`.
        sources: titles and files, highlighted.
    """
    manifest = manifest or {}
    runs = summary["runs"]
    return pages.render(
        "study.html",
        title=f"{summary['title']}: report",
        data={"lives": [], "charts": [], "tables": list(data)},
        script=pages.static("report.js"),
        summary=summary,
        missing=runs["wanted"] - runs["lived"],
        cards=[_card(measure, summary, name) for name, measure in summary["measures"].items()],
        columns=[
            *(p["label"] for p in summary["parameters"].values()),
            *(m["label"] for m in summary["measures"].values()),
        ],
        points=[_point(point, summary) for point in summary["points"]],
        figures=figures,
        tables=data,
        text=describe(summary),
        sources=sources,
        command=manifest.get("command", ""),
        facts=of_run.facts(manifest, summary),
    )


def _card(measure: Mapping[str, Any], summary: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The range of a measure over the points, and how many points are on which side."""
    numbers = [point["measures"][name] for point in summary["points"] if point["lived"]]
    values = [each["value"] for each in numbers if each["value"] is not None]
    verdicts = [each.get("verdict", "") for each in numbers]
    counts = [
        f"{verdicts.count(verdict)} {verdict}"
        for verdict in ("supported", "undecided", "refuted")
        if verdict in verdicts
    ]
    threshold = measure["threshold"]
    return {
        "label": measure["label"],
        "low": number(min(values)) if values else "undefined",
        "high": number(max(values)) if values else "",
        "counts": ", ".join(counts),
        "threshold": "" if not threshold else " ".join(
            f"{side} {number(value)}" for side, value in threshold.items()
        ),
    }  # fmt: skip


def _point(point: Mapping[str, Any], summary: Mapping[str, Any]) -> list[str]:
    cells = [number(point["values"][name]) for name in summary["parameters"]]
    for name in summary["measures"]:
        found = point["measures"][name]
        verdict = f", {found['verdict']}" if found.get("verdict") and point["lived"] else ""
        p = f", p {p_value(found['p'])}" if found.get("p") is not None else ""
        cells.append(f"{shown(found)}{verdict}{p}" if point["lived"] else "no run yet")
    return cells


def _plain(value: Any) -> Any:
    """A value of a table as JSON has it."""
    if isinstance(value, float):
        return float(f"{value:.6g}") if value == value else None
    return value if value is None or isinstance(value, int | str | bool) else str(value)
