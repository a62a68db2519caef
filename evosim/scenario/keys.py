"""Every key of a file: what may stand there, what is meant if it is left out, what it is.

All is read off the models that read the files. docs/keys.md has them as tables, and
``evosim explain KEY`` shows a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel

from evosim.scenario.document import inline
from evosim.scenario.editor import as_json_schema, json_schema
from evosim.scenario.values import LARGEST, LARGEST_WHOLE

NEEDED = "*needed*"
_REF = "#/$defs/"
_LONGEST = 40
_NUMBERS = ("integer", "number")


class Key(NamedTuple):
    """A row of a table of keys, in Markdown."""

    name: str
    """Empty: further keys."""
    value: str
    default: str
    what: str


class Table(NamedTuple):
    """A table of a file."""

    headers: tuple[str, ...]
    """Where it stands, dotted, NAME for a name of the user's; empty: at the top of the file."""
    keys: tuple[Key, ...]


def tables(model: type[BaseModel]) -> Iterator[Table]:
    """The tables of a file, each once, in the order of a file; a table in a table comes after it.

    Args:
        model: :class:`evosim.scenario.Scenario`, or the model of a study.
    """
    for headers, definition in _sections(as_json_schema(model, "")):
        yield Table(tuple(headers), tuple(_keys(definition)))


def repeats() -> Table:
    """The table of a group of phases that repeat, which may stand in place of a phase."""
    return Table(("[timeline]",), tuple(_keys(json_schema()["$defs"]["Repeat"])))


def _sections(schema: Mapping[str, Any]) -> Iterator[tuple[list[str], Mapping[str, Any]]]:
    """The headers of each table, and its definition."""
    headers: dict[str, list[str]] = {}
    order: list[str] = []

    def visit(node: Any, header: str) -> None:
        if name := node.get("$ref", "").removeprefix(_REF):
            known = name in headers
            headers.setdefault(name, []).append(header)
            if known:
                return
            order.append(name)
            node = schema["$defs"][name]
        for key, value in node.get("properties", {}).items():
            for below, path in _tables(value, f"{header.strip('[]')}.{key}".lstrip(".")):
                visit(below, path)

    visit(schema, "")
    yield [""], schema
    for name in order:
        yield headers[name], schema["$defs"][name]


def _tables(node: Mapping[str, Any], path: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    """The references to tables that a value holds, with their headers."""
    for option in (node, *node.get("anyOf", ()), *node.get("allOf", ())):
        if "$ref" in option:
            yield option, path
        if "$ref" in option.get("items", {}):
            yield option["items"], f"[{path}]"
        more = option.get("additionalProperties")
        if isinstance(more, Mapping) and "$ref" in more:
            yield more, f"{path}.NAME"


def _keys(definition: Mapping[str, Any]) -> Iterator[Key]:
    needed = definition.get("required", ())
    for key, node in definition.get("properties", {}).items():
        default = NEEDED if key in needed else _default(node)
        yield Key(key, _value(node), default, node.get("description", ""))
    if definition.get("additionalProperties", False) is True:
        yield _more(definition)


def _more(definition: Mapping[str, Any]) -> Key:
    """The row of a table that takes further keys."""
    if "operator" in definition["properties"]:
        return Key("", "any", "that of DEAP", "Keyword arguments of the operator.")
    if "name" in definition["properties"]:
        return Key("", "any", "its own", "Options of the optimizer.")
    return Key("", "as in `[world]`", "as in `[world]`", "Any key of the world, overridden.")


def _default(node: Mapping[str, Any]) -> str:
    default = node.get("default")
    if default is None:
        return "*left out*"
    written = inline(default)
    return "that of its keys" if len(written) > _LONGEST else f"`{written}`"


def _value(node: Mapping[str, Any]) -> str:
    """What may stand there, in words."""
    options = node.get("anyOf") or node.get("allOf")
    if options:
        return _choice(options)
    if "enum" in node or "const" in node:
        *first, last = (f"`{inline(v)}`" for v in node.get("enum", [node.get("const")]))
        return f"{', '.join(first)} or {last}" if first else last
    if "$ref" in node:
        return "table"
    kind = node.get("type")
    if kind in _NUMBERS:
        return _number(node)
    if kind == "array":
        if node.get("minItems") == node.get("maxItems") == 2:
            cell = node.get("description", "").startswith("Row and column")
            return "`[row, column]`" if cell else "`[lo, hi]`"
        if "$ref" in node["items"]:
            return "tables, `[[ ]]`"
        return f"list of {_plural(_value(node['items']))}"
    if kind == "object":
        more = node.get("additionalProperties")
        of = _value(more) if isinstance(more, Mapping) else "any"
        return f"table by name: {of}" if of != "table" else "tables by name"
    return {"string": "text" if "pattern" not in node else "a name",
            "boolean": "true or false"}.get(str(kind), "any value")  # fmt: skip


def _choice(options: list[Mapping[str, Any]]) -> str:
    """One of several forms."""
    if any("range" in option.get("properties", {}) for option in options):
        return f"locus, {_number(options[0])}"
    return " or ".join(dict.fromkeys(map(_value, options)))


def _plural(text: str) -> str:
    for one, many in (("number", "numbers"), ("text", "texts"), ("value", "values")):
        text = text.replace(one, many, 1)
    return text


def _number(node: Mapping[str, Any]) -> str:
    """A number in words; bounds that only keep sums finite are left out."""
    words = "whole number" if node["type"] == "integer" else "number"
    low, high = node.get("minimum"), node.get("maximum", node.get("exclusiveMaximum"))
    but = node.get("not", {}).get("const")
    if low is not None and -low not in (LARGEST, LARGEST_WHOLE):
        words += f" {'above' if but == low else 'from'} {low:g}"
    if high is not None and high not in (LARGEST, LARGEST_WHOLE):
        words += (" to" if low != but else " and") + " below" * ("exclusiveMaximum" in node)
        words += f" {high:g}" if high < 2**53 else " 2^64 - 1"
    return words + (f" but {but}" if but not in (None, low) else "")
