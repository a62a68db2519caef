"""What a record depends on: code by its meaning, runs and findings apart."""

from __future__ import annotations

import pytest
from tiny_experiment import TINY, Gallery

from evosim import scenario
from evosim.gallery.depends import LIVED, SETTLED, changed, code, depends, meaning
from evosim.study.anew import is_of_other_runs


def of(text: str) -> dict[str, str]:
    return depends(scenario.loads(text))


def test_comments_docstrings_and_layout_are_no_change_of_code() -> None:
    plain = 'def f(x):\n    return x + "a"\n'
    told = '"""A module."""\n\ndef f(x):  # f\n    """F."""\n    return (x\n            + "a")\n'
    assert meaning(told) == meaning(plain)
    assert meaning(plain.replace('"a"', '"b"')) != meaning(plain)


def test_a_hash_of_code_is_of_the_modules_that_are_named() -> None:
    assert code(("core",), ()) != code(("core",), ("core/plan.py",))
    assert code(("core/plan.py",), ()) == code(("core/plan.py",), ("core/live.py",))


def test_what_is_said_or_found_is_a_reason_to_settle_again_and_not_to_live_again() -> None:
    plain = of(TINY)
    for old, new in [("above   = 0.1", "above   = 0.2"), ("A collapse.", "A loss.")]:
        other = of(TINY.replace(old, new))
        assert changed(plain, other, LIVED) == ""
        assert changed(plain, other, SETTLED) == "its findings or its words were changed"
    assert changed(plain, of(TINY), {**LIVED, **SETTLED}) == ""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("lifetime = 20", "lifetime = 9"),
        ("replicates = 6", "replicates = 4"),
        ("replicates = 3", "replicates = 4"),
        ("[0.0, 1.0]", "[0.0, 2.0]"),
        ('set   = ["timeline.1.train=before"]', ""),
    ],
)
def test_other_worlds_arms_or_replicates_are_other_runs(old: str, new: str, whole: Gallery) -> None:
    other = scenario.loads(TINY.replace(old, new))
    assert TINY.count(old) == 1
    assert is_of_other_runs(whole.work / "tiny", other, tuned=True)


@pytest.mark.parametrize(
    ("old", "new"), [("A collapse.", "A loss."), ("fruit feeds on", "no"), ("Does it", "Does this")]
)
def test_other_words_are_the_same_runs(old: str, new: str, whole: Gallery) -> None:
    other = scenario.loads(TINY.replace(old, new))
    assert TINY.count(old) == 1
    assert not is_of_other_runs(whole.work / "tiny", other, tuned=True)
