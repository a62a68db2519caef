"""An agent that learns, as a base optimizer: its genome is what it has learned (docs/agents.md)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from evosim.errors import EvosimError
from evosim.evolution.optimizer import (
    Asked,
    Bounds,
    FloatArray,
    Offspring,
    Optimizer,
    State,
    optimizer,
)
from evosim.mind import loci
from evosim.mind.learned import Agent, agent_of, naming, parameters_of

if TYPE_CHECKING:
    from evosim.scenario import Scenario


@optimizer("learner", "one agent, which trains between two generations (agent.learner)")
class Learner(Optimizer):
    """One individual, whose genes are the parameters of a policy.

    Its scores are those of lives that are lived beside its training, and decide nothing.
    """

    least = (1, 1)
    trains = True
    state = ("knows", "generation")

    def size(self, scenario: Scenario) -> int:
        return 1

    def refuses(self, scenario: Scenario) -> Iterator[str]:
        if scenario.agent.learner is None:
            yield "there is no agent that learns: write [agent.learner]"

    def start(self, scenario: Scenario, seed_key: int) -> Asked:
        return _asked(scenario, agent_of(scenario, 0, seed_key), -1)

    def tell(
        self, scenario: Scenario, state: State, genomes: FloatArray, scores: FloatArray
    ) -> State:
        return {**state, "parameters": genomes[0]}

    def ask(self, scenario: Scenario, state: State, seed_key: int) -> Asked:
        generation = int(state["generation"])
        agent = agent_of(scenario, generation, seed_key)
        assert scenario.agent.learner is not None
        with naming(scenario.agent.learner.factory, type(agent)):
            agent.parameters = state["parameters"].copy()
            if (known := _unpacked(state["knows"])) is not None:
                agent.set_state(known)  # type: ignore[attr-defined]
            agent.train(scenario.evolution.population * scenario.evolution.levels)
        return _asked(scenario, agent, 0)


def _asked(scenario: Scenario, agent: Agent, parent: int) -> Asked:
    learner = scenario.agent.learner
    assert learner is not None
    bounds = Bounds.of(loci(scenario))
    genome = parameters_of(agent, learner.factory)
    if len(genome) != len(bounds.low):
        raise EvosimError(
            f"agent {learner.factory!r}: has {len(genome)} parameters after training, and had "
            f"{len(bounds.low)} before"
        )
    row = np.clip(genome, bounds.low, bounds.high)[None]
    parents = np.full((1, 2), parent, np.int32)
    with naming(learner.factory, type(agent)):
        state = {"knows": _packed(agent), "generation": np.array(0)}
    return Asked(Offspring(row, parents, np.zeros(row.shape, np.int8)), state)


def _packed(agent: Any) -> Any:
    """What an agent knows beside its parameters, as bytes; none where it keeps nothing."""
    if not hasattr(agent, "get_state"):
        return np.zeros(0, np.uint8)
    found = agent.get_state()
    try:
        arrays = {str(name): np.asarray(value) for name, value in dict(found).items()}
    except (TypeError, ValueError) as error:
        raise EvosimError(f"get_state gave {found!r}, needed: arrays by name") from error
    if any(array.dtype.hasobject for array in arrays.values()):
        raise EvosimError("get_state gave arrays of objects, needed: arrays of numbers or bytes")
    for name in ("file", "allow_pickle"):  # what numpy calls its own arguments
        if name in arrays:
            raise EvosimError(f"get_state gave an array the name {name!r}: take another")
    written = io.BytesIO()
    np.savez(written, **arrays)  # type: ignore[arg-type]
    return np.frombuffer(written.getvalue(), np.uint8)


def _unpacked(packed: Any) -> dict[str, Any] | None:
    if not len(packed):
        return None
    with np.load(io.BytesIO(packed.tobytes()), allow_pickle=False) as arrays:
        return dict(arrays)
