"""The resolved scenario as TOML text loads back to an equal scenario."""

from __future__ import annotations

import tomllib

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from texts import SMALL

from evosim.errors import UNPRINTABLE
from evosim.scenario import catalogue, load, loads

texts = st.text(st.characters(blacklist_categories=["Cs"]), max_size=20).filter(
    lambda text: not UNPRINTABLE.search(text)
)
numbers = st.integers(-1000, 1000) | st.floats(-1e6, 1e6)
chances = st.floats(0, 1)
weights = st.lists(st.floats(0, 10), min_size=2, max_size=2).filter(any)
names = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,5}", fullmatch=True)


def locus(low: float, high: float) -> st.SearchStrategy[object]:
    """Every form that a locus can be written in."""
    value = st.floats(low, high, exclude_max=True)
    pairs = st.tuples(value, value).filter(lambda p: p[0] < p[1]).map(list)
    tables = pairs.flatmap(
        lambda pair: st.fixed_dictionaries(
            {"range": st.just(pair)}, optional={"start": st.sampled_from([pair, *pair])}
        )
    )
    return value | pairs | tables


@st.composite
def documents(draw: st.DrawFn) -> dict[str, object]:
    """The small scenario with every sort of value drawn at random."""
    doc = tomllib.loads(SMALL)
    doc["title"], doc["claim"] = draw(texts), draw(texts)
    doc["agent"]["drives"] = {"sweet": draw(locus(-1, 1)), "sour": draw(locus(-1, 1))}
    doc["agent"]["patience"] = draw(locus(0, 1))
    doc["agent"]["depth"] = draw(st.sampled_from([3, [0, 9], {"range": [1, 5], "start": 2}]))
    doc["agent"]["instinct"] = draw(st.booleans())
    if draw(st.booleans()):
        doc["agent"]["senses"] = {"night": draw(locus(0, 1))}
    night = doc["world"]["variables"]["night"]
    night["start"] = draw(weights | st.integers(0, 1))
    berry = doc["world"]["kinds"]["berry"]
    berry["use"]["eat"]["feels"] = {"sour": draw(numbers), "sweet": draw(numbers)}
    berry["use"]["eat"]["ends"] = draw(chances)
    for name in draw(st.lists(names.filter("here".__ne__), max_size=3)):
        berry["use"][name] = {"set": {"night": draw(weights)}}
    if draw(st.booleans()):
        berry["here"] = draw(st.sampled_from([{}, {"feels": {}}, {"yields": {"gold": 2}}]))
    if draw(st.booleans()):
        doc["world"]["map"] = draw(
            st.sampled_from(["@....\n" * 4, "\n  .....\n" + "  ..r..\n" * 3])
        )
    away = doc["environments"]["away"]
    away["slip"] = draw(chances)
    if draw(st.booleans()):
        away["kinds"]["rock"] = {"use": {"lick": {"when": {}, "feels": {"sour": draw(numbers)}}}}
    doc["evolution"]["mutate"]["sigma"] = draw(st.lists(chances, max_size=3) | chances)
    doc["timeline"][1]["train"] = {"home": draw(st.floats(0.1, 5)), "away": draw(st.floats(0, 5))}
    if draw(st.booleans()):
        doc["timeline"][0]["objective"] = {"selected": "food"}
        doc["timeline"][0]["select"] = False
    return doc


@given(documents())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60)
def test_any_scenario_loads_back_equal_from_its_toml(document: dict[str, object]) -> None:
    scenario = loads(tomli_w.dumps(document))
    again = loads(scenario.to_toml())
    assert again == scenario
    assert again.to_dict() == scenario.to_dict()
    assert again.stimuli == scenario.stimuli
    assert again.to_toml() == scenario.to_toml()
    for name in scenario.environments:
        world, same = scenario.environment(name), again.environment(name)
        assert world == same
        assert list(world.kinds) == list(same.kinds)
        assert [list(k.use) for k in world.kinds.values()] == [
            list(k.use) for k in same.kinds.values()
        ]


@pytest.mark.parametrize("name", catalogue())
def test_every_shipped_scenario_loads_back_equal_from_its_toml(name: str) -> None:
    scenario = load(name)
    assert loads(scenario.to_toml()) == scenario


def test_the_order_of_rules_and_kinds_is_the_order_written() -> None:
    text = SMALL.replace(
        "use.eat.yields = { food = 1 }",
        "use.eat.yields = { food = 1 }\nuse.zap.when.energy = 0\nuse.ask.when.energy = 0",
    )
    scenario = loads(loads(text).to_toml())
    assert list(scenario.environment("away").kinds["berry"].use) == ["eat", "zap", "ask"]


def test_the_document_spells_defaults_out_and_is_a_copy() -> None:
    scenario = loads(SMALL)
    document = scenario.to_dict()
    assert document["world"]["edges"] == "walls"
    assert document["world"]["max_states"] == 200_000
    assert document["agent"]["temperature"] == 0
    assert document["verdict"]["kept"] == 0.7
    document["environments"]["away"]["kinds"].clear()
    assert scenario.environments["away"].overrides["kinds"]
    assert loads(SMALL) == scenario


def test_a_map_is_written_as_a_block_and_a_range_on_one_line() -> None:
    text = load("foraging").to_toml()
    assert '\nmap = """\n. . t\n  - -\n. . m\n  - -\n. . b\n"""\n' in text
    assert "range = [0, 6]\n" in text


def test_a_small_population_is_probed_whole_where_no_sample_is_named() -> None:
    assert loads(SMALL).measure.sample == 32
    small = loads(SMALL, settings=["evolution.population=7"])
    assert small.measure.sample == 7
    assert loads(small.to_toml()) == small
