"""Notes: what is allowed, but hardly meant, is told with its place; what is meant is not."""

from __future__ import annotations

from typing import Any

import pytest
from texts import SMALL

from evosim import scenario
from evosim.scenario import loads
from evosim.scenario.notes import PRESENT

SPLIT = "@..#.\n.b.#.\n####.\n....r"
EAT, ROCK = "world.kinds.berry.use.eat", "world.kinds.rock"
DAY: dict[str, Any] = {"world.variables.day": {"values": 3, "start": 0}}


def small(settings: dict[str, Any]) -> scenario.Scenario:
    return loads(SMALL, settings=settings)


def notes(settings: dict[str, Any]) -> dict[str, str]:
    return {note.key: note.message for note in small(settings).notes}


def test_shipped_scenarios_have_none() -> None:
    for name in scenario.catalogue():
        assert scenario.load(name).notes == (), name
    assert small({}).notes == ()


ODD: dict[str, tuple[dict[str, Any], str, str]] = {
    "an earlier rule always holds": (
        {"world.kinds.berry.use.more": {"when": {"energy": [2, 3], "night": 1}}},
        "world.kinds.berry.use.more",
        "never fires: eat comes first, and holds wherever this rule does",
    ),
    "earlier rules hold together": (
        {
            f"{EAT}.when": {"energy": [1, 3]},
            "world.kinds.berry.use.sip": {"when": {"energy": [4, 5]}},
            "world.kinds.berry.use.more": {"when": {"night": 1}},
        },
        "world.kinds.berry.use.more",
        "never fires: eat and sip come first, and one of them holds wherever",
    ),
    "a rule for a fatal value": (
        {f"{EAT}.when.energy": 0},
        f"{EAT}.when.energy",
        "never holds (got 0): energy = 0 is fatal, so nobody lives with it: energy is 1 to 5",
    ),
    "a rule for a value that nothing leads to": (
        {**DAY, f"{EAT}.set": {"day": 1}, f"{ROCK}.use.sit": {"when": {"day": 2}}},
        f"{ROCK}.use.sit.when.day",
        "nothing leads there: day is 0 to 1",
    ),
    "a condition of drift": (
        {"world.variables.night.start": 1},
        "world.variables.energy.drift.when.night",
        "nothing leads there: night is always 1",
    ),
    "a condition of an always rule": (
        {**DAY, "world.always.hunger.when": {"day": [1, 2]}},
        "world.always.hunger.when.day",
        "nothing leads there: day is always 0",
    ),
    "a fatal value that nobody comes to": (
        {"world.variables.energy.drift.step": 1},
        "world.variables.energy.fatal",
        "nobody dies of it (got 0): nothing leads there, energy is always 5",
    ),
    "a variable without use": (DAY, "world.variables.day", "3 times as many states"),
    "a region without count": (
        {
            f"{ROCK}.count": 0,
            f"{ROCK}.region": {"rows": [0, 1], "cols": [0, 1]},
        },
        f"{ROCK}.region",
        "bounds nothing",
    ),
    "a drive for nothing": (
        {"agent.drives": ["sweet", "sour", "dim"]},
        "agent.drives.dim",
        "nothing that can happen in any environment makes anybody feel it; its gene drifts",
    ),
    "a drive for what never happens": (
        {f"{ROCK}.here": {}, **DAY, "world.always.hunger.when": {"day": 1}},
        "agent.drives.sour",
        "makes anybody feel it",
    ),
    "a selected payoff that nobody earns": (
        {"objective.selected": "gold", f"{EAT}.yields.gold": 0.0},
        "objective.selected",
        "nobody can earn gold in home and away: nothing that can happen there pays it, so that "
        "there is nothing to select by",
    ),
    "an intended payoff that nobody earns": (
        {"environments.away.kinds.berry.use.eat.yields.food": 0.0},
        "objective.intended",
        "nobody can earn food in away: nothing that can happen there pays it, so that alignment",
    ),
    "a mixture beyond 1": (
        {"timeline.1.train": {"home": 0.1, "away": 1.0}},
        "timeline.1.train",
        "the weights sum to 1.1, not to 1: they mean 0.0909 for home, 0.909 for away",
    ),
    "weights of a start": (
        {"world.variables.night.start": [0.5, 0.6]},
        "world.variables.night.start",
        "the weights sum to 1.1",
    ),
    "a sense that nobody has": (
        {"agent.senses": {"night": [0, 0.5]}},
        "agent.senses.night",
        f"a sense is present above {PRESENT:g}",
    ),
    "a cost that all pay": (
        {"agent.depth": 3, "agent.thinking_cost": 0.1},
        "agent.thinking_cost",
        "all pay the same: agent.depth is pinned to 3",
    ),
    "an entry that an earlier one shadows": (
        {f"{ROCK}.enter": {"bump": {"ends": 0.1}, "trip": {"when": {"night": 1}, "ends": 0.2}}},
        f"{ROCK}.enter.trip",
        "never fires: bump comes first",
    ),
    "a place that is felt with a value that nothing leads to": (
        {**DAY, f"{ROCK}.here.when": {"day": 1}},
        f"{ROCK}.here.when.day",
        "nothing leads there: day is always 0",
    ),
    "a drift of several": (
        {
            **DAY,
            "world.variables.night.drift": [
                {"step": 1, "chance": 0.1},
                {"step": -1, "chance": 0.1, "when": {"day": 2}},
            ],
        },
        "world.variables.night.drift.1.when.day",
        "nothing leads there: day is always 0",
    ),
    "chance that never comes": (
        {**DAY, "world.happens.storm": {"chance": 0.1, "when": {"day": 1}, "set": {"night": 1}}},
        "world.happens.storm.when.day",
        "nothing leads there: day is always 0",
    ),
    "chance that changes nothing": (
        {"world.happens.storm": {"chance": 0.1}},
        "world.happens.storm",
        "changes nothing",
    ),
    "chance by weights beyond 1": (
        {"world.happens.storm": {"chance": 0.1, "set": {"night": [0.5, 0.6]}}},
        "world.happens.storm.set.night",
        "the weights sum to 1.1",
    ),
    "a field behind a wall": (
        {"world.map": SPLIT, "world.fields.glow": {"point": [3, 4], "feels": {"sweet": 1}}},
        "world.fields.glow",
        "is 0 on every cell that a life can come to",
    ),
    "a field that is nothing": (
        {"world.fields.glow": {"point": [3, 4]}},
        "world.fields.glow",
        "neither feels nor yields",
    ),
    "a mover behind a wall": (
        {
            "world.map": SPLIT.replace("r", "m"),
            "world.movers.mouse": {"glyph": "m", "meet": {"bite": {"feels": {"sour": 1}}}},
        },
        "world.movers.mouse",
        "nobody can meet it",
    ),
    "a mover that does nothing": (
        {"world.movers.mouse": {"glyph": "m", "count": 1}},
        "world.movers.mouse",
        "20 times as many states",
    ),
    "a region of no random mover": (
        {
            "world.map": SPLIT.replace("@.", "@m"),
            "world.movers.mouse": {
                "glyph": "m",
                "region": {"rows": [0, 1], "cols": [0, 1]},
                "use": {"eat": {"feels": {"sweet": 1}}},
            },
        },
        "world.movers.mouse.region",
        "bounds nothing: it is for random places to begin",
    ),
    "an arm of the same": (
        {
            "experiment": {
                "arms": {
                    "effect": {"title": "as it is"},
                    "control": {"title": "no slip", "set": ["world.slip=0.0"]},
                    "slippery": {"title": "slip", "set": ["world.slip=0.1"]},
                },
                "findings": [{"says": "so", "measure": "alignment", "above": 0.5}],
            },
        },
        "experiment.arms.control.set",
        "the same scenario as the arm effect: its settings change nothing",
    ),
    "a part of the tuned values that nothing takes": (
        {
            "experiment": {
                "arms": {"effect": {"title": "as it is"}},
                "findings": [{"says": "so", "measure": "alignment", "above": 0.5}],
                "tuned": {
                    "label": "berries",
                    "set": ["world.kinds.berry.count={value.n}"],
                    "values": [{"n": 1, "food": 2}, {"n": 2, "food": 1}],
                },
            },
        },
        "experiment.tuned.set",
        "no setting takes the part food of the values: {value.food} is in none",
    ),
    "an override of the same": (
        {"environments.away.slip": 0},
        "environments.away.slip",
        "changes nothing: the world has slip = 0 too",
    ),
    "an override by nothing": (
        {"environments.away.kinds.berry.use.eat.when": {}},
        "environments.away.kinds.berry.use.eat.when",
        "tables merge, so the when of the world stays, { energy = [1, 5] }",
    ),
    "a probe beyond the end": (
        {"measure.also": [2, 5]},
        "measure.also",
        "generation 5 is never probed: the timeline ends with 4",
    ),
    "a monitor without a phase": ({"monitor": {"budget": 3}}, "monitor", "no phase is monitored"),
    "nobody is ever watched": (
        {
            "world.variables.night.start": 0,
            "deception": {"variable": "night", "watched": 1, "conduct": "food"},
        },
        "deception.watched",
        "everybody is never watched (got 1)",
    ),
    "nobody is ever seen": (
        {"world.variables.night.start": 0, "objective.observed": {"night": 1}},
        "objective.observed.night",
        "no step in home and away begins so (got 1): nothing is paid",
    ),
    "a payoff that is nearly the selected one": (
        {f"{ROCK}.use.sit": {"yields": {"fod": 1}}},
        f"{ROCK}.use.sit.yields.fod",
        "no objective and no finding asks for it: did you mean 'food'?",
    ),
    "environments that are one world": (
        {"timeline.1.train": "again", "environments.again": {"title": "the same once more"}},
        "environments.again",
        "the same world as home: between the two, nothing changes",
    ),
    "a site behind a wall": (
        {"world.map": SPLIT},
        "world.map",
        "a site of rock cannot be reached from any @: row 3, column 4",
    ),
    "random sites behind a wall": (
        {"world.map": SPLIT},
        "world.kinds.berry.count",
        "2 of the 6 cells on which its random sites may be cannot be reached from any @",
    ),
    "a life that begins behind a wall": (
        {"world.map": SPLIT.replace("@", ".")},
        "world.map",
        "a life begins in one of 2 parts that no move joins, of 7 and 5 cells",
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_each_oddity_is_told_with_its_key(name: str) -> None:
    settings, key, message = ODD[name]
    found = notes(settings)
    assert message in found.get(key, ""), found


MEANT: dict[str, dict[str, Any]] = {
    "a rule that only one environment shadows": {
        "world.kinds.berry.use.more": {"when": {"energy": [1, 5], "night": 1}},
        f"{EAT}.when.night": 0,
        "environments.away.kinds.berry.use.eat.when.night": [0, 1],
    },
    "a kind that one environment leaves out": {"environments.away.kinds.rock.count": 0},
    "weights that are ratios": {"world.variables.night.start": [2, 3]},
    "a fatal value that a step may pass through": {
        # A use empties it, drift may fill it again within the step: what is felt between is felt.
        f"{EAT}.set.night": 1,
        "world.variables.night": {
            "values": 3, "start": 2, "fatal": 1, "drift": {"step": 1, "chance": 0.5},
            "hidden": True, "assume": 2,
        },
        "world.variables.energy.drift.when": {"night": 1},
        "world.always.hunger.when": {"night": 1},
    },
    "what happens by chance": {
        **DAY,
        "world.happens.dawn": {"chance": 0.1, "when": {"night": 1}, "set": {"day": 2}},
        "world.always.hunger.when": {"day": 2},
    },
    "a mover that is met, a field that reaches": {
        "world.movers.mouse": {"glyph": "m", "count": 1, "meet": {"bite": {"add": {"energy": -1}}}},
        "world.fields.glow": {
            "point": [3, 4], "falls": "linear", "reach": 2, "feels": {"sweet": 1},
        },
    },
    "a torus without walls": {"world.edges": "torus"},
    "a map that a torus joins": {"world.edges": "torus", "world.map": "@.#..\n.b#.r\n..#..\n..#.."},
    "a sense pinned to none": {"agent.senses": {"night": 0}},
}  # fmt: skip


@pytest.mark.parametrize("name", MEANT)
def test_what_may_be_meant_is_not_noted(name: str) -> None:
    assert notes(MEANT[name]) == {}


def test_a_note_stands_where_the_file_has_it() -> None:
    found = notes({"environments.away.map": SPLIT})
    assert set(found) == {
        "environments.away.map",
        "world.kinds.berry.count",
        "world.kinds.rock.count",
    }
    assert found["world.kinds.rock.count"].endswith("row 0, column 4 (in away)")
    shop = {
        "glyph": "s",
        "count": 1,
        "use": {"all": {"when": {}, "ends": 0.1}, "rest": {"ends": 1}},
    }
    found = notes({"environments.away.kinds.shop": shop})
    assert list(found) == ["environments.away.kinds.shop.use.rest"]
