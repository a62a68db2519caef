"""The JSON Schema for editors agrees with the models, and the shipped file with it."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from texts import SMALL, changed

from evosim import scenario

SCHEMA = scenario.json_schema()
FILE = scenario.catalogue()["contraception"].with_name("scenario.schema.json")


def resolve(node: dict[str, Any]) -> dict[str, Any]:
    """The definition that a reference names."""
    found: dict[str, Any] = SCHEMA
    for part in node["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return found


def violations(value: Any, node: dict[str, Any], path: str = "") -> Iterator[str]:
    """Where a value breaks the schema: as much of JSON Schema as ours uses."""
    if "$ref" in node:
        yield from violations(value, resolve(node), path)
    if "anyOf" in node and all(list(violations(value, option, path)) for option in node["anyOf"]):
        yield path
    if "if" in node:
        branch = "else" if list(violations(value, node["if"], path)) else "then"
        yield from violations(value, node[branch], path)
    if "not" in node and not list(violations(value, node["not"], path)):
        yield path
    if "const" in node and value != node["const"]:
        yield path
    if "enum" in node and value not in node["enum"]:
        yield path
    sort = node.get("type")
    sorts = {
        "object": dict, "array": list, "string": str, "boolean": bool, "null": type(None),
        "integer": int, "number": (int, float),
    }  # fmt: skip
    if sort and (
        not isinstance(value, sorts[sort])
        or (sort in ("integer", "number") and isinstance(value, bool))
    ):
        yield path
        return
    if isinstance(value, dict):
        yield from violations_of_table(value, node, path)
    elif isinstance(value, list):
        if not node.get("minItems", 0) <= len(value) <= node.get("maxItems", len(value)):
            yield path
        for i, item in enumerate(value):
            yield from violations(item, node.get("items", {}), f"{path}.{i}")
    elif isinstance(value, str):
        if "pattern" in node and not re.search(node["pattern"], value):
            yield path
    elif isinstance(value, int | float) and not isinstance(value, bool):
        low, high = node.get("minimum", value), node.get("maximum", value)
        if not low <= value <= high or value >= node.get("exclusiveMaximum", value + 1):
            yield path


def violations_of_table(value: dict[str, Any], node: dict[str, Any], path: str) -> Iterator[str]:
    yield from (f"{path}.{name}" for name in node.get("required", ()) if name not in value)
    for name, part in value.items():
        below = f"{path}.{name}"
        names = node.get("propertyNames")
        if names and list(violations(name, names)):
            yield below
        if name in node.get("properties", {}):
            yield from violations(part, node["properties"][name], below)
        elif node.get("additionalProperties", True) is False:
            yield below
        elif isinstance(node.get("additionalProperties"), dict):
            yield from violations(part, node["additionalProperties"], below)


def test_the_shipped_schema_file_is_up_to_date() -> None:
    assert json.loads(FILE.read_text()) == SCHEMA, (
        "scenarios/scenario.schema.json is stale: evosim schema > scenarios/scenario.schema.json"
    )


@pytest.mark.parametrize("name", scenario.catalogue())
def test_every_shipped_scenario_fits_the_schema(name: str) -> None:
    text = scenario.catalogue()[name].read_text()
    assert list(violations(tomllib.loads(text), SCHEMA)) == []
    assert list(violations(scenario.load(name).to_dict(), SCHEMA)) == []


def test_the_small_scenario_fits_the_schema() -> None:
    assert list(violations(tomllib.loads(SMALL), SCHEMA)) == []


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ('title = "A small world"', "titel = 1", ".titel"),
        ("rows = 4", "rows = 0", ".world.rows"),
        ("rows = 4", 'edges = "tours"', ".world.edges"),
        ("patience = 0.9", "patience = 1.1", ".agent.patience"),
        ("depth = [0, 4]", "depth = [0, 4, 5]", ".agent.depth"),
        ('drives = ["sweet", "sour"]', "drives = { sweet = 2 }", ".agent.drives"),
        ("step = -1", "step = 0", ".world.variables.energy.drift"),
        ("slip = 0.2", "slips = 0.2", ".environments.away.slips"),
        ("slip = 0.2", "kinds.rock.count = -1", ".environments.away.kinds.rock.count"),
        ("slip = 0.2", "kinds.rock.use.x.ends = 2", ".environments.away.kinds.rock.use.x.ends"),
        ("[world.kinds.rock]", "[world.kinds.'a b']", ".world.kinds.a b"),
        ("generations = 2", "generations = 2.5", ".timeline.1.generations"),
    ],
)
def test_the_schema_finds_what_reading_would_refuse(old: str, new: str, path: str) -> None:
    assert path in list(violations(tomllib.loads(changed((old, new))), SCHEMA))


def test_every_key_of_the_schema_is_described() -> None:
    def undescribed(node: Any, path: str) -> Iterator[str]:
        if isinstance(node, dict):
            for name, part in node.get("properties", {}).items():
                if not part.get("description"):
                    yield f"{path}.{name}"
            for key, part in node.items():
                yield from undescribed(part, f"{path}/{key}")
        elif isinstance(node, list):
            for part in node:
                yield from undescribed(part, path)

    assert list(undescribed(SCHEMA, "")) == []


def test_nothing_is_required_of_an_environment() -> None:
    assert "required" not in SCHEMA["$defs"]["Environment"]
    assert all(
        "required" not in part for name, part in SCHEMA["$defs"].items() if "Override" in name
    )
