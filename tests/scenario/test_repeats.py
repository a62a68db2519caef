"""Phases that repeat: what they stand for, and how errors and settings find them."""

from __future__ import annotations

import pytest
from texts import SMALL, complaints

from evosim.errors import ScenarioError
from evosim.scenario import Scenario, loads

GROUP = (
    SMALL
    + """
[[timeline]]
repeat = 2

[[timeline.phases]]
generations = 4
train = "home"

[[timeline.phases]]
generations = 1
train = "away"
"""
)


def phases(scenario: Scenario) -> list[tuple[int, object]]:
    return [(phase.generations, phase.train) for phase in scenario.timeline[2:]]


def test_phases_follow_one_another_as_often_as_is_said() -> None:
    pair = '\n[[timeline]]\ngenerations = 4\ntrain = "home"\n\n[[timeline]]\ngenerations = 1\n'
    written = SMALL + 2 * f'{pair}train = "away"\n'
    assert loads(GROUP) == loads(written)


def test_groups_may_hold_groups() -> None:
    text = (
        SMALL
        + """
[[timeline]]
repeat = 2
phases = [
  { generations = 3, train = "home" },
  { repeat = 2, phases = [{ generations = 1, train = "away" }] },
]
"""
    )
    assert phases(loads(text)) == 2 * [(3, "home"), (1, "away"), (1, "away")]


def test_settings_count_phases_as_they_are_lived() -> None:
    changed = loads(GROUP, settings={"timeline.4.generations": 9})
    assert phases(changed) == [(4, "home"), (1, "away"), (9, "home"), (1, "away")]
    assert changed == loads(GROUP).replace("timeline.4.generations", 9)


def test_a_setting_may_write_a_group_and_a_later_one_a_phase_of_it() -> None:
    group = {"repeat": 3, "phases": [{"generations": 2, "train": "home"}]}
    settings = {"timeline.1": group, "timeline.2.train": "away"}
    lived = loads(SMALL, settings=settings).timeline
    assert [phase.train for phase in lived] == ["home", "home", "away", "home"]


def test_a_mistake_in_a_group_is_told_once_and_where_it_is_written() -> None:
    assert complaints(
        GROUP.replace('generations = 1\ntrain = "away"', 'generations = 1\ntrain = "awy"')
    ) == [
        f"small.toml:{GROUP.splitlines().index('generations = 1') + 2}: "
        "timeline.2.phases.1.train: unknown environment \"awy\": did you mean 'away'? "
        "known: away, home"
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("repeat = 2", "repeat = 0", "timeline.2.repeat: out of range (got 0"),
        ("repeat = 2", "repeat = 1001", "here 2,002)"),
        ("repeat = 2", "repat = 2", "did you mean 'repeat'?"),
        ("repeat = 2", "repeat = 2\nselect = false", 'unknown key "select"'),
    ],
)
def test_a_group_that_is_wrong_is_told_as_a_group(old: str, new: str, message: str) -> None:
    found = complaints(GROUP.replace(old, new))
    assert message in found[-1]
    assert not any("generations" in line for line in found)


def test_a_setting_of_the_group_itself_says_what_to_set() -> None:
    with pytest.raises(ScenarioError, match="set the whole, timeline="):
        loads(GROUP, settings={"timeline.2.repeat": 5})


def test_a_mistake_in_a_group_of_a_setting_names_the_setting() -> None:
    group = {"repeat": 2, "phases": [{"generations": 2, "train": "hme"}]}
    with pytest.raises(ScenarioError) as error:
        loads(SMALL, settings={"timeline.1": group})
    assert all(p.file.startswith("setting timeline.1=") for p in error.value.problems)
