"""A picture of a level as plain data: sites, movers, fields."""

from __future__ import annotations

import pytest

from evosim import world
from evosim.plot import colors
from evosim.plot.picture import KINDS, Picture, Symbol, of_level, shortened, symbols
from evosim.plot.terminal import ASCII, draw_map
from evosim.scenario import Scenario

MAP = """
#.@.b
.....
M....
"""
MONSTER = {
    "glyph": "M",
    "walks": "toward",
    "chance": 0.5,
    "meet": {"bite": {"feels": {"touch": -1.0}, "vanishes": True}},
}
CORNER = {"point": [0, 4], "falls": "linear", "reach": 3.0, "feels": {"touch": 0.1}}
MUD = {"region": {"rows": [2, 2], "cols": [0, 1]}, "yields": {"children": -0.5}}


@pytest.fixture
def haunted(make) -> Scenario:
    berry = {"glyph": "b", "use": {"eat": {"feels": {"sweetness": 1.0}}}}
    cuddle = {"feels": {"cuteness": 1.0}, "yields": {"children": 1.0}}
    place = {
        "lifetime": 9, "map": MAP, "edges": "walls", "movers": {"monster": MONSTER},
        "fields": {"corner": CORNER, "mud": MUD}, "kinds": {"berry": berry},
        "always": {"cuddle": cuddle},
    }  # fmt: skip
    return make(world=place, environments={"ancestral": {}, "modern": {}})


def picture_of(scenario: Scenario) -> Picture:
    here = scenario.environment("ancestral")
    return of_level(here, *world.draw_level(scenario, "ancestral", 1))


def test_movers_of_the_map_stand_where_they_begin_and_fields_tint_the_floor(haunted):
    picture = picture_of(haunted)
    assert picture.movers == {(2, 0): "movers.monster"}
    assert picture.sites == {(0, 4): "berry"}
    assert picture.ground[0, 4] == ("fields.corner", 1.0)
    assert picture.ground[0, 3] == ("fields.corner", pytest.approx(2 / 3, abs=1e-6))
    assert picture.ground[2, 1] == ("fields.mud", 1.0)
    assert (1, 0) not in picture.ground
    assert [symbol.words for symbol in picture.present] == ["berry", "monster", "corner", "mud"]
    assert [symbol.walks for symbol in picture.present] == [False, True, False, False]
    assert len({symbol.color for symbol in picture.present}) == 4


def test_a_terminal_shows_movers_above_fields_and_the_agent_above_all(haunted):
    lines = draw_map(picture_of(haunted), ASCII).plain.splitlines()
    assert lines == ["# . @ : b", ". . . : :", "M : . . :"]


def test_what_a_level_lacks_is_not_in_its_legend(haunted):
    bare = haunted.environment("ancestral").model_copy(update={"movers": {}, "fields": {}})
    legend = symbols(haunted.environment("ancestral"), bare)
    slots, start = world.draw_level(haunted, "ancestral", 1)
    picture = of_level(haunted.environment("ancestral"), slots, start, legend)
    assert picture.absent == frozenset()
    assert len(legend) == 4


def test_a_long_legend_says_how_much_it_leaves_out():
    legend = [Symbol("a", colors.BLUE, f"kind {n}") for n in range(KINDS + 5)]
    assert len(shortened(legend)) == KINDS
    assert shortened(legend)[-1].words == "6 more kinds"
    assert shortened(legend[:KINDS]) == legend[:KINDS]


def test_a_colour_is_thinned_with_white():
    assert colors.mixed("#0072B2", 1.0) == "#0072B2"
    assert colors.mixed("#0072B2", 0.0) == "#FFFFFF"
    assert colors.mixed("#000000", 0.5) == "#808080"
