"""Rollouts: sampled lifetimes of many minds, and one lifetime step by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim import rng
from evosim.core.batch import (
    Batch,
    BatchGroup,
    FloatArray,
    Workspace,
    for_each_batch,
)
from evosim.core.copies import mixed, shares_of_births, starts
from evosim.core.live import ALIVE, DIED, ENDED, follow, live, live_one_step
from evosim.core.local_live import live_local, live_one_local_step, retrace_local
from evosim.core.planning import Decide, by_minds, by_table
from evosim.core.structs import LANES, Level, Lives, WorldTables
from evosim.mind import Minds
from evosim.rng import Purpose
from evosim.world import Environment, Levels


class Lifetimes(NamedTuple):
    """Sampled lifetimes of n minds on L levels, E events.

    Whole numbers; but in a world of copies means over a chain of lives of one genome (model 2).
    """

    counts: NDArray[np.int32] | FloatArray  # [n, L, E] how often each event happened
    paid_counts: NDArray[np.int32] | FloatArray  # [n, L, E] in the steps that are paid to selection
    lifespan: NDArray[np.int32] | FloatArray  # [n, L] steps lived
    arrival: FloatArray  # [n, L] felt on arriving for what the life made of it, summed over it
    last_x: NDArray[np.int32]  # [n, L] joint value of the variables after the last step


class Trace(NamedTuple):
    """One lifetime, step by step, t = 0 .. lifespan - 1."""

    x: NDArray[np.int32]  # [t] joint value of the variables before the step
    cell: NDArray[np.int32]  # [t] cell before the step
    action: NDArray[np.int32]  # [t]
    event: NDArray[np.int32]  # [t] the use rule that fired, -1: none
    counts: NDArray[np.int32]  # [t, E] how often each event happened in the step
    last: tuple[int, int]  # x and cell after the last step
    fate: str  # after the last step: "ended" by its use, "died" of a fatal value, "alive"

    @property
    def arrival(self) -> FloatArray:
        """[t] What is felt on arriving for what the life made of it, before a drive weighs it."""
        from evosim.mechanisms.novelty.kernels import felt_along

        return felt_along([*self.cell.tolist(), self.last[1]], self.fate == FATES[ENDED])


FATES = {ENDED: "ended", DIED: "died", ALIVE: "alive"}


def lifetimes(
    env: Environment,
    levels: Levels,
    minds: Minds,
    *,
    seed: int,
    generation: int,
    level_ids: Sequence[int],
    individual_ids: Sequence[int] | NDArray[np.integer],
    purpose: Purpose = Purpose.LIFE,
    window: int | None = None,
    seen: NDArray[np.bool_] | None = None,
    believes: Environment | None = None,
    instinct: bool = True,
) -> Lifetimes:
    """Live one life for each mind on each level (docs/model.md, 1 and 5).

    What is felt or paid is counts @ env.phi (:func:`evosim.world.weighted_sum`).

    Args:
        env: the environment lived in.
        levels: L levels of it.
        minds: n minds.
        seed: of the replicate.
        generation: in the keys of the random draws, like the seed.
        level_ids, individual_ids: the numbers of the levels [L] and minds [n] in these keys.
        window: how many first steps are paid to selection; all of the life if None.
        seen: [n_x] whether a step that begins at x is; all of them if None
            (:meth:`evosim.world.Environment.where`).
        believes: the environment by whose rules the minds plan; ``env`` if None.
        instinct: whether minds have the horizon value of model 2, instinct.

    Returns:
        int32 counts and steps by mind and level.

    Raises:
        EvosimError: the believed environment has other variables, or holds a start for fatal.

    >>> from evosim import core, mind, rng, scenario, world
    >>> read = scenario.load("foraging")
    >>> name = "corridors"
    >>> env, levels = world.environment(read, name), world.draw_levels(read, name, [7, 8])
    >>> genomes = mind.initial(read, 3, rng.key(1, rng.Purpose.INITIAL))
    >>> lived = core.lifetimes(
    ...     env, levels, mind.express(read, genomes),
    ...     seed=1, generation=0, level_ids=[0, 1], individual_ids=[0, 1, 2],
    ... )
    >>> lived.counts.shape == (3, 2, len(env.events))
    True
    >>> bool((lived.lifespan <= env.lifetime).all())
    True
    """
    lived, _ = _live(
        env, levels, *by_minds(env, levels, minds, believes, instinct),
        rng.key(seed, purpose, generation), level_ids, individual_ids, starts(env), window, seen,
    )  # fmt: skip
    return _of_chain(env, lived)


def lifetimes_of(
    env: Environment,
    levels: Levels,
    policies: FloatArray,
    *,
    seed: int,
    generation: int,
    level_ids: Sequence[int],
    individual_ids: Sequence[int] | NDArray[np.integer],
    purpose: Purpose = Purpose.LIFE,
    window: int | None = None,
    seen: NDArray[np.bool_] | None = None,
) -> Lifetimes:
    """Live one life by each policy that is given as a table, on each level.

    Args:
        policies: [n, L, n_x, C, A], as for :func:`evosim.core.expectation_of`.

    The other arguments are those of :func:`lifetimes`.

    >>> import numpy as np
    >>> from evosim import core, scenario, world
    >>> read = scenario.load("foraging")
    >>> name = "corridors"
    >>> env, levels = world.environment(read, name), world.draw_levels(read, name, [7, 8])
    >>> at_random = np.ones((1, 1, 1, 1, env.n_actions))
    >>> lived = core.lifetimes_of(
    ...     env, levels, at_random, seed=1, generation=0, level_ids=[0, 1], individual_ids=[0]
    ... )
    >>> lived.lifespan.shape
    (1, 2)
    """
    groups, decide = by_table(env, policies)
    key = rng.key(seed, purpose, generation)
    lived, _ = _live(
        env, levels, groups, decide, key, level_ids, individual_ids, starts(env), window, seen
    )
    return _of_chain(env, lived)


def _of_chain(env: Environment, lived: Lifetimes) -> Lifetimes:
    """The means over a chain of lives of one genome, from those with each start (model 2, copies).

    Args:
        lived: arrays [starts, L, n, ...].
    """
    if len(lived.counts) > 1:
        share = shares_of_births(env, lived.counts)
        # Where a life ended has no mean: it is told of those without the boon.
        lived = lived._replace(
            counts=mixed(share, lived.counts)[None],
            paid_counts=mixed(share, lived.paid_counts)[None],
            lifespan=mixed(share, lived.lifespan)[None],
            arrival=mixed(share, lived.arrival)[None],
        )
    return Lifetimes(*(one[0].swapaxes(0, 1) for one in lived))


def trace(
    env: Environment,
    levels: Levels,
    minds: Minds,
    *,
    seed: int,
    generation: int = 0,
    level_id: int = 0,
    individual_id: int = 0,
    purpose: Purpose = Purpose.LIFE,
    believes: Environment | None = None,
    instinct: bool = True,
) -> Trace:
    """One mind's life on one level, step by step.

    The same numbers give the same life as in :func:`lifetimes`, which has the other arguments; but
    with copies it begins as the world says, and not as a copy left it.

    Raises:
        ValueError: more than one mind or level.

    >>> from evosim import core, mind, rng, scenario, world
    >>> read = scenario.load("foraging")
    >>> name = "corridors"
    >>> genome = mind.initial(read, 1, rng.key(1, rng.Purpose.INITIAL))
    >>> env, levels = world.environment(read, name), world.draw_levels(read, name, [7])
    >>> steps = core.trace(env, levels, mind.express(read, genome), seed=1)
    >>> bool(steps.cell[0] == levels.start[0])
    True
    """
    if len(minds.depth) != 1 or len(levels.start) != 1:
        raise ValueError(
            f"a trace is of one mind on one level, not {len(minds.depth)} on {len(levels.start)}"
        )
    base = rng.key(seed, purpose, generation)
    lived, actions = _live(
        env, levels, *by_minds(env, levels, minds, believes, instinct), base, [level_id],
        [individual_id], [WorldTables.of(env.tables)], record_steps=env.lifetime,
    )  # fmt: skip
    life = rng.draw(rng.draw(base, level_id), individual_id)
    return retrace(env, levels, actions[: lived.lifespan[0, 0, 0]], life)


def retrace(
    env: Environment, levels: Levels, actions: Sequence[int] | NDArray[np.integer], life: int
) -> Trace:
    """The life of a key through given actions: what a mind that takes them lives (model 1, 5).

    Args:
        env: where it is lived.
        levels: the level, L = 1.
        actions: of each step; those after the end of the life are left out.
        life: the key of its draws.

    >>> from evosim import core, scenario, world
    >>> read = scenario.load("foraging")
    >>> name = "corridors"
    >>> env, levels = world.environment(read, name), world.draw_levels(read, name, [7])
    >>> steps = core.retrace(env, levels, [2, 2, 0], life=5)
    >>> steps.action.tolist(), steps.counts.shape == (3, len(env.events))
    ([2, 2, 0], True)
    """
    steps = len(actions)
    xs, at = np.zeros((2, steps + 1), np.int32)
    uses, counts = np.zeros(steps, np.int32), np.zeros((steps, len(env.events)), np.int32)
    taken = np.array(actions, np.int32)
    level, out = Level.of(levels, 0), (np.uint64(life), taken, xs, at, uses, counts)
    if (local := env.tables.local) is not None:
        lived, fate = retrace_local(local.arrays, local.on(*level), *out)
    else:
        lived, fate = follow(*WorldTables.of(env.tables), *level, *out)
    return Trace(
        xs[:lived], at[:lived], taken[:lived], uses[:lived], counts[:lived],
        (int(xs[lived]), int(at[lived])), FATES[fate],
    )  # fmt: skip


def _live(
    env: Environment,
    levels: Levels,
    groups: list[BatchGroup],
    decide: Decide,
    base: int,
    level_ids: Sequence[int],
    individual_ids: Sequence[int] | NDArray[np.integer],
    worlds: Sequence[WorldTables],
    window: int | None = None,
    seen: NDArray[np.bool_] | None = None,
    record_steps: int = 0,
) -> tuple[Lifetimes, NDArray[np.int32]]:
    """A life of each mind on each level with each start, [starts, L, n, ...]; the last's actions.

    Args:
        worlds: the rules by which lives go, with each start; minds plan once for all of them.
    """
    n, n_levels, steps = len(individual_ids), len(levels.start), env.lifetime
    shape = (len(worlds), n_levels, n)
    counts, paid = np.zeros((2, *shape, len(env.events)), np.int32)
    lifespan, last = np.zeros((2, *shape), np.int32)
    felt = np.zeros(shape)
    actions = np.zeros(record_steps, np.int32)
    individuals = np.asarray(individual_ids, np.uint64)
    level_keys = np.array([rng.draw(base, i) for i in level_ids], np.uint64)
    first = steps if window is None else min(window, steps)
    seen = np.ones(env.n_x, np.bool_) if seen is None else seen
    local = env.tables.local

    def run(group: BatchGroup, batch: Batch, i: int, level: Level, space: Workspace) -> None:
        written = [
            Lives(level_keys[i], individuals, batch.mind, first, seen, *out, actions)
            for out in zip(counts[:, i], paid[:, i], lifespan[:, i], last[:, i], strict=True)
        ]
        if not batch.replans:
            policy = decide(group, batch, i, level, space)
            for world, lives in zip(worlds, written, strict=True):
                if local is None:
                    live(*world, *level, *policy, *lives, steps)
                else:
                    live_local(local.arrays, local.on(*level), policy, lives, steps)
            return
        # What arriving is worth depends on where one has been: these minds plan anew every step, by
        # what it is worth at that moment (model 2, novelty).
        from evosim.mechanisms.novelty.kernels import arrive

        ((world,), (lives,)) = worlds, written  # with copies nobody feels novelty
        policy = space.policy(group)
        xs, cells, fates = np.zeros((3, LANES), np.int32)
        visited = np.full((env.n_cells, LANES), -1, np.int32)
        for now in range(-1, steps):
            if now >= 0:
                decide(group, batch, i, level, space)
            at = (now, xs, cells, fates)
            if local is None:
                go_on = live_one_step(*world, *level, *policy, *lives, *at)
            else:
                go_on = live_one_local_step(local.arrays, local.on(*level), policy, lives, *at)
            arrive(now, batch.arrival, batch.mind, cells, fates, visited, felt[0, i], space.arrival)
            if not go_on:
                break
        space.arrival[:] = 0.0  # the next batch in this workspace may feel none

    for_each_batch(env, levels, groups, run)
    counts += paid
    return Lifetimes(counts, paid, lifespan, felt, last), actions
