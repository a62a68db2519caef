"""Every scenario of the catalogue: its experiment, its record, its page, and what the data say.

The records are made by ``make gallery``; where a test here fails because a scenario was changed,
``evosim gallery ID`` makes its record anew.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from evaluating import (
    assert_reproduced,
    assert_same,
    evaluated,
    recorded,
    terms_of,
    without_effect,
)

import evosim
from evosim import scenario
from evosim.gallery import confirmation, making, pages, record
from evosim.gallery.record import Record
from evosim.metrics import hypotheses
from evosim.plot.summaries import names_for
from evosim.scenario import Scenario
from evosim.scenario.words import fingerprint, promise
from evosim.stats import hierarchy
from evosim.study import families, sham

GALLERY = Path(__file__).resolve().parents[2] / "docs" / "gallery"
CATALOGUE = scenario.catalogue()
FEWEST_REPLICATES = 30
LARGEST_OF_WORLDS = 40_000
LARGEST_FIGURE = 400_000
"""Bytes: what a browser shows at once, and git keeps without regret."""

NOT_BORNE_OUT = {
    "adversary": hypotheses.UNDECIDED,
    "corner": hypotheses.UNDECIDED,
    "base_optimizers": hypotheses.UNDECIDED,
    "contraception": hypotheses.UNDECIDED,
    "contraception_frozen": hypotheses.UNDECIDED,
    "red_dot": hypotheses.UNDECIDED,
    "bad_labels": hypotheses.REFUTED,
    "few_labels": hypotheses.REFUTED,
    "first_proxy": hypotheses.REFUTED,
    "kids": hypotheses.UNDECIDED,
    "mesa_or_not": hypotheses.REFUTED,
    "myopic_base": hypotheses.UNDECIDED,
    "posterity_free": hypotheses.UNDECIDED,
    "watched_monitor": hypotheses.UNDECIDED,
}
"""The claims that the measurement does not bear out: refuted or undecided, by scenario.

A negative result honestly shown is a success. What enters or leaves this table is news: the
closing note of a change has to tell it.
"""

NOT_CONFIRMED = {
    "adversary": hypotheses.UNDECIDED,
    "corner": hypotheses.UNDECIDED,
    "mesa_or_not": hypotheses.REFUTED,
    "bad_labels": hypotheses.UNDECIDED,
    "base_optimizers": hypotheses.UNDECIDED,
    "contraception": hypotheses.UNDECIDED,
    "contraception_frozen": hypotheses.UNDECIDED,
    "dying_out": hypotheses.UNDECIDED,
    "few_labels": hypotheses.REFUTED,
    "first_proxy": hypotheses.REFUTED,
    "posterity_free": hypotheses.UNDECIDED,
    "red_dot": hypotheses.UNDECIDED,
    "school": hypotheses.UNDECIDED,
    "streetlight_corrected": hypotheses.UNDECIDED,
    "streetlight_test": hypotheses.UNDECIDED,
    "watched_monitor": hypotheses.UNDECIDED,
}
"""The claims that the confirmation does not bear out, by scenario: not to be mended, but told."""

each = pytest.mark.parametrize("name", CATALOGUE)
each_confirmed = pytest.mark.parametrize(
    "name", [name for name in CATALOGUE if confirmation.record_of(GALLERY, name)]
)


@cache
def shipped(name: str) -> Scenario:
    return evosim.check(name)


@cache
def record_of(name: str) -> Record:
    return record.read(GALLERY / f"{name}.json")


@each
def test_a_scenario_has_an_experiment_and_its_claim_is_one_against_a_control(name: str) -> None:
    experiment = shipped(name).experiment
    assert experiment is not None, "no [experiment]: see docs/writing-scenarios.md"
    assert experiment.replicates >= FEWEST_REPLICATES
    assert len(experiment.arms) >= 2 or any(f.against for f in experiment.findings)
    compared = [f for f in experiment.findings if f.against or f.contrast]
    looked_at = {term.arm for terms in terms_of(shipped(name)) for term in terms}
    assert compared or len(looked_at) >= 2, "no finding compares with a control"


@each
def test_the_record_is_of_the_scenario_as_it_is(name: str) -> None:
    source = CATALOGUE[name].read_text(encoding="utf-8")
    assert record_of(name)["scenario"] == name
    assert record_of(name)["scenario_sha256"] == fingerprint(source), (
        f"{name} was changed after its record was made: evosim gallery {name}"
    )


@each
def test_the_findings_of_the_record_are_those_of_the_scenario(name: str) -> None:
    experiment, found = shipped(name).experiment, record_of(name)
    assert experiment is not None
    assert list(found["arms"]) == list(experiment.arms)
    for wanted, finding, terms in zip(
        experiment.findings, found["findings"], terms_of(shipped(name)), strict=True
    ):
        assert (finding["says"], finding["measure"]) == (wanted.says, wanted.measure)
        assert finding["threshold"] == hypotheses.threshold_of(wanted)
        assert finding["secondary"] == wanted.secondary
        assert [(term["arm"], term["weight"], term["of"]) for term in finding["terms"]] == [
            (term.arm, term.weight, term.query.of) for term in terms
        ]
    assert bool(found["tuned"]) == bool(experiment.tuned)


@each
def test_the_words_of_the_record_are_those_of_the_scenario(name: str) -> None:
    found = record_of(name)
    assert found == record.with_words_of(shipped(name), found), "evosim gallery --pages-only"


@each
def test_every_scenario_says_what_was_found_and_is_exploratory_today(name: str) -> None:
    assert not record.is_confirmatory(record_of(name))
    assert shipped(name).found


@each
def test_the_record_has_at_least_thirty_replicates_of_every_term(name: str) -> None:
    assert record_of(name)["replicates"] >= FEWEST_REPLICATES
    for finding in record_of(name)["findings"]:
        for of_term in recorded(finding):
            assert all(len(column) >= FEWEST_REPLICATES for column in of_term)


@each
def test_the_recorded_columns_give_the_recorded_numbers_and_verdict(name: str) -> None:
    found = record_of(name)
    columns = [recorded(finding) for finding in found["findings"]]
    again = evaluated(found, shipped(name), columns)
    for settled, finding in zip(again, found["findings"], strict=True):
        assert_same(settled, finding)
    assert hypotheses.verdict_of(again) == found["verdict"]


@each
def test_the_claim_is_not_supported_by_the_control_in_place_of_the_effect(name: str) -> None:
    found = record_of(name)
    again = evaluated(found, shipped(name), without_effect(found, shipped(name)))
    assert hypotheses.verdict_of(again) != hypotheses.SUPPORTED


@pytest.mark.parametrize("name", [n for n in CATALOGUE if sham.NAME in shipped(n).environments])
def test_a_sham_is_as_large_as_the_flip_breaks_no_proxy_and_is_the_first_that_was_drawn(
    name: str,
) -> None:
    drawn = sham.draw(shipped(name))
    assert dict(shipped(name).environments[sham.NAME].overrides) == drawn.overrides
    sizes = {
        where: sham.size(shipped(name), drawn.before, where) for where in (sham.NAME, drawn.after)
    }
    assert sizes[sham.NAME] == sizes[drawn.after]
    assert drawn.distances[sham.NAME] <= drawn.distances[drawn.before] + sham.VALID


def test_the_claims_that_are_not_borne_out_are_those_of_the_table() -> None:
    verdicts = {name: record_of(name)["verdict"] for name in CATALOGUE}
    assert {n: v for n, v in verdicts.items() if v != hypotheses.SUPPORTED} == NOT_BORNE_OUT


def figures_of(name: str) -> set[str]:
    found = record_of(name)
    records = [found, *confirmation.over_worlds(GALLERY, found)]
    return {figure for one in records for figure in names_for("experiment", one)}


@each
def test_the_page_is_made_from_the_record_and_its_figures_are_there(name: str) -> None:
    found = record_of(name)
    page = (GALLERY / f"{name}.md").read_text(encoding="utf-8")
    over = confirmation.over_worlds(GALLERY, found)
    made = pages.page(found, confirmation.beside(GALLERY, found), over)
    assert page == made, "made by hand? evosim gallery --pages-only"
    for figure in figures_of(name):
        size = (GALLERY / pages.file_of(name, figure)).stat().st_size
        assert 0 < size < LARGEST_FIGURE, pages.file_of(name, figure)


def test_the_index_is_made_from_the_records_of_the_whole_catalogue() -> None:
    index = (GALLERY / "README.md").read_text(encoding="utf-8")
    records = [record_of(name) for name in CATALOGUE]
    confirmed = [confirmation.beside(GALLERY, found) for found in records]
    over = [one for found in records for one in confirmation.over_worlds(GALLERY, found)]
    assert index == pages.index(records, [found for found in confirmed if found], over)


def test_the_gallery_holds_nothing_else() -> None:
    known = {"README.md"}
    for worlds, file in confirmation.FILES.items():
        if (GALLERY / file).is_file():
            known |= {file, *(path.name for path in others(worlds=worlds, confirm=True))}
    known |= {path.name for path in others(worlds=True, confirm=False)}
    for name in CATALOGUE:
        figures = {pages.file_of(name, figure) for figure in figures_of(name)}
        known |= {f"{name}.json", f"{name}.md", *figures}
    assert {path.name for path in GALLERY.iterdir()} == known


def others(*, worlds: bool, confirm: bool) -> list[Path]:
    """The records beside the first ones that there are."""
    files = [
        confirmation.file_of(GALLERY, name, worlds=worlds, confirm=confirm) for name in CATALOGUE
    ]
    return [file for file in files if file.is_file()]


OVER_WORLDS = [
    (name, one)
    for name in CATALOGUE
    if (GALLERY / f"{name}.json").is_file()
    for one in confirmation.over_worlds(GALLERY, record.read(GALLERY / f"{name}.json"))
]


@pytest.mark.parametrize(("name", "found"), OVER_WORLDS)
def test_a_record_over_worlds_is_small_and_of_the_family_as_it_is(name: str, found: Record) -> None:
    source, scenario_ = CATALOGUE[name].read_text(encoding="utf-8"), shipped(name)
    assert scenario_.family is not None
    assert len(record.to_text(found)) < LARGEST_OF_WORLDS
    assert found["drawn"] == families.drawn(scenario_.family, found["seed"], found["worlds"])
    assert found["promise"] == promise(source, worlds=True)
    if found["seed"] != record.SEED:
        seeds = confirmation.seeds_of(GALLERY, {name: source}, worlds=True)
        assert found["seed"] == seeds[name]
    for finding in found["findings"]:
        effects = np.array(finding["worlds"]["effects"], float)
        assert finding["value"] == pytest.approx(np.nanmean(hierarchy.means(effects)), rel=1e-4)


@pytest.mark.parametrize("name", sorted({name for name, _ in OVER_WORLDS}))
def test_the_figure_over_worlds_has_room_for_what_each_finding_says(name: str) -> None:
    drawn = (GALLERY / pages.file_of(name, "family")).read_text(encoding="utf-8")
    assert "\N{HORIZONTAL ELLIPSIS}" not in drawn


# Confirmation


def confirmed() -> dict[str, Record]:
    """The confirmatory records that there are."""
    found = {name: confirmation.record_of(GALLERY, name) for name in CATALOGUE}
    return {name: one for name, one in found.items() if one is not None}


@each_confirmed
def test_a_confirmation_is_of_what_was_frozen_and_of_the_scenario_as_it_is(name: str) -> None:
    found, source = confirmed()[name], CATALOGUE[name].read_text(encoding="utf-8")
    assert promise(source) == found["promise"], (
        f"{name} was changed after it was confirmed: its confirmation is of another version"
    )
    assert found["seed"] == confirmation.seeds_of(GALLERY, {name: source})[name]
    assert found["seed"] != record_of(name)["seed"]
    assert found["scenario_sha256"] == fingerprint(source)
    assert found["replicates"] == record_of(name)["replicates"]


@each_confirmed
def test_the_columns_of_a_confirmation_give_its_numbers_and_its_verdict(name: str) -> None:
    found = confirmed()[name]
    again = evaluated(found, shipped(name), [recorded(finding) for finding in found["findings"]])
    for settled, finding in zip(again, found["findings"], strict=True):
        assert_same(settled, finding)
    assert hypotheses.verdict_of(again) == found["verdict"]


def test_the_claims_that_are_not_confirmed_are_those_of_the_table() -> None:
    verdicts = {name: found["verdict"] for name, found in confirmed().items()}
    assert {n: v for n, v in verdicts.items() if v != hypotheses.SUPPORTED} == NOT_CONFIRMED


def test_either_all_that_is_frozen_is_confirmed_or_nothing_is_yet() -> None:
    for frozen in confirmation.read(GALLERY):
        there = confirmed().keys() & frozen.scenarios.keys()
        assert there in (set(), frozen.scenarios.keys())


@pytest.mark.slow
@each_confirmed
def test_the_first_replicate_of_the_first_arm_run_anew_measures_what_was_confirmed(
    name: str, tmp_path: Path
) -> None:
    assert_reproduced(confirmed()[name], shipped(name), tmp_path, arms=1)


@pytest.mark.slow
@each
def test_the_figures_are_drawn_from_the_record(name: str, tmp_path: Path) -> None:
    making.write_page(record_of(name), shipped(name), tmp_path)
    for path in tmp_path.glob("*.svg"):
        drawn = (GALLERY / path.name).read_bytes()
        if f"Matplotlib v{mpl.__version__}".encode() in drawn:  # others draw other bytes
            assert drawn == path.read_bytes(), f"{path.name}: evosim gallery --pages-only"


@pytest.mark.slow
@each
def test_the_first_replicate_run_anew_measures_what_is_recorded(name: str, tmp_path: Path) -> None:
    assert_reproduced(record_of(name), shipped(name), tmp_path)
