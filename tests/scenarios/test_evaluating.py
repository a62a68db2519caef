"""That the tests of the records can fail: on a tiny scenario, from its runs to its page."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from evaluating import assert_reproduced, assert_same, evaluated, recorded, without_effect
from tiny_experiment import EXPERIMENT, Gallery

from evosim import scenario
from evosim.gallery.record import Record
from evosim.metrics import hypotheses
from evosim.scenario import Scenario


@pytest.fixture(scope="module")
def read() -> Scenario:
    return scenario.loads(EXPERIMENT)


def columns_of(record: Record) -> list[list]:
    return [recorded(finding) for finding in record["findings"]]


def test_the_columns_of_a_record_give_its_numbers_and_its_verdict(
    tiny: Gallery, read: Scenario
) -> None:
    again = evaluated(tiny.record, read, columns_of(tiny.record))
    for settled, finding in zip(again, tiny.record["findings"], strict=True):
        assert_same(settled, finding)
    assert hypotheses.verdict_of(again) == tiny.record["verdict"] == "supported"


def test_the_control_in_place_of_the_effect_does_not_support_the_claim(
    tiny: Gallery, read: Scenario
) -> None:
    again = evaluated(tiny.record, read, without_effect(tiny.record, read))
    assert again[0]["value"] == 0
    assert hypotheses.verdict_of(again) == "refuted"


def test_a_finding_of_one_arm_takes_the_control_that_another_finding_looks_at(
    tiny: Gallery, read: Scenario
) -> None:
    alone = EXPERIMENT.replace('against = { arm = "control" }\n', "").replace(
        'measure = "capability_lost"\nbelow   = 0.3',
        'measure = "collapse"\narm     = "control"\nbelow   = 0.3',
    )
    record = copy.deepcopy(tiny.record)
    effect, control = record["findings"][0]["terms"]
    record["findings"][0]["terms"] = [effect]
    record["findings"][1]["terms"] = [{**control, "weight": 1.0}]
    changed = scenario.loads(alone)
    columns = columns_of(record)
    assert hypotheses.verdict_of(evaluated(record, changed, columns)) == "supported"
    swapped = evaluated(record, changed, without_effect(record, changed))
    assert [finding["verdict"] for finding in swapped] == ["refuted", "supported"]


@pytest.mark.parametrize("key", ["value", "interval", "verdict"])
def test_a_number_that_was_changed_by_hand_is_noticed(
    key: str, tiny: Gallery, read: Scenario
) -> None:
    again = evaluated(tiny.record, read, columns_of(tiny.record))
    low, high = tiny.record["findings"][0]["interval"]
    other = {"value": again[0]["value"] * 1.01, "interval": [low - 0.1, high], "verdict": "refuted"}
    changed = {**tiny.record["findings"][0], key: other[key]}
    with pytest.raises(AssertionError):
        assert_same(again[0], changed)


@pytest.mark.slow
def test_the_first_replicate_run_anew_measures_what_is_recorded(
    tiny: Gallery, read: Scenario, tmp_path: Path
) -> None:
    assert_reproduced(tiny.record, read, tmp_path / "same")
    changed = copy.deepcopy(tiny.record)
    changed["findings"][0]["terms"][0]["columns"][0][0] *= 1.001
    with pytest.raises(AssertionError, match="arm effect"):
        assert_reproduced(changed, read, tmp_path / "other")
