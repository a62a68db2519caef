"""docs/keys.md is what tools/keys.py writes, and names every key with a sentence about it."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

from evosim.scenario import Scenario
from evosim.scenario.editor import as_json_schema, json_schema
from evosim.study.schema import Study

ROOT = Path(__file__).resolve().parents[1]


def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("keys", ROOT / "tools" / "keys.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def definitions() -> list[dict[str, Any]]:
    """Every table of scenarios and of studies."""
    schemas = [as_json_schema(Scenario, "scenario"), as_json_schema(Study, "study")]
    group = json_schema()["$defs"]["Repeat"]
    return [group, *(table for one in schemas for table in (one, *one["$defs"].values()))]


def test_the_page_is_up_to_date() -> None:
    text = (ROOT / "docs" / "keys.md").read_text(encoding="utf-8")
    assert text == maker().page(), "write it again: python tools/keys.py"


def test_every_key_has_its_row() -> None:
    rows = re.findall(r"^\| `(\w+)` \| .+ \| .+ \| .+ \|$", maker().page(), re.MULTILINE)
    assert len(rows) == sum(len(table["properties"]) for table in definitions())


def test_every_key_is_described_in_a_sentence() -> None:
    for table in definitions():
        for key, node in table["properties"].items():
            assert re.fullmatch(r"\S.+\.", node.get("description", "")), key


def test_values_and_defaults_are_told_in_words() -> None:
    page = maker().page()
    for row in (
        "| `depth` | locus, whole number from 0 to 1000 | *needed* | Planning",
        "| `start` | whole number from 0 or list of numbers from 0 | *needed* |",
        '| `edges` | `"walls"` or `"torus"` | `"walls"` |',
        "| `confidence` | number above 0 and below 1 | `0.95` |",
        "| `step` | whole number but 0 | *needed* |",
        '| `optimizer` | table | `{ name = "genetic" }` |',
        '| `topology` | `"ring"` or list of whole numbers from 0 | `"ring"` |',
        "| `reliance` | locus, number from 0 to 1 |",
    ):
        assert row in page, row
    assert "### `[timeline.objective]`" in page
    assert "any value |" not in page.replace("`values` | list of any value", "")
