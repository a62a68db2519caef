"""What the toy says of a scenario."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from evosim.scenario.messages import Mistake


def shown(scenario: Any) -> dict[str, str]:
    return {"individuals": "that are worth what they get on their worst level"}


def mistakes(partial: Any) -> Iterator[Mistake]:
    """One level has no worst one."""
    levels = partial.raw["evolution"]["levels"]
    if "after" in partial.raw["environments"] and levels < 2:
        yield Mistake(("evolution", "levels"), f"no worst level (got {levels}, allowed 2 or more)")
