"""The figure of the analysis ``leakage``, drawn from its summary alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from drawn import outside, overlaps, words_of

from evosim.errors import EvosimError
from evosim.metrics.analyses.leakage import describe
from evosim.plot import analyses
from evosim.plot.style import write


def row(environment: str, what: str, levels: int, same: list[int]) -> dict[str, Any]:
    share = sum(same) / len(same) / levels
    interval = None if len(same) == 1 else [0.5 * share, min(1.0, 2 * share)]
    return {
        "environment": environment, "what": what, "levels": [levels] * len(same), "same": same,
        "value": share, "interval": interval,
    }  # fmt: skip


def summary(rows: list[dict[str, Any]], deployment: int | None = 40) -> dict[str, Any]:
    return {
        "title": "Bred", "replicates": len(rows[0]["same"]), "confidence": 0.95,
        "generations": [0, 80], "deployment": deployment, "disjoint": False,
        "training": {"orchard": {"drawn": [9], "different": [7], "possible": 10**14}}, "rows": rows,
    }  # fmt: skip


CASES = {
    "little": summary([row("orchard", "probe", 16, [1])], None),
    "everything": summary([row("orchard", "probe", 16, [16, 16])]),
    "long names": summary(
        [
            row(f"a_rather_long_environment_name_{n}", what, 16_384, [n, 16_384, 1])
            for what in ("probe", "deployment")
            for n in range(5)
        ]
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_it_can_be_read(case: str, tmp_path: Path) -> None:
    drawn = analyses.figure("leakage", CASES[case])
    words = words_of(drawn)
    assert not outside(drawn, words)
    assert not overlaps(words)
    write(drawn, tmp_path / "x.svg")
    assert "1e+14 possible at most" in describe(CASES[case])


def test_a_bar_is_as_long_as_the_share() -> None:
    found = summary([row("orchard", "probe", 16, [4, 8]), row("shop", "deployment", 8, [0, 8])])
    (panel,) = analyses.figure("leakage", found).axes
    assert [bar.get_width() for bar in panel.patches] == pytest.approx([6 / 16, 0.5])


def test_where_no_level_has_trained_there_is_nothing_to_draw() -> None:
    with pytest.raises(EvosimError, match="none of the levels"):
        analyses.figure("leakage", summary([row("orchard", "probe", 16, [0, 0])]))
