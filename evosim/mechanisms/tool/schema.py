"""The section ``[agent.tool]`` of a scenario, and what it must agree with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pydantic import Field

from evosim.scenario._overrides import table
from evosim.scenario.messages import Mistake, bad_value, show, unknown
from evosim.scenario.positions import KeyPath
from evosim.scenario.values import Chance, Depth, Few, Model, Name, ShareLocus

if TYPE_CHECKING:
    from evosim.scenario import Scenario
    from evosim.scenario._partial import PartialDocument

NEEDED = "agents with a tool"


class Tool(Model):
    """A planner of the agent's making: it optimizes criteria fitted to remembered encounters."""

    depth: Depth = Field(description="Planning depth of the tool, in steps.")
    reliance: ShareLocus = Field(
        description="Share of the tool's action values in the agent's choice, from 0 to 1."
    )
    encounters: Few = Field(
        default=20, description="Remembered encounters that the criteria are fitted to."
    )
    typo: Chance = Field(default=0.0, description="Chance that a criterion is mistyped.")
    remembers: Name | None = Field(
        default=None,
        description="Environment of the memories; left out: the main one of the first phase.",
    )


def shown(scenario: Scenario) -> dict[str, str]:
    """What the tool plans by, as ``evosim show`` has it of a mind."""
    tool = scenario.agent.tool
    assert tool is not None
    typo = f", each mistyped with chance {tool.typo:g}" if tool.typo else ""
    return {
        "mind.tool": f"plans {tool.depth} steps by criteria for {', '.join(scenario.looks)}, "
        f"fitted to {tool.encounters} encounters in {tool.remembers or scenario.ancestral}{typo}"
    }


def mistakes(partial: PartialDocument) -> Iterator[Mistake]:
    """A tool needs looks, and looks need a tool; memories need something that was used."""
    worlds = {("world",): partial.base} | {
        ("environments", name): world for name, world in partial.environments.items()
    }
    looks = [
        (*place, "kinds", kind, "looks")
        for place, world in worlds.items()
        for kind in table(world.raw, "kinds")
        if table(world.raw, "kinds", kind, "looks")
    ]
    tool = partial.table("agent").get("tool")
    if tool is None:
        if looks and partial.table("agent", "table").get("sees") != "looks":
            allowed = "none without [agent.tool], or a table that sees looks, which go by them"
            yield Mistake(
                looks[0], bad_value("looks without a tool", _at(partial, looks[0]), allowed)
            )
        return
    if not looks:
        yield Mistake(
            ("agent", "tool"),
            "a tool without looks to go by (got none, needed: world.kinds.KIND.looks = { ... })",
        )
    remembered = table(tool).get("remembers")
    known = partial.table("environments")
    if isinstance(remembered, str) and remembered not in known:
        yield Mistake(("agent", "tool", "remembers"), unknown("environment", remembered, known))
        return
    if (
        partial.worlds is None
        or partial.scenario is None
        or any(w.mistakes for w in worlds.values())
    ):
        return
    name = remembered or partial.scenario.ancestral
    world = partial.worlds.get(name)
    if world and not any(kind.use and world.sites_of(k) for k, kind in world.kinds.items()):
        yield Mistake(
            ("agent", "tool"),
            f"nothing to remember in environment {show(name)} "
            "(got no kind that has sites and use rules, needed: at least one)",
        )


def _at(partial: PartialDocument, path: KeyPath) -> Any:
    """The raw value at a path into the world or an environment, overrides applied."""
    in_world = path[0] == "world"
    found: Any = partial.base.raw if in_world else partial.environments[str(path[1])].raw
    for key in path[1 if in_world else 2 :]:
        found = found[key]
    return found
