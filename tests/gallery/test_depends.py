"""What a record depends on: code by its meaning, runs and findings apart."""

from __future__ import annotations

from tiny_experiment import TINY

from evosim import scenario
from evosim.gallery.depends import LIVED, SETTLED, changed, code, depends, meaning


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


def test_a_finding_is_a_reason_to_settle_and_a_world_to_live_again() -> None:
    plain, other = of(TINY), of(TINY.replace("above   = 0.1", "above   = 0.2"))
    assert changed(plain, other, LIVED) == ""
    assert changed(plain, other, SETTLED) == "its findings or its words were changed"
    assert changed(plain, of(TINY.replace("lifetime = 20", "lifetime = 9")), LIVED)
    assert changed(plain, of(TINY.replace("replicates = 3", "replicates = 4")), LIVED)
    assert changed(plain, of(TINY.replace("[0.0, 1.0]", "[0.0, 2.0]")), LIVED)
    assert changed(plain, of(TINY), {**LIVED, **SETTLED}) == ""
