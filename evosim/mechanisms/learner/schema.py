"""The section ``[agent.learner]``: who learns, what it sees, and what it is held to want."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from evosim.scenario.messages import Mistake, bad_value, unknown
from evosim.scenario.values import Locus, Model, Name, Real, Text, is_number, parse_name, wrong

if TYPE_CHECKING:
    from evosim.scenario import Scenario
    from evosim.scenario._partial import PartialDocument

OF_PARAMETERS = "parameter."
"""What the names of the loci of learners begin with."""


OBSERVATIONS = ("state", "felt", "kinds", "looks", "scent", "variables")


def of_obs(value: Any) -> Any:
    """Refuse in one line what is no observation, however it is written."""
    several = isinstance(value, list | tuple | dict)
    kinds = list(value.values() if isinstance(value, dict) else value) if several else [value]
    if not kinds or not all(isinstance(kind, str) for kind in kinds):
        known = ", ".join(OBSERVATIONS)
        raise wrong("no observation", f"{known}; a list of several, or a table of names to them")
    if isinstance(value, list | tuple) and len(set(kinds)) < len(kinds):
        raise wrong("an observation twice", "each once; a table gives them names")
    if isinstance(value, dict):
        for name in value:
            parse_name(name)
    return value


def of_capability(value: Any) -> Any:
    """Refuse in one line what is no capability, however it is written."""
    worths = isinstance(value, dict) and all(is_number(worth) for worth in value.values())
    if value != "meg" and not (worths and any(value.values())):
        allowed = '"meg", or a table of what stimuli and payoffs are worth, not all 0'
        raise wrong("no capability", allowed)
    return value


Obs = Annotated[Name | tuple[Name, ...] | dict[Name, Name], BeforeValidator(of_obs)]
Capability = Annotated[Literal["meg"] | dict[Name, Real], BeforeValidator(of_capability)]


class Learner(Model):
    """An agent that learns, in place of a planner that evolves."""

    factory: Text = Field(
        description="Who makes the agent: a function of an installed module, as module:function.",
    )
    obs: Obs = Field(
        default="felt",
        description="What it sees: state, felt, kinds, looks, scent or variables; or several.",
    )
    senses: tuple[Name, ...] = Field(
        default=(), description="The hidden variables that it sees; no other is seen."
    )
    capability: Capability = Field(
        default="meg",
        description="What it is capable of: meg, how directed it is at what it is most directed "
        "at; or what it gets of a reward, the worth of stimuli and payoffs.",
    )
    options: Annotated[dict[Name, Any], WithJsonSchema({"type": "object"})] = Field(
        default={}, description="What the factory is told."
    )


def loci(scenario: Scenario) -> dict[str, Locus]:
    """What a learner has beside its parameters: nothing that evolves, no drive and no plan."""

    def fixed(value: float) -> Locus:
        return Locus(low=value, high=value, start_low=value, start_high=value)

    return {
        **{f"drive.{name}": fixed(0.0) for name in scenario.agent.drives},
        "depth": fixed(0),
        "patience": fixed(0.0),
        "temperature": fixed(1.0),
        **{f"sense.{name}": fixed(1.0) for name in scenario.senses},
    }


_NOT_WITH = {
    (
        "agent",
        "tool",
    ): "a policy has no values of actions with which those of a tool could be mixed",
    ("agent", "drives", "novelty"): "nothing of a policy could be for where it has been",
    ("agent", "believes"): "a policy plans by no beliefs: it goes by what it sees",
    ("agent", "anticipation"): "a policy foresees nothing",
    ("agent", "credence"): "a policy has no model of the world in which something is uncertain",
    ("agent", "rho"): "a policy counts on nothing, so on no copy either",
    ("correction",): "a correction gives a mind other drives, and a policy has none",
    ("copies",): "a policy counts on nothing, so on no copy either",
    ("deception",): "what becomes of a mind without its sense is not known of a policy: measure "
    "it with evosim.measure_policy",
    ("measure", "without"): "a policy has no drive that could be taken away",
    ("evolution", "islands"): "one agent learns, and nobody migrates",
    ("evolution", "open"): "one agent learns, and nobody is born",
}


def mistakes(partial: PartialDocument) -> Iterator[Mistake]:
    """A factory that can be named, and nothing that only evolved minds can have."""
    agent = partial.table("agent")
    if "learner" not in agent:
        return
    if agent.get("mind") == "table":
        yield Mistake(
            ("agent", "mind"), 'mind = "table" and [agent.learner]: leave one of them out'
        )
    for path, why in _NOT_WITH.items():
        *above, key = path
        if key in (partial.built_in if above == ["agent", "drives"] else partial.table(*above)):
            yield Mistake(path, f"not with [agent.learner]: {why} (remove one of the two)")
    optimizer = partial.table("evolution", "optimizer").get("name", "genetic")
    if optimizer not in ("genetic", "learner"):
        yield Mistake(
            ("evolution", "optimizer"),
            f"{optimizer!r} not with [agent.learner]: an agent trains by itself (remove one of the "
            "two)",
        )
    learner = partial.section("agent.learner", Learner)
    if learner is None:
        return
    if not re.fullmatch(r"[\w.]+:\w+", learner.factory):
        allowed = "module:function, such as my_agents:make"
        yield Mistake(
            ("agent", "learner", "factory"), bad_value("no factory", learner.factory, allowed)
        )
    seen = learner.obs
    kinds = [seen] if isinstance(seen, str) else seen.values() if isinstance(seen, dict) else seen
    for kind in kinds:
        if kind not in OBSERVATIONS:
            path = ("agent", "learner", "obs")
            yield Mistake(path, unknown("observation", kind, OBSERVATIONS))
    hidden = partial.hidden
    for name in learner.senses:
        if name not in hidden:
            yield Mistake(("agent", "learner", "senses"), unknown("hidden variable", name, hidden))
    scenario = partial.scenario
    if scenario is not None and isinstance(learner.capability, dict):
        known = (*scenario.stimuli, *scenario.payoffs)
        for name in learner.capability:
            if name not in known:
                path = ("agent", "learner", "capability", name)
                yield Mistake(path, unknown("stimulus or payoff", name, known))


def shown(scenario: Scenario) -> dict[str, str]:
    """What is told of a learner by ``evosim show``."""
    learner, evolution = scenario.agent.learner, scenario.evolution
    assert learner is not None
    obs = learner.obs if isinstance(learner.obs, str) else ", ".join(learner.obs)
    return {
        "mind.learner": f"{learner.factory}, which sees {obs}",
        "mind.trains": f"{evolution.population * evolution.levels:,} lifetimes a generation",
    }
