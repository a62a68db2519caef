"""Environments: deep overrides of the world, legitimate additions, the worlds they make."""

from __future__ import annotations

import pickle

import pytest
from texts import SMALL, changed, complaints

from evosim.errors import EvosimError
from evosim.scenario import loads


def away(*lines: str) -> str:
    return changed(("kinds.berry.use.eat.yields.food = 0.5", "\n".join(lines)))


def test_an_override_changes_one_number_and_nothing_else() -> None:
    scenario = loads(SMALL)
    home, other = scenario.environment("home"), scenario.environment("away")
    assert home.kinds["berry"].use["eat"].yields == {"food": 1}
    assert other.kinds["berry"].use["eat"].yields == {"food": 0.5}
    assert (home.slip, other.slip) == (0, 0.2)
    assert other.kinds["berry"].use["eat"].when == home.kinds["berry"].use["eat"].when
    assert other.variables == home.variables
    assert scenario.world.kinds == home.kinds
    assert scenario.world.slip == home.slip


def test_a_world_knows_the_name_of_its_environment_and_is_made_once() -> None:
    scenario = loads(SMALL)
    assert scenario.environment("away").name == "away"
    assert scenario.world.name == ""
    assert scenario.environment("away") is scenario.environment("away")


def test_a_scenario_survives_pickling_with_its_worlds() -> None:
    scenario = loads(SMALL)
    assert scenario.environment("away").slots
    copied = pickle.loads(pickle.dumps(scenario))
    assert copied == scenario
    assert copied.environment("away").name == "away"
    assert copied.environment("away").layout == scenario.environment("away").layout


def test_a_scenario_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        loads(SMALL).world.slip = 0.5  # type: ignore[misc]


def test_an_unknown_environment_is_answered_with_the_known_ones() -> None:
    with pytest.raises(EvosimError, match="no environment 'awy': did you mean 'away'"):
        loads(SMALL).environment("awy")


def test_tables_merge_and_anything_else_is_replaced() -> None:
    world = loads(
        away("variables.night.start = 1", "kinds.berry.use.eat.when.night = 1")
    ).environment("away")
    assert world.variables["night"].start == 1
    assert world.kinds["berry"].use["eat"].when == {"energy": (1, 5), "night": 1}


def test_an_environment_may_add_kinds_rules_feelings_and_payoffs() -> None:
    scenario = loads(
        away(
            'kinds.flag = { glyph = "f", count = 1, use.salute.yields.honour = 1 }',
            "kinds.rock.use.lick = { when = {}, feels.sour = 1 }",
            "kinds.berry.use.eat.feels.sour = 0.1",
            "kinds.berry.here.feels.sweet = 0.1",
            "always.cold = { when.night = 1, feels.sour = 0.2 }",
            "variables.energy.drift.chance = 0.5",
            "variables.energy.start = [0, 1, 1, 1, 1, 1]",
            "variables.night.assume = 1",
            "edges = 'torus'",
            "lifetime = 99",
        )
    )
    world = scenario.environment("away")
    assert list(world.kinds) == ["berry", "rock", "flag"]
    assert list(scenario.environment("home").kinds) == ["berry", "rock"]
    assert world.always.keys() == {"hunger", "cold"}
    assert scenario.payoffs == ("food", "honour")
    assert world.kinds["berry"].use["eat"].feels == {"sweet": 1, "sour": 0.1}


def test_additions_that_are_wrong_are_told_at_their_own_line() -> None:
    found = complaints(
        away(
            'kinds.flag = { glyph = "f", count = 1, use.salute.feels.proud = 1 }',
            "kinds.rock.use.lick = { when = { tired = 1 }, feels.sour = 1 }",
            'kinds.tree = { glyph = "r", count = 1 }',
        )
    )
    assert [line.split(": ")[0:2] for line in found] == [
        ["small.toml:56", "environments.away.kinds.flag.use.salute.feels.proud"],
        ["small.toml:57", "environments.away.kinds.rock.use.lick.when.tired"],
        ["small.toml:58", "environments.away.kinds.tree.glyph"],
    ]


def test_a_kind_may_have_no_site_in_one_environment() -> None:
    scenario = loads(away("kinds.rock.count = 0"))
    assert scenario.environment("away").sites_of("rock") == 0


def test_an_environment_that_has_no_room_is_told_apart_from_the_others() -> None:
    assert complaints(away("kinds.rock.count = 30")) == [
        "small.toml:56: environments.away.kinds: more sites than free cells (got 32 sites and one "
        "cell to start on: berry 2, rock 30, allowed 20 cells that are no wall, no @ and no site "
        "of the map)"
    ]


def test_sites_that_regrow_add_a_variable_each_after_the_declared_ones() -> None:
    world = loads(SMALL).environment("home")
    assert world.slots == (("berry", 0), ("berry", 1), ("rock", -1))
    assert world.state_variables == (
        ("energy", 6), ("night", 2), ("berry[0]", 2), ("berry[1]", 2),
    )  # fmt: skip
    assert world.n_states == 20 * 6 * 2 * 2 * 2


def test_stimuli_payoffs_and_senses_are_in_the_order_written() -> None:
    scenario = loads(
        changed(
            ('drives = ["sweet", "sour"]', 'drives = ["sour", "novelty", "sweet"]'),
            ("here = { feels", "here = { yields = { dust = 1 }, feels"),
        )
    )
    assert scenario.stimuli == ("sour", "sweet")
    assert scenario.payoffs == ("food", "dust")
    assert list(scenario.senses) == ["night"]
    sense = scenario.senses["night"]
    assert (sense.low, sense.high, sense.start_low, sense.start_high) == (0, 1, 0, 1)
    assert [path for path, _ in scenario.world.effects()] == [
        ("kinds", "berry", "use", "eat"),
        ("kinds", "rock", "here"),
        ("always", "hunger"),
    ]


def test_looks_are_in_the_order_written_and_environments_may_change_them() -> None:
    text = changed(
        ("patience = 0.9", "patience = 0.9\ntool = { depth = 5, reliance = [0, 1] }"),
        ("regrow = 0.1", "regrow = 0.1\nlooks = { red = 1, round = 0.5 }"),
        ("slip = 0.2", "slip = 0.2\nkinds.rock.looks = { grey = 1 }\nkinds.berry.looks.red = 0"),
    )
    scenario = loads(text)
    assert scenario.looks == ("red", "round", "grey")
    assert scenario.environment("home").kinds["berry"].looks == {"red": 1, "round": 0.5}
    assert scenario.environment("away").kinds["berry"].looks == {"red": 0, "round": 0.5}
    assert scenario.ancestral == "home"
    assert loads(scenario.to_toml()) == scenario


def test_loci_are_pinned_evolve_or_start_where_told() -> None:
    scenario = loads(
        changed(
            ('drives = ["sweet", "sour"]', "drives = { sweet = 1, sour = [-0.5, 0.5] }"),
            ("depth = [0, 4]", "depth = { range = [1, 4], start = [2, 3] }"),
            ("patience = 0.9", "patience = [0.5, 0.9]\nsenses.night = 1"),
        )
    )
    agent = scenario.agent
    assert agent.drives["sweet"].pinned
    assert (agent.drives["sour"].low, agent.drives["sour"].start_high) == (-0.5, 0.5)
    assert (agent.depth.low, agent.depth.high) == (1, 4)
    assert (agent.depth.start_low, agent.depth.start_high) == (2, 3)
    assert (agent.patience.start_low, agent.patience.start_high) == (0.5, 0.9)
    assert agent.temperature.pinned
    assert agent.temperature.low == 0
    assert scenario.senses["night"].pinned


def test_an_evolving_depth_starts_at_its_least_and_a_drive_anywhere() -> None:
    agent = loads(SMALL).agent
    assert (agent.depth.start_low, agent.depth.start_high) == (0, 0)
    assert (agent.drives["sweet"].start_low, agent.drives["sweet"].start_high) == (-1, 1)
