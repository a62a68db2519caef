"""Pages and the index: what a reader finds on them."""

from __future__ import annotations

import copy
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from tiny_experiment import Gallery

import evosim
from evosim.cli import cli
from evosim.gallery import pages

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_a_page_answers_the_question_with_effect_interval_and_replicates(whole: Gallery) -> None:
    text = pages.page(whole.record)
    headline = whole.record["findings"][0]
    low, high = headline["interval"]
    assert "*Does it run?*" in text
    assert "**Claim.** Fruit that no longer feeds is still eaten. (nobody)" in text
    assert "**Supported**" in text
    assert f"difference in collapse is {headline['value']:.3g} [{low:.3g}, {high:.3g}]" in text
    assert "(6 replicates, 95 % interval; above 0.1 is wanted)" in text
    assert "    evosim run tiny --arms --tuned --seed 1\n" in text


def test_a_page_tells_the_control_every_finding_and_what_was_tuned(whole: Gallery) -> None:
    text = pages.page(whole.record)
    assert "no change, --set timeline.1.train=before" in text
    assert "| `control` | fruit feeds on |" in text
    collapse, capability = whole.record["findings"]
    assert f"| supported | {collapse['says']} |" in text
    assert f"| supported (constant) | {capability['says']} |" in text
    assert "A constant finding is so by construction, and does not count." in text
    assert "0 [0, 0] by construction with *fruit feeds on*" in text
    assert "**A control that cannot fail.** What is measured of *fruit feeds on* is so" in text
    assert "`world.kinds.fruit.use.eat.feels.sweet`, sweetness of fruit. Fruit has to be" in text
    assert "The scenario has 1. With 3 replicates at each value, the headline finding is" in text
    values = [line for line in text.splitlines() if re.match(r"\| [01] \| ", line)]
    assert [line.split(" | ")[0] for line in values] == ["| 0", "| 1"]
    assert "supported at 1" in text


def test_a_page_tells_expectation_from_finding_and_exploratory_from_confirmatory(
    whole: Gallery,
) -> None:
    record = {**whole.record, "found": "A loss.", "pilots": "The map."}
    text = pages.page(record)
    assert "## Expected\n\n> A collapse.\n\n## Found\n\nA loss.\n" in text
    assert re.search(r"^\*\*Exploratory\*\*: .* Changed after pilots or first runs: The map\.$",
                     text, re.MULTILINE)  # fmt: skip
    frozen = {**record, "frozen": record["scenario_sha256"]}
    assert "**Confirmatory**: " in pages.page(frozen)
    assert "**Exploratory**" not in pages.page(frozen)
    assert "Confirmatory: none. Exploratory: all 1." in pages.index([record])
    reported = pages.index([record, {**frozen, "scenario": "other"}])
    assert "Confirmatory: [other](other.md). Exploratory: all the others." in reported


def test_a_page_has_amounts_and_p_beside_each_effect(whole: Gallery) -> None:
    text = pages.page(whole.record)
    lost, regret = whole.record["findings"][0]["amounts"]
    assert (lost["measure"], regret["measure"]) == ("payoff_lost", "regret_gained")
    assert lost["value"] > 5  # some ten meals a lifetime
    assert f"**; payoff lost {pages.shown(lost)}; regret gained {pages.shown(regret)} |" in text
    assert "| above 0.1 | 0.016 |" in text  # six replicates, all beyond: one way of 2^6


def test_a_page_tells_a_secondary_finding_and_an_equivalence(whole: Gallery) -> None:
    record = copy.deepcopy(whole.record)
    headline = record["findings"][0]
    headline |= {"secondary": True, "threshold": {"within": 0.2}, "equivalence": [0.01, 0.15]}
    text = pages.page(record)
    assert f"| supported (secondary) | {headline['says']} |" in text
    assert "| within ±0.2 |" in text
    assert "by two one-sided tests: with its interval of 90 % it is" in text
    assert "[0.01, 0.15]." in text
    assert "The verdict of the claim does not rest on secondary findings." in text


def with_p(record: dict[str, Any], name: str, p: float, **more: Any) -> dict[str, Any]:
    changed = copy.deepcopy(record)
    changed["findings"][0] |= {"p": p, **more}
    return {**changed, "scenario": name}


def test_the_index_corrects_the_findings_that_count_for_their_number(whole: Gallery) -> None:
    records = [
        with_p(whole.record, "a", 0.001),
        with_p(whole.record, "b", 0.01),
        with_p(whole.record, "c", 0.02),
        with_p(whole.record, "d", 0.0001, secondary=True),
    ]
    # Holm by hand: 3 x .001, 2 x .01, 1 x .02 of the three that count; capability is constant.
    assert pages.holm(records) == pytest.approx({"a": 0.003, "b": 0.02, "c": 0.02, "d": None})
    text = pages.index(records)
    assert "Findings that count: 3." in text
    assert "Supported, but not after it: [d](d.md)." in text
    fewer = pages.index([*records[:2], with_p(whole.record, "c", 0.026)])
    assert "Supported, but not after it: [c](c.md)." in fewer


def test_every_figure_and_link_of_a_page_is_there(whole: Gallery) -> None:
    linked = re.findall(r"\]\(([^)]+)\)", pages.page(whole.record))
    assert {"tiny.svg", "tiny-maps.svg", "tiny-tuned.svg", "tiny.json", "README.md"} <= set(linked)
    for target in linked:
        folder = DOCS / "gallery" if target.startswith("../") else whole.out
        assert (folder / target).is_file(), target


def with_verdict(record: dict[str, Any], name: str, verdict: str) -> dict[str, Any]:
    changed = copy.deepcopy(record)
    return {**changed, "scenario": name, "verdict": verdict}


def test_the_index_has_all_scenarios_those_not_borne_out_first(whole: Gallery) -> None:
    reported = {
        "a": "supported",
        "b": "undecided",
        "c": "refuted",
        "d": "supported",
        "e": "refuted",
    }
    text = pages.index(with_verdict(whole.record, name, v) for name, v in reported.items())
    rows = re.findall(r"^\| \[(\w)\]\(\1\.md\) \| (\S+) \|", text, re.MULTILINE)
    assert rows == [
        ("c", "**refuted**"), ("e", "**refuted**"), ("b", "**undecided**"),
        ("a", "supported"), ("d", "supported"),
    ]  # fmt: skip
    assert "5 scenarios: 2 supported, 1 undecided, 2 refuted." in text


@pytest.mark.parametrize("verdict", ["supported", "undecided", "refuted"])
def test_a_page_says_what_became_of_the_claim(verdict: str, whole: Gallery) -> None:
    text = pages.page(with_verdict(whole.record, "tiny", verdict))
    assert f"**{verdict.capitalize()}**: " in text


def test_a_bar_in_a_text_does_not_split_a_cell_of_a_table(whole: Gallery) -> None:
    changed = copy.deepcopy(whole.record)
    changed["findings"][0]["says"] = "a | b"
    assert "| supported | a \\| b |" in pages.page(changed)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.123456, "0.123"),
        (-1.7e-17, "0"),
        (158.0, "158"),
        (12345.6, "12345.6"),
        (True, "yes"),
        ([0, 20], "0 to 20"),
        ({"range": [0, 2]}, "range 0 to 2"),
        ("walls", "walls"),
        (None, "none"),
    ],
)
def test_numbers_are_short(value: Any, text: str) -> None:
    assert pages.number(value) == text


def test_what_is_undefined_or_unbounded_is_said() -> None:
    assert pages.shown({"value": None, "interval": None}) == "undefined"
    assert pages.shown({"value": 1.0, "interval": None}) == "1"
    assert pages.shown({"value": 1.0, "interval": [None, None]}) == "1 [unbounded]"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("a $x$ <b> `c` *d* \\alpha", r"a \$x\$ \<b> \`c\` \*d\* \\alpha"),
        ("_e_ no_tool __f__", r"\_e\_ no_tool \_\_f\_\_"),
        ("&amp; Lewis & Barto ~~g~~ ~ :smile: 1:2", r"\&amp; Lewis & Barto \~~g\~~ ~ \:smile: 1:2"),
        ("[h](i) (agent.depth=[0, 5])", r"[h]\(i) (agent.depth=[0, 5])"),
        ("# j\n> k\n- l\n-1", "\\# j\n\\> k\n\\- l\n-1"),
    ],
)
def test_words_stand_on_a_page_as_they_are(whole: Gallery, words: str, shown: str) -> None:
    assert pages.literal(words) == shown
    record = copy.deepcopy(whole.record) | {"title": words, "found": words}
    record["findings"][0]["says"] = "a | b"
    text = pages.page(record)
    assert text.startswith(f"# {shown}\n")
    assert f"## Found\n\n{shown}\n" in text
    assert " | a \\| b | " in text


def test_a_page_begins_with_its_world_and_ends_with_a_lesson(whole: Gallery) -> None:
    text = pages.page(whole.record)
    assert text.split("\n")[2].endswith("a level of its world](tiny-world.svg)")
    lesson = text.split("## Notice, try, extend")[1].split("## Run it again")[0]
    for head in ("notice", "try", "extend"):
        assert f"**Things to {head}**" in lesson
    for value in ("0", "1"):
        command = f"--set 'world.kinds.fruit.use.eat.feels.sweet={value}"
        assert command in lesson or whole.record["tuned"]["written"] == float(value)
    assert "[![Tiny](tiny-world.svg)](tiny.md) Tiny" in pages.index([whole.record])


def test_lessons_are_of_scenarios_that_ship_and_their_commands_can_be_typed() -> None:
    written = pages.lessons()
    assert set(written) == set(evosim.catalogue())
    tried = 0
    for lesson in written.values():
        assert set(lesson) <= {"notice", "try", "extend"}
        assert lesson["notice"]
        assert lesson["extend"]
        for line in [part for parts in lesson.values() for part in parts]:
            for command in re.findall(r"`evosim (.*?)`", line):
                words = shlex.split(command)
                given = cli.commands[words[0]].make_context(words[0], words[1:]).params
                if "scenario" in given:
                    evosim.check(given["scenario"], given["settings"])
                tried += 1
    assert tried > 5


def test_what_was_tuned_becomes_settings_that_a_scenario_takes() -> None:
    for name in evosim.catalogue():
        experiment = evosim.load(name).experiment
        assert experiment is not None
        if (tuned := experiment.tuned) is not None:
            for value in (tuned.values[0], tuned.values[-1]):
                evosim.load(name, pages.settings(", ".join(tuned.places), value))
