"""The figure of the analysis ``best_of_n``, drawn from its summary alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn import outside, overlaps, words_of

from evosim.execution.runner import finite
from evosim.metrics import best_of_n
from evosim.metrics.analyses.best_of_n import PROXIES, _plain, describe
from evosim.plot import analyses
from evosim.plot.style import write
from evosim.stats.intervals import Bootstrap

BOOTSTRAP = Bootstrap(resamples=50, key=1)


def summary(
    places: list[str], *, replicates: int = 2, size: int = 60, tied: bool = False, same: bool = True
) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    n = best_of_n.grid(size)
    values = [rng.normal(10, 3, size) for _ in range(replicates)]
    if tied:
        values = [np.zeros(size)] * replicates
    noisy = [v + (0 if tied else rng.normal(0, 3, size)) for v in values]

    def curve(paid: list[Any], by: list[Any]) -> dict[str, Any]:
        return _plain(best_of_n.curve(paid, by, n, BOOTSTRAP))

    proxies = {}
    for name, by in zip(PROXIES, (noisy, values), strict=True):
        curves = [curve(values if k == 0 else [-v for v in values], by) for k in range(len(places))]
        proxies[name] = {
            "d": best_of_n.distance(by, n).tolist(),
            "proxy": curve(by, by),
            "intended": curves,
            "selected": curves,
        }
    return finite(
        {
            "title": "Bred", "generation": 7, "individuals": size, "population": 2 * size,
            "replicates": replicates, "confidence": 0.95, "exact": same, "intended": "food",
            "selected": "food" if same else "praise", "window": None if same else 5,
            "observed": {},
            "places": places, "n": n.tolist(), "proxies": proxies,
        }
    )  # fmt: skip


CASES: dict[str, dict[str, Any]] = {
    "one place": {"places": ["orchard"]},
    "two places": {"places": ["orchard", "shop"]},
    "more than are drawn": {"places": [f"a_rather_long_environment_name_{n}" for n in range(4)]},
    "other payoffs": {"places": ["orchard", "50 % shop, 50 % orchard"], "same": False},
    "one replicate": {"places": ["orchard", "shop"], "replicates": 1},
    "all tied": {"places": ["orchard"], "tied": True},
    "few": {"places": ["orchard"], "size": 2},
    "alone": {"places": ["orchard"], "size": 1, "replicates": 1},
}


@pytest.mark.parametrize("case", CASES)
def test_it_can_be_read(case: str, tmp_path: Path) -> None:
    found = summary(**CASES[case])
    drawn = analyses.figure("best_of_n", found)
    words = words_of(drawn)
    assert not outside(drawn, words)
    assert not overlaps(words)
    write(drawn, tmp_path / "x.svg")
    assert max(map(len, describe(found).splitlines())) < 140


def test_each_panel_has_both_selections_and_the_first_the_score() -> None:
    found = summary(["orchard", "shop"])
    first, second = (
        {line.get_label(): line for line in panel.get_lines()}
        for panel in analyses.figure("best_of_n", found).axes
    )
    curve = found["proxies"]["score"]["intended"]
    for drawn, place in ((first, 0), (second, 1)):
        line = drawn["selected by the score of sampled lifetimes"]
        assert line.get_ydata() == pytest.approx(np.array(curve[place]["values"]))
        assert line.get_xdata() == pytest.approx(np.array(found["proxies"]["score"]["d"]))
    assert "the score itself" in first
    assert "the score itself" not in second


def test_a_peak_that_was_not_reached_is_not_drawn() -> None:
    found = summary(["orchard"])
    for proxy in found["proxies"].values():
        proxy["intended"][0]["peak"]["value"] = 99.0
    (panel,) = analyses.figure("best_of_n", found).axes
    assert "peak" not in [line.get_label() for line in panel.get_lines()]
    assert f"> {found['proxies']['score']['d'][-1]:.3g}" in describe(found)


def test_a_panel_in_which_nothing_is_selected_says_so() -> None:
    tied, free = (
        [words.text for words in words_of(analyses.figure("best_of_n", given))]
        for given in (summary(["orchard"], tied=True), summary(["orchard"]))
    )
    assert "nothing is selected" in tied
    assert "nothing is selected" not in free


def test_both_selections_are_within_the_axis_and_one_that_is_tied_is_named() -> None:
    given = summary(["orchard"])
    given["proxies"]["score"]["d"] = [0.0] * len(given["n"])
    drawn = analyses.figure("best_of_n", given)
    (panel,) = [axes for axes in drawn.axes if axes.lines]
    assert panel.get_xlim()[1] >= given["proxies"]["exact"]["d"][-1]
    words = " ".join(words.text for words in words_of(drawn))
    assert "Nothing is selected by the score of sampled lifetimes: it is the same of all." in words
