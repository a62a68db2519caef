"""What is no TOML is answered with its cause, where that can be known."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from texts import SMALL

from evosim.errors import ScenarioError, misspelt
from evosim.scenario.reading import parse

CAUSES = {
    "x = 3*0.5": "1: 3*0.5 is a formula, where TOML has numbers only: write the result (column 5)",
    "x = { y = 1 / 3, z = 2 }": "1: 1 / 3 is a formula, where TOML has numbers only: write the "
    "result (column 11)",
    "x = [1, 2**3]": "1: 2**3 is a formula, where TOML has numbers only: write the result "
    "(column 9)",
    "x = 10%": "1: 10% is no number: write a share of 1, as 0.1 for 10 % (column 5)",
    "x = .5": "1: .5 is no number of TOML: a digit stands on both sides of the point (column 5)",
    "x = 05": "1: 05 is no number of TOML: leave out the zero at its beginning (column 5)",
    "x = 0,5": "1: a number has a point, no comma; several values stand in [ ] (column 5)",
    "x = 10 000": "1: 10 000: a comma is missing between values, or it is one number, 10_000 "
    "(column 5)",
    "x = [1 2]": "1: 1 2: a comma is missing between values (column 6)",
    "x = [0..5]": "1: 0..5 is no range: write [0, 5] (column 6)",
    "x = True": "1: True is no value of TOML: write true (column 5)",
    "x = { y = No }": '1: No is no value of TOML: write false, or "No" for text (column 11)',
    "x = None": "1: None is no value of TOML: leave the key out (column 5)",
    "x = meadow": '1: text stands in quotes: "meadow" (column 5)',
    "x = “meadow”": "1: “ is no quote of TOML: write text in \"...\" or '...' (column 5)",
    "x = ": "1: no value after =",
    'x = "meadow\ny = 1': '1: text is not closed: " is missing at its end (text of several lines '
    'stands in """)',
    "x = 'meadow\ny = 1": "1: text is not closed: ' is missing at its end (text of several lines "
    'stands in """)',
    'y = 1\nx = """isn\'t\nit': '2: text is not closed: """ is missing at its end',
    'x = "C:\\temp\\x"': '1: a backslash in "..." begins an escape: write \\\\ for one, or the '
    "text in '...'",
    "y = 1\nx 5": "2: = is missing after the key x",
    "x: 5": "1: = stands between a key and its value, not :",
    "x = { y: 5 }": "1: = stands between a key and its value, not :",
    "a b = 1": "1: a key is one word, or stands in quotes; or = is missing after the first",
    "x = 5 // why": "1: // begins no comment in TOML: # does (column 5)",
    "x = 5; y = 6": "1: ; begins no comment in TOML: # does (column 5)",
    "x = [1, 2\ny = 3": "2: an array is not closed: ] is missing before this line",
    "x = [\n  1,\n  2\n[y]\nz = 1": "4: an array is not closed: ] is missing before this line",
    "x = [1, 2": "1: an array is not closed: ] is missing at its end (column 9)",
    'x = ["a" "b"]': "1: a comma is missing between two values (column 6)",
    "x = { y = 1,\n z = 2 }": "1: a table in { } stands on one line, without a comma at its end; "
    "longer ones go under a header of their own, [like.this]",
    "x = { y = 1\nz = 2": "1: a table in { } stands on one line, and } is missing at its end "
    "(column 11)",
    "[world": "1: not the header of a table: ] is needed at its end, and names of letters, digits, "
    "_ and - between dots",
    "[[timeline]\nx = 1": "1: not the header of a table: ]] is needed at its end, and names of "
    "letters, digits, _ and - between dots",
    "[a]\nx = 1\n[b]\n[a]\n": "4: [a] is there already, on line 1: put the keys of both under one "
    "header",
    "[a.b]\n[[c]]\n[c]\n": "3: [c] is [[c]] on line 2: write the same each time",
    "[c]\n[[c]]\n": "2: [[c]] is there already in another form",
    "a = { x = 1 }\n[a]\n": "2: [a] is there already, by keys or in { }: write all of it in "
    "one way",
    "[a]\nx = 1\ny = 2\nx = 3": "4: x is there already, on line 2: leave one of them",
}


@pytest.mark.parametrize("text", CAUSES)
def test_a_slip_of_toml_is_told_by_its_cause(text: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse(text, "f")
    line, _, message = CAUSES[text].partition(": ")
    assert str(caught.value) == f"f:{line}: not TOML: {message}"


@given(st.integers(0, len(SMALL)), st.integers(0, 3), st.text("\"'[]{}=,.#*\n a1é\\", max_size=3))
@settings(deadline=None)
def test_any_spoilt_text_is_read_or_refused_on_one_of_its_lines(
    place: int, left_out: int, put_in: str
) -> None:
    text = SMALL[:place] + put_in + SMALL[place + left_out :]
    try:
        parse(text, "f")
    except ScenarioError as error:
        (problem,) = error.problems
        assert problem.line is not None
        assert 1 <= problem.line <= text.count("\n") + 1
        assert problem.message.startswith("not TOML: ")
        assert "\n" not in problem.message


@pytest.mark.parametrize(
    ("name", "known", "so"),
    [
        ("foood", "food", True),
        ("fod", "food", True),
        ("ofod", "food", False),
        ("foot", "food", True),
        ("Food", "food", True),
        ("in-pond", "in_pond", True),
        ("chidlren", "children", True),
        ("childs", "children", False),
        ("in_road", "in_pond", False),
        ("good", "food", False),
        ("tile2", "tile1", False),
        ("gold_b", "gold_a", False),
    ],
)
def test_only_a_slip_of_the_pen_is_taken_for_a_known_name(name: str, known: str, so: bool) -> None:
    assert misspelt(name, ["other", known]) == (known if so else None)
