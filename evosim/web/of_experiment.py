"""The page of an experiment: its claim, the findings in large numbers, the arms side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from evosim.errors import EvosimError
from evosim.metrics.hypotheses import describe, standing
from evosim.metrics.registry import METRICS
from evosim.plot import summaries, timeseries
from evosim.plot.experiment import (
    finding_label,
    metric_label,
    number,
    p_value,
    shown,
    term_label,
    wanted,
)
from evosim.plot.registry import OF
from evosim.plot.trajectories import BAND
from evosim.web import data, of_run, parts
from evosim.web import page as pages

if TYPE_CHECKING:
    from evosim.api.experiments import Experiment
    from evosim.plot.drawing import Failed
    from evosim.scenario import Scenario

CLASSES = {"supported": "kept", "refuted": "lost"}
MOST_CARDS = 6
"""Findings with large numbers; all are in the table."""
MOST_BANDS = 3
"""Arms up to which curves have bands: more of them hide each other."""
SPARSE = 20
"""Generations between two measured ones, above which a line between them is only dotted."""
VERDICTS = {
    "supported": "Every finding that counts is supported.",
    "refuted": "The measurement contradicts the claim.",
    "undecided": "The measurement leaves the claim open.",
}


def page_of(experiment: Experiment, *, failed: Failed | None = None) -> str:
    """The page of a complete experiment.

    Args:
        failed: called with the error of each figure that cannot be drawn; raised if None.
    """
    summary = experiment.summary
    first = summary["findings"][0]["terms"][0]["arm"]
    return render(
        summary,
        experiment.scenario,
        manifest=experiment.manifest,
        lives=list(of_run.lives_of(experiment.arms[first])),
        figures=figures("experiment", summary, *experiment._drawn_from(), failed=failed),
    )


def render(
    summary: Mapping[str, Any],
    scenario: Scenario | None = None,
    *,
    manifest: Mapping[str, Any] | None = None,
    lives: Sequence[Mapping[str, Any]] = (),
    figures: Sequence[parts.Drawn] = (),
) -> str:
    """The page of an experiment from what is there: its summary is enough.

    Args:
        summary: verdict.json, or a record of the gallery.
        scenario: for its file; None: the page has none.
        manifest: experiment.json.
        lives: see :func:`evosim.web.of_run.lives_of`.
    """
    charts = courses(summary)
    manifest = manifest or {}
    return pages.render(
        "experiment.html",
        title=f"{summary['title']}: report",
        data={
            "lives": [group["lives"] for group in lives],
            "charts": charts,
            "tables": [_table(summary)],
        },
        script=pages.static("report.js"),
        summary=summary,
        meaning=VERDICTS[summary["verdict"]],
        verdict_class=CLASSES.get(summary["verdict"], "open"),
        cards=[_card(finding, summary) for finding in summary["findings"][:MOST_CARDS]],
        columns=["finding", "verdict", "measure", "arms", "effect", "wanted", "p"],
        findings=[_row(finding, summary) for finding in summary["findings"]],
        arms=[
            [name, arm["title"], *([number(arm["at"])] if summary["axis"] else [])]
            for name, arm in summary["arms"].items()
        ],
        tuned=_tuned(summary),
        lives=lives,
        charts=charts,
        figures=figures,
        tables=[_table(summary)],
        text=describe(summary),
        source=None if scenario is None else parts.toml(scenario.to_toml()),
        command=manifest.get("command", summary.get("command", "")),
        facts=of_run.facts(manifest, summary),
    )


def figures(
    of: str, summary: Mapping[str, Any], *more: Any, failed: Failed | None = None
) -> list[parts.Drawn]:
    """The figures of an experiment or a study.

    Args:
        of, summary, more: see :func:`evosim.plot.summaries.draw`.
        failed: called with the error of each that cannot be drawn; raised if None.
    """
    found = []
    for name in summaries.names_for(of, summary):
        title = f"{summary['title']}: {OF[of][name].title}"
        try:
            found.append(parts.inline(summaries.figure(of, name, summary, *more), name, title))
        except EvosimError as error:
            if failed is None:
                raise
            failed(error)
    return found


def _card(finding: Mapping[str, Any], summary: Mapping[str, Any]) -> dict[str, Any]:
    value = {**finding, "interval": None}
    ends = finding["interval"]
    return {
        "says": finding["says"],
        "verdict": finding["verdict"],
        "class": CLASSES.get(finding["verdict"], "open"),
        "value": shown(value),
        "ends": shown(finding).removeprefix(shown(value)).strip() if ends else "",
        "label": f"{_whole(finding)}{finding_label(finding)}",
        "wanted": wanted(finding),
        "not_counted": standing(finding),
    }


def _whole(finding: Mapping[str, Any]) -> str:
    weights = [term["weight"] for term in finding["terms"]]
    if len(weights) == 1:
        return ""
    return "difference in " if weights == [1, -1] else "contrast in "


def _row(finding: Mapping[str, Any], summary: Mapping[str, Any]) -> list[str]:
    not_counted = f" ({why}, not counted)" if (why := standing(finding)) else ""
    amounts = [
        f"; {metric_label(one['measure'], one['of'])} {shown(one)}"
        for one in finding.get("amounts", ())
    ]
    terms = ", ".join(
        f"{term_label(term, finding, summary)}: {shown(term)}"
        f"{' by construction' if term.get('given') else ''}"
        for term in finding["terms"]
    )
    return [
        finding["says"],
        f"{finding['verdict']}{not_counted}",
        finding_label(finding),
        terms,
        "".join([shown(finding), *amounts]),
        wanted(finding),
        p_value(finding.get("p")),
    ]


def _tuned(summary: Mapping[str, Any]) -> dict[str, Any] | None:
    tuned = summary.get("tuned")
    if not tuned:
        return None
    return {
        "says": f"{tuned['key']}: {tuned['label']}. {tuned['says']}".strip(),
        "columns": [tuned["label"], "effect", "first finding"],
        "rows": [
            [number(v["value"]), shown({**v, "value": v["measured"]}), v["verdict"]]
            for v in tuned["values"]
        ],
    }


def courses(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A box of curves: the headline measure over the generations, a curve an arm."""
    charts: list[dict[str, Any]] = []
    for course in summary.get("courses") or ():
        where = {"trains": ", in the world that trains", "other": ", in the other world"}
        name = metric_label(course["measure"], course["of"], course["level"])
        name += where.get(course["world"] or "", "")
        if course["mind"] != "evolved":
            name += f" ({course['mind']})"
        x = sorted({g for arm in course["arms"].values() for g in arm["generations"]})
        known = course["measure"] in METRICS
        shares = known and METRICS[course["measure"]].normalized
        series = []
        for n, arm in enumerate(summary["arms"]):
            if arm in course["arms"]:
                hue = data.HUES[n % len(data.HUES)]
                title = summary["arms"][arm]["title"] or arm
                # Bands between distant points would look as if they had been measured.
                band = len(course["arms"]) <= MOST_BANDS and not _is_sparse(x)
                line = _course(course["arms"][arm], x, band=band)
                dash = {"dash": [2, 5], "width": 1} if _is_sparse(x) else {}
                series.append({"name": title, "color": hue, **dash, **line})
        flips = sorted({g for arm in summary["arms"].values() for g in arm["flips"]})
        charts.append(
            {
                "name": name,
                "label": f"{name}, over the generations",
                "x_label": "generation",
                "range": [0.0, 1.0 if shares else 0.0],
                "x": x,
                "moments": [],
                "series": series,
                "flips": [{"at": g, "words": "flip"} for g in flips],
                "worlds": [],
                "span": True,
            }
        )
    few = next((chart["x"] for chart in charts if _is_sparse(chart["x"])), None)
    group = {"title": "Over the generations", "charts": charts, "few": few}
    return [group] if charts else []


def _is_sparse(generations: Sequence[int]) -> bool:
    """Whether a straight line between measured generations says what nobody has measured."""
    steps = np.diff(generations)
    return len(steps) > 0 and int(steps.max()) > SPARSE


def _course(arm: Mapping[str, Any], x: Sequence[int], *, band: bool) -> dict[str, Any]:
    """Median and middle half over replicates, at each of some generations."""
    values = np.array([timeseries.numbers(row) for row in arm["values"]])
    middle, low, high = timeseries.quantiles(values.T, (0.5, *BAND))
    place = {g: n for n, g in enumerate(arm["generations"])}

    def at(numbers: np.ndarray) -> list[float | None]:
        rounded = data.rounded(numbers)
        return [rounded[place[g]] if g in place else None for g in x]

    ends = {"low": at(low), "high": at(high)} if band and len(values) > 1 else {}
    return {"values": at(middle), **ends}


def _table(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Every number that a finding rests on, a row each."""
    rows = []
    for n, finding in enumerate(summary["findings"], 1):
        for term in finding["terms"]:
            for part, column in enumerate(term["columns"]):
                for replicate, value in enumerate(column):
                    rows.append(
                        [
                            n,
                            finding["measure"],
                            term["arm"],
                            term["weight"],
                            part,
                            replicate,
                            None if value is None else float(f"{value:.6g}"),
                        ]
                    )
    return parts.table(
        f"{summary['scenario']}-findings.csv",
        "The numbers that the findings rest on, a row a replicate",
        ["finding", "measure", "arm", "weight", "part", "replicate", "value"],
        rows,
    )
