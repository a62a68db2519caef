"""The verdict of a flip: what was kept and what was lost across it (docs/measures.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evosim.metrics.flips import JUDGED

if TYPE_CHECKING:
    from evosim.scenario import Verdict
    from evosim.stats.intervals import Estimate

VERDICTS = {
    ("kept", "lost"): "goal misgeneralization",
    ("lost", "lost"): "capability failure",
    ("kept", "kept"): "robust",
}
"""(what became of capability, what became of alignment) -> verdict; all else is mixed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What became of a mind's capability and alignment across a flip.

    Attributes:
        verdict: goal misgeneralization, capability failure, robust or mixed.
        capability, alignment: "kept" (the lower end of the retained share is at least ``kept``),
            "lost" (its upper end is at most ``lost``), "between" (neither), "nothing to lose" (it
            was at or below ``floor`` before the flip) or "undefined".
        one_replicate: whether the verdict rests on estimates without intervals.
    """

    verdict: str
    capability: str
    alignment: str
    one_replicate: bool

    def to_dict(self) -> dict[str, Any]:
        """As summary.json holds it."""
        return asdict(self)


def judge(estimates: Mapping[str, Estimate], verdict: Verdict) -> Judgement:
    """The verdict on what a mind retained across a flip.

    Args:
        estimates: of :func:`evosim.metrics.flips.estimates`.
        verdict: the thresholds.
    """
    outcomes = {}
    for name in JUDGED:
        before, retained = estimates[f"{name}_before"], estimates[f"{name}_retained"]
        if not np.isfinite(before.value):
            outcomes[name] = "undefined"
        elif before.value <= verdict.floor:
            outcomes[name] = "nothing to lose"
        elif not np.isfinite(retained.value):
            outcomes[name] = "undefined"
        elif retained.low >= verdict.kept:  # an end of NaN bounds nothing
            outcomes[name] = "kept"
        else:
            outcomes[name] = "lost" if retained.high <= verdict.lost else "between"
    return Judgement(
        verdict=VERDICTS.get((outcomes["capability"], outcomes["alignment"]), "mixed"),
        **outcomes,
        one_replicate=any(
            estimates[f"{name}_{what}"].n == 1 for name in JUDGED for what in ("before", "retained")
        ),
    )
