"""``--set key=value``: what it changes, and how it is answered where it cannot."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from texts import SMALL, complaints

from evosim.errors import ScenarioError
from evosim.scenario import Scenario, loads
from evosim.scenario.schema import World


def with_sets(*sets: str) -> Scenario:
    return loads(SMALL, settings=sets)


def test_settings_reach_every_part_of_a_scenario() -> None:
    scenario = with_sets(
        "world.lifetime=77",
        "timeline.1.train=home",
        'title="Another title"',
        "claim=What a claim",
        "agent.depth=[1, 3]",
        "agent.temperature=0.5",
        "agent.senses.night=0",
        "environments.home.kinds.rock.count=2",
        "environments.home.title=set",
        "world.kinds.rock.here.feels.sweet=0.5",
        "evolution.select.tournsize=7",
        "measure.every=3",
        "world.variables.night.start=[1, 3]",
        "timeline.0.window=5",
    )
    assert scenario.environment("home").lifetime == 77
    assert scenario.timeline[1].mixture == {"home": 1.0}
    assert scenario.title == "Another title"
    assert scenario.claim == "What a claim"
    assert scenario.agent.depth.high == 3
    assert scenario.agent.temperature.low == 0.5
    assert scenario.senses["night"].pinned
    assert scenario.environment("home").kinds["rock"].count == 2
    assert scenario.environment("away").kinds["rock"].count == 1
    assert scenario.environments["home"].title == "set"
    assert scenario.world.kinds["rock"].here is not None
    assert scenario.world.kinds["rock"].here.feels == {"sour": 0.1, "sweet": 0.5}
    assert scenario.evolution.select.options == {"tournsize": 7}
    assert scenario.measure.every == 3
    assert scenario.world.variables["night"].start == (1, 3)
    assert scenario.timeline[0].window == 5


def test_later_settings_win_and_none_change_nothing() -> None:
    assert with_sets("world.lifetime=5", "world.lifetime=30", "timeline.1.window=20") == loads(
        SMALL
    )


def test_one_drive_of_a_list_can_be_pinned() -> None:
    agent = with_sets("agent.drives.sour=-1").agent
    assert agent.drives["sour"].pinned
    assert not agent.drives["sweet"].pinned


SAME_PLACE = [
    ("agent.drives.swet=1", "unknown entry 'swet': did you mean 'sweet'? known: sour, sweet"),
    ("agent.drives.swet.start=1", "unknown entry 'swet': did you mean 'sweet'? known: sour, sweet"),
    ("agent.drives.0=1", "unknown entry '0': known: sour, sweet"),
]


@pytest.mark.parametrize(("written", "said"), SAME_PLACE)
def test_drives_go_by_name_in_a_file_and_in_a_scenario_that_was_read(
    written: str, said: str
) -> None:
    (in_file,) = complaints(SMALL, [written])
    with pytest.raises(ScenarioError) as in_object:
        loads(SMALL).replace([written])
    assert in_file == str(in_object.value)
    assert in_file.endswith(f": {said}")


@pytest.mark.parametrize(
    "written",
    [
        ["agent.drives.sour=-1"],
        ["agent.drives.sweet.start=0"],
        ["agent.depth.1=3"],
        ["agent.depth.range=[0, 3]"],
        ["agent.depth.start=[1, 2]"],
        ["agent.drives={ redness = 1, sweet = [0, 1], sour = 0 }", "agent.drives.redness=0"],
    ],
)
def test_a_key_means_the_same_place_in_a_file_and_in_a_scenario_that_was_read(
    written: list[str],
) -> None:
    assert with_sets(*written) == loads(SMALL).replace(written)


def test_drives_that_are_named_twice_are_refused_when_one_is_set() -> None:
    twice = SMALL.replace('["sweet", "sour"]', '["sweet", "sour", "sweet"]')
    (found,) = complaints(twice, ["agent.drives.sour=1"])
    assert "agent.drives: the drive 'sweet' is named twice" in found


def test_a_kind_can_be_left_out_on_purpose() -> None:
    scenario = with_sets("world.kinds.rock.count=0")
    assert scenario.environment("home").sites_of("rock") == 0


def test_a_whole_kind_can_be_added() -> None:
    scenario = with_sets("world.kinds.tree={ glyph = 't', count = 1 }")
    assert scenario.world.kinds["tree"].count == 1


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (
            "world.rows=0",
            "world.rows: out of range (got 0, allowed a whole number from 1 to 1,000)",
        ),
        (
            "worl.rows=3",
            'worl.rows: unknown key "worl": '
            "did you mean 'world'? known: agent, claim, control, copies, correction, "
            "deception, environments, evolution, expected, experiment, family, found, frozen, id, "
            "measure, "
            "monitor, objective, pilots, question, source, "
            "timeline, title, verdict, world",
        ),
        (
            "world.row=3",
            'world.row: unknown key "row": '
            "did you mean 'rows'? "
            f"known: {', '.join(sorted(World.model_fields))}",
        ),
        (
            "world.kinds.bery.count=3",
            'world.kinds.bery.count: unknown key "bery": '
            "did you mean 'berry'? known: berry, rock",
        ),
        (
            "environments.away.kinds.bery.count=3",
            'environments.away.kinds.bery.count: unknown key "bery": '
            "did you mean 'berry'? "
            "known: berry, rock",
        ),
        (
            "environments.awy.slip=0",
            "environments.awy.slip: unknown key \"awy\": did you mean 'away'? known: away, home",
        ),
        (
            "environments.away.slpi=0",
            'environments.away.slpi: unknown key "slpi": '
            "did you mean 'slip'? "
            f"known: {', '.join(sorted(World.model_fields))}",
        ),
        (
            "environments.away.kinds.rock.count=99",
            "environments.away.kinds: more sites than free cells (got 101 sites and one cell to "
            "start on: berry 2, rock 99, allowed 20 cells that are no wall, no @ and no site of "
            "the map)",
        ),
        (
            "agent.drives.swet=1",
            "agent.drives.swet: unknown entry 'swet': did you mean 'sweet'? known: sour, sweet",
        ),
        (
            "timeline.2.train=home",
            "timeline.2.train: timeline has 2 entries (got '2', allowed an index from 0 to 1)",
        ),
        (
            "timeline[1].train=home",
            "timeline[1].train: entries of a list are numbered after a dot: timeline.1.train",
        ),
        ("world.rows.x=1", "world.rows.x: world.rows is a value and has nothing below it"),
        (
            "timeline.0.train=hme",
            "timeline.0.train: unknown environment \"hme\": did you mean 'home'? known: away, home",
        ),
        (
            "world.lifetime=[1,",
            "world.lifetime: not a TOML value: '[1,' (allowed a number, true, false, a string, "
            "[...] or {...}; mind the quotes of your shell)",
        ),
        (
            "world.lifetime=",
            "world.lifetime: not a TOML value: '' (allowed a number, true, false, a string, "
            "[...] or {...}; mind the quotes of your shell)",
        ),
        ("lifetime", "not of the form key=value, such as world.lifetime=100"),
        ("=3", "not of the form key=value, such as world.lifetime=100"),
        (
            "agent.patience=nan",
            "agent.patience: not a locus (got nan, allowed a number from 0 to 1, [lo, hi] "
            "to let it evolve, or { range = [lo, hi], start = ... })",
        ),
    ],
)
def test_a_setting_that_is_wrong_is_named_in_place_of_file_and_line(
    written: str, said: str
) -> None:
    (found,) = complaints(SMALL, [written])
    assert found == f"setting {written}: {said}"


def test_all_settings_that_cannot_be_placed_are_told_at_once() -> None:
    assert len(complaints(SMALL, ["worl.rows=1", "x", "agent.depht=1"])) == 3


def test_mistakes_of_the_file_and_of_settings_are_told_together() -> None:
    found = complaints(SMALL.replace("slip = 0.2", "slip = 2"), ["world.rows=0"])
    assert found[0].startswith("small.toml:55: environments.away.slip: ")
    assert found[1].startswith("setting world.rows=0: world.rows: ")


@given(st.text(max_size=12), st.text(max_size=12))
@settings(deadline=None)
def test_no_setting_ends_in_a_traceback(key: str, value: str) -> None:
    with contextlib.suppress(ScenarioError):
        loads(SMALL, settings=[f"{key}={value}", f"world.kinds.{value}={key}"])
