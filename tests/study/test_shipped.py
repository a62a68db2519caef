"""Every shipped study: its file, its table, its page, and what theory says of its numbers.

Tables and pages are made by ``make studies``; where a test here fails because a study was changed,
``evosim study pages ID`` makes its table and its page anew.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest

from evosim.gallery import studies as making
from evosim.gallery.studies import SHOWN, Recorded, file_of, index, page
from evosim.study import evaluation, reading
from evosim.study.folder import StudyFolder
from evosim.study.reading import Written
from evosim.study.summary import summarize

PAGES = Path(__file__).resolve().parents[2] / "docs" / "studies"
SHIPPED = list(reading.catalogue())
FEWEST_REPLICATES = 10
LARGEST_FIGURE = 300_000
"""Bytes: what a browser shows at once, and git keeps without regret."""

each = pytest.mark.parametrize("name", SHIPPED)


@cache
def written(name: str) -> Written:
    return reading.load(name)


@cache
def recorded(name: str) -> Recorded:
    return Recorded(written(name), PAGES / f"{name}.csv")


@cache
def summary(name: str) -> dict[str, Any]:
    return summarize(recorded(name))


def rows(name: str) -> list[dict[str, str]]:
    with open(PAGES / f"{name}.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_four_studies_of_the_project_ship() -> None:
    assert set(SHIPPED) >= {
        "deceptive_share", "collapse_redundancy", "depth_cost_detours", "drift_population"
    }  # fmt: skip


@each
def test_a_study_says_what_it_asks_what_was_expected_and_what_was_found(name: str) -> None:
    study = written(name).study
    assert study.id == name
    assert all((study.question, study.expected, study.finding, study.source))
    # Where theory says what every point is, and nothing is drawn at random, two are enough.
    exact = any(measure.theory for measure in study.measures.values())
    assert study.replicates >= (2 if exact else FEWEST_REPLICATES)
    assert len(study.parameters) in (2, 3)
    first = next(iter(study.measures.values()))
    assert first.above is not None or first.below is not None


@each
def test_the_table_has_every_run_with_its_own_seed(name: str) -> None:
    study, table = written(name).study, rows(name)
    assert len(table) == len(written(name).points) * study.replicates
    assert len({row["seed"] for row in table}) == len(table)


@each
def test_the_page_is_made_from_the_table_and_its_figures_are_there(name: str) -> None:
    text = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    assert text == page(written(name), summary(name), SHOWN), "evosim study pages --pages-only"
    for figure in SHOWN:
        size = (PAGES / file_of(name, figure)).stat().st_size
        assert 0 < size <= LARGEST_FIGURE, file_of(name, figure)


@each
def test_the_numbers_of_the_page_are_the_means_of_the_table(name: str) -> None:
    text = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    for measure in written(name).study.measures:
        by_point: dict[str, list[float]] = defaultdict(list)
        for row in rows(name):
            if row[measure]:
                by_point[row["point"]].append(float(row[measure]))
        told = [f"{round(np.mean(values), 12) + 0.0:.3g}" for values in by_point.values()]
        missing = [number for number in told if number not in text]
        assert not missing, measure


def test_the_index_is_made_from_the_studies_that_ship() -> None:
    text = (PAGES / "README.md").read_text(encoding="utf-8")
    assert text == index([written(name) for name in SHIPPED])


def test_the_folder_of_pages_holds_nothing_else() -> None:
    known = {"README.md", "law_of_collapse.md", "law_of_collapse.csv"}
    for name in SHIPPED:
        known |= {f"{name}.csv", f"{name}.md", *(file_of(name, figure) for figure in SHOWN)}
    assert {path.name for path in PAGES.iterdir()} == known


@pytest.mark.slow
@each
def test_the_figures_are_drawn_from_the_table(name: str, tmp_path: Path) -> None:
    (tmp_path / f"{name}.csv").write_bytes((PAGES / f"{name}.csv").read_bytes())
    making.write_page(written(name), tmp_path)
    for path in tmp_path.glob("*.svg"):
        drawn = (PAGES / path.name).read_bytes()
        if f"Matplotlib v{mpl.__version__}".encode() in drawn:  # others draw other bytes
            assert drawn == path.read_bytes(), f"{path.name}: evosim study pages --pages-only"


@pytest.mark.slow
@each
def test_first_replicates_run_anew_measure_what_the_table_says(name: str, tmp_path: Path) -> None:
    study, points = written(name).study, written(name).points
    manifest = {"seed": study.seed, "replicates": study.replicates, "versions": {}}
    folder = StudyFolder.create(tmp_path / name, written(name), manifest)
    for point in (points[0], points[len(points) // 2], points[-1]):
        record = evaluation.complete_run(
            str(folder.path), folder.manifest["identity"], point.key, 0
        )
        told = recorded(name).read(point.key, 0)
        assert record is not None
        assert told is not None
        assert not record.error
        assert record.seed == told.seed
        assert record.columns.keys() == told.columns.keys()
        for measure, values in record.columns.items():
            assert np.array_equal(values, told.columns[measure], equal_nan=True), measure


# What theory says of drift

TOURNAMENTS = {"random": 1, "best of 2": 2, "best of 3": 3, "best of 7": 7}
GENERATIONS = 40


def chance_of_common_parent(n: int, k: int) -> float:
    """Sum of p_i^2 for the best of k draws among n (Crow & Kimura 1970): k^2 / (2k - 1) / n."""
    return float(np.sum(np.diff((np.arange(n + 1) / n) ** k) ** 2))


def test_the_pedigrees_of_the_drift_study_have_the_effective_sizes_of_theory() -> None:
    """1/Ne = sum of p_i^2 at every point, |z| < 4 over replicates."""
    for point in written("drift_population").points:
        n, k = point.values["population"], TOURNAMENTS[point.values["parents"]]
        found = [recorded("drift_population").read(point.key, r) for r in range(40)]
        chances = np.array([1 / r.columns["effective_size"][0] for r in found if r is not None])
        error = chances.std(ddof=1) / np.sqrt(len(chances))
        assert abs(chances.mean() - chance_of_common_parent(n, k)) < 4 * error, point.shown


def test_the_variance_between_the_populations_of_the_drift_study_is_that_of_theory() -> None:
    """Wright's F after t generations, 1 - (1 - 1/N) (1 - 1/Ne)^t, lies in most intervals of 95 %:
    at 23 points of 28 at least, which by chance happens all but always (binomial, p > .98)."""
    held = 0
    for point in summary("drift_population")["points"]:
        n, k = point["values"]["population"], TOURNAMENTS[point["values"]["parents"]]
        lost = (1 - 1 / n) * (1 - chance_of_common_parent(n, k)) ** GENERATIONS
        between = point["measures"]["between"]
        low, high = between["interval"] or (between["value"],) * 2
        held += low - 1e-3 <= 1 - lost <= high + 1e-3
    assert held >= 23
