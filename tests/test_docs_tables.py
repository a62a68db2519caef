"""The pages that tools/tables.py writes are up to date, and have every key and every metric."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from evosim.errors import EvosimError
from evosim.explain import explain
from evosim.glossary import terms
from evosim.metrics import METRICS
from evosim.plot.registry import OF
from evosim.scenario import Scenario
from evosim.scenario.editor import as_json_schema, json_schema
from evosim.study.schema import Study

ROOT = Path(__file__).resolve().parents[1]


def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tables", ROOT / "tools" / "tables.py")
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


def test_the_pages_are_up_to_date() -> None:
    made = maker()
    again = "write it again: python tools/tables.py"
    assert made.KEYS.read_text(encoding="utf-8") == made.keys_page(), again
    measures = made.MEASURES.read_text(encoding="utf-8")
    assert measures == made.measures_page(measures), again


def test_every_metric_is_explained_on_one_page_and_has_a_figure_that_exists() -> None:
    explained = maker().subjects()
    assert list(explained) == list(dict.fromkeys(explained))
    assert set(explained) == set(METRICS)
    for metric in map(METRICS.__getitem__, METRICS):
        assert not metric.figure or metric.figure in {*OF["run"], *OF["analysis"]}, metric.name


def test_a_name_is_explained_as_a_metric_a_key_and_a_term() -> None:
    told = explain("collapse")
    assert "collapse, a metric" in told
    assert METRICS["collapse"].sentence in told
    assert "figure     flip" in told
    assert "collapse, a term" in told
    assert explain("world.kinds.mate.count").startswith("count, a key in [world.kinds.NAME]")
    assert explain("timeline.0.train").startswith("train, a key in [[timeline]]")
    assert {"depth, a key in [agent]", "depth, a key in [agent.tool]", "depth, a term"} <= set(
        explain("depth").splitlines()
    )
    with pytest.raises(EvosimError, match="unknown name 'colapse': did you mean 'collapse'"):
        explain("colapse")
    with pytest.raises(EvosimError, match=r"unknown name 'world\.count'"):
        explain("world.count")


def test_every_term_of_the_glossary_has_a_meaning() -> None:
    found = terms()
    assert len(found) > 80
    assert all(term.meaning and term.names[0] for term in found)


def test_every_key_has_its_row() -> None:
    rows = re.findall(r"^\| `(\w+)` \| .+ \| .+ \| .+ \|$", maker().keys_page(), re.MULTILINE)
    assert len(rows) == sum(len(table["properties"]) for table in definitions())


def test_every_key_is_described_in_a_sentence() -> None:
    for table in definitions():
        for key, node in table["properties"].items():
            assert re.fullmatch(r"\S.+\.", node.get("description", "")), key


def test_values_and_defaults_are_told_in_words() -> None:
    page = maker().keys_page()
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
