"""Arrival, fields, movers, drifts and happenings: each mistake is answered by its line."""

from __future__ import annotations

import pytest
from texts import SMALL, complaints

from evosim.errors import EvosimError
from evosim.scenario import loads
from evosim.world import environment

PARTS = """
[world.kinds.rock.enter.stub]
when = { energy = [2, 5] }
feels = { sour = 1 }
ends = 0.1

[world.fields.glow]
point = [0, 4]
falls = "linear"
reach = 3
when = { night = 1 }
feels = { sweet = 0.5 }

[world.movers.wolf]
glyph = "w"
count = 1
walks = "toward"
chance = 0.5

[world.movers.wolf.meet.bite]
add = { energy = -1 }
feels = { sour = 2 }

[world.movers.wolf.use.tame]
when = { energy = 5 }
vanishes = true

[world.happens.storm]
chance = 0.1
set = { night = 1 }
add = { energy = -1 }
"""
BEFORE = SMALL.index("\n[environments")
WHOLE = SMALL[:BEFORE] + PARTS + SMALL[BEFORE:]
SEVERAL = "drift = [{ step = -1, chance = 0.6 }, { step = 1, chance = 0.3, when = { night = 1 } }]"
ONE = "drift = { step = -1, chance = 0.2, when = { night = 0 } }"


def test_all_of_it_loads_and_comes_back_from_its_own_toml() -> None:
    whole = loads(WHOLE.replace(ONE, SEVERAL))
    assert loads(whole.to_toml()) == whole
    assert whole.world.local
    assert not loads(SMALL).world.local
    # 20 cells, 6 values of energy, 2 of night, 2 berries; and 20 places of the wolf, and gone.
    assert whole.world.n_states == 20 * 6 * 2 * 4 * 21
    assert environment(whole, "home").events[-4:] == (
        "wolf.use.tame",
        "field.glow@1",
        "field.glow@0.666667",
        "field.glow@0.333333",
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{ energy = [2, 5] }", "{ enrgy = 2 }",
         "world.kinds.rock.enter.stub.when.enrgy: unknown variable \"enrgy\": did"),
        ("feels = { sour = 2 }", "feels = { sore = 2 }",
         "world.movers.wolf.meet.bite.feels.sore: no drive feels it"),
        ("point = [0, 4]", "point = [0, 5]",
         "world.fields.glow.point: cell off the grid (got [0, 5], allowed row 0 to 3,"),
        ("point = [0, 4]", "point = [0]", "world.fields.glow.point: not a cell (got [0], allowed"),
        ("point = [0, 4]\n", "",
         "world.fields.glow: where is it strongest? (got none of them, needed: one of point,"),
        ("point = [0, 4]", "point = [0, 4]\nregion = { rows = [0, 1], cols = [0, 1] }",
         "world.fields.glow.region: where is it strongest? (got point and region, needed: one of"),
        ("point = [0, 4]", "region = { rows = [0, 4], cols = [0, 1] }",
         "world.fields.glow.region.rows: region off the grid (got [0, 4], allowed rows 0 to 3)"),
        ("reach = 3", "reach = 0",
         "world.fields.glow.reach: a field that falls linear needs a reach (got 0.0, allowed"),
        ('point = [0, 4]\nfalls = "linear"\nreach = 3', 'map = "01234"',
         "world.fields.glow.map: a map of another size (got 1 rows, allowed 4, as the grid)"),
        ('point = [0, 4]\nfalls = "linear"\nreach = 3', 'map = "0000x\\n00000\\n00000\\n00000"',
         'world.fields.glow.map: row 0, column 4 is no strength (got "x", allowed digits'),
        ('falls = "linear"', 'falls = "lineal"',
         'world.fields.glow.falls: not one of the choices (got "lineal", allowed "none"'),
        ('walks = "toward"', 'walks = "to"',
         'world.movers.wolf.walks: not one of the choices (got "to", allowed "random"'),
        ('glyph = "w"', 'glyph = "r"', 'world.movers.wolf.glyph: glyph of the kind rock too'),
        ("count = 1\nwalks", "walks",
         "world.movers.wolf: no mover in any environment (got no count and none on a map, allowed"),
        ("vanishes = true", "vanish = true",
         'world.movers.wolf.use.tame.vanish: unknown key "vanish": did you mean \'vanishes\'?'),
        ("set = { night = 1 }", "set = { night = 2 }",
         "world.happens.storm.set.night: value out of range (got 2, allowed 0 to 1)"),
        ("set = { night = 1 }", "set = { energy = 1 }",
         "world.happens.storm.add.energy: the rule sets energy too (allowed set or add, not both)"),
        (ONE, SEVERAL.replace("0.3", "0.5"),
         "world.variables.energy.drift: at most one drift of a variable happens in a step, but "
         "chances of drifts that hold together sum to more than 1 (got 0.6 + 0.5 = 1.1,"),
        (ONE, SEVERAL.replace("0.3", "3"),
         "world.variables.energy.drift.1.chance: out of range (got 3, allowed a number from"),
    ],
)  # fmt: skip
def test_a_mistake_is_answered_by_its_one_line(old: str, new: str, said: str) -> None:
    assert old in WHOLE
    line = WHOLE[: WHOLE.index(old)].count("\n") + 1
    (complaint,) = complaints(WHOLE.replace(old, new, 1))
    where, _, what = complaint.partition(": ")
    assert what.startswith(said)
    # The line of the key, or the one of its table where the key is gone.
    assert abs(int(where.rpartition(":")[2]) - line) <= 4


def test_drifts_that_never_hold_together_may_each_be_sure() -> None:
    apart = "drift = [{ step = -1, chance = 1, when = { night = 0 } }, "
    apart += "{ step = 1, chance = 1, when = { night = 1 } }]"
    loads(WHOLE.replace(ONE, apart))


def test_what_movers_multiply_is_told_where_it_is_too_much() -> None:
    (complaint,) = complaints(WHOLE.replace("count = 1\nwalks", "count = 3\nwalks"))
    assert "20 cells x 6 energy x 2 night x 2 berry[0] x 2 berry[1] x 21 wolf[0] x" in complaint


def test_a_name_is_of_a_kind_or_of_a_mover() -> None:
    (complaint,) = complaints(WHOLE.replace("movers.wolf", "movers.rock"))
    assert 'world.movers.rock: a kind of site has the same name (got "rock"' in complaint


def test_an_environment_may_change_and_add_all_of_it() -> None:
    more = """
[environments.there]
title = "there"
max_states = 1000000
[environments.there.movers.wolf]
chance = 0.1
[environments.there.movers.wolf.meet.lick]
when = {}
feels = { sweet = 1 }
[environments.there.movers.owl]
glyph = "o"
count = 1
[environments.there.fields.glow]
point = [3, 0]
[environments.there.fields.chill]
when = {}
map = "00001\\n00001\\n00001\\n00001"
feels = { sour = 0.1 }
[environments.there.happens.calm]
when = {}
chance = 0.2
set = { night = 0 }
[environments.there.kinds.rock.enter.rest]
when = {}
feels = { sweet = 0.1 }
"""
    text = WHOLE.replace(
        "\n[environments.home]", more.replace("\\\\", "\\") + "\n[environments.home]"
    )
    there = loads(text).environment("there")
    assert list(there.movers) == ["wolf", "owl"]
    assert there.strengths("glow")[15] == 1
    for new in ("meet.lick", "fields.chill", "happens.calm", "kinds.rock.enter.rest"):
        start = text.index(f"{new}]")
        without = text[:start] + text[start:].replace("when = {}\n", "", 1)
        (complaint,) = complaints(without)
        assert "a new one needs a when (when = {}: always)" in complaint
    (complaint,) = complaints(text.replace('glyph = "o"\n', ""))
    assert "no such mover in the world, and a new one needs a glyph" in complaint


def test_beliefs_have_a_place_in_the_states_that_are_lived() -> None:
    tame = "[world.movers.wolf.use.tame]\nwhen = { energy = 5 }\nvanishes = true\n"
    believing = WHOLE.replace("patience = 0.9", 'patience = 0.9\nbelieves = "away"')
    gone = "[environments.away.movers.wolf.meet.flee]\nwhen = {}\nvanishes = true\n\n"
    text = believing.replace(tame, "").replace("[environments.home]", gone + "[environments.home]")
    (complaint,) = complaints(text)
    assert 'agents believe that wolf can vanish (got "away"' in complaint
    # Read without a check, as from a run's folder, the tables refuse it.
    scenario = loads(
        WHOLE.replace(tame, "").replace("[environments.home]", gone + "[environments.home]")
    )
    with pytest.raises(EvosimError, match="can vanish in 'away' and not in 'home'"):
        environment(scenario, "home").belief_tables(1, environment(scenario, "away"))
