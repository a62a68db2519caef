"""Records: what they hold, how they are written and read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny_experiment import EXPERIMENT, Gallery

from evosim import scenario
from evosim.errors import EvosimError
from evosim.gallery import record
from evosim.scenario.words import fingerprint


def test_a_record_holds_every_replicate_of_every_term(whole: Gallery) -> None:
    for finding in whole.record["findings"]:
        for term in finding["terms"]:
            assert [len(column) for column in term["columns"]] == [6]
    assert [len(v["terms"]) for v in whole.record["tuned"]["values"]] == [2, 2]


def test_a_record_says_nothing_of_the_machine_or_the_day(whole: Gallery) -> None:
    text = (whole.out / "tiny.json").read_text()
    assert not {"machine", "created"} & set(whole.record)
    assert str(whole.folder) not in text
    assert str(Path.home()) not in text
    assert whole.record["command"] == "evosim run tiny --arms --tuned --seed 1"


def test_numbers_are_rounded_and_counts_are_kept() -> None:
    source = 'id = "x"'
    summary = {"scenario": "x", "seed": 1, "value": 0.123456789, "columns": [[1e-9 / 3, None, 7]]}
    made = record.record_of(summary, source)
    assert made["value"] == 0.123457
    assert made["columns"] == [[3.33333e-10, None, 7]]
    assert isinstance(made["seed"], int)


def test_a_record_is_json_with_a_row_of_numbers_on_each_line() -> None:
    made = {"a": [[1, 2.5], [None, 3]], "b": [], "c": {"d": {}, "e": "é"}, "f": 0}
    text = record.to_text(made)
    assert json.loads(text) == made
    assert "    [1, 2.5],\n    [null, 3]\n" in text
    assert '"e": "é"' in text


def test_the_fingerprint_sees_what_a_file_says_and_not_its_comments() -> None:
    plain = fingerprint(EXPERIMENT)
    assert fingerprint("# a comment\n" + EXPERIMENT.replace("rows = 3", "rows  =  3  # few")) == (
        plain
    )
    assert fingerprint(EXPERIMENT.replace("rows = 3", "rows = 4")) != plain


def test_words_are_taken_from_the_scenario_and_numbers_stay(whole: Gallery) -> None:
    text = EXPERIMENT.replace('expected = "A collapse."', 'expected = "A loss."\nfound = "None."')
    for old, new in (
        ('title = "fruit feeds on"', 'title = "fruit still feeds"'),
        ("capability does not", "capability stays"), ("Fruit has to be felt.", "It has to be."),
        ("and not without that", "and not if it feeds on"),
    ):  # fmt: skip
        assert text.count(old) == 1
        text = text.replace(old, new)
    now = record.with_words_of(scenario.loads(text), whole.record)
    assert (now["expected"], now["found"]) == ("A loss.", "None.")
    assert now["arms"]["control"]["title"] == "fruit still feeds"
    assert now["findings"][1]["says"] == "capability stays"
    assert now["tuned"]["says"] == "It has to be."
    assert "not without that" not in record.to_text(now)
    assert record.with_words_of(scenario.loads(EXPERIMENT), now) == whole.record


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("{", "is damaged"),
        ("[]", "is damaged"),
        ('{"format": 99}', "has format 99, this evosim reads 1"),
    ],
)
def test_a_record_that_cannot_be_used_names_the_remedy(
    text: str, wrong: str, tmp_path: Path
) -> None:
    path = tmp_path / "tiny.json"
    path.write_text(text)
    with pytest.raises(EvosimError, match=wrong) as caught:
        record.read(path)
    assert str(caught.value).endswith("with: evosim gallery tiny")


def test_a_missing_record_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(EvosimError, match="no record of 'tiny'; make it with: evosim gallery tiny"):
        record.read(tmp_path / "tiny.json")
