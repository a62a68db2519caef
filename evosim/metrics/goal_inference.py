"""Watching minds: what they do on some levels, what others would have done in their place.

:mod:`evosim.engine.meg` and :mod:`evosim.metrics.agents_devices` take arrays; here they are made,
from minds in an environment of a scenario.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim import core
from evosim.engine.meg import Ground, too_large
from evosim.errors import EvosimError
from evosim.metrics import agents_devices
from evosim.mind import Minds
from evosim.rng import Purpose
from evosim.scenario.schema import NO_COPIES
from evosim.world import Environment, Levels

if TYPE_CHECKING:
    from evosim.scenario import Scenario

Floats = NDArray[np.float64]

PAIRS = 128
"""Pairs of opposite drives, beside those that are one stimulus only, that an observer considers."""
DEPTHS = (5, 10)
"""Depths of planning, beside the largest of the scenario, that an observer considers, even where no
mind of the scenario plans."""
AT_ONCE = 64
"""Minds whose policies are written down together."""


class Seen(NamedTuple):
    """What was seen of one mind, all its lives one after the other."""

    level: NDArray[np.int32]  # [t]
    x: NDArray[np.int32]
    cell: NDArray[np.int32]
    action: NDArray[np.int32]


class Guesses(NamedTuple):
    """The minds that an observer considers."""

    minds: Minds
    drives: Floats  # [n, stimuli] unit drives
    which: NDArray[np.intp]  # [h] the row of drives; n for the intended payoff itself
    plans: NDArray[np.bool_]  # [h] whether the depth is above 0


def check(scenario: Scenario, env: Environment) -> None:
    """Refuse what has no finite Markov decision process, or one too large.

    Raises:
        EvosimError: minds have no drives, or one that is built in; or the world is too large.
    """
    if not scenario.agent.drives:
        raise EvosimError(f"scenario {scenario.id!r}: minds have no drives, so no goals")
    for drive in scenario.built_in:
        raise EvosimError(
            f"scenario {scenario.id!r}: minds feel {drive}, which depends on where they have been: "
            "what they do is no function of the state, and goal-directedness is not defined for it"
        )
    # The minds that an observer considers want one thing all their life, and are certain of it.
    for key, given in (
        ("correction", scenario.correction), ("agent.credence", scenario.agent.credence)
    ):  # fmt: skip
        if given:
            raise EvosimError(
                f"scenario {scenario.id!r}: goals are inferred of minds that keep their drives and "
                f"assume what they do not see; with [{key}] they do not"
            )
    if why := too_large(env):
        raise EvosimError(f"scenario {scenario.id!r}: {why}")


def policies(
    scenario: Scenario, env: Environment, levels: Levels, minds: Minds, where: Ground
) -> Floats:
    """What minds do at the states of a ground, [n, S, A]."""
    found = core.policies(env, levels, minds, _believed(scenario), scenario.agent.instinct)
    flat = found.reshape(*found.shape[:2], -1, found.shape[-1])
    return np.asarray(flat[:, where.level, where.state])


def observe_lifetimes(
    scenario: Scenario,
    env: Environment,
    levels: Levels,
    minds: Minds,
    individuals: Sequence[int],
    *,
    seed: int,
    generation: int,
) -> list[Seen]:
    """One life of each mind on each level.

    Args:
        individuals: their numbers in the keys of their draws; purpose BEHAVIOUR (model 5).
    """
    found = []
    for n, individual in enumerate(individuals):
        mind = _some(minds, slice(n, n + 1))
        traces = [
            core.trace(
                env, _one(levels, i), mind, seed=seed, generation=generation, level_id=i,
                individual_id=individual, purpose=Purpose.BEHAVIOUR,
                believes=_believed(scenario), instinct=scenario.agent.instinct,
            )
            for i in range(len(levels.start))
        ]  # fmt: skip
        on = np.repeat(np.arange(len(traces), dtype=np.int32), [len(t.x) for t in traces])
        joined = (np.concatenate([t[k] for t in traces]) for k in range(3))
        found.append(Seen(on, *joined))
    return found


def guesses(scenario: Scenario, env: Environment) -> Guesses:
    """The minds that an observer considers who knows the scenario, and of a mind nothing.

    Drives spread evenly over the sphere (:func:`evosim.metrics.agents_devices.design`), and the
    intended payoff itself in place of drives; each with depth 0, the :data:`DEPTHS` and the
    largest depth of the scenario; with every set of senses, and both ends of patience,
    temperature and rho.
    """
    agent, rho = scenario.agent, scenario.loci.get("rho", NO_COPIES)
    drives = agents_devices.design(len(scenario.stimuli), PAIRS)
    worth = np.zeros((len(drives) + 1, env.phi.shape[1]), np.float32)
    worth[:-1, : len(scenario.stimuli)] = drives
    worth[-1, len(scenario.stimuli) + scenario.payoffs.index(scenario.objective.intended)] = 1.0
    depths = sorted({0, *DEPTHS, int(agent.depth.high)})
    kinds = itertools.product(
        range(len(worth)),
        depths,
        range(1 << len(scenario.senses)),
        sorted({agent.patience.low, agent.patience.high}),
        sorted({agent.temperature.low, agent.temperature.high}),
        sorted({rho.low, rho.high}),
    )
    which, depth, senses, patience, temperature, rhos = map(np.array, zip(*kinds, strict=True))
    minds = Minds.of(
        worth[which], depth=depth, patience=patience, temperature=temperature, senses=senses,
        rho=rhos,
    )  # fmt: skip
    return Guesses(minds, drives, which, depth > 0)


def chances(
    scenario: Scenario, env: Environment, levels: Levels, minds: Minds, seen: Sequence[Seen]
) -> list[Floats]:
    """What each mind's policy gave to what was done, for each that was seen: [h, t]."""
    found = [np.empty((len(minds.depth), len(s.action))) for s in seen]
    for i in range(len(levels.start)):
        at = [np.flatnonzero(s.level == i) for s in seen]
        for begin in range(0, len(minds.depth), AT_ONCE):
            some = slice(begin, begin + AT_ONCE)
            policy = core.policies(
                env, _one(levels, i), _some(minds, some), _believed(scenario),
                scenario.agent.instinct,
            )[:, 0]  # fmt: skip
            for s, t, out in zip(seen, at, found, strict=True):
                out[some, t] = policy[:, s.x[t], s.cell[t], s.action[t]]
    return found


def tables(env: Environment, levels: Levels, seen: Seen) -> list[float]:
    """Log evidence of tables that see nothing; what is on the cell and beside it; the place on
    the map; and the place on each level by itself. All but the first see the variables too."""
    kind = levels.slot[seen.level, seen.cell].astype(np.int64) + 1
    n_slots = int(levels.slot.max()) + 2
    near = kind
    for a in range(4):
        beside = levels.neighbour[seen.level, seen.cell, a]
        there = np.where(beside == seen.cell, n_slots, levels.slot[seen.level, beside] + 1)
        near = near * (n_slots + 1) + there
    near = np.unique(near, return_inverse=True)[1].reshape(near.shape).astype(np.int64)
    place = seen.x.astype(np.int64) * env.n_cells + seen.cell
    views = (
        np.zeros_like(place),
        near * env.n_x + seen.x,
        place,
        seen.level * (env.n_x * env.n_cells) + place,
    )
    return [agents_devices.table_evidence(view, seen.action, env.n_actions) for view in views]


def _believed(scenario: Scenario) -> Environment | None:
    from evosim import world

    believes = scenario.agent.believes
    return world.environment(scenario, believes) if believes else None


def _some(minds: Minds, rows: slice) -> Minds:
    arrays: list[Any] = [array[rows] for array in minds]
    return Minds(*arrays)


def _one(levels: Levels, i: int) -> Levels:
    return Levels(*(array[i : i + 1] for array in levels))
