"""Scenarios made of plain tables, and of other scenarios: the same checks as of a file."""

from __future__ import annotations

import contextlib
import copy
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from texts import SMALL, changed, complaints

from evosim.errors import EvosimError, ScenarioError
from evosim.scenario import Scenario, catalogue, load, loads
from evosim.scenario.document import inline
from evosim.scenario.settings import as_mapping, as_texts


def document() -> dict[str, Any]:
    return tomllib.loads(SMALL)


def refusal(call: Any, *arguments: Any) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        call(*arguments)
    return str(caught.value).split("\n")


@pytest.mark.parametrize("name", catalogue())
def test_every_shipped_scenario_is_made_again_from_its_plain_document(name: str) -> None:
    scenario = load(name)
    again = Scenario.from_dict(scenario.to_dict())
    assert again == scenario
    assert again.to_toml() == scenario.to_toml()
    assert again.stimuli == scenario.stimuli


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("rows = 4", "rows = 0"),
        ("depth = [0, 4]", "dept = [0, 4]"),
        ("slip = 0.2", "slip = true"),
        ('glyph = "r"', 'glyph = "b"'),
        ('train = "home"', 'train = "hme"'),
        ("feels = { sweet = 1 }", "feels = { swet = 1 }"),
    ],
)
def test_a_mistake_is_told_in_the_words_of_a_file_without_the_line(old: str, new: str) -> None:
    text = changed((old, new))
    by_file = [line.split(": ", 1)[1] for line in complaints(text)]
    assert [f"scenario: {line}" for line in by_file] == refusal(
        Scenario.from_dict, tomllib.loads(text)
    )


def test_what_it_is_made_from_is_not_changed_and_not_kept() -> None:
    given = document()
    before = copy.deepcopy(given)
    scenario = Scenario.from_dict(given)
    assert given == before
    given["environments"]["away"]["kinds"]["berry"]["use"]["eat"]["yields"]["food"] = 9
    assert scenario == loads(SMALL)


def test_tuples_arrays_and_keys_without_a_value_are_read_as_a_file_would_have_them() -> None:
    given = document()
    given["world"]["rows"] = np.int64(4)
    given["world"]["map"] = None
    given["agent"]["depth"] = (0, 4)
    given["agent"]["patience"] = np.float64(0.9)
    given["world"]["variables"]["night"]["start"] = np.array([1, 1])
    assert Scenario.from_dict(given) == loads(SMALL)


nested = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.sampled_from(sorted(document())), nested)
@settings(deadline=None)
def test_no_document_ends_in_a_traceback(key: str, value: Any) -> None:
    with contextlib.suppress(ScenarioError):
        Scenario.from_dict({**document(), key: value})
    with contextlib.suppress(ScenarioError):
        loads(SMALL).replace(key, value)


def test_a_document_that_holds_itself_is_refused() -> None:
    given = document()
    given["world"]["kinds"]["rock"]["use"] = given
    assert refusal(Scenario.from_dict, given) == ["scenario: tables or arrays nested too deeply"]


def test_replace_makes_another_scenario_and_leaves_the_first() -> None:
    scenario = loads(SMALL)
    other = scenario.replace("world.lifetime", 77)
    assert other.environment("home").lifetime == 77
    assert scenario == loads(SMALL)


def test_one_key_several_keys_and_texts_say_the_same() -> None:
    scenario = loads(SMALL)
    by_mapping = scenario.replace(
        {"world.lifetime": 77, "timeline.1.train": {"home": 1, "away": 3}}
    )
    by_keys = scenario.replace("world.lifetime", 77).replace(
        "timeline.1.train", {"home": 1, "away": 3}
    )
    by_texts = scenario.replace(["world.lifetime=77", "timeline.1.train={home=1, away=3}"])
    assert by_mapping == by_keys == by_texts
    assert loads(SMALL, settings={"world.lifetime": 77}) == loads(
        SMALL, settings=["world.lifetime=77"]
    )


def test_a_table_or_list_given_as_a_value_replaces_the_one_that_was_there() -> None:
    scenario = loads(SMALL).replace(
        {
            "evolution.select": {"operator": "selRandom"},
            "agent.drives": ["sour"],
            "world.kinds.berry.use.eat.feels": {"sour": 1},
        }
    )
    assert scenario.evolution.select.options == {}
    assert scenario.stimuli == ("sour",)


def test_text_is_taken_as_it_is_in_a_mapping() -> None:
    scenario = loads(SMALL).replace({"title": "3 = [three]", "timeline.0.train": "away"})
    assert scenario.title == "3 = [three]"
    assert scenario.timeline[0].mixture == {"away": 1.0}


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("worl.rows", 3, "worl.rows=3"),
        ("agent.depht", [0, 3], "agent.depht=[0, 3]"),
        ("world.slip", 3, "world.slip=3"),
        ("timeline.0.train", "hme", 'timeline.0.train="hme"'),
        ("evolution.select", {"tournsize": 2}, "evolution.select={ tournsize = 2 }"),
    ],
)
def test_a_wrong_setting_of_a_mapping_is_told_as_its_text_is(
    key: str, value: Any, text: str
) -> None:
    scenario = loads(SMALL)
    told = refusal(scenario.replace, {key: value})
    assert told == refusal(scenario.replace, key, value) == refusal(scenario.replace, [text])
    assert told[0].startswith(f"setting {text}: {key}")


def test_a_misspelt_operator_is_refused_wherever_a_scenario_is_made_or_changed(
    tmp_path: Path,
) -> None:
    said = "evolution.select.operator: unknown selection operator 'selTornament'"
    scenario = loads(SMALL)
    (by_key,) = refusal(scenario.replace, "evolution.select.operator", "selTornament")
    assert said in by_key
    given = document()
    given["evolution"]["select"]["operator"] = "selTornament"
    (by_table,) = refusal(Scenario.from_dict, given)
    assert said in by_table
    file = tmp_path / "misspelt.toml"
    file.write_text(changed(('operator = "selTournament"', 'operator = "selTornament"')))
    (by_file,) = refusal(load, file)
    assert said in by_file


def test_a_misspelt_base_optimizer_is_refused_in_a_plain_document() -> None:
    given = document()
    given["evolution"]["optimizer"] = {"name": "cmaa"}
    (said,) = refusal(Scenario.from_dict, given)
    assert "evolution.optimizer.name" in said
    assert "did you mean 'cma'?" in said


def test_a_scenario_with_the_operator_of_a_plugin_that_is_gone_can_be_read_from_text() -> None:
    text = changed(('operator = "selTournament"', 'operator = "selMine"'))
    assert loads(text).evolution.select.operator == "selMine"


@pytest.mark.parametrize("given", ["strawberry", None, [], 3, b"id"])
def test_what_is_no_table_is_refused_with_a_remedy(given: Any) -> None:
    (said,) = refusal(Scenario.from_dict, given)
    assert said.startswith(f"scenario: not a table (got {given!r}, allowed nested tables")
    assert "load reads" in said


@pytest.mark.parametrize("given", [3, None, [1], b"world.slip=1", {"world.slip=1"}])
def test_what_are_no_settings_is_refused(given: Any) -> None:
    (said,) = refusal(loads(SMALL).replace, given)
    assert said.startswith(f"settings: not settings (got {given!r}, allowed values by dotted key")


@pytest.mark.parametrize("given", [{}, ["world.slip"], None, 3])
def test_a_value_needs_one_key(given: Any) -> None:
    with pytest.raises(EvosimError, match=r"not a key .*one dotted key and its value"):
        loads(SMALL).replace(given, 1)


UNPRINTABLE = [
    ("a\0b", 'a NUL character at position 1 (got "a\\u0000b"'),
    ("\ud800", 'half of a surrogate pair at position 0 (got "\\ud800"'),
    ("\x07", 'the control character U+0007 at position 0 (got "\\u0007"'),
    ("\x1b[31m", 'the control character U+001B at position 0 (got "\\u001b[31m"'),
    ("\x9b", 'the control character U+009B at position 0 (got "\\u009b"'),
    ("\x7f", 'the control character U+007F at position 0 (got "\\u007f"'),
    ("a\u202eb", 'U+202E, which turns round what is read at position 1 (got "a\\u202eb"'),
    ("\ufffe", 'U+FFFE, which is no character at position 0 (got "\\ufffe"'),
    ("a\nb", "an end of line (U+000A) at position 1 "),
    ("a\u2028b", "an end of line (U+2028) at position 1 "),
    ("a\tb", "a tab at position 1 "),
]


@pytest.mark.parametrize(("text", "said"), UNPRINTABLE)
@pytest.mark.parametrize("key", ["title", "environments.home.title", "evolution.select.note"])
def test_a_text_that_cannot_be_printed_is_refused_at_its_key(
    key: str, text: str, said: str
) -> None:
    changes: list[Any] = [{key: text}]
    if "\ud800" not in text:  # TOML has no escape for it
        changes.append([f"{key}={inline(text)}"])
    for change in changes:
        lines = refusal(loads(SMALL).replace, change)
        assert any(f": {key}: {said}" in line and "remove it" in line for line in lines)
        lines[0].encode()  # can be printed
        assert lines[0].isprintable()


def test_a_long_text_may_have_lines_and_tabs() -> None:
    assert loads(SMALL).replace("question", "two\n\tlines").question == "two\n\tlines"
    assert any("U+001B" in line for line in refusal(loads(SMALL).replace, "question", "a\x1b"))


def test_a_text_in_any_script_is_a_text() -> None:
    for title in ("ארוחה", "وجبة\u200f", "👩\u200d🔬", "a\u0301", "$x$ [red] <b> \\alpha &"):
        assert loads(SMALL).replace("title", title).title == title


def test_a_nul_in_a_file_is_refused_with_its_line() -> None:
    (said,) = complaints(changed(('title = "away"', 'title = "a\\u0000b"')))
    assert ": environments.away.title: a NUL character" in said
    assert int(said.split(":")[1]) > 1


@pytest.mark.parametrize(
    ("written", "line", "column"),
    [
        ('title = "é \\u001b"', 0, 12),
        ("title = '\\u001b \u202e'", 0, 17),
        ("title = 'a\u009bb'", 0, 11),
        ('title = "\\n"', 0, 10),
        ('question = """\ntwo\n lines \\U0000001B"""', 2, 8),
    ],
)
def test_a_text_of_a_file_that_cannot_be_printed_is_told_with_line_and_column(
    written: str, line: int, column: int
) -> None:
    text = "\n".join(one for one in SMALL.splitlines() if not one.startswith(("title", "question")))
    other = 'question = "?"' if written.startswith("title") else 'title = "t"'
    (said,) = complaints(f"{other}\n{written}\n{text}")
    assert said.split(":")[1] == str(2 + line)
    assert said.endswith(f"; remove it (column {column})")


def test_a_name_with_a_nul_is_refused_once() -> None:
    assert len(refusal(loads(SMALL).replace, "timeline.0.train", "ho\0me")) == 1


def test_a_setting_without_a_value_is_refused() -> None:
    (told,) = refusal(loads(SMALL).replace, {"world.slip": None})
    assert told.startswith("setting world.slip=None: world.slip: no value (got None")


def test_mistakes_of_settings_and_of_what_they_lead_to_name_their_setting() -> None:
    (told,) = refusal(loads(SMALL).replace, {"environments.away.kinds.rock.count": 99})
    assert told.startswith(
        "setting environments.away.kinds.rock.count=99: environments.away.kinds: more sites than"
    )


def test_a_later_setting_wins_though_an_earlier_one_had_its_key() -> None:
    mixed = as_mapping(
        ["world.kinds.rock.count=3"],
        {"world.kinds.rock": {"glyph": "r", "count": 1}},
        ["world.kinds.rock.count=2"],
    )
    assert loads(SMALL, settings=mixed).world.kinds["rock"].count == 2


texts = st.text(st.characters(blacklist_categories=["Cs"]), max_size=8)
values = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@given(values)
@settings(deadline=None)
def test_settings_as_texts_are_the_same_settings(value: Any) -> None:
    (text,) = as_texts({"a.b": value})
    assert "\n" not in text
    assert as_mapping([text]) == {"a.b": value}
    assert as_mapping(text) == {"a.b": value}


def test_drives_keep_their_order_in_toml_where_one_is_pinned() -> None:
    scenario = loads(SMALL, settings=["agent.drives.sour=-1"])
    again = loads(scenario.to_toml())
    assert again == scenario
    assert again.stimuli == scenario.stimuli == ("sweet", "sour")
