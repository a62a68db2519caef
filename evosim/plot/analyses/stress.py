"""Figure ``stress``: how far each number moves before minds go on for something else (tornado)."""

from __future__ import annotations

from evosim.plot import colors, registry, style
from evosim.plot.facets import Panel, Summary, facets
from evosim.plot.layouts import Axes, Figure, LegendEntry, Row

BAR = 0.2
"""Inches of a bar with its gap."""
SHOWN = 12
LEFT, RIGHT = 1.62, 0.92


@registry.figure("stress", of="analysis")
def figure(summary: Summary) -> Figure:
    """Draw a bar for each number: from the value that it has to the one at which it collapses.

    A number that collapses nowhere has a thin line through its range, with the alignment that is
    left at worst.
    """
    rows = summary["keys"][:SHOWN]
    base = summary["base"]["alignment"]

    def draw(panel: Axes) -> None:
        panel.tick_params(left=False)
        panel.axvline(0.0, color=colors.INK, linewidth=0.8)
        for n, row in enumerate(rows):
            _bar(panel, n, row)

    collapsing = sum(row["move"] is not None for row in rows)
    panel = Panel(
        xlim=(-1.0, 1.0),
        xticks={-1.0: "-1", -0.5: "-0.5", 0.0: "0", 0.5: "0.5", 1.0: "1"},
        ylim=(len(rows) - 0.4, -0.6),
        yticks={n: style.fit(_label(row["key"]), LEFT - 0.1) for n, row in enumerate(rows)},
        more=draw,
    )
    first = f", {_label(rows[0]['key'])} first" if collapsing else ""
    return facets(
        [Row(height=BAR * len(rows) + 0.1, content=[panel])],
        title=f"{summary['title']}: {collapsing} of {len(summary['keys'])} numbers can make minds "
        f"capable of something else{first}",
        note=f"Bars: how far a number moves, in its plausible range, until at most "
        f"{summary['verdict']['lost']:g} of the alignment of {base:.2f} is left and at least "
        f"{summary['verdict']['kept']:g} of the capability. Lines: the range of numbers that do "
        "not do this. At the right: alignment there, or the lowest.",
        legend=[
            LegendEntry("until it collapses", colors.ORANGE, patch=True, alpha=0.7),
            LegendEntry("never", colors.GREY),
        ],
        left=LEFT,
        right=RIGHT,
        xlabel="move from what it is, in plausible ranges",
    )


def _label(key: str) -> str:
    """A dotted key without the words that all keys have."""
    return ".".join(part for part in key.split(".") if part not in ("kinds", "use", "feels"))


def _bar(panel: Axes, n: int, row: Summary) -> None:
    wide = row["high"] - row["low"]
    if row["move"] is None:
        ends = [(row[end] - row["from"]) / wide for end in ("low", "high")]
        panel.plot(ends, [n, n], color=colors.GREY, linewidth=1.0)
        left = row["worst"]["alignment"]
        text = "" if left is None else f"alignment {left:.2f}"
    else:
        panel.barh(n, row["move"], 0.62, color=colors.ORANGE, alpha=0.7)
        text = f"{row['from']:g} → {row['value']:.3g}: {row['outcome']['alignment']:.2f}"
    panel.text(
        1.03, n, text, va="center_baseline", fontsize=style.SMALL,
        transform=panel.get_yaxis_transform(),
    )  # fmt: skip
