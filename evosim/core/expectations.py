"""Exact measures of minds: expectations over a lifetime, optima, policies (model 4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim.core.batch import (
    Batch,
    BatchGroup,
    FloatArray,
    Pairs,
    Workspace,
    batch_groups,
    for_each_batch,
    lanes_of,
    pairs,
)
from evosim.core.copies import (
    births_of,
    counting_copies,
    fixed_point,
    mixed,
    shares_of_births,
    starts,
)
from evosim.core.exact import expect
from evosim.core.local_live import expect_local
from evosim.core.local_plan import follow_local
from evosim.core.plan import follow
from evosim.core.planning import (
    Decide,
    by_minds,
    by_table,
    plan_pairs,
    plan_policy,
    plan_policy_of_pairs,
    plan_values,
    policies_of,
    prepare_values,
)
from evosim.core.structs import LANES, Level, Policy
from evosim.mind import Minds
from evosim.world import Environment, Levels, contents, weighted_sum


class Expectation(NamedTuple):
    """Exact expectations over a lifetime of n minds on L levels, E events.

    Where the steps are told apart by parts, an axis of parts comes after that of levels. In a world
    of copies they are means over a chain of lives of one genome (model 2, copies).
    """

    counts: FloatArray  # [n, L, E] expected number of each event
    lifespan: FloatArray  # [n, L] expected steps lived


def expectation(
    env: Environment,
    levels: Levels,
    minds: Minds,
    believes: Environment | None = None,
    instinct: bool = True,
    part: NDArray[np.int32] | None = None,
    steps: int | None = None,
) -> Expectation:
    """Exact expectations for each mind on each level (docs/model.md, 4).

    Args:
        env: the environment lived in.
        levels: L levels of it.
        minds: n minds.
        believes: the environment by whose rules the minds plan; ``env`` if None.
        instinct: whether minds have the horizon value of model 2, instinct.
        part: [n_x] to which part a step belongs that begins at x, counted from 0; what happens
            in the steps of each part is then told apart: counts [n, L, parts, E], lifespan
            [n, L, parts].
        steps: how many first steps of a life count; all of them if None.

    Raises:
        ValueError: a mind feels what its life makes of arriving: its state has no finite form.
        EvosimError: the believed environment has other variables, or holds a start for fatal.

    >>> from evosim import core, mind, rng, scenario, world
    >>> read = scenario.load("foraging")
    >>> name = "corridors"
    >>> env, levels = world.environment(read, name), world.draw_levels(read, name, [7])
    >>> genomes = mind.initial(read, 2, rng.key(1, rng.Purpose.INITIAL))
    >>> expected = core.expectation(env, levels, mind.express(read, genomes))
    >>> expected.counts.shape == (2, 1, len(env.events))
    True
    """
    if (minds.arrival != 0).any():
        raise ValueError(
            "no exact expectation where what is felt depends on the life so far: sample lifetimes"
        )
    groups, decide = by_minds(env, levels, minds, believes, instinct)
    n = len(minds.depth)
    if minds.only_do:  # who may do another thing on a level that is equal
        return _expect(env, levels, n, groups, decide, part, merge=False, steps=steps)
    return _expect(
        env, levels, n, groups, decide, part, steps=steps,
        pairs_on=partial(pairs, env, minds, groups, believes, instinct),
    )  # fmt: skip


def expectation_of(
    env: Environment,
    levels: Levels,
    policies: FloatArray,
    part: NDArray[np.int32] | None = None,
) -> Expectation:
    """Exact expectations of policies that are given as tables, such as a softmax over parameters.

    Args:
        env, levels, part: as for :func:`expectation`.
        policies: [n, L, n_x, C, A] weights of the actions in each state (as :func:`policies`
            gives their probabilities), float32 once used; not all 0 where a life can be. Of one
            level, or of one x or cell: the same on all of them.

    >>> import numpy as np
    >>> from evosim import core, scenario, world
    >>> read = scenario.load("foraging")
    >>> name = "corridors"
    >>> env, levels = world.environment(read, name), world.draw_levels(read, name, [7, 8])
    >>> north = np.zeros((1, 1, 1, 1, env.n_actions))
    >>> north[..., 0] = 1.0
    >>> core.expectation_of(env, levels, north).lifespan.shape
    (1, 2)
    """
    groups, decide = by_table(env, policies)
    return _expect(env, levels, len(policies), groups, decide, part, policies.shape[1] == 1)


def uniform(env: Environment, levels: Levels, part: NDArray[np.int32] | None = None) -> Expectation:
    """Exact expectations of the policy that takes every action equally often (n = 1).

    Args:
        env, levels, part: as for :func:`expectation`.

    >>> from evosim import core, scenario, world
    >>> read = scenario.load("foraging")
    >>> name = "corridors"
    >>> env, levels = world.environment(read, name), world.draw_levels(read, name, [7, 8])
    >>> core.uniform(env, levels).lifespan.shape
    (1, 2)
    """
    return _one_of(range(env.n_actions), env, levels, part)


def nothing(env: Environment, levels: Levels, part: NDArray[np.int32] | None = None) -> Expectation:
    """Exact expectations of doing nothing (n = 1): to stay, in every step.

    Where there is no ``stay``, to use the start cell, on which no site is: that wastes the step.

    Args:
        env, levels, part: as for :func:`expectation`.

    >>> from evosim import core, scenario, world
    >>> read = scenario.load("foraging")
    >>> name = "corridors"
    >>> env, levels = world.environment(read, name), world.draw_levels(read, name, [7, 8])
    >>> core.nothing(env, levels).counts.sum()
    np.float64(0.0)
    """
    # What comes after the four moves is to stay, or else to use.
    return _one_of([4], env, levels, part)


def _one_of(
    actions: Iterable[int], env: Environment, levels: Levels, part: NDArray[np.int32] | None
) -> Expectation:
    """Of the policy that in every state takes one of some actions, each equally often."""
    bits = sum(1 << action for action in actions)

    # As bits of best actions, which take less room than a table of weights.
    def policy(group: BatchGroup, batch: Batch, i: int, level: Level, space: Workspace) -> Policy:
        space.greedy[:] = bits
        return space.policy(group)

    groups = batch_groups(env, _optimizers(env, np.zeros((1, env.phi.shape[1]))))
    return _expect(env, levels, 1, groups, policy, part)


def _expect(
    env: Environment,
    levels: Levels,
    n: int,
    groups: list[BatchGroup],
    decide: Decide,
    part: NDArray[np.int32] | None,
    merge: bool = True,
    steps: int | None = None,
    pairs_on: Callable[[Levels], Pairs | None] = lambda levels: None,
) -> Expectation:
    """Expectations of n minds, or policies; with ``merge`` they do the same on equal levels.

    Args:
        pairs_on: puts minds and levels in pairs where that is quicker.
    """
    which: NDArray[np.integer] = np.arange(len(levels.start))
    if merge:
        levels, which = distinct(levels)
    n_levels = len(levels.start)
    whole = np.zeros(env.n_x, np.int32)
    part_of = whole if part is None else np.ascontiguousarray(part, np.int32)
    parts = int(part_of.max()) + 1
    worlds, local = starts(env), env.tables.local
    limit = min(steps or env.lifetime, env.lifetime)
    counts = np.zeros((len(worlds), n_levels, n, parts, len(env.events)))
    lifespan = np.zeros((len(worlds), n_levels, n, parts))

    def measure(
        group: BatchGroup,
        policy: Policy,
        mind: NDArray[np.int32],
        at: NDArray[np.int32],
    ) -> None:
        """What the mind of each lane can expect by its policy on its level; -1: no mind."""
        # Minds of an evolved population often do the same although they want it a little more or
        # less. What one of them can expect is then what the others can, to the bit.
        first = np.arange(LANES)
        alike = first if group.soft else lanes_alike(policy.greedy, group.tables.live, at)
        own = np.where(alike == first, mind, -1).astype(np.int32)
        for world, *out in zip(worlds, counts, lifespan, strict=True):
            if local is None:
                expect(*world, *levels, *policy, own, at, limit, part_of, *out)
            else:  # lanes of a local world are on one level
                level, (on_it, steps_on_it) = Level.of(levels, at[0]), (one[at[0]] for one in out)
                rules = local.on(*level)
                expect_local(local.arrays, rules, policy, own, limit, part_of, on_it, steps_on_it)
        others = np.flatnonzero((alike != first) & (mind >= 0))
        to, from_ = mind[others], mind[alike[others]]
        counts[:, at[others], to] = counts[:, at[others], from_]
        lifespan[:, at[others], to] = lifespan[:, at[others], from_]

    def run(group: BatchGroup, batch: Batch, i: int, level: Level, space: Workspace) -> None:
        policy = decide(group, batch, i, level, space)
        measure(group, policy, batch.mind, np.full(LANES, i, np.int32))

    def run_pairs(found: Pairs, group: BatchGroup, batch: Batch, space: Workspace) -> None:
        measure(group, plan_policy_of_pairs(group, batch, found, space), *found.split(batch))

    found = pairs_on(levels)
    if found is None:
        for_each_batch(env, levels, groups, run)
    else:
        found.for_each(env, partial(run_pairs, found))
    counts, lifespan = counts[:, which], lifespan[:, which]
    if len(worlds) > 1:
        share = shares_of_births(env, counts.sum(axis=3))
        counts, lifespan = mixed(share, counts)[None], mixed(share, lifespan)[None]
    if part is None:
        return Expectation(counts[0, :, :, 0].swapaxes(0, 1), lifespan[0, :, :, 0].T)
    return Expectation(counts[0].swapaxes(0, 1), lifespan[0].swapaxes(0, 1))


def distinct(levels: Levels) -> tuple[Levels, NDArray[np.integer]]:
    """The different ones of L levels of one environment, and which of them each level is, [L].

    Where a map fixes every site, other seeds draw the same level over and over.

    >>> from evosim import scenario, world
    >>> levels = world.draw_levels(scenario.load("supervised_shortcut"), "alone", [1, 2, 3])
    >>> different, which = distinct(levels)
    >>> len(different.start), which.tolist()
    (1, [0, 0, 0])
    """
    number: dict[bytes, int] = {}
    which = np.array([number.setdefault(one, len(number)) for one in contents(levels)])
    if len(number) == len(which):  # as mostly in mazes, of which distances are long to copy
        return levels, which
    _, first = np.unique(which, return_index=True)
    different = Levels(*(field[first] for field in levels))
    for field in different:  # like those that are drawn: kernels are compiled for these alone
        field.flags.writeable = False
    return different, which


def lanes_alike(
    greedy: NDArray[np.uint8], live: NDArray[np.int32], level: NDArray[np.integer]
) -> NDArray[np.integer]:
    """The first lane with the same policy on the same level as each lane, [LANES].

    Args:
        greedy: [n_x, C, LANES] the best actions of each state, a bit each.
        live: the x at which decisions are planned.
        level: [LANES] the level of each lane.

    >>> import numpy as np
    >>> greedy = np.array([[[1, 2, 1, 2]], [[1, 1, 1, 2]], [[0, 1, 2, 3]]], np.uint8)
    >>> lanes_alike(greedy, np.array([0, 1]), np.array([0, 0, 0, 0])).tolist()
    [0, 1, 0, 3]
    """
    # Elsewhere stands what was planned there before, for other minds.
    states = greedy[live].reshape(-1, greedy.shape[-1])
    # Where minds differ they mostly differ in some of a few states, which are quick to compare.
    few = np.ascontiguousarray(states[:: max(1, len(states) // 64)].T)
    candidates: dict[tuple[int, bytes], list[int]] = {}
    for lane, (at, some) in enumerate(zip(level.tolist(), few, strict=True)):
        candidates.setdefault((at, some.tobytes()), []).append(lane)
    alike = np.arange(len(few))
    for lanes in candidates.values():
        if len(lanes) > 1:
            first: dict[bytes, int] = {}
            for lane in lanes:
                alike[lane] = first.setdefault(states[:, lane].tobytes(), lane)
    return alike


def optimum(env: Environment, levels: Levels, weights: FloatArray) -> FloatArray:
    """The largest expected sum of a reward over a lifetime, every variable visible (model 4).

    Backward induction over the T steps in float32: about 1e-5 of the value. In a world of copies
    it is the largest mean over a chain of lives, whose mean over the levels is meant.

    Args:
        env: the environment.
        levels: L levels of it.
        weights: [n, F] weight of each feature (stimuli, payoffs, looks) in n rewards.

    Returns:
        [n, L], in units of the reward.

    >>> import numpy as np
    >>> from evosim import core, scenario, world
    >>> read = scenario.load("foraging")
    >>> name = "corridors"
    >>> env, levels = world.environment(read, name), world.draw_levels(read, name, [7])
    >>> payoff = np.zeros((1, env.phi.shape[1]))
    >>> payoff[0, env.paid] = 1.0
    >>> best = core.optimum(env, levels, payoff)
    >>> by_chance = world.weighted_sum(core.uniform(env, levels).counts, env.phi @ payoff[0])
    >>> bool(best[0, 0] > by_chance[0, 0])
    True
    """
    levels, which = distinct(levels)
    minds = _optimizers(env, weights)
    if env.tables.bequest is not None:
        return _optimum_of_chain(env, levels, minds, which)
    best = np.zeros((len(levels.start), len(weights)))
    groups = batch_groups(env, minds)
    lane = np.arange(LANES)

    # An optimum is a plan of depth T without discount or instinct: the same kernels compute it.
    def run_pairs(found: Pairs, group: BatchGroup, batch: Batch, space: Workspace) -> None:
        last, _ = plan_pairs(group, batch, found, space)
        (mind, level), t = found.split(batch), env.tables
        at_birth = space.value[last][t.start_x, levels.start[level][:, None], lane[:, None]]
        used = mind >= 0
        best[level[used], mind[used]] = weighted_sum(at_birth, t.start_p)[used]

    def run(group: BatchGroup, batch: Batch, i: int, level: Level, space: Workspace) -> None:
        plan = space.plan(group.tables.arrivals)
        last = plan_values(group, batch.lanes, level, plan, False, space)
        _at_birth(env, level, batch, space.value[last], best[i])

    found = pairs(env, minds, groups, None, False, levels)
    if found is None:
        for_each_batch(env, levels, groups, run)
    else:
        found.for_each(env, partial(run_pairs, found))
    return best[which].T


def _optimum_of_chain(
    env: Environment, levels: Levels, minds: Minds, which: NDArray[np.integer]
) -> FloatArray:
    """The largest mean reward of a life in a chain of copies, [n, L] (model 2, copies).

    An optimum of two states, the starts of a life: its values are those of an optimizer to whom
    what is left counts fully.

    Args:
        levels: the different ones; which: [L] of them each level is.
    """
    t, bequest = env.tables, env.tables.bequest
    assert bequest is not None
    groups = batch_groups(env, minds)

    def births(delta: FloatArray, values: FloatArray) -> FloatArray:
        worth = np.broadcast_to(bequest.relatedness * delta, len(minds.depth))

        def run(group: BatchGroup, batch: Batch, i: int, level: Level, space: Workspace) -> None:
            group, lanes = counting_copies(group, batch.lanes)
            lanes.weights[-1] = worth[batch.mind]
            plan = space.plan(group.tables.arrivals)
            last = plan_values(group, lanes, level, plan, False, space)
            used = batch.mind >= 0
            values[:, i, batch.mind[used]] = births_of(group, level, space.value[last])[:, used]

        for_each_batch(env, levels, groups, run)
        return values[:, which].mean(axis=1)

    values = np.zeros((2, len(levels.start), len(minds.depth)))
    delta = fixed_point(lambda delta: births(delta, values))
    drawn = (1.0 - bequest.relatedness) * bequest.drawn(t.start_x, t.start_p)
    return (values[0, which] + drawn * delta).T


def _at_birth(
    env: Environment, level: Level, batch: Batch, value: NDArray[np.float32], out: FloatArray
) -> None:
    """out[mind] = the expected value [n_x, C, LANES] of the state at birth, of minds on lanes."""
    t = env.tables
    expected = weighted_sum(value[t.start_x, level.start].T, t.start_p)
    used = batch.mind >= 0
    out[batch.mind[used]] = expected[used]


def _optimizers(env: Environment, weights: FloatArray) -> Minds:
    """Minds that see every variable and plan, undiscounted, for as long as a life can last."""
    all_senses = (1 << len(env.hidden)) - 1
    return Minds.of(weights, depth=env.lifetime, patience=1.0, senses=all_senses)


def followed(
    env: Environment, levels: Levels, optimized: FloatArray, rewarded: FloatArray
) -> FloatArray:
    """The expected sum of one reward over a lifetime in which another is optimized (model 4).

    As :func:`optimum`, by backward induction in float32: at every age one of the actions that are
    best for the first reward is taken, each with the same probability.

    Args:
        env: the environment.
        levels: L levels of it.
        optimized, rewarded: [n, F] weight of each feature.

    Returns:
        [n, L], in units of the second reward.

    >>> import numpy as np
    >>> from evosim import core, scenario, world
    >>> read = scenario.load("foraging")
    >>> name = "corridors"
    >>> env, levels = world.environment(read, name), world.draw_levels(read, name, [7])
    >>> payoff = np.zeros((1, env.phi.shape[1]))
    >>> payoff[0, env.paid] = 1.0
    >>> bool(core.followed(env, levels, payoff, payoff) == core.optimum(env, levels, payoff))
    True
    """
    levels, which = distinct(levels)
    minds, others = _optimizers(env, optimized), _optimizers(env, rewarded)
    found = np.zeros((len(levels.start), len(optimized)))

    def run(group: BatchGroup, batch: Batch, i: int, level: Level, space: Workspace) -> None:
        assert space.second is not None
        arrivals = group.tables.arrivals
        plan, other = space.plan(arrivals), space.second.plan(arrivals)
        # An idle lane's row of -1 is the last mind, as good as any.
        other_lanes = lanes_of(others, batch.mind)
        prepare_values(group, batch.lanes, level, plan, False, space)
        prepare_values(group, other_lanes, level, other, False, space.second)
        if (local := group.tables.local) is not None:
            last = follow_local(
                local.arrays, local.on(*level), batch.lanes, plan, space.middle, other_lanes, other,
                space.second.middle, env.lifetime, space.best, space.scents[0],
            )  # fmt: skip
        else:
            last = follow(
                *group.plan_tables, *level, *batch.lanes, *plan, *other, env.lifetime, space.best
            )
        _at_birth(env, level, batch, other.value[last], found[i])

    for_each_batch(env, levels, batch_groups(env, minds), run, plans=2)
    return found[which].T


def policies(
    env: Environment,
    levels: Levels,
    minds: Minds,
    believes: Environment | None = None,
    instinct: bool = True,
) -> FloatArray:
    """Probabilities of the actions at every state, for small worlds (model 2, planner).

    Args:
        env, levels, minds, believes, instinct: as for :func:`expectation`.

    Returns:
        [n, L, n_x, C, A]; states at which no life can be (a variable at a fatal value) hold NaN.

    >>> from evosim import core, mind, rng, scenario, world
    >>> read = scenario.load("foraging")
    >>> name = "corridors"
    >>> env, levels = world.environment(read, name), world.draw_levels(read, name, [7])
    >>> genomes = mind.initial(read, 2, rng.key(1, rng.Purpose.INITIAL))
    >>> core.policies(env, levels, mind.express(read, genomes)).shape[-2:] == (
    ...     env.n_cells, env.n_actions)
    True
    """
    n, n_levels = len(minds.depth), len(levels.start)
    if minds.only_do:
        given = policies_of(env, levels, minds)
        given[:, :, env.tables.dead.astype(bool)] = np.nan
        return np.asarray(given / given.sum(-1, keepdims=True))
    weights = np.zeros((n_levels, n, env.n_x, env.n_cells, env.n_actions))

    def run(group: BatchGroup, batch: Batch, i: int, level: Level, space: Workspace) -> None:
        policy = plan_policy(group, batch, level, instinct, space)
        observed = policy.observed
        for lane, mind in enumerate(batch.mind):
            if mind >= 0 and policy.soft:
                weights[i, mind] = policy.boltzmann[observed, :, :, lane]
            elif mind >= 0:
                bits = policy.greedy[observed, :, lane, None]
                weights[i, mind] = bits >> np.arange(env.n_actions) & 1

    for_each_batch(env, levels, batch_groups(env, minds, believes, everywhere=True), run)
    weights[:, :, env.tables.dead.astype(bool)] = np.nan
    return weights.swapaxes(0, 1) / weights.swapaxes(0, 1).sum(-1, keepdims=True)
