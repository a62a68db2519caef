"""The figure of the analysis ``distances``: readable, and of the right numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from drawn import outside, overlaps, words_of

from evosim.plot import analyses

GENERATIONS = [0, 10, 20, 30]


def course(value: float | None) -> dict[str, list[float | None]]:
    def line(shift: float) -> list[float | None]:
        return [None if value is None else value + shift + 0.01 * n for n in range(4)]

    return {"mean": line(0.0), "low": line(-0.1), "high": line(0.1)}


def place(title: str, value: float | None, selected: bool) -> dict[str, Any]:
    distance = {
        **course(value),
        "undefined": 0,
        "selected": course(0.8) if selected else None,
        "with_alignment": -0.5,
        "true_drive": None if value is None else 0.0,
        "random_drives": None if value is None else 0.7,
        "selected_payoff": 0.6,
    }
    return {"title": title, "epic": distance, "starc": distance, "alignment": course(value)}


def summary(n: int, *, selected: bool = False, replicates: int = 3) -> dict[str, Any]:
    values = [0.3, 0.6, None, 0.2, 0.9]
    places = {f"w{i}": place(f"a world of number {i}", values[i], selected) for i in range(n)}
    estimate = {"value": 0.5, "interval": None}
    sides = {"before": estimate, "after": estimate, "change": estimate}
    return {
        "title": "A scenario", "intended": "children", "confidence": 0.95,
        "selected": "benefit" if selected else None, "discount": [0.9], "levels": 4,
        "replicates": replicates, "sample": 8, "generations": GENERATIONS, "span": [0, 30],
        "phases": [
            {"generation": 0, "environments": ["w0"]},
            {"generation": 15, "environments": ["w1"]},
        ],
        "environments": places,
        "flips": [
            {"generation": 15, "from": "w0", "to": "w1", "epic": sides, "starc": sides,
             "alignment": sides}
        ],
    }  # fmt: skip


@pytest.mark.parametrize("n", [1, 2, 5])
@pytest.mark.parametrize("selected", [False, True])
def test_all_text_can_be_read(n: int, selected: bool) -> None:
    figure = analyses.figure("distances", summary(n, selected=selected))
    words = words_of(figure)
    assert not overlaps(words)
    assert not outside(figure, words)
    assert all(word.size >= 7 for word in words)


def test_lines_are_those_of_the_summary() -> None:
    drawn = analyses.figure("distances", summary(2, selected=True))
    epic = drawn.axes[0]
    lines = {line.get_label(): line for line in epic.lines}
    np.testing.assert_allclose(lines["evolved"].get_ydata(), [0.3, 0.31, 0.32, 0.33])
    np.testing.assert_allclose(lines["selected"].get_ydata(), [0.8, 0.81, 0.82, 0.83])
    assert set(lines["random drives"].get_ydata()) == {0.7}
    assert set(lines["flip"].get_xdata()) == {15}
    limits = {panel.get_ylim() for panel in drawn.axes[4:6]}
    assert len(limits) == 1  # only the first column has tick labels


def test_what_is_undefined_is_said_in_the_panel() -> None:
    words = [word.text for word in words_of(analyses.figure("distances", summary(3)))]
    assert words.count("undefined: the reward is trivial") == 2
    assert "alignment is undefined here" in words


def test_the_note_tells_what_the_bands_are() -> None:
    for replicates, said in ((3, "95 % interval (BCa bootstrap)"), (1, "their middle 90 %")):
        figure = analyses.figure("distances", summary(2, replicates=replicates))
        note = " ".join(word.text for word in words_of(figure))
        assert said in note
