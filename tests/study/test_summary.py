"""What a study's runs come to: estimates, verdicts with and without correction, what moves it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_studies import (
    ALIGNMENT,
    BETWEEN,
    KINDS,
    LOG,
    PATIENCE,
    POPULATION,
    RETAINED,
    Numbers,
    made,
    text,
)

from evosim import open_study
from evosim.stats import intervals
from evosim.stats.intervals import Bootstrap
from evosim.study import summary
from evosim.study.folder import StudyFolder
from evosim.study.report import describe

ABOVE = ALIGNMENT.format(threshold="above = 0.5")
BELOW = ALIGNMENT.format(threshold="below = 0.5")
PATIENT = PATIENCE.format(values=LOG)


def noisy(mean: Any, spread: float = 0.1) -> Numbers:
    """Numbers about a mean that depends on the values, the same at every call."""
    places: dict[str, int] = {}

    def one(values: Mapping[str, Any], replicate: int) -> dict[str, tuple[float, ...]]:
        n = places.setdefault(json.dumps(dict(values), sort_keys=True), len(places))
        off = float(np.random.default_rng([n, replicate]).normal(0, spread))
        return {"alignment": (mean(values) + off,)}

    return one


def at(found: dict[str, Any], **values: Any) -> dict[str, Any]:
    """The numbers of the alignment at a point."""
    for point in found["points"]:
        if all(point["values"][name] == value for name, value in values.items()):
            numbers: dict[str, Any] = point["measures"]["alignment"]
            return numbers
    raise AssertionError(values)


@pytest.fixture
def grid(tmp_path: Path) -> StudyFolder:
    """Alignment of 0.2, 0.5, and 0.8 at three sizes of the population."""
    means = {40: 0.2, 80: 0.5, 160: 0.8}
    return made(tmp_path / "made", text(POPULATION, ABOVE), noisy(lambda v: means[v["population"]]))


def test_a_point_is_judged_by_where_its_interval_lies(grid: StudyFolder) -> None:
    found = summary.summarize(grid)
    verdicts = [point["measures"]["alignment"]["verdict"] for point in found["points"]]
    assert verdicts == ["refuted", "undecided", "supported"]
    numbers = at(found, population=160)
    bootstrap = Bootstrap.of(grid.seed, confidence=0.95, resamples=grid.base.verdict.resamples)
    estimate = intervals.mean(numbers["numbers"], bootstrap)
    assert (numbers["value"], tuple(numbers["interval"])) == (estimate.value, estimate.interval)
    assert (numbers["n"], numbers["undefined"], found["runs"]["lived"]) == (10, 0, 30)


def test_below_turns_the_verdicts_round(tmp_path: Path) -> None:
    folder = made(
        tmp_path / "made", text(POPULATION, BELOW), noisy(lambda v: v["population"] / 100)
    )
    found = summary.summarize(folder)
    first = at(found, population=40)
    assert first["verdict"] == "supported"
    last = at(found, population=160)
    assert last["verdict"] == last["verdict_holm"] == last["verdict_fdr_bh"] == "refuted"


def test_corrections_decide_fewer_points_and_never_more(tmp_path: Path) -> None:
    """Forty points of which none is beyond the threshold, but by chance."""
    many = POPULATION.replace("[40, 80, 160]", str(list(range(40, 80))))
    folder = made(
        tmp_path / "made", text(many, ABOVE, replicates=6), noisy(lambda v: 0.5, spread=0.2)
    )
    found = [point["measures"]["alignment"] for point in summary.summarize(folder)["points"]]

    def decided(key: str) -> int:
        return sum(numbers[key] != "undecided" for numbers in found)

    assert decided("verdict") >= 2
    assert decided("verdict_holm") <= decided("verdict_fdr_bh") < decided("verdict")
    assert all(n["p"] <= n["fdr_bh"] <= n["holm"] for n in found)


def test_replicates_that_are_all_the_same_have_the_p_of_the_sign_test(tmp_path: Path) -> None:
    folder = made(tmp_path / "made", text(POPULATION, ABOVE), lambda v, r: {"alignment": (0.9,)})
    numbers = at(summary.summarize(folder), population=40)
    assert numbers["verdict"] == "supported"
    assert numbers["p"] == 2.0**-9
    assert numbers["holm"] == 3 * 2.0**-9


def test_a_ratio_is_of_means_and_each_replicate_has_its_own(tmp_path: Path) -> None:
    def numbers(values: Mapping[str, Any], replicate: int) -> dict[str, tuple[float, ...]]:
        return {"retained": (0.4 + replicate, 1.0 + replicate)}

    folder = made(tmp_path / "made", text(POPULATION, RETAINED, replicates=4), numbers)
    found = summary.summarize(folder)["points"][0]["measures"]["retained"]
    above, below = np.arange(4) + 0.4, np.arange(4) + 1.0
    assert found["value"] == pytest.approx(above.mean() / below.mean())
    assert found["numbers"] == pytest.approx(above / below)


def test_a_difference_is_of_paired_replicates(tmp_path: Path) -> None:
    toml = text(POPULATION, ALIGNMENT.format(threshold='against = { mind = "uniform" }'))
    folder = made(
        tmp_path / "made", toml, lambda v, r: {"alignment": (0.5 + r / 10, 0.25 + r / 10)}
    )
    numbers = at(summary.summarize(folder), population=40)
    assert numbers["value"] == pytest.approx(0.25)
    assert numbers["interval"] == pytest.approx([0.25, 0.25])


def test_shares_of_variance_name_what_moves_a_measure(tmp_path: Path) -> None:
    folder = made(
        tmp_path / "made",
        text(PATIENT, POPULATION, ABOVE),
        noisy(lambda v: v["population"] / 100, spread=0.05),
    )
    variance = summary.summarize(folder)["measures"]["alignment"]["variance"]
    shares = {tuple(effect["of"]): effect for effect in variance["effects"]}
    assert shares[("population",)]["share"] > 0.98
    assert shares[("population",)]["p"] < 1e-6
    assert shares[("patience",)]["p"] > 0.01
    total = sum(effect["share"] for effect in variance["effects"]) + variance["noise"]
    assert total == pytest.approx(1)


def test_what_only_replicates_together_have_is_split_into_shares_with_noise(
    tmp_path: Path,
) -> None:
    """Replicates differ much in one population size and little in two."""

    def numbers(values: Mapping[str, Any], replicate: int) -> dict[str, tuple[float, ...]]:
        spread = {40: 1.0, 80: 0.1, 160: 0.1}[values["population"]]
        off = np.random.default_rng([values["population"], replicate]).normal(0, spread)
        return {"between": (float(off), 1.0)}

    folder = made(tmp_path / "made", text(POPULATION, BETWEEN), numbers)
    found = summary.summarize(folder)
    values = [point["measures"]["between"] for point in found["points"]]
    assert values[0]["value"] > 5 * values[1]["value"]
    assert not any(number is not None for number in values[0]["numbers"])
    variance = found["measures"]["between"]["variance"]
    assert variance["effects"][0]["p"] < 0.05
    assert 0 < variance["noise"] < 1
    assert variance["noise"] == pytest.approx(1 - variance["effects"][0]["share"])


def test_rank_correlations_stand_in_where_points_were_drawn(tmp_path: Path) -> None:
    toml = text(
        PATIENCE.format(values="range = [0.1, 0.9]"),
        POPULATION.replace("values = [40, 80, 160]", "range = [40, 160]\nwhole = true"),
        ABOVE, design="latin", samples=20, replicates=2,
    )  # fmt: skip
    folder = made(tmp_path / "made", toml, lambda v, r: {"alignment": (-v["population"],)})
    measure = summary.summarize(folder)["measures"]["alignment"]
    assert measure["variance"] is None
    assert measure["ranks"]["population"]["value"] == pytest.approx(-1)
    low, high = measure["ranks"]["patience"]["interval"]
    assert low < 0 < high


def test_an_unfinished_study_says_what_is_lacking(tmp_path: Path) -> None:
    def numbers(values: Mapping[str, Any], replicate: int) -> dict[str, tuple[float, ...]] | None:
        if values["population"] == 40 or replicate > 3:
            return None
        return {"alignment": (math.nan if values["population"] == 80 else 0.4 + replicate / 10,)}

    folder = made(tmp_path / "made", text(PATIENT, POPULATION, ABOVE), numbers)
    found = summary.summarize(folder)
    assert found["runs"] == {"wanted": 150, "lived": 40, "failed": 0}
    assert at(found, population=40)["value"] is None
    assert at(found, population=80)["undefined"] == 4
    assert found["measures"]["alignment"]["variance"] is None
    told = describe(found)
    assert "40 of 150 runs are done, 110 are missing" in told
    assert "no run yet" in told
    summary.write(folder)
    assert summary.read(folder) is None, "a summary of some runs is not that of the study"


def test_one_replicate_has_no_interval_and_no_correction(tmp_path: Path) -> None:
    folder = made(
        tmp_path / "made",
        text(PATIENT, POPULATION, ABOVE, replicates=1),
        noisy(lambda v: v["patience"]),
    )
    found = summary.summarize(folder)
    numbers = found["points"][0]["measures"]["alignment"]
    assert numbers["interval"] is None
    assert numbers["p"] is None
    assert numbers["verdict"] == "refuted"
    assert numbers["verdict_holm"] == "undecided"
    assert found["measures"]["alignment"]["variance"]["noise"] is None
    assert "at least two replicates" in describe(found)


def test_two_parameters_are_told_in_a_table_with_marks(tmp_path: Path) -> None:
    folder = made(
        tmp_path / "made",
        text(PATIENT, KINDS.format(at=1, far=""), ABOVE, replicates=3),
        lambda v, r: {"alignment": (0.9 if v["patience"] > 0.1 else 0.1 + r / 1000,)},
    )
    lines = describe(summary.summarize(folder)).splitlines()
    assert max(map(len, lines)) <= 100
    row = next(line for line in lines if line.strip().startswith("0.5 "))
    assert row.count("0.9+") == 2
    assert sum("0.101-" in line for line in lines) == 3
    assert any("looks one step ahead" in line and "looks far ahead" in line for line in lines)
    assert "  Means over replicates; + - ? by BCa intervals of 95 %." in lines


def test_a_large_study_keeps_no_replicates_in_its_summary(
    grid: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summary, "MOST_NUMBERS", 29)
    assert at(summary.summarize(grid), population=40)["numbers"] is None


def test_the_summary_that_was_written_is_the_one_that_is_read(grid: StudyFolder) -> None:
    assert summary.read(grid) is None
    written = summary.write(grid)
    assert summary.read(grid) == written == open_study(grid.path).summary
    assert open_study(grid.path).text == describe(written)
    text = grid.summary_path.read_text()
    grid.summary_path.write_text(text[: len(text) // 2])
    assert summary.read(grid) is None
    assert open_study(grid.path).summary == written
