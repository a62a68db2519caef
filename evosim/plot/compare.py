"""Figure of a comparison: a block a measure, to the left the runs, to the right the differences.

Beside each difference stand its effect size and its p-value, where there are some.
"""

from __future__ import annotations

import numpy as np

from evosim.plot import colors, estimates, layouts, style, timeseries
from evosim.plot.estimates import Mark
from evosim.plot.facets import Summary, facets
from evosim.plot.findings import GAP, MEAN, MOST_LABEL, RIGHT, SHARES, capital
from evosim.plot.layouts import Axes, Figure, Row
from evosim.stats.tests import CORRECTIONS

ROW = 0.17
MOST_IN_TITLE = 3
"""Of more runs the title has no numbers."""
SIZES = {"effect_size": ("g", 0.44), "p_corrected": ("p", 0.94)}
"""Effect sizes and corrected p-values: how their columns are headed, and where they end, inches
right of the differences."""


def figure(comparison: Summary) -> Figure:
    """Draw a comparison.

    Args:
        comparison: what :func:`evosim.metrics.comparison.compare` returned.
    """
    names = [run["name"] for run in comparison["runs"]]
    left = min(max(map(style.text_width, names)) + 0.16, MOST_LABEL)
    names = [style.fit(name, left - 0.1) for name in names]
    return facets(
        [_measure(row, names) for row in comparison["measures"]],
        title=_finding(comparison),
        note=_note(comparison),
        width=style.DOUBLE,
        legend=[MEAN],
        left=left,
        right=RIGHT,
        between=GAP,
        xlabel=None,
    )


def _finding(comparison: Summary) -> str:
    """The first measure that is compared, as a rule what is lost at the flip, in every run."""
    runs, first = comparison["runs"], comparison["measures"][0]
    if len(runs) > MOST_IN_TITLE:
        return f"{len(runs)} runs compared: {first['name']} and more"
    said = [
        f"{style.number(round(value['value'], 2))} in “{run['name']}”"
        for run, value in zip(runs, first["values"], strict=True)
        if value is not None and value["value"] is not None
    ]
    return capital(f"{first['name']}: {', '.join(said)}")


def _note(comparison: Summary) -> str:
    first = comparison["runs"][0]
    counts = sorted({run["replicates"] for run in comparison["runs"]})
    words = [f"Differences are to “{first['name']}”."]
    if counts[-1] > 1:
        n = " to ".join(map(str, dict.fromkeys((counts[0], counts[-1]))))
        words.append(
            f"Points: {n} replicates of a run; intervals: {100 * comparison['confidence']:g} %, "
            "BCa bootstrap. g: difference in standard deviations (Hedges). p: permutation test, "
            f"corrected for {comparison['comparisons']} comparisons "
            f"({CORRECTIONS[comparison['correction']]})."
        )
    return " ".join(words)


def _measure(row: Summary, names: list[str]) -> Row:
    """A measure of all runs, and how they differ from the first."""
    tones = [style.series(n)[0] for n in range(len(names))]
    values = [
        Mark(v["value"], v["interval"], timeseries.numbers(v["columns"][0]), tone) if v else None
        for v, tone in zip(row["values"], tones, strict=True)
    ]
    differences = [
        Mark(change["value"], change["interval"], np.zeros(0), tone) if change else None
        for change, tone in zip(row["differences"], tones, strict=True)
    ]
    sized = any(change and change["p"] is not None for change in row["differences"])

    def undefined(panel: Axes) -> None:
        for n, value in enumerate(values):
            if value is None:
                panel.text(
                    0.0, n, "undefined", color=colors.DARK_GREY, va="center_baseline",
                    transform=panel.get_yaxis_transform(),
                )  # fmt: skip

    def sizes(panel: Axes) -> None:
        width = style.inches(panel)[0]
        for key, (head, room) in SIZES.items() if sized else ():
            x = 1 + room / width
            panel.annotate(
                head, (x, 1.0), xytext=(0, 2.5), xycoords="axes fraction",
                textcoords="offset points", ha="right", va="baseline",
            )  # fmt: skip
            for n, change in enumerate(row["differences"]):
                if change is not None and change[key] is not None:
                    panel.text(
                        x, n, style.number(float(f"{change[key]:.2g}")), ha="right",
                        va="center_baseline", transform=panel.get_yaxis_transform(),
                    )  # fmt: skip

    words = style.wrap(row["name"], style.DOUBLE - 2 * layouts.PAD, bold=True)
    return Row(
        height=ROW * len(names) + 0.06,
        header=tuple(words),
        bold=len(words),
        room=max(room for _, room in SIZES.values()) if sized else 0.0,
        shares=SHARES,
        content=[
            estimates.rows(values, names=names, title=" ", more=undefined),
            estimates.rows(differences, zero=True, title="difference to the first", more=sizes),
        ],
    )
