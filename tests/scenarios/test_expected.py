"""What was expected stays as it was first written; what is called confirmatory was frozen."""

from __future__ import annotations

import hashlib
import subprocess
import tomllib
from pathlib import Path

import pytest
from tiny_experiment import EXPERIMENT

from evosim import scenario
from evosim.scenario import words
from evosim.study import reading

ROOT = Path(__file__).resolve().parents[2]
FILES = {
    **{f"scenarios/{name}": path for name, path in scenario.catalogue().items()},
    **{f"studies/{name}": path for name, path in reading.catalogue().items()},
}
FIRST = {
    line.split()[0]: tuple(line.split()[1:])
    for line in (ROOT / "tests/scenarios/expected.txt").read_text().splitlines()
    if not line.startswith("#")
}
"""By file: the hash of what was expected, its commit (- where not noted yet), the day."""

each = pytest.mark.parametrize("name", FILES)


def hash_of_expected(text: str) -> str:
    return hashlib.sha256(tomllib.loads(text)["expected"].encode()).hexdigest()


def sources(name: str) -> tuple[str, ...]:
    """The texts that the ``frozen`` of a file is a hash of."""
    if name.startswith("studies/"):
        return reading.load(name.partition("/")[2]).sources
    return (FILES[name].read_text(encoding="utf-8"),)


def in_git(at: str) -> str | None:
    """A file of a commit; None where there is no such file, or no history at all."""
    shown = subprocess.run(
        ["git", "show", at], cwd=ROOT, capture_output=True, encoding="utf-8", check=False
    )
    return None if shown.returncode else shown.stdout


def test_every_file_has_its_line_and_no_other_has_one() -> None:
    assert FIRST.keys() == FILES.keys()


@each
def test_what_was_expected_is_word_for_word_what_was_first_committed(name: str) -> None:
    assert hash_of_expected(FILES[name].read_text(encoding="utf-8")) == FIRST[name][0], (
        "expected is frozen: what the runs show goes into found, or finding of a study"
    )


@each
def test_the_commit_of_a_line_has_the_text_that_is_hashed(name: str) -> None:
    first, commit, _ = FIRST[name]
    text = in_git(f"{commit}:{name}.toml")
    if text is None:
        pytest.skip("no history of so long ago here")
    assert hash_of_expected(text) == first


@each
def test_a_frozen_file_is_the_one_that_was_frozen_and_had_not_been_run_by_then(name: str) -> None:
    if "frozen" not in tomllib.loads(FILES[name].read_text(encoding="utf-8")):
        return  # exploratory
    assert words.is_confirmatory(*sources(name)), f"{words.status(*sources(name))}; or leave it out"
    commit = FIRST[name][1]
    first = tomllib.loads(in_git(f"{commit}:{name}.toml") or "")
    assert first.get("frozen") == words.fingerprint(*sources(name)), "not frozen by that commit"
    folder, _, short = name.partition("/")
    made = f"gallery/{short}.json" if folder == "scenarios" else f"studies/{short}.csv"
    assert in_git(f"{commit}:docs/{made}") is None, "its numbers were there by that commit"


FROZEN = EXPERIMENT.replace(
    "[objective]", f'frozen = "{words.fingerprint(EXPERIMENT)}"\n\n[objective]'
)


def test_a_file_is_confirmatory_while_nothing_but_its_words_has_changed() -> None:
    assert not words.is_confirmatory(EXPERIMENT)
    assert words.is_confirmatory(FROZEN)
    said = FROZEN.replace('expected = "A collapse."', 'expected = "A loss."\nfound = "None."')
    said = said.replace('title = "fruit feeds on"', 'title = "fruit still feeds"')
    said = said.replace('says    = "capability does not"', 'says    = "capability stays"')
    assert said.count("still feeds") == said.count("capability stays") == 1
    assert words.is_confirmatory(said)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("above   = 0.1", "above   = 0.05"),
        ("below   = 0.3", "below   = 0.5"),
        ('measure = "collapse"', 'measure = "capability_lost"'),
        ('set   = ["timeline.1.train=before"]', "set   = []"),
        ("replicates = 6", "replicates = 12"),
        ("chance = 0.2", "chance = 0.3"),
        ('title = "fruit feeds no longer"', 'title = "lime feeds as fruit did"'),
    ],
)
def test_whatever_else_is_changed_makes_it_exploratory_again(old: str, new: str) -> None:
    assert FROZEN.count(old) == 1
    changed = FROZEN.replace(old, new)
    assert not words.is_confirmatory(changed)
    assert words.status(changed).startswith("exploratory: frozen is not the hash")
    assert words.fingerprint(changed) in words.status(changed)


def test_a_study_is_exploratory_again_where_its_scenario_was_changed() -> None:
    study = 'id = "x"\n'
    frozen = f'{study}frozen = "{words.fingerprint(study, EXPERIMENT)}"\n'
    assert words.is_confirmatory(frozen, EXPERIMENT)
    assert words.is_confirmatory(frozen, EXPERIMENT.replace('"Does it run?"', '"Does it walk?"'))
    assert not words.is_confirmatory(frozen, EXPERIMENT.replace("rows = 3", "rows = 4"))
