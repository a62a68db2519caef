"""The JSON Schema of study files for editors, and the shipped studies beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from evosim.study import reading
from evosim.study.schema import Study, json_schema

SCHEMA = json_schema()
FILE = reading.FOLDER / "study.schema.json"


def test_the_shipped_schema_file_is_up_to_date() -> None:
    assert json.loads(FILE.read_text(encoding="utf-8")) == SCHEMA, (
        "studies/study.schema.json is stale: evosim study schema --out studies/study.schema.json"
    )


@pytest.mark.parametrize("name", reading.catalogue())
def test_a_shipped_study_names_the_schema_and_has_the_id_of_its_file(name: str) -> None:
    path = reading.catalogue()[name]
    assert path.read_text(encoding="utf-8").splitlines()[0] == "#:schema ./study.schema.json"
    assert reading.load(name).study.id == name


def test_the_schema_knows_every_key_and_no_other() -> None:
    assert set(SCHEMA["properties"]) == set(Study.model_fields)
    assert SCHEMA["additionalProperties"] is False
    assert {"id", "title", "scenario", "parameters", "measures"} == set(SCHEMA["required"])


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
