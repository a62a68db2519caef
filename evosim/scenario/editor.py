"""The JSON Schema that editors check and complete scenario files by."""

from __future__ import annotations

import copy
from typing import Any

from pydantic import BaseModel

from evosim.scenario.repeats import Repeat
from evosim.scenario.schema import Scenario

_REF = "#/$defs/"
_OVERRIDE = "Override"
_NULL = {"type": "null"}


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of scenario files.

    An environment is a world of which nothing is required, all the way down.
    """
    schema = as_json_schema(Scenario, "evosim scenario")
    definitions = schema["$defs"]
    reachable = ["World"]
    for known in reachable:  # which grows as it goes
        reachable += [ref for ref in _refs(definitions[known]) if ref not in reachable]
    for name in dict.fromkeys(reachable):
        definitions[name + _OVERRIDE] = _partial(definitions[name])
    override = definitions.pop("World" + _OVERRIDE)
    environment = definitions["Environment"]
    environment["properties"] |= override["properties"]
    environment["additionalProperties"] = False
    for name in ("Operator", "Variation", "Optimizer"):
        definitions[name]["additionalProperties"] = {"description": "An option of its own."}
    schema["properties"]["environments"]["minProperties"] = 1
    schema["properties"]["timeline"]["minItems"] = 1
    _allow_groups(schema)
    return schema


def _allow_groups(schema: dict[str, Any]) -> None:
    """Groups of phases, which are spelt out before the timeline is looked at."""
    group = Repeat.model_json_schema()
    _tidy(group)
    schema["$defs"]["Repeat"] = group
    entry = {
        # What editors complete, and then which of the two it has to be.
        "properties": schema["$defs"]["Phase"]["properties"] | group["properties"],
        "if": {"anyOf": [{"required": ["repeat"]}, {"required": ["phases"]}]},
        "then": {"$ref": f"{_REF}Repeat"},
        "else": {"$ref": f"{_REF}Phase"},
    }
    schema["$defs"]["Entry"] = entry
    schema["properties"]["timeline"]["items"] = {"$ref": f"{_REF}Entry"}
    group["properties"]["phases"] |= {"items": {"$ref": f"{_REF}Entry"}, "minItems": 1}


def as_json_schema(model: type[BaseModel], title: str) -> dict[str, Any]:
    """The JSON Schema of a model, in the words of TOML.

    Args:
        title: what the files are.
    """
    schema = model.model_json_schema()
    _tidy(schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **schema}


def _tidy(node: Any) -> None:
    """Drop what TOML cannot write (null) and titles that repeat keys; make stray names errors."""
    if isinstance(node, list):
        for part in node:
            _tidy(part)
    if not isinstance(node, dict):
        return
    if isinstance(node.get("title"), str):
        del node["title"]
    if node.get("default", ...) is None:
        del node["default"]
    if _NULL in node.get("anyOf", ()):
        node["anyOf"].remove(_NULL)
        if len(node["anyOf"]) == 1:
            node |= node.pop("anyOf")[0]
    if "oneOf" in node:  # what editors call alternatives everywhere else
        node["anyOf"] = node.pop("oneOf")
    if "patternProperties" in node:
        ((pattern, schema),) = node.pop("patternProperties").items()
        node |= {"propertyNames": {"pattern": pattern}, "additionalProperties": schema}
    for part in node.values():
        _tidy(part)


def _refs(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"].removeprefix(_REF)] if "$ref" in node else []
        return own + [ref for value in node.values() for ref in _refs(value)]
    if isinstance(node, list):
        return [ref for value in node for ref in _refs(value)]
    return []


def _partial(definition: dict[str, Any]) -> dict[str, Any]:
    """The same object with nothing required and no defaults, referring to partial ones."""
    partial = copy.deepcopy(definition)
    partial.pop("required", None)
    for field in partial.get("properties", {}).values():
        field.pop("default", None)
    _rename_refs(partial)
    return partial


def _rename_refs(node: Any) -> None:
    if isinstance(node, dict):
        if "$ref" in node:
            node["$ref"] += _OVERRIDE
        for value in node.values():
            _rename_refs(value)
    elif isinstance(node, list):
        for value in node:
            _rename_refs(value)
