"""Writes docs/keys.md: every key of a scenario and of a study, from the models that read them.

.venv/bin/python tools/keys.py
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from evosim.scenario import Scenario
from evosim.scenario.document import inline
from evosim.scenario.editor import as_json_schema, json_schema
from evosim.scenario.values import LARGEST, LARGEST_WHOLE
from evosim.study.schema import Study

PAGE = Path(__file__).resolve().parents[1] / "docs" / "keys.md"
HEAD = """\
# All keys

Every key of a scenario file, then of a study file. This page is written by `tools/keys.py` from
the models that read the files. [writing-scenarios.md](writing-scenarios.md) builds a scenario step
by step, and [studies.md](studies.md) a study; [model.md](model.md) says what the keys mean.

A key without a default is *needed* where its table is written; *left out* means that there is no
value unless the file gives one. NAME stands for a name of your own. A table in `[brackets]` can
also be written `{ in braces }` on one line. A *locus* is a number, which pins it, or `[lo, hi]`,
which lets it evolve, or `{ range = [lo, hi], start = ... }`.
"""
REPEATS = "### `[[timeline]]`, for phases that repeat"
_REF = "#/$defs/"
_LONGEST = 40
_NUMBERS = ("integer", "number")


def page() -> str:
    """The text of the page."""
    parts = [HEAD]
    for model, title in ((Scenario, "Scenario"), (Study, "Study")):
        schema = as_json_schema(model, title)
        parts.append(f"## {title}\n")
        for headers, definition in sections(schema):
            parts.append("\n".join([_heading(headers, title), "", *_table(definition)]) + "\n")
            if headers == ["[timeline]"]:
                group = json_schema()["$defs"]["Repeat"]
                parts.append("\n".join([REPEATS, "", *_table(group)]) + "\n")
    return "\n".join(parts)


def sections(schema: Mapping[str, Any]) -> Iterator[tuple[list[str], Mapping[str, Any]]]:
    """The headers of each table and its definition, in the order of a file; each definition once.

    A table within a table comes after it.
    """
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


def _heading(headers: list[str], title: str) -> str:
    if headers == [""]:
        return f"### At the top of a {title.lower()} file"
    return "### " + ", ".join(f"`[{header}]`" for header in headers)


def _table(definition: Mapping[str, Any]) -> Iterator[str]:
    needed = definition.get("required", ())
    yield "| key | value | default | what it is |"
    yield "| --- | --- | --- | --- |"
    for key, node in definition.get("properties", {}).items():
        default = "*needed*" if key in needed else _default(node)
        cells = [f"`{key}`", _value(node), default, node.get("description", "")]
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    if definition.get("additionalProperties", False) is True:
        yield _more(definition)


def _more(definition: Mapping[str, Any]) -> str:
    """The row of a table that takes further keys."""
    if "operator" in definition["properties"]:
        return "| *others* | any | that of DEAP | Keyword arguments of the operator. |"
    if "name" in definition["properties"]:
        return "| *others* | any | its own | Options of the optimizer. |"
    return "| *others* | as in `[world]` | as in `[world]` | Any key of the world, overridden. |"


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


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)
